// Package carillontest runs Carillon, the service of the Amazon Chime administration API, inside of
// a Go test.
//
// A program that administers Chime users makes a client of the AWS SDK for Go, or runs the AWS CLI.
// In its test, [Start] gives the client a service to call, [Server.Seed] gives the service accounts
// and users, and [Server.Users] shows afterwards what the program has done to them:
//
//	func TestDowngrade(t *testing.T) {
//		srv := carillontest.Start(t)
//		acme := srv.Seed(carillontest.Account{
//			Name:  "Acme",
//			Users: []carillontest.User{{Email: "ana@example.com", License: "Pro"}},
//		})[0]
//		client := chime.New(chime.Options{
//			BaseEndpoint: &srv.URL,
//			Region:       srv.Region,
//			Credentials:  credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
//		})
//
//		if err := downgrade(t.Context(), client, acme.ID); err != nil { // the code under test
//			t.Fatal(err)
//		}
//		if got := srv.Users(acme.ID)[0].License; got != "Basic" {
//			t.Errorf("ana has a %s license, want Basic", got)
//		}
//	}
//
// The service is the real one, with all its operations and rules, on a database that is gone after
// the test. It starts within 20 ms, and listens on a loopback address. Each test can have a server
// of its own, so tests may run in parallel.
//
// # Faults
//
// [Server.Fault] makes requests fail: with an exception of the operation, late, or without an
// answer, before the work or after it. A batch can refuse one user and do the others. The value
// that it returns tells how many times that has happened:
//
//	throttled := srv.Fault(carillontest.Fault{
//		Operation: "BatchUpdateUser",
//		User:      "ana@example.com",
//		Where:     carillontest.Item,
//		Code:      "Throttled",
//		Count:     1,
//	})
//	...
//	if throttled.Fired() != 1 {
//		t.Error("the program has not met the fault")
//	}
//
// # Time
//
// The service has a clock of its own. [Server.Advance] moves it, and does what falls due meanwhile:
// phone numbers leave the deletion queue, messages are purged, keys expire. Signatures are held
// against the time of the machine.
//
// # Failures
//
// The methods of a [Server] that can fail end the test that has started it, by Fatal, and say what
// was wrong. Call them in the goroutine of the test, or of a subtest.
package carillontest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/testmode"
)

// Server is a running service. Its fields are what a client needs, and are not to be changed.
type Server struct {
	URL             string // the endpoint, such as "http://127.0.0.1:40817"
	AccessKeyID     string // allowed all operations; the same for each server
	SecretAccessKey string
	Region          string // "us-east-1"

	t       testing.TB
	door    *door
	service *service // that the door leads to

	mu      sync.Mutex // of what follows, since subtests may be parallel
	seeded  []Account
	numbers []string // that were added
	faults  int      // how many were made
	calls   []Call
}

// Start starts a service without accounts, which is stopped when the test and its subtests end. The
// log of the service, with the requests that it refused, goes to the output of the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		AccessKeyID: testmode.AccessKeyID, SecretAccessKey: testmode.SecretAccessKey, Region: "us-east-1",
		t: t,
	}
	if err := s.start(); err != nil {
		t.Fatalf("carillontest: starting: %v", err)
	}
	return s
}

// start begins to serve.
func (s *Server) start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.URL = "http://" + listener.Addr().String()
	if s.service, err = s.open(); err != nil {
		listener.Close()
		return err
	}
	calls, cutOff := context.WithCancel(s.context())
	s.door = &door{next: s.service.handler}
	web := server.NewHTTPServer(s.door, server.DefaultLimits, s.logger())
	web.BaseContext = func(net.Listener) context.Context { return calls }
	var serving sync.WaitGroup
	serving.Go(func() { web.Serve(listener) })
	s.t.Cleanup(func() {
		s.service.mode.Faults.Close()
		cutOff()
		web.Close()
		s.door.change(func() (http.Handler, error) { return nil, nil })
		serving.Wait()
		if err := s.service.close(); err != nil {
			s.t.Errorf("carillontest: stopping: %v", err)
		}
	})
	return nil
}

// context is one for the work of the server, which goes on while the test is being cleaned up.
func (s *Server) context() context.Context { return context.WithoutCancel(s.t.Context()) }

func (s *Server) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.t.Output(), nil)) }

// Reset takes the service back to what [Server.Seed] and [Server.AddNumbers] have given it, with
// the same ids: what has changed since is gone, faults and [Server.Calls] are, too, and the clock
// shows the time of the machine. It waits for requests that are under way. No other method may be
// called meanwhile.
func (s *Server) Reset() {
	s.t.Helper()
	s.service.mode.Faults.Close() // which may hold some up
	err := s.door.change(func() (http.Handler, error) {
		if err := s.service.close(); err != nil {
			return nil, err
		}
		fresh, err := s.open()
		if err != nil {
			return nil, err
		}
		s.service = fresh
		s.mu.Lock()
		s.calls = nil
		seeded, numbers := s.seeded, s.numbers
		s.mu.Unlock()
		if _, err = s.seed(seeded); err == nil {
			err = s.addNumbers(numbers)
		}
		return fresh.handler, err
	})
	if err != nil {
		s.t.Fatalf("carillontest: resetting: %v", err)
	}
}

// Environ returns what tells programs of the server, as "NAME=value": the AWS CLI, aws of Carillon
// and programs on an SDK find endpoint, key and region in these variables. Append it to
// [os/exec.Cmd.Environ].
func (s *Server) Environ() []string {
	return profile.Variables(chime.Service, s.URL, s.AccessKeyID, s.SecretAccessKey)
}

// Setenv sets the variables of [Server.Environ] until the test ends, for code under test that loads
// its own configuration. A parallel test cannot have an environment of its own, so there Setenv
// panics.
func (s *Server) Setenv() {
	s.t.Helper()
	for _, v := range s.Environ() {
		name, value, _ := strings.Cut(v, "=")
		s.t.Setenv(name, value)
	}
}

// Now returns the time of the service, in UTC.
func (s *Server) Now() time.Time { return s.service.mode.Clock.Now().UTC() }

// Advance moves the clock of the service forward. It returns when all is done that falls due until
// then.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if d < 0 {
		s.t.Fatalf("carillontest: advancing the clock by %v: time only goes forward, until Reset", d)
	}
	if err := s.call(http.MethodPost, "clock", map[string]any{"advance": d.String()}); err != nil {
		s.t.Fatalf("carillontest: advancing the clock by %v: %v", d, err)
	}
}

// call does what a request to a path of test mode does. The JSON of its body is made of in.
func (s *Server) call(method, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer := httptest.NewRecorder()
	s.service.own.ServeHTTP(answer, httptest.NewRequestWithContext(s.context(), method, testmode.Prefix+path, bytes.NewReader(body)))
	if answer.Code == http.StatusOK {
		return nil
	}
	var problem struct{ Message string }
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || problem.Message == "" {
		return fmt.Errorf("%s %s: HTTP status %d", method, path, answer.Code)
	}
	return errors.New(problem.Message)
}

// Call is a request of the API that was answered.
type Call struct {
	Operation string // such as "BatchUpdateUser"; "unknown" for a request that fits none
	Error     string // the exception that it was answered with, such as "NotFoundException"; empty for success
}

// Calls returns the requests that the server has answered, in that order. It counts retries, too.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// meter is a [server.Options.Meter].
func (s *Server) meter(operation string) func(string, time.Duration) {
	return func(exception string, _ time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls = append(s.calls, Call{operation, exception})
	}
}
