package store_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

// The log stays bounded while updates and reads go on without a pause, and after a reader that went on
// for long, such as a backup, has let it grow.
func TestLogBounded(t *testing.T) {
	const limit = 500 // frames of 4 KiB
	dir := t.TempDir()
	s := openDir(t, dir, store.ShortLog(limit))
	logSize := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "carillon.db-wal"))
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
		update(t, s, func(tx store.Tx) error { return tx.PutSetting(fmt.Sprint("s", writes%4), content) })
	}
	read := func() error {
		return s.View(context.Background(), func(r store.ReadTx) error {
			_, err := r.Setting("s0")
			return err
		})
	}
	write()
	for range 3 {
		write()
	}

	done := make(chan struct{})
	var readers sync.WaitGroup
	stop := sync.OnceFunc(func() {
		close(done)
		readers.Wait()
	})
	defer stop()
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := read(); err != nil {
					t.Errorf("View: %v", err)
					return
				}
			}
		})
	}
	for range 300 { // 19 MB
		write()
		if size := logSize(); size > bound {
			t.Fatalf("after %d updates of %d bytes the log has %d bytes, want at most %d", writes, value, size, bound)
		}
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
	for last := writes + 300; logSize() > bound; write() {
		if writes == last {
			t.Fatalf("300 updates after the long reader the log still has %d bytes, want at most %d", logSize(), bound)
		}
	}
	stop()

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "carillon.db-wal")); !os.IsNotExist(err) {
		t.Errorf("the log of a closed store: got %v, want %v", err, fs.ErrNotExist)
	}
}
