package bulk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock keeps a second program from locking the file, until it is closed or this program ends. It
// reports whether nobody else had done so. Windows lets nobody else read what is locked, which here is
// one byte far behind the end: rejects and rollback may read the ledger of a job that runs.
func lock(file *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
