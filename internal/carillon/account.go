package carillon

import (
	"context"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// What is done to accounts, to their domains and to the users in them.

// changeAccount has fn change an account and prints what it is then.
func (c *storeCommand) changeAccount(ctx context.Context, operation string, fn func(*directory.Operator) (api.Account, error)) error {
	return c.do(ctx, func(st store.Store) error {
		account, err := fn(operator(st))
		if err != nil {
			return err
		}
		return c.printOutput(operation, api.AppendOutput(nil, &api.GetAccountOutput{Account: &account}))
	})
}

// accountCreate is `carillon account create`.
func (p *program) accountCreate(ctx context.Context, args []string) error {
	c := p.onStore("account create", "makes an account of any type, and prints it.\n\n"+
		"An Enterprise account can have users once it has claimed a domain: see carillon domain claim.", "json", "table")
	name := c.require("name", "`NAME` of the account, 1 to 100 characters")
	kind := c.require("type", "`TYPE` of the account: Team, EnterpriseLWA, EnterpriseDirectory or EnterpriseOIDC")
	owner := c.String("aws-account-id", "", awsAccountUsage)
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		id, err := awsAccount(ctx, st, *owner)
		if err != nil {
			return err
		}
		account, err := operator(st).CreateAccount(ctx, id, *name, api.AccountType(*kind))
		if err != nil {
			return err
		}
		return c.printOutput("CreateAccount", api.AppendOutput(nil, &api.CreateAccountOutput{Account: &account}))
	})
}

// accountSetLicenses is `carillon account set-licenses`.
func (p *program) accountSetLicenses(ctx context.Context, args []string) error {
	c := p.onStore("account set-licenses", "says which licenses an account supports: Basic, Plus, Pro, ProTrial.\n\n"+
		"The account's default license must be among them. Users who have another one keep it.", "json", "table")
	c.takes = "LICENSE ..."
	id := c.accountID()
	if err := c.parse(args); err != nil {
		return err
	}
	var licenses []api.License
	for _, word := range c.words {
		licenses = append(licenses, api.License(word))
	}
	return c.changeAccount(ctx, "SetLicenses", func(o *directory.Operator) (api.Account, error) {
		return o.SetLicenses(ctx, *id, licenses)
	})
}

// accountSuspend is `carillon account suspend`.
func (p *program) accountSuspend(ctx context.Context, args []string) error {
	c := p.onStore("account suspend", "makes an account read-only until it is resumed.", "json", "table")
	id := c.accountID()
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeAccount(ctx, "SuspendAccount", func(o *directory.Operator) (api.Account, error) {
		return o.SuspendAccount(ctx, *id)
	})
}

// accountResume is `carillon account resume`.
func (p *program) accountResume(ctx context.Context, args []string) error {
	c := p.onStore("account resume", "ends the suspension of an account.", "json", "table")
	id := c.accountID()
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeAccount(ctx, "ResumeAccount", func(o *directory.Operator) (api.Account, error) {
		return o.ResumeAccount(ctx, *id)
	})
}

// domainClaim is `carillon domain claim`.
func (p *program) domainClaim(ctx context.Context, args []string) error {
	c := p.onStore("domain claim", "claims an e-mail domain for an account, its subdomains not included.\n\n"+
		"A Team account becomes an EnterpriseLWA account by it: its users stay, its pending invitations end.", "json", "table")
	c.takes = "DOMAIN"
	id := c.accountID()
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeAccount(ctx, "ClaimDomain", func(o *directory.Operator) (api.Account, error) {
		return o.ClaimDomain(ctx, *id, c.words[0])
	})
}

// domainRelease is `carillon domain release`.
func (p *program) domainRelease(ctx context.Context, args []string) error {
	c := p.onStore("domain release", "gives up an account's claim on an e-mail domain.\n\n"+
		"With the last one an Enterprise account becomes a Team account, which is refused while it has\n"+
		"suspended users.", "json", "table")
	c.takes = "DOMAIN"
	id := c.accountID()
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeAccount(ctx, "ReleaseDomain", func(o *directory.Operator) (api.Account, error) {
		return o.ReleaseDomain(ctx, *id, c.words[0])
	})
}

// changeUser has fn change a user and prints what the user is then.
func (c *storeCommand) changeUser(ctx context.Context, operation string, fn func(*directory.Operator) (api.User, error)) error {
	return c.do(ctx, func(st store.Store) error {
		user, err := fn(operator(st))
		if err != nil {
			return err
		}
		return c.printOutput(operation, api.AppendOutput(nil, &api.GetUserOutput{User: &user}))
	})
}

// userRegister is `carillon user register`.
func (p *program) userRegister(ctx context.Context, args []string) error {
	c := p.onStore("user register", "signs a user in to an account, and prints who that is then.\n\n"+
		"In a Team account this accepts an invitation. In an Enterprise account anybody with an address in a\n"+
		"claimed domain signs up this way. Who is registered in a Team account moves from there.", "json", "table")
	id := c.accountID()
	email := c.require("email", "`ADDRESS` of the user")
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeUser(ctx, "RegisterUser", func(o *directory.Operator) (api.User, error) {
		return o.RegisterUser(ctx, *id, *email)
	})
}

// userFailInvitation is `carillon user fail-invitation`.
func (p *program) userFailInvitation(ctx context.Context, args []string) error {
	c := p.onStore("user fail-invitation", "marks a pending invitation as failed, as when mail cannot be delivered.\n\n"+
		"The address can be invited again.", "json", "table")
	id := c.accountID()
	email := c.require("email", "`ADDRESS` that was invited")
	if err := c.parse(args); err != nil {
		return err
	}
	return c.changeUser(ctx, "FailInvitation", func(o *directory.Operator) (api.User, error) {
		return o.FailInvitation(ctx, *id, *email)
	})
}
