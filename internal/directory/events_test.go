package directory_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/webhook"
)

// patience is how long a test waits for an answer, of which there must be one.
const patience = 5 * time.Minute

// sender calls the endpoints of tests, and waits for nothing before it does so again.
func sender(t testing.TB, clock func() time.Time) *webhook.Sender {
	t.Helper()
	listener := httptest.NewTLSServer(nil) // all have one certificate
	listener.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := webhook.New(webhook.Options{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, CAFile: file, Clock: clock, Timeout: patience,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// endedEvents are how events of bots have ended.
type endedEvents struct {
	mu  sync.Mutex
	all []string // "bot: outcome, reason"
}

func (e *endedEvents) add(botID string, outcome directory.EventOutcome, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, fmt.Sprintf("%s: %s, %s", botID, outcome, reason))
}

// take returns what has ended since the last time.
func (e *endedEvents) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.all
	e.all = nil
	return all
}

// botHost is where a bot gets its events: an HTTPS endpoint that answers challenges.
type botHost struct {
	url string

	mu     sync.Mutex
	status int                           // of its answers
	wait   chan struct{}                 // closed when it may answer events; nil: at once
	key    string                        // the security token, if it is to check signatures
	answer func(challenge string) string // nil: as it should
	got    []map[string]any              // events
	called func()                        // is called with each event, if it is not nil
	calls  int                           // challenges, too
	wrong  []string                      // what was wrong with a call
	taken  chan struct{}                 // gets a value for each event that it got
}

func newBotHost(t testing.TB) *botHost {
	t.Helper()
	host := &botHost{status: http.StatusOK, taken: make(chan struct{}, 100)}
	listener := httptest.NewTLSServer(host)
	t.Cleanup(func() {
		listener.CloseClientConnections()
		listener.Close()
		for _, text := range host.wrong {
			t.Error(text)
		}
	})
	host.url = listener.URL
	return host
}

func (b *botHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var body map[string]any
	b.mu.Lock()
	b.calls++
	if err := json.Unmarshal(text, &body); err != nil || r.Method != http.MethodPost {
		b.wrong = append(b.wrong, fmt.Sprintf("%s with the body %q", r.Method, text))
	}
	signature := r.Header.Get("Chime-Signature")
	if b.key != "" && signature != webhook.Sign(b.key, r.Header.Get("Chime-Request-Timestamp"), text) {
		b.wrong = append(b.wrong, "the signature is wrong")
	}
	challenge, isChallenge := body["Challenge"].(string)
	status, wait, answer, called := b.status, b.wait, b.answer, b.called
	if !isChallenge && err == nil && status == http.StatusOK && wait == nil {
		b.got = append(b.got, body)
		b.taken <- struct{}{}
	}
	if isChallenge && (body["EventType"] != "HTTPSEndpointVerification" || len(challenge) != 20 || strings.Trim(challenge, "0123456789") != "") {
		b.wrong = append(b.wrong, fmt.Sprintf("the challenge %s", text))
	}
	b.mu.Unlock()
	if isChallenge {
		if answer == nil {
			answer = func(c string) string { return `{"Challenge": "` + c + `"}` }
		}
		io.WriteString(w, answer(challenge))
		return
	}
	if called != nil {
		called()
	}
	if wait != nil {
		select {
		case <-wait:
		case <-r.Context().Done():
		}
	}
	w.WriteHeader(status)
}

// set changes how it answers.
func (b *botHost) set(fn func(*botHost)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(b)
}

// take returns "type room" of the events that it got since the last time.
func (b *botHost) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := []string{}
	for _, e := range b.got {
		all = append(all, fmt.Sprint(e["EventType"], " ", e["Discussion"].(map[string]any)["DiscussionId"]))
	}
	b.got = nil
	return all
}

// addListener makes a bot with a host of its own.
func (h *house) addListener(t *testing.T, account, name string) (apiBot, *botHost) {
	t.Helper()
	b, host := h.addBot(t, account, name), newBotHost(t)
	host.key = b.SecurityToken
	h.must("PutEventsConfiguration", botLabels(account, b.BotId), "", fmt.Sprintf(`{"OutboundEventsHTTPSEndpoint":%q}`, host.url))
	return b, host
}

// runDue does what is due.
func (h *house) runDue() {
	h.t.Helper()
	if err := h.service.RunDue(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// onBotHouses runs a test in houses with an Enterprise account A.
func onBotHouses(t *testing.T, test func(t *testing.T, h *house)) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.ownDomains("A", "a.example")
		test(t, h)
	})
}

func TestBotsInRooms(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "Lunch")
		id := bot.BotId
		h.addUsers(registered("A", "u"))
		room := h.addRoom("A", "R")
		labels := in("A", room)
		shown := fmt.Sprintf(`{"RoomId":"%s","Member":{"MemberId":"%s","MemberType":"Bot","Email":"lunch-chimebot@a.example","FullName":"Lunch (Bot)","AccountId":"A"},`+
			`"Role":"Member","InvitedBy":"arn:aws:iam::111122223333:user/admin","UpdatedTimestamp":"%s"}`, room, id, stamp)
		h.refused(api.BadRequestException, "CreateRoomMembership", labels, "", `{"MemberId":"`+id+`","Role":"Administrator"}`)
		equal(t, "CreateRoomMembership", h.must("CreateRoomMembership", labels, "", `{"MemberId":"`+id+`"}`), `{"RoomMembership":`+shown+`}`)
		h.refused(api.ConflictException, "CreateRoomMembership", labels, "", `{"MemberId":"`+id+`"}`)
		h.must("CreateRoomMembership", labels, "", `{"MemberId":"u"}`)
		list := h.must("ListRoomMemberships", labels, "", "")
		if !strings.HasPrefix(list, `{"RoomMemberships":[`+shown+`,{`) || !strings.Contains(list, `"MemberId":"u","MemberType":"User"`) {
			t.Errorf("ListRoomMemberships: got %s", list)
		}
		if rooms := h.must("ListRooms", "accountId=A", "member-id="+id, ""); !strings.Contains(rooms, room) {
			t.Errorf("ListRooms of the bot: got %s", rooms)
		}
		for _, body := range []string{`{"Role":"Administrator"}`, `{"Role":"Member"}`, ``} {
			h.refused(api.BadRequestException, "UpdateRoomMembership", in("A", room, id), "", body)
		}

		// Who is told what, in order.
		h.must("DeleteRoomMembership", in("A", room, id), "", "")
		h.refused(api.NotFoundException, "DeleteRoomMembership", in("A", room, id), "", "")
		h.must("BatchCreateRoomMembership", labels, "", `{"MembershipItemList":[{"MemberId":"`+id+`","Role":"Member"}]}`)
		h.must("DeleteRoom", labels, "", "")
		h.runDue()
		invite, remove := "Invite "+room, "Remove "+room
		equal(t, "events", host.take(), []string{invite, remove, invite, remove})
		equal(t, "ends", h.events.take(), slices.Repeat([]string{id + ": delivered, "}, 4))
	})
}

// What keeps a bot out of a room, as one refusal and as those of a batch.
func TestBotsInRooms_Refused(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		h.addAccount("B", "EnterpriseLWA")
		h.ownDomains("B", "b.example")
		room := in("A", h.addRoom("A", "R"))
		mute := h.addBot(t, "A", "mute").BotId
		off, _ := h.addListener(t, "A", "off")
		h.must("UpdateBot", botLabels("A", off.BotId), "", `{"Disabled":true}`)
		fine, _ := h.addListener(t, "A", "fine")
		foreign, _ := h.addListener(t, "B", "foreign")
		want := map[string]string{mute: "PreconditionFailed", off.BotId: "PreconditionFailed", fine.BotId: "BadRequest", foreign.BotId: "NotFound"}
		var items []string
		for id, code := range want {
			role := `"Member"`
			if id == fine.BotId {
				role = `"Administrator"`
			}
			item := `{"MemberId":"` + id + `","Role":` + role + `}`
			items = append(items, item)
			exception := api.BadRequestException
			if code == "NotFound" {
				exception = api.NotFoundException
			}
			h.refused(exception, "CreateRoomMembership", room, "", item)
		}
		var batch struct {
			Errors []struct{ MemberId, ErrorCode string }
		}
		parse(t, h.must("BatchCreateRoomMembership", room, "", `{"MembershipItemList":[`+strings.Join(items, ",")+`]}`), &batch)
		got := map[string]string{}
		for _, e := range batch.Errors {
			got[e.MemberId] = e.ErrorCode
		}
		equal(t, "errors of the batch", got, want)
		equal(t, "members", h.must("ListRoomMemberships", room, "", ""), `{"RoomMemberships":[]}`)
		equal(t, "ends", h.events.take(), []string(nil))
	})
}

func TestEvents_Body(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "Lunch")
		room := h.addRoom("A", "R")
		h.addMember("A", room, bot.BotId)
		h.must("DeleteRoom", in("A", room), "", "")
		h.runDue()
		if len(host.got) != 2 {
			t.Fatalf("got %d events, want 2", len(host.got))
		}
		event := func(kind string) map[string]any {
			return map[string]any{
				"Sender": "", "SenderId": "arn:aws:iam::111122223333:user/admin", "EventType": kind, "EventTimestamp": stamp,
				"Discussion": map[string]any{"DiscussionId": room, "DiscussionType": "Room"},
			}
		}
		endpoint, _ := host.got[0]["InboundHttpsEndpoint"].(map[string]any)
		url, _ := endpoint["Url"].(string)
		if !strings.HasPrefix(url, h.url+"/inbound/A/"+room+"/"+bot.BotId+"/") || endpoint["EndpointType"] != "Persistent" {
			t.Errorf("the endpoint of the invitation: got %v", endpoint)
		}
		delete(host.got[0], "InboundHttpsEndpoint")
		equal(t, "events", host.got, []map[string]any{event("Invite"), event("Remove")})
	})
}

// inviteBot adds a bot to new rooms, and returns "Invite room" of each.
func (h *house) inviteBot(account, bot string, rooms int) (want []string) {
	h.t.Helper()
	for i := range rooms {
		room := h.addRoom(account, fmt.Sprint("R", i))
		h.addMember(account, room, bot)
		want = append(want, "Invite "+room)
	}
	return want
}

// An endpoint that fails loses the event after three tries, and gets the next.
func TestEvents_GivenUp(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "x")
		host.set(func(b *botHost) { b.status, b.calls = http.StatusServiceUnavailable, 0 })
		h.inviteBot("A", bot.BotId, 2)
		h.runDue()
		equal(t, "ends", h.events.take(), slices.Repeat([]string{bot.BotId + ": given_up, answered with status 503"}, 2))
		equal(t, "calls", host.calls, 6)
		host.set(func(b *botHost) { b.status = http.StatusOK })
		want := h.inviteBot("A", bot.BotId, 1)
		h.runDue()
		equal(t, "events", host.take(), want)
		equal(t, "ends", h.events.take(), []string{bot.BotId + ": delivered, "})
	})
}

// What a bot cannot be told is dropped, when it happens or when it was to be sent.
func TestEvents_Dropped(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "x")
		h.inviteBot("A", bot.BotId, 1)
		labels := botLabels("A", bot.BotId)
		h.must("UpdateBot", labels, "", `{"Disabled":true}`)
		h.runDue()
		equal(t, "ends when it was disabled", h.events.take(), []string{bot.BotId + ": dropped, the bot is disabled"})
		h.must("UpdateBot", labels, "", `{"Disabled":false}`)
		h.runDue()

		room := h.addRoom("A", "R")
		h.addMember("A", room, bot.BotId)
		h.runDue()
		equal(t, "events", host.take(), []string{"Invite " + room})
		h.must("UpdateBot", labels, "", `{"Disabled":true}`)
		h.events.take()
		h.must("DeleteRoom", in("A", room), "", "")
		equal(t, "ends of a disabled bot", h.events.take(), []string{bot.BotId + ": dropped, the bot is disabled"})

		h.must("UpdateBot", labels, "", `{"Disabled":false}`)
		h.must("PutEventsConfiguration", labels, "", `{"LambdaFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:x"}`)
		h.inviteBot("A", bot.BotId, 1)
		equal(t, "ends of a function", h.events.take(), []string{bot.BotId + ": dropped, Lambda functions are not called"})
		h.runDue()
		equal(t, "events", host.take(), []string{})
	})
}

// What is tried again goes by what the bot is then: to nobody if it is disabled, and to its new
// endpoint if that has changed.
func TestEvents_ChangedBetweenTries(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		failing := func(name string, change func(bot string)) (bot string, host *botHost) {
			created, host := h.addListener(t, "A", name)
			host.set(func(b *botHost) {
				b.status = http.StatusInternalServerError
				b.called = func() {
					host.set(func(b *botHost) { b.called = nil })
					change(created.BotId)
				}
			})
			return created.BotId, host
		}
		calls := func(host *botHost) (n int) {
			host.set(func(b *botHost) { n = b.calls - 1 }) // without the challenge
			return n
		}
		off, offHost := failing("off", func(bot string) { h.must("UpdateBot", botLabels("A", bot), "", `{"Disabled":true}`) })
		h.inviteBot("A", off, 1)
		h.runDue()
		equal(t, "ends of one that was disabled", h.events.take(), []string{off + ": dropped, the bot is disabled"})
		equal(t, "calls", calls(offHost), 1)

		other := newBotHost(t)
		moved, movedHost := failing("moved", func(bot string) {
			h.must("PutEventsConfiguration", botLabels("A", bot), "", `{"OutboundEventsHTTPSEndpoint":"`+other.url+`"}`)
		})
		want := h.inviteBot("A", moved, 1)
		h.runDue()
		equal(t, "events at the new endpoint", other.take(), want)
		equal(t, "ends of one that has moved", h.events.take(), []string{moved + ": delivered, "})
		equal(t, "calls of the former endpoint", calls(movedHost), 1)
	})
}

// A bot that is far behind gets no more events, and loses none that it was to get.
func TestEvents_TooMany(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, _ := h.addListener(t, "A", "x")
		h.write(func(tx store.Tx) error {
			for range 1000 {
				if err := tx.InsertBotEvent(&store.BotEvent{AccountID: "A", BotID: bot.BotId, Type: "Remove", RoomID: "r", Created: now}); err != nil {
					return err
				}
			}
			return nil
		})
		h.inviteBot("A", bot.BotId, 1)
		equal(t, "ends", h.events.take(), []string{bot.BotId + ": dropped, too many events wait for the bot"})
	})
}

// A bot that does not answer keeps no other from its events.
func TestEvents_SlowBesideFast(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		slow, slowHost := h.addListener(t, "A", "slow")
		fast, fastHost := h.addListener(t, "A", "fast")
		answer := make(chan struct{})
		slowHost.set(func(b *botHost) { b.wait = answer })
		h.inviteBot("A", slow.BotId, 1)
		want := h.inviteBot("A", fast.BotId, 3)
		done := make(chan error, 1)
		go func() { done <- h.service.RunDue(context.Background()) }()
		for range want { // which the slow one does not keep from coming
			<-fastHost.taken
		}
		equal(t, "events", fastHost.take(), want)
		close(answer)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// A service that dies before it has noted that an event was taken sends it again: the next one goes
// on when the lease has ended.
func TestEvents_AfterDeath(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "x")
		want := h.inviteBot("A", bot.BotId, 3)
		h.write(func(tx store.Tx) error { // as a service that has just begun
			task, err := tx.Task(awsAccount, "A", "DeliverEvents", bot.BotId)
			if err != nil {
				return err
			}
			task.Leased = now.Add(time.Minute)
			return tx.PutTask(task)
		})
		h.runDue()
		equal(t, "events while another service sends them", host.take(), []string{})
		h.advance(2 * time.Minute)
		equal(t, "events", host.take(), want)
	})
}

// A service that is so slow that another has gone on with its events leaves them to that one.
func TestEvents_LostLease(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "x")
		want := h.inviteBot("A", bot.BotId, 3)
		others := now.Add(2 * time.Minute) // the end of the lease of the other service
		task := func() (task store.Task) {
			h.write(func(tx store.Tx) (err error) {
				task, err = tx.Task(awsAccount, "A", "DeliverEvents", bot.BotId)
				return err
			})
			return task
		}
		host.set(func(b *botHost) {
			b.called = func() {
				host.set(func(b *botHost) { b.called = nil })
				h.write(func(tx store.Tx) error {
					task, err := tx.Task(awsAccount, "A", "DeliverEvents", bot.BotId)
					if err != nil {
						return err
					}
					task.Leased = others
					return tx.PutTask(task)
				})
			}
		})
		if err := h.service.RunDue(t.Context()); err == nil || !strings.Contains(err.Error(), "took longer than its lease") {
			t.Errorf("RunDue: got error %v, want that the lease is lost", err)
		}
		equal(t, "events until the lease was lost", host.take(), want[:1])
		equal(t, "ends", h.events.take(), []string(nil))
		equal(t, "the lease of the other service", task().Leased, others)
		h.advance(2 * time.Minute)
		equal(t, "events after its end", host.take(), want)
	})
}

// What fails by the store, and not by the endpoint, is put off, and not tried without end.
func TestEvents_Failing(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		_, host := h.addListener(t, "A", "x")
		h.write(func(tx store.Tx) error {
			return errors.Join(tx.InsertBotEvent(&store.BotEvent{AccountID: "A", BotID: "unknown", Type: "Remove", RoomID: "r", Created: now}),
				tx.PutTask(chore("DeliverEvents", "A", "unknown", now)))
		})
		for range 2 {
			if err := h.service.RunDue(t.Context()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("RunDue: got error %v, want %v", err, store.ErrNotFound)
			}
			if err := h.service.RunDue(t.Context()); err != nil {
				t.Errorf("RunDue, a moment later: got error %v, want none", err)
			}
			h.moved.Add(int64(time.Minute + time.Second))
		}
		equal(t, "events", host.take(), []string{})
	})
}

func TestEventsConfiguration_Challenge(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		host := newBotHost(t)
		bot := h.addBot(t, "A", "x")
		labels := botLabels("A", bot.BotId)
		put := func(endpoint string) error {
			_, err := h.call("PutEventsConfiguration", labels, "", fmt.Sprintf(`{"OutboundEventsHTTPSEndpoint":%q}`, endpoint))
			return err
		}
		answer := func(text string) func(string) string { return func(string) string { return text } }
		const noAnswer = "OutboundEventsHTTPSEndpoint did not answer the challenge with an object that has the same Challenge"
		for text, want := range map[string]string{
			"": noAnswer, "{}": noAnswer, `{"Challenge":"12345678901234567890"}`: noAnswer, "x": noAnswer, "null": noAnswer,
			strings.Repeat(" ", 1<<17): "OutboundEventsHTTPSEndpoint answered with more than 64 KiB",
		} {
			host.set(func(b *botHost) { b.answer = answer(text) })
			if err := put(host.url); exception(err) != api.BadRequestException || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("an endpoint that answers %.40q: got error %v, want %q", text, err, want)
			}
		}
		for endpoint, want := range map[string]string{
			"https://10.0.0.1/secret": "is at an address in a private network, which may not be called",
			"https://127.0.0.1:1/":    "cannot be reached, or does not speak HTTP",
		} {
			if err := put(endpoint); exception(err) != api.BadRequestException || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: got error %v, want %q", endpoint, err, want)
			}
		}
		h.refused(api.NotFoundException, "GetEventsConfiguration", labels, "", "")

		// Nobody is called for a request that is refused anyway.
		host.set(func(b *botHost) { b.answer, b.calls = nil, 0 })
		body := fmt.Sprintf(`{"OutboundEventsHTTPSEndpoint":%q}`, host.url)
		h.refused(api.NotFoundException, "PutEventsConfiguration", botLabels("A", "nobody"), "", body)
		h.as("444455556666").refused(api.NotFoundException, "PutEventsConfiguration", labels, "", body)
		equal(t, "calls", host.calls, 0)
		host.key = bot.SecurityToken
		h.must("PutEventsConfiguration", labels, "", body)
		equal(t, "calls", host.calls, 1)
	})
}

// answer posts to a URL by which a bot answers.
func answer(t *testing.T, url, body string) (status int, reply string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// inboundOf returns the type and the URL by which a bot can answer an event.
func inboundOf(event map[string]any) (kind, url string) {
	endpoint, _ := event["InboundHttpsEndpoint"].(map[string]any)
	kind, _ = endpoint["EndpointType"].(string)
	url, _ = endpoint["Url"].(string)
	return kind, url
}

// said returns "sender: content" of the messages in a room.
func (h *house) said(account, room string) []string {
	h.t.Helper()
	var all []string
	err := h.store.View(context.Background(), func(tx store.ReadTx) error {
		r, err := tx.Room(account, room)
		if err != nil {
			return err
		}
		page, _, err := tx.ListMessages(r.Discussion(), 0, 1000)
		for _, m := range page {
			all = append(all, m.Sender+": "+m.Content)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// A bot is told who mentions it, and holds a conversation.
func TestConversationWithBot(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		bot, host := h.addListener(t, "A", "Lunch")
		away, awayHost := h.addListener(t, "A", "Away")
		op := directory.NewOperator(h.store, directory.Options{Clock: func() time.Time { return now }})
		h.addUsers(registered("A", "ana"))
		room := h.addRoom("A", "R")
		for _, id := range []string{"ana", bot.BotId} {
			h.addMember("A", room, id)
		}
		say := func(text string) string {
			t.Helper()
			return ok[string](t)(op.AddMessage(t.Context(), directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: text}))
		}
		h.runDue()
		_, persistent := inboundOf(host.got[0])
		host.take()
		say("Nobody is meant by lunch-chimebot@a.example, @lunch, or @lunch-chimebot@a.example.org")
		question := "Hey @LUNCH-chimebot@A.example. What is for lunch? And @away-chimebot@a.example?"
		say(question)
		h.runDue()
		equal(t, "events of who is not in the room", awayHost.take(), []string{})
		if len(host.got) != 1 {
			t.Fatalf("got %d events, want 1: %v", len(host.got), host.got)
		}
		event := host.got[0]
		kind, short := inboundOf(event)
		equal(t, "type of the endpoint", kind, "ShortLived")
		delete(event, "InboundHttpsEndpoint")
		equal(t, "event", event, map[string]any{
			"Sender": "ana@a.example", "SenderId": "ana", "EventType": "Mention", "EventTimestamp": stamp, "Message": question,
			"Discussion": map[string]any{"DiscussionId": room, "DiscussionType": "Room"},
		})
		host.take()
		records := len(h.audit())
		for _, url := range []string{short, persistent} { // naming other bots, and itself
			status, reply := answer(t, url, `{"Content":"Soup, @lunch-chimebot@a.example"}`)
			if status != http.StatusOK || !strings.HasPrefix(reply, `{"MessageId": "`) && !strings.HasPrefix(reply, `{"MessageId":"`) {
				t.Errorf("an answer: got %d %s", status, reply)
			}
		}
		for _, r := range h.audit()[records:] {
			equal(t, "who answered", r.Operation+" "+r.KeyName+" "+r.AccountID, "AddMessage bot/"+bot.BotId+" A")
		}
		h.runDue()
		equal(t, "events of what a bot says", host.take(), []string{})
		said := "lunch-chimebot@a.example: Soup, @lunch-chimebot@a.example"
		equal(t, "messages", h.said("A", room)[1:], []string{"ana@a.example: " + question, said, said})

		// A message that is redacted before it was sent is sent to nobody.
		id := say("@lunch-chimebot@a.example psst")
		h.must("RedactRoomMessage", in("A", room)+"&messageId="+id, "", "")
		h.events.take()
		h.runDue()
		equal(t, "ends", h.events.take(), []string{bot.BotId + ": dropped, the message is gone, or the account is or has no bots any more"})

		// What refuses an answer, without ending the URL.
		for body, want := range map[string]int{
			"": 400, "{}": 400, `{"Content":null}`: 400, `{"Content":1}`: 400, `[]`: 400, `{"Content":" "}`: 400,
			`{"Content":"` + strings.Repeat("x", 4097) + `"}`: 400, `{"Content":"` + strings.Repeat("x", 60_000) + `"}`: 413,
		} {
			if status, reply := answer(t, persistent, body); status != want {
				t.Errorf("%.40s: got %d %s, want %d", body, status, reply, want)
			}
		}
		if status, _ := answer(t, persistent, `{"Content":"`+strings.Repeat(`\ud83d\ude00`, 4096)+`"}`); status != 200 {
			t.Errorf("the longest message: got %d, want 200", status)
		}

		// The URL of a mention ends after a quarter of an hour, that of the invitation does not.
		gone := func(what, url string) {
			t.Helper()
			if status, reply := answer(t, url, `{"Content":"x"}`); status != http.StatusNotFound {
				t.Errorf("%s: got %d %s, want 404", what, status, reply)
			}
		}
		alive := func(what, url string) {
			t.Helper()
			if status, reply := answer(t, url, `{"Content":"x"}`); status != http.StatusOK {
				t.Errorf("%s: got %d %s, want 200", what, status, reply)
			}
		}
		h.advance(15*time.Minute - time.Millisecond)
		alive("a mention after a quarter of an hour", short)
		h.advance(time.Millisecond)
		gone("a mention after more than that", short)
		h.advance(1000 * time.Hour)
		alive("an invitation", persistent)
		labels := botLabels("A", bot.BotId)
		h.must("UpdateBot", labels, "", `{"Disabled":true}`)
		gone("a disabled bot", persistent)
		h.must("UpdateBot", labels, "", `{"Disabled":false}`)
		alive("a bot that is enabled again", persistent)

		// Any other text is no URL, and what the URL is bound to cannot be changed.
		for i := strings.Index(persistent, "/inbound/") + len("/inbound/"); i < len(persistent); i++ {
			altered := []byte(persistent)
			if altered[i]++; altered[i] == '/' || persistent[i] == '/' || altered[i] == '[' || altered[i] == '{' {
				continue
			}
			if i == len(persistent)-1 { // some bits of the last character say nothing
				continue
			}
			gone("an altered URL", string(altered))
		}
		for _, path := range []string{"", "/", "/x", "/A/" + room + "/" + bot.BotId + "/", "/A/" + room + "/" + away.BotId + persistent[strings.LastIndex(persistent, "/"):]} {
			gone(path, h.url+"/inbound"+path)
		}
		r, err := http.Get(persistent)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		equal(t, "status of GET", r.StatusCode, http.StatusMethodNotAllowed)

		// A bot that has left cannot answer, not even when it is back.
		h.must("DeleteRoomMembership", in("A", room, bot.BotId), "", "")
		gone("a bot that left", persistent)
		h.addMember("A", room, bot.BotId)
		gone("the former URL of a bot that is back", persistent)
		h.runDue()
		_, again := inboundOf(host.got[len(host.got)-1])
		alive("a bot that is back", again)
		h.must("DeleteRoom", in("A", room), "", "")
		gone("a room that is gone", again)
	})
}

func TestConversationWithBot_Accounts(t *testing.T) {
	onBotHouses(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		bot, host := h.addListener(t, "A", "x")
		h.inviteBot("A", bot.BotId, 1)
		h.runDue()
		_, url := inboundOf(host.got[0])
		check := func(want int) {
			t.Helper()
			if status, reply := answer(t, url, `{"Content":"x"}`); status != want {
				t.Errorf("got %d %s, want %d", status, reply, want)
			}
		}
		check(200)
		ok[api.Account](t)(op.SuspendAccount(t.Context(), "A"))
		check(403)
		ok[api.Account](t)(op.ResumeAccount(t.Context(), "A"))
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "a.example"))
		check(404)
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
		check(200)
	})
}
