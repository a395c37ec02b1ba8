package store

import "time"

// Conversation says that users of an account are in a conversation: a chat outside of rooms, of
// users of one account or several. Each of these accounts has a record of its own, so that it finds
// the conversation by a key that begins with itself. The messages are kept once, by the account
// that the conversation began in.
type Conversation struct {
	AccountID      string
	ConversationID string   // unique in the account
	HomeID         string   // the account that keeps the messages
	Members        []string // ids of the users of this account, in the order in which they joined
	Shared         bool     // users of other accounts are in it, too
}

// Discussion is where a message was said: in a room or in a conversation.
type Discussion struct {
	AccountID      string // that keeps the messages
	RoomID         string // empty for a conversation
	RoomEntry      Entry  // of the room, 0 for a conversation
	ConversationID string // empty for a room
}

// Discussion returns where the messages of the room are kept.
func (r Room) Discussion() Discussion {
	return Discussion{AccountID: r.AccountID, RoomID: r.RoomID, RoomEntry: r.Entry}
}

// Discussion returns where the messages of the conversation are kept.
func (c Conversation) Discussion() Discussion {
	return Discussion{AccountID: c.HomeID, ConversationID: c.ConversationID}
}

// Retention says how long a message is kept: each kind has a period of its own.
type Retention string

const (
	RetainRoom         Retention = "Room"         // what is said in rooms
	RetainConversation Retention = "Conversation" // what users of one account say to each other
	RetainShared       Retention = "Shared"       // what is said in conversations of several accounts
)

// Message is what somebody has said in a discussion.
type Message struct {
	Discussion
	Entry     Entry  // the place among the messages of the discussion
	MessageID string // unique in the account

	SenderID string // of the user or bot
	Sender   string // their e-mail address then
	Created  time.Time

	// The rest may change.

	Retention Retention
	Content   string // empty once it is redacted
	Redacted  bool
}
