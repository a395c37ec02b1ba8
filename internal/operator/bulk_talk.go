package operator

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/carillon-project/carillon/internal/bulk"
)

// place says where a row comes from, if it comes from a line.
func place(source string, r *bulk.Row) string {
	if r.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", source, r.Line)
}

// nameLeft names the rows of a plan that will not be carried out.
func (c *bulkCommand) nameLeft(plan *bulk.Plan) {
	w := bufio.NewWriter(c.stderr)
	defer w.Flush()
	for i := range plan.Rows {
		if r := &plan.Rows[i]; r.Status == bulk.Failed || r.Status == bulk.Skipped {
			fmt.Fprintf(w, "carillon: %s%s: %s: %s\n", place(plan.Source, r), r.Name(), r.Code, r.Message)
		}
	}
}

// totals says in a few lines what a plan comes to.
func totals(plan *bulk.Plan) []string {
	line := fmt.Sprintf("%d to change, %d as they should be", plan.Count(bulk.Planned)+plan.Count(bulk.Sent), plan.Same)
	if n := plan.Guarded + plan.Count(bulk.Skipped); n > 0 {
		line += fmt.Sprintf(", %d left alone", n)
	}
	if n := plan.Count(bulk.Failed); n > 0 {
		how := "cannot be resolved"
		if plan.Job != "" {
			how = "failed before"
		}
		line += fmt.Sprintf(", %d %s", n, how)
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
	return lines
}

// brake refuses a plan that does too much.
func (c *bulkCommand) brake(plan *bulk.Plan) error {
	if n := plan.Count(bulk.Failed); c.strict && n > 0 {
		return usagef("bulk: %w, and --strict was given: nothing was changed", someFailed(n, "cannot be resolved"))
	}
	if c.max != "" {
		limit, err := bulk.ParseLimit(c.max)
		if err != nil {
			return c.misused("--max-changes: " + err.Error())
		}
		if err := limit.Check(plan); err != nil {
			return err
		}
	}
	if c.protect != "" {
		f, err := os.Open(c.protect)
		if err != nil {
			return usagef("bulk: --protect: %w", err)
		}
		defer f.Close()
		protected, err := bulk.ReadProtected(f, c.protect)
		if err != nil {
			return err
		}
		if err := protected.Check(plan); err != nil {
			return err
		}
	}
	return nil
}

// question says what a job does.
func question(plan *bulk.Plan) string {
	n := plan.Count(bulk.Planned) + plan.Count(bulk.Sent)
	users := "1 user"
	if n != 1 {
		users = fmt.Sprintf("%d users", n)
	}
	switch {
	case plan.Action == bulk.Suspend && plan.Type == "Team":
		return "REMOVE " + users + " for good"
	case plan.Action == bulk.ResetPIN:
		return "reset the PINs of " + users
	case plan.Action == bulk.Logout:
		return "log out " + users
	}
	return string(plan.Action) + " " + users
}

// confirm shows what a job comes to and asks whether to go on.
func (c *bulkCommand) confirm(plan *bulk.Plan) error {
	fmt.Fprintf(c.stderr, "account %s at %s\n", plan.Account, plan.Endpoint)
	for _, line := range totals(plan) {
		fmt.Fprintln(c.stderr, line)
	}
	if plan.Action == bulk.Suspend && plan.Type == "Team" {
		fmt.Fprintln(c.stderr, "This is a Team account: whoever is suspended is removed from it for good. They lose their license,\n"+
			"this cannot be rolled back, and they come back only as new users, by an invitation.")
	}
	if c.yes {
		return nil
	}
	if !isTerminal(c.stdin) {
		return usagef("bulk: there is no terminal to ask on; give --yes if this is what you want. Nothing was changed")
	}
	fmt.Fprintf(c.stderr, "%s? [yes/no] ", question(plan))
	answer, err := bufio.NewReader(c.stdin).ReadString('\n')
	if word := strings.ToLower(strings.TrimSpace(answer)); err == nil && (word == "yes" || word == "y") {
		return nil
	}
	return &bulk.BrakeError{Text: "nothing was changed"}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress tells how a job gets on: by one line that is written over, on a terminal, and by a
// line now and then elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	now      func() time.Time
	began    time.Time
	shown    time.Time
	width    int // of the line that stands there
}

// How often a line is worth it.
const (
	terminalPause = 100 * time.Millisecond
	plainPause    = 10 * time.Second
)

func (p *progress) show(c bulk.Counts) {
	now := p.now()
	if p.shown.IsZero() {
		p.shown = p.began
	}
	finished := c.Done + c.Failed + c.Skipped
	pause := plainPause
	if p.terminal {
		pause = terminalPause
	}
	if now.Sub(p.shown) < pause && (!p.terminal || finished < c.Total) {
		return
	}
	p.shown = now
	line := fmt.Sprintf("%d of %d: %d done, %d failed", finished, c.Total, c.Done, c.Failed)
	if took := now.Sub(p.began).Seconds(); took > 0 && finished > 0 {
		rate := float64(finished) / took
		left := time.Duration(float64(c.Total-finished)/rate) * time.Second
		line += fmt.Sprintf(", %.0f/s, %v left", rate, left)
	}
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	fmt.Fprintf(p.w, "\r%-*s", p.width, line)
	p.width = len(line)
}

// end leaves the last line on the screen.
func (p *progress) end() {
	if p.width > 0 {
		fmt.Fprintln(p.w)
	}
}
