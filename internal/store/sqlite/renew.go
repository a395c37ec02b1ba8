package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
)

// What a commit has written to the log is lost if the sync fails: the system forgets that it has to
// be written, and a later sync does not bring it to the disk. But it is still in memory, so whoever
// opens the database next takes it for a part of the log. A checkpoint would then copy what only
// memory has. If the power failed in the middle of that, the database would hold a half of it, and
// the log nothing to make up for the rest.
//
// So the log is written anew before what an earlier connection has left in it is copied. No reader
// notices, since each byte stays as it is.
//
// The same is true of the database. A checkpoint that copies a part of the log does not sync the
// database: the one that copies the rest does so for both. If that sync fails, what either has
// copied is lost, but only the rest is copied again. So the pages of the part are put into the log
// once more.

// logHeader is the size of what comes before the frames of a log, in bytes. A frame begins with the
// number of its page.
const logHeader = 32

// logFile is what renewLog needs of a file.
type logFile interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

var openLog = func(path string) (logFile, error) { return os.OpenFile(path, os.O_RDWR, 0) } // is recorded in a test

// renewLog brings what is in the log and not yet in the database to the disk. Meanwhile nobody else
// writes to the log. What comes into it before that is brought there by whoever writes it.
func (d *database) renewLog(tryAgain func() bool) (err error) {
	log, err := checkpoint(d.writer, "NOOP") // which a transaction would not allow
	if err != nil || log.length <= log.copied {
		return err
	}
	if err := d.writer.beginImmediate(tryAgain); err != nil {
		return err
	}
	defer func() {
		_, rollback := d.writer.Exec("ROLLBACK")
		err = errors.Join(err, rollback)
	}()
	file, err := openLog(d.path + "-wal")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	piece := make([]byte, 1<<20)
	for at, end := int64(0), logHeader+int64(log.length)*frameSize; at < end; {
		n, err := file.ReadAt(piece[:min(int64(len(piece)), end-at)], at)
		if err != nil {
			return err
		}
		if _, err = file.WriteAt(piece[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	if err := file.Sync(); err != nil {
		d.counters.FailedSyncs.Add(1)
		return err
	}
	return nil
}

// renewPages puts the pages into the log that were copied from it to the database and may be lost
// there.
func (d *database) renewPages(tryAgain func() bool) error {
	log, err := checkpoint(d.writer, "NOOP")
	if err != nil || log.copied <= 0 {
		return err
	}
	file, err := openLog(d.path + "-wal")
	if err != nil {
		return err
	}
	pages := map[uint32]bool{}
	for frame := range int64(log.copied) {
		var number [4]byte
		if _, err = file.ReadAt(number[:], logHeader+frame*frameSize); err != nil {
			break
		}
		pages[binary.BigEndian.Uint32(number[:])] = true
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	s, err := d.newSession(context.Background(), shared, soon+"; PRAGMA wal_autocheckpoint = 0")
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.beginImmediate(tryAgain); err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(pages)) {
		if _, err := s.Exec("UPDATE sqlite_dbpage SET data = data WHERE pgno = $1", number); err != nil {
			return err
		}
	}
	_, err = s.Exec("COMMIT")
	return err
}
