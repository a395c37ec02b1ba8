package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// InviteUsers invites people to a Team account, which lists them at once. No mail is sent, and
// none is reported as sent.
func (s *Service) InviteUsers(ctx context.Context, in *api.InviteUsersInput) (*api.InviteUsersOutput, error) {
	addresses := make([]address.Address, len(in.UserEmailList))
	for i, email := range in.UserEmailList {
		var err error
		if addresses[i], err = parseAddress(fmt.Sprintf("UserEmailList[%d]", i), email); err != nil {
			return nil, err
		}
	}
	return write(ctx, s, opInviteUsers, func(c *change) (*api.InviteUsersOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		if refused := ruledAccount(a).Invite(); refused != nil {
			return nil, exception(refused)
		}
		userType := in.UserType
		if userType == "" {
			userType = api.UserTypePrivateUser
		}
		refused := func(to address.Address) bool {
			return s.options.Refuse(ctx, Item{opInviteUsers.name, a.AccountID, to.Text, to.Text}) != nil
		}
		invites, err := c.invite(a, addresses, userType, refused)
		if err != nil {
			return nil, err
		}
		for i, email := range in.UserEmailList {
			invites[i].EmailAddress = new(email)
		}
		return &api.InviteUsersOutput{Invites: invites}, nil
	})
}

// invite invites people and returns the invitations in the same order, without the addresses. Those
// who are refused are not invited.
func (c *change) invite(a store.Account, addresses []address.Address, userType api.UserType, refused func(address.Address) bool) ([]api.Invite, error) {
	users, err := c.UsersByEmail(a.AccountID, texts(addresses))
	if err != nil {
		return nil, err
	}
	barred, err := c.barred(a, addresses...)
	if err != nil {
		return nil, err
	}
	members := asMembers(users)
	byKey := make(map[string]*member, len(members))
	for _, m := range members {
		byKey[address.Key(m.before.Email)] = m
	}

	var joining []store.User
	invites := make([]api.Invite, 0, len(addresses))
	earlier := make(map[string]api.Invite)
	for _, to := range addresses {
		key := to.Key
		invite, repeated := earlier[key]
		if !repeated {
			m := byKey[key]
			switch {
			case m != nil && m.before.Registration != store.Unregistered:
				invite = api.Invite{InviteId: orNil(m.before.InviteID), Status: api.InviteStatusAccepted}
			case barred[key] || refused(to):
				invite = api.Invite{InviteId: new(c.newID()), Status: api.InviteStatusFailed}
				if m != nil { // an earlier invitation, which is no longer possible
					m.after.Invitation = string(api.InviteStatusFailed)
					invite.InviteId = new(m.before.InviteID)
				}
			case m == nil:
				invite = api.Invite{InviteId: new(c.newID()), Status: api.InviteStatusPending}
				joining = append(joining, store.User{
					AccountID:    a.AccountID,
					UserID:       c.newID(),
					Email:        to.Text,
					License:      a.DefaultLicense,
					Type:         string(userType),
					Registration: store.Unregistered,
					Invitation:   string(api.InviteStatusPending),
					InviteID:     *invite.InviteId,
					InvitedOn:    c.now,
				})
			default:
				if m.before.Invitation != string(api.InviteStatusPending) { // it had failed
					m.after.Invitation = string(api.InviteStatusPending)
					m.after.InviteID = c.newID()
					m.after.InvitedOn = c.now
				}
				invite = api.Invite{InviteId: new(m.after.InviteID), Status: api.InviteStatusPending}
			}
			invite.EmailStatus = api.EmailStatusNotSent
			earlier[key] = invite
		}
		invites = append(invites, invite)
	}

	if err := c.save(a, members); err != nil || len(joining) == 0 {
		return invites, err
	}
	return invites, c.insert(a, joining...)
}

// barred returns the keys of the addresses that cannot join a Team account, because another account
// has claimed their domain, or they are those of members of an Enterprise account or of bots. A
// member of another Team account can join, and moves by accepting the invitation.
func (c *change) barred(a store.Account, addresses ...address.Address) (map[string]bool, error) {
	domains := make([]string, len(addresses))
	for i, of := range addresses {
		domains[i] = of.Domain
	}
	owners, err := c.DomainOwners(domains)
	if err != nil {
		return nil, err
	}
	claimed := make(map[string]bool)
	for _, d := range owners {
		claimed[d.Name] = d.AccountID != a.AccountID
	}
	barred := make(map[string]bool)
	for _, of := range addresses {
		if claimed[of.Domain] {
			barred[of.Key] = true
		}
	}

	holders, err := c.Addresses(texts(addresses))
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		if !h.Registered || barred[h.Email] {
			continue
		}
		home, err := c.FindAccount(h.AccountID)
		if err != nil {
			return nil, err
		}
		barred[h.Email] = home.Type != string(api.AccountTypeTeam)
	}
	bots, err := c.BotEmails(texts(addresses))
	for _, key := range bots {
		barred[key] = true
	}
	return barred, err
}

// parseAddress reads the address in a member of a request. The error says nothing of what it holds,
// since it may get into a log.
func parseAddress(member, email string) (address.Address, error) {
	a, err := address.Parse(email)
	if bad, ok := errors.AsType[*address.Error](err); ok {
		err = api.BadRequest("%s is not an e-mail address: %s", member, bad.Problem)
	}
	return a, err
}

func texts(addresses []address.Address) []string {
	all := make([]string, len(addresses))
	for i, a := range addresses {
		all[i] = a.Text
	}
	return all
}
