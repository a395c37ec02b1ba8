package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// Import brings in what is left of a directory elsewhere: accounts, users, bots, and chat rooms
// with their members, as the API once listed them, with their ids, dates and licenses, in the order
// in which they are given; telephone numbers of an AWS account, too, and settings. Call
// [Import.Accounts], [Import.Users], [Import.Bots], [Import.Rooms], [Import.Memberships],
// [Import.Numbers] and [Import.NumberOrders] in this order, since each belongs to what came before,
// and settings at any time after accounts. The rules are in import_accounts.go, import_users.go,
// import_bots.go, import_rooms.go, import_numbers.go and import_settings.go; what accounts and
// users must be to be considered at all is in import_rows.go.
//
// What the store already has is never changed, so an import that was cut short can be run again.
// Each thing that is added gets an audit record of its own, which later tells where it came from.
// Writing the records takes a quarter of the time, and is worth it.
type Import struct {
	store   store.Store
	options Options
	caller  Caller // one for all records, so that one request id finds them
	request ImportOptions

	empty    bool   // the store has never been used
	root     string // see Keyless
	owners   []string
	accounts map[string]placed[store.Account] // by id
	seen     seen
}

// ImportOptions adjusts an import; the zero value is ready to use.
type ImportOptions struct {
	// AccountID is the account, in the store or imported, for users, rooms and members that name no
	// account or an unknown one, and for bots and settings, which never name one. Empty: such rows are
	// refused.
	AccountID string
	// Named refuses users, rooms and members that name no account or an unknown one, with an AccountID
	// too.
	Named bool
	// AWSAccountID is the AWS account of telephone numbers, of orders of them and of settings, which
	// do not say it. Empty: that of the imported accounts, or the only one that there is.
	AWSAccountID string
	// DryRun finds out what an import would do, by doing it and undoing it again.
	DryRun bool
}

// AccountRow is an account to import. Members that the file does not have are absent.
type AccountRow struct {
	Place   string // where it was found, such as "accounts.json:3"
	Account api.Account
}

// UserRow is a user to import. Members that the file does not have are absent.
type UserRow struct {
	Place string // where it was found
	User  api.User
}

// ImportedRow says what became of a row.
type ImportedRow struct {
	Outcome RowOutcome
	Reason  string   // of RowDiffers and RowBad
	Notes   []string // what was not taken as it stands; the same fault has the same text in every row
}

// RowOutcome is what became of a row.
type RowOutcome int

const (
	RowAdded     RowOutcome = iota // it is new
	RowCompleted                   // it was there, and got what was missing: a user the personal PIN, a phone number what its list tells
	RowUnchanged                   // it says nothing new
	RowDiffers                     // the store says otherwise, and stays as it is
	RowBad                         // it breaks a rule, and is skipped
)

func (r *ImportedRow) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// rootSetting names the AWS account that gets the root key if the operator names none.
const rootSetting = "aws-account-id"

// errDryRun makes the store undo what a dry run did.
var errDryRun = errors.New("only a dry run")

// placed is something that was found at a place.
type placed[T any] struct {
	value T
	place string
}

// seen is what was imported so far. The store knows it too, except in a dry run.
type seen struct {
	users      map[[2]string]placed[store.User] // by ids of account and user
	addresses  map[[2]string]placed[string]     // user ids, by account id and address
	registered map[string]placed[string]        // account ids, by address
	pins       map[string]bool
	unknown    map[string]bool // accounts that are nowhere; "" for rows that name none

	rooms       map[[2]string]placed[store.Room]           // by ids of account and room
	memberships map[[3]string]placed[store.RoomMembership] // by ids of account, room and member
	bots        map[[2]string]placed[store.Bot]            // by ids of account and bot
	botEmails   map[string]bool                            // by [address.Key]

	numbers map[string]placed[store.PhoneNumber]
	claimed map[string]store.PhoneNumber              // that came with users
	orders  map[string]placed[store.PhoneNumberOrder] // by id

	settings map[string]string // places, by what they are settings of
}

func newSeen() seen {
	return seen{
		users:      make(map[[2]string]placed[store.User]),
		addresses:  make(map[[2]string]placed[string]),
		registered: make(map[string]placed[string]),
		pins:       make(map[string]bool),
		unknown:    make(map[string]bool),

		rooms:       make(map[[2]string]placed[store.Room]),
		memberships: make(map[[3]string]placed[store.RoomMembership]),
		bots:        make(map[[2]string]placed[store.Bot]),
		botEmails:   make(map[string]bool),

		numbers: make(map[string]placed[store.PhoneNumber]),
		claimed: make(map[string]store.PhoneNumber),
		orders:  make(map[string]placed[store.PhoneNumberOrder]),

		settings: make(map[string]string),
	}
}

func (s *seen) add(more seen) {
	maps.Copy(s.users, more.users)
	maps.Copy(s.addresses, more.addresses)
	maps.Copy(s.registered, more.registered)
	maps.Copy(s.pins, more.pins)
	maps.Copy(s.unknown, more.unknown)
	maps.Copy(s.rooms, more.rooms)
	maps.Copy(s.memberships, more.memberships)
	maps.Copy(s.bots, more.bots)
	maps.Copy(s.botEmails, more.botEmails)
	maps.Copy(s.numbers, more.numbers)
	maps.Copy(s.claimed, more.claimed)
	maps.Copy(s.orders, more.orders)
	maps.Copy(s.settings, more.settings)
}

// Import begins an import.
func (o *Operator) Import(ctx context.Context, request ImportOptions) (*Import, error) {
	im := &Import{
		store: o.store, options: o.options, caller: o.options.operator(), request: request,
		accounts: make(map[string]placed[store.Account]), seen: newSeen(),
	}
	err := o.store.View(ctx, func(tx store.ReadTx) (err error) {
		if im.root, err = rootAWSAccount(tx); err != nil {
			return err
		}
		owners, err := tx.AWSAccounts()
		im.empty = len(owners) == 0
		return err
	})
	return im, err
}

func (im *Import) update(ctx context.Context, fn func(*change) error) error {
	err := update(ctx, im.store, im.options, im.caller, opImport, func(c *change) error {
		if err := fn(c); err != nil || !im.request.DryRun {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// UnknownAccounts returns the ids of accounts that refused rows belong to and that are neither
// imported nor in the store, sorted. "" is among them if a row names no account.
func (im *Import) UnknownAccounts() []string {
	return slices.Sorted(maps.Keys(im.seen.unknown))
}

// Keyless returns the AWS accounts of imported accounts that have no access key in use. root is
// the one that gets the root key at the next start of the service, "" if it has one; the others
// need a key made for them.
func (im *Import) Keyless(ctx context.Context) (root string, others []string, err error) {
	err = im.store.View(ctx, func(tx store.ReadTx) error {
		root, others = "", nil
		for _, owner := range im.owners {
			keys, err := tx.AccessKeys(owner)
			switch {
			case err != nil:
				return err
			case slices.ContainsFunc(keys, func(k store.AccessKey) bool { return !k.Disabled }):
			case owner == im.root:
				root = owner
			default:
				others = append(others, owner)
			}
		}
		return nil
	})
	return root, others, err
}

// RootAWSAccount returns the AWS account that gets the root key if the operator names none: that
// of the first account imported into the store when it was empty, or "".
func RootAWSAccount(ctx context.Context, st store.Store) (id string, err error) {
	err = st.View(ctx, func(tx store.ReadTx) error {
		id, err = rootAWSAccount(tx)
		return err
	})
	return id, err
}

func rootAWSAccount(tx store.ReadTx) (string, error) {
	id, err := tx.Setting(rootSetting)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return string(id), err
}

// Owned checks, before anything is imported, that it can be told which AWS account owns what
// belongs to an AWS account as a whole, where these accounts are imported, too.
func (im *Import) Owned(ctx context.Context, rows []AccountRow) error {
	var owners []string
	for _, row := range rows {
		if owner := row.Account.AwsAccountId; badAccount(row.Account) == "" && !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	_, err := im.soleOwner(ctx, owners)
	return err
}

// awsAccount returns the AWS account of what belongs to an AWS account as a whole: the one that
// is named, or the one of the imported accounts, or the only one that there is.
func (im *Import) awsAccount(ctx context.Context) (string, error) {
	return im.soleOwner(ctx, im.owners)
}

func (im *Import) soleOwner(ctx context.Context, owners []string) (string, error) {
	if named := im.request.AWSAccountID; named != "" {
		if !isAWSAccountID(named) {
			return "", api.BadRequest("The AWS account id %.64q must be 12 digits", named)
		}
		owners = []string{named}
	}
	if len(owners) == 0 {
		if err := im.store.View(ctx, func(tx store.ReadTx) (err error) {
			owners, err = tx.AWSAccounts()
			return err
		}); err != nil {
			return "", err
		}
	}
	switch len(owners) {
	case 0:
		return "", api.BadRequest("no file says which AWS account phone numbers and settings belong to: name it by --aws-account-id")
	case 1:
		return owners[0], nil
	}
	return "", api.BadRequest("no file says which AWS account phone numbers and settings belong to: name one of %s by --aws-account-id, "+
		"and import those of each by themselves", strings.Join(slices.Sorted(slices.Values(owners)), ", "))
}
