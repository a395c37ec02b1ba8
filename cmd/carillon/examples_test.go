//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// directoryOfExamples is what the examples of the manual are about.
const directoryOfExamples = `{"Accounts": [{"AwsAccountId": "111122223333", "AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27", "Name": "Example Corp",
	"AccountType": "EnterpriseLWA", "CreatedTimestamp": "2026-03-01T09:00:00.000Z", "DefaultLicense": "Pro", "SupportedLicenses": ["Basic", "Pro"]}]}
{"Users": [
	{"AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27", "UserId": "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12", "PrimaryEmail": "ana@example.com",
		"DisplayName": "Ana", "UserRegistrationStatus": "Registered"},
	{"AccountId": "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27", "UserId": "01931c60-22f5-7d83-a1b6-90c4e2d7f358", "PrimaryEmail": "bo@example.com",
		"DisplayName": "Bo", "UserRegistrationStatus": "Registered"}]}
`

// serveExamples starts a service with the directory of the examples, and some flags. It returns the
// service, its directory, and what runs a command there and returns what the command prints.
func serveExamples(t *testing.T, flags ...string) (s *service, dir string, run func(words ...string) string) {
	t.Helper()
	dir = t.TempDir()
	env := childEnv(dir)
	run = func(words ...string) string {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, env
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", words, err, complaints.String())
		}
		return string(out)
	}
	if err := os.WriteFile(filepath.Join(dir, "saved.json"), []byte(directoryOfExamples), 0o600); err != nil {
		t.Fatal(err)
	}
	run("carillon", "import", "saved.json")
	s = serving(t, dir, append(flags, "--log-level", "debug")...)
	env = append(env, "AWS_ENDPOINT_URL_CHIME="+s.url, "AWS_PROFILE=ana", "AWS_DEFAULT_REGION=us-east-1")
	run("carillon", "key", "create", "--name", "ana", "--policy", "AmazonChimeFullAccess", "--write-profile", "ana")
	return s, dir, run
}

// made returns what a reply says was made.
func made(t *testing.T, reply, name string) *document.Object {
	t.Helper()
	parsed, err := document.Parse(reply)
	if err != nil {
		t.Fatalf("%v in %s", err, reply)
	}
	return member(parsed, name).(*document.Object)
}

// asInExample compares what a command has printed with what the manual shows, if it shows anything.
func asInExample(t *testing.T, e model.Example, want, got string) {
	t.Helper()
	if want == "" {
		return
	}
	if diff := cmp.Diff(want+"\n", got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", e.Command, diff)
	}
}

// The examples of the manual for rooms, one after the other, do to a service what the manual says.
// The service makes the id of the room and the times itself. Its log tells no name of a room.
func TestExamplesOfRooms(t *testing.T) {
	t.Parallel()
	s, _, run := serveExamples(t)
	const roomOfExamples, timeOfExamples = "01931c71-0b3e-7f60-8c2d-46a1b5e9d073", "2026-03-02T09:34:44.158Z"
	var room, created string
	for _, name := range []string{
		"CreateRoom", "CreateRoomMembership", "ListRooms", "DeleteRoom",
		"CreateRoom", "BatchCreateRoomMembership", "ListRoomMemberships", "UpdateRoomMembership", "DeleteRoomMembership", "GetRoom", "UpdateRoom", "DeleteRoom",
	} {
		for _, e := range examplesOf(t, name) {
			got := run("bash", "-e", "-c", strings.ReplaceAll(e.Command, roomOfExamples, room))
			if name == "CreateRoom" {
				r := made(t, got, "Room")
				room, created = r.Text("RoomId"), r.Text("CreatedTimestamp")
			}
			asInExample(t, e, strings.NewReplacer(roomOfExamples, room, timeOfExamples, created).Replace(e.Output), got)
		}
	}
	log := s.complaints()
	if !strings.Contains(log, "operation=UpdateRoom") || strings.Contains(log, "Release") {
		t.Errorf("the log should tell of the requests, without the names of rooms:\n%s", log)
	}
}

// So do those for bots. The log tells neither names nor tokens nor endpoints.
func TestExamplesOfBots(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	b, err := startBot(ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s, dir, run := serveExamples(t, botFlags(ca)...)
	run("carillon", "domain", "claim", "example.com", "--account-id", "Example Corp")
	const (
		hostOfExamples  = "https://bots.example.com"
		botOfExamples   = "01931c74-5d28-7a94-b0e7-1f63c8d2a459"
		timeOfExamples  = "2026-03-02T09:38:21.640Z"
		tokenOfExamples = "b3VyLW93bi1zYW1wbGUtdG9rZW4tbm90LXJlYWw="
	)
	var bot, created, token string
	for _, name := range []string{
		"CreateBot", "GetBot", "ListBots", "PutEventsConfiguration", "GetEventsConfiguration", "DeleteEventsConfiguration", "RegenerateSecurityToken", "UpdateBot",
	} {
		for _, e := range examplesOf(t, name) {
			got := run("bash", "-e", "-c", strings.NewReplacer(botOfExamples, bot, hostOfExamples, b.URL).Replace(e.Command))
			if name == "CreateBot" {
				m := made(t, got, "Bot")
				bot, created, token = m.Text("BotId"), m.Text("CreatedTimestamp"), m.Text("SecurityToken")
			}
			asInExample(t, e, strings.NewReplacer(botOfExamples, bot, timeOfExamples, created, tokenOfExamples, token, hostOfExamples, b.URL).Replace(e.Output), got)
		}
	}
	saved, err := os.ReadFile(filepath.Join(dir, "lunch.token"))
	renewed := strings.TrimSpace(string(saved))
	if err != nil || len(renewed) != 40 || renewed == token {
		t.Errorf("the file with the new token: got %q, %v, want another than %q", saved, err, token)
	}
	log := s.complaints()
	if !strings.Contains(log, "operation=UpdateBot") {
		t.Errorf("the log does not tell of the requests:\n%s", log)
	}
	for _, private := range []string{"unch", b.URL, token, renewed} {
		if strings.Contains(log, private) {
			t.Errorf("the log tells %q:\n%s", private, log)
		}
	}
}

// So do those for messages, which the operator writes. The service makes the time of deletion.
func TestExamplesOfMessages(t *testing.T) {
	t.Parallel()
	_, _, run := serveExamples(t)
	const (
		account = "01931c5e-7a10-7b3e-9f42-5d0c8a6e1b27"
		user    = "01931c60-22f4-7c1a-8e55-3b9d7f0a4c12"
		of      = "01931c83-6e17-7c52-9ab4-0d8f3e71c6a5" // the conversation
	)
	textOf := func(reply, name string) string {
		t.Helper()
		parsed, err := document.Parse(reply)
		if err != nil {
			t.Fatalf("%v in %s", err, reply)
		}
		return parsed.(*document.Object).Text(name)
	}
	room := strings.TrimSpace(run("aws", "chime", "create-room", "--account-id", account, "--name", "x", "--query", "Room.RoomId", "--output", "text"))
	run("aws", "chime", "create-room-membership", "--account-id", account, "--room-id", room, "--member-id", user)
	inRoom := textOf(run("carillon", "message", "add", "--account-id", account, "--room", room, "--sender", user, "Hello"), "MessageId")
	said := textOf(run("carillon", "message", "add", "--account-id", account, "--conversation", of, "--sender", user, "Hello"), "MessageId")
	for name, message := range map[string]string{"RedactRoomMessage": inRoom, "RedactConversationMessage": said} {
		for _, e := range examplesOf(t, name) {
			command := strings.NewReplacer("01931c71-0b3e-7f60-8c2d-46a1b5e9d073", room, "01931c83-9d40-7f1e-8b62-e5a7c4093d18", message).Replace(e.Command)
			if got := run("bash", "-e", "-c", command); got != "" {
				t.Errorf("%s: got %q, want nothing", e.Command, got)
			}
		}
	}
	for _, where := range [][]string{{"--room", room}, {"--conversation", of}} {
		got := run(append([]string{"carillon", "message", "list", "--account-id", account, "--output", "json"}, where...)...)
		if strings.Contains(got, "Hello") || !strings.Contains(got, `"Redacted": true`) {
			t.Errorf("messages after the examples:\n%s", got)
		}
	}
	for _, name := range []string{"PutRetentionSettings", "GetRetentionSettings"} {
		for _, e := range examplesOf(t, name) {
			got := run("bash", "-e", "-c", e.Command)
			want := e.Output
			if want != "" {
				want = strings.Replace(want, "2026-04-01T10:10:52.301Z", textOf(got, "InitiateDeletionTimestamp"), 1)
			}
			asInExample(t, e, want, got)
		}
	}
}

func examplesOf(t *testing.T, operation string) []model.Example {
	t.Helper()
	for _, of := range chime.Service.Manual.Examples {
		if of.Operation == operation {
			return of.Examples
		}
	}
	t.Fatalf("there is no example of %s", operation)
	return nil
}
