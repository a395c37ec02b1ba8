package testmode_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/testmode"
)

// protocols are the ways in which a client can reach a service.
var protocols = map[string]func(*httptest.Server){
	"HTTP/1.1":     func(w *httptest.Server) {},
	"HTTP/1.1 TLS": func(w *httptest.Server) { w.TLS = &tls.Config{} },
	"HTTP/2":       func(w *httptest.Server) { w.EnableHTTP2, w.TLS = true, &tls.Config{} },
}

// What a client written in Go sees of a connection that breaks.
func TestFaults_connection(t *testing.T) {
	for protocol, options := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := start(t, options)
			two := protocol == "HTTP/2"
			if !two { // else net/http sends a request again by itself that no answer has come to
				s.client.Transport.(*http.Transport).DisableKeepAlives = true
			}
			account, _ := s.team(t)
			for _, where := range []string{"before", "after"} {
				connect := func(connection string) (reply, error) {
					s.rules(t, `[{"id":"r","operation":"GetAccount","where":"`+where+`","effect":{"connection":"`+connection+`"}}]`)
					got, err := s.try(t, "GET", "/accounts/"+account, "")
					if n := s.fired(t, "r"); n != 1 {
						t.Errorf("%s %s: fired %d times", connection, where, n)
					}
					return got, err
				}
				streamReset := func(err error) bool { return err != nil && strings.Contains(err.Error(), "stream error") }

				if _, err := connect("reset"); two && !streamReset(err) || !two && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("reset %s: %v", where, err)
				}
				if _, err := connect("empty"); two && !streamReset(err) || !two && !errors.Is(err, io.EOF) {
					t.Errorf("empty %s: %v", where, err)
				}

				s.rules(t, `[]`)
				whole, status := s.call(t, "GET", "/accounts/"+account, "").body, 200
				if where == "before" {
					whole, status = `{"Code":"ServiceUnavailable","Message":"The fault rule r of test mode answers."}`, 503
				}
				got, err := connect("truncate")
				if two && !streamReset(err) || !two && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("truncate %s: %v", where, err)
				}
				if got.status != status || got.body != whole[:len(whole)/2] || got.header.Get("X-Carillon-Fault") != "r" {
					t.Errorf("truncate %s: got %d %v %q of %q", where, got.status, got.header, got.body, whole)
				}
			}
			// What has no body cannot be cut in half.
			s.works(func(context.Context, api.Request) ([]byte, error) { return nil, nil })
			s.rules(t, `[{"id":"r","where":"after","effect":{"connection":"truncate"}}]`)
			if _, err := s.try(t, "DELETE", "/accounts/a", ""); err == nil {
				t.Error("a truncated answer without a body came whole")
			}
			s.rules(t, `[]`)
			if got := s.call(t, "DELETE", "/accounts/a", ""); got.status != 204 {
				t.Errorf("afterwards: got %d", got.status)
			}
		})
	}
}

// A stalled call ends when its client leaves, however long that takes, and when the service stops.
func TestFaults_stall(t *testing.T) {
	for protocol, options := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var request atomic.Pointer[http.ResponseController] // the last one
			s := start(t, options, func(w *httptest.Server) {
				next := w.Config.Handler
				w.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !strings.HasPrefix(r.URL.Path, testmode.Prefix) {
						request.Store(http.NewResponseController(w))
					}
					next.ServeHTTP(w, r)
				})
			})
			var limit atomic.Int64 // of a request
			limit.Store(int64(300 * time.Millisecond))
			s.works(func(context.Context, api.Request) ([]byte, error) {
				c, soon := request.Load(), time.Now().Add(time.Duration(limit.Load())) // a server bounds its requests, which must not end this one
				return []byte(`{}`), errors.Join(c.SetReadDeadline(soon), c.SetWriteDeadline(soon))
			})
			s.rules(t, `[{"id":"r","operation":"GetAccount","where":"after","effect":{"connection":"stall"}}]`)

			ctx, leave := context.WithCancel(t.Context())
			ended := make(chan error)
			stalls := func() error {
				go func() {
					_, err := s.send(s.request(t, s.root, "GET", "/accounts/a", "").WithContext(ctx))
					ended <- err
				}()
				patience := time.Now().Add(time.Minute)
				for since := time.Now(); time.Since(since) < 2*time.Duration(limit.Load()); {
					if stalled() == 0 {
						if since = time.Now(); since.After(patience) {
							return errors.New("it does not stall")
						}
					}
					select {
					case err := <-ended:
						return fmt.Errorf("it ended by itself: %v", err)
					case <-time.After(10 * time.Millisecond):
					}
				}
				return nil
			}
			for err := stalls(); err != nil; err = stalls() {
				if limit.Load() >= int64(30*time.Second) {
					t.Fatal(err)
				}
				limit.Store(10 * limit.Load()) // on a busy machine it can be over before the call stalls
			}
			awaitStalled(t, 1)
			leave()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the client sees %v", err)
			}
			awaitStalled(t, 0)

			_, last := s.activity(t, "")
			go func() {
				_, err := s.try(t, "GET", "/accounts/a", "")
				ended <- err
			}()
			for next := last; next == last; _, next = s.activity(t, "?wait=30s") {
			}
			s.faults.Close()
			if err := <-ended; err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("when the service stops, the client sees %v", err)
			}
			awaitStalled(t, 0)
		})
	}
}

// awaitStalled waits until so many goroutines stall an answer. A client can know of the end of its
// call before the goroutine of the call has left it.
func awaitStalled(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); stalled() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are stalled, want %d", stalled(), want)
		}
	}
}

// stalled counts the goroutines that stall an answer.
func stalled() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "testmode.(*Faults).breakOff(")
}

// Calls that no rule hits are answered as if there were none.
func TestFaults_noHit(t *testing.T) {
	s := start(t)
	if got := s.call(t, "GET", "/accounts", ""); got.status != 200 || got.header.Get(testmode.FaultHeader) != "" {
		t.Errorf("without rules: got %d %v", got.status, got.header)
	}
	s.rules(t, `[{"id":"r","operation":"GetBot","effect":{"statusCode":503}}]`)
	if got := s.call(t, "GET", "/accounts", ""); got.status != 200 || got.header.Get(testmode.FaultHeader) != "" {
		t.Errorf("with a rule for another operation: got %d %v", got.status, got.header)
	}
	if got := s.call(t, "POST", "/nowhere", strings.Repeat("x", 100_000)); got.status != 404 {
		t.Errorf("a body that nobody reads: got %d", got.status)
	}
}
