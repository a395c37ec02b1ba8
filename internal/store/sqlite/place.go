package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
)

// A file can be removed, or another put in its place, while it is open. SQLite does not notice, and
// goes on with a file that nobody will find again. So the writer looks before and after each
// commit, and acknowledges none into such a file. Views go on with the connections that are open:
// they may be the last chance to save what is there.

// databaseInPlace reports whether the file of the database is the one that was opened.
func (d *database) databaseInPlace() error { return inPlace(d.path, d.opened) }

// filesInPlace reports the same of the log, too, if the writer has used it.
func (d *database) filesInPlace() error {
	if err := d.databaseInPlace(); err != nil {
		return err
	}
	log := d.log.Load()
	if log == nil {
		return nil
	}
	if err := inPlace(d.path+"-wal", *log); d.log.Load() == log { // else the writer has given it up meanwhile
		return err
	}
	return nil
}

// inPlace reports the same, and notes which file the log is. Only the writer calls it, under the
// lock of writing.
func (d *database) inPlace() error {
	if err := d.filesInPlace(); err != nil || d.writer == nil || d.log.Load() != nil {
		return err
	}
	// The log stays for as long as a connection is open. The writer's is, and has used it unless this
	// is before its first transaction.
	if log, err := os.Stat(d.path + "-wal"); err == nil {
		d.log.Store(&log)
	}
	return nil
}

func inPlace(path string, opened os.FileInfo) error {
	now, err := os.Stat(path)
	if err == nil && os.SameFile(now, opened) {
		return nil
	}
	what := "save what can still be read, as by carillon bulk export, before the service stops"
	if err == nil {
		what = "restart the service to go on with what is there"
	}
	return fmt.Errorf("the file %s was removed or replaced while it was open, so nothing is changed any more: put it back, or %s", path, what)
}

// leastRoom is what a disk must have left, in bytes, for changes to be taken for possible without a
// try.
const leastRoom = 1 << 20

// short reports whether the disk has next to no room.
func (d *database) short() bool {
	n, known := free(filepath.Dir(d.path))
	return known && n < leastRoom
}
