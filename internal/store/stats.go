package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Stats is what a store has done since it was opened, in this process.
type Stats struct {
	// Updates by how they ended: what they wrote was kept (also where that was nothing); it was
	// undone, because the function or the context said so or a rule of the records was broken; or
	// the storage failed (ErrUnavailable, ErrFailed).
	Committed, Undone, Failed uint64

	// Commits counts the waits for the disk: transactions with changes that were committed. On
	// SQLite updates that meet share one, on PostgreSQL each has its own.
	Commits uint64

	// Repeats counts attempts at an update that PostgreSQL made again: after a deadlock, a lost race
	// for a lock, or a lost connection. SQLite has none.
	Repeats uint64

	// LogBytes is the size of SQLite's log beside the database. It stays 0 on PostgreSQL.
	LogBytes int64
}

// counters collects Stats.
type counters struct {
	committed, undone, failed, commits, repeats atomic.Uint64
}

// count runs an update and counts how it ends.
func (c *counters) count(update func() error) error {
	err := errAbandoned // stays if the function panics
	defer func() {
		switch {
		case err == nil:
			c.committed.Add(1)
		case errors.Is(err, ErrUnavailable), errors.Is(err, ErrFailed):
			c.failed.Add(1)
		default:
			c.undone.Add(1)
		}
	}()
	err = update()
	return err
}

func (c *counters) stats() Stats {
	return Stats{
		Committed: c.committed.Load(), Undone: c.undone.Load(), Failed: c.failed.Load(),
		Commits: c.commits.Load(), Repeats: c.repeats.Load(),
	}
}

// seatsQuery reads every user. An engine that distributes the table sums up what its parts count.
const seatsQuery = `SELECT license, COUNT(*) FROM users WHERE license <> '' GROUP BY license`

// readSeats reads the answer to seatsQuery.
func readSeats(rows interface {
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

// seatsError makes a failure ErrUnavailable, or the context's own.
func seatsError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: counting seats: %w", ErrUnavailable, err)
}
