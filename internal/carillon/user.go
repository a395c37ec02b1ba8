package carillon

import "github.com/spf13/cobra"

// userCommand declares `carillon user`.
func (p *program) userCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "list and show users, sign them in, fail invitations",
		Long: `Look at the users of all accounts, and do what people did in Amazon Chime itself
and the API cannot: sign in, and accept an invitation or never get it.`,
	}
	c.AddCommand(p.userListCommand(), p.userShowCommand(), p.userRegisterCommand(), p.userFailInvitationCommand())
	return c
}

// userOptions name a user of an account by an address.
type userOptions struct {
	accountOptions
	Email string
}

// flags declares the options.
func (o *userOptions) flags(p *program, c *cobra.Command, email string) {
	f := o.accountOptions.flags(p, c)
	f.text(&o.Email, "email EMAIL", email, required)
}
