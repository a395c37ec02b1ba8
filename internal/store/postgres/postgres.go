// Package postgres keeps the records of package store in a PostgreSQL database, which several
// services can share. Start at [Open].
//
// What PostgreSQL does differently has a file each: update.go, where updates run beside each other
// and are repeated; locks.go, which keeps those that meet apart; tx.go, which passes arrays where
// there are many rows; session.go, which saves round trips; settings.go, what each transaction asks
// of the server; citus.go, a database of many servers.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

const defaultPool = 16 // more connections than that slow PostgreSQL down

// Tests wait longer: the machine that runs them may have much else to do.
var (
	pingTime    = 5 * time.Second
	connectTime = 5 * time.Second  // if the URL has no connect_timeout
	connectWait = 10 * time.Second // bounds the wait for a connection of the pool
)

// Options adjusts a database; the zero value is ready for a service.
type Options struct {
	Clock func() time.Time // gives entries their time; nil: time.Now
	Pool  int              // most connections; 0: 16

	// Beside is for a command that works beside a service. The service relies on the schema as it
	// is, so an older one is not upgraded but refused as ErrOlderSchema. An empty database gets its
	// tables.
	Beside bool

	// Upgraded is told what an upgrade of the schema has come across, unless that is nothing.
	Upgraded func(store.Upgraded)

	// Unsafe is told that a setting of the server is off without which a failure of its machine can
	// lose what it has confirmed: fsync or full_page_writes.
	Unsafe func(setting string)

	files         fs.FS         // with the migrations; nil: those of this release
	settleTime    time.Duration // 0: settleTime
	statementTime time.Duration // 0: statementTime
	tracer        pgx.QueryTracer

	// shouldPing decides whether a connection of the pool is asked first whether it still is one.
	// Nil: if nobody has used it for a second.
	shouldPing func(context.Context, pgxpool.ShouldPingParams) bool
}

// Open opens the database that a URL names: "postgres://user@host:5432/name", with the parameters
// of libpq (pool_... excepted). It upgrades an older schema. The tables are in the first schema of
// the search path. Any number of processes may have the database open. ErrNewerSchema is among the
// errors, and ErrOlderSchema with [Options].Beside. No error shows a password, nor any part of a
// URL that does not parse.
func Open(ctx context.Context, databaseURL string, opts Options) (store.Store, error) {
	d, found, err := open(ctx, databaseURL, opts, true)
	if err != nil {
		return nil, err
	}
	if opts.Upgraded != nil && !found.Empty() {
		opts.Upgraded(*found)
	}
	if opts.Unsafe != nil {
		for _, setting := range d.off {
			opts.Unsafe(setting)
		}
	}
	if !opts.Beside {
		d.inBackground(d.forgetTokens)
	}
	return d, nil
}

// open opens a database, which must be distributed as a whole or not at all if that is checked.
func open(ctx context.Context, databaseURL string, opts Options, checked bool) (*database, *store.Upgraded, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, nil, invalidURL(databaseURL)
	}
	if misread(databaseURL, config.ConnConfig) {
		return nil, nil, errInvalidURL
	}
	if config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, nil, errors.New("reading database URL: default_query_exec_mode=simple_protocol does not work, use exec")
	}
	config.MaxConns = defaultPool
	if opts.Pool > 0 {
		config.MaxConns = int32(opts.Pool)
	}
	config.PingTimeout = pingTime
	config.ShouldPing = opts.shouldPing
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	params := config.ConnConfig.RuntimeParams
	if _, given := params["application_name"]; !given {
		params["application_name"] = "carillon"
	}
	config.ConnConfig.OnNotice = keepWarning
	config.ConnConfig.Tracer = opts.tracer
	asked := settingsOf(params)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, fmt.Errorf("opening database: %w", err)
	}
	background, stop := context.WithCancel(context.Background())
	d := &database{pool: pool, gate: newGate(int(config.MaxConns)), entries: engine.NewSequence(opts.Clock, true),
		asked: asked, settings: localSettings(asked), settleTime: cmp.Or(opts.settleTime, settleTime),
		statementTime: cmp.Or(opts.statementTime, statementTime),
		background:    background, stop: stop}
	migrations := opts.migrations()
	if err := d.prepare(ctx, migrations, checked); err != nil {
		d.Close()
		c := config.ConnConfig
		return nil, nil, fmt.Errorf("opening database %s at %s:%d: %w", cmp.Or(c.Database, c.User), c.Host, c.Port, explain(err))
	}
	return d, migrations.Found, nil
}

// misread reports whether a part of the password of a URL was taken for a host (it has an @), or
// for the path (it has a /, and what is before that was taken for host and port). Errors show these
// parts. In a path an @ may be meant: then there is a user before the host.
func misread(text string, c *pgx.ConnConfig) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return false
	}
	hosts := []string{c.Host}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	isMisread := func(host string) bool { return strings.Contains(host, "@") && !strings.HasPrefix(host, "/") }
	return slices.ContainsFunc(hosts, isMisread) || u.User == nil && u.Port() != "" && strings.Contains(u.EscapedPath(), "@")
}

var errInvalidURL = errors.New("reading database URL: it is not valid: it must be postgres://USER:PASSWORD@HOST:PORT/NAME, " +
	"and in USER and PASSWORD each of the characters @ : / ? # [ ] % must be written as its code, such as %40 for @")

// invalidURL says what is wrong with a URL that does not parse. It shows nothing of the URL, since
// nobody can tell where the password is in it.
func invalidURL(text string) error {
	if u, err := url.Parse(text); err == nil {
		for name := range u.Query() {
			query := u.Query()
			query.Del(name)
			without := *u
			without.RawQuery = query.Encode()
			if _, err := pgxpool.ParseConfig(without.String()); err == nil {
				return fmt.Errorf("reading database URL: the value of its parameter %s is not valid", name)
			}
		}
	}
	return errInvalidURL
}

// database is the [store.Store].
type database struct {
	pool       *pgxpool.Pool
	gate       *gate // that all who use the pool pass
	entries    *engine.Sequence
	schema     string // where the tables are; keeps the locks of two stores in one database apart
	asked      []setting
	settings   []string      // the statements for that, at the beginning of each transaction
	off        []string      // settings that are, see Options.Unsafe
	settleTime time.Duration // how long the outcome of a commit is looked for
	closed     atomic.Bool

	statementTime time.Duration // how long an answer of the server is waited for

	counters engine.Counters

	background context.Context // ends with the store
	stop       context.CancelFunc
	jobs       sync.WaitGroup // in the background
}

// inBackground runs a function that ends when its context does.
func (d *database) inBackground(fn func(context.Context)) {
	d.jobs.Go(func() { fn(d.background) })
}

// prepare checks the database and brings its schema up to date. How it is distributed can be left
// unchecked.
func (d *database) prepare(ctx context.Context, m engine.Migrations, checked bool) error {
	conn, err := d.acquire(ctx, forWork)
	if err != nil {
		return err
	}
	defer conn.Release()
	var encoding string
	var schema *string
	var off [2]bool
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding'), current_schema(),
		COALESCE(current_setting('fsync', true), 'on') = 'off', COALESCE(current_setting('full_page_writes', true), 'on') = 'off'`).
		Scan(&encoding, &schema, &off[0], &off[1]); err != nil {
		return err
	}
	for i, setting := range []string{"fsync", "full_page_writes"} {
		if off[i] {
			d.off = append(d.off, setting)
		}
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s: create one with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	if schema == nil {
		return errors.New("no schema of its search_path exists: create one, or set search_path in the URL")
	}
	d.schema = *schema
	if err := d.checkSettings(ctx, conn.pooled); err != nil {
		return err
	}
	locations, err := d.locations(ctx, conn.pooled)
	if err != nil {
		return err
	}
	if is := locations["audit"]; is != nil && is.column != "" {
		return errors.New("its table audit is distributed, which was right for an earlier release: stop all services, " +
			"run SELECT undistribute_table('audit'), start one service, which moves the trail and ends, then run carillon scale citus")
	}
	if err := d.migrate(ctx, conn.pooled, m); err != nil || !checked {
		return err
	}
	return d.checkCitus(ctx, conn.pooled)
}

func (d *database) View(ctx context.Context, fn func(store.ReadTx) error) error {
	return d.view(ctx, forWork, func(t *tx) error { return fn(t) })
}

func (d *database) AccessKey(ctx context.Context, keyID string) (k store.AccessKey, err error) {
	err = d.view(ctx, forLookup, func(t *tx) (err error) {
		t.conn.once = true
		k, err = t.AccessKey(keyID)
		return err
	})
	return k, err
}

func (d *database) view(ctx context.Context, purpose int, fn func(*tx) error) error {
	conn, err := d.begin(ctx, purpose, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	if err != nil {
		return err
	}
	defer conn.end()
	t := &tx{sql: engine.SQL{Conn: conn, Context: ctx}, conn: conn, db: d}
	defer t.sql.End()
	return fn(t)
}

// begin acquires a connection. The transaction begins with the first statement.
func (d *database) begin(ctx context.Context, purpose int, text string) (*session, error) {
	conn, err := d.acquire(ctx, purpose)
	if err != nil {
		return nil, err
	}
	s := &session{db: d, purpose: purpose, conn: conn}
	s.enqueue(statement{text: text})
	for _, setting := range d.settings {
		s.enqueue(statement{text: setting})
	}
	return s, nil
}

func (d *database) Seats(ctx context.Context) (seats map[string]int, err error) {
	conn, err := d.acquire(ctx, forWork)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = on`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, engine.SeatsQuery)
		if err != nil {
			return err
		}
		defer rows.Close()
		seats = make(map[string]int)
		for rows.Next() {
			if err := engine.AddSeats(seats, rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, engine.SeatsError(ctx, explain(err))
	}
	return seats, nil
}

func (d *database) Stats() store.Stats { return d.counters.Stats() }

func (d *database) Ping(ctx context.Context) error {
	if err := d.answers(ctx); err != nil || !d.counters.Failing() {
		return err
	}
	return engine.Probe(ctx, d.Update)
}

// answers reports whether the server does.
func (d *database) answers(ctx context.Context) error {
	conn, err := d.acquire(ctx, forLookup)
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, min(pingTime, d.statementTime))
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, explain(err))
	}
	return nil
}

func (d *database) Close() error {
	d.closed.Store(true)
	d.stop()
	d.jobs.Wait()
	d.pool.Close() // waits for the connections in use
	return nil
}

// explained is an error with what to do about it.
type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

// explain adds what to do to the errors that an operator can do something about, once.
func explain(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if _, done := errors.AsType[explained](err); done || !ok {
		return err
	}
	return explained{advise(e, err)}
}

func advise(e *pgconn.PgError, err error) error {
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
	return explainPooler(e, err)
}
