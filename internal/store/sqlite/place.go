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

// inPlace reports the same of the log, too. Only the writer calls it, under the lock of writing.
func (d *database) inPlace() error {
	if err := d.databaseInPlace(); err != nil || d.writer == nil {
		return err
	}
	if d.log != nil {
		return inPlace(d.path+"-wal", d.log)
	}
	// The log stays for as long as a connection is open. The writer's is, and has used it unless this
	// is before its first transaction.
	d.log, _ = os.Stat(d.path + "-wal")
	return nil
}

func inPlace(path string, opened os.FileInfo) error {
	if now, err := os.Stat(path); err == nil && os.SameFile(now, opened) {
		return nil
	}
	return fmt.Errorf("the file %s was removed or replaced while it was open, so nothing is changed any more: put it back, or restart the service to go on with what is there", path)
}

// leastRoom is what a disk must have left, in bytes, for changes to be taken for possible without a
// try.
const leastRoom = 1 << 20

// short reports whether the disk has next to no room.
func (d *database) short() bool {
	n, known := free(filepath.Dir(d.path))
	return known && n < leastRoom
}
