package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// accountResumeCommand declares `carillon account resume`.
func (p *program) accountResumeCommand() *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:     "resume",
		Short:   "end the suspension of an account",
		Long:    `End the suspension of an account, and print it.` + besideService,
		Example: `carillon account resume --account-id "$ACCOUNT"`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.changeAccount(c.Context(), o, "ResumeAccount", func(ctx context.Context, op *directory.Operator, account string) (api.Account, error) {
				return op.ResumeAccount(ctx, account)
			})
		},
	}
	o.flags(p, c)
	return c
}
