package testmode_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkFaults makes 10^4 requests with rules in place and as many without, in turns, and prints
// what part the ones take of the time of the others. Both are a request for a user, of 8 clients.
func BenchmarkFaults(b *testing.B) {
	s := start(b)
	account, ids := s.team(b, "ana")
	s.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 8
	const requests, turns = 10_000, 20
	turn := func() time.Duration {
		begin := time.Now()
		var left atomic.Int64
		left.Store(requests / turns)
		done := make(chan error)
		for range 8 {
			go func() {
				var err error
				for err == nil && left.Add(-1) >= 0 {
					_, err = s.send(s.request(b, s.root, "GET", "/accounts/"+account+"/users/"+ids[0], ""))
				}
				done <- err
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
	for name, rules := range map[string]string{
		"others": `[{"operation":"GetUser","key":"AKIAOTHER","effect":{"statusCode":503}},
			{"test":"other","effect":{"statusCode":503}},{"where":"after","operation":"GetUser","user":"somebody","effect":{"statusCode":503}}]`,
		"chance":  `[{"probability":0,"effect":{"statusCode":503}}]`,
		"address": `[{"user":"bo@example.com","effect":{"statusCode":503}}]`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var ratios []float64
				var with, without time.Duration
				for range turns {
					s.rules(b, `[]`)
					a := turn()
					s.rules(b, rules)
					c := turn()
					ratios = append(ratios, float64(c)/float64(a))
					with, without = with+c, without+a
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[turns/2], "median-ratio")
				b.ReportMetric(float64(with)/float64(without), "ratio")
				b.ReportMetric(float64(without.Microseconds())/requests, "µs/request")
			}
		})
	}
}
