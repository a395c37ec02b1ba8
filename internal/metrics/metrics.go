// Package metrics counts what the service does, for Prometheus to collect. Start at [New].
//
// Names begin with carillon_; docs/operating.md lists them. The values of labels come from closed
// sets (operations, exceptions, licenses), so that no client can make the number of series grow.
// Nothing else of a request is in them.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/carillon-project/carillon/internal/store"
)

// Store is what the metrics ask the storage; a [store.Store] is one.
type Store interface {
	Stats() store.Stats
	Seats(ctx context.Context) (map[string]int, error)
}

// Metrics is a set of metrics with a registry of its own.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	events   *prometheus.CounterVec
	dialOuts *prometheus.CounterVec
	seats    *seats
}

// New returns the metrics of a service on a store. The logger is told when seats cannot be counted.
func New(st Store, logger *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_requests_total",
			Help: "Requests answered, by operation and by outcome: success, or the name of the exception.",
		}, []string{"operation", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "carillon_request_duration_seconds",
			Help:    "Time from the end of a request's header to its answer, by operation.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"operation"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_bot_events_total",
			Help: "Events for bots, by outcome: delivered, given_up, dropped.",
		}, []string{"outcome"}),
		dialOuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_dial_outs_total",
			Help: "Dial-outs that the hook was told of, by what became of them: Delivered, GivenUp.",
		}, []string{"status"}),
		seats: newSeats(st.Seats, logger),
	}
	// These are shown as 0 before there are any.
	for _, outcome := range []string{"delivered", "given_up", "dropped"} {
		m.events.WithLabelValues(outcome)
	}
	for _, status := range []string{"Delivered", "GivenUp"} {
		m.dialOuts.WithLabelValues(status)
	}
	m.registry.MustRegister(m.requests, m.duration, m.events, m.dialOuts, storage{st.Stats}, m.seats,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// Meter returns the function that counts the requests of an operation. It takes the exception that
// a request ended in, empty for success, and the time that the request took. Call Meter once for
// each operation and keep the function, since making it takes time. An operation shows in the
// metrics from its first request on.
func (m *Metrics) Meter(operation string) func(exception string, took time.Duration) {
	ready := sync.OnceValues(func() (prometheus.Counter, prometheus.Observer) {
		return m.requests.WithLabelValues(operation, "success"), m.duration.WithLabelValues(operation)
	})
	return func(exception string, took time.Duration) {
		success, duration := ready()
		duration.Observe(took.Seconds())
		if exception == "" {
			success.Inc()
		} else {
			m.requests.WithLabelValues(operation, exception).Inc()
		}
	}
}

// CountEvent counts an event for a bot that has ended with an outcome.
func (m *Metrics) CountEvent(outcome string) { m.events.WithLabelValues(outcome).Inc() }

// CountDialOut counts a dial-out that the hook was told of.
func (m *Metrics) CountDialOut(status string) { m.dialOuts.WithLabelValues(status).Inc() }

var faults = prometheus.NewDesc("carillon_faults_total", "How many times each fault rule of test mode has fired.", []string{"rule"}, nil)

// CountFaults adds how many times each fault rule has fired. fired is asked when somebody looks:
// the rules that there are bound the number of series.
func (m *Metrics) CountFaults(fired func() map[string]int) {
	m.registry.MustRegister(faultRules{fired})
}

type faultRules struct{ fired func() map[string]int }

func (f faultRules) Describe(ch chan<- *prometheus.Desc) { ch <- faults }

func (f faultRules) Collect(ch chan<- prometheus.Metric) {
	for rule, n := range f.fired() {
		ch <- prometheus.MustNewConstMetric(faults, prometheus.CounterValue, float64(n), rule)
	}
}

// Handler answers GET and HEAD with the metrics in Prometheus's text format, or in another of its
// formats that the client prefers.
func (m *Metrics) Handler() http.Handler {
	h := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The metrics are read by GET.", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Close ends the count of seats that may be running, so that the store can be closed.
func (m *Metrics) Close() { m.seats.close() }

// storage tells what the store has done.
type storage struct{ stats func() store.Stats }

var (
	updates            = prometheus.NewDesc("carillon_store_updates_total", "Changes in the storage, by outcome: committed, undone, failed.", []string{"outcome"}, nil)
	commits            = prometheus.NewDesc("carillon_store_commits_total", "Commits that waited for the disk. On SQLite, changes at the same time share one.", nil, nil)
	repeats            = prometheus.NewDesc("carillon_store_repeats_total", "Changes that were tried again, on PostgreSQL.", nil, nil)
	lastCommit         = prometheus.NewDesc("carillon_store_last_commit_timestamp_seconds", "When changes were last committed, in seconds since 1970; 0 if none were since the start.", nil, nil)
	syncFailures       = prometheus.NewDesc("carillon_store_failed_syncs_total", "Commits that SQLite could not bring to the disk.", nil, nil)
	checkpointFailures = prometheus.NewDesc("carillon_store_failed_checkpoints_total", "Times that SQLite could not copy its log into the database.", nil, nil)
	freeBytes          = prometheus.NewDesc("carillon_store_free_bytes", "Room on the disk of SQLite's database.", nil, nil)
	logBytes           = prometheus.NewDesc("carillon_store_log_bytes", "Size of SQLite's log beside the database.", nil, nil)
)

func (s storage) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{updates, commits, repeats, lastCommit, syncFailures, checkpointFailures, freeBytes, logBytes} {
		ch <- d
	}
}

func (s storage) Collect(ch chan<- prometheus.Metric) {
	stats := s.stats()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(updates, stats.Committed, "committed")
	count(updates, stats.Undone, "undone")
	count(updates, stats.Failed, "failed")
	count(commits, stats.Commits)
	count(repeats, stats.Repeats)
	count(syncFailures, stats.FailedSyncs)
	count(checkpointFailures, stats.FailedCheckpoints)
	gauge := func(d *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	last := 0.0
	if !stats.LastCommit.IsZero() {
		last = float64(stats.LastCommit.UnixMilli()) / 1000
	}
	gauge(lastCommit, last)
	if stats.FreeBytes != nil { // or a PostgreSQL would look like a full disk
		gauge(freeBytes, float64(*stats.FreeBytes))
	}
	gauge(logBytes, float64(stats.LogBytes))
}
