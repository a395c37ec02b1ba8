package sqlite

import (
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func (t *tx) Conversation(accountID, conversationID string) (store.Conversation, error) {
	return t.sql.Conversation(accountID, conversationID)
}

func (t *tx) PutConversation(c store.Conversation) error { return t.sql.PutConversation(c) }

func (t *tx) ShareMessages(accountID, conversationID string) error {
	return t.sql.ShareMessages(accountID, conversationID)
}

func (t *tx) Message(accountID, messageID string) (store.Message, error) {
	return t.sql.Message(accountID, messageID)
}

// byAge is the table of messages with the index that finds the oldest.
const byAge = `messages INDEXED BY messages_age`

func (t *tx) OldestMessage(accountID string, kind store.Retention) (store.Message, error) {
	return t.sql.OldestMessage(byAge, accountID, kind)
}

func (t *tx) ListMessages(d store.Discussion, after store.Entry, limit int) ([]store.Message, store.Entry, error) {
	return t.sql.ListMessages(d, after, limit)
}

func (t *tx) InsertMessage(m *store.Message) error { return t.sql.InsertMessage(m) }

func (t *tx) UpdateMessage(m store.Message) error { return t.sql.UpdateMessage(m) }

func (t *tx) DeleteMessages(d store.Discussion, limit int) (int, error) {
	return t.sql.DeleteMessages(d, limit)
}

func (t *tx) DeleteOldMessages(accountID string, kind store.Retention, until time.Time, limit int) (int, error) {
	return t.sql.DeleteOldMessages(byAge, accountID, kind, until, limit)
}
