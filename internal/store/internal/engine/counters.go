package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carillon-project/carillon/internal/store"
)

// Counters collects what [store.Stats] tells.
type Counters struct {
	committed, undone, failed atomic.Uint64

	Commits, Repeats atomic.Uint64 // counted by the engine
}

// ErrAbandoned stands for the outcome of an update whose function panicked.
var ErrAbandoned = errors.New("the function panicked")

// Count runs an update and counts how it ends.
func (c *Counters) Count(update func() error) error {
	err := ErrAbandoned // stays if the function panics
	defer func() {
		switch {
		case err == nil:
			c.committed.Add(1)
		case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFailed):
			c.failed.Add(1)
		default:
			c.undone.Add(1)
		}
	}()
	err = update()
	return err
}

// Stats returns what has been counted.
func (c *Counters) Stats() store.Stats {
	return store.Stats{
		Committed: c.committed.Load(), Undone: c.undone.Load(), Failed: c.failed.Load(),
		Commits: c.Commits.Load(), Repeats: c.Repeats.Load(),
	}
}

// SeatsQuery counts the users by license. It reads every user. An engine that distributes the table
// adds up what its parts count.
const SeatsQuery = `SELECT license, COUNT(*) FROM users WHERE license <> '' GROUP BY license`

// ReadSeats reads the answer to [SeatsQuery].
func ReadSeats(rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
}) (map[string]int, error) {
	seats := make(map[string]int)
	for rows.Next() {
		var license string
		var n int
		if err := rows.Scan(&license, &n); err != nil {
			return nil, err
		}
		seats[license] = n
	}
	return seats, rows.Err()
}

// SeatsError makes an error of counting seats ErrUnavailable, or the context's own.
func SeatsError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: counting seats: %w", store.ErrUnavailable, err)
}
