package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Fetch returns the text at the client's endpoint, decoded as its Content-Type says. The request is
// unsigned and made only once. For a status other than 200 the error is a [*ServiceError].
func (c *Client) Fetch(ctx context.Context) (string, error) {
	rep, err := c.once(ctx, http.MethodGet, c.endpoint, nil)
	if err != nil {
		return "", err
	}
	if rep.status != http.StatusOK {
		refusal, _ := serviceError(model.RESTJSON, "GET", rep)
		return "", refusal
	}
	return python.DecodeAs(rep.body, encodingOf(rep.header.Get("Content-Type")))
}

// Exchange sends a request that is no call of an operation, for a path and a query below the
// client's endpoint, and returns the answer, of whatever status. The request is unsigned and made
// only once. body is JSON; nil for none. The error is a [*TransportError], or about the path.
func (c *Client) Exchange(ctx context.Context, method, path, query string, body []byte) (status int, header http.Header, answer []byte, err error) {
	at, err := below(c.endpoint, path, joinQuery(c.endpoint.RawQuery, query))
	if err != nil {
		return 0, nil, nil, err
	}
	rep, err := c.once(ctx, method, at, body)
	if err != nil {
		return 0, nil, nil, err
	}
	return rep.status, rep.header, rep.body, nil
}

// once sends an unsigned request.
func (c *Client) once(ctx context.Context, method string, at *url.URL, body []byte) (*reply, error) {
	r := &request{op: &model.Operation{Name: method, Method: method}, url: at, host: hostHeader(at), body: body, header: http.Header{}}
	if body != nil {
		r.header.Set("Content-Type", "application/json")
	}
	header, _ := c.sign(r, nil, time.Time{})
	return c.send(ctx, r, header)
}

// Message is a request that no contract describes, such as one for credentials.
type Message struct {
	Operation   string // its name, for errors
	Method      string
	Path, Query string      // below the endpoint, percent-encoded; an empty path is the endpoint's own
	Header      http.Header // beside those that every request has; may be nil
	Body        []byte      // nil for none

	// Refused makes an error of an answer with a status from 300 on. Nil: such an answer is a
	// success.
	Refused func(*Answer) error
	// Codes are errors of the service, with status 400, that are worth another attempt, beside those
	// of the retry mode.
	Codes []string
}

// Answer is what comes back for a [Message].
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Retries int // attempts before the one that it answers
}

// Text returns the body as text, decoded as its Content-Type says.
func (a *Answer) Text() (string, error) {
	return python.DecodeAs(a.Body, encodingOf(a.Header.Get("Content-Type")))
}

// Output reads the answer to a form, as an operation says, and what the answer says of itself.
func (a *Answer) Output(op *model.Operation) (output, metadata *document.Object, err error) {
	return new(decoder).wrapped(op, a.Body)
}

// Send sends a message and returns the answer. It signs if the client has credentials, and retries,
// as for a call.
func (c *Client) Send(ctx context.Context, m *Message) (*Answer, error) {
	endpoint, path := *c.endpoint, m.Path
	if path == "" {
		endpoint.Path, endpoint.RawPath, path = "", "", cmp.Or(c.endpoint.EscapedPath(), "/")
	}
	at, err := below(&endpoint, path, joinQuery(c.endpoint.RawQuery, m.Query))
	if err != nil {
		return nil, err
	}
	r := &request{
		op:  &model.Operation{Name: m.Operation, Method: m.Method},
		url: at, shown: at, host: hostHeader(c.endpoint), body: m.Body, header: m.Header,
	}
	if m.Refused != nil {
		r.refused = func(rep *reply) error { return m.Refused(&Answer{rep.status, rep.header, rep.body, 0}) }
	}
	worth := func(err error) bool {
		refusal, ok := errors.AsType[*ServiceError](err)
		return ok && refusal.Status == http.StatusBadRequest && slices.Contains(m.Codes, refusal.Code)
	}
	var answer *Answer
	err = c.tries(ctx, worth, func(n int) error {
		rep, err := c.attempt(ctx, r, n)
		if err == nil {
			answer = &Answer{rep.status, rep.header, rep.body, n - 1}
		}
		return err
	})
	return answer, err
}

// Refusal returns what reads a refusal as that of a call: see [Message].
func Refusal(protocol model.Protocol, operation string) func(*Answer) error {
	read := refusalOf(protocol, operation)
	return func(a *Answer) error { return read(&reply{status: a.Status, header: a.Header, body: a.Body}) }
}

// encodingOf returns the encoding that a Content-Type names. Without one, a text is in Latin-1, as
// HTTP once had it, and all else in UTF-8.
func encodingOf(contentType string) string {
	for parameter := range strings.SplitSeq(contentType, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "charset") {
			continue
		}
		if value = strings.Trim(strings.TrimSpace(value), `"`); value != "" {
			return value
		}
		return "utf-8"
	}
	if strings.Contains(contentType, "text") { // anywhere, in small letters, to version 1
		return "iso-8859-1"
	}
	return "utf-8"
}
