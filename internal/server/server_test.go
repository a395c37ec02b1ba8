package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/metrics"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/sigv4"
)

const (
	rootID = "AKIAROOTROOTROOTROOT"
	userID = "AKIAUSERUSERUSERUSER" // has a policy of its own
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keys is a KeySource that tests can change between requests.
type keys struct {
	mu   sync.Mutex
	m    map[string]directory.Key
	used []string // ids, one for each request
}

func newKeys(userPolicy string) *keys {
	return &keys{m: map[string]directory.Key{
		rootID: {ID: rootID, AWSAccountID: "111122223333", Name: "root", Root: true, Secret: secret},
		userID: {ID: userID, AWSAccountID: "444455556666", Name: "user", Policy: userPolicy, Secret: secret},
	}}
}

func (k *keys) AccessKey(_ context.Context, id string) (directory.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.m[id]
	if !ok {
		return key, fmt.Errorf("reading: %w", directory.ErrUnknownKey)
	}
	return key, nil
}

// Ended goes by the clock of the service, at noon.
func (k *keys) Ended(key directory.Key) string {
	return directory.NewKeys(nil, nil, directory.Options{Clock: func() time.Time { return noon }}).Ended(key)
}

func (k *keys) Used(key directory.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used = append(k.used, key.ID)
}

func (k *keys) change(id string, change func(*directory.Key)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.m[id]
	change(&key)
	k.m[id] = key
}

// some is a service with a few of the operations; a call of any other is a panic.
type some struct {
	api.API
	batch func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error)
}

func (s some) BatchUpdateUser(ctx context.Context, in *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
	if s.batch != nil {
		return s.batch(ctx, in)
	}
	return &api.BatchUpdateUserOutput{}, nil
}

func (some) BatchSuspendUser(context.Context, *api.BatchSuspendUserInput) (*api.BatchSuspendUserOutput, error) {
	return &api.BatchSuspendUserOutput{}, nil
}

func (some) InviteUsers(context.Context, *api.InviteUsersInput) (*api.InviteUsersOutput, error) {
	return &api.InviteUsersOutput{}, nil
}

func (some) BatchDeletePhoneNumber(context.Context, *api.BatchDeletePhoneNumberInput) (*api.BatchDeletePhoneNumberOutput, error) {
	return &api.BatchDeletePhoneNumberOutput{}, nil
}

func (some) GetAccount(_ context.Context, in *api.GetAccountInput) (*api.GetAccountOutput, error) {
	return &api.GetAccountOutput{Account: &api.Account{AccountId: in.AccountId, Name: "x"}}, nil
}

func (some) CreateAccount(context.Context, *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	return &api.CreateAccountOutput{}, nil
}

func (some) DeleteAccount(context.Context, *api.DeleteAccountInput) (*api.DeleteAccountOutput, error) {
	return &api.DeleteAccountOutput{}, nil
}

func (some) PutRetentionSettings(context.Context, *api.PutRetentionSettingsInput) (*api.PutRetentionSettingsOutput, error) {
	return &api.PutRetentionSettingsOutput{RetentionSettings: &api.RetentionSettings{}}, nil
}

func (some) AssociatePhoneNumberWithUser(context.Context, *api.AssociatePhoneNumberWithUserInput) (*api.AssociatePhoneNumberWithUserOutput, error) {
	return &api.AssociatePhoneNumberWithUserOutput{}, nil
}

func (some) CreateMeetingDialOut(context.Context, *api.CreateMeetingDialOutInput) (*api.CreateMeetingDialOutOutput, error) {
	return &api.CreateMeetingDialOutOutput{}, nil
}

func start(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// call is a request in the making. Its zero parts are those of a good one by the root key.
type call struct {
	method, target, body string
	keyID, secret        string
	scope                sigv4.Scope
	at                   time.Time
	signed               string              // names of the signed headers
	edit                 func(*http.Request) // before it is signed
	forge                func(*http.Request) // after it was
}

func (c call) request(t testing.TB, base string) *http.Request {
	t.Helper()
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&c.method, "POST")
	or(&c.target, "/accounts/a1/users")
	or(&c.keyID, rootID)
	or(&c.secret, secret)
	or(&c.signed, "host;x-amz-date")
	if c.at.IsZero() {
		c.at = noon
	}
	r, err := http.NewRequest(c.method, base+c.target, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Date", sigv4.FormatTime(c.at))
	if c.edit != nil {
		c.edit(r)
	}
	or(&c.scope.Day, r.Header.Get("X-Amz-Date")[:8])
	or(&c.scope.Region, "us-east-1")
	or(&c.scope.Service, "chime")
	r.Header.Set("Authorization", sigv4.NewKey(c.secret, c.scope).Authorization(c.keyID, &sigv4.Request{
		Method: c.method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Date: r.Header.Get("X-Amz-Date"),
		Header: func(name string) string {
			if name == "host" {
				return r.Host
			}
			return strings.Join(r.Header.Values(name), ",")
		},
		SignedHeaders: c.signed, PayloadHash: sigv4.HashPayload([]byte(c.body)),
	}))
	if c.forge != nil {
		c.forge(r)
	}
	return r
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (c call) send(t testing.TB, base string) reply {
	t.Helper()
	return roundTrip(t, c.request(t, base))
}

func roundTrip(t testing.TB, r *http.Request) reply {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// failed checks that a reply is a failure of this kind, in header and body alike, and returns its
// message.
func (r reply) failed(t testing.TB, exception api.Exception) string {
	t.Helper()
	status, code := exception.Status()
	var body struct{ Code, Message string }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Errorf("body %q: %v", r.body, err)
	}
	if r.status != status || r.header.Get("x-amzn-ErrorType") != string(exception) || body.Code != string(code) || body.Message == "" {
		t.Errorf("got %d, %s, %s\nwant %d, %s, Code %s with a Message",
			r.status, r.header.Get("x-amzn-ErrorType"), r.body, status, exception, code)
	}
	if got := r.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type: got %q, want application/json", got)
	}
	if id := r.header.Get("x-amzn-RequestId"); len(id) != 36 {
		t.Errorf("x-amzn-RequestId: got %q, want a UUID", id)
	}
	return body.Message
}

func (r reply) succeeded(t testing.TB, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Errorf("got %d %s\nwant %d %s", r.status, r.body, status, body)
	}
	if got, want := r.header.Get("Content-Type"), map[bool]string{true: "application/json"}[body != ""]; got != want {
		t.Errorf("Content-Type: got %q, want %q", got, want)
	}
	if id := r.header.Get("x-amzn-RequestId"); len(id) != 36 {
		t.Errorf("x-amzn-RequestId: got %q, want a UUID", id)
	}
}

// tooMuch is the size of a body that no operation takes.
const tooMuch = 1 << 20

const oneItem = `{"UpdateUserRequestItems":[{"UserId":"u1","LicenseType":"Pro"}]}`

func foreignType(r *http.Request) { r.Header.Set("Content-Type", "text/xml") }

func fixed() server.Options { return server.Options{Clock: func() time.Time { return noon }} }

func TestAnswers(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	const number = `{"E164PhoneNumber":"+12065550100"}`
	call{body: oneItem}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	call{method: "GET", target: "/accounts/a1"}.send(t, base).succeeded(t, 200, `{"Account":{"AwsAccountId":"","AccountId":"a1","Name":"x","SupportedLicenses":[],"SigninDelegateGroups":[]}}`)
	call{target: "/accounts", body: `{"Name":"x"}`}.send(t, base).succeeded(t, 201, `{}`)
	call{method: "DELETE", target: "/accounts/a1"}.send(t, base).succeeded(t, 204, ``)
	call{method: "PUT", target: "/accounts/a1/retention-settings", body: `{"RetentionSettings":{}}`}.send(t, base).succeeded(t, 204, ``)
	call{target: "/accounts/a1/users/u1?operation=associate-phone-number", body: number}.send(t, base).succeeded(t, 200, ``)
}

// Each request has all the faults of those below it: the first decides.
func TestOrderOfChecks(t *testing.T) {
	k := newKeys(`{"Statement":{"Effect":"Allow","Action":"chime:BatchUpdateUser","Resource":"*"}}`)
	fresh := k.m[userID]
	fresh.ID = "AKIAFRESHFRESHFRESHH"
	k.m[fresh.ID] = fresh
	o := fixed()
	o.Rate = 1
	calls := 0
	base := start(t, server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		calls++
		return nil, api.Errorf(api.ConflictException, "from the service")
	}}, k, o))

	const users = "/accounts/%20/users"
	c := call{keyID: userID, secret: "wrong", method: "PATCH", target: "/nowhere/?operation=nothing&x=1&x=2", at: noon.Add(-time.Hour)}
	c.edit, c.body = foreignType, strings.Repeat("x", tooMuch)
	check := func(step string, want api.Exception) {
		t.Helper()
		t.Run(step, func(t *testing.T) { t.Log(c.send(t, base).failed(t, want)) })
	}
	check("path", api.UnknownOperationException)
	c.target = users + "?operation=nothing&x=1&x=2"
	check("method", api.MethodNotAllowedException)
	c.method = "POST"
	check("key given twice", api.BadRequestException)
	c.target = users + "?operation=nothing"
	check("selector", api.BadRequestException)
	c.target = users + "?operation=suspend"
	check("what is said of the signature", api.UnauthorizedClientException)
	c.at = noon
	check("size", api.RequestEntityTooLargeException)
	c.body = `{`
	check("signature", api.UnauthorizedClientException)
	if len(k.used) > 0 {
		t.Errorf("keys that were told of as used before a good signature: %v", k.used)
	}
	c.secret = secret
	check("policy", api.ForbiddenException)
	if want := []string{userID}; !slices.Equal(k.used, want) {
		t.Errorf("keys that were told of as used: got %v, want %v", k.used, want)
	}
	c.target = users
	check("media type, first request", api.UnsupportedMediaTypeException)
	check("rate, second request", api.ThrottledClientException)
	c.keyID = fresh.ID
	check("media type", api.UnsupportedMediaTypeException)
	c.edit = nil
	o.Rate = 0
	base = start(t, server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		calls++
		return nil, api.Errorf(api.ConflictException, "from the service")
	}}, k, o))
	check("JSON", api.BadRequestException)
	c.body = `{}`
	check("contract", api.BadRequestException)
	c.target, c.body = "/accounts/a1/users", oneItem
	if calls != 0 {
		t.Fatalf("the service was called %d times before all was well", calls)
	}
	check("service", api.ConflictException)
	if calls != 1 {
		t.Errorf("the service was called %d times, want 1", calls)
	}
}

// The meter tells where a request went. All requests have a foreign media type: it is refused after
// the operation is known, the signature is good and the policy allows it.
func TestRoutes(t *testing.T) {
	o := fixed()
	metered := make(chan string, 1)
	o.Meter = func(operation string) func(string, time.Duration) {
		return func(string, time.Duration) { metered <- operation }
	}
	base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
	send := func(t *testing.T, method, target string) (operation string, _ reply) {
		t.Helper()
		got := call{method: method, target: target, edit: foreignType}.send(t, base)
		return <-metered, got
	}
	for _, op := range chime.Service.All() {
		target := strings.NewReplacer("{", "", "}", "").Replace(op.Path)
		if op.Query != "" {
			target += "?" + op.Query
		}
		for _, prefix := range []string{"", "/console"} {
			operation, got := send(t, op.Method, prefix+target)
			got.failed(t, api.UnsupportedMediaTypeException)
			if operation != op.Name {
				t.Errorf("%s %s%s: got to %s, want %s", op.Method, prefix, target, operation, op.Name)
			}
		}
	}
	for _, tt := range []struct {
		method, target string
		want           any // name of the operation, or exception
	}{
		{"POST", "/accounts/a/users?operation=", "BatchUpdateUser"},
		{"POST", "/accounts/a/users?operation", "BatchUpdateUser"},
		{"POST", "/accounts/a/users?x=1&operation=suspend&type=y", "BatchSuspendUser"},
		{"POST", "/accounts/a/users?%6Fperation=susp%65nd", "BatchSuspendUser"},
		{"POST", "/accounts/a/users?operation=suspend&operation=suspend", api.BadRequestException},
		{"POST", "/accounts/a/users?operation=suspend&%6Fperation=add", api.BadRequestException},
		{"GET", "/accounts/a/users?max-results=1&max-results=2", api.BadRequestException},
		{"GET", "/accounts/a/users?max-results=1&max-results", api.BadRequestException},
		{"GET", "/accounts/a?x=1&x=1", api.BadRequestException},
		{"DELETE", "/accounts/a?x&x", api.BadRequestException},
		{"POST", "/accounts/a/users?operation=Suspend", api.BadRequestException},
		{"POST", "/accounts/a/users?operation=redact", api.BadRequestException},
		{"GET", "/accounts/a/users?operation=suspend", api.BadRequestException},
		{"GET", "/accounts/a?operation=", "GetAccount"},
		{"POST", "/accounts/a/rooms/r/messages/m", api.BadRequestException},
		{"POST", "/accounts/a/users?operation=%zz", api.BadRequestException},
		{"POST", "/accounts/a/users?a;b", api.BadRequestException},
		{"GET", "/search", api.BadRequestException},
		{"GET", "/search?type=", api.BadRequestException},
		{"GET", "/search?type=users", api.BadRequestException},
		{"GET", "/search?type=phone-numbers&operation=create", api.BadRequestException},
		{"GET", "/accounts/a%2Fb/users/%2e%2e", "GetUser"},
		{"GET", "/", api.UnknownOperationException},
		{"GET", "//accounts", api.UnknownOperationException},
		{"GET", "/accounts/", api.UnknownOperationException},
		{"GET", "/accounts//users", api.UnknownOperationException},
		{"GET", "/accounts/./users", api.UnknownOperationException},
		{"GET", "/accounts/../accounts", api.UnknownOperationException},
		{"GET", "/accounts/a/users/u/x", api.UnknownOperationException},
		{"GET", "/Accounts", api.UnknownOperationException},
		{"GET", "/acc%6Funts", api.UnknownOperationException},
		{"GET", "/console", api.UnknownOperationException},
		{"GET", "/console/console/accounts", api.UnknownOperationException},
		{"GET", "/console/healthz", api.UnknownOperationException},
		{"DELETE", "/accounts", api.MethodNotAllowedException},
		{"OPTIONS", "/accounts", api.MethodNotAllowedException},
		{"PATCH", "/accounts/a/users", api.MethodNotAllowedException},
		{"post", "/accounts", api.MethodNotAllowedException},
	} {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			operation, got := send(t, tt.method, tt.target)
			want, exception := "unknown", api.UnsupportedMediaTypeException
			switch w := tt.want.(type) {
			case string:
				want = w
			case api.Exception:
				exception = w
			}
			got.failed(t, exception)
			if operation != want {
				t.Errorf("got to %s, want %s", operation, want)
			}
		})
	}
	// What a script with an empty variable sends.
	for target, hint := range map[string]bool{"/accounts/": true, "/accounts//users": true, "/console/accounts/": true, "/": false, "/accounts/..": false} {
		_, got := send(t, "GET", target)
		message := fmt.Sprintf("No operation has the path %q.", target)
		if hint {
			message += " A part of it is empty: is an id missing?"
		}
		if m := got.failed(t, api.UnknownOperationException); m != message {
			t.Errorf("%s: got %q, want %q", target, m, message)
		}
	}
	t.Run("HEAD", func(t *testing.T) {
		_, got := send(t, "HEAD", "/accounts")
		if got.status != 405 || got.header.Get("Allow") != "GET, POST" {
			t.Errorf("got %d with Allow %q, want 405 with GET, POST", got.status, got.header.Get("Allow"))
		}
	})
}

func TestLabelsAreDecodedOnce(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	for sent, want := range map[string]string{
		"a%2Fb": "a/b", "a%252Fb": "a%2Fb", "a+b": "a+b", "%C3%A9": "é", "a;b=c:@": "a;b=c:@",
	} {
		got := call{method: "GET", target: "/accounts/" + sent}.send(t, base)
		got.succeeded(t, 200, `{"Account":{"AwsAccountId":"","AccountId":"`+want+`","Name":"x","SupportedLicenses":[],"SigninDelegateGroups":[]}}`)
	}
	message := call{method: "GET", target: "/accounts/%20"}.send(t, base).failed(t, api.BadRequestException)
	if want := "AccountId must not be blank, nor hold a line break"; message != want {
		t.Errorf("got %q, want %q", message, want)
	}
}

func TestSignatures(t *testing.T) {
	k := newKeys("AmazonChimeFullAccess")
	k.m["AKIADISABLED"] = directory.Key{ID: "AKIADISABLED", Root: true, Secret: secret, Disabled: true}
	k.m["AKIAEXPIRED"] = directory.Key{ID: "AKIAEXPIRED", Root: true, Secret: secret, Expires: noon}
	k.m["AKIALASTING"] = directory.Key{ID: "AKIALASTING", Root: true, Secret: secret, Expires: noon.Add(time.Second)}
	base := start(t, server.New(chime.Service, some{}, k, fixed()))
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	hash := sigv4.HashPayload([]byte(oneItem))

	for name, c := range map[string]call{
		"plain":                  {},
		"query":                  {target: "/accounts/a%20b/users?x=a%20b&y=%7E&b&operation="},
		"other region":           {scope: sigv4.Scope{Region: "eu-central-1"}},
		"15 minutes behind":      {at: noon.Add(-15 * time.Minute)},
		"15 minutes ahead":       {at: noon.Add(15 * time.Minute)},
		"payload hash":           {edit: set("X-Amz-Content-Sha256", hash), signed: "host;x-amz-content-sha256;x-amz-date"},
		"content type signed":    {edit: set("Content-Type", "application/json"), signed: "content-type;host;x-amz-date"},
		"header of two values":   {edit: func(r *http.Request) { r.Header["X-A"] = []string{"1", "2"} }, signed: "host;x-a;x-amz-date"},
		"unsigned header added":  {forge: set("X-New", "1")},
		"policy of everything":   {keyID: userID},
		"empty session token":    {edit: set("X-Amz-Security-Token", ""), signed: "host;x-amz-date;x-amz-security-token"},
		"key that expires later": {keyID: "AKIALASTING"},
		"transfer coding signed": {edit: func(r *http.Request) {
			r.Header.Set("Transfer-Encoding", "chunked") // which net/http does not send from here
			r.ContentLength = -1
		}, signed: "host;transfer-encoding;x-amz-date"},
	} {
		t.Run(name, func(t *testing.T) {
			c.body = oneItem
			c.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
		})
	}

	for _, tt := range []struct {
		name    string
		message string
		call
	}{
		{"unsigned", "no Authorization header", call{forge: func(r *http.Request) { r.Header.Del("Authorization") }}},
		{"presigned", "signed in its query", call{target: "/accounts/a1/users?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00",
			forge: func(r *http.Request) { r.Header.Del("Authorization") }}},
		{"presigned beside a header", "signed in its query", call{target: "/accounts/a1/users?X-Amz-Signature=00"}},
		{"two headers", "two Authorization headers", call{forge: func(r *http.Request) {
			r.Header.Add("Authorization", r.Header.Get("Authorization"))
		}}},
		{"basic", "cannot be read", call{forge: set("Authorization", "Basic dXNlcjpwYXNz")}},
		{"empty header", "cannot be read", call{forge: set("Authorization", "")}},
		{"a bearer without a date", "cannot be read", call{forge: func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Del("X-Amz-Date")
		}}},
		{"no signature", "cannot be read", call{forge: replace(", Signature=", ", Sig=")}},
		{"short signature", "cannot be read", call{forge: func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")[:150])
		}}},
		{"host not signed", "do not include host", call{signed: "x-amz-date"}},
		{"other end of the scope", "cannot be read", call{forge: replace("aws4_request", "aws4_reply")}},
		{"other service", `for the service "s3"`, call{scope: sigv4.Scope{Service: "s3"}}},
		{"scope of another day", "scope is for the day 20260228", call{scope: sigv4.Scope{Day: "20260228"}}},
		{"no date", "one X-Amz-Date", call{forge: func(r *http.Request) { r.Header.Del("X-Amz-Date") }}},
		{"two dates", "one X-Amz-Date", call{forge: func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) }}},
		{"date of another form", "X-Amz-Date header cannot be read", call{forge: set("X-Amz-Date", "2026-03-01T12:00:00Z")}},
		{"too old", "here it is 20260301T120000Z", call{at: noon.Add(-15*time.Minute - time.Second)}},
		{"too new", "here it is 20260301T120000Z", call{at: noon.Add(15*time.Minute + time.Second)}},
		{"session token", "unset AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN", call{edit: set("X-Amz-Security-Token", "t"), signed: "host;x-amz-date;x-amz-security-token"}},
		{"unsigned payload", "SHA-256 of the body", call{edit: set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), signed: "host;x-amz-content-sha256;x-amz-date"}},
		{"streamed payload", "SHA-256 of the body", call{edit: set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")}},
		{"hash of another payload", "SHA-256 of the body", call{forge: set("X-Amz-Content-Sha256", sigv4.HashPayload(nil))}},
		{"unknown key", `"AKIANOBODY" does not exist`, call{keyID: "AKIANOBODY"}},
		{"key id of other characters", "does not exist", call{keyID: "AKIA-'"}},
		{"disabled key", "is disabled", call{keyID: "AKIADISABLED"}},
		{"expired key", "has expired", call{keyID: "AKIAEXPIRED"}},
		{"wrong secret", "does not match", call{secret: secret + "x"}},
		{"wrong secret of a disabled key", "is disabled", call{keyID: "AKIADISABLED", secret: "x"}},
		{"key of another", "does not match", call{forge: replace(rootID, userID), secret: "x"}},
		{"other method", "does not match", call{forge: func(r *http.Request) { r.Method = "GET" }}},
		{"other path", "does not match", call{forge: func(r *http.Request) { r.URL.Path = "/accounts/a2/users" }}},
		{"other query", "does not match", call{forge: func(r *http.Request) { r.URL.RawQuery = "operation=suspend" }}},
		{"other body", "does not match", call{forge: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(oneItem, "u1", "u2", 1)))
		}}},
		{"other host", "does not match", call{forge: func(r *http.Request) { r.Host = "chime.example.com" }}},
		{"other date", "does not match", call{forge: set("X-Amz-Date", sigv4.FormatTime(noon.Add(time.Second)))}},
		{"other region", "does not match", call{forge: replace("us-east-1", "us-west-2")}},
		{"other signed header", "does not match", call{edit: set("X-A", "1"), signed: "host;x-a;x-amz-date", forge: set("X-A", "2")}},
		{"signed header left out", "does not match", call{edit: set("X-A", "1"), signed: "host;x-a;x-amz-date", forge: replace(";x-a", "")}},
		{"other signature", "does not match", call{forge: func(r *http.Request) {
			h := r.Header.Get("Authorization")
			r.Header.Set("Authorization", h[:len(h)-64]+strings.Repeat("0", 64))
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.body = oneItem
			message := tt.send(t, base).failed(t, api.UnauthorizedClientException)
			if !strings.Contains(message, tt.message) {
				t.Errorf("got %q, want a message with %q", message, tt.message)
			}
			if strings.Contains(message, secret) {
				t.Errorf("%q tells the secret", message)
			}
		})
	}

	t.Run("body of a GET", func(t *testing.T) {
		c := call{method: "GET", target: "/accounts/a1", body: "x"}
		if got := c.send(t, base); got.status != 200 {
			t.Errorf("signed: got %d %s, want 200", got.status, got.body)
		}
		c.forge = func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }
		c.send(t, base).failed(t, api.UnauthorizedClientException)
	})
	t.Run("a change of the key holds at once", func(t *testing.T) {
		c := call{keyID: userID, body: oneItem}
		c.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
		k.change(userID, func(key *directory.Key) { key.Policy = "AmazonChimeReadOnly" })
		c.send(t, base).failed(t, api.ForbiddenException)
		k.change(userID, func(key *directory.Key) { key.Secret = "another secret" })
		c.send(t, base).failed(t, api.UnauthorizedClientException)
		c.secret = "another secret"
		c.send(t, base).failed(t, api.ForbiddenException)
		k.change(userID, func(key *directory.Key) { key.Disabled = true })
		c.send(t, base).failed(t, api.UnauthorizedClientException)
	})
}

func TestPolicies(t *testing.T) {
	k := newKeys("AmazonChimeReadOnly")
	base := start(t, server.New(chime.Service, some{}, k, fixed()))
	get := call{keyID: userID, method: "GET", target: "/accounts/a1"}
	if got := get.send(t, base); got.status != 200 {
		t.Errorf("what is allowed: got %d %s, want 200", got.status, got.body)
	}
	message := call{keyID: userID, body: oneItem}.send(t, base).failed(t, api.ForbiddenException)
	if want := "AWS authorization failed: the policy of access key " + userID + " does not allow chime:BatchUpdateUser."; message != want {
		t.Errorf("got  %s\nwant %s", message, want)
	}

	const meeting = "9f3e4a02-1111-2222-3333-444455556666"
	dial := call{keyID: userID, target: "/meetings/" + meeting + "/dial-outs", scope: sigv4.Scope{Region: "eu-west-1"},
		body: `{"FromPhoneNumber":"+12065550100","ToPhoneNumber":"+12065550101","JoinToken":"abc"}`}
	k.change(userID, func(key *directory.Key) {
		key.Policy = `{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:eu-west-1:444455556666:meeting/` + meeting + `"}}`
	})
	dial.send(t, base).succeeded(t, 201, `{}`)
	get.send(t, base).failed(t, api.ForbiddenException)
	dial.scope.Region = "us-east-1"
	dial.send(t, base).failed(t, api.ForbiddenException)

	k.change(userID, func(key *directory.Key) { key.Policy = "{" })
	get.send(t, base).failed(t, api.ServiceFailureException)
}

func TestThrottle(t *testing.T) {
	var mu sync.Mutex
	now := noon
	o := server.Options{Rate: 2, Clock: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
	base := start(t, server.New(chime.Service, some{}, newKeys("AmazonChimeFullAccess"), o))
	c := call{body: oneItem}
	for range 2 {
		c.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	}
	call{secret: "wrong", body: oneItem}.send(t, base).failed(t, api.UnauthorizedClientException)
	got := c.send(t, base)
	got.failed(t, api.ThrottledClientException)
	if after := got.header.Get("Retry-After"); after != "1" {
		t.Errorf("Retry-After: got %q, want 1", after)
	}
	call{keyID: userID, body: oneItem}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	mu.Lock()
	now = now.Add(500 * time.Millisecond)
	mu.Unlock()
	c.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	c.send(t, base).failed(t, api.ThrottledClientException)

	t.Run("one in ten seconds", func(t *testing.T) {
		o.Rate = 0.1
		base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
		c.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
		got := c.send(t, base)
		got.failed(t, api.ThrottledClientException)
		if after := got.header.Get("Retry-After"); after != "10" {
			t.Errorf("Retry-After: got %q, want 10", after)
		}
	})
}

func TestMediaTypes(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	for _, ok := range []string{"", "application/json", "Application/JSON; charset=utf-8", "application/json;x", "application/x-amz-json-1.0", "application/x-amz-json-1.1"} {
		call{body: oneItem, edit: func(r *http.Request) { r.Header.Set("Content-Type", ok) }}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	}
	for _, foreign := range []string{"text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/x-amz-json-1.", "application/x-amz-json-2.0", "json", ";"} {
		got := call{body: oneItem, edit: func(r *http.Request) { r.Header.Set("Content-Type", foreign) }}.send(t, base)
		if foreign == ";" { // says nothing
			got.succeeded(t, 200, `{"UserErrors":[]}`)
			continue
		}
		got.failed(t, api.UnsupportedMediaTypeException)
	}
}

func TestFailuresOfTheService(t *testing.T) {
	gone := errors.New("database is gone")
	for _, tt := range []struct {
		name  string
		fails func() error
		want  api.Exception
		says  string
	}{
		{"exception", func() error { return api.Errorf(api.NotFoundException, "no such account") }, api.NotFoundException, "no such account"},
		{"wrapped exception", func() error { return fmt.Errorf("x: %w", api.Errorf(api.ForbiddenException, "suspended")) }, api.ForbiddenException, "suspended"},
		{"unavailable", func() error { return fmt.Errorf("reading /var/db: %w", gone) }, api.ServiceUnavailableException, "Nothing has changed"},
		{"out of time", func() error { return fmt.Errorf("waiting: %w", context.DeadlineExceeded) }, api.ServiceUnavailableException, "Nothing has changed"},
		{"anything else", func() error { return errors.New("disk /dev/sda1 is full") }, api.ServiceFailureException, "The service has failed."},
		{"panic", func() error { panic("index out of range in /dev/sda1") }, api.ServiceFailureException, "The service has failed."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var fail = true
			o := fixed()
			o.Unavailable = gone
			base := start(t, server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
				if fail {
					return nil, tt.fails()
				}
				return &api.BatchUpdateUserOutput{}, nil
			}}, newKeys(""), o))
			message := call{body: oneItem}.send(t, base).failed(t, tt.want)
			if !strings.Contains(message, tt.says) || strings.Contains(message, "/") {
				t.Errorf("got %q, want %q and no detail of the inside", message, tt.says)
			}
			fail = false
			call{body: oneItem}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
		})
	}
	t.Run("keys unavailable", func(t *testing.T) {
		o := fixed()
		o.Unavailable = gone
		base := start(t, server.New(chime.Service, some{}, failing{gone}, o))
		call{body: oneItem}.send(t, base).failed(t, api.ServiceUnavailableException)
	})
}

type failing struct{ err error }

func (f failing) AccessKey(context.Context, string) (directory.Key, error) {
	return directory.Key{}, fmt.Errorf("asking: %w", f.err)
}

func (failing) Ended(directory.Key) string { return "" }
func (failing) Used(directory.Key)         {}

func TestProbes(t *testing.T) {
	var down error
	o := fixed()
	o.Ready = func(context.Context) error { return down }
	base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
	get := func(method, path string) reply {
		r, err := http.NewRequest(method, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return roundTrip(t, r)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := get("GET", path); got.status != 200 || got.body != "ok\n" {
			t.Errorf("%s: got %d %q, want 200 ok", path, got.status, got.body)
		}
		if got := get("HEAD", path); got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "3" {
			t.Errorf("HEAD %s: got %d %q %v, want 200 without a body", path, got.status, got.body, got.header)
		}
		get("POST", path).failed(t, api.MethodNotAllowedException)
	}
	down = errors.New("disk is full")
	if got := get("GET", "/healthz"); got.status != 200 {
		t.Errorf("/healthz with the storage down: got %d, want 200", got.status)
	}
	if got := get("HEAD", "/readyz"); got.status != 503 {
		t.Errorf("HEAD /readyz with the storage down: got %d, want 503", got.status)
	}
	if message := get("GET", "/readyz").failed(t, api.ServiceUnavailableException); strings.Contains(message, "disk") {
		t.Errorf("/readyz tells %q", message)
	}
}

// Each request is counted once, before it is answered, by names that are ours whatever the client
// sends.
func TestMeter(t *testing.T) {
	var counted []string
	asked := map[string]bool{}
	o := fixed()
	o.Meter = func(operation string) func(string, time.Duration) {
		if asked[operation] {
			t.Errorf("asked for a meter of %s again", operation)
		}
		asked[operation] = true
		return func(exception string, took time.Duration) {
			counted = append(counted, operation+" "+exception)
			if took != 7*time.Millisecond {
				t.Errorf("a request took %v, want 7ms", took)
			}
		}
	}
	begun := false
	o.Clock = func() time.Time {
		if begun {
			return noon.Add(7 * time.Millisecond)
		}
		begun = true
		return noon
	}
	fails := error(nil)
	h := server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		return &api.BatchUpdateUserOutput{}, fails
	}}, newKeys("AmazonChimeReadOnly"), o)
	if want := len(chime.Service.All()) + 2; len(asked) != want || !asked["unknown"] || !asked["Inbound"] {
		t.Errorf("asked for meters of %d names, want the %d operations, unknown and Inbound", len(asked), want-2)
	}
	for _, tt := range []struct {
		call
		fails error
		want  string
	}{
		{call{body: oneItem}, nil, "BatchUpdateUser "},
		{call{method: "GET", target: "/console/accounts/a1"}, nil, "GetAccount "},
		{call{body: `{}`}, nil, "BatchUpdateUser BadRequestException"},
		{call{body: oneItem, keyID: userID}, nil, "BatchUpdateUser ForbiddenException"},
		{call{body: oneItem, keyID: "AKIANOBODY"}, nil, "BatchUpdateUser UnauthorizedClientException"},
		{call{target: "/accounts/a1/bots", edit: foreignType}, nil, "CreateBot UnsupportedMediaTypeException"},
		{call{body: oneItem}, errors.New("disk is full"), "BatchUpdateUser ServiceFailureException"},
		{call{body: oneItem}, context.Canceled, "BatchUpdateUser ServiceUnavailableException"},
		{call{target: "/jane@corp.example"}, nil, "unknown UnknownOperationException"},
		{call{method: "JANE"}, nil, "unknown MethodNotAllowedException"},
		{call{body: strings.Repeat("x", tooMuch)}, nil, "BatchUpdateUser RequestEntityTooLargeException"},
	} {
		counted, fails, begun = nil, tt.fails, false
		h.ServeHTTP(beforeAnswer{httptest.NewRecorder(), func() {
			if len(counted) != 1 || counted[0] != tt.want {
				t.Errorf("got %q before the answer, want %q alone", counted, tt.want)
			}
		}}, tt.request(t, "http://chime.test"))
		if len(counted) != 1 {
			t.Errorf("got %q, want %q alone", counted, tt.want)
		}
	}
	counted = nil
	for _, path := range []string{"/healthz", "/readyz"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	if len(counted) > 0 {
		t.Errorf("probes were counted: %q", counted)
	}
}

// beforeAnswer calls a function before an answer begins.
type beforeAnswer struct {
	http.ResponseWriter
	fn func()
}

func (w beforeAnswer) WriteHeader(status int) {
	w.fn()
	w.ResponseWriter.WriteHeader(status)
}

// The metrics are a page beside the API, if they are there at all. A page in a browser of this
// machine could ask for them under any name that leads here.
func TestMetricsPath(t *testing.T) {
	get := func(o server.Options, method, host string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/metrics", nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 24463})))
		server.New(chime.Service, some{}, newKeys(""), o).ServeHTTP(w, r)
		return w
	}
	if w := get(fixed(), "GET", "localhost"); w.Code != 404 || !strings.Contains(w.Body.String(), `No operation has the path \"/metrics\".`) {
		t.Errorf("without metrics: got %d %s, want 404", w.Code, w.Body)
	}
	o := fixed()
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up 1\n") })
	for _, host := range []string{"localhost", "LocalHost:24463", "127.0.0.1", "127.8.8.8:1", "[::1]", "[::1]:24463", "10.0.0.5:24463"} {
		for _, method := range []string{"GET", "HEAD"} {
			if w := get(o, method, host); w.Code != 200 || w.Body.String() != "up 1\n" {
				t.Errorf("%s for %s: got %d %q, want the page of the handler", method, host, w.Code, w.Body)
			}
		}
	}
	for _, host := range []string{"", "chime.example", "rebound.example:24463", "localhost.example", "127.0.0.1.example", "10.0.0.6:24463", "0.0.0.0:24463"} {
		if w := get(o, "GET", host); w.Code != 403 || strings.Contains(w.Body.String(), "up") {
			t.Errorf("for %s: got %d %q, want 403", host, w.Code, w.Body)
		}
	}
}

// A line tells how each request ended, and nothing that belongs to the people concerned.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	o := fixed()
	o.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	fails := error(nil)
	h := server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		return &api.BatchUpdateUserOutput{}, fails
	}}, newKeys("AmazonChimeReadOnly"), o)
	const email = "jane@corp.example"
	for _, tt := range []struct {
		name string
		call
		fails error
		want  map[string]any
	}{
		{"success", call{body: oneItem}, nil, map[string]any{"level": "DEBUG", "operation": "BatchUpdateUser", "status": 200.0, "key_id": rootID}},
		{"bad request", call{body: strings.Replace(oneItem, "Pro", email, 1)}, nil,
			map[string]any{"level": "INFO", "operation": "BatchUpdateUser", "status": 400.0, "key_id": rootID, "exception": "BadRequestException"}},
		{"denied", call{keyID: userID, body: oneItem}, nil,
			map[string]any{"level": "WARN", "operation": "BatchUpdateUser", "status": 403.0, "key_id": userID, "exception": "ForbiddenException", "reason": "policy"}},
		{"forged", call{secret: "x", body: oneItem}, nil,
			map[string]any{"level": "WARN", "operation": "BatchUpdateUser", "status": 401.0, "key_id": rootID, "exception": "UnauthorizedClientException", "reason": "signature mismatch"}},
		{"secret in the place of the key id", call{keyID: strings.ReplaceAll(secret, "/", "_"), body: oneItem}, nil,
			map[string]any{"level": "WARN", "operation": "BatchUpdateUser", "status": 401.0, "key_id": "", "exception": "UnauthorizedClientException", "reason": "unknown key"}},
		{"failure", call{body: oneItem}, errors.New("disk is full"),
			map[string]any{"level": "ERROR", "operation": "BatchUpdateUser", "status": 500.0, "key_id": rootID, "cause": "disk is full"}},
		{"foreign media type", call{target: "/accounts/a1/bots", edit: foreignType}, nil,
			map[string]any{"level": "INFO", "operation": "CreateBot", "status": 415.0, "key_id": rootID, "exception": "UnsupportedMediaTypeException"}},
		{"unknown path", call{target: "/" + email}, nil,
			map[string]any{"level": "DEBUG", "operation": "", "status": 404.0, "key_id": "", "exception": "UnknownOperationException"}},
		{"method that the path does not take", call{method: "PATCH", body: email}, nil,
			map[string]any{"level": "DEBUG", "operation": "", "status": 405.0, "key_id": "", "exception": "MethodNotAllowedException"}},
		{"unsigned", call{body: oneItem, forge: func(r *http.Request) { r.Header.Del("Authorization") }}, nil,
			map[string]any{"level": "DEBUG", "operation": "BatchUpdateUser", "status": 401.0, "key_id": "", "exception": "UnauthorizedClientException", "reason": "unsigned"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out.Reset()
			fails = tt.fails
			r := tt.request(t, "http://chime.test")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			text := out.String()
			for _, private := range []string{email, secret, "u1", strings.ReplaceAll(secret, "/", "_"), "Signature="} {
				if strings.Contains(text, private) {
					t.Errorf("the log tells %q: %s", private, text)
				}
			}
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("not one line: %v\n%s", err, text)
			}
			if line["request_id"] != w.Header().Get("x-amzn-RequestId") || line["duration"] == nil {
				t.Errorf("got %s, want the id of the answer %s and the duration", text, w.Header().Get("x-amzn-RequestId"))
			}
			for name, want := range tt.want {
				if line[name] != want {
					t.Errorf("%s: got %v, want %v", name, line[name], want)
				}
			}
		})
	}
}

// Nobody fills a disk by asking: of denials that are alike one line a minute is written, and it
// says how many were not.
func TestLog_Thinned(t *testing.T) {
	var out bytes.Buffer
	now := noon
	o := server.Options{Clock: func() time.Time { return now }, Rate: 1}
	o.Logger = slog.New(slog.NewTextHandler(&out, nil))
	h := server.New(chime.Service, some{}, newKeys("AmazonChimeReadOnly"), o)
	var first, later string // what is written of a hundred requests, and then of another
	send := func(c call) {
		c.at = now
		for range 100 {
			h.ServeHTTP(httptest.NewRecorder(), c.request(t, "http://chime.test"))
		}
		first = out.String()
		out.Reset()
		now = now.Add(time.Minute - time.Nanosecond)
		h.ServeHTTP(httptest.NewRecorder(), c.request(t, "http://chime.test"))
		now = now.Add(time.Nanosecond)
		c.at = now
		h.ServeHTTP(httptest.NewRecorder(), c.request(t, "http://chime.test"))
		later = out.String()
		out.Reset()
	}
	for _, tt := range []struct {
		name string
		call
		reason string
	}{
		{"wrong secret", call{secret: "x", body: oneItem}, "signature mismatch"},
		{"unknown key", call{keyID: "AKIANOBODY", body: oneItem}, "unknown key"},
		{"policy", call{keyID: userID, body: oneItem}, "policy"},
		{"malformed", call{forge: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }}, "malformed"},
	} {
		o.Rate = 0
		h = server.New(chime.Service, some{}, newKeys("AmazonChimeReadOnly"), o)
		send(tt.call)
		if strings.Count(first, "\n") != 1 || !strings.Contains(first, tt.reason) || strings.Contains(first, "omitted") {
			t.Errorf("%s: got\n%swant one line", tt.name, first)
		}
		if strings.Count(later, "\n") != 1 || !strings.Contains(later, "omitted=100") {
			t.Errorf("%s, a minute later: got\n%swant one line with what was omitted", tt.name, later)
		}
	}
	o.Rate = 1
	h = server.New(chime.Service, some{}, newKeys(""), o)
	send(call{body: oneItem})
	if strings.Count(first, "\n") != 1 || !strings.Contains(first, "level=INFO") || !strings.Contains(first, "status=429") {
		t.Errorf("too many: got\n%swant one line", first)
	}
	send(call{body: oneItem, forge: func(r *http.Request) { r.Header.Del("Authorization") }})
	send(call{target: "/nowhere"})
	send(call{method: "PUT", body: oneItem})
	if first+later != "" {
		t.Errorf("of requests without a signature: got\n%swant nothing", first+later)
	}
	// What a key does wrong is told each time.
	o.Rate = 0
	h = server.New(chime.Service, some{}, newKeys(""), o)
	send(call{body: "{"})
	if n := strings.Count(first, "\n"); n != 100 {
		t.Errorf("bad requests: got %d lines, want 100", n)
	}
}

// The log of a panic has what a programmer needs.
func TestLogOfPanic(t *testing.T) {
	var out bytes.Buffer
	o := fixed()
	o.Logger = slog.New(slog.NewTextHandler(&out, nil))
	h := server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		panic("nothing there")
	}}, newKeys(""), o)
	h.ServeHTTP(httptest.NewRecorder(), call{body: oneItem}.request(t, "http://chime.test"))
	if got := out.String(); !strings.Contains(got, "panic: nothing there") || !strings.Contains(got, "server_test.go") {
		t.Errorf("got %s\nwant the panic with its place", got)
	}
}

// FuzzServe sends what no key has signed: nothing of it may get through or bring the service down.
func FuzzServe(f *testing.F) {
	const signed = "AWS4-HMAC-SHA256 Credential=" + rootID + "/20260301/us-east-1/chime/aws4_request, SignedHeaders=host, " +
		"Signature=0000000000000000000000000000000000000000000000000000000000000000"
	f.Add("POST", "/accounts/a/users?operation=suspend", "", "", "{}")
	f.Add("GET", "/console/accounts", signed, "20260301T120000Z", "")
	f.Add("GET", "/accounts?X-Amz-Signature=1&%zz", "Basic eA==", "x", "")
	f.Add("DELETE", "/accounts/%2e%2e/%ff", "AWS4-HMAC-SHA256 Credential=/", "", "\x00")
	base := start(f, server.New(chime.Service, some{}, newKeys(""), fixed()))
	f.Fuzz(func(t *testing.T, method, target, authorization, date, body string) {
		r, err := http.NewRequest(method, base+"/"+strings.TrimPrefix(target, "/"), strings.NewReader(body))
		if err != nil || r.URL.EscapedPath() == "/healthz" || r.URL.EscapedPath() == "/readyz" {
			return
		}
		r.Header["Authorization"] = []string{authorization}
		r.Header["X-Amz-Date"] = []string{date}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return // not a request that the client sends
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s %q with %q: got %d %s, want a 4xx", method, target, authorization, resp.StatusCode, text)
		}
		// Without a request id it is net/http that has refused.
		if resp.Header.Get("x-amzn-RequestId") != "" && method != "HEAD" && !json.Valid(text) {
			t.Errorf("%s %q: got %q, want JSON", method, target, text)
		}
	})
}

// BenchmarkBatchUpdateUser20 is all that the server does for a batch of 20, but for net/http.
func BenchmarkBatchUpdateUser20(b *testing.B) {
	var body strings.Builder
	for i := range 20 {
		fmt.Fprintf(&body, `,{"UserId":"0190a5b4-7c3e-7d21-9f00-%012d","LicenseType":"Basic"}`, i)
	}
	c := call{keyID: userID, body: `{"UpdateUserRequestItems":[` + body.String()[1:] + `]}`, signed: "content-type;host;x-amz-date",
		edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }}
	r := c.request(b, "http://127.0.0.1:24463")
	o := fixed()
	counted := metrics.New(struct{ metrics.Store }{}, slog.New(slog.DiscardHandler)) // whose storage is never asked
	defer counted.Close()
	o.Meter = counted.Meter
	h := server.New(chime.Service, some{}, newKeys("AmazonChimeUserManagement"), o)
	content := strings.NewReader("")
	r.Body = io.NopCloser(content)
	b.ReportAllocs()
	for b.Loop() {
		content.Reset(c.body)
		w := discard{http.Header{}}
		h.ServeHTTP(w, r)
		if len(w.Header()["X-Amzn-Errortype"]) > 0 {
			b.Fatal(w.Header())
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
