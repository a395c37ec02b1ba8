package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Config says which account a job works on, and how many calls it may make.
type Config struct {
	// Client says where calls go and who signs them. The engine does its own retries.
	Client  client.Config
	Account string // id of the account; empty until [Account.Find]
	Job     string // see NewJob; sent in the user agent, which the audit trail keeps
	Version string // of this program, for the user agent
	Door    string // how the job came in, if not by a command: "carillon-console/1.2", for the user agent

	// Protected learns whether its entries are users of the account, wherever users are read. Nil
	// protects nobody.
	Protected *Protected

	Attempts int // per batch, before its rows fail; throttled ones do not count; 0 means 5
	Parallel int // calls at a time; 0 means 8

	// Patience is how long the service may throttle, fail or not answer every call before a job ends
	// with ErrUnreachable; 0 means 2 minutes.
	Patience time.Duration
	// AnnounceTime is how long a job waits until the service knows of it, for tests on busy machines;
	// 0 means 2 seconds.
	AnnounceTime time.Duration
	// Waiting, if set, is called when calls pause because the service throttles or fails, and when an
	// answer does not come.
	Waiting func(Waiting)
	// Reading, if set, is called with the number of users read so far while an account is read, and
	// with done at the end.
	Reading func(users int, done bool)

	// Now and Sleep are for tests. Nil means the real ones. Sleep returns early, with an error, if
	// the context ends.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Account is an account of users, seen through the public API.
type Account struct {
	config Config
	client *client.Client
	pace   *pace
	shape  *model.Shape // of a listed user

	unheard atomic.Bool // the service has refused to hear of the job

	name  string           // of the account; empty if nobody has told
	shown *document.Object // the account as GetAccount shows it; nil until it was asked
}

// UserPage is the largest page of users that the service returns.
const UserPage = 200

// Open prepares calls to an account. It sends nothing yet. It returns an error if the client's
// configuration makes no sense.
func Open(c Config) (*Account, error) {
	if c.Attempts == 0 {
		c.Attempts = 5
	}
	if c.Parallel == 0 {
		c.Parallel = 8
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Minute
	}
	if c.AnnounceTime == 0 {
		c.AnnounceTime = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = client.Sleep
	}
	c.Client.UserAgent = strings.TrimPrefix(c.Door+" carillon-bulk/"+c.Version+" job/"+c.Job, " ")
	c.Client.MaxAttempts = 1
	c.Client.Strict = true // what a proxy says is no answer of the service
	if c.Client.Now == nil {
		c.Client.Now = c.Now
	}
	http, err := client.New(c.Client)
	if err != nil {
		return nil, err
	}
	return &Account{config: c, client: http, pace: &pace{now: c.Now, sleep: c.Sleep, patience: c.Patience, waiting: c.Waiting}, shape: userShape()}, nil
}

// Close drops the connections.
func (a *Account) Close() { a.client.Close() }

// describe returns the account as GetAccount shows it. It asks once.
func (a *Account) describe(ctx context.Context) (*document.Object, error) {
	if a.shown != nil {
		return a.shown, nil
	}
	out, err := a.read(ctx, "GetAccount", document.NewObject(document.Member{Key: "AccountId", Value: a.config.Account}))
	if err != nil {
		return nil, noAccount(fmt.Errorf("reading account %s: %w", a.config.Account, err))
	}
	v, _ := out.Get("Account")
	if a.shown, _ = v.(*document.Object); a.shown == nil {
		a.shown = new(document.Object)
	}
	a.name = a.shown.Text("Name")
	return a.shown, nil
}

// all passes each user of the account to fn, before a job has sent anything.
func (a *Account) all(ctx context.Context, fn func(*document.Object) error) error {
	return noAccount(a.everybody(ctx, fn))
}

// everybody passes each user of the account to fn, and tells how many have been read.
func (a *Account) everybody(ctx context.Context, fn func(*document.Object) error) error {
	tell := a.config.Reading
	if tell == nil {
		return a.list(ctx, "", fn)
	}
	users := 0
	err := a.list(ctx, "", func(o *document.Object) error {
		if users++; users%UserPage == 0 {
			tell(users, false)
		}
		return fn(o)
	})
	tell(users, true)
	return err
}

// noAccount turns the service's answer that there is no such account into an *InputError.
func noAccount(err error) error {
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Status == http.StatusNotFound {
		return badInput("", 0, "%v", err)
	}
	return err
}

// list passes each user of the account to fn. With an e-mail address, it passes only the users who
// have that address.
func (a *Account) list(ctx context.Context, email string, fn func(*document.Object) error) error {
	input := document.NewObject(document.Member{Key: "AccountId", Value: a.config.Account}, document.Member{Key: "MaxResults", Value: document.Int(UserPage)})
	if email != "" {
		input.Set("UserEmail", email)
	}
	return a.pages(ctx, "ListUsers", "Users", "the users of account "+a.config.Account, input, fn)
}

// pages passes each item of a listing to fn. They are in a member of the replies of an operation;
// what says to people what they are.
func (a *Account) pages(ctx context.Context, operation, member, what string, input *document.Object, fn func(*document.Object) error) error {
	for {
		out, err := a.read(ctx, operation, input)
		if err != nil {
			return fmt.Errorf("listing %s: %w", what, err)
		}
		items, _ := out.Get(member)
		page, _ := items.([]any)
		for _, item := range page {
			if o, ok := item.(*document.Object); ok {
				if err := fn(o); err != nil {
					return err
				}
			}
		}
		token, _ := out.Get("NextToken")
		former, _ := input.Get("NextToken")
		if token == nil || token == "" {
			return nil
		}
		if token == former {
			return fmt.Errorf("listing %s: the service gave the same page token twice", what)
		}
		input.Set("NextToken", token)
	}
}

// ErrUnreachable is wrapped by the error of a job that ended because the service cannot be reached,
// or answers no call as it should.
var ErrUnreachable = errors.New("the service cannot be reached")

// givenUp is an [ErrUnreachable] that says what is the case.
type givenUp struct {
	text string
	why  error // of the latest call; nil if it was not answered
}

func (e *givenUp) Error() string {
	text := condition(e.why) + ": " + e.text
	if e.why != nil {
		text += ": " + e.why.Error()
	}
	return text
}

func (e *givenUp) Unwrap() []error {
	if e.why == nil {
		return []error{ErrUnreachable}
	}
	return []error{ErrUnreachable, e.why}
}

// condition says what is wrong with a service of which a call has failed so; nil is no answer.
func condition(why error) string {
	if refusal, ok := errors.AsType[*client.ServiceError](why); ok {
		if refusal.Throttled() {
			return "the service throttles every call"
		}
		return "the service answers with errors only"
	}
	if _, ok := errors.AsType[*client.ReplyError](why); ok {
		return "the replies make no sense"
	}
	if broken, ok := errors.AsType[*client.TransportError](why); why == nil || ok && broken.Sent() {
		return "the service does not answer"
	}
	return ErrUnreachable.Error()
}

// lostError is a call whose outcome is unknown: the service may have carried it out.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// read makes a call that changes nothing, so it can be repeated after any failure.
func (a *Account) read(ctx context.Context, name string, input *document.Object) (*document.Object, error) {
	for {
		reply, err := a.call(ctx, operation(name), input)
		if err == nil {
			return reply.Output, nil
		}
		lost, ok := errors.AsType[lostError](err)
		switch {
		case !ok:
			return nil, err
		case errors.Is(err, ErrUnreachable):
			return nil, lost.error
		}
	}
}

// call makes a call. It repeats the call when the service has certainly not carried it out: if the
// service throttled it, or never got it. After ctx ends, no call starts. A call that reads is then
// canceled, and a call that changes something is finished, unless the patience ends first. The
// error is a lostError if the outcome is unknown.
func (a *Account) call(ctx context.Context, op *model.Operation, input *document.Object) (*client.Reply, error) {
	sending, reads := ctx, op.Method == http.MethodGet
	if !reads {
		sending = context.WithoutCancel(ctx)
	}
	for n := 1; ; {
		if err := a.pace.wait(ctx); err != nil {
			return nil, err
		}
		watched, end := a.pace.watch(sending)
		reply, err := a.client.Call(watched, op, input)
		over := context.Cause(watched) == errSilent
		end()
		refusal, refused := errors.AsType[*client.ServiceError](err)
		broken, noReply := errors.AsType[*client.TransportError](err)
		_, senseless := errors.AsType[*client.ReplyError](err)
		switch {
		case err == nil:
			a.pace.passed(reads)
			return reply, nil
		case sending.Err() != nil:
			return nil, err
		case over && noReply && !broken.Sent():
			if end := a.pace.silenced(reads, err); end != nil {
				return nil, end
			}
			continue
		case over && !refused && !senseless:
			return nil, lostError{cmp.Or(a.pace.silenced(reads, nil), err)}
		case refused && refusal.Throttled():
			if end := a.pace.failed(reads, err, refusal.RetryAfter); end != nil {
				return nil, end
			}
			continue
		case refused && refusal.Status >= 500:
			return nil, lostError{cmp.Or(a.pace.failed(reads, err, refusal.RetryAfter), err)}
		case refused:
			a.pace.passed(reads)
			return nil, err
		case noReply && broken.Sent(), senseless:
			return nil, lostError{cmp.Or(a.pace.failed(reads, err, 0), err)}
		case noReply && broken.Failure == client.Untrusted:
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		case noReply:
			end := a.pace.failed(reads, err, 0)
			// Whoever has never answered may be somebody else, or nobody.
			if n++; n > a.config.Attempts && !a.pace.answered() {
				end = fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			if end != nil {
				return nil, end
			}
			continue
		}
		return nil, err // nothing was sent
	}
}

// Waiting is a pause of all calls, because the service throttles or fails, or a call whose answer
// does not come.
type Waiting struct {
	// Silent is for how long the answer has been waited for. If it is not 0, nothing else is set.
	Silent time.Duration

	Why  error         // of the latest call
	Try  int           // the number of the next try since the last call that succeeded, from 2
	Next time.Duration // until then
}

// String says it to a person: "waiting: the service answers 500 (request 7f3c), try 3, next in 2s".
func (w Waiting) String() string {
	if w.Silent > 0 {
		return fmt.Sprintf("waiting: the service has not answered for %v", w.Silent)
	}
	why := "the service does not answer"
	if refusal, ok := errors.AsType[*client.ServiceError](w.Why); ok {
		why = fmt.Sprintf("the service answers %d", refusal.Status)
		if refusal.Throttled() {
			why = fmt.Sprintf("the service throttles with status %d", refusal.Status)
		}
		if refusal.RequestID != "" {
			why += fmt.Sprintf(" (request %.64s)", sheet.Visible(refusal.RequestID))
		}
	} else {
		if _, senseless := errors.AsType[*client.ReplyError](w.Why); senseless {
			why = "the reply makes no sense"
		}
		why += " (" + sheet.Visible(w.Why.Error()) + ")"
	}
	next := w.Next.Round(time.Second)
	if next == 0 {
		next = w.Next.Round(100 * time.Millisecond)
	}
	return fmt.Sprintf("waiting: %s, try %d, next in %v", why, w.Try, next)
}

// pace makes all workers wait together while the service throttles or fails.
type pace struct {
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	patience time.Duration
	waiting  func(Waiting) // nil for nobody

	mu     sync.Mutex
	until  time.Time     // no calls before this time
	delay  time.Duration // the latest pause; grows while calls fail, shrinks when they succeed
	since  time.Time     // from when on no call has passed; zero if none is under way or has failed
	heard  time.Time     // when a call has last passed, even one that only reads
	under  int           // calls under way
	writes bool          // a call that changes something has failed since then
	pauses int           // since then
	told   bool          // that an answer does not come, since the latest call that ended
	alive  bool          // a call has passed
}

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 20 * time.Second

	silence = 10 * time.Second // without an answer, after which it is told
	grace   = 5 * time.Second  // that a call has in any case: the last one may begin as the patience ends
)

// errSilent ends a call that has no answer when the patience ends.
var errSilent = errors.New("no answer")

// watch returns a context for a call, which ends with errSilent when the patience does. Meanwhile
// somebody is told if the answer does not come. end says that the call has ended.
func (p *pace) watch(ctx context.Context) (watched context.Context, end func()) {
	p.mu.Lock()
	p.under++
	if p.since.IsZero() {
		p.since = p.now()
	}
	p.mu.Unlock()
	watched, cancel := context.WithCancelCause(ctx)
	least := min(grace, p.patience)
	tell, over := time.NewTimer(silence), time.NewTimer(max(p.left(), least))
	ended := make(chan struct{})
	go func() {
		defer tell.Stop()
		defer over.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tell.C:
				p.silent(ended)
			case <-over.C:
				left := p.left()
				if left <= 0 {
					cancel(errSilent)
					return
				}
				over.Reset(max(left, least)) // another call has passed
			}
		}
	}()
	return watched, func() {
		p.mu.Lock()
		close(ended)
		p.under--
		p.mu.Unlock()
		cancel(nil)
	}
}

// left returns how much of the patience is left for calls under way. Those that only read use up
// none of it as long as they are answered, even while no change succeeds.
func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leftNow()
}

func (p *pace) leftNow() time.Duration {
	from := p.since
	if p.heard.After(from) {
		from = p.heard
	}
	return p.patience - p.now().Sub(from)
}

// silent tells that the answer to a call does not come, if that has not ended meanwhile: once for
// all calls that are under way.
func (p *pace) silent(ended <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-ended:
		return
	default:
	}
	if !p.told && p.waiting != nil {
		p.waiting(Waiting{Silent: silence})
	}
	p.told = true
}

// silenced returns the [ErrUnreachable] of a call that had no answer when the patience ended, or
// nil if another call has passed meanwhile. why is nil if the service has got the call.
func (p *pace) silenced(reads bool, why error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() || p.leftNow() > 0 {
		return nil
	}
	p.writes = p.writes || !reads
	return p.over("", why)
}

// over is the error of a job whose patience has ended.
func (p *pace) over(asked string, why error) error {
	what := "call"
	if p.writes {
		what = "change"
	}
	return &givenUp{fmt.Sprintf("no %s has succeeded for %v%s", what, p.now().Sub(p.since).Round(time.Second), asked), why}
}

// wait returns as soon as calls may be made.
func (p *pace) wait(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.mu.Lock()
		d := p.until.Sub(p.now())
		p.mu.Unlock()
		if d <= 0 {
			return nil
		}
		if err := p.sleep(ctx, d); err != nil {
			return err
		}
	}
}

// passed records a call that the service accepted or refused for good. One that reads does not end
// a time in which no change succeeds.
func (p *pace) passed(reads bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive, p.heard = true, p.now()
	if reads && p.writes {
		return
	}
	p.since, p.writes, p.pauses, p.told = time.Time{}, false, 0, false
	if p.under > 0 {
		p.since = p.now()
	}
	if p.delay /= 2; p.delay < firstDelay/2 {
		p.delay = 0
	}
}

// answered reports whether a call has ever passed.
func (p *pace) answered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive
}

// failed makes all workers wait after a call that was throttled, or failed on its way: at least as
// long as the service asks, but not longer than the patience. It returns an [ErrUnreachable] if
// that has ended, or would end before the service wants to be asked again.
func (p *pace) failed(reads bool, why error, atLeast time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.since.IsZero() {
		p.since = now
	}
	p.writes = p.writes || !reads
	left := p.patience - now.Sub(p.since)
	if left <= 0 || atLeast > left {
		asked := ""
		if atLeast > 0 {
			asked = fmt.Sprintf(", and it asks to wait another %v", atLeast)
		}
		return p.over(asked, why)
	}
	// The delay doubles. Calls that were under way together double it once: a call that fails during
	// a pause says nothing new.
	first := !now.Before(p.until)
	if first {
		p.pauses++
		p.delay = min(max(2*p.delay, firstDelay), lastDelay)
		// At random, from half of it to all of it, so that several jobs do not come back together.
		p.until = now.Add(min(p.delay/2+rand.N(p.delay/2+1), left))
		p.told = false
	}
	if asked := now.Add(atLeast); asked.After(p.until) {
		p.until = asked
	}
	if first && p.waiting != nil {
		p.waiting(Waiting{Why: why, Try: p.pauses + 1, Next: p.until.Sub(now)})
	}
	return nil
}
