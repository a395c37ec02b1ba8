package metrics_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/metrics"
	"github.com/carillon-project/carillon/internal/store"
)

// What the alerts and the dashboard of packaging/monitoring ask for is there: the metrics, their
// labels, and the values of labels.
func TestMonitoring(t *testing.T) {
	rules, err := os.ReadFile("../../packaging/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, m := range regexp.MustCompile(`(?m)^ +expr: (.*?)(?: #.*)?$`).FindAllStringSubmatch(string(rules), -1) {
		queries = append(queries, m[1])
	}
	if alerts := strings.Count(string(rules), "- alert: "); alerts < 10 || alerts != len(queries) {
		t.Errorf("found %d queries of %d alerts", len(queries), alerts)
	}
	text, err := os.ReadFile("../../packaging/monitoring/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	var there, values map[string][]string
	synctest.Test(t, func(t *testing.T) { there, values = exposed(t) })
	for _, q := range queries {
		for _, problem := range problems(q, there, values) {
			t.Errorf("%s: %s", q, problem)
		}
	}
	// And nothing that an operator should hear of is forgotten.
	for name := range there {
		if strings.HasPrefix(name, "carillon_") && !slices.ContainsFunc(queries, func(q string) bool { return strings.Contains(q, name) }) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !slices.Contains([]string{"carillon_request_duration_seconds", "carillon_faults_total", "carillon_store_last_commit_timestamp_seconds"}, base) {
				t.Errorf("no query has %s", name)
			}
		}
	}
}

// exposed returns the labels of each metric, and the values of each label, after some of everything
// has happened.
func exposed(t *testing.T) (labels map[string][]string, values map[string][]string) {
	t.Helper()
	m := metrics.New(stand{store.Stats{LogBytes: 1, FreeBytes: new(uint64)}, func(context.Context) (map[string]int, error) {
		return map[string]int{"Pro": 1}, nil
	}}, slog.New(slog.DiscardHandler))
	defer m.Close()
	m.CountTasks([]string{"Early"}, func(context.Context) (map[string]int, error) { return map[string]int{"Early": 1}, nil }, slog.New(slog.DiscardHandler))
	m.CountFaults(func() map[string]int { return map[string]int{"rule": 1} })
	for _, op := range chime.Service.All() {
		count := m.Meter(op.Name)
		count("", time.Second)
		for _, e := range api.Exceptions(op.Name) {
			count(string(e), time.Second)
		}
	}
	labels, values = map[string][]string{"up": {"job", "instance"}}, map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `).FindAllStringSubmatch(scrape(t, m, "[a-z]"), -1) {
		labels[line[1]] = []string{"job", "instance"} // Prometheus adds them
		for _, l := range regexp.MustCompile(`([a-z_]+)="([^"]*)"`).FindAllStringSubmatch(line[2], -1) {
			labels[line[1]] = append(labels[line[1]], l[1])
			values[l[1]] = append(values[l[1]], l[2])
		}
	}
	return labels, values
}

var (
	names     = regexp.MustCompile(`\b((?:carillon|go|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?`)
	selection = regexp.MustCompile(`([a-z_]+)(=~|=)"([^"]*)"`)
	grouping  = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// problems says what a query asks for that is not there.
func problems(query string, labels, values map[string][]string) (all []string) {
	found := names.FindAllStringSubmatch(query, -1)
	if found == nil {
		return []string{"no metric"}
	}
	if strings.Count(query, "(") != strings.Count(query, ")") {
		all = append(all, "a parenthesis is missing")
	}
	for _, m := range found {
		has, ok := labels[m[1]]
		if !ok {
			all = append(all, "there is no metric "+m[1])
		}
		wants := selection.FindAllStringSubmatch(m[2], -1)
		for _, group := range grouping.FindAllStringSubmatch(query, -1) {
			for _, label := range strings.Split(group[1], ", ") {
				wants = append(wants, []string{"", label, "", ""})
			}
		}
		for _, w := range wants {
			if !slices.Contains(has, w[1]) {
				all = append(all, m[1]+" has no label "+w[1])
			}
			if w[2] == "" || w[1] == "job" {
				continue
			}
			for _, value := range strings.Split(w[3], "|") {
				if !slices.Contains(values[w[1]], value) {
					all = append(all, w[1]+" is never "+value)
				}
			}
		}
	}
	return all
}
