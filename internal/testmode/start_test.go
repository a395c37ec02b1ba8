package testmode_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
)

const awsAccount = "111122223333"

// service is a whole service for tests, on a database of its own.
type service struct {
	url      string
	client   *http.Client
	web      *httptest.Server
	faults   *testmode.Faults
	domain   *directory.Service
	operator *directory.Operator
	keys     *directory.Keys
	root     directory.Key

	work atomic.Pointer[api.Handler] // in place of that of all operations; nil: that of the directory
}

// start starts a service, with TLS and HTTP/2 if it says so.
func start(t testing.TB, options ...func(*httptest.Server)) *service {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	st, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.FromFile(ctx, st, filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{faults: testmode.NewFaults(chime.Service, st, nil), keys: directory.NewKeys(st, sealer, directory.Options{})}
	if s.domain, err = directory.New(st, directory.Options{Refuse: s.faults.Refuse}); err != nil {
		t.Fatal(err)
	}
	s.operator = directory.NewOperator(st, directory.Options{})
	if s.root, _, err = s.keys.EnsureRootKey(ctx, awsAccount, testmode.AccessKeyID, testmode.SecretAccessKey, nil); err != nil {
		t.Fatal(err)
	}
	calls := server.New(chime.Service, s.domain, s.keys, server.Options{
		Unavailable: store.ErrUnavailable,
		Intercept: func(op *model.Operation, next api.Handler) api.Handler {
			return s.faults.Intercept(op, func(ctx context.Context, r api.Request) ([]byte, error) {
				if work := s.work.Load(); work != nil {
					return (*work)(ctx, r)
				}
				return next(ctx, r)
			})
		},
	})
	s.web = httptest.NewUnstartedServer((&testmode.Mode{Faults: s.faults}).Handler(calls))
	for _, option := range options {
		option(s.web)
	}
	if s.web.TLS == nil {
		s.web.Start()
	} else {
		s.web.StartTLS()
	}
	t.Cleanup(s.web.Close)
	t.Cleanup(s.faults.Close) // before the server waits for requests
	s.url, s.client = s.web.URL, s.web.Client()
	return s
}

// reply is what a client gets.
type reply struct {
	status int
	header http.Header
	body   string
}

// request makes a signed request. A header without a value is not sent.
func (s *service) request(t testing.TB, key directory.Key, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	region := "us-east-1"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "region" {
			region = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	date := sigv4.FormatTime(time.Now())
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("Authorization", sigv4.NewKey(key.Secret, sigv4.Scope{Day: date[:8], Region: region, Service: "chime"}).Authorization(key.ID, &sigv4.Request{
		Method: method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Date: date, SignedHeaders: "host;x-amz-date", PayloadHash: sigv4.HashPayload([]byte(body)),
		Header: func(name string) string { return cmp.Or(r.Header.Get(name), r.URL.Host) },
	}))
	return r
}

// try sends a request of the root key, and returns the error that a client sees.
func (s *service) try(t testing.TB, method, target, body string, headers ...string) (reply, error) {
	t.Helper()
	return s.send(s.request(t, s.root, method, target, body, headers...))
}

func (s *service) send(r *http.Request) (reply, error) {
	resp, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

// call sends a request of the root key.
func (s *service) call(t testing.TB, method, target, body string, headers ...string) reply {
	t.Helper()
	got, err := s.try(t, method, target, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return got
}

// mode sends a request to a path of test mode, and reads the answer.
func (s *service) mode(t testing.TB, method, path, body string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+testmode.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.send(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if into == nil {
		return got.status
	}
	if text, ok := into.(*string); ok {
		*text = strings.TrimSpace(got.body)
		return got.status
	}
	d := json.NewDecoder(bytes.NewReader([]byte(got.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s %s answers %s: %v", method, path, got.body, err)
	}
	return got.status
}

// rule puts rules in place of all others.
func (s *service) rules(t testing.TB, rules string) {
	t.Helper()
	var text string
	if status := s.mode(t, http.MethodPost, "faults", rules, &text); status != http.StatusOK {
		t.Fatalf("the rules %s get %d %s", rules, status, text)
	}
}

// line is one of the activity.
type line struct {
	N                                                                         int
	Time, Rule, Operation, Key, Account, User, Test, Where, Effect, RequestID string
}

func (s *service) activity(t testing.TB, query string) (lines []line, next int) {
	t.Helper()
	var got struct {
		Activity []line
		Next     int
	}
	if status := s.mode(t, http.MethodGet, "activity"+query, "", &got); status != http.StatusOK {
		t.Fatalf("activity: %d", status)
	}
	return got.Activity, got.Next
}

// fired returns how many times a rule has fired.
func (s *service) fired(t testing.TB, id string) int {
	t.Helper()
	var all []struct {
		testmode.Rule
		Fired   int
		Expired bool
	}
	s.mode(t, http.MethodGet, "faults", "", &all)
	for _, r := range all {
		if r.ID == id {
			return r.Fired
		}
	}
	t.Fatalf("there is no rule %s", id)
	return 0
}

// audited returns the operations in the trail, those of the set-up apart.
func (s *service) audited(t testing.TB) (operations []string) {
	t.Helper()
	for e, err := range s.operator.Audit(t.Context(), directory.AuditQuery{AWSAccountID: awsAccount}) {
		if err != nil {
			t.Fatal(err)
		}
		operations = append(operations, e.Operation)
	}
	slices.Sort(operations)
	return operations
}

// team makes a Team account with users of these names at example.com, and returns its id and
// theirs.
func (s *service) team(t testing.TB, names ...string) (account string, ids []string) {
	t.Helper()
	ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyID: s.root.ID})
	a, err := s.domain.CreateAccount(ctx, &api.CreateAccountInput{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	account = a.Account.AccountId
	for chunk := range slices.Chunk(names, 50) {
		in := &api.InviteUsersInput{AccountId: account}
		for _, name := range chunk {
			in.UserEmailList = append(in.UserEmailList, name+"@example.com")
		}
		if _, err := s.domain.InviteUsers(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	byEmail := make(map[string]string)
	for u, err := range s.operator.Users(t.Context(), account) {
		if err != nil {
			t.Fatal(err)
		}
		byEmail[*u.PrimaryEmail] = u.UserId
	}
	for _, name := range names {
		ids = append(ids, byEmail[name+"@example.com"])
	}
	return account, ids
}

// bot makes an Enterprise account with the domain corp.example, and a bot in it.
func (s *service) bot(t testing.TB) (account, id, email string) {
	t.Helper()
	enterprise, err := s.operator.CreateAccount(t.Context(), awsAccount, "Corp", api.AccountTypeEnterpriseLWA)
	if err != nil {
		t.Fatal(err)
	}
	account = enterprise.AccountId
	if _, err := s.operator.ClaimDomain(t.Context(), account, "corp.example"); err != nil {
		t.Fatal(err)
	}
	made := s.call(t, "POST", "/accounts/"+account+"/bots", `{"DisplayName":"Lunch"}`)
	return account, between(t, made.body, `"BotId":"`, `"`), between(t, made.body, `"BotEmail":"`, `"`)
}

// updates is the body of a batch that changes users' licenses.
func updates(license string, ids ...string) string {
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"UserId":%q,"LicenseType":%q}`, id, license))
	}
	return `{"UpdateUserRequestItems":[` + strings.Join(items, ",") + `]}`
}

// target returns method and path of an operation, with ids in the path that nothing has.
func target(op *model.Operation) (method, path string) {
	path = op.Path
	for i, segment := range strings.Split(op.Path, "/") {
		if strings.HasPrefix(segment, "{") {
			path = strings.Replace(path, segment, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), 1)
		}
	}
	query := op.Query
	if op.Input != nil {
		values := url.Values{}
		for _, m := range op.Input.Members {
			if m.Location == model.Query && m.Required {
				values.Set(m.WireName, "x")
			}
		}
		query = strings.Trim(query+"&"+values.Encode(), "&")
	}
	if query != "" {
		path += "?" + query
	}
	return op.Method, path
}
