package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

const (
	awsAccount = "111122223333"
	requestID  = "5f6c2a52-0001-4f0e-9d1c-000000000001"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// house is a service over a real store, seen by one caller.
type house struct {
	t       testing.TB
	store   store.Store
	service *directory.Service
	ctx     context.Context
}

func open(t testing.TB, dir string) store.Store {
	t.Helper()
	st, err := store.OpenSQLite(context.Background(), dir, store.Options{})
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
	service, err := directory.New(st, directory.Options{Clock: func() time.Time { return now.Add(456 * time.Microsecond) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx := directory.WithCaller(context.Background(), directory.Caller{
		AWSAccountID: awsAccount,
		KeyID:        "AKIAEXAMPLE",
		KeyName:      "admin",
		RequestID:    requestID,
		UserAgent:    "test/1",
	})
	return &house{t, st, service, ctx}
}

// as returns the house as seen from another AWS account.
func (h *house) as(aws string) *house {
	other := *h
	other.ctx = directory.WithCaller(h.ctx, directory.Caller{AWSAccountID: aws, RequestID: requestID})
	return &other
}

// call runs an operation as the server does: labels as "accountId=x&userId=y", then query and body.
func (h *house) call(operation, labels, query, body string) (string, error) {
	h.t.Helper()
	handler := api.Bind(h.service, operation)
	if handler == nil {
		h.t.Fatalf("the service has no operation %s", operation)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := handler(h.ctx, api.Request{
		Label: func(name string) string {
			for field := range strings.SplitSeq(labels, "&") {
				if key, value, _ := strings.Cut(field, "="); key == name {
					return value
				}
			}
			return ""
		},
		Query: values,
		Body:  []byte(body),
	})
	return string(out), err
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
		all, err = tx.Audit(awsAccount, store.AuditFilter{}, 0, 10_000)
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

func TestOperationsOffered(t *testing.T) {
	h := newHouse(t)
	for _, operation := range []string{
		"AssociateSigninDelegateGroupsWithAccount", "BatchSuspendUser", "BatchUnsuspendUser", "BatchUpdateUser",
		"CreateAccount", "CreateUser", "DeleteAccount", "DisassociateSigninDelegateGroupsFromAccount", "GetAccount",
		"GetAccountSettings", "GetGlobalSettings", "GetUser", "GetUserSettings", "InviteUsers", "ListAccounts", "ListUsers",
		"LogoutUser", "ResetPersonalPIN", "UpdateAccount", "UpdateAccountSettings", "UpdateGlobalSettings", "UpdateUser",
		"UpdateUserSettings",
	} {
		if api.Bind(h.service, operation) == nil {
			t.Errorf("%s cannot be called", operation)
		}
	}
	if api.Bind(h.service, "CreateRoom") != nil {
		t.Errorf("CreateRoom can be called though it is not built")
	}
}

// Without a caller nothing can be decided, and that is no fault of the one who asks.
func TestCallerIsRequired(t *testing.T) {
	h := newHouse(t)
	h.ctx = context.Background()
	for _, operation := range []string{"CreateAccount", "ListAccounts"} {
		_, err := h.call(operation, "", "", `{"Name":"n"}`)
		if err == nil || exception(err) != "" {
			t.Errorf("%s without a caller: got error %v, want one that is not an exception", operation, err)
		}
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
		RequestID:    requestID,
		KeyID:        "AKIAEXAMPLE",
		KeyName:      "admin",
		UserAgent:    "test/1",
		Operation:    "UpdateUser",
		AccountID:    "A",
		Target:       "u1",
		Before:       `{"LicenseType": "Basic"}`,
		After:        `{"LicenseType": "Pro"}`,
	}})
}
