package carillon

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
)

type numberFileOptions struct {
	database
	Sheet        string // of workbooks; empty for the first that is not hidden
	Capabilities string // of numbers whose row names none
	Format       string
}

// numberAddCommand declares `carillon number add`.
func (p *program) numberAddCommand() *cobra.Command {
	var o numberFileOptions
	c := &cobra.Command{
		Use:   "add NUMBER|FILE ...",
		Short: "add phone numbers to the pool, or change what is known of them",
		Long: `Add phone numbers to the pool that AWS accounts order from, or change what is
known of those that nobody has ordered.

A NUMBER begins with the code of its country. A FILE is a table, .csv or .xlsx, or
a list of numbers; - is standard input. The columns are PhoneNumber, Country,
Type, City, State, AreaCode and Capabilities, of which the first is enough: the
number says the rest, except for the city and the state that people search for.
An empty cell changes nothing of a number that is there.

Rows that cannot be used are listed and left out; the exit code is then 1. That
includes numbers that an AWS account has, if the row says something else of them.` + besideService,
		Example: `carillon number add +12065550100 +12065550101
carillon number add numbers.csv --capabilities InboundCall,OutboundCall`,
		RunE:              func(c *cobra.Command, words []string) error { return p.addNumbers(c.Context(), o, words) },
		ValidArgsFunction: filesOf("csv", "xlsx", "txt"),
	}
	f := flagsOf(c)
	parsed(f, &o.Capabilities, capabilities, "capabilities LIST", "", "what numbers can be used for whose row does not say: all, none, or some of "+
		"InboundCall, OutboundCall, InboundSMS, OutboundSMS, InboundMMS and OutboundMMS, separated by commas (default all for new numbers)")
	f.text(&o.Sheet, "sheet NAME", "sheet to read of each workbook (default the first that is not hidden)")
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

// capabilities checks a list of what numbers can be used for.
func capabilities(text string) (string, error) {
	if problem := directory.CheckCapabilities(text); problem != "" {
		return "", errors.New(problem)
	}
	return text, nil
}

func (p *program) addNumbers(ctx context.Context, o numberFileOptions, words []string) error {
	all, err := p.readNumbers(words, o.Sheet)
	if err != nil {
		return err
	}
	for i := range all.rows {
		if all.rows[i].Capabilities == "" {
			all.rows[i].Capabilities = o.Capabilities
		}
	}
	return p.onStore(ctx, o.database, func(st openStore) error {
		changes, err := st.operator().AddNumbers(ctx, all.rows)
		if err != nil {
			return err
		}
		return p.printChanges(o.Format, "AddNumbers", all, changes, directory.PoolAdded, directory.PoolChanged, directory.PoolUnchanged)
	})
}
