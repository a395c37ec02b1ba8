package directory

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// People wrote messages in Amazon Chime itself. The API can only redact them, so here the operator
// writes them. Nothing published says how long a message or the id of a conversation may be.
const (
	maxMessage        = 4096 // characters
	maxConversationID = 128  // characters
)

// A conversation can have users of several accounts, and every key of the store begins with an
// account. The messages are kept once, by the account that the conversation began in: its home.
// Each other account with a user in it has a record that names the home. So an administrator of any
// of these accounts finds the conversation by the key of their own account, and redacts the message
// at home, for everybody. The id is that of the account, too: one that another account uses for
// another conversation says nothing here, and is refused only if the two would meet.
//
// An account stays in a conversation when its users leave the account or are suspended: what they
// took part in is there, and may have to be redacted.

// NewMessage is what [Operator.AddMessage] makes a message of. Users are named by an id or, with an
// @, an address.
type NewMessage struct {
	AccountID      string
	RoomID         string   // of the account, or else
	ConversationID string   // that users of the account are in; an unknown one begins a conversation
	Members        []string // who else is in the conversation
	Sender         string
	Sent           time.Time // zero: now
	Content        string
}

// AddMessage adds a message, and returns its id. In a room the sender must be a member. To a
// conversation it adds the sender and the members who are named: users of the account by ids or
// addresses, those of others by addresses. All must be registered.
func (o *Operator) AddMessage(ctx context.Context, request NewMessage) (messageID string, err error) {
	if (request.RoomID == "") == (request.ConversationID == "") {
		return "", api.BadRequest("Name a room or a conversation")
	}
	if request.RoomID != "" && len(request.Members) > 0 {
		return "", api.BadRequest("The members of a room are added to the room itself: name members of a conversation only")
	}
	err = o.update(ctx, opAddMessage, func(c *change) error {
		m := store.Message{MessageID: c.newID(), Created: c.now, Content: request.Content}
		if !request.Sent.IsZero() {
			m.Created = request.Sent.UTC().Truncate(time.Millisecond)
		}
		messageID = m.MessageID
		in := c.inRoom
		if request.ConversationID != "" {
			in = c.inConversation
		}
		home, err := in(request, &m)
		if err != nil {
			return err
		}
		return c.addMessage(home, m)
	})
	return messageID, err
}

// addMessage adds a message to a discussion that the account keeps. It is the only way in which a
// message comes into being. The caller has filled in all but the entry, and has made sure that the
// sender is in the discussion.
func (c *change) addMessage(a store.Account, m store.Message) error {
	switch n := utf8.RuneCountInString(m.Content); {
	case strings.TrimSpace(m.Content) == "" || n > maxMessage:
		return api.BadRequest("A message must have 1 to %d characters, not all of them blank: it has %d", maxMessage, n)
	case !utf8.ValidString(m.Content) || strings.ContainsRune(m.Content, 0):
		return api.BadRequest("A message must be text in UTF-8, without NUL")
	}
	if err := active(a); err != nil {
		return err
	}
	c.record(a, m.MessageID, nil, messageFields(m))
	if err := c.InsertMessage(&m); err != nil {
		return err
	}
	if m.Retention == store.RetainShared {
		if err := c.scheduleSharedPurge(a); err != nil {
			return err
		}
	}
	return c.tellMentioned(a, m)
}

// RedactRoomMessage removes the content of a message for good. A message without content stays as
// it is. A message that is hidden can be redacted, since it may come back.
func (s *Service) RedactRoomMessage(ctx context.Context, in *api.RedactRoomMessageInput) (*api.RedactRoomMessageOutput, error) {
	return write(ctx, s, opRedactRoomMessage, func(c *change) (*api.RedactRoomMessageOutput, error) {
		a, room, err := c.room(in.AccountId, in.RoomId)
		if err != nil {
			return nil, err
		}
		return &api.RedactRoomMessageOutput{}, c.redact(a, a, room.Discussion(), in.MessageId)
	})
}

// RedactConversationMessage removes the content of a message for good, like RedactRoomMessage. Any
// account with a user in the conversation can do that, whoever wrote the message.
func (s *Service) RedactConversationMessage(ctx context.Context, in *api.RedactConversationMessageInput) (*api.RedactConversationMessageOutput, error) {
	return write(ctx, s, opRedactConversationMessage, func(c *change) (*api.RedactConversationMessageOutput, error) {
		at, unknown := c.Conversation(in.AccountId, in.ConversationId) // first: see inConversation
		a, err := c.account(in.AccountId)
		if err == nil {
			err = enterprise(a, "messages")
		}
		if err == nil {
			err = unknown
		}
		if errors.Is(err, store.ErrNotFound) {
			err = noConversation(in.ConversationId)
		}
		if err != nil {
			return nil, err
		}
		home, err := c.FindAccount(at.HomeID)
		if errors.Is(err, store.ErrNotFound) { // deleted, and its messages with it
			err = noConversation(in.ConversationId)
		}
		if err != nil {
			return nil, err
		}
		return &api.RedactConversationMessageOutput{}, c.redact(a, home, at.Discussion(), in.MessageId)
	})
}

// redact removes the content of a message that home keeps, for a caller of account a. The trails of
// both tell who did it.
func (c *change) redact(a, home store.Account, in store.Discussion, messageID string) error {
	before, err := c.Message(home.AccountID, messageID)
	if errors.Is(err, store.ErrNotFound) || err == nil && before.Discussion != in {
		return api.Errorf(api.NotFoundException, "Message %.64s was not found", messageID)
	}
	if err != nil || before.Redacted {
		return err
	}
	after := before
	after.Content, after.Redacted = "", true
	c.record(a, after.MessageID, messageFields(before), messageFields(after))
	if home.AccountID != a.AccountID {
		c.record(home, after.MessageID, messageFields(before), messageFields(after))
	}
	return c.UpdateMessage(after)
}

// inRoom sets where a message in a room is said, and by whom. It returns the account that keeps the
// message.
func (c *change) inRoom(request NewMessage, m *store.Message) (a store.Account, err error) {
	if a, err = anyAccount(c, request.AccountID); err != nil {
		return a, err
	}
	room, err := findRoom(c, a, request.RoomID)
	if err != nil {
		return a, err
	}
	sender, err := c.participant(a, request.Sender)
	if err != nil {
		return a, err
	}
	found, err := c.RoomMemberships(room, []string{sender.UserID})
	if err != nil {
		return a, err
	}
	if sender.AccountID != a.AccountID || len(found) == 0 {
		return a, api.BadRequest("User %s is no member of room %s", sender.UserID, room.RoomID)
	}
	m.Discussion, m.Retention = room.Discussion(), store.RetainRoom
	m.SenderID, m.Sender = sender.UserID, sender.Email
	return a, nil
}

// inConversation sets where a message in a conversation is said, and by whom. It adds users to the
// conversation, and returns the account that keeps the message.
//
// It asks for the conversation before anything else. All conversations have one lock, and who waits
// for that must not keep others from an account.
func (c *change) inConversation(request NewMessage, m *store.Message) (home store.Account, err error) {
	at, unknown := c.Conversation(request.AccountID, request.ConversationID)
	a, err := anyAccount(c, request.AccountID)
	if err != nil {
		return home, err
	}
	people := make([]store.User, 1+len(request.Members))
	for i, name := range append([]string{request.Sender}, request.Members...) {
		if people[i], err = c.participant(a, name); err != nil {
			return home, err
		}
	}
	if err = unknown; errors.Is(err, store.ErrNotFound) {
		at, err = c.beginConversation(a, request.ConversationID, people)
	}
	if err != nil {
		return home, err
	}
	if home, err = anyAccount(c, at.HomeID); err == nil {
		err = enterprise(home, "messages")
	}
	if err == nil {
		at, err = c.joinConversation(home, at, people)
	}
	if err != nil {
		return home, err
	}
	m.Discussion, m.Retention = at.Discussion(), store.RetainConversation
	if at.Shared {
		m.Retention = store.RetainShared
	}
	m.SenderID, m.Sender = people[0].UserID, people[0].Email
	return home, nil
}

// beginConversation returns a conversation of an account that nobody is in yet.
func (c *change) beginConversation(a store.Account, id string, people []store.User) (store.Conversation, error) {
	if badID(id) != "" || utf8.RuneCountInString(id) > maxConversationID || !utf8.ValidString(id) {
		return store.Conversation{}, api.BadRequest("The id of a conversation must have 1 to %d characters that can be printed, not all of them blank, and not be . or ..", maxConversationID)
	}
	if !slices.ContainsFunc(people, func(u store.User) bool { return u.AccountID == a.AccountID }) {
		return store.Conversation{}, api.BadRequest("A conversation of account %s must have a user of that account in it", a.AccountID)
	}
	return store.Conversation{AccountID: a.AccountID, ConversationID: id, HomeID: a.AccountID}, nil
}

// joinConversation adds users to a conversation, and returns it as its home has it then. Once users
// of several accounts are in it, all that was said falls under the policy for that.
func (c *change) joinConversation(home store.Account, at store.Conversation, people []store.User) (store.Conversation, error) {
	shared := at.Shared || slices.ContainsFunc(people, func(u store.User) bool { return u.AccountID != home.AccountID })
	byAccount := map[string][]string{home.AccountID: nil} // whose record may have to say that it is shared
	for _, u := range people {
		byAccount[u.AccountID] = append(byAccount[u.AccountID], u.UserID)
	}
	for _, accountID := range slices.Sorted(maps.Keys(byAccount)) {
		account, err := anyAccount(c, accountID)
		if err != nil {
			return at, err
		}
		before, err := c.Conversation(accountID, at.ConversationID)
		unknown := errors.Is(err, store.ErrNotFound)
		switch {
		case unknown:
			before = store.Conversation{AccountID: accountID, ConversationID: at.ConversationID, HomeID: home.AccountID}
		case err != nil:
			return at, err
		case before.HomeID != home.AccountID:
			return at, api.Errorf(api.ConflictException, "Account %s has another conversation with the id %.128s", accountID, at.ConversationID)
		}
		after := before
		after.Shared = shared
		after.Members = slices.Clone(before.Members)
		for _, id := range byAccount[accountID] {
			if !slices.Contains(after.Members, id) {
				after.Members = append(after.Members, id)
			}
		}
		if accountID == home.AccountID {
			at = after
			if shared && !before.Shared && !unknown {
				if err := c.ShareMessages(home.AccountID, at.ConversationID); err != nil {
					return at, err
				}
			}
		}
		switch {
		case unknown:
			c.record(account, after.ConversationID, nil, conversationFields(after))
		case after.Shared != before.Shared || len(after.Members) != len(before.Members):
			c.record(account, after.ConversationID, conversationFields(before), conversationFields(after))
		default:
			continue
		}
		if err := c.PutConversation(after); err != nil {
			return at, err
		}
	}
	return at, nil
}

// participant returns a registered user: one of the account by an id, one of any account by an
// address.
func (c *change) participant(a store.Account, name string) (u store.User, err error) {
	if strings.Contains(name, "@") {
		u, _, err = c.holder(name)
	} else {
		u, err = findUser(c, a, name)
	}
	switch {
	case err != nil:
		return u, err
	case u.UserID == "":
		return u, api.Errorf(api.NotFoundException, "No registered user of any account has the address %.100s", name)
	case u.Registration != string(api.RegistrationStatusRegistered):
		return u, api.BadRequest("Only registered users send and get messages, user %.64s is %s", u.UserID, strings.ToLower(u.Registration))
	}
	return u, nil
}

// Message is a message as the operator sees it.
type Message struct {
	MessageID string
	Sender    string // an address
	Created   time.Time
	Content   string // empty once it is redacted
	Redacted  bool
	Hidden    bool // from those in the discussion, since it is too old
}

// MessageDocument is a message as people and programs are shown it.
func MessageDocument(m Message) *document.Object {
	o := document.NewObject(
		document.Member{Key: "MessageId", Value: m.MessageID},
		document.Member{Key: "Sender", Value: m.Sender},
		document.Member{Key: "CreatedTimestamp", Value: api.FormatTime(m.Created)},
	)
	if !m.Redacted {
		o.Set("Content", m.Content)
	}
	o.Set("Redacted", m.Redacted)
	o.Set("Hidden", m.Hidden)
	return o
}

// Messages lists the messages of a room of an account or, if roomID is empty, of a conversation
// that users of the account are in, in the order in which they were added. It ends after the first
// error.
func (o *Operator) Messages(ctx context.Context, accountID, roomID, conversationID string) iter.Seq2[Message, error] {
	next := func(tx store.ReadTx, after store.Entry) ([]Message, store.Entry, error) {
		home, d, err := discussion(tx, accountID, roomID, conversationID)
		if err != nil {
			return nil, 0, err
		}
		kept, next, err := tx.ListMessages(d, after, lookPage)
		now := o.options.Clock()
		messages := make([]Message, len(kept))
		for i, m := range kept {
			messages[i] = Message{m.MessageID, m.Sender, m.Created, m.Content, m.Redacted, hidden(home, m, now)}
		}
		return messages, next, err
	}
	return pages(ctx, o.store, next)
}

// discussion returns a discussion that users of an account are in, and the account that keeps the
// messages.
func discussion(tx store.ReadTx, accountID, roomID, conversationID string) (home store.Account, d store.Discussion, err error) {
	a, err := anyAccount(tx, accountID)
	if err != nil {
		return a, d, err
	}
	if roomID != "" {
		room, err := findRoom(tx, a, roomID)
		return a, room.Discussion(), err
	}
	at, err := findConversation(tx, a, conversationID)
	if err != nil {
		return a, d, err
	}
	home, err = anyAccount(tx, at.HomeID)
	return home, at.Discussion(), err
}

func findConversation(tx store.ReadTx, a store.Account, conversationID string) (store.Conversation, error) {
	if err := enterprise(a, "messages"); err != nil {
		return store.Conversation{}, err
	}
	at, err := tx.Conversation(a.AccountID, conversationID)
	if errors.Is(err, store.ErrNotFound) {
		err = noConversation(conversationID)
	}
	return at, err
}

func noConversation(conversationID string) error {
	return api.Errorf(api.NotFoundException, "Conversation %.64s was not found in the account", conversationID)
}

// messageFields say nothing of the content, which is nobody's business who reads a trail.
func messageFields(m store.Message) []document.Member {
	in := document.Member{Key: "RoomId", Value: label(m.RoomID)}
	if m.ConversationID != "" {
		in = document.Member{Key: "ConversationId", Value: label(m.ConversationID)}
	}
	return []document.Member{
		{Key: "MessageId", Value: label(m.MessageID)},
		in,
		{Key: "SenderId", Value: m.SenderID},
		{Key: "CreatedTimestamp", Value: stampOf(m.Created)},
		{Key: "Redacted", Value: m.Redacted},
	}
}

func conversationFields(at store.Conversation) []document.Member {
	return []document.Member{
		{Key: "ConversationId", Value: label(at.ConversationID)},
		{Key: "Members", Value: values(at.Members)},
		{Key: "Shared", Value: at.Shared},
	}
}
