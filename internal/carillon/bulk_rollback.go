package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkRollbackCommand declares `carillon bulk rollback`.
func (p *program) bulkRollbackCommand() *cobra.Command {
	var o bulkOptions
	c := &cobra.Command{
		Use:   "rollback LEDGER",
		Short: "give users back what a job took from them",
		Long: `Give each user back what a job has changed, as a job with a ledger of its own. A
row whose user somebody has changed since fails, and the others are carried out.

Updates can be undone, and suspend and unsuspend on Enterprise accounts.`,
		Example:           `carillon bulk rollback job.jsonl`,
		RunE:              func(c *cobra.Command, words []string) error { return p.rollBack(c.Context(), o, words[0]) },
		ValidArgsFunction: once(ledgers),
	}
	f := flagsOf(c)
	o.ledgerFlags(p, f)
	o.newJobFlags(f)
	o.connection.flags(f)
	return c
}

func (p *program) rollBack(ctx context.Context, o bulkOptions, path string) error {
	r, err := p.jobRun(ctx, o)
	if err != nil {
		return err
	}
	l, err := bulk.ReadLedger(path)
	if err != nil {
		return err
	}
	job := newJob()
	a, err := r.connect(ctx, l.Account, job)
	if err != nil {
		return err
	}
	defer a.Close()
	plan, err := a.Rollback(ctx, l)
	if err != nil {
		return err
	}
	return r.execute(ctx, a, plan, job)
}
