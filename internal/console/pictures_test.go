package console_test

import (
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/store"
)

// TestPictures goes where the screenshots of the documentation are taken.
func TestPictures(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	s := start(t, func() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) })
	account := s.enterprise(t, "Example Corp")
	s.people(t, account, 120)
	s.addTrail(t, pastOf(account)...)
	b := newBrowser(t, manner{})
	defer b.leave()
	signIn(t, b, s)

	b.follow("Example Corp")
	b.fill("E-mail or name", "person 11")
	b.choose("License", "Basic")
	b.sees("3 users on this page.")
	b.check("Select person111@example.com")
	b.check("Select person114@example.com")
	b.choose("What to do", "Give license Pro")
	picture(t, b, "users")

	b.follow("person111@example.com")
	b.sees("Personal PIN", "UpdateUser")
	picture(t, b, "user")

	b.open(s.url + console.Prefix + "/audit?until=2026-03-02T00:00")
	b.sees("InviteUsers")
	picture(t, b, "audit")

	b.open(s.url + console.Prefix + "/report?since=2026-02-27&account=" + account)
	b.sees("Seats over time")
	picture(t, b, "report")

	b.open(s.url + console.Prefix + "/accounts/" + account + "/import")
	b.attach("Sheet", "people.csv", []byte("E-mail,License,Lisense,Department\n"+
		"person0@example.com,Pro,,Sales\nperson3@example.com,Premium,,Sales\nperson4@example.com,Pro,,Sales\nperson6@example.com,Pro,,Sales\nnobody@example.com,Pro,,Sales\n"))
	b.press("Show what would change")
	b.awaits("Apply 2 changes")
	picture(t, b, "plan")

	b.press("Apply 2 changes")
	b.awaits("Finished")
	picture(t, b, "job")
}

// pastOf is what people have done in an account: two users have another license since.
func pastOf(account string) []store.AuditRecord {
	record := func(name, operation, target, before, after string) store.AuditRecord {
		return store.AuditRecord{AccountID: account, Operation: operation, Target: target, KeyName: name, KeyID: "AKIAIOSFODNN7EXAMPLE", Before: before, After: after}
	}
	return []store.AuditRecord{
		record("ana", "InviteUsers", "u117", "", `{"PrimaryEmail": "person117@example.com", "LicenseType": "Pro", "UserType": "PrivateUser", "UserRegistrationStatus": "Unregistered", "UserInvitationStatus": "Pending", "InviteId": "i1"}`),
		record("bo", "UpdateUser", "u111", `{"LicenseType": "Pro"}`, `{"LicenseType": "Basic"}`),
		record("bo", "UpdateUser", "u114", `{"LicenseType": "Pro"}`, `{"LicenseType": "Basic"}`),
		record("ana", "LogoutUser", "u111", "", ""),
		record("ana", "CreateRoom", "r1", "", `{"Name": "Lunch"}`),
	}
}
