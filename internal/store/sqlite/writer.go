package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	driver "zombiezen.com/go/sqlite"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// How updates share a commit. A commit costs mostly the wait for the disk, so one goroutine
// collects all updates that are waiting and folds them into one transaction. They take turns, each
// under a savepoint of its own. The goroutine hands the transaction to the one that called Update,
// which runs its function there, so that a panic unwinds the stack it belongs to, and hands the
// transaction back. Then one commit makes all updates durable, and only after it does any of them
// return.

// maxGroup bounds a group, so that its first update does not wait for more and more others.
const maxGroup = 256

// update is one call of Update on its way through the writer.
type update struct {
	ctx  context.Context
	turn chan *tx      // hands the transaction over; unbuffered, so that both sides know whether it did
	ran  chan struct{} // closed when the function has run and err is set
	done chan error    // the outcome; buffered, since the caller may have left

	err   error // why the changes must be undone, nil to keep them
	wrote bool  // there are changes to keep or undo
}

func (d *database) Update(ctx context.Context, fn func(store.Tx) error) error {
	return d.counters.Count(func() error { return d.update(ctx, fn) })
}

func (d *database) update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &update{
		ctx:  ctx,
		turn: make(chan *tx),
		ran:  make(chan struct{}),
		done: make(chan error, 1),
	}
	select {
	case d.queue <- u:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.quit:
		return engine.ErrClosed
	}
	select {
	case t := <-u.turn:
		u.run(t, fn)
		return <-u.done
	case err := <-u.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run runs the function on the transaction and hands the transaction back in any case.
func (u *update) run(t *tx, fn func(store.Tx) error) {
	u.err = engine.ErrAbandoned
	defer func() {
		u.wrote = t.sql.Wrote
		t.sql.End()
		close(u.ran)
	}()
	err := fn(t)
	if err == nil {
		err = t.sql.Doom
	}
	u.err = err
}

// write is the goroutine that commits groups of updates until the store is closed.
func (d *database) write() {
	defer close(d.stopped)
	for {
		select {
		case u := <-d.queue:
			for group := d.collect([]*update{u}, maxGroup); len(group) > 0; {
				group = d.commit(group)
			}
		case turn := <-d.turns:
			turn()
		case <-d.quit:
			return
		}
	}
}

// inTurn runs fn between two groups, while nothing else writes.
func (d *database) inTurn(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	turn := func() {
		d.writing.Lock()
		defer d.writing.Unlock()
		done <- fn()
		d.grown()
	}
	select {
	case d.turns <- turn:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	case <-d.quit:
		return engine.ErrClosed
	}
}

// grown tells the checkpointer that the log has grown.
func (d *database) grown() {
	select {
	case d.committed <- struct{}{}:
	default:
	}
}

// collect adds those that are waiting now to a group, until it is so large.
func (d *database) collect(group []*update, size int) []*update {
	for len(group) < size {
		select {
		case u := <-d.queue:
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// commit runs the updates in one transaction, with those that come meanwhile, and tells each its
// outcome. When the storage fails so that the transaction is lost, those that have run fail with
// it, and those that have not had their turn are returned.
func (d *database) commit(group []*update) (rest []*update) {
	d.writing.Lock()
	defer d.writing.Unlock()
	err := d.inPlace()
	if err == nil {
		if err = d.begin(group); err != nil {
			d.abandon()
			d.countSync(err)
		}
	}
	if err != nil {
		for _, u := range group {
			u.done <- fmt.Errorf("%w: beginning to write: %w", store.ErrUnavailable, d.explain(err))
		}
		return nil
	}
	var kept []*update
	var failure error
	for ran := 1; len(group) > 0 && failure == nil; ran++ {
		var keep bool
		u := group[0]
		group = group[1:]
		if keep, failure = d.runOne(u); keep {
			kept = append(kept, u)
		}
		if len(group) == 0 && failure == nil {
			group = d.collect(nil, maxGroup-ran)
		}
	}
	if failure == nil {
		_, failure = d.writer.Exec("COMMIT")
		d.countSync(failure)
	}
	if failure != nil {
		d.doubtful.Store(true)
		d.abandon()
	} else {
		failure = d.inPlace() // or what was committed is in files that nobody will find
	}
	var outcome error
	if failure != nil {
		outcome = fmt.Errorf("%w: committing: %w", store.ErrFailed, d.explain(failure))
	}
	if failure == nil && slices.ContainsFunc(kept, func(u *update) bool { return u.wrote }) {
		d.counters.Commit()
	}
	if d.writer != nil && d.writer.alone != nil {
		d.abandon()
	}
	for _, u := range kept {
		u.done <- outcome
	}
	d.grown()
	return group
}

// runOne gives an update its turn. It reports whether the changes are to be committed; an update
// whose changes are not is told so here. A failure is one of the storage.
func (d *database) runOne(u *update) (keep bool, failure error) {
	if _, err := d.writer.Exec("SAVEPOINT one"); err != nil {
		u.done <- fmt.Errorf("%w: beginning to write: %w", store.ErrUnavailable, d.explain(err))
		return false, err
	}
	select {
	case u.turn <- &tx{sql: engine.SQL{Conn: d.writer, Context: context.Background(), Entries: d.entries}}:
		<-u.ran
	case <-u.ctx.Done(): // the caller has left, or is about to
		u.err = u.ctx.Err()
	}
	if u.err == nil {
		_, failure = d.writer.Exec("RELEASE one")
		return true, failure
	}
	u.done <- u.err
	// This fails where SQLite has rolled back the whole transaction by itself.
	if _, err := d.writer.Exec("ROLLBACK TO one"); err != nil {
		return false, err
	}
	_, failure = d.writer.Exec("RELEASE one")
	return false, failure
}

// writerSetup gives the writer a cache of 32 MiB, keeps what savepoints need out of temporary
// files, and leaves the log to checkpoint.go. What is removed is overwritten: a message that was
// redacted must not be found in the file. The limit, in bytes, is the size that the log's file is
// cut to when the log starts again.
const writerSetup = `PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;
	PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d; ` + soon

// begin starts a transaction of the writer, on a new connection if there is none. It waits for its
// turn while another process writes, unless all who are waiting have left.
func (d *database) begin(group []*update) (err error) {
	patience := time.Now().Add(d.turnWait)
	tryAgain := func() bool {
		return time.Now().Before(patience) && slices.ContainsFunc(group, func(u *update) bool { return u.ctx.Err() == nil })
	}
	if err := d.openWriter(tryAgain); err != nil {
		return err
	}
	return d.writer.beginImmediate(tryAgain)
}

func (s *session) beginImmediate(tryAgain func() bool) error {
	for {
		_, err := s.Exec("BEGIN IMMEDIATE")
		if code(err) != driver.ResultBusy || !tryAgain() {
			return err
		}
	}
}

// openWriter opens the writer's connection if there is none, on a log that can be built on.
func (d *database) openWriter(tryAgain func() bool) (err error) {
	if d.writer != nil {
		return nil
	}
	if d.writer, err = d.openSession(fmt.Sprintf(writerSetup, d.restartFrames*frameSize)); err != nil {
		return err
	}
	if d.writer.alone == nil && d.anchor == nil {
		err = d.holdLog()
	}
	if err == nil {
		err = d.secureLog(tryAgain)
	}
	if err != nil {
		d.abandon()
	}
	return err
}

// secureLog brings what is in the log to the database, and lets the log start again. The log that
// an earlier connection has left can have frames in it that are read, but are not on the disk: a
// sync that has failed is not made up for by a later one. A commit that came after them in the log
// would be lost with them. They are written once more first: see renewLog.
//
// After a commit of this store has failed, nothing else will do. Otherwise readers, such as a
// backup that takes minutes, are waited for as long as when the log has become long, and no longer:
// somebody else has had the log open since before.
func (d *database) secureLog(tryAgain func() bool) error {
	d.copying.Lock()
	defer d.copying.Unlock()
	if d.doubtful.Load() || !d.beside { // commands do not write a log of 64 MiB anew under a service
		if err := d.renewLog(tryAgain); err != nil {
			return err
		}
	}
	if d.halfCopied.Load() {
		if err := d.renewPages(tryAgain); err != nil {
			return err
		}
		d.halfCopied.Store(false)
	}
	for began := time.Now(); ; {
		log, err := checkpoint(d.writer, "RESTART")
		switch {
		case err != nil:
			d.halfCopied.Store(failedSync(err))
			return err
		case !log.busy:
			d.doubtful.Store(false)
			return nil
		case !d.doubtful.Load() && (d.beside || time.Since(began) > restartWait):
			return nil
		case !tryAgain():
			return errors.New("readers keep the log from starting again, which it must after a commit that failed")
		}
	}
}

// abandon gives up the writer's connection, and with it a transaction that may be open on it.
func (d *database) abandon() {
	d.log.Store(nil) // first: the log may go with the connection
	d.writer.close()
	d.writer = nil
}
