package sqlite_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// A file that may not be written is named, and none is made that would have to be mended as well.
func TestOpen_mode(t *testing.T) {
	dir, err := os.MkdirTemp("", "carillon-mode-") // which others can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := open(t, dir, sqlite.Options{})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, sqlite.File)
	for path, mode := range map[string]fs.FileMode{dir: 0o777, file: 0o444} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	before := contents(t, dir)
	opened := make(chan error)
	go func() {
		// Nothing keeps root from a file, so this thread becomes somebody else, and ends.
		runtime.LockOSThread()
		if os.Getuid() == 0 {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
				opened <- errno
				return
			}
		}
		s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
		if err == nil {
			s.Close()
		}
		opened <- err
	}()
	if err := <-opened; !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), file+": file and directory must be readable and writable") {
		t.Errorf("got error %v, want one that names %s", err, file)
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("the files %v became %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}
