//go:build unix

package bulk

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps a second program from locking the file, until it is closed or this program ends. It
// reports whether nobody else had done so.
func lock(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
