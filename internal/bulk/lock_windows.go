package bulk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock locks the file against other programs until the file is closed or this program ends. It
// reports false if another program holds the lock.
//
// On Windows no other program can read the bytes that are locked. Only one byte far after the end
// is locked, so that rejects and rollback can read the ledger of a running job.
func lock(file *os.File) (bool, error) {
	return lockByte(file, windows.LOCKFILE_EXCLUSIVE_LOCK)
}

// busy reports whether another program holds the lock of the file.
func busy(file *os.File) (bool, error) {
	free, err := lockByte(file, 0)
	if free {
		err = windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, lockedByte())
	}
	return !free && err == nil, err
}

func lockByte(file *os.File, flags uint32) (bool, error) {
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, lockedByte())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func lockedByte() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }
