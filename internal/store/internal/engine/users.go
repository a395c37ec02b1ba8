package engine

import (
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/store"
)

// UserColumns are the columns of a user, in the order of [ScanUser].
const UserColumns = `account_id, entry, user_id, email, display_name, license, type, registration,
	registered_on, invitation, invite_id, invited_on, alexa_enabled, alexa_arn, personal_pin, phone_number,
	phone_product_type, inbound_calling, outbound_calling, sms`

// ScanUser scans its columns.
func ScanUser(row Row) (u store.User, err error) {
	err = row.Scan(userColumns(&u)...)
	return u, err
}

// userColumns are where its columns are scanned to.
func userColumns(u *store.User) []any {
	return []any{&u.AccountID, &u.Entry, &u.UserID, &u.Email, &u.DisplayName, &u.License, &u.Type, &u.Registration,
		millisTo{&u.RegisteredOn}, &u.Invitation, &u.InviteID, millisTo{&u.InvitedOn}, &u.AlexaEnabled, &u.AlexaARN,
		&u.PersonalPIN, &u.PhoneNumber, &u.PhoneProductType, &u.InboundCalling, &u.OutboundCalling, &u.SMS}
}

// UsersInto returns what scans users one after the other and adds them to others.
func UsersInto(users *[]store.User) func(Row) error {
	var u store.User
	columns := userColumns(&u)
	return func(row Row) error {
		err := row.Scan(columns...)
		*users = append(*users, u)
		return err
	}
}

func (s *SQL) ListUsers(accountID string, filter store.UserFilter, after store.Entry, limit int) ([]store.User, store.Entry, error) {
	if filter.Email != "" { // one user at most
		users, err := List(s, ScanUser, `SELECT `+UserColumns+` FROM users WHERE account_id = $1 AND email_key = $2
			AND entry > $3 AND ($4 = '' OR type = $4) AND ($5 = '' OR registration = $5)`,
			accountID, address.Key(filter.Email), after, filter.Type, filter.Registration)
		return users, 0, err
	}
	users, err := List(s, ScanUser, `SELECT `+UserColumns+` FROM (
			SELECT * FROM users WHERE account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3
		) AS scanned WHERE ($4 = '' OR type = $4) AND ($5 = '' OR registration = $5) LIMIT $6`,
		accountID, after, scan(limit), filter.Type, filter.Registration, limit+1)
	if err != nil {
		return nil, 0, err
	}
	l := listing{"users", "account_id", accountID, after, limit, filter == store.UserFilter{}}
	return endPage(s, l, users, func(u *store.User) store.Entry { return u.Entry })
}

func (s *SQL) HasUsers(accountID string) (bool, error) {
	var has bool
	err := s.ReadRow(`SELECT EXISTS (SELECT 1 FROM users WHERE account_id = $1)`, []any{accountID}, &has)
	return has, err
}

// Claims are the keys that a user holds in the tables that span accounts.
type Claims struct {
	Email      string
	Registered bool
	PIN        string
}

// ClaimsOf returns the claims of a user.
func ClaimsOf(u *store.User) Claims {
	return Claims{address.Key(u.Email), u.Registration != store.Unregistered, u.PersonalPIN}
}

// Claim takes the keys that a user is to hold now and did not hold before.
func (s *SQL) Claim(u *store.User, now, before Claims) error {
	var err error
	switch {
	case now.Email != before.Email:
		_, err = s.Write(`INSERT INTO emails (email_key, account_id, user_id, registered) VALUES ($1, $2, $3, $4)`,
			now.Email, u.AccountID, u.UserID, now.Registered)
	case now.Registered != before.Registered:
		var key string
		if key, err = s.emailKey(u); err == nil {
			_, err = s.Write(`INSERT INTO emails (email_key, account_id, user_id, registered) VALUES ($1, $2, $3, $4)`,
				key, u.AccountID, u.UserID, now.Registered)
		}
	}
	if err != nil {
		return err
	}
	if now.PIN != before.PIN && now.PIN != "" {
		if _, err := s.Write(`INSERT INTO pins (pin, account_id, user_id) VALUES ($1, $2, $3)`,
			now.PIN, u.AccountID, u.UserID); err != nil {
			return err
		}
	}
	return nil
}

// emailKey returns the key of a user's address as it is kept: a user whom [setKeys] found to have
// the address of another has one of its own. A user who is gone is ErrNotFound.
func (s *SQL) emailKey(u *store.User) (key string, err error) {
	err = s.ReadRow(`SELECT email_key FROM users WHERE account_id = $1 AND entry = $2`, []any{u.AccountID, u.Entry}, &key)
	if errors.Is(err, store.ErrNotFound) {
		err = s.Refuse(err)
	}
	return key, err
}

// Release gives up the keys that a user held before and is not to hold now. The user is still
// there.
func (s *SQL) Release(u *store.User, now, before Claims) error {
	if now.Email != before.Email || now.Registered != before.Registered {
		key, err := s.emailKey(u)
		if err != nil {
			return err
		}
		if _, err := s.Write(`DELETE FROM emails WHERE email_key = $1 AND account_id = $2`, key, u.AccountID); err != nil {
			return err
		}
	}
	if now.PIN != before.PIN && before.PIN != "" {
		if _, err := s.Write(`DELETE FROM pins WHERE pin = $1`, before.PIN); err != nil {
			return err
		}
	}
	return nil
}

// Belong refuses users that are not of the account.
func (s *SQL) Belong(accountID string, users []store.User) error {
	for i := range users {
		if u := &users[i]; u.AccountID != accountID {
			return s.Refuse(fmt.Errorf("user %s belongs to account %s, not to %s", u.UserID, u.AccountID, accountID))
		}
	}
	return nil
}

func (s *SQL) UpdateUsers(accountID string, changes []store.UserChange) error {
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		if b.AccountID != accountID || a.AccountID != accountID || a.UserID != b.UserID || a.Entry != b.Entry {
			return s.Refuse(fmt.Errorf("updating user %s of account %s: ids and entry cannot change", b.UserID, accountID))
		}
	}
	// All give up first what they are to hold no longer, so that another of them can take it.
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		if err := s.Release(b, ClaimsOf(a), ClaimsOf(b)); err != nil {
			return err
		}
	}
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		now, before := ClaimsOf(a), ClaimsOf(b)
		if err := s.Claim(a, now, before); err != nil {
			return err
		}
		if now.Email != before.Email {
			// A statement of its own: one that names an indexed column writes the index, changed or
			// not.
			if err := s.WriteOne(`UPDATE users SET email_key = $1 WHERE account_id = $2 AND entry = $3`,
				now.Email, accountID, a.Entry); err != nil {
				return err
			}
		}
		if err := s.updateUser(b, a); err != nil {
			return err
		}
	}
	return nil
}

// Usual reports whether a user changes from b to a by no more than license, type and Alexa. That is
// what administrators change all day, so it has a statement of its own, for two thirds of the cost.
func Usual(b, a *store.User) bool {
	usual := *b
	usual.License, usual.Type, usual.AlexaEnabled, usual.AlexaARN = a.License, a.Type, a.AlexaEnabled, a.AlexaARN
	return usual == *a
}

// updateUser brings the row of a user from b to a.
func (s *SQL) updateUser(b, a *store.User) error {
	if Usual(b, a) {
		return s.WriteOne(`UPDATE users SET license = $1, type = $2, alexa_enabled = $3, alexa_arn = $4
			WHERE account_id = $5 AND entry = $6 AND user_id || '' = $7`,
			a.License, a.Type, a.AlexaEnabled, a.AlexaARN, a.AccountID, a.Entry, a.UserID)
	}
	return s.WriteOne(`UPDATE users SET email = $1, display_name = $2, license = $3, type = $4,
			registration = $5, registered_on = $6, invitation = $7, invite_id = $8, invited_on = $9,
			alexa_enabled = $10, alexa_arn = $11, personal_pin = $12, phone_number = $13, phone_product_type = $14,
			inbound_calling = $15, outbound_calling = $16, sms = $17
			WHERE account_id = $18 AND entry = $19 AND user_id || '' = $20`,
		a.Email, a.DisplayName, a.License, a.Type,
		a.Registration, Millis(a.RegisteredOn), a.Invitation, a.InviteID, Millis(a.InvitedOn),
		a.AlexaEnabled, a.AlexaARN, a.PersonalPIN, a.PhoneNumber, a.PhoneProductType,
		a.InboundCalling, a.OutboundCalling, a.SMS,
		a.AccountID, a.Entry, a.UserID)
}
