package sqlite

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	o.files = storetest.NextRelease(embedded)
	return o
}

// Views is how many views a store can have at the same time.
func Views(s store.Store) int { return cap(s.(*database).readers) }

// ShortLog returns the options of a database whose log starts again after so many frames.
func ShortLog(frames int) Options { return Options{restartFrames: frames} }

// InTurn runs a function between two groups of updates, as [database.Load] does.
func InTurn(ctx context.Context, s store.Store, fn func() error) error {
	return s.(*database).inTurn(ctx, fn)
}

// Lose gives up the transaction of a group, as SQLite does by itself when the disk fails.
func Lose(t store.Tx) error {
	_, err := t.(*tx).sql.Conn.Exec("ROLLBACK")
	return err
}

// WatchLog lets what a function returns stand between the log and whoever writes it anew.
func WatchLog(watch func(path string, log *os.File) interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}) {
	openLog = func(path string) (logFile, error) {
		log, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		return watch(path, log), nil
	}
}

// FirstRelease returns the options as the first release had them.
func (o Options) FirstRelease() Options {
	o.files = storetest.FirstRelease(embedded)
	return o
}

// Synchronous returns the setting of this name of the writer.
func Synchronous(t *testing.T, s store.Store) (level int) {
	t.Helper()
	if err := s.(*database).update(t.Context(), func(t store.Tx) error {
		return t.(*tx).sql.ReadRow("SELECT synchronous FROM pragma_synchronous", nil, &level)
	}); err != nil {
		t.Fatal(err)
	}
	return level
}
