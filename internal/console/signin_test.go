package console_test

import "testing"

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
		v.sees("This access key ID and secret do not match")
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
		v.open(s.url + "/console/ui/link") // once more, in another tab
		v.fill("Code", code)
		v.press("Sign in")
		v.sees("You are signed in already, as root.")
		accessible(t, v)
		v.follow("Accounts")
		v.press("Sign out")
		v.open(s.url + "/console/ui/link")
		v.fill("Code", code)
		v.press("Sign in")
		v.sees("This link has been used")
	}, noScript)

	scenario(t, "a page that is not there", func(t *testing.T, v visitor) {
		s := start(t, nil)
		signIn(t, v, s)
		v.open(s.url + "/console/ui/nothing")
		v.sees("There is no such page.")
		accessible(t, v)
	})
}
