package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// databaseFile is the name of the database inside its directory. SQLite keeps its log beside it.
const databaseFile = "carillon.db"

// Options adjusts a store; the zero value is ready for production.
type Options struct {
	Clock func() time.Time // gives entries their time; nil: time.Now
	Pool  int              // most connections to PostgreSQL; 0: 16

	// Beside is for working beside a service, which relies on the schema as it is: an older one is
	// then not upgraded but refused as ErrOlderSchema. An empty database gets its tables nevertheless.
	Beside bool

	migrations    fs.FS // what tests have for the embedded files
	restartFrames int   // the constant of this name, smaller in tests
}

func (o Options) sequence() *sequence {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &sequence{clock: o.Clock}
}

// OpenSQLite opens the database DIR/carillon.db, making directory (mode 0700) and file (0600)
// where they are missing and upgrading an older schema. Several processes may have it open; see
// [LockDir] for keeping a second service out. Errors name the file; ErrNewerSchema is among them,
// and ErrOlderSchema with [Options].Beside.
func OpenSQLite(ctx context.Context, dir string, opts Options) (Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating data directory: %w", err)
	}
	// SQLite would create the file with wider permissions. An existing file must not even be opened
	// here: closing it again would drop the locks that other handles in this process hold on it.
	path := filepath.Join(dir, databaseFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("creating database: %w", err)
	}

	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	db.SetMaxIdleConns(0) // sessions hold on to their connections; what they let go of is done with
	s := &sqliteStore{
		db:      db,
		path:    path,
		entries: opts.sequence(),
		queue:   make(chan *update),
		readers: make(chan *sqliteSession, max(4, 2*runtime.GOMAXPROCS(0))),
		quit:    make(chan struct{}),
		stopped: make(chan struct{}),

		restartFrames: cmp.Or(opts.restartFrames, restartFrames),
		committed:     make(chan struct{}, 1),
		checkpointed:  make(chan struct{}),
	}
	if err := prepare(ctx, db, opts.migrationsOf("sqlite")); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening database %s: %w", path, explainSQLite(err))
	}
	for range cap(s.readers) {
		s.readers <- nil
	}
	go s.write()
	go s.checkpoint()
	return s, nil
}

// dataSource is the driver's name for a database at an absolute path. FULL makes a commit wait until
// the log is on stable storage: NORMAL does not, and on macOS nothing does but its own way of syncing,
// which other systems pass over.
func dataSource(path string) string {
	return sourceURL(path, "mode=rw&_busy_timeout=5000&_sync=FULL&_pragma=fullfsync(1)&_dqs=0&_defensive=1")
}

// sourceURL is the driver's name for the file at an absolute path, whatever characters it has.
func sourceURL(path, parameters string) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' { // C:/...
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: parameters}).String()
}

// prepare makes the database ready: schema first, then the log, which is what lets readers and
// the writer go on beside each other.
func prepare(ctx context.Context, db *sql.DB, m migrations) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := migrate(ctx, conn, m); err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("this file system cannot hold a write-ahead log (journal mode %q): use a local disk", mode)
	}
	return nil
}

func (s *sqliteSession) explain(err error) (kind, explained error) {
	if e, ok := errors.AsType[*sqlite.Error](err); ok &&
		(e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE) {
		return ErrExists, err
	}
	return nil, s.store.explain(err)
}

// explain says where the storage failed, and what to do.
func (s *sqliteStore) explain(err error) error {
	return fmt.Errorf("database %s: %w", s.path, explainSQLite(err))
}

// explainSQLite adds what to do to the errors of SQLite that an operator can do something about.
func explainSQLite(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the file is damaged or no database, restore a backup: %w", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("file and directory must be readable and writable: %w", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full, make room on it: %w", err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk failed, or the file may not grow (a quota, a limit of the process): %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another process keeps it locked: %w", err)
	}
	return err
}

// code is the primary result code of an error from SQLite, 0 for any other.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// LockDir keeps the directory for one serving process until release is called or the process
// ends. It creates the directory (0700) and, inside, an empty file named lock. A directory that
// is taken gives ErrLocked. Operator's commands open the store without it.
func LockDir(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating data directory: %w", err)
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

type sqliteStore struct {
	db      *sql.DB
	path    string // of the database file
	entries *sequence
	counters

	// queue is how updates reach the goroutine that runs write; the next is its own.
	queue  chan *update
	writer *sqliteSession // nil until first needed, and after a failure

	// readers holds the idle sessions; nil stands for one not yet opened.
	readers chan *sqliteSession

	restartFrames int
	writing       sync.Mutex    // held while a group is committed, and while the log starts again
	committed     chan struct{} // tells checkpoint that the log has grown; buffered, since one word of it is enough
	checkpointed  chan struct{} // closed when checkpoint has returned

	closing sync.Once
	quit    chan struct{} // closed when Close begins
	stopped chan struct{} // closed when write has returned
}

var errClosed = fmt.Errorf("%w: it is closed", ErrUnavailable)

func (s *sqliteStore) View(ctx context.Context, fn func(ReadTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var r *sqliteSession
	select {
	case r = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return errClosed
	}
	// A session goes back only if it is sound: after a failure or a panic the next one starts afresh.
	sound := false
	defer func() {
		if !sound {
			r.close()
			r = nil
		}
		s.readers <- r
	}()

	var err error
	if r == nil {
		if r, err = s.newSession("PRAGMA query_only = 1"); err != nil {
			return fmt.Errorf("%w: opening: %w", ErrUnavailable, s.explain(err))
		}
	}
	// The snapshot is taken by the first read and kept to the end.
	if _, err := r.exec("BEGIN"); err != nil {
		return fmt.Errorf("%w: beginning to read: %w", ErrUnavailable, s.explain(err))
	}
	t := &tx{session: r, ctx: ctx}
	err = fn(t)
	t.end()
	_, rollback := r.exec("ROLLBACK")
	sound = rollback == nil && !errors.Is(t.doom, ErrUnavailable)
	return err
}

// Seats uses a connection of its own, so that no view waits for one meanwhile.
func (s *sqliteStore) Seats(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.QueryContext(ctx, seatsQuery)
	if err != nil {
		return nil, seatsError(ctx, s.explain(err))
	}
	defer rows.Close()
	seats, err := readSeats(rows)
	if err != nil {
		return nil, seatsError(ctx, s.explain(err))
	}
	return seats, nil
}

func (s *sqliteStore) Stats() Stats {
	stats := s.stats()
	if info, err := os.Stat(s.path + "-wal"); err == nil { // there is none until the first change
		stats.LogBytes = info.Size()
	}
	return stats
}

func (s *sqliteStore) Ping(ctx context.Context) error {
	return s.View(ctx, func(r ReadTx) error {
		var version int
		return r.(*tx).row("SELECT user_version FROM pragma_user_version", nil, &version)
	})
}

func (s *sqliteStore) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.quit)
		<-s.stopped
		<-s.checkpointed
		for range cap(s.readers) {
			r := <-s.readers
			r.close()
		}
		s.writer.close()
		err = s.db.Close()
	})
	return err
}

// sqliteSession is a connection with the statements prepared on it. Those are few and their texts are
// constants, so they are kept for as long as the connection.
type sqliteSession struct {
	store      *sqliteStore
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func (s *sqliteStore) newSession(setup string) (*sqliteSession, error) {
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	session := &sqliteSession{store: s, conn: conn, statements: make(map[string]*sql.Stmt)}
	if _, err := session.exec(setup); err != nil {
		session.close()
		return nil, err
	}
	return session, nil
}

// close releases the connection; a nil session has none.
func (s *sqliteSession) close() {
	if s != nil {
		for _, statement := range s.statements {
			statement.Close()
		}
		s.conn.Close()
	}
}

// Statements run without the caller's context: an update that has begun is carried through, a
// read is short, and the driver would start a goroutine for each statement to watch a context.

func (s *sqliteSession) prepare(query string) (*sql.Stmt, error) {
	statement, ok := s.statements[query]
	if !ok {
		var err error
		if statement, err = s.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		s.statements[query] = statement
	}
	return statement, nil
}

// exec runs a statement and returns how many rows it changed.
func (s *sqliteSession) exec(query string, args ...any) (int64, error) {
	statement, err := s.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a query and calls scan for each row.
func (s *sqliteSession) query(query string, scan func(scanner) error, args ...any) error {
	statement, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
