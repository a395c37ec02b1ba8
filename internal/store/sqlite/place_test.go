package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// Nothing is acknowledged into files that are no longer where the database is looked for.
func TestFilesReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let anybody rename or remove a file that is open")
	}
	for _, name := range []string{sqlite.File, sqlite.File + "-wal"} {
		for _, how := range []string{"removed", "replaced"} {
			t.Run(name+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, sqlite.Options{})
				storetest.Update(t, s, storetest.Insert("a1", "u1"))
				for range sqlite.Views(s) { // opens all connections
					storetest.UserIDs(t, s, "a1")
					if err := s.Ping(t.Context()); err != nil {
						t.Errorf("Ping before: %v", err)
					}
				}
				path, away := filepath.Join(dir, name), filepath.Join(dir, "away")
				if err := os.Rename(path, away); err != nil {
					t.Fatal(err)
				}
				if how == "replaced" {
					if err := os.WriteFile(path, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("Ping, before any change has failed: got error %v, want %v", err, store.ErrUnavailable)
				}
				for range 2 {
					if err := s.Update(t.Context(), storetest.Insert("a1", "u2")); !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("Update: got error %v, want %v", err, store.ErrUnavailable)
					}
				}
				if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("Ping: got error %v, want %v", err, store.ErrUnavailable)
				}
				if got := storetest.UserIDs(t, s, "a1"); len(got) != 1 {
					t.Errorf("got the users %v, want u1, which can still be read", got)
				}
				if err := os.Rename(away, path); err != nil {
					t.Fatal(err)
				}
				if err := s.Ping(t.Context()); err != nil {
					t.Errorf("Ping, with the file back in its place: %v", err)
				}
				storetest.Update(t, s, storetest.Insert("a1", "u3"))
			})
		}
	}
}

// A file that is replaced while a change is being made gets no acknowledgement either.
func TestFilesReplaced_underWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let anybody rename or remove a file that is open")
	}
	dir := t.TempDir()
	s := open(t, dir, sqlite.Options{})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := os.Rename(filepath.Join(dir, sqlite.File), filepath.Join(dir, "away")); err != nil {
			t.Fatal(err)
		}
		return storetest.Insert("a1", "u1")(tx)
	})
	if !errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Update: got error %v, want %v alone", err, store.ErrFailed)
	}
}

// A service whose last change could not be brought to the disk is not ready until one can.
func TestPing_failedSync(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(t, dir)
	s := open(t, dir, sqlite.Options{})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	d.fail(func(string) bool { return true })
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping before anything has failed: %v", err)
	}
	if err := s.Update(t.Context(), storetest.Insert("a1", "u2")); !errors.Is(err, store.ErrFailed) {
		t.Errorf("Update: got error %v, want %v", err, store.ErrFailed)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Ping: got error %v, want %v", err, store.ErrUnavailable)
	}
	if got := s.Stats().FailedSyncs; got < 2 {
		t.Errorf("got %d failed syncs, want one of the change and one of the probe", got)
	}
	d.fail(nil)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping, with syncs that work again: %v", err)
	}
	if err := s.Update(t.Context(), storetest.Insert("a1", "u2")); err != nil && !errors.Is(err, store.ErrExists) {
		t.Errorf("Update: %v", err)
	}
}

// A backup, or whoever else reads for long in another process, keeps no service from its first
// change.
func TestOpen_besideReader(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, sqlite.Options{})
	storetest.Update(t, first, storetest.Insert("a1", "u1"))
	other := open(t, dir, sqlite.Options{Beside: true})
	err := other.View(t.Context(), func(tx store.ReadTx) error {
		if _, err := tx.HasUsers("a1"); err != nil { // takes the snapshot
			return err
		}
		storetest.Update(t, first, storetest.Insert("a1", "u2"))
		if err := first.Close(); err != nil {
			return err
		}
		return open(t, dir, sqlite.Options{}).Update(t.Context(), storetest.Insert("a1", "u3"))
	})
	if err != nil {
		t.Error(err)
	}
}
