package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

func TestGetUser(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(
		registered("A", "full", device, func(u *store.User) {
			u.PersonalPIN, u.PhoneNumber = "0123456789", "+12065550100"
			u.Invitation, u.InviteID, u.InvitedOn = "Accepted", "invite-full", now
		}),
		registered("A", "plain"),
		// Details that are known of someone who has not joined yet stay hidden.
		registered("A", "inv", invited, func(u *store.User) { u.PersonalPIN = "9876543210" }),
	)
	full := `{"UserId":"full","AccountId":"A","PrimaryEmail":"full@a.example","PrimaryProvisionedNumber":"+12065550100",` +
		`"DisplayName":"The full","LicenseType":"Pro","UserType":"SharedDevice","UserRegistrationStatus":"Registered",` +
		`"UserInvitationStatus":"Accepted","RegisteredOn":"2026-03-01T11:00:00.123Z","InvitedOn":"2026-03-01T12:00:00.123Z",` +
		`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true,"AlexaForBusinessRoomArn":"arn:room:1"}`
	plain := `{"UserId":"plain","AccountId":"A","PrimaryEmail":"plain@a.example","DisplayName":"The plain","LicenseType":"Basic",` +
		`"UserType":"PrivateUser","UserRegistrationStatus":"Registered","RegisteredOn":"2026-03-01T11:00:00.123Z",` +
		`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false}}`
	inv := `{"UserId":"inv","AccountId":"A","PrimaryEmail":"inv@a.example","LicenseType":"Basic","UserType":"PrivateUser",` +
		`"UserRegistrationStatus":"Unregistered","UserInvitationStatus":"Pending","InvitedOn":"2026-03-01T11:00:00.123Z",` +
		`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false}}`
	equal(t, "full", h.must("GetUser", "accountId=A&userId=full", "", ""), `{"User":`+full+`,"PersonalPIN":"0123456789"}}`)
	equal(t, "plain", h.must("GetUser", "accountId=A&userId=plain", "", ""), `{"User":`+plain+`}`)
	equal(t, "inv", h.must("GetUser", "accountId=A&userId=inv", "", ""), `{"User":`+inv+`}`)
	// Rows of a list have no PIN.
	equal(t, "list", h.must("ListUsers", "accountId=A", "", ""), `{"Users":[`+full+`},`+plain+`,`+inv+`]}`)

	h.refused(api.NotFoundException, "GetUser", "accountId=A&userId=nobody", "", "")
	h.refused(api.BadRequestException, "GetUser", "accountId=A&userId= ", "", "")
}

func TestListUsers(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "EnterpriseLWA")
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"", []string{"reg", "pro", "dev", "inv", "sus"}},
		{"user-type=SharedDevice", []string{"dev"}},
		{"user-email=INV@a.example", []string{"inv"}},
		{"user-email=inv@a.example&user-type=SharedDevice", []string{}},
		{"user-email=nobody@a.example", []string{}},
	} {
		var list struct{ Users []apiUser }
		out := h.must("ListUsers", "accountId=A", test.query, "")
		parse(t, out, &list)
		got := []string{}
		for _, u := range list.Users {
			got = append(got, u.UserId)
		}
		equal(t, test.query, got, test.want)
		if !strings.HasPrefix(out, `{"Users":[`) {
			t.Errorf("%s: got %s, want a list even when it is empty", test.query, out)
		}
	}
	h.refused(api.NotFoundException, "ListUsers", "accountId=B", "", "")
	h.refused(api.BadRequestException, "ListUsers", "accountId=A", "user-type=Room", "")
}

// UpdateUser has the rules of BatchUpdateUser, with exceptions for the codes of items.
func TestUpdateUser(t *testing.T) {
	for _, test := range []struct {
		name, account, user, body string
		want                      api.Exception // empty: it succeeds
		state                     string        // afterwards; empty: as before
	}{
		{"license", "Team", "reg", `{"LicenseType":"Pro"}`, "", "Pro PrivateUser Registered"},
		{"license not supported", "Team", "reg", `{"LicenseType":"Plus"}`, api.BadRequestException, ""},
		{"license of the directory", "EnterpriseDirectory", "reg", `{"LicenseType":"Pro"}`, api.ForbiddenException, ""},
		{"license of a device", "EnterpriseOIDC", "dev", `{"LicenseType":"Basic"}`, "", "Basic SharedDevice Registered alexa arn:room:1"},
		{"type of an invited user", "Team", "inv", `{"UserType":"SharedDevice"}`, api.BadRequestException, ""},
		{"Alexa for a person", "Team", "reg", `{"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true}}`, api.BadRequestException, ""},
		{"bad ARN", "Team", "dev", `{"AlexaForBusinessMetadata":{"AlexaForBusinessRoomArn":"x"}}`, api.BadRequestException, ""},
		{"everything", "Team", "reg", `{"LicenseType":"Pro","UserType":"SharedDevice",` +
			`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true,"AlexaForBusinessRoomArn":"arn:x"}}`, "",
			"Pro SharedDevice Registered alexa arn:x"},
		{"nothing", "Team", "reg", `{}`, "", ""},
		{"same", "Team", "reg", `{"LicenseType":"Basic","UserType":"PrivateUser"}`, "", ""},
		{"unknown user", "Team", "nobody", `{"LicenseType":"Pro"}`, api.NotFoundException, ""},
		{"unknown license", "Team", "reg", `{"LicenseType":"pro"}`, api.BadRequestException, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			h.populate("A", test.account)
			want := h.users("A")
			changes := 0
			if test.state != "" {
				want[test.user] = test.state
				changes = 1
			}
			out, err := h.call("UpdateUser", "accountId=A&userId="+test.user, "", test.body)
			if (err != nil || test.want != "") && exception(err) != test.want {
				t.Fatalf("got %s, error %v; want exception %q", out, err, test.want)
			}
			equal(t, "users", h.users("A"), want)
			if err == nil {
				equal(t, "answer", out, h.must("GetUser", "accountId=A&userId="+test.user, "", ""))
			}
			if got := h.audited(0); len(got) != changes {
				t.Errorf("audit: got %q, want %d records", got, changes)
			}
		})
	}
}

func TestCreateUser(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseDirectory", func(a *store.Account) { a.DefaultLicense = "Basic" })
	h.claim("A", "a.example")
	create := func(body string) api.User {
		t.Helper()
		var answer struct{ User api.User }
		parse(t, h.must("CreateUser", "accountId=A", "", body), &answer)
		return answer.User
	}
	room := create(`{"Username":" Room 1 ","Email":"Room1@A.example","UserType":"SharedDevice"}`)
	if room.PersonalPIN == nil || len(*room.PersonalPIN) != 10 {
		t.Fatalf("PIN: got %v, want 10 digits", room.PersonalPIN)
	}
	equal(t, "user", h.must("GetUser", "accountId=A&userId="+room.UserId, "", ""), fmt.Sprintf(`{"User":{"UserId":%q,"AccountId":"A",`+
		`"PrimaryEmail":"Room1@A.example","DisplayName":"Room 1","LicenseType":"Basic","UserType":"SharedDevice",`+
		`"UserRegistrationStatus":"Registered","RegisteredOn":"2026-03-01T12:00:00.123Z",`+
		`"AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false},"PersonalPIN":%q}}`, room.UserId, *room.PersonalPIN))
	for _, body := range []string{`{"Email":"ann@a.example"}`, `{"Email":"ben@a.example","Username":" "}`} {
		u := create(body)
		if u.UserType != "PrivateUser" || *u.DisplayName != (*u.PrimaryEmail)[:3] {
			t.Errorf("%s: got a %s by the name %s, want a PrivateUser named after the address", body, u.UserType, *u.DisplayName)
		}
	}
	trail := h.audited(0)
	if len(trail) != 3 || !strings.HasPrefix(trail[0], `CreateUser `+room.UserId+`  {"PrimaryEmail": "Room1@A.example"`) ||
		!strings.HasSuffix(trail[0], `"PersonalPIN": "***"}`) {
		t.Errorf("audit: got %q, want three users, PINs masked", trail)
	}

	// Addresses in use, and one that is only invited elsewhere.
	h.addAccount("B", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
	h.addUsers(
		registered("B", "cat", func(u *store.User) { u.Email = "cat@a.example" }),
		registered("B", "dan", invited, func(u *store.User) { u.Email = "dan@a.example" }),
		registered("A", "eve", suspended),
		registered("A", "fay", invited),
	)
	for _, email := range []string{"ROOM1@a.example", "cat@a.example", "eve@a.example", "fay@a.example"} {
		h.refused(api.ConflictException, "CreateUser", "accountId=A", "", `{"Email":"`+email+`"}`)
	}
	create(`{"Email":"dan@a.example"}`)

	for _, body := range []string{`{}`, `{"Username":"x"}`, `{"Email":"x"}`, `{"Email":"x@other.example"}`, `{"Email":"x@sub.a.example"}`,
		`{"Email":"x y@a.example"}`, `{"Email":"x@a.example","UserType":"Room"}`, `{"Email":"cat@b.example"}`} {
		h.refused(api.BadRequestException, "CreateUser", "accountId=A", "", body)
	}
	for _, accountType := range []string{"Team", "EnterpriseLWA", "EnterpriseOIDC"} {
		h.addAccount(accountType, accountType)
		h.claim(accountType, strings.ToLower(accountType)+".example")
		h.refused(api.BadRequestException, "CreateUser", "accountId="+accountType, "", `{"Email":"x@`+strings.ToLower(accountType)+`.example"}`)
	}
	h.refused(api.NotFoundException, "CreateUser", "accountId=C", "", `{"Email":"x@a.example"}`)
	h.as(foreignAccount).refused(api.NotFoundException, "CreateUser", "accountId=A", "", `{"Email":"x@a.example"}`)
}

func TestLogoutUser(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "EnterpriseLWA")
	before := h.users("A")
	for id := range before {
		equal(t, "answer", h.must("LogoutUser", "accountId=A&userId="+id, "", ""), "")
	}
	equal(t, "users", h.users("A"), before)
	equal(t, "audit", h.audited(0), []string{})
	h.refused(api.NotFoundException, "LogoutUser", "accountId=A&userId=nobody", "", "")
	h.refused(api.NotFoundException, "LogoutUser", "accountId=B&userId=reg", "", "")
	h.as(foreignAccount).refused(api.NotFoundException, "LogoutUser", "accountId=A&userId=reg", "", "")
	h.refused(api.BadRequestException, "LogoutUser", "accountId=A&userId= ", "", "")
}

func TestResetPersonalPIN(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "EnterpriseLWA")
	reset := func() string {
		t.Helper()
		var answer struct{ User api.User }
		out := h.must("ResetPersonalPIN", "accountId=A&userId=reg", "", "")
		parse(t, out, &answer)
		equal(t, "answer", out, h.must("GetUser", "accountId=A&userId=reg", "", ""))
		return *answer.User.PersonalPIN
	}
	first, second := reset(), reset()
	if len(first) != 10 || len(second) != 10 || first == second {
		t.Errorf("PINs: got %q and %q, want two of 10 digits", first, second)
	}
	equal(t, "audit", h.audited(0), []string{
		`ResetPersonalPIN reg {"PersonalPIN": ""} {"PersonalPIN": "***"}`,
		`ResetPersonalPIN reg {"PersonalPIN": "***"} {"PersonalPIN": "***"}`,
	})
	// The former PIN is free.
	h.addUsers(registered("A", "heir", func(u *store.User) { u.PersonalPIN = first }))

	for _, id := range []string{"inv", "sus"} {
		h.refused(api.BadRequestException, "ResetPersonalPIN", "accountId=A&userId="+id, "", "")
	}
	h.refused(api.NotFoundException, "ResetPersonalPIN", "accountId=A&userId=nobody", "", "")
	h.refused(api.NotFoundException, "ResetPersonalPIN", "accountId=B&userId=reg", "", "")
	h.as(foreignAccount).refused(api.NotFoundException, "ResetPersonalPIN", "accountId=A&userId=reg", "", "")
}
