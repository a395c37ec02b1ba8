package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// accountSetLicensesCommand declares `carillon account set-licenses`.
func (p *program) accountSetLicensesCommand() *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "set-licenses LICENSE ...",
		Short: "set the licenses that an account supports",
		Long: `Set the licenses that an account supports: one or more of Basic, Plus, Pro and
ProTrial. The default license of the account must be among them.

Users who have another license keep it.` + besideService,
		Example: `carillon account set-licenses --account-id "$ACCOUNT" Basic Plus Pro`,
		RunE: func(c *cobra.Command, words []string) error {
			var licenses []api.License
			for _, word := range words {
				licenses = append(licenses, api.License(word))
			}
			return p.changeAccount(c.Context(), o, "SetLicenses", func(ctx context.Context, op *directory.Operator, account string) (api.Account, error) {
				return op.SetLicenses(ctx, account, licenses)
			})
		},
		ValidArgsFunction: fixed(licenses...),
	}
	o.flags(p, c)
	return c
}
