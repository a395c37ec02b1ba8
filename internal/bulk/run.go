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

// RunOptions say when a run ends early, and who watches it.
type RunOptions struct {
	StopAfter int          // failed rows after which no more calls are made; 0 for any number
	Progress  func(Counts) // called after each call, one at a time
}

// ErrStopped is wrapped by the error of a run that StopAfter has ended.
var ErrStopped = errors.New("stopped")

// Run makes the calls for the rows of a ledger that are Planned or Sent, in their order, and
// records what becomes of each. Rows that are Sent are looked up first: the service may have obeyed.
//
// It returns early if ctx ends, with its cause, after StopAfter failures, and when no call can
// succeed any more; calls that are under way are finished first. What is left can be resumed. That
// the ledger cannot be written is told before all else.
// Counts are of this run. That rows failed is not an error.
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
	err := r.rounds(ctx, todo, unsure)
	if e := l.commit(); e != nil { // whatever else has ended the run
		err = e
	}
	return r.counts, err
}

type run struct {
	account *Account
	ledger  *Ledger
	options RunOptions

	mu     sync.Mutex
	counts Counts
	unsure []*Row // their answers were lost
	why    error  // of the latest answer that was lost
	end    error  // set when no more calls are to be made
}

// rounds sends rows until there are none whose answers were lost. Between rounds these are read
// again: nobody guesses.
func (r *run) rounds(ctx context.Context, todo, unsure []*Row) error {
	for n := 1; ; n++ {
		if len(unsure) > 0 {
			again, err := r.settle(ctx, unsure, n > r.account.config.Attempts)
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

// ahead is how many calls of each worker go on record at once. A program that is killed leaves up
// to twice as many to be settled, which takes one pass over the account, however many they are.
const ahead = 8

// round sends each row once. Before a call its rows are on record. That is done for several calls
// of each worker at once, and ahead of them, so that they share one wait for the disk.
func (r *run) round(ctx context.Context, todo []*Row) {
	trait, _ := r.ledger.Action.trait()
	op := operation(trait.operation)
	calls := ahead * r.account.config.Parallel
	if r.ledger.Action == ResetPIN { // which reading does not settle: whoever is in doubt has failed
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
		// The channel takes a whole block, so that the next one goes on record while this one is sent.
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

// withdraw takes back that rows were sent.
func (r *run) withdraw(batch []*Row) {
	for _, row := range batch {
		row.Status = Planned
	}
	r.ledger.record(batch, "")
}

// send makes the call for a batch. The error is one that ends the run.
func (r *run) send(ctx context.Context, t trait, op *model.Operation, batch []*Row) error {
	request := ""
	reply, err := r.account.call(ctx, op, r.input(batch))
	refusal, refused := errors.AsType[*client.ServiceError](err)
	_, lost := errors.AsType[lostError](err)
	switch {
	case err == nil:
		request = reply.RequestID
		r.read(batch, reply.Output)
	case lost:
		r.mu.Lock()
		r.unsure = append(r.unsure, batch...)
		r.why = err
		r.mu.Unlock()
		return nil
	case !refused || refusal.Throttled(),
		refusal.Status == 401 || refusal.Status == 403 || refusal.Status == 404 && t.users > 1:
		// The service has not obeyed, and nobody else's call would end better.
		r.withdraw(batch)
		return err
	default:
		request = refusal.RequestID
		for _, row := range batch {
			row.fail(refusal.Code, "%s", refusal.Message)
		}
	}
	return r.finish(batch, request)
}

// input makes the input of the call for a batch.
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

// updateItem returns the members of an item that gives a user values, the id first, which is missing yet.
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

// read finds out from a reply what became of each row.
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

// finish records what became of rows, and ends the run after too many failures.
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
	if r.options.StopAfter > 0 && r.counts.Failed >= r.options.StopAfter {
		return fmt.Errorf("%w after %d failed rows", ErrStopped, r.counts.Failed)
	}
	return nil
}

// settle finds out about rows whose answers were lost, by reading the users again, and returns
// those that are to be sent once more. In the last round there are none: they fail.
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
		case r.ledger.Action == Logout: // twice is as good as once
			resend(row)
		case now == nil:
			row.fail(codeLost, "the answer was lost, so that nobody knows whether it was done; retry does it again")
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

// lookAgain reads the users of some rows, by their addresses if that takes fewer calls than a pass
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
		return s, a.list(ctx, "", take)
	}
	for _, row := range rows {
		if err := a.list(ctx, row.Email, take); err != nil {
			return nil, err
		}
	}
	return s, nil
}
