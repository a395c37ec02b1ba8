package testmode_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
)

// call sends a request to a handler.
func call(t *testing.T, h http.Handler, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:24463"+path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// openStore opens a new store. The caller closes it.
func openStore(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// openClock opens the clock that a store keeps.
func openClock(t *testing.T, st store.Store) *testmode.Clock {
	t.Helper()
	clock, err := testmode.OpenClock(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	return clock
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the time of the machine stands still but for sleeps
		st := openStore(t)
		defer st.Close()
		clock := openClock(t, st)
		ran := 0
		var problem error
		h := (&testmode.Mode{Clock: clock, RunDue: func(context.Context) error {
			ran++
			if kept := openClock(t, st); !kept.Now().Equal(clock.Now()) {
				t.Errorf("before what is due is done, the store keeps %v, and the clock shows %v", kept.Now(), clock.Now())
			}
			return problem
		}}).Handler(http.NotFoundHandler())
		machine := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		for _, step := range []struct {
			method, body string
			want         string
		}{
			{"GET", "", `{"now":"` + machine + `","frozen":false}`},
			{"PUT", `{"now":"2030-01-01T00:00:00Z","frozen":true}`, `{"now":"2030-01-01T00:00:00.000Z","frozen":true}`},
			{"POST", `{"advance":"90m"}`, `{"now":"2030-01-01T01:30:00.000Z","frozen":true}`},
			{"POST", `{"advance":"7d"}`, `{"now":"2030-01-08T01:30:00.000Z","frozen":true}`},
			{"PUT", `{"now":"2029-12-31T23:00:00+01:00"}`, `{"now":"2029-12-31T22:00:00.000Z","frozen":true}`},
			{"POST", `{"advance":"0s","frozen":false}`, `{"now":"2029-12-31T22:00:00.000Z","frozen":false}`},
		} {
			if code, got := call(t, h, step.method, "/_carillon/clock", step.body); code != http.StatusOK || got != step.want {
				t.Errorf("%s %s: got %d %s, want %s", step.method, step.body, code, got, step.want)
			}
			restarted := (&testmode.Mode{Clock: openClock(t, st)}).Handler(http.NotFoundHandler())
			if code, got := call(t, restarted, "GET", "/_carillon/clock", ""); code != http.StatusOK || got != step.want {
				t.Errorf("%s %s, after a restart: got %d %s, want %s", step.method, step.body, code, got, step.want)
			}
		}
		if ran != 5 {
			t.Errorf("what is due was done %d times, want 5", ran)
		}
		time.Sleep(time.Hour) // of the machine's time
		if got := clock.Now().UTC().Format(time.RFC3339); got != "2029-12-31T23:00:00Z" {
			t.Errorf("an hour later the clock shows %s", got)
		}
		if got := openClock(t, st).Now(); !got.Equal(clock.Now()) {
			t.Errorf("after a restart the clock shows %v, want %v", got, clock.Now())
		}
		problem = errors.New("the disk is full")
		code, got := call(t, h, "POST", "/_carillon/clock", `{"advance":"1h"}`)
		if code != http.StatusInternalServerError || !strings.Contains(got, "the disk is full") {
			t.Errorf("what is due cannot be done: got %d %s", code, got)
		}
	})
}

// The clock is set if and only if the store keeps that.
func TestClock_notKept(t *testing.T) {
	st := openStore(t)
	clock := openClock(t, st)
	h := (&testmode.Mode{Clock: clock, RunDue: func(context.Context) error { t.Error("what is due was done"); return nil }}).Handler(http.NotFoundHandler())
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	code, got := call(t, h, "POST", "/_carillon/clock", `{"advance":"1h"}`)
	if code != http.StatusInternalServerError || !strings.Contains(got, "the store does not keep it") {
		t.Errorf("got %d %s", code, got)
	}
	if d := time.Until(clock.Now()).Abs(); d > time.Minute {
		t.Errorf("the clock has moved by %v", d)
	}
}

func TestClock_refused(t *testing.T) {
	st := openStore(t)
	defer st.Close()
	clock := openClock(t, st)
	h := (&testmode.Mode{Clock: clock, RunDue: func(context.Context) error { t.Error("what is due was done"); return nil }}).Handler(http.NotFoundHandler())
	if code, _ := call(t, h, "GET", "/_carillon/clock", ""); code != http.StatusOK {
		t.Fatal(code)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"PUT", "/_carillon/clock", `{}`, 400, "PUT takes"},
		{"PUT", "/_carillon/clock", ``, 400, "the body is not valid JSON: the text ends too early"},
		{"PUT", "/_carillon/clock", `[]`, 400, "the body must be a JSON object, such as {"},
		{"PUT", "/_carillon/clock", `{"frozen":null}`, 400, "PUT takes"},
		{"PUT", "/_carillon/clock", `{"now":"2030-01-01"}`, 400, `now is \"2030-01-01\", which is not a time such as \"2030-01-01T00:00:00Z\"`},
		{"PUT", "/_carillon/clock", `{"now":"yesterday"}`, 400, "yesterday"},
		{"PUT", "/_carillon/clock", `{"now":"0001-01-01T00:00:00Z"}`, 400, "1970"},
		{"PUT", "/_carillon/clock", `{"now":"2200-01-01T00:00:00Z"}`, 400, "2199"},
		{"POST", "/_carillon/clock", `{"advance":"70000d"}`, 400, "2199"},
		{"PUT", "/_carillon/clock", `{"frozen":"yes"}`, 400, `frozen: must be true or false, not \"yes\"`},
		{"PUT", "/_carillon/clock", `{"frozen":true} {}`, 400, "follows"},
		{"PUT", "/_carillon/clock", `{"forzen":true}`, 400, "forzen: there is no such member: did you mean frozen?"},
		{"PUT", "/_carillon/clock", `{"advance":"1h"}`, 400, "POST takes"},
		{"PUT", "/_carillon/clock", `{"frozen":true` + strings.Repeat(" ", 5000) + `}`, 400, "the body must have at most 4096 bytes"},
		{"POST", "/_carillon/clock", `{"now":"2030-01-01T00:00:00Z"}`, 400, "PUT takes"},
		{"POST", "/_carillon/clock", `{"advance":"-1h"}`, 400, `advance is \"-1h\", and the clock advances only forward: set it to an earlier time instead`},
		{"POST", "/_carillon/clock", `{"advance":24}`, 400, "advance: must be a text, in double quotes"},
		{"POST", "/_carillon/clock", `{"advance":"soon"}`, 400, "soon"},
		{"POST", "/_carillon/clock", `{"advance":"d"}`, 400, "not a time"},
		{"POST", "/_carillon/clock", `{"advance":"1h7d"}`, 400, "1h7d"}, // would be 8 days
		{"POST", "/_carillon/clock", `{"advance":"200000d"}`, 400, "200000d"},
		{"POST", "/_carillon/clock", `{"advance":"200000h1d"}`, 400, "200000h1d"},
		{"DELETE", "/_carillon/clock", ``, 405, "GET"},
		{"GET", "/_carillon/", ``, 404, "/_carillon/clock"},
		{"GET", "/_carillon/nonsense", ``, 404, "/_carillon/clock"},
		{"GET", "/_carillon", ``, 404, "page not found"}, // it is the service's
		{"GET", "/accounts", ``, 404, "page not found"},
	} {
		code, got := call(t, h, test.method, test.path, test.body)
		if code != test.status || !strings.Contains(got, test.message) {
			t.Errorf("%s %s %.60s: got %d %s, want %d and %q", test.method, test.path, test.body, code, got, test.status, test.message)
		}
	}
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Origin", "http://127.0.0.1:24463"}, // as of a domain that resolves to this machine
		{"Sec-Fetch-Site", "same-origin"},
	} {
		code, got := call(t, h, "POST", "/_carillon/clock", `{"advance":"1h"}`, headers...)
		if code != http.StatusForbidden || !strings.HasPrefix(got, `{"message":"a page in a browser`) {
			t.Errorf("a page with %q: got %d %s, want 403", headers, code, got)
		}
	}
	if d := time.Until(clock.Now()).Abs(); d > time.Minute {
		t.Errorf("the clock has moved by %v", d)
	}
}

// A storage that cannot save what it holds has a clock and rules to reset.
func TestReset_withoutStates(t *testing.T) {
	st := openStore(t)
	defer st.Close()
	clock := openClock(t, st)
	h := (&testmode.Mode{Clock: clock, RunDue: func(context.Context) error { return nil }, Storage: "PostgreSQL"}).Handler(http.NotFoundHandler())
	if code, got := call(t, h, "PUT", "/_carillon/clock", `{"now":"2030-01-01T00:00:00Z","frozen":true}`); code != http.StatusOK {
		t.Fatalf("got %d %s", code, got)
	}
	for _, step := range [][2]string{{"POST", "reset"}, {"POST", "reset?data=1"}, {"GET", "snapshot"}, {"GET", "snapshot/x"}, {"POST", "snapshot/x"}, {"PUT", "snapshot/x"}, {"DELETE", "snapshot/x"}} {
		code, got := call(t, h, step[0], "/_carillon/"+step[1], "")
		if code != http.StatusNotImplemented || !strings.Contains(got, "reset?data=0 resets all but the data here, too") {
			t.Errorf("%s %s: got %d %s", step[0], step[1], code, got)
		}
	}
	if got := clock.Now().Year(); got != 2030 {
		t.Errorf("the clock shows the year %d", got)
	}
	if code, got := call(t, h, "POST", "/_carillon/reset?data=0", ""); code != http.StatusOK || got != "{}" {
		t.Errorf("got %d %s", code, got)
	}
	for _, c := range []*testmode.Clock{clock, openClock(t, st)} {
		if d := time.Until(c.Now()).Abs(); d > time.Minute {
			t.Errorf("the clock is off by %v", d)
		}
	}
	if code, got := call(t, h, "GET", "/_carillon/health", ""); code != http.StatusOK || !strings.Contains(got, `"storage":"PostgreSQL"`) {
		t.Errorf("health: got %d %s", code, got)
	}
}
