package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How updates keep the contract on PostgreSQL. Each is a transaction of its own: the server gathers
// their commits by itself. It runs at READ COMMITTED and locks what it reads until it ends (see
// locks in postgres_tx.go), so that updates that meet wait for each other where SERIALIZABLE would
// let them work in vain, and an engine that knows no more than READ COMMITTED across its nodes will
// do. An update starts again, a bounded number of times, when it lost a race for a lock, closed a
// circle of waiting, or its connection broke before the commit was sent.
//
// Once that has been sent nothing is repeated blindly. An update holds a lock on a token of its own
// from its first statement on; when the answer to the commit is lost, another connection waits for
// that lock, knows then that the transaction is over, and looks for a row that it wrote.

const (
	defaultPool = 16 // more connections than that slow PostgreSQL down

	// attempts is how often an update may start, with pauses that double in between: deadlocks and
	// lost races are over in less, a restart of the server is not waited for.
	attempts   = 10
	firstPause = 2 * time.Millisecond

	// settleTime is how long the answer to a commit is looked for, settlePause the pause in between:
	// long enough for a server that has crashed to be up again.
	settleTime  = 20 * time.Second
	settlePause = 100 * time.Millisecond

	// statementTime bounds the wait for an answer of the server, in case it has vanished.
	statementTime = 30 * time.Second
)

type postgresStore struct {
	pool    *pgxpool.Pool
	entries *sequence
	schema  string // where the tables are; keeps the locks of two stores in one database apart
	closed  atomic.Bool
	counters
}

// OpenPostgres opens the database that a URL names ("postgres://user@host:5432/name", with the
// parameters of libpq, pool_... excepted) and upgrades an older schema. The tables are made in the
// first schema of the search path. Any number of processes may have it open. ErrNewerSchema is
// among the errors, ErrOlderSchema with [Options].Beside, and none of them shows a password.
func OpenPostgres(ctx context.Context, url string, opts Options) (Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading database URL: %w", err)
	}
	config.MaxConns = defaultPool
	if opts.Pool > 0 {
		config.MaxConns = int32(opts.Pool)
	}
	config.PingTimeout = 5 * time.Second
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name": "carillon",
		"lock_timeout":     "10s", // milliseconds are the rule: whoever holds one so long is in trouble
		// A process that stops in the middle of an update must not hold up the others for good.
		"idle_in_transaction_session_timeout": "30s",
		// Plans are kept, and one made while there were few rows would read a table from end to end when
		// there are many. Each statement but Seats has an index to go by, and none is worth compiling.
		"enable_seqscan": "off",
		"jit":            "off",
	} {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// What is acknowledged must be on stable storage, whatever the server is set to.
		_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
			WHERE current_setting('synchronous_commit') = 'off'`)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	s := &postgresStore{pool: pool, entries: opts.sequence()}
	s.entries.shared = true
	if err := s.prepare(ctx, opts.migrationsOf("postgres")); err != nil {
		pool.Close()
		c := config.ConnConfig
		return nil, fmt.Errorf("opening database %s at %s:%d: %w", c.Database, c.Host, c.Port, explainPostgres(err))
	}
	return s, nil
}

// prepare checks the database and brings its schema up to date.
func (s *postgresStore) prepare(ctx context.Context, m migrations) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var encoding string
	var schema *string
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding'), current_schema()`).Scan(&encoding, &schema); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s: create one with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	if schema == nil {
		return errors.New("no schema of its search_path exists: create one, or set search_path in the URL")
	}
	s.schema = *schema
	for {
		var done bool
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			done, err = s.migrateOnce(ctx, tx, m)
			return err
		}); err != nil {
			return err
		}
		if done {
			// What commits are looked up by is of no use after seconds.
			_, err = conn.Exec(ctx, `DELETE FROM commits WHERE time < $1`, s.entries.clock().Add(-24*time.Hour).UnixMilli())
			return err
		}
		m.beside = false // what it has begun in an empty database it completes
	}
}

// migrateOnce applies the one migration that comes next, and reports whether there was none. The
// table carillon_schema holds the number of the last one.
func (s *postgresStore) migrateOnce(ctx context.Context, tx pgx.Tx, m migrations) (done bool, err error) {
	// Several processes may start at once.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, s.lock("migration", "")); err != nil {
		return false, err
	}
	var version int
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass(quote_ident($1) || '.carillon_schema') IS NOT NULL`, s.schema).Scan(&exists); err != nil {
		return false, err
	}
	if exists {
		if err := tx.QueryRow(ctx, `SELECT version FROM carillon_schema`).Scan(&version); err != nil {
			return false, err
		}
	} else if _, err := tx.Exec(ctx, `CREATE TABLE carillon_schema (version INTEGER NOT NULL);
		INSERT INTO carillon_schema (version) VALUES (0)`); err != nil {
		return false, err
	}
	name, script, err := m.after(version)
	if name == "" || err != nil {
		return true, err
	}
	if _, err := tx.Exec(ctx, script); err != nil {
		return false, fmt.Errorf("applying %s: %w", name, err)
	}
	_, err = tx.Exec(ctx, `UPDATE carillon_schema SET version = $1`, version+1)
	return false, err
}

// lock is the number of a lock of PostgreSQL, which knows them by numbers only. Two that happen to
// share a number merely wait for each other.
func (s *postgresStore) lock(class, key string) int64 {
	h := fnv.New64a()
	for _, part := range []string{s.schema, class, key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return int64(h.Sum64())
}

func (s *postgresStore) Close() error {
	s.closed.Store(true)
	s.pool.Close() // waits for the connections in use
	return nil
}

func (s *postgresStore) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, explainPostgres(err))
	}
	return nil
}

func (s *postgresStore) View(ctx context.Context, fn func(ReadTx) error) error {
	session, err := s.begin(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	if err != nil {
		return err
	}
	defer session.end()
	t := &postgresTx{tx: tx{session: session, ctx: ctx}, conn: session, store: s}
	defer t.end()
	return fn(t)
}

// begin takes a connection; the transaction begins with the first statement. A context that ends
// while all connections are in use gives its error, anything else ErrUnavailable.
func (s *postgresStore) begin(ctx context.Context, statement string) (*postgresSession, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := s.pool.Acquire(ctx)
	switch {
	case err == nil:
	case s.closed.Load():
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, fmt.Errorf("%w: connecting: %w", ErrUnavailable, explainPostgres(err))
	}
	return &postgresSession{pool: s.pool, conn: conn, queue: []postgresStatement{{text: statement}}}, nil
}

func (s *postgresStore) Seats(ctx context.Context) (seats map[string]int, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = on`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, seatsQuery)
		if err != nil {
			return err
		}
		defer rows.Close()
		seats, err = readSeats(rows)
		return err
	})
	if err != nil {
		return nil, seatsError(ctx, explainPostgres(err))
	}
	return seats, nil
}

func (s *postgresStore) Stats() Stats { return s.stats() }

func (s *postgresStore) Update(ctx context.Context, fn func(Tx) error) error {
	return s.count(func() error { return s.update(ctx, fn) })
}

func (s *postgresStore) update(ctx context.Context, fn func(Tx) error) error {
	alone := make(map[int64]bool)
	pause := firstPause
	for n := 1; ; n++ {
		err := s.attempt(ctx, fn, alone)
		again, ok := errors.AsType[*tryAgain](err)
		if !ok {
			return err
		}
		if n == attempts {
			return again.err
		}
		if again.err != errLostRace { // who lost one waits for the lock the next time
			select {
			case <-time.After(pause + rand.N(pause)):
				pause *= 2
			case <-ctx.Done():
				return again.err
			}
		}
		s.repeats.Add(1)
	}
}

// tryAgain is the outcome of an attempt that changed nothing and may do better the next time. Its
// error is what callers see if that was the last one.
type tryAgain struct{ err error }

func (e *tryAgain) Error() string { return e.err.Error() }

// errLostRace: another update held a lock that this one found out too late it needs for itself.
var errLostRace = fmt.Errorf("%w: other updates were faster each time", ErrUnavailable)

// attempt runs an update once. alone has the locks to be taken for itself alone from the first, and
// gets those that the next attempt must take so.
func (s *postgresStore) attempt(ctx context.Context, fn func(Tx) error, alone map[int64]bool) error {
	session, err := s.begin(ctx, `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`)
	if err != nil {
		if errors.Is(err, ErrUnavailable) && !s.closed.Load() {
			return &tryAgain{err}
		}
		return err
	}
	defer session.end()
	t := &postgresTx{
		tx:    tx{session: session, ctx: context.Background(), sequence: s.entries},
		conn:  session,
		store: s,
		locks: &locks{held: make(map[int64]bool), alone: alone},
		token: rand.Int64(),
	}
	defer t.end()
	session.enqueue(postgresStatement{text: `SELECT pg_advisory_xact_lock($1)`, args: []any{t.token}})

	err = fn(t)
	switch doom := t.doom; {
	case doom != nil && (doom == errLostRace || repeatable(doom) || session.lost && !errors.Is(doom, context.DeadlineExceeded)):
		return &tryAgain{doom}
	case err != nil:
		return err
	case doom != nil:
		return doom
	case !t.wrote:
		return nil
	}
	return s.commit(t)
}

// commit commits what an update wrote.
func (s *postgresStore) commit(t *postgresTx) error {
	if t.proof == nil {
		t.conn.enqueue(postgresStatement{
			text: `INSERT INTO commits (token, time) VALUES ($1, $2)`, args: []any{t.token, s.entries.clock().UnixMilli()}})
		t.proof = &postgresStatement{text: `SELECT FROM commits WHERE token = $1`, args: []any{t.token}}
	}
	t.conn.answered = true // from here on nothing may be sent twice
	_, err := t.conn.exec(`COMMIT`)
	if err == nil {
		s.commits.Add(1)
		return nil
	}
	// What the server refuses is not done. Only a session that it ends by force may be.
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && !t.conn.lost && e.Severity != "FATAL" && e.Severity != "PANIC" {
		kind, err := t.explain(err)
		if kind == nil {
			kind = ErrFailed
		}
		err = fmt.Errorf("%w: committing: %w", kind, err)
		if repeatable(err) {
			return &tryAgain{err}
		}
		return err
	}
	t.conn.end() // the connection may be the last one that the pool can give
	done, unknown := s.settle(t.token, *t.proof)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w: committing: whether it was done could not be found out: %w", ErrFailed, errors.Join(err, unknown))
	case done:
		s.commits.Add(1)
		return nil
	}
	return &tryAgain{fmt.Errorf("%w: committing: %w", ErrUnavailable, explainPostgres(err))}
}

// settle finds out whether the update with this token was committed: it was if proof finds a row
// once the transaction is over, which is when nobody holds the token's lock.
func (s *postgresStore) settle(token int64, proof postgresStatement) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	for {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
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

// explainPostgres adds what to do to the errors that an operator can do something about.
func explainPostgres(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch e.Code {
	case "53300":
		return fmt.Errorf("the server has no connection left, lower the pool of each service or raise max_connections: %w", err)
	case "53100":
		return fmt.Errorf("the disk of the server is full: %w", err)
	case "42501":
		return fmt.Errorf("the user must own the tables, or may need GRANT CREATE on the schema: %w", err)
	case "42P07":
		return fmt.Errorf("the schema holds tables of another program, use an empty database: %w", err)
	case "3D000":
		return fmt.Errorf("create the database first: %w", err)
	case "55P03":
		return fmt.Errorf("another update has held a lock for too long: %w", err)
	}
	return err
}
