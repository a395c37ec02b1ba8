package bulk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/client"
)

// hung is how long a busy machine may take for what takes a moment.
const hung = time.Minute

const account = "12345678-1234-1234-1234-123456789012"

// user is a user of the fake service, as it lists them.
type user struct {
	UserId                   string
	AccountId                string
	PrimaryEmail             string `json:",omitempty"`
	DisplayName              string `json:",omitempty"`
	LicenseType              string
	UserType                 string
	UserRegistrationStatus   string
	UserInvitationStatus     string `json:",omitempty"`
	AlexaForBusinessMetadata alexa
}

type alexa struct {
	IsAlexaForBusinessEnabled bool
	AlexaForBusinessRoomArn   string `json:",omitempty"`
}

// fake serves the part of the public API that the engine calls, over HTTP, with the failures that
// happen in practice.
type fake struct {
	*httptest.Server
	t rapidT

	mu     sync.Mutex
	kind   string // of the account
	users  map[string]*user
	order  []string // of the listing
	refuse map[string]string
	calls  map[string]int // by operation
	agents map[string]bool
	trials trials
	random *rand.Rand
	// before, if set, is called for each call before it has any effect. If it returns false, the
	// connection is closed.
	before func(operation string) bool
}

// trials are shares of calls that go wrong, from 0 to 1.
type trials struct {
	throttled  float64 // refused
	failed     float64 // 5xx, without effect
	failedLate float64 // 5xx of a proxy, with effect
	dropped    float64 // no answer, without effect
	lost       float64 // no answer, with effect
	page       float64 // a page of a proxy, with status 200, without effect
}

// rapidT is the part that [testing.T] and rapid.T share.
type rapidT interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

func newFake(t rapidT, kind string, users []user) *fake {
	f := &fake{t: t, kind: kind, users: map[string]*user{}, refuse: map[string]string{}, calls: map[string]int{}, agents: map[string]bool{}, random: rand.New(rand.NewPCG(1, 2))}
	for _, u := range users {
		u.AccountId = account
		f.users[u.UserId] = &u
		f.order = append(f.order, u.UserId)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) Close() {
	f.Server.CloseClientConnections()
	f.Server.Close()
}

// state returns the users as they are.
func (f *fake) state() map[string]user {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]user{}
	for id, u := range f.users {
		out[id] = *u
	}
	return out
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	operation := f.operation(r)
	f.calls[operation]++
	f.agents[r.UserAgent()] = true
	if f.before != nil && !f.before(operation) {
		panic(http.ErrAbortHandler)
	}
	reply := func(status int, v any) {
		w.Header().Set("X-Amzn-Requestid", fmt.Sprintf("request-%d", f.calls[operation]))
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	problem := func(status int, code string) {
		w.Header().Set("X-Amzn-Errortype", code)
		reply(status, map[string]string{"Code": code, "Message": "trouble"})
	}
	dice := f.random.Float64()
	falls := func(share float64) bool {
		hit := dice < share
		dice -= share
		return hit
	}
	switch {
	case falls(f.trials.throttled):
		problem(429, "ThrottledClientException")
		return
	case falls(f.trials.failed):
		problem(500, "ServiceFailureException")
		return
	case falls(f.trials.dropped):
		panic(http.ErrAbortHandler)
	case falls(f.trials.page):
		io.WriteString(w, "<html>Please sign in.</html>")
		return
	}
	lost, late := falls(f.trials.lost), falls(f.trials.failedLate)
	status, answer := f.obey(operation, r)
	switch {
	case lost:
		panic(http.ErrAbortHandler)
	case late:
		problem(502, "BadGateway")
	case status >= 300:
		problem(status, answer.(string))
	default:
		reply(status, answer)
	}
}

func (f *fake) operation(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	word := r.URL.Query().Get("operation")
	switch {
	case len(parts) < 2 || parts[0] != "accounts" || parts[1] != account:
		return "NotFound"
	case len(parts) == 2:
		return "GetAccount"
	case r.Method == "GET":
		return "ListUsers"
	}
	return map[string]string{"": "BatchUpdateUser", "suspend": "BatchSuspendUser", "unsuspend": "BatchUnsuspendUser",
		"add": "InviteUsers", "logout": "LogoutUser", "reset-personal-pin": "ResetPersonalPIN"}[word]
}

// obey carries out a call by the rules of the service, as far as they matter here.
func (f *fake) obey(operation string, r *http.Request) (status int, answer any) {
	type userError struct{ UserId, ErrorCode, ErrorMessage string }
	errors := []userError{}
	var body struct {
		UpdateUserRequestItems []struct {
			UserId, LicenseType, UserType string
			AlexaForBusinessMetadata      *struct {
				IsAlexaForBusinessEnabled *bool
				AlexaForBusinessRoomArn   *string
			}
		}
		UserIdList    []string
		UserEmailList []string
	}
	if r.Method == "POST" && r.ContentLength > 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			f.t.Errorf("%s: the body is no JSON: %v", operation, err)
		}
	}
	each := func(ids []string, most int, fn func(*user)) (int, any) {
		if len(ids) > most || len(ids) == 0 {
			f.t.Errorf("%s: got %d users, want 1 to %d", operation, len(ids), most)
		}
		for _, id := range ids {
			switch u := f.users[id]; {
			case u == nil:
				errors = append(errors, userError{id, "NotFound", "no such user"})
			case f.refuse[id] != "":
				errors = append(errors, userError{id, f.refuse[id], "not this one"})
			default:
				fn(u)
			}
		}
		return 200, map[string]any{"UserErrors": errors}
	}
	switch operation {
	case "GetAccount":
		return 200, map[string]any{"Account": map[string]any{"AccountId": account, "AccountType": f.kind}}
	case "ListUsers":
		const page = 37 // smaller than asked for, so that there are pages
		start := 0
		fmt.Sscanf(r.URL.Query().Get("next-token"), "at-%d", &start)
		list, at := []*user{}, start
		for ; at < len(f.order) && len(list) < page; at++ {
			u := f.users[f.order[at]]
			email := r.URL.Query().Get("user-email")
			if u != nil && (email == "" || strings.EqualFold(email, u.PrimaryEmail)) {
				list = append(list, u)
			}
		}
		out := map[string]any{"Users": list}
		if at < len(f.order) {
			out["NextToken"] = fmt.Sprintf("at-%d", at)
		}
		return 200, out
	case "BatchUpdateUser":
		ids := make([]string, len(body.UpdateUserRequestItems))
		for i, item := range body.UpdateUserRequestItems {
			ids[i] = item.UserId
		}
		next := 0
		for _, item := range body.UpdateUserRequestItems {
			if f.users[item.UserId] == nil || f.refuse[item.UserId] != "" {
				continue
			}
			u := f.users[item.UserId]
			asked := rules.Update{License: item.LicenseType, Type: item.UserType}
			if m := item.AlexaForBusinessMetadata; m != nil {
				asked.Alexa = &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: m.IsAlexaForBusinessEnabled, AlexaForBusinessRoomArn: m.AlexaForBusinessRoomArn}
			}
			held := rules.User{License: u.LicenseType, Type: u.UserType, Registration: u.UserRegistrationStatus}
			if refused := held.Update(rules.Account{Type: f.kind, Licenses: []string{"Basic", "Plus", "Pro"}}, asked); refused != nil {
				errors = append(errors, userError{item.UserId, string(refused.Code), refused.Message})
				continue
			}
			if item.LicenseType != "" {
				u.LicenseType = item.LicenseType
			}
			if item.UserType != "" {
				if u.UserType = item.UserType; u.UserType == "PrivateUser" {
					u.AlexaForBusinessMetadata = alexa{}
				}
			}
			if m := item.AlexaForBusinessMetadata; m != nil {
				if m.IsAlexaForBusinessEnabled != nil {
					u.AlexaForBusinessMetadata.IsAlexaForBusinessEnabled = *m.IsAlexaForBusinessEnabled
				}
				if m.AlexaForBusinessRoomArn != nil {
					u.AlexaForBusinessMetadata.AlexaForBusinessRoomArn = *m.AlexaForBusinessRoomArn
				}
			}
			next++
		}
		return each(ids, 20, func(*user) {})
	case "BatchSuspendUser":
		return each(body.UserIdList, 50, func(u *user) {
			if f.kind == "Team" {
				delete(f.users, u.UserId)
			} else {
				u.UserRegistrationStatus = "Suspended"
			}
		})
	case "BatchUnsuspendUser":
		return each(body.UserIdList, 50, func(u *user) { u.UserRegistrationStatus = "Registered" })
	case "InviteUsers":
		if len(body.UserEmailList) > 50 {
			f.t.Errorf("InviteUsers: got %d addresses, want at most 50", len(body.UserEmailList))
		}
		invites := []map[string]string{}
		for _, email := range body.UserEmailList {
			status := "Pending"
			if f.refuse[email] != "" {
				status = "Failed"
			} else {
				id := "invited-" + strings.ToLower(email)
				if f.users[id] == nil {
					f.order = append(f.order, id)
				}
				f.users[id] = &user{UserId: id, AccountId: account, PrimaryEmail: email, LicenseType: "Pro", UserType: "PrivateUser",
					UserRegistrationStatus: "Unregistered", UserInvitationStatus: "Pending"}
			}
			invites = append(invites, map[string]string{"EmailAddress": email, "Status": status})
		}
		return 201, map[string]any{"Invites": invites}
	case "LogoutUser", "ResetPersonalPIN":
		id := strings.Split(r.URL.Path, "/")[4]
		if f.users[id] == nil || f.refuse[id] != "" {
			return 404, "NotFoundException"
		}
		return 200, map[string]any{}
	}
	return 404, "NotFoundException"
}

// clock is a clock that advances only when somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return context.Cause(ctx)
}

// clientOf says how a fake service is called.
func clientOf(f *fake) client.Config {
	return client.Config{Endpoint: f.URL, Region: "us-east-1", Service: chime.Service}
}

// open opens the account of a fake service.
func open(t rapidT, f *fake, job string) *bulk.Account {
	t.Helper()
	// Patience has a test of its own: here a service may fail for as long as chance wills.
	c := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	a, err := bulk.Open(bulk.Config{
		Client:  clientOf(f),
		Account: account, Job: job, Version: "1.2.3", Attempts: 40, Parallel: 4, Patience: 24 * time.Hour, AnnounceTime: hung, Now: c.Now, Sleep: c.Sleep,
	})
	if err != nil {
		t.Fatalf("opening the account: %v", err)
	}
	t.Cleanup(a.Close)
	return a
}

// people makes n registered users.
func people(n int) []user {
	users := make([]user, n)
	for i := range users {
		users[i] = user{
			UserId: fmt.Sprintf("id-%03d", i), PrimaryEmail: fmt.Sprintf("User%03d@example.com", i), DisplayName: fmt.Sprintf("User %d", i),
			LicenseType: []string{"Basic", "Pro"}[i%2], UserType: "PrivateUser", UserRegistrationStatus: "Registered",
		}
	}
	return users
}

// outcomes returns what a ledger says of each row.
func outcomes(l *bulk.Ledger) []string {
	var out []string
	for _, r := range l.Rows {
		out = append(out, fmt.Sprintf("%d:%s %s", r.Line, r.Status, r.Code))
	}
	return out
}

// differences names the users who differ between two states.
func differences(a, b map[string]user) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if a[id] != b[id] {
			out = append(out, fmt.Sprintf("%+v became %+v", a[id], b[id]))
		}
	}
	for id := range b {
		if _, ok := a[id]; !ok {
			out = append(out, id+" is new")
		}
	}
	return out
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
