package operator

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
)

// serviceOptions says how the service is to run.
type serviceOptions struct {
	database
	Listen       string // address; port 0 picks a free one
	AWSAccountID string // owns the root key; empty: that of imported accounts, else defaultAWSAccount
	RootKeyID    string // with RootSecret the root key's pair; empty to make one up
	RootSecret   string
	TLSCert      string // with TLSKey for https
	TLSKey       string
	Rate         float64 // requests a second and key, 0 for any
	Logger       *slog.Logger
}

// defaultAWSAccount is the one of the examples in AWS's own manuals.
const defaultAWSAccount = "111122223333"

// Limits on connections, so that slow or silent clients cannot hold them for good. Requests are
// small and so are replies.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second
	writeTimeout  = 2 * time.Minute // from the end of the header; a client may ask and never read
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	// drainTimeout is how long a stop waits for requests that are under way.
	drainTimeout = 15 * time.Second
)

// service is a running `carillon serve`: the API on a listener, over a store of its own.
type service struct {
	url        string // "http://127.0.0.1:24463"
	root       directory.Key
	rootChange directory.RootChange
	failed     chan error // gets the error if serving ends by itself

	http    *http.Server
	store   store.Store
	release func() error
}

// startService opens the store, sees to the root key and begins to serve. The caller stops it.
func startService(ctx context.Context, o serviceOptions) (_ *service, err error) {
	s := &service{failed: make(chan error, 1)}
	var listener net.Listener
	defer func() {
		if err != nil {
			s.closeStore()
			if listener != nil {
				listener.Close()
			}
		}
	}()
	noStore := func(err error) error { return &codedError{exitNoStore, err} }
	if s.store, s.release, err = o.database.serve(ctx); err != nil {
		return nil, noStore(err)
	}
	sealer, err := o.sealer(ctx, s.store)
	if err != nil {
		return nil, noStore(err)
	}
	// What can fail for reasons outside comes before the root key: a secret that was made up is
	// shown by this very start or never.
	scheme, tlsConfig := "http", (*tls.Config)(nil)
	if o.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
		if err != nil {
			return nil, usagef("reading the certificate: %w", err)
		}
		scheme, tlsConfig = "https", &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	if listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.url = scheme + "://" + listener.Addr().String()
	if o.AWSAccountID == "" {
		imported, err := directory.RootAWSAccount(ctx, s.store)
		if err != nil {
			return nil, noStore(err)
		}
		o.AWSAccountID = cmp.Or(imported, defaultAWSAccount)
	}
	keys := directory.NewKeys(s.store, sealer, directory.Options{})
	if s.root, s.rootChange, err = keys.EnsureRootKey(ctx, o.AWSAccountID, o.RootKeyID, o.RootSecret); err != nil {
		return nil, &codedError{exitUsage, err}
	}
	domain, err := directory.New(s.store, directory.Options{})
	if err != nil {
		return nil, noStore(err)
	}
	s.http = &http.Server{
		Handler: server.New(domain, keys, server.Options{
			Logger: o.Logger, Rate: o.Rate, Ready: s.store.Ping, Unavailable: store.ErrUnavailable,
		}),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true, // OPTIONS * is a request like another
		ErrorLog:                     slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	serve := s.http.Serve
	if tlsConfig != nil {
		s.http.TLSConfig = tlsConfig
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s, nil
}

// exportURL is the URL to reach the service by from this machine, also where it listens on every
// address.
func (s *service) exportURL() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// stop stops accepting, lets requests finish that are under way, and closes the store.
func (s *service) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("stopping: requests were still under way: %w", errors.Join(err, s.http.Close()))
	}
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
