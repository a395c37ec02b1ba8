package bulk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
)

var errTest = errors.New("test")

// All workers wait together, as long as the service asks for. The pauses grow while it goes on
// asking.
func TestPaceWaitsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{now: time.Now, sleep: client.Sleep, patience: time.Hour}
		start := time.Now()
		p.failed(false, errTest, 3*time.Second)
		waited := make(chan time.Duration, 8)
		for range cap(waited) {
			go func() {
				if err := p.wait(t.Context()); err != nil {
					t.Error(err)
				}
				waited <- time.Since(start)
			}()
		}
		for range cap(waited) {
			if got := <-waited; got != 3*time.Second {
				t.Errorf("waited %v, want the 3 s that the service asked for", got)
			}
		}
		var former time.Duration
		for range 12 {
			p.failed(false, errTest, 0)
			began := time.Now()
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			former = time.Since(began)
		}
		if former < lastDelay/2 || former > lastDelay {
			t.Errorf("the last of many pauses was %v, want from %v to %v", former, lastDelay/2, lastDelay)
		}
		for range 20 {
			p.passed(false)
		}
		p.failed(false, errTest, 0)
		began := time.Now()
		if err := p.wait(t.Context()); err != nil || time.Since(began) > firstDelay {
			t.Errorf("waited %v after many calls that passed, %v; want at most %v", time.Since(began), err, firstDelay)
		}
	})
}

// The pause doubles each time, up to the longest. A wait is from half of the pause to all of it.
func TestPaceDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{now: time.Now, sleep: client.Sleep, patience: time.Hour}
		for i, most := 0, firstDelay; i < 12; i, most = i+1, min(2*most, lastDelay) {
			p.failed(false, errTest, 0)
			p.failed(false, errTest, 0) // another call of the same pause
			began := time.Now()
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got < most/2 || got > most {
				t.Errorf("pause %d was %v, want from %v to %v", i+1, got, most/2, most)
			}
		}
	})
}

func TestPaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last Waiting
		p := &pace{now: time.Now, sleep: client.Sleep, patience: time.Hour}
		p.patience = 2 * time.Minute
		p.waiting = func(w Waiting) { last = w }
		var err error
		for err == nil {
			if err = p.failed(false, errTest, 0); err == nil {
				if err := p.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		// No pause goes beyond the patience.
		if waited := time.Since(p.since); !errors.Is(err, ErrUnreachable) || waited != p.patience {
			t.Errorf("gave up after %v with %v, want ErrUnreachable after %v", waited, err, p.patience)
		}
		if last.Try < 12 || last.Next > lastDelay || last.Why != errTest {
			t.Errorf("the last pause was told as %+v", last)
		}
		if p.passed(true); p.failed(false, errTest, 0) == nil {
			t.Error("a call that reads has ended the time in which no change succeeded")
		}
		p.passed(false)
		if err := p.failed(false, errTest, time.Hour); !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v, want to give up at once when the service asks to wait an hour", err)
		}
		p.failed(false, errTest, 30*time.Second)
		if last.Try != 2 || last.String() != "waiting: the service does not answer (test), try 2, next in 30s" {
			t.Errorf("after a success the first pause was told as %+v, %s", last, last)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if err := p.wait(ctx); err != context.Canceled || time.Since(began) > time.Second {
			t.Errorf("got %v after %v, want to be let go when the context ends", err, time.Since(began))
		}
	})
}

// stalling answers what is asked of two users, and keeps changes waiting while it is ill.
type stalling struct{ ill bool }

func (s *stalling) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"UserErrors": []}`
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/accounts/A":
		body = `{"Account": {"AccountId": "A", "AccountType": "Team"}}`
	case r.Method == http.MethodGet:
		body = `{"Users": [{"UserId": "0", "LicenseType": "Basic"}, {"UserId": "1", "LicenseType": "Basic"}]}`
	case s.ill && strings.HasPrefix(r.URL.Path, "/accounts/"):
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

// A service that takes calls and never answers is told of while the call is under way, and ends the
// job when the patience ends. What it has made of the call is settled by resuming.
func TestRunEndsWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalling{ill: true}
		var told []string
		var at []time.Duration
		began := time.Now()
		open := func(patience time.Duration) *Account {
			a, err := Open(Config{
				Client:  client.Config{Endpoint: "http://service.example", Region: "us-east-1", Service: chime.Service, RoundTripper: s},
				Account: "A", Job: "j", Patience: patience,
				Waiting: func(w Waiting) { told, at = append(told, w.String()), append(at, time.Since(began)) },
			})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		p := &Plan{Head: Head{Action: Update, Endpoint: "http://service.example", Account: "A", Job: "j"}}
		for _, id := range []string{"0", "1"} {
			p.Rows = append(p.Rows, Row{Number: len(p.Rows) + 1, User: id, From: Values{{License, "Basic"}}, To: Values{{License, "Pro"}}, Status: Planned})
		}
		path := filepath.Join(t.TempDir(), "l.jsonl")
		l, err := Create(path, p, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = open(25*time.Second).Run(t.Context(), l, RunOptions{})
		if took := time.Since(began); !errors.Is(err, ErrUnreachable) || took != 25*time.Second ||
			err.Error() != "the service does not answer: no change has succeeded for 25s" {
			t.Errorf("got %v after %v, want ErrUnreachable when the patience ended", err, took)
		}
		if want := []string{"waiting: the service has not answered for 10s"}; !slices.Equal(told, want) || at[0] != silence {
			t.Errorf("got %q after %v, want %q after 10s", told, at, want)
		}
		if err := l.Close(); err != nil || l.Count(Sent) != 2 {
			t.Errorf("got %s, %v; want two rows in doubt", l.Summary(), err)
		}
		s.ill = false
		a := open(time.Minute)
		if l, err = OpenLedger(path, time.Now); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err = a.Resume(t.Context(), l); err == nil {
			_, err = a.Run(t.Context(), l, RunOptions{})
		}
		if err != nil || l.Count(Done) != 2 {
			t.Errorf("resumed: got %s, %v; want both done", l.Summary(), err)
		}
	})
}

// Reads that are answered use up none of the patience of a call under way, although no change
// succeeds meanwhile. A call that has no answer ends no job in which another one has passed.
func TestPaceWatches_reads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{now: time.Now, sleep: client.Sleep, patience: time.Minute}
		if err := p.failed(false, errSilent, 0); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_, end := p.watch(t.Context())
			time.Sleep(time.Second)
			end()
			p.passed(true)
		}
		slow, end := p.watch(t.Context())
		time.Sleep(59 * time.Second)
		if err := context.Cause(slow); err != nil {
			t.Errorf("a call ended with %v, though the service has answered a minute ago", err)
		}
		<-slow.Done()
		p.passed(false) // before the end is noticed
		end()
		if err := p.silenced(false, nil); err != nil {
			t.Errorf("got %v, though another call has passed", err)
		}
	})
}

// A call that has no answer is waited for as long as others have theirs. The read timeout is
// another limit, and the time before it counts.
func TestPaceWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		p := &pace{now: time.Now, sleep: client.Sleep, patience: time.Minute, waiting: func(Waiting) { told++ }}
		began := time.Now()
		stalled, end := p.watch(t.Context())
		other, otherEnd := p.watch(t.Context())
		time.Sleep(50 * time.Second)
		otherEnd()
		p.passed(false)
		<-stalled.Done()
		if took := time.Since(began); context.Cause(stalled) != errSilent || took != 110*time.Second || told != 1 {
			t.Errorf("the call ended after %v with %v, and it was told %d times; want a minute after another one has passed, and once", took, context.Cause(stalled), told)
		}
		if context.Cause(other) == errSilent {
			t.Error("the call that has passed has ended so, too")
		}
		end()
		p.passed(false)

		began = time.Now()
		_, end = p.watch(t.Context())
		time.Sleep(59 * time.Second)
		end()
		if err := p.failed(false, errTest, 0); err != nil {
			t.Fatal(err)
		}
		if err := p.wait(t.Context()); err != nil || time.Since(began) > time.Minute {
			t.Errorf("the pause ended after %v, %v; want none beyond a minute", time.Since(began), err)
		}
		time.Sleep(time.Minute - time.Since(began))
		last, end := p.watch(t.Context()) // which has a little time in any case
		<-last.Done()
		if took := time.Since(began); took != time.Minute+grace {
			t.Errorf("the last call ended after %v, want %v", took, time.Minute+grace)
		}
		end()
	})
}

// What has become of the service is told as it is.
func TestCondition(t *testing.T) {
	for want, why := range map[string]error{
		"the service throttles every call":     &client.ServiceError{Status: 429, Code: "ThrottledClientException"},
		"the service answers with errors only": &client.ServiceError{Status: 503},
		"the replies make no sense":            &client.ReplyError{Err: errTest},
		"the service does not answer":          &client.TransportError{Failure: client.ReadTimeout},
		"the service cannot be reached":        &client.TransportError{Failure: client.Unreachable},
	} {
		p := &pace{now: time.Now, patience: -1}
		err := p.failed(true, why, 0)
		if text := want + ": no call has succeeded for 0s: " + why.Error(); !errors.Is(err, ErrUnreachable) || !errors.Is(err, why) || err.Error() != text {
			t.Errorf("got %q, want %q", err, text)
		}
	}
}
