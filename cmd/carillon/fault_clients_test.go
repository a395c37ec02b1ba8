package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
)

// TestFaultClients shows faults to clients that know nothing of this project: they try again as
// they do with any service. Those that do not come with Go are named by variables:
//
//	CARILLON_TEST_AWSCLI  an AWS CLI, of whatever release
//	CARILLON_TEST_PYTHON  a Python that has boto3
//	CARILLON_TEST_NODE    a directory node_modules with @aws-sdk/client-chime
func TestFaultClients(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	env := append(childEnv(dir), "CARILLON_DATA="+filepath.Join(dir, "data"))
	s, err := startService("carillon", dir, env, "--test", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	home := enterprise(t, operator(t, dir, env))
	env = append(env, "ENTERPRISE="+home)

	t.Run("Go", func(t *testing.T) { // whose rules would hit the others: these say which test they are for
		throttled(t, s, home)
		lost(t, s, home)
	})
	t.Run("AWS CLI", func(t *testing.T) {
		t.Parallel()
		cli := os.Getenv("CARILLON_TEST_AWSCLI")
		if cli == "" {
			t.Skip("CARILLON_TEST_AWSCLI is not set; .ci/run sets it")
		}
		faults(t, s, `{"id": "cli", "operation": "GetAccountSettings", "count": 2, "effect": {"statusCode": 503}}`)
		run := exec.Command(cli, "--endpoint-url", s.url, "chime", "get-account-settings", "--account-id", home)
		run.Dir, run.Env = dir, append(env, "AWS_PAGER=")
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if n := fired(t, s, "cli"); n != 2 {
			t.Errorf("the rule has fired %d times, want 2", n)
		}
	})
	t.Run("boto3", func(t *testing.T) {
		t.Parallel()
		script(t, dir, env, python(t), "faults.py")
	})
	t.Run("JavaScript", func(t *testing.T) {
		t.Parallel()
		modules := os.Getenv("CARILLON_TEST_NODE")
		if modules == "" {
			t.Skip("CARILLON_TEST_NODE is not set; .ci/run sets it")
		}
		script(t, dir, append(env, "NODE_PATH="+modules), "node", "faults.mjs")
	})
}

// faults adds a rule to those of a service.
func faults(t *testing.T, s *service, rule string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.url+"/_carillon/faults", strings.NewReader(rule))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(reply.Body)
		t.Fatalf("%s: %s %s", rule, reply.Status, text)
	}
}

// fired returns how often a rule has fired, by the activity.
func fired(t *testing.T, s *service, rule string) int {
	t.Helper()
	reply, err := http.Get(s.url + "/_carillon/activity?rule=" + rule)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var got struct{ Activity []struct{ Rule string } }
	if err := json.NewDecoder(reply.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return len(got.Activity)
}

// sdk returns a client of the AWS SDK for Go.
func sdk(s *service, retryer aws.Retryer) *chime.Client {
	return chime.New(chime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.url), Retryer: retryer,
		Credentials: credentials.NewStaticCredentialsProvider(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// throttled: the SDK for Go tells a program of this exception, unless it is told to try again. Then
// it waits as the answer says.
func throttled(t *testing.T, s *service, account string) {
	faults(t, s, `{"id": "throttled", "operation": "GetBot", "count": 2, "effect": {"code": "ThrottledClientException", "retryAfter": 1}}`)
	in := &chime.GetBotInput{AccountId: &account, BotId: aws.String("nobody")}
	_, err := sdk(s, retry.NewStandard()).GetBot(context.Background(), in)
	if _, ok := errors.AsType[*types.ThrottledClientException](err); !ok || fired(t, s, "throttled") != 1 {
		t.Errorf("got %v, and the rule has fired %d times", err, fired(t, s, "throttled"))
	}
	begin := time.Now()
	_, err = sdk(s, retry.AddWithErrorCodes(retry.NewStandard(), "ThrottledClientException")).GetBot(context.Background(), in)
	if _, ok := errors.AsType[*types.NotFoundException](err); !ok || fired(t, s, "throttled") != 2 {
		t.Errorf("once more: got %v, and the rule has fired %d times", err, fired(t, s, "throttled"))
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("it tried again after %v, want a second at least", took)
	}
}

// lost: the SDK for Go settles a reply that does not come.
func lost(t *testing.T, s *service, account string) {
	for _, connection := range []string{"empty", "reset"} {
		faults(t, s, `{"id": "lost-`+connection+`", "operation": "CreateRoom", "where": "after", "count": 1, "effect": {"connection": "`+connection+`"}}`)
		client, name := sdk(s, retry.NewStandard()), "From Go, "+connection
		if _, err := client.CreateRoom(context.Background(), &chime.CreateRoomInput{AccountId: &account, Name: &name}); err != nil {
			t.Errorf("%s: %v", connection, err)
		}
		rooms, err := client.ListRooms(context.Background(), &chime.ListRoomsInput{AccountId: &account})
		if err != nil {
			t.Fatal(err)
		}
		made := 0
		for _, r := range rooms.Rooms {
			if *r.Name == name {
				made++
			}
		}
		if made != 1 || fired(t, s, "lost-"+connection) != 1 {
			t.Errorf("%s: %d rooms were made, and the rule has fired %d times", connection, made, fired(t, s, "lost-"+connection))
		}
	}
}
