package postgres

import (
	"cmp"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// tx is a transaction on PostgreSQL. Each method takes its locks first; then it runs a statement
// that the engines share, or where there may be many rows one of its own that takes arrays.
type tx struct {
	sql   engine.SQL
	conn  *session // the session of sql
	db    *database
	locks *locks // nil in a transaction that only reads

	account string                 // an account in which something was written; empty: there is none yet
	read    map[rowKey]bool        // users that were read, which nobody else can change any more
	trail   map[string]store.Entry // the last entry of the trails of accounts
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
	t.expectRecords(accountID)
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
	t.share("trail", "") // the AWS account may be a new one
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

// usersBy is the query for users of an account by an array of keys, which locks what it finds.
func (t *tx) usersBy(condition, accountID string) string {
	query := `SELECT ` + engine.UserColumns + ` FROM users WHERE account_id = $1 AND ` + condition + ` ORDER BY entry`
	if t.locks != nil && !t.locks.held[t.db.lockID("account", accountID)] {
		query += ` FOR UPDATE` // in the order of entries, since that is done after sorting
	}
	return query
}

func (t *tx) users(condition, accountID string, keys []string) ([]store.User, error) {
	t.share("account", accountID)
	users := make([]store.User, 0, len(keys))
	if err := t.sql.Read(t.usersBy(condition, accountID), engine.UsersInto(&users), accountID, keys); err != nil {
		return nil, err
	}
	t.haveRead(users)
	return users, nil
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

// AccountUsers asks for the users together with the account.
func (t *tx) AccountUsers(awsAccountID, accountID string, userIDs []string) (store.Account, []store.User, error) {
	t.share("account", accountID)
	t.share("trail", "") // as Account does
	users := make([]store.User, 0, len(userIDs))
	if t.sql.Doom == nil {
		t.conn.enqueue(statement{t.usersBy(`user_id = ANY($2)`, accountID), []any{accountID, userIDs}, engine.UsersInto(&users)})
	}
	a, err := t.Account(awsAccountID, accountID)
	if err != nil {
		return store.Account{}, nil, err
	}
	t.haveRead(users)
	return a, users, nil
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

// byExpression searches with regular expressions, in which a backslash takes the meaning from
// whatever is no letter or digit.
var byExpression = engine.Searching{
	ByAddress: `users`,
	Matches:   `strpos(email_key, $11) > 0 OR display_name ~ $12`,
	Pattern: func(text string) string {
		return engine.AnyCase(text, func(r rune) string {
			if r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return `\` + string(r)
			}
			return string(r)
		})
	},
}

func (t *tx) SearchUsers(accountID string, search store.UserSearch, at store.UserCursor, limit int) ([]store.User, store.UserCursor, error) {
	t.take("account", accountID)
	users, next, err := t.sql.SearchUsers(byExpression, accountID, search, at, limit)
	t.haveRead(users)
	return users, next, err
}

func (t *tx) CountUsers(accountID string) ([]store.UserCount, error) {
	t.take("account", accountID)
	return t.sql.CountUsers(accountID)
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
	entries := t.sql.NewRows("users", "account_id", nil)
	var emails, pins, rows [][]any
	for i := range users {
		u := &users[i]
		var err error
		if u.Entry, err = entries.Next(u.AccountID); err != nil {
			return err
		}
		claims := engine.ClaimsOf(u)
		emails = append(emails, []any{claims.Email, u.AccountID, u.UserID, claims.Registered})
		if claims.PIN != "" {
			pins = append(pins, []any{claims.PIN, u.AccountID, u.UserID})
		}
		rows = append(rows, []any{u.AccountID, int64(u.Entry), u.UserID, u.Email, u.DisplayName, u.License, u.Type, u.Registration,
			engine.Millis(u.RegisteredOn), u.Invitation, u.InviteID, engine.Millis(u.InvitedOn), u.AlexaEnabled, u.AlexaARN,
			u.PersonalPIN, u.PhoneNumber, u.PhoneProductType, u.InboundCalling, u.OutboundCalling, u.SMS, claims.Email})
		t.account = u.AccountID
	}
	if t.sql.Doom != nil || len(users) == 0 {
		return t.sql.Doom
	}
	inserts := slices.Concat(
		insert("emails", "email_key, account_id, user_id, registered", emails),
		insert("pins", "pin, account_id, user_id", pins),
		insert("users", engine.UserColumns+", email_key", rows))
	// All are tried in one round trip; then it is known whether anything is taken.
	last := len(inserts) - 1
	for _, s := range inserts[:last] {
		t.write(s)
	}
	_, err := t.sql.Write(inserts[last].text, inserts[last].args...)
	return err
}

// insertRows is how many rows a statement inserts at most: those of a full batch.
const insertRows = 50

// insert returns the statements that insert some rows. They name each value: of an INSERT from
// unnest Citus makes a COPY, which it does not commit with the rest.
func insert(table, columns string, rows [][]any) (all []statement) {
	for some := range slices.Chunk(rows, insertRows) {
		all = append(all, statement{
			text: engine.InsertText(table, columns, len(some), len(some[0])),
			args: slices.Concat(some...),
		})
	}
	return all
}

// write queues a statement that writes and whose answer can wait.
func (t *tx) write(s statement) {
	t.sql.Wrote = true
	t.conn.enqueue(s)
}

func (t *tx) UpdateUsers(accountID string, changes []store.UserChange) error {
	t.share("account", accountID)
	t.account = accountID
	claims := false // given up or taken
	known := true   // all rows were read, and each is named once
	usual := true
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		claims = claims || engine.ClaimsOf(b) != engine.ClaimsOf(a)
		usual = usual && engine.Usual(b, a)
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
	if usual {
		t.write(statement{text: `UPDATE users SET license = v.license, type = v.type, alexa_enabled = v.alexa_enabled, alexa_arn = v.alexa_arn
			FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::text[]) AS v (entry, license, type, alexa_enabled, alexa_arn)
			WHERE users.account_id = $6 AND users.entry = ANY($1) AND users.entry = v.entry`,
			args: []any{
				column(changes, func(c *store.UserChange) int64 { return int64(c.After.Entry) }),
				column(changes, func(c *store.UserChange) string { return c.After.License }),
				column(changes, func(c *store.UserChange) string { return c.After.Type }),
				column(changes, func(c *store.UserChange) bool { return c.After.AlexaEnabled }),
				column(changes, func(c *store.UserChange) string { return c.After.AlexaARN }),
				accountID,
			}})
		return nil
	}
	t.write(statement{text: `UPDATE users SET email = v.email, display_name = v.display_name,
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
	t.account = accountID
	entries := column(users, func(u *store.User) int64 { return int64(u.Entry) })
	keys, err := engine.List(&t.sql, engine.ScanText, `SELECT email_key FROM users WHERE account_id = $1 AND entry = ANY($2)`, accountID, entries)
	if err != nil {
		return err
	}
	t.write(statement{text: `DELETE FROM emails WHERE email_key = ANY($1) AND account_id = $2`, args: []any{keys, accountID}})
	t.write(statement{text: `DELETE FROM pins WHERE pin = ANY($1)`,
		args: []any{column(users, func(u *store.User) string { return u.PersonalPIN })}})
	n, err := t.sql.Write(`DELETE FROM users WHERE account_id = $1 AND entry = ANY($2) AND user_id = ANY($3)`,
		accountID, entries, column(users, func(u *store.User) string { return u.UserID }))
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
// an account is going to add to, and locks what AppendAudit does.
func (t *tx) expectRecords(accountID string) {
	t.share("trail", "")
	if t.locks == nil || t.sql.Doom != nil {
		return
	}
	if t.trail == nil {
		t.trail = make(map[string]store.Entry)
	}
	if _, known := t.trail[accountID]; known {
		return
	}
	t.conn.enqueue(statement{engine.LastEntry("account_audit", "account_id"), []any{accountID}, func(row engine.Row) error {
		var last store.Entry
		err := row.Scan(&last)
		t.trail[accountID] = last
		return err
	}})
}

// AppendAudit does not wait for other updates that add to the same trail. Their entries differ, and
// are above all that were committed when each of them began.
func (t *tx) AppendAudit(records []store.AuditRecord) error {
	t.share("trail", "")
	if err := t.sql.NumberAudit(records, t.trail); err != nil {
		return err
	}
	if t.sql.Doom != nil {
		return t.sql.Doom
	}
	for _, insert := range engine.InsertAudit(records) { // as in UpdateUsers, the answer can wait
		t.write(statement{text: insert.Text, args: insert.Args})
	}
	for i := range records {
		t.account = cmp.Or(records[i].AccountID, t.account)
	}
	return nil
}

func (t *tx) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	t.share("trail", "")
	return t.sql.DeleteAudit(awsAccountID, before, limit)
}
