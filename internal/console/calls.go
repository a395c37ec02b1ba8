package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/model"
)

// userAgent tells the audit trail by which door a change came.
func userAgent() string { return "carillon-console/" + build.Version() }

// inside carries requests to a handler of this process.
type inside struct{ handler http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	received := r.Clone(r.Context()) // as a server would see it
	if received.Body == nil {
		received.Body = http.NoBody
	}
	received.RequestURI = r.URL.RequestURI()
	received.Proto, received.ProtoMajor, received.ProtoMinor = "HTTP/1.1", 1, 1
	a := &answer{header: http.Header{}}
	i.handler.ServeHTTP(a, received)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// answer is what a handler of this process has answered.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// calling says how calls with a key are made: the configuration of a client.
func (c *Console) calling(key directory.Key) client.Config {
	return client.Config{
		Endpoint: c.Endpoint, Region: "us-east-1", Service: c.Service, UserAgent: userAgent(), MaxAttempts: 1, Strict: true, ISO8601: true,
		Credentials: &client.Credentials{AccessKey: key.ID, SecretKey: key.Secret}, RoundTripper: inside{c.API},
	}
}

// input is what an operation is called with. Members that are empty texts are left out.
func input(namesAndValues ...any) *document.Object {
	o := document.NewObject()
	for i := 0; i < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			o.Set(namesAndValues[i].(string), namesAndValues[i+1])
		}
	}
	return o
}

// operation returns an operation of the API or of its extension, by its name.
func (c *Console) operation(name string) (op *model.Operation, action string) {
	if op := c.Service.Operation(name); op != nil {
		return op, c.Service.SigningName + ":" + name
	}
	for _, op := range extension.Operations {
		if op.Name == name {
			return op, extension.ActionPrefix + ":" + name
		}
	}
	panic("there is no operation " + name)
}

// call calls an operation with the key of the session. The error is one of package client.
func (v *visit) call(name string, input *document.Object) (*document.Object, error) {
	op, _ := v.operation(name)
	reply, err := v.patiently(v.r.Context(), op, input)
	if err != nil {
		return nil, err
	}
	return reply.Output, nil
}

// How long a call is tried again that comes too soon after others of its key.
const (
	patience      = 5 * time.Second
	patiencePause = 200 * time.Millisecond
)

// patiently calls an operation, and tries again for a while if the key has called too often. A job
// of the key takes all calls that it may make, and the person has to get to its page to stop it.
func (v *visit) patiently(ctx context.Context, op *model.Operation, input *document.Object) (*client.Reply, error) {
	end := time.Now().Add(patience)
	for {
		reply, err := v.calls.Call(ctx, op, input)
		if !refusedWith(err, http.StatusTooManyRequests) || time.Now().After(end) {
			return reply, err
		}
		select {
		case <-time.After(patiencePause):
		case <-ctx.Done():
			return reply, err
		}
	}
}

// may reports whether the policy of the key allows an operation.
func (v *visit) may(name string) bool {
	_, action := v.operation(name)
	return v.key.Root || v.policy.Allows(action, "*")
}

// objects returns the elements of a list of objects.
func objects(o *document.Object, list string) []*document.Object {
	value, _ := o.Get(list)
	elements, _ := value.([]any)
	found := make([]*document.Object, 0, len(elements))
	for _, e := range elements {
		if each, ok := e.(*document.Object); ok {
			found = append(found, each)
		}
	}
	return found
}

// texts returns the elements of a list of texts.
func texts(o *document.Object, list string) []string {
	value, _ := o.Get(list)
	elements, _ := value.([]any)
	found := make([]string, 0, len(elements))
	for _, e := range elements {
		if text, ok := e.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

// object returns a member that is an object, an empty one if there is none.
func object(o *document.Object, name string) *document.Object {
	value, _ := o.Get(name)
	if found, ok := value.(*document.Object); ok {
		return found
	}
	return document.NewObject()
}

// all calls a listing page by page, and returns the elements of all its pages, at most the given
// number of them. more reports whether there are others.
func (v *visit) all(name string, in *document.Object, list string, most int) (found []*document.Object, more bool, err error) {
	for {
		out, err := v.call(name, in)
		if err != nil {
			return nil, false, err
		}
		found = append(found, objects(out, list)...)
		token := out.Text("NextToken")
		if len(found) > most || len(found) == most && token != "" {
			return found[:most], true, nil
		}
		if token == "" {
			return found, false, nil
		}
		if token == in.Text("NextToken") {
			return nil, false, errors.New("the listing of " + name + " does not end")
		}
		in.Set("NextToken", token)
	}
}

// refusal returns what the API has refused, and whether the error is of that kind.
func refusal(err error) (*client.ServiceError, bool) { return errors.AsType[*client.ServiceError](err) }

// refusedWith reports whether the API has refused a call with a status.
func refusedWith(err error, status int) bool {
	e, ok := refusal(err)
	return ok && e.Status == status
}

// corrigible returns what the API says about input that it has refused, if somebody can correct it:
// a page shows its form again. It reports false for all other errors, and for what the key may not
// do.
func corrigible(err error) (problem string, ok bool) {
	e, ok := refusal(err)
	if !ok || e.Status != http.StatusBadRequest && e.Status != http.StatusConflict && e.Status != http.StatusUnprocessableEntity {
		return "", false
	}
	return message(e), true
}

// message is what an exception says. It is never empty: that would mean that all is well.
func message(e *client.ServiceError) string { return cmp.Or(e.Message, e.Code) }

// operationNames lists the operations of the API and of its extension.
func (c *Console) operationNames() []string {
	var names []string
	for _, op := range c.Service.All() {
		names = append(names, op.Name)
	}
	for _, op := range extension.Operations {
		names = append(names, op.Name)
	}
	return names
}

// timeOf reads a time as the API writes it.
func timeOf(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}
