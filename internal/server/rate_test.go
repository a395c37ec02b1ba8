package server_test

import (
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/scheduletest"
	"github.com/carillon-project/carillon/internal/server"
)

// Over any time, a key is allowed no more requests than its rate and one burst, however many ask at
// once; and a client that waits for as long as it is told is allowed, if nobody else uses the key.
//
// A seed decides who asks when, in the time of a bubble.
func TestThrottle_Schedules(t *testing.T) {
	requests := 0
	scheduletest.Play(t, 100, func(seed uint64) {
		synctest.Test(t, func(t *testing.T) { requests += throttled(t, rand.New(rand.NewPCG(seed, 0))) })
	})
	t.Logf("%d requests", requests)
}

// A request that is held up after its look at the clock, while later ones are counted, gives nobody
// more than the rate.
func TestThrottle_HeldUp(t *testing.T) {
	const limit = 10
	var mu sync.Mutex
	now, looks := noon, func() {}
	h := server.New(chime.Service, some{}, newKeys("AmazonChimeFullAccess"), server.Options{Rate: limit, Clock: func() time.Time {
		mu.Lock()
		seen, look := now, looks
		mu.Unlock()
		look()
		return seen
	}})
	ask := func(n int) (allowed int) {
		for range n {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, call{body: oneItem, at: noon}.request(t, "http://service.example"))
			if w.Code == http.StatusOK {
				allowed++
			}
		}
		return allowed
	}
	set := func(at time.Duration, look func()) {
		mu.Lock()
		defer mu.Unlock()
		now, looks = noon.Add(at), look
	}
	if got := ask(limit + 1); got != limit {
		t.Fatalf("%d requests were allowed at first, want the burst of %d", got, limit)
	}
	held, release := make(chan struct{}), make(chan struct{})
	n := 0
	set(200*time.Millisecond, func() {
		if n++; n == 3 { // after those for the log and for the signature
			close(held)
			<-release
		}
	})
	first := make(chan int)
	go func() { first <- ask(1) }()
	<-held
	set(time.Second, func() {})
	others := make(chan int)
	go func() { others <- ask(limit - 2) }()
	total := 0
	select {
	case n := <-others:
		total += n
		close(release)
	case <-time.After(50 * time.Millisecond): // they wait for the one that is held up
		close(release)
		total += <-others
	}
	total += <-first + ask(limit)
	if total != limit {
		t.Errorf("%d requests were allowed within a second, want %d", total, limit)
	}
}

// throttled lets clients send requests, some with a key of their own and some with one for all, and
// returns how many.
func throttled(t *testing.T, luck *rand.Rand) (requests int) {
	limit := []float64{0.1, 0.5, 1, 2.5, 3, 10, 33.3}[luck.IntN(7)]
	burst := math.Ceil(limit)
	h := server.New(chime.Service, some{}, newKeys("AmazonChimeFullAccess"), server.Options{Rate: limit})
	ask := func(key string) (allowed bool, wait time.Duration) {
		w := httptest.NewRecorder()
		r := call{keyID: key, body: oneItem, at: time.Now()}.request(t, "http://service.example")
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusTooManyRequests {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusOK && (err != nil || seconds < 1) {
			t.Errorf("Retry-After: got %q, want seconds", w.Header().Get("Retry-After"))
		}
		return w.Code == http.StatusOK, time.Duration(seconds) * time.Second
	}
	var mu sync.Mutex
	allowed := map[string][]time.Time{}
	note := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		allowed[key] = append(allowed[key], time.Now())
	}
	var clients sync.WaitGroup
	crowd := 1 + luck.IntN(4)
	for client := range 1 + crowd {
		luck := rand.New(rand.NewPCG(luck.Uint64(), 0))
		pause := 1 + int(float64(time.Second)/limit*2*luck.Float64())
		n := 5 + luck.IntN(int(3*burst)+5)
		requests += n
		clients.Go(func() {
			for range n {
				if luck.IntN(3) > 0 {
					time.Sleep(time.Duration(luck.IntN(pause)))
				}
				if client > 0 {
					if ok, _ := ask(userID); ok {
						note(userID)
					}
					continue
				}
				ok, wait := ask(rootID)
				if !ok { // alone with the key
					time.Sleep(wait)
					if ok, again := ask(rootID); !ok {
						t.Errorf("rate %v: not allowed after the %v that it was told to wait; now told %v", limit, wait, again)
					}
				}
				note(rootID)
			}
		})
	}
	clients.Wait()
	for key, times := range allowed {
		for first := range times {
			for last := first; last < len(times); last++ {
				window := times[last].Sub(times[first])
				if got, most := last-first+1, limit*window.Seconds()+burst+1e-6; float64(got) > most {
					t.Errorf("rate %v, key %s: %d requests were allowed within %v, want %v at most", limit, key, got, window, most)
					return requests
				}
			}
		}
	}
	return requests
}
