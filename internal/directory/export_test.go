package directory

import (
	"context"
	"maps"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Chores replaces the kinds of tasks of a service by two of tests: "chore" is done by run in an
// update, "errand" by work outside of updates, which forgets it afterwards.
func Chores(s *Service, run func(store.Tx, store.Task, time.Time) (time.Time, error), work func(store.Task) error) {
	s.tasks.kinds = map[string]kind{
		"chore": {operation: operation{"Chore"}, run: func(c *change, t store.Task) (time.Time, error) {
			c.record(store.Account{AWSAccountID: t.AWSAccountID, AccountID: t.AccountID}, t.Target, nil, nil)
			return run(c, t, c.now)
		}},
		"errand": {lease: 30 * time.Second, work: func(s *Service, ctx context.Context, t store.Task) error {
			if err := work(t); err != nil {
				return err
			}
			return s.store.Update(ctx, func(tx store.Tx) error { return tx.DeleteTask(t) })
		}},
	}
}

// Errand replaces the kinds of tasks of a service by "errand", done by work outside of updates,
// which forgets it afterwards.
func Errand(s *Service, work func(context.Context, store.Task) error) {
	s.tasks.kinds = map[string]kind{"errand": {lease: 30 * time.Second, work: func(s *Service, ctx context.Context, t store.Task) error {
		if err := work(ctx, t); err != nil {
			return err
		}
		return s.store.Update(ctx, func(tx store.Tx) error { return tx.DeleteTask(t) })
	}}}
}

// Chore adds to the kinds of tasks of a service "chore", which is done by run in an update.
func Chore(s *Service, run func(store.Tx, store.Task, time.Time) (time.Time, error)) {
	s.tasks.kinds = maps.Clone(kinds)
	s.tasks.kinds["chore"] = kind{operation: operation{"Chore"}, run: func(c *change, t store.Task) (time.Time, error) { return run(c, t, c.now) }}
}

// Schedule schedules a task as a change of the service does.
func Schedule(ctx context.Context, s *Service, t store.Task) error {
	return update(ctx, s.store, s.options, Caller{AWSAccountID: t.AWSAccountID}, operation{}, func(c *change) error { return c.schedule(t) })
}

// FreeDead is a round of [Service.KeepTasksFree], which gets what the last one has returned.
func FreeDead(ctx context.Context, s *Service, before []store.Task) ([]store.Task, error) {
	return s.freeDead(ctx, before)
}

// Free ends leases, unless they have become others.
func Free(ctx context.Context, s *Service, leased ...store.Task) error { return s.free(ctx, leased) }

// Lease leases a task as it is now.
func Lease(ctx context.Context, s *Service, t store.Task) (store.Task, bool, error) {
	return s.lease(ctx, t, turnLease)
}

// DeadAfter is how long a lease stays at most, by the time of the machine.
const DeadAfter = deadAfter

// IsEndpoint reports whether a URL has the form of an endpoint of a bot.
func IsEndpoint(text string) bool { return isEndpoint(text) }

// RefusalTime is how long a refusal to sign in takes at least.
const RefusalTime = refusalTime
