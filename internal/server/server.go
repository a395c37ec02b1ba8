// Package server turns HTTP requests into calls of the service: the wire rules of the Chime
// administration API, all of them before and after the domain's own.
//
// Start at [New]. A request passes these checks, and the first one that fails decides the answer:
// path, method and query (route.go); everything about the signature that needs no body, and the
// access key (auth.go); the size of the body and the memory for it (body.go); once the body is
// read, the signature, the policy of the key, the rate, and the media type; then, in package api,
// JSON and the contract; at last the service itself. So without a key nobody learns more than a
// 401, and no body is read or decoded that would be refused anyway.
//
// [NewHTTPServer] bounds what connections may take (listen.go). [Certificate] follows the files of
// a TLS certificate.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/model"
)

// Options adjusts a server; the zero value serves, silently and without limits.
type Options struct {
	// Logger gets a line for each request: what was asked and how it ended, never who or what
	// it was about. Success is at debug level, and so is what anybody can send: requests without a
	// signature, or to paths that do not exist. What the client did wrong is at info, denials are at
	// warn, failures of the service with their cause at error. Repeated denials are at debug level
	// but for one a minute, which says how many came before it. Nil: no log.
	Logger *slog.Logger

	// Meter is asked once for each operation, and for the names "unknown" and "Inbound". What it
	// returns is called for each request of the operation, for one that led to none, or for an answer
	// of a bot, just before it is answered: with the exception, empty for success, and the time it
	// took. Nil: nothing is counted.
	Meter func(operation string) func(exception string, took time.Duration)

	// Metrics answers /metrics, for the Hosts that [ForThisMachine] lets pass. Nil: the path is like
	// any other that does not exist.
	Metrics http.Handler

	// Clock tells the time that signatures are held against. Nil: time.Now.
	Clock func() time.Time

	// Rate is the number of requests a second that each access key may make, with bursts of as
	// many. 0: any number.
	Rate float64

	// BodyMemory is the number of bytes that the bodies of all requests under way may take together.
	// When it runs out, requests get a 503 with Retry-After: first those whose bodies have been
	// arriving longest. 0: [DefaultBodyMemory].
	BodyMemory int64

	// PublicURL is the URL that clients use, from [ParsePublicURL]. Signatures are held against its
	// host and path, for proxies that rewrite either. Nil: signatures are held against the Host and
	// path that arrive.
	PublicURL *url.URL

	// Hosts are further names of the service, each with a port or for any port; their paths are
	// taken as they arrive. If there are any, or a PublicURL, signatures for other hosts are refused,
	// so that a request captured elsewhere cannot be replayed here.
	Hosts []string

	// Ready reports whether the service can do its work; /readyz asks it. Nil: always.
	Ready func(context.Context) error

	// Extension are operations beside those of the contract, with what carries them out. The actions
	// of policies for them have the prefix [extension.ActionPrefix].
	Extension map[*model.Operation]api.Handler

	// Intercept, asked once for each operation of the contract, returns what carries it out in place
	// of next: it may answer without next, or change what next has answered. The context of a call has
	// the values of the context of its HTTP request. An error with a method ArrangedReason() string
	// was asked for: the log has it at info, with the reason. Nil: nothing is in between.
	Intercept func(op *model.Operation, next api.Handler) api.Handler

	// Inbound finds the URLs by which bots answer, under [directory.InboundPath]: they hold a secret
	// of their own, and need no signature. Nil: there are none.
	Inbound func(path string) (*directory.Inbound, error)

	// Unavailable is what the service's errors wrap (in the sense of errors.Is) when it could
	// not begin, so that the request may be sent again. Nil: no such error.
	Unavailable error
}

// New returns the handler of the API of a contract, on a service. The context of a call holds the
// [directory.Caller].
//
// A *api.Error of the service is the answer. An Options.Unavailable, or the end of the context,
// is a 503, every other error or a panic a 500 that tells nothing.
//
// The handler bounds how much it reads, not how long it waits: see [NewHTTPServer] for that. A call
// goes on when its client closes the connection. It ends after a minute, or with the BaseContext of
// its http.Server.
//
// GET and HEAD need no signature for /healthz (200 as long as the process lives),
// /readyz (200 or 503) and, with Options.Metrics, /metrics.
func New(contract *model.Service, service api.API, keys KeySource, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Meter == nil {
		o.Meter = func(string) func(string, time.Duration) { return func(string, time.Duration) {} }
	}
	if o.Metrics != nil {
		o.Metrics = ForThisMachine(o.Metrics)
	}
	if o.Intercept == nil {
		o.Intercept = func(_ *model.Operation, next api.Handler) api.Handler { return next }
	}
	if o.BodyMemory == 0 {
		o.BodyMemory = DefaultBodyMemory
	}
	names := names{o.PublicURL, o.Hosts}
	return &server{
		Options: o,
		routes:  routes(contract, service, o),
		unknown: o.Meter("unknown"),
		inbound: o.Meter(inboundOperation),
		names:   names,
		guard:   &guard{service: contract.SigningName, keys: keys, clock: o.Clock, rate: o.Rate, names: names},
		memory:  &memory{free: o.BodyMemory},
	}
}

type server struct {
	Options
	routes  []route
	unknown meter // of requests that lead to no operation
	inbound meter // of the answers of bots
	names   names
	guard   *guard
	memory  *memory
	thinner thinner
}

// CallTime is the most time that a call may take. It bounds calls to a storage that hangs.
const CallTime = time.Minute

// meter counts the requests of an operation, see Options.Meter.
type meter = func(exception string, took time.Duration)

// exchange is what becomes known of a request on its way, for the log.
type exchange struct {
	requestID string
	operation string
	meter     meter
	keyID     string // of a key that exists: other texts may be anything, even secrets
	proven    bool   // that the client holds the key
	read      bool   // all of the body
}

// answer is a response that succeeded.
type answer struct {
	status      int
	contentType string
	body        []byte
}

const jsonType = "application/json"

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := s.names.strip(r.URL.EscapedPath())
	if s.Metrics != nil && path == "/metrics" {
		s.Metrics.ServeHTTP(w, r)
		return
	}
	start := s.Clock()
	x := exchange{requestID: uuid.NewString(), meter: s.unknown}
	w.Header().Set("x-amzn-RequestId", x.requestID)

	a, err := s.serve(&x, w, r, path)
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
	rest := r.ContentLength != 0 && !x.read
	if rest {
		beforeRest(w, r, err)
	}
	took := s.Clock().Sub(start)
	x.meter(string(exception), took) // a client that has its answer can find itself counted
	w.WriteHeader(a.status)
	w.Write(a.body) // a client that has gone is not worth a word
	s.log(r, &x, a.status, took, err)
	if rest {
		skipRest(w, r, err)
	}
}

func (s *server) serve(x *exchange, w http.ResponseWriter, r *http.Request, path string) (a answer, err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(baseContext(r), CallTime)
	defer cancel()
	switch path {
	case "/healthz":
		return s.probe(ctx, x, w, r, path, nil)
	case "/readyz":
		return s.probe(ctx, x, w, r, path, s.Ready)
	}

	if s.Inbound != nil && strings.HasPrefix(path, directory.InboundPath) {
		return s.say(ctx, x, w, r, path)
	}

	c, err := match(s.routes, w.Header(), r, path)
	if err != nil {
		return a, err
	}
	x.operation, x.meter = c.operation.Name, c.meter
	claim, err := s.guard.identify(ctx, x, r, c)
	if err != nil {
		return a, err
	}
	body, err := s.memory.read(w, r, c.limit)
	if err != nil {
		return a, err
	}
	defer body.release()
	x.read = true
	if err := s.guard.admit(x, r, claim, c, body.bytes); err != nil {
		return a, err
	}
	if err := s.throttle(w, claim.key.ID, "access key"); err != nil {
		return a, err
	}
	if err := checkMediaType(r.Header["Content-Type"]); err != nil {
		return a, err
	}

	ctx = directory.WithCaller(ctx, directory.Caller{
		AWSAccountID: claim.key.AWSAccountID,
		KeyID:        claim.key.ID,
		KeyName:      claim.key.Name,
		RequestID:    x.requestID,
		UserAgent:    userAgent(r),
	})
	out, err := c.handler(ctx, api.Request{Label: c.label, Query: c.query, Body: body.bytes})
	if err != nil {
		return a, err
	}
	a = answer{c.operation.Status, jsonType, out}
	if a.status == http.StatusNoContent { // has no body, whatever the contract says of its output
		a.body = nil
	}
	return a, nil
}

// throttle refuses a request that comes too soon after others of the same client.
func (s *server) throttle(w http.ResponseWriter, client, what string) error {
	wait := s.guard.throttle(client)
	if wait <= 0 {
		return nil
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return &denial{reason: "rate", answer: api.Errorf(api.ThrottledClientException,
		"This %s may make %v requests a second. Try again in %d s.", what, s.Rate, seconds)}
}

// inboundOperation is what the log and the metrics call the answers of bots. They never tell the
// path, which holds a secret.
const inboundOperation = "Inbound"

// say adds what a bot answers to a room. Nobody learns more than that there is no such URL without
// the secret in it, and no body is read before.
func (s *server) say(ctx context.Context, x *exchange, w http.ResponseWriter, r *http.Request, path string) (a answer, err error) {
	x.operation, x.meter = inboundOperation, s.inbound
	in, err := s.Inbound(path)
	if err != nil {
		return a, err
	}
	x.proven = true
	if r.Method != http.MethodPost {
		return a, notAllowed(w.Header(), r.Method, http.MethodPost)
	}
	body, err := s.memory.read(w, r, directory.InboundBody)
	if err != nil {
		return a, err
	}
	defer body.release()
	x.read = true
	if err := s.throttle(w, in.BotID(), "bot"); err != nil {
		return a, err
	}
	if err := checkMediaType(r.Header["Content-Type"]); err != nil {
		return a, err
	}
	reply, err := in.Say(ctx, x.requestID, userAgent(r), body.bytes)
	return answer{http.StatusOK, jsonType, reply}, err
}

// probe answers those who watch over the process.
func (s *server) probe(ctx context.Context, x *exchange, w http.ResponseWriter, r *http.Request, path string, ready func(context.Context) error) (answer, error) {
	x.operation = path
	x.meter = func(string, time.Duration) {} // no work of the service
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return answer{}, notAllowed(w.Header(), r.Method, http.MethodGet, http.MethodHead)
	}
	if ready != nil {
		if err := ready(ctx); err != nil {
			return answer{}, notReady{err}
		}
	}
	return answer{http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n")}, nil
}

// notReady is the reason why the service cannot do its work.
type notReady struct{ error }

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
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	h.Set("x-amzn-ErrorType", string(e.Exception))
	return answer{status, jsonType, api.AppendError(nil, code, e.Message)}, e.Exception
}

func (s *server) exception(err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	_, notReady := errors.AsType[notReady](err)
	if notReady || s.Unavailable != nil && errors.Is(err, s.Unavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return api.Errorf(api.ServiceUnavailableException, "The service is not available now. Nothing has changed; try again later.")
	}
	return api.Errorf(api.ServiceFailureException, "The service has failed. Its log tells why, under the request id of this answer.")
}
