package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

type numberListOptions struct {
	database
	directory.PoolQuery
	Format string
}

// numberListCommand declares `carillon number list`.
func (p *program) numberListCommand() *cobra.Command {
	var o numberListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the phone numbers of the pool, and who has them",
		Long: `List the phone numbers of the pool: those that can be ordered, and those that AWS
accounts have. What an AWS account does with its numbers is told by aws chime
list-phone-numbers.

The command works on the data of a service, which may be running.`,
		Example: `carillon number list --available`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.listNumbers(c.Context(), o) },
	}
	f := flagsOf(c)
	f.toggle(&o.Available, "available", "list only the numbers that nobody has", insteadOf("owned"))
	f.toggle(&o.Owned, "owned", "list only the numbers that AWS accounts have")
	parsed(f, &o.Owner, awsAccountID, "aws-account-id ID", "", "list only the numbers of this AWS account", insteadOf("available"))
	outputFlag(f, &o.Format, formatTable, formatJSON)
	o.database.flags(f)
	return c
}

func (p *program) listNumbers(ctx context.Context, o numberListOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		columns := []column{{"Number", "PhoneNumber"}, {"Country", "Country"}, {"Type", "Type"}, {"State", "State"}, {"City", "City"},
			{"Owner", "AwsAccountId"}, {"Failing", "Failing"}}
		return p.writeList(o.Format, "", "PhoneNumbers", columns, documents(st.operator().Numbers(ctx, o.PoolQuery), poolDocument))
	})
}

func poolDocument(n directory.PoolNumber) (*document.Object, error) {
	list := make([]any, len(n.Capabilities))
	for i, c := range n.Capabilities {
		list[i] = c
	}
	o := document.NewObject(document.Member{Key: "PhoneNumber", Value: n.PhoneNumber})
	for _, m := range []struct{ key, value string }{
		{"Country", n.Country}, {"Type", n.Type}, {"City", n.City}, {"State", n.State}, {"AreaCode", n.AreaCode}, {"AwsAccountId", n.AWSAccountID},
	} {
		if m.value != "" {
			o.Set(m.key, m.value)
		}
	}
	o.Set("Capabilities", list)
	o.Set("Failing", n.Failing)
	return o, nil
}
