package testmode_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/model"
)

// works puts a handler in place of the work of all operations.
func (s *service) works(h api.Handler) { s.work.Store(&h) }

// Every operation can be hit before and after its work.
func TestFaults_everyOperation(t *testing.T) {
	s := start(t)
	var worked atomic.Int32
	s.works(func(context.Context, api.Request) ([]byte, error) { worked.Add(1); return []byte(`{}`), nil })
	if n := len(chime.Service.All()); n != 62 {
		t.Fatalf("the contract has %d operations", n)
	}
	for _, op := range chime.Service.All() {
		for where, work := range map[string]int32{"before": 0, "after": 1} {
			worked.Store(0)
			s.rules(t, fmt.Sprintf(`{"id":"only","operation":%q,"where":%q,"count":1,"effect":{"code":"ServiceUnavailableException","message":"closed","retryAfter":7}}`, op.Name, where))
			method, path := target(op)
			got := s.call(t, method, path, `{}`)
			if got.status != 503 || got.header.Get("X-Amzn-Errortype") != "ServiceUnavailableException" || got.body != `{"Code":"ServiceUnavailable","Message":"closed"}` ||
				got.header.Get("Retry-After") != "7" || got.header.Get("X-Amz-Retry-After") != "7000" || got.header.Get("X-Carillon-Fault") != "only" {
				t.Errorf("%s, %s: got %d %v %s", op.Name, where, got.status, got.header, got.body)
			}
			if n := worked.Load(); n != work {
				t.Errorf("%s, %s: worked %d times, want %d", op.Name, where, n, work)
			}
			if again := s.call(t, method, path, `{}`); again.status != op.Status || again.header.Get("X-Carillon-Fault") != "" {
				t.Errorf("%s, %s, once more: got %d %v", op.Name, where, again.status, again.header)
			}
			lines, _ := s.activity(t, "")
			if l := lines[len(lines)-1]; l.Operation != op.Name || l.Where != where || l.Rule != "only" || l.Effect != "ServiceUnavailableException" || l.Key != s.root.ID {
				t.Errorf("%s, %s: the activity ends with %+v", op.Name, where, l)
			}
		}
	}
}

// A rule that names no operation hits those that have its exception.
func TestFaults_allOperations(t *testing.T) {
	s := start(t)
	s.works(func(context.Context, api.Request) ([]byte, error) { return []byte(`{}`), nil })
	for _, operation := range []string{``, `"operation":"*",`} {
		s.rules(t, `[{`+operation+`"effect":{"statusCode":429}}]`)
		for _, op := range chime.Service.All() {
			method, path := target(op)
			want := op.Status
			if slices.Contains(api.Exceptions(op.Name), api.ThrottledClientException) {
				want = 429
			}
			if got := s.call(t, method, path, `{}`); got.status != want {
				t.Errorf("%s: got %d, want %d", op.Name, got.status, want)
			}
		}
	}
}

// Items of every operation that has them can fail alone.
func TestFaults_item(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	account, ids := s.team(t, "ana", "bo", "cy")
	corp, botID, bot := s.bot(t)
	var members []string
	for _, name := range []string{"ana", "bo"} {
		u, err := s.operator.RegisterUser(ctx, corp, name+"@corp.example")
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, u.UserId)
	}
	room := s.call(t, "POST", "/accounts/"+corp+"/rooms", `{"Name":"Lobby"}`)
	roomID := between(t, room.body, `"RoomId":"`, `"`)
	one := "+12065550101"
	for _, test := range []struct {
		operation, method, path, body string
		item                          string // that the rule names
		want                          string // in the answer, and once
		gone                          string // of the answer when nothing fails
	}{
		{"BatchUpdateUser", "POST", "/accounts/" + account + "/users", updates("Basic", ids[0], ids[1]), "ana@example.com",
			`{"UserErrors":[{"UserId":"` + ids[0] + `","ErrorCode":"Throttled","ErrorMessage":"The fault rule r1 of test mode answers."}]}`, `{"UserErrors":[]}`},
		{"BatchSuspendUser", "POST", "/accounts/" + corp + "/users?operation=suspend", `{"UserIdList":["` + members[0] + `","` + members[1] + `"]}`, members[1],
			`{"UserErrors":[{"UserId":"` + members[1] + `","ErrorCode":"Throttled","ErrorMessage":"The fault rule r1 of test mode answers."}]}`, `{"UserErrors":[]}`},
		{"BatchUnsuspendUser", "POST", "/accounts/" + corp + "/users?operation=unsuspend", `{"UserIdList":["` + members[0] + `","` + members[1] + `"]}`, "b*@corp.example",
			`{"UserErrors":[{"UserId":"` + members[1] + `","ErrorCode":"Throttled","ErrorMessage":"The fault rule r1 of test mode answers."}]}`, `{"UserErrors":[]}`},
		{"BatchCreateRoomMembership", "POST", "/accounts/" + corp + "/rooms/" + roomID + "/memberships?operation=batch-create",
			`{"MembershipItemList":[{"MemberId":"` + members[0] + `"},{"MemberId":"` + members[1] + `"}]}`, "ANA@corp.example",
			`{"Errors":[{"MemberId":"` + members[0] + `","ErrorCode":"Throttled","ErrorMessage":"The fault rule r1 of test mode answers."}]}`, `"ErrorCode":"Conflict"`},
		{"BatchCreateRoomMembership", "POST", "/accounts/" + corp + "/rooms/" + roomID + "/memberships?operation=batch-create",
			`{"MembershipItemList":[{"MemberId":"` + members[0] + `"},{"MemberId":"` + botID + `"}]}`, bot,
			`{"MemberId":"` + botID + `","ErrorCode":"Throttled"`, `"ErrorCode":"Conflict"`},
		{"InviteUsers", "POST", "/accounts/" + account + "/users?operation=add", `{"UserEmailList":["di@example.com","ed@example.com"]}`, "di@example.com",
			`"Status":"Failed","EmailAddress":"di@example.com"`, `"Status":"Pending","EmailAddress":"di@example.com"`},
		{"BatchDeletePhoneNumber", "POST", "/phone-numbers?operation=batch-delete", `{"PhoneNumberIds":["%2B12065550102","` + one + `"]}`, "+12065550102",
			`{"PhoneNumberId":"%2B12065550102","ErrorCode":"Throttled"`, `"ErrorCode":"NotFound"`},
		{"BatchUpdatePhoneNumber", "POST", "/phone-numbers?operation=batch-update",
			`{"UpdatePhoneNumberRequestItems":[{"PhoneNumberId":"` + one + `","ProductType":"BusinessCalling"}]}`, "%2B12065550101",
			`"ErrorCode":"Throttled"`, `"ErrorCode":"NotFound"`},
	} {
		s.rules(t, fmt.Sprintf(`[{"operation":%q,"user":%q,"where":"item","effect":{"code":"Throttled"}}]`, test.operation, test.item))
		got := s.call(t, test.method, test.path, test.body)
		if !strings.Contains(got.body, test.want) || strings.Count(got.body, "Throttled")+strings.Count(got.body, "Failed") != 1 {
			t.Errorf("%s: got %d %s, want %s", test.operation, got.status, got.body, test.want)
		}
		if id := got.header.Get("X-Carillon-Fault"); id != "r1" || s.fired(t, "r1") != 1 {
			t.Errorf("%s: the header names %q", test.operation, id)
		}
		s.rules(t, `[]`)
		if got := s.call(t, test.method, test.path, test.body); !strings.Contains(got.body, test.gone) || got.header.Get("X-Carillon-Fault") != "" {
			t.Errorf("%s, without rules: got %d %s, want %s", test.operation, got.status, got.body, test.gone)
		}
	}
	var tested []string
	lines, _ := s.activity(t, "")
	for _, l := range lines {
		if l.Where != "item" || l.User == "" || l.Effect != "Throttled" {
			t.Errorf("a line of the activity is %+v", l)
		}
		tested = append(tested, l.Operation)
	}
	slices.Sort(tested)
	tested = slices.Compact(tested)
	var all []string
	for _, op := range chime.Service.All() {
		if hasItems(op) {
			all = append(all, op.Name)
		}
	}
	if !slices.Equal(tested, all) {
		t.Errorf("items of %v were hit, and %v have some", tested, all)
	}
}

// hasItems tells by the shape of an output whether it reports items one by one.
func hasItems(op *model.Operation) bool {
	if op.Output == nil {
		return false
	}
	return slices.ContainsFunc(op.Output.Members, func(m model.Member) bool {
		return m.Shape.Kind == model.List && (m.Shape.Element.Member("ErrorCode") != nil || m.Shape.Element.Member("InviteId") != nil)
	})
}

func between(t testing.TB, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	found, _, ends := strings.Cut(rest, to)
	if !ok || !ends {
		t.Fatalf("%s has no %s", text, from)
	}
	return found
}

// Before its work a call changes nothing. After it, the work is done once, with a record of it.
func TestFaults_work(t *testing.T) {
	for _, test := range []struct {
		effect string
		status int // 0: the client gets no answer
	}{
		{`{"code":"ServiceFailureException"}`, 500},
		{`{"connection":"empty"}`, 0},
		{`{"connection":"reset"}`, 0},
		{`{"connection":"truncate"}`, 0},
	} {
		for _, where := range []string{"before", "after"} {
			s := start(t)
			account, ids := s.team(t, "ana")
			s.client.Transport.(*http.Transport).DisableKeepAlives = true // else net/http sends again by itself what it may
			before := s.audited(t)
			s.rules(t, fmt.Sprintf(`[{"operation":"BatchUpdateUser","where":%q,"effect":%s}]`, where, test.effect))
			got, err := s.try(t, "POST", "/accounts/"+account+"/users", updates("Basic", ids[0]))
			if test.status != 0 && (err != nil || got.status != test.status) || test.status == 0 && err == nil {
				t.Errorf("%s %s: got %d %s, error %v", where, test.effect, got.status, got.body, err)
			}
			want := before
			if where == "after" {
				want = append([]string{"BatchUpdateUser"}, before...)
			}
			if now := s.audited(t); !slices.Equal(now, want) {
				t.Errorf("%s %s: the trail has %v, want %v", where, test.effect, now, want)
			}
			user, err := s.operator.FindUsers(t.Context(), account, ids[0])
			if err != nil {
				t.Fatal(err)
			}
			if changed := user[0].LicenseType == api.LicenseBasic; changed != (where == "after") {
				t.Errorf("%s %s: changed is %v", where, test.effect, changed)
			}
		}
	}
}

// A call that fails by itself keeps its own answer.
func TestFaults_afterFailure(t *testing.T) {
	s := start(t)
	account, _ := s.team(t)
	s.rules(t, `[{"id":"lost","where":"after","effect":{"code":"ServiceFailureException"}}]`)
	got := s.call(t, "GET", "/accounts/"+account+"/users/nobody", "")
	if got.status != 404 || got.header.Get("X-Carillon-Fault") != "" || s.fired(t, "lost") != 0 {
		t.Errorf("got %d %s, and the rule fired %d times", got.status, got.body, s.fired(t, "lost"))
	}
	if got := s.call(t, "GET", "/accounts/"+account, ""); got.status != 500 || s.fired(t, "lost") != 1 {
		t.Errorf("one that succeeds: got %d, and the rule fired %d times", got.status, s.fired(t, "lost"))
	}
}
