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

// The examples of the manual for rooms, one after the other, do to a service what the manual says.
// The service makes the id of the room and the times itself. Its log tells no name of a room.
func TestExamplesOfRooms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(env []string, words ...string) string {
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
	run(childEnv(dir), "carillon", "import", "saved.json")
	s := serving(t, dir, "--log-level", "debug")
	env := append(childEnv(dir), "AWS_ENDPOINT_URL_CHIME="+s.url, "AWS_PROFILE=ana", "AWS_DEFAULT_REGION=us-east-1")
	run(env, "carillon", "key", "create", "--name", "ana", "--policy", "AmazonChimeFullAccess", "--write-profile", "ana")

	const roomOfExamples, timeOfExamples = "01931c71-0b3e-7f60-8c2d-46a1b5e9d073", "2026-03-02T09:34:44.158Z"
	var room, created string
	for _, name := range []string{
		"CreateRoom", "CreateRoomMembership", "ListRooms", "DeleteRoom",
		"CreateRoom", "BatchCreateRoomMembership", "ListRoomMemberships", "UpdateRoomMembership", "DeleteRoomMembership", "GetRoom", "UpdateRoom", "DeleteRoom",
	} {
		for _, e := range examplesOf(t, name) {
			got := run(env, "bash", "-e", "-c", strings.ReplaceAll(e.Command, roomOfExamples, room))
			if name == "CreateRoom" {
				reply, err := document.Parse(got)
				if err != nil {
					t.Fatalf("%v in %s", err, got)
				}
				made := member(reply, "Room").(*document.Object)
				room, created = made.Text("RoomId"), made.Text("CreatedTimestamp")
			}
			want := strings.NewReplacer(roomOfExamples, room, timeOfExamples, created).Replace(e.Output)
			if want == "" { // of which the manual shows nothing
				continue
			}
			if diff := cmp.Diff(want+"\n", got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", e.Command, diff)
			}
		}
	}
	log := s.complaints()
	if !strings.Contains(log, "operation=UpdateRoom") || strings.Contains(log, "Release") {
		t.Errorf("the log should tell of the requests, without the names of rooms:\n%s", log)
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
