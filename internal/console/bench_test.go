//go:build linux

package console_test

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
)

// Pages of an account of 100,000 users: the time that the service takes for one, that of the
// processor (which does not depend on what else the machine does), and the size.
func BenchmarkPages(b *testing.B) {
	s := start(b, nil)
	account := s.enterprise(b, "Example")
	s.people(b, account, 100_000)
	users := "/accounts/" + account + "/users"
	for _, page := range []struct{ name, path string }{
		{"accounts", "/accounts"},
		{"accounts, counted within the last minute", "/accounts?count=yes"},
		{"settings of an account", "/accounts/" + account + "/settings"},
		{"users", users},
		{"users, by the beginning of an address", users + "?text=person70000"},
		{"users, by a part of a name", users + "?text=son+99"},
		{"users, by what nobody has", users + "?text=nobody"},
		{"users, by license and dates", users + "?license=Basic&registered-from=2026-01-01&registered-to=2026-02-01"},
		{"user", users + "/u99999"},
	} {
		b.Run(page.name, func(b *testing.B) {
			get := s.signedIn(b)
			get(page.path)
			before := processor(b)
			var size int
			for b.Loop() {
				size = get(page.path).Body.Len()
			}
			b.ReportMetric(float64(size)/1000, "KB")
			b.ReportMetric(float64(processor(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// The page of a plan of 100,000 rows: the time that the service takes for one, and its size. The
// log has what it takes to make the plan and to carry it out.
func BenchmarkPlan(b *testing.B) {
	const users = 100_000
	s := start(b, nil)
	p, account := s.person(b, s.root), s.roster(b, api.AccountTypeEnterpriseLWA, users)
	rows := everybody(users)
	log := func(what string, do func()) {
		begun, before := time.Now(), processor(b)
		do()
		b.Logf("%s: %v, of the processor %v", what, time.Since(begun).Round(10*time.Millisecond), (processor(b) - before).Round(10*time.Millisecond))
	}
	var plan shown
	log("the plan", func() { plan = p.importFile(account, "all.csv", rows, "license", "LicenseType=Pro") })
	p.has(plan, 200, "To change 100,000 of 100,000 users")
	for name, path := range map[string]string{"first": plan.path, "last": plan.path + "?show=planned&page=2000"} {
		b.Run(name, func(b *testing.B) {
			var page shown
			for b.Loop() {
				page = p.get(path)
			}
			if page.status != 200 || len(page.text) > 100_000 {
				b.Errorf("status %d, %d bytes", page.status, len(page.text))
			}
			b.ReportMetric(float64(len(page.text))/1000, "KB")
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/1e6, "ms")
			b.ReportMetric(0, "ns/op")
		})
	}
	log("the job", func() { p.has(p.apply(plan, "changes", "100,000"), 200, "Finished") })
}

// processor is the time that the processor has worked for this process.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// signedIn returns a function that asks for pages in a session of the root key.
func (s *service) signedIn(t testing.TB) func(path string) *httptest.ResponseRecorder {
	t.Helper()
	token, err := s.sessions.SignIn(t.Context(), s.root.ID, s.root.Secret, directory.Visitor{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.url+console.Prefix+path, nil)
		r.AddCookie(s.cookie(token))
		answer := httptest.NewRecorder()
		s.console.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %.500s", path, answer.Code, answer.Body)
		}
		return answer
	}
}
