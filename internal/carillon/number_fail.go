package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

// numberFailCommand declares `carillon number fail`.
func (p *program) numberFailCommand() *cobra.Command {
	var d database
	var format string
	c := &cobra.Command{
		Use:   "fail NUMBER|ORDER",
		Short: "let an order or a deletion of phone numbers fail",
		Long: `Play the carrier that refuses, and print what has failed.

Of a NUMBER that is available or being acquired, the next order fails, once. For
one that is being deleted, the deletion fails: it can then be deleted or restored.
For the id of an ORDER, all that is still being processed of it fails at once.` + besideService,
		Example: `carillon number fail +12065550100`,
		RunE:    func(c *cobra.Command, words []string) error { return p.failNumber(c.Context(), d, format, words[0]) },
	}
	f := flagsOf(c)
	outputFlag(f, &format, formatJSON, formatTable)
	d.flags(f)
	return c
}

func (p *program) failNumber(ctx context.Context, d database, format, word string) error {
	return p.onStore(ctx, d, func(st openStore) error {
		failure, err := st.operator().FailNumber(ctx, word)
		if err != nil {
			return err
		}
		o := new(document.Object)
		for _, m := range []struct{ key, value string }{
			{"PhoneNumber", failure.PhoneNumber}, {"PhoneNumberOrderId", failure.OrderID}, {"Status", failure.Status},
		} {
			if m.value != "" {
				o.Set(m.key, m.value)
			}
		}
		return p.print(format, "FailNumber", o)
	})
}
