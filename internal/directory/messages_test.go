package directory_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// operatorAt is an operator whose clock stands still, so long after now.
func (h *house) operatorAt(d time.Duration) *directory.Operator {
	return directory.NewOperator(h.store, directory.Options{Clock: func() time.Time { return now.Add(d) }})
}

// say adds a message at the time of the house, and returns its id.
func (h *house) say(t *testing.T, m directory.NewMessage) string {
	t.Helper()
	return ok[string](t)(h.operatorAt(0).AddMessage(t.Context(), m))
}

// heard returns the messages of a room or a conversation so long after now, a line each.
func (h *house) heard(t *testing.T, after time.Duration, account, room, conversation string) (lines []string) {
	t.Helper()
	for m, err := range h.operatorAt(after).Messages(t.Context(), account, room, conversation) {
		if err != nil {
			t.Fatal(err)
		}
		line := m.Sender + ": " + m.Content
		if m.Redacted {
			line += " (redacted)"
		}
		if m.Hidden {
			line += " (hidden)"
		}
		lines = append(lines, line)
	}
	return lines
}

// talkers makes two Enterprise accounts and a Team account with users, and returns the id of a room
// of A that ana and bo are in.
func (h *house) talkers() (room string) {
	h.t.Helper()
	h.addAccount("A", "EnterpriseLWA")
	h.addAccount("B", "EnterpriseLWA")
	h.addAccount("T", "Team")
	h.addUsers(registered("A", "ana"), registered("A", "bo"), registered("A", "cy", suspended), registered("B", "ben"), registered("T", "tea"),
		registered("T", "guest", invited))
	room = h.addRoom("A", "Plans")
	h.addMember("A", room, "ana")
	h.addMember("A", room, "bo")
	return room
}

func TestMessages(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.talkers()
		audited := len(h.audit())
		first := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "Hello"})
		second := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "BO@a.example", Content: "Hi\n ü", Sent: now.Add(-48 * time.Hour)})
		equal(t, "messages", h.heard(t, 0, "A", room, ""), []string{"ana@a.example: Hello", "bo@a.example: Hi\n ü"})
		equal(t, "messages of a conversation with the same id", failsOf(t, h, "A", "", room), api.NotFoundException)
		equal(t, "audit, which does not tell the texts", h.audited(audited), []string{
			fmt.Sprintf(`AddMessage %s  {"MessageId": "%[1]s", "RoomId": "%s", "SenderId": "ana", "CreatedTimestamp": "%s"}`, first, room, stamp),
			fmt.Sprintf(`AddMessage %s  {"MessageId": "%[1]s", "RoomId": "%s", "SenderId": "bo", "CreatedTimestamp": "2026-02-27T12:00:00.123Z"}`, second, room),
		})

		refused := func(want api.Exception, m directory.NewMessage) {
			t.Helper()
			_, err := h.operatorAt(0).AddMessage(t.Context(), m)
			if exception(err) != want || m.Content != "x" && strings.TrimSpace(m.Content) != "" && strings.Contains(err.Error(), m.Content) {
				t.Errorf("AddMessage of %.100v: got error %v, want %s that does not tell the text", m, err, want)
			}
		}
		for _, text := range []string{"", " \n\t", strings.Repeat("é", 4097), "a\x00b", "a\xffb"} {
			refused(api.BadRequestException, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: text})
		}
		h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: strings.Repeat("é", 4096)})
		x := directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "x"}
		with := func(edit func(*directory.NewMessage)) directory.NewMessage { m := x; edit(&m); return m }
		refused(api.NotFoundException, with(func(m *directory.NewMessage) { m.AccountID = "Z" }))
		refused(api.NotFoundException, with(func(m *directory.NewMessage) { m.RoomID = "nowhere" }))
		refused(api.NotFoundException, with(func(m *directory.NewMessage) { m.Sender = "nobody" }))
		refused(api.NotFoundException, with(func(m *directory.NewMessage) { m.Sender = "nobody@a.example" }))
		refused(api.NotFoundException, with(func(m *directory.NewMessage) { m.Sender = "guest@t.example" })) // who is only invited
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.Sender = "cy" }))            // suspended
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.Sender = "ben@b.example" }))
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.AccountID = "T" }))
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.Members = []string{"bo"} }))
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.ConversationID = "c" }))
		refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.RoomID = "" }))
		for _, id := range []string{" ", "a\nb", ".", ".."} {
			refused(api.BadRequestException, with(func(m *directory.NewMessage) { m.RoomID, m.ConversationID = "", id }))
		}
		h.must("DeleteRoomMembership", in("A", room, "ana"), "", "")
		refused(api.BadRequestException, x)
		h.write(func(tx store.Tx) error {
			a, err := tx.FindAccount("A")
			if err != nil {
				return err
			}
			a.Status = "Suspended"
			return tx.UpdateAccount(a)
		})
		refused(api.ForbiddenException, with(func(m *directory.NewMessage) { m.Sender = "bo" }))
		equal(t, "messages", len(h.heard(t, 0, "A", room, "")), 3)
	})
}

// failsOf returns the exception that listing messages ends with.
func failsOf(t *testing.T, h *house, account, room, conversation string) api.Exception {
	t.Helper()
	for _, err := range h.operatorAt(0).Messages(t.Context(), account, room, conversation) {
		return exception(err)
	}
	return ""
}

func TestMessages_Conversations(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.talkers()
		h.addUsers(registered("T", "bo"), registered("B", "dan")) // the id is also that of a user of A
		say := func(account, id, sender, text string, members ...string) string {
			t.Helper()
			return h.say(t, directory.NewMessage{AccountID: account, ConversationID: id, Sender: sender, Content: text, Members: members})
		}
		denied := func(want api.Exception, account, id, sender string, members ...string) {
			t.Helper()
			_, err := h.operatorAt(0).AddMessage(t.Context(), directory.NewMessage{AccountID: account, ConversationID: id, Sender: sender, Content: "x", Members: members})
			if exception(err) != want {
				t.Errorf("AddMessage of %s in %s of %s: got error %v, want %s", sender, id, account, err, want)
			}
		}
		of := func(account string) store.Conversation {
			t.Helper()
			var got store.Conversation
			h.write(func(tx store.Tx) (err error) { got, err = tx.Conversation(account, "c"); return err })
			return got
		}
		audited := len(h.audit())
		say("A", "c", "ana", "one", "bo@a.example", "ana")
		equal(t, "who is in it", of("A").Members, []string{"ana", "bo"})
		equal(t, "shared", of("A").Shared, false)
		denied(api.NotFoundException, "A", "c", "ben") // ids are those of the account
		denied(api.NotFoundException, "A", "c", "ana", "nobody@b.example")
		equal(t, "messages of an account without a user in it", failsOf(t, h, "B", "", "c"), api.NotFoundException)

		// Users of other accounts come by their addresses. All see all of it, whatever account they name.
		say("A", "c", "ben@b.example", "two", "tea@t.example")
		say("B", "c", "ana@a.example", "three", "dan")
		want := []string{"ana@a.example: one", "ben@b.example: two", "ana@a.example: three"}
		for _, account := range []string{"A", "B"} {
			equal(t, "messages in "+account, h.heard(t, 0, account, "", "c"), want)
			equal(t, "shared", of(account).Shared, true)
			equal(t, "home", of(account).HomeID, "A")
		}
		equal(t, "who of B is in it", of("B").Members, []string{"ben", "dan"})
		equal(t, "who of T is in it", of("T").Members, []string{"tea"})
		equal(t, "who of A is in it", of("A").Members, []string{"ana", "bo"})
		equal(t, "messages of a Team account", failsOf(t, h, "T", "", "c"), api.BadRequestException)
		equal(t, "joins in the trail", joins(h.audited(audited)), []string{
			`AddMessage c  {"ConversationId": "c", "Members": ["ana", "bo"]}`,
			`AddMessage c {"ConversationId": "c", "Shared": false} {"ConversationId": "c", "Shared": true}`,
			`AddMessage c  {"ConversationId": "c", "Members": ["ben"], "Shared": true}`,
			`AddMessage c  {"ConversationId": "c", "Members": ["tea"], "Shared": true}`,
			`AddMessage c {"ConversationId": "c", "Members": ["ben"]} {"ConversationId": "c", "Members": ["ben", "dan"]}`,
		})

		// An id is that of the account.
		h.addAccount("D", "EnterpriseLWA")
		h.addUsers(registered("D", "dora"))
		say("D", "c", "dora", "another")
		equal(t, "messages of another conversation", h.heard(t, 0, "D", "", "c"), []string{"dora@d.example: another"})
		denied(api.ConflictException, "A", "c", "ana", "dora@d.example")
		denied(api.BadRequestException, "A", "d", "ben@b.example") // nobody of A would be in it
		denied(api.BadRequestException, "T", "t", "tea")
		for _, id := range []string{" ", strings.Repeat("x", 129), "a\nb", "a\x00"} {
			denied(api.BadRequestException, "A", id, "ana")
		}
		equal(t, "messages", h.heard(t, 0, "A", "", "c"), want)

		// Who leaves an account leaves the account in the conversation.
		h.must("BatchSuspendUser", "accountId=T", "", `{"UserIdList":["tea"]}`)
		equal(t, "who of T is in it", of("T").Members, []string{"tea"})
	})
}

// joins returns the lines of a trail that are about a conversation.
func joins(lines []string) (joins []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, "AddMessage c ") {
			joins = append(joins, line)
		}
	}
	return joins
}

// Those who come to conversations from several accounts take turns. None has to begin again, as
// those must who wait for each other.
func TestConversations_Turns(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.talkers()
		const turns = 15
		ids := map[string]string{}
		for home, m := range map[string]directory.NewMessage{
			"A": {Sender: "ana", Members: []string{"ben@b.example"}},
			"B": {Sender: "ben@b.example", Members: []string{"ana@a.example"}},
		} {
			m.AccountID, m.ConversationID, m.Content = home, "of "+home, "x"
			ids[home] = h.say(t, m)
		}
		var begun atomic.Int64 // a change asks for the time whenever it begins
		op := directory.NewOperator(h.store, directory.Options{Clock: func() time.Time { begun.Add(1); return now }})
		ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
		var wg sync.WaitGroup
		for _, way := range []struct{ from, to, sender, member string }{{"A", "B", "ana", "ben@b.example"}, {"B", "A", "ben@b.example", "ana@a.example"}} {
			wg.Go(func() {
				for i := range turns {
					_, err := op.AddMessage(ctx, directory.NewMessage{AccountID: way.from, ConversationID: fmt.Sprint(way.from, i),
						Sender: way.sender, Members: []string{way.member}, Content: "x"})
					if err != nil {
						t.Errorf("AddMessage from %s: %v", way.from, err)
					}
				}
			})
			wg.Go(func() {
				for range turns {
					_, err := h.service.RedactConversationMessage(ctx, &api.RedactConversationMessageInput{
						AccountId: way.from, ConversationId: "of " + way.to, MessageId: ids[way.to]})
					if err != nil {
						t.Errorf("RedactConversationMessage from %s: %v", way.from, err)
					}
				}
			})
		}
		wg.Wait()
		equal(t, "beginnings", begun.Load(), int64(2*turns))
	})
}
