package carillon

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkPlanCommand declares `carillon bulk plan`.
func (p *program) bulkPlanCommand() *cobra.Command {
	var o bulkOptions
	var out string
	c := &cobra.Command{
		Use:   "plan [ROWS]",
		Short: "show what rows would change, and change nothing",
		Long: `Compare rows with the users of an account and print what would change. Nothing is
changed.` + rowsHelp + ` The columns
LicenseType, UserType, IsAlexaForBusinessEnabled and AlexaForBusinessRoomArn say
what the user becomes. Other columns, which the plan
names, and empty cells change nothing.`,
		Example: `carillon bulk plan --account-id "$ACCOUNT" users.csv -o plan.jsonl
carillon bulk plan --account-id "$ACCOUNT" --where "LicenseType=='Pro'" \
    --set LicenseType=Basic`,
		RunE: func(c *cobra.Command, words []string) error {
			o.Rows = first(words)
			return p.planBulk(c.Context(), o, out)
		},
		ValidArgsFunction: rowFiles,
	}
	f := flagsOf(c)
	outFlag(f, &out, "save the plan in this file, for carillon bulk apply")
	o.bulkReport.flags(f)
	o.rowFlags(p, f)
	o.changeFlags(f)
	o.brakeFlags(f)
	o.strictFlag(f)
	o.connection.flags(f)
	return c
}

func (p *program) planBulk(ctx context.Context, o bulkOptions, out string) error {
	if _, err := p.checkOut(outFile{path: out, reads: []string{o.Rows, o.Protect, o.CABundle}, forms: []string{string(bulk.JSONL)}}); err != nil {
		return err
	}
	r, err := p.bulkRun(ctx, o)
	if err != nil {
		return err
	}
	plan, a, err := r.plan(ctx, bulk.Update, newJob())
	if err != nil {
		return err
	}
	defer a.Close()
	w := bufio.NewWriter(r.text())
	for i := range plan.Rows {
		if row := &plan.Rows[i]; row.Status == bulk.Planned {
			fmt.Fprintf(w, "(plan) %s%s: %s\n", place(plan.Source, row), row.Name(), row.Change())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	r.nameLeft(plan)
	fmt.Fprintf(r.text(), "(plan) account %v at %s\n", plan.Of(), plan.Endpoint)
	for _, line := range totals(plan) {
		fmt.Fprintln(r.text(), "(plan)", line)
	}
	if err := r.result(planDocument(plan)); err != nil {
		return err
	}
	if err := r.brake(plan); err != nil {
		return err
	}
	if out != "" {
		if err := save(out, func(w io.Writer) error { return plan.Write(w, time.Now()) }); err != nil {
			return fmt.Errorf("saving the plan: %w", err)
		}
	}
	if plan.Count(bulk.Planned) == 0 {
		fmt.Fprintln(r.text(), "nothing to change")
	}
	return someFailed(plan.Count(bulk.Failed), "cannot be planned")
}

// plan makes a plan of what the line says.
func (r *bulkRun) plan(ctx context.Context, action bulk.Action, job string) (*bulk.Plan, *bulk.Account, error) {
	chosen, o, err := r.chosen(ctx, action)
	if err != nil {
		return nil, nil, err
	}
	a, err := r.connect(ctx, "", job)
	if err != nil {
		return nil, nil, err
	}
	plan, err := a.Plan(ctx, action, chosen, o)
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return plan, a, nil
}
