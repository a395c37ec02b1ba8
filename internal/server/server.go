// Package server turns HTTP requests into calls of the service: the wire rules of the Chime
// administration API, all of them before and after the domain's own.
//
// Start at [New]. A request passes these checks, and the first that fails decides the answer:
// the size of its body; path and method (route.go); the signature, the policy of the key, and
// its rate (auth.go); in between, that the operation is built; the media type; then, in package
// api, JSON and the contract; at last the service itself. So nobody learns more than a 401
// without a key, and no body is decoded that would be refused anyway.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// MaxBody is the size in bytes of the largest request body that is accepted.
const MaxBody = 1 << 20

// Options adjusts a server; the zero value serves, silently and without limits.
type Options struct {
	// Logger gets a line for each request: what was asked and how it ended, never who or what
	// it was about. Success is at debug level, and so is what was refused before it came to a
	// signature, since anybody can send any number of such; what the client did wrong is at info,
	// denials at warn, failures of the service with their cause at error. Nil: no log.
	Logger *slog.Logger

	// Meter is asked once for each operation, and for the name "unknown". What it returns is called
	// at the end of each request of the operation, or of one that led to none, with the exception
	// that was answered, empty for success, and the time it took. Nil: nothing is counted.
	Meter func(operation string) func(exception string, took time.Duration)

	// Metrics answers /metrics. Nil: the path is like any other that does not exist.
	Metrics http.Handler

	// Clock tells the time that signatures are held against. Nil: time.Now.
	Clock func() time.Time

	// Rate is the number of requests a second that each access key may make, with bursts of as
	// many. 0: any number.
	Rate float64

	// Ready reports whether the service can do its work; /readyz asks it. Nil: always.
	Ready func(context.Context) error

	// Unavailable is what the service's errors wrap (in the sense of errors.Is) when it could
	// not begin, so that the request may be sent again. Nil: no such error.
	Unavailable error
}

// New returns the handler of the API on a service that has any of the methods of [api.API]; the
// operations it lacks are answered as not implemented. The context of a call holds the
// [directory.Caller].
//
// A *api.Error of the service is the answer. An Options.Unavailable, or the end of the context,
// is a 503, every other error or a panic a 500 that tells nothing.
//
// The handler bounds how much it reads, not how long it waits: timeouts are the listener's.
// Without a signature it also answers GET /healthz (200 as long as the process lives),
// GET /readyz (200 or 503) and, with Options.Metrics, GET /metrics.
func New(service any, keys KeySource, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Meter == nil {
		o.Meter = func(string) func(string, time.Duration) { return func(string, time.Duration) {} }
	}
	return &server{
		Options: o,
		routes:  routes(service, o.Meter),
		unknown: o.Meter("unknown"),
		guard:   newGuard(keys, o.Clock, o.Rate),
	}
}

type server struct {
	Options
	routes  []route
	unknown meter // of requests that lead to no operation
	guard   *guard
}

// meter counts the requests of an operation, see Options.Meter.
type meter = func(exception string, took time.Duration)

// exchange is what becomes known of a request on its way, for the log.
type exchange struct {
	requestID string
	operation string
	meter     meter
	keyID     string // of a key that exists: other texts may be anything, even secrets
}

// answer is a response that succeeded.
type answer struct {
	status      int
	contentType string
	body        []byte
}

const jsonType = "application/json"

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Metrics != nil && r.URL.EscapedPath() == "/metrics" {
		s.Metrics.ServeHTTP(w, r)
		return
	}
	start := s.Clock()
	x := exchange{requestID: uuid.NewString(), meter: s.unknown}
	w.Header().Set("x-amzn-RequestId", x.requestID)

	a, err := s.serve(&x, w, r)
	var exception api.Exception
	if err != nil {
		a, exception = s.failure(w.Header(), err)
	}
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", a.contentType)
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	w.Write(a.body) // a client that has gone is not worth a word
	took := s.Clock().Sub(start)
	x.meter(string(exception), took)
	s.log(r, &x, a.status, took, err)
}

func (s *server) serve(x *exchange, w http.ResponseWriter, r *http.Request) (a answer, err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	switch r.URL.EscapedPath() {
	case "/healthz":
		return s.probe(x, w, r, nil)
	case "/readyz":
		return s.probe(x, w, r, s.Ready)
	}

	body := bodies.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= maxPooled {
			body.Reset()
			bodies.Put(body)
		}
	}()
	if err := readBody(body, w, r); err != nil {
		return a, err
	}
	c, err := match(s.routes, w.Header(), r)
	if err != nil {
		return a, err
	}
	x.operation, x.meter = c.operation.Name, c.meter
	key, err := s.guard.admit(x, r, body.Bytes(), c)
	if err != nil {
		return a, err
	}
	if c.handler == nil {
		return a, api.Errorf(api.NotImplementedException, "%s is not built yet.", c.operation.Name)
	}
	if wait := s.guard.throttle(key.ID); wait > 0 {
		seconds := int((wait + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return a, api.Errorf(api.ThrottledClientException,
			"This access key may make %v requests a second. Try again in %d s.", s.Rate, seconds)
	}
	if err := checkMediaType(r.Header["Content-Type"]); err != nil {
		return a, err
	}

	ctx := directory.WithCaller(r.Context(), directory.Caller{
		AWSAccountID: key.AWSAccountID,
		KeyID:        key.ID,
		KeyName:      key.Name,
		RequestID:    x.requestID,
		UserAgent:    userAgent(r),
	})
	out, err := c.handler(ctx, api.Request{Label: c.label, Query: c.query, Body: body.Bytes()})
	if err != nil {
		return a, err
	}
	a = answer{c.operation.Status, jsonType, out}
	if a.status == http.StatusNoContent { // has no body, whatever the contract says of its output
		a.body = nil
	}
	return a, nil
}

// probe answers those who watch over the process.
func (s *server) probe(x *exchange, w http.ResponseWriter, r *http.Request, ready func(context.Context) error) (answer, error) {
	x.operation = r.URL.EscapedPath()
	x.meter = func(string, time.Duration) {} // no work of the service
	if r.Method != http.MethodGet {
		return answer{}, notAllowed(w.Header(), r.Method, http.MethodGet)
	}
	if ready != nil {
		if err := ready(r.Context()); err != nil {
			return answer{}, notReady{err}
		}
	}
	return answer{http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n")}, nil
}

// notReady is the reason why the service cannot do its work.
type notReady struct{ error }

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooled is the largest buffer that is kept: a batch has a few thousand bytes.
const maxPooled = 64 << 10

// readBody reads the whole body. It trusts no Content-Length: memory grows with what arrives.
func readBody(b *bytes.Buffer, w http.ResponseWriter, r *http.Request) error {
	tooLarge := r.ContentLength > MaxBody
	if !tooLarge {
		_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
		if err == nil {
			return nil
		}
		var limit *http.MaxBytesError
		tooLarge = errors.As(err, &limit)
	}
	// The rest would be taken for the next request. A deadline that has passed keeps net/http from
	// waiting for it before it closes the connection.
	w.Header().Set("Connection", "close")
	http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	if tooLarge {
		return api.Errorf(api.RequestEntityTooLargeException, "The body has more than %d bytes.", MaxBody)
	}
	return api.BadRequest("The body did not arrive as announced.")
}

// checkMediaType lets pass what SDKs say of JSON, and those that say nothing.
func checkMediaType(headers []string) error {
	for _, h := range headers {
		t, _, _ := strings.Cut(h, ";")
		t = strings.ToLower(strings.TrimSpace(t))
		version, ok := strings.CutPrefix(t, "application/x-amz-json-1.")
		if t != "" && t != jsonType && (!ok || version == "" || strings.Trim(version, "0123456789") != "") {
			return api.Errorf(api.UnsupportedMediaTypeException, "The Content-Type %.60q is not supported: send %s.", t, jsonType)
		}
	}
	return nil
}

// userAgent returns what the client calls itself, fit for the audit trail.
func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	return strings.ToValidUTF8(ua[:min(len(ua), 256)], "?")
}

// failure makes an error the answer.
func (s *server) failure(h http.Header, err error) (answer, api.Exception) {
	e := s.exception(err)
	status, code := e.Exception.Status()
	h.Set("x-amzn-ErrorType", string(e.Exception))
	return answer{status, jsonType, api.AppendError(nil, code, e.Message)}, e.Exception
}

func (s *server) exception(err error) *api.Error {
	var e *api.Error
	var notReady notReady
	switch {
	case errors.As(err, &e):
		return e
	case s.Unavailable != nil && errors.Is(err, s.Unavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &notReady):
		return api.Errorf(api.ServiceUnavailableException, "The service is not available now. Nothing has changed; try again later.")
	}
	return api.Errorf(api.ServiceFailureException, "The service has failed. Its log tells why, under the request id of this answer.")
}

func (s *server) log(r *http.Request, x *exchange, status int, took time.Duration, err error) {
	level := slog.LevelDebug
	var e *api.Error
	modeled := errors.As(err, &e)
	switch {
	case err == nil:
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		level = slog.LevelWarn
	case modeled && status < 500 && x.keyID == "":
	case modeled && status < 500 || status == http.StatusNotImplemented || r.Context().Err() != nil:
		level = slog.LevelInfo
	default:
		level = slog.LevelError
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("operation", x.operation),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.String("key_id", x.keyID),
		slog.String("request_id", x.requestID))
	var d *denial
	switch {
	case err == nil:
	case errors.As(err, &d):
		attrs = append(attrs, slog.String("exception", string(d.answer.Exception)), slog.String("reason", d.reason))
	case modeled: // its message may repeat the request's text
		attrs = append(attrs, slog.String("exception", string(e.Exception)))
	default:
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}
