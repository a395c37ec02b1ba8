package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

type invite struct{ InviteId, Status, EmailAddress, EmailStatus string }

func (h *house) invite(body string) []invite {
	h.t.Helper()
	var answer struct{ Invites []invite }
	parse(h.t, h.must("InviteUsers", "accountId=A", "", body), &answer)
	return answer.Invites
}

func TestInviteUsers(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	invites := h.invite(`{"UserEmailList":["Ann@Example.com","reg@a.example","inv@A.example","ann@example.COM"]}`)
	ann := invites[0].InviteId
	equal(t, "invites", invites, []invite{
		{ann, "Pending", "Ann@Example.com", "NotSent"},
		{"", "Accepted", "reg@a.example", "NotSent"},          // never was invited
		{"invite-inv", "Pending", "inv@A.example", "NotSent"}, // pending already
		{ann, "Pending", "ann@example.COM", "NotSent"},        // named twice
	})
	if len(ann) != 36 {
		t.Errorf("invite id: got %q, want a UUID", ann)
	}

	var list struct{ Users []api.User }
	parse(t, h.must("ListUsers", "accountId=A", "user-email=ann@example.com", ""), &list)
	if len(list.Users) != 1 {
		t.Fatalf("users of the address: got %d, want 1", len(list.Users))
	}
	id := list.Users[0].UserId
	equal(t, "user", h.must("GetUser", "accountId=A&userId="+id, "", ""), fmt.Sprintf(`{"User":{"UserId":%q,"AccountId":"A",`+
		`"PrimaryEmail":"Ann@Example.com","LicenseType":"Pro","UserType":"PrivateUser","UserRegistrationStatus":"Unregistered",`+
		`"UserInvitationStatus":"Pending","InvitedOn":"2026-03-01T12:00:00.123Z",`+
		`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false}}}`, id))
	trail := h.audited(0)
	if len(trail) != 1 || !strings.HasPrefix(trail[0], `InviteUsers `+id+`  {"PrimaryEmail": "Ann@Example.com", "LicenseType": "Pro"`) {
		t.Errorf("audit: got %q, want the new user alone", trail)
	}

	again := h.invite(`{"UserEmailList":["ann@example.com"]}`)
	equal(t, "again", again, []invite{{ann, "Pending", "ann@example.com", "NotSent"}})
	equal(t, "audit of a repetition", h.audited(1), []string{})
}

func TestInviteSharedDevice(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team", func(a *store.Account) { a.DefaultLicense = "Basic" })
	h.invite(`{"UserEmailList":["room@example.com"],"UserType":"SharedDevice"}`)
	for _, state := range h.users("A") {
		equal(t, "user", state, "Basic SharedDevice Unregistered")
	}
}

func TestInviteUsersOfOtherAccounts(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	for _, account := range []string{"Team", "EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"} {
		// They are other people's: the rule holds across AWS accounts.
		h.addAccount(account, account, func(a *store.Account) { a.AWSAccountID = "444455556666" })
		h.addUsers(registered(account, "u"))
	}
	h.addUsers(registered("EnterpriseLWA", "guest", invited))
	h.write(func(tx store.Tx) error {
		for name, account := range map[string]string{"claimed.example": "EnterpriseLWA", "own.example": "A"} {
			aws := "444455556666"
			if account == "A" {
				aws = awsAccount
			}
			if err := tx.InsertDomain(store.Domain{Name: name, AWSAccountID: aws, AccountID: account}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, test := range []struct{ email, want string }{
		{"u@team.example", "Pending"}, // moves when accepting
		{"U@enterpriselwa.example", "Failed"},
		{"u@enterprisedirectory.example", "Failed"},
		{"u@enterpriseoidc.example", "Failed"},
		{"guest@enterpriselwa.example", "Pending"}, // only invited there
		{"new@Claimed.example", "Failed"},
		{"new@sub.claimed.example", "Pending"}, // a claim does not reach below
		{"new@ｃlaimed.example", "Failed"},      // as other programs spell it
		{"new@ⓒlaimed.example", "Failed"},
		{"new@own.example", "Pending"},
	} {
		got := h.invite(fmt.Sprintf(`{"UserEmailList":[%q,%q]}`, test.email, test.email))
		id := got[0].InviteId
		want := invite{id, test.want, test.email, "NotSent"}
		equal(t, test.email, got, []invite{want, want})
		if id == "" {
			t.Errorf("%s: the invite has no id", test.email)
		}
	}
	for _, email := range []string{"u@enterpriselwa.example", "new@claimed.example"} {
		if got := h.must("ListUsers", "accountId=A", "user-email="+email, ""); got != `{"Users":[]}` {
			t.Errorf("%s: got %s, want no user for an invitation that failed", email, got)
		}
	}
	if got := h.audited(0); len(got) != 4 {
		t.Errorf("audit: got %q, want a record for each of the 4 who were invited", got)
	}
}

// An invitation fails when its domain is claimed later, and stands again once that is released.
func TestInvitationThatCannotStand(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addAccount("B", "EnterpriseLWA")
	first := h.invite(`{"UserEmailList":["ann@example.com"]}`)[0]
	h.write(func(tx store.Tx) error {
		return tx.InsertDomain(store.Domain{Name: "example.com", AWSAccountID: awsAccount, AccountID: "B"})
	})
	failed := h.invite(`{"UserEmailList":["ann@example.com"]}`)[0]
	equal(t, "claimed", failed, invite{first.InviteId, "Failed", "ann@example.com", "NotSent"})
	status := func() string {
		var list struct{ Users []apiUser }
		parse(t, h.must("ListUsers", "accountId=A", "", ""), &list)
		if len(list.Users) != 1 {
			t.Fatalf("users: got %d, want 1", len(list.Users))
		}
		return list.Users[0].UserInvitationStatus
	}
	equal(t, "status", status(), "Failed")
	h.write(func(tx store.Tx) error { return tx.DeleteDomain("B", "example.com") })
	renewed := h.invite(`{"UserEmailList":["ann@example.com"]}`)[0]
	equal(t, "renewed status", []string{renewed.Status, status()}, []string{"Pending", "Pending"})
	if renewed.InviteId == first.InviteId {
		t.Errorf("the invitation that failed has come back under its id")
	}
}

func TestInviteUsersRefused(t *testing.T) {
	h := newHouse(t)
	for _, accountType := range []string{"EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"} {
		h.addAccount(accountType, accountType)
		h.refused(api.BadRequestException, "InviteUsers", "accountId="+accountType, "", `{"UserEmailList":["x@example.com"]}`)
	}
	h.addAccount("A", "Team")
	for _, bad := range []string{"nonsense", "y@example.com ", " y@example.com", "y y@example.com", `y@example.com\u00a0`, `y@example.com\r`,
		strings.Repeat("y", 400) + "@example.com"} {
		h.refused(api.BadRequestException, "InviteUsers", "accountId=A", "", `{"UserEmailList":["x@example.com","`+bad+`"]}`)
	}
	h.refused(api.BadRequestException, "InviteUsers", "accountId=A", "",
		`{"UserEmailList":[`+strings.Repeat(`"x@example.com",`, 50)+`"x@example.com"]}`)
	equal(t, "nobody", h.must("InviteUsers", "accountId=A", "", `{"UserEmailList":[]}`), `{"Invites":[]}`)
	equal(t, "users", h.users("A"), map[string]string{})
}
