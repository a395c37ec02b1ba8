package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

func (h *house) accountIDs(query string) []string {
	h.t.Helper()
	var list struct{ Accounts []struct{ AccountId string } }
	parse(h.t, h.must("ListAccounts", "", query, ""), &list)
	ids := []string{}
	for _, a := range list.Accounts {
		ids = append(ids, a.AccountId)
	}
	return ids
}

func TestCreateAccount(t *testing.T) {
	h := newHouse(t)
	got := h.must("CreateAccount", "", "", `{"Name":"Chapel"}`)
	var created struct{ Account struct{ AccountId string } }
	parse(t, got, &created)
	id := created.Account.AccountId
	equal(t, "CreateAccount", got, fmt.Sprintf(`{"Account":{"AwsAccountId":"111122223333","AccountId":%q,"Name":"Chapel",`+
		`"AccountType":"Team","CreatedTimestamp":"2026-03-01T12:00:00.123Z","DefaultLicense":"Pro",`+
		`"SupportedLicenses":["Basic","Pro"],"AccountStatus":"Active","SigninDelegateGroups":[]}}`, id))
	if len(id) != 36 || id[14] != '7' || id != strings.ToLower(id) {
		t.Errorf("account id: got %s, want a lower-case UUID of version 7", id)
	}
	equal(t, "GetAccount", h.must("GetAccount", "accountId="+id, "", ""), got)
	equal(t, "audit", h.audited(0), []string{"CreateAccount " + id + `  {"Name": "Chapel", "AccountType": "Team", ` +
		`"AccountStatus": "Active", "DefaultLicense": "Pro", "SupportedLicenses": ["Basic", "Pro"]}`})

	h.must("CreateAccount", "", "", `{"Name":"Chapel"}`) // names need not be unique
	if n := len(h.accountIDs("name=Chapel")); n != 2 {
		t.Errorf("accounts named Chapel: got %d, want 2", n)
	}
	h.refused(api.BadRequestException, "CreateAccount", "", "", `{"Name":" "}`)
}

func TestGetAccountShowsListsInOrderOfTheModel(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseDirectory", func(a *store.Account) {
		a.SupportedLicenses = []string{"ProTrial", "Pro", "Basic"}
		a.SigninDelegateGroups = []string{"ushers", "bakers"}
	})
	got := h.must("GetAccount", "accountId=A", "", "")
	for _, want := range []string{
		`"SupportedLicenses":["Basic","Pro","ProTrial"]`,
		`"SigninDelegateGroups":[{"GroupName":"ushers"},{"GroupName":"bakers"}]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("GetAccount: got %s, want it to have %s", got, want)
		}
	}
}

func TestListAccounts(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"Abbey", "Abbot", "abacus", "Choir"} {
		h.addAccount(name, "Team")
	}
	h.addAccount("Foreign", "Team", func(a *store.Account) { a.AWSAccountID = "444455556666"; a.Name = "Abbess" })
	h.addUsers(
		registered("Choir", "c", func(u *store.User) { u.Email = "Ann@example.com" }),
		registered("Foreign", "f", func(u *store.User) { u.Email = "bob@example.com" }),
		registered("Abbot", "a", invited, func(u *store.User) { u.Email = "dan@example.com" }),
	)
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"", []string{"Abbey", "Abbot", "abacus", "Choir"}},
		{"name=Abb", []string{"Abbey", "Abbot"}},
		{"name=abb", []string{}},
		{"user-email=ann@EXAMPLE.com", []string{"Choir"}},
		{"user-email=dan@example.com", []string{"Abbot"}}, // invited counts
		{"user-email=bob@example.com", []string{}},        // a member, but elsewhere
		{"user-email=nobody@example.com", []string{}},
		{"user-email=ann@example.com&name=Ch", []string{"Choir"}},
		{"user-email=ann@example.com&name=Ab", []string{}},
	} {
		equal(t, test.query, h.accountIDs(test.query), test.want)
	}
	for _, query := range []string{"max-results=0", "max-results=201", "max-results=x"} {
		h.refused(api.BadRequestException, "ListAccounts", "", query, "")
	}
}

func TestUpdateAccount(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(registered("A", "u1"))
	before := h.must("GetAccount", "accountId=A", "", "")

	equal(t, "no member", h.must("UpdateAccount", "accountId=A", "", `{}`), before)
	equal(t, "same values", h.must("UpdateAccount", "accountId=A", "", `{"Name":"A","DefaultLicense":"Pro"}`), before)
	h.refused(api.BadRequestException, "UpdateAccount", "accountId=A", "", `{"Name":"B","DefaultLicense":"Plus"}`)
	equal(t, "after a refusal", h.must("GetAccount", "accountId=A", "", ""), before)
	equal(t, "audit of nothing", h.audited(0), []string{})

	want := strings.Replace(strings.Replace(before, `"Name":"A"`, `"Name":"B"`, 1), `"DefaultLicense":"Pro"`, `"DefaultLicense":"Basic"`, 1)
	equal(t, "UpdateAccount", h.must("UpdateAccount", "accountId=A", "", `{"Name":"B","DefaultLicense":"Basic"}`), want)
	equal(t, "GetAccount", h.must("GetAccount", "accountId=A", "", ""), want)
	equal(t, "users", h.users("A"), map[string]string{"u1": "Basic PrivateUser Registered"})
	equal(t, "audit", h.audited(0), []string{
		`UpdateAccount A {"Name": "A", "DefaultLicense": "Pro"} {"Name": "B", "DefaultLicense": "Basic"}`,
	})
}

func TestDeleteAccount(t *testing.T) {
	h := newHouse(t)
	h.addAccount("Empty", "Team")
	h.addAccount("Invited", "Team")
	h.addUsers(registered("Invited", "u1", invited))
	h.addAccount("Claiming", "EnterpriseLWA")
	h.write(func(tx store.Tx) error {
		return tx.InsertDomain(store.Domain{Name: "example.org", AWSAccountID: awsAccount, AccountID: "Claiming"})
	})

	h.refused(api.UnprocessableEntityException, "DeleteAccount", "accountId=Invited", "", "")
	h.refused(api.UnprocessableEntityException, "DeleteAccount", "accountId=Claiming", "", "")
	equal(t, "audit of nothing", h.audited(0), []string{})

	if out := h.must("DeleteAccount", "accountId=Empty", "", ""); out != "" {
		t.Errorf("DeleteAccount: got %q, want no body", out)
	}
	equal(t, "accounts", h.accountIDs(""), []string{"Invited", "Claiming"})
	if got := h.audited(0); len(got) != 1 || !strings.HasPrefix(got[0], `DeleteAccount Empty {"Name": "Empty"`) {
		t.Errorf("audit: got %q, want the deletion alone", got)
	}
	h.refused(api.NotFoundException, "DeleteAccount", "accountId=Empty", "", "")
}

// An account that belongs to somebody else must not be told from one that does not exist.
func TestForeignAccountsAreNotFound(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(registered("A", "u1"))
	stranger := h.as("444455556666")
	for _, op := range accountOperations {
		_, err := stranger.call(op.name, "accountId=A&userId=u1", "", op.body)
		_, unknown := stranger.call(op.name, "accountId=B&userId=u1", "", op.body)
		if exception(err) != api.NotFoundException || exception(unknown) != api.NotFoundException {
			t.Errorf("%s: got %v and %v, want NotFoundException twice", op.name, err, unknown)
			continue
		}
		if got, want := strings.ReplaceAll(err.Error(), "A", "?"), strings.ReplaceAll(unknown.Error(), "B", "?"); got != strings.ReplaceAll(want, "A", "?") {
			t.Errorf("%s tells a foreign account (%v) from an unknown one (%v)", op.name, err, unknown)
		}
	}
	equal(t, "users", h.users("A"), map[string]string{"u1": "Basic PrivateUser Registered"})
}

// A suspended account can be read but not changed, and that comes before a type that does not fit
// and before users that do not exist.
func TestSuspendedAccount(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseOIDC", func(a *store.Account) { a.Status = "Suspended" })
	h.addUsers(registered("A", "u1"))
	for _, op := range accountOperations {
		if op.reads {
			h.must(op.name, "accountId=A&userId=u1", "", op.body)
			continue
		}
		for _, user := range []string{"u1", "nobody"} {
			h.refused(api.ForbiddenException, op.name, "accountId=A&userId="+user, "", op.body)
		}
	}
	equal(t, "audit", h.audited(0), []string{})
}

// accountOperations are those on an account, with a body that would do something.
var accountOperations = []struct {
	name, body string
	reads      bool
}{
	{"GetAccount", "", true},
	{"UpdateAccount", `{"Name":"new"}`, false},
	{"DeleteAccount", "", false},
	{"InviteUsers", `{"UserEmailList":["x@example.com"]}`, false},
	{"GetUser", "", true},
	{"ListUsers", "", true},
	{"UpdateUser", `{"LicenseType":"Pro"}`, false},
	{"BatchUpdateUser", `{"UpdateUserRequestItems":[{"UserId":"u1","LicenseType":"Pro"}]}`, false},
	{"BatchSuspendUser", `{"UserIdList":["u1"]}`, false},
	{"BatchUnsuspendUser", `{"UserIdList":["u1"]}`, false},
}
