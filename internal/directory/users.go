package directory

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
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
		users, next, err := tx.ListUsers(a.AccountID, filter, after, pageSize(in.MaxResults))
		if err != nil {
			return nil, err
		}
		out := &api.ListUsersOutput{Users: []api.User{}, NextToken: list.token(next)}
		for _, u := range users {
			row := showUser(u)
			row.PersonalPIN = nil
			out.Users = append(out.Users, row)
		}
		return out, nil
	})
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
			return nil, refused.exception()
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
		if before.Registration != string(api.RegistrationStatusRegistered) {
			return nil, api.BadRequest("Only a registered user has a personal PIN, this one is %s", strings.ToLower(before.Registration))
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
		return store.User{}, noUser(userID).exception()
	}
	return users[0], nil
}

// refusal says why a request about one user is refused, with the code for an item of a batch.
type refusal struct {
	code    api.ErrorCode
	message string
}

func noUser(userID string) *refusal {
	return &refusal{api.ErrorCodeNotFound, fmt.Sprintf("User %.64s was not found in the account", userID)}
}

// exception is the refusal as the error of a request about this user alone. The contract lets such
// a request fail with three of the codes of an item only.
func (r *refusal) exception() *api.Error {
	switch r.code {
	case api.ErrorCodeNotFound:
		return api.Errorf(api.NotFoundException, "%s", r.message)
	case api.ErrorCodeForbidden:
		return api.Errorf(api.ForbiddenException, "%s", r.message)
	}
	return api.BadRequest("%s", r.message)
}

// wish is how a request wants to change a user; what is empty stays as it is.
type wish struct {
	license  api.License
	userType api.UserType
	alexa    *api.AlexaForBusinessMetadata
}

// maxRoomARN is the length of an Alexa room's ARN, in characters.
const maxRoomARN = 2048

// apply returns the user as wished, or the refusal for the first fault in the order of the
// contract: license, type, Alexa.
func (w wish) apply(a store.Account, u store.User) (store.User, *refusal) {
	userType := api.UserType(u.Type)
	if w.userType != "" {
		userType = w.userType
	}

	if w.license != "" && string(w.license) != u.License {
		if problem := unsupported(a, w.license); problem != "" {
			return u, &refusal{api.ErrorCodeBadRequest, "LicenseType " + problem}
		}
		// A device is in no directory group, so its license can be set in every account.
		if userType == api.UserTypePrivateUser && managedByDirectory(a) {
			return u, &refusal{api.ErrorCodeForbidden,
				"LicenseType is managed by directory groups in an account of type " + a.Type}
		}
		u.License = string(w.license)
	}

	if string(userType) != u.Type {
		if u.Registration != string(api.RegistrationStatusRegistered) {
			return u, &refusal{api.ErrorCodePreconditionFailed,
				"UserType can only be changed for a registered user, this one is " + strings.ToLower(u.Registration)}
		}
		u.Type = string(userType)
		if userType == api.UserTypePrivateUser {
			u.AlexaEnabled, u.AlexaARN = false, ""
		}
	}

	if w.alexa == nil {
		return u, nil
	}
	if enable := w.alexa.IsAlexaForBusinessEnabled; enable != nil {
		if *enable && userType != api.UserTypeSharedDevice {
			return u, &refusal{api.ErrorCodeUnprocessable,
				"AlexaForBusinessMetadata.IsAlexaForBusinessEnabled can only be true for a SharedDevice"}
		}
		u.AlexaEnabled = *enable
	}
	if arn := w.alexa.AlexaForBusinessRoomArn; arn != nil {
		if problem := badARN(*arn); problem != "" {
			return u, &refusal{api.ErrorCodeBadRequest, "AlexaForBusinessMetadata.AlexaForBusinessRoomArn " + problem}
		}
		if *arn != "" && userType != api.UserTypeSharedDevice {
			return u, &refusal{api.ErrorCodeUnprocessable,
				"AlexaForBusinessMetadata.AlexaForBusinessRoomArn can only be set for a SharedDevice"}
		}
		u.AlexaARN = *arn
	}
	return u, nil
}

func badARN(arn string) string {
	switch {
	case arn == "":
		return "" // clears it
	case !strings.HasPrefix(arn, "arn:"):
		return "must begin with arn:"
	case utf8.RuneCountInString(arn) > maxRoomARN:
		return "must have at most 2048 characters"
	}
	return ""
}

// managedByDirectory reports whether an identity provider decides which users an account has, and
// which licenses they have.
func managedByDirectory(a store.Account) bool {
	return a.Type == string(api.AccountTypeEnterpriseDirectory) || a.Type == string(api.AccountTypeEnterpriseOIDC)
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
