//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// What the storage can do to a service: it is full, may not be written, is damaged. That a second
// service keeps off is in testdata/script/serve_refused.txtar.

// limitFiles says how large a file of a running process may grow: more is refused as on a full
// disk, even to root. A limit of "unlimited" ends that.
func limitFiles(t *testing.T, s *service, limit string) {
	t.Helper()
	out, err := exec.Command("prlimit", fmt.Sprintf("--pid=%d", s.cmd.Process.Pid), "--fsize="+limit+":unlimited").CombinedOutput()
	if err != nil {
		t.Fatalf("prlimit: %v\n%s", err, out)
	}
}

// The disk fills up under load. What cannot be kept fails, with the file and what to do in the log;
// nothing that was acknowledged is lost, reading goes on, and so does writing once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	crowd := newCrowd(t, s, crashClients)
	// load has all clients change licenses until all have failed, or after so many replies.
	load := func(replies int) {
		replied := make(chan string)
		ctx, stop := context.WithTimeout(t.Context(), hung)
		defer stop()
		var clients sync.WaitGroup
		for _, c := range crowd {
			clients.Go(func() { c.change(ctx, t, replied) })
		}
		go func() {
			clients.Wait()
			close(replied)
		}()
		n := 0
		for range replied {
			if n++; n == replies {
				stop()
			}
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatalf("after %v and %d replies the clients still wait for what becomes of their batches\n%s", hung, n, s.complaints())
		}
	}
	check := func() {
		t.Helper()
		trail := readTrail(t, func() (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(dir, "carillon-data"), sqlite.Options{Beside: true})
		})
		for _, c := range crowd {
			c.connect(t, s)
			c.check(t, trail, 1)
		}
		if t.Failed() {
			t.Fatal(s.complaints())
		}
	}
	load(50)
	log, err := os.Stat(filepath.Join(dir, "carillon-data", "carillon.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	limitFiles(t, s, fmt.Sprint(log.Size()+200_000))
	for _, c := range crowd {
		c.patience = 20 // while the log cannot be made sound there is no other refusal
	}
	load(0)
	for _, c := range crowd {
		if c.refused == 0 {
			t.Errorf("%s was refused nothing, though there is no room", c.name)
		}
	}
	check() // reads through the service, too
	limitFiles(t, s, "unlimited")
	load(50)
	check()
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
	for _, want := range []string{"status=500", filepath.Join(dir, "carillon-data", "carillon.db") + ": the disk failed, or the file may not grow"} {
		if !strings.Contains(s.complaints(), want) {
			t.Errorf("the log does not say %q:\n%s", want, s.complaints())
		}
	}

	// It also starts on a full disk, and then reads. (Its lines for a shell stay those of before.)
	env := s.env
	if s, err = startCommand(program(dir, "prlimit", "--fsize=1000:unlimited", "--", "carillon", "serve"), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })
	s.env = env
	for _, c := range crowd {
		c.connect(t, s)
		if got := len(c.list(t)); got != batchSize {
			t.Errorf("on a full disk, %s has %d users, want %d", c.name, got, batchSize)
		}
	}
	create := func() error {
		_, err := crowd[0].call("CreateAccount", document.Member{Key: "Name", Value: "another"})
		return err
	}
	if e, ok := errors.AsType[*client.ServiceError](create()); !ok || e.Status != 500 {
		t.Errorf("CreateAccount on a full disk: got error %v, want status 500", e)
	}
	limitFiles(t, s, "unlimited")
	if err := create(); err != nil {
		t.Errorf("CreateAccount with room again: %v\n%s", err, s.complaints())
	}
	check()
}

// A request does not fail because the day of its key's last use cannot be written. That is done
// once there is room.
func TestLastUse_DiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	begun := time.Now()
	key := makeKey(t, dir, "ci")
	limitFiles(t, s, "1000")
	const complaint = "on which day access keys were used could not be saved"
	for !strings.Contains(s.complaints(), complaint) && time.Since(begun) < hung {
		listAccounts(t, s, key)
	}
	if got := strings.Count(s.complaints(), complaint); got != 1 {
		t.Errorf("got %d complaints, want 1\n%s", got, s.complaints())
	}
	if got := lastUses(t, dir)["ci"]; got != "never" {
		t.Errorf("on a full disk: got %s, want never", got)
	}
	limitFiles(t, s, "unlimited")
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
	if got := lastUses(t, dir)["ci"]; !slices.Contains(today(begun), got) {
		t.Errorf("with room again: got %s, want one of %v", got, today(begun))
	}
}

// cramped runs a program whose files may not become larger than 40 KB.
func cramped(dir string, words ...string) (int, string) {
	return exit(program(dir, append([]string{"prlimit", "--fsize=40000", "--"}, words...)...))
}

// What makes files fails as a whole where there is no room for them.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, dir)
	key := filepath.Join("carillon-data", "secret.key")
	if code, out := exit(program(dir, "carillon", "backup", "backup")); code != 0 {
		t.Fatal(out)
	}
	for _, test := range []struct {
		words string
		code  int
		says  string
	}{
		{"carillon serve --data new", 4, filepath.Join(dir, "new", "carillon.db") + ": the disk failed, or the file may not grow"},
		{"carillon backup backup2", 1, "saving to backup2: "},
		{"carillon restore backup --data restored --secret-key-file " + key, 1, filepath.Join("restored", "carillon.db")},
	} {
		code, out := cramped(dir, strings.Fields(test.words)...)
		if code != test.code || !strings.Contains(out, test.says) {
			t.Errorf("%s: got exit code %d and %q, want %d, and it to say %q", test.words, code, out, test.code, test.says)
		}
	}
	for pattern, want := range map[string]int{"backup*": 1, "restored/*": 1 /* the lock */} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) != want {
			t.Errorf("%s: there is %v, %v, want %d files", pattern, left, err, want)
		}
	}
	if code, out := exit(program(dir, "carillon", "restore", "backup", "--data", "restored", "--secret-key-file", key)); code != 0 {
		t.Errorf("restoring with room again: got exit code %d and %q", code, out)
	}
}

// ordinary is a run of a program by somebody for whom the modes of files count: root without what
// lets root pass over them.
func ordinary(dir string, words ...string) *exec.Cmd {
	if os.Getuid() == 0 {
		words = append([]string{"setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"}, words...)
	}
	return program(dir, words...)
}

// Where files may not be read or written, the program says which, and changes nothing.
func TestNoPermission(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	data := filepath.Join(dir, "carillon-data")
	if code, out := exit(program(dir, "carillon", "backup", "backup")); code != 0 {
		t.Fatal(out)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	chmod(filepath.Join(dir, "backup"), 0)
	chmod(data, 0o500)
	for _, test := range []struct {
		words string
		code  int
		says  string
	}{
		{"carillon serve --data closed", 4, filepath.Join("closed", "lock")},
		{"carillon serve --data closed/new", 4, "closed/new"},
		{"carillon serve", 4, filepath.Join(data, "carillon.db") + ": file and directory must be readable and writable"},
		{"carillon key list", 4, filepath.Join(data, "carillon.db") + ": file and directory must be readable and writable"},
		{"carillon backup closed/backup", 1, "saving to closed/backup: open " + filepath.Join(closed, "backup")},
		{"carillon restore backup --data new", 2, "reading backup backup: open " + filepath.Join(dir, "backup") + ": permission denied"},
	} {
		code, out := exit(ordinary(dir, strings.Fields(test.words)...))
		if code != test.code || !strings.Contains(out, test.says) {
			t.Errorf("%s: got exit code %d and %q, want %d, and it to say %q", test.words, code, out, test.code, test.says)
		}
	}
	chmod(filepath.Join(dir, "backup"), 0o400)
	code, out := exit(ordinary(dir, "carillon", "restore", "backup", "--data", "closed", "--secret-key-file", "carillon-data/secret.key"))
	if code != 1 || !strings.Contains(out, filepath.Join("closed", "lock")) {
		t.Errorf("restoring to a closed directory: got exit code %d and %q", code, out)
	}
	chmod(data, 0o700)
	chmod(filepath.Join(data, "carillon.db"), 0o400)
	code, out = exit(ordinary(dir, "carillon", "serve"))
	if want := filepath.Join(data, "carillon.db") + ": file and directory must be readable and writable"; code != 4 || !strings.Contains(out, want) {
		t.Errorf("serving a database that cannot be written: got exit code %d and %q, want 4, and it to say %q", code, out, want)
	}
	chmod(filepath.Join(data, "carillon.db"), 0o600)
	serving(t, dir)
}

// A damaged database is not served if that shows at once. If it shows where it is read, requests
// that come there fail and the log says what to do; all others are answered. What was saved before
// helps.
func TestDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	crowd := make([]*crashClient, crashClients)
	var invite string
	for i := range crowd {
		c := &crashClient{name: fmt.Sprintf("client%d", i)}
		c.connect(t, s)
		c.createUsers(t)
		crowd[i] = c
		reply, err := c.call("InviteUsers", document.Member{Key: "AccountId", Value: c.account},
			document.Member{Key: "UserEmailList", Value: []any{"one.more@" + c.name + ".example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		invite = member(member(reply, "Invites").([]any)[0], "InviteId").(string) // of the last one, in the end
	}
	if code, out := exit(program(dir, "carillon", "backup", "backup")); code != 0 {
		t.Fatal(out)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "carillon-data", "carillon.db")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := func(offset, n int) []byte {
		text := bytes.Clone(sound)
		copy(text[offset:], bytes.Repeat([]byte("x"), n))
		return text
	}

	const advice = ": the file is damaged or no database, restore a backup: "
	for name, text := range map[string][]byte{
		"a damaged header": damaged(0, 50),
		"half of the file": sound[:len(sound)/2],
	} {
		put(text)
		code, out := exit(program(dir, "carillon", "serve"))
		if code != 4 || !strings.Contains(out, path+advice) {
			t.Errorf("%s: carillon serve ended with code %d and %q, want 4, and it to say %q", name, code, out, path+advice)
		}
	}

	// An invitation's id is in the row of the user and nowhere else.
	place := bytes.Index(sound, []byte(invite))
	if place < 0 {
		t.Fatalf("there is no %s in the database", invite)
	}
	const pageSize = 4096
	put(damaged(place/pageSize*pageSize, pageSize))
	env := s.env
	s = serving(t, dir)
	s.env = env
	served := 0
	for _, c := range crowd {
		c.connect(t, s)
		if _, err := c.call("GetAccount", document.Member{Key: "AccountId", Value: c.account}); err != nil {
			t.Errorf("GetAccount, which comes nowhere near the damage: %v", err)
		}
		_, err := c.call("ListUsers", document.Member{Key: "AccountId", Value: c.account})
		refusal, refused := errors.AsType[*client.ServiceError](err)
		switch {
		case err == nil:
			served++
		case !refused || refusal.Status < 500:
			t.Errorf("ListUsers: got error %v, want an answer, or one that the service failed", err)
		}
		if c == crowd[crashClients-1] && err == nil {
			t.Error("ListUsers reads over the damage")
		}
	}
	if served == 0 {
		t.Error("no account can be read, though a single page is damaged")
	}
	if code, out := exit(program(dir, "carillon", "backup", "backup2")); code == 0 || !strings.Contains(out, "the copy of the database "+path+" is not sound") {
		t.Errorf("backup of what is damaged: got exit code %d and %q", code, out)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v", err)
	}
	if !strings.Contains(s.complaints(), path+advice) {
		t.Errorf("the log does not say %q:\n%s", path+advice, s.complaints())
	}

	if code, out := exit(program(dir, "carillon", "restore", "backup", "--data", "new", "--secret-key-file", "carillon-data/secret.key")); code != 0 {
		t.Fatal(out)
	}
	s = serving(t, dir, "--data", "new", "--secret-key-file", "carillon-data/secret.key")
	s.env = env
	for _, c := range crowd {
		c.connect(t, s)
		if got := len(c.list(t)); got != batchSize+1 {
			t.Errorf("after restoring %s has %d users, want %d", c.name, got, batchSize+1)
		}
	}
}

// A bulk job outlives what happens to its service: it throttles, its disk is full, it is killed and
// comes back. It ends as one clean run, and every user was changed once.
func TestBulkThroughFaults(t *testing.T) {
	t.Parallel()
	const users = 400
	dir, address := t.TempDir(), freeAddress(t)
	args := []string{"--test", "--data", "carillon-data", "--listen", address}
	s := serving(t, dir, args...)
	env := childEnv(dir)
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	run := func(words ...string) *exec.Cmd {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, env
		return cmd
	}
	must := func(words ...string) string {
		t.Helper()
		code, out := exit(run(words...))
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", words, code, out)
		}
		return out
	}
	account := strings.TrimSpace(must("aws", "chime", "create-account", "--name", "Acme", "--query", "Account.AccountId", "--output", "text"))
	rows := []byte("email\n")
	for i := range users {
		rows = fmt.Appendf(rows, "u%03d@example.com\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), rows, 0o600); err != nil {
		t.Fatal(err)
	}
	must("carillon", "bulk", "invite", "--yes", "--account-id", account, "rows.csv")

	again := func() {
		t.Helper()
		s.end(os.Kill)
		s = serving(t, dir, append(args, "--rate", "5")...)
	}
	again()
	// The job cannot end before the service is killed: after some changes, it answers no more.
	faults(t, s, fmt.Sprintf(`{"operation": "BatchUpdateUser", "where": "after", "skip": %d, "effect": {"connection": "stall"}}`, users/4/batchSize))
	limitFiles(t, s, "1024")
	job := startJob(t, run("carillon", "bulk", "apply", "--yes", "--account-id", account, "--set", "LicenseType=Basic", "rows.csv", "--ledger", "job.jsonl"))
	job.until(t, "waiting: the service answers 500")
	limitFiles(t, s, "unlimited")
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, "carillon-data"), sqlite.Options{Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for changed, end := 0, time.Now().Add(hung); changed < users/4; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d users were changed in %v\n%s", changed, hung, s.complaints())
		}
		changed = 0
		err := st.View(t.Context(), func(tx store.ReadTx) error {
			page, _, err := tx.ListUsers(account, store.UserFilter{}, 0, users)
			for _, u := range page {
				if u.License == "Basic" {
					changed++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.end(os.Kill)
	throttled := strings.Count(s.complaints(), "reason=rate")
	job.until(t, "waiting: the service does not answer")
	again()
	last, state := job.end()
	if want := fmt.Sprintf("%d done, 0 failed\n", users); state.ExitCode() != 0 || !strings.HasPrefix(job.stdout.String(), want) {
		t.Fatalf("got code %d, %q and %q; want 0 and %q", state.ExitCode(), job.stdout.String(), last, want)
	}
	trail := must("carillon", "audit", "--data", "carillon-data", "--account-id", account, "--output", "csv")
	if n := strings.Count(trail, ",BatchUpdateUser,"); n != users {
		t.Errorf("the trail has %d changes, want one for each of %d users", n, users)
	}
	if n := must("aws", "chime", "list-users", "--account-id", account, "--query", "length(Users[?LicenseType=='Basic'])"); n != fmt.Sprintln(users) {
		t.Errorf("got %s users with the license, want all %d", n, users)
	}
	s.end(os.Kill) // after which all of its log is there
	if throttled += strings.Count(s.complaints(), "reason=rate"); throttled == 0 {
		t.Errorf("the service has never throttled\n%s", s.complaints())
	}
}
