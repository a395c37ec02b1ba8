package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

var powerLosses = flag.Int("power-losses", 100, "power losses of each TestPowerLoss; a tenth of them with -short")

// These tests fail the power of the machine on which the real program runs. They run it once under
// strace, which records what it does to its files, and what it says and when. Package disktest
// makes up what a loss at some moment of that leaves. Whether it keeps the promises is found out by
// the functions that the program itself would use, or by running it again.

// recording is what a program did to the files in its directory, and what it said meanwhile.
type recording struct {
	disk  *disktest.Disk
	begin int // the moment at which it was started
	said  []said
}

// said is something that a program has written elsewhere than to its files.
type said struct {
	at         int // the moment: whoever heard it may have heard it before all that follows
	descriptor int
	text       string
}

// record records what a program does that run starts, and waits for.
func record(t *testing.T, cmd *exec.Cmd, run func(*exec.Cmd)) *recording {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("strace is not installed: .ci/run should have done so")
		}
		t.Skip("strace is not installed")
	}
	dir, err := filepath.EvalSymlinks(cmd.Dir)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := disktest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{disk: disk, begin: disk.Now()}
	calls := filepath.Join(t.TempDir(), "calls")
	watched := disktest.Watched(cmd, calls)
	defer func() {
		if watched.Process != nil {
			syscall.Kill(-watched.Process.Pid, syscall.SIGKILL)
		}
	}()
	run(watched)
	file, err := os.Open(calls)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	err = disk.ReadRecord(file, dir, func(descriptor int, data []byte) {
		r.said = append(r.said, said{disk.Now(), descriptor, string(data)})
	})
	if err != nil {
		t.Fatal(err)
	}
	r.agrees(t, dir)
	return r
}

// agrees holds what was recorded against what there is.
func (r *recording) agrees(t *testing.T, dir string) {
	t.Helper()
	now, err := disktest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, got := now.Contents(now.Now()), r.disk.Contents(r.disk.Now())
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("there is %s, of which the record does not know", path)
		}
	}
	for path := range got {
		// The index of a log is memory that processes share, and is made anew.
		if data, ok := want[path]; !ok || !strings.HasSuffix(path, "-shm") && !bytes.Equal(data, got[path]) {
			t.Errorf("by the record there is %s with %d bytes; there are %d, %v", path, len(got[path]), len(data), ok)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// runs is a run of a program to its end, which must be good.
func runs(t *testing.T) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		t.Helper()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
}

// recordProgram records a run of a program to its end, which must be good.
func recordProgram(t *testing.T, dir string, words ...string) *recording {
	t.Helper()
	return record(t, program(dir, words...), runs(t))
}

// recordService records a service from its start to a stop, and what is done meanwhile.
func recordService(t *testing.T, dir string, meanwhile func(*service)) *recording {
	t.Helper()
	return record(t, program(dir, "carillon", "serve"), func(cmd *exec.Cmd) {
		s, err := startCommand(cmd, "")
		if err != nil {
			t.Fatal(err)
		}
		meanwhile(s)
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil { // strace does not heed it
			t.Fatal(err)
		}
		if err := s.end(syscall.Signal(0)); err != nil {
			t.Fatalf("carillon serve ended with %v\n%s", err, s.complaints())
		}
	})
}

// when returns the moment at which a text was complete that was written to a descriptor.
func (r *recording) when(t *testing.T, descriptor int, text string) int {
	t.Helper()
	all := ""
	for _, s := range r.said {
		if s.descriptor == descriptor {
			if all += s.text; strings.Contains(all, text) {
				return s.at
			}
		}
	}
	t.Fatalf("nothing was said with %q in it, but %q", text, all)
	return 0
}

// end is the moment after all of the recording.
func (r *recording) end() int { return r.disk.Now() }

// loses makes up losses of power, and has checked what each leaves in a directory, at a moment with
// some luck. One in 50 is to be checked by running the real program.
func (r *recording) loses(t *testing.T, losses int, check func(dir string, moment int, luck *rand.Rand, really bool)) {
	t.Helper()
	if testing.Short() {
		losses /= 10
	}
	dir := disktest.InMemory(t)
	for seed := range losses {
		luck := rand.New(rand.NewPCG(uint64(seed), 0))
		moment := r.begin + luck.IntN(r.end()-r.begin+1)
		if luck.IntN(10) == 0 { // the end of a run is the beginning of a long time
			moment = r.end()
		}
		if err := r.disk.AfterPowerLoss(moment, luck).Write(dir); err != nil {
			t.Fatal(err)
		}
		check(dir, moment, luck, seed%50 == 0)
		if t.Failed() {
			t.Fatalf("loss %d, after %d of %d events", seed, moment-r.begin, r.end()-r.begin)
		}
	}
	t.Logf("%d losses of power survived, at %d moments", losses, r.end()-r.begin+1)
}

var printedKey = regexp.MustCompile(`(?m)^export AWS_ACCESS_KEY_ID=(\w+)$`)

// startsAgain starts a service in the directory of one that was killed, and had printed this.
func startsAgain(t *testing.T, dir, printed string) {
	t.Helper()
	s := serving(t, dir)
	key := s.env["AWS_ACCESS_KEY_ID"]
	if m := printedKey.FindStringSubmatch(printed); m != nil && m[1] != key {
		t.Errorf("the key %s was printed, the root key is %q", m[1], key)
	}
	r, err := http.NewRequest("GET", s.url+"/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, "", func(name string) string { return s.env[name] })
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a request with the root key: got %s, want 200\n%s", resp.Status, s.complaints())
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("carillon serve ended with %v", err)
	}
}

// openKeys opens the access keys in a data directory as a service does, and returns the root key.
func openKeys(t *testing.T, data string) (key directory.Key, change directory.RootChange, err error) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		return key, 0, err
	}
	defer st.Close()
	sealer, err := seal.FromFile(t.Context(), st, filepath.Join(data, "secret.key"))
	if err != nil {
		return key, 0, err
	}
	keys := directory.NewKeys(st, sealer, directory.Options{})
	return keys.EnsureRootKey(t.Context(), "111122223333", "", "", nil)
}

// Whenever the power fails during a first start, the next start works. What was printed is the root
// key then.
func TestPowerLoss_FirstStart(t *testing.T) {
	t.Parallel()
	r := recordService(t, t.TempDir(), func(*service) {})
	const lines = "carillon-data/root-key.sh"
	printed := string(r.disk.Contents(r.end())[lines])
	told := r.when(t, 1, printed)
	if !printedKey.MatchString(printed) || !strings.HasSuffix(printed, "\nexport AWS_REGION=us-east-1\n") {
		t.Fatalf("%s is %q", lines, printed)
	}
	r.loses(t, *powerLosses, func(dir string, moment int, luck *rand.Rand, really bool) {
		data := filepath.Join(dir, "carillon-data")
		heard := ""
		if told <= moment {
			heard = printed
		}
		saved, err := os.ReadFile(filepath.Join(dir, lines))
		if err != nil && (heard != "" || !errors.Is(err, os.ErrNotExist)) || err == nil && string(saved) != printed {
			t.Errorf("%s: %v, %q", lines, err, saved)
		}
		if _, err := seal.ReadFile(filepath.Join(data, "secret.key"), nil); err != nil && (heard != "" || !errors.Is(err, os.ErrNotExist)) {
			t.Error(err)
		}
		if really {
			startsAgain(t, dir, heard)
			return
		}
		key, change, err := openKeys(t, data)
		switch {
		case err != nil:
			t.Error(err)
		case change == directory.RootUnchanged && !strings.Contains(string(saved), key.Secret):
			t.Errorf("the root key is %s, of which %s says nothing", key.ID, lines)
		case change != directory.RootUnchanged && heard != "":
			t.Errorf("a root key was printed, and now there is another one")
		}
	})
}

// userService is a service of one account, in which licenses change and PINs are reset. Its users
// can be made to be as they were.
type userService struct {
	url string

	mu    sync.Mutex
	users []*listedUser
	calls map[string]int // that changed something, by user, since the users were set
}

type listedUser struct{ UserId, PrimaryEmail, LicenseType, UserType, UserRegistrationStatus string }

func newUserService(t *testing.T, users int) *userService {
	t.Helper()
	u := &userService{}
	for i := range users {
		u.users = append(u.users, &listedUser{fmt.Sprintf("id-%03d", i), fmt.Sprintf("p%03d@example.com", i), "Pro", "PrivateUser", "Registered"})
	}
	u.set(nil)
	s := httptest.NewServer(u)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	u.url = s.URL
	return u
}

func (u *userService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var body struct{ UpdateUserRequestItems []listedUser }
	switch {
	case strings.HasPrefix(r.URL.Path, "/carillon/"): // it knows no jobs
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		json.NewEncoder(w).Encode(map[string]any{"Users": u.users})
	case r.URL.Query().Get("operation") == "reset-personal-pin":
		u.calls[path.Base(r.URL.Path)]++
		io.WriteString(w, `{"User": {}}`)
	default:
		json.NewDecoder(r.Body).Decode(&body)
		for _, item := range body.UpdateUserRequestItems {
			u.calls[item.UserId]++
			u.find(item.UserId).LicenseType = item.LicenseType
		}
		io.WriteString(w, `{"UserErrors": []}`)
	}
}

func (u *userService) find(id string) *listedUser {
	return u.users[slices.IndexFunc(u.users, func(l *listedUser) bool { return l.UserId == id })]
}

// set gives some users these licenses, and all others the usual one.
func (u *userService) set(licenses map[string]string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls = map[string]int{}
	for _, l := range u.users {
		l.LicenseType = cmp.Or(licenses[l.UserId], "Pro")
	}
}

// licenses are those of all users.
func (u *userService) licenses() map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := map[string]string{}
	for _, l := range u.users {
		all[l.UserId] = l.LicenseType
	}
	return all
}

// bulkJob is a recording of a job on a service that goes on while the machine of the job fails.
type bulkJob struct {
	*recording
	service *userService
	before  map[string]string // licenses at its beginning
	to      string            // license; empty: PINs are reset
	ledger  string
	calls   []bulkCall
}

// bulkCall is a call that changes users.
type bulkCall struct {
	at       int // the moment at which it may have been sent
	answered int // the moment since which it has certainly been answered
	users    []string
}

var calledUser = regexp.MustCompile(`id-[0-9]{3}`)

// recordJob records a command of carillon bulk.
func recordJob(t *testing.T, u *userService, dir, ledger, to string, words ...string) *bulkJob {
	t.Helper()
	j := &bulkJob{service: u, before: u.licenses(), to: to, ledger: ledger}
	cmd := program(dir, append([]string{"carillon", "bulk"}, words...)...)
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_CHIME="+u.url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1")
	j.recording = record(t, cmd, runs(t))
	latest := map[int]int{} // call on each connection, counted from 1
	for _, s := range j.said {
		if s.descriptor < 3 {
			continue
		}
		if n := latest[s.descriptor]; n > 0 { // a connection is used again when it has answered
			j.calls[n-1].answered = min(j.calls[n-1].answered, s.at)
		}
		if users := calledUser.FindAllString(s.text, -1); users != nil {
			j.calls = append(j.calls, bulkCall{s.at, j.end(), users})
			latest[s.descriptor] = len(j.calls)
		}
	}
	return j
}

// survives checks what is left of the ledger after a loss, and goes on with the job.
func (j *bulkJob) survives(t *testing.T, dir string, moment int, luck *rand.Rand, really bool) {
	t.Helper()
	path := filepath.Join(dir, j.ledger)
	sent := map[string]bool{}
	for _, c := range j.calls {
		for _, id := range c.users {
			sent[id] = sent[id] || c.at <= moment
		}
	}
	l, err := bulk.ReadLedger(path)
	if err != nil {
		if !strings.Contains(err.Error(), "no such file") && !strings.Contains(err.Error(), "so no call was made: start the job again") {
			t.Errorf("reading the ledger: %v", err)
		}
		for id, is := range sent {
			if is {
				t.Fatalf("a call for %s was sent, and the ledger cannot be read: %v", id, err)
			}
		}
		return
	}
	was := map[string]bulk.Status{}
	for _, r := range l.Rows {
		was[r.User] = r.Status
		if sent[r.User] && r.Status == bulk.Planned {
			t.Errorf("a call for %s was sent, of which the ledger says nothing", r.User)
		}
	}
	if moment == j.end() && l.Count(bulk.Done) < len(l.Rows) {
		t.Errorf("the job has told its end, and of %d rows %d are done", len(l.Rows), l.Count(bulk.Done))
	}

	if !really && luck.IntN(4) > 0 { // going on takes five times as long
		return
	}
	licenses := maps.Clone(j.before)
	for _, c := range j.calls {
		doubtful := c.answered > moment && was[c.users[0]] != bulk.Done
		if c.at <= moment && (!doubtful || luck.IntN(2) == 0) {
			for _, id := range c.users {
				licenses[id] = cmp.Or(j.to, licenses[id])
			}
		}
	}
	j.service.set(licenses)
	j.resume(t, path, really)
	if l, err = bulk.ReadLedger(path); err != nil {
		t.Fatalf("reading the ledger after the end: %v", err)
	}
	is := j.service.licenses()
	for _, r := range l.Rows {
		switch {
		case r.Status != bulk.Done && r.Status != bulk.Skipped && (j.to != "" || was[r.User] != bulk.Sent):
			t.Errorf("%s ended as %s: %s", r.User, r.Status, r.Message)
		case j.to != "" && is[r.User] != j.to:
			t.Errorf("%s is %s and has the license %s", r.User, r.Status, is[r.User])
		case j.service.calls[r.User] > 0 && (was[r.User] == bulk.Done || j.to == "" && sent[r.User]):
			t.Errorf("%s was %s, and was sent again", r.User, was[r.User])
		}
	}
}

// resume goes on with a job to its end.
func (j *bulkJob) resume(t *testing.T, path string, really bool) {
	t.Helper()
	if really {
		cmd := program(filepath.Dir(path), "carillon", "bulk", "resume", "--yes", path)
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL_CHIME="+j.service.url)
		if code, out := exit(cmd); code != 0 && (j.to != "" || code != 1) { // a PIN may be in doubt
			t.Fatalf("resume ended with exit code %d\n%s", code, out)
		}
		return
	}
	l, err := bulk.OpenLedger(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := bulk.Open(bulk.Config{
		Client:  client.Config{Endpoint: j.service.url, Region: "us-east-1", Service: chime.Service, Credentials: &client.Credentials{AccessKey: "a", SecretKey: "s"}},
		Account: l.Account, Job: l.Job,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err = a.Resume(t.Context(), l); err == nil {
		_, err = a.Run(t.Context(), l, bulk.RunOptions{})
	}
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatalf("going on: %v", err)
	}
}

// Whenever the power of a machine fails that runs a job, the job can be gone on with to its end.
// The ledger knows of each call that was sent, and no row is sent again that was done.
func TestPowerLoss_Bulk(t *testing.T) {
	t.Parallel()
	const users = 200 // two blocks of calls, of which each is recorded at once
	all := []string{"--yes", "--account-id", anyAccount, "--all", "--parallel", "1", "--ledger", "l.jsonl"}
	update := append([]string{"apply", "--set", "LicenseType=Basic"}, all...)
	resume := []string{"resume", "--yes", "--parallel", "1", "l.jsonl"}

	t.Run("apply", func(t *testing.T) {
		t.Parallel()
		j := recordJob(t, newUserService(t, users), t.TempDir(), "l.jsonl", "Basic", update...)
		j.loses(t, *powerLosses, func(dir string, moment int, luck *rand.Rand, really bool) { j.survives(t, dir, moment, luck, really) })
	})
	t.Run("rollback", func(t *testing.T) {
		t.Parallel()
		u, dir := newUserService(t, users), t.TempDir()
		recordJob(t, u, dir, "l.jsonl", "Basic", update...)
		j := recordJob(t, u, dir, "back.jsonl", "Pro", "rollback", "--yes", "--parallel", "1", "--ledger", "back.jsonl", "l.jsonl")
		j.loses(t, *powerLosses, func(dir string, moment int, luck *rand.Rand, really bool) { j.survives(t, dir, moment, luck, really) })
	})
	t.Run("reset-pin", func(t *testing.T) {
		t.Parallel()
		j := recordJob(t, newUserService(t, 40), t.TempDir(), "l.jsonl", "", append([]string{"reset-pin"}, all...)...)
		j.loses(t, *powerLosses, func(dir string, moment int, luck *rand.Rand, really bool) { j.survives(t, dir, moment, luck, really) })
	})
	// The power fails once more, while the job is gone on with.
	t.Run("resume", func(t *testing.T) {
		t.Parallel()
		u := newUserService(t, users)
		first := recordJob(t, u, t.TempDir(), "l.jsonl", "Basic", update...)
		for seed := range min(20, max(2, *powerLosses/100)) {
			luck := rand.New(rand.NewPCG(uint64(seed), 1))
			dir := t.TempDir()
			halfway := first.calls[luck.IntN(len(first.calls)/2)].at + luck.IntN(3)
			if err := first.disk.AfterPowerLoss(halfway, luck).Write(dir); err != nil {
				t.Fatal(err)
			}
			licenses := map[string]string{}
			for _, c := range first.calls {
				for _, id := range c.users {
					if c.at <= halfway {
						licenses[id] = "Basic"
					}
				}
			}
			u.set(licenses)
			j := recordJob(t, u, dir, "l.jsonl", "Basic", resume...)
			j.loses(t, *powerLosses/2, func(dir string, moment int, luck *rand.Rand, really bool) { j.survives(t, dir, moment, luck, really) })
		}
	})
}

// filled is a directory in which a service has served, with users of one account.
func filled(t *testing.T) (dir string, root directory.Key) {
	t.Helper()
	dir = t.TempDir()
	s := serving(t, dir)
	c := &crashClient{name: "client"}
	c.connect(t, s)
	c.createUsers(t)
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	root, _, err := openKeys(t, filepath.Join(dir, "carillon-data"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, root
}

// wantData wants the users and the root key of filled in a data directory.
func wantData(t *testing.T, data, keyFile string, root directory.Key) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer st.Close()
	seats, err := st.Seats(t.Context())
	if users := seats["Pro"]; err != nil || users != batchSize {
		t.Errorf("%s has %d users, %v; want %d", data, users, err, batchSize)
	}
	sealer, err := seal.FromFile(t.Context(), st, keyFile)
	if err != nil {
		t.Error(err)
		return
	}
	key, _, err := directory.NewKeys(st, sealer, directory.Options{}).EnsureRootKey(t.Context(), "111122223333", "", "", nil)
	if err != nil || key.ID != root.ID || key.Secret != root.Secret {
		t.Errorf("%s has the root key %s, %v; want %s", data, key.ID, err, root.ID)
	}
}

// Whenever the power fails during a backup, there is none, or a whole one, and the database is as
// it was. A backup of which the program has told is there.
func TestPowerLoss_Backup(t *testing.T) {
	t.Parallel()
	dir, root := filled(t)
	r := recordProgram(t, dir, "carillon", "backup", "saved")
	told, whole := r.when(t, 1, "saved 20 users"), r.disk.Contents(r.end())["saved"]
	r.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, really bool) {
		got, err := os.ReadFile(filepath.Join(dir, "saved"))
		switch missing := errors.Is(err, os.ErrNotExist); {
		case missing && told <= moment, !missing && err != nil, !missing && !bytes.Equal(got, whole):
			t.Errorf("the backup of %d bytes: %d bytes, %v", len(whole), len(got), err)
		case really && missing:
			runs(t)(program(dir, "carillon", "backup", "saved"))
		}
		wantData(t, filepath.Join(dir, "carillon-data"), filepath.Join(dir, "carillon-data", "secret.key"), root)
	})
}

// Whenever the power fails while a backup is restored, all of it is there, or it can be restored
// once more.
func TestPowerLoss_Restore(t *testing.T) {
	t.Parallel()
	former, root := filled(t)
	runs(t)(program(former, "carillon", "backup", "saved"))
	dir := t.TempDir()
	for name, from := range map[string]string{"saved": "saved", "key": "carillon-data/secret.key"} {
		data, err := os.ReadFile(filepath.Join(former, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	restore := []string{"carillon", "restore", "saved", "--data", "some/where", "--secret-key-file", "key"}
	r := recordProgram(t, dir, restore...)
	told := r.when(t, 1, "restored 20 users")
	r.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, really bool) {
		data, key := filepath.Join(dir, "some", "where"), filepath.Join(dir, "key")
		err := sqlite.Vacant(data)
		switch {
		case err != nil && !errors.Is(err, os.ErrExist):
			t.Error(err)
		case err == nil && told <= moment:
			t.Error("what was restored is not there")
		case err == nil && really:
			runs(t)(program(dir, restore...))
		case err == nil:
			b, err := sqlite.ReadBackup(t.Context(), filepath.Join(dir, "saved"))
			if err == nil {
				err = b.Check(t.Context(), key)
			}
			if err == nil {
				err = b.Restore(t.Context(), data)
			}
			if err != nil {
				t.Error(err)
			}
		}
		wantData(t, data, key, root)
	})
}

// Whenever the power fails while the secret key is replaced, what is in the file opens the access
// keys, and once the program has told of it the former key does not.
func TestPowerLoss_RotateSecret(t *testing.T) {
	t.Parallel()
	dir, root := filled(t)
	const keyFile = "carillon-data/secret.key"
	former, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	r := recordProgram(t, dir, "carillon", "key", "rotate-secret")
	told := r.when(t, 1, "a new secret key encrypts 1 access key")
	r.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, really bool) {
		data := filepath.Join(dir, "carillon-data")
		if really {
			startsAgain(t, dir, "export AWS_ACCESS_KEY_ID="+root.ID+"\n")
		}
		wantData(t, data, filepath.Join(dir, keyFile), root)
		if told > moment {
			return
		}
		if err := os.WriteFile(filepath.Join(dir, keyFile), former, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openKeys(t, data); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("with the former secret key: %v, want %v", err, seal.ErrWrongKey)
		}
	})
}

// Whenever the power fails while a key is made with a profile, the files of profiles are whole. A
// key of which the program has told is in them and in the directory.
func TestPowerLoss_KeyCreate(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	create := func(name string) []string {
		return []string{"carillon", "key", "create", "--name", name, "--policy", "AmazonChimeReadOnly", "--write-profile", name, "--endpoint-url", "http://127.0.0.1"}
	}
	for _, name := range []string{"first", "second"} { // the first one makes the files
		r := recordProgram(t, dir, create(name)...)
		told, before, after := r.when(t, 2, "is in the new profile "+name), r.disk.Contents(r.begin), r.disk.Contents(r.end())
		id := regexp.MustCompile(`(?s)\[` + name + `\].*?(AKIA\w+)`).FindSubmatch(after[".aws/credentials"])
		if id == nil {
			t.Fatalf("the profile is not in %q", after[".aws/credentials"])
		}
		r.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, _ bool) {
			for _, file := range []string{".aws/config", ".aws/credentials"} {
				wholeFile(t, dir, file, before, after, told <= moment)
			}
			if told > moment {
				return
			}
			st, err := sqlite.Open(t.Context(), filepath.Join(dir, "carillon-data"), sqlite.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer st.Close()
			if _, err := st.AccessKey(t.Context(), string(id[1])); err != nil {
				t.Errorf("the access key of the profile: %v", err)
			}
		})
	}
}

// wholeFile wants a file as it was, or as it is to be. It must be as it is to be if somebody was
// told of it.
func wholeFile(t *testing.T, dir, path string, before, after disktest.Files, told bool) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, path))
	former, was := before[path]
	switch {
	case err == nil && bytes.Equal(got, after[path]):
	case told, err == nil && !bytes.Equal(got, former), err != nil && (was || !errors.Is(err, os.ErrNotExist)):
		t.Errorf("%s: %v, %d bytes; want %d, or %d as before (%v)", path, err, len(got), len(after[path]), len(former), was)
	}
}

// Whenever the power fails while a file is written that -o names, the former file is there, or the
// new one; and that one is there once the program has ended.
func TestPowerLoss_Output(t *testing.T) {
	t.Parallel()
	u := newUserService(t, 400)
	dir := t.TempDir()
	for _, words := range [][]string{
		{"export", "--account-id", anyAccount, "-o", "out"},
		{"plan", "--account-id", anyAccount, "--all", "--set", "LicenseType=Basic", "-o", "out"},
	} {
		j := recordJob(t, u, dir, "", "", words...)
		before, after := j.disk.Contents(j.begin), j.disk.Contents(j.end())
		j.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, _ bool) {
			wholeFile(t, dir, "out", before, after, moment == j.end())
		})
	}
}

// visitor is somebody who has signed in to the console of a service.
type visitor struct {
	t       *testing.T
	url     string
	browser http.Client
}

func visit(t *testing.T, s *service) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, url: s.url + "/console/ui", browser: http.Client{Jar: jar}}
	v.post("/sign-in", url.Values{"key": {s.env["AWS_ACCESS_KEY_ID"]}, "secret": {s.env["AWS_SECRET_ACCESS_KEY"]}})
	return v
}

// ask returns the path of the page that the visitor comes to, and its text.
func (v *visitor) ask(method, path, kind string, body io.Reader) (at, text string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := v.browser.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %s: %s, %v\n%.2000s", method, path, resp.Status, err, page)
	}
	return strings.TrimPrefix(resp.Request.URL.RequestURI(), "/console/ui"), string(page)
}

func (v *visitor) post(path string, form url.Values) (at string) {
	v.t.Helper()
	at, _ = v.ask("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	return at
}

// stands waits until a page of a plan or a job stands still, and returns it.
func (v *visitor) stands(path string) (at, text string) {
	v.t.Helper()
	page, _, _ := strings.Cut(path, "?")
	for over := false; !over; { // a stream may end before
		resp, err := v.browser.Get(v.url + page + "/events")
		if err != nil {
			v.t.Fatal(err)
		}
		events, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			v.t.Fatal(err)
		}
		over = resp.StatusCode != http.StatusOK || bytes.Contains(events, []byte("event: over"))
	}
	return v.ask("GET", path, "", nil)
}

// gives gives all users of an account another license, and returns the id of the job.
func (v *visitor) gives(account, license string, users int) (job string) {
	v.t.Helper()
	plan := v.post("/accounts/"+account+"/users", url.Values{"which": {"all"}, "do": {"LicenseType=" + license}})
	v.stands(plan)
	page := v.post(strings.Split(plan, "?")[0]+"/apply", url.Values{"changes": {fmt.Sprint(users)}})
	if strings.Contains(page, "/plans/") { // users are read again
		page, _ = v.stands(page)
	}
	page, text := v.stands(page)
	job, ok := strings.CutPrefix(page, "/jobs/")
	if !ok || !strings.Contains(text, "Finished") {
		v.t.Fatalf("the job led to %s\n%.2000s", page, text)
	}
	return job
}

// Whenever the power of a service fails that runs a job of the console, the ledger knows of each
// change that the directory has, the directory has each change that the ledger knows to be done,
// and the next service goes on with the job.
func TestPowerLoss_ConsoleJob(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	const users = 100
	c, job := &crashClient{name: "job"}, ""
	r := recordService(t, dir, func(s *service) {
		c.connect(t, s)
		c.createUsers(t)
		for n := batchSize; n < users; n += batchSize {
			emails := make([]any, batchSize)
			for i := range emails {
				emails[i] = fmt.Sprintf("user%d@job.example.com", n+i)
			}
			if _, err := c.call("InviteUsers", document.Member{Key: "AccountId", Value: c.account}, document.Member{Key: "UserEmailList", Value: emails}); err != nil {
				t.Fatal(err)
			}
		}
		job = visit(t, s).gives(c.account, "Basic", users)
	})
	jobs := filepath.Join("carillon-data", "jobs")
	whole := r.disk.Contents(r.end())[filepath.Join(jobs, job+".jsonl")]
	if bytes.Count(whole, []byte(`"done"`)) != users {
		t.Fatalf("the ledger of job %s is %.1000s", job, whole)
	}
	r.loses(t, *powerLosses, func(dir string, moment int, _ *rand.Rand, really bool) {
		data := filepath.Join(dir, "carillon-data")
		l, err := bulk.ReadLedger(filepath.Join(dir, jobs, job+".jsonl"))
		if err != nil && !strings.Contains(err.Error(), "no such file") && !strings.Contains(err.Error(), "so no call was made: start the job again") {
			t.Errorf("reading the ledger: %v", err)
		}
		status := map[string]bulk.Status{}
		if err == nil {
			for _, row := range l.Rows {
				status[row.User] = row.Status
			}
		}
		if moment == r.end() && (err != nil || l.Count(bulk.Done) != users) {
			t.Errorf("the job has ended, and its ledger is not whole: %v", err)
		}
		changed := changedUsers(t, data, c.account)
		for id, is := range changed {
			switch {
			case is && (status[id] == "" || status[id] == bulk.Planned):
				t.Errorf("user %s is changed, of which the ledger says %q, %v", id, status[id], err)
			case !is && status[id] == bulk.Done:
				t.Errorf("user %s is done by the ledger, and is not changed", id)
			}
		}
		if !really || err != nil {
			return
		}
		s := serving(t, dir)
		v := visit(t, s)
		if l.Unfinished() > 0 {
			v.post("/jobs/"+job+"/resume", nil)
		}
		if _, text := v.stands("/jobs/" + job); !strings.Contains(text, "Finished") {
			t.Errorf("the job has not come to its end: %.2000s", text)
		}
		if err := s.end(syscall.SIGTERM); err != nil {
			t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
		}
		for id, is := range changedUsers(t, data, c.account) {
			if !is {
				t.Errorf("the job is finished, and user %s is not changed", id)
			}
		}
	})
}

// changedUsers returns the users of an account, and whether they have the license of the job.
func changedUsers(t *testing.T, data, account string) map[string]bool {
	t.Helper()
	changed := map[string]bool{}
	st, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Error(err)
		return nil
	}
	defer st.Close()
	err = st.View(t.Context(), func(tx store.ReadTx) error {
		users, _, err := tx.ListUsers(account, store.UserFilter{}, 0, 1000)
		for _, u := range users {
			changed[u.UserID] = u.License == "Basic"
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return changed
}
