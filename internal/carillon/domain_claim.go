package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// domainClaimCommand declares `carillon domain claim`.
func (p *program) domainClaimCommand() *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "claim DOMAIN",
		Short: "claim an e-mail domain for an account",
		Long: `Claim an e-mail domain for an account, and print the account. Subdomains are not
included.

A Team account becomes an EnterpriseLWA account: its users stay, and its pending
invitations end.` + besideService,
		Example: `carillon domain claim --account-id "$ACCOUNT" example.com`,
		RunE: func(c *cobra.Command, words []string) error {
			return p.changeAccount(c.Context(), o, "ClaimDomain", func(ctx context.Context, op *directory.Operator, account string) (api.Account, error) {
				return op.ClaimDomain(ctx, account, words[0])
			})
		},
	}
	o.flags(p, c)
	return c
}
