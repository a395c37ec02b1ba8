package engine

import (
	"errors"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

const conversationColumns = `account_id, conversation_id, home_id, members, shared`

func scanConversation(row Row) (c store.Conversation, err error) {
	err = row.Scan(&c.AccountID, &c.ConversationID, &c.HomeID, stringListTo{&c.Members}, &c.Shared)
	return c, err
}

func (s *SQL) Conversation(accountID, conversationID string) (store.Conversation, error) {
	return one(List(s, scanConversation, `SELECT `+conversationColumns+` FROM conversations
		WHERE account_id = $1 AND conversation_id = $2`, accountID, conversationID))
}

func (s *SQL) PutConversation(c store.Conversation) error {
	_, err := s.Write(`INSERT INTO conversations (`+conversationColumns+`) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id, conversation_id) DO UPDATE SET members = excluded.members, shared = excluded.shared`,
		c.AccountID, c.ConversationID, c.HomeID, stringList(c.Members), c.Shared)
	return err
}

func (s *SQL) ShareMessages(accountID, conversationID string) error {
	_, err := s.Write(`UPDATE messages SET retention = $1 WHERE account_id = $2 AND room_entry = 0 AND conversation_id = $3`,
		string(store.RetainShared), accountID, conversationID)
	return err
}

const messageColumns = `account_id, room_entry, conversation_id, entry, room_id, message_id, sender_id, sender, created, retention, content, redacted`

func scanMessage(row Row) (m store.Message, err error) {
	err = row.Scan(&m.AccountID, &m.RoomEntry, &m.ConversationID, &m.Entry, &m.RoomID, &m.MessageID, &m.SenderID, &m.Sender,
		millisTo{&m.Created}, &m.Retention, &m.Content, &m.Redacted)
	return m, err
}

func (s *SQL) Message(accountID, messageID string) (store.Message, error) {
	return one(List(s, scanMessage, `SELECT `+messageColumns+` FROM messages WHERE account_id = $1 AND message_id = $2`,
		accountID, messageID))
}

// OldestMessage looks in the table of messages, which may come with a hint.
func (s *SQL) OldestMessage(table, accountID string, kind store.Retention) (store.Message, error) {
	return one(List(s, scanMessage, `SELECT `+messageColumns+` FROM `+table+` WHERE account_id = $1 AND retention = $2
		ORDER BY created, message_id LIMIT 1`, accountID, string(kind)))
}

func (s *SQL) ListMessages(d store.Discussion, after store.Entry, limit int) ([]store.Message, store.Entry, error) {
	messages, err := List(s, scanMessage, `SELECT `+messageColumns+` FROM messages
		WHERE account_id = $1 AND room_entry = $2 AND conversation_id = $3 AND entry > $4 ORDER BY entry LIMIT $5`,
		d.AccountID, d.RoomEntry, d.ConversationID, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(messages, limit, func(m *store.Message) store.Entry { return m.Entry })
	return page, next, nil
}

func (s *SQL) InsertMessage(m *store.Message) error {
	var last store.Entry
	if err := s.ReadRow(`SELECT COALESCE((SELECT entry FROM messages WHERE account_id = $1 AND room_entry = $2 AND conversation_id = $3
		ORDER BY entry DESC LIMIT 1), 0)`, []any{m.AccountID, m.RoomEntry, m.ConversationID}, &last); err != nil {
		return err
	}
	m.Entry = s.Entries.after(last)
	_, err := s.Write(`INSERT INTO messages (`+messageColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		m.AccountID, m.RoomEntry, m.ConversationID, m.Entry, m.RoomID, m.MessageID, m.SenderID, m.Sender, Millis(m.Created),
		string(m.Retention), m.Content, m.Redacted)
	return err
}

func (s *SQL) UpdateMessage(m store.Message) error {
	return s.WriteOne(`UPDATE messages SET retention = $1, content = $2, redacted = $3
		WHERE account_id = $4 AND room_entry = $5 AND conversation_id = $6 AND entry = $7 AND message_id || '' = $8`,
		string(m.Retention), m.Content, m.Redacted, m.AccountID, m.RoomEntry, m.ConversationID, m.Entry, m.MessageID)
}

// Messages are deleted up to the last one that is to go. An engine could not be told to delete so
// many rows and no more.

func (s *SQL) DeleteMessages(d store.Discussion, limit int) (int, error) {
	last := lastEntry
	err := s.ReadRow(`SELECT entry FROM messages WHERE account_id = $1 AND room_entry = $2 AND conversation_id = $3
		ORDER BY entry LIMIT 1 OFFSET $4`, []any{d.AccountID, d.RoomEntry, d.ConversationID, limit - 1}, &last)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	n, err := s.Write(`DELETE FROM messages WHERE account_id = $1 AND room_entry = $2 AND conversation_id = $3 AND entry <= $4`,
		d.AccountID, d.RoomEntry, d.ConversationID, last)
	return int(n), err
}

// lastEntry is above all entries.
const lastEntry store.Entry = 1<<63 - 1

// DeleteOldMessages deletes from the table of messages, which may come with a hint.
func (s *SQL) DeleteOldMessages(table, accountID string, kind store.Retention, until time.Time, limit int) (int, error) {
	var created int64
	var id string
	err := s.ReadRow(`SELECT created, message_id FROM `+table+` WHERE account_id = $1 AND retention = $2 AND created <= $3
		ORDER BY created, message_id LIMIT 1 OFFSET $4`, []any{accountID, string(kind), Millis(until), limit - 1}, &created, &id)
	var n int64
	switch {
	case err == nil:
		n, err = s.Write(`DELETE FROM `+table+` WHERE account_id = $1 AND retention = $2 AND (created, message_id) <= ($3, $4)`,
			accountID, string(kind), created, id)
	case errors.Is(err, store.ErrNotFound):
		n, err = s.Write(`DELETE FROM `+table+` WHERE account_id = $1 AND retention = $2 AND created <= $3`,
			accountID, string(kind), Millis(until))
	}
	return int(n), err
}
