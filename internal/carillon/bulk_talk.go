package carillon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/terminal"
)

// place says where a row comes from, if it comes from a line.
func place(source string, r *bulk.Row) string {
	if r.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", source, r.Line)
}

// nameLeft names the rows of a plan that will not be carried out. It is no error that some were
// skipped.
func (r *bulkRun) nameLeft(plan *bulk.Plan) {
	w := bufio.NewWriter(r.stderr)
	defer w.Flush()
	for i := range plan.Rows {
		if row := &plan.Rows[i]; row.Status == bulk.Failed || row.Status == bulk.Skipped && !r.Quiet {
			name := row.Name()
			if name != "" {
				name += ": "
			}
			fmt.Fprintf(w, "carillon: %s%s%s: %s\n", place(plan.Source, row), name, row.Code, row.Message)
		}
	}
}

// totals says in a few lines what a plan comes to.
func totals(plan *bulk.Plan) []string {
	line := fmt.Sprintf("%d to change, %d as they should be", plan.Count(bulk.Planned)+plan.Count(bulk.Sent), plan.Same)
	if n := plan.Guarded + plan.Count(bulk.Skipped); n > 0 {
		line += fmt.Sprintf(", %d skipped", n)
	}
	if n := plan.Count(bulk.Failed); n > 0 {
		line += fmt.Sprintf(", %d failed", n)
	}
	lines := []string{line}
	var seats []string
	for _, s := range plan.Seats {
		if s.Before != s.After {
			seats = append(seats, fmt.Sprintf("%s %d -> %d (%+d)", s.License, s.Before, s.After, s.After-s.Before))
		}
	}
	if seats != nil {
		lines = append(lines, "seats: "+strings.Join(seats, ", "))
	}
	if plan.Excluded != nil {
		counts := make([]string, len(plan.Excluded))
		for i, e := range plan.Excluded {
			counts[i] = fmt.Sprintf("%d by %s", e.Rows, e.By)
		}
		lines = append(lines, "rows left out: "+strings.Join(counts, ", "))
	}
	if plan.Unused != nil {
		lines = append(lines, "columns not used: "+bulk.JoinUnknown(plan.Unused))
	}
	lines = append(lines, plan.Remarks...)
	if plan.Unchecked != "" {
		lines = append(lines, plan.Unchecked)
	}
	return lines
}

// question says what a job does.
func question(plan *bulk.Plan) string {
	n := plan.Count(bulk.Planned) + plan.Count(bulk.Sent)
	users := "1 user"
	if n != 1 {
		users = fmt.Sprintf("%d users", n)
	}
	users += " of " + plan.Of().String()
	switch {
	case plan.Action == bulk.Suspend && plan.Type == string(api.AccountTypeTeam):
		return "REMOVE " + users + " for good"
	case plan.Action == bulk.ResetPIN:
		return "reset the PINs of " + users
	case plan.Action == bulk.Logout:
		return "log out " + users
	}
	return string(plan.Action) + " " + users
}

// confirm shows what a job comes to and asks whether to go on.
func (r *bulkRun) confirm(ctx context.Context, plan *bulk.Plan) error {
	w := r.notes()
	if !r.Yes { // whoever is asked must know
		w = r.stderr
	}
	fmt.Fprintf(w, "account %v at %s\n", plan.Of(), plan.Endpoint)
	for _, line := range totals(plan) {
		fmt.Fprintln(w, line)
	}
	if plan.Action == bulk.Suspend && plan.Type == string(api.AccountTypeTeam) {
		fmt.Fprintln(w, "This is a Team account: whoever is suspended is removed from it for good. They lose their license,\n"+
			"this cannot be rolled back, and they come back only as new users, by an invitation.")
	}
	if r.Yes {
		return nil
	}
	return r.ask(ctx, question(plan))
}

// progress tells how a job gets on: by one line that is written over, on a terminal, and by a
// line now and then elsewhere.
type progress struct {
	w       io.Writer
	columns func() int // of the terminal; nil for no terminal
	now     func() time.Time
	began   time.Time

	mu     sync.Mutex
	counts bulk.Counts
	shown  time.Time
	width  int // of the line that stands there
}

// How often a line is worth it.
const (
	terminalPause = 100 * time.Millisecond
	plainPause    = 10 * time.Second
	firstPause    = 2 * time.Second // before the first line of all

	throttledPause = 2 * time.Second
)

// progress starts to tell about a job. A terminal that calls itself dumb cannot be written over.
func (r *bulkRun) progress(now func() time.Time) *progress {
	p := &progress{w: raw(r.notes()), now: now, began: now()}
	p.shown = p.began.Add(firstPause - plainPause) // so that reading is told soon
	if r.Quiet {
		return p
	}
	if terminal.Is(r.stderr) && r.getenv("TERM") != "dumb" {
		p.columns = func() int {
			if width, ok := terminal.Width(r.stderr); ok && width > 0 {
				return width
			}
			return columns
		}
	}
	return p
}

// start begins to count the time of the calls.
func (p *progress) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = p.now()
	p.shown = p.began
}

func (p *progress) show(c bulk.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = c
	p.tell(p.line)
}

// reading tells how many users have been read, and takes the line away at the end.
func (p *progress) reading(users int, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !done {
		p.tell(func(_ time.Time, columns int) string {
			line := fmt.Sprintf("%d users read", users)
			return line[:max(0, min(len(line), columns))]
		})
	} else if p.width > 0 {
		p.draw("")
		fmt.Fprint(p.w, "\r")
	}
}

// waiting tells of a pause, or of an answer that does not come. Throttling is usual, so short
// pauses for it are not told.
func (p *progress) waiting(w bulk.Waiting) {
	if refused, ok := errors.AsType[*client.ServiceError](w.Why); ok && refused.Throttled() && w.Next < throttledPause {
		return
	}
	p.say("carillon: " + w.String())
}

// tell writes a line if the last one was not written just now.
func (p *progress) tell(line func(now time.Time, columns int) string) {
	now, pause := p.now(), plainPause
	if p.columns != nil {
		pause = terminalPause
	}
	if now.Sub(p.shown) < pause {
		return
	}
	p.shown = now
	if p.columns == nil {
		fmt.Fprintln(p.w, line(now, 1<<10))
		return
	}
	p.draw(line(now, p.columns()-1)) // in the last column some terminals begin a new line
}

// line spells how far the job has come, without some of it where columns are few.
func (p *progress) line(now time.Time, columns int) string {
	c := p.counts
	finished := c.Done + c.Failed + c.Skipped
	line := fmt.Sprintf("%d done, %d failed", c.Done, c.Failed)
	if took := now.Sub(p.began).Seconds(); took > 0 && finished > 0 {
		rate := float64(finished) / took
		left := time.Duration(float64(c.Total-finished)/rate) * time.Second
		line += fmt.Sprintf(", %.0f/s, %v left", rate, left)
	}
	if long := fmt.Sprintf("%d of %d: %s", finished, c.Total, line); len(long) <= columns {
		return long
	}
	return line[:max(0, min(len(line), columns))]
}

// draw writes over the line that stands there.
func (p *progress) draw(line string) {
	fmt.Fprintf(p.w, "\r%-*s", min(p.width, max(0, p.columns()-1)), line)
	p.width = len(line)
}

// say writes a line of another kind.
func (p *progress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		fmt.Fprintln(p.w)
	}
	p.width = 0
	fmt.Fprintln(p.w, line)
}

// end leaves the last state on the terminal.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.columns != nil && p.counts.Total > 0 {
		p.draw(p.line(p.now(), p.columns()-1))
		fmt.Fprintln(p.w)
	}
}
