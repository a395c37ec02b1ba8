package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Operator does what the API cannot, in any AWS account: it makes accounts of all types, claims
// domains, signs people in, imports directories and reads the audit trail. It may work on the store
// of a running service, for which changes take effect with the next request.
//
// Accounts are named by their ids alone. To ask for what is already so changes nothing and is no
// error. A request that breaks a rule gives an *api.Error, whose Message may be shown to people;
// all other errors are those of the store.
type Operator struct {
	store   store.Store
	options Options
}

// NewOperator returns the operator of a store, whose name is Options.Operator.
func NewOperator(st store.Store, options Options) *Operator {
	return &Operator{st, options.orDefault()}
}

// operatorName is the key name, in the audit trail, of what is not done through the API.
const operatorName = "operator"

// operator returns the caller of what an operator changes.
func (o Options) operator() Caller {
	name := operatorName
	if o.Operator != "" {
		name += "/" + o.Operator
	}
	return Caller{KeyName: name, RequestID: o.NewID()}
}

func (o *Operator) update(ctx context.Context, op operation, fn func(*change) error) error {
	return update(ctx, o.store, o.options, o.options.operator(), op, fn)
}

// anyAccount returns an account of any AWS account.
func anyAccount(tx store.ReadTx, accountID string) (store.Account, error) {
	a, err := tx.FindAccount(accountID)
	if errors.Is(err, store.ErrNotFound) {
		return a, noAccount(accountID)
	}
	return a, err
}

// changeAccount lets fn change an account, and keeps the result.
func (o *Operator) changeAccount(ctx context.Context, op operation, accountID string, fn func(*change, *store.Account) error) (api.Account, error) {
	var out api.Account
	err := o.update(ctx, op, func(c *change) error {
		before, err := anyAccount(c, accountID)
		if err != nil {
			return err
		}
		after := before
		if err := fn(c, &after); err != nil {
			return err
		}
		out = showAccount(after)
		return c.saveAccount(before, after)
	})
	return out, err
}

// maxAccountName is the length of the name of an account, in characters.
const maxAccountName = 100

// CreateAccount makes an active account of any type, with the licenses of a new Team account. An
// Enterprise account must claim a domain before it can have members.
func (o *Operator) CreateAccount(ctx context.Context, awsAccountID, name string, accountType api.AccountType) (api.Account, error) {
	switch {
	case !isAWSAccountID(awsAccountID):
		return api.Account{}, api.BadRequest("The AWS account id %.64q must be 12 digits", awsAccountID)
	case badAccountName(name) != "":
		return api.Account{}, api.BadRequest("The name of an account must have 1 to %d characters, not all of them blank and none a line break", maxAccountName)
	}
	switch accountType {
	case api.AccountTypeTeam, api.AccountTypeEnterpriseLWA, api.AccountTypeEnterpriseDirectory, api.AccountTypeEnterpriseOIDC:
	default:
		return api.Account{}, api.BadRequest("The type of an account must be %s, %s, %s or %s, not %.64q", api.AccountTypeTeam,
			api.AccountTypeEnterpriseLWA, api.AccountTypeEnterpriseDirectory, api.AccountTypeEnterpriseOIDC, accountType)
	}
	var out api.Account
	err := o.update(ctx, opCreateAccount, func(c *change) error {
		a, err := c.createAccount(awsAccountID, name, accountType)
		out = showAccount(a)
		return err
	})
	return out, err
}

// SetLicenses sets the licenses that an account supports. The default license must be among them.
// Members who have another license keep it.
func (o *Operator) SetLicenses(ctx context.Context, accountID string, licenses []api.License) (api.Account, error) {
	for _, l := range licenses {
		if !slices.Contains(allLicenses(), l) {
			return api.Account{}, api.BadRequest("There is no license %.64q: use %s", l, joined(allLicenses()))
		}
	}
	return o.changeAccount(ctx, opSetLicenses, accountID, func(_ *change, a *store.Account) error {
		if err := active(*a); err != nil {
			return err
		}
		if !slices.Contains(licenses, api.License(a.DefaultLicense)) {
			return api.BadRequest("The account's default license %s must be among its licenses: "+
				"keep it, or give the account another default first", a.DefaultLicense)
		}
		a.SupportedLicenses = nil
		for _, l := range allLicenses() {
			if slices.Contains(licenses, l) {
				a.SupportedLicenses = append(a.SupportedLicenses, string(l))
			}
		}
		return nil
	})
}

// SuspendAccount makes an account read-only until it is resumed.
func (o *Operator) SuspendAccount(ctx context.Context, accountID string) (api.Account, error) {
	return o.changeAccount(ctx, opSuspendAccount, accountID, func(_ *change, a *store.Account) error {
		a.Status = string(api.AccountStatusSuspended)
		return nil
	})
}

// ResumeAccount ends the suspension of an account.
func (o *Operator) ResumeAccount(ctx context.Context, accountID string) (api.Account, error) {
	return o.changeAccount(ctx, opResumeAccount, accountID, func(_ *change, a *store.Account) error {
		a.Status = string(api.AccountStatusActive)
		return nil
	})
}

// ClaimDomain claims an e-mail domain, without its subdomains, for an account. It makes a Team
// account an EnterpriseLWA account. Members stay, whatever their addresses; invitations end, since
// nobody is invited to an Enterprise account.
func (o *Operator) ClaimDomain(ctx context.Context, accountID, domain string) (api.Account, error) {
	name, err := address.Domain(domain)
	if err != nil {
		return api.Account{}, api.BadRequest("%v", err)
	}
	return o.changeAccount(ctx, opClaimDomain, accountID, func(c *change, a *store.Account) error {
		if err := active(*a); err != nil {
			return err
		}
		owners, err := c.DomainOwners([]string{name})
		switch {
		case err != nil:
			return err
		case len(owners) > 0 && owners[0].AccountID == a.AccountID:
			return nil
		case len(owners) > 0:
			return api.Errorf(api.ConflictException, "Domain %s is claimed by account %s: release it there first", name, owners[0].AccountID)
		}
		d := store.Domain{Name: name, AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, Claimed: c.now}
		if err := c.InsertDomain(d); err != nil {
			return err
		}
		c.record(*a, name, nil, domainFields(d))
		if a.Type != string(api.AccountTypeTeam) {
			return nil
		}
		a.Type = string(api.AccountTypeEnterpriseLWA)
		return c.endInvitations(*a)
	})
}

// endInvitations removes the users who are only invited.
func (c *change) endInvitations(a store.Account) error {
	return c.eachPage(a, store.UserFilter{Registration: store.Unregistered}, 1000, func(users []store.User) error {
		invited := asMembers(users)
		for _, m := range invited {
			m.gone = true
		}
		return c.save(a, invited)
	})
}

// eachPage calls fn with each page of a listing of users, until fn returns an error.
func (c *change) eachPage(a store.Account, filter store.UserFilter, limit int, fn func([]store.User) error) error {
	var after store.Entry
	for {
		users, next, err := c.ListUsers(a.AccountID, filter, after, limit)
		if err == nil {
			err = fn(users)
		}
		if err != nil || next == 0 {
			return err
		}
		after = next
	}
}

// ReleaseDomain gives up an account's claim on a domain. Members keep their addresses. An
// Enterprise account that releases its last domain becomes a Team account and loses its delegate
// groups. That is refused while it has suspended users, which a Team account can neither keep nor
// unsuspend.
func (o *Operator) ReleaseDomain(ctx context.Context, accountID, domain string) (api.Account, error) {
	return o.changeAccount(ctx, opReleaseDomain, accountID, func(c *change, a *store.Account) error {
		if err := active(*a); err != nil {
			return err
		}
		domains, err := c.Domains(a.AccountID)
		if err != nil {
			return err
		}
		name, err := address.Domain(domain)
		at := slices.IndexFunc(domains, func(d store.Domain) bool { return err == nil && d.Name == name })
		if at < 0 { // a claim from an older release may not be in that form
			name = strings.ToLower(domain)
			at = slices.IndexFunc(domains, func(d store.Domain) bool { return d.Name == name })
		}
		if at < 0 {
			return api.Errorf(api.NotFoundException, "Account %s has not claimed the domain %.64q", a.AccountID, domain)
		}
		if err := c.DeleteDomain(a.AccountID, name); err != nil {
			return err
		}
		c.record(*a, name, domainFields(domains[at]), nil)
		if len(domains) > 1 || a.Type == string(api.AccountTypeTeam) {
			return nil
		}
		filter := store.UserFilter{Registration: string(api.RegistrationStatusSuspended)}
		if err := c.eachPage(*a, filter, 1, func(suspended []store.User) error {
			if len(suspended) == 0 {
				return nil
			}
			return api.Errorf(api.UnprocessableEntityException, "%s is the last domain of account %s, which has suspended users: "+
				"unsuspend them first, %s among them", name, a.AccountID, suspended[0].UserID)
		}); err != nil {
			return err
		}
		a.Type = string(api.AccountTypeTeam)
		a.SigninDelegateGroups = nil
		return nil
	})
}

func domainFields(d store.Domain) []document.Member {
	return []document.Member{{Key: "Domain", Value: d.Name}, {Key: "Claimed", Value: stampOf(d.Claimed)}}
}

// RegisterUser signs a person in and returns the resulting member. On a Team account it accepts a
// pending invitation. On an Enterprise account it signs up anybody with an address in one of its
// domains, with the default license.
//
// A person who is registered in a Team account moves from there, with display name and PIN. An
// address of a member of an Enterprise account, or in a domain that another account has claimed, is
// refused.
func (o *Operator) RegisterUser(ctx context.Context, accountID, email string) (api.User, error) {
	var out api.User
	err := o.update(ctx, opRegisterUser, func(c *change) error {
		a, err := anyAccount(c, accountID)
		if err == nil {
			err = active(a)
		}
		if err != nil {
			return err
		}
		u, err := c.register(a, email)
		out = showUser(u)
		return err
	})
	return out, err
}

// FailInvitation marks a pending invitation as failed. The person can be invited again.
func (o *Operator) FailInvitation(ctx context.Context, accountID, email string) (api.User, error) {
	var out api.User
	err := o.update(ctx, opFailInvitation, func(c *change) error {
		a, err := anyAccount(c, accountID)
		if err == nil {
			err = active(a)
		}
		if err != nil {
			return err
		}
		users, err := c.UsersByEmail(a.AccountID, []string{email})
		members := asMembers(users)
		switch {
		case err != nil:
			return err
		case len(members) == 0:
			return notInvited(a, email)
		case members[0].before.Registration != store.Unregistered:
			return api.BadRequest("%.100s has already joined, so there is no invitation to fail", email)
		}
		members[0].after.Invitation = string(api.InviteStatusFailed)
		out = showUser(members[0].after)
		return c.save(a, members)
	})
	return out, err
}

func isAWSAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

func joined[S ~string](names []S) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
