package directory_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

const foreignAccount = "444455556666"

func clock() time.Time { return now }

// operator works on the store of the house as an operator's command does.
func (h *house) operator() *directory.Operator {
	return directory.NewOperator(h.store, directory.Options{Clock: clock, Operator: "alice"})
}

// ok gives the answer of an operator's action that must succeed.
func ok[T any](t testing.TB) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// denied checks that an operator's action is refused.
func denied[T any](t testing.TB, want api.Exception) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		if got := exception(err); got != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

// claim makes an account the owner of a domain behind everybody's back.
func (h *house) claim(account, domain string) {
	h.t.Helper()
	h.write(func(tx store.Tx) error {
		a, err := tx.FindAccount(account)
		if err != nil {
			return err
		}
		return tx.InsertDomain(store.Domain{Name: domain, AWSAccountID: a.AWSAccountID, AccountID: account, Claimed: now})
	})
}

func (h *house) domains(account string) []string {
	h.t.Helper()
	names := []string{}
	err := h.store.View(context.Background(), func(tx store.ReadTx) error {
		domains, err := tx.Domains(account)
		for _, d := range domains {
			names = append(names, d.Name)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return names
}

func TestOperatorCreatesAccount(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	for _, kind := range []api.AccountType{"Team", "EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"} {
		a := ok[api.Account](t)(op.CreateAccount(t.Context(), awsAccount, "Acme", kind))
		equal(t, "account", a, api.Account{
			AwsAccountId: awsAccount, AccountId: a.AccountId, Name: "Acme", AccountType: kind, CreatedTimestamp: now,
			DefaultLicense: "Pro", SupportedLicenses: []api.License{"Basic", "Pro"}, AccountStatus: "Active",
		})
		if got := h.must("GetAccount", "accountId="+a.AccountId, "", ""); !strings.Contains(got, `"AccountType":"`+string(kind)+`"`) {
			t.Errorf("GetAccount: got %s, want an account of type %s", got, kind)
		}
	}
	if trail := h.audit(); len(trail) != 4 || trail[0].KeyName != "operator/alice" || trail[0].KeyID != "" || trail[0].RequestID == "" {
		t.Errorf("audit: got %+v, want 4 records by operator/alice", trail)
	}

	// A tenant has nothing to do with another one's accounts.
	a := ok[api.Account](t)(op.CreateAccount(t.Context(), foreignAccount, "Other", "Team"))
	h.refused(api.NotFoundException, "GetAccount", "accountId="+a.AccountId, "", "")
	h.as(foreignAccount).must("GetAccount", "accountId="+a.AccountId, "", "")

	for _, bad := range []struct{ aws, name, kind string }{
		{"11112222333", "Acme", "Team"},
		{"11112222333x", "Acme", "Team"},
		{awsAccount, " ", "Team"},
		{awsAccount, "a\nb", "Team"},
		{awsAccount, strings.Repeat("é", 101), "Team"},
		{awsAccount, "Acme", "Enterprise"},
		{awsAccount, "Acme", ""},
	} {
		denied[api.Account](t, api.BadRequestException)(op.CreateAccount(t.Context(), bad.aws, bad.name, api.AccountType(bad.kind)))
	}
	ok[api.Account](t)(op.CreateAccount(t.Context(), awsAccount, strings.Repeat("é", 100), "Team"))
}

func TestSetLicenses(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.populate("A", "Team")
	a := ok[api.Account](t)(op.SetLicenses(t.Context(), "A", []api.License{"Pro", "Plus", "Pro", "Basic"}))
	equal(t, "licenses", a.SupportedLicenses, []api.License{"Basic", "Plus", "Pro"})
	equal(t, "audit", h.audited(0), []string{`SetLicenses A {"SupportedLicenses": ["Basic", "Pro"]} {"SupportedLicenses": ["Basic", "Plus", "Pro"]}`})
	ok[api.Account](t)(op.SetLicenses(t.Context(), "A", []api.License{"Plus", "Basic", "Pro"})) // as it is
	if got := h.audited(1); len(got) != 0 {
		t.Errorf("audit of nothing: got %q", got)
	}
	h.must("UpdateUser", "accountId=A&userId=reg", "", `{"LicenseType":"Plus"}`)

	// A license that is withdrawn stays with those who have it.
	ok[api.Account](t)(op.SetLicenses(t.Context(), "A", []api.License{"Pro"}))
	if got := h.users("A")["reg"]; got != "Plus PrivateUser Registered" {
		t.Errorf("user: got %s, want the license kept", got)
	}
	h.refused(api.BadRequestException, "UpdateUser", "accountId=A&userId=pro", "", `{"LicenseType":"Plus"}`)

	for _, licenses := range [][]api.License{nil, {"Basic"}, {"Pro", "pro"}, {"Pro", ""}} {
		denied[api.Account](t, api.BadRequestException)(op.SetLicenses(t.Context(), "A", licenses))
	}
	denied[api.Account](t, api.NotFoundException)(op.SetLicenses(t.Context(), "B", []api.License{"Pro"}))
}

// What is suspended can be read and resumed, and nothing else. Its status decides before its type.
func TestSuspensionByOperator(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.populate("A", "EnterpriseOIDC")
	h.claim("A", "a.example")
	for range 2 { // twice is once
		if a := ok[api.Account](t)(op.SuspendAccount(t.Context(), "A")); a.AccountStatus != "Suspended" {
			t.Errorf("status: got %s, want Suspended", a.AccountStatus)
		}
	}
	equal(t, "audit", h.audited(0), []string{`SuspendAccount A {"AccountStatus": "Active"} {"AccountStatus": "Suspended"}`})

	for _, write := range []struct{ operation, labels, body string }{
		{"AssociateSigninDelegateGroupsWithAccount", "accountId=A", `{"SigninDelegateGroups":[{}]}`},
		{"BatchSuspendUser", "accountId=A", `{"UserIdList":["reg"]}`},
		{"BatchUnsuspendUser", "accountId=A", `{"UserIdList":["reg"]}`},
		{"BatchUpdateUser", "accountId=A", `{"UpdateUserRequestItems":[]}`},
		{"CreateUser", "accountId=A", `{}`},
		{"DeleteAccount", "accountId=A", ``},
		{"DisassociateSigninDelegateGroupsFromAccount", "accountId=A", `{"GroupNames":["g"]}`},
		{"InviteUsers", "accountId=A", `{"UserEmailList":[]}`},
		{"LogoutUser", "accountId=A&userId=nobody", ``},
		{"ResetPersonalPIN", "accountId=A&userId=nobody", ``},
		{"UpdateAccount", "accountId=A", `{"Name":"B"}`},
		{"UpdateAccountSettings", "accountId=A", `{"AccountSettings":{"EnableDialOut":true}}`},
		{"UpdateUser", "accountId=A&userId=reg", `{"LicenseType":"Pro"}`},
		{"UpdateUserSettings", "accountId=A&userId=reg", `{"UserSettings":{"Telephony":{"InboundCalling":true,"OutboundCalling":true,"SMS":true}}}`},
	} {
		h.refused(api.ForbiddenException, write.operation, write.labels, "", write.body)
	}
	h.must("GetAccount", "accountId=A", "", "")
	h.must("GetAccountSettings", "accountId=A", "", "")
	h.must("GetUser", "accountId=A&userId=reg", "", "")
	h.must("GetUserSettings", "accountId=A&userId=reg", "", "")
	h.must("ListUsers", "accountId=A", "", "")

	denied[api.User](t, api.ForbiddenException)(op.RegisterUser(t.Context(), "A", "new@a.example"))
	denied[api.User](t, api.ForbiddenException)(op.FailInvitation(t.Context(), "A", "inv@a.example"))
	denied[api.Account](t, api.ForbiddenException)(op.ClaimDomain(t.Context(), "A", "b.example"))
	denied[api.Account](t, api.ForbiddenException)(op.ReleaseDomain(t.Context(), "A", "a.example"))
	denied[api.Account](t, api.ForbiddenException)(op.SetLicenses(t.Context(), "A", []api.License{"Pro"}))

	if a := ok[api.Account](t)(op.ResumeAccount(t.Context(), "A")); a.AccountStatus != "Active" {
		t.Errorf("status: got %s, want Active", a.AccountStatus)
	}
	h.must("UpdateAccount", "accountId=A", "", `{"Name":"B"}`)
	denied[api.Account](t, api.NotFoundException)(op.SuspendAccount(t.Context(), "B"))
	denied[api.Account](t, api.NotFoundException)(op.ResumeAccount(t.Context(), "B"))
}

func TestClaimDomain(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.populate("A", "Team")
	h.addAccount("B", "EnterpriseOIDC", func(a *store.Account) { a.AWSAccountID = foreignAccount })
	want := h.users("A")
	delete(want, "inv")

	a := ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "Example.COM"))
	if a.AccountType != "EnterpriseLWA" {
		t.Errorf("type: got %s, want EnterpriseLWA", a.AccountType)
	}
	equal(t, "domains", h.domains("A"), []string{"example.com"})
	equal(t, "members, without who was only invited", h.users("A"), want)
	trail := h.audited(0)
	if len(trail) != 3 || !strings.HasPrefix(trail[1], `ClaimDomain inv {"PrimaryEmail": "inv@a.example"`) {
		t.Fatalf("audit: got %q, want domain, invitation and account", trail)
	}
	equal(t, "audit of the domain", trail[0], `ClaimDomain example.com  {"Domain": "example.com", "Claimed": "2026-03-01T12:00:00.123Z"}`)
	equal(t, "audit of the account", trail[2], `ClaimDomain A {"AccountType": "Team"} {"AccountType": "EnterpriseLWA"}`)

	ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "example.com"))
	if got := h.audited(3); len(got) != 0 {
		t.Errorf("audit of a repetition: got %q, want nothing", got)
	}
	denied[api.Account](t, api.ConflictException)(op.ClaimDomain(t.Context(), "B", "EXAMPLE.com"))
	// A subdomain is another domain; the type of an account with a directory stays.
	if b := ok[api.Account](t)(op.ClaimDomain(t.Context(), "B", "sub.example.com")); b.AccountType != "EnterpriseOIDC" {
		t.Errorf("type: got %s, want EnterpriseOIDC", b.AccountType)
	}
	denied[api.Account](t, api.NotFoundException)(op.ClaimDomain(t.Context(), "C", "c.example"))
	for _, name := range []string{"", "example", ".example.com", "example.com.", "exa mple.com", "ann@example.com", "-a.example", "a-.example",
		"a_b.example", "*.example.com", strings.Repeat("a", 64) + ".example", strings.Repeat("abc.", 64) + "example"} {
		denied[api.Account](t, api.BadRequestException)(op.ClaimDomain(t.Context(), "A", name))
	}
	for _, name := range []string{"Bücher.example", "xn--bcher-kva.example", "bu\u0308cher.example"} {
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", name))
		denied[api.Account](t, api.ConflictException)(op.ClaimDomain(t.Context(), "B", name))
	}
	equal(t, "domains", h.domains("A"), []string{"example.com", "xn--bcher-kva.example"})
	denied[api.Account](t, api.NotFoundException)(op.ReleaseDomain(t.Context(), "A", "büche.example"))
	ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "ｂücher.example"))
	equal(t, "domains after a release", h.domains("A"), []string{"example.com"})
}

// More invitations than are removed at a time.
func TestClaimDomainEndsManyInvitations(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	var many []store.User
	for i := range 2500 {
		many = append(many, registered("A", fmt.Sprint("i", i), invited))
	}
	h.addUsers(many...)
	ok[api.Account](t)(h.operator().ClaimDomain(t.Context(), "A", "example.com"))
	if got := h.users("A"); len(got) != 4 {
		t.Errorf("got %d users, want the 4 who had joined", len(got))
	}
}

func TestReleaseDomain(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.addAccount("A", "EnterpriseDirectory")
	h.addUsers(registered("A", "reg"))
	h.must("AssociateSigninDelegateGroupsWithAccount", "accountId=A", "", `{"SigninDelegateGroups":[{"GroupName":"g"}]}`)
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "b.example"))
	h.refused(api.UnprocessableEntityException, "DeleteAccount", "accountId=A", "", "")

	denied[api.Account](t, api.NotFoundException)(op.ReleaseDomain(t.Context(), "A", "c.example"))
	denied[api.Account](t, api.NotFoundException)(op.ReleaseDomain(t.Context(), "C", "a.example"))
	n := len(h.audit())
	if a := ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "A.Example")); a.AccountType != "EnterpriseDirectory" {
		t.Errorf("type with a domain left: got %s, want EnterpriseDirectory", a.AccountType)
	}
	equal(t, "audit", h.audited(n), []string{`ReleaseDomain a.example {"Domain": "a.example", "Claimed": "2026-03-01T12:00:00.123Z"} `})

	a := ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "b.example"))
	if a.AccountType != "Team" || a.SigninDelegateGroups != nil {
		t.Errorf("account without a domain: got %+v, want a Team account without groups", a)
	}
	equal(t, "audit", h.audited(n+2), []string{
		`ReleaseDomain A {"AccountType": "EnterpriseDirectory", "SigninDelegateGroups": ["g"]} {"AccountType": "Team", "SigninDelegateGroups": []}`,
	})
	equal(t, "members", h.users("A"), map[string]string{"reg": "Basic PrivateUser Registered"})
	// The domain is free again.
	h.addAccount("B", "Team")
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "B", "a.example"))
}

func TestReleaseLastDomainWithSuspendedUsers(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.addAccount("A", "EnterpriseLWA")
	h.claim("A", "a.example")
	h.claim("A", "b.example")
	h.addUsers(registered("A", "reg"), registered("A", "sus", suspended))
	ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "a.example")) // not the last
	n := len(h.audit())
	denied[api.Account](t, api.UnprocessableEntityException)(op.ReleaseDomain(t.Context(), "A", "b.example"))
	equal(t, "domains", h.domains("A"), []string{"b.example"})
	equal(t, "audit of nothing", h.audited(n), []string{})
	h.must("BatchUnsuspendUser", "accountId=A", "", `{"UserIdList":["sus"]}`)
	ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "b.example"))
}

func TestRegisterAcceptsInvitation(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.addAccount("A", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
	h = h.as(foreignAccount)
	h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["Ann@Example.com"],"UserType":"SharedDevice"}`)
	var list struct{ Users []api.User }
	parse(t, h.must("ListUsers", "accountId=A", "", ""), &list)
	id := list.Users[0].UserId
	h.must("UpdateUser", "accountId=A&userId="+id, "", `{"LicenseType":"Basic"}`) // takes effect on acceptance

	u := ok[api.User](t)(op.RegisterUser(t.Context(), "A", "ann@example.com"))
	if u.PersonalPIN == nil || !regexp.MustCompile(`^[0-9]{10}$`).MatchString(*u.PersonalPIN) {
		t.Fatalf("PIN: got %v, want 10 digits", u.PersonalPIN)
	}
	equal(t, "user", h.must("GetUser", "accountId=A&userId="+id, "", ""), fmt.Sprintf(`{"User":{"UserId":%q,"AccountId":"A",`+
		`"PrimaryEmail":"Ann@Example.com","DisplayName":"Ann","LicenseType":"Basic","UserType":"SharedDevice",`+
		`"UserRegistrationStatus":"Registered","UserInvitationStatus":"Accepted","RegisteredOn":"2026-03-01T12:00:00.123Z",`+
		`"InvitedOn":"2026-03-01T12:00:00.123Z","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false},"PersonalPIN":%q}}`,
		id, *u.PersonalPIN))

	// The trail is that of the AWS account, and has no PIN in it.
	var trail []directory.AuditEntry
	for r, err := range op.Audit(t.Context(), directory.AuditQuery{AWSAccountID: foreignAccount, Key: "operator/alice"}) {
		if err != nil {
			t.Fatal(err)
		}
		trail = append(trail, r)
	}
	if len(trail) != 1 || trail[0].Target != id || trail[0].After != `{"DisplayName": "Ann", "UserRegistrationStatus": "Registered", `+
		`"RegisteredOn": "2026-03-01T12:00:00.123Z", "UserInvitationStatus": "Accepted", "PersonalPIN": "***"}` {
		t.Errorf("audit: got %+v, want the registration", trail)
	}

	again := ok[api.User](t)(op.RegisterUser(t.Context(), "A", "ANN@example.com"))
	equal(t, "registering again", again, u)
	if got := h.audited(0); len(got) != 0 {
		t.Errorf("audit of another AWS account: got %q, want nothing", got)
	}

	denied[api.User](t, api.NotFoundException)(op.RegisterUser(t.Context(), "A", "ben@example.com"))
	denied[api.User](t, api.NotFoundException)(op.RegisterUser(t.Context(), "B", "ann@example.com"))
}

func TestFailInvitation(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.populate("A", "Team")
	for range 2 {
		u := ok[api.User](t)(op.FailInvitation(t.Context(), "A", "INV@a.example"))
		if u.UserInvitationStatus != "Failed" || u.UserRegistrationStatus != "Unregistered" {
			t.Errorf("got %s and %s, want a failed invitation of an unregistered user", u.UserInvitationStatus, u.UserRegistrationStatus)
		}
	}
	equal(t, "audit", h.audited(0), []string{`FailInvitation inv {"UserInvitationStatus": "Pending"} {"UserInvitationStatus": "Failed"}`})
	denied[api.User](t, api.BadRequestException)(op.RegisterUser(t.Context(), "A", "inv@a.example"))

	h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["inv@a.example"]}`)
	ok[api.User](t)(op.RegisterUser(t.Context(), "A", "inv@a.example"))
	denied[api.User](t, api.BadRequestException)(op.FailInvitation(t.Context(), "A", "inv@a.example"))
	denied[api.User](t, api.NotFoundException)(op.FailInvitation(t.Context(), "A", "nobody@a.example"))
	denied[api.User](t, api.NotFoundException)(op.FailInvitation(t.Context(), "B", "inv@a.example"))
}

func TestRegisterSignsUp(t *testing.T) {
	for _, accountType := range []string{"EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"} {
		t.Run(accountType, func(t *testing.T) {
			h := newHouse(t)
			op := h.operator()
			h.addAccount("A", accountType, func(a *store.Account) { a.DefaultLicense = "Basic" })
			h.claim("A", "a.example")
			h.addUsers(registered("A", "sus", suspended))

			u := ok[api.User](t)(op.RegisterUser(t.Context(), "A", "Ben@A.example"))
			equal(t, "user", u, api.User{
				UserId: u.UserId, AccountId: new("A"), PrimaryEmail: new("Ben@A.example"), DisplayName: new("Ben"), LicenseType: "Basic",
				UserType: "PrivateUser", UserRegistrationStatus: "Registered", RegisteredOn: now, PersonalPIN: u.PersonalPIN,
				AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(false)},
			})
			if got := h.audited(0); len(got) != 1 || !strings.Contains(got[0], u.UserId) || strings.Contains(got[0], *u.PersonalPIN) {
				t.Errorf("audit: got %q, want the user without the PIN", got)
			}
			equal(t, "registering again", ok[api.User](t)(op.RegisterUser(t.Context(), "A", "ben@a.example")), u)

			for _, email := range []string{"ann@b.example", "ann@sub.a.example", "@a.example", "a.example", "", "a nn@a.example", "ann@a.example\n"} {
				denied[api.User](t, api.BadRequestException)(op.RegisterUser(t.Context(), "A", email))
			}
			denied[api.User](t, api.ForbiddenException)(op.RegisterUser(t.Context(), "A", "sus@a.example"))
		})
	}
}

// Who joins another account leaves the one before, which may be somebody else's.
func TestRegisterMoves(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.addAccount("Home", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
	h.addAccount("A", "Team")
	h.addAccount("L", "EnterpriseLWA")
	h.claim("L", "home.example")
	h.addUsers(registered("Home", "ann", func(u *store.User) {
		u.PersonalPIN, u.PhoneNumber, u.InboundCalling, u.License = "0123456789", "+12065550100", true, "Pro"
	}))

	// The domain was claimed after the person had joined; no Team account can take that person
	// over.
	h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":["ann@home.example"]}`)
	denied[api.User](t, api.NotFoundException)(op.RegisterUser(t.Context(), "A", "ann@home.example")) // the invitation failed at once
	h.addUsers(registered("A", "inv", invited, func(u *store.User) { u.Email = "ann@home.example" }))
	denied[api.User](t, api.ConflictException)(op.RegisterUser(t.Context(), "A", "ann@home.example"))

	// Without the claim it can, and then the owner of the domain.
	ok[api.Account](t)(op.ReleaseDomain(t.Context(), "L", "home.example"))
	check := func(account, license string) {
		t.Helper()
		u := ok[api.User](t)(op.RegisterUser(t.Context(), account, "ann@home.example"))
		if *u.AccountId != account || *u.PersonalPIN != "0123456789" || *u.DisplayName != "The ann" ||
			string(u.LicenseType) != license || u.PrimaryProvisionedNumber != nil || !u.RegisteredOn.Equal(now) {
			t.Errorf("user who moved to %s: got %+v, want PIN and name kept, the license %s and no number", account, u, license)
		}
		var list struct{ Accounts []struct{ AccountId string } }
		parse(t, h.must("ListAccounts", "", "user-email=ann@home.example", ""), &list)
		if len(list.Accounts) != 1 || list.Accounts[0].AccountId != account {
			t.Errorf("accounts of the address: got %+v, want %s", list.Accounts, account)
		}
	}
	check("A", "Basic")
	if got := h.as(foreignAccount).users("Home"); len(got) != 0 {
		t.Errorf("account left: got %v, want nobody", got)
	}
	var left []directory.AuditEntry
	for r, err := range op.Audit(t.Context(), directory.AuditQuery{AccountID: "Home"}) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, r)
	}
	if len(left) != 1 || left[0].AWSAccountID != foreignAccount || left[0].Target != "ann" || left[0].After != "" || strings.Contains(left[0].Before, "0123456789") {
		t.Errorf("audit of the account left: got %+v, want the departure, in its own AWS account", left)
	}

	ok[api.Account](t)(op.ClaimDomain(t.Context(), "L", "home.example"))
	check("L", "Pro")

	// From an Enterprise account nobody is taken away.
	h.addAccount("M", "EnterpriseLWA")
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "L", "other.example"))
	ok[api.Account](t)(op.ReleaseDomain(t.Context(), "L", "home.example"))
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "M", "home.example"))
	denied[api.User](t, api.ConflictException)(op.RegisterUser(t.Context(), "M", "ann@home.example"))
	check("L", "Pro")
}

// numbers is a source of randomness that is not random.
func numbers(all ...uint64) *bytes.Reader {
	var b []byte
	for _, n := range all {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return bytes.NewReader(b)
}

func TestPINs(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseLWA")
	h.claim("A", "a.example")
	op := directory.NewOperator(h.store, directory.Options{Clock: clock, Rand: numbers(
		7,                    // may start with zeros
		7, 7, 12_345_678_901, // those that are taken are made up anew
		1<<64-1, 99_999_999_999, // the last, incomplete round counts for nothing
		7, 7, 7, 7, 7, 7, // at last it is a failure, and not the caller's
	)})
	for i, want := range []string{"0000000007", "2345678901", "9999999999"} {
		u := ok[api.User](t)(op.RegisterUser(t.Context(), "A", fmt.Sprintf("u%d@a.example", i)))
		if *u.PersonalPIN != want {
			t.Errorf("PIN of user %d: got %s, want %s", i, *u.PersonalPIN, want)
		}
	}
	n := len(h.audit())
	if _, err := op.RegisterUser(t.Context(), "A", "u3@a.example"); err == nil || exception(err) != "" {
		t.Errorf("no PIN to be had: got error %v, want one that is no exception", err)
	}
	if users := h.users("A"); len(users) != 3 || len(h.audit()) != n {
		t.Errorf("no PIN to be had: got users %v, want the three of before and no trace in the trail", users)
	}
}
