package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// How updates keep the contract on PostgreSQL. Each is a transaction of its own; the server gathers
// their commits by itself. An update runs at READ COMMITTED and locks what it reads until it ends
// (see locks.go). So updates that meet wait for each other, where SERIALIZABLE would let them work
// in vain; and an engine that offers no more than READ COMMITTED across its nodes will do. An
// update starts again, a bounded number of times, when it lost a race for a lock, when it was part
// of a deadlock, or when its connection broke before the commit was sent.
//
// Once the commit has been sent, nothing is repeated blindly. An update holds a lock on a token of
// its own from its first statement on. When the answer to the commit is lost, another connection
// waits for that lock, so that the transaction is over, and looks for a row that the update wrote.

const (
	// attempts is how often an update may start, with pauses that double in between. Deadlocks and
	// lost races are over in less; a restart of the server is not waited for.
	attempts   = 10
	firstPause = 2 * time.Millisecond

	// settleTime is how long the answer to a commit is looked for, settlePause the pause in
	// between: long enough for a server that has crashed to be up again.
	settleTime  = 20 * time.Second
	settlePause = 100 * time.Millisecond
)

func (d *database) Update(ctx context.Context, fn func(store.Tx) error) error {
	return d.counters.Count(func() error { return d.update(ctx, fn) })
}

func (d *database) update(ctx context.Context, fn func(store.Tx) error) error {
	alone := make(map[int64]bool)
	pause := firstPause
	for n := 1; ; n++ {
		err := d.attempt(ctx, fn, alone)
		again, ok := errors.AsType[*tryAgain](err)
		if !ok {
			return err
		}
		if n == attempts {
			return again.err
		}
		if !errors.Is(again.err, errLostRace) { // whoever lost one waits for the lock the next time
			select {
			case <-time.After(pause + rand.N(pause)):
				pause *= 2
			case <-ctx.Done():
				return again.err
			}
		}
		d.counters.Repeats.Add(1)
	}
}

// tryAgain is the outcome of an attempt that changed nothing and may do better the next time. Its
// error is what callers see if it was the last attempt.
type tryAgain struct{ err error }

func (e *tryAgain) Error() string { return e.err.Error() }

// errLostRace: the update needs a lock for itself that it has shared, and another holds it too.
var errLostRace = fmt.Errorf("%w: other updates were faster each time", store.ErrUnavailable)

// attempt runs an update once. alone has the locks that it must not share from the first, and gets
// those that the next attempt must not share.
func (d *database) attempt(ctx context.Context, fn func(store.Tx) error, alone map[int64]bool) error {
	conn, err := d.begin(ctx, forWork, `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`)
	if err != nil {
		if errors.Is(err, store.ErrUnavailable) && !d.closed.Load() {
			return &tryAgain{err}
		}
		return err
	}
	defer conn.end()
	t := &tx{
		sql:   engine.SQL{Session: conn, Context: context.Background(), Entries: d.entries},
		conn:  conn,
		db:    d,
		locks: &locks{held: make(map[int64]bool), alone: alone},
		token: rand.Int64(),
	}
	defer t.sql.End()
	conn.enqueue(statement{text: `SELECT pg_advisory_xact_lock($1)`, args: []any{t.token}})

	err = fn(t)
	switch doom := t.sql.Doom; {
	case doom != nil && (errors.Is(doom, errLostRace) || repeatable(doom) || conn.lost && !errors.Is(doom, context.DeadlineExceeded)):
		return &tryAgain{doom}
	case err != nil:
		return err
	case doom != nil:
		return doom
	case !t.sql.Wrote:
		return nil
	}
	return d.commit(t)
}

// commit commits what an update wrote.
func (d *database) commit(t *tx) error {
	if t.proof == nil {
		t.conn.enqueue(statement{
			text: `INSERT INTO commits (token, time) VALUES ($1, $2)`, args: []any{t.token, d.entries.Clock().UnixMilli()}})
		t.proof = &statement{text: `SELECT FROM commits WHERE token = $1`, args: []any{t.token}}
	}
	t.conn.answered = true // from here on nothing may be sent twice
	_, err := t.conn.Exec(`COMMIT`)
	if err == nil {
		d.counters.Commits.Add(1)
		return nil
	}
	// What the server refuses is not done. Only a session that it ends by force may be.
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && !t.conn.lost && e.Severity != "FATAL" && e.Severity != "PANIC" {
		kind, err := t.conn.Explain(err)
		if kind == nil {
			kind = store.ErrFailed
		}
		err = fmt.Errorf("%w: committing: %w", kind, err)
		if repeatable(err) {
			return &tryAgain{err}
		}
		return err
	}
	t.conn.end() // the connection may be the last one that the pool can give
	done, unknown := d.settle(t.token, *t.proof)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w: committing: whether it was done could not be found out: %w", store.ErrFailed, errors.Join(err, unknown))
	case done:
		d.counters.Commits.Add(1)
		return nil
	}
	return &tryAgain{fmt.Errorf("%w: committing: %w", store.ErrUnavailable, explain(err))}
}

// settle finds out whether the update with this token was committed. It was if proof finds a row
// once the transaction is over, which is when nobody holds the token's lock.
func (d *database) settle(token int64, proof statement) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	for {
		err = d.look(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, token); err != nil {
				return err
			}
			// A statement of its own, since it sees what was committed before it began.
			rows, err := tx.Query(ctx, proof.text, proof.args...)
			if err != nil {
				return err
			}
			done = rows.Next()
			rows.Close()
			return rows.Err()
		})
		if err == nil {
			return done, nil
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return false, err
		}
	}
}

// look runs a transaction on a connection that is kept free from updates.
func (d *database) look(ctx context.Context, fn func(pgx.Tx) error) error {
	conn, err := d.acquire(ctx, forLookup)
	if err != nil {
		return err
	}
	defer conn.Release()
	return pgx.BeginFunc(ctx, conn, fn)
}

// forgetCommits deletes what commits were looked up by: it is of no use after seconds.
func (d *database) forgetCommits(ctx context.Context, conn *pgxpool.Conn) error {
	_, err := conn.Exec(ctx, `DELETE FROM commits WHERE time < $1`, d.entries.Clock().Add(-24*time.Hour).UnixMilli())
	return err
}

// repeatable reports whether what failed may well succeed when it is done again.
func repeatable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (slices.Contains([]string{
		"40001",                   // could not serialize
		"40P01",                   // deadlock
		"25006",                   // read-only: this server is a standby now
		"57P01", "57P02", "57P03", // shutting down, crashed, starting
	}, e.Code) || entryTaken(e))
}

// entryTaken: another process has given a record of the trail the same entry.
func entryTaken(e *pgconn.PgError) bool {
	// An engine that distributes the table may add to the name.
	return e.Code == "23505" && strings.HasPrefix(e.ConstraintName, "audit_pkey")
}
