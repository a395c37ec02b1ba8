package carillontest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/directory"
)

// Account is an account of the directory. Only the name is required.
type Account struct {
	ID             string // made up if empty
	Name           string
	Type           string   // "Team" if empty, and with Domains "EnterpriseLWA"; "EnterpriseDirectory" or "EnterpriseOIDC"
	DefaultLicense string   // "Pro" if empty; another one of Licenses
	Licenses       []string // that the account supports: "Basic" and "Pro" if empty; "Plus" and "ProTrial"
	Domains        []string // that the account has claimed, such as "example.com": bots and CreateUser need one
	Users          []User
}

// User is a user of an account. Only the address is required.
type User struct {
	ID           string // made up if empty
	Email        string
	DisplayName  string
	License      string // the default of the account if empty; one of its Licenses
	Type         string // "PrivateUser" if empty, or "SharedDevice"
	Registration string // "Registered" if empty; "Unregistered", or "Suspended" in an Enterprise account
	Invitation   string // "Pending", "Accepted" or "Failed"; empty for a user who was not invited
	PhoneNumber  string // such as "+12065550100"; empty if there is none
}

// Seed adds accounts with their users to the directory. It returns them as they are now, with ids
// and defaults, in the same order. A user or an account that the service would not have, such as
// two users with one address or one phone number, is a fatal error.
func (s *Server) Seed(accounts ...Account) []Account {
	s.t.Helper()
	accounts, err := s.seed(accounts)
	if err != nil {
		s.t.Fatalf("carillontest: seeding: %v", err)
	}
	for i := range accounts {
		accounts[i].Users = s.Users(accounts[i].ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeded = append(s.seeded, accounts...)
	return accounts
}

// seed returns a copy of the accounts with ids and the defaults of accounts.
func (s *Server) seed(accounts []Account) ([]Account, error) {
	ctx := s.context()
	im, err := s.service.operator.Import(ctx, directory.ImportOptions{})
	if err != nil {
		return nil, err
	}
	done := make([]Account, len(accounts))
	accountRows := make([]directory.AccountRow, len(accounts))
	var userRows []directory.UserRow
	for i, a := range accounts {
		a.ID = cmp.Or(a.ID, newID())
		if a.Type == "" && len(a.Domains) > 0 {
			a.Type = string(api.AccountTypeEnterpriseLWA)
		}
		a.Type = cmp.Or(a.Type, string(api.AccountTypeTeam))
		a.DefaultLicense = cmp.Or(a.DefaultLicense, string(api.LicensePro))
		if len(a.Licenses) == 0 {
			a.Licenses = []string{string(api.LicenseBasic), string(api.LicensePro)}
		}
		place := fmt.Sprintf("accounts[%d]", i)
		if err := a.check(place); err != nil {
			return nil, err
		}
		a.Domains, a.Licenses, a.Users = slices.Clone(a.Domains), slices.Clone(a.Licenses), slices.Clone(a.Users)
		done[i] = a
		accountRows[i] = directory.AccountRow{Place: place, Account: api.Account{
			AwsAccountId: awsAccount, AccountId: a.ID, Name: a.Name, AccountType: api.AccountType(a.Type),
			DefaultLicense: api.License(a.DefaultLicense), CreatedTimestamp: s.Now(),
		}}
		for _, l := range a.Licenses {
			accountRows[i].Account.SupportedLicenses = append(accountRows[i].Account.SupportedLicenses, api.License(l))
		}
		for j, u := range a.Users {
			userRows = append(userRows, directory.UserRow{Place: fmt.Sprintf("%s.Users[%d]", place, j), User: s.row(a.ID, u)})
		}
	}
	results, err := im.Accounts(ctx, accountRows)
	for i, r := range results {
		err = cmp.Or(err, refused(accountRows[i].Place, r))
	}
	if err != nil {
		return nil, err
	}
	for i, a := range done {
		for j, domain := range a.Domains {
			if _, err := s.service.operator.ClaimDomain(ctx, a.ID, domain); err != nil {
				return nil, fmt.Errorf("%s.Domains[%d]: %w", accountRows[i].Place, j, err)
			}
		}
	}
	results, err = im.Users(ctx, userRows)
	for i, r := range results {
		err = cmp.Or(err, refused(userRows[i].Place, r))
	}
	return done, err
}

// check refuses what an import takes from old lists, and the API would not: an account with
// licenses that it does not support, and numbers without a plus sign. A claim would turn a Team
// account into another one in silence.
func (a Account) check(place string) error {
	if a.Type == string(api.AccountTypeTeam) && len(a.Domains) > 0 {
		return fmt.Errorf("%s.Domains: a Team account has none: leave Type empty, or name a type of Enterprise accounts", place)
	}
	supported := rules.Account{Licenses: a.Licenses}
	if problem := supported.Unsupported(a.DefaultLicense); problem != "" {
		return fmt.Errorf("%s.DefaultLicense: %s: see Account.Licenses", place, problem)
	}
	for i, u := range a.Users {
		if problem := supported.Unsupported(cmp.Or(u.License, a.DefaultLicense)); problem != "" {
			return fmt.Errorf("%s.Users[%d].License: %s: see Account.Licenses", place, i, problem)
		}
		if u.PhoneNumber != "" && !strings.HasPrefix(u.PhoneNumber, "+") {
			return fmt.Errorf(`%s.Users[%d].PhoneNumber: %q is not a phone number such as "+12065550100"`, place, i, u.PhoneNumber)
		}
	}
	return nil
}

// AddNumbers adds phone numbers, such as "+12065550100", to those that can be found and ordered, of
// which there are none at first. One that a user has stays with the user. What is no number is a
// fatal error.
func (s *Server) AddNumbers(numbers ...string) {
	s.t.Helper()
	if err := s.addNumbers(numbers); err != nil {
		s.t.Fatalf("carillontest: adding numbers: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers = append(s.numbers, numbers...)
}

func (s *Server) addNumbers(numbers []string) error {
	rows := make([]directory.PoolRow, len(numbers))
	for i, n := range numbers {
		rows[i].PhoneNumber = n
	}
	results, err := s.service.operator.AddNumbers(s.context(), rows)
	for i, r := range results {
		if r.Outcome == directory.PoolRefused && err == nil {
			err = fmt.Errorf("numbers[%d]: %s", i, r.Problem)
		}
	}
	return err
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// row is a user as an import takes it.
func (s *Server) row(accountID string, u User) api.User {
	registration := cmp.Or(api.RegistrationStatus(u.Registration), api.RegistrationStatusRegistered)
	row := api.User{
		UserId: cmp.Or(u.ID, newID()), AccountId: &accountID, PrimaryEmail: &u.Email,
		LicenseType: api.License(u.License), UserType: api.UserType(u.Type),
		UserRegistrationStatus: registration, UserInvitationStatus: api.InviteStatus(u.Invitation),
	}
	if u.DisplayName != "" {
		row.DisplayName = &u.DisplayName
	}
	if u.PhoneNumber != "" {
		row.PrimaryProvisionedNumber = &u.PhoneNumber
	}
	if registration != api.RegistrationStatusUnregistered {
		row.RegisteredOn = s.Now()
	}
	if u.Invitation != "" {
		row.InvitedOn = s.Now()
	}
	return row
}

// refused is the error of a row that was not added, or not all of it.
func refused(place string, r directory.ImportedRow) error {
	if r.Outcome != directory.RowAdded {
		return fmt.Errorf("%s: %s", place, cmp.Or(r.Reason, "it is already there"))
	}
	for _, note := range r.Notes {
		if problem, lost := strings.CutSuffix(note, ": left out"); lost {
			return fmt.Errorf("%s: %s", place, problem)
		}
	}
	return nil
}

// Users returns the users of an account in the order in which ListUsers has them: all pages, with
// those who are invited or suspended.
func (s *Server) Users(accountID string) []User {
	s.t.Helper()
	var users []User
	var failed error // told of after the loop, whose body is no helper
	for u, err := range s.service.operator.Users(s.context(), accountID) {
		if failed = err; failed != nil {
			break
		}
		users = append(users, User{
			ID: u.UserId, Email: text(u.PrimaryEmail), DisplayName: text(u.DisplayName), License: string(u.LicenseType), Type: string(u.UserType),
			Registration: string(u.UserRegistrationStatus), Invitation: string(u.UserInvitationStatus), PhoneNumber: text(u.PrimaryProvisionedNumber),
		})
	}
	if failed != nil {
		s.t.Fatalf("carillontest: listing the users of account %q: %v", accountID, failed)
	}
	return users
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
