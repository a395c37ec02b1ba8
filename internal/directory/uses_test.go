package directory_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// unsteady is a store that takes no changes while there is a problem.
type unsteady struct {
	store.Store
	mu         sync.Mutex
	problem    error
	updates    int
	complaints []error // see complain
}

func (u *unsteady) Update(ctx context.Context, fn func(store.Tx) error) error {
	u.mu.Lock()
	u.updates++
	problem := u.problem
	u.mu.Unlock()
	if problem != nil {
		return problem
	}
	return u.Store.Update(ctx, fn)
}

func (u *unsteady) complain(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.complaints = append(u.complaints, err)
}

// become sets the problem, and returns what there was since the last time.
func (u *unsteady) become(problem error) (updates int, complaints []error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	updates, complaints = u.updates, u.complaints
	u.problem, u.updates, u.complaints = problem, 0, nil
	return updates, complaints
}

// usedKeys makes two keys of a service whose clock is at *clock, and a function that returns the
// days of their last use.
func usedKeys(t *testing.T, clock *time.Time) (keys *directory.Keys, st *unsteady, use func(...string), days func() map[string]time.Time) {
	t.Helper()
	st = &unsteady{Store: open(t, t.TempDir())}
	sealer := ok[*seal.Sealer](t)(seal.FromFile(t.Context(), st, filepath.Join(t.TempDir(), "key")))
	keys = directory.NewKeys(st, sealer, directory.Options{Clock: func() time.Time { return *clock }})
	ids := map[string]string{} // by name
	for _, name := range []string{"reports", "nightly"} {
		ids[name] = ok[directory.Key](t)(keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: name, Policy: "AmazonChimeReadOnly"})).ID
	}
	use = func(names ...string) {
		t.Helper()
		for _, name := range names {
			keys.Used(ok[directory.Key](t)(keys.AccessKey(t.Context(), ids[name])))
		}
	}
	days = func() map[string]time.Time {
		t.Helper()
		found := map[string]time.Time{}
		for _, key := range ok[[]directory.Key](t)(keys.List(t.Context(), awsAccount)) {
			found[key.Name] = key.LastUsed
		}
		return found
	}
	st.become(nil)
	return keys, st, use, days
}

// Each key has the day of its last use, for which there is a write a day at most.
func TestKeepUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := now
		keys, st, use, days := usedKeys(t, &clock)
		records := len(audited(t, st))
		ctx, stop := context.WithCancel(t.Context())
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			keys.KeepUses(ctx, st.complain)
		}()
		day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		written := func(updates int, reports, nightly time.Time) {
			t.Helper()
			time.Sleep(time.Hour)
			equal(t, "days of last use", days(), map[string]time.Time{"reports": reports, "nightly": nightly})
			if got, complaints := st.become(nil); got != updates || complaints != nil {
				t.Errorf("got %d updates and %v, want %d", got, complaints, updates)
			}
		}
		written(0, time.Time{}, time.Time{})
		use("reports", "reports")
		written(1, day, time.Time{})
		use("reports", "nightly", "reports")
		written(1, day, day)

		clock = time.Date(2026, 3, 1, 23, 59, 59, 999_999_999, time.UTC)
		use("reports", "nightly")
		written(0, day, day)
		clock = clock.Add(1)
		use("reports", "nightly", "reports") // together
		written(1, day.AddDate(0, 0, 1), day.AddDate(0, 0, 1))
		clock = day // of another service, or set back
		use("reports")
		written(0, day.AddDate(0, 0, 1), day.AddDate(0, 0, 1))

		// What is noted when the service stops is written before it ends.
		clock = day.AddDate(0, 0, 9)
		use("nightly")
		stop()
		<-kept
		written(1, day.AddDate(0, 0, 1), day.AddDate(0, 0, 9))
		if got := len(audited(t, st)); got != records {
			t.Errorf("the audit trail tells of %d uses", got-records)
		}
	})
}

// A write that fails is done again after a while, and there is one complaint.
func TestKeepUses_Failing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := now
		keys, st, use, days := usedKeys(t, &clock)
		ctx, stop := context.WithCancel(t.Context())
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			keys.KeepUses(ctx, st.complain)
		}()
		full := errors.New("the disk is full")
		for range 2 {
			st.become(full)
			clock = clock.AddDate(0, 0, 1)
			use("reports")
			time.Sleep(10 * time.Minute)
			use("nightly")
			updates, complaints := st.become(nil)
			if updates < 5 || updates > 15 || len(complaints) != 1 || complaints[0] != full {
				t.Errorf("while the disk was full: got %d attempts and %v, want 10 or so, and one complaint", updates, complaints)
			}
			time.Sleep(10 * time.Minute)
			day := clock.Truncate(24 * time.Hour)
			equal(t, "days of last use", days(), map[string]time.Time{"reports": day, "nightly": day})
		}

		// A stop does not wait until there is room.
		st.become(full)
		clock = clock.AddDate(0, 0, 1)
		use("reports")
		stop()
		<-kept
	})
}

func audited(t *testing.T, st store.Store) (records []store.AuditRecord) {
	t.Helper()
	if err := st.View(t.Context(), func(tx store.ReadTx) (err error) {
		records, _, err = tx.Audit(awsAccount, store.AuditFilter{}, 0, 1000)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return records
}
