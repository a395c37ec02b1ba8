package carillon

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
)

type accountCreateOptions struct {
	database
	Name         string
	Type         string
	AWSAccountID string
	Format       string
}

// accountCreateCommand declares `carillon account create`.
func (p *program) accountCreateCommand() *cobra.Command {
	var o accountCreateOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "make an account of any type",
		Long: `Make an account of any type and print it. The API makes Team accounts only.

An Enterprise account can have users once it has claimed a domain: see carillon
domain claim.` + besideService,
		Example: `carillon account create --name Acme --type EnterpriseLWA`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.createAccount(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Name, "name NAME", "name of the account, 1 to 100 characters", required)
	parsed(f, &o.Type, oneOf(accountTypes), "type TYPE", "", "type of the account: "+strings.Join(accountTypes, ", "), required,
		completedBy(fixed(accountTypes...)))
	awsAccountFlag(f, &o.AWSAccountID)
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) createAccount(ctx context.Context, o accountCreateOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		owner, err := awsAccount(ctx, st, o.AWSAccountID)
		if err != nil {
			return err
		}
		var same []string
		for a, err := range st.operator().Accounts(ctx, owner) {
			if err != nil {
				return err
			}
			if strings.EqualFold(a.Name, o.Name) {
				same = append(same, a.AccountId)
			}
		}
		account, err := st.operator().CreateAccount(ctx, owner, o.Name, api.AccountType(o.Type))
		if err != nil {
			return err
		}
		if len(same) > 0 {
			fmt.Fprintf(p.stderr, "carillon: warning: there is more than one account named %s now, as names need not be unique; before this one: %s\n",
				o.Name, strings.Join(same, ", "))
		}
		return p.printOutput(o.Format, "CreateAccount", api.AppendOutput(nil, &api.CreateAccountOutput{Account: &account}))
	})
}
