// Package atomicfile writes files that others see whole or not at all, also after a crash or a
// power failure. The bytes go to a temporary file in the same directory and to stable storage, then
// the file gets its name, then the directory goes to stable storage.
//
// Start at [WriteFile], which replaces a file, and [CreateFile], which refuses to; [CreateMissing]
// leaves one that is there. [New] is for what is written piece by piece, or by somebody else, and
// [MkdirAll] for directories.
//
// A process that is killed may leave a temporary file: the name of the file, ".partial-" and some
// digits. An error leaves none.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile makes a file of the data, or replaces the one that has its name. The file gets exactly
// the permissions given, whatever the umask and the old file say. A symbolic link is itself
// replaced. What is no regular file, such as a device or a directory, is refused. An error leaves
// the old file as it was, unless it says that only the directory could not be synced.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, (*File).Replace)
}

// CreateFile is WriteFile for a name that must be free: if it is taken, even by a symbolic link
// that leads nowhere, the error is fs.ErrExist. After any error there is no such file.
func CreateFile(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, (*File).Create)
}

// CreateMissing is CreateFile for a file that another process may make first: then that one stays,
// and there is no error. Nothing is made through a symbolic link that leads nowhere: that is an
// error.
func CreateMissing(path string, data []byte, perm fs.FileMode) error {
	err := CreateFile(path, data, perm)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("%s is a symbolic link that leads nowhere, and nothing is made through it: remove it, or put a file where it leads", path)
	}
	return nil
}

func write(path string, data []byte, perm fs.FileMode, finish func(*File) error) error {
	f, err := New(path, perm)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return finish(f)
}

// File is a file that does not have its name yet. [File.Replace] or [File.Create] gives it the
// name; call [File.Discard] in any case, which does nothing after either. The errors of its methods
// name the file as it will be called.
type File struct {
	// Volatile leaves it to the system when the file reaches stable storage. Others still see it
	// whole or not at all, but not after a power failure.
	Volatile bool

	path string
	temp *os.File // nil when it is done with
}

// New begins a file with the path and the permissions that it will have.
func New(path string, perm fs.FileMode) (*File, error) {
	f := &File{path: path}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".partial-*") // mode 0600
	if err != nil {
		return nil, f.named(err)
	}
	f.temp = temp
	if perm != 0o600 {
		if err := temp.Chmod(perm); err != nil {
			f.Discard()
			return nil, f.named(err)
		}
	}
	return f, nil
}

// TempName is where the file is until it gets its name. Who writes to it there leaves it in place.
func (f *File) TempName() string { return f.temp.Name() }

// Write appends to the file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.temp.Write(p)
	return n, f.named(err)
}

// Sync brings to stable storage what has been written so far. Finishing does so too.
func (f *File) Sync() error { return f.named(flush(f.temp)) }

// Replace finishes the file in place of the one that has its name, if there is one: see
// [WriteFile].
func (f *File) Replace() error {
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		f.Discard()
		return &fs.PathError{Op: "replace", Path: f.path, Err: errors.New("not a regular file")}
	}
	if err := f.close(); err != nil {
		return err
	}
	defer f.Discard()
	if err := os.Rename(f.temp.Name(), f.path); err != nil {
		return f.named(err)
	}
	f.temp = nil
	return f.syncDir()
}

// Create finishes the file under a name that must be free: see [CreateFile].
func (f *File) Create() error {
	if err := f.close(); err != nil {
		return err
	}
	defer f.Discard()
	err := link(f.temp.Name(), f.path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Not every file system knows links. There an empty file claims the name first.
		var claim *os.File
		if claim, err = os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			claim.Close()
			if err = os.Rename(f.temp.Name(), f.path); err != nil {
				os.Remove(f.path)
			}
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: f.path, Err: fs.ErrExist}
	}
	if err != nil {
		return f.named(err)
	}
	f.Discard()
	if err := f.syncDir(); err != nil {
		os.Remove(f.path)
		return err
	}
	return nil
}

// In tests these fail: link as on a file system without links, flush as on a disk that is broken.
var (
	link  = os.Link
	flush = (*os.File).Sync // on macOS this is F_FULLFSYNC
)

// close syncs and closes the temporary file, which keeps its place.
func (f *File) close() error {
	var err error
	if !f.Volatile {
		err = flush(f.temp)
	}
	err = errors.Join(err, f.temp.Close())
	if err != nil {
		f.Discard()
	}
	return f.named(err)
}

// syncDir brings the name to stable storage.
func (f *File) syncDir() error {
	if f.Volatile {
		return nil
	}
	return SyncDir(filepath.Dir(f.path))
}

// Discard removes what has been written, unless the file is finished.
func (f *File) Discard() {
	if f.temp != nil {
		f.temp.Close() // an error if it is closed already
		os.Remove(f.temp.Name())
		f.temp = nil
	}
}

// named gives an error the path that the caller knows in place of the temporary one.
func (f *File) named(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: e.Op, Path: f.path, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: e.Op, Path: f.path, Err: e.Err}
	}
	return err
}

// MkdirAll makes a directory, and those above it that are missing, as os.MkdirAll does. The names
// of those that it makes are on stable storage when it returns.
func MkdirAll(path string, perm fs.FileMode) error {
	if _, err := os.Stat(path); err == nil {
		return os.MkdirAll(path, perm) // which refuses what is no directory
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(path, perm); err != nil { // another process may have been first
		return err
	}
	return SyncDir(parent)
}

// SyncDir brings the names in a directory to stable storage. On Windows, and where a directory or a
// file system cannot be synced, that is left to the system.
func SyncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) { // files can be made in a directory that cannot be read
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := flush(dir); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = failed.Err
		}
		if whole, e := filepath.Abs(path); e == nil { // a dot says nothing
			path = whole
		}
		return fmt.Errorf("syncing directory %s: %w", path, err)
	}
	return nil
}
