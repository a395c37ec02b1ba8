// Package client carries one call of a command line to the service and back: it makes the
// HTTP message that an operation's contract asks for, signs, sends and retries it, and
// decodes the reply, as version 1 of the AWS CLI does, down to the words of its errors.
//
// Start at [New] and [Client.Call]. A call goes through the files in this order: request.go builds
// and signs the request, transport.go connects, sends and reads, decode.go decodes the reply.
// errors.go has the errors and decides which of them are worth another attempt. Paging, exit codes
// and the source of settings are left to callers.
package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// Config is what a [Client] needs to know. Endpoint has no default. Neither has Service, which only
// [Client.Fetch], [Client.Exchange] and [Client.Send] do without.
type Config struct {
	// Endpoint is the URL of the service. Its path and query become part of every request. One that
	// begins with "//" is of http.
	Endpoint string
	Region   string // in the scope of signatures; empty is taken as it is
	Service  *model.Service

	Credentials *Credentials // nil: requests go out unsigned
	// Token is sent by operations that take a bearer token in place of a signature.
	Token string
	// Header holds headers that the endpoint asks for.
	Header map[string][]string
	// Renew, if set, is asked for the credentials of each attempt, in place of Credentials. Those that
	// expire can so be renewed between calls, and between attempts. Its error ends the call.
	Renew func(context.Context) (*Credentials, error)
	// SigningName is the name in the scope of signatures; empty is that of Service.
	SigningName string
	// NoHostPrefix leaves out what operations put before the host of the endpoint.
	NoHostPrefix bool
	// UserAgent goes out as given. Servers that look for the AWS CLI expect the product
	// "aws-cli/1.x.y" first.
	UserAgent string

	Proxy       string // URL of an HTTP proxy, empty for none: see ProxyFromEnvironment
	CABundle    string // file of trusted certificates, empty for that of the system
	NoVerifySSL bool   // accept every certificate

	ConnectTimeout time.Duration // for a TCP connection, and again for a TLS handshake; 0: no limit
	ReadTimeout    time.Duration // the longest silence of a connected server; 0: no limit

	Retry       RetryMode // empty is Legacy
	MaxAttempts int       // 0 is the mode's default

	// MaxReply is the longest body that is read of a reply, in bytes; 0 is any. A longer one is an
	// error, and not worth another attempt.
	MaxReply int

	// Strict makes a [*ReplyError] of a successful reply whose body is not JSON, such as a page of a
	// proxy, or that has none although the operation has an output. Version 1 takes both for a reply
	// without members.
	Strict bool

	// ISO8601 rewrites timestamps in replies in that form. Otherwise they stay as received.
	ISO8601 bool

	// RoundTripper carries the requests, instead of connections of the client's own, for a service in
	// the same process. What is said above of connections does not hold then. Nil: connections.
	RoundTripper http.RoundTripper

	// Trace, if set, is called after each attempt.
	Trace func(Attempt)

	// Now, Sleep and Rand are for tests. Nil means the real ones. Sleep returns early, with an error,
	// if the context ends. Rand returns numbers in [0, 1).
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Rand  func() float64
}

// Credentials sign requests, even if the access key is empty, as it may be in a file.
type Credentials struct {
	AccessKey    string
	SecretKey    string
	SessionToken string // empty for keys that last
}

// Attempt is one request of a call, as passed to [Config].Trace. The URL and the canonical form
// hold no secrets: session tokens and values that the contract calls sensitive are replaced.
type Attempt struct {
	Number    int // from 1
	Method    string
	URL       string
	Canonical fmt.Stringer // what the signature covers; nil for an unsigned request
	Started   time.Time
	Took      time.Duration
	Status    int    // 0 if there was no reply
	RequestID string // the service's own name for the request; may be empty
	Err       error  // nil for a success
}

// Client makes calls to one endpoint. It keeps connections open between calls and may be used
// concurrently.
type Client struct {
	config    Config
	endpoint  *url.URL
	transport http.RoundTripper
	key       atomic.Pointer[dayKey]
}

// dayKey is the signing key of one day: many calls share it.
type dayKey struct {
	day, secret string
	key         *sigv4.Key
}

// New returns a client. It opens no files or connections before the first call. It returns an error
// if the endpoint, the proxy or the retry mode makes no sense.
func New(config Config) (*Client, error) {
	endpoint, err := url.Parse(config.Endpoint)
	if err == nil && strings.HasPrefix(config.Endpoint, "//") {
		endpoint.Scheme = "http"
	}
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Hostname() == "" {
		return nil, text("Invalid endpoint: " + config.Endpoint)
	}
	if config.Retry == "" {
		config.Retry = Legacy
	}
	if !config.Retry.known() {
		return nil, fmt.Errorf("retry mode %q is none of legacy, standard and adaptive", config.Retry)
	}
	if config.MaxAttempts == 0 {
		config.MaxAttempts = config.Retry.attempts()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Sleep == nil {
		config.Sleep = Sleep
	}
	if config.Rand == nil {
		config.Rand = rand.Float64
	}
	transport := config.RoundTripper
	if transport == nil {
		if transport, err = newTransport(&config, endpoint.Hostname()); err != nil {
			return nil, err
		}
	}
	return &Client{config: config, endpoint: endpoint, transport: transport}, nil
}

// Close drops the connections that are idle.
func (c *Client) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Reply is what a call gives back.
type Reply struct {
	// Status is that of HTTP.
	Status int
	// Body is the body, if the output has a member that is all of it and that programs pass on
	// without a look inside: see [model.Shape.Streams]. Output does not have that member.
	Body []byte
	// Output holds the members that the contract knows, in its order. If there are none, it is
	// empty, not nil.
	Output    *document.Object
	RequestID string // the service's own name for the request; may be empty
}

// Call makes one call. The input, which may be nil, must have passed validation. It is not
// changed.
//
// A refusal of the service is a [*ServiceError], a failed connection a [*TransportError], a reply
// that is none of the operation a [*ReplyError], a key that cannot be sent a [*HeaderError]. If ctx
// ends first, the error is its cause.
func (c *Client) Call(ctx context.Context, op *model.Operation, input *document.Object) (*Reply, error) {
	r, err := c.newRequest(op, input)
	if err != nil {
		return nil, err
	}
	var rep *reply
	err = c.tries(ctx, nil, func(n int) error {
		rep, err = c.attempt(ctx, r, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	output, err := decodeOutput(c.config.Service, op, rep, c.config.ISO8601, c.config.Strict)
	if err != nil {
		return nil, &ReplyError{err}
	}
	out := &Reply{Status: rep.status, Output: output, RequestID: rep.requestID()}
	if op.Output.Streams() != nil {
		out.Body = rep.body
	}
	return out, nil
}

// tries makes attempts, counted from 1, until one succeeds or is not worth another. worth, which
// may be nil, says which errors are beside those of the retry mode.
func (c *Client) tries(ctx context.Context, worth func(error) bool, attempt func(n int) error) error {
	for n := 1; ; n++ {
		err := attempt(n)
		final, isFinal := errors.AsType[finalError](err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case isFinal:
			return final.error
		}
		retry := c.config.Retry.retries(err) || worth != nil && worth(err)
		last := n >= c.config.MaxAttempts
		if refusal, ok := errors.AsType[*ServiceError](err); ok {
			// Only legacy mode first checks whether the error is worth another attempt.
			refusal.Exhausted = last && (retry || c.config.Retry != Legacy)
		}
		if last || !retry {
			return err
		}
		if err := c.config.Sleep(ctx, c.config.Retry.delay(n, c.config.Rand())); err != nil {
			return err
		}
	}
}

// finalError ends a call, whatever it is: what gives out credentials has its own attempts.
type finalError struct{ error }

// attempt sends the request once and tells the trace about it.
func (c *Client) attempt(ctx context.Context, r *request, n int) (*reply, error) {
	a := Attempt{Number: n, Method: r.op.Method, URL: r.shown.String(), Started: c.config.Now()}
	creds := c.config.Credentials
	if c.config.Renew != nil {
		var err error
		if creds, err = c.config.Renew(ctx); err != nil {
			return nil, finalError{err}
		}
	}
	if r.auth == model.SignV2 && creds != nil {
		signed := *r
		body, err := signV2(r, string(r.body), creds, a.Started)
		if err != nil {
			return nil, err
		}
		signed.body = body
		r = &signed
	}
	header, canonical := c.sign(r, creds, a.Started)
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	rep, err := c.send(ctx, r, header)
	if err == nil {
		a.Status, a.RequestID = rep.status, rep.requestID()
		if rep.status >= 300 && r.refused != nil {
			err = r.refused(rep)
			if refusal, ok := errors.AsType[*ServiceError](err); ok {
				refusal.Retries = n - 1
			}
		}
	}
	if c.config.Trace != nil {
		a.Canonical, a.Took, a.Err = canonical, c.config.Now().Sub(a.Started), err
		c.config.Trace(a)
	}
	return rep, err
}

// Sleep waits. If ctx ends first, it returns early with the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
