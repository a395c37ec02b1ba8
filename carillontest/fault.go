package carillontest

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/carillon-project/carillon/internal/testmode"
)

// Fault says which requests fail, when, and how. The zero value of a field that chooses requests
// means any. At least one of Code, StatusCode, Latency and Connection says what happens.
type Fault struct {
	Operation string // such as "BatchUpdateUser"
	Account   string // the id of an account
	User      string // the id or address of a user that the request names, or a pattern such as "*@example.com"

	Where       Where
	Skip        int     // how many requests that match, or items, are let pass first
	Count       int     // how many times it happens; 0: any number
	Probability float64 // above 0 to 1; 0: always. A user, or a call, meets the same fate in each run
	Seed        int     // for another fate

	Code       string        // an exception of the operation, such as "ThrottledClientException"; of an item its ErrorCode, such as "Throttled"
	StatusCode int           // of HTTP; alone it is enough if the operation has one exception with it
	Message    string        // made up if empty
	RetryAfter time.Duration // rounded up to whole seconds
	Latency    time.Duration // before the answer, rounded up to whole milliseconds
	Connection Connection    // what becomes of it in place of an answer
}

// Where says at which point of a request a fault happens.
type Where string

const (
	Before Where = "before" // nothing is done; this is the default
	After  Where = "after"  // the work is done, and then the reply is lost or replaced
	Item   Where = "item"   // only the items of a batch that match are refused, as in UserErrors
)

// Connection says how a connection ends. (Of HTTP/2, it is the stream.)
type Connection string

const (
	Reset    Connection = "reset"    // by a TCP RST
	Empty    Connection = "empty"    // without a byte of an answer
	Truncate Connection = "truncate" // after half of the body
	Stall    Connection = "stall"    // not until the client leaves, or the test ends
)

// ActiveFault is a fault that a server has.
type ActiveFault struct {
	server *Server
	id     string
	final  int // how many times it had happened when it was removed
}

// Fault makes requests fail from now on, until the fault is removed. If several faults match a
// request, the one that was made first happens. A fault that cannot happen, such as an exception
// that the operation does not have, is a fatal error, which names what there is.
func (s *Server) Fault(f Fault) *ActiveFault {
	s.t.Helper()
	s.mu.Lock()
	s.faults++
	id := fmt.Sprintf("fault-%d", s.faults)
	s.mu.Unlock()
	r := testmode.Rule{
		ID: id, Operation: f.Operation, Account: f.Account, User: f.User,
		Where: testmode.Where(f.Where), Skip: f.Skip, Count: f.Count, Seed: f.Seed,
		Effect: testmode.Effect{
			Code: f.Code, StatusCode: f.StatusCode, Message: f.Message, RetryAfter: int(math.Ceil(f.RetryAfter.Seconds())),
			Connection: testmode.Connection(f.Connection),
		},
	}
	if f.Probability != 0 {
		r.Probability = &f.Probability
	}
	if f.Latency != 0 {
		r.Effect.Latency = &testmode.Latency{MS: int(math.Ceil(float64(f.Latency) / float64(time.Millisecond)))}
	}
	if err := s.call(http.MethodPatch, "faults", r); err != nil {
		s.t.Fatalf("carillontest: fault: %v", err)
	}
	return &ActiveFault{server: s, id: r.ID}
}

// Fired returns how many times the fault has happened.
func (f *ActiveFault) Fired() int {
	if n, active := f.server.service.mode.Faults.Fired()[f.id]; active {
		return n
	}
	return f.final
}

// Remove ends the fault. To remove it again does nothing.
func (f *ActiveFault) Remove() {
	f.server.t.Helper()
	f.final = f.Fired()
	if err := f.server.call(http.MethodDelete, "faults", []map[string]string{{"id": f.id}}); err != nil {
		f.server.t.Fatalf("carillontest: removing a fault: %v", err)
	}
}
