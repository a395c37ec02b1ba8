package main

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// program is one run of a program in a directory.
func program(dir string, words ...string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = dir, childEnv(dir)
	return cmd
}

// exit runs a program to its end and returns its exit code and all that it printed.
func exit(cmd *exec.Cmd) (int, string) {
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// A service is backed up while clients change licenses in batches. The backup, restored elsewhere
// and served, has every batch that was acknowledged before it began, and none by half; the audit
// trail tells the same. Keys sign as before, and a page token leads on to the same page.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	crowd := newCrowd(t, s, crashClients)
	page := func(c *crashClient, token any) (users []any, next any) {
		t.Helper()
		input := []document.Member{{Key: "AccountId", Value: c.account}, {Key: "MaxResults", Value: document.Int(7)}}
		if token != nil {
			input = append(input, document.Member{Key: "NextToken", Value: token})
		}
		reply, err := c.call("ListUsers", input...)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range member(reply, "Users").([]any) {
			users = append(users, member(u, "UserId"))
		}
		return users, member(reply, "NextToken")
	}
	_, token := page(crowd[0], nil)
	secondPage, _ := page(crowd[0], token)

	replied := make(chan string)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	for _, c := range crowd {
		load.Go(func() { c.change(ctx, t, replied) })
	}
	go func() {
		load.Wait()
		close(replied)
	}()
	const backups = 3
	var acknowledged [backups]map[string]bool
	known := map[string]bool{}
	for i := range backups {
		for range 50 {
			known[<-replied] = true
		}
		acknowledged[i] = map[string]bool{}
		for id := range known {
			acknowledged[i][id] = true
		}
		done := make(chan string, 1)
		go func() {
			code, out := exit(program(dir, "carillon", "backup", fmt.Sprintf("backup%d", i)))
			if code != 0 {
				out += fmt.Sprintf("exit code %d", code)
			}
			done <- out
		}()
		for running := true; running; {
			select {
			case id := <-replied:
				known[id] = true
			case out := <-done:
				if !strings.Contains(out, fmt.Sprintf("saved %d users ", crashClients*batchSize)) || strings.Contains(out, "exit code") {
					t.Errorf("backup %d said %q", i, out)
				}
				running = false
			}
		}
	}
	stop()
	for range replied {
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}

	key := filepath.Join(dir, "carillon-data", "secret.key")
	for i := range backups {
		where := fmt.Sprintf("restored%d", i)
		if code, out := exit(program(dir, "carillon", "restore", fmt.Sprintf("backup%d", i), "--data", where, "--secret-key-file", key)); code != 0 {
			t.Fatalf("restore %d ended with exit code %d\n%s", i, code, out)
		}
		restored := serving(t, dir, "--data", where, "--secret-key-file", key)
		restored.env = s.env // the key is the same
		trail := readTrail(t, func() (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(dir, where), sqlite.Options{Beside: true})
		})
		for _, c := range crowd {
			then := &crashClient{name: c.name, account: c.account, users: c.users}
			for _, id := range c.batches {
				if acknowledged[i][id] {
					then.batches = append(then.batches, id)
				}
			}
			then.connect(t, restored)
			then.check(t, trail, math.MaxInt)
			if c == crowd[0] {
				if got, _ := page(then, token); !slices.Equal(got, secondPage) {
					t.Errorf("backup %d: the page token leads to %v, want %v", i, got, secondPage)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("backup %d\n%s", i, restored.complaints())
		}
	}
}

// Who is killed while he saves or restores leaves nothing under the final name, or all of it, and
// nothing that is in the way of doing it again.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, dir)
	key := filepath.Join("carillon-data", "secret.key")
	killed := func(words ...string) {
		t.Helper()
		cmd := program(dir, append([]string{"carillon"}, words...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // the moment is anywhere in its life
		cmd.Process.Kill()
		cmd.Wait()
	}
	must := func(words ...string) {
		t.Helper()
		if code, out := exit(program(dir, append([]string{"carillon"}, words...)...)); code != 0 {
			t.Fatalf("carillon %v ended with exit code %d\n%s", words, code, out)
		}
	}
	whole := 0
	times := 20
	if testing.Short() {
		times = 2
	}
	for i := range times {
		file, data := fmt.Sprint("backup", i), fmt.Sprint("restored", i)
		killed("backup", file)
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			whole++
		} else {
			must("backup", file)
		}
		killed("restore", file, "--data", data, "--secret-key-file", key)
		if _, err := os.Stat(filepath.Join(dir, data, "carillon.db")); err == nil {
			whole++
		} else {
			must("restore", file, "--data", data, "--secret-key-file", key)
		}
		must("key", "list", "--data", data)
	}
	t.Logf("%d of %d were done before they were killed", whole, 2*times)
}

// A backup of an earlier release has no seal, and is restored only if that is said.
func TestRestore_Unsealed(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	serving(t, dir)
	if code, out := exit(program(dir, "carillon", "backup", "backup")); code != 0 {
		t.Fatal(out)
	}
	path := filepath.Join(dir, "backup")
	b, err := sqlite.ReadBackup(t.Context(), path)
	if err == nil {
		err = os.Truncate(path, b.Bytes)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`INSERT INTO settings (name, value) VALUES ('backup', CAST('{"Time": "2026-03-01T12:00:00Z"}' AS BLOB))`)
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"carillon", "restore", "backup", "--data", "restored", "--secret-key-file", filepath.Join("carillon-data", "secret.key")}
	if code, out := exit(program(dir, words...)); code != 2 || !strings.Contains(out, "--unsealed") {
		t.Errorf("exit code %d, want 2 and advice\n%s", code, out)
	}
	if code, out := exit(program(dir, append(words, "--unsealed")...)); code != 0 {
		t.Errorf("with --unsealed: exit code %d\n%s", code, out)
	}
	if code, out := exit(program(dir, "carillon", "key", "list", "--data", "restored")); code != 0 {
		t.Errorf("on what was restored: exit code %d\n%s", code, out)
	}
}

// Of several restores into one directory one does it, and the others say so.
func TestRestoreTwice(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	serving(t, dir)
	if code, out := exit(program(dir, "carillon", "backup", "backup")); code != 0 {
		t.Fatal(out)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	codes := map[int]int{}
	for range 4 {
		all.Go(func() {
			code, out := exit(program(dir, "carillon", "restore", "backup", "--data", "new", "--secret-key-file", "carillon-data/secret.key"))
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
			if code != 0 && !strings.Contains(out, "in use by another process") && !strings.Contains(out, "already exists") {
				t.Errorf("exit code %d, %q", code, out)
			}
		})
	}
	all.Wait()
	if codes[0] != 1 || codes[2]+codes[4] != 3 {
		t.Errorf("exit codes (and how many): got %v, want one 0, and 2 or 4", codes)
	}
}
