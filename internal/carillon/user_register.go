package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// userRegisterCommand declares `carillon user register`.
func (p *program) userRegisterCommand() *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use:   "register",
		Short: "sign a user in to an account",
		Long: `Sign a user in to an account, and print the user.

In a Team account this accepts an invitation. To an Enterprise account anybody
can sign in with an address in a claimed domain; a person who is registered in a
Team account moves to the Enterprise account.` + besideService,
		Example: `carillon user register --account-id "$ACCOUNT" --email ana@example.com`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.changeUser(c.Context(), o.accountOptions, "RegisterUser", func(ctx context.Context, op *directory.Operator, account string) (api.User, error) {
				return op.RegisterUser(ctx, account, o.Email)
			})
		},
	}
	o.flags(p, c, "e-mail address of the user")
	return c
}
