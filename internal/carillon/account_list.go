package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

type accountListOptions struct {
	database
	AWSAccountID string // empty for all
	Format       string
}

// accountListCommand declares `carillon account list`.
func (p *program) accountListCommand() *cobra.Command {
	var o accountListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the accounts",
		Long: `List the accounts, of all AWS accounts. The table is for reading; json and csv have
all that the API lists. carillon import takes the json.

The command works on the data of a service, which may be running.`,
		Example: `carillon account list
carillon account list --output csv > accounts.csv`,
		RunE: func(c *cobra.Command, _ []string) error { return p.listAccounts(c.Context(), o) },
	}
	f := flagsOf(c)
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "list only the accounts of this AWS account")
	outputFlag(f, &o.Format, formatTable, formatJSON, formatCSV)
	o.database.flags(f)
	return c
}

func (p *program) listAccounts(ctx context.Context, o accountListOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		columns := []column{{"Name", "Name"}, {"Type", "AccountType"}, {"Status", "AccountStatus"}, {"Id", "AccountId"}}
		return p.writeList(o.Format, "ListAccounts", "Accounts", columns,
			documents(st.operator().Accounts(ctx, o.AWSAccountID), func(a api.Account) (*document.Object, error) {
				return memberOf(api.AppendOutput(nil, &api.GetAccountOutput{Account: &a}), "Account")
			}))
	})
}
