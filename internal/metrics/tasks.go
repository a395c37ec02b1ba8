package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tasksTimeout ends a count that hangs.
const tasksTimeout = 5 * time.Second

var tasksDue = prometheus.NewDesc("carillon_tasks_due", "What the service is to do by itself, is due and not being done, by kind.", []string{"kind"}, nil)

// tasks collects how many tasks are due.
type tasks struct {
	kinds  []string
	count  func(context.Context) (map[string]int, error)
	logger *slog.Logger
}

// CountTasks adds how many tasks of these kinds are due. count is asked when somebody looks, and
// leaves out kinds without any. The logger is told if it fails.
func (m *Metrics) CountTasks(kinds []string, count func(context.Context) (map[string]int, error), logger *slog.Logger) {
	m.registry.MustRegister(tasks{kinds, count, logger})
}

func (t tasks) Describe(ch chan<- *prometheus.Desc) { ch <- tasksDue }

func (t tasks) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), tasksTimeout)
	defer cancel()
	counts, err := t.count(ctx)
	if err != nil {
		t.logger.Warn("tasks that are due could not be counted", "cause", err)
		return
	}
	for _, kind := range t.kinds {
		ch <- prometheus.MustNewConstMetric(tasksDue, prometheus.GaugeValue, float64(counts[kind]), kind)
	}
}
