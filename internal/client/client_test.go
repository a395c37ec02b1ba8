package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/porttest"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// answer is a prepared reply.
type answer struct {
	status int
	header map[string]string
	body   string
	drop   bool // close the connection instead
}

// request is a request as the service saw it.
type request struct {
	method, target, body, contentType string
	signedHeaders, region, token      string
	agent                             string
}

// service is a real HTTP server that verifies signatures and gives prepared answers in turn. It
// repeats the last one.
type service struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
}

const secret = "secret/of+AKID"

func serve(t *testing.T, answers ...answer) *service {
	t.Helper()
	s := new(service)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		got := request{r.Method, r.RequestURI, string(body), r.Header.Get("Content-Type"), "", "", r.Header.Get("X-Amz-Security-Token"), r.Header.Get("User-Agent")}
		if header := r.Header.Get("Authorization"); header != "" {
			a, err := sigv4.Parse(header)
			if err != nil {
				t.Errorf("authorization %q: %v", header, err)
			}
			verified := sigv4.NewKey(secret, a.Scope).Verify(&sigv4.Request{
				Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Date: r.Header.Get("X-Amz-Date"), SignedHeaders: a.SignedHeaders,
				PayloadHash: sigv4.HashPayload(body),
				Header: func(name string) string {
					if name == "host" {
						return r.Host
					}
					return r.Header.Get(name)
				},
			}, a.Signature)
			if !verified || a.AccessKey != "AKID" || a.Scope.Service != "chime" || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), a.Scope.Day) {
				t.Errorf("%s %s: signature %q does not verify", r.Method, r.RequestURI, header)
			}
			got.signedHeaders, got.region = a.SignedHeaders, a.Scope.Region
		}
		s.mu.Lock()
		a := answers[min(len(s.seen), len(answers)-1)]
		s.seen = append(s.seen, got)
		s.mu.Unlock()
		if a.drop {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			return
		}
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// pauses collects how long a client sleeps.
type pauses struct{ all []time.Duration }

func (p *pauses) sleep(_ context.Context, d time.Duration) error {
	p.all = append(p.all, d)
	return nil
}

func config(endpoint string) client.Config {
	return client.Config{
		Endpoint: endpoint, Region: "us-east-1", Service: chime.Service, UserAgent: "aws-cli/1.45.55 carillon/test",
		Credentials: &client.Credentials{AccessKey: "AKID", SecretKey: secret},
		Sleep:       func(context.Context, time.Duration) error { return nil },
	}
}

func connect(t *testing.T, config client.Config) *client.Client {
	t.Helper()
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func operation(t *testing.T, name string) *model.Operation {
	t.Helper()
	op := chime.Service.Operation(name)
	if op == nil {
		t.Fatalf("no operation %s", name)
	}
	return op
}

func input(t *testing.T, text string) *document.Object {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v.(*document.Object)
}

const updateUser = `{"AccountId": "acct-1", "UpdateUserRequestItems": [{"UserId": "u"}]}`

func TestCall_request(t *testing.T) {
	const bare, full = "host;x-amz-date", "content-type;host;x-amz-date"
	for _, test := range []struct {
		name, operation, base, input string
		want                         request
	}{
		{"a body in the order given", "BatchUpdateUser", "",
			`{"UpdateUserRequestItems": [{"LicenseType": "Pro", "UserId": "ü"}, {"UserId": "b"}], "AccountId": "acct-1"}`,
			request{method: "POST", target: "/accounts/acct-1/users", contentType: "application/json", signedHeaders: full,
				body: `{"UpdateUserRequestItems": [{"LicenseType": "Pro", "UserId": "\u00fc"}, {"UserId": "b"}]}`}},
		{"a fixed query", "BatchSuspendUser", "", `{"AccountId": "a", "UserIdList": []}`,
			request{method: "POST", target: "/accounts/a/users?operation=suspend", contentType: "application/json", signedHeaders: full,
				body: `{"UserIdList": []}`}},
		{"no body member given", "UpdateUser", "", `{"AccountId": "a", "UserId": "u"}`,
			request{method: "POST", target: "/accounts/a/users/u", contentType: "application/json", signedHeaders: full, body: `{}`}},
		{"nulls are left out", "UpdateUser", "", `{"AccountId": "a", "UserId": "u", "LicenseType": null}`,
			request{method: "POST", target: "/accounts/a/users/u", contentType: "application/json", signedHeaders: full, body: `{}`}},
		{"no body members", "ResetPersonalPIN", "", `{"AccountId": "a", "UserId": "u"}`,
			request{method: "POST", target: "/accounts/a/users/u?operation=reset-personal-pin", signedHeaders: bare}},
		{"no input", "GetGlobalSettings", "", `{"Whatever": 1}`, request{method: "GET", target: "/settings", signedHeaders: bare}},
		{"query members in the order given", "ListAccounts", "", `{"UserEmail": "x+y@z.com", "Name": "a b/c?d=e&f+g~h*i%ü", "MaxResults": 7}`,
			request{method: "GET", target: "/accounts?user-email=x%2By%40z.com&name=a%20b%2Fc%3Fd%3De%26f%2Bg~h%2Ai%25%C3%BC&max-results=7", signedHeaders: bare}},
		{"fixed query before the members", "SearchAvailablePhoneNumbers", "", `{"AreaCode": "206"}`,
			request{method: "GET", target: "/search?type=phone-numbers&area-code=206", signedHeaders: bare}},
		{"a label is encoded whole", "GetPhoneNumber", "", `{"PhoneNumberId": "+1/2 {x}"}`,
			request{method: "GET", target: "/phone-numbers/%2B1%2F2%20%7Bx%7D", signedHeaders: bare}},
		{"an encoded label is encoded again", "GetPhoneNumber", "", `{"PhoneNumberId": "%2B12065550100"}`,
			request{method: "GET", target: "/phone-numbers/%252B12065550100", signedHeaders: bare}},
		{"an empty label", "GetUser", "", `{"AccountId": "", "UserId": ""}`, request{method: "GET", target: "/accounts//users/", signedHeaders: bare}},
		{"a label of dots", "GetUser", "", `{"AccountId": "..", "UserId": "."}`, request{method: "GET", target: "/accounts/../users/.", signedHeaders: bare}},
		{"a base path", "GetUser", "/base/p%20q", `{"AccountId": "a", "UserId": "u"}`, request{method: "GET", target: "/base/p%20q/accounts/a/users/u", signedHeaders: bare}},
		{"a base path ending in a slash", "GetUser", "/base/", `{"AccountId": "a", "UserId": "u"}`, request{method: "GET", target: "/base/accounts/a/users/u", signedHeaders: bare}},
		{"a base query", "ListAccounts", "/?x=1", `{"Name": "n"}`, request{method: "GET", target: "/accounts?x=1&name=n", signedHeaders: bare}},
		{"a DELETE", "DeleteAccount", "", `{"AccountId": "a"}`, request{method: "DELETE", target: "/accounts/a", signedHeaders: bare}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, answer{status: 200, body: "{}"})
			in := input(t, test.input)
			before := string(document.AppendCompact(nil, in))
			if _, err := connect(t, config(s.URL+test.base)).Call(t.Context(), operation(t, test.operation), in); err != nil {
				t.Fatal(err)
			}
			test.want.region, test.want.agent = "us-east-1", "aws-cli/1.45.55 carillon/test"
			if got := s.requests(); len(got) != 1 || got[0] != test.want {
				t.Errorf("\ngot  %+v\nwant %+v", got, test.want)
			}
			if after := string(document.AppendCompact(nil, in)); after != before {
				t.Errorf("the input has changed from %s to %s", before, after)
			}
		})
	}
}

func TestCall_missingLabel(t *testing.T) {
	_, err := connect(t, config("http://127.0.0.1:1")).Call(t.Context(), operation(t, "GetUser"), input(t, `{"AccountId": "a"}`))
	if err == nil || !strings.Contains(err.Error(), "{userId}") {
		t.Errorf("error = %v, want one that names {userId}", err)
	}
}

func TestCall_credentials(t *testing.T) {
	op := operation(t, "GetGlobalSettings")
	for _, test := range []struct {
		name, region string
		credentials  *client.Credentials
		want         request
	}{
		{"session token", "nowhere", &client.Credentials{AccessKey: "AKID", SecretKey: secret, SessionToken: "a/token=="},
			request{signedHeaders: "host;x-amz-date;x-amz-security-token", region: "nowhere", token: "a/token=="}},
		{"empty region", "", &client.Credentials{AccessKey: "AKID", SecretKey: secret}, request{signedHeaders: "host;x-amz-date"}},
		{"unsigned", "us-east-1", nil, request{}},
	} {
		s := serve(t, answer{status: 200, body: "{}"})
		config := config(s.URL)
		config.Credentials, config.Region = test.credentials, test.region
		if _, err := connect(t, config).Call(t.Context(), op, nil); err != nil {
			t.Fatal(err)
		}
		test.want.method, test.want.target, test.want.agent = "GET", "/settings", config.UserAgent
		if got := s.requests(); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", test.name, got, test.want)
		}
	}
}

// An empty access key is one all the same: it signs.
func TestCall_emptyAccessKey(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=/") {
			t.Errorf("Authorization: got %q, want one with an empty access key", got)
		}
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	config := config(s.URL)
	config.Credentials = new(client.Credentials)
	if _, err := connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
		t.Error(err)
	}
}

// TestCall_unsendable: what no header can hold is reported at once, without an attempt.
func TestCall_unsendable(t *testing.T) {
	for _, keys := range []client.Credentials{
		{AccessKey: "AKID\n", SecretKey: secret},
		{AccessKey: "AK\rID", SecretKey: secret},
		{AccessKey: "AKID", SecretKey: secret, SessionToken: "to\nken"},
		{AccessKey: "AKID", SecretKey: secret, SessionToken: "token\x00"},
	} {
		s := serve(t, answer{status: 200, body: "{}"})
		config := config(s.URL)
		config.Credentials = &keys
		_, err := connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
		if _, ok := errors.AsType[*client.HeaderError](err); !ok {
			t.Errorf("%q: got error %v, want a HeaderError", keys, err)
		}
		if strings.Contains(fmt.Sprint(err), "to\nken") {
			t.Errorf("%q: the error shows the token: %v", keys, err)
		}
		if got := s.requests(); len(got) != 0 {
			t.Errorf("%q: got %d requests, want none", keys, len(got))
		}
	}
}

// A signing key is valid for a day. A client that runs longer must not keep yesterday's key.
func TestCall_midnight(t *testing.T) {
	s := serve(t, answer{status: 200, body: "{}"})
	now := time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
	config := config(s.URL)
	config.Now = func() time.Time { return now }
	c := connect(t, config)
	for range 3 {
		if _, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
}

func TestCall_concurrently(t *testing.T) {
	s := serve(t, answer{status: 200, body: `{"UserErrors": []}`})
	c := connect(t, config(s.URL))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if _, err := c.Call(t.Context(), operation(t, "BatchUpdateUser"), input(t, updateUser)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := len(s.requests()); got != 80 {
		t.Errorf("%d requests, want 80", got)
	}
}

func TestCall_idempotencyToken(t *testing.T) {
	s := serve(t, answer{status: 500}, answer{status: 201, body: `{"Room": {"RoomId": "r"}}`})
	c := connect(t, config(s.URL))
	for range 2 {
		if _, err := c.Call(t.Context(), operation(t, "CreateRoom"), input(t, `{"AccountId": "a", "Name": "n"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Call(t.Context(), operation(t, "CreateRoom"), input(t, `{"AccountId": "a", "ClientRequestToken": "own", "Name": "n"}`)); err != nil {
		t.Fatal(err)
	}
	got := s.requests()
	form := regexp.MustCompile(`^\{"Name": "n", "ClientRequestToken": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\}$`)
	if len(got) != 4 || !form.MatchString(got[0].body) {
		t.Fatalf("requests %+v, want 4, the first with a random UUID", got)
	}
	if got[1].body != got[0].body {
		t.Errorf("the second attempt sends %s, want the token of the first, %s", got[1].body, got[0].body)
	}
	if got[2].body == got[0].body {
		t.Errorf("two calls send the same token: %s", got[2].body)
	}
	if want := `{"ClientRequestToken": "own", "Name": "n"}`; got[3].body != want {
		t.Errorf("a given token is sent as %s, want %s", got[3].body, want)
	}
}

func TestCall_refusal(t *testing.T) {
	const began = "An error occurred ("
	named := func(name string) map[string]string { return map[string]string{"X-Amzn-ErrorType": name} }
	for _, test := range []struct {
		answer answer
		want   string
	}{
		{answer{status: 403, header: named("ForbiddenException"), body: `{"Code": "Forbidden", "Message": "The message."}`},
			"ForbiddenException) when calling the BatchUpdateUser operation: The message."},
		{answer{status: 404, header: named("NotFoundException:http://internal.amazon.com/coral/x/"), body: `{"Message": "m"}`}, "NotFoundException) when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, header: named("com.amazonaws.chime#NotFoundException"), body: `{"Message": "m"}`}, "NotFoundException) when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, body: `{"Code": "NotFound", "Message": "m"}`}, "NotFound) when calling the BatchUpdateUser operation: m"},
		{answer{status: 400, body: `{"code": "SomeCode", "__type": "Other", "message": "m"}`}, "SomeCode) when calling the BatchUpdateUser operation: m"},
		{answer{status: 400, body: `{"__type": "com.amazon#SomeCode", "message": "m", "Message": "M"}`}, "SomeCode) when calling the BatchUpdateUser operation: m"},
		{answer{status: 400, header: named("BadRequestException"), body: `{}`}, "BadRequestException) when calling the BatchUpdateUser operation: "},
		{answer{status: 400, body: `{}`}, "400) when calling the BatchUpdateUser operation: "},
		{answer{status: 400}, "400) when calling the BatchUpdateUser operation: "},
		{answer{status: 300, body: `{"Code": "X", "Message": "m"}`}, "Unknown) when calling the BatchUpdateUser operation: Unknown"},
		{answer{status: 400, body: `{"Message": {"a": ["b", true, null]}}`}, "400) when calling the BatchUpdateUser operation: {'a': ['b', True, None]}"},
		{answer{status: 404, body: `{"Code": null, "Message": "m"}`}, "404) when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, body: `{"Code": null, "__type": "T", "Message": "m"}`}, "T) when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, body: `{"__type": null, "Message": "m"}`}, ") when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, body: `{"Code": true, "Message": "m"}`}, "True) when calling the BatchUpdateUser operation: m"},
		{answer{status: 404, body: `{"Message": "a\ud800"}`}, "404) when calling the BatchUpdateUser operation: a\xED\xA0\x80"},
		{answer{status: 304}, "304) when calling the BatchUpdateUser operation: "},
		{answer{status: 302, header: map[string]string{"Location": "/elsewhere"}}, "302) when calling the BatchUpdateUser operation: "},
		{answer{status: 400, body: "no JSON"}, "400) when calling the BatchUpdateUser operation: no JSON"},
		{answer{status: 400, body: `{"Message":"x`}, `400) when calling the BatchUpdateUser operation: {"Message":"x`},
		{answer{status: 400, body: `["x"]`}, `400) when calling the BatchUpdateUser operation: ["x"]`},
		{answer{status: 400, body: "\xff"}, "400) when calling the BatchUpdateUser operation: \uFFFD"},
		{answer{status: 400, header: named("X"), body: `{"Message": "Größe 漢字\n\"c\""}`}, "X) when calling the BatchUpdateUser operation: Größe 漢字\n\"c\""},
		{answer{status: 418, body: `{"message": "teapot"}`}, "418) when calling the BatchUpdateUser operation: teapot"},
		{answer{status: 600, body: `{"message": "x"}`}, "600) when calling the BatchUpdateUser operation: x"},
		{answer{status: 501, body: " <html>x</html>"}, "501) when calling the BatchUpdateUser operation: Not Implemented"},
		{answer{status: 501, body: "\u00a0<html>x</html>"}, "501) when calling the BatchUpdateUser operation: \u00a0<html>x</html>"},
		{answer{status: 500}, "500) when calling the BatchUpdateUser operation (reached max retries: 0): Internal Server Error"},
		{answer{status: 503, header: named("ServiceUnavailableException"), body: `{"Message": "m"}`}, "ServiceUnavailableException) when calling the BatchUpdateUser operation (reached max retries: 0): m"},
		{answer{status: 503, header: named("ServiceUnavailableException"), body: "<html>x</html>"}, "503) when calling the BatchUpdateUser operation (reached max retries: 0): Service Unavailable"},
	} {
		s := serve(t, test.answer)
		config := config(s.URL)
		config.MaxAttempts = 1
		got, err := connect(t, config).Call(t.Context(), operation(t, "BatchUpdateUser"), input(t, updateUser))
		refusal, ok := errors.AsType[*client.ServiceError](err)
		if !ok || refusal.Error() != began+test.want {
			t.Errorf("%+v:\ngot  %v\nwant %s", test.answer, err, began+test.want)
		}
		if ok && refusal.Status != test.answer.status {
			t.Errorf("%+v: Status = %d", test.answer, refusal.Status)
		}
		if got != nil {
			t.Errorf("%+v: reply = %v beside an error", test.answer, got)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%+v: %d requests, want 1", test.answer, n)
		}
	}
}

// What counts as throttling does not depend on the retry mode.
func TestServiceError_Throttled(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   bool
	}{
		{429, "ThrottledClientException", true},
		{400, "ThrottledClientException", true},
		{429, "429", true},
		{400, "ThrottlingException", true},
		{503, "SlowDown", true},
		{400, "LimitExceededException", false}, // which may be for good
		{400, "BadRequestException", false},
		{503, "ServiceUnavailableException", false},
	} {
		refusal := client.ServiceError{Status: test.status, Code: test.code}
		if got := refusal.Throttled(); got != test.want {
			t.Errorf("%d %s: got %t, want %t", test.status, test.code, got, test.want)
		}
	}
}

func TestCall_retries(t *testing.T) {
	named := func(status int, name string) answer {
		return answer{status: status, header: map[string]string{"X-Amzn-ErrorType": name}, body: `{"message": "m"}`}
	}
	const again, not = true, false
	for _, test := range []struct {
		first            answer
		legacy, standard bool
	}{
		{named(500, "X"), again, again},
		{named(502, "X"), again, again},
		{named(503, "X"), again, again},
		{named(504, "X"), again, again},
		{named(509, "X"), again, not},
		{named(501, "X"), not, not},
		{named(505, "X"), not, not},
		{named(429, "ThrottledClientException"), again, not},
		{named(429, "TooManyRequestsException"), again, again},
		{named(400, "ThrottlingException"), again, again},
		{named(400, "ProvisionedThroughputExceededException"), again, again},
		{named(400, "RequestLimitExceeded"), not, again},
		{named(400, "RequestTimeout"), not, again},
		{named(403, "Throttling"), not, again},
		{named(400, "BadRequestException"), not, not},
		{named(404, "NotFoundException"), not, not},
		{named(302, "X"), not, not},
		{answer{drop: true}, again, again},
	} {
		for mode, want := range map[client.RetryMode]bool{client.Legacy: test.legacy, client.Standard: test.standard, client.Adaptive: test.standard} {
			s := serve(t, test.first, answer{status: 200, body: `{"UserErrors": []}`})
			config := config(s.URL)
			config.Retry = mode
			_, err := connect(t, config).Call(t.Context(), operation(t, "BatchUpdateUser"), input(t, updateUser))
			if got := len(s.requests()) == 2; got != want || (err == nil) != want {
				t.Errorf("%s, %+v: retried %v, want %v; error %v", mode, test.first, got, want, err)
			}
		}
	}
}

func TestCall_attempts(t *testing.T) {
	boom := answer{status: 500, header: map[string]string{"X-Amzn-ErrorType": "ServiceFailureException"}, body: `{"message": "boom"}`}
	for _, test := range []struct {
		mode     client.RetryMode
		attempts int
		answer   answer
		pauses   []time.Duration
		want     string
	}{
		{"", 0, boom, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, "(reached max retries: 4): boom"},
		{client.Standard, 0, boom, []time.Duration{500 * time.Millisecond, time.Second}, "(reached max retries: 2): boom"},
		{client.Standard, 8, boom, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
			8 * time.Second, 16 * time.Second, 20 * time.Second}, "(reached max retries: 7): boom"},
		{client.Legacy, 2, boom, []time.Duration{500 * time.Millisecond}, "(reached max retries: 1): boom"},
		{client.Legacy, 1, boom, nil, "(reached max retries: 0): boom"},
		// Legacy mode says that it is out of attempts only if the error was worth another one.
		{client.Standard, 1, answer{status: 404, body: `{"Message": "gone"}`}, nil, "operation (reached max retries: 0): gone"},
		{client.Standard, 2, answer{status: 404, body: `{"Message": "gone"}`}, nil, "operation: gone"},
		{client.Legacy, 1, answer{status: 404, body: `{"Message": "gone"}`}, nil, "operation: gone"},
		{client.Legacy, 2, answer{drop: true}, []time.Duration{500 * time.Millisecond}, "Connection was closed before we received a valid response from endpoint URL: "},
	} {
		s := serve(t, test.answer)
		var slept pauses
		config := config(s.URL)
		config.Retry, config.MaxAttempts = test.mode, test.attempts
		config.Sleep, config.Rand = slept.sleep, func() float64 { return 0.5 }
		_, err := connect(t, config).Call(t.Context(), operation(t, "BatchUpdateUser"), input(t, updateUser))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %d: error %v, want %s", test.mode, test.attempts, err, test.want)
		}
		if !slices.Equal(slept.all, test.pauses) {
			t.Errorf("%s %d: slept %v, want %v", test.mode, test.attempts, slept.all, test.pauses)
		}
		if got := len(s.requests()); got != len(test.pauses)+1 {
			t.Errorf("%s %d: %d requests, want %d", test.mode, test.attempts, got, len(test.pauses)+1)
		}
	}
}

// net/http would repeat a GET by itself if a connection breaks that was good before. Nobody would
// count that attempt.
func TestCall_keptConnectionBreaks(t *testing.T) {
	s := serve(t, answer{status: 200, body: "{}"}, answer{drop: true}, answer{status: 200, body: "{}"})
	config := config(s.URL)
	config.MaxAttempts = 1
	c := connect(t, config)
	if _, err := c.Call(t.Context(), operation(t, "ListAccounts"), nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.Call(t.Context(), operation(t, "ListAccounts"), nil)
	checkFailure(t, err, client.Closed, `Connection was closed before we received a valid response from endpoint URL: "`+s.URL+`/accounts".`, true)
	if got := len(s.requests()); got != 2 {
		t.Errorf("%d requests, want 2", got)
	}
}

func TestCall_canceled(t *testing.T) {
	stop := errors.New("stopped by the user")

	t.Run("while it waits for a reply", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel(stop)
			<-r.Context().Done()
		}))
		defer s.Close()
		if _, err := connect(t, config(s.URL)).Call(ctx, operation(t, "GetGlobalSettings"), nil); err != stop {
			t.Errorf("error = %v, want %v", err, stop)
		}
	})
	t.Run("while it waits for the next attempt", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
		defer s.Close()
		config := config(s.URL)
		config.Sleep = nil // the real one: an hour would be too long
		config.MaxAttempts = 100
		config.Rand = func() float64 { cancel(stop); return 3600 }
		if _, err := connect(t, config).Call(ctx, operation(t, "GetGlobalSettings"), nil); err != stop {
			t.Errorf("error = %v, want %v", err, stop)
		}
	})
}

func TestCall_trace(t *testing.T) {
	s := serve(t, answer{status: 500, header: map[string]string{"X-Amzn-RequestId": "id-1"}}, answer{drop: true},
		answer{status: 200, header: map[string]string{"X-Amzn-RequestId": "id-3"}, body: "{}"})
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := start.Add(-time.Second)
	var told []client.Attempt
	config := config(s.URL)
	config.Now = func() time.Time { now = now.Add(time.Second); return now }
	config.Credentials.SessionToken = "a-session-token"
	config.Trace = func(a client.Attempt) { told = append(told, a) }
	if _, err := connect(t, config).Call(t.Context(), operation(t, "BatchUpdateUser"), input(t, updateUser)); err != nil {
		t.Fatal(err)
	}
	if len(told) != 3 {
		t.Fatalf("told of %d attempts, want 3", len(told))
	}
	for i, a := range told {
		if want := (client.Attempt{Number: i + 1, Method: "POST", URL: s.URL + "/accounts/acct-1/users", Canonical: a.Canonical,
			Started: start.Add(time.Duration(2*i) * time.Second), Took: time.Second,
			Status: []int{500, 0, 200}[i], RequestID: []string{"id-1", "", "id-3"}[i], Err: a.Err}); a != want {
			t.Errorf("attempt %d:\ngot  %+v\nwant %+v", i+1, a, want)
		}
		date := sigv4.FormatTime(a.Started)
		want := "POST\n/accounts/acct-1/users\n\ncontent-type:application/json\nhost:" + strings.TrimPrefix(s.URL, "http://") + "\nx-amz-date:" + date +
			"\nx-amz-security-token:REDACTED\n\ncontent-type;host;x-amz-date;x-amz-security-token\n" +
			sigv4.HashPayload([]byte(`{"UpdateUserRequestItems": [{"UserId": "u"}]}`))
		if a.Canonical.String() != want {
			t.Errorf("attempt %d: canonical form\ngot  %q\nwant %q", i+1, a.Canonical, want)
		}
		if text := fmt.Sprintf("%+v", a); strings.Contains(text, "a-session-token") || strings.Contains(text, secret) {
			t.Errorf("attempt %d tells a secret: %s", i+1, text)
		}
	}
	if told[0].Err == nil || told[1].Err == nil || told[2].Err != nil {
		t.Errorf("errors %v, %v, %v, want two and none", told[0].Err, told[1].Err, told[2].Err)
	}
}

// A value that the contract calls sensitive is sent and signed, but not shown.
func TestCall_traceOfSensitiveValue(t *testing.T) {
	s := serve(t, answer{status: 200, body: "{}"})
	config := config(s.URL + "/base?stage=a")
	var told client.Attempt
	config.Trace = func(a client.Attempt) { told = a }
	in := input(t, `{"UserEmail": "ana@example.com", "Name": "n"}`)
	if _, err := connect(t, config).Call(t.Context(), operation(t, "ListAccounts"), in); err != nil {
		t.Fatal(err)
	}
	if got, want := s.requests()[0].target, "/base/accounts?stage=a&user-email=ana%40example.com&name=n"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if want := s.URL + "/base/accounts?stage=a&user-email=REDACTED&name=n"; told.URL != want {
		t.Errorf("told of %s, want %s", told.URL, want)
	}
	if got, want := strings.Split(told.Canonical.String(), "\n")[1:3], []string{"/base/accounts", "name=n&stage=a&user-email=REDACTED"}; !slices.Equal(got, want) {
		t.Errorf("told of the canonical path and query %q, want %q", got, want)
	}
}

func TestNew_refuses(t *testing.T) {
	for _, test := range []struct {
		change func(*client.Config)
		want   string
	}{
		{func(c *client.Config) { c.Endpoint = "foo" }, "Invalid endpoint: foo"},
		{func(c *client.Config) { c.Endpoint = "localhost:1234" }, "Invalid endpoint: localhost:1234"},
		{func(c *client.Config) { c.Endpoint = "ftp://host" }, "Invalid endpoint: ftp://host"},
		{func(c *client.Config) { c.Endpoint = "http://" }, "Invalid endpoint: http://"},
		{func(c *client.Config) { c.Endpoint = "http://[::1" }, "Invalid endpoint: http://[::1"},
		{func(c *client.Config) { c.Retry = "often" }, `retry mode "often"`},
		{func(c *client.Config) { c.Proxy = "http://user:hunter2@" }, `proxy URL "http://***:***@"`},
	} {
		config := config("http://127.0.0.1:1")
		test.change(&config)
		if _, err := client.New(config); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error = %v, want %s", err, test.want)
		}
	}
}

func TestCall_connection(t *testing.T) {
	listen := func(t *testing.T, serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					serve(conn)
				}()
			}
		}()
		return "http://" + l.Addr().String()
	}
	// Each of these reads the request before it goes wrong.
	after := func(reply string) func(net.Conn) {
		return func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, reply)
		}
	}
	silent := func(reply string) func(net.Conn) {
		return func(conn net.Conn) {
			after(reply)(conn)
			io.Copy(io.Discard, conn) // until the client gives up
		}
	}
	for _, test := range []struct {
		name    string
		serve   func(net.Conn)
		failure client.Failure
		want    string
	}{
		{"no reply", after(""), client.Closed, `Connection was closed before we received a valid response from endpoint URL: "URL".`},
		{"half a header", after("HTTP/1.1 200 O"), client.Closed, `Connection was closed before we received a valid response from endpoint URL: "URL".`},
		{"half a body", after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), client.Closed, `Connection was closed before we received a valid response from endpoint URL: "URL".`},
		{"not HTTP", after("SSH-2.0-x\r\n\r\n"), client.Closed, `Connection was closed before we received a valid response from endpoint URL: "URL".`},
		{"silence", silent(""), client.ReadTimeout, `Read timeout on endpoint URL: "URL"`},
		{"silence within the header", silent("HTTP/1.1 200 O"), client.ReadTimeout, `Read timeout on endpoint URL: "URL"`},
		{"silence within the body", silent("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), client.ReadTimeout, `Read timeout on endpoint URL: "URL"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := listen(t, test.serve)
			config := config(url)
			config.MaxAttempts = 2
			if test.failure == client.ReadTimeout {
				config.ReadTimeout = 50 * time.Millisecond
			}
			_, err := connect(t, config).Call(t.Context(), operation(t, "ListUsers"), input(t, `{"AccountId": "a", "NextToken": "t"}`))
			checkFailure(t, err, test.failure, strings.Replace(test.want, "URL\"", url+"/accounts/a/users?next-token=t\"", 1), true)
		})
	}

	t.Run("refused", func(t *testing.T) {
		url := "http://" + porttest.Refusing(t)
		var slept pauses
		config := config(url)
		config.Sleep = slept.sleep
		_, err := connect(t, config).Call(t.Context(), operation(t, "ListAccounts"), nil)
		checkFailure(t, err, client.Unreachable, `Could not connect to the endpoint URL: "`+url+`/accounts"`, false)
		if len(slept.all) != 4 {
			t.Errorf("slept %d times, want 4", len(slept.all))
		}
	})
	t.Run("unknown host", func(t *testing.T) {
		config := config("http://host.invalid")
		config.MaxAttempts = 1
		_, err := connect(t, config).Call(t.Context(), operation(t, "ListAccounts"), nil)
		checkFailure(t, err, client.Unreachable, `Could not connect to the endpoint URL: "http://host.invalid/accounts"`, false)
	})
}

func checkFailure(t *testing.T, err error, failure client.Failure, want string, sent bool) {
	t.Helper()
	failed, ok := errors.AsType[*client.TransportError](err)
	if !ok {
		t.Fatalf("error = %v (%T), want a *TransportError", err, err)
	}
	if failed.Failure != failure || failed.Error() != want {
		t.Errorf("error = %d %s, want %d %s", failed.Failure, failed, failure, want)
	}
	if failed.Sent() != sent {
		t.Errorf("Sent() = %v, want %v", failed.Sent(), sent)
	}
	if failed.Unwrap() == nil {
		t.Error("the cause is lost")
	}
}

func TestCall_proxy(t *testing.T) {
	op := operation(t, "GetGlobalSettings")

	t.Run("for http", func(t *testing.T) {
		s := serve(t, answer{status: 200, body: "{}"})
		config := config("http://chime.example.test")
		config.Proxy = s.URL
		if _, err := connect(t, config).Call(t.Context(), op, nil); err != nil {
			t.Fatal(err)
		}
		if got := s.requests(); len(got) != 1 || got[0].target != "http://chime.example.test/settings" {
			t.Errorf("requests %+v, want one for http://chime.example.test/settings", got)
		}
	})
	t.Run("refuses a tunnel", func(t *testing.T) {
		var asked string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
			w.WriteHeader(403)
		}))
		defer s.Close()
		config := config("https://chime.us-east-1.amazonaws.com")
		config.Proxy = strings.Replace(s.URL, "://", "://user:hunter2@", 1)
		_, err := connect(t, config).Call(t.Context(), op, nil)
		checkFailure(t, err, client.ProxyFailed, `Failed to connect to proxy URL: "`+strings.Replace(s.URL, "://", "://***:***@", 1)+`"`, false)
		if want := "CONNECT chime.us-east-1.amazonaws.com:443 Basic dXNlcjpodW50ZXIy"; asked != want {
			t.Errorf("the proxy was asked for %q, want %q", asked, want)
		}
	})
	t.Run("login", func(t *testing.T) {
		var got string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Proxy-Authorization")
			io.WriteString(w, "{}")
		}))
		defer s.Close()
		for login, want := range map[string]string{ // as recorded from version 1
			"u:p@": "Basic dTpw", "u@": "", "u:@": "", ":p@": "", ":@": "", "@": "",
			"u%40x:p%3A%2F@": "Basic dUB4OnA6Lw==", "u%zz:p@": "Basic dSV6ejpw", "u:p:q@": "Basic dTpwOnE=",
		} {
			config := config("http://chime.example.test")
			config.Proxy = strings.Replace(s.URL, "://", "://"+login, 1)
			if _, err := connect(t, config).Call(t.Context(), op, nil); err != nil || got != want {
				t.Errorf("proxy http://%s...: got %q, %v; want %q", login, got, err, want)
			}
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		for _, endpoint := range []string{"http://127.0.0.1:24463", "https://127.0.0.1:24463"} {
			config := config(endpoint)
			config.Proxy = "http://127.0.0.1:1"
			_, err := connect(t, config).Call(t.Context(), op, nil)
			checkFailure(t, err, client.ProxyFailed, `Failed to connect to proxy URL: "http://127.0.0.1:1"`, false)
		}
	})
}

// The Host header, and the signature over it, leave out the port that the scheme implies and no
// other. A proxy lets hosts have any port here.
func TestCall_host(t *testing.T) {
	service := serve(t, answer{status: 200, body: "{}"})
	host := make(chan string, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host <- r.Host
		service.Config.Handler.ServeHTTP(w, r) // which verifies the signature
	})
	secure := httptest.NewTLSServer(handler)
	defer secure.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			handler.ServeHTTP(w, r)
			return
		}
		inner, err := net.Dial("tcp", secure.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer inner.Close()
		outer, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer outer.Close()
		io.WriteString(outer, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(inner, outer)
		io.Copy(outer, inner)
	}))
	defer proxy.Close()
	for endpoint, want := range map[string]string{
		"https://chime.example.test":       "chime.example.test",
		"https://Chime.Example.test:443":   "chime.example.test",
		"https://chime.example.test:80":    "chime.example.test:80",
		"https://chime.example.test:44300": "chime.example.test:44300",
		"http://chime.example.test":        "chime.example.test",
		"http://chime.example.test:80":     "chime.example.test",
		"http://chime.example.test:443":    "chime.example.test:443",
		"http://chime.example.test:8080":   "chime.example.test:8080",
	} {
		config := config(endpoint)
		config.Proxy, config.NoVerifySSL = proxy.URL, true
		c := connect(t, config)
		if _, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
			t.Fatalf("%s: %v", endpoint, err)
		}
		c.Close()
		if got := <-host; got != want {
			t.Errorf("%s: got the Host %s, want %s", endpoint, got, want)
		}
	}
}

func TestProxyFromEnvironment(t *testing.T) {
	for _, test := range []struct{ environment, endpoint, want string }{
		{"", "http://h", ""},
		{"HTTP_PROXY=http://p:1", "http://h", "http://p:1"},
		{"HTTP_PROXY=http://p:1", "http://127.0.0.1:24463", "http://p:1"},
		{"HTTP_PROXY=http://p:1", "http://localhost", "http://p:1"},
		{"HTTP_PROXY=http://p:1", "https://h", ""},
		{"HTTPS_PROXY=http://p:1", "https://h", "http://p:1"},
		{"https_proxy=http://p:1", "https://h", "http://p:1"},
		{"ALL_PROXY=http://p:1", "https://h", ""},
		{"http_proxy=http://low:1 HTTP_PROXY=http://up:1", "http://h", "http://low:1"},
		{"http_proxy= HTTP_PROXY=http://up:1", "http://h", ""},
		{"HTTP_PROXY=p:1", "http://h", "http://p:1"},
		{"HTTP_PROXY=//p:1", "http://h", "http://p:1"},
		{"HTTP_PROXY=https://p:1", "http://h", "https://p:1"},
		{"REQUEST_METHOD=GET HTTP_PROXY=http://p:1", "http://h", ""},
		{"REQUEST_METHOD=GET http_proxy=http://p:1", "http://h", "http://p:1"},
		{"REQUEST_METHOD=GET HTTPS_PROXY=http://p:1", "https://h", "http://p:1"},
		{"HTTP_PROXY=http://p:1 NO_PROXY=*", "http://h", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=h", "http://h", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=H", "http://h:8", ""},
		{"HTTP_PROXY=http://p:1 no_proxy=h:8", "http://H:8", ""},
		{"HTTP_PROXY=http://p:1 no_proxy=h:9", "http://h:8", "http://p:1"},
		{"HTTP_PROXY=http://p:1 NO_PROXY=x,.example.com,y", "http://a.example.com", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=example.com", "http://a.example.com:8", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=example.com", "http://example.com", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=example.com", "http://anexample.com", "http://p:1"},
		{"HTTP_PROXY=http://p:1 NO_PROXY=,", "http://h", "http://p:1"},
		{"HTTP_PROXY=http://p:1 NO_PROXY=127.0.0.1", "http://127.0.0.1:5", ""},
		{"HTTP_PROXY=http://p:1 NO_PROXY=[::1]", "http://[::1]:5", ""},
	} {
		lookup := func(name string) (string, bool) {
			for _, v := range strings.Fields(test.environment) {
				if value, ok := strings.CutPrefix(v, name+"="); ok {
					return value, true
				}
			}
			return "", false
		}
		if got := client.ProxyFromEnvironment(lookup, test.endpoint); got != test.want {
			t.Errorf("%s for %s: %q, want %q", test.environment, test.endpoint, got, test.want)
		}
	}
}

func TestDecode(t *testing.T) {
	text := &model.Shape{Kind: model.String}
	item := &model.Shape{Kind: model.Structure, Members: []model.Member{
		{Name: "Text", Shape: text},
		{Name: "Flag", Shape: &model.Shape{Kind: model.Boolean}},
		{Name: "Count", Shape: &model.Shape{Kind: model.Integer}},
		{Name: "When", Shape: &model.Shape{Kind: model.Timestamp}},
		{Name: "Texts", Shape: &model.Shape{Kind: model.List, Element: text}},
	}}
	item.Members = append(item.Members, model.Member{Name: "Items", Shape: &model.Shape{Kind: model.List, Element: item}})
	for _, test := range []struct {
		body    string
		iso8601 bool
		want    string
		err     string
	}{
		{body: ``, want: `{}`},
		{body: `{}`, want: `{}`},
		{body: `null`, err: "reading the reply: as a whole is not an object: null"},
		{body: `no JSON`, want: `{}`},
		{body: `{"Text":`, want: `{}`},
		{body: "\uFEFF{}", want: `{}`},
		{body: `{"Texts": ["b", "a"], "Text": "t", "text": "other case", "Unknown": 1}`, want: `{"Text": "t", "Texts": ["b", "a"]}`},
		{body: `{"Text": null, "Texts": ["a", null], "Items": [null, {"Text": null}]}`, want: `{"Texts": ["a", null], "Items": [null, {}]}`},
		{body: `{"Text": 1.50}`, want: `{"Text": 1.5}`},
		{body: `{"Text": {"b": 1, "a": [2]}}`, want: `{"Text": {"b": 1, "a": [2]}}`},
		{body: "{\"Text\": \"\xff\"}", err: "'utf-8' codec can't decode byte 0xff in position 10: invalid start byte"},
		{body: `{"Text": "\ud800"}`, want: `{"Text": "\ud800"}`},
		{body: `{"Items": [{"Flag": "true"}, {"Flag": "TRUE"}, {"Flag": "yes"}, {"Flag": false}, {"Flag": 1}]}`,
			want: `{"Items": [{"Flag": true}, {"Flag": true}, {"Flag": false}, {"Flag": false}, {"Flag": false}]}`},
		{body: `{"Items": [{"Count": "7"}, {"Count": " -7 "}, {"Count": 30.0}, {"Count": -7.9}, {"Count": true}, {"Count": 1e20}, {"Count": 123456789012345678901234567890}]}`,
			want: `{"Items": [{"Count": 7}, {"Count": -7}, {"Count": 30}, {"Count": -7}, {"Count": 1}, {"Count": 100000000000000000000}, {"Count": 123456789012345678901234567890}]}`},
		{body: `{"Items": [{"Count": "1_0"}, {"Count": "٣"}]}`, want: `{"Items": [{"Count": 10}, {"Count": 3}]}`},
		{body: `{"Count": ` + strings.Repeat("9", 4301) + `}`, want: `{}`}, // not JSON to Python
		{body: `{"Count": "abc"}`, err: `invalid literal for int() with base 10: 'abc'`},
		{body: `{"Count": 1e400}`, err: `cannot convert float infinity to integer`},
		{body: `{"Count": []}`, err: `int() argument must be a string, a bytes-like object or a real number, not 'list'`},
		{body: `[1, 2]`, err: `reading the reply: as a whole is not an object: [1, 2]`},
		{body: `{"Texts": "", "Items": {}}`, want: `{"Texts": [], "Items": []}`},
		{body: `{"Texts": {"a": 1}}`, want: `{"Texts": ["a"]}`},
		{body: `{"Texts": "ab"}`, want: `{"Texts": ["a", "b"]}`},
		{body: `{"Texts": 7}`, err: `reading the reply: Texts is not a list: 7`},
		{body: `{"Items": [{"Items": [7]}]}`, err: `reading the reply: Items[0].Items[0] is not an object: 7`},
		{body: `{"Items": [{"Items": [{}]}, {"Items": [{}, 7]}]}`, err: `reading the reply: Items[1].Items[1] is not an object: 7`},
		{body: `{"Items": [{"When": 1545331525.231}, {"When": "2018-12-20T18:45:25.000Z"}, {"When": "garbage"}]}`,
			want: `{"Items": [{"When": 1545331525.231}, {"When": "2018-12-20T18:45:25.000Z"}, {"When": "garbage"}]}`},
		{iso8601: true, body: `{"When": "garbage"}`, err: `Invalid timestamp "garbage": Unknown string format: garbage`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25Z"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25.231Z"}`, want: `{"When": "2018-12-20T18:45:25.231000+00:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25.000Z"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25.1234569Z"}`, want: `{"When": "2018-12-20T18:45:25.123456+00:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25+02:00"}`, want: `{"When": "2018-12-20T18:45:25+02:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25"}`, want: `{"When": "2018-12-20T18:45:25"}`},
		{iso8601: true, body: `{"When": " 2018-1-2T3:4:5Z "}`, want: `{"When": "2018-01-02T03:04:05+00:00"}`},
		{iso8601: true, body: `{"When": "20181220T184525Z"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": "2018-12-20T18:45:25 UTC"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": "2018/12/20"}`, want: `{"When": "2018-12-20T00:00:00"}`},
		{iso8601: true, body: `{"When": "2020-13-01"}`, err: `Invalid timestamp "2020-13-01": month must be in 1..12: 2020-13-01`},
		{iso8601: true, body: `{"When": "2020-02-30"}`, err: `Invalid timestamp "2020-02-30": day is out of range for month: 2020-02-30`},
		{iso8601: true, body: `{"When": "2020-01-01T24:00:00Z"}`, err: `Invalid timestamp "2020-01-01T24:00:00Z": hour must be in 0..23: 2020-01-01T24:00:00Z`},
		{iso8601: true, body: `{"When": ""}`, err: `Invalid timestamp "": String does not contain a date: `},
		{iso8601: true, body: `{"When": 1577836800000}`, err: `year 51969 is out of range`},
		{iso8601: true, body: `{"When": "1577836800000"}`, err: `Unable to calculate correct timezone offset for "1577836800000"`},
		{iso8601: true, body: `{"When": "2018-12-20"}`, want: `{"When": "2018-12-20T00:00:00"}`},
		{iso8601: true, body: `{"When": "Thu, 20 Dec 2018 18:45:25 GMT"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": 1545331525}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": 1545331525.231}`, want: `{"When": "2018-12-20T18:45:25.231000+00:00"}`},
		{iso8601: true, body: `{"When": "1545331525"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": -1}`, want: `{"When": "1969-12-31T23:59:59+00:00"}`},
		{iso8601: true, body: `{"When": null}`, want: `{}`},
		{iso8601: true, body: `{"When": "1_545_331_525.5"}`, want: `{"When": "2018-12-20T18:45:25.500000+00:00"}`},
		{iso8601: true, body: `{"When": "١٥٤٥٣٣١٥٢٥"}`, want: `{"When": "2018-12-20T18:45:25+00:00"}`},
		{iso8601: true, body: `{"When": true}`, want: `{"When": "1970-01-01T00:00:01+00:00"}`},
		{iso8601: true, body: `{"When": 253402300799}`, want: `{"When": "9999-12-31T23:59:59+00:00"}`},
		{iso8601: true, body: `{"When": -1e15}`, err: `year -31686769 is out of range`},
		{iso8601: true, body: `{"When": 1e18}`, err: `Unable to calculate correct timezone offset for "1e+18"`},
		{iso8601: true, body: `{"When": "1e18"}`, err: `Unable to calculate correct timezone offset for "1e18"`},
		{iso8601: true, body: `{"When": "1e12"}`, err: `Invalid timestamp "1e12": Unknown string format: 1e12`},
		{iso8601: true, body: `{"When": "-inf"}`, err: `Unable to calculate correct timezone offset for "-inf"`},
		{iso8601: true, body: `{"When": Infinity}`, err: `Unable to calculate correct timezone offset for "inf"`},
		{iso8601: true, body: `{"When": NaN}`, err: `Invalid value NaN (not a number)`},
		{iso8601: true, body: `{"When": "nan"}`, err: `Invalid timestamp "nan": Unknown string format: nan`},
		{iso8601: true, body: `{"When": [1]}`, err: `Invalid timestamp "[1]": Parser must be a string or character stream, not list`},
	} {
		got, err := client.Decode([]byte(test.body), item, test.iso8601)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: error %v, want %s", test.body, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		if text := string(document.AppendCompact(nil, got)); text != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.body, text, test.want)
		}
	}

	if got, err := client.Decode([]byte(`{"a": 1}`), nil, false); err != nil || got.Len() != 0 {
		t.Errorf("no output shape: %v, %v, want an empty object", got, err)
	}
}

func TestCall_reply(t *testing.T) {
	for _, test := range []struct {
		operation string
		answer    answer
		want      string
	}{
		{"GetUser", answer{status: 200, body: `{"User": {"AccountId": "a", "UserId": "u", "Nope": 1}}`}, `{"User": {"UserId": "u", "AccountId": "a"}}`},
		{"GetUser", answer{status: 200, body: `{"UserErrors":[`}, `{}`},
		{"DeleteAccount", answer{status: 204, header: map[string]string{"X-Amzn-RequestId": "id-1"}}, `{}`},
		{"DeleteAccount", answer{status: 200, body: "gone"}, `{}`},
	} {
		s := serve(t, test.answer)
		got, err := connect(t, config(s.URL)).Call(t.Context(), operation(t, test.operation), input(t, `{"AccountId": "a", "UserId": "u"}`))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(document.AppendCompact(nil, got.Output)); text != test.want {
			t.Errorf("%s %+v: %s, want %s", test.operation, test.answer, text, test.want)
		}
		if got.RequestID != test.answer.header["X-Amzn-RequestId"] {
			t.Errorf("%s %+v: request id %q", test.operation, test.answer, got.RequestID)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%s %+v: %d requests, want 1", test.operation, test.answer, n)
		}
	}
}

// What is no answer of any service is one for version 1, and an error if the client is strict.
func TestCall_Strict(t *testing.T) {
	body := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	defer s.Close()
	for _, tt := range []struct{ operation, body, want string }{
		{"GetAccount", "<html>sign in</html>", `reading the reply: it is not JSON: "<html>sign in</html>"`},
		{"LogoutUser", "<html>sign in</html>", `reading the reply: it is not JSON: "<html>sign in</html>"`},
		{"GetAccount", "", "reading the reply: it is empty"},
		{"GetAccount", "{}", ""},
		{"LogoutUser", "", ""},
	} {
		body = tt.body
		for _, strict := range []bool{false, true} {
			c, err := client.New(client.Config{Endpoint: s.URL, Region: "us-east-1", Service: chime.Service, MaxAttempts: 1, Strict: strict})
			if err != nil {
				t.Fatal(err)
			}
			input := document.NewObject(document.Member{Key: "AccountId", Value: "a"}, document.Member{Key: "UserId", Value: "u"})
			_, err = c.Call(t.Context(), chime.Service.Operation(tt.operation), input)
			want := tt.want
			if !strict {
				want = ""
			}
			got := ""
			if senseless, ok := errors.AsType[*client.ReplyError](err); ok {
				got = senseless.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s, body %q, strict %v: got %q, want %q", tt.operation, tt.body, strict, got, want)
			}
			c.Close()
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"User": {"RegisteredOn": 1545331525.231, "UserId": "u", "AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": "true"}}}`), true)
	f.Add([]byte(`{"RetentionSettings": {"RoomRetentionSettings": {"RetentionDays": 1e20}}, "InitiateDeletionTimestamp": "x"}`), false)
	f.Add([]byte(`{"Users": [null, {"UserId": "\ud800"}], "NextToken": 1}`), false)
	f.Fuzz(func(t *testing.T, body []byte, iso8601 bool) {
		for _, name := range []string{"GetUser", "ListUsers", "GetRetentionSettings", "GetAccountSettings"} {
			shape := chime.Service.Operation(name).Output
			got, err := client.Decode(body, shape, iso8601)
			if err != nil {
				continue
			}
			// The output is in order, and decoding it again changes nothing.
			last := -1
			for _, m := range got.Members() {
				i := slices.IndexFunc(shape.Members, func(s model.Member) bool { return s.Name == m.Key })
				if i <= last {
					t.Fatalf("%s: member %s is out of place in %s", name, m.Key, document.AppendCompact(nil, got))
				}
				last = i
			}
			text := document.AppendCompact(nil, got)
			again, err := client.Decode(text, shape, iso8601)
			if err != nil {
				t.Fatalf("%s: reading %s again: %v", name, text, err)
			}
			if second := document.AppendCompact(nil, again); !bytes.Equal(second, text) {
				t.Fatalf("%s: got %s, read again %s", name, text, second)
			}
		}
	})
}

func TestServiceError_RetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":       0,
		"7":      7 * time.Second,
		"-1":     0,
		"soon":   0,
		"999999": 24 * time.Hour,
	} {
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(http.StatusForbidden)
		}))
		c, err := client.New(client.Config{Endpoint: service.URL, Service: chime.Service})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Call(context.Background(), &model.Operation{Name: "GetAccount", Method: "GET", Path: "/accounts"}, nil)
		service.Close()
		refusal, ok := errors.AsType[*client.ServiceError](err)
		if !ok || refusal.RetryAfter != want {
			t.Errorf("Retry-After %q: got %v, want it to be %v", header, err, want)
		}
	}
}
