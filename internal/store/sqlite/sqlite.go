// Package sqlite keeps the records of package store in a SQLite database: the engine that needs no
// server. Start at [Open]; [Lock] keeps a second service out; [WriteBackup] and [Restore] are what
// the file of a database that is being served cannot be copied by.
//
// Reading, writing and keeping the log short each have a file: sqlite.go, writer.go, checkpoint.go.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	modernc "modernc.org/sqlite"
	driver "zombiezen.com/go/sqlite"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// Options adjusts a database; the zero value is ready for a service.
type Options struct {
	Clock func() time.Time // gives entries their time; nil: time.Now

	// Beside is for a command that works beside a service. The service relies on the schema as it
	// is, so an older one is not upgraded but refused as ErrOlderSchema. An empty database gets its
	// tables.
	Beside bool

	// Volatile is for data that need not survive a failure of power or of the system, as in tests:
	// nothing waits for the disk. Data does survive the end of the process, however it ends.
	Volatile bool

	// Companions are the names of files and directories beside the database that are only made once it
	// is whole. Beside one of them, an empty file is refused.
	Companions []string
	// Upgraded is told what an upgrade of the schema has come across, unless that is nothing.
	Upgraded func(store.Upgraded)

	files         fs.FS         // with the migrations; nil: those of this release
	restartFrames int           // 0: the constant of this name
	patience      time.Duration // how long it waits for its turn; 0: see turnWait
}

// Open opens the database in a directory. It makes the directory (mode 0700) and the database
// (0600) where they are missing, and upgrades an older schema. Several processes may have the
// database open. Errors name the file; ErrNewerSchema is among them, and ErrOlderSchema with
// [Options].Beside.
func Open(ctx context.Context, dir string, opts Options) (store.Store, error) {
	syncData()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := cmp.Or(usable(dir), notEmptied(dir, opts.Companions)); err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	// SQLite would create the file with wider permissions. An existing file must not even be opened
	// here: closing it again would drop the locks that other handles in this process hold on it.
	path := filepath.Join(dir, File)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("creating database: %w", err)
	}

	d := &database{
		path:       path,
		turnWait:   opts.turnWait(),
		beside:     opts.Beside,
		migrations: opts.migrations(),
		entries:    engine.NewSequence(opts.Clock, false),
		queue:      make(chan *update),
		turns:      make(chan func()),
		volatile:   opts.Volatile,
		readers:    makeSessions(max(4, 2*runtime.GOMAXPROCS(0))),
		lookups:    makeSessions(max(2, runtime.GOMAXPROCS(0))),
		quit:       make(chan struct{}),
		stopped:    make(chan struct{}),

		restartFrames: cmp.Or(opts.restartFrames, restartFrames),
		committed:     make(chan struct{}, 1),
		checkpointed:  make(chan struct{}),
	}
	if err := d.prepare(ctx); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, explain(err))
	}
	if d.opened, err = os.Stat(path); err != nil {
		d.letLogGo()
		return nil, fmt.Errorf("opening database: %w", err)
	}
	if found := d.migrations.Found; opts.Upgraded != nil && !found.Empty() {
		opts.Upgraded(*found)
	}
	go d.write()
	go d.checkpoints()
	return d, nil
}

// syncData lets SQLite sync files by fdatasync where there is one, as the builds of distributions
// do. All that fsync brings to the disk besides are the times of files, for which some file systems
// let a commit wait. Where there is no fdatasync, the error says so.
var syncData = sync.OnceFunc(func() { modernc.Fdatasync(true) })

// lockWait is how long a statement waits for a lock that another process holds.
const lockWait = 5 * time.Second

// turnWait is how long an update, or an opening, waits for its turn to write. A busy service gives
// the lock away for less than a millisecond between two groups, and SQLite keeps no queue, but
// looks every 100 ms after a while: that could take minutes. So it gives up soon ([soon]), and is
// asked again.
func (o Options) turnWait() time.Duration {
	if o.Beside {
		return cmp.Or(o.patience, time.Minute)
	}
	return cmp.Or(o.patience, lockWait)
}

// soon makes SQLite look for a lock a few times within 10 ms.
const soon = "PRAGMA busy_timeout = 10"

// prepare makes the database ready: the schema first, then the log, which lets readers and the
// writer work at the same time. SQLite refuses at once whoever turns the log on while another does,
// since neither could go on if both waited; so this tries again.
func (d *database) prepare(ctx context.Context) error {
	for patience := time.Now().Add(d.turnWait); ; {
		if d.holdLog() != nil { // a half of a database cannot be read; of anything else, the next step tells
			d.letLogGo()
		}
		err := d.prepareOnce(ctx, shared)
		if err != nil {
			d.letLogGo()
		}
		if noRoom(err) {
			err = d.prepareOnce(ctx, exclusive)
		}
		if code(err) != driver.ResultBusy || time.Now().After(patience) {
			return err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *database) prepareOnce(ctx context.Context, sharing string) error {
	s, err := connect(ctx, d.path, driver.OpenReadWrite, sharing+durability(!d.volatile)+soon)
	if err != nil {
		return err
	}
	defer s.close()
	if err := migrate(s, d.migrations); err != nil {
		return err
	}
	var mode string
	if err := s.queryRow("PRAGMA journal_mode = WAL", nil, &mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("this file system cannot hold a write-ahead log (journal mode %q): use a local disk", mode)
	}
	if sharing == exclusive {
		return nil
	}
	return d.holdLog() // there is one only now if the database is new
}

// holdLog keeps the log, if there is one, from being copied to the database and removed by whoever
// closes the last connection. SQLite would do so whatever is in doubt, but not by a connection that
// only reads.
func (d *database) holdLog() (err error) {
	if d.anchor == nil {
		if d.anchor, err = connect(context.Background(), d.path, driver.OpenReadOnly, shared+soon); err != nil {
			return err
		}
	}
	return d.anchor.script("SELECT count(*) FROM sqlite_schema") // what has read holds the log
}

func (d *database) letLogGo() {
	d.anchor.close()
	d.anchor = nil
}

// explain adds what to do to the errors of SQLite that an operator can do something about.
func explain(err error) error {
	switch code(err) {
	case driver.ResultNotADB, driver.ResultCorrupt:
		return fmt.Errorf("the file is damaged or no database, restore a backup: %w", err)
	case driver.ResultReadOnly, driver.ResultCantOpen, driver.ResultPerm:
		return fmt.Errorf("file and directory must be readable and writable: %w", err)
	case driver.ResultFull:
		return fmt.Errorf("the disk is full, make room on it: %w", err)
	case driver.ResultIOErr:
		return fmt.Errorf("the disk failed, or the file may not grow (a quota, a limit of the process): %w", err)
	case driver.ResultBusy:
		return fmt.Errorf("another process keeps it locked: %w", err)
	}
	return err
}

// code is the primary result code of an error from SQLite, 0 for any other.
func code(err error) driver.ResultCode {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code.ToPrimary()
	}
	return 0
}

// failedSync reports whether an error says that a file could not be synced.
func failedSync(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (f.code == driver.ResultIOErrFsync || f.code == driver.ResultIOErrDirFsync)
}

func (d *database) countSync(err error) {
	if failedSync(err) {
		d.counters.FailedSyncs.Add(1)
	}
}

// database is the [store.Store].
type database struct {
	alone    sync.Mutex  // held by the session that has the database for itself
	path     string      // of the file
	opened   os.FileInfo // which file that was
	volatile bool
	entries  *engine.Sequence
	counters engine.Counters

	// queue is how updates reach the goroutine that runs write, which alone uses the writer.
	queue      chan *update
	turns      chan func()                 // what else it runs, between two groups
	writer     *session                    // nil until first needed, and after a failure
	log        atomic.Pointer[os.FileInfo] // which file the log of the writer is; nil until it has committed
	doubtful   atomic.Bool                 // a commit has failed, and what is in the log may not be on the disk
	halfCopied atomic.Bool                 // a sync of a checkpoint has failed, and what was copied may not be on the disk
	turnWait   time.Duration
	beside     bool // see Options

	anchor *session // see holdLog; nil since a start on a full disk, until there is a writer

	readers sessions // of views
	lookups sessions // of AccessKey and Ping

	migrations  engine.Migrations // of this release
	savedStates sync.Map          // those that are known to be sound: a [savedState] for each file

	restartFrames int
	writing       sync.Mutex    // held while a group is committed, and while the log starts again
	copying       sync.Mutex    // held while the log is copied to the database; locked after writing
	committed     chan struct{} // tells checkpoints that the log has grown; buffered, since one word of it is enough
	checkpointed  chan struct{} // closed when checkpoints has returned

	closing sync.Once
	quit    chan struct{} // closed when Close begins
	stopped chan struct{} // closed when write has returned
}

func (d *database) View(ctx context.Context, fn func(store.ReadTx) error) error {
	return d.view(ctx, d.readers, func(t *tx) error { return fn(t) })
}

func (d *database) view(ctx context.Context, idle sessions, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var r *session
	select {
	case r = <-idle:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.quit:
		return engine.ErrClosed
	}
	// A session goes back only if it is sound: after a failure or a panic the next one starts
	// afresh.
	sound := false
	defer func() {
		if !sound {
			r.close()
			r = nil
		}
		idle <- r
	}()

	var err error
	if r == nil {
		if r, err = d.openSession("PRAGMA query_only = 1"); err != nil {
			return fmt.Errorf("%w: opening: %w", store.ErrUnavailable, d.explain(err))
		}
	}
	// The snapshot is taken by the first read and kept to the end.
	if _, err := r.Exec("BEGIN"); err != nil {
		return fmt.Errorf("%w: beginning to read: %w", store.ErrUnavailable, d.explain(err))
	}
	t := &tx{sql: engine.SQL{Conn: r, Context: ctx}}
	err = fn(t)
	t.sql.End()
	_, rollback := r.Exec("ROLLBACK")
	sound = rollback == nil && !errors.Is(t.sql.Doom, store.ErrUnavailable) && r.alone == nil
	return err
}

// Seats uses a connection of its own, so that no view has to wait meanwhile.
func (d *database) Seats(ctx context.Context) (map[string]int, error) {
	select {
	case <-d.quit:
		return nil, engine.SeatsError(ctx, engine.ErrClosed)
	default:
	}
	s, err := d.newSession(ctx, shared, "PRAGMA query_only = ON")
	if err != nil {
		return nil, engine.SeatsError(ctx, d.explain(err))
	}
	defer s.close()
	seats := make(map[string]int)
	if err := s.Query(engine.SeatsQuery, func(row engine.Row) error { return engine.AddSeats(seats, row) }); err != nil {
		return nil, engine.SeatsError(ctx, d.explain(err))
	}
	return seats, nil
}

func (d *database) Stats() store.Stats {
	stats := d.counters.Stats()
	stats.LogBytes = d.logSize()
	if room, known := free(filepath.Dir(d.path)); known {
		stats.FreeBytes = &room
	}
	return stats
}

// logSize is the length of the log in bytes.
func (d *database) logSize() int64 {
	info, err := os.Stat(d.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (d *database) AccessKey(ctx context.Context, keyID string) (k store.AccessKey, err error) {
	err = d.view(ctx, d.lookups, func(t *tx) (err error) {
		k, err = t.AccessKey(keyID)
		return err
	})
	return k, err
}

func (d *database) Ping(ctx context.Context) error {
	err := d.view(ctx, d.lookups, func(t *tx) error {
		var version int
		return t.sql.ReadRow("SELECT user_version FROM pragma_user_version", nil, &version)
	})
	if err == nil {
		if replaced := d.filesInPlace(); replaced != nil {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, replaced)
		}
	}
	if err != nil || !d.counters.Failing() && !d.short() {
		return err
	}
	return engine.Probe(ctx, d.Update)
}

func (d *database) Close() error {
	d.closing.Do(func() {
		close(d.quit)
		<-d.stopped
		<-d.checkpointed
		// Commands leave to the next service what they have not written.
		if d.inDoubt() || d.writer == nil && !d.beside && d.logSize() > 0 {
			d.openWriter(func() bool { return false })
		}
		if d.logSize() == 0 || d.writer != nil && !d.inDoubt() {
			d.letLogGo() // the next start does without
		}
		d.readers.close()
		d.lookups.close()
		d.writer.close()
		d.letLogGo()
	})
	return nil
}

// explain says which file failed, and what to do.
func (d *database) explain(err error) error { return explainFile(d.path, err) }

func explainFile(path string, err error) error {
	return fmt.Errorf("database %s: %w", path, explain(err))
}
