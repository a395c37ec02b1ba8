package directory

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/store"
)

// findAccount returns an account of the caller. An account of somebody else is reported as one that
// does not exist, so that nobody learns of it.
func findAccount(tx store.ReadTx, caller Caller, accountID string) (store.Account, error) {
	a, err := tx.Account(caller.AWSAccountID, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return a, noAccount(accountID)
	}
	return a, err
}

// accountUsers returns an account of the caller that is about to be changed, and its users with
// some ids.
func (c *change) accountUsers(accountID string, userIDs []string) (store.Account, []store.User, error) {
	a, users, err := c.AccountUsers(c.caller.AWSAccountID, accountID, userIDs)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = noAccount(accountID)
	case err == nil:
		err = active(a)
	}
	return a, users, err
}

func noAccount(accountID string) error {
	return api.Errorf(api.NotFoundException, "Account %.64s was not found", accountID)
}

// activeAccount returns an account that is about to be changed, in itself or in its users.
func activeAccount(tx store.ReadTx, caller Caller, accountID string) (store.Account, error) {
	a, err := findAccount(tx, caller, accountID)
	if err == nil {
		err = active(a)
	}
	return a, err
}

// active refuses a suspended account, which can only be read.
func active(a store.Account) error {
	if refused := ruledAccount(a).Change(); refused != nil {
		return exception(refused)
	}
	return nil
}

// enterprise refuses a Team account, which does not have such things. One that was an Enterprise
// account keeps them, unseen, until it is one again.
func enterprise(a store.Account, things string) error {
	if a.Type == string(api.AccountTypeTeam) {
		return api.BadRequest("Only an Enterprise account has %s, account %s is of type %s", things, a.AccountID, a.Type)
	}
	return nil
}

// ruledAccount is what the rules look at of an account.
func ruledAccount(a store.Account) rules.Account {
	return rules.Account{ID: a.AccountID, Type: a.Type, Status: a.Status, Licenses: a.SupportedLicenses}
}

func (c *change) account(accountID string) (store.Account, error) {
	return activeAccount(c, c.caller, accountID)
}

// saveAccount writes and records how an account has changed, if it has.
func (c *change) saveAccount(before, after store.Account) error {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	c.record(after, after.AccountID, accountFields(before), accountFields(after))
	return c.UpdateAccount(after)
}

// createAccount adds an active account.
func (c *change) createAccount(awsAccountID, name string, accountType api.AccountType) (store.Account, error) {
	a := store.Account{
		AWSAccountID:      awsAccountID,
		AccountID:         c.newID(),
		Name:              name,
		Type:              string(accountType),
		Status:            string(api.AccountStatusActive),
		DefaultLicense:    string(api.LicensePro),
		SupportedLicenses: []string{string(api.LicenseBasic), string(api.LicensePro)},
		Created:           c.now,
	}
	if err := c.InsertAccount(&a); err != nil {
		return a, err
	}
	c.record(a, a.AccountID, nil, accountFields(a))
	return a, nil
}

// CreateAccount makes an active Team account; only an operator can make the other types. Names need
// not be unique.
func (s *Service) CreateAccount(ctx context.Context, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	return write(ctx, s, opCreateAccount, func(c *change) (*api.CreateAccountOutput, error) {
		a, err := c.createAccount(c.caller.AWSAccountID, in.Name, api.AccountTypeTeam)
		if err != nil {
			return nil, err
		}
		return &api.CreateAccountOutput{Account: new(showAccount(a))}, nil
	})
}

// GetAccount returns one account.
func (s *Service) GetAccount(ctx context.Context, in *api.GetAccountInput) (*api.GetAccountOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetAccountOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		return &api.GetAccountOutput{Account: new(showAccount(a))}, nil
	})
}

// ListAccounts pages through the caller's accounts whose name begins with Name and that have
// UserEmail among their users, invited ones included. Its pages are like those of ListUsers.
func (s *Service) ListAccounts(ctx context.Context, in *api.ListAccountsInput) (*api.ListAccountsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListAccountsOutput, error) {
		filter := store.AccountFilter{NamePrefix: orEmpty(in.Name)}
		list := s.listing("ListAccounts", caller.AWSAccountID, filter.NamePrefix, address.Key(orEmpty(in.UserEmail)))
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		if in.UserEmail != nil {
			holders, err := tx.Addresses([]string{*in.UserEmail})
			if err != nil {
				return nil, err
			}
			filter.AccountIDs = []string{}
			for _, h := range holders {
				filter.AccountIDs = append(filter.AccountIDs, h.AccountID)
			}
		}
		accounts, next, err := tx.Accounts(caller.AWSAccountID, filter, after, pageSize(in.MaxResults, userPage))
		if err != nil {
			return nil, err
		}
		out := &api.ListAccountsOutput{Accounts: []api.Account{}, NextToken: list.token(next)}
		for _, a := range accounts {
			out.Accounts = append(out.Accounts, showAccount(a))
		}
		return out, nil
	})
}

// UpdateAccount changes the name of an account, or the license of future users. Present users keep
// theirs.
func (s *Service) UpdateAccount(ctx context.Context, in *api.UpdateAccountInput) (*api.UpdateAccountOutput, error) {
	return write(ctx, s, opUpdateAccount, func(c *change) (*api.UpdateAccountOutput, error) {
		before, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		after := before
		if in.Name != nil {
			after.Name = *in.Name
		}
		if in.DefaultLicense != "" {
			if problem := ruledAccount(before).Unsupported(string(in.DefaultLicense)); problem != "" {
				return nil, api.BadRequest("DefaultLicense %s", problem)
			}
			after.DefaultLicense = string(in.DefaultLicense)
		}
		return &api.UpdateAccountOutput{Account: new(showAccount(after))}, c.saveAccount(before, after)
	})
}

// DeleteAccount deletes an account without users and domains.
func (s *Service) DeleteAccount(ctx context.Context, in *api.DeleteAccountInput) (*api.DeleteAccountOutput, error) {
	return write(ctx, s, opDeleteAccount, func(c *change) (*api.DeleteAccountOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		occupied, err := c.HasUsers(a.AccountID)
		if err != nil {
			return nil, err
		}
		if occupied {
			return nil, api.Errorf(api.UnprocessableEntityException,
				"Account %s still has users: remove them first, including those who are only invited", a.AccountID)
		}
		domains, err := c.Domains(a.AccountID)
		if err != nil {
			return nil, err
		}
		if len(domains) > 0 {
			return nil, api.Errorf(api.UnprocessableEntityException,
				"Account %s still has the domain %s: release it first", a.AccountID, domains[0].Name)
		}
		if err := c.DeleteAccount(a.AWSAccountID, a.AccountID, c.now); err != nil {
			return nil, err
		}
		c.record(a, a.AccountID, accountFields(a), nil)
		return &api.DeleteAccountOutput{}, nil
	})
}

// AssociateSigninDelegateGroupsWithAccount adds directory groups whose members may sign shared
// devices in. Groups that are already associated keep their places.
func (s *Service) AssociateSigninDelegateGroupsWithAccount(ctx context.Context, in *api.AssociateSigninDelegateGroupsWithAccountInput) (*api.AssociateSigninDelegateGroupsWithAccountOutput, error) {
	return write(ctx, s, opAssociateSigninDelegateGroupsWithAccount, func(c *change) (*api.AssociateSigninDelegateGroupsWithAccountOutput, error) {
		return &api.AssociateSigninDelegateGroupsWithAccountOutput{}, c.changeGroups(in.AccountId, func(groups []string) ([]string, error) {
			for i, g := range in.SigninDelegateGroups {
				if g.GroupName == nil {
					return nil, api.BadRequest("SigninDelegateGroups[%d].GroupName is required", i)
				}
				if !slices.Contains(groups, *g.GroupName) {
					groups = append(groups, *g.GroupName)
				}
			}
			return groups, nil
		})
	})
}

// DisassociateSigninDelegateGroupsFromAccount removes such groups: all that are named, or none if
// one of them is not associated.
func (s *Service) DisassociateSigninDelegateGroupsFromAccount(ctx context.Context, in *api.DisassociateSigninDelegateGroupsFromAccountInput) (*api.DisassociateSigninDelegateGroupsFromAccountOutput, error) {
	return write(ctx, s, opDisassociateSigninDelegateGroupsFromAccount, func(c *change) (*api.DisassociateSigninDelegateGroupsFromAccountOutput, error) {
		return &api.DisassociateSigninDelegateGroupsFromAccountOutput{}, c.changeGroups(in.AccountId, func(groups []string) ([]string, error) {
			for i, name := range in.GroupNames {
				if !slices.Contains(groups, name) {
					return nil, api.Errorf(api.NotFoundException, "GroupNames[%d] is %.64q, which is not associated with the account", i, name)
				}
			}
			return slices.DeleteFunc(groups, func(name string) bool { return slices.Contains(in.GroupNames, name) }), nil
		})
	})
}

// changeGroups replaces the delegate groups of an account by what fn makes of a copy of them.
func (c *change) changeGroups(accountID string, fn func([]string) ([]string, error)) error {
	before, err := c.account(accountID)
	if err != nil {
		return err
	}
	if before.Type != string(api.AccountTypeEnterpriseDirectory) {
		return api.BadRequest("Only an account of type EnterpriseDirectory has sign-in delegate groups, this one is of type %s", before.Type)
	}
	after := before
	if after.SigninDelegateGroups, err = fn(slices.Clone(before.SigninDelegateGroups)); err != nil {
		return err
	}
	return c.saveAccount(before, after)
}

// allLicenses lists the licenses in the order of the contract.
func allLicenses() []api.License {
	return []api.License{api.LicenseBasic, api.LicensePlus, api.LicensePro, api.LicenseProTrial}
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
	// In the order of the contract, not in the order in which they were given.
	for _, l := range allLicenses() {
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
