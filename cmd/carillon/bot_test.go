package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/webhook"
)

// bot is a bot written against the documentation: an HTTPS endpoint that answers challenges, gets
// events, and answers whoever mentions it.
type bot struct {
	*httptest.Server
	events chan botEvent   // as it has taken them, after its answer
	before func(*botEvent) // is called before it takes an event; nil: it takes each event once

	mu    sync.Mutex
	known map[botEvent]bool
}

type botEvent struct {
	Challenge            string
	EventType            string
	Sender               string
	Discussion           struct{ DiscussionId string }
	Message              string
	InboundHttpsEndpoint struct{ Url string }
	EventTimestamp       string
	problem              string
}

// startBot starts a bot, and saves the certificate to trust in a file.
func startBot(caFile string) (*bot, error) {
	b := &bot{events: make(chan botEvent, 100), known: map[botEvent]bool{}}
	b.Server = httptest.NewTLSServer(b)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw})
	return b, os.WriteFile(caFile, block, 0o644)
}

// botFlags are those by which a service calls the bots of tests.
func botFlags(caFile string) []string {
	return []string{"--events-allow", "127.0.0.0/8", "--events-ca", caFile}
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e botEvent
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		e.problem = err.Error()
	}
	if r.Header.Get("Chime-Signature") == "" || r.Header.Get("Chime-Request-Timestamp") == "" {
		e.problem = "no signature"
	}
	// Like whoever refuses what was sent long ago, it goes by its own clock.
	if at, err := time.Parse(time.RFC3339, r.Header.Get("Chime-Request-Timestamp")); err != nil || time.Since(at).Abs() > time.Hour {
		e.problem = "a signature of " + r.Header.Get("Chime-Request-Timestamp")
	}
	if e.Challenge != "" {
		fmt.Fprintf(w, `{"Challenge": %q}`, e.Challenge)
		return
	}
	if b.before != nil {
		b.before(&e)
	} else if b.knows(e) {
		return
	}
	if e.EventType == "Mention" {
		content, _ := json.Marshal(map[string]string{"Content": "You said: " + e.Message})
		reply, err := http.Post(e.InboundHttpsEndpoint.Url, "application/json", bytes.NewReader(content))
		if err != nil {
			e.problem = err.Error()
		} else {
			if text, _ := io.ReadAll(reply.Body); reply.StatusCode != http.StatusOK {
				e.problem = fmt.Sprintf("%s: %s", reply.Status, text)
			}
			reply.Body.Close()
		}
	}
	b.events <- e
}

// knows reports whether an event has come before. A service sends it again if the answer takes
// longer than two seconds, as it may on a busy machine.
func (b *bot) knows(e botEvent) bool {
	e.InboundHttpsEndpoint.Url = "" // which may be another one
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.known[e]
	b.known[e] = true
	return known
}

// next returns the next event that a bot has taken.
func (b *bot) next() (botEvent, error) {
	select {
	case e := <-b.events:
		if e.problem != "" {
			return e, fmt.Errorf("the bot got %+v: %s", e, e.problem)
		}
		return e, nil
	case <-time.After(hung):
		return botEvent{}, fmt.Errorf("the bot got no event for %v", hung)
	}
}

// theBot is the key of the bot of a script.
type theBot struct{}

func startBotInScript(ts *testscript.TestScript, neg bool, args []string) {
	b, err := startBot(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(b.Close)
	*ts.Value(theBot{}).(**bot) = b
	ts.Setenv("BOT_URL", b.URL)
}

func heard(ts *testscript.TestScript, neg bool, args []string) {
	b := *ts.Value(theBot{}).(**bot)
	for _, want := range args {
		e, err := b.next()
		ts.Check(err)
		if e.EventType != want {
			ts.Fatalf("the bot got %+v, want an event %s", e, want)
		}
		fmt.Fprintf(ts.Stdout(), "%s %s\n", e.EventType, strings.Join([]string{e.Sender, e.Message}, " "))
	}
	select {
	case e := <-b.events:
		ts.Fatalf("the bot got one more event: %+v", e)
	default:
	}
}

// A service that is killed while it sends an event has another one send it again, and those after
// it, in their order. The log tells of an answer, but not by which URL.
func TestKilledWhileSendingEvents(t *testing.T) {
	t.Parallel()
	inTime(t, killedWhileSendingEvents)
}

// killedWhileSendingEvents reports whether the service has died in time: before it could give up
// the first event.
func killedWhileSendingEvents(t *testing.T) (inTime bool) {
	dir := t.TempDir()
	ca := dir + "/ca.pem"
	b, err := startBot(ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	started := make(chan struct{}, 1)
	killed := make(chan struct{})
	b.before = func(*botEvent) {
		select {
		case started <- struct{}{}:
		default:
		}
		<-killed
	}
	args := append(botFlags(ca), "--test", "--log-level", "debug", "--data", dir+"/data", "--listen", "127.0.0.1:0")
	s := serving(t, dir, args...)
	env := func() []string {
		env := childEnv(dir)
		for name, value := range s.env {
			env = append(env, name+"="+value)
		}
		return env
	}
	run := func(words ...string) string {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, env()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", words, err, out)
		}
		return string(out)
	}
	account := run("carillon", "account", "create", "--data", dir+"/data", "--name", "Acme", "--type", "EnterpriseLWA", "--output", "json")
	var made struct{ Account struct{ AccountId string } }
	if err := json.Unmarshal([]byte(account), &made); err != nil {
		t.Fatal(err)
	}
	id := made.Account.AccountId
	run("carillon", "domain", "claim", "acme.example", "--data", dir+"/data", "--account-id", id)
	of := []string{"--account-id", id, "--output", "text"}
	chime := func(words ...string) string {
		return strings.TrimSpace(run(append(append([]string{"aws", "chime"}, words...), of...)...))
	}
	botID := chime("create-bot", "--display-name", "Echo", "--query", "Bot.BotId")
	chime("put-events-configuration", "--bot-id", botID, "--cli-input-json", `{"OutboundEventsHTTPSEndpoint":"`+b.URL+`"}`)
	var rooms []string
	for range 3 {
		rooms = append(rooms, chime("create-room", "--name", "R", "--query", "Room.RoomId"))
	}
	run("carillon", "clock", "freeze") // which does not let the lease of the dead end
	// Nothing takes its time from here.
	c := &crashClient{name: "bots"}
	c.connect(t, s)
	begin := time.Now()
	for _, room := range rooms {
		if _, err := c.call("CreateRoomMembership", document.Member{Key: "AccountId", Value: id},
			document.Member{Key: "RoomId", Value: room}, document.Member{Key: "MemberId", Value: botID}); err != nil {
			t.Fatal(err)
		}
	}
	<-started
	s.end(os.Kill)
	close(killed)
	if time.Since(begin) > 3*webhook.Timeout { // of three tries
		return false
	}
	if e, err := b.next(); err != nil || e.Discussion.DiscussionId != rooms[0] { // which the service did not live to learn
		t.Fatalf("got event %+v, error %v, want that of the first room", e, err)
	}

	s = serving(t, dir, args...)
	var url string
	for i := 0; i < len(rooms); {
		e, err := b.next()
		url = e.InboundHttpsEndpoint.Url
		if err == nil && slices.Contains(rooms[:i], e.Discussion.DiscussionId) {
			continue // once more
		}
		if err != nil || e.Discussion.DiscussionId != rooms[i] || e.EventType != "Invite" {
			t.Fatalf("got event %+v, error %v, want the invitation to room %s", e, err, rooms[i])
		}
		i++
	}
	_, path, _ := strings.Cut(url, "/inbound/")
	reply, err := http.Post(s.url+"/inbound/"+path, "", strings.NewReader(`{"Content": "hello"}`)) // on another port
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if err := s.end(syscall.SIGTERM); err != nil || reply.StatusCode != http.StatusOK {
		t.Errorf("an answer: got %s; the service ended with %v", reply.Status, err)
	}
	if log := s.complaints(); !strings.Contains(log, "operation=Inbound status=200") || strings.Contains(log, "/inbound/") || strings.Contains(log, b.URL) {
		t.Errorf("the log should tell of the answer, and show no URL:\n%s", log)
	}
	return true
}
