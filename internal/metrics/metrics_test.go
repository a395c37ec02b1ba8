package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/metrics"
	"github.com/carillon-project/carillon/internal/store"
)

// stand is a store that answers as a test wants.
type stand struct {
	stats store.Stats
	seats func(context.Context) (map[string]int, error)
}

func (s stand) Stats() store.Stats { return s.stats }

func (s stand) Seats(ctx context.Context) (map[string]int, error) { return s.seats(ctx) }

// scrape returns the lines of the metrics whose names begin with a prefix.
func scrape(t testing.TB, m *metrics.Metrics, prefix string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	return strings.Join(regexp.MustCompile(`(?m)^`+prefix+`.*\n`).FindAllString(w.Body.String(), -1), "")
}

// In a bubble a count of seats ends before a request has waited too long for it, whatever else the
// machine does.
func TestMetrics(t *testing.T) { synctest.Test(t, everyMetric) }

func everyMetric(t *testing.T) {
	m := metrics.New(stand{
		store.Stats{Committed: 7, Undone: 2, Failed: 1, Commits: 4, Repeats: 3, LogBytes: 4096,
			LastCommit: time.UnixMilli(1_800_000_000_500), FailedSyncs: 5, FailedCheckpoints: 6, FreeBytes: new(uint64(8192))},
		func(context.Context) (map[string]int, error) { return map[string]int{"Pro": 5, "Basic": 2}, nil },
	}, slog.New(slog.DiscardHandler))
	defer m.Close()
	m.CountTasks([]string{"Early", "Late"}, func(context.Context) (map[string]int, error) {
		return map[string]int{"Late": 3, "of no kind that is listed": 1}, nil
	}, slog.New(slog.DiscardHandler))
	rules := map[string]int{"r1": 3, "idle": 0}
	m.CountFaults(func() map[string]int { return rules })
	update, get := m.Meter("BatchUpdateUser"), m.Meter("GetUser")
	m.Meter("DeleteAccount") // is never called, and so shows nowhere
	update("", 300*time.Microsecond)
	update("", 3*time.Second)
	update("ConflictException", time.Minute)
	get("NotFoundException", 0)
	m.CountDialOut("GivenUp")

	for prefix, want := range map[string]string{
		"carillon_faults": `carillon_faults_total{rule="idle"} 0
carillon_faults_total{rule="r1"} 3
`,
		"carillon_requests": `carillon_requests_total{operation="BatchUpdateUser",outcome="ConflictException"} 1
carillon_requests_total{operation="BatchUpdateUser",outcome="success"} 2
carillon_requests_total{operation="GetUser",outcome="NotFoundException"} 1
carillon_requests_total{operation="GetUser",outcome="success"} 0
`,
		`carillon_request_duration_seconds_(count|bucket.operation="BatchUpdateUser",le="(0.0002|0.0005|2|5|10|\+Inf)")`: `carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="0.0002"} 0
carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="0.0005"} 1
carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="2"} 1
carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="5"} 2
carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="10"} 2
carillon_request_duration_seconds_bucket{operation="BatchUpdateUser",le="+Inf"} 3
carillon_request_duration_seconds_count{operation="BatchUpdateUser"} 3
carillon_request_duration_seconds_count{operation="GetUser"} 1
`,
		"carillon_store": `carillon_store_commits_total 4
carillon_store_failed_checkpoints_total 6
carillon_store_failed_syncs_total 5
carillon_store_free_bytes 8192
carillon_store_last_commit_timestamp_seconds 1.8000000005e+09
carillon_store_log_bytes 4096
carillon_store_repeats_total 3
carillon_store_updates_total{outcome="committed"} 7
carillon_store_updates_total{outcome="failed"} 1
carillon_store_updates_total{outcome="undone"} 2
`,
		"carillon_dial":  "carillon_dial_outs_total{status=\"Delivered\"} 0\ncarillon_dial_outs_total{status=\"GivenUp\"} 1\n",
		"carillon_tasks": "carillon_tasks_due{kind=\"Early\"} 0\ncarillon_tasks_due{kind=\"Late\"} 3\n",
		"carillon_seats": "carillon_seats{license=\"Basic\"} 2\ncarillon_seats{license=\"Pro\"} 5\n",
	} {
		if got := scrape(t, m, prefix); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", prefix, got, want)
		}
	}
	for _, name := range []string{"go_goroutines ", "process_start_time_seconds ", "go_build_info{"} {
		if scrape(t, m, name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d, Allow %q, want 405 and GET, HEAD", w.Code, w.Header().Get("Allow"))
	}
}

// A store without a disk of its own does not look like one whose disk is full.
func TestRoomUnknown(t *testing.T) {
	m := metrics.New(stand{store.Stats{}, func(context.Context) (map[string]int, error) { return nil, nil }}, slog.New(slog.DiscardHandler))
	defer m.Close()
	if got := scrape(t, m, "carillon_store_free_bytes"); got != "" {
		t.Errorf("got %q, want no figure", got)
	}
}

// Tasks that cannot be counted are missing, and the log says why.
func TestTasksFailing(t *testing.T) {
	var log bytes.Buffer
	m := metrics.New(stand{seats: func(context.Context) (map[string]int, error) { return nil, nil }}, slog.New(slog.DiscardHandler))
	defer m.Close()
	m.CountTasks([]string{"Late"}, func(context.Context) (map[string]int, error) {
		return nil, errors.New("no storage")
	}, slog.New(slog.NewTextHandler(&log, nil)))
	if got := scrape(t, m, "carillon_tasks"); got != "" || !strings.Contains(log.String(), "no storage") {
		t.Errorf("got %q and the log %q", got, log.String())
	}
}

// Seats are counted once a minute at most, and for no more than a hundredth of the time. A request
// waits a second for a count; if that is not enough, it gets the figures of the count before.
func TestSeatsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts atomic.Int32
		var takes atomic.Int64
		m := metrics.New(stand{seats: func(context.Context) (map[string]int, error) {
			n := counts.Add(1)
			time.Sleep(time.Duration(takes.Load()))
			return map[string]int{"Pro": int(n)}, nil
		}}, slog.New(slog.DiscardHandler))
		defer m.Close()
		for i, step := range []struct {
			passes, takes time.Duration
			want          string
		}{
			{0, 0, "1"},
			{0, 0, "1"},
			{59 * time.Second, 0, "1"},
			{time.Second, 3 * time.Second, "1"}, // begins the second and gives up on it
			{0, 0, "1"},
			{2 * time.Second, 0, "2"},
			{298 * time.Second, 0, "2"},
			{2 * time.Second, 500 * time.Millisecond, "3"},
			{59 * time.Second, 0, "3"},
			{time.Second, 0, "4"},
		} {
			time.Sleep(step.passes)
			takes.Store(int64(step.takes))
			if got, want := scrape(t, m, "carillon_seats"), "carillon_seats{license=\"Pro\"} "+step.want+"\n"; got != want {
				t.Errorf("step %d: got %s, want %s", i, got, want)
			}
		}
	})
}

// However many ask at the same time, there is one count, and it ends with the service.
func TestSeatsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun, ended atomic.Int32
		m := metrics.New(stand{seats: func(ctx context.Context) (map[string]int, error) {
			begun.Add(1)
			defer ended.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}}, slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if got := scrape(t, m, "carillon_seats"); got != "" {
					t.Errorf("before the first count has ended: got %s, want nothing", got)
				}
			})
		}
		wg.Wait()
		if b, e := begun.Load(), ended.Load(); b != 1 || e != 0 {
			t.Errorf("%d counts have begun and %d ended, want one under way", b, e)
		}
		m.Close()
		synctest.Wait()
		time.Sleep(24 * time.Hour)
		scrape(t, m, "carillon_seats")
		if b, e := begun.Load(), ended.Load(); b != 1 || e != 1 {
			t.Errorf("after the end %d counts have begun and %d ended, want the one", b, e)
		}
	})
}

func TestSeatsThatCannotBeCounted(t *testing.T) { synctest.Test(t, seatsThatCannotBeCounted) }

func seatsThatCannotBeCounted(t *testing.T) {
	var log strings.Builder
	m := metrics.New(stand{seats: func(context.Context) (map[string]int, error) {
		return nil, errors.New("the database is gone")
	}}, slog.New(slog.NewTextHandler(&log, nil)))
	defer m.Close()
	if got := scrape(t, m, "carillon_seats") + scrape(t, m, "carillon_seats"); got != "" {
		t.Errorf("got %s, want none", got)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="seats could not be counted" cause="the database is gone"`) {
		t.Errorf("got log %q, want the one attempt with its cause", got)
	}
}

// BenchmarkMeter measures what the metrics add to each request.
func BenchmarkMeter(b *testing.B) {
	m := metrics.New(stand{}, slog.New(slog.DiscardHandler))
	defer m.Close()
	meter := m.Meter("BatchUpdateUser")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			meter("", time.Millisecond)
		}
	})
}
