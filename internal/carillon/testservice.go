package carillon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/testmode"
)

// testService is a running service for tests. All that is asked of it is below [testmode.Prefix],
// where other services have nothing: wherever the endpoint leads, no directory that people rely on
// is changed.
type testService struct {
	calls *client.Client
	url   string
}

// aboutTestService ends the help of the commands for a service for tests.
const aboutTestService = `

The service is one that runs with --test, here or elsewhere: see carillon serve.
Without an endpoint, neither as a flag nor in the environment or a profile, it is
the one at http://` + defaultListen + `. No access key is needed.`

// longestPoll is how long an answer of [testService.ask] may be waited for in the service.
const longestPoll = 30 * time.Second

// onTestService does something with a service for tests.
func (p *program) onTestService(ctx context.Context, c connection, do func(*testService) error) error {
	conn, err := p.settings(c).Connect(ctx, chime.Service, false)
	if err == nil && !c.NoVerifySSL {
		err = conn.CheckCABundle()
	}
	if err == nil {
		err = checkNoLogin(conn.Endpoint.URL)
	}
	if err != nil {
		return p.badInput("%w", err)
	}
	if conn.Endpoint.Source == (profile.Source{}) { // not that of AWS
		conn.Endpoint.URL = "http://" + defaultListen
	}
	calls, err := client.New(client.Config{
		Endpoint: conn.Endpoint.URL, UserAgent: "carillon/" + build.Version(), CABundle: conn.CABundle.Text, NoVerifySSL: c.NoVerifySSL,
		Proxy:          client.ProxyFromEnvironment(profile.Env(p.env).Lookup, conn.Endpoint.URL),
		ConnectTimeout: 10 * time.Second, ReadTimeout: 2 * longestPoll,
	})
	if err != nil {
		return p.badInput("%w", err)
	}
	defer calls.Close()
	return p.named(do(&testService{calls, strings.TrimRight(conn.Endpoint.URL, "/")}))
}

// ask sends a request for a path after [testmode.Prefix] and returns the answer. body is JSON, or
// nil for none.
func (s *testService) ask(ctx context.Context, method, path, query string, body []byte) (any, error) {
	status, header, answer, err := s.calls.Exchange(ctx, method, testmode.Prefix+path, query, body)
	if ctx.Err() != nil {
		return nil, &codedError{exitInterrupted, errors.New("interrupted")}
	}
	if lost, ok := errors.AsType[*client.TransportError](err); ok && lost.Failure == client.Untrusted {
		return nil, &codedError{exitNoStore, err} // there is one, it may be
	}
	if err != nil {
		return nil, s.missing("%w", err)
	}
	if header.Get("X-Amzn-Errortype") != "" { // the API has answered
		return nil, s.missing("the service at %s is not one for tests", s.url)
	}
	v, err := document.Parse(string(answer))
	if err != nil {
		return nil, s.missing("what answers at %s is no service for tests, but a proxy or another server: status %d, %s", s.url, status,
			cmp.Or(header.Get("Content-Type"), "no Content-Type"))
	}
	if status == http.StatusOK {
		return v, nil
	}
	message := ""
	if refusal, ok := v.(*document.Object); ok {
		message = refusal.Text("message")
	}
	switch {
	case message == "":
		return nil, s.missing("what answers at %s is no service for tests, but a proxy or another server: status %d", s.url, status)
	case status >= http.StatusInternalServerError || status == http.StatusConflict:
		return nil, &codedError{exitFailed, errors.New(message)}
	}
	return nil, &codedError{exitUsage, errors.New(message)}
}

// jsonOf is an object with one member, as JSON.
func jsonOf(key string, value any) []byte {
	return document.AppendCompact(nil, document.NewObject(document.Member{Key: key, Value: value}))
}

// missing is the error of an endpoint without a service for tests, and says what to do.
func (s *testService) missing(format string, args ...any) error {
	return &codedError{exitNoStore, fmt.Errorf(format+"; start one with carillon serve --test, or say with --endpoint-url where one is", args...)}
}

// object is ask for an answer that is an object.
func (s *testService) object(ctx context.Context, method, path, query string, body []byte) (*document.Object, error) {
	v, err := s.ask(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, s.odd(path)
	}
	return o, nil
}

// list is ask for an answer that is a list of objects.
func (s *testService) list(ctx context.Context, method, path string, body []byte) ([]*document.Object, error) {
	v, err := s.ask(ctx, method, path, "", body)
	if err != nil {
		return nil, err
	}
	return s.objects(path, v)
}

func (s *testService) objects(path string, v any) ([]*document.Object, error) {
	elements, ok := v.([]any)
	list := make([]*document.Object, 0, len(elements))
	for _, e := range elements {
		if o, is := e.(*document.Object); is {
			list = append(list, o)
		}
	}
	if !ok || len(list) != len(elements) {
		return nil, s.odd(path)
	}
	return list, nil
}

// odd is the error of an answer that is not what this release expects.
func (s *testService) odd(path string) error {
	return fmt.Errorf("the answer of %s to %s%s cannot be read: the service is of another release, or a proxy has changed it", s.url, testmode.Prefix, path)
}
