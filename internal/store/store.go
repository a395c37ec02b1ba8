// Package store is the contract of the storage: the records of the directory service (accounts,
// users, claimed domains, chat rooms, bots, messages, telephone numbers, access keys, sessions,
// bulk jobs, tasks and the audit trail), and how they are read and written. It says which of them
// are kept together, what must be unique and in which order they come; it knows no rule of the
// service itself.
//
// Start at [Store], and at the records below it. Package sqlite is the engine that needs no server,
// package postgres the one that several services can share; neither knows the other. Package engine
// has what they share, package storetest the suite that both must pass.
//
// Two habits run through the schema, so that one database can become many. Every key and every
// condition begins with the account, or the AWS account, that the rows belong to. And what must be
// unique across accounts (an account id, an e-mail address, a PIN, a domain, a telephone number, an
// access key) has a table of its own, keyed by it.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors that callers tell apart with errors.Is. What they wrap tells an operator more, in words
// that are fit for a log: there may be keys and ids in it, but no address, name, PIN or secret of a
// record.
var (
	// ErrNotFound: the record that was named does not exist, or its account is deleted.
	ErrNotFound = errors.New("not found")

	// ErrExists: a unique key is taken. The update has changed nothing. Run it again to let it see
	// who holds the key (the second run makes up a new PIN if that was taken).
	ErrExists = errors.New("already exists")

	// ErrUnavailable: the storage did not answer before anything was written (it is locked,
	// read-only, gone or closed). Nothing has changed, and the same call may be repeated.
	ErrUnavailable = errors.New("storage is unavailable")

	// ErrFailed: the storage failed while changes were being written or committed (a full disk, an
	// I/O error). No reader sees any of them. Only if it failed at the commit itself, and nobody could
	// find out how that ended, may the whole update turn out to be done, as after a lost reply.
	ErrFailed = errors.New("storage failed")

	// ErrNewerSchema: a newer release of the program has already upgraded the database.
	ErrNewerSchema = errors.New("the database was written by a newer release")

	// ErrOlderSchema: the database awaits its upgrade, which only the service itself may do.
	ErrOlderSchema = errors.New("the database was written by an older release")
)

// Store is a database of the directory service. Its methods may be called from any number of
// goroutines at once.
type Store interface {
	// Update runs fn and keeps everything that it wrote, or nothing. When Update returns nil, the
	// changes are on stable storage and every later View, in any process, sees them.
	//
	// What fn reads cannot change before fn ends: updates that meet take turns. An error from fn
	// undoes its changes and is returned as it is; a panic undoes them and goes on. An error of a
	// writing method of [Tx], or of the storage, dooms the update: the remaining calls return it
	// too, and so does Update, even if fn hides it.
	//
	// fn may be run more than once, so it must set its results from scratch each time. It must be
	// quick, since others wait. It must not use the store except through its Tx. If the context
	// ends while the update waits for its turn, Update returns the context's error without running
	// fn; an update that has begun is carried through.
	Update(ctx context.Context, fn func(Tx) error) error

	// View runs fn on one consistent snapshot of what was committed before. Updates do not wait for
	// it, nor it for them. The error of fn is returned as it is. A failure of the storage is
	// ErrUnavailable; once the context has ended, reads return its error. fn must not use the store
	// except through its ReadTx.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Seats counts the users that hold each license, invited ones included, in all accounts.
	// Licenses that nobody holds are missing. It reads every user, which takes some seconds for
	// millions, and ends with the context. A failure of the storage is ErrUnavailable.
	Seats(ctx context.Context) (map[string]int, error)

	// DueTasks returns tasks that are due at a time and not leased then, of all AWS accounts, those
	// that have waited the longest first, at most limit of them. next is when the first of the others
	// can be taken, zero if there is none; of those beyond the limit it tells nothing. A failure of
	// the storage is ErrUnavailable.
	DueTasks(ctx context.Context, at time.Time, limit int) (due []Task, next time.Time, err error)

	// CountDueTasks counts the tasks that are due at a time and not leased then, by kind. Kinds
	// without any are missing. A failure of the storage is ErrUnavailable.
	CountDueTasks(ctx context.Context, at time.Time) (map[string]int, error)

	// AccessKey returns an access key, like the method of [ReadTx]. Every request needs one before it
	// is known to be genuine, so AccessKey has connections that it shares with Ping alone: neither
	// waits for views or updates.
	AccessKey(ctx context.Context, keyID string) (AccessKey, error)

	// Stats returns what the store has done so far. It costs next to nothing.
	Stats() Stats

	// Ping reports whether the storage answers and, if a change has failed since the last commit or
	// there is next to no room for one, whether it takes a change, by making one. The error is
	// ErrUnavailable. See AccessKey.
	Ping(ctx context.Context) error

	// Close lets calls that have begun finish, and releases everything. Later calls return
	// ErrUnavailable.
	Close() error
}

// ScanRows bounds how many rows a listing looks at beyond those that it returns. It takes some
// milliseconds to look at so many.
const ScanRows = 4000

// SearchRows bounds how many rows a search for users looks at. It takes some 20 ms to look at so
// many.
const SearchRows = 20_000

// ReadTx reads. It is valid only inside the function that it was given to, and only in the
// goroutine of that function.
//
// A listing returns a page of rows in order of [Entry]: those with an entry above after (0 starts
// at the beginning), at most limit of them (1 or more). It looks at limit and [ScanRows] rows at
// most, so a page is shorter, or empty, if few of those pass the filter. The listing goes on after
// next; if that is 0, nothing follows. Whoever walks the pages neither skips nor repeats a row that
// stays, whatever is inserted or deleted meanwhile.
//
// Methods that take several keys return the records that exist; the others are simply missing.
// E-mail addresses are compared by [address.Key], names of domains as they are.
type ReadTx interface {
	// Account returns an account of an AWS account, or ErrNotFound, also for one that is deleted or
	// belongs to another AWS account.
	Account(awsAccountID, accountID string) (Account, error)
	// FindAccount returns an account, whichever AWS account owns it, or ErrNotFound. It is for the
	// operator and for the rules that look across accounts; a caller's request names its AWS
	// account.
	FindAccount(accountID string) (Account, error)
	// Accounts lists the accounts of an AWS account that pass the filter.
	Accounts(awsAccountID string, filter AccountFilter, after Entry, limit int) (page []Account, next Entry, err error)

	// Users returns the account's users with these ids, in order of entry, each once.
	Users(accountID string, userIDs []string) ([]User, error)
	// AccountUsers returns what Account and Users return. Where each answer of the storage is waited
	// for, it waits once.
	AccountUsers(awsAccountID, accountID string, userIDs []string) (Account, []User, error)
	// UsersByEmail returns the account's users with these addresses, in order of entry, each once.
	UsersByEmail(accountID string, emails []string) ([]User, error)
	// ListUsers lists the users of an account that pass the filter.
	ListUsers(accountID string, filter UserFilter, after Entry, limit int) (page []User, next Entry, err error)
	// SearchUsers lists the users of an account that pass a search, at most limit of them (1 or more).
	// Those whose address begins with its text come first, in the order of [address.Key], the others
	// in order of entry. The zero cursor begins. A page looks at [SearchRows] rows at most, so it is
	// shorter, or empty, if few of those pass. The search goes on at next; if that is the zero cursor,
	// nothing follows. As with a listing, no row that stays as it is comes twice or is left out.
	SearchUsers(accountID string, search UserSearch, at UserCursor, limit int) (page []User, next UserCursor, err error)
	// CountUsers counts the users of an account, invited ones included, by license and registration,
	// in the order of these. It reads all of them, which takes a second for a million.
	CountUsers(accountID string) ([]UserCount, error)
	// HasUsers reports whether the account has any user, invited ones included.
	HasUsers(accountID string) (bool, error)
	// Addresses says who holds these addresses, in all accounts, ordered by address and account.
	Addresses(emails []string) ([]Address, error)

	// Room returns a room of an account, or ErrNotFound.
	Room(accountID, roomID string) (Room, error)
	// RoomByRequest returns the youngest of an account's rooms that a request with this token made,
	// or ErrNotFound.
	RoomByRequest(accountID, token string) (Room, error)
	// ListRooms lists the rooms of an account that pass the filter.
	ListRooms(accountID string, filter RoomFilter, after Entry, limit int) (page []Room, next Entry, err error)
	// CountRooms returns how many rooms an account has.
	CountRooms(accountID string) (int, error)

	// RoomMemberships returns what memberships these members have in a room, in order of entry.
	RoomMemberships(room Room, memberIDs []string) ([]RoomMembership, error)
	// MembershipsOf returns what memberships these members have in all rooms of an account, in order
	// of entry of the rooms.
	MembershipsOf(accountID string, memberIDs []string) ([]RoomMembership, error)
	// ListRoomMemberships lists the memberships of a room.
	ListRoomMemberships(room Room, after Entry, limit int) (page []RoomMembership, next Entry, err error)
	// CountRoomMemberships returns how many members a room has.
	CountRoomMemberships(room Room) (int, error)

	// Bot returns a bot of an account, or ErrNotFound.
	Bot(accountID, botID string) (Bot, error)
	// ListBots lists the bots of an account.
	ListBots(accountID string, after Entry, limit int) (page []Bot, next Entry, err error)
	// CountBots returns how many bots an account has.
	CountBots(accountID string) (int, error)
	// BotEmails returns those of some addresses that bots have, in all accounts, in the form of
	// [address.Key] and in order.
	BotEmails(emails []string) ([]string, error)
	// BotEvents returns the first events that wait for a bot, at most limit of them.
	BotEvents(accountID, botID string, limit int) ([]BotEvent, error)
	// CountBotEvents returns how many events wait for a bot.
	CountBotEvents(accountID, botID string) (int, error)

	// Task returns a task of an account or, if accountID is empty, of an AWS account, or ErrNotFound.
	Task(awsAccountID, accountID, kind, target string) (Task, error)

	// PoolNumbers returns those of some telephone numbers that the installation knows, in order.
	PoolNumbers(numbers []string) ([]PoolNumber, error)
	// ListPool lists the numbers that the installation knows, in their order: the entry of each is the
	// number that its digits make. A page looks at as many rows as it takes.
	ListPool(filter PoolFilter, after Entry, limit int) (page []PoolNumber, next Entry, err error)

	// PhoneNumbers returns those of some telephone numbers that an AWS account has, in order of entry.
	PhoneNumbers(awsAccountID string, numbers []string) ([]PhoneNumber, error)
	// ListPhoneNumbers lists the telephone numbers of an AWS account that pass the filter.
	ListPhoneNumbers(awsAccountID string, filter PhoneNumberFilter, after Entry, limit int) (page []PhoneNumber, next Entry, err error)
	// CountPhoneNumbers returns how many telephone numbers an AWS account has, without those whose
	// Deleted is set.
	CountPhoneNumbers(awsAccountID string) (int, error)
	// PhoneNumberOrder returns an order of an AWS account, or ErrNotFound.
	PhoneNumberOrder(awsAccountID, orderID string) (PhoneNumberOrder, error)
	// ListPhoneNumberOrders lists the orders of an AWS account, the newest first: those with an entry
	// below before, 0 for all.
	ListPhoneNumberOrders(awsAccountID string, before Entry, limit int) (page []PhoneNumberOrder, next Entry, err error)
	// PhoneNumberSettings returns settings of an AWS account; the zero settings if none were put.
	PhoneNumberSettings(awsAccountID string) (PhoneNumberSettings, error)
	// PhoneNumberRestrictions returns the restrictions of an AWS account, by product type and country.
	PhoneNumberRestrictions(awsAccountID string) ([]PhoneNumberRestriction, error)

	// Conversation returns what an account has of a conversation that its users are in, whichever
	// account keeps the messages, or ErrNotFound.
	Conversation(accountID, conversationID string) (Conversation, error)
	// Message returns a message that an account keeps, or ErrNotFound.
	Message(accountID, messageID string) (Message, error)
	// OldestMessage returns the message of a kind that an account has kept for the longest time, by
	// Created, or ErrNotFound.
	OldestMessage(accountID string, kind Retention) (Message, error)
	// ListMessages lists the messages of a discussion.
	ListMessages(d Discussion, after Entry, limit int) (page []Message, next Entry, err error)

	// ListDialOuts lists the dial-outs of an AWS account that pass the filter.
	ListDialOuts(awsAccountID string, filter DialOutFilter, after Entry, limit int) (page []DialOut, next Entry, err error)
	// CountDialOuts returns how many dial-outs of an AWS account have a status.
	CountDialOuts(awsAccountID, status string) (int, error)

	// Job returns a job of an AWS account, or ErrNotFound.
	Job(awsAccountID, jobID string) (Job, error)
	// ListJobs lists the jobs of an AWS account that pass the filter, the newest first: those with an
	// entry below before, 0 for all.
	ListJobs(awsAccountID string, filter JobFilter, before Entry, limit int) (page []Job, next Entry, err error)
	// ListUndoing lists those that undo others among the next jobs, up to a limit, of an AWS account
	// that pass the filter, in the order in which they began: those with an entry above after.
	ListUndoing(awsAccountID string, filter JobFilter, after Entry, limit int) ([]Job, error)

	// DomainOwners returns the claims on these domains, ordered by name.
	DomainOwners(names []string) ([]Domain, error)
	// Domains returns the domains that an account has claimed, ordered by name.
	Domains(accountID string) ([]Domain, error)

	// AccessKey returns the key with this id, disabled and expired ones too, or ErrNotFound.
	AccessKey(keyID string) (AccessKey, error)
	// AccessKeys returns the keys of an AWS account, oldest first.
	AccessKeys(awsAccountID string) ([]AccessKey, error)

	// Session returns a session, one that has ended, too, or ErrNotFound.
	Session(sessionID string) (Session, error)
	// Sessions returns the sessions of an AWS account, oldest first.
	Sessions(awsAccountID string) ([]Session, error)
	// SignInLink returns a link, one that has expired, too, or ErrNotFound.
	SignInLink(linkID string) (SignInLink, error)

	// GlobalSettings returns the settings of an AWS account; the zero settings if none were put.
	GlobalSettings(awsAccountID string) (GlobalSettings, error)

	// AWSAccounts returns the ids of the AWS accounts in which anything was ever done, in order: those
	// that have or had an account, or records that belong to no account. Like FindAccount it is for
	// the operator.
	AWSAccounts() ([]string, error)
	// Audit lists what was done in an AWS account: oldest first, or newest first if the filter says
	// so, and then the records of a page have entries below after (0 starts at the end). Records of
	// several accounts may have the same entry; a page has all of those or none, and more than limit
	// only if these are more.
	Audit(awsAccountID string, filter AuditFilter, after Entry, limit int) (page []AuditRecord, next Entry, err error)

	// Setting returns a setting of the installation, or ErrNotFound.
	Setting(name string) ([]byte, error)
}

// Tx reads what ReadTx reads, including the update's own changes, and writes.
//
// Methods that insert set the entries of the records that they are given. Entries rise in the order
// of the slice, above all that the account has (for accounts, and for audit records that belong to
// no account: above all that the AWS account has). Trails are the one thing that several updates
// may add to at the same time: their records can become visible in another order than that of the
// entries. Beyond one account, the order of a trail is that of the clocks of the services.
type Tx interface {
	ReadTx

	// InsertAccount adds an account. ErrExists: the id is taken, even if by a deleted account or in
	// another AWS account.
	InsertAccount(*Account) error
	// UpdateAccount replaces the account with these ids, except for Entry and Created. ErrNotFound:
	// there is none, or it is deleted.
	UpdateAccount(Account) error
	// DeleteAccount hides an account from the given time on; its row stays, so that it can be
	// restored. It is an error if the account has users or domains left: they would go on holding
	// their addresses and names unseen. ErrNotFound: there is no such account, or it is deleted
	// already.
	DeleteAccount(awsAccountID, accountID string, at time.Time) error

	// InsertUsers adds users. ErrExists: a user id or an address is taken in the account, the
	// address of a registered user is held by a registered user anywhere, or a PIN is taken.
	InsertUsers([]User) error
	// UpdateUsers changes users of one account from Before, as this update read them, to After. Ids
	// and entries do not change. ErrNotFound: a user is gone. ErrExists: as with InsertUsers. A key
	// that one user gives up can be taken by another in the same call, but two users of the account
	// cannot swap addresses.
	UpdateUsers(accountID string, changes []UserChange) error
	// DeleteUsers removes users of one account for good, given as this update read them.
	// ErrNotFound: a user is gone. It leaves their memberships of rooms, see DeleteMembershipsOf.
	DeleteUsers(accountID string, users []User) error

	// InsertRoom adds a room. ErrExists: the id is taken in the account.
	InsertRoom(*Room) error
	// UpdateRoom sets Name and Updated of a room, as this update read it otherwise. ErrNotFound: it
	// is gone.
	UpdateRoom(Room) error
	// DeleteRoom removes a room, as this update read it, and its memberships for good. ErrNotFound:
	// it is gone. It leaves the messages, see DeleteMessages; nobody finds them any more.
	DeleteRoom(Room) error

	// InsertRoomMemberships adds memberships of a room, as this update read it, and sets in them what
	// says which room it is. ErrExists: somebody is a member already.
	InsertRoomMemberships(room Room, memberships []RoomMembership) error
	// UpdateRoomMembership sets Role and Updated of a membership, as this update read it otherwise.
	// ErrNotFound: it is gone.
	UpdateRoomMembership(RoomMembership) error
	// DeleteRoomMembership removes a membership, as this update read it. ErrNotFound: it is gone.
	DeleteRoomMembership(RoomMembership) error
	// DeleteMembershipsOf removes the memberships that these members have in all rooms of an account.
	DeleteMembershipsOf(accountID string, memberIDs []string) error

	// InsertBot adds a bot. ErrExists: the id is taken in the account, or the address in any.
	InsertBot(*Bot) error
	// UpdateBot sets what may change of a bot, as this update read it otherwise. ErrNotFound: the
	// account has no such bot.
	UpdateBot(Bot) error
	// InsertBotEvent adds an event, as the last of those that wait for its bot.
	InsertBotEvent(*BotEvent) error
	// DeleteBotEvents removes the events that wait for a bot, up to the one with the entry last.
	DeleteBotEvents(accountID, botID string, last Entry) error

	// PutTask adds a task, or replaces the one with its key.
	PutTask(Task) error
	// DeleteTask removes the task with this key, if there is one.
	DeleteTask(Task) error

	// PutPoolNumbers adds numbers, or replaces those that the installation knows already. Each must be
	// named once.
	PutPoolNumbers([]PoolNumber) error
	// DeletePoolNumbers removes numbers for good. One that is not there is passed over.
	DeletePoolNumbers(numbers []string) error

	// InsertPhoneNumbers gives numbers to one AWS account. ErrExists: it has one of them already.
	InsertPhoneNumbers([]PhoneNumber) error
	// UpdatePhoneNumbers sets what may change of numbers of one AWS account, each named once, as this
	// update read them otherwise. ErrNotFound: one is gone.
	UpdatePhoneNumbers([]PhoneNumber) error
	// DeletePhoneNumbers takes numbers from one AWS account, given as this update read them.
	// ErrNotFound: one is gone.
	DeletePhoneNumbers([]PhoneNumber) error
	// InsertPhoneNumberOrder adds an order. ErrExists: the id is taken in the AWS account.
	InsertPhoneNumberOrder(*PhoneNumberOrder) error
	// UpdatePhoneNumberOrder sets what may change of an order, as this update read it otherwise.
	// ErrNotFound: it is gone.
	UpdatePhoneNumberOrder(PhoneNumberOrder) error
	// PutPhoneNumberSettings replaces the settings of an AWS account.
	PutPhoneNumberSettings(awsAccountID string, settings PhoneNumberSettings) error
	// PutPhoneNumberRestriction adds a restriction. One that is there stays.
	PutPhoneNumberRestriction(PhoneNumberRestriction) error
	// DeletePhoneNumberRestriction removes a restriction. ErrNotFound: there is none like it.
	DeletePhoneNumberRestriction(PhoneNumberRestriction) error

	// PutConversation adds what an account has of a conversation, or sets Members and Shared in it.
	PutConversation(Conversation) error
	// ShareMessages makes what was said in a conversation so far RetainShared.
	ShareMessages(accountID, conversationID string) error
	// InsertMessage adds a message, as the last of its discussion. ErrExists: the id is taken in the
	// account.
	InsertMessage(*Message) error
	// UpdateMessage sets what may change of a message, as this update read it otherwise. ErrNotFound:
	// it is gone.
	UpdateMessage(Message) error
	// DeleteMessages removes the first messages of a discussion for good, at most limit of them, and
	// returns how many.
	DeleteMessages(d Discussion, limit int) (int, error)
	// DeleteOldMessages removes the oldest messages of a kind for good, by Created: those from a time
	// or before it, at most limit of them. It returns how many.
	DeleteOldMessages(accountID string, kind Retention, until time.Time, limit int) (int, error)

	// InsertDialOut adds a dial-out. ErrExists: the id is taken in the AWS account.
	InsertDialOut(*DialOut) error
	// UpdateDialOut sets what may change of a dial-out, as this update read it otherwise. ErrNotFound:
	// it is gone.
	UpdateDialOut(DialOut) error

	// InsertJob adds a job. ErrExists: the id is taken in the AWS account.
	InsertJob(*Job) error
	// UpdateJob sets what may change of a job, as this update read it otherwise. ErrNotFound: it is
	// gone.
	UpdateJob(Job) error

	// InsertDomain claims a domain. ErrExists: it is claimed already, by whatever account.
	InsertDomain(Domain) error
	// DeleteDomain gives up a claim. ErrNotFound: the account has no claim on this name.
	DeleteDomain(accountID, name string) error

	// PutAccessKey adds a key, or replaces the one with its id, except for LastUsed, which is zero
	// at first. ErrExists: the id belongs to another AWS account.
	PutAccessKey(AccessKey) error
	// UseAccessKey sets LastUsed of a key to a day, unless the key was used on a later one. An id of
	// no key is passed over.
	UseAccessKey(keyID string, day time.Time) error
	// DeleteAccessKey removes a key for good. ErrNotFound: there is none with this id.
	DeleteAccessKey(keyID string) error

	// InsertSession adds a session. ErrExists: the id is taken.
	InsertSession(Session) error
	// UseSession sets Seen of a session, unless it was seen later. An id of no session is passed over.
	UseSession(sessionID string, at time.Time) error
	// DeleteSession removes a session for good. ErrNotFound: there is none with this id.
	DeleteSession(sessionID string) error
	// DeleteSessionsOf removes the sessions and the links of an access key for good.
	DeleteSessionsOf(keyID string) error
	// DeleteEndedSessions removes for good, in all AWS accounts, the sessions that were last seen at a
	// time or before it, and the sessions and links that have expired at another.
	DeleteEndedSessions(unseen, at time.Time) error
	// InsertSignInLink adds a link. ErrExists: the id is taken.
	InsertSignInLink(SignInLink) error
	// DeleteSignInLink removes a link for good. ErrNotFound: there is none with this id.
	DeleteSignInLink(linkID string) error

	// PutGlobalSettings replaces the settings of an AWS account.
	PutGlobalSettings(awsAccountID string, settings GlobalSettings) error

	// AppendAudit adds to the audit trail.
	AppendAudit([]AuditRecord) error
	// DeleteAudit removes the oldest records of an AWS account's trail for good: those from before
	// a time, at most limit of them (and those with the same entry as the last), first those of its
	// accounts. It returns how many. It does not search all of a long trail for stragglers: those
	// that come after a thousand records from an hour after that time, or later, stay.
	DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error)
	// PutSetting adds a setting or replaces its value.
	PutSetting(name string, value []byte) error
}

// Entry is the place of a row among those of its account: the order of listings, and the cursor of
// pages. The store gives it out when a row is inserted: from the time (milliseconds since 1970,
// shifted left by 20 bits), and above every entry that the account has, so that entries rise even
// when the clock is set back. Entries are positive.
type Entry int64

// Times in the records are UTC, kept to the millisecond (the rest is cut off). The zero time stands
// for "never" and is kept as such.

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

	RoomRetentionDays         int // for how long messages are kept; 0: for ever
	ConversationRetentionDays int
	InitiateDeletion          time.Time // from then on older messages are deleted
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

	Email       string // never empty; unique in the account, by [address.Key]
	DisplayName string
	License     string // "Basic", "Plus", "Pro", "ProTrial"
	Type        string // "PrivateUser", "SharedDevice"

	Registration string // "Unregistered", "Registered", "Suspended"
	RegisteredOn time.Time
	Invitation   string // "" for a user who was never invited, "Pending", "Accepted", "Failed"
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

// UserSearch narrows a search for users; the zero value of a member lets all pass.
type UserSearch struct {
	Text         string // a part of the address or of the display name, whatever the case of its letters; see [address.Part]
	License      string
	Type         string
	Registration string
	Registered   Span
	Invited      Span
}

// Span is the time from Since on and before Until. The zero time of either does not bound it. The
// zero Span has all times, "never" among them, which no other span has.
type Span struct{ Since, Until time.Time }

// UserCursor is a place in a search for users: the first user, by address or by entry, who has not
// been looked at. One member is zero.
type UserCursor struct {
	Address string // in the form of [address.Key]
	Entry   Entry
}

// UserCount says how many users of an account have a license and a registration.
type UserCount struct {
	License      string
	Registration string
	Users        int
}

// UserChange is a user as read, and as it is to be.
type UserChange struct {
	Before, After User
}

// Address says that a user holds an e-mail address. Several users may be invited under one address,
// each in another account; at most one of all holders is registered.
type Address struct {
	Email      string // in the form of [address.Key]
	AccountID  string
	UserID     string
	Registered bool // a member, suspended or not; false for a user who is only invited
}

// Domain is an e-mail domain claimed by an account.
type Domain struct {
	Name         string // in the form of [address.Domain]
	AWSAccountID string
	AccountID    string
	Claimed      time.Time
}

// AccessKey is the key that requests are signed with.
type AccessKey struct {
	KeyID        string
	AWSAccountID string
	Name         string
	Policy       string // the name of a managed policy, or a policy document in JSON
	Root         bool
	SealedSecret []byte // see package seal
	Created      time.Time
	Expires      time.Time // zero: never
	Disabled     bool
	LastUsed     time.Time // the beginning of the day, see UseAccessKey; zero: never
}

// GlobalSettings are the settings of an AWS account that hold for all accounts in it.
type GlobalSettings struct {
	BusinessCallingBucket string // gets the call detail records; empty: they are not kept
	VoiceConnectorBucket  string
}

// AuditRecord is one change, kept for those who ask later who made it.
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
	Target    string
	Key       string    // the id or the name of a key
	Operation string    // "BatchUpdateUser"
	Job       string    // a word "job/ID" of the user agent, the ID alone
	Since     time.Time // this moment and later
	Until     time.Time // before this moment

	Emails bool // also records that say an address of a user, besides those with the target
	Newest bool // the newest record first: this is about the order, and lets all pass
}

// CutAudit cuts records that are in order and complete up to an entry (0: to the end) to a page,
// which ends between two entries, as [ReadTx] says of Audit.
func CutAudit(records []AuditRecord, complete Entry, limit int) (page []AuditRecord, next Entry) {
	n := min(limit, len(records))
	for n > 0 && n < len(records) && records[n].Entry == records[n-1].Entry {
		n--
	}
	if n == 0 { // the whole page is one entry
		for n = min(limit, len(records)); n < len(records) && records[n].Entry == records[0].Entry; {
			n++
		}
	}
	if n == len(records) {
		return records, complete
	}
	return records[:n], records[n-1].Entry
}

// IsBefore reports whether entry a comes before b in the order of the filter.
func (f AuditFilter) IsBefore(a, b Entry) bool {
	if f.Newest {
		return a > b
	}
	return a < b
}

// Upgraded says what the upgrade of a database has come across. Older releases compared addresses
// in lower case, and kept no records of the telephone numbers of users. Nobody is locked out: users
// and claims stay as they were, but of the users with one number, one keeps it.
type Upgraded struct {
	Users   int        // whose address has another key now
	Unfit   []UserName // whose address nobody can have any more
	Doubled []UserName // who are not found by their address, since another user has the same
	Claimed []UserName // whose domain turns out to be claimed by another account
	Domains []Domain   // claims that cover no address: another account's covers the domain, or nothing could

	Numbers     int        // telephone numbers of users that belong to their AWS account now
	NumberTaken []UserName // who lost their telephone number, since another user or AWS account has it
}

// UserName names a user.
type UserName struct {
	AccountID, UserID string
}

// Empty reports whether there is nothing that an operator has to know.
func (u *Upgraded) Empty() bool {
	return !u.OfAddresses() && !u.OfNumbers()
}

// OfAddresses reports whether some of that is about addresses and domains.
func (u *Upgraded) OfAddresses() bool {
	return u.Users != 0 || len(u.Unfit)+len(u.Doubled)+len(u.Claimed)+len(u.Domains) != 0
}

// OfNumbers reports whether some of that is about telephone numbers.
func (u *Upgraded) OfNumbers() bool { return u.Numbers != 0 || len(u.NumberTaken) != 0 }
