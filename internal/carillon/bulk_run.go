package carillon

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/shell"
)

// perform plans what the line says and carries it out.
func (r *bulkRun) perform(ctx context.Context, action bulk.Action) error {
	if r.Rows == "-" && !r.Yes {
		return r.misused("rows on standard input leave nobody to ask: give --yes too")
	}
	job := newJob()
	plan, a, err := r.plan(ctx, action, job)
	if err != nil {
		return err
	}
	defer a.Close()
	return r.execute(ctx, a, plan, job)
}

// execute carries out a plan unless a brake or the user refuses.
func (r *bulkRun) execute(ctx context.Context, a *bulk.Account, plan *bulk.Plan, job string) error {
	r.nameLeft(plan)
	if err := r.brake(plan); err != nil {
		return err
	}
	if plan.Count(bulk.Planned) == 0 {
		fmt.Fprintln(r.text(), "nothing to change")
		end := someFailed(plan.Count(bulk.Failed), "cannot be done")
		return r.ended(end, jobDocument(&bulk.Ledger{Plan: *plan}, bulk.Finished, end, ""))
	}
	if err := r.confirm(ctx, plan); err != nil {
		return err
	}
	plan.Job, plan.By = job, person()
	path := r.Ledger
	if path == "" {
		path = "carillon-ledger-" + job + ".jsonl"
	}
	l, err := bulk.Create(path, plan, time.Now)
	if err != nil {
		return err
	}
	return r.run(ctx, a, l)
}

// brake refuses a plan that does too much.
func (r *bulkRun) brake(plan *bulk.Plan) error {
	if n := plan.Count(bulk.Failed); r.Strict && n > 0 {
		return r.badInput("%w, and --strict was given: nothing was changed", someFailed(n, "cannot be planned"))
	}
	if err := r.Max.Check(plan); err != nil {
		return err
	}
	return r.protected.Check(plan)
}

// run makes the calls and tells how they ended.
func (r *bulkRun) run(ctx context.Context, a *bulk.Account, l *bulk.Ledger) error {
	signal.Ignore(syscall.SIGHUP) // the job goes on when the terminal has gone
	bar := r.bar
	bar.start()
	quiet := context.AfterFunc(ctx, func() {
		bar.say("carillon: finishing the calls under way; another interrupt stops at once")
	})
	a.Announce(ctx, l, "")
	_, err := a.Run(ctx, l, bulk.RunOptions{StopAfter: r.StopAfter, Progress: bar.show})
	quiet()
	bar.end()
	outcome := outcomeOf(ctx, err)
	a.Announce(ctx, l, outcome)
	err = errors.Join(err, l.Close())
	r.nameFailures(l)
	fmt.Fprintf(r.text(), "%s\nledger: %s\n", l.Summary(), l.Path)
	resume := r.command("resume", l.Path)
	switch {
	case err == nil:
		how := "failed"
		if l.CountRetriable() > 0 {
			how += "; to try them again: " + r.command("retry", l.Path)
		}
		err = someFailed(l.Count(bulk.Failed), how+"; to mend them: "+r.command("rejects", l.Path))
	case errors.Is(err, context.Cause(ctx)):
		err = &codedError{exitInterrupted, fmt.Errorf("interrupted, calls under way were finished; to go on: %s", resume)}
	default:
		err = fmt.Errorf("%w; to go on: %s", err, resume)
	}
	return r.ended(err, jobDocument(l, outcome, err, resume))
}

// ended prints the result of a job, and returns how the job has ended: a result that cannot be
// printed must not hide that.
func (r *bulkRun) ended(end error, result *document.Object) error {
	err := r.result(result)
	switch {
	case err == nil, readerGone(err): // see jobRun
		return end
	case end == nil:
		return err
	}
	return fmt.Errorf("%w; and the result could not be printed: %w", end, err)
}

// outcomeOf says how a run has ended.
func outcomeOf(ctx context.Context, err error) bulk.Outcome {
	switch {
	case err == nil:
		return bulk.Finished
	case errors.Is(err, context.Cause(ctx)):
		return bulk.Interrupted
	}
	return bulk.Stopped
}

// command spells a command for a ledger, with the connection of this one.
func (r *bulkRun) command(verb, path string) string {
	line := "carillon bulk " + verb
	if verb != "rejects" {
		line += r.connection.words()
	}
	return line + " " + shell.Quote(path)
}
