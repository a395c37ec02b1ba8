//go:build unix

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// The ids of the examples of the manual that nothing but them gives out.
const (
	accountOfExamples      = "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27"
	anaOfExamples          = "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12"
	boOfExamples           = "01931c60-22f5-7d83-a1b6-90c4e2d7f358"
	conversationOfExamples = "01931c83-6e17-7c52-9ab4-0d8f3e71c6a5"
	messageOfExamples      = "01931c83-9d40-7f1e-8b62-e5a7c4093d18"
	hostOfExamples         = "https://bots.example.com"
)

// story tells examples of the manual to a service of its own, in an order in which they make sense.
type story struct {
	accountType string // of the account of the examples
	people      bool   // whether Ana and Bo are in it

	// The steps are names of operations, whose examples are run, and commands. The output of
	// "carillon message add" says how the message of the examples is called here.
	steps []string

	// secrets must not be in the log.
	secrets []string
}

var stories = map[string]story{
	"an organization": {"EnterpriseLWA", true, []string{
		"GetAccount", "GetAccountSettings", "GetUser", "ListUsers",
		"UpdateAccountSettings", "UpdateAccount", "UpdateGlobalSettings", "GetGlobalSettings",
		"UpdateUser", "BatchUpdateUser", "ResetPersonalPIN", "LogoutUser", "UpdateUserSettings", "GetUserSettings",
		"BatchSuspendUser", "BatchUnsuspendUser",
	}, []string{"ana@example.com"}},
	"numbers": {"EnterpriseLWA", true, []string{
		`printf 'PhoneNumber,City,State\n+12065550100,Seattle,WA\n+12065550101,Seattle,WA\n+12065550102,Seattle,WA\n' > pool.csv; carillon number add pool.csv`,
		"ListSupportedPhoneNumberCountries", "SearchAvailablePhoneNumbers",
		"CreatePhoneNumberOrder", "settle", "GetPhoneNumberOrder", "ListPhoneNumberOrders",
		"AssociatePhoneNumberWithUser", "GetPhoneNumber", "ListPhoneNumbers",
		"UpdatePhoneNumber", "settle", "BatchUpdatePhoneNumber", "UpdatePhoneNumberSettings", "GetPhoneNumberSettings",
		"CreateMeetingDialOut", "DisassociatePhoneNumberFromUser", "DeletePhoneNumber", "RestorePhoneNumber",
		"aws chime associate-phone-number-with-user --account-id " + accountOfExamples + " --user-id " + boOfExamples + " --e164-phone-number +12065550101",
		"BatchDeletePhoneNumber",
	}, []string{"206555", "c2FtcGxl"}},
	"rooms": {"EnterpriseLWA", true, []string{
		"CreateRoom", "CreateRoomMembership", "ListRooms", "DeleteRoom",
		"CreateRoom", "BatchCreateRoomMembership", "ListRoomMemberships", "UpdateRoomMembership",
		"PutRetentionSettings", "GetRetentionSettings",
		"carillon message add --account-id " + accountOfExamples + " --room 01931c71-0b3e-7f60-8c2d-46a1b5e9d073 --sender ana@example.com Hello",
		"RedactRoomMessage",
		"carillon message add --account-id " + accountOfExamples + " --conversation " + conversationOfExamples + " --sender ana@example.com Hello",
		"RedactConversationMessage",
		"DeleteRoomMembership", "GetRoom", "UpdateRoom", "DeleteRoom",
	}, []string{"Release", "Hello"}},
	"bots": {"EnterpriseLWA", true, []string{
		"carillon domain claim example.com --account-id " + accountOfExamples,
		"CreateBot", "GetBot", "ListBots", "PutEventsConfiguration", "GetEventsConfiguration", "DeleteEventsConfiguration",
		"RegenerateSecurityToken", "UpdateBot",
	}, []string{"unch", "https://127.0.0.1"}},
	"devices": {"EnterpriseDirectory", true, []string{
		"carillon domain claim example.com --account-id " + accountOfExamples,
		"CreateUser", "AssociateSigninDelegateGroupsWithAccount", "DisassociateSigninDelegateGroupsFromAccount"}, []string{"Room 4.12", "front-desk"}},
	"a team":   {"Team", false, []string{"ListAccounts", "InviteUsers"}, []string{"ana@example.com"}},
	"accounts": {"Team", false, []string{"DeleteAccount", "CreateAccount"}, nil},
}

// The examples of the manual do to a service what the manual says, for all operations. What the
// service makes up itself is other than in the manual: ids, which later examples name, times, and
// secrets, which its log does not tell.
func TestExamples(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	told := make(map[string]bool)
	for name, s := range stories {
		for _, step := range s.steps {
			told[step] = true
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tellExamples(t, s)
		})
	}
	for _, op := range chime.Service.All() {
		if !told[op.Name] {
			t.Errorf("no story has the examples of %s", op.Name)
		}
	}
}

func tellExamples(t *testing.T, s story) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	b, err := startBot(ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	sv := serving(t, dir, append(botFlags(ca), "--test", "--data", "carillon-data", "--log-level", "debug")...)
	env := append(childEnv(dir), "AWS_ENDPOINT_URL_CHIME="+sv.url, "AWS_PROFILE=ana", "AWS_DEFAULT_REGION=us-east-1")
	run := func(line string) string {
		t.Helper()
		cmd := exec.Command("bash", "-e", "-c", line)
		cmd.Dir, cmd.Env = dir, env
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, complaints.String())
		}
		return string(out)
	}
	if err := os.WriteFile(filepath.Join(dir, "saved.json"), []byte(s.directory()), 0o600); err != nil {
		t.Fatal(err)
	}
	run("carillon import saved.json")
	run("carillon key create --name ana --policy AmazonChimeFullAccess --write-profile ana")

	here := map[string]string{hostOfExamples: b.URL} // what the examples call otherwise
	for _, step := range s.steps {
		if step == "settle" {
			settle(t, sv.url)
			continue
		}
		for _, e := range examplesOf(step) {
			got := run(translated(e.Command, here))
			if strings.HasPrefix(step, "carillon message add") {
				reply, err := document.Parse(got)
				if err != nil {
					t.Fatal(err)
				}
				here[messageOfExamples] = reply.(*document.Object).Text("MessageId")
			}
			if e.Output == "" {
				continue
			}
			if diff := cmp.Diff(madeUp.replace(e.Output+"\n"), madeUp.replace(translated(got, map[string]string{b.URL: hostOfExamples}))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", e.Command, diff)
				continue
			}
			ids := uuid.FindAllString(got, -1)
			for i, id := range uuid.FindAllString(e.Output, -1) {
				here[id] = ids[i]
			}
		}
	}
	if err := sv.end(os.Interrupt); err != nil { // after which all of the log is there
		t.Errorf("carillon serve ended with %v", err)
	}
	log := sv.complaints()
	if !strings.Contains(log, "operation="+s.steps[len(s.steps)-1]) {
		t.Errorf("the log does not tell of the requests:\n%s", log)
	}
	for _, private := range s.secrets {
		if strings.Contains(log, private) {
			t.Errorf("the log tells %q:\n%s", private, log)
		}
	}
}

// directory is a saved listing of what a story begins with.
func (s story) directory() string {
	text := `{"Accounts": [{"AwsAccountId": "111122223333", "AccountId": "` + accountOfExamples + `", "Name": "Example Corp", "AccountType": "` +
		s.accountType + `", "CreatedTimestamp": "2026-03-01T09:00:00.000Z", "DefaultLicense": "Pro", "SupportedLicenses": ["Basic", "Pro"]}]}`
	if s.people {
		text += `{"Users": [
			{"AccountId": "` + accountOfExamples + `", "UserId": "` + anaOfExamples + `", "PrimaryEmail": "ana@example.com", "DisplayName": "Ana",
				"LicenseType": "Pro", "UserRegistrationStatus": "Registered", "UserInvitationStatus": "Accepted", "PersonalPIN": "4071958236",
				"RegisteredOn": "2026-03-02T11:20:40.016Z", "InvitedOn": "2026-03-02T09:16:12.844Z"},
			{"AccountId": "` + accountOfExamples + `", "UserId": "` + boOfExamples + `", "PrimaryEmail": "bo@example.com", "DisplayName": "Bo",
				"LicenseType": "Pro", "UserRegistrationStatus": "Registered"}]}`
	}
	return text
}

// settle waits until a service for tests has done all that is due.
func settle(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Post(url+"/_carillon/clock", "application/json", strings.NewReader(`{"advance": "1s"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("moving the clock: got %s", resp.Status)
	}
}

// translated is a text with other words for some.
func translated(text string, words map[string]string) string {
	var pairs []string
	for from, to := range words {
		pairs = append(pairs, from, to)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// madeUp matches what a service makes up.
var madeUp = replacements{
	{uuid, "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b\d{10}\b`), "PIN"},
	{regexp.MustCompile(`"SecurityToken": "[A-Za-z0-9+/=]{40}"`), "TOKEN"},
	{regexp.MustCompile(`"NextToken": "[^"]+"`), "NEXT"},
}

// examplesOf returns the examples of an operation, or a command as one.
func examplesOf(step string) []model.Example {
	i := slices.IndexFunc(chime.Service.Manual.Examples, func(of model.OperationExamples) bool { return of.Operation == step })
	if i < 0 {
		return []model.Example{{Command: step}}
	}
	return chime.Service.Manual.Examples[i].Examples
}
