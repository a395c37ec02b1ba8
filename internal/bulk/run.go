package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Counts says how far a job has come.
type Counts struct {
	Total   int // rows that this run works on
	Done    int
	Failed  int
	Skipped int
}

// RunOptions say when a run ends early, and how it reports progress.
type RunOptions struct {
	StopAfter int          // failed rows after which no more calls are made; 0 for no limit
	Progress  func(Counts) // called after each call, one at a time
}

// ErrStopped is wrapped by the error of a run that [RunOptions].StopAfter ended.
var ErrStopped = errors.New("stopped")

// Run makes the calls for the rows of a ledger that are [Planned] or [Sent], in order, and records
// what becomes of each. It first reads the users of rows that are Sent: the service may have made
// the change already.
//
// Run returns early if ctx ends (the error is its cause), after StopAfter failures, and when no
// call can succeed any more. It finishes the calls that are under way first. [Account.Resume] goes
// on with the rest. Meanwhile the service is told how far the job has come, without waiting for it.
// If the ledger cannot be written, Run returns that error before any other.
//
// The counts are of this run. Rows that fail are not an error.
func (a *Account) Run(ctx context.Context, l *Ledger, o RunOptions) (Counts, error) {
	r := &run{account: a, ledger: l, options: o}
	l.record(l.prepared, "")
	l.prepared = nil
	var todo, unsure []*Row
	for i := range l.Rows {
		switch row := &l.Rows[i]; row.Status {
		case Planned:
			todo = append(todo, row)
		case Sent:
			unsure = append(unsure, row)
		}
	}
	r.counts.Total = len(todo) + len(unsure)
	r.progress = a.progress(ctx, l)
	err := r.rounds(ctx, todo, unsure)
	r.progress.end()
	if e := l.commit(); e != nil { // matters more than any other reason why the run ended
		err = e
	}
	return r.counts, err
}

type run struct {
	account *Account
	ledger  *Ledger
	options RunOptions

	mu       sync.Mutex
	progress *progress
	counts   Counts
	unsure   []*Row // their answers were lost
	answers  int    // calls that were answered
	why      error  // why the latest answer was lost
	end      error  // why no more calls are to be made; nil if the run goes on
}

// rounds sends rows until no answer is lost. Between rounds it reads the users whose answers were
// lost, rather than guess. Rows fail after some attempts if other rows had an answer; if none had,
// the service is ill, and patience ends the run.
func (r *run) rounds(ctx context.Context, todo, unsure []*Row) error {
	for n := 1; ; n++ {
		if len(unsure) > 0 {
			again, err := r.settle(ctx, unsure, n > r.account.config.Attempts && r.answers > 0)
			if err != nil {
				return err
			}
			todo = append(again, todo...)
		}
		if len(todo) == 0 {
			return nil
		}
		r.unsure = nil
		r.round(ctx, todo)
		if r.end != nil {
			return r.end
		}
		todo, unsure = nil, r.unsure
	}
}

// ahead is how many calls per worker are recorded at once. If the program is killed, up to twice as
// many calls must be settled. That takes one pass over the account, however many they are.
const ahead = 8

// round sends each row once. The rows of a call are recorded before it. This is done for several
// calls of each worker at once, and ahead of time, so that they share one wait for the disk.
func (r *run) round(ctx context.Context, todo []*Row) {
	trait, _ := r.ledger.Action.trait()
	op := operation(trait.operation)
	calls := ahead * r.account.config.Parallel
	if r.ledger.Action == ResetPIN { // reading cannot settle it: rows in doubt fail, so keep them few
		calls = r.account.config.Parallel
	}
	batches := make(chan []*Row, calls)
	var workers sync.WaitGroup
	for range r.account.config.Parallel {
		workers.Go(func() {
			for batch := range batches {
				if r.ended(ctx) {
					r.withdraw(batch)
				} else if err := r.send(ctx, trait, op, batch); err != nil {
					r.stop(err)
				}
			}
		})
	}
	for len(todo) > 0 && !r.ended(ctx) {
		// The channel holds a whole block, so the next one is recorded while this one is sent.
		block := todo[:min(len(todo), calls*trait.users)]
		todo = todo[len(block):]
		for _, row := range block {
			row.Status = Sent
		}
		r.ledger.record(block, "")
		if err := r.ledger.commit(); err != nil {
			r.stop(err)
			break
		}
		for batch := range slices.Chunk(block, trait.users) {
			batches <- batch
		}
	}
	close(batches)
	workers.Wait()
}

// ended reports whether no more calls are to be made.
func (r *run) ended(ctx context.Context) bool {
	if err := context.Cause(ctx); err != nil {
		r.stop(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end != nil
}

func (r *run) stop(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end = err
	}
}

// withdraw records that rows were not sent after all.
func (r *run) withdraw(batch []*Row) {
	for _, row := range batch {
		row.Status = Planned
	}
	r.ledger.record(batch, "")
}

// send makes the call for a batch. It returns only errors that end the run.
func (r *run) send(ctx context.Context, t trait, op *model.Operation, batch []*Row) error {
	request := ""
	reply, err := r.account.call(ctx, op, r.input(batch))
	refusal, refused := errors.AsType[*client.ServiceError](err)
	_, lost := errors.AsType[lostError](err)
	switch {
	case err == nil:
		request = reply.RequestID
		r.read(batch, reply.Output)
		r.answered()
	case lost:
		r.mu.Lock()
		r.unsure = append(r.unsure, batch...)
		r.why = err
		r.mu.Unlock()
		if errors.Is(err, ErrUnreachable) {
			return err
		}
		return nil
	case !refused || refusal.Throttled(),
		refusal.Status == 401 || refusal.Status == 403 || refusal.Status == 404 && t.users > 1:
		// The service changed nothing, and no other call would end better.
		r.withdraw(batch)
		return err
	default:
		request = refusal.RequestID
		r.answered()
		for _, row := range batch {
			row.fail(refusal.Code, "%s", refusal.Message)
		}
	}
	return r.finish(batch, request)
}

func (r *run) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers++
}

// input returns the input of the call for a batch.
func (r *run) input(batch []*Row) *document.Object {
	input := document.NewObject(document.Member{Key: "AccountId", Value: r.account.config.Account})
	list := make([]any, len(batch))
	switch r.ledger.Action {
	case Update:
		var item []document.Member
		for i, row := range batch {
			if i == 0 || !slices.Equal(row.To, batch[i-1].To) {
				item = updateItem(row.To)
			}
			item[0].Value = row.User
			list[i] = document.NewObject(item...)
		}
		input.Set("UpdateUserRequestItems", list)
	case Invite:
		for i, row := range batch {
			list[i] = row.Email
		}
		input.Set("UserEmailList", list)
	case Suspend, Unsuspend:
		for i, row := range batch {
			list[i] = row.User
		}
		input.Set("UserIdList", list)
	default:
		input.Set("UserId", batch[0].User)
	}
	return input
}

// updateItem returns the members of an item that gives a user these values. The first one is the
// id, still without a value.
func updateItem(to Values) []document.Member {
	item := []document.Member{{Key: "UserId"}}
	var alexa *document.Object
	for _, v := range to {
		switch v.Field {
		case AlexaEnabled, AlexaARN:
			if alexa == nil {
				alexa = new(document.Object)
				item = append(item, document.Member{Key: "AlexaForBusinessMetadata", Value: alexa})
			}
			if v.Field == AlexaEnabled {
				alexa.Set(v.Field.String(), v.Text == "true")
			} else {
				alexa.Set(v.Field.String(), v.Text)
			}
		default:
			item = append(item, document.Member{Key: v.Field.String(), Value: v.Text})
		}
	}
	return item
}

// read sets the status of each row from the reply.
func (r *run) read(batch []*Row, out *document.Object) {
	for _, row := range batch {
		row.Status, row.Code, row.Message = Done, "", ""
	}
	text := func(o *document.Object, key string) string {
		v, _ := o.Get(key)
		return plain(v)
	}
	each := func(key string, fn func(*document.Object)) {
		v, _ := out.Get(key)
		list, _ := v.([]any)
		for _, e := range list {
			if o, ok := e.(*document.Object); ok {
				fn(o)
			}
		}
	}
	each("UserErrors", func(e *document.Object) {
		for _, row := range batch {
			if row.User == text(e, "UserId") {
				row.fail(text(e, "ErrorCode"), "%s", text(e, "ErrorMessage"))
			}
		}
	})
	each("Invites", func(e *document.Object) {
		if text(e, "Status") != inviteFailed {
			return
		}
		for _, row := range batch {
			if emailKey(row.Email) == emailKey(text(e, "EmailAddress")) {
				row.fail("InviteFailed", "the service will not let this person join the account")
			}
		}
	})
}

// finish records the outcome of rows. It returns ErrStopped after too many failures.
func (r *run) finish(rows []*Row, request string) error {
	r.ledger.record(rows, request) // on disk with the next commit
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		switch row.Status {
		case Done:
			r.counts.Done++
		case Failed:
			r.counts.Failed++
		case Skipped:
			r.counts.Skipped++
		}
	}
	if r.options.Progress != nil {
		r.options.Progress(r.counts)
	}
	r.progress.show(r.counts)
	if r.options.StopAfter > 0 && r.counts.Failed >= r.options.StopAfter {
		return fmt.Errorf("%w after %d failed rows", ErrStopped, r.counts.Failed)
	}
	return nil
}

// settle decides about rows whose answers were lost, by reading the users again. It returns the
// rows to send once more. In the last round there are none: these rows fail.
func (r *run) settle(ctx context.Context, unsure []*Row, last bool) (again []*Row, err error) {
	resend := func(row *Row) {
		if last {
			row.fail(codeLost, "not done after %d attempts: %v", r.account.config.Attempts, r.why)
			return
		}
		again = append(again, row)
	}
	var now *sight
	if r.ledger.Action.readable() {
		if now, err = r.account.lookAgain(ctx, unsure); err != nil {
			return nil, err
		}
	}
	for _, row := range unsure {
		switch {
		case r.ledger.Action == Logout: // a second one does no harm
			resend(row)
		case now == nil:
			row.fail(codeLost, "the answer was lost, so nobody knows whether it was done; retry does it again")
		default:
			switch now.compare(row) {
			case reached:
				row.Status, row.Message = Done, "the answer was lost; the user was read again"
			case untouched:
				resend(row)
			default:
				row.fail(codeDrifted, "the answer was lost; %s", now.describe(row))
			}
		}
	}
	settled := make([]*Row, 0, len(unsure))
	for _, row := range unsure {
		if row.Status != Sent {
			settled = append(settled, row)
		}
	}
	if len(settled) == 0 {
		return again, nil
	}
	return again, r.finish(settled, "")
}

// lookAgain reads the users of some rows: by their addresses if the rows are few, else in a pass
// over the account.
func (a *Account) lookAgain(ctx context.Context, rows []*Row) (*sight, error) {
	const few = 50
	s := &sight{users: map[string]*User{}, seats: seatCount{}}
	byEmail := len(rows) <= few
	for _, row := range rows {
		s.users[rowKey(row)] = nil
		byEmail = byEmail && row.Email != ""
	}
	take := func(o *document.Object) error {
		s.note(readUser(o, a.shape))
		return nil
	}
	if !byEmail {
		return s, a.everybody(ctx, take)
	}
	for _, row := range rows {
		if err := a.list(ctx, row.Email, take); err != nil {
			return nil, err
		}
	}
	return s, nil
}
