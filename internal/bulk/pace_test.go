package bulk

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/client"
)

// All workers wait together, as long as the service asks for. The pauses grow while it goes on
// asking.
func TestPaceWaitsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{now: time.Now, sleep: client.Sleep}
		start := time.Now()
		p.throttled(3 * time.Second)
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
			p.throttled(0)
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
			p.passed()
		}
		p.throttled(0)
		began := time.Now()
		if err := p.wait(t.Context()); err != nil || time.Since(began) > firstDelay {
			t.Errorf("waited %v after many calls that passed, %v; want at most %v", time.Since(began), err, firstDelay)
		}
	})
}

// The pause doubles each time, up to the longest. A wait is from half of the pause to all of it.
func TestPaceDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{now: time.Now, sleep: client.Sleep}
		for i, most := 0, firstDelay; i < 12; i, most = i+1, min(2*most, lastDelay) {
			p.failed(0)
			p.failed(0) // another call of the same pause
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
		p := &pace{now: time.Now, sleep: client.Sleep}
		for p.throttled(time.Minute) == false {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(p.since); waited < patience || waited > patience+2*time.Minute {
			t.Errorf("gave up after %v of throttling, want about %v", waited, patience)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if err := p.wait(ctx); err != context.Canceled || time.Since(began) > time.Second {
			t.Errorf("got %v after %v, want to be let go when the context ends", err, time.Since(began))
		}
	})
}
