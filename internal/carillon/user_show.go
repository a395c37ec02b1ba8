package carillon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/sheet"
)

// userShowCommand declares `carillon user show`.
func (p *program) userShowCommand() *cobra.Command {
	var o userListOptions
	c := &cobra.Command{
		Use:   "show USER",
		Short: "show a user",
		Long: `Show a user: USER is an e-mail address or a user id. Without an account, the user
is looked for in all.

The command works on the data of a service, which may be running.`,
		Example: `carillon user show ana@example.com`,
		RunE:    func(c *cobra.Command, words []string) error { return p.showUser(c.Context(), o, words[0]) },
	}
	o.flags(p, c, "account of the user, by its id or its name (default any account)", formatTable, formatJSON)
	return c
}

func (p *program) showUser(ctx context.Context, o userListOptions, user string) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		var account bulk.NamedAccount
		if o.Account != "" {
			var err error
			if account, err = findAccount(ctx, op, o.Account); err != nil {
				return err
			}
		}
		users, err := op.FindUsers(ctx, account.ID, user)
		switch {
		case err != nil:
			return err
		case len(users) == 0 && o.Account != "":
			return usagef("no user of account %v is %.100s", account, sheet.Visible(user))
		case len(users) == 0:
			return usagef("no user of any account is %.100s", sheet.Visible(user))
		case len(users) > 1:
			return severalUsers(ctx, op, users, user)
		}
		return p.printOutput(o.Format, "GetUser", api.AppendOutput(nil, &api.GetUserOutput{User: &users[0]}))
	})
}

// severalUsers is the error of a user who is in several accounts.
func severalUsers(ctx context.Context, op *directory.Operator, users []api.User, user string) error {
	var in []string
	for a, err := range op.Accounts(ctx, "") {
		if err != nil {
			return err
		}
		if slices.ContainsFunc(users, func(u api.User) bool { return *u.AccountId == a.AccountId }) {
			in = append(in, bulk.NamedAccount{ID: a.AccountId, Name: a.Name}.String())
		}
	}
	const most = 10
	if n := len(in); n > most {
		in = append(in[:most], fmt.Sprintf("and %d more", n-most))
	}
	return usagef("%.100s is in %d accounts, name one by --account-id: %s", sheet.Visible(user), len(users), strings.Join(in, ", "))
}
