package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// asNobody gives a directory to a user whom permissions bind, and runs functions as that user. For
// root it is "nobody": on Linux a thread can be somebody else as far as files are concerned.
func asNobody(t *testing.T, dir string) func(func()) {
	if os.Getuid() != 0 {
		return func(f func()) { f() }
	}
	const nobody = 65534
	if err := errors.Join(os.Chown(dir, nobody, -1), os.Chmod(filepath.Dir(dir), 0o711)); err != nil {
		t.Fatal(err)
	}
	return func(f func()) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
		f()
	}
}
