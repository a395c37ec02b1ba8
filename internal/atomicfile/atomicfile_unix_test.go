//go:build linux || darwin

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Every reader sees a whole text while the file is replaced again and again. (Windows refuses to
// replace a file that somebody has open.)
func TestWriteFile_Readers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	texts := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 200_000)}
	if err := WriteFile(path, []byte(texts[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				if got, err := os.ReadFile(path); err != nil || !slices.Contains(texts, string(got)) {
					t.Errorf("a reader got %d bytes and error %v", len(got), err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 20 {
		if err := WriteFile(path, []byte(texts[i%2]), 0o600); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}

// A full disk is played by a limit on the size of files, which holds even for root.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // writing beyond the limit is an error then
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)

	large := []byte(strings.Repeat("x", 2<<20))
	for name, err := range map[string]error{
		path:                          WriteFile(path, large, 0o600),
		filepath.Join(dir, "another"): CreateFile(filepath.Join(dir, "another"), large, 0o600),
	} {
		if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), name+":") {
			t.Errorf("got error %v, want %v, naming %s", err, syscall.EFBIG, name)
		}
	}
	holds(t, dir, map[string]string{"file": "old"})
}

func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	as := asNobody(t, dir)
	var results [2]error
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	as(func() {
		results[0] = WriteFile(path, []byte("new"), 0o600)
		results[1] = CreateFile(path+"2", []byte("new"), 0o600)
	})
	for _, err := range results {
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "partial") {
			t.Errorf("got error %v, want %v, naming %s", err, fs.ErrPermission, path)
		}
	}
	holds(t, dir, map[string]string{"file": "old"})

	// One that cannot be read, and so not be synced, takes files nevertheless.
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	as(func() {
		results[0] = WriteFile(path, []byte("new"), 0o600)
		results[1] = CreateFile(path+"2", []byte("new"), 0o600)
	})
	if err := errors.Join(results[:]...); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, map[string]string{"file": "new", "file2": "new"})
}
