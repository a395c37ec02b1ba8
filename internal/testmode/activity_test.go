package testmode_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/testmode"
)

func TestActivity(t *testing.T) {
	s := start(t)
	s.rules(t, `[{"id":"a","operation":"ListAccounts","effect":{"statusCode":503}},{"id":"b","operation":"ListPhoneNumbers","where":"after","effect":{"connection":"empty"}},
		{"id":"c","operation":"GetGlobalSettings","effect":{"latency":{"ms":1}}}]`)
	s.call(t, "GET", "/accounts", "")
	s.try(t, "GET", "/phone-numbers", "")
	s.call(t, "GET", "/settings", "")
	s.call(t, "GET", "/accounts", "")

	lines, next := s.activity(t, "")
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprint(l.N, " ", l.Rule, " ", l.Operation, " ", l.Where, " ", l.Effect))
	}
	if strings.Join(got[:1], "") != "1 a ListAccounts before ServiceUnavailableException" || got[len(got)-1] != fmt.Sprint(next, " a ListAccounts before ServiceUnavailableException") {
		t.Errorf("got %q, next %d", got, next)
	}
	if text := strings.Join(got, "; "); !strings.Contains(text, "2 b ListPhoneNumbers after empty; ") || !strings.Contains(text, " c GetGlobalSettings before latency; ") {
		t.Errorf("got %s", text)
	}
	if lines, _ := s.activity(t, "?after=1&rule=a"); len(lines) != 1 || lines[0].N != next {
		t.Errorf("of rule a after line 1: %+v", lines)
	}
	if lines, last := s.activity(t, fmt.Sprint("?after=", next)); len(lines) != 0 || last != next {
		t.Errorf("after the last line: %+v, %d", lines, last)
	}
	if lines, last := s.activity(t, fmt.Sprint("?wait=1ms&after=", next)); len(lines) != 0 || last != next {
		t.Errorf("after the last line and a millisecond: %+v, %d", lines, last)
	}

	for query, want := range map[string]string{
		"?after=x": `after is \"x\"`, "?after=-1": `after is \"-1\"`, "?wait=30": `wait is \"30\"`, "?wait=2m": `wait is \"2m\": it must be a time such as \"30s\", of 1m0s at most`,
		"?wiat=1s": `there is no parameter \"wiat\": did you mean wait?`, "?%": "the query is not valid",
	} {
		var got string
		if status := s.mode(t, "GET", "activity"+query, "", &got); status != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %s, want %s", query, status, got, want)
		}
	}
}

// Who waits gets the first line of the rule as soon as there is one, and nothing if the service
// stops.
func TestActivity_wait(t *testing.T) {
	s := start(t)
	s.rules(t, `[{"id":"a","operation":"ListAccounts","effect":{"statusCode":503}},{"id":"b","operation":"ListPhoneNumbers","effect":{"statusCode":503}}]`)
	got := make(chan []line)
	go func() {
		lines, _ := s.activity(t, "?wait=60s&rule=b")
		got <- lines
	}()
	s.call(t, "GET", "/accounts", "")
	s.call(t, "GET", "/phone-numbers", "")
	if lines := <-got; len(lines) != 1 || lines[0].Rule != "b" {
		t.Errorf("got %+v", lines)
	}
	go func() {
		lines, _ := s.activity(t, "?wait=60s&rule=c")
		got <- lines
	}()
	s.faults.Close()
	if lines := <-got; len(lines) != 0 {
		t.Errorf("when the service stops: got %+v", lines)
	}
}

// The latest lines are kept. Their numbers go on after a reset, for those who wait for the next
// one.
func TestActivity_ring(t *testing.T) {
	f := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"where":"item","effect":{"code":"Throttled"}}]`))
	h := (&testmode.Mode{Faults: f}).Handler(nil)
	const all = 12_345
	fire := func(n int) {
		do(t, f, "BatchUpdateUser", func(ctx context.Context, _ api.Request) ([]byte, error) {
			for i := range n {
				f.Refuse(ctx, directory.Item{Operation: "BatchUpdateUser", ID: fmt.Sprint(i)})
			}
			return nil, nil
		})
	}
	fire(all)
	_, text := call(t, h, "GET", "/_carillon/activity", "")
	if n := strings.Count(text, `{"n":`); n != 10_000 || !strings.HasPrefix(text, `{"activity":[{"n":2346,`) || !strings.HasSuffix(text, `"next":12345}`) || !strings.Contains(text, `"user":"12344"`) {
		t.Errorf("got %d lines, %.60s", n, text)
	}
	if _, text = call(t, h, "GET", "/_carillon/activity?after=12344", ""); strings.Count(text, `{"n":`) != 1 {
		t.Errorf("after 12344: %s", text)
	}
	f.Reset()
	if _, text = call(t, h, "GET", "/_carillon/activity", ""); text != `{"activity":[],"next":12345}` {
		t.Errorf("after a reset: %.200s", text)
	}
	fire(1)
	if _, text = call(t, h, "GET", "/_carillon/activity?after=12345", ""); !strings.HasPrefix(text, `{"activity":[{"n":12346,`) {
		t.Errorf("after the reset and a line: %.200s", text)
	}
	if at, err := time.Parse(time.RFC3339, between(t, text, `"time":"`, `"`)); err != nil || time.Since(at) > time.Minute {
		t.Errorf("the time of the line is %v, %v", at, err)
	}
}
