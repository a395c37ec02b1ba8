package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

type dialOutListOptions struct {
	database
	AWSAccountID string // empty for all
	Format       string
}

// dialOutListCommand declares `carillon dial-out list`.
func (p *program) dialOutListCommand() *cobra.Command {
	var o dialOutListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list dial-outs and what became of them",
		Long: `List the dial-outs of all AWS accounts, or of one, in the order of the requests.
Recorded means that there was no hook; Waiting, that the hook will be told;
Delivered, that it has taken the dial-out; GivenUp, that it has not, although it
was asked three times.

The command works on the data of a service, which may be running.`,
		Example: `carillon dial-out list`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.listDialOuts(c.Context(), o) },
	}
	f := flagsOf(c)
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "only those of this AWS account (default all)")
	outputFlag(f, &o.Format, formatTable, formatJSON)
	o.database.flags(f)
	return c
}

func (p *program) listDialOuts(ctx context.Context, o dialOutListOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		columns := []column{{"Requested", "CreatedTimestamp"}, {"From", "FromPhoneNumber"}, {"To", "ToPhoneNumber"}, {"Status", "Status"},
			{"Meeting", "MeetingId"}, {"Id", "TransactionId"}}
		return p.writeList(o.Format, "", "DialOuts", columns,
			documents(st.operator().DialOuts(ctx, o.AWSAccountID), func(d directory.DialOut) (*document.Object, error) {
				return directory.DialOutDocument(d), nil
			}))
	})
}
