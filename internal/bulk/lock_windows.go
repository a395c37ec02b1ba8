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
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
