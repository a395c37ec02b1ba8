package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// findAccount returns an account of the caller. One that belongs to somebody else is reported
// like one that does not exist, so that nobody learns of it.
func findAccount(tx store.ReadTx, caller Caller, accountID string) (store.Account, error) {
	a, err := tx.Account(caller.AWSAccountID, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return a, api.Errorf(api.NotFoundException, "Account %.64s was not found", accountID)
	}
	return a, err
}

// account returns the account that is to be changed, with its users or in itself. A suspended
// one can only be read.
func (c *change) account(accountID string) (store.Account, error) {
	a, err := findAccount(c, c.caller, accountID)
	if err == nil && a.Status != string(api.AccountStatusActive) {
		err = api.Errorf(api.ForbiddenException, "Account %s is %s: it can be read but not changed",
			a.AccountID, strings.ToLower(a.Status))
	}
	return a, err
}

// CreateAccount makes an active Team account; the other types come about by what an operator
// connects to it. Names need not be unique.
func (s *Service) CreateAccount(ctx context.Context, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	var out *api.CreateAccountOutput
	err := s.update(ctx, "CreateAccount", func(c *change) error {
		a := store.Account{
			AWSAccountID:      c.caller.AWSAccountID,
			AccountID:         c.newID(),
			Name:              in.Name,
			Type:              string(api.AccountTypeTeam),
			Status:            string(api.AccountStatusActive),
			DefaultLicense:    string(api.LicensePro),
			SupportedLicenses: []string{string(api.LicenseBasic), string(api.LicensePro)},
			Created:           c.now,
		}
		if err := c.InsertAccount(&a); err != nil {
			return err
		}
		c.record(a.AccountID, a.AccountID, nil, accountFields(a))
		out = &api.CreateAccountOutput{Account: new(showAccount(a))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetAccount returns one account.
func (s *Service) GetAccount(ctx context.Context, in *api.GetAccountInput) (*api.GetAccountOutput, error) {
	var out *api.GetAccountOutput
	err := s.view(ctx, func(tx store.ReadTx, caller Caller) error {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return err
		}
		out = &api.GetAccountOutput{Account: new(showAccount(a))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListAccounts pages through the caller's accounts: those whose name begins with Name and that
// have UserEmail among their users, invited ones included.
func (s *Service) ListAccounts(ctx context.Context, in *api.ListAccountsInput) (*api.ListAccountsOutput, error) {
	var out *api.ListAccountsOutput
	err := s.view(ctx, func(tx store.ReadTx, caller Caller) error {
		filter := store.AccountFilter{NamePrefix: orEmpty(in.Name)}
		list := s.listing("ListAccounts", caller.AWSAccountID, filter.NamePrefix, store.EmailKey(orEmpty(in.UserEmail)))
		after, err := list.after(in.NextToken)
		if err != nil {
			return err
		}
		if in.UserEmail != nil {
			holders, err := tx.Addresses([]string{*in.UserEmail})
			if err != nil {
				return err
			}
			filter.AccountIDs = []string{}
			for _, h := range holders {
				filter.AccountIDs = append(filter.AccountIDs, h.AccountID)
			}
		}
		limit := pageSize(in.MaxResults)
		accounts, err := tx.Accounts(caller.AWSAccountID, filter, after, limit+1)
		if err != nil {
			return err
		}
		out = &api.ListAccountsOutput{Accounts: []api.Account{}}
		if len(accounts) > limit {
			accounts = accounts[:limit]
			out.NextToken = new(list.token(accounts[limit-1].Entry))
		}
		for _, a := range accounts {
			out.Accounts = append(out.Accounts, showAccount(a))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateAccount gives an account another name, or another license for users to come. Those who
// are in it keep theirs.
func (s *Service) UpdateAccount(ctx context.Context, in *api.UpdateAccountInput) (*api.UpdateAccountOutput, error) {
	var out *api.UpdateAccountOutput
	err := s.update(ctx, "UpdateAccount", func(c *change) error {
		before, err := c.account(in.AccountId)
		if err != nil {
			return err
		}
		after := before
		if in.Name != nil {
			after.Name = *in.Name
		}
		if in.DefaultLicense != "" {
			if problem := unsupported(before, in.DefaultLicense); problem != "" {
				return api.BadRequest("DefaultLicense %s", problem)
			}
			after.DefaultLicense = string(in.DefaultLicense)
		}
		if after.Name != before.Name || after.DefaultLicense != before.DefaultLicense {
			if err := c.UpdateAccount(after); err != nil {
				return err
			}
			c.record(after.AccountID, after.AccountID, accountFields(before), accountFields(after))
		}
		out = &api.UpdateAccountOutput{Account: new(showAccount(after))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteAccount takes an account that nobody is in, and that holds no domain, out of all lists.
func (s *Service) DeleteAccount(ctx context.Context, in *api.DeleteAccountInput) (*api.DeleteAccountOutput, error) {
	err := s.update(ctx, "DeleteAccount", func(c *change) error {
		a, err := c.account(in.AccountId)
		if err != nil {
			return err
		}
		occupied, err := c.HasUsers(a.AccountID)
		if err != nil {
			return err
		}
		if occupied {
			return api.Errorf(api.UnprocessableEntityException,
				"Account %s still has users: remove them first, those who are only invited too", a.AccountID)
		}
		domains, err := c.Domains(a.AccountID)
		if err != nil {
			return err
		}
		if len(domains) > 0 {
			return api.Errorf(api.UnprocessableEntityException,
				"Account %s still has the domain %s: release it first", a.AccountID, domains[0].Name)
		}
		if err := c.DeleteAccount(a.AWSAccountID, a.AccountID, c.now); err != nil {
			return err
		}
		c.record(a.AccountID, a.AccountID, accountFields(a), nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccountOutput{}, nil
}

// unsupported says why a license is not to be had in an account; nothing if it is.
func unsupported(a store.Account, license api.License) string {
	if slices.Contains(a.SupportedLicenses, string(license)) {
		return ""
	}
	names := "none"
	if len(a.SupportedLicenses) > 0 {
		names = strings.Join(a.SupportedLicenses, ", ")
	}
	return string(license) + " is not supported by the account, which has " + names
}

func showAccount(a store.Account) api.Account {
	out := api.Account{
		AwsAccountId:     a.AWSAccountID,
		AccountId:        a.AccountID,
		Name:             a.Name,
		AccountType:      api.AccountType(a.Type),
		CreatedTimestamp: a.Created,
		DefaultLicense:   api.License(a.DefaultLicense),
		AccountStatus:    api.AccountStatus(a.Status),
	}
	// In the order of the model, however they were given.
	for _, l := range []api.License{api.LicenseBasic, api.LicensePlus, api.LicensePro, api.LicenseProTrial} {
		if slices.Contains(a.SupportedLicenses, string(l)) {
			out.SupportedLicenses = append(out.SupportedLicenses, l)
		}
	}
	for _, name := range a.SigninDelegateGroups {
		out.SigninDelegateGroups = append(out.SigninDelegateGroups, api.SigninDelegateGroup{GroupName: new(name)})
	}
	return out
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
