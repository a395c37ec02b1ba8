package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

const logFile = sqlite.File + "-wal"

// What is acknowledged is on stable storage, whichever connection has written it, unless that was
// not asked for.
func TestSettings(t *testing.T) {
	for _, test := range []struct {
		opts sqlite.Options
		want map[string]string
	}{
		{sqlite.Options{}, map[string]string{"synchronous": "2", "fullfsync": "1", "journal_mode": "wal"}},
		{sqlite.Options{Beside: true}, map[string]string{"synchronous": "2", "fullfsync": "1", "journal_mode": "wal"}},
		{sqlite.Options{Volatile: true}, map[string]string{"synchronous": "0", "journal_mode": "wal"}},
	} {
		for name, want := range test.want {
			for i, got := range sqlite.Pragma(t, open(t, t.TempDir(), test.opts), name) {
				if got != want {
					t.Errorf("%+v: PRAGMA %s is %s on connection %d, want %s", test.opts, name, got, i, want)
				}
			}
		}
	}
}

// Before 3.51.3 a log that started again could damage the database: see "WAL-reset bug" in
// sqlite.org/wal.html. The driver's release 1.61.0 plans a statement anew each time it runs.
func TestSQLiteVersion(t *testing.T) {
	var version string
	if err := rawDatabase(t, t.TempDir()).QueryRow("SELECT sqlite_version()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	var got [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &got[0], &got[1], &got[2]); err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	if slices.Compare(got[:], []int{3, 51, 3}) < 0 {
		t.Errorf("SQLite is of version %s, want 3.51.3 at least", version)
	}
	modules, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(modules), "\tmodernc.org/sqlite v")
	if release, _, _ := strings.Cut(after, "\n"); !ok || release == "1.61.0" {
		t.Errorf("the driver is of release %q, want another", release)
	}
}

// syncs counts the syncs of a file, and fails the test if one may have stopped at the cache of the
// disk.
func syncs(t *testing.T, calls []call, file string) (n int) {
	t.Helper()
	for _, c := range calls {
		if c.kind == synced && !c.full {
			t.Errorf("a sync of %s may have stopped at the cache of the disk", c.file)
		}
		if c.kind == synced && c.file == file {
			n++
		}
	}
	return n
}

// Each group of updates costs one sync of the log, which comes after what the group has written and
// before anybody is told.
func TestSyncs(t *testing.T) {
	dir := disktest.InMemory(t)
	d := newDisk(t, dir)
	s := open(t, dir, sqlite.Options{})
	storetest.Update(t, s, storetest.Insert("a1", "u1")) // the head of a new log is synced by itself
	began, commits := len(d.called()), s.Stats().Commits

	const clients, each = 16, 8
	var acks sync.Map // how many calls there were, by the text that the update has written
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for n := range each {
				text := fmt.Sprintf("<%d of client %d>", n, client)
				if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutSetting(text, []byte(text)) }); err != nil {
					t.Errorf("Update: %v", err)
				}
				acks.Store(text, len(d.called()))
			}
		})
	}
	wg.Wait()
	groups, calls := int(s.Stats().Commits-commits), d.called()
	if n := syncs(t, calls[began:], logFile); n != groups || groups == 0 {
		t.Errorf("%d syncs of the log for %d groups of %d updates, want one for each group", n, groups, clients*each)
	}
	acknowledged := 0
	acks.Range(func(text, ack any) bool {
		acknowledged++
		at := slices.IndexFunc(calls, func(c call) bool {
			return c.kind == wrote && c.file == logFile && bytes.Contains(c.data, []byte(text.(string)))
		})
		if at < 0 || syncs(t, calls[at:ack.(int)], logFile) == 0 {
			t.Errorf("%s was written by call %d, and acknowledged after %d without a sync in between", text, at, ack)
		}
		return true
	})
	if acknowledged != clients*each {
		t.Errorf("%d updates were acknowledged, want %d", acknowledged, clients*each)
	}
}

// A page that is copied from the log into the database is on the disk in the log before. The
// database is before the log starts again or is removed.
func TestSyncs_checkpoint(t *testing.T) {
	dir := disktest.InMemory(t)
	d := newDisk(t, dir)
	s := open(t, dir, sqlite.ShortLog(20))
	began := len(d.called())
	head := func(c call) bool { return c.kind == wrote && c.file == logFile && c.offset == 0 }
	for n, starts := 0, 0; starts < 4; n++ {
		before := len(d.called())
		storetest.Update(t, s, func(tx store.Tx) error { return addAccount(tx, fmt.Sprint("account-", n)) })
		if slices.ContainsFunc(d.called()[before:], head) {
			starts++
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	calls := d.called()[began:]
	inLog := map[string]bool{} // pages; true: on the disk
	unsynced := false          // the database was written to since its last sync
	for i, c := range calls {
		switch {
		case c.file == logFile && c.kind == synced:
			for page := range inLog {
				inLog[page] = true
			}
		case c.file == logFile && c.kind == wrote && c.offset > 0:
			inLog[string(c.data)] = inLog[string(c.data)]
		case c.file == logFile: // its head is written, or it is removed
			if unsynced {
				t.Errorf("call %d: the log starts again, but the database is not synced", i)
			}
		case c.file == sqlite.File && c.kind == synced:
			unsynced = false
		case c.file == sqlite.File && c.kind == wrote:
			unsynced = true
			if !inLog[string(c.data)] {
				t.Errorf("call %d: a page goes into the database that is not on the disk in the log", i)
			}
		}
	}
	if n := syncs(t, calls, sqlite.File); n < 3 {
		t.Errorf("the database was synced %d times, want once before each start of the log but the first", n)
	}
}

// After a sync of the log that failed nothing is acknowledged before the log has started again,
// which readers can keep it from.
func TestUpdate_failedSync(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(t, dir)
	s := open(t, dir, sqlite.Options{})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	if err := s.View(t.Context(), func(tx store.ReadTx) error {
		if _, err := tx.HasUsers("a1"); err != nil { // takes the snapshot
			return err
		}
		storetest.Update(t, s, storetest.Insert("a1", "u2")) // so that the snapshot is not of the end of the log
		d.fail(func(string) bool { return true })
		if err := s.Update(t.Context(), storetest.Insert("a1", "u3")); !errors.Is(err, store.ErrFailed) {
			t.Errorf("Update: got error %v, want %v", err, store.ErrFailed)
		}
		d.fail(nil)
		usual := sqlite.Patience(s, 300*time.Millisecond) // longer than readers are waited for otherwise
		defer sqlite.Patience(s, usual)
		for range 2 {
			if err := s.Update(t.Context(), storetest.Insert("a1", "u4")); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "readers") {
				t.Errorf("Update, while the log cannot start again: got error %v, want %v, because of readers", err, store.ErrUnavailable)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	began := len(d.called())
	storetest.Update(t, s, storetest.Insert("a1", "u4"))
	calls := d.called()[began:]
	if i := slices.IndexFunc(calls, func(c call) bool { return c.kind == wrote && c.file == logFile }); i < 0 || calls[i].offset != 0 {
		t.Errorf("the next change did not go to the beginning of the log (call %d)", i)
	}
}

// A process that could not sync its log may leave frames in it that are read, but are lost with the
// power, whatever is synced later. What is acknowledged after them must not be lost with them.
func TestOpen_unsyncedLog(t *testing.T) {
	w, dir := unsyncedLog(t)
	lost := disktest.InMemory(t)
	next := open(t, dir, sqlite.Options{})
	storetest.Update(t, next, func(tx store.Tx) error { return addAccount(tx, "later") })
	w.acks["later"] = w.disk.Now()
	for seed := range uint64(20) {
		luck := rand.New(rand.NewPCG(seed, 0))
		if err := w.disk.AfterPowerLoss(w.acks["later"], luck).Write(lost); err != nil {
			t.Fatal(err)
		}
		w.check(t, lost, w.acks["later"], false)
	}
}

// Whoever only reads leaves such a log as it is, or sees to it first.
func TestClose_unsyncedLog(t *testing.T) {
	read := func(opts sqlite.Options) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			s, err := sqlite.Open(t.Context(), dir, opts)
			if err == nil {
				err = errors.Join(s.Ping(t.Context()), s.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, job := range map[string]func(*testing.T, string){
		"service": func(t *testing.T, dir string) {
			read(sqlite.Options{})(t, dir)
			if _, err := os.Stat(filepath.Join(dir, logFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the log is still there (%v)", err)
			}
		},
		"command": read(sqlite.Options{Beside: true}),
		"refused": func(t *testing.T, dir string) {
			if _, err := sqlite.Open(t.Context(), dir, sqlite.Options{Beside: true}.NextRelease()); !errors.Is(err, store.ErrOlderSchema) {
				t.Errorf("Open: got error %v, want %v", err, store.ErrOlderSchema)
			}
		},
		"backup": func(t *testing.T, dir string) { // there is no key to seal it with, which shows at its end
			_, err := sqlite.WriteBackup(t.Context(), dir, filepath.Join(t.TempDir(), "backup"), "secret.key")
			if err == nil || !strings.Contains(err.Error(), "no secret key") {
				t.Errorf("WriteBackup: got error %v, want one about the key", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := unsyncedLog(t)
			lost := disktest.InMemory(t)
			began := w.disk.Now()
			job(t, dir)
			for moment := began; moment <= w.disk.Now(); moment++ {
				for seed := range uint64(4) {
					if err := w.disk.AfterPowerLoss(moment, rand.New(rand.NewPCG(seed, 0))).Write(lost); err != nil {
						t.Fatal(err)
					}
					w.check(t, lost, moment, true)
				}
			}
		})
	}
}

// unsyncedLog makes a database whose log is in memory only, and a record of its directory.
func unsyncedLog(t *testing.T) (w *worked, dir string) {
	first := t.TempDir()
	s := open(t, first, sqlite.Options{})
	storetest.Update(t, s, func(tx store.Tx) error { return addAccount(tx, "earlier") })
	dir = disktest.InMemory(t)
	w = &worked{disk: newDisk(t, dir), acks: map[string]int{}}
	for _, name := range []string{sqlite.File, logFile} {
		data, err := os.ReadFile(filepath.Join(first, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		file := w.disk.Open(name)
		w.disk.Write(file, 0, data)
		if name == logFile {
			w.disk.FailSync(file)
		} else {
			w.disk.Sync(file, w.disk.Now())
		}
	}
	w.disk.syncDir()
	return w, dir
}

// A checkpoint copies a part of the log, another one the rest, and the sync of the database fails.
// The log stays until what was copied is on the disk, although nobody else has it open: no view has
// ever begun.
func TestCheckpoint_failedSync(t *testing.T) {
	for name, prepare := range map[string]func(store.Store){
		"as usual":                     func(store.Store) {},
		"after a start on a full disk": sqlite.LetLogGo,
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { failCheckpoint(t, prepare) }) })
	}
}

func failCheckpoint(t *testing.T, prepare func(store.Store)) {
	dir, lost := disktest.InMemory(t), disktest.InMemory(t)
	w := &worked{disk: newDisk(t, dir), acks: map[string]int{}}
	s := open(t, dir, sqlite.ShortLog(20))
	prepare(s)
	failing := true
	w.disk.fail(func(file string) bool {
		fails := failing && file == sqlite.File
		failing = failing && !fails
		return fails
	})
	update := func() {
		id := fmt.Sprint("account-", len(w.acks))
		storetest.Update(t, s, func(tx store.Tx) error { return addAccount(tx, id) })
		w.acks[id] = w.disk.Now()
		synctest.Wait() // for the checkpoint
	}
	for s.Stats().FailedCheckpoints == 0 {
		update()
	}
	if slices.ContainsFunc(w.disk.called(), func(c call) bool { return c.kind == removed && c.file == logFile }) {
		t.Error("the log was removed")
	}
	update()
	for seed := range uint64(20) {
		if err := w.disk.AfterPowerLoss(w.disk.Now(), rand.New(rand.NewPCG(seed, 0))).Write(lost); err != nil {
			t.Fatal(err)
		}
		w.check(t, lost, w.disk.Now(), false)
	}
}

// An update whose caller leaves before its turn is not run, and nobody says that it was.
func TestUpdate_left(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	if err := sqlite.UpdateAndLeave(s); err == nil {
		t.Error("an update without a caller was acknowledged")
	}
}

// A state that could not be brought to the disk is not loaded.
func TestLoad_failedSync(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(t, dir)
	s := open(t, dir, sqlite.Options{})
	state := filepath.Join(t.TempDir(), "state")
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	saveState(t, s, state)
	storetest.Update(t, s, storetest.Insert("a1", "u2"))
	d.fail(func(string) bool { return true })
	if err := s.(states).Load(t.Context(), state, func(store.ReadTx) error { return nil }); err == nil {
		t.Error("Load: got no error")
	}
	d.fail(nil)
	wantUsers(t, s, "u1", "u2")
	loadState(t, s, state)
	wantUsers(t, s, "u1")
}
