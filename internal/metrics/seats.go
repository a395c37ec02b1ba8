package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counting seats reads every user. So it is done only when somebody asks, no more often than
// seatsPause allows, and for no more than one part in seatsShare of the time.
const (
	seatsPause = time.Minute
	seatsShare = 100

	// seatsPatience is how long a request for metrics waits for a count. With up to some hundred
	// thousand users it gets the new figures, with more those of the count before.
	seatsPatience = time.Second

	// seatsTimeout ends a count that hangs.
	seatsTimeout = 10 * time.Minute
)

var seatsHeld = prometheus.NewDesc("carillon_seats", "Users, invited ones included, by license, in the whole installation.", []string{"license"}, nil)

// seats collects how many users hold each license.
type seats struct {
	count  func(context.Context) (map[string]int, error)
	logger *slog.Logger
	ctx    context.Context // ends counts
	close  func()

	mu      sync.Mutex
	running chan struct{}  // closed when the count ends; nil while there is none
	last    map[string]int // nil: never counted, or the last count failed
	next    time.Time      // when the next count may begin
}

func newSeats(count func(context.Context) (map[string]int, error), logger *slog.Logger) *seats {
	ctx, cancel := context.WithCancel(context.Background())
	return &seats{count: count, logger: logger, ctx: ctx, close: cancel}
}

func (s *seats) Describe(ch chan<- *prometheus.Desc) { ch <- seatsHeld }

func (s *seats) Collect(ch chan<- prometheus.Metric) {
	for license, n := range s.look() {
		ch <- prometheus.MustNewConstMetric(seatsHeld, prometheus.GaugeValue, float64(n), license)
	}
}

// look returns the result of the last count. It begins another count if it is time for one.
func (s *seats) look() map[string]int {
	s.mu.Lock()
	if s.running == nil && !time.Now().Before(s.next) && s.ctx.Err() == nil {
		s.running = make(chan struct{})
		go s.run(s.running)
	}
	running := s.running
	s.mu.Unlock()
	if running != nil {
		patience := time.NewTimer(seatsPatience)
		defer patience.Stop()
		select {
		case <-running:
		case <-patience.C:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last // never written to again
}

func (s *seats) run(ended chan<- struct{}) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, seatsTimeout)
	defer cancel()
	held, err := s.count(ctx)
	if err != nil && s.ctx.Err() == nil {
		s.logger.Warn("seats could not be counted", "cause", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = held
	s.next = time.Now().Add(max(seatsPause, seatsShare*time.Since(start)))
	s.running = nil
	close(ended)
}
