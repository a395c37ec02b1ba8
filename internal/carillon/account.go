package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// accountCommand declares `carillon account`.
func (p *program) accountCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "make accounts of all types, set their licenses, suspend them",
		Long:  "Do to accounts what the API cannot.",
	}
	c.AddCommand(p.accountCreateCommand(), p.accountSetLicensesCommand(), p.accountSuspendCommand(), p.accountResumeCommand())
	return c
}

// accountOptions name an account in a store and the form in which it is printed.
type accountOptions struct {
	database
	AccountID string
	Format    string
}

// flags declares the options. The own flags of a command come after, in the first group.
func (o *accountOptions) flags(p *program, c *cobra.Command) *flags {
	f := flagsOf(c)
	f.text(&o.AccountID, "account-id ID", "account to change", required, completedBy(p.storeAccounts(&o.database)))
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	f.group(ownFlags)
	return f
}

// changeAccount has fn change an account and prints what it is then.
func (p *program) changeAccount(ctx context.Context, o accountOptions, operation string, fn func(context.Context, *directory.Operator) (api.Account, error)) error {
	return p.onStore(ctx, o.database, func(st store.Store) error {
		account, err := fn(ctx, operator(st))
		if err != nil {
			return err
		}
		return p.printOutput(o.Format, operation, api.AppendOutput(nil, &api.GetAccountOutput{Account: &account}))
	})
}

// changeUser has fn change a user and prints what the user is then.
func (p *program) changeUser(ctx context.Context, o accountOptions, operation string, fn func(context.Context, *directory.Operator) (api.User, error)) error {
	return p.onStore(ctx, o.database, func(st store.Store) error {
		user, err := fn(ctx, operator(st))
		if err != nil {
			return err
		}
		return p.printOutput(o.Format, operation, api.AppendOutput(nil, &api.GetUserOutput{User: &user}))
	})
}
