package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// How updates share a commit. What a commit costs is mostly the wait for the disk, so a single
// goroutine collects all updates that are waiting and folds them into one transaction. Each
// runs under a savepoint of its own, by turns: the goroutine hands the transaction to the one
// that called Update, which runs its function there (so that a panic unwinds the stack it
// belongs to) and hands it back. One commit then makes all of them durable, and only after it
// does any of them return.

// maxGroup bounds a group, so that the first of it does not wait for ever more others.
const maxGroup = 256

// update is one call of Update on its way through the writer.
type update struct {
	ctx  context.Context
	turn chan *tx      // hands the transaction over; unbuffered, so both sides know whether it did
	ran  chan struct{} // closed when the function has run and err is set
	done chan error    // the outcome; buffered, since who called may have left

	err   error // why the changes must be undone, nil to keep them
	wrote bool  // it has changes to be kept, or undone
}

// errAbandoned stands for the outcome of a function that did not return.
var errAbandoned = errors.New("the function panicked")

func (s *sqliteStore) Update(ctx context.Context, fn func(Tx) error) error {
	return s.count(func() error { return s.update(ctx, fn) })
}

func (s *sqliteStore) update(ctx context.Context, fn func(Tx) error) error {
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
	case s.queue <- u:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return errClosed
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

// run runs the function on the transaction and hands it back, come what may.
func (u *update) run(t *tx, fn func(Tx) error) {
	u.err = errAbandoned
	defer func() {
		u.wrote = t.wrote
		t.end()
		close(u.ran)
	}()
	err := fn(t)
	if err == nil {
		err = t.doom
	}
	u.err = err
}

// write is the goroutine that commits groups of updates until the store is closed.
func (s *sqliteStore) write() {
	defer close(s.stopped)
	for {
		select {
		case u := <-s.queue:
			for group := s.collect(u); len(group) > 0; {
				group = s.commit(group)
			}
		case <-s.quit:
			return
		}
	}
}

// collect adds to the first update those that are waiting now.
func (s *sqliteStore) collect(first *update) []*update {
	group := []*update{first}
	for len(group) < maxGroup {
		select {
		case u := <-s.queue:
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// commit runs the updates in one transaction and tells each its outcome. When the storage fails
// so that the transaction is lost, those that have run fail with it, and those that have not had
// their turn are returned.
func (s *sqliteStore) commit(group []*update) (rest []*update) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.begin(); err != nil {
		s.abandon()
		for _, u := range group {
			u.done <- fmt.Errorf("%w: beginning to write: %w", ErrUnavailable, s.explain(err))
		}
		return nil
	}
	var kept []*update
	var failure error
	for len(group) > 0 && failure == nil {
		var keep bool
		u := group[0]
		group = group[1:]
		if keep, failure = s.runOne(u); keep {
			kept = append(kept, u)
		}
	}
	if failure == nil {
		_, failure = s.writer.exec("COMMIT")
	}
	var outcome error
	if failure != nil {
		s.abandon()
		outcome = fmt.Errorf("%w: committing: %w", ErrFailed, s.explain(failure))
	}
	if failure == nil && slices.ContainsFunc(kept, func(u *update) bool { return u.wrote }) {
		s.commits.Add(1)
	}
	for _, u := range kept {
		u.done <- outcome
	}
	select {
	case s.committed <- struct{}{}:
	default:
	}
	return group
}

// runOne gives an update its turn. It reports whether the changes are to be committed; an update
// whose changes are not is told so here. A failure is one of the storage.
func (s *sqliteStore) runOne(u *update) (keep bool, failure error) {
	if _, err := s.writer.exec("SAVEPOINT one"); err != nil {
		u.done <- fmt.Errorf("%w: beginning to write: %w", ErrUnavailable, s.explain(err))
		return false, err
	}
	select {
	case u.turn <- &tx{session: s.writer, ctx: context.Background(), sequence: s.entries}:
		<-u.ran
	case <-u.ctx.Done(): // who called has left, or is about to
		u.err = u.ctx.Err()
	}
	if u.err == nil {
		_, failure = s.writer.exec("RELEASE one")
		return true, failure
	}
	u.done <- u.err
	// This fails where SQLite has rolled back the whole transaction by itself.
	if _, err := s.writer.exec("ROLLBACK TO one"); err != nil {
		return false, err
	}
	_, failure = s.writer.exec("RELEASE one")
	return false, failure
}

// writerSetup gives the writer a cache of 32 MiB, keeps what savepoints need out of temporary files, and
// leaves the log to checkpoint.go. The limit, in bytes, is what is left of the log's file when it starts
// again.
const writerSetup = `PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;
	PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d`

// begin starts a transaction of the writer, on a new connection if there is none.
func (s *sqliteStore) begin() (err error) {
	if s.writer == nil {
		if s.writer, err = s.newSession(fmt.Sprintf(writerSetup, s.restartFrames*frameSize)); err != nil {
			return err
		}
	}
	_, err = s.writer.exec("BEGIN IMMEDIATE")
	return err
}

// abandon gives up the writer's connection, and with it a transaction that may be open on it.
func (s *sqliteStore) abandon() {
	s.writer.close()
	s.writer = nil
}
