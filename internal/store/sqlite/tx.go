package sqlite

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// tx is a transaction on SQLite. Where there may be many rows it has statements of its own: SQLite
// runs in this process, so a statement for each row costs little.
type tx struct{ sql engine.SQL }

var _ store.Tx = (*tx)(nil)

// Accounts and domains

func (t *tx) Account(awsAccountID, accountID string) (store.Account, error) {
	return t.sql.Account(awsAccountID, accountID)
}

func (t *tx) FindAccount(accountID string) (store.Account, error) {
	return t.sql.FindAccount(accountID)
}

func (t *tx) Accounts(awsAccountID string, filter store.AccountFilter, after store.Entry, limit int) ([]store.Account, store.Entry, error) {
	if filter.AccountIDs == nil {
		return t.sql.Accounts(awsAccountID, filter.NamePrefix, after, limit)
	}
	var found []store.Account
	for _, id := range engine.Distinct(filter.AccountIDs) {
		a, err := t.sql.Account(awsAccountID, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, 0, err
		case a.Entry > after && strings.HasPrefix(a.Name, filter.NamePrefix):
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b store.Account) int { return cmp.Compare(a.Entry, b.Entry) })
	page, next := engine.CutPage(found, limit, engine.AccountEntry)
	return page, next, nil
}

func (t *tx) InsertAccount(a *store.Account) error { return t.sql.InsertAccount(a) }

func (t *tx) UpdateAccount(a store.Account) error { return t.sql.UpdateAccount(a) }

func (t *tx) DeleteAccount(awsAccountID, accountID string, at time.Time) error {
	return t.sql.DeleteAccount(awsAccountID, accountID, at)
}

func (t *tx) DomainOwners(names []string) ([]store.Domain, error) {
	var owners []store.Domain
	for _, name := range engine.Distinct(names) {
		owner, err := engine.List(&t.sql, engine.ScanDomain, `SELECT `+engine.DomainColumns+` FROM domains WHERE name = $1`, name)
		if err != nil {
			return nil, err
		}
		owners = append(owners, owner...)
	}
	return owners, nil
}

func (t *tx) Domains(accountID string) ([]store.Domain, error) { return t.sql.Domains(accountID) }

func (t *tx) InsertDomain(d store.Domain) error { return t.sql.InsertDomain(d) }

func (t *tx) DeleteDomain(accountID, name string) error { return t.sql.DeleteDomain(accountID, name) }

// Users

func (t *tx) Users(accountID string, userIDs []string) ([]store.User, error) {
	return t.usersBy("users_id", "user_id", accountID, userIDs)
}

func (t *tx) AccountUsers(awsAccountID, accountID string, userIDs []string) (store.Account, []store.User, error) {
	a, err := t.Account(awsAccountID, accountID)
	if err != nil {
		return store.Account{}, nil, err
	}
	users, err := t.Users(accountID, userIDs)
	return a, users, err
}

func (t *tx) UsersByEmail(accountID string, emails []string) ([]store.User, error) {
	return t.usersBy("users_email", "email_key", accountID, engine.EmailKeys(emails))
}

// usersBy returns the users with some keys in a column, in order of entry. It asks for one after
// the other: for a list of keys SQLite would make a table of its own first. The query names the
// index: SQLite does not know how many rows there are, and would rather read the whole account.
func (t *tx) usersBy(index, column, accountID string, keys []string) ([]store.User, error) {
	query := `SELECT ` + engine.UserColumns + ` FROM users INDEXED BY ` + index + ` WHERE account_id = $1 AND ` + column + ` = $2`
	var users []store.User
	add := func(row engine.Row) error {
		u, err := engine.ScanUser(row)
		users = append(users, u)
		return err
	}
	for _, key := range engine.Distinct(keys) {
		if err := t.sql.Read(query, add, accountID, key); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(users, func(a, b store.User) int { return cmp.Compare(a.Entry, b.Entry) })
	return users, nil
}

func (t *tx) ListUsers(accountID string, filter store.UserFilter, after store.Entry, limit int) ([]store.User, store.Entry, error) {
	return t.sql.ListUsers(accountID, filter, after, limit)
}

// byGlob searches with GLOB, which compares characters as they are, and names the index of
// addresses as usersBy does.
var byGlob = engine.Searching{
	ByAddress: `users INDEXED BY users_email`,
	Matches:   `instr(email_key, $11) > 0 OR display_name GLOB $12`,
	Pattern: func(text string) string {
		return "*" + engine.AnyCase(text, func(r rune) string {
			if strings.ContainsRune("*?[", r) {
				return "[" + string(r) + "]"
			}
			return string(r)
		}) + "*"
	},
}

func (t *tx) SearchUsers(accountID string, search store.UserSearch, at store.UserCursor, limit int) ([]store.User, store.UserCursor, error) {
	return t.sql.SearchUsers(byGlob, accountID, search, at, limit)
}

func (t *tx) CountUsers(accountID string) ([]store.UserCount, error) {
	return t.sql.CountUsers(accountID)
}

func (t *tx) HasUsers(accountID string) (bool, error) { return t.sql.HasUsers(accountID) }

func (t *tx) Addresses(emails []string) ([]store.Address, error) {
	var all []store.Address
	for _, key := range engine.EmailKeys(emails) {
		some, err := engine.List(&t.sql, func(row engine.Row) (store.Address, error) {
			a := store.Address{Email: key}
			err := row.Scan(&a.AccountID, &a.UserID, &a.Registered)
			return a, err
		}, `SELECT account_id, user_id, registered FROM emails WHERE email_key = $1 ORDER BY account_id`, key)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (t *tx) InsertUsers(users []store.User) error {
	rows := t.sql.NewRows("users", "account_id", nil)
	for i := range users {
		u := &users[i]
		var err error
		if u.Entry, err = rows.Next(u.AccountID); err != nil {
			return err
		}
		claims := engine.ClaimsOf(u)
		if err := t.sql.Claim(u, claims, engine.Claims{}); err != nil {
			return err
		}
		if _, err := t.sql.Write(`INSERT INTO users (`+engine.UserColumns+`, email_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
			$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
			u.AccountID, u.Entry, u.UserID, u.Email, u.DisplayName, u.License, u.Type, u.Registration,
			engine.Millis(u.RegisteredOn), u.Invitation, u.InviteID, engine.Millis(u.InvitedOn), u.AlexaEnabled, u.AlexaARN,
			u.PersonalPIN, u.PhoneNumber, u.PhoneProductType, u.InboundCalling, u.OutboundCalling, u.SMS,
			claims.Email); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) UpdateUsers(accountID string, changes []store.UserChange) error {
	return t.sql.UpdateUsers(accountID, changes)
}

func (t *tx) DeleteUsers(accountID string, users []store.User) error {
	if err := t.sql.Belong(accountID, users); err != nil {
		return err
	}
	for i := range users {
		u := &users[i]
		if err := t.sql.Release(u, engine.Claims{}, engine.ClaimsOf(u)); err != nil {
			return err
		}
		if err := t.sql.WriteOne(`DELETE FROM users WHERE account_id = $1 AND entry = $2 AND user_id || '' = $3`,
			accountID, u.Entry, u.UserID); err != nil {
			return err
		}
	}
	return nil
}

// Access keys and settings

func (t *tx) AccessKey(keyID string) (store.AccessKey, error) { return t.sql.AccessKey(keyID) }

func (t *tx) AccessKeys(awsAccountID string) ([]store.AccessKey, error) {
	return t.sql.AccessKeys(awsAccountID)
}

func (t *tx) PutAccessKey(k store.AccessKey) error { return t.sql.PutAccessKey(k) }

func (t *tx) UseAccessKey(keyID string, day time.Time) error {
	return t.sql.UseAccessKey(keyID, day)
}

func (t *tx) DeleteAccessKey(keyID string) error { return t.sql.DeleteAccessKey(keyID) }

func (t *tx) GlobalSettings(awsAccountID string) (store.GlobalSettings, error) {
	return t.sql.GlobalSettings(awsAccountID)
}

func (t *tx) PutGlobalSettings(awsAccountID string, g store.GlobalSettings) error {
	return t.sql.PutGlobalSettings(awsAccountID, g)
}

func (t *tx) Setting(name string) ([]byte, error) { return t.sql.Setting(name) }

func (t *tx) PutSetting(name string, value []byte) error { return t.sql.PutSetting(name, value) }

// Audit

func (t *tx) AWSAccounts() ([]string, error) { return t.sql.AWSAccounts() }

func (t *tx) Audit(awsAccountID string, filter store.AuditFilter, after store.Entry, limit int) ([]store.AuditRecord, store.Entry, error) {
	return t.sql.Audit(awsAccountID, filter, after, limit)
}

func (t *tx) AppendAudit(records []store.AuditRecord) error {
	if err := t.sql.NumberAudit(records, nil); err != nil {
		return err
	}
	for _, insert := range engine.InsertAudit(records) {
		if _, err := t.sql.Write(insert.Text, insert.Args...); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	return t.sql.DeleteAudit(awsAccountID, before, limit)
}
