package bulk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

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
		if waited := time.Since(p.since); !errors.Is(err, ErrUnreachable) || waited < p.patience || waited > p.patience+lastDelay {
			t.Errorf("gave up after %v with %v, want ErrUnreachable after about %v", waited, err, p.patience)
		}
		if last.Try < 12 || last.Next < lastDelay/2 || last.Why != errTest {
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
