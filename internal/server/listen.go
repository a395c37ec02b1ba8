package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what the clients of a listener may take, so that slow, silent or too many clients
// cannot block it.
type Limits struct {
	Header      time.Duration // for the header of a request to arrive
	Read        time.Duration // for all of a request to arrive
	Write       time.Duration // from the end of the header to the end of the answer, which a client may never read
	Idle        time.Duration // between two requests of a connection
	Connections int           // at a time; at most half of them may be strangers, without a valid signature so far
	Patience    time.Duration // how long a stranger is safe from making room for another connection
}

// DefaultLimits are ample: requests are small and so are answers.
var DefaultLimits = Limits{
	Header:      10 * time.Second,
	Read:        20 * time.Second,
	Write:       2 * time.Minute,
	Idle:        2 * time.Minute,
	Connections: 1024,
	Patience:    time.Second,
}

const (
	// MaxHeader is the most bytes of a request's header; net/http adds 4096 to HTTP/1.1.
	MaxHeader = 8 << 10

	maxStreams = 100 // requests at a time on a connection of HTTP/2
)

// NewHTTPServer returns a server that keeps the clients of a handler within limits. Set its
// TLSConfig for TLS, over which it speaks HTTP/2, too. Set its BaseContext to a context that can be
// canceled: that is what ends calls under way, since they do not end with their connections.
//
// What net/http reports is logged without the text that a client sent.
func NewHTTPServer(h http.Handler, l Limits, logger *slog.Logger) *http.Server {
	c := &connections{limits: l, all: map[net.Conn]*connection{}, changed: make(chan struct{}, 1)}
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            l.Header,
		ReadTimeout:                  l.Read,
		WriteTimeout:                 l.Write,
		IdleTimeout:                  l.Idle,
		MaxHeaderBytes:               MaxHeader,
		DisableGeneralOptionsHandler: true, // OPTIONS * is a request like another
		ErrorLog:                     log.New(complaints{logger}, "", 0),
		ConnContext:                  c.open,
		ConnState:                    c.change,
		// net/http allocates a frame as soon as it knows its length, and keeps bodies that nobody has
		// read. By default each connection could make it take a megabyte for either.
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerConnection: 128 << 10,
			MaxReceiveBufferPerStream:     64 << 10,
			WriteByteTimeout:              l.Write,
		},
	}
}

// complaints logs what net/http has to say. What it quotes may be of a client, such as the first
// bytes of a request on a connection that was to be HTTP/2, and is left out.
type complaints struct{ logger *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	text, _, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), `"`)
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: TLS handshake error ") || strings.HasPrefix(text, "http2: ") {
		level = slog.LevelDebug // anybody can cause any number of these
	}
	c.logger.Log(context.Background(), level, text)
	return len(line), nil
}

// connections bounds the connections of a listener. When there is one too many, the oldest stranger
// makes room, or else the connection that has been idle longest. If there is neither, or the
// strangers have only just come, the new connection waits.
type connections struct {
	limits Limits

	mu        sync.Mutex
	all       map[net.Conn]*connection
	strangers list.List     // of *connection that have shown no signature, the oldest first
	idle      list.List     // of *connection that have, and have no request now; the longest first
	changed   chan struct{} // has a value if there may be room since one looked
}

// connection is one of a client.
type connection struct {
	conn  net.Conn
	all   *connections
	base  context.Context // of the listener: does not end with the connection
	known atomic.Bool     // has shown a signature

	// The mutex of all guards what follows.
	since time.Time
	place *list.Element // among strangers or idle ones; nil if it is neither
}

type connectionKey struct{}

// baseContext returns the context of the listener that a request came in on, with the values of the
// request's own. Other than that, it does not end when the client closes its sending side, and may
// still be reading.
func baseContext(r *http.Request) context.Context {
	if x, ok := r.Context().Value(connectionKey{}).(*connection); ok {
		return withValues{x.base, r.Context()}
	}
	return context.WithoutCancel(r.Context())
}

// withValues is a context that has the values of another one.
type withValues struct {
	context.Context
	values context.Context
}

func (c withValues) Value(key any) any { return c.values.Value(key) }

// showsSignature notes that the signature of a request is valid: its connection is no stranger.
func showsSignature(r *http.Request) {
	x, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok || x.known.Load() {
		return
	}
	x.all.mu.Lock()
	defer x.all.mu.Unlock()
	if x.known.CompareAndSwap(false, true) {
		x.all.displace(x)
		x.all.wake()
	}
}

// open finds a place for a connection, before anything is read from it. Meanwhile net/http accepts
// no other.
func (c *connections) open(ctx context.Context, conn net.Conn) context.Context {
	x := &connection{conn: conn, all: c, base: ctx}
	for wait := c.place(x); wait > 0; wait = c.place(x) {
		select {
		case <-c.changed:
		case <-time.After(wait):
		}
	}
	return context.WithValue(ctx, connectionKey{}, x)
}

// place gives a connection its place, or returns how long to wait for one.
func (c *connections) place(x *connection) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		crowded, full := c.strangers.Len() >= c.limits.Connections/2, len(c.all) >= c.limits.Connections
		if !crowded && !full {
			x.since = time.Now()
			x.place = c.strangers.PushBack(x)
			c.all[x.conn] = x
			return 0
		}
		wait = c.limits.Patience
		if oldest := c.strangers.Front(); oldest != nil {
			wait -= time.Since(oldest.Value.(*connection).since)
			if wait <= 0 {
				c.closeConnection(oldest)
				continue
			}
		}
		if idle := c.idle.Front(); idle != nil && !crowded {
			c.closeConnection(idle)
			continue
		}
		return wait
	}
}

func (c *connections) closeConnection(place *list.Element) {
	x := place.Value.(*connection)
	c.displace(x)
	delete(c.all, x.conn)
	if t, ok := x.conn.(*tls.Conn); ok {
		t.NetConn().Close() // without an alert of TLS, for which it might have to wait
		return
	}
	x.conn.Close()
}

// displace takes a connection out of the list that it is in.
func (c *connections) displace(x *connection) {
	if x.place != nil {
		c.strangers.Remove(x.place) // either list ignores what is in the other
		c.idle.Remove(x.place)
		x.place = nil
	}
}

// change follows what becomes of a connection.
func (c *connections) change(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.all[conn]
	switch {
	case !ok: // it had to make room
	case state == http.StateClosed || state == http.StateHijacked:
		c.displace(x)
		delete(c.all, conn)
		c.wake()
	case !x.known.Load(): // stays with the strangers
	case state == http.StateActive:
		c.displace(x)
	case state == http.StateIdle && x.place == nil:
		x.place = c.idle.PushBack(x)
		c.wake()
	}
}

// wake lets the connection that waits look again.
func (c *connections) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}
