package directory

import (
	"context"
	"iter"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// lookPage is how many records are read at a time: a reader should not hold a snapshot for long.
const lookPage = 1000

// Accounts lists the accounts of an AWS account or, if that is empty, of all AWS accounts, each
// with its accounts in order of entry. It ends after the first error.
func (o *Operator) Accounts(ctx context.Context, awsAccountID string) iter.Seq2[api.Account, error] {
	return func(yield func(api.Account, error) bool) {
		owners, err := o.awsAccounts(ctx, awsAccountID)
		if err != nil {
			yield(api.Account{}, err)
			return
		}
		for _, owner := range owners {
			next := func(tx store.ReadTx, after store.Entry) ([]store.Account, store.Entry, error) {
				return tx.Accounts(owner, store.AccountFilter{}, after, lookPage)
			}
			for a, err := range pages(ctx, o.store, next) {
				if !yield(showAccount(a), err) || err != nil {
					return
				}
			}
		}
	}
}

// Users lists the users of an account in order of entry, those who are invited or suspended, too.
// The rows have no personal PIN. It ends after the first error.
func (o *Operator) Users(ctx context.Context, accountID string) iter.Seq2[api.User, error] {
	next := func(tx store.ReadTx, after store.Entry) ([]store.User, store.Entry, error) {
		a, err := anyAccount(tx, accountID)
		if err != nil {
			return nil, 0, err
		}
		return tx.ListUsers(a.AccountID, store.UserFilter{}, after, lookPage)
	}
	return func(yield func(api.User, error) bool) {
		for u, err := range pages(ctx, o.store, next) {
			row := showUser(u)
			row.PersonalPIN = nil
			if !yield(row, err) {
				return
			}
		}
	}
}

// pages walks a listing, each page on a snapshot of its own. It ends after the first error.
func pages[T any](ctx context.Context, st store.Store, next func(tx store.ReadTx, after store.Entry) ([]T, store.Entry, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after store.Entry
		for {
			var page []T
			err := st.View(ctx, func(tx store.ReadTx) (err error) {
				page, after, err = next(tx, after)
				return err
			})
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if after == 0 {
				return
			}
		}
	}
}

// FindUsers returns the users with an id or, with an @, an address: of one account or, if that is
// empty, of all.
func (o *Operator) FindUsers(ctx context.Context, accountID, user string) ([]api.User, error) {
	var accounts []string
	switch {
	case accountID != "":
		accounts = []string{accountID}
	case !strings.Contains(user, "@"):
		for a, err := range o.Accounts(ctx, "") {
			if err != nil {
				return nil, err
			}
			accounts = append(accounts, a.AccountId)
		}
	}
	var found []api.User
	err := o.store.View(ctx, func(tx store.ReadTx) error {
		found = nil
		in := accounts
		if accountID != "" {
			if _, err := anyAccount(tx, accountID); err != nil {
				return err
			}
		} else if strings.Contains(user, "@") {
			holders, err := tx.Addresses([]string{user})
			if err != nil {
				return err
			}
			for _, h := range holders {
				in = append(in, h.AccountID)
			}
		}
		for _, id := range in {
			users, err := usersNamed(tx, id, user)
			if err != nil {
				return err
			}
			for _, u := range users {
				found = append(found, showUser(u))
			}
		}
		return nil
	})
	return found, err
}

func usersNamed(tx store.ReadTx, accountID, user string) ([]store.User, error) {
	if strings.Contains(user, "@") {
		return tx.UsersByEmail(accountID, []string{user})
	}
	return tx.Users(accountID, []string{user})
}
