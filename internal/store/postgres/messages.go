package postgres

import (
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Whatever an update does with messages, it locks those of the account first, and shares that lock
// with nobody. All conversations have one lock: an update goes from the record of one account to
// those of others, and two that came from both sides would wait for each other.

func (t *tx) Conversation(accountID, conversationID string) (store.Conversation, error) {
	t.take("chats", "")
	return t.sql.Conversation(accountID, conversationID)
}

func (t *tx) PutConversation(c store.Conversation) error {
	t.take("chats", "")
	return t.sql.PutConversation(c)
}

func (t *tx) ShareMessages(accountID, conversationID string) error {
	t.take("messages", accountID)
	return t.sql.ShareMessages(accountID, conversationID)
}

func (t *tx) Message(accountID, messageID string) (store.Message, error) {
	t.take("messages", accountID)
	return t.sql.Message(accountID, messageID)
}

func (t *tx) OldestMessage(accountID string, kind store.Retention) (store.Message, error) {
	t.take("messages", accountID)
	return t.sql.OldestMessage(`messages`, accountID, kind)
}

func (t *tx) ListMessages(d store.Discussion, after store.Entry, limit int) ([]store.Message, store.Entry, error) {
	t.take("messages", d.AccountID)
	return t.sql.ListMessages(d, after, limit)
}

func (t *tx) InsertMessage(m *store.Message) error {
	t.take("messages", m.AccountID)
	return t.sql.InsertMessage(m)
}

func (t *tx) UpdateMessage(m store.Message) error {
	t.take("messages", m.AccountID)
	return t.sql.UpdateMessage(m)
}

func (t *tx) DeleteMessages(d store.Discussion, limit int) (int, error) {
	t.take("messages", d.AccountID)
	return t.sql.DeleteMessages(d, limit)
}

func (t *tx) DeleteOldMessages(accountID string, kind store.Retention, until time.Time, limit int) (int, error) {
	t.take("messages", accountID)
	return t.sql.DeleteOldMessages(`messages`, accountID, kind, until, limit)
}
