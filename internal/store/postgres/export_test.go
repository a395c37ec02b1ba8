package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// What takes moments may take long where all tests of a module run at once.
func init() { pingTime, connectTime, connectWait = 2*time.Minute, 2*time.Minute, 2*time.Minute }

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	o.files = storetest.NextRelease(embedded)
	return o
}

// FirstRelease returns the options as the first release had them.
func (o Options) FirstRelease() Options {
	o.files = storetest.FirstRelease(embedded)
	return o
}

// Settling returns the options of a store that looks for the outcome of a commit for so long only.
func (o Options) Settling(limit time.Duration) Options {
	o.settleTime = limit
	return o
}

// Unasked returns the options of a store that uses a connection without asking first whether it
// still is one, however long nobody has used it.
func (o Options) Unasked() Options {
	o.shouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	return o
}

// Patience sets how long a store that nobody uses now waits for an answer of the server.
func Patience(s store.Store, limit time.Duration) { s.(*database).statementTime = limit }

// Traced returns the options of a store that tells a function each statement.
func (o Options) Traced(fn func(sql string)) Options {
	o.tracer = tracer(fn)
	return o
}

type tracer func(sql string)

func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	t(data.SQL)
	return ctx
}

func (t tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, query := range data.Batch.QueuedQueries {
		t(query.SQL)
	}
	return ctx
}

func (t tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (t tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// Token names an update.
type Token = token

// NewToken returns the token of an update in an account.
func NewToken(account string) Token { return newToken(account) }

// OldToken returns the token of an update that was sent some time ago.
func OldToken(age time.Duration) Token { return token{number: tokenAt(time.Now().Add(-age))} }

// Number returns the number of a token.
func (t token) Number() int64 { return t.number }

// Settle finds out whether the update with a token was committed.
func Settle(s store.Store, t Token) (bool, error) { return s.(*database).settle(t) }

// Tables returns the tables that have a place in a distributed database, with the columns that they
// are distributed by.
func Tables() map[string]string {
	tables := make(map[string]string)
	for _, p := range places {
		tables[p.table] = p.column
	}
	return tables
}
