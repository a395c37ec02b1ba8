//go:build linux || darwin

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

func init() { children["starve"] = starve }

// Resource limits, which hold even for root, stand for a full disk and for a process out of files.
func TestStarved(t *testing.T) {
	if out, err := child(t, "starve", t.TempDir()).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
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
