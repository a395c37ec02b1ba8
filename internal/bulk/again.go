package bulk

import (
	"context"
	"fmt"
	"strings"
)

// belongs refuses a plan or a ledger of another account or another endpoint.
func (h *Head) belongs(a *Account, file string) error {
	switch {
	case h.Account != a.config.Account:
		return badInput(file, 1, "it is about account %s, not %s", h.Account, a.config.Account)
	case h.Endpoint != a.config.Client.Endpoint:
		return badInput(file, 1, "it is about the service at %s, not %s", h.Endpoint, a.config.Client.Endpoint)
	}
	return nil
}

// Belongs reports an *InputError if a plan or ledger is of another account or another endpoint.
func (a *Account) Belongs(p *Plan, file string) error { return p.belongs(a, file) }

// Resume prepares a ledger for another Run of the rows that were never finished. It reads the users
// once. Rows that were sent are settled. Rows whose users somebody else has changed since fail, and
// so do those that the service would refuse by now.
func (a *Account) Resume(ctx context.Context, l *Ledger) error {
	open := func(r *Row) bool { return r.Status == Planned || r.Status == Sent }
	if err := l.belongs(a, l.Path); err != nil {
		return err
	}
	var rows []*Row
	for i := range l.Rows {
		if open(&l.Rows[i]) {
			rows = append(rows, &l.Rows[i])
		}
	}
	if len(rows) == 0 || !l.Action.readable() {
		return nil
	}
	standing, err := a.ready(ctx, &l.Plan, l.Action)
	if err != nil {
		return err
	}
	now, err := a.look(ctx, l.Rows, open)
	if err != nil {
		return err
	}
	var settled []*Row
	for _, r := range rows {
		switch verdict := now.compare(r); {
		case verdict == untouched:
			r.Status = Planned
			if standing.check(l.Action, r, now.of(r)); r.Status == Planned {
				continue
			}
		case verdict == reached && r.Status == Sent:
			r.Status, r.Message = Done, "the answer was lost; the user was read again"
		case verdict == reached:
			r.Status, r.Message = Skipped, "the user was as planned before the call"
		default:
			r.fail(codeDrifted, "%s", now.describe(r))
		}
		settled = append(settled, r)
	}
	l.prepared = settled
	l.Members, l.Seats = now.members, now.seats.after(l.Rows)
	return nil
}

// retriable reports whether a row has failed, and need not fail again: whether neither the file of
// rows is to blame, nor the rule of rollbacks leaves the user alone.
func (h *Head) retriable(r *Row) bool {
	return r.Status == Failed && r.Code != codeInvalid && r.Code != codeContradicting && (h.Undoes == "" || r.Code != codeDrifted)
}

// CountRetriable returns the number of rows that have failed, and may succeed when they are tried
// again.
func (l *Ledger) CountRetriable() int {
	n := 0
	for i := range l.Rows {
		if l.retriable(&l.Rows[i]) {
			n++
		}
	}
	return n
}

// Retry prepares a ledger for another Run of the rows that failed, and of no others. It plans them
// again from the users as they are now. Rows that named no user, or whose users somebody else had
// changed, therefore get another chance. In a rollback they do not: see [Account.Rollback].
func (a *Account) Retry(ctx context.Context, l *Ledger) error {
	if err := l.belongs(a, l.Path); err != nil {
		return err
	}
	if l.Undoes != "" {
		return a.retryRollback(ctx, l)
	}
	reread := l.reread()
	var wishes []Wish
	var failed []*Row
	for i := range l.Rows {
		r := &l.Rows[i]
		if !l.retriable(r) {
			continue
		}
		w := reread(r)
		w.again = len(failed) + 1
		if l.Action == Update { // the ledger of an older release does not have what was set
			w.To = w.To.merge(r.To).merge(l.Set)
		}
		wishes, failed = append(wishes, w), append(failed, r)
	}
	if len(wishes) == 0 {
		return nil
	}
	p, err := a.Plan(ctx, l.Action, Selection{Wishes: wishes}, PlanOptions{Type: l.Type, From: l.From})
	if err != nil {
		return err
	}
	// Rows that the plan does not mention need no change any more.
	for _, r := range failed {
		r.satisfied()
	}
	for _, planned := range p.Rows {
		r := failed[planned.again-1]
		planned.Number, planned.Cells, planned.again = r.Number, r.Cells, 0
		if planned.Status == Failed {
			planned.To = r.To
		}
		*r = planned
	}
	l.prepared = failed
	l.Members, l.Seats, l.Unchecked = p.Members, p.Seats, p.Unchecked
	return nil
}

// satisfied notes that the user of a row that failed needs no change any more.
func (r *Row) satisfied() { r.Status, r.Code, r.Message = Skipped, "", "the user is as wanted by now" }

// reread returns what makes wishes of rows again, as they stand in their file. A user who has come
// back under another id is found so by the address that the row has. Rows that are of no file are
// about the users who were chosen.
func (l *Ledger) reread() func(*Row) Wish {
	b := &builder{action: l.Action, columns: columnsOf(l.Action), chooser: newChooser(nil)}
	columns := make([]int, len(l.Columns))
	for i, name := range l.Columns {
		columns[i] = b.columns.Find(name)
	}
	return func(r *Row) Wish {
		b.start(r.Line)
		if o := r.Cells.object(); o != nil {
			b.object(o)
		} else if texts, err := r.Cells.texts(len(columns)); err == nil {
			for i, text := range texts {
				b.cell(columns[i], strings.TrimSpace(text))
			}
		}
		if b.wish.ID == "" && b.wish.Email == "" {
			b.wish.ID = r.User
			if r.User == "" || l.Action == Invite {
				b.wish.Email = r.Email
			}
		}
		return b.wish
	}
}

// retryRollback is Retry of a rollback, by its rule: whom somebody else has changed since is left
// alone, and named again.
func (a *Account) retryRollback(ctx context.Context, l *Ledger) error {
	tried := func(r *Row) bool { return r.Status == Failed }
	if l.Count(Failed) == 0 {
		return nil
	}
	standing, err := a.ready(ctx, &l.Plan, l.Action)
	if err != nil {
		return err
	}
	now, err := a.look(ctx, l.Rows, tried)
	if err != nil {
		return err
	}
	for i := range l.Rows {
		r := &l.Rows[i]
		if !tried(r) {
			continue
		}
		switch now.compare(r) {
		case reached:
			r.satisfied()
		case untouched:
			r.Status, r.Code, r.Message = Planned, "", ""
			standing.check(l.Action, r, now.of(r))
		default:
			r.fail(codeDrifted, "%s", now.describe(r))
		}
		l.prepared = append(l.prepared, r)
	}
	l.Members, l.Seats = now.members, now.seats.after(l.Rows)
	return nil
}

// Undo returns the action that undoes that of a job, or why there is none.
func (h *Head) Undo() (undo Action, problem string) {
	switch {
	case h.Action == Suspend && h.Type == team:
		return "", "users who were removed from a Team account are gone for good; they can be invited again, as new users"
	case h.Action == Suspend:
		return Unsuspend, ""
	case h.Action == Unsuspend:
		return Suspend, ""
	case h.Action == Invite:
		return "", "an invitation cannot be taken back; to suspend the users who were invited removes them"
	case h.Action == Logout:
		return "", "users who were logged out can only log in again"
	case h.Action == ResetPIN:
		return "", "an old PIN cannot be restored"
	}
	return Update, ""
}

// Rollback makes a plan that restores the old value of each row of a ledger that was done. Rows
// whose users somebody else has changed since fail. If an action cannot be undone, the error is an
// [*InputError] that says why.
func (a *Account) Rollback(ctx context.Context, l *Ledger) (*Plan, error) {
	if err := l.belongs(a, l.Path); err != nil {
		return nil, err
	}
	undo, problem := l.Undo()
	if problem != "" {
		return nil, badInput(l.Path, 1, "%s", problem)
	}
	p := &Plan{Head: Head{
		Action: undo, Endpoint: l.Endpoint, Account: l.Account, Name: l.Name, Type: l.Type, Source: l.Path, Undoes: l.Job,
	}}
	standing, err := a.ready(ctx, p, undo)
	if err != nil {
		return nil, err
	}
	// A row that was sent may be done. It is done if the user has the new values.
	made := func(r *Row) bool { return r.Status == Done || r.Status == Sent }
	now, err := a.look(ctx, l.Rows, made)
	if err != nil {
		return nil, err
	}
	for i := range l.Rows {
		r := &l.Rows[i]
		if !made(r) {
			continue
		}
		back := Row{Number: len(p.Rows) + 1, Line: r.Line, User: r.User, Email: r.Email, From: r.To, To: r.From, Status: Planned}
		switch now.compare(&back) {
		case reached:
			p.Same++
			continue
		case drifted:
			back.fail(codeDrifted, "%s", now.describe(&back))
		}
		standing.check(undo, &back, now.of(&back))
		p.Rows = append(p.Rows, back)
	}
	p.Members, p.Seats = now.members, now.seats.after(p.Rows)
	return p, nil
}

// Summary says how many rows of a ledger are in each state.
func (l *Ledger) Summary() string {
	open := l.Unfinished()
	s := fmt.Sprintf("%d done, %d failed", l.Count(Done), l.Count(Failed))
	if n := l.Count(Skipped); n > 0 {
		s += fmt.Sprintf(", %d skipped", n)
	}
	if open > 0 {
		s += fmt.Sprintf(", %d not finished", open)
	}
	return s
}
