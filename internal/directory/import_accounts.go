package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Accounts imports accounts. The result has an entry for each row, up to an error of the store. If
// a row gives an account to another AWS account than the one that has it, nothing is imported, and
// the error is an *api.Error: the users that come with it would get into somebody else's account.
func (im *Import) Accounts(ctx context.Context, rows []AccountRow) ([]ImportedRow, error) {
	if err := im.ownersAgree(ctx, rows); err != nil {
		return nil, err
	}
	done := make([]ImportedRow, 0, len(rows))
	for _, row := range rows {
		one, err := im.account(ctx, row)
		if err != nil {
			return done, err
		}
		done = append(done, one)
	}
	return done, nil
}

// ownersAgree checks that the rows and the store agree on whose the accounts are.
func (im *Import) ownersAgree(ctx context.Context, rows []AccountRow) error {
	return im.store.View(ctx, func(tx store.ReadTx) error {
		earlier := make(map[string]AccountRow)
		for _, row := range rows {
			id, owner := row.Account.AccountId, row.Account.AwsAccountId
			if badAccount(row.Account) != "" {
				continue // it is skipped
			}
			if first, again := earlier[id]; again && first.Account.AwsAccountId != owner {
				return api.BadRequest("%s: account %.64s belongs to AWS account %s here, and to %s in %s: nothing was imported; "+
					"correct AwsAccountId, or leave one of the files out", row.Place, id, owner, first.Account.AwsAccountId, first.Place)
			}
			earlier[id] = row
			kept, err := tx.FindAccount(id)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return err
			case kept.AWSAccountID != owner:
				return api.BadRequest("%s: account %.64s belongs to AWS account %s here, and to %s in the store: nothing was imported; "+
					"import the file into a store of its own, or correct AwsAccountId if it is the same account",
					row.Place, id, owner, kept.AWSAccountID)
			}
		}
		return nil
	})
}

func (im *Import) account(ctx context.Context, row AccountRow) (result ImportedRow, err error) {
	if problem := badAccount(row.Account); problem != "" {
		return badRow("%s", problem), nil
	}
	id := row.Account.AccountId
	if earlier, again := im.accounts[id]; again {
		if members := accountDiffers(earlier.value, row.Account); members != "" {
			return badRow("account %.64s is already in %s, with different %s", id, earlier.place, members), nil
		}
		return ImportedRow{Outcome: RowUnchanged}, nil
	}
	var kept store.Account
	err = im.update(ctx, func(c *change) error {
		if kept, err = c.FindAccount(id); !errors.Is(err, store.ErrNotFound) {
			result = ImportedRow{Outcome: RowUnchanged}
			if err == nil {
				if members := accountDiffers(kept, row.Account); members != "" {
					result = ImportedRow{Outcome: RowDiffers, Reason: fmt.Sprintf("account %.64s is in the store, with different %s", id, members)}
				}
			}
			return err
		}
		kept, result = newAccount(row.Account)
		if im.empty && im.root == "" {
			if err := c.PutSetting(rootSetting, []byte(kept.AWSAccountID)); err != nil {
				return err
			}
		}
		if err := c.InsertAccount(&kept); err != nil {
			return err
		}
		c.record(kept, kept.AccountID, nil, accountFields(kept))
		return nil
	})
	if errors.Is(err, store.ErrExists) {
		return badRow("account %.64s was deleted here, and the id of a deleted account is never used again", id), nil
	}
	if err != nil {
		return result, err
	}
	if im.empty && im.root == "" {
		im.root = kept.AWSAccountID
	}
	if !slices.Contains(im.owners, kept.AWSAccountID) {
		im.owners = append(im.owners, kept.AWSAccountID)
	}
	im.accounts[id] = placed[store.Account]{kept, row.Place}
	return result, nil
}

// newAccount makes an account of a row. Members that are absent get the value that a new Team
// account has.
func newAccount(row api.Account) (store.Account, ImportedRow) {
	var result ImportedRow
	given := func(member, value, def string) string {
		if value != "" {
			return value
		}
		result.note(member + " is missing: set to " + def)
		return def
	}
	a := store.Account{
		AWSAccountID:   row.AwsAccountId,
		AccountID:      row.AccountId,
		Name:           row.Name,
		Type:           given("AccountType", string(row.AccountType), string(api.AccountTypeTeam)),
		Status:         given("AccountStatus", string(row.AccountStatus), string(api.AccountStatusActive)),
		DefaultLicense: given("DefaultLicense", string(row.DefaultLicense), string(api.LicensePro)),
	}
	if row.SupportedLicenses == nil {
		row.SupportedLicenses = []api.License{api.LicenseBasic, api.LicensePro}
		result.note("SupportedLicenses is missing: set to Basic, Pro")
	}
	if row.CreatedTimestamp.IsZero() {
		result.note("CreatedTimestamp is missing: the account is listed without it")
	}
	if row.SigninDelegateGroups == nil {
		result.note("SigninDelegateGroups is missing: set to none")
	}
	fillAccount(&a, row)
	if shown := showAccount(a); !slices.Equal(shown.SupportedLicenses, row.SupportedLicenses) {
		result.note("SupportedLicenses is listed in a different order")
	}
	return a, result
}

// fillAccount sets the members of an account that a row has.
func fillAccount(a *store.Account, row api.Account) {
	a.AWSAccountID, a.Name = row.AwsAccountId, row.Name
	fill(&a.Type, row.AccountType)
	fill(&a.Status, row.AccountStatus)
	fill(&a.DefaultLicense, row.DefaultLicense)
	if !row.CreatedTimestamp.IsZero() {
		a.Created = row.CreatedTimestamp
	}
	if row.SupportedLicenses != nil {
		a.SupportedLicenses = nil
		for _, l := range row.SupportedLicenses {
			a.SupportedLicenses = append(a.SupportedLicenses, string(l))
		}
	}
	if row.SigninDelegateGroups != nil {
		a.SigninDelegateGroups = nil
		for _, g := range row.SigninDelegateGroups {
			a.SigninDelegateGroups = append(a.SigninDelegateGroups, *g.GroupName)
		}
	}
}

func fill[S ~string](to *string, value S) {
	if value != "" {
		*to = string(value)
	}
}

// accountDiffers names the members that a row has and that are different in an account.
func accountDiffers(kept store.Account, row api.Account) string {
	after := kept
	fillAccount(&after, row)
	fields := func(a store.Account) []document.Member {
		return append(accountFields(a), document.Member{Key: "CreatedTimestamp", Value: stampOf(a.Created)})
	}
	return differing(fields(kept), fields(after))
}

func differing(a, b []document.Member) string {
	var names []string
	for i := range a {
		if !same(a[i].Value, b[i].Value) {
			names = append(names, a[i].Key)
		}
	}
	return strings.Join(names, ", ")
}
