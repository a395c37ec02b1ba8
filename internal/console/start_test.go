package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
)

const awsAccount = "111122223333"

// service is a whole service with a console, on a database of its own.
type service struct {
	url      string // of the listener, without a path
	store    store.Store
	domain   *directory.Service
	operator *directory.Operator
	keys     *directory.Keys
	sessions *directory.Sessions
	root     directory.Key
	options  console.Options
	console  *console.Console
	web      *httptest.Server
	now      func() time.Time // of the console and its sessions
	clock    func() time.Time // of all else
	faults   *testmode.Faults // that hit nobody before forTests

	// before, if there is one, sees each request to the API, and may hold it up.
	before atomic.Pointer[func(*http.Request)]
}

// start starts a service. The time of its console is that of the machine unless a clock is given.
func start(t testing.TB, clock func() time.Time) *service {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	st, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.FromFile(ctx, st, filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{store: st, now: clock, clock: time.Now}
	served := func() time.Time { return s.clock() }
	s.keys = directory.NewKeys(st, sealer, directory.Options{Clock: served})
	if clock == nil {
		s.now = time.Now
	}
	s.faults = testmode.NewFaults(chime.Service, st, nil)
	if s.domain, err = directory.New(st, directory.Options{Refuse: s.faults.Refuse, Clock: served}); err != nil {
		t.Fatal(err)
	}
	s.operator = directory.NewOperator(st, directory.Options{Clock: served})
	if s.root, _, err = s.keys.EnsureRootKey(ctx, awsAccount, "", "", nil); err != nil {
		t.Fatal(err)
	}
	s.sessions = directory.NewSessions(st, s.keys, directory.Options{Clock: s.now})
	web := httptest.NewUnstartedServer(nil)
	s.url = "http://" + web.Listener.Addr().String()
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	calls := server.New(chime.Service, s.domain, s.keys, server.Options{
		Unavailable: store.ErrUnavailable, Extension: directory.Extensions(s.domain, s.keys), Intercept: s.faults.Intercept,
	})
	s.options = console.Options{
		Service: chime.Service, Endpoint: s.url, URL: at, Jobs: filepath.Join(dir, "jobs"), Sessions: s.sessions, Unavailable: store.ErrUnavailable, Clock: s.now,
		AnnounceTime: hung, // or a busy machine could make a job give up telling the service of itself
		Logger:       slog.New(slog.NewTextHandler(t.Output(), nil)),
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before := s.before.Load(); before != nil {
				(*before)(r)
			}
			calls.ServeHTTP(w, r)
		}),
	}
	s.console = console.New(s.options)
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.console.ServeHTTP(w, r) })
	web.Start()
	s.web = web
	t.Cleanup(web.Close)
	t.Cleanup(func() { s.console.Stop(context.WithoutCancel(ctx)) }) // before the server waits for streams
	return s
}

// forTests makes a service one for tests, which the console shows, too. Programs call what it
// returns.
func (s *service) forTests(t *testing.T) (*testmode.Clock, http.Handler) {
	t.Helper()
	clock, err := testmode.OpenClock(t.Context(), s.store)
	if err != nil {
		t.Fatal(err)
	}
	states, err := testmode.OpenStates(s.store, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	states.Forget = func() {
		s.domain.Forget()
		s.keys.Forget()
	}
	states.Ready = func(context.Context) error { return nil }
	if err := states.SaveSeed(t.Context()); err != nil {
		t.Fatal(err)
	}
	mode := &testmode.Mode{Clock: clock, RunDue: func(context.Context) error { return nil }, Faults: s.faults, States: states}
	s.clock = clock.Now
	s.options.TestMode, s.options.ServiceClock = mode.Handler(s.options.API), clock.Now
	s.console = console.New(s.options)
	return clock, s.options.TestMode
}

// program calls an operation of a service as programs do, not the console, and returns the error.
func (s *service) program(t *testing.T, programs http.Handler, operation string, input *document.Object) error {
	t.Helper()
	web := httptest.NewServer(programs)
	defer web.Close()
	calls, err := client.New(client.Config{
		Endpoint: web.URL, Region: "us-east-1", Service: chime.Service, MaxAttempts: 1, Credentials: &client.Credentials{AccessKey: s.root.ID, SecretKey: s.root.Secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	_, err = calls.Call(t.Context(), chime.Service.Operation(operation), input)
	return err
}

// cookie is that of a session in a browser.
func (s *service) cookie(token string) *http.Cookie {
	return &http.Cookie{Name: "carillon-" + s.options.URL.Port(), Value: token}
}
