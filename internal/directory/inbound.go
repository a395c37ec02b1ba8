package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// A bot answers by a URL that came with an event. With an invitation comes one that lasts as long
// as the membership, with a mention one for a quarter of an hour: a bot that handles mentions alone
// need not keep anything. The URL says which bot may speak in which room, since when and until
// when, and proves it with a MAC. So nothing is kept for a URL, and one that is made up is refused
// before the store is asked. It ends with the membership, by whose entry it is bound to that and no
// later one.

// InboundPath is the path that the URLs begin with, below that of the service.
const InboundPath = "/inbound/"

// inboundLife is how long a bot can answer by the URL that came with a mention.
const inboundLife = 15 * time.Minute

// InboundBody is the most bytes that the body of an answer can have: those of the longest message,
// with each character written in the longest way, and some to spare.
const InboundBody = maxMessage*len(`\ud83d\ude00`) + 1<<10

// inboundURL returns a URL by which the bot of an event can answer until a time, zero for as long
// as it is in the room.
func (s *Service) inboundURL(e store.BotEvent, until time.Time) string {
	in := Inbound{service: s, accountID: e.AccountID, roomID: e.RoomID, botID: e.BotID, membership: e.Membership, until: until}
	bound := in.bound()
	token := base64.RawURLEncoding.EncodeToString(append(bound, in.mac(bound)...))
	return s.options.URL + InboundPath + strings.Join([]string{
		url.PathEscape(e.AccountID), url.PathEscape(e.RoomID), url.PathEscape(e.BotID), token}, "/")
}

// Inbound is a URL by which a bot can answer.
type Inbound struct {
	service                  *Service
	accountID, roomID, botID string
	membership               store.Entry
	until                    time.Time // zero: as long as the bot is in the room
}

// boundSize is the number of bytes that say what a URL is bound to, beside the ids.
const boundSize = 16

func (in *Inbound) bound() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(in.membership))
	return binary.BigEndian.AppendUint64(b, uint64(stampOf(in.until)))
}

func (in *Inbound) mac(bound []byte) []byte {
	mac := hmac.New(sha256.New, in.service.pageKey)
	mac.Write([]byte("inbound endpoint\x00")) // which begins no page token
	for _, part := range []string{in.accountID, in.roomID, in.botID} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	mac.Write(bound)
	return mac.Sum(nil)
}

// Inbound returns the URL with an escaped path, if this service or another one on the same store
// has given it out. All that it refuses, and all that [Inbound.Say] finds to have ended, is
// NotFound.
func (s *Service) Inbound(path string) (*Inbound, error) {
	parts := strings.Split(strings.TrimPrefix(path, InboundPath), "/")
	if len(parts) != 4 {
		return nil, errNoInbound
	}
	for i := range parts {
		var err error
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return nil, errNoInbound
		}
	}
	token, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || len(token) != boundSize+sha256.Size {
		return nil, errNoInbound
	}
	in := &Inbound{
		service: s, accountID: parts[0], roomID: parts[1], botID: parts[2],
		membership: store.Entry(binary.BigEndian.Uint64(token)),
	}
	if until := binary.BigEndian.Uint64(token[8:]); until != 0 {
		in.until = time.UnixMilli(int64(until))
	}
	if !hmac.Equal(in.mac(token[:boundSize]), token[boundSize:]) {
		return nil, errNoInbound
	}
	return in, nil
}

var errNoInbound = api.Errorf(api.NotFoundException, "No bot can answer at this URL, or no longer")

// BotID returns which bot answers by the URL.
func (in *Inbound) BotID() string { return in.botID }

// Say adds a message of the bot to the room: the Content of a JSON object. It returns the reply, a
// JSON object with the MessageId.
func (in *Inbound) Say(ctx context.Context, requestID, userAgent string, body []byte) ([]byte, error) {
	content, err := contentOf(body)
	if err != nil {
		return nil, err
	}
	var id string
	caller := Caller{KeyName: "bot/" + in.botID, RequestID: requestID, UserAgent: userAgent}
	err = update(ctx, in.service.store, in.service.options, caller, opAddMessage, func(c *change) error {
		a, room, b, err := in.ends(c)
		if errors.Is(err, store.ErrNotFound) {
			return errNoInbound
		}
		if err != nil {
			return err
		}
		id = c.newID()
		return c.addMessage(a, store.Message{
			Discussion: room.Discussion(), Retention: store.RetainRoom, MessageID: id,
			SenderID: b.BotID, Sender: b.Email, Created: c.now, Content: content,
		})
	})
	if err != nil {
		return nil, err
	}
	return document.AppendCompact(nil, document.NewObject(document.Member{Key: "MessageId", Value: id})), nil
}

// ends returns what the URL leads from and to, or ErrNotFound if it has ended.
func (in *Inbound) ends(c *change) (a store.Account, room store.Room, b store.Bot, err error) {
	if !in.until.IsZero() && !c.now.Before(in.until) {
		return a, room, b, store.ErrNotFound
	}
	if a, err = c.FindAccount(in.accountID); err != nil {
		return a, room, b, err
	}
	if enterprise(a, "bots") != nil {
		return a, room, b, store.ErrNotFound
	}
	if room, err = c.Room(a.AccountID, in.roomID); err != nil {
		return a, room, b, err
	}
	if b, err = c.Bot(a.AccountID, in.botID); err != nil {
		return a, room, b, err
	}
	memberships, err := c.RoomMemberships(room, []string{b.BotID})
	if err == nil && (b.Disabled || len(memberships) == 0 || memberships[0].Entry != in.membership) {
		err = store.ErrNotFound
	}
	return a, room, b, err
}

// contentOf reads the body of an answer.
func contentOf(body []byte) (string, error) {
	var in struct{ Content *string }
	if err := json.Unmarshal(body, &in); err != nil || in.Content == nil {
		return "", api.BadRequest(`The body must be a JSON object such as {"Content": "text"}`)
	}
	return *in.Content, nil
}
