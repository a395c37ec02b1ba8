package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Counters collects what [store.Stats] tells.
type Counters struct {
	committed, undone, failed, commits atomic.Uint64

	lastCommit atomic.Int64 // in milliseconds since 1970; 0: never
	failing    atomic.Bool  // an update has failed since the last commit

	Repeats, FailedSyncs, FailedCheckpoints atomic.Uint64 // counted by the engine
}

// Commit counts a commit of changes.
func (c *Counters) Commit() {
	c.commits.Add(1)
	c.lastCommit.Store(time.Now().UnixMilli())
	c.failing.Store(false)
}

// Failing reports whether an update has failed for a reason of the storage since the last commit.
func (c *Counters) Failing() bool { return c.failing.Load() }

// probeSetting holds when somebody last tried whether the storage takes changes.
const probeSetting = "probe"

// Probe makes a change, to find out whether the storage takes any. The error is ErrUnavailable.
func Probe(ctx context.Context, update func(context.Context, func(store.Tx) error) error) error {
	err := update(ctx, func(tx store.Tx) error {
		return tx.PutSetting(probeSetting, time.Now().UTC().AppendFormat(nil, time.RFC3339))
	})
	if err != nil {
		return fmt.Errorf("%w: it takes no changes: %w", store.ErrUnavailable, err)
	}
	return nil
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
			c.failing.Store(true)
		default:
			c.undone.Add(1)
		}
	}()
	err = update()
	return err
}

// Stats returns what has been counted.
func (c *Counters) Stats() store.Stats {
	stats := store.Stats{
		Committed: c.committed.Load(), Undone: c.undone.Load(), Failed: c.failed.Load(),
		Commits: c.commits.Load(), Repeats: c.Repeats.Load(),
		FailedSyncs: c.FailedSyncs.Load(), FailedCheckpoints: c.FailedCheckpoints.Load(),
	}
	if at := c.lastCommit.Load(); at != 0 {
		stats.LastCommit = time.UnixMilli(at)
	}
	return stats
}

// SeatsQuery counts the users by license. It reads every user. An engine that distributes the table
// adds up what its parts count.
const SeatsQuery = `SELECT license, COUNT(*) FROM users WHERE license <> '' GROUP BY license`

// AddSeats adds what a row of the answer to [SeatsQuery] says.
func AddSeats(seats map[string]int, row Row) error {
	var license string
	var n int
	err := row.Scan(&license, &n)
	seats[license] += n
	return err
}

// SeatsError makes an error of counting seats ErrUnavailable, or the context's own.
func SeatsError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: counting seats: %w", store.ErrUnavailable, err)
}
