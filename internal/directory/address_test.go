package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// What nobody can have as an address is refused wherever an address comes in, with its reason.
func TestAddress_Refused(t *testing.T) {
	h := newHouse(t)
	h.populate("Team", "Team")
	h.addAccount("Directory", "EnterpriseDirectory")
	op := h.operator()
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "Directory", "corp.example"))
	before := h.users("Team")
	for email, reason := range map[string]string{
		"x@corp.example.":          "its domain ends with a dot",
		"x@evil@corp.example":      "it has 2 @",
		"x@corp..example":          "its domain has an empty part between dots",
		"x@corp.example;":          "it holds a semicolon",
		"x,y@corp.example":         "it holds a comma",
		"<x@corp.example>":         "it holds an angle bracket",
		`"x"@corp.example`:         "it holds a quotation mark",
		"'x@corp.example'":         "it begins with a quotation mark",
		"mailto:x@corp.example":    "it begins with mailto:",
		"x @corp.example":          "it holds a blank",
		"x@corp.example\u00a0":     "it holds a blank",
		"x\t@corp.example":         "it holds the control character U+0009",
		"x\u200b@corp.example":     "it holds the invisible character U+200B",
		"x@cor\u00adp.example":     "it holds the invisible character U+00AD",
		"\u202ex@corp.example":     "it holds the invisible character U+202E",
		"x@corp.exa\u2060mple":     "it holds the invisible character U+2060",
		"x\uff20evil@corp.example": "it holds the character U+FF20, which looks like another",
		"x@xn--corp-.example":      "its domain is not a valid name",
		"x@\u0301corp.example":     "its domain is not a valid name",
	} {
		want := "is not an e-mail address: " + reason
		says := func(entrance string, err error) {
			t.Helper()
			refusal, ok := errors.AsType[*api.Error](err)
			if !ok || refusal.Exception != api.BadRequestException || !strings.Contains(refusal.Message, want) {
				t.Errorf("%s of %+q: got %v, want a BadRequestException that says %q", entrance, email, err, want)
			}
		}
		_, err := h.call("InviteUsers", "accountId=Team", "", fmt.Sprintf(`{"UserEmailList":["fine@example.com",%q]}`, email))
		says("InviteUsers", err)
		if err != nil && strings.Contains(err.Error(), email) {
			t.Errorf("InviteUsers of %+q shows it: %v", email, err)
		}
		_, err = h.call("CreateUser", "accountId=Directory", "", fmt.Sprintf(`{"Email":%q}`, email))
		says("CreateUser", err)
		for _, account := range []string{"Team", "Directory"} {
			_, err = op.RegisterUser(t.Context(), account, email)
			says("RegisterUser", err)
		}
		im, err := op.Import(t.Context(), directory.ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rows := ok[[]directory.ImportedRow](t)(im.Users(t.Context(), []directory.UserRow{{Place: "x:1",
			User: api.User{UserId: "new", AccountId: new("Team"), PrimaryEmail: &email}}}))
		if rows[0].Outcome != directory.RowBad || !strings.Contains(rows[0].Reason, "PrimaryEmail of user new "+want) {
			t.Errorf("Import of %+q: got %+v, want a bad row that says %q", email, rows[0], want)
		}
		if _, domain, _ := strings.Cut(email, "@"); strings.Contains(reason, "domain") {
			_, err := op.ClaimDomain(t.Context(), "Team", domain)
			if refusal, ok := errors.AsType[*api.Error](err); !ok || refusal.Exception != api.BadRequestException {
				t.Errorf("ClaimDomain of %+q: got %v, want a BadRequestException", domain, err)
			}
		}
	}
	equal(t, "users", h.users("Team"), before)
}

// Other spellings of an address do not go round a claim, and make no second user.
func TestAddress_Spellings(t *testing.T) {
	spellings := []string{"José@bücher.example", "JOSE\u0301@bu\u0308cher.example", "jose\u0301@XN--BCHER-KVA.example", "josé@ｂücher.example"}
	h := newHouse(t)
	h.addAccount("Team", "Team")
	h.addAccount("Other", "Team")
	h.addAccount("Directory", "EnterpriseDirectory")
	op := h.operator()
	const kept = "José@xn--bcher-kva.example"
	inviteTo := func(account string, emails ...string) []invite {
		t.Helper()
		var answer struct{ Invites []invite }
		parse(t, h.must("InviteUsers", "accountId="+account, "", fmt.Sprintf(`{"UserEmailList":["%s"]}`, strings.Join(emails, `","`))), &answer)
		return answer.Invites
	}

	// One invitation, one member.
	got := inviteTo("Team", spellings[:2]...)
	if got[0].InviteId != got[1].InviteId || got[1].EmailAddress != spellings[1] {
		t.Errorf("invitations: got %v, want one, for the addresses as they were given", got)
	}
	u := ok[api.User](t)(op.RegisterUser(t.Context(), "Team", spellings[2]))
	equal(t, "address", *u.PrimaryEmail, kept)
	for _, email := range spellings {
		again := ok[api.User](t)(op.RegisterUser(t.Context(), "Team", email))
		equal(t, "user of "+email, again.UserId, u.UserId)
		got := inviteTo("Team", email)
		equal(t, "invitation of "+email, got[0].Status, "Accepted")
	}
	im := ok[*directory.Import](t)(op.Import(t.Context(), directory.ImportOptions{}))
	for _, email := range spellings {
		rows := ok[[]directory.ImportedRow](t)(im.Users(t.Context(), []directory.UserRow{{Place: "x:1",
			User: api.User{UserId: "new", AccountId: new("Other"), PrimaryEmail: &email, UserRegistrationStatus: api.RegistrationStatusRegistered}}}))
		if rows[0].Outcome != directory.RowBad || !strings.Contains(rows[0].Reason, "belongs to user") {
			t.Errorf("import of %+q: got %+v, want a bad row", email, rows[0])
		}
	}

	// A claim covers them all.
	ok[api.Account](t)(op.ClaimDomain(t.Context(), "Directory", "bücher.example"))
	for _, email := range spellings {
		got := inviteTo("Other", email)
		equal(t, "invitation of "+email, got[0].Status, "Failed")
		denied[api.Account](t, api.ConflictException)(op.ClaimDomain(t.Context(), "Other", email[strings.IndexByte(email, '@')+1:]))
	}
	h.refused(api.ConflictException, "CreateUser", "accountId=Directory", "", fmt.Sprintf(`{"Email":%q}`, spellings[1]))
	moved := ok[api.User](t)(op.RegisterUser(t.Context(), "Directory", spellings[3]))
	if len(h.users("Team")) != 0 || moved.UserId == u.UserId {
		t.Errorf("after the move: got %v in the former account", h.users("Team"))
	}
	h.refused(api.ConflictException, "CreateUser", "accountId=Directory", "", fmt.Sprintf(`{"Email":%q}`, spellings[0]))
}

// A person whom an older release let in under an address that nobody can have is not locked out,
// but nobody joins under one.
func TestAddress_FromAnOlderRelease(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	with := func(email string) func(*store.User) { return func(u *store.User) { u.Email = email } }
	h.addUsers(registered("A", "member", with("x@corp.example.")), registered("A", "guest", invited, with("y@corp.example.")))
	op := h.operator()
	equal(t, "member", ok[api.User](t)(op.RegisterUser(t.Context(), "A", "X@corp.example.")).UserId, "member")
	denied[api.User](t, api.BadRequestException)(op.RegisterUser(t.Context(), "A", "y@corp.example."))
	ok[api.User](t)(op.FailInvitation(t.Context(), "A", "y@corp.example."))
	equal(t, "users", len(h.users("A")), 2)
}
