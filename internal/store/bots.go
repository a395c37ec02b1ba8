package store

import "time"

// Bot is a chat bot of an account, with where its events are to be sent. A bot stays as long as its
// account.
type Bot struct {
	AccountID string
	BotID     string // unique in the account
	Entry     Entry
	Name      string
	Email     string // unique among all bots, compared by [address.Key]
	Created   time.Time

	// The rest may change.

	Disabled      bool
	SecurityToken string // with it the events of the bot are signed
	Updated       time.Time

	// Where events are sent: to one of the two, or nowhere.
	HTTPSEndpoint string
	LambdaARN     string
}

// HasEvents reports whether events of the bot are sent anywhere.
func (b Bot) HasEvents() bool { return b.HTTPSEndpoint != "" || b.LambdaARN != "" }

// BotEvent is something that a bot is to be told of, and was not told of yet.
type BotEvent struct {
	AccountID string
	BotID     string
	Entry     Entry // the place among the events of the bot

	Type       string // "Invite", "Mention", "Remove"
	RoomID     string // where it happened
	Membership Entry  // that of the bot in the room
	SenderID   string // who did it: an ARN, or the id of whoever sent the message
	MessageID  string // that mentions the bot; empty for other events
	Created    time.Time
}
