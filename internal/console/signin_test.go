package console_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/console"
)

// signIn opens the console and signs in with the root key.
func signIn(t testing.TB, v visitor, s *service) {
	t.Helper()
	v.open(s.url + "/console/ui/")
	v.fill("Access key ID", s.root.ID)
	v.fill("Secret access key", s.root.Secret)
	v.press("Sign in")
	v.sees("Sign out")
}

func TestScenario_signIn(t *testing.T) {
	scenario(t, "by key", func(t *testing.T, v visitor) {
		s := start(t, nil)
		v.open(s.url + "/console/ui/")
		v.sees("Sign in")
		accessible(t, v)

		v.fill("Access key ID", s.root.ID)
		v.fill("Secret access key", "not the secret")
		v.press("Sign in")
		v.sees("This access key and secret do not fit together")
		v.seesNot("Sign out")
		accessible(t, v)

		v.fill("Secret access key", s.root.Secret)
		v.press("Sign in")
		v.sees("Accounts", "Sign out")
		if got, want := v.address().Path, "/console/ui/accounts"; got != want {
			t.Errorf("signed in, got the page %s, want %s", got, want)
		}
		accessible(t, v)

		v.press("Sign out")
		v.sees("Access key ID")
		v.back()
		v.seesNot("Sign out")
	})

	scenario(t, "by link", func(t *testing.T, v visitor) {
		s := start(t, nil)
		code, err := s.sessions.MakeLink(t.Context(), s.root.ID)
		if err != nil {
			t.Fatal(err)
		}
		v.open(s.url + "/console/ui/link")
		accessible(t, v)
		v.fill("Code", code)
		v.press("Sign in")
		v.sees("Accounts", "Sign out")
		v.press("Sign out")
		v.open(s.url + "/console/ui/link")
		v.fill("Code", code)
		v.press("Sign in")
		v.sees("This link has been used")
	})

	scenario(t, "a page that is not there", func(t *testing.T, v visitor) {
		s := start(t, nil)
		signIn(t, v, s)
		v.open(s.url + "/console/ui/nothing")
		v.sees("There is no such page.")
		accessible(t, v)
	})
}

// TestPictures goes where the screenshots of the documentation are taken. What is on a picture must
// not change by itself: no times, no ids.
func TestPictures(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	s := start(t, nil)
	b := newBrowser(t, manner{})
	defer b.leave()
	b.open(s.url + "/console/ui/sign-in")
	picture(t, b, "sign-in")

	s.people(t, s.enterprise(t, "Example"), 120)
	signIn(t, b, s)
	b.follow("Example")
	b.fill("E-mail or name", "person 11")
	b.choose("License", "Basic")
	b.sees("3 users on this page.")
	b.check("Select person111@example.com")
	b.check("Select person114@example.com")
	b.choose("What to do", "Give license Pro")
	picture(t, b, "users")
	s = start(t, func() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }) // a plan says when it was made
	account := s.enterprise(t, "Example")
	s.people(t, account, 60)
	signIn(t, b, s)
	b.open(s.url + console.Prefix + "/accounts/" + account + "/import")
	sheet := "email,license,Nickname\n"
	for i := range 40 {
		sheet += fmt.Sprintf("person%d@example.com,Pro,\n", i)
	}
	b.attach("Sheet", "staff.csv", []byte(sheet+"person50@example.com,Gold,\n"))
	b.press("Show what would change")
	b.awaits("Apply 14 changes", "Seats")
	picture(t, b, "plan")
}
