package bulk

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
)

// Outcome is how a run of a job ended.
type Outcome string

const (
	Finished    Outcome = "finished"
	Stopped     Outcome = "stopped" // by a brake, or because no call could succeed
	Interrupted Outcome = "interrupted"
)

// announcePause is how often a job tells the service how far it has come.
const announcePause = time.Second

// Announce tells the service that a run of a job begins (no outcome) or how it has ended, for other
// administrators to see in the audit trail. A service that does not understand it, and a key that
// may not, are none of the job's concern, so there is no error; [Account.Run] then does not tell of
// its progress, either.
func (a *Account) Announce(ctx context.Context, l *Ledger, outcome Outcome) {
	a.tell(context.WithoutCancel(ctx), &l.Head, outcome, tally{l.Unfinished(), l.Count(Done), l.Count(Failed)})
}

// tally is how far a job has come, in rows.
type tally struct{ left, done, failed int }

// tell tells the service about a job.
func (a *Account) tell(ctx context.Context, h *Head, outcome Outcome, s tally) {
	ctx, cancel := context.WithTimeout(ctx, a.config.AnnounceTime)
	defer cancel()
	input := document.NewObject(
		document.Member{Key: "JobId", Value: a.config.Job},
		document.Member{Key: "AccountId", Value: a.config.Account},
		document.Member{Key: "Action", Value: string(h.Action)},
		document.Member{Key: "Left", Value: document.Int(s.left)},
		document.Member{Key: "Done", Value: document.Int(s.done)},
		document.Member{Key: "Failed", Value: document.Int(s.failed)},
	)
	for _, m := range []document.Member{{Key: "Outcome", Value: string(outcome)}, {Key: "By", Value: h.By}, {Key: "Undoes", Value: h.Undoes}} {
		if m.Value != "" {
			input.Set(m.Key, m.Value)
		}
	}
	_, err := a.client.Call(ctx, &extension.RecordJob, input)
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok && !refusal.Throttled() && refusal.Status < 500 {
		a.unheard.Store(true)
	}
}

// progress tells the service how far a run has come, at most once in [announcePause]. Nobody waits
// for it, and while one call is under way there is no other. Its methods are called by one at a
// time.
type progress struct {
	account *Account
	head    *Head
	context context.Context
	cancel  context.CancelFunc
	begun   tally         // of the job when the run began
	latest  time.Time     // when the service was told
	idle    chan struct{} // holds an element while no call is under way
}

func (a *Account) progress(ctx context.Context, l *Ledger) *progress {
	p := &progress{
		account: a, head: &l.Head, begun: tally{l.Unfinished(), l.Count(Done), l.Count(Failed)}, latest: a.config.Now(), idle: make(chan struct{}, 1),
	}
	p.context, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.idle <- struct{}{}
	return p
}

// show is told of the counts of the run.
func (p *progress) show(c Counts) {
	now := p.account.config.Now()
	if now.Sub(p.latest) < announcePause || p.account.unheard.Load() {
		return
	}
	select {
	case <-p.idle:
	default:
		return
	}
	p.latest = now
	s := tally{p.begun.left - c.Done - c.Failed - c.Skipped, p.begun.done + c.Done, p.begun.failed + c.Failed}
	go func() {
		p.account.tell(p.context, p.head, extension.JobRunning, s)
		p.idle <- struct{}{}
	}()
}

// end gives up a call that is under way.
func (p *progress) end() {
	p.cancel()
	<-p.idle
}
