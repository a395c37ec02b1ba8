// Package store keeps the records of the directory service: accounts, users, claimed
// domains, access keys and the audit trail. It knows how they are kept together, what must
// be unique and in which order they come; it knows no rule of the service itself.
//
// Start at [Store], the contract, and at the records below it. [OpenSQLite] gives the engine
// that needs no server, [OpenPostgres] the one that several services can share. Package storetest
// holds the suite that every engine must pass.
//
// Two habits run through the schema, so that one database can later be many: every key and
// every condition begins with the account (or the AWS account) that the rows belong to, and
// what must be unique across accounts (an account id, an e-mail address, a PIN, a domain, an
// access key) has a table of its own, keyed by it.
package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Errors that callers tell apart with errors.Is. What they wrap says more to an operator, in words
// fit for a log: keys and ids may be in it, but no address, name, PIN or secret of a record.
var (
	// ErrNotFound: the record that was named does not exist, or its account is deleted.
	ErrNotFound = errors.New("not found")

	// ErrExists: a unique key is taken. The update has changed nothing; run it again to let it
	// see who holds the key (a PIN that was taken is made up anew in that second run).
	ErrExists = errors.New("already exists")

	// ErrUnavailable: the storage did not answer before anything was written (it is locked,
	// read-only, gone, closed). Nothing has changed and the same call may be repeated.
	ErrUnavailable = errors.New("storage is unavailable")

	// ErrFailed: the storage failed while changes were being written or committed (a full
	// disk, an I/O error). No reader sees any of them. Only when the disk failed at the commit
	// itself may a restart find the whole update done, as after a lost reply.
	ErrFailed = errors.New("storage failed")

	// ErrNewerSchema: a newer release of the program has already upgraded the database.
	ErrNewerSchema = errors.New("the database was written by a newer release")

	// ErrOlderSchema: the database awaits its upgrade, which is not for who works beside a service.
	ErrOlderSchema = errors.New("the database was written by an older release")

	// ErrLocked: another process is serving from the same directory.
	ErrLocked = errors.New("in use by another process")

	// ErrWrongKey: the key that seals secrets is not the one this database was made with.
	ErrWrongKey = errors.New("wrong secret key")
)

// Store is a database of the directory service. Its methods may be called from any number of
// goroutines at once.
type Store interface {
	// Update runs fn and keeps all it wrote, or nothing. When it returns nil the changes are on
	// stable storage and every later View, in any process, sees them.
	//
	// What fn reads cannot change before it ends: updates that meet take turns. An error from fn
	// undoes its changes and is returned as it is; a panic undoes them and goes on. An error of
	// any writing method of [Tx], or of the storage, dooms the update: the remaining calls return
	// it too, and so does Update, even if fn hides it.
	//
	// fn may be run more than once, so it must set what it hands out from scratch each time, and
	// it must be quick: others wait. It must not use the store but through its Tx. A context that
	// ends while the update waits for its turn makes Update return the context's error without
	// running fn; an update that has begun is carried through.
	Update(ctx context.Context, fn func(Tx) error) error

	// View runs fn on one consistent snapshot of what was committed before. Updates neither wait
	// for it nor make it wait. The error of fn is returned as it is. A failure of the storage is
	// ErrUnavailable; once the context has ended, reads return its error. fn must not use the store
	// but through its ReadTx.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Seats counts the users, invited ones included, that hold each license, in all accounts;
	// licenses that nobody holds are missing. It reads every user: some seconds for millions. The
	// end of the context ends it. A failure of the storage is ErrUnavailable.
	Seats(ctx context.Context) (map[string]int, error)

	// Stats returns what the store has done so far. It costs next to nothing.
	Stats() Stats

	// Ping reports whether the storage answers; the error is ErrUnavailable.
	Ping(ctx context.Context) error

	// Close lets what has begun finish and releases everything. Later calls return ErrUnavailable.
	Close() error
}

// ReadTx reads. It is valid only inside the function it was given to, and only from the
// goroutine of that function.
//
// Listings come in order of [Entry], at most limit rows (1 or more) with an entry above after (0
// starts at the beginning); a page shorter than limit is the last. Walking pages by the last entry seen
// neither skips nor repeats a row that stays, whatever is inserted or deleted meanwhile.
//
// Methods that take several keys return the records that exist; the rest is simply missing.
// E-mail addresses and domain names are compared without regard to case ([EmailKey]).
type ReadTx interface {
	// Account returns an account of an AWS account, or ErrNotFound: also for one that is deleted
	// or belongs to another AWS account.
	Account(awsAccountID, accountID string) (Account, error)
	// FindAccount returns an account whichever AWS account owns it, or ErrNotFound. It serves the
	// operator and the rules that look across accounts; a caller's request names its AWS account.
	FindAccount(accountID string) (Account, error)
	// Accounts lists the accounts of an AWS account that pass the filter.
	Accounts(awsAccountID string, filter AccountFilter, after Entry, limit int) ([]Account, error)

	// Users returns those of the named users that exist in the account, in order of entry, each
	// once.
	Users(accountID string, userIDs []string) ([]User, error)
	// UsersByEmail returns the account's users with these addresses, in order of entry, each
	// once.
	UsersByEmail(accountID string, emails []string) ([]User, error)
	// ListUsers lists the users of an account that pass the filter.
	ListUsers(accountID string, filter UserFilter, after Entry, limit int) ([]User, error)
	// HasUsers reports whether the account has any user, invited ones included.
	HasUsers(accountID string) (bool, error)
	// Addresses says who holds these addresses, in all accounts, ordered by address and account.
	Addresses(emails []string) ([]Address, error)

	// DomainOwners returns the claims on these domains, ordered by name.
	DomainOwners(names []string) ([]Domain, error)
	// Domains returns the domains that an account has claimed, ordered by name.
	Domains(accountID string) ([]Domain, error)

	// AccessKey returns the key with this id, disabled and expired ones too, or ErrNotFound.
	AccessKey(keyID string) (AccessKey, error)
	// AccessKeys returns the keys of an AWS account, oldest first.
	AccessKeys(awsAccountID string) ([]AccessKey, error)

	// GlobalSettings returns the settings of an AWS account; the zero settings if none were put.
	GlobalSettings(awsAccountID string) (GlobalSettings, error)

	// AWSAccounts returns the ids of the AWS accounts that have an audit trail, in order: all in
	// which anything was ever done. Like FindAccount it serves the operator.
	AWSAccounts() ([]string, error)
	// Audit lists what was done in an AWS account, oldest first.
	Audit(awsAccountID string, filter AuditFilter, after Entry, limit int) ([]AuditRecord, error)

	// Setting returns a setting of the installation, or ErrNotFound.
	Setting(name string) ([]byte, error)
}

// Tx reads what ReadTx reads, the update's own changes included, and writes.
//
// Methods that insert set the entries of the records they are given: rising in the order of the
// slice, above all that the account (for audit records: the AWS account) has. Trails are the one thing
// that updates may add to beside each other: records of two that overlap can become visible in
// another order than that of their entries.
type Tx interface {
	ReadTx

	// InsertAccount adds an account. ErrExists: the id is taken, be it by a deleted account or in
	// another AWS account.
	InsertAccount(*Account) error
	// UpdateAccount replaces what is kept of the account with these ids, all but Entry and
	// Created. ErrNotFound: there is none, or it is deleted.
	UpdateAccount(Account) error
	// DeleteAccount takes an account out of sight at the given time; its row stays, so that it can
	// be restored. The account must have no users and no domains left, since those would go on
	// holding their addresses and names unseen: with any, it is an error. ErrNotFound: there is
	// none, or it is deleted already.
	DeleteAccount(awsAccountID, accountID string, at time.Time) error

	// InsertUsers adds users. ErrExists: a user id or an address is taken in the account; the
	// address of a registered user is held by a registered user anywhere; or a PIN is taken.
	InsertUsers([]User) error
	// UpdateUsers brings users of one account from Before, as this update read them, to After.
	// Ids and entries do not change. ErrNotFound: a user is gone. ErrExists: as with InsertUsers;
	// keys that the call gives up can be taken over within it, save that two users of the account
	// cannot swap addresses.
	UpdateUsers(accountID string, changes []UserChange) error
	// DeleteUsers removes users of one account, given as this update read them, for good.
	// ErrNotFound: a user is gone.
	DeleteUsers(accountID string, users []User) error

	// InsertDomain claims a domain. ErrExists: it is claimed, by whichever account.
	InsertDomain(Domain) error
	// DeleteDomain gives up a claim. ErrNotFound: the account has none on this name.
	DeleteDomain(accountID, name string) error

	// PutAccessKey adds a key, or replaces the one with its id. ErrExists: the id belongs to
	// another AWS account.
	PutAccessKey(AccessKey) error
	// DeleteAccessKey removes a key for good. ErrNotFound: there is none with this id.
	DeleteAccessKey(keyID string) error
	// PutGlobalSettings replaces the settings of an AWS account.
	PutGlobalSettings(awsAccountID string, settings GlobalSettings) error

	// AppendAudit adds to the audit trail.
	AppendAudit([]AuditRecord) error
	// DeleteAudit removes the oldest records of an AWS account's trail that are from before a time,
	// limit of them at most, for good. It returns how many. It does not search all of a long trail
	// for stragglers: those behind a thousand and more records from an hour after that time stay.
	DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error)
	// PutSetting adds a setting or replaces its value.
	PutSetting(name string, value []byte) error
}

// Entry is the place of a row among those of its account: the order of listings, and the cursor
// of pages. The store gives it out when a row is inserted, from the time (milliseconds since
// 1970, shifted left by 20 bits) and above every entry that the account has, so that it rises
// even when the clock is set back. Entries are positive.
type Entry int64

// Times in the records are UTC, kept to the millisecond (what lies below is cut off). The zero
// time stands for "never" and is kept as such.

// Account is a Chime account. Deleted accounts are never returned by reads.
type Account struct {
	AWSAccountID string
	AccountID    string // unique across AWS accounts
	Entry        Entry

	Name              string
	Type              string // "Team", "EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"
	Status            string // "Active", "Suspended"
	DefaultLicense    string
	SupportedLicenses []string // as given, in order; nil when none
	Created           time.Time

	SigninDelegateGroups []string // as given, in order; nil when none
	DisableRemoteControl bool
	EnableDialOut        bool
}

// AccountFilter narrows a listing of accounts; the zero value lets all pass.
type AccountFilter struct {
	NamePrefix string   // case-sensitive
	AccountIDs []string // nil: any; empty but not nil: none
}

// Unregistered is the registration of a user who was invited and has not joined yet. Only the
// others ("Registered", "Suspended") hold their address for themselves.
const Unregistered = "Unregistered"

// User is a member, or an invited member, of one account.
type User struct {
	AccountID string
	UserID    string // unique in the account
	Entry     Entry

	Email       string // never empty; unique in the account, see [EmailKey]
	DisplayName string
	License     string // "Basic", "Plus", "Pro", "ProTrial"
	Type        string // "PrivateUser", "SharedDevice"

	Registration string // "Unregistered", "Registered", "Suspended"
	RegisteredOn time.Time
	Invitation   string // "" for one who never was invited, "Pending", "Accepted", "Failed"
	InviteID     string
	InvitedOn    time.Time

	AlexaEnabled bool
	AlexaARN     string
	PersonalPIN  string // empty, or unique in the installation

	PhoneNumber      string // E.164, or empty
	PhoneProductType string
	InboundCalling   bool
	OutboundCalling  bool
	SMS              bool
}

// UserFilter narrows a listing of users; an empty member lets all pass.
type UserFilter struct {
	Email        string
	Type         string
	Registration string
}

// UserChange is a user as read and as it shall be.
type UserChange struct {
	Before, After User
}

// Address says that a user holds an e-mail address. Several users may be invited under one
// address, in an account each; at most one of all holders is registered.
type Address struct {
	Email      string // in the form of [EmailKey]
	AccountID  string
	UserID     string
	Registered bool // a member, suspended or not; false for one who is only invited
}

// Domain is an e-mail domain claimed by an account.
type Domain struct {
	Name         string // kept in lower case
	AWSAccountID string
	AccountID    string
	Claimed      time.Time
}

// AccessKey is what requests are signed with.
type AccessKey struct {
	KeyID        string
	AWSAccountID string
	Name         string
	Policy       string // the name of a managed policy, or a policy document in JSON
	Root         bool
	SealedSecret []byte // see [Sealer]
	Created      time.Time
	Expires      time.Time // zero: never
	Disabled     bool
}

// GlobalSettings are the settings of an AWS account that hold for all accounts in it.
type GlobalSettings struct {
	BusinessCallingBucket string // gets the call detail records; empty: they are not kept
	VoiceConnectorBucket  string
}

// AuditRecord is one change, as it is kept for those who ask later who made it.
type AuditRecord struct {
	AWSAccountID string
	Entry        Entry

	Time      time.Time
	RequestID string
	KeyID     string
	KeyName   string
	UserAgent string
	Operation string // "BatchUpdateUser"
	AccountID string // empty where no account is concerned
	Target    string // what was changed, such as a user id
	Before    string // JSON, or empty
	After     string // JSON, or empty
}

// AuditFilter narrows a listing of audit records; the zero value of a member lets all pass.
type AuditFilter struct {
	AccountID string
	Operation string
	Target    string
	Key       string // the id or the name of a key
	Job       string // a word "job/ID" of the user agent, the ID alone
	RequestID string
	Since     time.Time // this moment and later
	Until     time.Time // before this moment
}

// EmailKey is the form in which e-mail addresses are compared: in lower case by Unicode's simple
// mapping, the local part included, and otherwise as written. The spelling a user was given is
// kept beside it.
func EmailKey(email string) string { return strings.ToLower(email) }
