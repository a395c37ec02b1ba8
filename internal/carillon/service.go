package carillon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/metrics"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/testmode"
	"github.com/carillon-project/carillon/internal/webhook"
)

// serviceOptions says how the service is to run.
type serviceOptions struct {
	database
	Listen       string // address; port 0 picks a free one
	Metrics      string // address of the metrics; empty: that of the service if only this machine reaches it
	AWSAccountID string // owns the root key; empty: that of imported accounts, else defaultAWSAccount
	RootKeyID    string // with RootSecret the root key's pair; empty to make one up
	RootSecret   string
	TLSCert      string // with TLSKey for https
	TLSKey       string
	PublicURL    *url.URL // that clients use, if it is not that of Listen
	Hosts        hosts    // that signatures may be for
	Rate         float64  // requests a second and key, 0 for any
	BodyMemory   int64    // bytes; 0: server.DefaultBodyMemory
	Numbers      directory.NumberRules
	EventsAllow  networks // private networks in which bots may get their events
	EventsCA     string   // file of certificates of the endpoints of bots; empty: those of the system
	DialOut      dialOutHookOptions
	Console      consoleOptions
	Logger       *slog.Logger
	Test         bool // test mode: see package testmode

	// fill gives a new service for tests what it begins with; nil: nothing.
	fill   func(context.Context, *directory.Operator) error
	Faults []testmode.Rule

	// For tests; zero: those of production.
	limits server.Limits
	drain  time.Duration
	listen func(network, address string) (net.Listener, error)
}

// defaultAWSAccount is the one of the examples in AWS's own manuals.
const defaultAWSAccount = "111122223333"

// drainTime is how long a stop waits for requests that are under way.
const drainTime = 15 * time.Second

// service is a running `carillon serve`: the API on a listener, over a store of its own.
type service struct {
	url        string // "http://127.0.0.1:24463"
	metricsURL string // where the metrics are if that is a listener of their own, else empty
	consoleURL string // where the console is, else empty
	root       directory.Key
	rootChange directory.RootChange
	failed     chan error // gets the error if serving ends by itself

	certificate *server.Certificate // nil for http

	console  *console.Console    // nil: there is none
	sessions *directory.Sessions // of the console

	web        []*http.Server // of the API, and of the console if it has a listener of its own: a stop lets their requests finish
	metricsWeb *http.Server   // of the metrics, nil if they have no listener of their own
	limits     server.Limits
	drain      time.Duration
	calls      context.Context // ends when requests must be cut off
	cutOff     context.CancelFunc
	metrics    *metrics.Metrics
	webhook    *webhook.Sender
	hook       *directory.DialOutHook // nil: there is none
	faults     *testmode.Faults       // nil: the service is not for tests
	background sync.WaitGroup         // writes the last uses of access keys, and does what happens by itself
	store      store.Store
	release    func() error
}

// startService opens the store, sees to the root key and begins to serve. The caller stops it.
func startService(ctx context.Context, o serviceOptions) (_ *service, err error) {
	s := &service{failed: make(chan error, 2), limits: cmp.Or(o.limits, server.DefaultLimits), drain: cmp.Or(o.drain, drainTime)}
	s.calls, s.cutOff = context.WithCancel(context.WithoutCancel(ctx))
	var on listeners
	defer func() {
		if err != nil {
			s.cutOff()
			s.closeStore()
			on.close()
		}
	}()
	scheme, tlsConfig := "http", (*tls.Config)(nil)
	if o.TLSCert != "" {
		if s.certificate, err = server.LoadCertificate(o.TLSCert, o.TLSKey, o.Logger); err != nil {
			return nil, usagef("%w", err)
		}
		scheme, tlsConfig = "https", s.certificate.Config()
	}
	noStore := func(err error) error { return &codedError{exitNoStore, err} }
	if err := s.openStore(ctx, o); err != nil {
		return nil, noStore(err)
	}
	clock, err := testmode.OpenClock(ctx, s.store)
	if err != nil {
		return nil, noStore(err)
	}
	sealer, err := s.sealer(ctx, o, clock.Now)
	if err != nil {
		return nil, noStore(err)
	}
	// What can fail for reasons outside comes before the root key. Without a data directory, a secret
	// that was made up is shown by this very start or never.
	if on, err = o.listeners(); err != nil {
		return nil, err
	}
	s.url = scheme + "://" + on.api.Addr().String()
	if on.metrics != nil {
		s.metricsURL = "http://" + on.metrics.Addr().String() + "/metrics"
	}
	var states *testmode.States // nil: none are kept
	if o.Test {
		if states, err = testmode.OpenStates(s.store, filepath.Join(o.Data, testmode.SnapshotsDir)); err != nil {
			return nil, noStore(err)
		}
	}
	if o.fill != nil {
		if err := s.fill(ctx, o, states, clock); err != nil {
			return nil, err
		}
	}
	if o.AWSAccountID == "" {
		imported, err := directory.RootAWSAccount(ctx, s.store)
		if err != nil {
			return nil, noStore(err)
		}
		o.AWSAccountID = cmp.Or(imported, defaultAWSAccount)
	}
	calling := webhook.Options{
		Allow: o.EventsAllow.list, HowToAllow: "see carillon serve --events-allow",
		CAFile: o.EventsCA, HowToTrust: "see carillon serve --events-ca",
	}
	if s.webhook, err = webhook.New(calling); err != nil {
		return nil, usagef("reading the certificates of --events-ca: %w", err)
	}
	s.metrics = metrics.New(s.store, o.Logger)
	if s.hook, err = o.DialOut.hook(o.Data, calling, s.dialOutEnded(o.Logger)); err != nil {
		return nil, err
	}
	rules := directory.Options{
		Clock: clock.Now, Numbers: o.Numbers, URL: s.exportURL(o), Webhook: s.webhook, EventEnded: s.eventEnded(o.Logger), DialOutHook: s.hook,
	}
	if o.Test {
		s.faults = testmode.NewFaults(chime.Service, s.store, o.Faults)
		s.metrics.CountFaults(s.faults.Fired)
		rules.Refuse = s.faults.Refuse
	}
	domain, err := directory.New(s.store, rules)
	if err != nil {
		return nil, noStore(err)
	}
	keys := directory.NewKeys(s.store, sealer, directory.Options{Clock: clock.Now})
	if s.root, s.rootChange, err = s.ensureRoot(ctx, o, keys); err != nil {
		return nil, err
	}
	if states != nil { // no other service has the database
		if err := domain.FreeTasks(ctx); err != nil {
			return nil, noStore(err)
		}
		if err := states.SaveSeed(ctx); err != nil {
			return nil, noStore(err)
		}
		states.Forget = func() {
			domain.Forget()
			keys.Forget()
		}
		states.Ready = func(ctx context.Context) error {
			_, _, err := s.ensureRoot(ctx, o, keys)
			return errors.Join(err, s.keepConsoleURL(ctx, o))
		}
	}
	s.metrics.CountTasks(directory.TaskKinds(), domain.CountDueTasks, o.Logger)
	options := server.Options{
		Logger: o.Logger, Rate: o.Rate, Ready: s.store.Ping, Unavailable: store.ErrUnavailable, Meter: s.metrics.Meter,
		PublicURL: o.PublicURL, Hosts: o.Hosts.names, BodyMemory: o.BodyMemory, Inbound: domain.Inbound,
		Extension: directory.Extensions(domain, keys),
	}
	switch {
	case on.metrics != nil:
		s.metricsWeb = s.serve(on.metrics, s.metricsPage(on.metrics), nil, o.Logger)
	case isLoopbackAddr(on.api.Addr()):
		options.Metrics = s.metrics.Handler()
	}
	if o.Test {
		options.Intercept = s.faults.Intercept
	}
	s.work(domain, keys, o.Test && states == nil, o.Logger)
	calls := server.New(chime.Service, domain, keys, options)
	handler := calls
	var testMode http.Handler
	if o.Test {
		testMode = (&testmode.Mode{Clock: clock, RunDue: domain.RunDue, Faults: s.faults, Storage: o.database.kind(), States: states}).Handler(handler)
		handler = testMode
	}
	switch {
	case on.console != nil:
		if err := s.openConsole(ctx, o, scheme+"://"+on.console.Addr().String(), calls, testMode, keys, clock); err != nil {
			return nil, noStore(err)
		}
		s.web = append(s.web, s.serve(on.console, s.console, tlsConfig, o.Logger))
	case o.Console.beside(on.api, o):
		if err := s.openConsole(ctx, o, s.url, calls, testMode, keys, clock); err != nil {
			return nil, noStore(err)
		}
		handler = withConsole(s.console, handler)
	default:
		s.tellOfConsole(ctx, o)
	}
	s.web = append(s.web, s.serve(on.api, handler, tlsConfig, o.Logger))
	return s, nil
}

// openStore opens the store that the service is to have, if it may have it.
func (s *service) openStore(ctx context.Context, o serviceOptions) (err error) {
	if err := o.checkNew(); err != nil {
		return err
	}
	if err := o.narrow(o.Logger); err != nil {
		return err
	}
	if s.store, s.release, err = o.database.serve(ctx, o.Test, o.Logger); err != nil {
		return err
	}
	return o.checkForTests(ctx, s.store)
}

// ensureRoot sees to the root key, and says what it did.
func (s *service) ensureRoot(ctx context.Context, o serviceOptions, keys *directory.Keys) (root directory.Key, done directory.RootChange, err error) {
	var unsaved error
	root, done, err = keys.EnsureRootKey(ctx, o.AWSAccountID, o.RootKeyID, o.RootSecret, func(key directory.Key) error {
		unsaved = o.saveRootKey(profile.ExportLines(environment(s.exportURL(o), key)))
		return unsaved
	})
	switch {
	case unsaved != nil:
		err = fmt.Errorf("saving the root key: %w", unsaved)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFailed):
		err = &codedError{exitNoStore, err}
	case err != nil:
		err = &codedError{exitUsage, err}
	}
	return root, done, err
}

// work does in the background what nobody asks for. shared says that other services for tests may
// have the database.
func (s *service) work(domain *directory.Service, keys *directory.Keys, shared bool, logger *slog.Logger) {
	s.background.Go(func() {
		keys.KeepUses(s.calls, func(err error) {
			logger.Warn("on which day access keys were used could not be saved: trying again", "error", err)
		})
	})
	s.background.Go(func() {
		domain.RunTasks(s.calls, func(kind string, err error) {
			if kind == "" {
				logger.Warn("what is due could not be looked for: trying again", "error", err)
				return
			}
			logger.Warn("what was due could not be done: trying again", "kind", kind, "error", err)
		})
	})
	if shared {
		s.background.Go(func() {
			domain.KeepTasksFree(s.calls, func(err error) {
				logger.Warn("what a service that was killed had begun could not be looked for: trying again", "error", err)
			})
		})
	}
}

// metricsPage is what a listener of the metrics alone shows.
func (s *service) metricsPage(l net.Listener) http.Handler {
	handler := s.metrics.Handler()
	if isLoopbackAddr(l.Addr()) {
		handler = server.ForThisMachine(handler)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler)
	return mux
}

// listeners are those of a service, nil for what has none of its own.
type listeners struct{ api, metrics, console net.Listener }

// listeners opens the listeners that the options name.
func (o serviceOptions) listeners() (on listeners, err error) {
	listen := o.listen
	if listen == nil {
		listen = net.Listen
	}
	for _, l := range []struct {
		to                  *net.Listener
		address, what, flag string
	}{
		{&on.api, o.Listen, "", "--listen"},
		{&on.metrics, o.Metrics, " for metrics", "--metrics-listen"},
		{&on.console, o.Console.Listen, " for the console", "--console-listen"},
	} {
		if l.address == "" && l.to != &on.api {
			continue
		}
		if *l.to, err = listen("tcp", l.address); err != nil {
			on.close()
			return listeners{}, notListening(l.what, err, l.flag)
		}
	}
	return on, nil
}

func (on listeners) close() {
	for _, l := range []net.Listener{on.api, on.metrics, on.console} {
		if l != nil {
			l.Close()
		}
	}
}

// notListening says what to do about an address that another process has, or that is not for this
// user.
func notListening(what string, err error, flag string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listening%s: %w: stop what listens there, or choose another address by %s", what, err, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listening%s: %w: choose another address by %s (on Linux, a port below 1024 takes the capability CAP_NET_BIND_SERVICE)", what, err, flag)
	}
	return fmt.Errorf("listening%s: %w", what, err)
}

// checkNew keeps test mode from a directory without a database that is not new: what is in it is
// of somebody else, or of a service whose database is elsewhere.
func (o serviceOptions) checkNew() error {
	if !o.Test || !errors.Is(o.exists(), fs.ErrNotExist) {
		return nil
	}
	entries, err := os.ReadDir(o.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case "lock": // of a start that was cut short
		case "lost+found": // of a file system
		default:
			return fmt.Errorf("%s: it holds %s, and no database of a service for tests: name a new directory", o.Data, e.Name())
		}
	}
	return nil
}

// checkForTests keeps test mode from a directory that people rely on, and people from relying on
// one of tests, whose key everybody knows.
func (o serviceOptions) checkForTests(ctx context.Context, st store.Store) error {
	where := o.Data
	if o.URL != "" {
		where = "the database of --database-url"
	}
	if o.Test {
		if err := testmode.Claim(ctx, st); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		return nil
	}
	is, err := testmode.Claimed(ctx, st)
	if is {
		return fmt.Errorf("%s: it was made by carillon serve --test, whose access key everybody knows: serve it with --test, or name another place", where)
	}
	return err
}

// fill gives the store of a new service for tests what it begins with.
func (s *service) fill(ctx context.Context, o serviceOptions, states *testmode.States, clock *testmode.Clock) error {
	isNew, err := isNew(ctx, s.store)
	if states != nil {
		isNew, err = states.HasSeed()
		isNew = !isNew // a start that was cut short has left a part of it
	}
	if err != nil {
		return &codedError{exitNoStore, err}
	}
	if !isNew {
		o.Logger.Warn("the seed is not loaded: a service for tests has begun with another one, or without, in the same place; name a new place for the data")
		return nil
	}
	return o.fill(ctx, directory.NewOperator(s.store, directory.Options{Clock: clock.Now}))
}

// eventEnded counts an event for a bot that has ended, and tells the log of one that is lost. That
// a function is not called is told once.
func (s *service) eventEnded(logger *slog.Logger) func(string, directory.EventOutcome, string) {
	var once sync.Once
	return func(botID string, outcome directory.EventOutcome, reason string) {
		s.metrics.CountEvent(string(outcome))
		lost := func() {
			logger.Warn("an event for a bot is lost", "bot_id", botID, "outcome", outcome, "reason", reason)
		}
		switch {
		case reason == directory.NoFunctions:
			once.Do(lost)
		case outcome == directory.EventGivenUp || reason == directory.TooManyEvents:
			lost()
		}
	}
}

// dialOutEnded counts a dial-out that the hook was told of, and tells the log of one that is lost.
func (s *service) dialOutEnded(logger *slog.Logger) func(transactionID, status, reason string) {
	return func(transactionID, status, reason string) {
		s.metrics.CountDialOut(status)
		if status == directory.DialOutGivenUp {
			logger.Warn("the hook of dial-outs has not taken one: it is lost", "transaction_id", transactionID, "reason", "it "+reason)
		}
	}
}

// sealer opens the secret key. If that is lost, and no access key that counts with it, the service
// goes on with another one.
func (s *service) sealer(ctx context.Context, o serviceOptions, now func() time.Time) (*seal.Sealer, error) {
	sealer, err := o.database.sealer(ctx, s.store)
	if !errors.Is(err, fs.ErrNotExist) {
		return sealer, err
	}
	if live, problem := directory.HasLiveKey(ctx, s.store, directory.Options{Clock: now}); live || problem != nil {
		return nil, errors.Join(err, problem)
	}
	n, err := directory.RecoverSecret(ctx, s.store, o.keyFile(), directory.Options{Clock: now})
	if err != nil {
		return nil, err
	}
	o.Logger.Warn("the secret key was missing, and no access key was in use: there is a new one", "file", o.keyFile(), "keys_deleted", n)
	return o.database.sealer(ctx, s.store)
}

// serve begins to serve a handler, by TLS if there is a configuration.
func (s *service) serve(l net.Listener, h http.Handler, tlsConfig *tls.Config, logger *slog.Logger) *http.Server {
	web := server.NewHTTPServer(h, s.limits, logger)
	web.TLSConfig = tlsConfig
	web.BaseContext = func(net.Listener) context.Context { return s.calls }
	serve := web.Serve
	if tlsConfig != nil {
		serve = func(l net.Listener) error { return web.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return web
}

func isLoopbackAddr(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// exportURL is the URL for clients on this machine: one that signatures may be for.
func (s *service) exportURL(o serviceOptions) string {
	if o.PublicURL != nil {
		return o.PublicURL.String()
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	if len(o.Hosts.names) > 0 {
		u.Host = withPort(o.Hosts.names[0], u.Port())
	} else if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = withPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// withPort adds a port to the name of a host, if it has none.
func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// logStart tells the log what has been started.
func (s *service) logStart(o serviceOptions) {
	attrs := []any{"version", build.Version(), "storage", o.database.kind(), "url", s.url}
	if s.metricsURL != "" {
		attrs = append(attrs, "metrics_url", s.metricsURL)
	}
	if o.PublicURL != nil {
		attrs = append(attrs, "public_url", o.PublicURL.String())
	}
	if s.consoleURL != "" {
		attrs = append(attrs, "console_url", s.consoleURL)
	}
	o.Logger.Info("started", attrs...)
}

// wait goes on until the context ends, as it is meant to, or serving ends by itself. Then it stops
// the service. At a hangup it reads the certificate again.
func (s *service) wait(ctx context.Context, hangups <-chan os.Signal) error {
	var failure error
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case err := <-s.failed:
			failure = fmt.Errorf("serving: %w", err)
			done = true
		case <-hangups:
			if s.certificate != nil {
				s.certificate.Reload()
			}
		}
	}
	if err := errors.Join(failure, s.stop()); err != nil {
		return &codedError{exitFailed, err} // not exitInterrupted: that is how a service ends
	}
	return nil
}

// stop stops accepting, lets requests finish that are under way, and closes the store. Metrics are
// there until the last of them is done.
func (s *service) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	shut := make(chan error, len(s.web))
	for _, web := range s.web { // at once: while one finishes, the other must accept no more
		go func() { shut <- web.Shutdown(ctx) }()
	}
	if s.console != nil {
		s.console.Stop(ctx)
	}
	if s.faults != nil {
		s.faults.Close()
	}
	var err error
	for range s.web {
		err = errors.Join(err, <-shut)
	}
	s.cutOff()
	if err != nil {
		for _, web := range s.web {
			err = errors.Join(err, web.Close())
		}
		err = fmt.Errorf("stopping: requests were still under way: %w", err)
	}
	if s.metricsWeb != nil {
		s.metricsWeb.Close()
	}
	s.webhook.Close()
	if s.hook != nil {
		s.hook.Sender.Close()
	}
	s.metrics.Close()
	s.background.Wait()
	return errors.Join(err, s.closeStore())
}

func (s *service) closeStore() error {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	return err
}
