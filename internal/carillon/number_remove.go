package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
)

// numberRemoveCommand declares `carillon number remove`.
func (p *program) numberRemoveCommand() *cobra.Command {
	var o numberFileOptions
	c := &cobra.Command{
		Use:   "remove NUMBER|FILE ...",
		Short: "remove phone numbers from the pool",
		Long: `Remove phone numbers that nobody has from the pool. They are named as for carillon
number add. One that an AWS account has stays, and the exit code is then 1.` + besideService,
		Example:           `carillon number remove +12065550100`,
		RunE:              func(c *cobra.Command, words []string) error { return p.removeNumbers(c.Context(), o, words) },
		ValidArgsFunction: filesOf("csv", "xlsx", "txt"),
	}
	f := flagsOf(c)
	f.text(&o.Sheet, "sheet NAME", "sheet to read of each workbook (default the first that is not hidden)")
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) removeNumbers(ctx context.Context, o numberFileOptions, words []string) error {
	all, err := p.readNumbers(words, o.Sheet)
	if err != nil {
		return err
	}
	numbers := make([]string, len(all.rows))
	for i, row := range all.rows {
		numbers[i] = row.PhoneNumber
	}
	return p.onStore(ctx, o.database, func(st openStore) error {
		changes, err := st.operator().RemoveNumbers(ctx, numbers)
		if err != nil {
			return err
		}
		return p.printChanges(o.Format, "RemoveNumbers", all, changes, directory.PoolRemoved)
	})
}
