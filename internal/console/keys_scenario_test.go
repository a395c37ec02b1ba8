package console_test

import "testing"

func TestScenario_keys(t *testing.T) {
	scenario(t, "a colleague who only looks", func(t *testing.T, v visitor) {
		s := start(t, nil)
		signIn(t, v, s)
		v.follow("Access keys")
		accessible(t, v)
		v.press("New read-only key")
		accessible(t, v)
		v.fill("Name", "ana.gray")
		v.press("Create key")
		v.sees("Key ana.gray was created.")
		accessible(t, v)
		v.follow("Back to all keys")
		v.sees("ana.gray", "AmazonChimeReadOnly")
		v.press("Disable key ana.gray")
		v.sees("The key was disabled.")
		v.press("Enable key ana.gray")
		v.sees("The key was enabled.")
		v.press("Delete key ana.gray")
		v.sees("Delete this key?")
		accessible(t, v)
		v.press("Delete key")
		v.sees("The key was deleted.")
		v.seesNot("ana.gray")
	})

	scenario(t, "who is signed in", func(t *testing.T, v visitor) {
		s := start(t, nil)
		key := s.keyNamed(t, "bo", "AmazonChimeReadOnly")
		s.signIn(t, key)
		signIn(t, v, s)
		v.open(s.url + "/console/ui/sessions")
		v.sees("bo", "Who is signed in")
		accessible(t, v)
	})
}
