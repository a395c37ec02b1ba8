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
// An error at the commit says little: the answer may be lost, and of several nodes one may have
// committed. So each update adds a row of its own, a token, where it writes. When anything but a
// plain answer comes back, another connection tries to add the same row. The server lets it wait
// while the update is under way, or prepared and not decided. If the row turns out to be there, the
// update was committed. If not, the new row says "undone", and keeps the update from being
// committed late.

const (
	// attempts is how often an update may start, with pauses that double in between, and as long as
	// one may wait for a connection. Deadlocks and lost races are over in less; a restart of the
	// server is not waited for.
	attempts   = 10
	firstPause = 2 * time.Millisecond
	// nodeAttempts is how often it may start if a node behind the server does not answer. The first
	// may have met a connection to the node that broke long ago.
	nodeAttempts = 3

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
	begin, pause := time.Now(), firstPause
	for n := 1; ; n++ {
		err := d.attempt(ctx, fn, alone)
		again, ok := errors.AsType[*tryAgain](err)
		if !ok {
			return err
		}
		if n == attempts || n >= nodeAttempts && nodeLost(again.err) || time.Since(begin) > connectWait {
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
		sql:   engine.SQL{Conn: conn, Context: context.Background(), Entries: d.entries},
		conn:  conn,
		db:    d,
		locks: &locks{held: make(map[int64]bool), alone: alone},
	}
	defer t.sql.End()

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
	token := newToken(t.account)
	t.conn.enqueue(token.insert(false))
	err := t.conn.commit()
	if err == nil {
		d.counters.Commit()
		return nil
	}
	kind, err := t.conn.Explain(err)
	if t.conn.uncertain {
		t.conn.end() // the connection may be the last one that the pool can give
		done, unknown := d.settle(token)
		if unknown != nil {
			// Of what went wrong only the words: no caller may take it for one that changed nothing.
			return fmt.Errorf("%w: committing: whether it was done could not be found out: %v; %v", store.ErrFailed, err, unknown)
		}
		if done {
			d.counters.Commit()
			return nil
		}
		if !refused(err) {
			kind = store.ErrUnavailable
		}
	}
	if kind == nil {
		kind = store.ErrFailed
	}
	err = fmt.Errorf("%w: committing: %w", kind, err)
	if kind == store.ErrUnavailable {
		return &tryAgain{err}
	}
	return err
}

// refused reports whether the server has said why it does not commit, so that it would not the next
// time either. Internal errors say nothing: that is how a node that fails at the commit comes out.
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.SeverityUnlocalized == "ERROR" && !strings.HasPrefix(e.Code, "XX") && !strings.HasPrefix(e.Code, "58")
}

// token names an update. It lies with the users of the account in which the update has written, or
// with what belongs to no account.
type token struct {
	number  int64
	account string
}

// newToken returns the token of an update that is to be committed now. It begins with the time of
// the system: the clock of the service may be a test's.
func newToken(account string) token {
	return token{tokenAt(time.Now()) + rand.Int64N(1<<20), account}
}

func tokenAt(t time.Time) int64 { return t.UnixMilli() << 20 }

func (t token) time() time.Time { return time.UnixMilli(t.number >> 20) }

// insert is the statement that adds the row of a token.
func (t token) insert(undone bool) statement {
	if t.account == "" {
		return statement{text: `INSERT INTO commits (token, undone) VALUES ($1, $2)`, args: []any{t.number, undone}}
	}
	return statement{text: `INSERT INTO account_commits (token, account_id, undone) VALUES ($1, $2, $3)`,
		args: []any{t.number, t.account, undone}}
}

// undone reads the row of a token. It also writes it, as it is, so that the answer waits for the
// standbys that a commit waits for: a server that has lost them may have kept the row for itself.
func (t token) undone() statement {
	if t.account == "" {
		return statement{text: `UPDATE commits SET undone = undone WHERE token = $1 RETURNING undone`, args: []any{t.number}}
	}
	return statement{text: `UPDATE account_commits SET undone = undone WHERE token = $1 AND account_id = $2 RETURNING undone`,
		args: []any{t.number, t.account}}
}

// settle finds out whether an update was committed, and sees to it that it will not be if it was
// not. The error says why that cannot be known.
func (d *database) settle(t token) (done bool, err error) {
	if age := time.Since(t.time()); age > tokenTime/2 || age < -tokenTime/2 {
		return false, fmt.Errorf("it was sent %v ago by this machine's clock, and its token may be deleted", age.Round(time.Second))
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.settleTime)
	defer cancel()
	for {
		if done, err = d.settleOnce(ctx, t); err == nil {
			return done, nil
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return false, err
		}
	}
}

func (d *database) settleOnce(ctx context.Context, t token) (done bool, err error) {
	mark := t.insert(true)
	err = d.look(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, mark.text, mark.args...)
		return err
	})
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || !isDuplicate(e) {
		return false, err
	}
	read := t.undone()
	err = d.look(ctx, func(tx pgx.Tx) error {
		var undone bool // true: an attempt to add it, whose answer was lost
		err := tx.QueryRow(ctx, read.text, read.args...).Scan(&undone)
		done = !undone
		return err
	})
	return done, err
}

// look runs a transaction on a connection that is kept free from updates.
func (d *database) look(ctx context.Context, fn func(pgx.Tx) error) error {
	conn, err := d.acquire(ctx, forLookup)
	if err != nil {
		return err
	}
	defer conn.Release()
	forgetWarning(conn)
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, setting := range d.settings {
			if _, err := tx.Exec(ctx, setting); err != nil {
				return err
			}
		}
		return fn(tx)
	})
	if err == nil {
		err = warningOf(conn)
	}
	return err
}

// Tokens are of no use after seconds. They are kept far longer than a service waits, and go by the
// clock of the server: a service whose own clock is that wrong would accept no signature.
const (
	tokenTime  = time.Hour
	tokenPause = time.Minute
)

// forgetTokens deletes old tokens until the context ends. If it fails, the next time will do.
func (d *database) forgetTokens(ctx context.Context) {
	for {
		for _, table := range []string{"account_commits", "commits"} {
			d.look(ctx, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE token < ((extract(epoch FROM now()) * 1000)::bigint - $1) << 20`,
					tokenTime.Milliseconds())
				return err
			})
		}
		select {
		case <-time.After(tokenPause):
		case <-ctx.Done():
			return
		}
	}
}

// repeatable reports whether what failed may well succeed when it is done again.
func repeatable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (slices.Contains([]string{
		"40001",                   // could not serialize
		"40P01",                   // deadlock
		"25006",                   // read-only: this server is a standby now
		"57P01", "57P02", "57P03", // shutting down, crashed, starting
	}, e.Code) || nodeLost(err) || entryTaken(e))
}

// nodeLost reports whether a server of several nodes has lost one of them: only then does it answer
// that a connection is broken.
func nodeLost(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && strings.HasPrefix(e.Code, "08")
}

// isDuplicate reports whether a unique key is taken. An engine of several nodes may lose the code
// on the way.
func isDuplicate(e *pgconn.PgError) bool {
	return e.Code == "23505" || strings.HasPrefix(e.Code, "XX") && strings.Contains(e.Message, "duplicate key value violates unique constraint")
}

// entryTaken: another process has given a record of the trail the same entry, or an update the same
// token.
func entryTaken(e *pgconn.PgError) bool {
	if !isDuplicate(e) {
		return false
	}
	name := e.ConstraintName
	if name == "" {
		_, name, _ = strings.Cut(e.Message, `"`)
	}
	return slices.ContainsFunc([]string{"audit_pkey", "account_audit_pkey", "commits_pkey", "account_commits_pkey"},
		func(own string) bool { return strings.HasPrefix(name, own) }) // an engine that distributes the table adds to the name
}
