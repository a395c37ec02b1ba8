package bulk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
)

// told is what a job has told a service of itself.
type told struct {
	Job, AccountID, Action, Outcome, By, Undoes string
	Left, Done, Failed                          int
}

// runTold runs a job of 100 users in 5 calls and calls after with the clock and how many of them
// have ended. answer answers what the job tells of itself, which runTold returns.
func runTold(t *testing.T, after func(c *clock, calls int), answer func(http.ResponseWriter, *http.Request)) []told {
	t.Helper()
	f := newFake(t, "Team", people(100))
	for _, u := range f.users {
		u.LicenseType = "Basic"
	}
	f.refuse["id-001"] = "Forbidden"
	var mu sync.Mutex
	var all []told
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ours := strings.CutPrefix(r.URL.Path, "/carillon/jobs/")
		if !ours {
			f.serve(w, r)
			return
		}
		said := told{Job: id}
		body, err := io.ReadAll(r.Body)
		if err != nil { // the job has ended, and gave up the call
			return
		}
		if err := json.Unmarshal(body, &said); err != nil {
			t.Errorf("the body of RecordJob is no JSON: %v", err)
		}
		mu.Lock()
		all = append(all, said)
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(front.Close)
	c := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	config := clientOf(f)
	config.Endpoint = front.URL
	a, err := bulk.Open(bulk.Config{Client: config, Account: account, Job: "j", Parallel: 2, AnnounceTime: hung, Now: c.Now, Sleep: c.Sleep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	rows := "email,license\n"
	for i := range 100 {
		rows += fmt.Sprintf("user%03d@example.com,Pro\n", i)
	}
	plan := planned(t, a, bulk.Update, rows, bulk.PlanOptions{Type: "Team"})
	plan.By, plan.Undoes = "ana", "job before"
	l := create(t, filepath.Join(t.TempDir(), "ledger.jsonl"), plan)
	calls := 0
	counts, err := a.Run(t.Context(), l, bulk.RunOptions{Progress: func(bulk.Counts) { calls++; after(c, calls) }})
	if err != nil || counts != (bulk.Counts{Total: 100, Done: 99, Failed: 1}) {
		t.Errorf("got %+v, %v; want 99 done and 1 failed", counts, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	front.Close() // when no call is under way, not even one that the job gave up
	return all
}

// takes lets each call of a job take some time by the clock.
func takes(d time.Duration) func(*clock, int) {
	return func(c *clock, _ int) { c.Sleep(context.Background(), d) }
}

// A job tells the service how far it has come.
func TestRunTellsOfProgress(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{}, 5)
	all := runTold(t, func(c *clock, calls int) {
		takes(time.Second)(c, calls)
		if calls == 3 { // the job ends without waiting for what the service has not heard
			<-heard
		}
	}, func(w http.ResponseWriter, _ *http.Request) {
		heard <- struct{}{}
		w.WriteHeader(http.StatusNoContent)
	})
	if len(all) == 0 || len(all) > 5 {
		t.Errorf("got %d calls, want some", len(all))
	}
	for _, said := range all {
		sum := said.Left + said.Done + said.Failed
		said.Left, said.Done, said.Failed = 0, 0, 0
		if want := (told{Job: "j", AccountID: account, Action: "update", Outcome: "running", By: "ana", Undoes: "job before"}); said != want || sum != 100 {
			t.Errorf("got %+v about %d users, want %+v about 100", said, sum, want)
		}
	}
}

// It does so once a second at most.
func TestRunTellsOfProgress_seldom(t *testing.T) {
	t.Parallel()
	all := runTold(t, takes(199*time.Millisecond), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if len(all) != 0 {
		t.Errorf("got %+v in less than a second, want nothing", all)
	}
}

// A service that does not answer is told once, and does not hold up the job.
func TestRunTellsOfProgress_hangs(t *testing.T) {
	t.Parallel()
	all := runTold(t, takes(time.Hour), func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if len(all) > 1 {
		t.Errorf("got %d calls under way, want 1 at most", len(all))
	}
}

// A service that does not understand it is not told again.
func TestRunTellsOfProgress_refused(t *testing.T) {
	t.Parallel()
	all := runTold(t, takes(time.Hour), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ForbiddenException")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"Code": "Forbidden", "Message": "no"}`)
	})
	if len(all) > 1 {
		t.Errorf("got %d calls, want 1 at most", len(all))
	}
}
