package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

type keyListOptions struct {
	database
	AWSAccountID string // empty for all
	Format       string
}

// keyListCommand declares `carillon key list`.
func (p *program) keyListCommand() *cobra.Command {
	var o keyListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the access keys, without their secrets",
		Long: `List the access keys, those that are disabled or have expired too. Secrets are not
shown. The last use of a key is given as a day in UTC. It shows a second after the
request, or "never" before the first one.

The command works on the data of a service, which may be running.`,
		Example: `carillon key list --output table`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.listKeys(c.Context(), o) },
	}
	f := flagsOf(c)
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "list only the keys of this AWS account")
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) listKeys(ctx context.Context, o keyListOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		keys, err := st.keys(nil).List(ctx, o.AWSAccountID)
		if err != nil {
			return err
		}
		list := []any{}
		for _, key := range keys {
			list = append(list, keyDocument(key, st.now()))
		}
		return p.print(o.Format, "ListKeys", document.NewObject(document.Member{Key: "AccessKeys", Value: list}))
	})
}
