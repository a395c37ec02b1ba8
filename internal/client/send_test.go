package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
)

// Credentials that end are renewed between attempts. What goes wrong then is no failed attempt:
// what gives them out has its own.
func TestCall_renew(t *testing.T) {
	s := serve(t, answer{status: 503}, answer{status: 200, body: "{}"})
	config := config(s.URL)
	tokens := []string{"one", "two"}
	config.Renew = func(context.Context) (*client.Credentials, error) {
		if len(tokens) == 0 {
			return nil, &client.ServiceError{Code: "Throttling", Status: 400, Operation: "AssumeRole"}
		}
		next := tokens[0]
		tokens = tokens[1:]
		return &client.Credentials{AccessKey: "AKID", SecretKey: secret, SessionToken: next}, nil
	}
	c := connect(t, config)
	if _, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.requests() {
		got = append(got, r.token)
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("got tokens %q, want %q", got, want)
	}
	_, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
	if refusal, ok := errors.AsType[*client.ServiceError](err); !ok || refusal.Operation != "AssumeRole" || refusal.Exhausted {
		t.Errorf("got %v, want the error of the renewal as it was", err)
	}
	if n := len(s.requests()); n != 2 {
		t.Errorf("got %d requests, want none without credentials", n-2)
	}
}

// New keys sign anew, also where only the secret is another.
func TestCall_renewedSecret(t *testing.T) {
	var signatures []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signatures = append(signatures, r.Header.Get("Authorization"))
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	config := config(s.URL)
	config.Now = func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }
	secrets := []string{"one", "two"}
	config.Renew = func(context.Context) (*client.Credentials, error) {
		return &client.Credentials{AccessKey: "AKID", SecretKey: secrets[len(signatures)]}, nil
	}
	c := connect(t, config)
	for range secrets {
		if _, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if signatures[0] == signatures[1] {
		t.Errorf("got the signature %q twice, want one with each secret", signatures[0])
	}
}

// A message goes out as it is, signed with its content type, to the endpoint's own path.
func TestSend(t *testing.T) {
	s := serve(t, answer{status: 500}, answer{status: 403, body: "no"})
	config := config(s.URL + "/base")
	config.Service, config.SigningName = nil, "chime"
	c := connect(t, config)
	m := &client.Message{Method: http.MethodPost, Body: []byte("a=b"), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Refused: func(a *client.Answer) error {
			return &client.ServiceError{Code: string(a.Body), Status: a.Status, Operation: "Ask"}
		}}
	_, err := c.Send(t.Context(), m)
	if want := "An error occurred (no) when calling the Ask operation: "; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	want := request{"POST", "/base", "a=b", m.Header.Get("Content-Type"), "content-type;host;x-amz-date", "us-east-1", "", config.UserAgent}
	if got := s.requests(); len(got) != 2 || got[1] != want {
		t.Errorf("got  %+v\nwant twice %+v", got, want)
	}
	m.Refused = nil
	if a, err := c.Send(t.Context(), m); err != nil || a.Status != 403 || string(a.Body) != "no" {
		t.Errorf("got %+v and %v, want the refusal as an answer", a, err)
	}
}

// A reply that is too long is neither kept nor asked for again.
func TestSend_tooLong(t *testing.T) {
	s := serve(t, answer{status: 200, body: strings.Repeat("x", 1<<20)})
	config := config(s.URL)
	config.MaxReply = 1 << 16
	_, err := connect(t, config).Send(t.Context(), &client.Message{Method: http.MethodGet})
	if err == nil || !strings.Contains(err.Error(), "too long") || len(s.requests()) != 1 {
		t.Errorf("got %v after %d requests, want an error after one", err, len(s.requests()))
	}
}
