package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// File is the name of the database in its directory. SQLite keeps a log, and other files of its
// own, beside it, under names that begin with this one.
const File = "carillon.db"

// ErrLocked: another process is serving from the same directory.
var ErrLocked = errors.New("in use by another process")

// Lock keeps a directory for one service until release is called or the process ends. It makes the
// directory (mode 0700) and, in it, an empty file named lock. A directory that is taken gives
// ErrLocked. The operator's commands open the database without the lock.
func Lock(dir string) (release func() error, err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking data directory %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("data directory %s is %w: stop that service or choose another directory", dir, ErrLocked)
	}
	return lock.Unlock, nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating data directory: %w", err)
	}
	return nil
}

// Vacant reports, as fs.ErrExist, that a directory holds a database, or what SQLite would take for
// part of one.
func Vacant(dir string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		path := filepath.Join(dir, File+suffix)
		switch _, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case suffix == "":
			return fmt.Errorf("%s: %w: choose another directory, or move the old one away", path, fs.ErrExist)
		default:
			return fmt.Errorf("%s: %w: it belongs to another database and would damage this one, move it away", path, fs.ErrExist)
		}
	}
	return nil
}
