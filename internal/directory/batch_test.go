package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// populate adds an account with a user in each state that the rules look at.
func (h *house) populate(id, accountType string, edit ...func(*store.Account)) {
	h.t.Helper()
	h.addAccount(id, accountType, edit...)
	h.addUsers(
		registered(id, "reg"),
		registered(id, "pro", func(u *store.User) { u.License = "Pro" }),
		registered(id, "dev", device),
		registered(id, "inv", invited),
		registered(id, "sus", suspended),
	)
}

// batchErrors gives the entries of a batch's answer as "user code".
func (h *house) batchErrors(out string) []string {
	h.t.Helper()
	var answer struct {
		UserErrors []struct{ UserId, ErrorCode, ErrorMessage string }
	}
	parse(h.t, out, &answer)
	if answer.UserErrors == nil {
		h.t.Errorf("answer without a list of errors: %s", out)
	}
	got := []string{}
	for _, e := range answer.UserErrors {
		got = append(got, e.UserId+" "+e.ErrorCode)
		if e.ErrorMessage == "" {
			h.t.Errorf("the error of %s has no message", e.UserId)
		}
	}
	return got
}

func (h *house) updateBatch(account, items string) []string {
	h.t.Helper()
	return h.batchErrors(h.must("BatchUpdateUser", "accountId="+account, "", `{"UpdateUserRequestItems":[`+items+`]}`))
}

// The cases of BatchUpdateUser by their number in the specification, as far as they are about the
// domain. After each, only the users named in changed are different, and only they have been
// audited.
func TestBatchUpdateUser(t *testing.T) {
	alexa := func(user, metadata string) string {
		return fmt.Sprintf(`{"UserId":%q,"AlexaForBusinessMetadata":{%s}}`, user, metadata)
	}
	license := func(user, license string) string {
		return fmt.Sprintf(`{"UserId":%q,"LicenseType":%q}`, user, license)
	}
	userType := func(user, userType string) string {
		return fmt.Sprintf(`{"UserId":%q,"UserType":%q}`, user, userType)
	}
	for _, test := range []struct {
		number  int
		account string // type; empty: Team
		items   string
		errors  []string
		changed map[string]string
	}{
		{7, "", ``, nil, nil},
		{11, "", license("nobody", "Pro"), []string{"nobody NotFound"}, nil},
		{11, "", license("elsewhere", "Pro"), []string{"elsewhere NotFound"}, nil},
		{13, "", license("pro", "Basic") + "," + license("pro", "Pro"), nil, nil}, // ends where it began
		{13, "", license("reg", "Pro") + "," + userType("reg", "SharedDevice"), nil,
			map[string]string{"reg": "Pro SharedDevice Registered"}},
		{13, "", userType("reg", "SharedDevice") + "," + alexa("reg", `"IsAlexaForBusinessEnabled":true`), nil,
			map[string]string{"reg": "Basic SharedDevice Registered alexa"}},
		{13, "", license("reg", "Plus") + "," + license("reg", "Pro") + "," + license("reg", "ProTrial"),
			[]string{"reg BadRequest", "reg BadRequest"}, map[string]string{"reg": "Pro PrivateUser Registered"}},
		{14, "", license("reg", "Plus"), []string{"reg BadRequest"}, nil},
		{14, "", license("reg", "ProTrial"), []string{"reg BadRequest"}, nil},
		{14, "EnterpriseDirectory", license("reg", "Plus"), []string{"reg BadRequest"}, nil},
		{15, "EnterpriseDirectory", license("reg", "Pro"), []string{"reg Forbidden"}, nil},
		{15, "EnterpriseOIDC", license("reg", "Pro"), []string{"reg Forbidden"}, nil},
		{15, "EnterpriseLWA", license("reg", "Pro"), nil, map[string]string{"reg": "Pro PrivateUser Registered"}},
		// What the user becomes is what counts.
		{15, "EnterpriseDirectory", `{"UserId":"dev","LicenseType":"Basic","UserType":"PrivateUser"}`, []string{"dev Forbidden"}, nil},
		{15, "EnterpriseDirectory", `{"UserId":"reg","LicenseType":"Pro","UserType":"SharedDevice"}`, nil,
			map[string]string{"reg": "Pro SharedDevice Registered"}},
		{16, "", license("pro", "Pro"), nil, nil},
		{16, "EnterpriseDirectory", license("pro", "Pro"), nil, nil},
		{17, "", license("inv", "Pro"), nil, map[string]string{"inv": "Pro PrivateUser Unregistered"}},
		{18, "EnterpriseLWA", license("sus", "Pro"), nil, map[string]string{"sus": "Pro PrivateUser Suspended"}},
		{19, "EnterpriseDirectory", license("dev", "Basic"), nil, map[string]string{"dev": "Basic SharedDevice Registered alexa arn:room:1"}},
		{19, "EnterpriseOIDC", license("dev", "Basic"), nil, map[string]string{"dev": "Basic SharedDevice Registered alexa arn:room:1"}},
		{19, "", license("dev", "Plus"), []string{"dev BadRequest"}, nil},
		{20, "", userType("inv", "SharedDevice"), []string{"inv PreconditionFailed"}, nil},
		{20, "EnterpriseLWA", userType("sus", "SharedDevice"), []string{"sus PreconditionFailed"}, nil},
		{20, "", userType("inv", "PrivateUser"), nil, nil}, // no change of type
		{21, "", userType("reg", "SharedDevice"), nil, map[string]string{"reg": "Basic SharedDevice Registered"}},
		{21, "EnterpriseLWA", userType("reg", "SharedDevice"), nil, map[string]string{"reg": "Basic SharedDevice Registered"}},
		{21, "EnterpriseDirectory", userType("reg", "SharedDevice"), nil, map[string]string{"reg": "Basic SharedDevice Registered"}},
		{22, "", userType("dev", "PrivateUser"), nil, map[string]string{"dev": "Pro PrivateUser Registered"}},
		{23, "", alexa("reg", `"IsAlexaForBusinessEnabled":true`), []string{"reg Unprocessable"}, nil},
		{23, "", `{"UserId":"dev","UserType":"PrivateUser","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true}}`,
			[]string{"dev Unprocessable"}, nil},
		{23, "", `{"UserId":"reg","LicenseType":"Pro","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true}}`,
			[]string{"reg Unprocessable"}, nil}, // one bad member fails the whole item
		{23, "", alexa("reg", `"AlexaForBusinessRoomArn":"arn:x"`), []string{"reg Unprocessable"}, nil},
		{24, "", `{"UserId":"reg","UserType":"SharedDevice","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true,"AlexaForBusinessRoomArn":"arn:x"}}`,
			nil, map[string]string{"reg": "Basic SharedDevice Registered alexa arn:x"}},
		{24, "", alexa("dev", `"IsAlexaForBusinessEnabled":true,"AlexaForBusinessRoomArn":"arn:x"`), nil,
			map[string]string{"dev": "Pro SharedDevice Registered alexa arn:x"}},
		{25, "", alexa("dev", `"IsAlexaForBusinessEnabled":false`) + "," + alexa("dev", `"IsAlexaForBusinessEnabled":true`), nil, nil},
		{25, "", alexa("dev", `"IsAlexaForBusinessEnabled":false`), nil,
			map[string]string{"dev": "Pro SharedDevice Registered arn:room:1"}},
		{26, "", alexa("dev", `"AlexaForBusinessRoomArn":"room"`), []string{"dev BadRequest"}, nil},
		{26, "", alexa("dev", `"AlexaForBusinessRoomArn":"arn:`+strings.Repeat("é", 2045)+`"`), []string{"dev BadRequest"}, nil},
		{26, "", alexa("dev", `"AlexaForBusinessRoomArn":"arn:`+strings.Repeat("é", 2044)+`"`), nil,
			map[string]string{"dev": "Pro SharedDevice Registered alexa arn:" + strings.Repeat("é", 2044)}},
		{26, "", alexa("dev", `"AlexaForBusinessRoomArn":""`), nil, map[string]string{"dev": "Pro SharedDevice Registered alexa"}},
		{27, "", `{"UserId":"reg","UserType":"SharedDevice","AlexaForBusinessMetadata":{"AlexaForBusinessRoomArn":"arn:x"}}`,
			nil, map[string]string{"reg": "Basic SharedDevice Registered arn:x"}},
		{27, "", alexa("dev", ``) + "," + alexa("reg", ``), nil, nil},
		{28, "", alexa("reg", `"IsAlexaForBusinessEnabled":false`), nil, nil},
		{28, "", alexa("reg", `"IsAlexaForBusinessEnabled":false,"AlexaForBusinessRoomArn":""`), nil, nil},
		{29, "", `{"UserId":"reg"},{"UserId":"nobody"}`, []string{"nobody NotFound"}, nil},
		{30, "", license("reg", "Pro") + "," + license("nobody", "Pro") + "," + license("dev", "Plus") + "," + license("inv", "Pro"),
			[]string{"nobody NotFound", "dev BadRequest"},
			map[string]string{"reg": "Pro PrivateUser Registered", "inv": "Pro PrivateUser Unregistered"}},
		{31, "", license("nobody", "Pro") + "," + license("reg", "Plus"), []string{"nobody NotFound", "reg BadRequest"}, nil},
		{38, "", `{"UserId":"reg","LicenseType":"Pro","Nickname":{"a":[1]}}`, nil, map[string]string{"reg": "Pro PrivateUser Registered"}},
		// Of several faults the first in the order of the model decides.
		{14, "", `{"UserId":"inv","LicenseType":"Plus","UserType":"SharedDevice"}`, []string{"inv BadRequest"}, nil},
		{20, "", `{"UserId":"inv","UserType":"SharedDevice","AlexaForBusinessMetadata":{"AlexaForBusinessRoomArn":"room"}}`,
			[]string{"inv PreconditionFailed"}, nil},
		{23, "", alexa("reg", `"AlexaForBusinessRoomArn":"room","IsAlexaForBusinessEnabled":true`), []string{"reg Unprocessable"}, nil},
	} {
		t.Run(fmt.Sprintf("case %d", test.number), func(t *testing.T) {
			h := newHouse(t)
			if test.account == "" {
				test.account = "Team"
			}
			h.populate("A", test.account)
			h.addAccount("Other", "Team")
			h.addUsers(registered("Other", "elsewhere"))
			want := h.users("A")
			for user, state := range test.changed {
				want[user] = state
			}
			if test.errors == nil {
				test.errors = []string{}
			}

			equal(t, "UserErrors", h.updateBatch("A", test.items), test.errors)
			request := h.last.Load()
			equal(t, "users", h.users("A"), want)
			equal(t, "users elsewhere", h.users("Other"), map[string]string{"elsewhere": "Basic PrivateUser Registered"})
			targets := make(map[string]string)
			for _, r := range h.audit() {
				if r.RequestID != request || r.Operation != "BatchUpdateUser" || targets[r.Target] != "" {
					t.Errorf("audit: unexpected or second record %+v", r)
				}
				targets[r.Target] = want[r.Target]
			}
			if test.changed == nil {
				test.changed = map[string]string{}
			}
			equal(t, "audited users", targets, test.changed)
		})
	}
}

// Requests that fail as a whole: cases 1 to 3, and those that never get past the contract.
func TestBatchUpdateUserWhole(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	h.addAccount("Suspended", "Team", func(a *store.Account) { a.Status = "Suspended" })
	h.addAccount("Foreign", "Team", func(a *store.Account) { a.AWSAccountID = "444455556666" })
	h.addAccount("Deleted", "Team")
	h.must("DeleteAccount", "accountId=Deleted", "", "")
	before, trail := h.users("A"), len(h.audit())

	good := `{"UserId":"reg","LicenseType":"Pro"}`
	items := func(items string) string { return `{"UpdateUserRequestItems":` + items + `}` }
	for _, test := range []struct {
		number        int
		account, body string
		want          api.Exception
		message       string // a part of it
	}{
		{1, "Unknown", items("[" + good + "]"), api.NotFoundException, "Unknown"},
		{1, "Foreign", items("[" + good + "]"), api.NotFoundException, "Foreign"},
		{1, "Deleted", items("[" + good + "]"), api.NotFoundException, "Deleted"},
		{2, " ", items("[" + good + "]"), api.BadRequestException, "AccountId"},
		{3, "Suspended", items("[" + good + "]"), api.ForbiddenException, "suspended"},
		{3, "Suspended", items("[]"), api.ForbiddenException, "suspended"},
		{6, "A", `{}`, api.BadRequestException, "UpdateUserRequestItems"},
		{6, "A", items("null"), api.BadRequestException, "UpdateUserRequestItems"},
		{8, "A", items("[" + strings.Repeat(good+",", 20) + good + "]"), api.BadRequestException, "20"},
		{9, "A", items("[" + good + ",null]"), api.BadRequestException, "[1]"},
		{9, "A", items("[" + good + `,{"LicenseType":"Pro"}]`), api.BadRequestException, "[1].UserId"},
		{10, "A", items("[" + good + `,{"UserId":"pro","LicenseType":"pro"}]`), api.BadRequestException, "[1].LicenseType"},
		{10, "A", items(`[{"UserId":"dev","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":"true"}}]`), api.BadRequestException, "[0]"},
		{35, "A", "", api.BadRequestException, "UpdateUserRequestItems"},
	} {
		t.Run(fmt.Sprintf("case %d", test.number), func(t *testing.T) {
			out, err := h.call("BatchUpdateUser", "accountId="+test.account, "", test.body)
			if exception(err) != test.want || !strings.Contains(err.Error(), test.message) {
				t.Errorf("got %s, error %v; want %s with %q in its message", out, err, test.want, test.message)
			}
		})
	}
	equal(t, "users", h.users("A"), before)
	equal(t, "audit", h.audited(trail), []string{})
}

// Case 12: who was removed from a Team account is unknown in it.
func TestBatchUpdateUserAfterRemoval(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["reg"]}`)
	equal(t, "UserErrors", h.updateBatch("A", `{"UserId":"reg","LicenseType":"Pro"}`), []string{"reg NotFound"})
}

func TestBatchErrorsSayWhatIsWrong(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	got := h.must("BatchUpdateUser", "accountId=A", "", `{"UpdateUserRequestItems":[{"UserId":"reg","LicenseType":"Plus"},{"UserId":"ghost"}]}`)
	equal(t, "answer", got, `{"UserErrors":[`+
		`{"UserId":"reg","ErrorCode":"BadRequest","ErrorMessage":"LicenseType Plus is not supported by the account, which has Basic, Pro"},`+
		`{"UserId":"ghost","ErrorCode":"NotFound","ErrorMessage":"User ghost was not found in the account"}]}`)
}

// failing is a store whose storage gives up after it has written users.
type failing struct{ store.Store }

type failingTx struct{ store.Tx }

func (f failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.Store.Update(ctx, func(tx store.Tx) error { return fn(failingTx{tx}) })
}

func (f failingTx) UpdateUsers(accountID string, changes []store.UserChange) error {
	if err := f.Tx.UpdateUsers(accountID, changes); err != nil {
		return err
	}
	return fmt.Errorf("%w: disk full", store.ErrFailed)
}

// Case 32: when the storage fails under a batch, the request fails and nothing has changed.
func TestStorageFails(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	before := h.users("A")
	broken := houseOver(t, failing{h.store})
	broken.refused(api.ServiceFailureException, "BatchUpdateUser", "accountId=A", "", `{"UpdateUserRequestItems":[{"UserId":"reg","LicenseType":"Pro"}]}`)
	equal(t, "users", h.users("A"), before)
	equal(t, "audit", h.audited(0), []string{})
}

// Case 33: nothing can be done while the storage is away.
func TestStorageUnavailable(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	h.store.Close()
	for _, op := range accountOperations {
		h.refused(api.ServiceUnavailableException, op.name, "accountId=A&userId=reg", "", op.body)
	}
}

// repeating is a store that runs every update once in vain, as one does that loses a race.
type repeating struct{ store.Store }

func (r repeating) Update(ctx context.Context, fn func(store.Tx) error) error {
	lost := errors.New("lost a race")
	err := r.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return lost
	})
	if err != lost {
		return err
	}
	return r.Store.Update(ctx, fn)
}

// An update that the store runs again gives the results of one run.
func TestUpdatesMayBeRepeated(t *testing.T) {
	plain := newHouse(t)
	plain.populate("A", "Team")
	h := houseOver(t, repeating{plain.store})
	equal(t, "UserErrors", h.updateBatch("A", `{"UserId":"reg","LicenseType":"Pro"},{"UserId":"nobody"}`), []string{"nobody NotFound"})
	if got := h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["new@example.com"]}`); strings.Count(got, "InviteId") != 1 {
		t.Errorf("InviteUsers: got %s, want one invite", got)
	}
	if got := h.audited(0); len(got) != 2 {
		t.Errorf("audit: got %q, want two records", got)
	}
}

// Case 34: batches on the same users take turns, so the marks of one of them are on all, and the
// trail tells what happened in an order that could have been.
func TestBatchesRace(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	var users []store.User
	var toBasic, toPro []string
	for i := range 20 {
		u := registered("A", fmt.Sprintf("u%02d", i))
		users = append(users, u)
		toBasic = append(toBasic, fmt.Sprintf(`{"UserId":%q,"LicenseType":"Basic"}`, u.UserID))
		toPro = append([]string{fmt.Sprintf(`{"UserId":%q,"LicenseType":"Pro"}`, u.UserID)}, toPro...)
	}
	h.addUsers(users...)
	for range 10 {
		var running sync.WaitGroup
		for _, items := range [][]string{toBasic, toPro} {
			running.Go(func() {
				out, err := h.call("BatchUpdateUser", "accountId=A", "", `{"UpdateUserRequestItems":[`+strings.Join(items, ",")+`]}`)
				if err != nil || out != `{"UserErrors":[]}` {
					t.Errorf("got %s, error %v; want success", out, err)
				}
			})
		}
		running.Wait()
		states := make(map[string]int)
		for _, state := range h.users("A") {
			states[state]++
		}
		if len(states) != 1 {
			t.Fatalf("users after the race: got %v, want all alike", states)
		}
	}
	license := make(map[string]string)
	for _, r := range h.audit() {
		var before, after struct{ LicenseType string }
		parse(t, r.Before, &before)
		parse(t, r.After, &after)
		if was, seen := license[r.Target]; seen && was != before.LicenseType {
			t.Errorf("audit of %s: license was %s, then changes from %s", r.Target, was, before.LicenseType)
		}
		license[r.Target] = after.LicenseType
	}
}

func TestBatchSuspendUser(t *testing.T) {
	suspend := func(h *house, ids string) []string {
		h.t.Helper()
		return h.batchErrors(h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":[`+ids+`]}`))
	}

	t.Run("Team", func(t *testing.T) {
		h := newHouse(t)
		h.populate("A", "Team")
		want := h.users("A")
		delete(want, "reg")
		delete(want, "inv")
		equal(t, "UserErrors", suspend(h, `"reg","nobody","reg","inv"`), []string{"nobody NotFound", "reg NotFound"})
		equal(t, "users", h.users("A"), want)
		equal(t, "audit", h.audited(0), []string{
			`BatchSuspendUser reg {"PrimaryEmail": "reg@a.example", "DisplayName": "The reg", "LicenseType": "Basic", ` +
				`"UserType": "PrivateUser", "UserRegistrationStatus": "Registered", "RegisteredOn": "2026-03-01T11:00:00.123Z"} `,
			`BatchSuspendUser inv {"PrimaryEmail": "inv@a.example", "DisplayName": "The inv", "LicenseType": "Basic", ` +
				`"UserType": "PrivateUser", "UserRegistrationStatus": "Unregistered", "UserInvitationStatus": "Pending", ` +
				`"InviteId": "invite-inv", "InvitedOn": "2026-03-01T11:00:00.123Z"} `,
		})
		h.refused(api.NotFoundException, "GetUser", "accountId=A&userId=reg", "", "")

		// Who has left can be invited again.
		got := h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["reg@a.example"]}`)
		if !strings.Contains(got, `"Status":"Pending"`) {
			t.Errorf("inviting again: got %s, want it Pending", got)
		}
	})

	t.Run("EnterpriseLWA", func(t *testing.T) {
		h := newHouse(t)
		h.populate("A", "EnterpriseLWA")
		want := h.users("A")
		want["reg"] = "Basic PrivateUser Suspended"
		equal(t, "UserErrors", suspend(h, `"reg","nobody","reg","sus","inv"`), []string{"nobody NotFound", "inv PreconditionFailed"})
		equal(t, "users", h.users("A"), want)
		equal(t, "audit", h.audited(0), []string{
			`BatchSuspendUser reg {"UserRegistrationStatus": "Registered"} {"UserRegistrationStatus": "Suspended"}`,
		})
	})

	for _, accountType := range []string{"EnterpriseDirectory", "EnterpriseOIDC"} {
		t.Run(accountType, func(t *testing.T) {
			h := newHouse(t)
			h.populate("A", accountType)
			before := h.users("A")
			h.refused(api.BadRequestException, "BatchSuspendUser", "accountId=A", "", `{"UserIdList":["reg"]}`)
			equal(t, "users", h.users("A"), before)
		})
	}
}

func TestBatchUnsuspendUser(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "EnterpriseLWA")
	want := h.users("A")
	want["sus"] = "Basic PrivateUser Registered"
	got := h.must("BatchUnsuspendUser", "accountId=A", "", `{"UserIdList":["sus","nobody","reg","sus","inv"]}`)
	equal(t, "UserErrors", h.batchErrors(got), []string{"nobody NotFound"})
	equal(t, "users", h.users("A"), want)
	equal(t, "audit", h.audited(0), []string{
		`BatchUnsuspendUser sus {"UserRegistrationStatus": "Suspended"} {"UserRegistrationStatus": "Registered"}`,
	})
	for _, accountType := range []string{"Team", "EnterpriseDirectory", "EnterpriseOIDC"} {
		h.addAccount(accountType, accountType)
		h.refused(api.BadRequestException, "BatchUnsuspendUser", "accountId="+accountType, "", `{"UserIdList":["sus"]}`)
	}
}

func TestBatchesOfNobody(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "EnterpriseLWA")
	for _, operation := range []string{"BatchSuspendUser", "BatchUnsuspendUser"} {
		equal(t, operation, h.must(operation, "accountId=A", "", `{"UserIdList":[]}`), `{"UserErrors":[]}`)
		tooMany := `{"UserIdList":[` + strings.Repeat(`"reg",`, 50) + `"reg"]}`
		h.refused(api.BadRequestException, operation, "accountId=A", "", tooMany)
		h.refused(api.BadRequestException, operation, "accountId=A", "", `{"UserIdList":["reg"," "]}`)
	}
	equal(t, "audit", h.audited(0), []string{})
}
