package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// states is what a store offers to tests.
type states interface {
	Save(ctx context.Context, file string) error
	Load(ctx context.Context, file string, loaded func(store.ReadTx) error) error
}

func init() { children["states"] = alternate }

func saveState(t testing.TB, s store.Store, file string) {
	t.Helper()
	if err := s.(states).Save(t.Context(), file); err != nil {
		t.Fatal(err)
	}
}

func loadState(t testing.TB, s store.Store, file string) {
	t.Helper()
	if err := s.(states).Load(t.Context(), file, func(store.ReadTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// wantUsers checks who is in account a1.
func wantUsers(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	if got := storetest.UserIDs(t, s, "a1"); !slices.Equal(got, want) {
		t.Errorf("got users %v, want %v", got, want)
	}
}

func TestState(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	s := open(t, dir, sqlite.Options{Volatile: true})
	beside := open(t, dir, sqlite.Options{Beside: true})
	one, two := filepath.Join(files, "one.db"), filepath.Join(files, "two.db")
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	saveState(t, s, one)
	if info, err := os.Stat(one); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("got %v and error %v, want a file of mode 0600", info, err)
	}
	storetest.Update(t, s, storetest.Insert("a1", "u2"))
	for i := range 2000 { // so that the state has many more pages than the other
		storetest.Update(t, s, storetest.Insert("a2", fmt.Sprint("v", i)))
	}
	saveState(t, s, two)
	storetest.Update(t, beside, storetest.Insert("a1", "u3"))

	// A view that has begun keeps what it sees. What was prepared before a load still works after it.
	if err := s.View(t.Context(), func(tx store.ReadTx) error {
		look := func() (n int) {
			users, _, err := tx.ListUsers("a1", store.UserFilter{}, 0, 10)
			if err != nil {
				t.Error(err)
			}
			return len(users)
		}
		before := look()
		called := false
		if err := s.(states).Load(t.Context(), one, func(tx store.ReadTx) error {
			users, _, err := tx.ListUsers("a1", store.UserFilter{}, 0, 10)
			if called = true; len(users) != 1 {
				t.Errorf("while it is loaded, the state has %d users, want 1", len(users))
			}
			return err
		}); err != nil || !called {
			t.Errorf("got error %v, called %v", err, called)
		}
		if after := look(); before != 3 || after != 3 {
			t.Errorf("the view has seen %d users, and then %d, want 3", before, after)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, s, "u1")
	wantUsers(t, beside, "u1")
	if got := storetest.UserIDs(t, s, "a2"); len(got) != 0 {
		t.Errorf("there are %d users of later", len(got))
	}
	for range 3 {
		storetest.Update(t, beside, storetest.Insert("a1", "u4"))
		storetest.Update(t, s, storetest.Insert("a1", "u5"))
		wantUsers(t, s, "u1", "u4", "u5")
		loadState(t, s, two)
		wantUsers(t, beside, "u1", "u2")
		if got := len(storetest.UserIDs(t, s, "a2")); got != 2000 {
			t.Errorf("got %d users, want 2000", got)
		}
		loadState(t, s, one)
	}
	if left, err := os.ReadDir(files); err != nil || len(left) != 2 {
		t.Errorf("got files %v and error %v, want the two states", left, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, sqlite.Options{})
	wantUsers(t, s, "u1")
	t.Chdir(files)
	two = "two.db"
	loadState(t, s, two) // which this process has not saved
	wantUsers(t, s, "u1", "u2")
	checkSound(t, dir)
}

// checkSound checks that the database of a directory is sound.
func checkSound(t *testing.T, dir string) {
	t.Helper()
	var verdict string
	if err := rawDatabase(t, dir).QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("the database is %q, error %v", verdict, err)
	}
}

// Who is signed in, and who works on a task, is not part of a state.
func TestState_sessions(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "state.db")
	s := open(t, dir, sqlite.Options{Volatile: true})
	due := time.UnixMilli(1_000_000)
	put := func(sessionID, keyID string) {
		storetest.Update(t, s, func(tx store.Tx) error {
			if err := tx.PutAccessKey(store.AccessKey{KeyID: keyID, AWSAccountID: "111122223333", Name: keyID, SealedSecret: []byte("x")}); err != nil {
				return err
			}
			if err := tx.InsertSignInLink(store.SignInLink{LinkID: "link of " + sessionID, KeyID: keyID, Expires: due}); err != nil {
				return err
			}
			return tx.InsertSession(store.Session{SessionID: sessionID, AWSAccountID: "111122223333", KeyID: keyID, Address: "127.0.0.1"})
		})
	}
	task := store.Task{AWSAccountID: "111122223333", Kind: "k", Target: "t", Due: due, Leased: due.Add(time.Hour)}
	ofAccount := store.Task{AWSAccountID: "111122223333", AccountID: "a1", Kind: "k", Target: "t", Due: due, Leased: due.Add(time.Hour)}
	put("s1", "key1")
	storetest.Update(t, s, func(tx store.Tx) error { return errors.Join(tx.PutTask(task), tx.PutTask(ofAccount)) })
	saveState(t, s, file)
	storetest.Update(t, s, func(tx store.Tx) error { return tx.DeleteSession("s1") })
	put("s2", "key1")
	put("s3", "key2") // which the state does not have
	loadState(t, s, file)
	if err := s.View(t.Context(), func(tx store.ReadTx) error {
		sessions, err := tx.Sessions("111122223333")
		if err != nil || len(sessions) != 1 || sessions[0].SessionID != "s2" || sessions[0].Address != "127.0.0.1" {
			t.Errorf("got sessions %+v and error %v, want s2", sessions, err)
		}
		for link, want := range map[string]bool{"link of s1": true, "link of s2": true, "link of s3": false} {
			if _, err := tx.SignInLink(link); (err == nil) != want {
				t.Errorf("%s: got error %v", link, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	tasks, _, err := s.DueTasks(t.Context(), due, 10)
	if err != nil || len(tasks) != 2 || !tasks[0].Leased.IsZero() || !tasks[1].Leased.IsZero() {
		t.Errorf("got tasks %+v and error %v, want two that nobody works on", tasks, err)
	}
}

// States are loaded and saved while many read and write. Each user comes with a record in the
// trail, so a state that never was would show.
func TestState_underLoad(t *testing.T) {
	const besides = "beside-" // users of the other process, which may follow a load at once
	dir, files := t.TempDir(), t.TempDir()
	s := open(t, dir, sqlite.Options{Volatile: true}.Patient())
	insert := func(id string) func(store.Tx) error {
		return func(tx store.Tx) error {
			return errors.Join(storetest.Insert("a1", id)(tx), tx.AppendAudit([]store.AuditRecord{{AWSAccountID: "111122223333", Target: id}}))
		}
	}
	// look returns how many users there are that the store itself has added.
	look := func(tx store.ReadTx) (int, error) {
		users, _, err := tx.ListUsers("a1", store.UserFilter{}, 0, 1_000_000)
		if err != nil {
			return 0, err
		}
		records, _, err := tx.Audit("111122223333", store.AuditFilter{}, 0, 1_000_000)
		if len(users) != len(records) {
			t.Errorf("a state with %d users and %d records", len(users), len(records))
		}
		users = slices.DeleteFunc(users, func(u store.User) bool { return strings.HasPrefix(u.UserID, besides) })
		return len(users), err
	}
	beside := open(t, dir, sqlite.Options{Beside: true}.Patient()) // with locks of its own, like another process
	storetest.Update(t, s, insert("seed"))
	seed := filepath.Join(files, "seed.db")
	saveState(t, s, seed)

	var work sync.WaitGroup
	done := make(chan struct{})
	for w := range 64 {
		s, prefix := s, ""
		if w == 0 {
			s, prefix = beside, besides
		}
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				err := s.Update(t.Context(), insert(fmt.Sprint(prefix, w, "-", i)))
				if err == nil && i%8 == 0 {
					err = s.View(t.Context(), func(tx store.ReadTx) error { _, err := look(tx); return err })
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var changes sync.WaitGroup
	load := s.(states).Load
	for w := range 3 {
		changes.Go(func() {
			for i := range 20 {
				if w == 2 {
					saveState(t, s, filepath.Join(files, fmt.Sprint(i, ".db")))
					continue
				}
				if err := load(t.Context(), seed, func(tx store.ReadTx) error {
					if n, err := look(tx); n != 1 {
						t.Errorf("the loaded state has %d users, error %v, want the one of the seed", n, err)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	changes.Wait()
	close(done)
	work.Wait()
	for i := range 20 {
		loadState(t, s, filepath.Join(files, fmt.Sprint(i, ".db")))
		if err := s.View(t.Context(), func(tx store.ReadTx) error { _, err := look(tx); return err }); err != nil {
			t.Error(err)
		}
	}
	checkSound(t, dir)
}

func TestLoad_refuses(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	s := open(t, dir, sqlite.Options{Volatile: true})
	check := func(value string) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.PutSetting("secret-check", []byte(value)) }
	}
	storetest.Update(t, s, check("former"))
	saveState(t, s, filepath.Join(files, "another key"))
	storetest.Update(t, s, check("present"))
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	for i := range 500 {
		storetest.Update(t, s, storetest.Insert("a2", fmt.Sprint("v", i)))
	}
	saveState(t, s, filepath.Join(files, "good"))
	good, err := os.ReadFile(filepath.Join(files, "good"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := slices.Clone(good)
	copy(damaged[len(damaged)-3000:], strings.Repeat("damage", 400))
	write("damaged", damaged)
	write("cut short", good[:len(good)-8192])
	write("text", []byte("no database"))
	write("empty", nil)
	next := open(t, t.TempDir(), sqlite.Options{Volatile: true}.NextRelease())
	saveState(t, next, filepath.Join(files, "newer"))
	// A trigger would act with the service's rights.
	write("trigger", good)
	db, err := sql.Open("sqlite", filepath.Join(files, "trigger"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TRIGGER x AFTER INSERT ON users BEGIN DELETE FROM users; END"); err != nil {
		t.Fatal(err)
	}
	db.Close()

	// A state that was sound when it was saved, and is damaged now.
	saveState(t, s, filepath.Join(files, "damaged later"))
	write("damaged later", damaged)
	for name, says := range map[string]string{
		"another key": "secret key", "damaged": "damaged", "cut short": "damaged", "text": "damaged", "empty": "empty", "newer": "newer release",
		"trigger": "trigger", "damaged later": "damaged", "missing": "no such file",
	} {
		file := filepath.Join(files, name)
		err := s.(states).Load(t.Context(), file, func(store.ReadTx) error { t.Error("loaded"); return nil })
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got error %v, want one that says %q and names the file", name, err, says)
		}
		wantUsers(t, s, "u1")
	}
	if err := s.(states).Load(t.Context(), filepath.Join(files, "missing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want %v", err, fs.ErrNotExist)
	}
	if err := s.(states).Save(t.Context(), filepath.Join(files, "no", "directory")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Save: got error %v, want %v", err, fs.ErrNotExist)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.(states).Load(ended, filepath.Join(files, "good"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	s.Close()
	if err := s.(states).Load(t.Context(), filepath.Join(files, "good"), nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after Close: got error %v, want %v", err, store.ErrUnavailable)
	}
}

// A state of an older schema is upgraded when it is loaded; the file stays as it is.
func TestLoad_olderSchema(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "state.db")
	s := open(t, dir, sqlite.Options{Volatile: true})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	saveState(t, s, file)
	s.Close()
	next := open(t, dir, sqlite.Options{Volatile: true}.NextRelease())
	storetest.Update(t, next, storetest.Insert("a1", "u2"))
	for range 2 {
		loadState(t, next, file)
		wantUsers(t, next, "u1")
		var n int
		if err := rawDatabase(t, dir).QueryRow("SELECT count(*) FROM next").Scan(&n); err != nil {
			t.Errorf("the table of the newer schema: %v", err)
		}
	}
}

// alternate loads two states by turns, for as long as it lives.
func alternate(dir string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, sqlite.Options{Volatile: true})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := s.(states).Load(ctx, filepath.Join(dir, fmt.Sprint("state", i%2)), func(store.ReadTx) error { return nil }); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// A process that is killed while it loads a state leaves that one or the former one.
func TestLoad_killed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{Volatile: true})
	storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting("users", []byte("1000")) })
	for i := range 3000 {
		storetest.Update(t, s, storetest.Insert("a1", fmt.Sprint("u", i)))
		if i == 999 {
			saveState(t, s, filepath.Join(dir, "state0"))
		}
	}
	storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting("users", []byte("3000")) })
	saveState(t, s, filepath.Join(dir, "state1"))
	s.Close()
	times := 20
	if testing.Short() {
		times = 6
	}
	seen := make(map[string]int)
	for n := 0; n < times || len(seen) < 2; n++ { // which of the two is left is a matter of chance
		if n == 100 {
			t.Fatalf("saw only states %v", seen)
		}
		cmd := child(t, "states", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; i <= n && lines.Scan(); i++ {
		}
		cmd.Process.Kill()
		cmd.Wait()
		s := open(t, dir, sqlite.Options{Volatile: true})
		if err := s.View(t.Context(), func(tx store.ReadTx) error {
			want, err := tx.Setting("users")
			users, _, _ := tx.ListUsers("a1", store.UserFilter{}, 0, 1_000_000)
			if fmt.Sprint(len(users)) != string(want) {
				t.Errorf("got %d users in the state of %s", len(users), want)
			}
			seen[string(want)]++
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		checkSound(t, dir)
	}
}
