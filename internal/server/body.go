package server

import (
	"container/list"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/model"
)

// DefaultBodyMemory is the [Options].BodyMemory of a server that is given none, in bytes.
const DefaultBodyMemory = 32 << 20

// What bodyLimit allows where the contract has no bound.
const (
	spareSize  = 16 << 10 // blanks, and members that the contract does not know
	textSize   = 2 << 10  // a text
	listLength = 100      // elements of a list
)

// bodyLimit returns the size in bytes of the largest body that an operation takes: the most that
// its contract allows, with room to spare.
func bodyLimit(op *model.Operation) int {
	if op.Input == nil {
		return spareSize
	}
	return spareSize + jsonSize(op.Input)
}

// jsonSize returns how long the JSON text of a shape can be.
func jsonSize(s *model.Shape) int {
	switch s.Kind {
	case model.Structure:
		size := len(`{}`)
		for _, m := range s.Members {
			if m.Location == model.Body {
				size += len(m.Name) + len(`"":,`) + jsonSize(m.Shape)
			}
		}
		return size
	case model.List:
		length := s.Max
		if length == model.Unbounded {
			length = listLength
		}
		return len(`[]`) + length*(len(`,`)+jsonSize(s.Element))
	case model.String:
		size := textSize
		switch {
		case s.Max != model.Unbounded:
			size = s.Max * len(`\ud83d\ude00`) // the longest way to write a character
		case len(s.Enum) > 0:
			size = len(slices.MaxFunc(s.Enum, func(a, b string) int { return len(a) - len(b) }))
		}
		return len(`""`) + size
	default:
		return 32 // a boolean, a number or a time
	}
}

const (
	readerCost = 32 << 10 // what a body counts for from its start: header, goroutine and a small buffer
	smallBody  = 4 << 10  // the size of that buffer
	pooledSize = 16 << 10 // the largest buffer that is kept for another body
)

// memory is what the bodies of all requests under way share, counted from the first byte of each
// to the end of its request.
//
// Anybody can have sent a body that is still arriving. So when memory runs out, the one that has
// been arriving longest makes room: slow clients, hostile or not, keep nobody out.
type memory struct {
	mu       sync.Mutex
	free     int64
	arriving list.List // of *body, the oldest first
	held     int64     // by those
}

// body is the body of a request.
type body struct {
	bytes []byte

	// The memory's mutex guards what follows.
	memory *memory // nil: the body takes none
	held   int64
	place  *list.Element // among those that arrive; nil if it is complete or was cut off
	writer http.ResponseWriter
}

var (
	noBody = &body{}
	bodies = sync.Pool{New: func() any { return &body{bytes: make([]byte, 0, smallBody)} }}
)

// What can keep a body from being read, beside its size.
var (
	errNoMemory = noMemory()
	errCutOff   = noMemory() // to make room
	errBroken   = error(api.BadRequest("The body did not arrive as announced."))
)

func noMemory() error {
	return &denial{reason: "body memory", answer: api.Errorf(api.ServiceUnavailableException,
		"The service has no memory for the request now. Nothing has changed; try again later.")}
}

// read reads the whole body of a request, of at most limit bytes. The caller releases it. Memory
// grows with what arrives, not with what Content-Length announces.
func (m *memory) read(w http.ResponseWriter, r *http.Request, limit int) (*body, error) {
	if r.ContentLength == 0 {
		return noBody, nil
	}
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	b := bodies.Get().(*body)
	err := m.begin(b, w)
	if err == nil {
		err = b.fill(r, limit)
	}
	if !b.end() {
		err = errCutOff
	}
	if err != nil {
		b.release()
		return nil, err
	}
	return b, nil
}

func tooLarge(limit int) error {
	return api.Errorf(api.RequestEntityTooLargeException, "The body is too large: the operation takes at most %d bytes.", limit)
}

func (b *body) fill(r *http.Request, limit int) error {
	most := limit
	if r.ContentLength >= 0 {
		most = int(r.ContentLength)
	}
	for {
		n, err := r.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case len(b.bytes) > limit:
			return tooLarge(limit)
		case err == io.EOF:
			return nil
		case err != nil:
			return errBroken
		case len(b.bytes) == cap(b.bytes):
			size := min(2*cap(b.bytes), most+1) // one more shows whether it is complete
			if err := b.take(int64(size - cap(b.bytes))); err != nil {
				return err
			}
			b.bytes = append(make([]byte, 0, size), b.bytes...)
		}
	}
}

// begin takes memory for a body that begins to arrive.
func (m *memory) begin(b *body, w http.ResponseWriter) error {
	m.mu.Lock()
	b.memory, b.writer = m, w
	b.place = m.arriving.PushBack(b)
	m.mu.Unlock()
	return b.take(readerCost)
}

// take takes more memory for a body that arrives, from the oldest ones if there is no other.
func (b *body) take(n int64) error {
	m := b.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.free+m.held < n { // requests at work have the rest
		return errNoMemory
	}
	for m.free < n && b.place != nil {
		m.arriving.Front().Value.(*body).cutOff()
	}
	if b.place == nil {
		return errCutOff
	}
	m.free -= n
	m.held += n
	b.held += n
	return nil
}

// cutOff takes from a body that arrives what it holds, and ends a Read that waits for more of it.
func (b *body) cutOff() {
	b.leave()
	b.memory.free += b.held // which its goroutine lets go of in a moment
	b.held = 0
	stopReading(b.writer)
}

// leave takes a body out of those that arrive.
func (b *body) leave() {
	b.memory.arriving.Remove(b.place)
	b.memory.held -= b.held
	b.place = nil
}

// end says that nothing more arrives. It reports whether the body was spared until then.
func (b *body) end() bool {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	spared := b.place != nil
	if spared {
		b.leave()
	}
	return spared
}

// release gives back what a body holds. Nothing of it may be used any more.
func (b *body) release() {
	if b.memory == nil {
		return
	}
	b.memory.mu.Lock()
	b.memory.free += b.held
	b.memory.mu.Unlock()
	if cap(b.bytes) <= pooledSize {
		*b = body{bytes: b.bytes[:0]}
		bodies.Put(b)
	}
}

// How much is read of the rest of a body after the answer.
const (
	restSize = 1 << 20  // bytes
	keptRest = 64 << 10 // bytes; for more it is not worth keeping the connection
)

// restTime is how long the rest is read after the answer. Tests change it.
var restTime = 2 * time.Second

// Many clients send the whole body before they look for an answer, and would miss one that comes
// earlier if the connection were closed at once. So the rest of the body is read after such an
// answer, within bounds. This is for HTTP/1: HTTP/2 has a frame that says to stop.

// beforeRest prepares such an answer.
func beforeRest(w http.ResponseWriter, r *http.Request, err error) {
	if r.ProtoMajor > 1 {
		return
	}
	http.NewResponseController(w).EnableFullDuplex() // else net/http waits for the rest before it answers
	if hopeless(err) || r.ContentLength < 0 || r.ContentLength > keptRest {
		w.Header().Set("Connection", "close")
	}
}

// skipRest reads the rest after it. It closes the connection if the rest does not come in time:
// what came later would be taken for the next request.
func skipRest(w http.ResponseWriter, r *http.Request, err error) {
	if r.ProtoMajor > 1 {
		return
	}
	if !hopeless(err) {
		c := http.NewResponseController(w)
		c.Flush()
		c.SetReadDeadline(time.Now().Add(restTime))
		_, err := io.CopyN(io.Discard, r.Body, restSize)
		if err == io.EOF {
			return
		}
		if err != nil && w.Header().Get("Connection") != "close" {
			panic(http.ErrAbortHandler)
		}
	}
	stopReading(w)
}

// hopeless reports whether no rest comes any more, as far as it is known.
func hopeless(err error) bool { return errors.Is(err, errBroken) || errors.Is(err, errCutOff) }

// stopReading ends a Read of the body, one that waits or the next. It keeps net/http, too, from
// waiting for a rest before it closes the connection.
func stopReading(w http.ResponseWriter) {
	http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
}
