package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

type userListOptions struct {
	database
	Account string // an id or a name; empty for the only one
	Format  string
}

// flags declares the options of a command that looks at users, in the order of help.
func (o *userListOptions) flags(p *program, c *cobra.Command, account string, formats ...string) {
	f := flagsOf(c)
	f.text(&o.Account, "account-id ACCOUNT", account, completedBy(p.storeAccounts(&o.database)))
	outputFlag(f, &o.Format, formats...)
	o.database.flags(f)
}

// userListCommand declares `carillon user list`.
func (p *program) userListCommand() *cobra.Command {
	var o userListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the users of an account",
		Long: `List the users of an account, those who are invited or suspended, too. The table is
for reading; json and csv have all that the API lists. carillon import takes the
json, and the csv is what carillon bulk export writes.

The command works on the data of a service, which may be running.`,
		Example: `carillon user list --account-id Acme
carillon user list --account-id Acme --output csv > users.csv`,
		RunE: func(c *cobra.Command, _ []string) error { return p.listUsers(c.Context(), o) },
	}
	o.flags(p, c, "account of the users, by its id or its name (default the only account)", formatTable, formatJSON, formatCSV)
	return c
}

func (p *program) listUsers(ctx context.Context, o userListOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		account, err := findAccount(ctx, op, o.Account)
		if err != nil {
			return err
		}
		columns := []column{{"Email", "PrimaryEmail"}, {"License", "LicenseType"}, {"Status", "UserRegistrationStatus"}, {"Id", "UserId"}}
		return p.writeList(o.Format, "ListUsers", "Users", columns,
			documents(op.Users(ctx, account.ID), func(u api.User) (*document.Object, error) {
				return memberOf(api.AppendOutput(nil, &api.GetUserOutput{User: &u}), "User")
			}))
	})
}
