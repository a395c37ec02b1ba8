package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkApplyCommand declares `carillon bulk apply`.
func (p *program) bulkApplyCommand() *cobra.Command {
	var o bulkOptions
	c := &cobra.Command{
		Use:   "apply [PLAN | ROWS]",
		Short: "carry out a plan, or rows",
		Long: `Carry out a plan, or plan rows and carry that out. On a terminal the command asks
first.

A PLAN is what carillon bulk plan -o has saved; it names its account. A row whose
user somebody has changed since is refused, and the others are carried out.` + rowsHelp,
		Example: `carillon bulk apply plan.jsonl
carillon bulk apply --account-id "$ACCOUNT" users.csv --max-changes 5%`,
		RunE: func(c *cobra.Command, words []string) error {
			o.Rows = first(words)
			return p.applyBulk(c.Context(), o)
		},
		ValidArgsFunction: rowFiles,
	}
	f := flagsOf(c)
	o.rowFlags(p, f)
	o.changeFlags(f)
	o.newJobFlags(f)
	o.connection.flags(f)
	return c
}

func (p *program) applyBulk(ctx context.Context, o bulkOptions) error {
	r, err := p.jobRun(ctx, o)
	if err != nil {
		return err
	}
	if o.Rows != "" {
		if err := r.open(ctx); err != nil {
			return err
		}
		defer r.in.Close()
		plan, err := r.isPlan(ctx)
		if err != nil {
			return err
		}
		if plan {
			return r.applyPlan(ctx)
		}
	}
	return r.perform(ctx, bulk.Update)
}

// isPlan looks at the beginning of the rows.
func (r *bulkRun) isPlan(ctx context.Context) (plan bool, err error) {
	err = waitFor(ctx, func() error {
		plan = bulk.IsPlan(r.in.text)
		return nil
	})
	return plan, err
}

func (r *bulkRun) applyPlan(ctx context.Context) error {
	if r.Set != nil || r.From != nil || r.All || r.Where != "" || r.Sheet != "" || r.Only != nil {
		return r.misused("a plan says itself what changes: --set, --from, --where, --all, --only and --sheet go with rows")
	}
	name := r.in.name
	var plan *bulk.Plan
	err := waitFor(ctx, func() (err error) {
		plan, err = bulk.ReadPlan(r.in, name)
		return err
	})
	if err != nil {
		return err
	}
	job := newJob()
	a, err := r.connect(ctx, plan.Account, job)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Belongs(plan, name); err != nil {
		return err
	}
	if err := a.Revise(ctx, plan); err != nil {
		return err
	}
	return r.execute(ctx, a, plan, job)
}
