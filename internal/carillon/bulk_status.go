package carillon

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
)

// bulkStatusCommand declares `carillon bulk status`.
func (p *program) bulkStatusCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "status LEDGER",
		Short: "show how far a job has come, and how to go on with it",
		Long: `Show what a job does, who began it, how far it has come, and the commands that go
on with it. Nothing is changed, and no service is asked: the job may be running.`,
		Example:           `carillon bulk status job.jsonl`,
		RunE:              func(c *cobra.Command, words []string) error { return p.bulkStatus(c.Context(), words[0], format) },
		ValidArgsFunction: once(ledgers),
	}
	outputFlag(flagsOf(c), &format, formatText, formatJSON)
	return c
}

func (p *program) bulkStatus(ctx context.Context, path, format string) error {
	j, err := bulk.LookAt(path)
	if err != nil {
		return err
	}
	r := &bulkRun{program: p}
	if conn, err := p.settings(connection{}).Connect(ctx, chime.Service, false); err != nil || strings.TrimRight(conn.Endpoint.URL, "/") != j.Endpoint {
		r.URL = j.Endpoint // from here, commands would go elsewhere
	}
	next := nextSteps(j)
	if format == formatJSON {
		o := stateDocument(j)
		o.Set("failures", failuresDocument(j.Ledger))
		for _, n := range next {
			o.Set(n.verb, r.command(n.verb, j.Path))
		}
		return p.print(formatJSON, "", o)
	}
	w := bufio.NewWriter(p.stdout)
	fmt.Fprintf(w, "ledger: %s\njob: %s\naction: %s\naccount: %v\nservice: %s\n", j.Path, j.Job, j.Action, j.Of(), j.Endpoint)
	if j.Source != "" {
		fmt.Fprintf(w, "rows: %s\n", j.Source)
	}
	if j.Undoes != "" {
		fmt.Fprintf(w, "undoes: job %s\n", j.Undoes)
	}
	started := j.Began.Local().Format(time.DateTime)
	if j.By != "" {
		started += " by " + j.By
	}
	fmt.Fprintf(w, "started: %s\nlatest: %s\nstate: %s\n", started, j.Latest.Local().Format(time.DateTime), stateOf(j))
	fmt.Fprintln(w, j.Summary())
	for _, line := range r.failures(j.Ledger) {
		fmt.Fprintln(w, line)
	}
	for _, n := range next {
		fmt.Fprintf(w, "%s: %s\n", n.to, r.command(n.verb, j.Path))
	}
	return w.Flush()
}

// nextStep is a command that goes on from a ledger, and what it is for.
type nextStep struct{ to, verb string }

// nextSteps returns the commands that make sense for a job. Nobody can go on with one that is
// running.
func nextSteps(j *bulk.Job) (list []nextStep) {
	if j.State == bulk.JobRunning {
		return nil
	}
	if j.Left > 0 {
		list = append(list, nextStep{"to go on", "resume"})
	}
	if j.Retriable > 0 {
		list = append(list, nextStep{"to try the failed rows again", "retry"})
	}
	if j.Failed > 0 {
		list = append(list, nextStep{"to mend the failed rows", "rejects"})
	}
	if j.CanRollBack() {
		list = append(list, nextStep{"to undo it", "rollback"})
	}
	return list
}
