package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/server"
)

// ample are limits of time for clients that a busy machine makes slow.
func ample() server.Limits {
	l := server.DefaultLimits
	l.Header, l.Read = time.Minute, time.Minute
	return l
}

// listen serves a handler within limits.
func listen(t testing.TB, h http.Handler, change func(*server.Limits)) string {
	t.Helper()
	base, _ := listenAndWatch(t, h, change)
	return base
}

// listenAndWatch returns, too, what waits until the server knows that a connection has no request.
func listenAndWatch(t testing.TB, h http.Handler, change func(*server.Limits)) (base string, idle func(wire)) {
	t.Helper()
	limits := ample()
	change(&limits)
	s := server.NewHTTPServer(h, limits, slog.New(slog.DiscardHandler))
	become := s.ConnState
	seen := make(chan string, 100)
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		become(conn, state)
		if state == http.StateIdle {
			select {
			case seen <- conn.RemoteAddr().String():
			default: // nobody waits
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String(), func(w wire) {
		for client := range seen {
			if client == w.LocalAddr().String() {
				return
			}
		}
	}
}

const healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

// greet makes a request that needs no signature, which shows that the connection was let in.
func (w wire) greet() {
	w.t.Helper()
	w.send(healthz)
	if got := w.reply(); got.status != 200 {
		w.t.Errorf("got %d, want 200", got.status)
	}
}

// prove makes a request by a key.
func (w wire) prove(base string) {
	w.t.Helper()
	w.send(call{body: oneItem}.head(w.t, base, length(len(oneItem))) + oneItem)
	w.reply().succeeded(w.t, 200, `{"UserErrors":[]}`)
}

// Where strangers hold half of the connections the oldest of them makes room, and nobody else.
func TestConnections_Strangers(t *testing.T) {
	base := listen(t, server.New(chime.Service, some{}, newKeys(""), fixed()), func(l *server.Limits) { l.Connections, l.Patience = 8, 0 })
	var known, strangers []wire
	for range 3 {
		w := dial(t, base)
		w.prove(base)
		known = append(known, w)
	}
	for range 4 {
		w := dial(t, base)
		w.greet()
		strangers = append(strangers, w)
	}
	for range 3 {
		w := dial(t, base)
		w.greet()
		strangers[0].closed()
		strangers = append(strangers[1:], w)
	}
	for _, w := range append(known, strangers...) {
		w.greet()
	}
}

// Where all connections are known, the one that has been idle for the longest time makes room, and
// none that is at work.
func TestConnections_Idle(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	base, isIdle := listenAndWatch(t, server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		if first.CompareAndSwap(false, true) {
			close(begun)
			<-finish
		}
		return &api.BatchUpdateUserOutput{}, nil
	}}, newKeys(""), fixed()), func(l *server.Limits) { l.Connections = 4 })
	works := dial(t, base)
	works.send(call{body: oneItem}.head(t, base, length(len(oneItem))) + oneItem)
	<-begun
	var idle []wire
	for range 3 {
		w := dial(t, base)
		w.prove(base)
		isIdle(w)
		idle = append(idle, w)
	}
	idle[0].greet() // and so is not the one that has been idle for the longest time
	isIdle(idle[0])
	late := dial(t, base)
	late.prove(base)
	idle[1].closed()
	idle[0].greet()
	idle[2].greet()
	late.greet()
	close(finish)
	works.reply().succeeded(t, 200, `{"UserErrors":[]}`)
}

// Where nobody can make room a client waits until somebody leaves.
func TestConnections_Wait(t *testing.T) {
	base := listen(t, server.New(chime.Service, some{}, newKeys(""), fixed()), func(l *server.Limits) { l.Connections, l.Patience = 2, time.Hour })
	first := dial(t, base)
	first.greet()
	second := dial(t, base)
	second.send(healthz)
	first.greet()
	first.Close()
	if got := second.reply(); got.status != 200 {
		t.Errorf("got %d, want 200", got.status)
	}
	third := dial(t, base)
	third.send(healthz)
	second.prove(base) // which makes it known, and leaves the place of a stranger
	if got := third.reply(); got.status != 200 {
		t.Errorf("got %d, want 200", got.status)
	}
}

// A connection of HTTP/2 has so many streams, and what it may send without being read is little.
func TestStreams(t *testing.T) {
	example := httptest.NewTLSServer(nil) // for its certificate
	example.Close()
	s := server.NewHTTPServer(server.New(chime.Service, some{}, newKeys(""), fixed()), ample(), slog.New(slog.DiscardHandler))
	s.TLSConfig = &tls.Config{Certificates: example.TLS.Certificates}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil { // and empty settings
		t.Fatal(err)
	}
	frame := func() (kind byte, payload []byte) {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			t.Fatal(err)
		}
		return head[3], payload
	}
	number := func(b []byte) (n int) {
		for _, x := range b {
			n = n<<8 | int(x)
		}
		return n
	}
	kind, payload := frame()
	if kind != 4 {
		t.Fatalf("got a frame of type %d first, want the settings", kind)
	}
	settings := map[int]int{}
	for ; len(payload) > 0; payload = payload[6:] {
		settings[number(payload[:2])] = number(payload[2:6])
	}
	for id, want := range map[int]int{3: 100, 4: 64 << 10, 5: 16 << 10} { // RFC 9113, section 6.5.2
		if settings[id] != want {
			t.Errorf("setting %d: got %d, want %d", id, settings[id], want)
		}
	}
	window := 65535
	for kind != 8 {
		kind, payload = frame()
	}
	if window += number(payload); window > 128<<10 {
		t.Errorf("the window of the connection has %d bytes", window)
	}
}
