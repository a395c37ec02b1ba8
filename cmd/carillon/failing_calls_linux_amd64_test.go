package main

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

var failingCalls = flag.Int("failing-calls", 6, "failures in each scenario of TestFailingCalls, and four times as many of a service; "+
	"0: each call with each of its errors, once and for good")

// A disk is full or fails under the program: one of the calls by which the program changes files
// fails, once, or all do from then on. The program says what is wrong, and nothing is lost that it
// has acknowledged, is there by half, or is in the way of doing it again.
//
// A scenario is run once without a failure, which shows the calls that there are. Then it is run
// again for each failure, on a copy of the same files.
func TestFailingCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same code in TestDiskFull")
	}
	t.Parallel()
	var failures atomic.Int64
	t.Cleanup(func() { t.Logf("%d failures were injected", failures.Load()) })
	for _, sc := range []struct {
		name  string
		site  func(*testing.T) string // makes the directory that each run gets a copy of
		run   func(*testing.T, *disk)
		share int // of the failures
	}{
		{"first start", (*testing.T).TempDir, firstStartFails, 1},
		{"serve", servedSite, serveFails, 4},
		{"backup", servedSite, backupFails, 1},
		{"restore", servedSite, restoreFails, 1},
		{"rotate-secret", servedSite, rotateFails, 1},
		{"rotate-secret of a named file", namedKeySite, rotateNamedFails, 1},
		{"key create", servedSite, keyCreateFails, 1},
		{"import", servedSite, importFails, 1},
		{"bulk export", peopleSite, exportFails, 1},
		{"bulk apply", peopleSite, applyFails, 1},
		{"bulk resume", peopleSite, resumeFails, 1},
		{"bulk retry", peopleSite, retryFails, 1},
		{"bulk rollback", peopleSite, rollbackFails, 1},
		{"console", peopleSite, consoleFails, 1},
	} {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			site := sc.site(t)
			run := func(t *testing.T, f failure) *disk {
				d := &disk{dir: filepath.Join(t.TempDir(), "files"), failure: f}
				if out, err := exec.Command("cp", "-a", site, d.dir).CombinedOutput(); err != nil {
					t.Fatalf("cp: %v\n%s", err, out)
				}
				defer func() {
					if t.Failed() {
						h := d.past()
						t.Logf("%v: %v", h.why, h.failed)
					}
				}()
				sc.run(t, d)
				return d
			}
			steps := run(t, failure{n: -1}).past().steps
			if t.Failed() {
				t.Fatal("it fails on a sound disk")
			}
			var all []failure
			for n, s := range steps {
				for which := range errnos[s.call] {
					all = append(all, failure{n, which, false}, failure{n, which, true})
				}
			}
			if some := *failingCalls; some > 0 {
				random := rand.New(rand.NewPCG(*crashSeed, 0)) // the same ones each time
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				// One of each kind of calls, then another one of each.
				kinds, turn := map[string]int{}, map[failure]int{}
				for _, f := range all {
					kind := steps[f.n].call + filepath.Ext(steps[f.n].file)
					turn[f] = kinds[kind]
					kinds[kind]++
				}
				slices.SortStableFunc(all, func(a, b failure) int { return turn[a] - turn[b] })
				all = all[:min(some*sc.share, len(all))]
			}
			var injected atomic.Int64
			t.Cleanup(func() {
				t.Logf("%d calls that can fail, %d failures injected", len(steps), injected.Load())
				failures.Add(injected.Load())
			})
			for _, f := range all {
				t.Run(fmt.Sprint(f), func(t *testing.T) {
					t.Parallel()
					if failed, _ := run(t, f).struck(); failed {
						injected.Add(1)
					}
				})
			}
		})
	}
}

// errnos are the errors that calls fail with. A file that is there can be opened on a full disk.
var errnos = map[string][]syscall.Errno{
	"openat": {syscall.ENOSPC, syscall.EIO, syscall.EMFILE}, "mkdirat": {syscall.ENOSPC, syscall.EIO},
	"linkat": {syscall.EIO, syscall.ENOSPC}, "renameat": {syscall.EIO, syscall.ENOSPC}, "unlink": {syscall.EIO}, "unlinkat": {syscall.EIO},
	"write": {syscall.ENOSPC, syscall.EIO}, "pwrite64": {syscall.ENOSPC, syscall.EIO}, "fallocate": {syscall.ENOSPC, syscall.EIO},
	"ftruncate": {syscall.EIO}, "fsync": {syscall.EIO}, "fdatasync": {syscall.EIO}, "mmap": {syscall.ENOMEM},
}

// failure is how calls fail.
type failure struct {
	n     int  // the first is the one after so many others
	which int  // of its errors
	lasts bool // all later calls fail, too, that can fail with this error
}

func (f failure) String() string {
	if f.lasts {
		return fmt.Sprintf("call %d, error %d, for good", f.n, f.which)
	}
	return fmt.Sprintf("call %d, error %d, once", f.n, f.which)
}

// disk is a directory that programs run in. What they do to the files in it fails.
type disk struct {
	dir     string
	files   string // the directory whose files fail; empty for dir
	failure failure
	env     []string

	mu      sync.Mutex
	history history // of which the tracer makes more
}

// history is what has happened on a disk.
type history struct {
	steps  []step
	why    syscall.Errno // what calls fail with, 0 before the first has failed
	failed []step        // those that have
	mended bool
}

// ask is what the tracer calls.
func (d *disk) ask(s step) error {
	if !strings.HasPrefix(s.file, cmp.Or(d.files, d.dir)) || s.file == filepath.Join(d.dir, stdout) || s.file == filepath.Join(d.dir, stderr) {
		return nil
	}
	if s.call == "openat" {
		if _, err := os.Lstat(s.file); err == nil {
			return nil
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := &d.history
	h.steps = append(h.steps, s)
	can := errnos[s.call]
	if len(h.steps)-1 == d.failure.n {
		h.why = can[d.failure.which%len(can)]
	} else if h.why == 0 || !d.failure.lasts || h.mended || !slices.Contains(can, h.why) {
		return nil
	}
	h.failed = append(h.failed, s)
	return h.why
}

// past returns what has happened up to now. The history only grows, so the copy may be read while
// it does.
func (d *disk) past() history {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.history
}

// struck reports whether a call has failed, and the failing has not been ended.
func (d *disk) struck() (failed, lasts bool) {
	h := d.past()
	return h.why != 0, h.why != 0 && d.failure.lasts && !h.mended
}

// mend lets no more calls fail.
func (d *disk) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history.mended = true
}

// program is one run of a program on the disk.
func (d *disk) program(words ...string) *exec.Cmd {
	cmd := program(d.dir, words...)
	cmd.Env = append(cmd.Env, d.env...)
	return cmd
}

// run runs a program with failing calls, and returns its exit code, -1 if it served, and what it
// has printed and said. It checks what it says of a failure.
func (d *disk) run(t *testing.T, words ...string) (code int, printed, said string) {
	t.Helper()
	cmd := d.program(words...)
	watch(t, cmd, d.ask)
	code = cmd.ProcessState.ExitCode()
	var text [2]string
	for i, name := range []string{stdout, stderr} {
		b, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
		os.Remove(filepath.Join(d.dir, name))
	}
	if strings.Contains(text[1], "panic") {
		t.Errorf("%v has panicked:\n%s", words, text[1])
	}
	if code > 0 {
		d.explained(t, text[1])
	}
	if failed, _ := d.struck(); code > 0 && !failed {
		t.Errorf("%v: exit code %d though nothing failed\n%s", words, code, text[1])
	}
	if code <= 0 {
		d.noneMissed(t)
	}
	return code, text[0], text[1]
}

// noneMissed checks, of a program that takes its work for done, that it has written all files but
// those of SQLite, which may leave to the next program what is not acknowledged yet.
func (d *disk) noneMissed(t *testing.T) {
	t.Helper()
	for _, s := range d.past().failed {
		if (s.call == "write" || s.call == "fsync") && filepath.Ext(s.file) != "" && !ofDatabase.MatchString(s.file) {
			t.Errorf("it is done, though a %s of %s has failed", s.call, s.file)
		}
	}
}

// ofDatabase matches the files of a database.
var ofDatabase = regexp.MustCompile(`(\.db|-wal|-shm|-journal)$`)

// must runs a program on a sound disk, to be successful.
func (d *disk) must(t *testing.T, words ...string) (printed string) {
	t.Helper()
	code, printed := exit(d.program(words...))
	if code != 0 {
		t.Fatalf("%v, later on a sound disk: exit code %d\n%s", words, code, printed)
	}
	return printed
}

// ofSQLite are the ends of files that belong to a database.
var ofSQLite = regexp.MustCompile(`(-wal|-shm|-journal)?$|\.partial-\d+.*`)

// explained checks that a message names the file that failed, and says what to do or at least what
// is wrong.
func (d *disk) explained(t *testing.T, message string) {
	t.Helper()
	h := d.past()
	if !slices.ContainsFunc(h.failed, func(s step) bool {
		return strings.Contains(message, ofSQLite.ReplaceAllString(filepath.Base(s.file), ""))
	}) {
		t.Errorf("the message names no file that failed (%v):\n%s", h.failed, message)
	}
	for _, advice := range []string{h.why.Error(), "the disk failed, or the file may not grow", "the disk is full, make room on it", "must be readable and writable"} {
		if strings.Contains(message, advice) {
			return
		}
	}
	t.Errorf("the message does not say what is wrong (%v):\n%s", h.why, message)
}

// Each start after one that has failed is a first start.
func firstStartFails(t *testing.T, d *disk) {
	code, printed, _ := d.run(t, "carillon", "serve")
	if code != -1 && code != 1 && code != 4 {
		t.Errorf("exit code %d, want 1 or 4", code)
	}
	startsAgain(t, d.dir, printed)
}

// served is what clients of a service know, that a kill has left behind.
type served struct {
	env   map[string]string
	crowd []*crashClient
}

// sites are the directories that servedSite has made.
var sites sync.Map

// servedSite is a directory with the data of a service that was killed, a backup of it, and what
// others need.
func servedSite(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir)
	crowd := newCrowd(t, s, 2)
	for _, c := range crowd {
		if _, err := c.batch(); err != nil {
			t.Fatal(err)
		}
		c.batches = append(c.batches, c.requestID)
	}
	for _, words := range []string{"backup reference", "key create --name old --policy AmazonChimeReadOnly --write-profile old --endpoint-url http://127.0.0.1"} {
		if code, out := exit(program(dir, append([]string{"carillon"}, strings.Fields(words)...)...)); code != 0 {
			t.Fatalf("carillon %s: exit code %d\n%s", words, code, out)
		}
	}
	s.end(os.Kill)
	site := &served{s.env, crowd}
	t.Cleanup(func() { sites.Delete(t.Name()) })
	sites.Store(t.Name(), site)
	return dir
}

// knownOf returns what is known of the site that a run of a scenario has a copy of.
func knownOf(t *testing.T) (env map[string]string, crowd []*crashClient) {
	for name := t.Name(); ; name = name[:strings.LastIndexByte(name, '/')] {
		if site, ok := sites.Load(name); ok {
			for _, c := range site.(*served).crowd {
				crowd = append(crowd, &crashClient{name: c.name, account: c.account, users: c.users, batches: slices.Clone(c.batches)})
			}
			return site.(*served).env, crowd
		}
	}
}

// people are the users of peopleSite: too many for one block of calls that a job records.
const people = 180

// peopleSite is a servedSite whose first client has an account of many users, each with the license
// Pro, and no other client.
func peopleSite(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir)
	c := &crashClient{name: "people"}
	c.connect(t, s)
	reply, err := c.call("CreateAccount", document.Member{Key: "Name", Value: c.name})
	if err != nil {
		t.Fatal(err)
	}
	c.account = member(member(reply, "Account"), "AccountId").(string)
	c.invite(t, 0, people)
	s.end(os.Kill)
	t.Cleanup(func() { sites.Delete(t.Name()) })
	sites.Store(t.Name(), &served{s.env, []*crashClient{c}})
	return dir
}

func (c *crashClient) invite(t *testing.T, from, to int) {
	t.Helper()
	var emails []any
	for i := from; i < to; i++ {
		emails = append(emails, fmt.Sprintf("person%d@example.com", i))
	}
	for some := range slices.Chunk(emails, 45) {
		if _, err := c.call("InviteUsers", document.Member{Key: "AccountId", Value: c.account}, document.Member{Key: "UserEmailList", Value: some}); err != nil {
			t.Fatal(err)
		}
	}
}

// serve starts a service with failing calls, for as long as the test runs. ended gets the error of
// the tracer.
func (d *disk) serve(t *testing.T) (s *service, cmd *exec.Cmd, ended <-chan error, err error) {
	cmd = d.program("carillon", "serve")
	s, err = startBy(func() (err error) {
		ended, err = trace(cmd, d.ask, func() bool { return false })
		return err
	}, cmd, "")
	if err == nil {
		t.Cleanup(func() { s.end(os.Kill) })
	}
	return s, cmd, ended, err
}

// A service that goes on after a kill serves some clients and is told to end.
func serveFails(t *testing.T, d *disk) {
	env, crowd := knownOf(t)
	check := func(s *service) {
		t.Helper()
		trail := readTrail(t, func() (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(d.dir, "carillon-data"), sqlite.Options{Beside: true})
		})
		for _, c := range crowd {
			c.connect(t, s)
			c.check(t, trail, 1)
		}
	}
	s, cmd, ended, err := d.serve(t)
	if err == nil {
		s.env = env
		for _, c := range crowd {
			c.connect(t, s)
		}
		d.load(t, crowd)
		failed, lasts := d.struck()
		refused := slices.ContainsFunc(crowd, func(c *crashClient) bool { return c.refused > 0 })
		if refused {
			ready := readiness(t, s)
			if !lasts && ready != http.StatusOK {
				t.Errorf("/readyz is %d after one failure, want 200", ready)
			}
			if lasts {
				_, err := crowd[0].batch()
				if (err == nil) != (ready == http.StatusOK) {
					t.Errorf("/readyz is %d, and a change ends with %v", ready, err)
				}
			}
		}
		if why := d.past().why; why == syscall.ENOSPC || why == syscall.EIO {
			for _, c := range crowd {
				c.list(t) // reading goes on
			}
		}
		signal := os.Interrupt
		switch {
		case lasts && d.failure.n%2 == 0:
			d.mend()
			if got := readiness(t, s); got != http.StatusOK {
				t.Errorf("/readyz is %d on a disk that was mended, want 200", got)
			}
			fallthrough
		case refused && !lasts:
			check(s)
			for _, c := range crowd {
				c.refused = 0
			}
			d.load(t, crowd)
			if slices.ContainsFunc(crowd, func(c *crashClient) bool { return c.refused > 0 }) {
				t.Error("changes are refused on a sound disk")
			}
		}
		if failed {
			signal = os.Kill
		}
		err = s.end(signal)
		if failed, _ := d.struck(); err != nil && signal != os.Kill && !failed {
			t.Errorf("the service ended with %v", err)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if refused {
			d.explained(t, s.complaints())
		}
		if strings.Contains(s.complaints(), "panic") {
			t.Errorf("it has panicked:\n%s", s.complaints())
		}
	} else {
		d.explained(t, err.Error())
		if code := cmd.ProcessState.ExitCode(); code != 1 && code != 4 {
			t.Errorf("it does not start: exit code %d, want 1 or 4\n%v", code, err)
		}
	}
	later := serving(t, d.dir)
	if later.env["AWS_SECRET_ACCESS_KEY"] != env["AWS_SECRET_ACCESS_KEY"] {
		t.Errorf("there is another root key")
	}
	check(later)
	if t.Failed() && s != nil {
		t.Log(s.complaints())
	}
	later.end(os.Kill)
}

// load lets clients make some batches at the same time, each until one is refused. After a sync of
// the log has failed, none is acknowledged before the log has begun again: what is in it may never
// get to the disk.
func (d *disk) load(t *testing.T, crowd []*crashClient) {
	var clients sync.WaitGroup
	for _, c := range crowd {
		clients.Go(func() {
			for range 3 {
				sent := len(d.past().steps)
				_, err := c.batch()
				if err != nil {
					c.refused++
					return
				}
				c.batches = append(c.batches, c.requestID)
				h, n := d.past(), d.failure.n
				if failed := h.why != 0 && h.failed[0].call == "fdatasync" && strings.HasSuffix(h.failed[0].file, "-wal"); failed && n < sent &&
					!slices.Contains(h.steps[n+1:], step{call: "pwrite64", file: h.failed[0].file, at: 0}) {
					t.Errorf("%s: a batch was acknowledged after a failed sync of the log, which has not begun again", c.name)
				}
			}
		})
	}
	clients.Wait()
}

func readiness(t *testing.T, s *service) int {
	t.Helper()
	resp, err := http.Get(s.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

var secretKey = filepath.Join("carillon-data", "secret.key")

// soundBackup reads a backup as `carillon restore` does.
func (d *disk) soundBackup(t *testing.T, name string) *sqlite.Backup {
	t.Helper()
	b, err := sqlite.ReadBackup(t.Context(), filepath.Join(d.dir, name))
	if err == nil {
		err = b.Check(t.Context(), filepath.Join(d.dir, secretKey))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// nothingOf checks that there are no files whose names match a pattern. It reports whether there
// are some, which is right only if they could not be removed.
func (d *disk) nothingOf(t *testing.T, pattern string) (some bool) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(d.dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	h := d.past()
	if unremovable := h.why == syscall.EIO && (d.failure.lasts || strings.HasPrefix(h.failed[0].call, "unlink")); len(left) > 0 && !unremovable {
		t.Errorf("left behind: %v", left)
	}
	return len(left) > 0
}

// done is in the message of a command that has done what it was to do, but could not record it.
const done = "it is done, but the audit trail does not tell of it"

func backupFails(t *testing.T, d *disk) {
	code, _, said := d.run(t, "carillon", "backup", "saved")
	switch code {
	case 0:
		d.soundBackup(t, "saved")
	case 1, 4:
		if strings.Contains(said, done) {
			d.soundBackup(t, "saved")
			break
		}
		d.nothingOf(t, "saved*")
	default:
		t.Errorf("exit code %d, want 0, 1 or 4", code)
	}
	d.must(t, "carillon", "backup", "again")
	got, want := d.soundBackup(t, "again").Rows, d.soundBackup(t, "reference").Rows
	got["access_keys"]-- // made since
	for name, n := range want {
		if got[name] < n {
			t.Errorf("then %d rows of %s are saved, want %d", got[name], name, n)
		}
	}
}

func restoreFails(t *testing.T, d *disk) {
	words := []string{"carillon", "restore", "reference", "--data", "new", "--secret-key-file", secretKey}
	code, _, said := d.run(t, words...)
	switch code {
	case 0:
	case 1, 4:
		if strings.Contains(said, done) {
			break
		}
		d.nothingOf(t, "new/carillon.db.partial-*")
		if !d.nothingOf(t, "new/carillon.db") {
			d.must(t, words...)
		}
	default:
		t.Errorf("exit code %d, want 0, 1 or 4", code)
	}
	// The backup of what was restored has the same rows, and one more in the trail at the most.
	d.must(t, "carillon", "backup", "again", "--data", "new", "--secret-key-file", secretKey)
	got, want := d.soundBackup(t, "again").Rows, d.soundBackup(t, "reference").Rows
	if got["audit"] == want["audit"]+1 {
		got["audit"]--
	}
	if !maps.Equal(got, want) {
		t.Errorf("got rows %v, want %v", got, want)
	}
}

// rotates runs commands of a rotation in turn, up to one that fails; then they are run again.
func (d *disk) rotates(t *testing.T, keyFile string, commands ...string) {
	env, _ := knownOf(t)
	words := func(command string) []string { return append([]string{"carillon", "key"}, strings.Fields(command)...) }
	works := func() {
		t.Helper()
		s := serving(t, d.dir, "--secret-key-file", keyFile)
		s.env = env
		c := &crashClient{name: "somebody"}
		c.connect(t, s)
		if _, err := c.call("ListAccounts"); err != nil {
			t.Errorf("a request with the root key: %v", err)
		}
		s.end(os.Kill)
	}
	for _, command := range commands {
		if code, _, _ := d.run(t, words(command)...); code != 0 {
			if code != 1 && code != 4 {
				t.Errorf("%s: exit code %d, want 0, 1 or 4", command, code)
			}
			break
		}
	}
	works()
	for _, command := range commands {
		d.must(t, words(command)...)
	}
	works()
	d.must(t, "carillon", "key", "create", "--name", "new", "--policy", "AmazonChimeReadOnly", "--secret-key-file", keyFile)
}

func rotateFails(t *testing.T, d *disk) { d.rotates(t, secretKey, "rotate-secret") }

func namedKeySite(t *testing.T) string {
	dir := servedSite(t)
	copyFile(t, filepath.Join(dir, secretKey), filepath.Join(dir, "my.key"))
	return dir
}

func rotateNamedFails(t *testing.T, d *disk) {
	d.rotates(t, "my.key", "rotate-secret --secret-key-file my.key", "rotate-secret --finish --secret-key-file my.key")
}

// Other profiles stay as they are.
func keyCreateFails(t *testing.T, d *disk) {
	words := func(name string) []string {
		return []string{"carillon", "key", "create", "--name", name, "--policy", "AmazonChimeReadOnly", "--write-profile", name, "--endpoint-url", "http://127.0.0.1"}
	}
	files := map[string][]byte{"config": nil, "credentials": nil}
	for name := range files {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(d.dir, ".aws", name)); err != nil {
			t.Fatal(err)
		}
	}
	code, _, _ := d.run(t, words("new")...)
	if code != 0 && code != 1 && code != 4 {
		t.Errorf("exit code %d, want 0, 1 or 4", code)
	}
	d.must(t, words("another")...)
	for name, old := range files {
		text, err := os.ReadFile(filepath.Join(d.dir, ".aws", name))
		if err != nil || !bytes.HasPrefix(text, old) || !bytes.Contains(text, []byte("another]")) {
			t.Errorf("%s: got\n%s\n%v, want what was there and another profile", name, text, err)
		}
		if code == 0 && !bytes.Contains(text, []byte("new]")) {
			t.Errorf("%s: the profile that was acknowledged is not there:\n%s", name, text)
		}
	}
	list := d.must(t, "carillon", "key", "list")
	if code == 0 && !strings.Contains(list, "new") {
		t.Errorf("the key that was acknowledged is not there:\n%s", list)
	}
}

// What an import that has failed has done is done again, and no more.
func importFails(t *testing.T, d *disk) {
	const rows = 30
	var table strings.Builder
	table.WriteString("userId,email\n")
	for i := range rows {
		fmt.Fprintf(&table, "00000000-0000-4000-8000-%012d,imported%d@example.com\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "people.csv"), []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, crowd := knownOf(t)
	words := []string{"carillon", "import", "people.csv", "--account-id", crowd[0].account}
	code, _, _ := d.run(t, words...)
	if code != 0 && code != 1 && code != 4 {
		t.Errorf("exit code %d, want 0, 1 or 4", code)
	}
	d.must(t, words...)
	if got := len(crowd[0].listed(t, serving(t, d.dir))); got != batchSize+rows {
		t.Errorf("then there are %d users, want %d", got, batchSize+rows)
	}
}

func (c *crashClient) listed(t *testing.T, s *service) []any {
	t.Helper()
	defer s.end(os.Kill)
	c.connect(t, s)
	return c.list(t)
}

// job starts a service for jobs of the disk, with a client of their account.
func (d *disk) job(t *testing.T) *crashClient {
	t.Helper()
	env, crowd := knownOf(t)
	s := serving(t, d.dir)
	for name, value := range s.env {
		d.env = append(d.env, name+"="+value)
	}
	if s.env["AWS_SECRET_ACCESS_KEY"] != env["AWS_SECRET_ACCESS_KEY"] {
		t.Error("there is another root key")
	}
	crowd[0].connect(t, s)
	return crowd[0]
}

// licenses returns the license of each user.
func (c *crashClient) licenses(t *testing.T) map[string]string {
	t.Helper()
	reply, err := c.call("ListUsers", document.Member{Key: "AccountId", Value: c.account}, document.Member{Key: "MaxResults", Value: document.Int(200)})
	if err != nil {
		t.Fatal(err)
	}
	licenses := map[string]string{}
	for _, u := range member(reply, "Users").([]any) {
		licenses[member(u, "UserId").(string)] = member(u, "LicenseType").(string)
	}
	return licenses
}

// changes counts what the audit trail has of changes of each user.
func (d *disk) changes(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, r := range readTrail(t, func() (store.Store, error) {
		return sqlite.Open(t.Context(), filepath.Join(d.dir, "carillon-data"), sqlite.Options{Beside: true})
	}) {
		counts[r.Target]++
	}
	return counts
}

// bulkWords are a command of carillon bulk.
func bulkWords(command string, words ...string) []string {
	return slices.Concat([]string{"carillon", "bulk", command, "--yes"}, words)
}

func applyWords(c *crashClient, ledger string) []string {
	return bulkWords("apply", "--account-id", c.account, "--all", "--set", "LicenseType=Basic", "--parallel", "1", "--ledger", ledger)
}

// runJob runs a command that carries out a job, which gives users a license and has a ledger. Until
// the job has one, nothing is done, and again runs it. After that the ledger tells the truth, and
// resume does the rest. In the end each user has been changed once more.
func (d *disk) runJob(t *testing.T, c *crashClient, license, ledger string, words, again []string) {
	t.Helper()
	before, count := c.licenses(t), d.changes(t)
	code, _, said := d.run(t, words...)
	if code > 2 {
		t.Errorf("exit code %d, want 0, 1 or 2", code)
	}
	l, err := bulk.ReadLedger(filepath.Join(d.dir, ledger))
	now := c.licenses(t)
	switch {
	case err != nil: // it has none, or a part of one that could not be removed
		if code == 0 {
			t.Errorf("it is done, and has no ledger: %v", err)
		}
		if _, err := os.Stat(filepath.Join(d.dir, ledger)); err == nil {
			d.nothingOf(t, ledger)
		}
		if !maps.Equal(now, before) {
			t.Error("users were changed without a ledger")
		}
		ledger = again[len(again)-1]
		d.must(t, again...)
	case code != 0:
		first := d.past().failed[0]
		begun := first.call == "write" || first.call == "fsync"
		if begun && !strings.Contains(said, "carillon bulk resume "+ledger) && !strings.Contains(said, "remove "+ledger) {
			t.Errorf("it does not say how to go on:\n%s", said)
		}
		fallthrough
	default:
		truthful(t, l, license, now)
		if code == 0 {
			break
		}
		if code, out := exit(d.program(bulkWords("resume", ledger)...)); code == 1 && strings.Contains(out, "carillon bulk retry "+ledger) && again == nil {
			d.must(t, words...) // that failed rows were to be tried again was not recorded
		} else if code != 0 {
			t.Errorf("resume, later on a sound disk: exit code %d\n%s", code, out)
		}
	}
	d.finished(t, c, license, ledger, before, count)
}

// truthful checks that no row of a ledger is done whose user has another license.
func truthful(t *testing.T, l *bulk.Ledger, license string, now map[string]string) {
	t.Helper()
	for _, r := range l.Rows {
		if r.Status == bulk.Done && now[r.User] != license {
			t.Errorf("row %d is done, and its user has the license %s, want %s", r.Number, now[r.User], license)
		}
	}
}

// finished checks that a job that gave users a license is done, as its ledger says, and has changed
// each of them once. before and count are what there was before it.
func (d *disk) finished(t *testing.T, c *crashClient, license, ledger string, before map[string]string, count map[string]int) {
	t.Helper()
	l, err := bulk.ReadLedger(filepath.Join(d.dir, ledger))
	if err != nil {
		t.Fatal(err)
	}
	if n := l.Count(bulk.Done); n != len(l.Rows) {
		t.Errorf("the ledger has %d rows that are done, want %d", n, len(l.Rows))
	}
	after, counted := c.licenses(t), d.changes(t)
	for _, r := range l.Rows {
		want := count[r.User]
		if before[r.User] != license {
			want++
		}
		if after[r.User] != license || counted[r.User] != want {
			t.Errorf("%s has the license %s after %d changes, want %s after %d", r.User, after[r.User], counted[r.User], license, want)
		}
	}
	for id, license := range before {
		if !slices.ContainsFunc(l.Rows, func(r bulk.Row) bool { return r.User == id }) && after[id] != license {
			t.Errorf("%s is not in the ledger, and has the license %s, want %s", id, after[id], license)
		}
	}
}

func applyFails(t *testing.T, d *disk) {
	c := d.job(t)
	d.runJob(t, c, "Basic", "job.jsonl", applyWords(c, "job.jsonl"), applyWords(c, "again.jsonl"))
	// The name of the ledger is on the disk before the first call.
	if h := d.past(); h.why == 0 && !slices.Contains(h.steps, step{call: "fsync", file: d.dir}) {
		t.Errorf("the directory of the ledger was not synced: %v", h.steps)
	}
}

func rollbackFails(t *testing.T, d *disk) {
	c := d.job(t)
	d.must(t, applyWords(c, "job.jsonl")...)
	d.runJob(t, c, "Pro", "back.jsonl", bulkWords("rollback", "job.jsonl", "--ledger", "back.jsonl"), bulkWords("rollback", "job.jsonl", "--ledger", "again.jsonl"))
}

// A job is resumed that could not record its second block of calls.
func resumeFails(t *testing.T, d *disk) {
	c := d.job(t)
	syncs := 0
	watch(t, d.program(applyWords(c, "job.jsonl")...), func(s step) error {
		if s == (step{call: "fsync", file: filepath.Join(d.dir, "job.jsonl")}) {
			syncs++
		}
		if syncs == 3 { // the plan, the first block, the second
			return syscall.EIO
		}
		return nil
	})
	l, err := bulk.ReadLedger(filepath.Join(d.dir, "job.jsonl"))
	if err != nil || l.Count(bulk.Done) == len(l.Rows) {
		t.Fatalf("there is nothing to resume: %v", err)
	}
	d.runJob(t, c, "Basic", "job.jsonl", bulkWords("resume", "job.jsonl"), nil)
	// What was read may not have got to the disk, and is written once more before anything new.
	ledger := filepath.Join(d.dir, "job.jsonl")
	h := d.past()
	again, synced := slices.Index(h.steps, step{call: "pwrite64", file: ledger}), slices.Index(h.steps, step{call: "fsync", file: ledger})
	if h.why == 0 && (again < 0 || synced < again) {
		t.Errorf("the ledger was not written once more: %v", h.steps)
	}
}

// Rows are tried again that failed because their users were not there. Now they are.
func retryFails(t *testing.T, d *disk) {
	c := d.job(t)
	var table strings.Builder
	table.WriteString("email,LicenseType\n")
	for i := range people + 20 {
		fmt.Fprintf(&table, "person%d@example.com,Basic\n", i)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "people.csv"), []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := exit(d.program(bulkWords("apply", "--account-id", c.account, "people.csv", "--ledger", "job.jsonl")...)); code != 1 {
		t.Fatalf("exit code %d, want 1\n%s", code, out)
	}
	c.invite(t, people, people+20)
	d.runJob(t, c, "Basic", "job.jsonl", bulkWords("retry", "job.jsonl"), nil)
}

// What was exported is there whole or not at all.
func exportFails(t *testing.T, d *disk) {
	c := d.job(t)
	words := []string{"carillon", "bulk", "export", "--account-id", c.account, "-o", "users.csv"}
	whole := func() bool {
		table, err := os.ReadFile(filepath.Join(d.dir, "users.csv"))
		n := bytes.Count(table, []byte("@example.com"))
		if err == nil && n != people {
			t.Errorf("%d users were exported, want %d", n, people)
		}
		return err == nil
	}
	code, _, _ := d.run(t, words...)
	if code > 2 {
		t.Errorf("exit code %d, want 0, 1 or 2", code)
	}
	if !whole() && code == 0 {
		t.Error("there is no file")
	}
	d.nothingOf(t, "users.csv.*")
	d.must(t, words...)
	if !whole() {
		t.Error("later there is no file")
	}
}

// person is somebody at the console, whose pages are about one account.
type person struct {
	t       *testing.T
	client  http.Client
	url     string
	account string
}

func (s *service) person(t *testing.T, account string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, http.Client{Jar: jar}, s.url + "/console/ui", account}
	if page := p.post("/sign-in", "key", s.env["AWS_ACCESS_KEY_ID"], "secret", s.env["AWS_SECRET_ACCESS_KEY"]); page.status != http.StatusOK {
		t.Fatalf("signing in: %+v", page)
	}
	return p
}

type page struct {
	status int
	path   string
	text   string
}

func (p *person) ask(method, path, kind string, body io.Reader) page {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return page{resp.StatusCode, strings.TrimPrefix(resp.Request.URL.RequestURI(), "/console/ui"), string(text)}
}

func (p *person) post(path string, fields ...string) page {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.ask("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// awaits waits until the page of a plan or a job is not busy any more, and returns it anew.
func (p *person) awaits(at page) page {
	p.t.Helper()
	path, _, _ := strings.Cut(at.path, "?")
	for at.status == http.StatusOK {
		resp, err := p.client.Get(p.url + path + "/events")
		if err != nil {
			p.t.Fatal(err)
		}
		over := resp.StatusCode != http.StatusOK
		for lines := bufio.NewScanner(resp.Body); !over && lines.Scan(); {
			over = lines.Text() == "event: over"
		}
		resp.Body.Close()
		if over {
			return p.ask("GET", at.path, "", nil)
		}
	}
	return at
}

// job imports rows and carries out their plan. It returns the page at which it ends, which is that
// of the job if all goes well.
func (p *person) job(rows string) page {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("action", "update")
	form.WriteField("license", "LicenseType=Basic")
	file, err := form.CreateFormFile("file", "people.csv")
	if err != nil {
		p.t.Fatal(err)
	}
	io.WriteString(file, rows)
	form.Close()
	plan := p.awaits(p.ask("POST", "/accounts/"+p.account+"/import", form.FormDataContentType(), &body))
	if plan.status != http.StatusOK || !strings.Contains(plan.path, "/plans/") {
		return plan
	}
	at := p.post(plan.path+"/apply", "changes", fmt.Sprint(people))
	if strings.Contains(at.path, "/plans/") && !strings.HasSuffix(at.path, "/apply") {
		at = p.awaits(at)
	}
	if strings.HasPrefix(at.path, "/jobs/") {
		at = p.awaits(at)
	}
	return at
}

// The console's plans and ledgers fail. What is wrong is in the log, and the job can be begun
// again, or be resumed, at once or after another start.
func consoleFails(t *testing.T, d *disk) {
	jobs := filepath.Join("carillon-data", "jobs")
	d.files = filepath.Join(d.dir, jobs)
	s, _, ended, err := d.serve(t)
	if err != nil {
		t.Fatal(err)
	}
	_, crowd := knownOf(t)
	c := crowd[0]
	c.connect(t, s)
	before, count := c.licenses(t), d.changes(t)
	var rows strings.Builder
	rows.WriteString("email\n")
	for i := range people {
		fmt.Fprintf(&rows, "person%d@example.com\n", i)
	}
	p := s.person(t, c.account)
	end := p.job(rows.String())
	done := strings.HasPrefix(end.path, "/jobs/") && strings.Contains(end.text, "Finished")
	if failed, lasts := d.struck(); !failed && !done {
		t.Fatalf("the job has not ended well, though nothing failed: %+v", end)
	} else if lasts && d.failure.n%2 == 0 {
		d.mend()
	} else if lasts {
		s.end(os.Kill)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	first := s
	if s.cmd.ProcessState != nil {
		s = serving(t, d.dir)
		c.connect(t, s)
		p = s.person(t, c.account)
	}
	ledger := func() string {
		all, err := filepath.Glob(filepath.Join(d.files, "*.jsonl"))
		if err != nil || len(all) > 1 {
			t.Fatalf("ledgers: %v, %v", all, err)
		}
		return strings.Join(all, "")
	}
	l, err := bulk.ReadLedger(ledger())
	now := c.licenses(t)
	if err != nil || slices.Contains(d.past().failed, step{call: "unlinkat", file: ledger()}) { // there is no job
		if !maps.Equal(now, before) {
			t.Error("users were changed without a ledger")
		}
		if name := ledger(); name != "" { // it could not be removed
			os.Remove(name)
		}
		end = p.job(rows.String())
	} else {
		truthful(t, l, "Basic", now)
		if l.Count(bulk.Done) < len(l.Rows) {
			end = p.awaits(p.post("/jobs/" + l.Job + "/resume"))
		}
	}
	if !strings.HasPrefix(end.path, "/jobs/") || !strings.Contains(end.text, "Finished") {
		t.Errorf("later the job has not finished: %+v", end)
	}
	name, err := filepath.Rel(d.dir, ledger())
	if err != nil {
		t.Fatal(err)
	}
	d.finished(t, c, "Basic", name, before, count)
	first.end(os.Kill) // after which all of its log is there
	if !done {
		d.explained(t, first.complaints())
	}
	if strings.Contains(first.complaints(), "panic") {
		t.Errorf("it has panicked:\n%s", first.complaints())
	}
}
