package directory

import (
	"context"
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/store"
)

// GetUser returns one user.
func (s *Service) GetUser(ctx context.Context, in *api.GetUserInput) (*api.GetUserOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetUserOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		u, err := findUser(tx, a, in.UserId)
		if err != nil {
			return nil, err
		}
		return &api.GetUserOutput{User: new(showUser(u))}, nil
	})
}

// ListUsers pages through the users of an account, including those who are invited or suspended.
// The rows have no personal PIN. A page may be short, or empty, although others follow: see
// [store.ReadTx].
func (s *Service) ListUsers(ctx context.Context, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListUsersOutput, error) {
		filter := store.UserFilter{Email: orEmpty(in.UserEmail), Type: string(in.UserType)}
		list := s.listing("ListUsers", caller.AWSAccountID, in.AccountId, address.Key(filter.Email), filter.Type)
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		users, next, err := tx.ListUsers(a.AccountID, filter, after, pageSize(in.MaxResults, userPage))
		if err != nil {
			return nil, err
		}
		return &api.ListUsersOutput{Users: listed(users), NextToken: list.token(next)}, nil
	})
}

// listed returns users as a listing shows them.
func listed(users []store.User) []api.User {
	rows := []api.User{}
	for _, u := range users {
		row := showUser(u)
		row.PersonalPIN = nil
		rows = append(rows, row)
	}
	return rows
}

// UpdateUser sets what is given of a user's license, type and Alexa metadata, by the rules of
// BatchUpdateUser.
func (s *Service) UpdateUser(ctx context.Context, in *api.UpdateUserInput) (*api.UpdateUserOutput, error) {
	return write(ctx, s, opUpdateUser, func(c *change) (*api.UpdateUserOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		before, err := findUser(c, a, in.UserId)
		if err != nil {
			return nil, err
		}
		after, refused := wish{in.LicenseType, in.UserType, in.AlexaForBusinessMetadata}.apply(a, before)
		if refused != nil {
			return nil, exception(refused)
		}
		if err := c.save(a, []*member{{before: before, after: after}}); err != nil {
			return nil, err
		}
		return &api.UpdateUserOutput{User: new(showUser(after))}, nil
	})
}

// CreateUser adds a registered user to an EnterpriseDirectory account. Most such users are shared
// devices, since people are added when they sign in.
func (s *Service) CreateUser(ctx context.Context, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	return write(ctx, s, opCreateUser, func(c *change) (*api.CreateUserOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		if a.Type != string(api.AccountTypeEnterpriseDirectory) {
			return nil, api.BadRequest("Users are created in accounts of type EnterpriseDirectory only, this one is of type %s", a.Type)
		}
		if in.Email == nil {
			return nil, api.BadRequest("Email is required")
		}
		to, err := parseAddress("Email", *in.Email)
		if err != nil {
			return nil, err
		}
		// The domain is checked first: only its owner may learn that an address in it is taken.
		if err := c.claimed(a, to); err != nil {
			return nil, err
		}
		holders, err := c.Addresses([]string{to.Text})
		if err != nil {
			return nil, err
		}
		for _, h := range holders { // an invitation to another account does not matter
			if h.Registered || h.AccountID == a.AccountID {
				return nil, api.Errorf(api.ConflictException, "Email is in use by another user")
			}
		}
		bots, err := c.BotEmails([]string{to.Text})
		if err != nil {
			return nil, err
		}
		if len(bots) > 0 {
			return nil, api.Errorf(api.ConflictException, "Email is in use by a bot")
		}
		u := c.newMember(a, to)
		u.DisplayName = strings.TrimSpace(orEmpty(in.Username))
		if in.UserType != "" {
			u.Type = string(in.UserType)
		}
		if u, err = c.join(u); err != nil {
			return nil, err
		}
		return &api.CreateUserOutput{User: new(showUser(u))}, c.insert(a, u)
	})
}

// LogoutUser ends the sessions of a user. There are no sessions here, so it only checks that the
// user exists and that the account is active.
func (s *Service) LogoutUser(ctx context.Context, in *api.LogoutUserInput) (*api.LogoutUserOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.LogoutUserOutput, error) {
		a, err := activeAccount(tx, caller, in.AccountId)
		if err == nil {
			_, err = findUser(tx, a, in.UserId)
		}
		return &api.LogoutUserOutput{}, err
	})
}

// ResetPersonalPIN gives a registered user a new PIN. The old one is free at once.
func (s *Service) ResetPersonalPIN(ctx context.Context, in *api.ResetPersonalPINInput) (*api.ResetPersonalPINOutput, error) {
	return write(ctx, s, opResetPersonalPIN, func(c *change) (*api.ResetPersonalPINOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		before, err := findUser(c, a, in.UserId)
		if err != nil {
			return nil, err
		}
		if refused := ruled(before).ResetPIN(); refused != nil {
			return nil, exception(refused)
		}
		after := before
		for after.PersonalPIN == before.PersonalPIN {
			if after.PersonalPIN, err = c.newPIN(); err != nil {
				return nil, err
			}
		}
		return &api.ResetPersonalPINOutput{User: new(showUser(after))}, c.save(a, []*member{{before: before, after: after}})
	})
}

func findUser(tx store.ReadTx, a store.Account, userID string) (store.User, error) {
	users, err := tx.Users(a.AccountID, []string{userID})
	if err != nil {
		return store.User{}, err
	}
	if len(users) == 0 {
		return store.User{}, exception(noUser(userID))
	}
	return users[0], nil
}

func noUser(userID string) *rules.Refusal {
	return &rules.Refusal{Code: api.ErrorCodeNotFound, Message: fmt.Sprintf("User %.64s was not found in the account", userID)}
}

// refusal says why something is refused.
func refusal(code api.ErrorCode, format string, args ...any) *rules.Refusal {
	return &rules.Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// exception is a refusal as the error of a request about one thing alone. The contract lets such a
// request fail with some of the codes of an item only.
func exception(r *rules.Refusal) *api.Error {
	switch r.Code {
	case api.ErrorCodeNotFound:
		return api.Errorf(api.NotFoundException, "%s", r.Message)
	case api.ErrorCodeForbidden:
		return api.Errorf(api.ForbiddenException, "%s", r.Message)
	case api.ErrorCodeConflict:
		return api.Errorf(api.ConflictException, "%s", r.Message)
	case api.ErrorCodeResourceLimitExceeded:
		return api.Errorf(api.ResourceLimitExceededException, "%s", r.Message)
	}
	return api.BadRequest("%s", r.Message)
}

// ruled is what the rules look at of a user.
func ruled(u store.User) rules.User {
	return rules.User{License: u.License, Type: u.Type, Registration: u.Registration}
}

// wish is how a request wants to change a user; what is empty stays as it is.
type wish struct {
	license  api.License
	userType api.UserType
	alexa    *api.AlexaForBusinessMetadata
}

// apply returns the user as wished, or a refusal.
func (w wish) apply(a store.Account, u store.User) (store.User, *rules.Refusal) {
	to := rules.Update{License: string(w.license), Type: string(w.userType), Alexa: w.alexa}
	if refused := ruled(u).Update(ruledAccount(a), to); refused != nil {
		return u, refused
	}
	if w.license != "" {
		u.License = string(w.license)
	}
	if w.userType != "" && string(w.userType) != u.Type {
		u.Type = string(w.userType)
		if w.userType == api.UserTypePrivateUser {
			u.AlexaEnabled, u.AlexaARN = false, ""
		}
	}
	if w.alexa == nil {
		return u, nil
	}
	if enable := w.alexa.IsAlexaForBusinessEnabled; enable != nil {
		u.AlexaEnabled = *enable
	}
	if arn := w.alexa.AlexaForBusinessRoomArn; arn != nil {
		u.AlexaARN = *arn
	}
	return u, nil
}

// showUser returns a user as the API shows it. The details of a person are shown only after that
// person has joined.
func showUser(u store.User) api.User {
	out := api.User{
		UserId:                   u.UserID,
		AccountId:                new(u.AccountID),
		PrimaryEmail:             new(u.Email),
		PrimaryProvisionedNumber: orNil(u.PhoneNumber),
		LicenseType:              api.License(u.License),
		UserType:                 api.UserType(u.Type),
		UserRegistrationStatus:   api.RegistrationStatus(u.Registration),
		UserInvitationStatus:     api.InviteStatus(u.Invitation),
		InvitedOn:                u.InvitedOn,
		AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{
			IsAlexaForBusinessEnabled: new(u.AlexaEnabled),
			AlexaForBusinessRoomArn:   orNil(u.AlexaARN),
		},
	}
	if u.Registration != store.Unregistered {
		out.DisplayName = orNil(u.DisplayName)
		out.RegisteredOn = u.RegisteredOn
		out.PersonalPIN = orNil(u.PersonalPIN)
	}
	return out
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
