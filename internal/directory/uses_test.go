package directory_test

import (
	"context"
	"errors"
	"path/filepath"
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
	problem error
	updates int
}

func (f *unsteady) Update(ctx context.Context, fn func(store.Tx) error) error {
	f.updates++
	if f.problem != nil {
		return f.problem
	}
	return f.Store.Update(ctx, fn)
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
	st.updates = 0
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
			keys.KeepUses(ctx, func(err error) { t.Errorf("KeepUses: %v", err) })
		}()
		day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		written := func(updates int, reports, nightly time.Time) {
			t.Helper()
			time.Sleep(time.Hour)
			equal(t, "days of last use", days(), map[string]time.Time{"reports": reports, "nightly": nightly})
			if st.updates != updates {
				t.Errorf("got %d updates, want %d", st.updates, updates)
			}
		}
		written(0, time.Time{}, time.Time{})
		use("reports", "reports")
		written(1, day, time.Time{})
		use("reports", "nightly", "reports")
		written(2, day, day)

		clock = time.Date(2026, 3, 1, 23, 59, 59, 999_999_999, time.UTC)
		use("reports", "nightly")
		written(2, day, day)
		clock = clock.Add(1)
		use("reports", "nightly", "reports") // together
		written(3, day.AddDate(0, 0, 1), day.AddDate(0, 0, 1))
		clock = day // of another service, or set back
		use("reports")
		written(3, day.AddDate(0, 0, 1), day.AddDate(0, 0, 1))

		// What is noted when the service stops is written before it ends.
		clock = day.AddDate(0, 0, 9)
		use("nightly")
		stop()
		<-kept
		written(4, day.AddDate(0, 0, 1), day.AddDate(0, 0, 9))
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
		var complaints []error
		go func() {
			defer close(kept)
			keys.KeepUses(ctx, func(err error) { complaints = append(complaints, err) })
		}()
		full := errors.New("the disk is full")
		for failures := 1; failures <= 2; failures++ {
			st.problem, st.updates = full, 0
			clock = clock.AddDate(0, 0, 1)
			use("reports")
			time.Sleep(10 * time.Minute)
			use("nightly")
			if st.updates < 5 || st.updates > 15 || len(complaints) != failures || complaints[0] != full {
				t.Errorf("while the disk is full: got %d attempts and %v, want 10 or so, and one complaint each time", st.updates, complaints)
			}
			st.problem = nil
			time.Sleep(10 * time.Minute)
			day := clock.Truncate(24 * time.Hour)
			equal(t, "days of last use", days(), map[string]time.Time{"reports": day, "nightly": day})
		}

		// A stop does not wait until there is room.
		st.problem = full
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
