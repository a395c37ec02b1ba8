package carillon

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// accountCommand declares `carillon account`.
func (p *program) accountCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "list accounts, make them, set their licenses, suspend them",
		Long:  "Do to accounts what the API cannot.",
	}
	c.AddCommand(p.accountListCommand(), p.accountCreateCommand(), p.accountSetLicensesCommand(), p.accountSuspendCommand(), p.accountResumeCommand())
	return c
}

// accountOptions name an account in a store and the form in which it is printed.
type accountOptions struct {
	database
	Account string // an id or a name
	Format  string
}

// flags declares the options. The own flags of a command come after, in the first group.
func (o *accountOptions) flags(p *program, c *cobra.Command) *flags {
	f := flagsOf(c)
	f.text(&o.Account, "account-id ACCOUNT", "account to change, by its id or its name", required, completedBy(p.storeAccounts(&o.database)))
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	f.group(ownFlags)
	return f
}

// findAccount finds the account that a person means by an id or a name, in the store or among those
// that are to come. An empty word means the only account that there is.
func findAccount(ctx context.Context, op *directory.Operator, word string, coming ...directory.AccountRow) (bulk.NamedAccount, error) {
	if bulk.IsAccountID(word) {
		return bulk.NamedAccount{ID: word}, nil
	}
	search, seen := bulk.NewSearch(word), make(map[string]bool)
	see := func(a api.Account) {
		if !seen[a.AccountId] {
			seen[a.AccountId] = true
			search.See(bulk.NamedAccount{ID: a.AccountId, Name: a.Name})
		}
	}
	for a, err := range op.Accounts(ctx, "") {
		if err != nil {
			return bulk.NamedAccount{}, err
		}
		see(a)
	}
	for _, row := range coming {
		see(row.Account)
	}
	found, err := search.Found()
	return found, ofAccountFlag(word, err)
}

// ofAccountFlag says of an error about an account that it is about the flag, or that the flag is
// missing where its word is empty.
func ofAccountFlag(word string, err error) error {
	switch {
	case err == nil:
		return nil
	case word == "":
		return fmt.Errorf("--account-id is missing: %w", err)
	}
	return fmt.Errorf("--account-id: %w", err)
}

// changeAccount has fn change an account and prints what it is then.
func (p *program) changeAccount(ctx context.Context, o accountOptions, operation string, fn func(ctx context.Context, op *directory.Operator, account string) (api.Account, error)) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		named, err := findAccount(ctx, op, o.Account)
		if err != nil {
			return err
		}
		account, err := fn(ctx, op, named.ID)
		if err != nil {
			return err
		}
		return p.printOutput(o.Format, operation, api.AppendOutput(nil, &api.GetAccountOutput{Account: &account}))
	})
}

// changeUser has fn change a user and prints what the user is then.
func (p *program) changeUser(ctx context.Context, o accountOptions, operation string, fn func(ctx context.Context, op *directory.Operator, account string) (api.User, error)) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		named, err := findAccount(ctx, op, o.Account)
		if err != nil {
			return err
		}
		user, err := fn(ctx, op, named.ID)
		if err != nil {
			return err
		}
		return p.printOutput(o.Format, operation, api.AppendOutput(nil, &api.GetUserOutput{User: &user}))
	})
}
