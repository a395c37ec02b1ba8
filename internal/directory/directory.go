// Package directory is the domain of the service: accounts, the users in them, their licenses,
// phone numbers, chat rooms and bots, the rules that tie these together, and the trail of who
// changed what.
//
// Start at [Service], which has a method for each operation of the API, in the terms of package
// api. users.go has the rules for the fields of one user, batch.go those for a list of users,
// rooms.go and memberships.go those for chat rooms, messages.go and retention.go those for what is
// said there, bots.go those for bots, with events.go for what they are told and inbound.go for what
// they answer, numbers.go and its neighbors those for telephone numbers, dialout.go those for
// calls. Operations of package extension have a file each. schedule.go does what happens by itself.
// Beside it are [Operator], for what the API cannot do, [Import], which brings in an old directory,
// [Keys], the access keys that sign requests, and [Sessions], of people who have signed in with
// one.
//
// Every operation acts for the [Caller] in its context and sees only the accounts of the caller's
// AWS account. A change, through any of them, is one update of the store. The update includes an
// audit record for each thing that is different afterwards, such as a user, a number or a setting.
//
// A failure that the caller of the API has caused, or can do something about, is an *api.Error.
// Every other error comes from the store, unchanged: store.ErrUnavailable means that nothing was
// tried.
package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/webhook"
)

// Options replaces what is taken from the machine; the zero value is ready for production.
type Options struct {
	Clock func() time.Time // nil: time.Now
	NewID func() string    // ids of what is made; nil: UUIDs of version 7
	Rand  io.Reader        // keys, secrets, tokens and PINs are made of it; nil: crypto/rand

	Numbers NumberRules

	// Operator is the name of the person who uses [Operator] or [Keys]. In the audit trail the key
	// name is then "operator/NAME", and "operator" if it is empty.
	Operator string

	// DialOutHook is told of dial-outs. Nil: they are recorded only.
	DialOutHook *DialOutHook

	// URL is where bots reach the service, without a slash at the end. It is the beginning of the
	// URLs by which they answer.
	URL string

	// Webhook calls the endpoints of bots. Nil: one that is kept out of private networks.
	Webhook *webhook.Sender

	// EventEnded is told how an event for a bot has ended; the reason is empty for one that was
	// delivered. Nil: nobody is told.
	EventEnded func(botID string, outcome EventOutcome, reason string)

	// Refuse is asked about each item of a batch, before the rules decide about it. What it returns
	// is the answer for the item: a service for tests refuses on demand. It may be asked about an item
	// twice. Nil: nothing is refused.
	Refuse func(context.Context, Item) *rules.Refusal

	scheduled func() // is told when an update has scheduled a task; nil: nobody is
}

func (o Options) orDefault() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Refuse == nil {
		o.Refuse = func(context.Context, Item) *rules.Refusal { return nil }
	}
	if o.EventEnded == nil {
		o.EventEnded = func(string, EventOutcome, string) {}
	}
	return o
}

// Item is one of those that a batch names.
type Item struct {
	Operation string
	AccountID string // empty: the items belong to the AWS account
	ID        string // as the request names it: of a user or bot, an e-mail address to invite, or a phone number
	Email     string // of a user or bot
}

// Service carries out the operations of the API, and what happens by itself. What it keeps in
// memory is a key that never changes, which tasks it works on, and how many users were counted, so
// several services may share a store.
type Service struct {
	store   store.Store
	options Options
	pageKey []byte // authenticates page tokens, and the URLs by which bots answer
	tasks   *scheduler
	counts  counts
}

// All operations of the API are here.
var _ api.API = (*Service)(nil)

// New returns a Service on a store. On the first start it makes the key of the page tokens and
// keeps it in the store, so that tokens are valid after a restart and in every process.
func New(st store.Store, options Options) (*Service, error) {
	s := &Service{store: st, options: options.orDefault(), tasks: newScheduler(), counts: counts{last: make(map[string]userCounts)}}
	s.options.scheduled = s.tasks.wake
	if s.options.Webhook == nil {
		sender, err := webhook.New(webhook.Options{})
		if err != nil {
			return nil, err
		}
		s.options.Webhook = sender
	}
	key, err := pageKey(st, s.options.Rand)
	if err != nil {
		return nil, fmt.Errorf("preparing page tokens: %w", err)
	}
	s.pageKey = key
	return s, nil
}

// Forget drops what the service knows of the data: another state has been put in place of it. Work
// under way for tasks of the former state ends. Forget does not wait for the store, and may be
// called while the store waits.
func (s *Service) Forget() {
	s.counts.forget()
	s.tasks.interrupt()
	s.tasks.wake()
}

// Caller says who makes a request, and what the audit trail calls them.
type Caller struct {
	AWSAccountID string // 12 digits
	KeyID        string
	KeyName      string
	RequestID    string
	UserAgent    string
}

// arn names the caller as Chime did in what a caller has made: an IAM user, here with the name of
// the key, or the root of the AWS account. No other key than a root key is called root.
func (c Caller) arn() string {
	who := "user/" + c.KeyName
	if c.KeyName == rootName {
		who = rootName
	}
	return "arn:aws:iam::" + c.AWSAccountID + ":" + who
}

type callerKey struct{}

// WithCaller returns a context for an operation on behalf of the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller of a context.
func CallerOf(ctx context.Context) (c Caller, ok bool) {
	c, ok = ctx.Value(callerKey{}).(Caller)
	return c, ok
}

func callerOf(ctx context.Context) (Caller, error) {
	c, ok := CallerOf(ctx)
	if !ok || c.AWSAccountID == "" {
		return c, errors.New("the context names no caller")
	}
	return c, nil
}

// read carries out an operation that changes nothing.
func read[T any](ctx context.Context, s *Service, fn func(store.ReadTx, Caller) (T, error)) (out T, err error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return out, err
	}
	err = s.store.View(ctx, func(tx store.ReadTx) (err error) {
		out, err = fn(tx, caller)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// change is an operation inside its update: the transaction, who it is for, its time, and the audit
// records of what it has changed.
type change struct {
	store.Tx
	caller    Caller
	operation operation
	now       time.Time // the one time of the whole change
	newID     func() string
	random    io.Reader
	audit     []store.AuditRecord
	scheduled bool         // a task, which the scheduler is to look for
	ended     []endedEvent // which are told nobody
}

// write carries out an operation that changes something. The store may run fn again, so fn must
// keep nothing from one run for the next.
func write[T any](ctx context.Context, s *Service, op operation, fn func(*change) (T, error)) (out T, err error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return out, err
	}
	err = update(ctx, s.store, s.options, caller, op, func(c *change) (err error) {
		out, err = fn(c)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// maxClashes is how often a change is run again because a unique key was taken: another process
// was first, which the next run sees, or a PIN is in use, and the next run makes another.
const maxClashes = 5

// update runs a change, and writes its audit records in the same transaction. Like the store, it
// may run fn again.
func update(ctx context.Context, st store.Store, o Options, caller Caller, op operation, fn func(*change) error) error {
	scheduled, ended := false, []endedEvent(nil)
	run := func(tx store.Tx) error {
		c := &change{
			Tx:        tx,
			caller:    caller,
			operation: op,
			now:       o.Clock().UTC().Truncate(time.Millisecond), // as it will be read back
			newID:     o.NewID,
			random:    o.Rand,
		}
		err := fn(c)
		scheduled, ended = c.scheduled, c.ended
		if err != nil || len(c.audit) == 0 {
			return err
		}
		return tx.AppendAudit(c.audit)
	}
	err := st.Update(ctx, run)
	for range maxClashes {
		if !errors.Is(err, store.ErrExists) {
			break
		}
		err = st.Update(ctx, run)
	}
	if err != nil {
		return err
	}
	if scheduled && o.scheduled != nil {
		o.scheduled()
	}
	for _, e := range ended {
		o.EventEnded(e.botID, e.outcome, e.reason)
	}
	return nil
}

// pattern compiles a regular expression when it is first used: those with large repetitions take
// milliseconds, which every command would wait for.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
