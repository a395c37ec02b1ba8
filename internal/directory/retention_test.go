package directory_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

const day = 24 * time.Hour

// sayAt adds a message so long after now, and returns its id.
func (h *house) sayAt(t *testing.T, after time.Duration, m directory.NewMessage) string {
	t.Helper()
	return ok[string](t)(h.operatorAt(after).AddMessage(t.Context(), m))
}

// keep puts retention settings of account A.
func (h *house) keep(settings string) {
	h.t.Helper()
	equal(h.t, "body of PutRetentionSettings", h.must("PutRetentionSettings", "accountId=A", "", `{"RetentionSettings":{`+settings+`}}`), "")
}

// purged returns what the trail tells of messages that the service has deleted by itself.
func (h *house) purged() (lines []string) {
	h.t.Helper()
	for _, r := range h.audit() {
		switch r.Operation {
		case "PurgeMessages", "PurgeSharedMessages", "DeleteRoomMessages":
			if r.KeyName != "system" || r.After != "" {
				h.t.Errorf("record %+v, want one of the system that tells what is gone", r)
			}
			lines = append(lines, r.Operation+" "+r.Target+" "+r.Before)
		}
	}
	return lines
}

func TestRetention_Settings(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		check := func(room, conversation, initiate string) {
			t.Helper()
			equal(t, "GetRetentionSettings", h.must("GetRetentionSettings", "accountId=A", "", ""),
				`{"RetentionSettings":{"RoomRetentionSettings":{`+room+`},"ConversationRetentionSettings":{`+conversation+`}}`+initiate+`}`)
		}
		initiate := func(date string) string { return `,"InitiateDeletionTimestamp":"` + date + `T12:00:00.123Z"` }
		const rooms, conversations = `"RoomRetentionSettings"`, `"ConversationRetentionSettings"`
		days := func(n int) string { return fmt.Sprintf(`"RetentionDays":%d`, n) }
		check("", "", "")
		h.keep("")
		h.keep(rooms + `:{},` + conversations + `:{}`)
		check("", "", "")
		h.keep(rooms + `:{"RetentionDays":5475}`)
		check(days(5475), "", initiate("2026-03-31"))
		h.advance(day)
		h.keep(rooms + `:{"RetentionDays":5475}`) // is no change
		h.keep(conversations + `:{"RetentionDays":null}`)
		check(days(5475), "", initiate("2026-03-31"))
		h.keep(conversations + `:{"RetentionDays":1}`)
		check(days(5475), days(1), initiate("2026-04-01"))
		h.advance(day)
		h.keep(conversations + `:{"RetentionDays":2}`) // longer
		check(days(5475), days(2), initiate("2026-04-01"))
		h.keep(conversations + `:{}`) // one policy is left
		check(days(5475), "", initiate("2026-04-01"))
		h.keep(rooms + `:{"RetentionDays":5474}`)
		check(days(5474), "", initiate("2026-04-02"))
		h.keep(rooms + `:{}`)
		check("", "", "")
		equal(t, "tasks left", h.tasks(), []string(nil))

		for _, body := range []string{``, `{}`, `{"RetentionSettings":null}`, `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":0}}}`,
			`{"RetentionSettings":{"ConversationRetentionSettings":{"RetentionDays":5476}}}`, `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":"1"}}}`} {
			h.refused(api.BadRequestException, "PutRetentionSettings", "accountId=A", "", body)
		}
		check("", "", "")
		equal(t, "audit", h.audited(0)[:2], []string{
			`PutRetentionSettings A {"RoomRetentionDays": 0, "InitiateDeletionTimestamp": ""} {"RoomRetentionDays": 5475, "InitiateDeletionTimestamp": "2026-03-31T12:00:00.123Z"}`,
			`PutRetentionSettings A {"ConversationRetentionDays": 0, "InitiateDeletionTimestamp": "2026-03-31T12:00:00.123Z"} ` +
				`{"ConversationRetentionDays": 1, "InitiateDeletionTimestamp": "2026-04-01T12:00:00.123Z"}`,
		})
		equal(t, "changes", len(h.audit()), 6)
	})
}

// Settings and messages are those of Enterprise accounts of the caller, which can be read only
// while suspended.
func TestRetention_Accounts(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.talkers()
		m := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "x"})
		said := h.say(t, directory.NewMessage{AccountID: "A", ConversationID: "c", Sender: "ana", Content: "x"})
		calls := []struct{ operation, labels, body string }{
			{"GetRetentionSettings", "", ""},
			{"PutRetentionSettings", "", `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":9}}}`},
			{"RedactRoomMessage", "&roomId=" + room + "&messageId=" + m, ""},
			{"RedactConversationMessage", "&conversationId=c&messageId=" + said, ""},
		}
		for _, c := range calls {
			h.refused(api.BadRequestException, c.operation, "accountId=T"+c.labels, "", c.body)
			h.refused(api.NotFoundException, c.operation, "accountId=Z"+c.labels, "", c.body)
			h.as("444455556666").refused(api.NotFoundException, c.operation, "accountId=A"+c.labels, "", c.body)
		}
		op := h.operatorAt(0)
		ok[api.Account](t)(op.SuspendAccount(t.Context(), "A"))
		h.must("GetRetentionSettings", "accountId=A", "", "")
		for _, c := range calls[1:] {
			h.refused(api.ForbiddenException, c.operation, "accountId=A"+c.labels, "", c.body)
		}
		ok[api.Account](t)(op.ResumeAccount(t.Context(), "A"))
		for _, c := range calls {
			h.must(c.operation, "accountId=A"+c.labels, "", c.body)
		}
	})
}

func TestRetention_Grace(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.talkers()
		inRoom := func(text string, at time.Duration) {
			t.Helper()
			h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: text, Sent: now.Add(at)})
		}
		inRoom("old", -10*day)
		inRoom("young", -day)
		inRoom("new", 0)
		h.say(t, directory.NewMessage{AccountID: "A", ConversationID: "c", Sender: "ana", Content: "said", Sent: now.Add(-10 * day)})
		since := time.Duration(0) // the time of the service
		at := func(d time.Duration) {
			t.Helper()
			h.advance(d - since)
			since = d
		}
		check := func(want ...string) {
			t.Helper()
			for i := range want {
				want[i] = "ana@a.example: " + want[i]
			}
			equal(t, fmt.Sprint("messages after ", since), h.heard(t, since, "A", room, ""), want)
		}

		// Messages are hidden at once, to the millisecond.
		h.keep(`"RoomRetentionSettings":{"RetentionDays":5}`)
		check("old (hidden)", "young", "new")
		at(4*day - time.Millisecond)
		check("old (hidden)", "young", "new")
		at(4 * day)
		check("old (hidden)", "young (hidden)", "new")
		at(30*day - time.Millisecond)
		check("old (hidden)", "young (hidden)", "new (hidden)")

		// Within the grace they come back, with a longer period or with none.
		h.keep(`"RoomRetentionSettings":{"RetentionDays":40}`)
		check("old", "young", "new")
		h.keep(`"RoomRetentionSettings":{}`)
		at(32 * day)
		check("old", "young", "new")

		// After it they are gone for good, and then every day.
		h.keep(`"RoomRetentionSettings":{"RetentionDays":45}`)
		inRoom("late", 30*day+time.Hour)
		at(62*day - time.Millisecond)
		check("old (hidden)", "young (hidden)", "new (hidden)", "late")
		equal(t, "deletions", h.purged(), []string(nil))
		at(62 * day)
		check("late")
		equal(t, "deletions", h.purged(), []string{`PurgeMessages A {"RoomMessages": 3}`})
		at(75 * day)
		check("late")
		at(75*day + time.Hour)
		check("late (hidden)") // the turn of this day was before
		h.keep(`"RoomRetentionSettings":{"RetentionDays":60}`)
		check("late")
		h.keep(`"RoomRetentionSettings":{"RetentionDays":45},"ConversationRetentionSettings":{"RetentionDays":100}`)
		at(105*day + time.Hour - time.Millisecond)
		check("late (hidden)") // a new grace
		at(105*day + time.Hour)
		equal(t, "messages", h.heard(t, since, "A", room, ""), []string(nil))
		equal(t, "messages of the conversation", h.heard(t, since, "A", "", "c"), []string(nil)) // 115 days old
		equal(t, "deletions", h.purged(), []string{`PurgeMessages A {"RoomMessages": 3}`, `PurgeMessages A {"RoomMessages": 1}`, `PurgeMessages A {"ConversationMessages": 1}`})
		inRoom("last", 61*day+time.Hour)
		at(106*day + time.Hour) // a turn, and since this moment the message is too old
		equal(t, "messages", h.heard(t, since, "A", room, ""), []string(nil))
	})
}

// Conversations with users of other accounts are kept for 90 days, whatever the settings.
func TestRetention_Shared(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.talkers()
		h.keep(`"ConversationRetentionSettings":{"RetentionDays":1000}`)
		of := func(id, text string, at time.Duration, members ...string) {
			t.Helper()
			h.say(t, directory.NewMessage{AccountID: "A", ConversationID: id, Sender: "ana", Content: text, Sent: now.Add(at), Members: members})
		}
		of("own", "one", -80*day, "bo")
		of("shared", "two", -80*day, "bo")
		of("shared", "three", 0, "bo")
		of("team", "four", -time.Hour, "tea@t.example")
		equal(t, "tasks", h.tasks(), []string{"A", "A"})
		h.advance(10 * day)
		equal(t, "messages", h.heard(t, 10*day, "A", "", "shared"), []string{"ana@a.example: two", "ana@a.example: three"})

		// An outsider makes the policy that of all that was said.
		h.sayAt(t, 10*day, directory.NewMessage{AccountID: "A", ConversationID: "shared", Sender: "ben@b.example", Content: "five"})
		want := []string{"ana@a.example: two (hidden)", "ana@a.example: three", "ben@b.example: five"}
		equal(t, "messages", h.heard(t, 10*day, "A", "", "shared"), want)
		equal(t, "messages to the outsider", h.heard(t, 10*day, "B", "", "shared"), want)
		h.advance(0)
		equal(t, "messages", h.heard(t, 10*day, "A", "", "shared"), want[1:])
		equal(t, "messages", h.heard(t, 90*day-time.Hour, "A", "", "team"), []string{"ana@a.example: four (hidden)"})
		equal(t, "messages", h.heard(t, 90*day-time.Hour-time.Millisecond, "A", "", "team"), []string{"ana@a.example: four"})
		h.advance(80*day - time.Hour - time.Millisecond)
		equal(t, "messages", len(h.heard(t, 0, "A", "", "team")), 1)
		h.advance(time.Millisecond)
		equal(t, "messages", len(h.heard(t, 0, "A", "", "team")), 0)
		h.advance(time.Hour) // "three" is too old, and has its turn a day after the last one
		equal(t, "messages", h.heard(t, 90*day, "A", "", "shared"), []string{"ana@a.example: three (hidden)", "ben@b.example: five"})
		h.advance(23 * time.Hour)
		equal(t, "messages", h.heard(t, 91*day, "A", "", "shared"), []string{"ben@b.example: five"})
		h.advance(9*day + time.Hour)
		equal(t, "messages", len(h.heard(t, 100*day, "A", "", "shared")), 0)
		equal(t, "messages of an account alone", h.heard(t, 100*day, "A", "", "own"), []string{"ana@a.example: one"})
		equal(t, "deletions", h.purged(), []string{`PurgeSharedMessages A {"SharedMessages": 1}`, `PurgeSharedMessages A {"SharedMessages": 1}`,
			`PurgeSharedMessages A {"SharedMessages": 1}`, `PurgeSharedMessages A {"SharedMessages": 1}`})
		equal(t, "tasks", h.tasks(), []string{"A"}) // the one for the settings
	})
}

// An account that has released its last domain keeps settings and messages, and deletes none until
// it claims a domain again.
func TestRetention_StandsStill(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		op := h.operatorAt(0)
		room := h.talkers()
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
		h.keep(`"RoomRetentionSettings":{"RetentionDays":5}`)
		m := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "x"})
		h.say(t, directory.NewMessage{AccountID: "A", ConversationID: "c", Sender: "ana", Content: "x", Members: []string{"ben@b.example"}})
		h.write(func(tx store.Tx) error { // the suspended user would keep the domain
			users, err := tx.Users("A", []string{"cy"})
			if err != nil {
				return err
			}
			return tx.DeleteUsers("A", users)
		})
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "a.example"))
		h.refused(api.BadRequestException, "GetRetentionSettings", "accountId=A", "", "")
		h.refused(api.BadRequestException, "RedactRoomMessage", in("A", room)+"&messageId="+m, "", "")
		h.advance(100 * day)
		equal(t, "deletions", h.purged(), []string(nil))
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
		equal(t, "settings", strings.Contains(h.must("GetRetentionSettings", "accountId=A", "", ""), `"RetentionDays":5`), true)
		equal(t, "messages", h.heard(t, 100*day, "A", room, ""), []string{"ana@a.example: x (hidden)"})
		h.advance(day)
		equal(t, "messages", len(h.heard(t, 101*day, "A", room, "")), 0)
		equal(t, "deletions", h.purged(), []string{`PurgeMessages A {"RoomMessages": 1}`, `PurgeSharedMessages A {"SharedMessages": 1}`})
	})
}

// fillWith adds messages to a discussion, a minute after each other, behind everybody's back.
func (h *house) fillWith(d store.Discussion, kind store.Retention, n int) {
	h.t.Helper()
	h.write(func(tx store.Tx) error {
		for i := range n {
			m := store.Message{Discussion: d, MessageID: fmt.Sprint(kind, i), SenderID: "ana", Sender: "ana@a.example", Retention: kind, Content: "x",
				Created: now.Add(time.Duration(i) * time.Minute)}
			if err := tx.InsertMessage(&m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *house) findRoom(account, id string) (room store.Room) {
	h.t.Helper()
	h.write(func(tx store.Tx) (err error) { room, err = tx.Room(account, id); return err })
	return room
}

// What is much is deleted in pieces.
func TestRetention_Pieces(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.findRoom("A", h.talkers())
		h.fillWith(room.Discussion(), store.RetainRoom, 1000)
		h.fillWith(store.Discussion{AccountID: "A", ConversationID: "c"}, store.RetainConversation, 20)
		h.keep(`"RoomRetentionSettings":{"RetentionDays":1},"ConversationRetentionSettings":{"RetentionDays":1}`)
		h.advance(30 * day)
		equal(t, "deletions", h.purged(), []string{`PurgeMessages A {"RoomMessages": 500}`, `PurgeMessages A {"RoomMessages": 500}`, `PurgeMessages A {"ConversationMessages": 20}`})

		// So are the messages of a room, which nobody finds from the first moment on.
		room = h.findRoom("A", h.addRoom("A", "Crowd"))
		other := h.findRoom("A", h.addRoom("A", "Other"))
		h.fillWith(room.Discussion(), store.RetainRoom, 1001)
		h.fillWith(other.Discussion(), store.RetainShared, 3) // other ids
		h.must("DeleteRoom", in("A", room.RoomID), "", "")
		h.refused(api.NotFoundException, "RedactRoomMessage", in("A", room.RoomID)+"&messageId=Room900", "", "")
		equal(t, "messages of a deleted room", failsOf(t, h, "A", room.RoomID, ""), api.NotFoundException)
		equal(t, "tasks", h.tasks(), []string{fmt.Sprintf("%s/%d", room.RoomID, room.Entry), "A"})
		h.advance(0)
		left := func(d store.Discussion) (n int) {
			h.write(func(tx store.Tx) error {
				page, _, err := tx.ListMessages(d, 0, 2000)
				n = len(page)
				return err
			})
			return n
		}
		equal(t, "messages left", left(room.Discussion()), 0)
		equal(t, "messages of the other room", left(other.Discussion()), 3)
		equal(t, "deletions", h.purged()[3:], []string{
			`DeleteRoomMessages ` + room.RoomID + ` {"RoomId": "` + room.RoomID + `", "RoomMessages": 500}`,
			`DeleteRoomMessages ` + room.RoomID + ` {"RoomId": "` + room.RoomID + `", "RoomMessages": 1}`,
		})
		h.must("DeleteRoom", in("A", other.RoomID), "", "")
		equal(t, "messages of the other room", left(other.Discussion()), 0)
		equal(t, "tasks", h.tasks(), []string{"A"})
	})
}

func TestRedaction(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.talkers()
		other := h.addRoom("A", "Other")
		secret := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "secret"})
		h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "bo", Content: "public"})
		own := h.say(t, directory.NewMessage{AccountID: "A", ConversationID: "own", Sender: "ana", Content: "own"})
		shared := h.say(t, directory.NewMessage{AccountID: "A", ConversationID: "shared", Sender: "ana", Members: []string{"ben@b.example", "tea@t.example"}, Content: "shared"})
		audited := len(h.audit())
		ofRoom := func(account, room, message string) string { return in(account, room) + "&messageId=" + message }
		said := func(account, id, message string) string {
			return "accountId=" + account + "&conversationId=" + id + "&messageId=" + message
		}
		for _, labels := range []string{ofRoom("A", other, secret), ofRoom("A", "nowhere", secret), ofRoom("A", room, "nothing"), ofRoom("A", room, own), ofRoom("B", room, secret)} {
			h.refused(api.NotFoundException, "RedactRoomMessage", labels, "", "")
		}
		for _, labels := range []string{said("A", "nowhere", own), said("A", "shared", own), said("A", "own", secret), said("A", "own", "nothing"), said("B", "own", own)} {
			h.refused(api.NotFoundException, "RedactConversationMessage", labels, "", "")
		}
		h.refused(api.BadRequestException, "RedactConversationMessage", said("T", "shared", shared), "", "")
		equal(t, "messages", h.heard(t, 0, "A", room, ""), []string{"ana@a.example: secret", "bo@a.example: public"})

		for range 2 { // the second time nothing changes
			equal(t, "body", h.must("RedactRoomMessage", ofRoom("A", room, secret), "", ""), "")
			equal(t, "body", h.must("RedactConversationMessage", said("A", "own", own), "", ""), "")
			equal(t, "body", h.must("RedactConversationMessage", said("B", "shared", shared), "", ""), "")
		}
		equal(t, "messages", h.heard(t, 0, "A", room, ""), []string{"ana@a.example:  (redacted)", "bo@a.example: public"})
		equal(t, "messages of the conversation", h.heard(t, 0, "A", "", "own"), []string{"ana@a.example:  (redacted)"})
		equal(t, "messages of the conversation", h.heard(t, 0, "A", "", "shared"), []string{"ana@a.example:  (redacted)"})
		line := func(operation, id, in string) string {
			return fmt.Sprintf(`%s %s {"MessageId": "%[2]s", %s, "Redacted": false} {"MessageId": "%[2]s", %[3]s, "Redacted": true}`, operation, id, in)
		}
		equal(t, "audit", h.audited(audited), []string{
			line("RedactRoomMessage", secret, `"RoomId": "`+room+`"`),
			line("RedactConversationMessage", own, `"ConversationId": "own"`),
			line("RedactConversationMessage", shared, `"ConversationId": "shared"`),
			line("RedactConversationMessage", shared, `"ConversationId": "shared"`), // in the trails of both accounts
		})

		// What is hidden may come back, so it can be redacted.
		h.keep(`"RoomRetentionSettings":{"RetentionDays":1}`)
		hidden := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "bo", Content: "hidden", Sent: now.Add(-3 * day)})
		h.must("RedactRoomMessage", ofRoom("A", room, hidden), "", "")
		equal(t, "messages", h.heard(t, 0, "A", room, "")[2], "bo@a.example:  (redacted) (hidden)")
	})
}

// What was redacted, or removed with its room, is in no file of the database once the log has been
// copied, not even where something was deleted: short messages lie within pages, long ones beyond.
func TestRedaction_InFiles(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir)
	h := houseOver(t, st)
	room := h.talkers()
	for i, id := range []string{"1", "2"} {
		for _, text := range []string{"whisper-" + id, strings.Repeat("scream-"+id+" ", 400)} {
			m := h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: text})
			h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: "kept"})
			if i == 0 {
				h.must("RedactRoomMessage", in("A", room)+"&messageId="+m, "", "")
			}
		}
	}
	h.must("DeleteRoom", in("A", room), "", "")
	h.advance(0)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"whisper-1", "scream-1", "whisper-2", "scream-2"} {
			if n := bytes.Count(data, []byte(text)); n > 0 {
				t.Errorf("%s still has %s, %d times", f.Name(), text, n)
			}
		}
	}
}
