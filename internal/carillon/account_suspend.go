package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// accountSuspendCommand declares `carillon account suspend`.
func (p *program) accountSuspendCommand() *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:     "suspend",
		Short:   "make an account read-only",
		Long:    `Make an account read-only until carillon account resume, and print it.` + besideService,
		Example: `carillon account suspend --account-id "$ACCOUNT"`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.changeAccount(c.Context(), o, "SuspendAccount", func(ctx context.Context, op *directory.Operator, account string) (api.Account, error) {
				return op.SuspendAccount(ctx, account)
			})
		},
	}
	o.flags(p, c)
	return c
}
