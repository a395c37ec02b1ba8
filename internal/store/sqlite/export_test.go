package sqlite

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	o.files = storetest.NextRelease(embedded)
	return o
}

// Patient returns the options of a store that waits for its turn to write for as long as others
// take. Tests let several write without a pause, and SQLite keeps no queue of them.
func (o Options) Patient() Options {
	o.patience = 5 * time.Minute
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

// Read reads the one row of a query in a view.
func Read(t store.ReadTx, query string, dest ...any) error {
	return t.(*tx).sql.ReadRow(query, nil, dest...)
}

// LetLogGo gives up what holds the log, which a store does not have after a start on a full disk.
func LetLogGo(s store.Store) { s.(*database).letLogGo() }

// Plans tells how SQLite finds the rows for what the writer has changed or removed, by statement.
func Plans(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	plans := make(map[string]string)
	d := s.(*database)
	err := d.inTurn(context.Background(), func() error {
		w := d.writer
		if w == nil {
			return nil
		}
		for text, statement := range w.statements {
			if !strings.HasPrefix(text, "UPDATE") && !strings.HasPrefix(text, "DELETE") {
				continue
			}
			err := w.Query("EXPLAIN QUERY PLAN "+text, func(row engine.Row) error {
				var number int
				var step string
				err := row.Scan(&number, &number, &number, &step)
				plans[text] += step + "\n"
				return err
			}, make([]any, len(statement.args))...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, engine.ErrClosed) {
		t.Fatal(err)
	}
	return plans
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

// Pragma returns a setting of each kind of connection that changes files: of those that share the
// database, the one that has it for itself, and the writer. Nothing must have used the store yet.
func Pragma(t *testing.T, s store.Store, name string) (values []string) {
	t.Helper()
	d, query := s.(*database), "SELECT * FROM pragma_"+name
	var value string
	d.letLogGo() // which would keep out the one that has the database for itself
	for _, sharing := range []string{exclusive, shared} {
		s, err := d.newSession(t.Context(), sharing, "")
		if err == nil {
			err = s.queryRow(query, nil, &value)
			s.close()
		}
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := d.update(t.Context(), func(t store.Tx) error {
		return t.(*tx).sql.ReadRow(query, nil, &value)
	}); err != nil {
		t.Fatal(err)
	}
	return append(values, value)
}

// UpdateAndLeave has the store run an update whose caller has left, and returns what is told to him
// in case he still listens.
func UpdateAndLeave(s store.Store) error {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	u := &update{ctx: ctx, turn: make(chan *tx), ran: make(chan struct{}), done: make(chan error, 1)}
	s.(*database).queue <- u
	return <-u.done
}

// Patience sets how long updates wait for their turn, while there are none, and returns how long it
// was.
func Patience(s store.Store, limit time.Duration) (former time.Duration) {
	d := s.(*database)
	former, d.turnWait = d.turnWait, limit
	return former
}
