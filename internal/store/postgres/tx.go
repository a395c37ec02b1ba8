package postgres

import (
	"time"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// tx is a transaction on PostgreSQL. Each method takes its locks first; then it runs a statement
// that the engines share, or where there may be many rows one of its own that takes arrays.
type tx struct {
	sql   engine.SQL
	conn  *session // the session of sql
	db    *database
	locks *locks     // nil in a transaction that only reads
	token int64      // see settle
	proof *statement // finds a row that the transaction has written for good; nil: there is none yet

	read  map[rowKey]bool        // users that were read, which nobody else can change any more
	trail map[string]store.Entry // the last entry of the trails of AWS accounts
}

var _ store.Tx = (*tx)(nil)

type rowKey struct {
	accountID string
	entry     store.Entry
}

// column returns one member of all rows, as an array.
func column[T, V any](rows []T, get func(*T) V) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = get(&rows[i])
	}
	return values
}

// Accounts and domains

func (t *tx) Account(awsAccountID, accountID string) (store.Account, error) {
	t.share("account", accountID)
	t.expectRecords(awsAccountID)
	return t.sql.Account(awsAccountID, accountID)
}

func (t *tx) FindAccount(accountID string) (store.Account, error) {
	t.share("account", accountID)
	return t.sql.FindAccount(accountID)
}

func (t *tx) Accounts(awsAccountID string, filter store.AccountFilter, after store.Entry, limit int) ([]store.Account, store.Entry, error) {
	t.take("accounts", awsAccountID)
	if filter.AccountIDs == nil {
		return t.sql.Accounts(awsAccountID, filter.NamePrefix, after, limit)
	}
	accounts, err := engine.List(&t.sql, engine.ScanAccount, `SELECT `+engine.AccountColumns+` FROM accounts
		WHERE aws_account_id = $1 AND account_id = ANY($2) AND entry > $3 AND deleted = 0
			AND ($4 = '' OR substr(name, 1, length($4)) = $4)
		ORDER BY entry LIMIT $5`, awsAccountID, engine.Distinct(filter.AccountIDs), after, filter.NamePrefix, limit+1)
	page, next := engine.CutPage(accounts, limit, engine.AccountEntry)
	return page, next, err
}

func (t *tx) InsertAccount(a *store.Account) error {
	t.take("accounts", a.AWSAccountID)
	t.take("account", a.AccountID)
	return t.sql.InsertAccount(a)
}

func (t *tx) UpdateAccount(a store.Account) error {
	t.take("accounts", a.AWSAccountID)
	t.take("account", a.AccountID)
	return t.sql.UpdateAccount(a)
}

func (t *tx) DeleteAccount(awsAccountID, accountID string, at time.Time) error {
	t.take("accounts", awsAccountID)
	t.take("account", accountID)
	return t.sql.DeleteAccount(awsAccountID, accountID, at)
}

func (t *tx) DomainOwners(names []string) ([]store.Domain, error) {
	names = engine.Distinct(names)
	t.take("domain", names...)
	return engine.List(&t.sql, engine.ScanDomain, `SELECT `+engine.DomainColumns+` FROM domains WHERE name = ANY($1) ORDER BY name`, names)
}

func (t *tx) Domains(accountID string) ([]store.Domain, error) {
	t.share("account", accountID)
	return t.sql.Domains(accountID)
}

func (t *tx) InsertDomain(d store.Domain) error {
	t.take("account", d.AccountID)
	t.take("domain", d.Name)
	return t.sql.InsertDomain(d)
}

func (t *tx) DeleteDomain(accountID, name string) error {
	t.take("account", accountID)
	t.take("domain", name)
	return t.sql.DeleteDomain(accountID, name)
}

// Users

// users runs a query for users of an account, by an array of keys, and locks what it finds.
func (t *tx) users(condition, accountID string, keys []string) ([]store.User, error) {
	t.share("account", accountID)
	query := `SELECT ` + engine.UserColumns + ` FROM users WHERE account_id = $1 AND ` + condition + ` ORDER BY entry`
	if t.locks != nil && !t.locks.held[t.db.lockID("account", accountID)] {
		query += ` FOR UPDATE` // in the order of entries, since that is done after sorting
	}
	users, err := engine.List(&t.sql, engine.ScanUser, query, accountID, keys)
	t.haveRead(users)
	return users, err
}

// haveRead remembers users that only this transaction can change now.
func (t *tx) haveRead(users []store.User) {
	if t.locks == nil {
		return
	}
	if t.read == nil {
		t.read = make(map[rowKey]bool, len(users))
	}
	for i := range users {
		t.read[rowKey{users[i].AccountID, users[i].Entry}] = true
	}
}

func (t *tx) Users(accountID string, userIDs []string) ([]store.User, error) {
	return t.users(`user_id = ANY($2)`, accountID, userIDs)
}

func (t *tx) UsersByEmail(accountID string, emails []string) ([]store.User, error) {
	return t.users(`email_key = ANY($2)`, accountID, engine.EmailKeys(emails))
}

func (t *tx) ListUsers(accountID string, filter store.UserFilter, after store.Entry, limit int) ([]store.User, store.Entry, error) {
	t.take("account", accountID)
	users, next, err := t.sql.ListUsers(accountID, filter, after, limit)
	t.haveRead(users)
	return users, next, err
}

func (t *tx) HasUsers(accountID string) (bool, error) {
	t.share("account", accountID)
	return t.sql.HasUsers(accountID)
}

func (t *tx) Addresses(emails []string) ([]store.Address, error) {
	keys := engine.EmailKeys(emails)
	t.takeEmails(keys)
	return engine.List(&t.sql, func(row engine.Row) (a store.Address, err error) {
		err = row.Scan(&a.Email, &a.AccountID, &a.UserID, &a.Registered)
		return a, err
	}, `SELECT email_key, account_id, user_id, registered FROM emails
		WHERE email_key = ANY($1) ORDER BY email_key, account_id`, keys)
}

// userTypes are the first twenty arguments of a statement as columns of users, see userArrays.
const userTypes = `$1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
	$9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::text[], $15::text[], $16::text[],
	$17::text[], $18::boolean[], $19::boolean[], $20::boolean[]`

// userArrays are the columns of some users, in the order of engine.UserColumns.
func userArrays(users []store.User) []any {
	return []any{
		column(users, func(u *store.User) string { return u.AccountID }),
		column(users, func(u *store.User) int64 { return int64(u.Entry) }),
		column(users, func(u *store.User) string { return u.UserID }),
		column(users, func(u *store.User) string { return u.Email }),
		column(users, func(u *store.User) string { return u.DisplayName }),
		column(users, func(u *store.User) string { return u.License }),
		column(users, func(u *store.User) string { return u.Type }),
		column(users, func(u *store.User) string { return u.Registration }),
		column(users, func(u *store.User) int64 { return engine.Millis(u.RegisteredOn) }),
		column(users, func(u *store.User) string { return u.Invitation }),
		column(users, func(u *store.User) string { return u.InviteID }),
		column(users, func(u *store.User) int64 { return engine.Millis(u.InvitedOn) }),
		column(users, func(u *store.User) bool { return u.AlexaEnabled }),
		column(users, func(u *store.User) string { return u.AlexaARN }),
		column(users, func(u *store.User) string { return u.PersonalPIN }),
		column(users, func(u *store.User) string { return u.PhoneNumber }),
		column(users, func(u *store.User) string { return u.PhoneProductType }),
		column(users, func(u *store.User) bool { return u.InboundCalling }),
		column(users, func(u *store.User) bool { return u.OutboundCalling }),
		column(users, func(u *store.User) bool { return u.SMS }),
	}
}

// emailsOf are the addresses of some users, as keys.
func emailsOf(users []store.User) []string {
	return engine.EmailKeys(column(users, func(u *store.User) string { return u.Email }))
}

func (t *tx) InsertUsers(users []store.User) error {
	t.take("account", engine.Distinct(column(users, func(u *store.User) string { return u.AccountID }))...)
	t.takeEmails(emailsOf(users))
	rows := t.sql.NewRows("users", "account_id", nil)
	for i := range users {
		var err error
		if users[i].Entry, err = rows.Next(users[i].AccountID); err != nil {
			return err
		}
	}
	keys := column(users, func(u *store.User) string { return address.Key(u.Email) })
	accounts := column(users, func(u *store.User) string { return u.AccountID })
	ids := column(users, func(u *store.User) string { return u.UserID })
	// All are tried in one round trip; then it is known whether anything is taken.
	t.conn.enqueue(statement{text: `INSERT INTO emails (email_key, account_id, user_id, registered)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])`,
		args: []any{keys, accounts, ids, column(users, func(u *store.User) bool { return engine.ClaimsOf(u).Registered })}})
	t.conn.enqueue(statement{text: `INSERT INTO pins (pin, account_id, user_id)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS v (pin, account_id, user_id) WHERE v.pin <> ''`,
		args: []any{column(users, func(u *store.User) string { return u.PersonalPIN }), accounts, ids}})
	_, err := t.sql.Write(`INSERT INTO users (`+engine.UserColumns+`, email_key) SELECT * FROM unnest(`+userTypes+`, $21::text[])`,
		append(userArrays(users), keys)...)
	return err
}

func (t *tx) UpdateUsers(accountID string, changes []store.UserChange) error {
	t.share("account", accountID)
	claims := false // given up or taken
	known := true   // all rows were read, and each is named once
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		claims = claims || engine.ClaimsOf(b) != engine.ClaimsOf(a)
		known = known && t.read[rowKey{accountID, b.Entry}] && b.UserID == a.UserID && b.Entry == a.Entry &&
			b.AccountID == accountID && a.AccountID == accountID && (i == 0 || changes[i-1].Before.Entry < b.Entry)
	}
	if claims {
		before := column(changes, func(c *store.UserChange) store.User { return c.Before })
		after := column(changes, func(c *store.UserChange) store.User { return c.After })
		t.take("account", accountID)
		t.takeEmails(emailsOf(append(before, after...)))
	}
	if claims || !known || t.sql.Doom != nil {
		return t.sql.UpdateUsers(accountID, changes)
	}
	// Only the storage itself can fail now, so the answer can wait. The entries are named twice, so
	// that a plan that was made for few rows does not join with all users of the account.
	t.sql.Wrote = true
	t.conn.enqueue(statement{text: `UPDATE users SET email = v.email, display_name = v.display_name,
		license = v.license, type = v.type, registration = v.registration, registered_on = v.registered_on,
		invitation = v.invitation, invite_id = v.invite_id, invited_on = v.invited_on, alexa_enabled = v.alexa_enabled,
		alexa_arn = v.alexa_arn, personal_pin = v.personal_pin, phone_number = v.phone_number,
		phone_product_type = v.phone_product_type, inbound_calling = v.inbound_calling,
		outbound_calling = v.outbound_calling, sms = v.sms
		FROM unnest(` + userTypes + `) AS v (` + engine.UserColumns + `)
		WHERE users.account_id = $21 AND users.entry = ANY($2) AND users.entry = v.entry`,
		args: append(userArrays(column(changes, func(c *store.UserChange) store.User { return c.After })), accountID)})
	return nil
}

func (t *tx) DeleteUsers(accountID string, users []store.User) error {
	t.take("account", accountID)
	t.takeEmails(emailsOf(users))
	if err := t.sql.Belong(accountID, users); err != nil {
		return err
	}
	for i := range users {
		delete(t.read, rowKey{accountID, users[i].Entry})
	}
	t.conn.enqueue(statement{text: `DELETE FROM emails USING users
		WHERE users.account_id = $1 AND users.entry = ANY($2) AND emails.email_key = users.email_key AND emails.account_id = $1`,
		args: []any{accountID, column(users, func(u *store.User) int64 { return int64(u.Entry) })}})
	t.conn.enqueue(statement{text: `DELETE FROM pins WHERE pin = ANY($1)`,
		args: []any{column(users, func(u *store.User) string { return u.PersonalPIN })}})
	n, err := t.sql.Write(`DELETE FROM users USING unnest($1::bigint[], $2::text[]) AS v (entry, user_id)
		WHERE users.account_id = $3 AND users.entry = ANY($1) AND users.entry = v.entry AND users.user_id = v.user_id`,
		column(users, func(u *store.User) int64 { return int64(u.Entry) }),
		column(users, func(u *store.User) string { return u.UserID }), accountID)
	if err == nil && n != int64(len(users)) {
		err = t.sql.Refuse(store.ErrNotFound)
	}
	return err
}

// Access keys and settings

func (t *tx) AccessKey(keyID string) (store.AccessKey, error) {
	t.take("keys", "")
	return t.sql.AccessKey(keyID)
}

func (t *tx) AccessKeys(awsAccountID string) ([]store.AccessKey, error) {
	t.take("keys", "")
	return t.sql.AccessKeys(awsAccountID)
}

func (t *tx) PutAccessKey(k store.AccessKey) error {
	t.take("keys", "")
	return t.sql.PutAccessKey(k)
}

func (t *tx) UseAccessKey(keyID string, day time.Time) error {
	t.take("keys", "")
	return t.sql.UseAccessKey(keyID, day)
}

func (t *tx) DeleteAccessKey(keyID string) error {
	t.take("keys", "")
	return t.sql.DeleteAccessKey(keyID)
}

func (t *tx) GlobalSettings(awsAccountID string) (store.GlobalSettings, error) {
	t.take("settings", awsAccountID)
	return t.sql.GlobalSettings(awsAccountID)
}

func (t *tx) PutGlobalSettings(awsAccountID string, g store.GlobalSettings) error {
	t.take("settings", awsAccountID)
	return t.sql.PutGlobalSettings(awsAccountID, g)
}

func (t *tx) Setting(name string) ([]byte, error) {
	t.take("setting", name)
	return t.sql.Setting(name)
}

func (t *tx) PutSetting(name string, value []byte) error {
	t.take("setting", name)
	return t.sql.PutSetting(name, value)
}

// Audit

func (t *tx) Audit(awsAccountID string, filter store.AuditFilter, after store.Entry, limit int) ([]store.AuditRecord, store.Entry, error) {
	t.take("trail", "")
	return t.sql.Audit(awsAccountID, filter, after, limit)
}

func (t *tx) AWSAccounts() ([]string, error) {
	t.take("trail", "")
	return t.sql.AWSAccounts()
}

// expectRecords looks up, together with the next statement, the end of the trail that an update of
// an account is going to add to.
func (t *tx) expectRecords(awsAccountID string) {
	if t.locks == nil || t.sql.Doom != nil {
		return
	}
	if t.trail == nil {
		t.trail = make(map[string]store.Entry)
	}
	if _, known := t.trail[awsAccountID]; known {
		return
	}
	t.conn.enqueue(statement{engine.LastEntry("audit", "aws_account_id"), []any{awsAccountID}, func(row engine.Row) error {
		var last store.Entry
		err := row.Scan(&last)
		t.trail[awsAccountID] = last
		return err
	}})
}

// AppendAudit does not wait for other updates that add to the same trail. Their entries differ, and
// are above all that were committed when each of them began.
func (t *tx) AppendAudit(records []store.AuditRecord) error {
	t.share("trail", "")
	rows := t.sql.NewRows("audit", "aws_account_id", t.trail)
	for i := range records {
		var err error
		if records[i].Entry, err = rows.Next(records[i].AWSAccountID); err != nil {
			return err
		}
	}
	if t.sql.Doom != nil || len(records) == 0 {
		return t.sql.Doom
	}
	// As in UpdateUsers, the answer can wait.
	t.sql.Wrote = true
	t.conn.enqueue(statement{text: `INSERT INTO audit (` + engine.AuditColumns + `) SELECT * FROM unnest($1::text[],
		$2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
		$11::text[], $12::text[])`, args: []any{
		column(records, func(r *store.AuditRecord) string { return r.AWSAccountID }),
		column(records, func(r *store.AuditRecord) int64 { return int64(r.Entry) }),
		column(records, func(r *store.AuditRecord) int64 { return engine.Millis(r.Time) }),
		column(records, func(r *store.AuditRecord) string { return r.RequestID }),
		column(records, func(r *store.AuditRecord) string { return r.KeyID }),
		column(records, func(r *store.AuditRecord) string { return r.KeyName }),
		column(records, func(r *store.AuditRecord) string { return r.UserAgent }),
		column(records, func(r *store.AuditRecord) string { return r.Operation }),
		column(records, func(r *store.AuditRecord) string { return r.AccountID }),
		column(records, func(r *store.AuditRecord) string { return r.Target }),
		column(records, func(r *store.AuditRecord) string { return r.Before }),
		column(records, func(r *store.AuditRecord) string { return r.After }),
	}})
	last := records[len(records)-1]
	t.proof = &statement{
		text: `SELECT FROM audit WHERE aws_account_id = $1 AND entry = $2 AND request_id = $3`,
		args: []any{last.AWSAccountID, last.Entry, last.RequestID},
	}
	return nil
}

func (t *tx) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	t.share("trail", "")
	return t.sql.DeleteAudit(awsAccountID, before, limit)
}
