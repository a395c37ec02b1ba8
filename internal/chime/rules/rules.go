// Package rules says which changes of users the service refuses. The service keeps these rules, and
// a bulk job looks at them while it plans, so that both refuse the same in the same words.
//
// Start at [User.Update]. [Account] has the rules about all users of an account. All texts are
// values of the contract, as the API spells them.
package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// Refusal says why a change is refused. A nil Refusal says that the rules allow it.
type Refusal struct {
	Code    api.ErrorCode // of an item of a batch
	Message string        // names the member, its value, and what is allowed
}

func refuse(code api.ErrorCode, format string, args ...any) *Refusal {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// Account is what the rules look at of an account.
type Account struct {
	ID       string
	Type     string
	Status   string
	Licenses []string // those that it supports
}

// Change refuses any change of an account that is not active, and of its users.
func (a Account) Change() *Refusal {
	if a.Status == string(api.AccountStatusActive) {
		return nil
	}
	return refuse(api.ErrorCodeForbidden, "Account %s is %s: it can be read but not changed", a.ID, strings.ToLower(a.Status))
}

// Invite refuses invitations to an account that is no Team account.
func (a Account) Invite() *Refusal {
	if a.Type == string(api.AccountTypeTeam) {
		return nil
	}
	return refuse(api.ErrorCodeBadRequest, "Users are invited to accounts of type Team only, this one is of type %s", a.Type)
}

// Suspend refuses to suspend users whom an identity provider suspends.
func (a Account) Suspend() *Refusal {
	if a.Type == string(api.AccountTypeTeam) || a.Type == string(api.AccountTypeEnterpriseLWA) {
		return nil
	}
	return refuse(api.ErrorCodeBadRequest, "Users of an account of type %s are suspended in its directory", a.Type)
}

// Unsuspend refuses to unsuspend users of an account that has no users to unsuspend.
func (a Account) Unsuspend() *Refusal {
	if a.Type == string(api.AccountTypeEnterpriseLWA) {
		return nil
	}
	return refuse(api.ErrorCodeBadRequest, "Only an account of type EnterpriseLWA has users to unsuspend, this one is of type %s", a.Type)
}

// Unsupported says why no user of the account can be given a license. It returns "" for one that
// users can have.
func (a Account) Unsupported(license string) string {
	if slices.Contains(a.Licenses, license) {
		return ""
	}
	names := "none"
	if len(a.Licenses) > 0 {
		names = strings.Join(a.Licenses, ", ")
	}
	return license + " is not supported by the account, which has " + names
}

// managed reports whether an identity provider decides which users the account has, and which
// licenses they have.
func (a Account) managed() bool {
	return a.Type == string(api.AccountTypeEnterpriseDirectory) || a.Type == string(api.AccountTypeEnterpriseOIDC)
}

// User is what the rules look at of a user.
type User struct {
	License      string
	Type         string
	Registration string
}

// Update is what a request wants to change of a user. What is empty stays as it is.
type Update struct {
	License string
	Type    string
	Alexa   *api.AlexaForBusinessMetadata
}

// Update refuses an update for its first fault in the order of the contract: license, type, Alexa.
func (u User) Update(a Account, to Update) *Refusal {
	const private, device = string(api.UserTypePrivateUser), string(api.UserTypeSharedDevice)
	userType := u.Type
	if to.Type != "" {
		userType = to.Type
	}
	if to.License != "" && to.License != u.License {
		if problem := a.Unsupported(to.License); problem != "" {
			return refuse(api.ErrorCodeBadRequest, "LicenseType %s", problem)
		}
		// A device is in no directory group, so its license can be set in every account.
		if userType == private && a.managed() {
			return refuse(api.ErrorCodeForbidden,
				"LicenseType is managed by directory groups in an account of type %s: it can only be set for a SharedDevice", a.Type)
		}
	}
	if userType != u.Type && u.Registration != string(api.RegistrationStatusRegistered) {
		return refuse(api.ErrorCodePreconditionFailed,
			"UserType can only be changed for a registered user, this one is %s", strings.ToLower(u.Registration))
	}
	if to.Alexa == nil {
		return nil
	}
	if enable := to.Alexa.IsAlexaForBusinessEnabled; enable != nil && *enable && userType != device {
		return refuse(api.ErrorCodeUnprocessable, "AlexaForBusinessMetadata.IsAlexaForBusinessEnabled can only be true for a SharedDevice")
	}
	if arn := to.Alexa.AlexaForBusinessRoomArn; arn != nil {
		if problem := BadRoomARN(*arn); problem != "" {
			return refuse(api.ErrorCodeBadRequest, "AlexaForBusinessMetadata.AlexaForBusinessRoomArn %s", problem)
		}
		if *arn != "" && userType != device {
			return refuse(api.ErrorCodeUnprocessable, "AlexaForBusinessMetadata.AlexaForBusinessRoomArn can only be set for a SharedDevice")
		}
	}
	return nil
}

// maxRoomARN is the length of an Alexa room's ARN, in characters.
const maxRoomARN = 2048

// BadRoomARN says why a text is not the ARN of an Alexa room. It returns "" for one that may be,
// and for the empty text, which clears it.
func BadRoomARN(arn string) string {
	switch {
	case arn == "":
		return ""
	case !strings.HasPrefix(arn, "arn:"):
		return "must begin with arn:"
	case utf8.RuneCountInString(arn) > maxRoomARN:
		return fmt.Sprintf("must have at most %d characters", maxRoomARN)
	}
	return ""
}

// Suspend refuses to mark a user as suspended who has never joined. A Team account removes users
// instead, whatever they are.
func (u User) Suspend() *Refusal {
	if u.Registration == string(api.RegistrationStatusUnregistered) {
		return refuse(api.ErrorCodePreconditionFailed, "A user who is only invited cannot be suspended")
	}
	return nil
}

// ResetPIN refuses a new PIN to a user who has none.
func (u User) ResetPIN() *Refusal {
	if u.Registration == string(api.RegistrationStatusRegistered) {
		return nil
	}
	return refuse(api.ErrorCodeBadRequest, "Only a registered user has a personal PIN, this one is %s", strings.ToLower(u.Registration))
}
