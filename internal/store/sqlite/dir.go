package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/carillon-project/carillon/internal/atomicfile"
)

// File is the name of the database in its directory. SQLite keeps a log, and other files of its
// own, beside it, under names that begin with this one.
const File = "carillon.db"

const lockFile = "lock"

// ErrLocked: another process is serving from the same directory.
var ErrLocked = errors.New("in use by another process")

// Lock keeps a directory for one service until release is called or the process ends. It makes the
// directory (mode 0700), whose name is on stable storage then, and in it an empty file named
// "lock". A directory that is taken gives ErrLocked, also if somebody has removed that file. The
// operator's commands open the database without the lock.
func Lock(dir string) (release func() error, err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	// Whoever can make a link there must not choose a file elsewhere to be made, or locked.
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY|noFollow))
	// People remove a file that looks left over. So the directory itself is locked as well where that
	// works, which is not on Windows, nor on some file systems: it goes only with all that is in it.
	itself := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryLock()
	if ok {
		if here, err := itself.TryLock(); err == nil && !here {
			ok = false
			lock.Unlock()
		}
	}
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("locking data directory %s: %s must not be a symbolic link, remove it", dir, lock.Path())
	}
	if err != nil {
		return nil, fmt.Errorf("locking data directory %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("data directory %s is %w: stop that service or choose another directory", dir, ErrLocked)
	}
	// Somebody may have made the directory a moment ago. Nothing in it lasts longer than its name.
	if err := atomicfile.SyncDir(filepath.Dir(dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("locking data directory %s: %w", dir, err), itself.Unlock(), lock.Unlock())
	}
	return func() error { return errors.Join(itself.Unlock(), lock.Unlock()) }, nil
}

// Narrow makes a directory as [Lock] does. If it is there already, Narrow takes away what other
// users may do there: read the database, and the files with these names beside it; and change
// anything in the directory, since what they put there would be believed. They may still look into
// the directory if it holds other files, which may be for them.
//
// It returns what it has narrowed, and what it should have: what is not the process's own, and a
// directory with the sticky bit, which is meant for everybody. Windows has no such permissions.
func Narrow(dir string, names ...string) (narrowed, wide []string, err error) {
	if err := makeDir(dir); err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrPermission) { // files can be used in a directory that cannot be read
		return nil, nil, fmt.Errorf("checking data directory: %w", err)
	}
	if runtime.GOOS == "windows" {
		return nil, nil, nil
	}
	narrow := func(path string, take fs.FileMode) {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&take == 0 {
			return
		}
		if info.Mode()&fs.ModeSticky != 0 || os.Chmod(path, info.Mode()&^take) != nil {
			wide = append(wide, path)
		} else {
			narrowed = append(narrowed, path)
		}
	}
	take := fs.FileMode(0o077)
	for _, e := range entries {
		switch {
		case !slices.Contains(names, e.Name()) && !strings.HasPrefix(e.Name(), File) && e.Name() != lockFile:
			take = 0o022
		case e.Type().IsRegular():
			narrow(filepath.Join(dir, e.Name()), 0o077)
		}
	}
	narrow(dir+string(filepath.Separator), take) // the separator leads through a symbolic link
	return narrowed, wide, nil
}

func makeDir(dir string) error {
	if err := atomicfile.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating data directory: %w", err)
	}
	return nil
}

// leastFile is the size of the smallest database that SQLite makes, in bytes.
const leastFile = 512

// notEmptied refuses a database that has lost all its content, or is missing, if its log is there,
// or one of some files that are only made beside a whole one. SQLite would take it for a new one,
// and remove its log. An empty file alone is what a first start leaves that is cut short.
func notEmptied(dir string, companions []string) error {
	path := filepath.Join(dir, File)
	there, whole := false, false
	look := func() {
		info, err := os.Stat(path)
		there = err == nil
		whole = there && info.Size() >= leastFile || err != nil && !errors.Is(err, fs.ErrNotExist)
	}
	if look(); whole {
		return nil
	}
	var problem error
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		problem = fmt.Errorf("%s is missing or was cut short, and its log %s-wal is still there: restore a backup into another directory", path, path)
	}
	for _, name := range companions {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && there && problem == nil {
			problem = fmt.Errorf("%s was cut short, since a service leaves no empty one beside %s: restore a backup into another directory, or remove the empty file to begin with no accounts at all", path, name)
		}
	}
	if look(); whole { // another process has just made it
		return nil
	}
	return problem
}

// usable refuses files of a database that this process may not read and write. SQLite would make
// more of the kind before it says so.
func usable(dir string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		path := filepath.Join(dir, File+suffix)
		if err := mayUse(path); errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%s: file and directory must be readable and writable: change the owner or the mode of the file: %w", path, err)
		}
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
