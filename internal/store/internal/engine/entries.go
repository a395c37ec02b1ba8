package engine

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Sequence gives out entries from the time. They rise above what a table holds, and also above what
// the sequence has given out before: the place of a row that was just deleted must not go to a new
// one while somebody pages past it.
type Sequence struct {
	Clock  func() time.Time
	shared bool // other processes give out entries at the same time: leave gaps at random

	mu   sync.Mutex
	last store.Entry
}

// NewSequence returns a sequence by a clock, nil for the system's. It is shared if other processes
// write to the same tables at the same time.
func NewSequence(clock func() time.Time, shared bool) *Sequence {
	if clock == nil {
		clock = time.Now
	}
	return &Sequence{Clock: clock, shared: shared}
}

// after returns an entry above the one given.
func (s *Sequence) after(entry store.Entry) store.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := store.Entry(s.Clock().UnixMilli()) << 20
	if s.shared {
		entry += rand.N[store.Entry](1 << 10)
		now += rand.N[store.Entry](1 << 20)
	}
	s.last = max(entry+1, s.last+1, now)
	return s.last
}

// NewRows gives entries to the new rows of a table.
type NewRows struct {
	sql   *SQL
	query string                 // for the last entry of a key
	last  map[string]store.Entry // by key
}

// NewRows returns the entries for new rows of a table whose keys, accounts or AWS accounts, are in
// a column. last holds the last entries of keys that are known already; it may be nil.
func (s *SQL) NewRows(table, column string, last map[string]store.Entry) NewRows {
	if last == nil {
		last = make(map[string]store.Entry)
	}
	return NewRows{sql: s, query: LastEntry(table, column), last: last}
}

// LastEntry is the query for the last entry of a key, 0 if there is none. For a MAX, PostgreSQL
// would read all rows of the key as long as it follows a plan that was made when they were few.
func LastEntry(table, column string) string {
	return `SELECT COALESCE((SELECT entry FROM ` + table + ` WHERE ` + column + ` = $1 ORDER BY entry DESC LIMIT 1), 0)`
}

// Next returns the next entry of a key.
func (r NewRows) Next(key string) (store.Entry, error) {
	last, ok := r.last[key]
	if !ok {
		if err := r.sql.ReadRow(r.query, []any{key}, &last); err != nil {
			return 0, err
		}
	}
	r.last[key] = r.sql.Entries.after(last)
	return r.last[key], nil
}
