package testmode

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
)

// activeRule is a rule in force, with what it has seen.
type activeRule struct {
	Rule
	ends time.Time // zero: never

	mu      sync.Mutex
	matched int
	fired   int
	seen    map[string]int // how many times each subject has matched, if that matters
}

// maxSeen is how many subjects a rule tells apart. A match of any other counts as its first.
const maxSeen = 1 << 18

func newActiveRule(r Rule, now time.Time) *activeRule {
	return &activeRule{Rule: r, ends: r.expiry(now), seen: make(map[string]int)}
}

func (r *activeRule) expired(now time.Time) bool { return !r.ends.IsZero() && !now.Before(r.ends) }

func (r *activeRule) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fired
}

// canHit reports whether an operation has the effect of a rule.
func (r *activeRule) canHit(op *model.Operation) bool {
	switch {
	case r.Operation != "":
		return r.Operation == op.Name
	case r.Where == Item:
		return hasItems(op)
	default:
		return r.Effect.Code == "" || slices.Contains(api.Exceptions(op.Name), api.Exception(r.Effect.Code))
	}
}

// name is what a request calls a user or a bot, or a phone number.
type name struct{ id, email, number string }

// matches reports whether a rule is meant for a request, in an account, that names some users.
func (r *activeRule) matches(c *call, account string, names []name, now time.Time) bool {
	return r.concerns(c, account, now) && (r.User == "" || slices.ContainsFunc(names, r.isUser))
}

// concerns reports whether a rule is meant for a request, whatever users that names.
func (r *activeRule) concerns(c *call, account string, now time.Time) bool {
	return !r.expired(now) &&
		(r.Key == "" || r.Key == c.caller.KeyID) &&
		(r.Account == "" || r.Account == account) &&
		(r.Test == "" || r.Test == c.test()) &&
		(r.Region == "" || r.Region == c.region())
}

// isUser reports whether a name is the user of a rule.
func (r *activeRule) isUser(n name) bool {
	if n.number != "" { // which clients and the service write in several ways
		return like(directory.AsNumber(r.User), n.number) || like(r.User, strings.TrimPrefix(n.number, "+"))
	}
	if r.isPattern() {
		return like(r.User, n.id) || like(r.User, n.email)
	}
	return strings.EqualFold(r.User, n.id) || n.email != "" && address.Key(r.User) == address.Key(n.email)
}

func (r *activeRule) isPattern() bool { return strings.ContainsAny(r.User, `*?[\`) }

// byAddress reports whether the user of a rule can be an address.
func (r *activeRule) byAddress() bool { return r.isPattern() || strings.Contains(r.User, "@") }

// like reports whether a text fits a pattern, in any case.
func like(pattern, text string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "/", "\x00") } // * stops at no character
	ok, err := path.Match(plain(pattern), plain(text))
	return ok && err == nil
}

// fires decides whether a rule that matches fires, and how long it then delays. What it decides
// about the n-th match of a subject does not depend on other subjects, unless the rule skips or
// counts.
func (r *activeRule) fires(subject func() string) (fires bool, delay time.Duration) {
	chance, jitter := 0.0, 0.5
	random := r.Probability != nil && *r.Probability < 1 || r.Effect.Latency != nil && r.Effect.Latency.Jitter > 0
	id := ""
	if random {
		id = subject()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.matched++
	if random {
		n := r.seen[id] + 1
		if n > 1 || len(r.seen) < maxSeen {
			r.seen[id] = n
		}
		chance, jitter = draw(r.Seed, r.ID, id, n)
	}
	if r.matched <= r.Skip || r.Count > 0 && r.fired >= r.Count || r.Probability != nil && chance >= *r.Probability {
		return false, 0
	}
	r.fired++
	if l := r.Effect.Latency; l != nil {
		delay = time.Duration((float64(l.MS) + (2*jitter-1)*float64(l.Jitter)) * float64(time.Millisecond))
	}
	return true, delay
}

// draw returns two numbers from 0 to below 1 that depend on nothing else.
func draw(seed int, rule, subject string, n int) (a, b float64) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%d", seed, rule, subject, n))
	fraction := func(b []byte) float64 { return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53) }
	return fraction(sum[:8]), fraction(sum[8:16])
}

// effect is what the activity calls the effect of a rule.
func (r *activeRule) effect() string {
	switch e := r.Effect; {
	case e.Connection != "":
		return string(e.Connection)
	case e.Code != "":
		return e.Code
	default:
		return "latency"
	}
}

// message is what a rule says to the client.
func (r *activeRule) message() string {
	if r.Effect.Message != "" {
		return r.Effect.Message
	}
	return fmt.Sprintf("The fault rule %s of test mode answers.", r.ID)
}

// fault is what a rule answers in place of the service.
type fault struct {
	error
	rule string
}

func (r *activeRule) answer(x api.Exception) error {
	return fault{api.Errorf(x, "%s", r.message()), r.ID}
}

func (f fault) Unwrap() error { return f.error }

// Reason is for the log of the server: the rule is the cause, and no failure is.
func (f fault) ArrangedReason() string { return "fault rule " + f.rule }

// call is a call of an operation that has rules.
type call struct {
	faults  *Faults
	slot    *slot
	target  *target
	request api.Request
	caller  directory.Caller
	account string
	names   []name // nil until a rule needs them
}

func (c *call) test() string { return c.slot.request.Header.Get(TestHeader) }

// region is the one that the signature is for.
func (c *call) region() string {
	a, err := sigv4.Parse(c.slot.request.Header.Get("Authorization"))
	if err != nil {
		return ""
	}
	return a.Scope.Region
}

// subject is what calls have in common that are sent again: a hash of it, since many are kept.
func (c *call) subject() string {
	what := strings.Join([]string{c.caller.KeyID, c.target.operation.Name, c.slot.request.URL.EscapedPath()}, " ")
	sum := sha256.Sum256(append([]byte(what+" "), c.target.essence(c.request)...))
	return string(sum[:16])
}

// nameUsers finds out which users a call names, if a rule needs that. Addresses are looked up
// before the work, which may delete them.
func (c *call) nameUsers(ctx context.Context, lists ...[]*activeRule) error {
	byName, byAddress, now := false, false, time.Now()
	for _, list := range lists {
		for _, r := range list {
			if r.User != "" && r.concerns(c, c.account, now) {
				byName, byAddress = true, byAddress || r.byAddress()
			}
		}
	}
	if !byName {
		return nil
	}
	c.names = c.target.names(c.request)
	var ids []string
	for _, n := range c.names {
		if n.id != "" {
			ids = append(ids, n.id)
		}
	}
	if !byAddress || len(ids) == 0 {
		return nil
	}
	accounts, err := c.accounts(ctx)
	for _, account := range accounts {
		known, err := c.faults.addresses.of(ctx, c.faults.store, account, ids)
		if err != nil {
			return err
		}
		c.names = append(c.names, known...)
	}
	return err
}

// accounts returns those in which a call can name users: that of its path, or all that its key has.
func (c *call) accounts(ctx context.Context) (ids []string, err error) {
	if c.account != "" {
		return []string{c.account}, nil
	}
	err = c.faults.store.View(ctx, func(tx store.ReadTx) error {
		for after := store.Entry(0); ; {
			page, next, err := tx.Accounts(c.caller.AWSAccountID, store.AccountFilter{}, after, accountPage)
			for _, a := range page {
				ids = append(ids, a.AccountID)
			}
			if after = next; err != nil || after == 0 {
				return err
			}
		}
	})
	return ids, err
}

const accountPage = 200

// first returns the first rule of a list that fires.
func (c *call) first(list []*activeRule) (*activeRule, time.Duration) {
	now := time.Now()
	for _, r := range list {
		if !r.matches(c, c.account, c.names, now) {
			continue
		}
		if fires, delay := r.fires(c.subject); fires {
			c.slot.mu.Lock()
			c.record(r, c.account, c.target.id(c.request))
			c.slot.mu.Unlock()
			return r, delay
		}
	}
	return nil, 0
}

// record notes that a rule has fired. The slot is locked.
func (c *call) record(r *activeRule, account, user string) {
	if !slices.Contains(c.slot.fired, r.ID) {
		c.slot.fired = append(c.slot.fired, r.ID)
	}
	c.faults.activity.add(line{
		Rule: r.ID, Operation: c.target.operation.Name, Key: c.caller.KeyID, Account: account, User: user,
		Test: c.test(), Where: r.Where, Effect: r.effect(), RequestID: c.caller.RequestID,
	})
}

// Intercept is for [server.Options]. It returns what carries out an operation with its faults.
//
// Before the work the first rule that fires decides, and after the work, if that has succeeded, the
// first rule for that place.
func (f *Faults) Intercept(op *model.Operation, next api.Handler) api.Handler {
	target := f.targets[op.Name]
	return func(ctx context.Context, request api.Request) ([]byte, error) {
		s := slotOf(ctx)
		if s == nil || s.rules.of[op.Name] == nil {
			return next(ctx, request)
		}
		here := s.rules.of[op.Name]
		caller, _ := directory.CallerOf(ctx)
		c := &call{faults: f, slot: s, target: target, request: request, caller: caller}
		if target.account != "" {
			c.account = request.Label(target.account)
		}
		if err := c.nameUsers(ctx, here.before, here.after); err != nil {
			return nil, err
		}
		s.begin(c)
		if err := c.hit(ctx, here.before); err != nil {
			return nil, err
		}
		out, err := next(ctx, request)
		if err == nil {
			err = c.hit(ctx, here.after)
		}
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// hit lets the first rule of a list that fires have its effect. The error is the answer to the
// call, if the rule has one.
func (c *call) hit(ctx context.Context, list []*activeRule) error {
	r, delay := c.first(list)
	if r == nil {
		return nil
	}
	e := r.Effect
	if e.Connection == Stall {
		bePatient(c.slot.writer)
	}
	c.faults.sleep(ctx, delay)
	c.slot.mu.Lock()
	c.slot.retryAfter, c.slot.connection = e.RetryAfter, e.Connection
	c.slot.mu.Unlock()
	switch {
	case e.Code != "":
		return r.answer(api.Exception(e.Code))
	case e.Connection != "" && r.Where == Before: // no work, and an answer that no client gets whole
		return r.answer(api.ServiceUnavailableException)
	}
	return nil
}

// sleep delays a call.
func (f *Faults) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-f.closed:
	}
}

// Refuse is for [directory.Options]. A call asks about an item once or more, and gets the same
// answer each time.
func (f *Faults) Refuse(ctx context.Context, item directory.Item) *rules.Refusal {
	s := slotOf(ctx)
	if s == nil {
		return nil
	}
	here := s.rules.of[item.Operation]
	if here == nil || len(here.item) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.call == nil {
		return nil
	}
	refusal, decided := s.items[item.ID]
	if !decided {
		refusal = s.call.refuse(item, here.item)
		s.items[item.ID] = refusal
	}
	return refusal
}

// refuse decides about an item. The slot is locked.
func (c *call) refuse(item directory.Item, list []*activeRule) *rules.Refusal {
	now, names := time.Now(), []name{{id: item.ID, email: item.Email}}
	if item.AccountID == "" {
		names[0] = name{number: directory.AsNumber(item.ID)}
	}
	for _, r := range list {
		if !r.matches(c, item.AccountID, names, now) {
			continue
		}
		if fires, _ := r.fires(func() string { return item.ID }); fires {
			c.record(r, item.AccountID, item.ID)
			return &rules.Refusal{Code: api.ErrorCode(r.Effect.Code), Message: r.message()}
		}
	}
	return nil
}
