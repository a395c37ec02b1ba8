package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// said is when the messages of these tests were sent, unless a test says otherwise.
var said = time.Date(2026, 3, 1, 10, 0, 0, 5e6, time.UTC)

func message(d store.Discussion, id string) store.Message {
	kind := store.RetainRoom
	if d.ConversationID != "" {
		kind = store.RetainConversation
	}
	return store.Message{
		Discussion: d, MessageID: id, SenderID: "sender of " + id, Sender: id + "@example.com", Created: said,
		Retention: kind, Content: "Text of " + id,
	}
}

// say adds messages to a discussion.
func (f *fixture) say(d store.Discussion, ids ...string) (all []store.Message) {
	f.Helper()
	f.update(func(tx store.Tx) error {
		all = nil
		for _, id := range ids {
			m := message(d, id)
			if err := tx.InsertMessage(&m); err != nil {
				return err
			}
			all = append(all, m)
		}
		return nil
	})
	return all
}

// messages walks the messages of a discussion.
func (f *fixture) messages(d store.Discussion, limit int) (all []store.Message) {
	f.Helper()
	var after store.Entry
	for more := true; more; {
		f.view(func(r store.ReadTx) error {
			page, next, err := r.ListMessages(d, after, limit)
			if len(page) > limit {
				f.Errorf("a page of %d messages, want %d at most", len(page), limit)
			}
			all = append(all, page...)
			more, after = next != 0, next
			return err
		})
	}
	return all
}

func messageIDs(messages []store.Message) string {
	var ids []string
	for _, m := range messages {
		ids = append(ids, m.MessageID)
	}
	return strings.Join(ids, " ")
}

func testConversations(t *testing.T, f *fixture) {
	home := store.Conversation{AccountID: "a1", ConversationID: "c1", HomeID: "a1", Members: []string{"u1", "u2"}}
	guest := store.Conversation{AccountID: "a2", ConversationID: "c1", HomeID: "a1", Members: []string{"u1"}, Shared: true}
	other := store.Conversation{AccountID: "a1", ConversationID: "c2", HomeID: "a2"}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.PutConversation(home), tx.PutConversation(guest), tx.PutConversation(other))
	})
	check := func(want store.Conversation) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.Conversation(want.AccountID, want.ConversationID)
			same(t, "Conversation", got, want)
			return err
		})
	}
	for _, want := range []store.Conversation{home, guest, other} {
		check(want)
	}
	home.Members, home.Shared = append(home.Members, "u3"), true
	f.update(func(tx store.Tx) error { return tx.PutConversation(home) })
	check(home)
	check(guest)
	for _, missing := range [][2]string{{"a2", "c2"}, {"a3", "c1"}, {"a1", "c1\x00"}} {
		f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Conversation(missing[0], missing[1]); return err })
	}
	same(t, "where a guest's messages are kept", guest.Discussion(), store.Discussion{AccountID: "a1", ConversationID: "c1"})
}

func testMessages(t *testing.T, f *fixture) {
	room, same1 := f.insertRoom("a1", "r1").Discussion(), f.insertRoom("a2", "r1").Discussion()
	conversation := store.Discussion{AccountID: "a1", ConversationID: "c1"}
	inRoom := f.say(room, "m3", "m1", "m2")
	f.say(conversation, "m4")
	f.clock.advance(-time.Minute)
	inRoom = append(inRoom, f.say(room, "m0")...)
	f.say(same1, "m1")
	for _, limit := range []int{1, 2, 4, 99} {
		same(t, fmt.Sprint("ListMessages, ", limit, " a page"), f.messages(room, limit), inRoom)
	}
	same(t, "messages of the conversation", messageIDs(f.messages(conversation, 9)), "m4")
	same(t, "messages of the other account", messageIDs(f.messages(same1, 9)), "m1")
	same(t, "messages of a conversation without any", messageIDs(f.messages(store.Discussion{AccountID: "a1", ConversationID: "c2"}, 9)), "")
	check := func(want store.Message) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.Message(want.AccountID, want.MessageID)
			same(t, "Message", got, want)
			return err
		})
	}
	check(inRoom[1])
	for _, missing := range [][2]string{{"a2", "m2"}, {"a1", "m9"}, {"a1", "m1\x00"}} {
		f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Message(missing[0], missing[1]); return err })
	}
	taken := message(conversation, "m1")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertMessage(&taken) })

	redacted := inRoom[1]
	redacted.Content, redacted.Redacted = "", true
	f.update(func(tx store.Tx) error { return tx.UpdateMessage(redacted) })
	check(redacted)
	check(inRoom[0])
	gone := redacted
	gone.MessageID = "m9"
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateMessage(gone) })

	// What outsiders can read falls under another policy, and only that.
	f.say(store.Discussion{AccountID: "a1", ConversationID: "c2"}, "m5")
	f.update(func(tx store.Tx) error { return tx.ShareMessages("a1", "c1") })
	same(t, "policy of what is shared", f.messages(conversation, 9)[0].Retention, store.RetainShared)
	same(t, "policy of another conversation", f.messages(store.Discussion{AccountID: "a1", ConversationID: "c2"}, 9)[0].Retention, store.RetainConversation)
	check(inRoom[0])
}

func testMessageDeletion(t *testing.T, f *fixture) {
	room, next := f.insertRoom("a1", "r1").Discussion(), f.insertRoom("a1", "r2").Discussion()
	other := f.insertRoom("a2", "r1").Discussion()
	conversation := store.Discussion{AccountID: "a1", ConversationID: "c1"}
	const n = 6
	at := func(i int) time.Time { return said.Add(time.Duration(i/2) * time.Hour) } // two at a time
	f.update(func(tx store.Tx) error {
		for i := range n {
			for _, d := range []store.Discussion{room, next, other, conversation} {
				m := message(d, fmt.Sprint("m", d.RoomEntry, "-", i))
				m.Created = at(n - 1 - i) // the last is the oldest
				if err := tx.InsertMessage(&m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	left := func(want ...int) {
		t.Helper()
		for i, d := range []store.Discussion{room, next, other, conversation} {
			same(t, fmt.Sprint("messages left in discussion ", i), len(f.messages(d, 99)), want[i])
		}
	}
	old := func(kind store.Retention, until time.Time, limit, want int) {
		t.Helper()
		f.update(func(tx store.Tx) error {
			got, err := tx.DeleteOldMessages("a1", kind, until, limit)
			same(t, "DeleteOldMessages", got, want)
			return err
		})
	}
	oldest := func(kind store.Retention, want time.Time) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			m, err := r.OldestMessage("a1", kind)
			same(t, "OldestMessage", m.Created, want)
			return err
		})
	}
	old(store.RetainRoom, at(0).Add(-time.Millisecond), 99, 0)
	old(store.RetainShared, at(n), 99, 0)
	oldest(store.RetainRoom, at(0))
	old(store.RetainRoom, at(0), 3, 3) // of two rooms, two at that time in each
	left(4, 5, 6, 6)
	oldest(store.RetainRoom, at(0))
	old(store.RetainRoom, at(0), 3, 1)
	left(4, 4, 6, 6)
	oldest(store.RetainRoom, at(2))
	old(store.RetainConversation, at(2), 4, 4) // exactly as many as there are
	old(store.RetainConversation, at(2), 4, 0)
	left(4, 4, 6, 2)

	first := func(d store.Discussion, limit, want int) {
		t.Helper()
		f.update(func(tx store.Tx) error {
			got, err := tx.DeleteMessages(d, limit)
			same(t, "DeleteMessages", got, want)
			return err
		})
	}
	first(room, 3, 3)
	same(t, "the message left", messageIDs(f.messages(room, 9)), fmt.Sprint("m", room.RoomEntry, "-3"))
	first(room, 1, 1)
	first(room, 3, 0)
	first(conversation, 99, 2)
	left(0, 4, 6, 0)
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.OldestMessage("a1", store.RetainConversation); return err })
}

// messageTurns are the turns of what reads conversations and messages.
func messageTurns() []turn {
	said := func(round string) store.Discussion {
		return store.Discussion{AccountID: "said", ConversationID: "c" + round}
	}
	say := func(tx store.Tx, d store.Discussion, id string) error {
		m := message(d, id)
		return tx.InsertMessage(&m)
	}
	return []turn{
		{"Conversation", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Conversation("talks", round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			return tx.PutConversation(store.Conversation{AccountID: "talks", ConversationID: round})
		}},
		{"Message", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Message("only", round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			return say(tx, store.Discussion{AccountID: "only", ConversationID: "c"}, round)
		}},
		{"Message that changes", func(tx store.Tx, round string) (bool, error) {
			m, err := tx.Message("kept", "message"+round)
			return !m.Redacted, err
		}, func(tx store.Tx, round, _ string) error {
			m, err := tx.Message("kept", "message"+round)
			if err != nil {
				return err
			}
			m.Redacted = true
			return tx.UpdateMessage(m)
		}},
		{"ListMessages", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListMessages(said(round), 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return say(tx, said(round), round+who) }},
		{"OldestMessage", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.OldestMessage("oldest"+round, store.RetainConversation)
			return missing(err)
		}, func(tx store.Tx, round, who string) error {
			return say(tx, store.Discussion{AccountID: "oldest" + round, ConversationID: "c"}, who)
		}},
	}
}
