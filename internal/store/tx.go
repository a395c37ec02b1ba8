package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// The statements, in the SQL that SQLite and PostgreSQL share. Parameters are numbered in the order
// in which they first appear (some drivers bind them so whatever the number). Where there are many
// rows, what is here suits SQLite; postgres_tx.go passes arrays instead.

// session is a connection with a transaction open on it: all that the statements need of an engine.
type session interface {
	// query runs a query and calls scan for each row.
	query(query string, scan func(scanner) error, args ...any) error
	// exec runs a statement and returns how many rows it changed.
	exec(statement string, args ...any) (int64, error)
	// explain says which error of this package an error of the engine stands for, nil if that
	// depends on when it came, and adds to it what an operator can do.
	explain(err error) (kind, explained error)
}

// scanner is the row that a query has come to.
type scanner interface{ Scan(dest ...any) error }

// tx is a transaction of either kind; sequence is nil in one that only reads.
type tx struct {
	session
	ctx      context.Context // ends a view between two statements
	sequence *sequence

	wrote bool  // a statement that writes has been run
	doom  error // what every further call returns; see Update
}

var errOver = errors.New("the transaction is over: a Tx must not be kept")

// end makes further use of the transaction an error.
func (t *tx) end() {
	if t.doom == nil {
		t.doom = errOver
	}
}

// fail turns what a statement returned into what callers are told, and dooms the transaction.
func (t *tx) fail(err error) error {
	kind, err := t.explain(err)
	switch {
	case kind != nil:
	case t.wrote:
		kind = ErrFailed
	default:
		kind = ErrUnavailable
	}
	t.doom = fmt.Errorf("%w: %w", kind, err)
	return t.doom
}

// read runs a query; scan is called for each row.
func (t *tx) read(query string, scan func(scanner) error, args ...any) error {
	if t.doom != nil {
		return t.doom
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if err := t.query(query, scan, args...); err != nil {
		return t.fail(err)
	}
	return nil
}

// row reads the one row of a query into dest, or returns ErrNotFound.
func (t *tx) row(query string, args []any, dest ...any) error {
	err := ErrNotFound
	scan := func(row scanner) error {
		err = nil
		return row.Scan(dest...)
	}
	if failure := t.read(query, scan, args...); failure != nil {
		return failure
	}
	return err
}

// write runs a statement and returns how many rows it changed.
func (t *tx) write(statement string, args ...any) (int64, error) {
	if t.doom != nil {
		return 0, t.doom
	}
	t.wrote = true
	n, err := t.exec(statement, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// writeOne is write for a statement whose row must exist.
func (t *tx) writeOne(statement string, args ...any) error {
	n, err := t.write(statement, args...)
	if err == nil && n == 0 {
		t.doom = ErrNotFound
		err = ErrNotFound
	}
	return err
}

// list reads all rows of a query.
func list[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := t.read(query, func(row scanner) error {
		record, err := scan(row)
		all = append(all, record)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// one is the record of a list that holds one at most, or ErrNotFound.
func one[T any](all []T, err error) (T, error) {
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return *new(T), err
	}
	return all[0], nil
}

// sequence gives out entries from the time. Besides what a table holds now, they stay above what it
// has given out before, so that the place of a row just deleted is not given away while someone
// pages past it.
type sequence struct {
	clock  func() time.Time
	shared bool // other processes give out entries at the same time: leave gaps at random

	mu   sync.Mutex
	last Entry
}

// after returns an entry above the one given, and above all it has returned before.
func (s *sequence) after(entry Entry) Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := Entry(s.clock().UnixMilli()) << 20
	if s.shared {
		entry += rand.N[Entry](1 << 10)
		now += rand.N[Entry](1 << 20)
	}
	s.last = max(entry+1, s.last+1, now)
	return s.last
}

// entries gives out entries to new rows of a table.
type entries struct {
	tx    *tx
	query string           // for the highest entry of a key
	last  map[string]Entry // by key: an account or AWS account
}

// entries gives out those of a table whose keys are in a column.
func (t *tx) entries(table, column string) entries {
	return entries{tx: t, query: lastEntry(table, column), last: make(map[string]Entry)}
}

// lastEntry is the query for the highest entry of a key, 0 if there is none. To a MAX PostgreSQL would read
// all rows of the key as long as it goes by a plan made when they were few.
func lastEntry(table, column string) string {
	return `SELECT COALESCE((SELECT entry FROM ` + table + ` WHERE ` + column + ` = $1 ORDER BY entry DESC LIMIT 1), 0)`
}

// take returns the next entry of the key.
func (e entries) take(key string) (Entry, error) {
	last, ok := e.last[key]
	if !ok {
		if err := e.tx.row(e.query, []any{key}, &last); err != nil {
			return 0, err
		}
	}
	e.last[key] = e.tx.sequence.after(last)
	return e.last[key], nil
}

// millis binds and scans a time as milliseconds since 1970; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

type millisTo struct{ t *time.Time }

func (m millisTo) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMilli(n).UTC()
	}
	return nil
}

// stringList binds and scans a list of strings as a JSON array.
func stringList(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(list) // strings always encode
	return string(b)
}

type stringListTo struct{ list *[]string }

func (l stringListTo) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", v)
	}
	*l.list = nil
	if s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), l.list)
}

// keyList binds keys as a JSON array for json_each. It leaves out those with a NUL, where json_each
// would cut them off: nothing is stored under such a key.
func keyList(keys []string) string {
	return stringList(slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return strings.Contains(key, "\x00") }))
}

// distinct returns the keys sorted, each once.
func distinct(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

func emailKeys(emails []string) []string {
	keys := make([]string, len(emails))
	for i, email := range emails {
		keys[i] = EmailKey(email)
	}
	return distinct(keys)
}

// Accounts

const accountColumns = `aws_account_id, entry, account_id, name, type, status, default_license,
	supported_licenses, created, signin_delegate_groups, disable_remote_control, enable_dial_out`

func scanAccount(row scanner) (a Account, err error) {
	err = row.Scan(&a.AWSAccountID, &a.Entry, &a.AccountID, &a.Name, &a.Type, &a.Status, &a.DefaultLicense,
		stringListTo{&a.SupportedLicenses}, millisTo{&a.Created}, stringListTo{&a.SigninDelegateGroups},
		&a.DisableRemoteControl, &a.EnableDialOut)
	return a, err
}

func (t *tx) Account(awsAccountID, accountID string) (Account, error) {
	return one(list(t, scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE aws_account_id = $1 AND account_id = $2 AND deleted = 0`, awsAccountID, accountID))
}

func (t *tx) FindAccount(accountID string) (Account, error) {
	var awsAccountID string
	err := t.row(`SELECT aws_account_id FROM account_owners WHERE account_id = $1`, []any{accountID}, &awsAccountID)
	if err != nil {
		return Account{}, err
	}
	return t.Account(awsAccountID, accountID)
}

func (t *tx) Accounts(awsAccountID string, filter AccountFilter, after Entry, limit int) ([]Account, error) {
	if filter.AccountIDs != nil {
		return t.accountsByID(awsAccountID, filter, after, limit)
	}
	return list(t, scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE aws_account_id = $1 AND entry > $2 AND deleted = 0 AND ($3 = '' OR substr(name, 1, length($3)) = $3)
		ORDER BY entry LIMIT $4`, awsAccountID, after, filter.NamePrefix, limit)
}

func (t *tx) accountsByID(awsAccountID string, filter AccountFilter, after Entry, limit int) ([]Account, error) {
	var found []Account
	for _, id := range distinct(filter.AccountIDs) {
		a, err := t.Account(awsAccountID, id)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, err
		case a.Entry > after && strings.HasPrefix(a.Name, filter.NamePrefix):
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b Account) int { return cmp.Compare(a.Entry, b.Entry) })
	return found[:min(len(found), limit)], nil
}

func (t *tx) InsertAccount(a *Account) error {
	var err error
	e := t.entries("accounts", "aws_account_id")
	if a.Entry, err = e.take(a.AWSAccountID); err != nil {
		return err
	}
	if _, err := t.write(`INSERT INTO account_owners (account_id, aws_account_id) VALUES ($1, $2)`,
		a.AccountID, a.AWSAccountID); err != nil {
		return err
	}
	_, err = t.write(`INSERT INTO accounts (`+accountColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		a.AWSAccountID, a.Entry, a.AccountID, a.Name, a.Type, a.Status, a.DefaultLicense,
		stringList(a.SupportedLicenses), millis(a.Created), stringList(a.SigninDelegateGroups),
		a.DisableRemoteControl, a.EnableDialOut)
	return err
}

func (t *tx) UpdateAccount(a Account) error {
	return t.writeOne(`UPDATE accounts SET name = $1, type = $2, status = $3, default_license = $4,
		supported_licenses = $5, signin_delegate_groups = $6, disable_remote_control = $7, enable_dial_out = $8
		WHERE aws_account_id = $9 AND account_id = $10 AND deleted = 0`,
		a.Name, a.Type, a.Status, a.DefaultLicense, stringList(a.SupportedLicenses),
		stringList(a.SigninDelegateGroups), a.DisableRemoteControl, a.EnableDialOut, a.AWSAccountID, a.AccountID)
}

func (t *tx) DeleteAccount(awsAccountID, accountID string, at time.Time) error {
	users, err := t.HasUsers(accountID)
	if err != nil {
		return err
	}
	domains, err := t.Domains(accountID)
	if err != nil {
		return err
	}
	if users || len(domains) > 0 {
		t.doom = fmt.Errorf("deleting account %s: it still has users or domains", accountID)
		return t.doom
	}
	return t.writeOne(`UPDATE accounts SET deleted = $1 WHERE aws_account_id = $2 AND account_id = $3 AND deleted = 0`,
		millis(at), awsAccountID, accountID)
}

// Users

const userColumns = `account_id, entry, user_id, email, display_name, license, type, registration,
	registered_on, invitation, invite_id, invited_on, alexa_enabled, alexa_arn, personal_pin, phone_number,
	phone_product_type, inbound_calling, outbound_calling, sms`

func scanUser(row scanner) (u User, err error) {
	err = row.Scan(&u.AccountID, &u.Entry, &u.UserID, &u.Email, &u.DisplayName, &u.License, &u.Type, &u.Registration,
		millisTo{&u.RegisteredOn}, &u.Invitation, &u.InviteID, millisTo{&u.InvitedOn}, &u.AlexaEnabled, &u.AlexaARN,
		&u.PersonalPIN, &u.PhoneNumber, &u.PhoneProductType, &u.InboundCalling, &u.OutboundCalling, &u.SMS)
	return u, err
}

func (t *tx) Users(accountID string, userIDs []string) ([]User, error) {
	return t.usersBy("users_id", "user_id", accountID, userIDs)
}

func (t *tx) UsersByEmail(accountID string, emails []string) ([]User, error) {
	return t.usersBy("users_email", "email_key", accountID, emailKeys(emails))
}

// usersBy returns the users with some keys in a column, in order of entry. The query names the index,
// since SQLite, which knows no numbers of rows, would rather read the whole account; and it does not
// sort, which would cost SQLite a copy of each row.
func (t *tx) usersBy(index, column, accountID string, keys []string) ([]User, error) {
	condition, arg := column+` IN (SELECT value FROM json_each($2))`, ""
	if len(keys) == 1 {
		condition, arg = column+` = $2`, keys[0]
	} else {
		arg = keyList(keys)
	}
	users, err := list(t, scanUser, `SELECT `+userColumns+` FROM users INDEXED BY `+index+`
		WHERE account_id = $1 AND `+condition, accountID, arg)
	slices.SortFunc(users, func(a, b User) int { return cmp.Compare(a.Entry, b.Entry) })
	return users, err
}

func (t *tx) ListUsers(accountID string, filter UserFilter, after Entry, limit int) ([]User, error) {
	if filter.Email != "" { // one user at most
		return list(t, scanUser, `SELECT `+userColumns+` FROM users WHERE account_id = $1 AND email_key = $2
			AND entry > $3 AND ($4 = '' OR type = $4) AND ($5 = '' OR registration = $5) LIMIT $6`,
			accountID, EmailKey(filter.Email), after, filter.Type, filter.Registration, limit)
	}
	return list(t, scanUser, `SELECT `+userColumns+` FROM users
		WHERE account_id = $1 AND entry > $2 AND ($3 = '' OR type = $3) AND ($4 = '' OR registration = $4)
		ORDER BY entry LIMIT $5`, accountID, after, filter.Type, filter.Registration, limit)
}

func (t *tx) HasUsers(accountID string) (bool, error) {
	var has bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM users WHERE account_id = $1)`, []any{accountID}, &has)
	return has, err
}

func (t *tx) Addresses(emails []string) ([]Address, error) {
	var all []Address
	for _, key := range emailKeys(emails) {
		some, err := list(t, func(row scanner) (Address, error) {
			a := Address{Email: key}
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

// claims are the keys that a user holds in the tables that span accounts.
type claims struct {
	email      string
	registered bool
	pin        string
}

func (u *User) claims() claims {
	return claims{EmailKey(u.Email), u.Registration != Unregistered, u.PersonalPIN}
}

// take takes the keys that a user does not hold already; drop gives up those it shall not hold.
func (t *tx) take(u *User, now, before claims) error {
	if now.email != before.email || now.registered != before.registered {
		if _, err := t.write(`INSERT INTO emails (email_key, account_id, user_id, registered) VALUES ($1, $2, $3, $4)`,
			now.email, u.AccountID, u.UserID, now.registered); err != nil {
			return err
		}
	}
	if now.pin != before.pin && now.pin != "" {
		if _, err := t.write(`INSERT INTO pins (pin, account_id, user_id) VALUES ($1, $2, $3)`,
			now.pin, u.AccountID, u.UserID); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) drop(u *User, now, before claims) error {
	if now.email != before.email || now.registered != before.registered {
		if _, err := t.write(`DELETE FROM emails WHERE email_key = $1 AND account_id = $2`,
			before.email, u.AccountID); err != nil {
			return err
		}
	}
	if now.pin != before.pin && before.pin != "" {
		if _, err := t.write(`DELETE FROM pins WHERE pin = $1`, before.pin); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) InsertUsers(users []User) error {
	e := t.entries("users", "account_id")
	for i := range users {
		u := &users[i]
		var err error
		if u.Entry, err = e.take(u.AccountID); err != nil {
			return err
		}
		c := u.claims()
		if err := t.take(u, c, claims{}); err != nil {
			return err
		}
		if _, err := t.write(`INSERT INTO users (`+userColumns+`, email_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
			$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
			u.AccountID, u.Entry, u.UserID, u.Email, u.DisplayName, u.License, u.Type, u.Registration,
			millis(u.RegisteredOn), u.Invitation, u.InviteID, millis(u.InvitedOn), u.AlexaEnabled, u.AlexaARN,
			u.PersonalPIN, u.PhoneNumber, u.PhoneProductType, u.InboundCalling, u.OutboundCalling, u.SMS,
			c.email); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) UpdateUsers(accountID string, changes []UserChange) error {
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		if b.AccountID != accountID || a.AccountID != accountID || a.UserID != b.UserID || a.Entry != b.Entry {
			t.doom = fmt.Errorf("updating user %s of account %s: ids and entry cannot change", b.UserID, accountID)
			return t.doom
		}
	}
	// All give up first what they shall no longer hold, so that another of them may take it.
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		if err := t.drop(b, a.claims(), b.claims()); err != nil {
			return err
		}
	}
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		now, before := a.claims(), b.claims()
		if err := t.take(a, now, before); err != nil {
			return err
		}
		if now.email != before.email {
			// A statement of its own: one that names an indexed column writes the index, changed or not.
			if err := t.writeOne(`UPDATE users SET email_key = $1 WHERE account_id = $2 AND entry = $3`,
				now.email, accountID, a.Entry); err != nil {
				return err
			}
		}
		if err := t.updateUser(b, a); err != nil {
			return err
		}
	}
	return nil
}

// updateUser brings the row of a user from b to a.
func (t *tx) updateUser(b, a *User) error {
	// What administrators change all day has a statement of its own, for two thirds of the cost.
	usual := *b
	usual.License, usual.Type, usual.AlexaEnabled, usual.AlexaARN = a.License, a.Type, a.AlexaEnabled, a.AlexaARN
	if usual == *a {
		return t.writeOne(`UPDATE users SET license = $1, type = $2, alexa_enabled = $3, alexa_arn = $4
			WHERE account_id = $5 AND entry = $6 AND user_id = $7`,
			a.License, a.Type, a.AlexaEnabled, a.AlexaARN, a.AccountID, a.Entry, a.UserID)
	}
	return t.writeOne(`UPDATE users SET email = $1, display_name = $2, license = $3, type = $4,
			registration = $5, registered_on = $6, invitation = $7, invite_id = $8, invited_on = $9,
			alexa_enabled = $10, alexa_arn = $11, personal_pin = $12, phone_number = $13, phone_product_type = $14,
			inbound_calling = $15, outbound_calling = $16, sms = $17
			WHERE account_id = $18 AND entry = $19 AND user_id = $20`,
		a.Email, a.DisplayName, a.License, a.Type,
		a.Registration, millis(a.RegisteredOn), a.Invitation, a.InviteID, millis(a.InvitedOn),
		a.AlexaEnabled, a.AlexaARN, a.PersonalPIN, a.PhoneNumber, a.PhoneProductType,
		a.InboundCalling, a.OutboundCalling, a.SMS,
		a.AccountID, a.Entry, a.UserID)
}

func (t *tx) DeleteUsers(accountID string, users []User) error {
	for i := range users {
		u := &users[i]
		if u.AccountID != accountID {
			t.doom = fmt.Errorf("deleting user %s of account %s: it belongs to account %s", u.UserID, accountID, u.AccountID)
			return t.doom
		}
		if err := t.writeOne(`DELETE FROM users WHERE account_id = $1 AND entry = $2 AND user_id = $3`,
			accountID, u.Entry, u.UserID); err != nil {
			return err
		}
		if err := t.drop(u, claims{}, u.claims()); err != nil {
			return err
		}
	}
	return nil
}

// Domains

const domainColumns = `name, aws_account_id, account_id, claimed`

func scanDomain(row scanner) (d Domain, err error) {
	err = row.Scan(&d.Name, &d.AWSAccountID, &d.AccountID, millisTo{&d.Claimed})
	return d, err
}

func (t *tx) DomainOwners(names []string) ([]Domain, error) {
	var owners []Domain
	for _, name := range emailKeys(names) {
		owner, err := list(t, scanDomain, `SELECT `+domainColumns+` FROM domains WHERE name = $1`, name)
		if err != nil {
			return nil, err
		}
		owners = append(owners, owner...)
	}
	return owners, nil
}

func (t *tx) Domains(accountID string) ([]Domain, error) {
	return list(t, scanDomain, `SELECT `+domainColumns+` FROM domains WHERE account_id = $1 ORDER BY name`, accountID)
}

func (t *tx) InsertDomain(d Domain) error {
	_, err := t.write(`INSERT INTO domains (`+domainColumns+`) VALUES ($1, $2, $3, $4)`,
		EmailKey(d.Name), d.AWSAccountID, d.AccountID, millis(d.Claimed))
	return err
}

func (t *tx) DeleteDomain(accountID, name string) error {
	return t.writeOne(`DELETE FROM domains WHERE account_id = $1 AND name = $2`, accountID, EmailKey(name))
}

// Access keys

const accessKeyColumns = `key_id, aws_account_id, name, policy, root, sealed_secret, created, expires, disabled`

func scanAccessKey(row scanner) (k AccessKey, err error) {
	err = row.Scan(&k.KeyID, &k.AWSAccountID, &k.Name, &k.Policy, &k.Root, &k.SealedSecret,
		millisTo{&k.Created}, millisTo{&k.Expires}, &k.Disabled)
	return k, err
}

func (t *tx) AccessKey(keyID string) (AccessKey, error) {
	return one(list(t, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE key_id = $1`, keyID))
}

func (t *tx) AccessKeys(awsAccountID string) ([]AccessKey, error) {
	return list(t, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys
		WHERE aws_account_id = $1 ORDER BY created, key_id`, awsAccountID)
}

func (t *tx) PutAccessKey(k AccessKey) error {
	n, err := t.write(`INSERT INTO access_keys (`+accessKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (key_id) DO UPDATE SET name = excluded.name, policy = excluded.policy, root = excluded.root,
			sealed_secret = excluded.sealed_secret, created = excluded.created, expires = excluded.expires,
			disabled = excluded.disabled
		WHERE access_keys.aws_account_id = excluded.aws_account_id`,
		k.KeyID, k.AWSAccountID, k.Name, k.Policy, k.Root, blob(k.SealedSecret),
		millis(k.Created), millis(k.Expires), k.Disabled)
	if err == nil && n == 0 {
		t.doom = fmt.Errorf("%w: access key %s of another AWS account", ErrExists, k.KeyID)
		err = t.doom
	}
	return err
}

func (t *tx) DeleteAccessKey(keyID string) error {
	return t.writeOne(`DELETE FROM access_keys WHERE key_id = $1`, keyID)
}

// blob keeps an empty value from being bound as NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Audit

const auditColumns = `aws_account_id, entry, time, request_id, key_id, key_name, user_agent, operation,
	account_id, target, before, after`

func scanAudit(row scanner) (r AuditRecord, err error) {
	err = row.Scan(&r.AWSAccountID, &r.Entry, millisTo{&r.Time}, &r.RequestID, &r.KeyID, &r.KeyName, &r.UserAgent,
		&r.Operation, &r.AccountID, &r.Target, &r.Before, &r.After)
	return r, err
}

func (t *tx) Audit(awsAccountID string, filter AuditFilter, after Entry, limit int) ([]AuditRecord, error) {
	return list(t, scanAudit, `SELECT `+auditColumns+` FROM audit
		WHERE aws_account_id = $1 AND entry > $2 AND ($3 = '' OR account_id = $3) AND ($4 = '' OR operation = $4)
			AND ($5 = '' OR target = $5) AND ($6 = '' OR key_id = $6 OR key_name = $6)
			AND ($7 = '' OR request_id = $7) AND (time >= $8 OR $8 = 0) AND (time < $9 OR $9 = 0)
			AND ($10 = '' OR replace(' ' || user_agent || ' ', ' job/' || $10 || ' ', '') <> ' ' || user_agent || ' ')
		ORDER BY entry LIMIT $11`, awsAccountID, after, filter.AccountID, filter.Operation,
		filter.Target, filter.Key, filter.RequestID, millis(filter.Since), millis(filter.Until), filter.Job, limit)
}

// AWSAccounts steps from one AWS account to the next: a DISTINCT would read the whole trail.
func (t *tx) AWSAccounts() ([]string, error) {
	return list(t, func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}, `WITH RECURSIVE owners (id) AS (
			SELECT MIN(aws_account_id) FROM audit
			UNION ALL
			SELECT (SELECT MIN(aws_account_id) FROM audit WHERE aws_account_id > owners.id)
			FROM owners WHERE owners.id IS NOT NULL
		) SELECT id FROM owners WHERE id IS NOT NULL`)
}

func (t *tx) AppendAudit(records []AuditRecord) error {
	e := t.entries("audit", "aws_account_id")
	for i := range records {
		var err error
		if records[i].Entry, err = e.take(records[i].AWSAccountID); err != nil {
			return err
		}
	}
	for len(records) > 0 {
		n := 1
		for n < min(len(records), auditRows) && records[n].event() == records[0].event() {
			n++
		}
		if err := t.appendEvent(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// auditRows is how many records a statement adds at the most: those of a full batch.
const auditRows = 20

// event is what the records of one request to one account have in common.
func (r AuditRecord) event() AuditRecord {
	r.Entry, r.Target, r.Before, r.After = 0, "", "", ""
	return r
}

// appendEvent adds records that share their event in one statement, for half of what they cost one by one.
func (t *tx) appendEvent(records []AuditRecord) error {
	r := &records[0]
	args := []any{r.AWSAccountID, millis(r.Time), r.RequestID, r.KeyID, r.KeyName, r.UserAgent, r.Operation, r.AccountID}
	text := []byte(`INSERT INTO audit (aws_account_id, time, request_id, key_id, key_name, user_agent, operation, account_id,
		entry, target, before, after) VALUES `)
	for i := range records {
		if i > 0 {
			text = append(text, ", "...)
		}
		n := len(args)
		text = fmt.Appendf(text, "($1, $2, $3, $4, $5, $6, $7, $8, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4)
		r := &records[i]
		args = append(args, r.Entry, r.Target, r.Before, r.After)
	}
	_, err := t.write(string(text), args...)
	return err
}

// What is old is at the beginning of a trail, but for clocks and overlaps: DeleteAudit has seen enough
// once auditPage records in a row are not even from auditSlack after the time in question. To read on
// to the end would take minutes in a long trail, and everybody waits for an update.
const (
	auditPage  = 1000
	auditSlack = time.Hour
)

func (t *tx) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	type place struct {
		entry Entry
		time  int64
	}
	scan := func(row scanner) (p place, err error) { return p, row.Scan(&p.entry, &p.time) }
	var last, end Entry // what has been looked at, and the last of it that is to go
	for found, done := 0, false; !done; {
		page, err := list(t, scan, `SELECT entry, time FROM audit WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3`,
			awsAccountID, last, auditPage)
		if err != nil {
			return 0, err
		}
		done = len(page) < auditPage || !slices.ContainsFunc(page, func(p place) bool { return p.time < millis(before.Add(auditSlack)) })
		for _, p := range page {
			last = p.entry
			if p.time < millis(before) {
				if found, end = found+1, p.entry; found == limit {
					done = true
					break
				}
			}
		}
	}
	n, err := t.write(`DELETE FROM audit WHERE aws_account_id = $1 AND entry <= $2 AND time < $3`, awsAccountID, end, millis(before))
	return int(n), err
}

// Settings

func (t *tx) GlobalSettings(awsAccountID string) (g GlobalSettings, err error) {
	err = t.row(`SELECT business_calling_bucket, voice_connector_bucket FROM global_settings WHERE aws_account_id = $1`,
		[]any{awsAccountID}, &g.BusinessCallingBucket, &g.VoiceConnectorBucket)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return g, err
}

func (t *tx) PutGlobalSettings(awsAccountID string, g GlobalSettings) error {
	_, err := t.write(`INSERT INTO global_settings (aws_account_id, business_calling_bucket, voice_connector_bucket)
		VALUES ($1, $2, $3) ON CONFLICT (aws_account_id) DO UPDATE SET
			business_calling_bucket = excluded.business_calling_bucket,
			voice_connector_bucket = excluded.voice_connector_bucket`,
		awsAccountID, g.BusinessCallingBucket, g.VoiceConnectorBucket)
	return err
}

func (t *tx) Setting(name string) ([]byte, error) {
	var value []byte
	err := t.row(`SELECT value FROM settings WHERE name = $1`, []any{name}, &value)
	return value, err
}

func (t *tx) PutSetting(name string, value []byte) error {
	_, err := t.write(`INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, blob(value))
	return err
}
