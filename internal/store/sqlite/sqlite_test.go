package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// childVariable says what a copy of this test program does instead of testing: a test that needs
// another process starts such a copy.
const childVariable = "CARILLON_STORE_TEST_CHILD"

var children = map[string]func(dir string) error{
	"load":          func(dir string) error { return load(dir, sqlite.Options{}) },
	"load volatile": func(dir string) error { return load(dir, sqlite.Options{Volatile: true}) },
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childVariable)]; ok {
		if err := child(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child returns the command that does its part on a data directory.
func child(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
	cmd.Env = append(os.Environ(), childVariable+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

func open(t testing.TB, dir string, opts sqlite.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Store {
		s := open(t, t.TempDir(), sqlite.Options{Clock: clock})
		// What the contract has run is looked at, too: without statistics SQLite likes any index.
		t.Cleanup(func() {
			for statement, plan := range sqlite.Plans(t, s) {
				if strings.Contains(statement, " entry = $") && !strings.Contains(plan, " PRIMARY KEY (") {
					t.Errorf("what is named by its key is not found by it: %s\n%s", statement, plan)
				}
				if strings.Contains(plan, " (account_id=?)") {
					t.Errorf("all rows of an account are read: %s\n%s", statement, plan)
				}
			}
		})
		return s
	})
}

func TestLookups(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	storetest.RunLookups(t, s, sqlite.Views(s))
}

func TestUpgrade(t *testing.T) {
	storetest.RunUpgrade(t, func(t *testing.T) func(storetest.Release) (store.Store, error) {
		dir := t.TempDir()
		return func(by storetest.Release) (store.Store, error) {
			opts := sqlite.Options{Beside: by.Beside}
			if by.Next {
				opts = opts.NextRelease()
			}
			return sqlite.Open(t.Context(), dir, opts)
		}
	})
}

func TestUpgradeAddresses(t *testing.T) { storetest.RunAddresses(t, firstRelease) }

func TestUpgradeTrail(t *testing.T) { storetest.RunTrail(t, firstRelease) }

func TestUpgradeUserNumbers(t *testing.T) { storetest.RunUserNumbers(t, firstRelease) }

// firstRelease makes a database as the first release did. It returns functions that run a script on
// it and that open it.
func firstRelease(t *testing.T) (func(string), func() (store.Store, store.Upgraded)) {
	dir := t.TempDir()
	open(t, dir, sqlite.Options{}.FirstRelease()).Close()
	exec := func(script string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(script); err != nil {
			t.Fatal(err)
		}
	}
	return exec, func() (store.Store, store.Upgraded) {
		var found store.Upgraded
		s := open(t, dir, sqlite.Options{Upgraded: func(u store.Upgraded) { found = u }})
		return s, found
	}
}

// A new database with its first change, on a disk that waits and on one that does not:
//
//	go test ./internal/store/sqlite -run '^$' -bench Open -benchtime 100x
func BenchmarkOpen(b *testing.B) {
	for name, opts := range map[string]sqlite.Options{"durable": {}, "volatile": {Volatile: true}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := sqlite.Open(b.Context(), b.TempDir(), opts)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Update(b.Context(), storetest.Insert("a1", "u1")); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// go test ./internal/store/sqlite -run '^$' -bench Batch -benchtime 3000x
func BenchmarkBatch(b *testing.B) {
	storetest.Benchmark(b, open(b, b.TempDir(), sqlite.Options{}))
}

// Updates at the same time wait for the disk together, and the size of the log is reported.
func TestStats(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	const updaters, each = 64, 5
	var wg sync.WaitGroup
	for i := range updaters {
		wg.Go(func() {
			for n := range each {
				if err := s.Update(context.Background(), storetest.Insert("a1", fmt.Sprint("u", i, "-", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := s.Stats()
	if got.Committed != updaters*each || got.Commits == 0 || got.Commits >= got.Committed || got.LogBytes == 0 || got.Repeats != 0 ||
		time.Since(got.LastCommit) > time.Minute || got.FreeBytes == nil || *got.FreeBytes == 0 {
		t.Errorf("got %+v, want %d updates in fewer commits, and a log", got, updaters*each)
	}
}

// A statement that yields NULL fails here as it does on PostgreSQL. What is empty, zero or false is
// no NULL.
func TestRead_null(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), sqlite.Options{})
	var text string
	var kind store.Retention
	var number int
	var long int64
	var entry store.Entry
	var truth bool
	for _, test := range []struct {
		zero string
		dest any
	}{{"''", &text}, {"''", &kind}, {"0", &number}, {"0", &long}, {"0", &entry}, {"0", &truth}} {
		for expression, fails := range map[string]bool{"NULL": true, test.zero: false} {
			err := s.View(t.Context(), func(tx store.ReadTx) error { return sqlite.Read(tx, "SELECT "+expression, test.dest) })
			if (err != nil) != fails {
				t.Errorf("reading %s into a %T: got %v", expression, test.dest, err)
			}
		}
	}
}

func TestReopen(t *testing.T) {
	name := "100% a#b é" // a data source name could take this for syntax
	if runtime.GOOS != "windows" {
		name += "?c=d"
	}
	dir := filepath.Join(t.TempDir(), "new", name)
	now := time.Now()
	clock := func() time.Time { return now }
	s := open(t, dir, sqlite.Options{Clock: clock})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, sqlite.File): 0o600,
		filepath.Join(dir, sqlite.File+"-wal"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
			t.Errorf("mode of %s: got %o, want %o", path, got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	now = now.Add(-24 * time.Hour)
	s = open(t, dir, sqlite.Options{Clock: clock})
	storetest.Update(t, s, storetest.Insert("a1", "u2"))
	if got, want := storetest.UserIDs(t, s, "a1"), []string{"u1", "u2"}; !slices.Equal(got, want) {
		t.Errorf("users after reopening with the clock set back: got %v, want %v", got, want)
	}
}

// rawDatabase opens the database of a directory past the store.
func rawDatabase(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOpenRefuses(t *testing.T) {
	raw := func(t *testing.T, dir, script string) {
		t.Helper()
		if _, err := rawDatabase(t, dir).Exec(script); err != nil {
			t.Fatal(err)
		}
	}
	existing := func(t *testing.T, dir string) {
		t.Helper()
		s := open(t, dir, sqlite.Options{})
		storetest.Update(t, s, storetest.Insert("a1", "u1"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	truncate := func(t *testing.T, dir string, size int64) {
		t.Helper()
		if err := os.Truncate(filepath.Join(dir, sqlite.File), size); err != nil {
			t.Fatal(err)
		}
	}
	// logOf leaves what a service has that was killed before its log was copied to the database.
	logOf := func(t *testing.T, dir string) {
		t.Helper()
		served := t.TempDir()
		storetest.Update(t, open(t, served, sqlite.Options{}), storetest.Insert("a1", "u1"))
		for name, content := range contents(t, served) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name  string
		setup func(t *testing.T, dir string)
		says  string
		is    error
	}{
		{"a newer schema", func(t *testing.T, dir string) {
			existing(t, dir)
			raw(t, dir, "PRAGMA user_version = 9999")
		}, "schema 9999", store.ErrNewerSchema},
		{"another program's database", func(t *testing.T, dir string) {
			raw(t, dir, "CREATE TABLE recipes (name TEXT)")
		}, "another program", nil},
		{"a text file", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, sqlite.File), []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "damaged", nil},
		{"an overwritten page", func(t *testing.T, dir string) {
			existing(t, dir)
			f, err := os.OpenFile(filepath.Join(dir, sqlite.File), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte(strings.Repeat("x", 900)), 100); err != nil {
				t.Fatal(err)
			}
		}, "damaged", nil},
		{"a directory in its place", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, sqlite.File), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "readable and writable", nil},
		{"an emptied file, with what a service keeps beside it", func(t *testing.T, dir string) {
			existing(t, dir)
			truncate(t, dir, 0)
			if err := os.WriteFile(filepath.Join(dir, "secret.key"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "cut short", nil},
		{"an emptied file, with its log", func(t *testing.T, dir string) {
			logOf(t, dir)
			truncate(t, dir, 0)
		}, "cut short", nil},
		{"a file of one byte, with its log", func(t *testing.T, dir string) {
			logOf(t, dir)
			truncate(t, dir, 1)
		}, "cut short", nil},
		{"a log alone", func(t *testing.T, dir string) {
			logOf(t, dir)
			if err := os.Remove(filepath.Join(dir, sqlite.File)); err != nil {
				t.Fatal(err)
			}
		}, "is missing", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.setup(t, dir)
			before := contents(t, dir)
			s, err := sqlite.Open(t.Context(), dir, sqlite.Options{Companions: []string{"secret.key"}})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if after := contents(t, dir); !maps.Equal(before, after) {
				t.Errorf("the files %v became %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
			for _, want := range []string{filepath.Join(dir, sqlite.File), test.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %q, want it to say %q", err, want)
				}
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got error %v, want %v", err, test.is)
			}
		})
	}
	t.Run("a file in place of the directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(t.Context(), path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got error %v, want one that names %s", err, path)
		}
		if _, err := sqlite.Lock(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Lock: got error %v, want one that names %s", err, path)
		}
	})
}

// contents reads the files of a directory, but for those in which SQLite keeps no data.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, e := range entries {
		if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(text)
	}
	return found
}

// A first start that has failed leaves an empty file, from which the next one goes on.
func TestOpen_begun(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{sqlite.File, "lock", "cert.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Update(t, open(t, dir, sqlite.Options{Companions: []string{"secret.key"}}), storetest.Insert("a1", "u1"))
}

func TestLockDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	release, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Lock(dir); !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second lock: got error %v, want %v, naming %s", err, sqlite.ErrLocked, dir)
	}
	if runtime.GOOS != "windows" { // which does not let anybody remove it
		if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Lock(dir); !errors.Is(err, sqlite.ErrLocked) {
			t.Errorf("second lock, with the file removed: got error %v, want %v", err, sqlite.ErrLocked)
		}
	}
	open(t, dir, sqlite.Options{}) // an operator's command needs no lock
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = sqlite.Lock(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	release()
}

func TestLock_Symlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // see noFollow
	}
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(elsewhere, filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if release, err := sqlite.Lock(dir); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got error %v, want one about the symbolic link", err)
		release()
	}
	if _, err := os.Lstat(elsewhere); err == nil {
		t.Error("a file was made where the link leads")
	}
}

func TestNarrow(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	const dir = "." // stands for the directory itself
	for _, test := range []struct {
		name           string
		files          map[string]os.FileMode // before
		want           map[string]os.FileMode // after
		narrowed, wide []string
	}{
		{"empty", map[string]os.FileMode{dir: 0o755}, map[string]os.FileMode{dir: 0o700}, []string{dir}, nil},
		{"as it should be", map[string]os.FileMode{dir: 0o700, "carillon.db": 0o600, "lock": 0o600, "secret.key": 0o400},
			map[string]os.FileMode{dir: 0o700, "carillon.db": 0o600, "lock": 0o600, "secret.key": 0o400}, nil, nil},
		{"its own files", map[string]os.FileMode{dir: 0o777, "carillon.db": 0o644, "carillon.db-wal": 0o666, "lock": 0o660, "secret.key": 0o440},
			map[string]os.FileMode{dir: 0o700, "carillon.db": 0o600, "carillon.db-wal": 0o600, "lock": 0o600, "secret.key": 0o400},
			[]string{"carillon.db", "carillon.db-wal", "lock", "secret.key", dir}, nil},
		{"beside others", map[string]os.FileMode{dir: 0o777, "carillon.db": 0o644, "index.html": 0o644},
			map[string]os.FileMode{dir: 0o755, "carillon.db": 0o600, "index.html": 0o644}, []string{"carillon.db", dir}, nil},
		{"others may look in", map[string]os.FileMode{dir: 0o755, "index.html": 0o644},
			map[string]os.FileMode{dir: 0o755, "index.html": 0o644}, nil, nil},
		{"for everybody", map[string]os.FileMode{dir: 0o777 | os.ModeSticky}, map[string]os.FileMode{dir: 0o777 | os.ModeSticky}, nil, []string{dir}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, mode := range test.files {
				path := filepath.Join(root, name)
				if name != dir {
					if err := os.WriteFile(path, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			narrowed, wide, err := sqlite.Narrow(root, "secret.key")
			if err != nil {
				t.Fatal(err)
			}
			for _, list := range []struct {
				what      string
				got, want []string
			}{{"narrowed", narrowed, test.narrowed}, {"wide", wide, test.wide}} {
				for i := range list.want {
					list.want[i] = filepath.Join(root, list.want[i])
				}
				for i := range list.got {
					list.got[i] = filepath.Clean(list.got[i])
				}
				if !slices.Equal(list.got, list.want) {
					t.Errorf("%s: got %v, want %v", list.what, list.got, list.want)
				}
			}
			for name, want := range test.want {
				info, err := os.Stat(filepath.Join(root, name))
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode() &^ os.ModeDir; got != want {
					t.Errorf("mode of %s: got %v, want %v", name, got, want)
				}
			}
		})
	}

	// A link does not lead to a file elsewhere, but the directory may itself be behind one.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	root, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(elsewhere, nil, 0o600), os.Chmod(elsewhere, 0o666), os.Symlink(elsewhere, filepath.Join(root, "secret.key")),
		os.Chmod(root, 0o755), os.Symlink(root, link)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Narrow(link, "secret.key"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{elsewhere: 0o666, root: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %s: got %v, %v, want %o", path, info.Mode(), err, want)
		}
	}
}

// Several handles open one new directory at once: one creates the schema, and all see what each
// writes.
func TestSeveralHandles(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	handles := make([]store.Store, 4)
	for i := range handles {
		wg.Go(func() {
			s, err := sqlite.Open(context.Background(), dir, sqlite.Options{}.Patient())
			if err != nil {
				t.Error(err)
				return
			}
			handles[i] = s
			for n := range 10 {
				if err := s.Update(context.Background(), storetest.Insert("a1", fmt.Sprint("u", i, "-", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, s := range handles {
		if got, want := len(storetest.UserIDs(t, s, "a1")), 10*len(handles); got != want {
			t.Errorf("handle %d sees %d users, want %d", i, got, want)
		}
		// Closing one must not take the locks of the others away.
		storetest.Update(t, handles[len(handles)-1], storetest.Insert("a2", fmt.Sprint("v", i)))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if i == len(handles)-2 {
			break
		}
	}
	last := handles[len(handles)-1]
	defer last.Close()
	if got, want := len(storetest.UserIDs(t, last, "a2")), len(handles)-1; got != want {
		t.Errorf("the last handle sees %d users of a2, want %d", got, want)
	}
}

// Of several first handles at once, none is refused.
func TestOpen_AtOnce(t *testing.T) {
	times := 20
	if testing.Short() {
		times = 5
	}
	for range times {
		dir := t.TempDir()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := sqlite.Open(t.Context(), dir, sqlite.Options{}.Patient())
				if err != nil {
					t.Error(err)
					return
				}
				s.Close()
			})
		}
		wg.Wait()
	}
}

// load inserts users as fast as it can and prints the number of each once it is acknowledged.
func load(dir string, opts sqlite.Options) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, opts)
	if err != nil {
		return err
	}
	out := make(chan int)
	for w := range 16 {
		go func() {
			for i := w; ; i += 16 {
				id := strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(i)
				if err := s.Update(ctx, func(tx store.Tx) error {
					if err := storetest.Insert("a1", id)(tx); err != nil {
						return err
					}
					return tx.AppendAudit([]store.AuditRecord{{AWSAccountID: "111122223333", Target: id}})
				}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out <- i
			}
		}()
	}
	for i := range out {
		fmt.Printf("%d-%d\n", os.Getpid(), i)
	}
	return nil
}

// A process that is killed loses nothing that it has acknowledged, and leaves nothing half done.
func TestKilled(t *testing.T) {
	for _, part := range []string{"load", "load volatile"} {
		t.Run(part, func(t *testing.T) { testKilled(t, part) })
	}
}

func testKilled(t *testing.T, part string) {
	dir := t.TempDir()
	acknowledged := make(map[string]bool)
	for range 5 {
		cmd := child(t, part, dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			acknowledged[strings.TrimSpace(line)] = true
			if n == 300 {
				cmd.Process.Kill()
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}

		s := open(t, dir, sqlite.Options{})
		kept := make(map[string]bool)
		for _, id := range storetest.UserIDs(t, s, "a1") {
			kept[id] = true
		}
		for id := range acknowledged {
			if !kept[id] {
				t.Errorf("user %s was acknowledged and is lost", id)
			}
		}
		if err := s.View(t.Context(), func(r store.ReadTx) error {
			records, _, err := r.Audit("111122223333", store.AuditFilter{}, 0, 1_000_000)
			if len(records) != len(kept) {
				t.Errorf("%d audit records for %d users", len(records), len(kept))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) < 1500 {
		t.Errorf("only %d users were acknowledged", len(acknowledged))
	}
}
