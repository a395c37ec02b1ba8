package testmode

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/rules"
)

// FaultHeader is the header of an answer that names the rules that have hit the request.
const FaultHeader = "X-Carillon-Fault"

// slot goes with a request that rules may hit, in its context: what the rules are, and what they
// have decided. Requests without one, such as those that the console makes, are not hit.
type slot struct {
	rules   *ruleSet
	request *http.Request
	writer  http.ResponseWriter

	mu         sync.Mutex // the work may go on when the call has ended
	call       *call
	items      map[string]*rules.Refusal // what was decided about items, since a store may ask again
	fired      []string
	retryAfter int
	connection Connection
}

// begin notes which call the request is.
func (s *slot) begin(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call, s.items = c, make(map[string]*rules.Refusal)
}

type slotKey struct{}

func slotOf(ctx context.Context) *slot {
	s, _ := ctx.Value(slotKey{}).(*slot)
	return s
}

// serve answers a request by a handler, and does to the answer and the connection what rules have
// decided meanwhile.
func (f *Faults) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	active := f.rules.Load()
	if len(active.all) == 0 {
		next.ServeHTTP(w, r)
		return
	}
	s := &slot{rules: active, request: r, writer: w}
	held := &holder{ResponseWriter: w, slot: s}
	next.ServeHTTP(held, r.WithContext(context.WithValue(r.Context(), slotKey{}, s)))
	if held.connection != "" {
		f.breakOff(held, r)
	}
}

// holder is a ResponseWriter that adds to the header what rules have decided. If they break the
// connection, it holds the answer back.
type holder struct {
	http.ResponseWriter
	slot       *slot
	connection Connection
	status     int
	body       []byte
}

// Unwrap is for [http.ResponseController].
func (h *holder) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h *holder) WriteHeader(status int) {
	h.slot.mu.Lock()
	fired, retryAfter := slices.Clone(h.slot.fired), h.slot.retryAfter
	h.connection = h.slot.connection
	h.slot.mu.Unlock()
	for _, id := range fired {
		h.Header().Add(FaultHeader, id)
	}
	if retryAfter > 0 {
		h.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		h.Header().Set("X-Amz-Retry-After", strconv.Itoa(1000*retryAfter)) // which some AWS SDKs go by
	}
	if h.status = status; h.connection == "" {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *holder) Write(b []byte) (int, error) {
	if h.connection == "" {
		return h.ResponseWriter.Write(b)
	}
	h.body = append(h.body, b...)
	return len(b), nil
}

// breakOff ends a request without a whole answer.
func (f *Faults) breakOff(h *holder, r *http.Request) {
	w := h.ResponseWriter
	switch {
	case h.connection == Reset:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil { // HTTP/1
			reset(conn)
			return
		}
	case h.connection == Truncate && len(h.body) > 1:
		w.WriteHeader(h.status)
		w.Write(h.body[:len(h.body)/2])
		http.NewResponseController(w).Flush()
	case h.connection == Stall:
		select {
		case <-r.Context().Done():
		case <-f.closed:
		}
	}
	panic(http.ErrAbortHandler) // closes a connection of HTTP/1, and resets a stream of HTTP/2
}

// reset closes a connection so that the client gets a RST.
func reset(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	conn.Close()
}

// bePatient lets a request take any time. Otherwise net/http would take the end of the time in
// which a request must arrive for the client's leaving.
func bePatient(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Time{})
	c.SetWriteDeadline(time.Time{})
}
