package directory

import (
	"context"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// countsLife is for how long a count of the users of an account is repeated.
const countsLife = time.Minute

// counts are the last counts of accounts.
type counts struct {
	counting sync.Mutex // held while users are counted: once at a time, since that keeps a core busy

	mu        sync.Mutex
	last      map[string]userCounts // by account id
	forgotten int                   // how often all were: see [Service.Forget]
}

type userCounts struct {
	counts []store.UserCount
	at     time.Time // by the clock of the service
	since  time.Time // by that of the machine: a clock for tests may stand still
}

func (c userCounts) fresh(now time.Time) bool {
	age := now.Sub(c.at)
	return 0 <= age && age < countsLife && time.Since(c.since) < countsLife
}

// look returns the last count, and how often all were forgotten.
func (c *counts) look(accountID string, now time.Time) (last userCounts, fresh bool, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.last[accountID]
	return last, ok && last.fresh(now), c.forgotten
}

// forget forgets all counts, and those that are being made.
func (c *counts) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.last)
	c.forgotten++
}

// keep keeps a count, unless all were forgotten since it was begun, and forgets those of other
// accounts that nobody needs any more.
func (c *counts) keep(accountID string, counted userCounts, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if forgotten != c.forgotten {
		return
	}
	for id, other := range c.last {
		if !other.fresh(counted.at) {
			delete(c.last, id)
		}
	}
	c.last[accountID] = counted
}

// CountUsers answers [extension.CountUsers].
func (s *Service) CountUsers(ctx context.Context, r api.Request) ([]byte, error) {
	a, err := read(ctx, s, func(tx store.ReadTx, caller Caller) (store.Account, error) {
		return findAccount(tx, caller, r.Label("accountId"))
	})
	if err != nil {
		return nil, err
	}
	counted, err := s.countUsers(ctx, a.AccountID)
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, c := range counted.counts {
		rows = append(rows, document.NewObject(
			document.Member{Key: "License", Value: c.License},
			document.Member{Key: "Registration", Value: c.Registration},
			document.Member{Key: "Users", Value: document.Int(c.Users)},
		))
	}
	return document.AppendCompact(nil, document.NewObject(
		document.Member{Key: "Counts", Value: rows},
		document.Member{Key: "Time", Value: api.FormatTime(counted.at)},
	)), nil
}

// countUsers returns the last count of an account if that is fresh, and counts otherwise.
func (s *Service) countUsers(ctx context.Context, accountID string) (userCounts, error) {
	if last, fresh, _ := s.counts.look(accountID, s.options.Clock()); fresh {
		return last, nil
	}
	s.counts.counting.Lock()
	defer s.counts.counting.Unlock()
	now := s.options.Clock()
	last, fresh, forgotten := s.counts.look(accountID, now)
	if fresh { // somebody else was counting
		return last, nil
	}
	counted := userCounts{at: now, since: time.Now()}
	err := s.store.View(ctx, func(tx store.ReadTx) (err error) {
		counted.counts, err = tx.CountUsers(accountID)
		return err
	})
	if err == nil {
		s.counts.keep(accountID, counted, forgotten)
	}
	return counted, err
}
