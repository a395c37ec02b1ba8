package directory

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/webhook"
)

// A bot is told what concerns it: that it was added to a room, mentioned there, or removed. The
// change that does this writes the event, too, and asks for a task that sends it. There is one task
// for each bot, so its events are sent one after the other, in the order of the changes. An event
// is removed after it was sent: a service that dies in between has it sent twice, but never not at
// all.
//
// An endpoint that has failed three times in a row has lost the event, as Amazon Chime published.
// Then it is the turn of the tasks of other bots, so that those who do not answer delay nobody for
// long. Events of a bot that is disabled, or has no place for them, are dropped.

// deliverEvents is the kind of the tasks that send the events of a bot, which is the target.
const deliverEvents = "DeliverEvents"

// The events of bots.
const (
	eventInvite  = "Invite"
	eventMention = "Mention"
	eventRemove  = "Remove"
)

// maxWaiting is how many events of a bot can wait. Further ones are dropped: it is far behind.
const maxWaiting = 1000

// EventOutcome is how an event of a bot has ended.
type EventOutcome string

const (
	EventDelivered EventOutcome = "delivered" // the endpoint has taken it
	EventGivenUp   EventOutcome = "given_up"  // the endpoint has not, see [webhook.Sender.Send]
	EventDropped   EventOutcome = "dropped"   // nobody was called
)

// Why an event is dropped. Those that an operator has to know of are exported.
const (
	NoFunctions   = "Lambda functions are not called"
	TooManyEvents = "too many events wait for the bot"

	reasonDisabled = "the bot is disabled"
	reasonNowhere  = "the bot has no events configuration"
	reasonGone     = "the message is gone, or the account is or has no bots any more"
)

// endedEvent is an event that a change has ended, to be told when it is certain.
type endedEvent struct {
	botID   string
	outcome EventOutcome
	reason  string
}

// deaf says why a bot cannot be told anything, "" if it can.
func deaf(b store.Bot) string {
	switch {
	case b.Disabled:
		return reasonDisabled
	case b.LambdaARN != "":
		return NoFunctions
	case b.HTTPSEndpoint == "":
		return reasonNowhere
	}
	return ""
}

// eventIn is an event of this change about a bot in a room.
func (c *change) eventIn(m store.RoomMembership, kind string) store.BotEvent {
	return store.BotEvent{
		AccountID: m.AccountID, BotID: m.MemberID, Type: kind, RoomID: m.RoomID, Membership: m.Entry, SenderID: c.caller.arn(), Created: c.now,
	}
}

// tell has an event sent to its bot, once the change is made.
func (c *change) tell(a store.Account, b store.Bot, e store.BotEvent) error {
	if reason := deaf(b); reason != "" {
		c.ended = append(c.ended, endedEvent{b.BotID, EventDropped, reason})
		return nil
	}
	waiting, err := c.CountBotEvents(a.AccountID, b.BotID)
	if err != nil {
		return err
	}
	if waiting >= maxWaiting {
		c.ended = append(c.ended, endedEvent{b.BotID, EventDropped, TooManyEvents})
		return nil
	}
	if err := c.InsertBotEvent(&e); err != nil {
		return err
	}
	return c.schedule(store.Task{AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, Kind: deliverEvents, Target: b.BotID, Due: c.now})
}

// tellRemoved tells a member that has been removed from a room, if it is a bot.
func (c *change) tellRemoved(a store.Account, m store.RoomMembership) error {
	b, err := c.Bot(a.AccountID, m.MemberID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.tell(a, b, c.eventIn(m, eventRemove))
}

// tellMentioned tells the bots in a room that a message there mentions them, by an @ and the
// address of the bot in any case. What a bot says mentions nobody, or two bots could talk to each
// other without end.
func (c *change) tellMentioned(a store.Account, m store.Message) error {
	if m.RoomID == "" || !strings.Contains(m.Content, "@") {
		return nil
	}
	bots, err := c.bots(a)
	if err != nil || bots[m.SenderID] != nil {
		return err
	}
	var ids []string
	for id, b := range bots {
		if mentions(m.Content, b.Email) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	in, err := c.RoomMemberships(store.Room{AccountID: a.AccountID, RoomID: m.RoomID, Entry: m.RoomEntry}, ids)
	if err != nil {
		return err
	}
	for _, membership := range in {
		e := c.eventIn(membership, eventMention)
		e.SenderID, e.MessageID = m.SenderID, m.MessageID
		if err := c.tell(a, *bots[membership.MemberID], e); err != nil {
			return err
		}
	}
	return nil
}

// mentions reports whether a text has an @ and an address, which is in lower case, and not just the
// beginning of a longer address.
func mentions(text, email string) bool {
	_, rest, found := strings.Cut(strings.ToLower(text), "@"+email)
	for ; found; _, rest, found = strings.Cut(rest, "@"+email) {
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, ".-")) // a full stop may end the sentence
		if rest == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return true
		}
	}
	return false
}

// eventsLeft reports whether any event waits for a bot.
func eventsLeft(tx store.Tx, t store.Task) (bool, error) {
	waiting, err := tx.BotEvents(t.AccountID, t.Target, 1)
	return len(waiting) > 0, err
}

// deliverEvent sends the first event that waits for a bot. It reports whether the next one may
// follow in the same turn.
func (s *Service) deliverEvent(ctx context.Context, t store.Task) (more bool, err error) {
	next, err := s.lookForEvent(ctx, t)
	if err != nil || next == nil {
		return false, err
	}
	outcome, reason := EventDropped, next.dropped
	if reason == "" {
		outcome = EventDelivered
		err := s.options.Webhook.Send(ctx, next.bot.HTTPSEndpoint, next.bot.SecurityToken, next.body, func(ctx context.Context) error {
			now, err := s.lookForEvent(ctx, t)
			if err == nil && !next.stillGoes(now) {
				err = errEventChanged
			}
			return err
		})
		if errors.Is(err, errEventChanged) {
			return true, nil // and then as the bot is now
		}
		if failure, ok := errors.AsType[*webhook.Failure](err); ok {
			outcome, reason = EventGivenUp, failure.Reason
		} else if err != nil {
			return false, err
		}
	}
	err = s.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if err := tx.DeleteBotEvents(t.AccountID, t.Target, next.entry); err != nil {
			return err
		}
		return stillLeased(tx, t)
	})
	if err != nil {
		return false, err
	}
	s.options.EventEnded(t.Target, outcome, reason)
	return outcome != EventGivenUp, nil
}

// lookForEvent is nextEvent in a view of its own.
func (s *Service) lookForEvent(ctx context.Context, t store.Task) (next *outgoing, err error) {
	err = s.store.View(ctx, func(tx store.ReadTx) (err error) {
		next, err = s.nextEvent(tx, t)
		return err
	})
	return next, err
}

var errEventChanged = errors.New("an event, or its bot, has changed while it was sent")

// outgoing is an event that is about to be sent, or dropped.
type outgoing struct {
	entry   store.Entry
	bot     store.Bot
	dropped string // why; empty: it is to be sent
	body    []byte
}

// stillGoes reports whether an event that was not taken goes to the same endpoint again, by what a
// second look has found: the bot may have been disabled meanwhile, say, or the message redacted.
func (o *outgoing) stillGoes(now *outgoing) bool {
	return now != nil && now.entry == o.entry && now.dropped == "" &&
		now.bot.HTTPSEndpoint == o.bot.HTTPSEndpoint && now.bot.SecurityToken == o.bot.SecurityToken
}

// nextEvent returns the first event that waits for a bot, nil if none does.
func (s *Service) nextEvent(tx store.ReadTx, t store.Task) (*outgoing, error) {
	waiting, err := tx.BotEvents(t.AccountID, t.Target, 1)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	e := waiting[0]
	next := &outgoing{entry: e.Entry, dropped: reasonGone}
	a, err := tx.Account(t.AWSAccountID, t.AccountID)
	if errors.Is(err, store.ErrNotFound) || err == nil && enterprise(a, "bots") != nil {
		return next, nil
	}
	if err != nil {
		return nil, err
	}
	if next.bot, err = tx.Bot(a.AccountID, t.Target); err != nil {
		return nil, err
	}
	if next.dropped = deaf(next.bot); next.dropped != "" {
		return next, nil
	}
	event := botEvent{
		SenderID:       e.SenderID,
		Discussion:     eventPlace{e.RoomID, "Room"},
		EventType:      e.Type,
		EventTimestamp: api.FormatTime(e.Created),
	}
	switch e.Type {
	case eventInvite:
		event.Inbound = &inboundEndpoint{"Persistent", s.inboundURL(e, time.Time{})}
	case eventMention:
		m, err := tx.Message(a.AccountID, e.MessageID)
		if errors.Is(err, store.ErrNotFound) || err == nil && m.Redacted {
			next.dropped = reasonGone
			return next, nil
		}
		if err != nil {
			return nil, err
		}
		event.Sender, event.Message = m.Sender, m.Content
		event.Inbound = &inboundEndpoint{"ShortLived", s.inboundURL(e, s.options.Clock().Add(inboundLife))}
	}
	next.body, err = json.Marshal(event)
	return next, err
}

// botEvent is what a bot gets. An access key, not a person, has asked for an invitation or a
// removal: Sender is empty then, and SenderId is the ARN of the key.
type botEvent struct {
	Sender         string           // e-mail address
	SenderID       string           `json:"SenderId"`
	Discussion     eventPlace       `json:"Discussion"`
	EventType      string           `json:"EventType"`
	Inbound        *inboundEndpoint `json:"InboundHttpsEndpoint,omitempty"`
	EventTimestamp string           `json:"EventTimestamp"`
	Message        string           `json:"Message,omitempty"`
}

type eventPlace struct {
	DiscussionID   string `json:"DiscussionId"`
	DiscussionType string
}

type inboundEndpoint struct {
	EndpointType string
	URL          string `json:"Url"`
}

// verifyEndpoint makes sure that whoever names an endpoint for a bot has a say there: it must
// answer a challenge. It calls the endpoint outside of any transaction.
func (s *Service) verifyEndpoint(ctx context.Context, accountID, botID, endpoint string) error {
	b, err := read(ctx, s, func(tx store.ReadTx, caller Caller) (store.Bot, error) {
		a, err := activeAccount(tx, caller, accountID)
		if err != nil {
			return store.Bot{}, err
		}
		return findBot(tx, a, botID)
	})
	if err != nil {
		return err
	}
	challenge, err := digits(s.options.Rand, 20)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct{ Challenge, EventType string }{challenge, "HTTPSEndpointVerification"})
	if err != nil {
		return err
	}
	reply, err := s.options.Webhook.Post(ctx, endpoint, b.SecurityToken, body)
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return api.BadRequest("OutboundEventsHTTPSEndpoint %s", failure.Reason)
	}
	if err != nil {
		return err
	}
	var answer struct{ Challenge string }
	if err := json.Unmarshal(reply, &answer); err != nil || answer.Challenge != challenge {
		return api.BadRequest("OutboundEventsHTTPSEndpoint did not answer the challenge with an object that has the same Challenge")
	}
	return nil
}

// digits returns random decimal digits.
func digits(random io.Reader, n int) (string, error) {
	text := make([]byte, 0, n)
	for one := make([]byte, 1); len(text) < n; {
		if _, err := io.ReadFull(random, one); err != nil {
			return "", err
		}
		if one[0] < 250 { // or the first digits would come more often
			text = append(text, '0'+one[0]%10)
		}
	}
	return string(text), nil
}
