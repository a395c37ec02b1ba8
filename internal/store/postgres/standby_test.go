package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/postgres/clustertest"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// The primary is lost while updates run, and its synchronous standby takes over, as docs/scale.md
// says. The store stays open. Each update that was acknowledged has been carried out once, and none
// that was refused.
func TestStandby(t *testing.T) {
	needClusters(t)
	primary := clustertest.New(t, "start")
	for _, test := range []struct {
		name string
		away bool // the standby is lost first, so that the primary has commits that the standby never gets
	}{
		{"connected", false},
		{"away", true},
	} {
		standby := clustertest.New(t, "standby", primary.Dir)
		s := open(t, primary.WithStandby(standby), postgres.Options{})
		l := newLoad(t, s, test.name)
		l.awaitAcknowledged(t, 5)
		if test.away {
			standby.Do(t, "kill")
		}
		primary.Do(t, "kill")
		if test.away {
			standby.Do(t, "start")
		}
		standby.Do(t, "promote")
		l.awaitAcknowledged(t, 2) // the first of a writer may have begun on the old primary
		l.end()
		l.check(t)
		s.Close()
		primary = standby
	}
}

// load is what writers do to a store, and what they were answered.
type load struct {
	store   store.Store
	writers []*writer
	running sync.WaitGroup
	stop    context.CancelFunc

	mu       sync.Mutex // guards the answers
	answered *sync.Cond
}

// writer runs one update after the other. Each gives the writer's own user another name and adds a
// record of that to the trail, so that the records are a chain.
type writer struct {
	accountID, userID string

	joins    bool          // each update adds a user, too
	patience time.Duration // how long an update may wait; 0: as long as it takes, a whole failover

	answers      []answer
	acknowledged int // of the answers, those without an error
}

// answer is what the store said to the update with a request id.
type answer struct {
	requestID string
	err       error
}

const awsAccountID = "111122223333"

// newLoad makes accounts, whose ids have a prefix, and starts four writers in each.
func newLoad(t *testing.T, s store.Store, prefix string) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{store: s, stop: stop}
	l.answered = sync.NewCond(&l.mu)
	for i := range 2 {
		a := store.Account{AWSAccountID: awsAccountID, AccountID: fmt.Sprint(prefix, "-a", i)}
		storetest.Update(t, s, func(tx store.Tx) error { return tx.InsertAccount(&a) })
		for n := range 4 {
			w := &writer{accountID: a.AccountID, userID: fmt.Sprint(a.AccountID, "-w", n), joins: n%2 > 0}
			if n >= 2 {
				w.patience = 100 * time.Millisecond
			}
			storetest.Update(t, s, storetest.Insert(w.accountID, w.userID))
			l.writers = append(l.writers, w)
		}
	}
	for _, w := range l.writers {
		l.running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				requestID := fmt.Sprint(w.userID, "-", n)
				err := w.update(s, requestID)
				l.mu.Lock()
				w.answers = append(w.answers, answer{requestID, err})
				if err == nil {
					w.acknowledged++
				}
				l.mu.Unlock()
				l.answered.Broadcast()
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// end stops the writers.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

func (w *writer) update(s store.Store, requestID string) error {
	ctx := context.Background()
	if w.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.patience)
		defer cancel()
	}
	return s.Update(ctx, func(tx store.Tx) error {
		a, err := tx.Account(awsAccountID, w.accountID)
		if err != nil {
			return err
		}
		users, err := tx.Users(a.AccountID, []string{w.userID})
		if err != nil {
			return err
		}
		if len(users) != 1 {
			return fmt.Errorf("the account has %d users %s", len(users), w.userID)
		}
		after := users[0]
		after.DisplayName = requestID
		if err := tx.UpdateUsers(a.AccountID, []store.UserChange{{Before: users[0], After: after}}); err != nil {
			return err
		}
		if w.joins {
			if err := storetest.Insert(a.AccountID, requestID)(tx); err != nil {
				return err
			}
		}
		return tx.AppendAudit([]store.AuditRecord{{
			AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, RequestID: requestID,
			Target: w.userID, Before: users[0].DisplayName, After: after.DisplayName,
		}})
	})
}

// awaitAcknowledged waits until every writer that is in no hurry has succeeded some more times.
func (l *load) awaitAcknowledged(t *testing.T, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answered.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	goals := make(map[*writer]int)
	for _, w := range l.writers {
		if w.patience == 0 {
			goals[w] = w.acknowledged + times
		}
	}
	for w, goal := range goals {
		for w.acknowledged < goal {
			if ctx.Err() != nil {
				t.Fatalf("%s is not served after %d answers, the last of them %v", w.userID, len(w.answers), w.answers[max(0, len(w.answers)-1):])
			}
			l.answered.Wait()
		}
	}
}

// check compares what the store holds with what it has answered.
func (l *load) check(t *testing.T) {
	t.Helper()
	kept, refused, unknown := 0, 0, 0
	for _, w := range l.writers {
		var user store.User
		joined := make(map[string]bool)
		var records []store.AuditRecord
		if err := l.store.View(t.Context(), func(r store.ReadTx) error {
			users, _, err := r.ListUsers(w.accountID, store.UserFilter{}, 0, 1_000_000)
			if err != nil {
				return err
			}
			for _, u := range users {
				if u.UserID == w.userID {
					user = u
				}
				joined[u.UserID] = true
			}
			records, _, err = r.Audit(awsAccountID, store.AuditFilter{Target: w.userID}, 0, 1_000_000)
			return err
		}); err != nil {
			t.Fatalf("View: %v", err)
		}

		times := make(map[string]int) // that a request was carried out, as the trail says
		last := ""
		for _, r := range records {
			times[r.RequestID]++
			if r.Before != last {
				t.Errorf("the trail has %s change from %q to %q, after it became %q", w.userID, r.Before, r.After, last)
			}
			last = r.After
		}
		if user.DisplayName != last {
			t.Errorf("the name of %s is %q, but in the trail it is %q", w.userID, user.DisplayName, last)
		}
		for _, a := range w.answers {
			n := times[a.requestID]
			delete(times, a.requestID)
			if w.joins && joined[a.requestID] != (n > 0) {
				t.Errorf("%s has %d records in the trail; that its user is there is %v", a.requestID, n, joined[a.requestID])
			}
			switch {
			case a.err == nil:
				kept++
				if n != 1 {
					t.Errorf("%s was acknowledged and carried out %d times", a.requestID, n)
				}
			case errors.Is(a.err, store.ErrFailed):
				unknown++
				if n > 1 {
					t.Errorf("%s was carried out %d times", a.requestID, n)
				}
			case errors.Is(a.err, store.ErrUnavailable), w.patience > 0 && errors.Is(a.err, context.DeadlineExceeded):
				refused++
				if n != 0 {
					t.Errorf("%s was carried out %d times, in spite of its error %v", a.requestID, n, a.err)
				}
			default:
				t.Errorf("%s: %v", a.requestID, a.err)
			}
		}
		if len(times) > 0 {
			t.Errorf("the trail of %s has records of %v, which nobody has asked for", w.userID, times)
		}
	}
	t.Logf("%d updates were acknowledged, %d refused, %d are unknown", kept, refused, unknown)
}

// needClusters skips a test where .ci/postgres cannot start a PostgreSQL of its own.
func needClusters(t *testing.T) {
	t.Helper()
	if os.Getenv(postgresURL) == "" {
		t.Skip("set " + postgresURL + " to the URL of a PostgreSQL to test against; .ci/postgres run COMMAND does")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the script that starts a PostgreSQL of its own is made for Linux")
	}
}

// A primary that has lost its standby and starts again shows what it has kept for itself alone.
// That is not acknowledged: it is gone when the standby takes over.
func TestStandby_gone(t *testing.T) {
	needClusters(t)
	if testing.Short() {
		t.Skip("nothing runs at the same time here")
	}
	t.Parallel()
	primary := clustertest.New(t, "start")
	standby := clustertest.New(t, "standby", primary.Dir)
	s := open(t, primary.WithStandby(standby), postgres.Options{}.Settling(8*time.Second)) // the primary is up again long before
	storetest.Update(t, s, storetest.Insert("a1", "before"))
	standby.Do(t, "kill")
	ended := make(chan error)
	go func() { ended <- s.Update(context.Background(), storetest.Insert("a1", "kept by one")) }()
	conn, err := pgx.Connect(t.Context(), primary.URL.String())
	if err != nil {
		t.Fatal(err)
	}
	for waits := false; !waits; {
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	primary.Do(t, "crash")
	if err := <-ended; !errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Update: got error %v, want %v alone: nobody can know", err, store.ErrFailed)
	}
	primary.Do(t, "kill")
	standby.Do(t, "start")
	standby.Do(t, "promote")
	if got, want := storetest.UserIDs(t, s, "a1"), []string{"before"}; !slices.Equal(got, want) {
		t.Errorf("users of the standby: got %v, want %v", got, want)
	}
}
