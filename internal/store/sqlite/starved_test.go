//go:build linux || darwin

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

func init() {
	children["starve"] = starve
	children["starve states"] = starveStates
}

// Resource limits, which hold even for root, stand for a full disk and for a process out of files.
func TestStarved(t *testing.T) {
	for _, part := range []string{"starve", "starve states"} {
		if out, err := child(t, part, t.TempDir()).Output(); err != nil {
			t.Errorf("%s: %v\n%s", part, err, out)
		}
	}
}

func limit(resource int, cur uint64) (restore func(), err error) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(resource, &old); err != nil {
		return nil, err
	}
	now := old
	now.Cur = cur
	return func() { syscall.Setrlimit(resource, &old) }, syscall.Setrlimit(resource, &now)
}

func starve(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // writing beyond the limit is an error then, as on a full disk
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { s.Close() }()

	// No more files: reading, which opens its first connection only now, is unavailable.
	restore, err := limit(syscall.RLIMIT_NOFILE, 3)
	if err != nil {
		return err
	}
	err = s.Ping(ctx)
	restore()
	if !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("Ping without files: got error %v, want %v", err, store.ErrUnavailable)
	}
	if err := s.Ping(ctx); err != nil {
		return fmt.Errorf("Ping with files again: %w", err)
	}

	// No more room: some update fails as a whole.
	if restore, err = limit(syscall.RLIMIT_FSIZE, 1<<20); err != nil {
		return err
	}
	var kept int
	big := strings.Repeat("x", 10_000)
	fill := func(tx store.Tx) error {
		var users []store.User
		for i := range 20 {
			id := fmt.Sprint("u", kept, "-", i)
			users = append(users, store.User{AccountID: "a1", UserID: id, Email: id, AlexaARN: big})
		}
		return tx.InsertUsers(users)
	}
	for err = nil; err == nil && kept < 100; kept++ {
		err = s.Update(ctx, fill)
	}
	kept--
	if !errors.Is(err, store.ErrFailed) {
		return fmt.Errorf("Update without room: got error %v, want %v", err, store.ErrFailed)
	}
	count := func() (n int, err error) {
		err = s.View(ctx, func(r store.ReadTx) error {
			users, _, err := r.ListUsers("a1", store.UserFilter{}, 0, 1_000_000)
			n = len(users)
			return err
		})
		return n, err
	}
	if n, err := count(); err != nil || n != 20*kept {
		return fmt.Errorf("reading without room: got %d users and error %v, want %d", n, err, 20*kept)
	}
	// An update so large that it needs the disk before it commits fails too, in the middle. Its
	// neighbors in the queue may fail with it, but they are told.
	big = strings.Repeat("x", 4<<20)
	if err := s.Update(ctx, fill); !errors.Is(err, store.ErrFailed) {
		return fmt.Errorf("large Update without room: got error %v, want %v", err, store.ErrFailed)
	}
	big = "x"
	restore()
	// No room at all: the service is not ready before there is some.
	if restore, err = limit(syscall.RLIMIT_FSIZE, 1000); err != nil {
		return err
	}
	if err := s.Ping(ctx); !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("Ping without room: got error %v, want %v", err, store.ErrUnavailable)
	}
	restore()
	if err := s.Ping(ctx); err != nil {
		return fmt.Errorf("Ping with room again: %w", err)
	}
	if err := s.Update(ctx, fill); err != nil {
		return fmt.Errorf("Update with room again: %w", err)
	}
	if n, err := count(); err != nil || n != 20*(kept+1) {
		return fmt.Errorf("reading with room again: got %d users and error %v, want %d", n, err, 20*(kept+1))
	}

	// A store that opens while there is no room, not even for an index of the log, can read.
	if err := s.Close(); err != nil {
		return err
	}
	if restore, err = limit(syscall.RLIMIT_FSIZE, 1000); err != nil {
		return err
	}
	defer restore()
	again, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		return fmt.Errorf("Open without room: %w", err)
	}
	s = again
	var views sync.WaitGroup
	for range 10 {
		views.Go(func() {
			if n, err := count(); err != nil || n != 20*(kept+1) {
				fmt.Printf("reading after Open without room: got %d users and error %v, want %d\n", n, err, 20*(kept+1))
				os.Exit(1)
			}
			if err := s.Update(ctx, func(tx store.Tx) error { _, err := tx.HasUsers("a1"); return err }); err != nil {
				fmt.Println("Update that only reads, after Open without room:", err)
				os.Exit(1)
			}
		})
	}
	views.Wait()
	put := func(tx store.Tx) error { return tx.PutSetting("x", []byte("y")) }
	if err := s.Update(ctx, put); !errors.Is(err, store.ErrFailed) {
		return fmt.Errorf("Update after Open without room: got error %v, want %v", err, store.ErrFailed)
	}
	restore()
	if err := s.Update(ctx, put); err != nil {
		return fmt.Errorf("Update with room again, after Open without room: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "ok")
	return nil
}

// starveStates saves and loads states without room for them: nothing changes, and nothing is left.
func starveStates(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, sqlite.Options{Volatile: true})
	if err != nil {
		return err
	}
	defer s.Close()
	loaded := func(store.ReadTx) error { return nil }
	files := filepath.Join(dir, "states")
	small, large := filepath.Join(files, "small"), filepath.Join(files, "large")
	put := func(tx store.Tx) error { return tx.PutSetting("x", []byte(strings.Repeat("x", 1<<20))) }
	if err := errors.Join(os.Mkdir(files, 0o700), s.(states).Save(ctx, small), s.Update(ctx, put), s.(states).Save(ctx, large)); err != nil {
		return err
	}
	restore, err := limit(syscall.RLIMIT_FSIZE, 512<<10)
	if err != nil {
		return err
	}
	for _, file := range []string{small, filepath.Join(files, "new")} {
		if err := s.(states).Save(ctx, file); err == nil || !strings.Contains(err.Error(), "the disk") || !strings.Contains(err.Error(), file) {
			return fmt.Errorf("Save without room: got error %v, want one about the disk that names the file", err)
		}
	}
	if err := s.(states).Load(ctx, small, loaded); err == nil || !strings.Contains(err.Error(), "the disk") {
		return fmt.Errorf("Load without room: got error %v, want one about the disk", err)
	}
	restore()
	left, err := os.ReadDir(files)
	if len(left) != 2 {
		return fmt.Errorf("got files %v and error %v, want the two states", left, err)
	}
	has := func() (bool, error) {
		err := s.View(ctx, func(tx store.ReadTx) error { _, err := tx.Setting("x"); return err })
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	for _, want := range []bool{true, false, true} {
		if got, err := has(); got != want || err != nil {
			return fmt.Errorf("the setting is there: got %v and error %v, want %v", got, err, want)
		}
		file := large
		if want {
			file = small
		}
		if err := s.(states).Load(ctx, file, loaded); err != nil {
			return fmt.Errorf("Load with room again: %w", err)
		}
	}
	return nil
}
