package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// What a row must be to be imported, and what becomes of what it leaves open.

func badRow(format string, args ...any) ImportedRow {
	return ImportedRow{Outcome: RowBad, Reason: fmt.Sprintf(format, args...)}
}

// badAccount says why a row cannot be an account, "" if it can.
func badAccount(row api.Account) string {
	switch {
	case badID(row.AccountId) != "":
		return "AccountId " + badID(row.AccountId)
	case row.AwsAccountId == "":
		return "AwsAccountId is missing"
	case !isAWSAccountID(row.AwsAccountId):
		return fmt.Sprintf("AwsAccountId is %.64q, not 12 digits", row.AwsAccountId)
	case badAccountName(row.Name) != "":
		return "Name " + badAccountName(row.Name)
	}
	for _, l := range row.SupportedLicenses {
		if problem := notOneOf("SupportedLicenses", l, allLicenses()...); problem != "" {
			return problem
		}
	}
	for _, g := range row.SigninDelegateGroups {
		if strings.TrimSpace(orEmpty(g.GroupName)) == "" {
			return "SigninDelegateGroups has a group without a GroupName"
		}
	}
	return firstOf(
		notOneOf("AccountType", row.AccountType, api.AccountTypeTeam, api.AccountTypeEnterpriseDirectory, api.AccountTypeEnterpriseLWA, api.AccountTypeEnterpriseOIDC),
		notOneOf("DefaultLicense", row.DefaultLicense, allLicenses()...),
		notOneOf("AccountStatus", row.AccountStatus, api.AccountStatusSuspended, api.AccountStatusActive),
	)
}

// badUser says why a row cannot be a user, "" if it can.
func badUser(row api.User) string {
	email, number := orEmpty(row.PrimaryEmail), orEmpty(row.PrimaryProvisionedNumber)
	switch {
	case badID(row.UserId) != "":
		return "UserId " + badID(row.UserId)
	case email == "":
		return fmt.Sprintf("PrimaryEmail of user %.64s is missing", row.UserId)
	case number != "" && !isPhoneNumber(number):
		return fmt.Sprintf("PrimaryProvisionedNumber of user %.64s is not a phone number such as +12065550100", row.UserId)
	}
	if _, err := address.Parse(email); err != nil {
		bad, _ := errors.AsType[*address.Error](err)
		return fmt.Sprintf("PrimaryEmail of user %.64s is not an e-mail address: %s", row.UserId, bad.Reason())
	}
	return firstOf(
		notOneOf("LicenseType", row.LicenseType, allLicenses()...),
		notOneOf("UserType", row.UserType, api.UserTypePrivateUser, api.UserTypeSharedDevice),
		notOneOf("UserRegistrationStatus", row.UserRegistrationStatus,
			api.RegistrationStatusUnregistered, api.RegistrationStatusRegistered, api.RegistrationStatusSuspended),
		notOneOf("UserInvitationStatus", row.UserInvitationStatus,
			api.InviteStatusPending, api.InviteStatusAccepted, api.InviteStatusFailed),
	)
}

// settle takes from a row what a user cannot have, and decides whether the user has joined.
func settle(row *api.User, result *ImportedRow) {
	if a, err := address.Parse(*row.PrimaryEmail); err == nil && a.Text != *row.PrimaryEmail {
		row.PrimaryEmail = &a.Text
		result.note("PrimaryEmail is listed with its domain in ASCII, and its accents in NFC")
	}
	for _, m := range []struct {
		name  string
		value **string
	}{
		{"PrimaryProvisionedNumber", &row.PrimaryProvisionedNumber},
		{"DisplayName", &row.DisplayName},
		{"PersonalPIN", &row.PersonalPIN},
	} {
		if *m.value != nil && **m.value == "" {
			*m.value = nil
			result.note(m.name + " is empty: left out")
		}
	}
	if alexa := row.AlexaForBusinessMetadata; alexa != nil && alexa.AlexaForBusinessRoomArn != nil && *alexa.AlexaForBusinessRoomArn == "" {
		result.note("AlexaForBusinessRoomArn is empty: left out")
	}
	if row.PersonalPIN != nil && !isPIN(*row.PersonalPIN) {
		row.PersonalPIN = nil
		result.note("PersonalPIN is not 10 digits: left out until it is reset")
	}
	if row.UserRegistrationStatus == "" {
		row.UserRegistrationStatus = api.RegistrationStatusRegistered
		if row.RegisteredOn.IsZero() && (row.UserInvitationStatus == api.InviteStatusPending || row.UserInvitationStatus == api.InviteStatusFailed) {
			row.UserRegistrationStatus = api.RegistrationStatusUnregistered
		}
		result.note("UserRegistrationStatus is missing: set to " + string(row.UserRegistrationStatus))
	}
	if row.UserRegistrationStatus != api.RegistrationStatusUnregistered {
		return
	}
	// The details of a person are listed only after that person has joined.
	if row.DisplayName != nil {
		result.note("DisplayName of a user who has not joined: kept, but not listed until then")
	}
	if !row.RegisteredOn.IsZero() {
		row.RegisteredOn = time.Time{}
		result.note("RegisteredOn of a user who has not joined: left out")
	}
	if row.PersonalPIN != nil {
		row.PersonalPIN = nil
		result.note("PersonalPIN of a user who has not joined: left out")
	}
	if row.PrimaryProvisionedNumber != nil {
		row.PrimaryProvisionedNumber = nil
		result.note("PrimaryProvisionedNumber of a user who has not joined: left out")
	}
}

// fillUser sets the members of a user that a row has.
func fillUser(u *store.User, row api.User) {
	text := func(to *string, value *string) {
		if value != nil {
			*to = *value
		}
	}
	moment := func(to *time.Time, value time.Time) {
		if !value.IsZero() {
			*to = value
		}
	}
	text(&u.Email, row.PrimaryEmail)
	text(&u.DisplayName, row.DisplayName)
	text(&u.PersonalPIN, row.PersonalPIN)
	if row.PrimaryProvisionedNumber != nil {
		u.PhoneNumber, u.PhoneProductType = AsNumber(*row.PrimaryProvisionedNumber), string(api.PhoneNumberProductTypeBusinessCalling)
	}
	fill(&u.License, row.LicenseType)
	fill(&u.Type, row.UserType)
	fill(&u.Registration, row.UserRegistrationStatus)
	fill(&u.Invitation, row.UserInvitationStatus)
	moment(&u.RegisteredOn, row.RegisteredOn)
	moment(&u.InvitedOn, row.InvitedOn)
	if alexa := row.AlexaForBusinessMetadata; alexa != nil {
		if alexa.IsAlexaForBusinessEnabled != nil {
			u.AlexaEnabled = *alexa.IsAlexaForBusinessEnabled
		}
		text(&u.AlexaARN, alexa.AlexaForBusinessRoomArn) // the API listed "null" for none
	}
}

// complete sets the members of a new user that the row does not have.
func complete(u *store.User, row api.User, a *store.Account, result *ImportedRow) {
	if u.License == "" {
		u.License = a.DefaultLicense
		result.note("LicenseType is missing: set to the account's default")
	}
	if u.Type == "" {
		u.Type = string(api.UserTypePrivateUser)
		result.note("UserType is missing: set to PrivateUser")
	}
	if alexa := row.AlexaForBusinessMetadata; alexa == nil || alexa.IsAlexaForBusinessEnabled == nil {
		result.note("IsAlexaForBusinessEnabled is missing: set to false")
	}
}

// badID says why no request could name an id, "" if one can.
func badID(id string) string {
	switch {
	case strings.TrimSpace(id) == "":
		return "is missing"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "holds a line break or another control character"
	case id == "." || id == "..": // which clients and proxies take for a way in the path
		return "is " + id + ", which no URL can name"
	}
	return ""
}

// badAccountName says why an account cannot have a name, "" if it can.
func badAccountName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is missing"
	case strings.Contains(name, "\n"):
		return "holds a line break"
	case utf8.RuneCountInString(name) > maxAccountName:
		return fmt.Sprintf("has more than %d characters", maxAccountName)
	}
	return ""
}

// isPhoneNumber accepts a number in E.164: 2 to 15 digits, the plus sign optional as in the API.
func isPhoneNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return len(digits) >= 2 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

func isPIN(s string) bool { return len(s) == 10 && strings.Trim(s, "0123456789") == "" }

func notOneOf[S ~string](member string, value S, all ...S) string {
	if value == "" || slices.Contains(all, value) {
		return ""
	}
	return fmt.Sprintf("%s is %.64q, not one of %s", member, value, joined(all))
}

func firstOf(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}
