package store

import (
	"slices"
	"time"
)

// postgresTx is a transaction on PostgreSQL: the shared statements, each after the locks it takes,
// and statements that take arrays where there may be many rows.
type postgresTx struct {
	tx
	conn  *postgresSession // the session of tx
	store *postgresStore
	locks *locks             // nil in one that only reads
	token int64              // see settle
	proof *postgresStatement // finds a row that the transaction wrote for good; nil: there is none yet

	read  map[rowKey]bool  // users that were read, which nobody else can change any more
	trail map[string]Entry // the last entry of the trails of AWS accounts
}

type rowKey struct {
	accountID string
	entry     Entry
}

// locks are what keeps the updates that meet apart: what one has read no other can change before it
// ends. They are advisory locks of the server, on
//
//	account     an account with its users and domains
//	accounts    the accounts of an AWS account
//	email       who holds an address
//	emails      who holds any, shared by those who lock a few
//	domain      the claim on a domain
//	keys        all access keys
//	settings    the settings of an AWS account
//	setting     a setting of the installation
//	trail       all audit trails
//
// beside the row locks on users. A batch shares its account with other batches and locks the users
// it reads; who inserts or removes users, or counts on a listing, takes the account alone. An update
// that has shared a lock and wants it alone does not wait, since another may do the same: it
// starts again and takes the lock alone at once.
type locks struct {
	held  map[int64]bool // true: alone
	alone map[int64]bool // to be taken alone whatever is asked for
}

// share and take lock some keys of a class until the transaction ends, shared with others who share
// them, or alone. Where it need not be known at once whether a lock was free, it is asked for
// together with the next statement.
func (t *postgresTx) share(class string, keys ...string) { t.lock(false, class, keys) }
func (t *postgresTx) take(class string, keys ...string)  { t.lock(true, class, keys) }

func (t *postgresTx) lock(alone bool, class string, keys []string) {
	if t.locks == nil || t.doom != nil {
		return
	}
	var wanted [2][]int64 // shared, alone
	var upgrades []int64
	for _, key := range keys {
		id := t.store.lock(class, key)
		alone := alone || t.locks.alone[id]
		held, ok := t.locks.held[id]
		switch {
		case !ok && alone:
			wanted[1] = append(wanted[1], id)
		case !ok:
			wanted[0] = append(wanted[0], id)
		case alone && !held:
			upgrades = append(upgrades, id)
		default:
			continue
		}
		t.locks.held[id] = alone
	}
	for alone, text := range []string{
		`SELECT pg_advisory_xact_lock_shared(id) FROM unnest($1::bigint[]) AS id`,
		`SELECT pg_advisory_xact_lock(id) FROM unnest($1::bigint[]) AS id`,
	} {
		if ids := wanted[alone]; len(ids) > 0 {
			slices.Sort(ids) // in the same order by everyone
			t.conn.enqueue(postgresStatement{text: text, args: []any{ids}})
		}
	}
	if len(upgrades) == 0 {
		return
	}
	free := true
	if err := t.row(`SELECT bool_and(pg_try_advisory_xact_lock(id)) FROM unnest($1::bigint[]) AS id`, []any{upgrades}, &free); err != nil {
		return // the next statement returns it too
	}
	if !free {
		for _, id := range upgrades {
			t.locks.alone[id] = true
		}
		t.doom = errLostRace
	}
}

// manyLocks is from how many addresses on all are locked: the server has room for some thousands.
const manyLocks = 200

// takeEmails locks who holds these addresses.
func (t *postgresTx) takeEmails(keys []string) {
	if len(keys) > manyLocks {
		t.take("emails", "")
		return
	}
	t.share("emails", "")
	t.take("email", keys...)
}

// column makes an array of one member of all rows.
func column[T, V any](rows []T, get func(*T) V) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = get(&rows[i])
	}
	return values
}

// Accounts

func (t *postgresTx) Account(awsAccountID, accountID string) (Account, error) {
	t.share("account", accountID)
	t.expectRecords(awsAccountID)
	return t.tx.Account(awsAccountID, accountID)
}

func (t *postgresTx) FindAccount(accountID string) (Account, error) {
	t.share("account", accountID)
	return t.tx.FindAccount(accountID)
}

func (t *postgresTx) Accounts(awsAccountID string, filter AccountFilter, after Entry, limit int) ([]Account, error) {
	t.take("accounts", awsAccountID)
	if filter.AccountIDs == nil {
		return t.tx.Accounts(awsAccountID, filter, after, limit)
	}
	return list(&t.tx, scanAccount, `SELECT `+accountColumns+` FROM accounts
		WHERE aws_account_id = $1 AND account_id = ANY($2) AND entry > $3 AND deleted = 0
			AND ($4 = '' OR substr(name, 1, length($4)) = $4)
		ORDER BY entry LIMIT $5`, awsAccountID, distinct(filter.AccountIDs), after, filter.NamePrefix, limit)
}

func (t *postgresTx) InsertAccount(a *Account) error {
	t.take("accounts", a.AWSAccountID)
	t.take("account", a.AccountID)
	return t.tx.InsertAccount(a)
}

func (t *postgresTx) UpdateAccount(a Account) error {
	t.take("accounts", a.AWSAccountID)
	t.take("account", a.AccountID)
	return t.tx.UpdateAccount(a)
}

func (t *postgresTx) DeleteAccount(awsAccountID, accountID string, at time.Time) error {
	t.take("accounts", awsAccountID)
	t.take("account", accountID)
	return t.tx.DeleteAccount(awsAccountID, accountID, at)
}

// Users

// users runs a query for users of an account, by an array of keys, and locks what it finds.
func (t *postgresTx) users(condition, accountID string, keys []string) ([]User, error) {
	t.share("account", accountID)
	query := `SELECT ` + userColumns + ` FROM users WHERE account_id = $1 AND ` + condition + ` ORDER BY entry`
	if t.locks != nil && !t.locks.held[t.store.lock("account", accountID)] {
		query += ` FOR UPDATE` // in the order of entries, since that is done after sorting
	}
	users, err := list(&t.tx, scanUser, query, accountID, keys)
	t.haveRead(users)
	return users, err
}

// haveRead remembers which users cannot change any more, but by this transaction.
func (t *postgresTx) haveRead(users []User) {
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

func (t *postgresTx) Users(accountID string, userIDs []string) ([]User, error) {
	return t.users(`user_id = ANY($2)`, accountID, userIDs)
}

func (t *postgresTx) UsersByEmail(accountID string, emails []string) ([]User, error) {
	return t.users(`email_key = ANY($2)`, accountID, emailKeys(emails))
}

func (t *postgresTx) ListUsers(accountID string, filter UserFilter, after Entry, limit int) ([]User, error) {
	t.take("account", accountID)
	users, err := t.tx.ListUsers(accountID, filter, after, limit)
	t.haveRead(users)
	return users, err
}

func (t *postgresTx) HasUsers(accountID string) (bool, error) {
	t.share("account", accountID)
	return t.tx.HasUsers(accountID)
}

func (t *postgresTx) Addresses(emails []string) ([]Address, error) {
	keys := emailKeys(emails)
	t.takeEmails(keys)
	return list(&t.tx, func(row scanner) (a Address, err error) {
		err = row.Scan(&a.Email, &a.AccountID, &a.UserID, &a.Registered)
		return a, err
	}, `SELECT email_key, account_id, user_id, registered FROM emails
		WHERE email_key = ANY($1) ORDER BY email_key, account_id`, keys)
}

// userTypes are the first twenty arguments of a statement as columns of users, see userArrays.
const userTypes = `$1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
	$9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::text[], $15::text[], $16::text[],
	$17::text[], $18::boolean[], $19::boolean[], $20::boolean[]`

// userArrays are the columns of some users, in the order of userColumns.
func userArrays(users []User) []any {
	return []any{
		column(users, func(u *User) string { return u.AccountID }),
		column(users, func(u *User) int64 { return int64(u.Entry) }),
		column(users, func(u *User) string { return u.UserID }),
		column(users, func(u *User) string { return u.Email }),
		column(users, func(u *User) string { return u.DisplayName }),
		column(users, func(u *User) string { return u.License }),
		column(users, func(u *User) string { return u.Type }),
		column(users, func(u *User) string { return u.Registration }),
		column(users, func(u *User) int64 { return millis(u.RegisteredOn) }),
		column(users, func(u *User) string { return u.Invitation }),
		column(users, func(u *User) string { return u.InviteID }),
		column(users, func(u *User) int64 { return millis(u.InvitedOn) }),
		column(users, func(u *User) bool { return u.AlexaEnabled }),
		column(users, func(u *User) string { return u.AlexaARN }),
		column(users, func(u *User) string { return u.PersonalPIN }),
		column(users, func(u *User) string { return u.PhoneNumber }),
		column(users, func(u *User) string { return u.PhoneProductType }),
		column(users, func(u *User) bool { return u.InboundCalling }),
		column(users, func(u *User) bool { return u.OutboundCalling }),
		column(users, func(u *User) bool { return u.SMS }),
	}
}

// emailsOf are the addresses of some users, as keys.
func emailsOf(users []User) []string {
	return emailKeys(column(users, func(u *User) string { return u.Email }))
}

func (t *postgresTx) InsertUsers(users []User) error {
	t.take("account", distinct(column(users, func(u *User) string { return u.AccountID }))...)
	t.takeEmails(emailsOf(users))
	e := t.entries("users", "account_id")
	for i := range users {
		var err error
		if users[i].Entry, err = e.take(users[i].AccountID); err != nil {
			return err
		}
	}
	keys := column(users, func(u *User) string { return EmailKey(u.Email) })
	accounts := column(users, func(u *User) string { return u.AccountID })
	ids := column(users, func(u *User) string { return u.UserID })
	// Whether anything is taken is known when all have been tried, in one round trip.
	t.conn.enqueue(postgresStatement{text: `INSERT INTO emails (email_key, account_id, user_id, registered)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])`,
		args: []any{keys, accounts, ids, column(users, func(u *User) bool { return u.claims().registered })}})
	t.conn.enqueue(postgresStatement{text: `INSERT INTO pins (pin, account_id, user_id)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS v (pin, account_id, user_id) WHERE v.pin <> ''`,
		args: []any{column(users, func(u *User) string { return u.PersonalPIN }), accounts, ids}})
	_, err := t.write(`INSERT INTO users (`+userColumns+`, email_key) SELECT * FROM unnest(`+userTypes+`, $21::text[])`,
		append(userArrays(users), keys)...)
	return err
}

func (t *postgresTx) UpdateUsers(accountID string, changes []UserChange) error {
	t.share("account", accountID)
	claims := false // given up or taken
	known := true   // all rows were read, and each is named once
	for i := range changes {
		b, a := &changes[i].Before, &changes[i].After
		claims = claims || b.claims() != a.claims()
		known = known && t.read[rowKey{accountID, b.Entry}] && b.UserID == a.UserID && b.Entry == a.Entry &&
			b.AccountID == accountID && a.AccountID == accountID && (i == 0 || changes[i-1].Before.Entry < b.Entry)
	}
	if claims {
		before := column(changes, func(c *UserChange) User { return c.Before })
		after := column(changes, func(c *UserChange) User { return c.After })
		t.take("account", accountID)
		t.takeEmails(emailsOf(append(before, after...)))
	}
	if claims || !known || t.doom != nil {
		return t.tx.UpdateUsers(accountID, changes)
	}
	// Nothing can go wrong but the storage itself, so the answer is waited for later. The entries are
	// named twice lest a plan made for few rows joins with all users of the account.
	t.wrote = true
	t.conn.enqueue(postgresStatement{text: `UPDATE users SET email = v.email, display_name = v.display_name,
		license = v.license, type = v.type, registration = v.registration, registered_on = v.registered_on,
		invitation = v.invitation, invite_id = v.invite_id, invited_on = v.invited_on, alexa_enabled = v.alexa_enabled,
		alexa_arn = v.alexa_arn, personal_pin = v.personal_pin, phone_number = v.phone_number,
		phone_product_type = v.phone_product_type, inbound_calling = v.inbound_calling,
		outbound_calling = v.outbound_calling, sms = v.sms
		FROM unnest(` + userTypes + `) AS v (` + userColumns + `)
		WHERE users.account_id = $21 AND users.entry = ANY($2) AND users.entry = v.entry`,
		args: append(userArrays(column(changes, func(c *UserChange) User { return c.After })), accountID)})
	return nil
}

func (t *postgresTx) DeleteUsers(accountID string, users []User) error {
	t.take("account", accountID)
	t.takeEmails(emailsOf(users))
	for i := range users {
		delete(t.read, rowKey{users[i].AccountID, users[i].Entry})
		if users[i].AccountID != accountID {
			return t.tx.DeleteUsers(accountID, users) // which refuses it
		}
	}
	t.conn.enqueue(postgresStatement{text: `DELETE FROM emails WHERE email_key = ANY($1) AND account_id = $2`,
		args: []any{emailsOf(users), accountID}})
	t.conn.enqueue(postgresStatement{text: `DELETE FROM pins WHERE pin = ANY($1)`,
		args: []any{column(users, func(u *User) string { return u.PersonalPIN })}})
	n, err := t.write(`DELETE FROM users USING unnest($1::bigint[], $2::text[]) AS v (entry, user_id)
		WHERE users.account_id = $3 AND users.entry = ANY($1) AND users.entry = v.entry AND users.user_id = v.user_id`,
		column(users, func(u *User) int64 { return int64(u.Entry) }),
		column(users, func(u *User) string { return u.UserID }), accountID)
	if err == nil && n != int64(len(users)) {
		t.doom = ErrNotFound
		err = t.doom
	}
	return err
}

// Domains

func (t *postgresTx) DomainOwners(names []string) ([]Domain, error) {
	names = emailKeys(names)
	t.take("domain", names...)
	return list(&t.tx, scanDomain, `SELECT `+domainColumns+` FROM domains WHERE name = ANY($1) ORDER BY name`, names)
}

func (t *postgresTx) Domains(accountID string) ([]Domain, error) {
	t.share("account", accountID)
	return t.tx.Domains(accountID)
}

func (t *postgresTx) InsertDomain(d Domain) error {
	t.take("account", d.AccountID)
	t.take("domain", EmailKey(d.Name))
	return t.tx.InsertDomain(d)
}

func (t *postgresTx) DeleteDomain(accountID, name string) error {
	t.take("account", accountID)
	t.take("domain", EmailKey(name))
	return t.tx.DeleteDomain(accountID, name)
}

// Access keys

func (t *postgresTx) AccessKey(keyID string) (AccessKey, error) {
	t.take("keys", "")
	return t.tx.AccessKey(keyID)
}

func (t *postgresTx) AccessKeys(awsAccountID string) ([]AccessKey, error) {
	t.take("keys", "")
	return t.tx.AccessKeys(awsAccountID)
}

func (t *postgresTx) PutAccessKey(k AccessKey) error {
	t.take("keys", "")
	return t.tx.PutAccessKey(k)
}

func (t *postgresTx) DeleteAccessKey(keyID string) error {
	t.take("keys", "")
	return t.tx.DeleteAccessKey(keyID)
}

// Audit

func (t *postgresTx) Audit(awsAccountID string, filter AuditFilter, after Entry, limit int) ([]AuditRecord, error) {
	t.take("trail", "")
	return t.tx.Audit(awsAccountID, filter, after, limit)
}

func (t *postgresTx) AWSAccounts() ([]string, error) {
	t.take("trail", "")
	return t.tx.AWSAccounts()
}

// expectRecords looks up, on the way, the end of the trail that an update of an account will go on.
func (t *postgresTx) expectRecords(awsAccountID string) {
	if t.locks == nil || t.doom != nil {
		return
	}
	if t.trail == nil {
		t.trail = make(map[string]Entry)
	}
	if _, known := t.trail[awsAccountID]; known {
		return
	}
	t.conn.enqueue(postgresStatement{lastEntry("audit", "aws_account_id"), []any{awsAccountID}, func(row scanner) error {
		var last Entry
		err := row.Scan(&last)
		t.trail[awsAccountID] = last
		return err
	}})
}

// AppendAudit does not wait for other updates that append to the same trail at the same time. Their
// entries differ, and are above all that were committed when each began.
func (t *postgresTx) AppendAudit(records []AuditRecord) error {
	t.share("trail", "")
	e := t.entries("audit", "aws_account_id")
	if t.trail != nil {
		e.last = t.trail
	}
	for i := range records {
		var err error
		if records[i].Entry, err = e.take(records[i].AWSAccountID); err != nil {
			return err
		}
	}
	if t.doom != nil || len(records) == 0 {
		return t.doom
	}
	// As with UpdateUsers there is nothing to wait for.
	t.wrote = true
	t.conn.enqueue(postgresStatement{text: `INSERT INTO audit (` + auditColumns + `) SELECT * FROM unnest($1::text[],
		$2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
		$11::text[], $12::text[])`, args: []any{
		column(records, func(r *AuditRecord) string { return r.AWSAccountID }),
		column(records, func(r *AuditRecord) int64 { return int64(r.Entry) }),
		column(records, func(r *AuditRecord) int64 { return millis(r.Time) }),
		column(records, func(r *AuditRecord) string { return r.RequestID }),
		column(records, func(r *AuditRecord) string { return r.KeyID }),
		column(records, func(r *AuditRecord) string { return r.KeyName }),
		column(records, func(r *AuditRecord) string { return r.UserAgent }),
		column(records, func(r *AuditRecord) string { return r.Operation }),
		column(records, func(r *AuditRecord) string { return r.AccountID }),
		column(records, func(r *AuditRecord) string { return r.Target }),
		column(records, func(r *AuditRecord) string { return r.Before }),
		column(records, func(r *AuditRecord) string { return r.After }),
	}})
	last := records[len(records)-1]
	t.proof = &postgresStatement{
		text: `SELECT FROM audit WHERE aws_account_id = $1 AND entry = $2 AND request_id = $3`,
		args: []any{last.AWSAccountID, last.Entry, last.RequestID},
	}
	return nil
}

func (t *postgresTx) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	t.share("trail", "")
	return t.tx.DeleteAudit(awsAccountID, before, limit)
}

// Settings

func (t *postgresTx) GlobalSettings(awsAccountID string) (GlobalSettings, error) {
	t.take("settings", awsAccountID)
	return t.tx.GlobalSettings(awsAccountID)
}

func (t *postgresTx) PutGlobalSettings(awsAccountID string, g GlobalSettings) error {
	t.take("settings", awsAccountID)
	return t.tx.PutGlobalSettings(awsAccountID, g)
}

func (t *postgresTx) Setting(name string) ([]byte, error) {
	t.take("setting", name)
	return t.tx.Setting(name)
}

func (t *postgresTx) PutSetting(name string, value []byte) error {
	t.take("setting", name)
	return t.tx.PutSetting(name, value)
}
