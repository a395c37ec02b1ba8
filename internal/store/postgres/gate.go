package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// How callers share the connections. The server may have fewer than the pool wants (a limit of the
// server, of the database or of the role), and the pool does not wait for one of those: it asks the
// server, and fails. So callers pass a gate first, which lets in as many as there are connections.
// When the server has refused one, there are as many as callers are in; from time to time the gate
// tries one more.

const (
	// keptFree is how many connections views and updates leave to look-ups of keys and to Ping: one
	// or none if there are few.
	keptFree = 2

	growPause  = time.Second           // from one more connection that may be tried to the next
	retryPause = 50 * time.Millisecond // while others have all connections of the server
)

// gate lets in as many callers as there are connections for.
type gate struct {
	most int // connections of the pool

	mu      sync.Mutex
	limit   int // connections that there are, or may be; 1 to most
	grown   time.Time
	in      int                // callers that were let in
	waiting [2][]chan struct{} // first those of look-ups; a channel is closed to let its caller in
}

// Purposes of a connection, in the order in which those who wait are let in.
const (
	forLookup = iota
	forWork
)

func newGate(most int) *gate { return &gate{most: most, limit: most} }

// room is how many callers may be in before another is let in for a purpose.
func (g *gate) room(purpose int) int {
	if purpose == forWork {
		return g.limit - min(keptFree, g.limit/2)
	}
	return g.limit
}

func (g *gate) enter(ctx context.Context, purpose int) error {
	g.mu.Lock()
	if g.limit < g.most && time.Since(g.grown) >= growPause {
		g.limit, g.grown = g.limit+1, time.Now()
	}
	if g.in < g.room(purpose) {
		g.in++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting[purpose] = append(g.waiting[purpose], turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting[purpose] {
		if other == turn {
			g.waiting[purpose] = append(g.waiting[purpose][:i], g.waiting[purpose][i+1:]...)
			return ctx.Err()
		}
	}
	return nil // it was let in at this moment
}

// leave makes room for those who wait. refused: the server had no connection for this caller.
func (g *gate) leave(refused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in--
	if refused {
		g.limit, g.grown = max(1, min(g.limit, g.in)), time.Now()
	}
	for purpose := range g.waiting {
		for len(g.waiting[purpose]) > 0 && g.in < g.room(purpose) {
			close(g.waiting[purpose][0])
			g.waiting[purpose] = g.waiting[purpose][1:]
			g.in++
		}
	}
}

// connection is one of the pool, whose holder has passed the gate.
type connection struct {
	*pooled
	gate *gate
}

type pooled = pgxpool.Conn

// Release gives the connection back, and leaves the gate.
func (c *connection) Release() {
	c.pooled.Release()
	c.gate.leave(false)
}

// acquire takes a connection, and waits for one up to connectWait. A context that ends before gives
// its error, anything else ErrUnavailable.
func (d *database) acquire(ctx context.Context, purpose int) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	patience, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	var refusal error
	for {
		err := d.gate.enter(patience, purpose)
		var conn *pgxpool.Conn
		if err == nil {
			if conn, err = d.pool.Acquire(patience); err == nil {
				return &connection{conn, d.gate}, nil
			}
			d.gate.leave(noneLeft(err))
		}
		switch {
		case d.closed.Load():
			return nil, engine.ErrClosed
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case patience.Err() != nil:
			err = errors.Join(fmt.Errorf("all connections were in use for %v", connectWait), refusal)
		case noneLeft(err):
			refusal = err
			select {
			case <-time.After(retryPause):
			case <-patience.Done():
			}
			continue
		}
		return nil, fmt.Errorf("%w: connecting: %w", store.ErrUnavailable, explain(err))
	}
}

// noneLeft reports whether the server has refused a connection since it has too many.
func noneLeft(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "53300"
}
