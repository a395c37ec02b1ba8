package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

const awsAccount = "111122223333"

var now = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// house is a service over a real store, called over HTTP by one caller.
type house struct {
	t       testing.TB
	store   store.Store
	service *directory.Service
	url     string
	keyID   string
	secret  string
	last    *atomic.Value // id of the latest request, a string
	moved   *atomic.Int64 // by how much advance has moved the clock of the service
	events  *endedEvents  // how events of bots have ended
}

func open(t testing.TB, dir string) store.Store {
	t.Helper()
	st, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func newHouse(t testing.TB) *house {
	t.Helper()
	return houseOver(t, open(t, t.TempDir()))
}

func houseOver(t testing.TB, st store.Store) *house {
	t.Helper()
	return houseAt(t, st, now.Add(456*time.Microsecond))
}

// houseAt is a house whose service has a clock that stands still until advance moves it.
func houseAt(t testing.TB, st store.Store, at time.Time, edit ...func(*directory.Options)) *house {
	t.Helper()
	moved := new(atomic.Int64)
	clock := func() time.Time { return at.Add(time.Duration(moved.Load())) }
	listener := httptest.NewUnstartedServer(nil)
	url := "http://" + listener.Listener.Addr().String()
	events := new(endedEvents)
	options := directory.Options{Clock: clock, URL: url, Webhook: sender(t, clock), EventEnded: events.add}
	for _, e := range edit {
		e(&options)
	}
	service, err := directory.New(st, options)
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = server.New(chime.Service, service, keyring{}, server.Options{
		Clock: func() time.Time { return now }, Unavailable: store.ErrUnavailable, Inbound: service.Inbound,
		Extension: map[*model.Operation]api.Handler{
			&extension.ReadAudit:   service.ReadAudit,
			&extension.SearchUsers: service.SearchUsers,
			&extension.CountUsers:  service.CountUsers,
			&extension.RecordJob:   service.RecordJob,
			&extension.ListJobs:    service.ListJobs,
			&extension.ReadJob:     service.ReadJob,
		},
	})
	listener.Start()
	t.Cleanup(listener.Close)
	return &house{t, st, service, url, "AKIAEXAMPLE" + awsAccount, secret, new(atomic.Value), moved, events}
}

// advance moves the clock of the service, and does what has fallen due.
func (h *house) advance(d time.Duration) {
	h.t.Helper()
	h.moved.Add(int64(d))
	if err := h.service.RunDue(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// keyring has a root key for every AWS account, whose id its own ends with.
type keyring struct{}

const secret = "not much of a secret"

func (keyring) Ended(directory.Key) string { return "" }
func (keyring) Used(directory.Key)         {}

func (keyring) AccessKey(_ context.Context, keyID string) (directory.Key, error) {
	account, ok := strings.CutPrefix(keyID, "AKIAEXAMPLE")
	if !ok {
		return directory.Key{}, directory.ErrUnknownKey
	}
	return directory.Key{ID: keyID, AWSAccountID: account, Name: "admin", Root: true, Secret: secret}, nil
}

// as returns the house as seen from another AWS account.
func (h *house) as(aws string) *house {
	other := *h
	other.keyID = "AKIAEXAMPLE" + aws
	return &other
}

// call sends a signed request: labels as "accountId=x&userId=y", then query and body. The error
// is the exception of the reply.
func (h *house) call(operation, labels, query, body string) (string, error) {
	h.t.Helper()
	op := chime.Service.Operation(operation)
	for _, own := range extension.Operations {
		if own.Name == operation {
			op = own
		}
	}
	if op == nil {
		h.t.Fatalf("there is no operation %s", operation)
	}
	path := op.Path
	for label := range strings.SplitSeq(labels, "&") {
		name, value, _ := strings.Cut(label, "=")
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	r, err := http.NewRequest(op.Method, h.url+path+"?"+strings.Trim(op.Query+"&"+query, "&"), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	date := sigv4.FormatTime(now)
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("User-Agent", "test/1")
	signed := &sigv4.Request{
		Method: op.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Date: date, SignedHeaders: "host;x-amz-date",
		PayloadHash: sigv4.HashPayload([]byte(body)),
		Header: func(name string) string {
			if name == "host" {
				return r.URL.Host
			}
			return r.Header.Get(name)
		},
	}
	scope := sigv4.Scope{Day: date[:8], Region: "us-east-1", Service: "chime"}
	r.Header.Set("Authorization", sigv4.NewKey(h.secret, scope).Authorization(h.keyID, signed))
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer reply.Body.Close()
	out, err := io.ReadAll(reply.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	h.last.Store(reply.Header.Get("X-Amzn-Requestid"))
	if reply.StatusCode == op.Status {
		return string(out), nil
	}
	var refusal struct{ Code, Message string }
	if err := json.Unmarshal(out, &refusal); err != nil {
		h.t.Fatalf("%s: status %d with the body %q", operation, reply.StatusCode, out)
	}
	e := &api.Error{Exception: api.Exception(reply.Header.Get("X-Amzn-Errortype")), Message: refusal.Message}
	if status, code := e.Exception.Status(); status != reply.StatusCode || string(code) != refusal.Code {
		h.t.Errorf("%s: %s came with status %d and code %s, want %d and %s", operation, e.Exception, reply.StatusCode, refusal.Code, status, code)
	}
	unlisted := operation == "DeleteEventsConfiguration" && e.Exception == api.NotFoundException // see there
	if listed := api.Exceptions(operation); listed != nil && !slices.Contains(listed, e.Exception) && !unlisted {
		h.t.Errorf("%s %s: got %v, which its contract does not have", operation, path, e)
	}
	return "", e
}

func (h *house) must(operation, labels, query, body string) string {
	h.t.Helper()
	out, err := h.call(operation, labels, query, body)
	if err != nil {
		h.t.Fatalf("%s %s %s: %v", operation, query, body, err)
	}
	return out
}

// refused checks that an operation fails as a whole with this exception.
func (h *house) refused(want api.Exception, operation, labels, query, body string) {
	h.t.Helper()
	out, err := h.call(operation, labels, query, body)
	if got := exception(err); got != want {
		h.t.Errorf("%s %s %s %s: got %s, error %v; want %s", operation, labels, query, body, out, err, want)
	}
}

func exception(err error) api.Exception {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Exception
	}
	return ""
}

// write changes the store behind the service's back, as an operator's commands do.
func (h *house) write(fn func(store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) addAccount(id, accountType string, edit ...func(*store.Account)) {
	h.t.Helper()
	a := store.Account{
		AWSAccountID:      awsAccount,
		AccountID:         id,
		Name:              id,
		Type:              accountType,
		Status:            "Active",
		DefaultLicense:    "Pro",
		SupportedLicenses: []string{"Basic", "Pro"},
		Created:           now,
	}
	for _, e := range edit {
		e(&a)
	}
	h.write(func(tx store.Tx) error { return tx.InsertAccount(&a) })
}

func (h *house) addUsers(users ...store.User) {
	h.t.Helper()
	h.write(func(tx store.Tx) error { return tx.InsertUsers(users) })
}

// registered is a user who has joined, and whose address nobody has in another account.
func registered(account, id string, edit ...func(*store.User)) store.User {
	u := store.User{
		AccountID:    account,
		UserID:       id,
		Email:        id + "@" + strings.ToLower(account) + ".example",
		DisplayName:  "The " + id,
		License:      "Basic",
		Type:         "PrivateUser",
		Registration: "Registered",
		RegisteredOn: now.Add(-time.Hour),
	}
	for _, e := range edit {
		e(&u)
	}
	return u
}

func invited(u *store.User) {
	u.Registration, u.Invitation, u.InviteID = "Unregistered", "Pending", "invite-"+u.UserID
	u.RegisteredOn, u.InvitedOn = time.Time{}, now.Add(-time.Hour)
}

func suspended(u *store.User) { u.Registration = "Suspended" }

func device(u *store.User) {
	u.Type, u.License, u.AlexaEnabled, u.AlexaARN = "SharedDevice", "Pro", true, "arn:room:1"
}

// users returns what ListUsers gives, by user id, in a short form.
func (h *house) users(account string) map[string]string {
	h.t.Helper()
	var list struct{ Users []apiUser }
	parse(h.t, h.must("ListUsers", "accountId="+account, "max-results=200", ""), &list)
	found := make(map[string]string)
	for _, u := range list.Users {
		found[u.UserId] = u.String()
	}
	return found
}

type apiUser struct {
	UserId, PrimaryEmail, LicenseType, UserType, UserRegistrationStatus, UserInvitationStatus string
	AlexaForBusinessMetadata                                                                  struct {
		IsAlexaForBusinessEnabled bool
		AlexaForBusinessRoomArn   string
	}
}

func (u apiUser) String() string {
	text := u.LicenseType + " " + u.UserType + " " + u.UserRegistrationStatus
	if u.AlexaForBusinessMetadata.IsAlexaForBusinessEnabled {
		text += " alexa"
	}
	if arn := u.AlexaForBusinessMetadata.AlexaForBusinessRoomArn; arn != "" {
		text += " " + arn
	}
	return text
}

// audit returns the trail of the AWS account, oldest first.
func (h *house) audit() []store.AuditRecord {
	h.t.Helper()
	var all []store.AuditRecord
	err := h.store.View(context.Background(), func(tx store.ReadTx) (err error) {
		all, _, err = tx.Audit(awsAccount, store.AuditFilter{}, 0, 10_000)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// audited returns "operation target before after" of the records beyond the first n.
func (h *house) audited(n int) []string {
	h.t.Helper()
	lines := []string{}
	for _, r := range h.audit()[n:] {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", r.Operation, r.Target, r.Before, r.After))
	}
	return lines
}

func parse(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Without a caller nothing can be decided, and that is no fault of the one who asks.
func TestCallerIsRequired(t *testing.T) {
	h := newHouse(t)
	_, err := h.service.CreateAccount(context.Background(), &api.CreateAccountInput{Name: "n"})
	if err == nil || exception(err) != "" {
		t.Errorf("CreateAccount without a caller: got error %v, want one that is not an exception", err)
	}
	_, err = h.service.ListAccounts(context.Background(), &api.ListAccountsInput{})
	if err == nil || exception(err) != "" {
		t.Errorf("ListAccounts without a caller: got error %v, want one that is not an exception", err)
	}
}

func TestAuditNamesCallerAndRequest(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(registered("A", "u1"))
	h.must("UpdateUser", "accountId=A&userId=u1", "", `{"LicenseType":"Pro"}`)
	got := h.audit()
	for i := range got {
		got[i].Entry = 0 // the store's
	}
	equal(t, "audit", got, []store.AuditRecord{{
		AWSAccountID: awsAccount,
		Time:         now,
		RequestID:    h.last.Load().(string),
		KeyID:        "AKIAEXAMPLE" + awsAccount,
		KeyName:      "admin",
		UserAgent:    "test/1",
		Operation:    "UpdateUser",
		AccountID:    "A",
		Target:       "u1",
		Before:       `{"LicenseType": "Basic"}`,
		After:        `{"LicenseType": "Pro"}`,
	}})
}
