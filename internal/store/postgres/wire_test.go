package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// A batch waits for the server as often as docs/scale.md says: once for what it reads, and once for
// its commit. A look-up of an access key waits once.
func TestRoundTrips(t *testing.T) {
	where, wire := tapped(t, newDatabase(t))
	open(t, where, postgres.Options{}).Close()
	s := open(t, where, postgres.Options{Beside: true, Pool: 1}.Unasked()) // so that nothing happens by itself, or at the same time
	storetest.Fill(t, s, "a1", 100)
	service, err := directory.New(s, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: "111122223333", KeyID: "AKIAROOT"})
	for _, test := range []struct {
		name string
		run  func(license api.License) error
		want int
	}{
		{"store", func(api.License) error { return s.Update(ctx, storetest.Batch("a1", 100)) }, 2},
		{"directory", func(license api.License) error {
			in := &api.BatchUpdateUserInput{AccountId: "a1"}
			for i := range 20 {
				in.UpdateUserRequestItems = append(in.UpdateUserRequestItems, api.UpdateUserRequestItem{UserId: fmt.Sprint("u", i), LicenseType: license})
			}
			out, err := service.BatchUpdateUser(ctx, in)
			if err == nil && len(out.UserErrors) > 0 {
				err = fmt.Errorf("%+v", out.UserErrors)
			}
			return err
		}, 2},
		{"access key", func(api.License) error {
			_, err := s.AccessKey(ctx, "AKIAROOT")
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			// The first time prepares the statements.
			for _, license := range []api.License{api.LicenseBasic, api.LicensePro} {
				wire.reset()
				if err := test.run(license); err != nil {
					t.Fatal(err)
				}
			}
			if trips := wire.reset(); len(trips) != test.want {
				t.Errorf("it waited for the server %d times, want %d: %q", len(trips), test.want, trips)
			}
		})
	}
}

// A server that has fallen silent is waited for once: it would be as silent on each connection.
func TestSilence(t *testing.T) {
	t.Parallel()
	where, wire := tapped(t, newDatabase(t))
	open(t, where, postgres.Options{}).Close()
	s := open(t, where, postgres.Options{Beside: true, Pool: 2}.Unasked())
	read := func() error {
		_, err := s.AccessKey(t.Context(), "AKIA")
		return err
	}
	if err := s.View(t.Context(), func(r store.ReadTx) error { // so that there is another connection to take over
		_, err := r.HasUsers("a1")
		return errors.Join(err, read())
	}); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	storetest.Update(t, s, func(tx store.Tx) error { return tx.PutSetting("x", nil) }) // when the view has ended
	wire.reset()
	postgres.Patience(s, 3*time.Second)
	wire.proxy.silent.Store(true)
	defer wire.proxy.silent.Store(false)
	if err := read(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, store.ErrUnavailable)
	}
	var trips []trip
	for ended := time.Now().Add(time.Minute); len(trips) == 0 && time.Now().Before(ended); { // the proxy may be late
		trips = wire.reset()
		runtime.Gosched()
	}
	if len(trips) != 1 {
		t.Errorf("it was waited for %d times, want once: %q", len(trips), trips)
	}
}

// Whoever asks whether the server answers learns that it does not.
func TestSilence_ping(t *testing.T) {
	t.Parallel()
	where, wire := tapped(t, newDatabase(t))
	open(t, where, postgres.Options{}).Close()
	s := open(t, where, postgres.Options{Beside: true, Pool: 1}.Unasked())
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	postgres.Patience(s, 3*time.Second)
	wire.proxy.silent.Store(true)
	defer wire.proxy.silent.Store(false)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Ping(ctx); !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("got error %v, want %v, before the caller gives up", err, store.ErrUnavailable)
	}
}

// wire reads what clients send to a server, in the protocol of PostgreSQL: which statements they
// run, and after which ones they wait for the server.
type wire struct {
	proxy *proxy // where it listens

	mu    sync.Mutex
	trips []trip
	open  []string // statements of the trip under way
}

// trip holds the statements that a client runs before it waits for the server: one round trip.
type trip []string

// tapped returns a URL that leads to the same server through a proxy, and what is sent through it.
func tapped(t testing.TB, where string) (string, *wire) {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	w := &wire{proxy: p}
	p.wire.Store(w)
	u.Host = p.addr
	query := u.Query()
	query.Set("sslmode", "disable") // or there is nothing to read
	u.RawQuery = query.Encode()
	return u.String(), w
}

// reset forgets what was sent, and returns it.
func (w *wire) reset() []trip {
	w.mu.Lock()
	defer w.mu.Unlock()
	trips := w.trips
	w.trips, w.open = nil, nil
	return trips
}

// wireConn is one connection of a client.
type wireConn struct {
	*wire
	rest     []byte            // of a message that has not come as a whole
	prepared map[string]string // statements by name
}

// read takes what comes next from the client.
func (c *wireConn) read(b []byte) {
	c.rest = append(c.rest, b...)
	for len(c.rest) >= 5 {
		head := 1
		if c.rest[0] == 0 { // the first messages have no type
			head = 0
		}
		size := head + int(binary.BigEndian.Uint32(c.rest[head:]))
		if len(c.rest) < size {
			return
		}
		if head == 1 {
			c.message(c.rest[0], c.rest[5:size])
		}
		c.rest = c.rest[size:]
	}
}

func (c *wireConn) message(kind byte, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := func() string {
		s, rest, _ := bytes.Cut(body, []byte{0})
		body = rest
		return string(s)
	}
	switch kind {
	case 'P': // Parse
		name := text()
		c.prepared[name] = text()
	case 'B': // Bind
		text() // a portal
		c.open = append(c.open, c.prepared[text()])
	case 'Q': // a simple query, with an answer of its own
		c.trips = append(c.trips, trip{text()})
	case 'S': // Sync
		c.trips = append(c.trips, c.open)
		c.open = nil
	}
}
