package directory

import (
	"context"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/store"
)

// member is a user while a request works on it: as it is in the store, and as the request has
// changed it so far.
type member struct {
	before, after store.User
	gone          bool // leaves the account
}

// BatchUpdateUser sets the license, type and Alexa metadata that each item gives. Items that break
// a rule are reported, and the others are applied.
func (s *Service) BatchUpdateUser(ctx context.Context, in *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
	ids := make([]string, len(in.UpdateUserRequestItems))
	for i, item := range in.UpdateUserRequestItems {
		ids[i] = item.UserId
	}
	failed, err := s.batch(ctx, opBatchUpdateUser, in.AccountId, ids, func(a store.Account) (decision, error) {
		return func(i int, m *member) (refused *rules.Refusal) {
			item := in.UpdateUserRequestItems[i]
			after, refused := wish{item.LicenseType, item.UserType, item.AlexaForBusinessMetadata}.apply(a, m.after)
			if refused == nil {
				m.after = after
			}
			return refused
		}, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.BatchUpdateUserOutput{UserErrors: failed}, nil
}

// BatchSuspendUser removes users from a Team account, or marks them as suspended in an
// EnterpriseLWA account.
func (s *Service) BatchSuspendUser(ctx context.Context, in *api.BatchSuspendUserInput) (*api.BatchSuspendUserOutput, error) {
	failed, err := s.batch(ctx, opBatchSuspendUser, in.AccountId, in.UserIdList, func(a store.Account) (decision, error) {
		if refused := ruledAccount(a).Suspend(); refused != nil {
			return nil, exception(refused)
		}
		if a.Type == string(api.AccountTypeTeam) {
			return remove, nil
		}
		return suspend, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.BatchSuspendUserOutput{UserErrors: failed}, nil
}

// BatchUnsuspendUser ends the suspension of users of an EnterpriseLWA account.
func (s *Service) BatchUnsuspendUser(ctx context.Context, in *api.BatchUnsuspendUserInput) (*api.BatchUnsuspendUserOutput, error) {
	failed, err := s.batch(ctx, opBatchUnsuspendUser, in.AccountId, in.UserIdList, func(a store.Account) (decision, error) {
		if refused := ruledAccount(a).Unsuspend(); refused != nil {
			return nil, exception(refused)
		}
		return unsuspend, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.BatchUnsuspendUserOutput{UserErrors: failed}, nil
}

// decision decides about item i of a batch, which names m: it changes m, or refuses and leaves m as
// it is.
type decision func(i int, m *member) *rules.Refusal

func remove(_ int, m *member) *rules.Refusal {
	m.gone = true
	return nil
}

func suspend(_ int, m *member) *rules.Refusal {
	if refused := ruled(m.after).Suspend(); refused != nil {
		return refused
	}
	m.after.Registration = string(api.RegistrationStatusSuspended)
	return nil
}

func unsuspend(_ int, m *member) *rules.Refusal {
	if m.after.Registration == string(api.RegistrationStatusSuspended) {
		m.after.Registration = string(api.RegistrationStatusRegistered)
	}
	return nil
}

// batch decides about users of an account in the order in which they are named, each as the items
// before it have left the user, and then applies all that was granted. It returns an entry for
// every item that was refused. rule returns the decision for the type of the account.
func (s *Service) batch(ctx context.Context, op operation, accountID string, userIDs []string, rule func(store.Account) (decision, error)) ([]api.UserError, error) {
	return write(ctx, s, op, func(c *change) ([]api.UserError, error) {
		a, users, err := c.accountUsers(accountID, userIDs)
		if err != nil {
			return nil, err
		}
		decide, err := rule(a)
		if err != nil {
			return nil, err
		}
		members := asMembers(users)
		byID := make(map[string]*member, len(members))
		for _, m := range members {
			byID[m.before.UserID] = m
		}
		failed := []api.UserError{}
		for i, id := range userIDs {
			refused := noUser(id)
			if m := byID[id]; m != nil && !m.gone {
				if refused = s.options.Refuse(ctx, Item{op.name, a.AccountID, id, m.before.Email}); refused == nil {
					refused = decide(i, m)
				}
			}
			if refused != nil {
				failed = append(failed, api.UserError{UserId: new(id), ErrorCode: refused.Code, ErrorMessage: new(refused.Message)})
			}
		}
		return failed, c.save(a, members)
	})
}

// asMembers makes members of users as the store has them.
func asMembers(users []store.User) []*member {
	members := make([]*member, len(users))
	for i, u := range users {
		members[i] = &member{before: u, after: u}
	}
	return members
}

// save writes how members have changed, with a record for each that has. Those who leave the
// account leave its rooms, and give back their telephone numbers.
func (c *change) save(a store.Account, members []*member) error {
	var changes []store.UserChange
	var gone []store.User
	for _, m := range members {
		switch {
		case m.gone:
			gone = append(gone, m.before)
			c.record(a, m.before.UserID, userFields(m.before), nil)
		case m.after != m.before:
			changes = append(changes, store.UserChange{Before: m.before, After: m.after})
			c.record(a, m.before.UserID, userFields(m.before), userFields(m.after))
		}
	}
	if err := c.moveNumbers(a, members); err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := c.UpdateUsers(a.AccountID, changes); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := c.leaveRooms(a, gone); err != nil {
		return err
	}
	return c.DeleteUsers(a.AccountID, gone)
}
