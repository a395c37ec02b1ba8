package directory

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// register makes the person with an address a registered member of an account.
func (c *change) register(a store.Account, email string) (store.User, error) {
	users, err := c.UsersByEmail(a.AccountID, []string{email})
	if err != nil {
		return store.User{}, err
	}
	here := asMembers(users)
	var invited *member
	if len(here) > 0 {
		invited = here[0]
		switch u := invited.before; api.RegistrationStatus(u.Registration) {
		case api.RegistrationStatusRegistered:
			return u, nil
		case api.RegistrationStatusSuspended:
			return u, api.Errorf(api.ForbiddenException, "%.100s is suspended in account %s: unsuspend that user instead", email, a.AccountID)
		}
	}
	to, err := address.Parse(email)
	if err != nil {
		return store.User{}, api.BadRequest("%v", err)
	}
	if err := c.mayJoin(a, invited, to); err != nil {
		return store.User{}, err
	}

	if invited == nil {
		u, err := c.join(c.newMember(a, to))
		if err != nil {
			return u, err
		}
		return u, c.insert(a, u)
	}
	u, err := c.join(invited.before)
	if err != nil {
		return u, err
	}
	u.Invitation = string(api.InviteStatusAccepted)
	invited.after = u
	return u, c.save(a, here)
}

// mayJoin checks that nothing keeps a person from joining an account. A Team account needs an
// invitation, any other an address in its domains, and no account takes a member of another
// organization.
func (c *change) mayJoin(a store.Account, invited *member, to address.Address) error {
	if a.Type != string(api.AccountTypeTeam) {
		if err := c.claimed(a, to); err != nil {
			return err
		}
	} else if invited == nil {
		return notInvited(a, to.Text)
	} else if invited.before.Invitation != string(api.InviteStatusPending) {
		return api.BadRequest("The invitation of %.100s has failed: invite that address again", to.Text)
	}
	barred, err := c.barred(a, to)
	if err == nil && barred[to.Key] {
		err = api.Errorf(api.ConflictException, "%.100s belongs to another organization: "+
			"the user is a member of an Enterprise account, or a bot has the address, or another account has claimed the domain", to.Text)
	}
	return err
}

// newMember returns a private user with the default license, not registered yet.
func (c *change) newMember(a store.Account, of address.Address) store.User {
	return store.User{
		AccountID: a.AccountID,
		UserID:    c.newID(),
		Email:     of.Text,
		License:   a.DefaultLicense,
		Type:      string(api.UserTypePrivateUser),
	}
}

// join makes a user a registered one. A user who is registered in another account leaves it, and
// keeps the display name and the PIN, which planned meetings use.
func (c *change) join(u store.User) (store.User, error) {
	u.Registration = string(api.RegistrationStatusRegistered)
	u.RegisteredOn = c.now
	former, home, err := c.holder(u.Email)
	if err != nil {
		return u, err
	}
	if former.UserID != "" {
		u.DisplayName, u.PersonalPIN = former.DisplayName, former.PersonalPIN
		if err := c.save(home, []*member{{before: former, gone: true}}); err != nil {
			return u, err
		}
	}
	if u.DisplayName == "" {
		u.DisplayName = u.Email[:strings.LastIndexByte(u.Email, '@')]
	}
	if u.PersonalPIN == "" {
		u.PersonalPIN, err = c.newPIN()
	}
	return u, err
}

// insert adds users to the account.
func (c *change) insert(a store.Account, users ...store.User) error {
	for _, u := range users {
		c.record(a, u.UserID, nil, userFields(u))
	}
	return c.InsertUsers(users)
}

// holder returns the one registered user with an address, and that user's account, or zero values.
func (c *change) holder(email string) (u store.User, home store.Account, err error) {
	holders, err := c.Addresses([]string{email})
	if err != nil {
		return u, home, err
	}
	for _, h := range holders {
		if !h.Registered {
			continue
		}
		if home, err = c.FindAccount(h.AccountID); err != nil {
			return u, home, err
		}
		u, err = findUser(c, home, h.UserID)
		return u, home, err
	}
	return u, home, nil
}

// claimed checks that an address can sign up to an Enterprise account: the account must have
// claimed its domain. Subdomains are not included.
func (c *change) claimed(a store.Account, of address.Address) error {
	owners, err := c.DomainOwners([]string{of.Domain})
	if err != nil {
		return err
	}
	if len(owners) == 0 || owners[0].AccountID != a.AccountID {
		return api.BadRequest("The domain %.100s is not claimed by account %s", of.Domain, a.AccountID)
	}
	return nil
}

func notInvited(a store.Account, email string) error {
	return api.Errorf(api.NotFoundException, "Nobody is invited to account %s as %.100s: invite that address first", a.AccountID, email)
}

// newPIN makes a personal PIN of 10 random digits. If it is taken, the store refuses the update,
// which is then run again.
func (c *change) newPIN() (string, error) {
	const pins = 10_000_000_000
	for {
		var b [8]byte
		if _, err := io.ReadFull(c.random, b[:]); err != nil {
			return "", fmt.Errorf("making a PIN: %w", err)
		}
		// Numbers of the last, incomplete round are skipped, so that all PINs are equally likely.
		if n := binary.BigEndian.Uint64(b[:]); n < 1<<64-1-(1<<64-1)%pins {
			return fmt.Sprintf("%010d", n%pins), nil
		}
	}
}
