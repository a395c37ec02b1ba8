//go:build unix

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/webhook"
)

// A hook at a real listener is told of a call, signed with the secret that the service has made.
// Neither log nor list tells the token of the meeting.
func TestDialOutHook(t *testing.T) {
	t.Parallel()
	type call struct {
		header http.Header
		body   []byte
	}
	calls := make(chan call, 10)
	var status atomic.Int32 // of the answers, also to a call that comes again since its answer was late
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls <- call{r.Header, body}
		w.WriteHeader(int(status.Load()))
	}))
	defer hook.Close()
	dir := t.TempDir()
	s := serving(t, dir, "--dial-out-hook", hook.URL+"/calls?secret=1", "--log-level", "debug")
	env := childEnv(dir)
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	run := func(words ...string) string {
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
	run("carillon", "number", "add", "+12065550100")
	run("aws", "chime", "create-phone-number-order", "--product-type", "VoiceConnector", "--e164-phone-numbers", "+12065550100")
	until := func(what, has string, words ...string) string {
		t.Helper()
		for deadline := time.Now().Add(hung); ; {
			got := run(words...)
			if strings.Contains(got, has) {
				return got
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: got %s, want %q", what, got, has)
			}
		}
	}
	until("the number", "Unassigned", "aws", "chime", "list-phone-numbers")
	dialOut := []string{"aws", "chime", "create-meeting-dial-out", "--meeting-id", "9c4d7e21-36b8-4f05-a1d2-c87e5b90f463",
		"--from-phone-number", "+12065550100", "--to-phone-number", "+12065550199", "--join-token", "c2FtcGxlLWpvaW4tdG9rZW4",
		"--query", "TransactionId", "--output", "text"}
	status.Store(http.StatusOK)
	id := strings.TrimSpace(run(dialOut...)) // which does not wait for the hook
	c := <-calls
	secret, err := os.ReadFile(filepath.Join(dir, "carillon-data", "dial-out.secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.header.Get("Chime-Signature"), webhook.Sign(strings.TrimSpace(string(secret)), c.header.Get("Chime-Request-Timestamp"), c.body); got != want {
		t.Errorf("signature: got %q, want %q", got, want)
	}
	for _, want := range []string{`"EventType":"MeetingDialOut"`, `"TransactionId":"` + id + `"`, `"JoinToken":"c2FtcGxlLWpvaW4tdG9rZW4"`, `"ToPhoneNumber":"+12065550199"`} {
		if !strings.Contains(string(c.body), want) {
			t.Errorf("body: got %s, want it to have %s", c.body, want)
		}
	}
	until("the dial-out", "Delivered", "carillon", "dial-out", "list")

	// What the hook refuses is given up, logged and counted.
	status.Store(http.StatusTeapot)
	run(dialOut...)
	list := until("the other dial-out", "GivenUp", "carillon", "dial-out", "list", "--output", "json")
	for _, want := range []string{`carillon_dial_outs_total{status="Delivered"} 1`, `carillon_dial_outs_total{status="GivenUp"} 1`} {
		for begin := time.Now(); ; { // they are counted after they are in the list
			metrics, err := scrape(s.url)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(metrics, want) {
				break
			}
			if time.Since(begin) > hung {
				t.Fatalf("the metrics do not have %s", want)
			}
		}
	}
	if err := s.end(os.Interrupt); err != nil { // after which all of the log is there
		t.Errorf("carillon serve ended with %v", err)
	}
	log := s.complaints()
	if !strings.Contains(log, `reason="it answered with status 418"`) {
		t.Errorf("the log does not tell what was given up:\n%s", log)
	}
	for _, private := range []string{"c2FtcGxlLWpvaW4tdG9rZW4", "secret=1", strings.TrimSpace(string(secret)), "2065550199"} {
		if strings.Contains(log, private) || private != "2065550199" && strings.Contains(list, private) {
			t.Errorf("log or list tell %q:\n%s%s", private, log, list)
		}
	}
}
