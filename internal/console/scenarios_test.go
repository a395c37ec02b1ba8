package console_test

import (
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

func TestScenario_sessionEnds(t *testing.T) {
	scenario(t, "while somebody types", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.enterprise(t, "Example")
		signIn(t, v, s)
		v.open(s.url + console.Prefix + "/accounts/" + account + "/settings")
		v.fill("Name", `Ex & "ample"`)
		list, err := s.sessions.List(t.Context(), awsAccount)
		if err != nil {
			t.Fatal(err)
		}
		for _, session := range list {
			if err := s.sessions.Revoke(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyID: s.root.ID, KeyName: s.root.Name}, session.ID); err != nil {
				t.Fatal(err)
			}
		}
		v.press("Rename")
		v.fill("Access key ID", s.root.ID)
		v.fill("Secret access key", s.root.Secret)
		v.press("Sign in")
		v.sees("Rename", `Ex & "ample"`) // in the command: nothing was typed in vain
		accessible(t, v)
		v.press("Rename")
		v.sees("The account has been changed.", `Ex & "ample"`)
	})
}

// Names are text, whatever is in them.
const hostileName = `<script>alert("x")</script><img src=x onerror=alert(1)>`

func TestScenario_userOf(t *testing.T) {
	scenario(t, "a Team account", func(t *testing.T, v visitor) {
		s := start(t, nil)
		team, err := s.operator.CreateAccount(t.Context(), awsAccount, "Team", api.AccountTypeTeam)
		if err != nil {
			t.Fatal(err)
		}
		s.people(t, team.AccountId, 2)
		signIn(t, v, s)
		v.open(s.url + console.Prefix + "/accounts/" + team.AccountId + "/users/u1")
		v.press("Remove from the account")
		v.sees("person1@example.com leaves the account.", "This cannot be undone.", "aws chime batch-suspend-user")
		accessible(t, v)
		v.press("Remove from the account")
		v.sees("The user has been removed from the account.", "person0@example.com")
		v.seesNot("person1@example.com")
	})

	scenario(t, "an account with hostile names", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.enterprise(t, hostileName)
		s.write(t, func(tx store.Tx) error {
			return tx.InsertUsers([]store.User{{AccountID: account, UserID: "u0", Email: "person0@example.com", DisplayName: hostileName,
				License: "Pro", Type: "PrivateUser", Registration: string(api.RegistrationStatusRegistered)}})
		})
		signIn(t, v, s)
		v.sees(hostileName)
		accessible(t, v)
		v.follow(hostileName)
		v.sees(hostileName, "person0@example.com")
		accessible(t, v)
		v.follow("Rooms")
		v.fill("Name of the new room", hostileName)
		v.press("Create room")
		v.fill("Address or ID of a user or a bot", "u0")
		v.press("Add member")
		v.sees("The member was added.", hostileName)
		accessible(t, v)
		v.follow("person0@example.com")
		v.sees("Rooms", hostileName)
		accessible(t, v)
		v.press("Suspend")
		v.sees("person0@example.com can no longer sign in.")
		v.press("Suspend")
		v.sees("The user has been suspended.")
		v.press("Unsuspend")
		v.sees("person0@example.com can sign in again.")
		v.press("Unsuspend")
		v.sees("The user can sign in again.")
	})
}
