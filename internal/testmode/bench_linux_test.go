package testmode_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkFaults has the handler of a service answer 10^4 requests for a user with rules in place,
// and as many without, in turns. It prints how much more CPU the ones take than the others: the
// median of the turns. There is no network, which would hide the price.
func BenchmarkFaults(b *testing.B) {
	s := start(b)
	account, ids := s.team(b, "ana")
	handler := s.web.Config.Handler
	request := s.request(b, s.root, http.MethodGet, "/accounts/"+account+"/users/"+ids[0], "")
	request.Host = request.URL.Host
	const requests, turns = 10_000, 50
	turn := func() float64 {
		before := cpu(b)
		for range requests / turns {
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, request); w.Code != http.StatusOK {
				b.Fatalf("got %d %s", w.Code, w.Body)
			}
		}
		return float64(cpu(b) - before)
	}
	for _, bench := range []struct{ name, rules string }{
		{"none", `[]`},
		{"others", `[{"operation":"GetUser","key":"AKIAOTHER","effect":{"statusCode":503}},{"test":"other","effect":{"statusCode":503}},
			{"where":"after","operation":"GetUser","user":"somebody","effect":{"statusCode":503}}]`},
		{"chance", `[{"probability":0,"effect":{"statusCode":503}}]`},
		{"address", `[{"operation":"GetUser","user":"bo@example.com","effect":{"statusCode":503}}]`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				var ratios []float64
				total := 0.0
				for range turns {
					s.rules(b, `[]`)
					without := turn()
					s.rules(b, bench.rules)
					ratios = append(ratios, turn()/without)
					total += without
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[turns/2], "with/without")
				b.ReportMetric(total/requests/1e3, "µs/request")
			}
		})
	}
}

// cpu returns how much of the processors the process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
