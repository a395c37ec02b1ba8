package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// The log stays bounded while updates and reads go on without a pause, and also after a long
// reader, such as a backup, has made it grow.
func TestLogBounded(t *testing.T) {
	const limit = 200 // frames of 4 KiB
	dir := disktest.InMemory(t)
	s := open(t, dir, sqlite.ShortLog(limit))
	logSize := func() int64 {
		info, err := os.Stat(filepath.Join(dir, sqlite.File+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	const value, bound = 64 << 10, 8 << 20 // bytes
	writes := 0
	write := func() {
		writes++
		content := bytes.Repeat([]byte{byte(writes)}, value) // pages that do not change are not written
		storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting(fmt.Sprint("s", writes%4), content) })
	}
	for range 4 {
		write()
	}

	// reads begins a read that needs the log, and ends the one before. So there is always one when an
	// update begins, and the log does not start again by itself. A read that no other follows,
	// because updates have to wait, ends soon.
	var readers sync.WaitGroup
	former := func() {}
	reads := func() {
		begun := make(chan struct{})
		begin := sync.OnceFunc(func() { close(begun) })
		ctx, end := context.WithTimeout(context.Background(), 20*time.Millisecond)
		readers.Go(func() {
			defer end()
			defer begin()
			if err := s.View(context.Background(), func(r store.ReadTx) error {
				_, err := r.Setting("small")
				begin()
				<-ctx.Done()
				return err
			}); !errors.Is(err, store.ErrNotFound) && err != nil {
				t.Errorf("View: %v", err)
			}
		})
		<-begun
		former()
		former = end
	}
	stop := func() {
		former()
		readers.Wait()
	}
	defer stop()
	// shrinks waits until the log is short again. On a busy machine reads may last for longer than
	// they are waited for, and the goroutine that starts the log again may have to wait for its turn.
	shrinks := func(when string) {
		t.Helper()
		for n, end := 0, time.Now().Add(time.Minute); logSize() > bound; n++ {
			if time.Now().After(end) {
				t.Fatalf("%s, and a minute with %d small ones, the log still has %d bytes, want at most %d", when, n, logSize(), bound)
			}
			storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting("small", fmt.Append(nil, n)) })
			reads()
		}
	}
	for range 300 { // 19 MB
		write()
		reads()
		shrinks(fmt.Sprintf("after %d updates of %d bytes", writes, value))
	}

	err := s.View(context.Background(), func(r store.ReadTx) error {
		_, err := r.Setting("s0") // holds on to the log as it is
		for first := writes; logSize() <= bound; write() {
			if writes == first+1000 {
				t.Fatalf("1000 updates beside a long reader left the log at %d bytes", logSize())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	shrinks("after a long reader")
	stop()

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, sqlite.File+"-wal")); !os.IsNotExist(err) {
		t.Errorf("the log of a closed store: got %v, want %v", err, fs.ErrNotExist)
	}
}

// A log starts again by itself when everything was copied while nobody wrote. Then it is short, and
// it no longer counts how long a reader had made it before.
func TestLogBoundedAfterPause(t *testing.T) {
	const limit = 500 // frames of 4 KiB
	const bound = 4 * limit
	dir := t.TempDir()
	s := open(t, dir, sqlite.ShortLog(limit))
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// checkpoint runs one of a mode, and returns how many frames the log has and how many are
	// copied.
	checkpoint := func(mode string) (length, copied int) {
		t.Helper()
		var busy bool
		if err := db.QueryRow("PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &length, &copied); err != nil {
			t.Fatal(err)
		}
		if busy { // the store is running one
			return 0, -1
		}
		return length, copied
	}
	writes := 0
	write := func() (length int) {
		t.Helper()
		writes++
		content := bytes.Repeat([]byte{byte(writes)}, 64<<10)
		storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting(fmt.Sprint("s", writes%4), content) })
		length, _ = checkpoint("NOOP")
		return length
	}

	// The goroutine that starts the log again may have to wait for its turn on a busy machine: then
	// this begins anew. A length that still counts shows each time.
	for tries := 1; ; tries++ {
		write()
		err = s.View(context.Background(), func(r store.ReadTx) error {
			_, err := r.Setting("s1") // holds on to the log as it is
			for write() < bound+limit {
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for length, copied := 0, -1; copied < length; {
			length, copied = checkpoint("PASSIVE")
		}
		if length := write(); length >= limit {
			t.Fatalf("the log has %d frames, want it to have begun again", length)
		}
		longest := 0
		for n := 0; n < 200 && longest < bound; n++ {
			longest = max(longest, write())
		}
		if longest < bound {
			return
		}
		if tries == 20 {
			t.Fatalf("after the pause the log came to %d frames, want it to begin again at %d", longest, limit)
		}
	}
}
