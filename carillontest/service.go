package carillontest

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
	"github.com/carillon-project/carillon/internal/webhook"
)

// awsAccount is the one of the key of a server, and of its accounts.
const awsAccount = "111122223333"

// service is what a server has behind its port, on a database of its own.
type service struct {
	handler  http.Handler
	own      http.Handler // the paths of test mode alone, without faults
	mode     *testmode.Mode
	operator *directory.Operator

	store      store.Store
	webhook    *webhook.Sender
	background sync.WaitGroup
	stop       context.CancelFunc // of what is done in the background
}

// open makes a service without accounts.
func (s *Server) open() (_ *service, err error) {
	ctx, stop := context.WithCancel(s.context())
	n := &service{stop: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.store, err = sqlite.Open(ctx, s.t.TempDir(), sqlite.Options{Volatile: true}); err != nil {
		return nil, err
	}
	clock, err := testmode.OpenClock(ctx, n.store)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.FromStore(ctx, n.store) // a file would have to be on disk first
	if err != nil {
		return nil, err
	}
	if n.webhook, err = webhook.New(webhook.Options{}); err != nil {
		return nil, err
	}
	faults := testmode.NewFaults(chime.Service, n.store, nil)
	options := directory.Options{Clock: clock.Now, URL: s.URL, Webhook: n.webhook, Refuse: faults.Refuse}
	domain, err := directory.New(n.store, options)
	if err != nil {
		return nil, err
	}
	n.operator = directory.NewOperator(n.store, options)
	keys := directory.NewKeys(n.store, sealer, options)
	if _, _, err := keys.EnsureRootKey(ctx, awsAccount, s.AccessKeyID, s.SecretAccessKey, nil); err != nil {
		return nil, err
	}

	logger := s.logger()
	n.background.Go(func() {
		domain.RunTasks(ctx, func(kind string, err error) {
			logger.Error("what was due could not be done", "kind", kind, "error", err)
		})
	})
	n.background.Go(func() {
		keys.KeepUses(ctx, func(err error) { logger.Error("on which day access keys were used could not be saved", "error", err) })
	})
	api := server.New(chime.Service, domain, keys, server.Options{
		Logger: logger, Ready: n.store.Ping, Unavailable: store.ErrUnavailable, Meter: s.meter, Inbound: domain.Inbound,
		Extension: directory.Extensions(domain, keys), Intercept: faults.Intercept,
	})
	n.mode = &testmode.Mode{Clock: clock, RunDue: domain.RunDue, Faults: faults}
	n.handler, n.own = n.mode.Handler(api), n.mode.Handler(http.NotFoundHandler())
	return n, nil
}

// close ends what the service does, and closes its database. No request may be under way.
func (n *service) close() error {
	n.stop()
	n.background.Wait()
	if n.webhook != nil {
		n.webhook.Close()
	}
	if n.store == nil {
		return nil
	}
	return n.store.Close()
}

// door is a handler that leads to another one. When it changes, no request is under way. To close
// the connections of a server, as net/http does, is not enough for that.
type door struct {
	mu   sync.RWMutex // held for reading by each request
	next http.Handler // nil: the door is closed
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.next == nil {
		panic(http.ErrAbortHandler)
	}
	d.next.ServeHTTP(w, r)
}

// change lets fn find where the door leads to from now on. Requests wait meanwhile.
func (d *door) change(fn func() (http.Handler, error)) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next, err = fn()
	return err
}
