package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// beginImport begins an import by the operator alice.
func (h *house) beginImport(options directory.ImportOptions) *directory.Import {
	h.t.Helper()
	a, err := h.operator().Import(context.Background(), options)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// accountRow and userRow are rows as they stood in a list, with all that a list tells.
func accountRow(id string, edit ...func(*api.Account)) directory.AccountRow {
	a := api.Account{
		AwsAccountId: awsAccount, AccountId: id, Name: "The " + id, AccountType: "EnterpriseLWA", CreatedTimestamp: now.AddDate(-7, 0, 0),
		DefaultLicense: "Pro", SupportedLicenses: []api.License{"Basic", "Pro"}, AccountStatus: "Active", SigninDelegateGroups: []api.SigninDelegateGroup{},
	}
	for _, e := range edit {
		e(&a)
	}
	return directory.AccountRow{Place: id + ".json:1", Account: a}
}

func userRow(account, id string, edit ...func(*api.User)) directory.UserRow {
	u := api.User{
		UserId: id, AccountId: new(account), PrimaryEmail: new(id + "@example.com"), DisplayName: new("The " + id), LicenseType: "Basic",
		UserType: "PrivateUser", UserRegistrationStatus: "Registered", RegisteredOn: now.AddDate(-6, 0, 0),
		AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(false)},
	}
	for _, e := range edit {
		e(&u)
	}
	return directory.UserRow{Place: "users.json:" + id, User: u}
}

func email(s string) func(*api.User) { return func(u *api.User) { u.PrimaryEmail = &s } }
func pin(s string) func(*api.User)   { return func(u *api.User) { u.PersonalPIN = &s } }

func pending(u *api.User) {
	u.UserRegistrationStatus, u.UserInvitationStatus, u.InvitedOn = "Unregistered", "Pending", now.AddDate(-1, 0, 0)
	u.DisplayName, u.RegisteredOn = nil, time.Time{}
}

// imported imports the accounts and the users and says what became of each row, in short.
func (h *house) imported(a *directory.Import, accounts []directory.AccountRow, users ...directory.UserRow) []string {
	h.t.Helper()
	one := ok[[]directory.ImportedRow](h.t)(a.Accounts(context.Background(), accounts))
	two := ok[[]directory.ImportedRow](h.t)(a.Users(context.Background(), users))
	return outcomes(append(one, two...))
}

func outcomes(rows []directory.ImportedRow) []string {
	names := map[directory.RowOutcome]string{
		directory.RowAdded: "added", directory.RowCompleted: "completed", directory.RowUnchanged: "unchanged",
		directory.RowDiffers: "differs", directory.RowBad: "bad",
	}
	var all []string
	for _, r := range rows {
		text := names[r.Outcome]
		for _, more := range append([]string{r.Reason}, r.Notes...) {
			if more != "" {
				text += "; " + more
			}
		}
		all = append(all, text)
	}
	return all
}

func TestImport_UsersAreListedAsTheyWere(t *testing.T) {
	h := newHouse(t)
	accounts := []directory.AccountRow{
		accountRow("Z"),
		accountRow("A", func(a *api.Account) {
			a.AccountType, a.AccountStatus, a.SigninDelegateGroups = "EnterpriseDirectory", "Suspended", []api.SigninDelegateGroup{{GroupName: new("it")}}
		}),
	}
	users := []directory.UserRow{
		userRow("A", "zoe", func(u *api.User) { u.DisplayName, u.RegisteredOn = nil, time.Time{} }),
		userRow("A", "ann", email("Ann.Ä@Example.com"), func(u *api.User) {
			u.PrimaryProvisionedNumber, u.LicenseType, u.UserInvitationStatus, u.InvitedOn = new("+12065550100"), "ProTrial", "Accepted", now
		}),
		userRow("Z", "sam", func(u *api.User) { u.UserRegistrationStatus = "Suspended" }),
		userRow("A", "room", func(u *api.User) {
			u.UserType = "SharedDevice"
			u.AlexaForBusinessMetadata = &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(true), AlexaForBusinessRoomArn: new("arn:aws:a4b:r")}
		}),
		userRow("A", "bob", pending),
		userRow("A", "nil", func(u *api.User) { u.AlexaForBusinessMetadata.AlexaForBusinessRoomArn = new("null") }),
	}
	equal(t, "outcomes", h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...),
		[]string{"added", "added", "added", "added", "added", "added", "added", "added"})

	listed := func(account string) string { return h.must("ListUsers", "accountId="+account, "", "") }
	var wantA, wantZ api.ListUsersOutput
	for _, row := range users {
		if *row.User.AccountId == "A" {
			wantA.Users = append(wantA.Users, row.User)
		} else {
			wantZ.Users = append(wantZ.Users, row.User)
		}
	}
	equal(t, "users of A", listed("A"), string(api.AppendOutput(nil, &wantA)))
	equal(t, "users of Z", listed("Z"), string(api.AppendOutput(nil, &wantZ)))
	equal(t, "accounts", h.must("ListAccounts", "", "", ""),
		string(api.AppendOutput(nil, &api.ListAccountsOutput{Accounts: []api.Account{accounts[0].Account, accounts[1].Account}})))

	// One record for each, and for a phone number, in order, by the operator and with one request id.
	trail := h.audit()
	var targets []string
	for _, r := range trail {
		targets = append(targets, r.Target)
		if r.Operation != "Import" || r.KeyName != "operator/alice" || r.RequestID != trail[0].RequestID || r.Before != "" {
			t.Errorf("audit: got %+v, want an import by operator/alice of the same request", r)
		}
	}
	equal(t, "audit", targets, []string{"Z", "A", "zoe", "+12065550100", "ann", "sam", "room", "bob", "nil"})
	if want := `{"PrimaryEmail": "sam@example.com", "DisplayName": "The sam", "LicenseType": "Basic", "UserType": "PrivateUser", ` +
		`"UserRegistrationStatus": "Suspended", "RegisteredOn": "2020-03-01T12:00:00.123Z"}`; trail[5].After != want {
		t.Errorf("record of sam: got %s, want %s", trail[5].After, want)
	}

	// The second time nothing happens.
	equal(t, "outcomes of a second run", h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...),
		[]string{"unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "unchanged"})
	if more := h.audited(len(trail)); len(more) != 0 {
		t.Errorf("audit of a second run: got %q, want nothing", more)
	}
	equal(t, "users of A after a second run", listed("A"), string(api.AppendOutput(nil, &wantA)))
}

// An invitation goes on: repeating it gives one and the same id, accepting it makes a member.
func TestImport_InvitationCanBeAccepted(t *testing.T) {
	h := newHouse(t)
	team := accountRow("A", func(a *api.Account) { a.AccountType = "Team" })
	h.imported(h.beginImport(directory.ImportOptions{}), []directory.AccountRow{team}, userRow("A", "bob", pending))
	invite := func() string {
		var out struct {
			Invites []struct{ InviteId, Status string }
		}
		parse(t, h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["bob@example.com"]}`), &out)
		return out.Invites[0].Status + out.Invites[0].InviteId
	}
	if first, second := invite(), invite(); first != second || !strings.HasPrefix(first, "Pending") || first == "Pending" {
		t.Errorf("invitations: got %q and %q, want Pending and one id", first, second)
	}
	u := ok[api.User](t)(h.operator().RegisterUser(t.Context(), "A", "bob@example.com"))
	if u.UserId != "bob" || u.UserRegistrationStatus != "Registered" || len(*u.PersonalPIN) != 10 {
		t.Errorf("registered: got %+v, want bob with a PIN", u)
	}
}

func TestImport_RefusesAccounts(t *testing.T) {
	h := newHouse(t)
	h.addAccount("gone", "Team")
	h.must("DeleteAccount", "accountId=gone", "", "")
	for _, test := range []struct {
		edit func(*api.Account)
		want string
	}{
		{func(a *api.Account) { a.AccountId = " " }, "AccountId is missing"},
		{func(a *api.Account) { a.AccountId = "a\nb" }, "AccountId holds a line break or another control character"},
		{func(a *api.Account) { a.AccountId = ".." }, "AccountId is .., which no URL can name"},
		{func(a *api.Account) { a.Name = "a\nb" }, "Name holds a line break"},
		{func(a *api.Account) { a.AwsAccountId = "" }, "AwsAccountId is missing"},
		{func(a *api.Account) { a.AwsAccountId = "1234" }, `AwsAccountId is "1234", not 12 digits`},
		{func(a *api.Account) { a.Name = "" }, "Name is missing"},
		{func(a *api.Account) { a.Name = strings.Repeat("é", 101) }, "Name has more than 100 characters"},
		{func(a *api.Account) { a.AccountType = "Entreprise" }, `AccountType is "Entreprise", not one of Team, EnterpriseDirectory, EnterpriseLWA, EnterpriseOIDC`},
		{func(a *api.Account) { a.DefaultLicense = "pro" }, `DefaultLicense is "pro", not one of Basic, Plus, Pro, ProTrial`},
		{func(a *api.Account) { a.SupportedLicenses = []api.License{"Basic", "Gold"} }, `SupportedLicenses is "Gold", not one of Basic, Plus, Pro, ProTrial`},
		{func(a *api.Account) { a.AccountStatus = "Closed" }, `AccountStatus is "Closed", not one of Suspended, Active`},
		{func(a *api.Account) { a.SigninDelegateGroups = []api.SigninDelegateGroup{{}} }, "SigninDelegateGroups has a group without a GroupName"},
		{func(a *api.Account) { a.AccountId = "gone" }, "account gone was deleted here, and the id of a deleted account is never used again"},
	} {
		for _, dry := range []bool{true, false} {
			before := len(h.audit())
			got := h.imported(h.beginImport(directory.ImportOptions{DryRun: dry}), []directory.AccountRow{accountRow("A", test.edit)})
			equal(t, "outcome", got, []string{"bad; " + test.want})
			if more := h.audited(before); len(more) != 0 {
				t.Errorf("%s: it left %q", test.want, more)
			}
		}
	}
}

func TestImport_RefusesUsers(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseLWA")
	h.addAccount("T", "Team")
	h.addAccount("B", "Team")
	h.addUsers(registered("B", "b1"), registered("A", "a1"), registered("B", "b2", invited))
	for _, test := range []struct {
		row  directory.UserRow
		want string // "" if it can be
	}{
		{userRow("A", ""), "UserId is missing"},
		{userRow("A", "a\tb", email("x@example.com")), "UserId holds a line break or another control character"},
		{userRow("A", ".", email("x@example.com")), "UserId is ., which no URL can name"},
		{userRow("A", "x", email("")), "PrimaryEmail of user x is missing"},
		{userRow("A", "x", email("x@localhost")), "PrimaryEmail of user x is not an e-mail address: its domain has no dot"},
		{userRow("A", "x", email("x y@example.com")), "PrimaryEmail of user x is not an e-mail address: it holds a blank"},
		{userRow("A", "x", email("@example.com")), "PrimaryEmail of user x is not an e-mail address: nothing comes before the @"},
		{userRow("A", "x", email("x@.com")), "PrimaryEmail of user x is not an e-mail address: its domain has an empty part between dots"},
		{userRow("A", "x", email("x@example.")), "PrimaryEmail of user x is not an e-mail address: its domain ends with a dot"},
		{userRow("A", "x", email("<x@example.com>;")), "PrimaryEmail of user x is not an e-mail address: it holds an angle bracket; did you mean x@example.com?"},
		{userRow("A", "x", email(strings.Repeat("x", 64+1+255-len("@example.com")+1)+"@example.com")), "PrimaryEmail of user x is not an e-mail address: it is longer than 320 bytes"},
		{userRow("A", "x", email(strings.Repeat("x", 64+1+255-len("@example.com"))+"@example.com")), ""}, // 320 bytes
		{userRow("A", "x", func(u *api.User) { u.LicenseType = "Free" }), `LicenseType is "Free", not one of Basic, Plus, Pro, ProTrial`},
		{userRow("A", "x", func(u *api.User) { u.UserType = "Room" }), `UserType is "Room", not one of PrivateUser, SharedDevice`},
		{userRow("A", "x", func(u *api.User) { u.UserRegistrationStatus = "Released" }), `UserRegistrationStatus is "Released", not one of Unregistered, Registered, Suspended`},
		{userRow("A", "x", func(u *api.User) { u.UserInvitationStatus = "Sent" }), `UserInvitationStatus is "Sent", not one of Pending, Accepted, Failed`},
		{userRow("A", "x", func(u *api.User) { u.PrimaryProvisionedNumber = new("12-34") }), "PrimaryProvisionedNumber of user x is not a phone number such as +12065550100"},
		{userRow("T", "x", func(u *api.User) { u.UserRegistrationStatus = "Suspended" }), "user x is Suspended, which no user of a Team account can be"},
		{userRow("A", "x", email("B1@b.example")), "the address of user x belongs to user b1, registered in account B"},
		{userRow("A", "x", email("A1@A.example"), pending), "the address of user x belongs to user a1 in the store"},
		{userRow("N", "x"), "account N of user x is neither in these files nor in the store"},
		{userRow("A", "x", func(u *api.User) { u.AccountId = nil }), "user x names no account"},
		{userRow("A", "x", email("b1@b.example"), pending), ""}, // who is registered can be invited elsewhere
		{userRow("A", "x", email("b2@b.example")), ""},
	} {
		want := []string{"added"}
		if test.want != "" {
			want = []string{"bad; " + test.want}
		}
		equal(t, "outcome in a dry run", h.imported(h.beginImport(directory.ImportOptions{DryRun: true}), nil, test.row), want)
		if test.want != "" {
			equal(t, "outcome", h.imported(h.beginImport(directory.ImportOptions{}), nil, test.row), want)
		}
	}
	if got := h.audit(); len(got) != 0 {
		t.Errorf("audit: got %+v, want nothing", got)
	}
}

// Rows that do not go together: the first one counts, and the others say where that is.
func TestImport_RowsThatCollide(t *testing.T) {
	accounts := []directory.AccountRow{
		accountRow("A"), accountRow("B"), accountRow("A"), accountRow("B", func(a *api.Account) { a.Name = "Other" }),
	}
	users := []directory.UserRow{
		userRow("A", "u1"),
		userRow("A", "u1"),
		userRow("A", "u1", func(u *api.User) { u.LicenseType, u.DisplayName = "Pro", new("Other") }),
		userRow("B", "u1", email("b@example.com")), // ids are those of an account
		userRow("B", "u2", email("U1@example.com")),
		userRow("A", "u3", email("U1@example.com"), pending),
		userRow("B", "u4", email("u1@example.com"), pending),
	}
	want := []string{
		"added", "added", "unchanged", "bad; account B is already in B.json:1, with different Name",
		"added", "unchanged", "bad; user u1 is already in users.json:u1, with different DisplayName, LicenseType", "added",
		"bad; the address of user u2 belongs to a registered user of account A in users.json:u1",
		"bad; the address of user u3 belongs to user u1 in users.json:u1", "added",
	}
	h := newHouse(t)
	equal(t, "outcomes", h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...), want)
	for i, outcome := range want {
		if outcome == "added" {
			want[i] = "unchanged"
		}
	}
	equal(t, "outcomes of a second run", h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...), want)
}

func TestImport_KeepsToTheStore(t *testing.T) {
	h := newHouse(t)
	accounts := []directory.AccountRow{accountRow("A")}
	users := []directory.UserRow{userRow("A", "u1"), userRow("A", "u2")}
	h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...)
	h.must("UpdateUser", "accountId=A&userId=u1", "", `{"LicenseType":"Pro"}`)
	h.must("UpdateAccount", "accountId=A", "", `{"Name":"New"}`)
	before := len(h.audit())
	// What a row does not say is no difference.
	users[1] = userRow("A", "u2", func(u *api.User) { *u = api.User{UserId: "u2", AccountId: new("A"), PrimaryEmail: u.PrimaryEmail} })
	equal(t, "outcomes", h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...), []string{
		"differs; account A is in the store, with different Name", "differs; user u1 is in the store, with different LicenseType",
		"unchanged",
	})
	equal(t, "users", h.users("A"), map[string]string{"u1": "Pro PrivateUser Registered", "u2": "Basic PrivateUser Registered"})
	if more := h.audited(before); len(more) != 0 {
		t.Errorf("audit: got %q, want nothing", more)
	}
	other := accountRow("A", func(a *api.Account) { a.Name, a.AwsAccountId, a.CreatedTimestamp = "New", foreignAccount, now })
	// An account of somebody else is no difference: whoever imports is told, and nothing is done.
	for _, rows := range [][]directory.AccountRow{{accountRow("New"), other}, {accountRow("New"), accountRow("New", func(a *api.Account) { a.AwsAccountId = foreignAccount })}} {
		for _, dry := range []bool{true, false} {
			denied[[]directory.ImportedRow](t, api.BadRequestException)(h.beginImport(directory.ImportOptions{DryRun: dry}).Accounts(t.Context(), rows))
		}
	}
	if more := h.audited(before); len(more) != 0 {
		t.Errorf("audit after a refusal: got %q, want nothing", more)
	}
}

func TestImport_CompletesRows(t *testing.T) {
	h := newHouse(t)
	h.addAccount("D", "Team", func(a *store.Account) { a.DefaultLicense = "Basic" })
	bare := func(u *api.User) { *u = api.User{UserId: u.UserId, AccountId: new("D"), PrimaryEmail: u.PrimaryEmail} }
	a := h.beginImport(directory.ImportOptions{})
	account := accountRow("A", func(a *api.Account) {
		*a = api.Account{AwsAccountId: awsAccount, AccountId: "A", Name: "A"}
	})
	got := h.imported(a, []directory.AccountRow{account, accountRow("B", func(a *api.Account) { a.SupportedLicenses = []api.License{"Pro", "Basic"} })},
		userRow("D", "u1", bare),
		userRow("D", "u2", bare, func(u *api.User) { u.UserInvitationStatus = "Pending" }),
		userRow("D", "u3", pending, func(u *api.User) {
			u.DisplayName, u.RegisteredOn, u.PersonalPIN = new("Bo"), now, new("0123456789")
		}),
		userRow("D", "u4", pin("12"), func(u *api.User) {
			u.DisplayName, u.PrimaryProvisionedNumber, u.AlexaForBusinessMetadata.AlexaForBusinessRoomArn = new(""), new(""), new("")
		}),
	)
	equal(t, "outcomes", got, []string{
		"added; AccountType is missing: set to Team; AccountStatus is missing: set to Active; DefaultLicense is missing: set to Pro; " +
			"SupportedLicenses is missing: set to Basic, Pro; CreatedTimestamp is missing: the account is listed without it; SigninDelegateGroups is missing: set to none",
		"added; SupportedLicenses is listed in a different order",
		"added; UserRegistrationStatus is missing: set to Registered; LicenseType is missing: set to the account's default; " +
			"UserType is missing: set to PrivateUser; IsAlexaForBusinessEnabled is missing: set to false",
		"added; UserRegistrationStatus is missing: set to Unregistered; LicenseType is missing: set to the account's default; " +
			"UserType is missing: set to PrivateUser; IsAlexaForBusinessEnabled is missing: set to false",
		"added; DisplayName of a user who has not joined: kept, but not listed until then; RegisteredOn of a user who has not joined: left out; " +
			"PersonalPIN of a user who has not joined: left out",
		"added; PrimaryProvisionedNumber is empty: left out; DisplayName is empty: left out; AlexaForBusinessRoomArn is empty: left out; " +
			"PersonalPIN is not 10 digits: left out until it is reset",
	})
	equal(t, "users", h.users("D"), map[string]string{
		"u1": "Basic PrivateUser Registered", "u2": "Basic PrivateUser Unregistered",
		"u3": "Basic PrivateUser Unregistered", "u4": "Basic PrivateUser Registered",
	})
}

func (h *house) pin(account, user string) string {
	h.t.Helper()
	var out struct{ User struct{ PersonalPIN string } }
	parse(h.t, h.must("GetUser", "accountId="+account+"&userId="+user, "", ""), &out)
	return out.User.PersonalPIN
}

// Lists have no PINs, single users have: both may be given, in one go or one after the other.
func TestImport_PIN(t *testing.T) {
	const taken = "PersonalPIN belongs to another user: left out until it is reset"
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(registered("A", "old", func(u *store.User) { u.PersonalPIN = "0000000001" }))
	a := h.beginImport(directory.ImportOptions{})
	equal(t, "outcomes", h.imported(a, nil,
		userRow("A", "u1"), userRow("A", "u2"), userRow("A", "u3"),
		userRow("A", "u1", pin("0000000009")),
		userRow("A", "u4", pin("0000000004")),
		userRow("A", "u5", pin("0000000004")),
		userRow("A", "u6", pin("0000000001")),
		userRow("A", "u7", pin("0000000007")),
	), []string{"added", "added", "added", "completed", "added", "added; " + taken, "added; " + taken, "added"})
	equal(t, "outcomes later on", h.imported(a, nil,
		userRow("A", "u2", pin("0000000002")), userRow("A", "u3", pin("0000000001")), userRow("A", "u5", pin("0000000004")),
		userRow("A", "u7", pin("0000000008"))),
		[]string{"completed", "unchanged; " + taken, "unchanged; " + taken, "bad; user u7 is already in users.json:u7, with different PersonalPIN"})
	equal(t, "outcomes in another run", h.imported(h.beginImport(directory.ImportOptions{}), nil,
		userRow("A", "u2", pin("0000000002")), userRow("A", "u3", pin("0000000003")), userRow("A", "u7", pin("0000000008"))),
		[]string{"unchanged", "completed", "differs; user u7 is in the store, with different PersonalPIN"})
	for user, want := range map[string]string{
		"u1": "0000000009", "u2": "0000000002", "u3": "0000000003", "u4": "0000000004", "u5": "", "u6": "", "u7": "0000000007", "old": "0000000001",
	} {
		if got := h.pin("A", user); got != want {
			t.Errorf("PIN of %s: got %q, want %q", user, got, want)
		}
	}
	for _, line := range h.audited(0) {
		if strings.Contains(line, "00000000") {
			t.Errorf("the trail shows a PIN: %s", line)
		}
	}
	h.must("ResetPersonalPIN", "accountId=A&userId=u5", "", "")
	if got := h.pin("A", "u5"); len(got) != 10 {
		t.Errorf("PIN of u5 after a reset: got %q, want 10 digits", got)
	}
}

func TestImport_IntoAnAccount(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addAccount("H", "Team")
	rows := []directory.UserRow{
		userRow("lost", "u1"), userRow("", "u2", func(u *api.User) { u.AccountId = nil }), userRow("A", "u3"),
	}
	a := h.beginImport(directory.ImportOptions{})
	h.imported(a, nil, rows[:2]...)
	equal(t, "unknown accounts", a.UnknownAccounts(), []string{"", "lost"})
	a = h.beginImport(directory.ImportOptions{AccountID: "H", Named: true})
	equal(t, "outcomes of named rows", h.imported(a, nil, rows[:2]...), []string{
		"bad; account lost of user u1 is neither in these files nor in the store", "bad; user u2 names no account",
	})
	equal(t, "unknown accounts of named rows", a.UnknownAccounts(), []string{"", "lost"})

	a = h.beginImport(directory.ImportOptions{AccountID: "H"})
	equal(t, "outcomes", h.imported(a, nil, rows...), []string{
		"added; AccountId is of an unknown account: set to the given account", "added; AccountId is missing: set to the given account", "added",
	})
	if a, hh := h.users("A"), h.users("H"); len(a) != 1 || len(hh) != 2 {
		t.Errorf("users: got %v in A and %v in H, want u3 in A and the others in H", a, hh)
	}
	_, err := h.beginImport(directory.ImportOptions{AccountID: "nowhere"}).Users(t.Context(), rows[:1])
	if exception(err) != api.NotFoundException {
		t.Errorf("an account that does not exist: got error %v, want %s", err, api.NotFoundException)
	}
}

// The first account of an empty store decides whose the root key is.
func TestImport_GivesRootKey(t *testing.T) {
	h := newHouse(t)
	keyless := func(a *directory.Import) string {
		root, others, err := a.Keyless(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(root, others)
	}
	root := func() string { return ok[string](t)(directory.RootAWSAccount(t.Context(), h.store)) }
	of := func(id, aws string) directory.AccountRow {
		return accountRow(id, func(a *api.Account) { a.AwsAccountId = aws })
	}
	rows := []directory.AccountRow{of("A", "444455556666"), of("B", "777788889999"), of("C", "444455556666")}

	dry := h.beginImport(directory.ImportOptions{DryRun: true})
	h.imported(dry, rows)
	equal(t, "without keys in a dry run", keyless(dry), "444455556666[777788889999]")
	if got := root(); got != "" {
		t.Errorf("root after a dry run: got %q, want none", got)
	}
	for range 2 {
		a := h.beginImport(directory.ImportOptions{})
		h.imported(a, rows)
		equal(t, "without keys", keyless(a), "444455556666[777788889999]")
		equal(t, "root", root(), "444455556666")
	}
	sealer := ok[*seal.Sealer](t)(seal.FromFile(t.Context(), h.store, t.TempDir()+"/secret.key"))
	if _, _, err := directory.NewKeys(h.store, sealer, directory.Options{}).EnsureRootKey(t.Context(), "444455556666", "", "", nil); err != nil {
		t.Fatal(err)
	}
	a := h.beginImport(directory.ImportOptions{})
	h.imported(a, rows)
	equal(t, "without keys when the root key is there", keyless(a), "[777788889999]")

	// A store in use has its root key already.
	h = newHouse(t)
	h.must("CreateAccount", "", "", `{"Name":"n"}`)
	a = h.beginImport(directory.ImportOptions{})
	h.imported(a, rows)
	equal(t, "without keys in a store in use", keyless(a), "[444455556666 777788889999]")
	if got := root(); got != "" {
		t.Errorf("root of a store in use: got %q, want none", got)
	}
}

// many are rows of several pieces, with faults in and between them.
func many() ([]directory.AccountRow, []directory.UserRow) {
	accounts := []directory.AccountRow{accountRow("A"), accountRow("B"), accountRow("A", func(a *api.Account) { a.Name = "" })}
	var users []directory.UserRow
	for i := range 2500 {
		row := userRow("AB"[i%2:i%2+1], fmt.Sprintf("u%d", i))
		switch {
		case i == 700:
			row.User.PersonalPIN = new("0000000001")
		case i%600 == 599: // a PIN that is taken, in the store or before
			row.User.PersonalPIN = new([]string{"0000000001", "0000000002"}[i/600%2])
		case i%500 == 499: // an address of a piece before
			row.User.PrimaryEmail = new(fmt.Sprintf("U%d@example.com", i/2))
		case i%700 == 699:
			row.User.UserId = fmt.Sprintf("u%d", i-600)
		}
		users = append(users, row)
	}
	users = append(users, userRow("A", "u10", pin("0000000010")), userRow("A", "u10", pin("0000000011")))
	return accounts, users
}

// A dry run tells what a real one does, and does nothing.
func TestImport_DryRun(t *testing.T) {
	h := newHouse(t)
	h.addAccount("S", "Team")
	h.addUsers(registered("S", "s1", func(u *store.User) { u.PersonalPIN = "0000000002" }))
	accounts, users := many()
	dry := h.imported(h.beginImport(directory.ImportOptions{DryRun: true}), accounts, users...)
	if got := h.audit(); len(got) != 0 {
		t.Errorf("audit of a dry run: got %d records, want none", len(got))
	}
	h.refused(api.NotFoundException, "GetAccount", "accountId=A", "", "")
	if got := h.users("S"); len(got) != 1 {
		t.Errorf("users of S: got %v, want s1", got)
	}
	real := h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...)
	equal(t, "outcomes of a real run", real, dry)
	for _, kind := range []string{"added", "bad; the address", "bad; user u", "added; PersonalPIN belongs", "completed"} {
		if !slices.ContainsFunc(real, func(s string) bool { return strings.HasPrefix(s, kind) }) {
			t.Errorf("no row is %q: the rows do not test that", kind)
		}
	}
}

// brittle is a store that fails after so many updates.
type brittle struct {
	store.Store
	left int
}

func (s *brittle) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.left--; s.left < 0 {
		return store.ErrUnavailable
	}
	return s.Store.Update(ctx, fn)
}

// What was cut short goes on where it was, and ends as if it had not been.
func TestImport_CutShort(t *testing.T) {
	accounts, users := many()
	list := func(h *house) string {
		var all strings.Builder
		for _, account := range []string{"A", "B"} {
			for token := ""; ; {
				var page struct {
					Users     []json.RawMessage
					NextToken string
				}
				parse(t, h.must("ListUsers", "accountId="+account, "max-results=200&next-token="+token, ""), &page)
				for _, u := range page.Users {
					fmt.Fprintf(&all, "%s\n", u)
				}
				if token = page.NextToken; token == "" {
					break
				}
			}
		}
		return all.String()
	}
	whole := newHouse(t)
	whole.imported(whole.beginImport(directory.ImportOptions{}), accounts, users...)

	h := newHouse(t)
	short := &brittle{Store: h.store, left: 4}
	a, err := directory.NewOperator(short, directory.Options{Clock: clock, Operator: "alice"}).Import(t.Context(), directory.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Accounts(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	done, err := a.Users(t.Context(), users)
	if !errors.Is(err, store.ErrUnavailable) || len(done) == 0 || len(done) >= len(users) {
		t.Fatalf("cut short: got %d rows done and error %v, want some and %v", len(done), err, store.ErrUnavailable)
	}
	h.imported(h.beginImport(directory.ImportOptions{}), accounts, users...)
	equal(t, "users", list(h), list(whole))
	if got, want := len(h.audit()), len(whole.audit()); got != want {
		t.Errorf("audit: got %d records, want %d", got, want)
	}
}
