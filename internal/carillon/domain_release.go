package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// domainReleaseCommand declares `carillon domain release`.
func (p *program) domainReleaseCommand() *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "release DOMAIN",
		Short: "give up the claim of an account on a domain",
		Long: `Give up the claim of an account on an e-mail domain, and print the account.

An Enterprise account without a domain becomes a Team account. Therefore it keeps
its last domain as long as it has suspended users, which a Team account cannot
have.` + besideService,
		Example: `carillon domain release --account-id "$ACCOUNT" example.com`,
		RunE: func(c *cobra.Command, words []string) error {
			return p.changeAccount(c.Context(), o, "ReleaseDomain", func(ctx context.Context, op *directory.Operator, account string) (api.Account, error) {
				return op.ReleaseDomain(ctx, account, words[0])
			})
		},
	}
	o.flags(p, c)
	return c
}
