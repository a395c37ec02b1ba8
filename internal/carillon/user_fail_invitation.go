package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// userFailInvitationCommand declares `carillon user fail-invitation`.
func (p *program) userFailInvitationCommand() *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use:   "fail-invitation",
		Short: "mark a pending invitation as failed",
		Long: `Mark a pending invitation as failed, as when its mail cannot be delivered, and
print the user. The address can be invited again.` + besideService,
		Example: `carillon user fail-invitation --account-id "$ACCOUNT" --email bo@example.com`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.changeUser(c.Context(), o.accountOptions, "FailInvitation", func(ctx context.Context, op *directory.Operator, account string) (api.User, error) {
				return op.FailInvitation(ctx, account, o.Email)
			})
		},
	}
	o.flags(p, c, "e-mail address that was invited")
	return c
}
