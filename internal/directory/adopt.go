package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Adoption takes over what is left of a directory: accounts and users as the API once listed
// them, with their ids, dates and licenses, in the order in which they are given. Accounts come
// first, since users belong to them.
//
// What the store has already is never changed, so that an adoption that was cut short can be run
// again. Each account and each user that is added leaves an audit record of its own, by which
// one can tell later where a user has come from: that is worth the quarter of the time it takes.
type Adoption struct {
	store   store.Store
	options Options
	caller  Caller // the same for all, so that one request id finds them
	AdoptOptions

	empty    bool   // nothing was ever done in the store
	root     string // see Keyless
	owners   []string
	accounts map[string]placed[store.Account] // by id
	taken    adopted
}

// AdoptOptions adjusts an adoption; the zero value is ready to use.
type AdoptOptions struct {
	// AccountID is an account, in the store or adopted, that takes the users who name no account
	// and those whose account is not known. Empty: they are refused.
	AccountID string
	// DryRun finds out what would be done, by doing it and undoing it again.
	DryRun bool
}

// AccountRow is an account and where it was found, such as "accounts.json:3". What is not known
// of it is absent.
type AccountRow struct {
	Place string
	api.Account
}

// UserRow is a user and where it was found.
type UserRow struct {
	Place string
	api.User
}

// Adopted says what has become of a row.
type Adopted struct {
	Fate   RowFate
	Reason string   // of RowDiffers and RowRefused
	Notes  []string // what was not taken as it stands; the same fault has the same text in every row
}

// RowFate is what has become of a row.
type RowFate int

const (
	RowAdded     RowFate = iota // it is new
	RowCompleted                // the user has got the personal PIN that was not known before
	RowKnown                    // it says nothing new
	RowDiffers                  // the store says otherwise, and keeps to that
	RowRefused                  // it cannot be
)

const (
	// adoptPiece is how many users go into one update. The writer of the store, whom a running
	// service shares, is not kept from its other work for long: about a tenth of a second.
	adoptPiece = 250

	// rootSetting names the AWS account that gets the root key if the operator names none.
	rootSetting = "aws-account-id"
)

var (
	errDryRun = errors.New("only a dry run")
	errTaken  = errors.New("a key of one of these users is taken") // no use to try all of them again
)

// adopted is what an adoption has taken in so far. The store knows it too, except in a dry run.
type adopted struct {
	users      map[[2]string]placed[store.User] // by ids of account and user
	addresses  map[[2]string]placed[string]     // user ids, by account id and address
	registered map[string]placed[string]        // account ids, by address
	pins       map[string]bool
	homeless   map[string]bool // accounts that are not known; "" for none named
}

// placed is something that was found at a place.
type placed[T any] struct {
	value T
	place string
}

func newAdopted() adopted {
	return adopted{
		users:      make(map[[2]string]placed[store.User]),
		addresses:  make(map[[2]string]placed[string]),
		registered: make(map[string]placed[string]),
		pins:       make(map[string]bool),
		homeless:   make(map[string]bool),
	}
}

func (m *adopted) add(more adopted) {
	maps.Copy(m.users, more.users)
	maps.Copy(m.addresses, more.addresses)
	maps.Copy(m.registered, more.registered)
	maps.Copy(m.pins, more.pins)
	maps.Copy(m.homeless, more.homeless)
}

// Adopt begins an adoption.
func (o *Operator) Adopt(ctx context.Context, options AdoptOptions) (*Adoption, error) {
	a := &Adoption{
		store: o.store, options: o.options, caller: o.options.operator(), AdoptOptions: options,
		accounts: make(map[string]placed[store.Account]), taken: newAdopted(),
	}
	err := o.store.View(ctx, func(tx store.ReadTx) (err error) {
		if a.root, err = rootAWSAccount(tx); err != nil {
			return err
		}
		owners, err := tx.AWSAccounts()
		a.empty = len(owners) == 0
		return err
	})
	return a, err
}

// RootAWSAccount returns the AWS account that is to have the root key if the operator names
// none: that of the first account adopted into the store when it was empty, or "".
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

func (a *Adoption) update(ctx context.Context, fn func(*change) error) error {
	err := update(ctx, a.store, a.options, a.caller, "Import", func(c *change) error {
		if err := fn(c); err != nil || !a.DryRun {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// Keyless tells of the AWS accounts of adopted accounts that no key opens. root is the one that
// gets the root key at the next start of the service, the others need a key made for them.
func (a *Adoption) Keyless(ctx context.Context) (root string, others []string, err error) {
	err = a.store.View(ctx, func(tx store.ReadTx) error {
		root, others = "", nil
		for _, owner := range a.owners {
			keys, err := tx.AccessKeys(owner)
			switch {
			case err != nil:
				return err
			case slices.ContainsFunc(keys, func(k store.AccessKey) bool { return !k.Disabled }):
			case owner == a.root:
				root = owner
			default:
				others = append(others, owner)
			}
		}
		return nil
	})
	return root, others, err
}

// Homeless returns the ids of accounts that refused users belong to and that are not known,
// sorted; "" among them for users that name none.
func (a *Adoption) Homeless() []string {
	return slices.Sorted(maps.Keys(a.taken.homeless))
}

// Accounts adopts accounts. The result has an entry for each row, up to an error of the store.
func (a *Adoption) Accounts(ctx context.Context, rows []AccountRow) ([]Adopted, error) {
	done := make([]Adopted, 0, len(rows))
	for _, row := range rows {
		one, err := a.account(ctx, row)
		if err != nil {
			return done, err
		}
		done = append(done, one)
	}
	return done, nil
}

func (a *Adoption) account(ctx context.Context, row AccountRow) (result Adopted, err error) {
	if problem := badAccount(row.Account); problem != "" {
		return refuseRow("%s", problem), nil
	}
	earlier, again := a.accounts[row.AccountId]
	if again {
		if other := accountDiffers(earlier.value, row.Account); other != "" {
			return refuseRow("account %.64s is on %s already, with other %s", row.AccountId, earlier.place, other), nil
		}
		return Adopted{Fate: RowKnown}, nil
	}
	var kept store.Account
	err = a.update(ctx, func(c *change) error {
		if kept, err = c.FindAccount(row.AccountId); !errors.Is(err, store.ErrNotFound) {
			result = Adopted{Fate: RowKnown}
			if err == nil {
				if other := accountDiffers(kept, row.Account); other != "" {
					result = Adopted{Fate: RowDiffers, Reason: fmt.Sprintf("account %.64s is in the store with other %s", row.AccountId, other)}
				}
			}
			return err
		}
		kept, result = newAccount(row.Account)
		if a.empty && a.root == "" {
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
		return refuseRow("account %.64s has been deleted here, which does not free its id", row.AccountId), nil
	}
	if err != nil {
		return result, err
	}
	if a.empty && a.root == "" {
		a.root = kept.AWSAccountID
	}
	if !slices.Contains(a.owners, kept.AWSAccountID) {
		a.owners = append(a.owners, kept.AWSAccountID)
	}
	a.accounts[row.AccountId] = placed[store.Account]{kept, row.Place}
	return result, nil
}

func refuseRow(format string, args ...any) Adopted {
	return Adopted{Fate: RowRefused, Reason: fmt.Sprintf(format, args...)}
}

func (r *Adopted) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// badAccount says why a row is no account.
func badAccount(row api.Account) string {
	switch {
	case badID(row.AccountId) != "":
		return "AccountId " + badID(row.AccountId)
	case row.AwsAccountId == "":
		return "AwsAccountId is missing"
	case !isAWSAccountID(row.AwsAccountId):
		return fmt.Sprintf("AwsAccountId is %.64q, which are not 12 digits", row.AwsAccountId)
	case strings.TrimSpace(row.Name) == "":
		return "Name is missing"
	case utf8.RuneCountInString(row.Name) > 100:
		return "Name has more than 100 characters"
	}
	for _, l := range row.SupportedLicenses {
		if problem := notOneOf("SupportedLicenses", l, allLicenses()...); problem != "" {
			return problem
		}
	}
	for _, g := range row.SigninDelegateGroups {
		if strings.TrimSpace(orEmpty(g.GroupName)) == "" {
			return "SigninDelegateGroups has one without a GroupName"
		}
	}
	return firstOf(
		notOneOf("AccountType", row.AccountType, api.AccountTypeTeam, api.AccountTypeEnterpriseDirectory, api.AccountTypeEnterpriseLWA, api.AccountTypeEnterpriseOIDC),
		notOneOf("DefaultLicense", row.DefaultLicense, allLicenses()...),
		notOneOf("AccountStatus", row.AccountStatus, api.AccountStatusSuspended, api.AccountStatusActive),
	)
}

// newAccount makes an account of a row, completed from what a new one has.
func newAccount(row api.Account) (store.Account, Adopted) {
	var result Adopted
	otherwise := func(member, value, def string) string {
		if value != "" {
			return value
		}
		result.note(member + " is missing: it is " + def)
		return def
	}
	a := store.Account{
		AWSAccountID:   row.AwsAccountId,
		AccountID:      row.AccountId,
		Name:           row.Name,
		Type:           otherwise("AccountType", string(row.AccountType), string(api.AccountTypeTeam)),
		Status:         otherwise("AccountStatus", string(row.AccountStatus), string(api.AccountStatusActive)),
		DefaultLicense: otherwise("DefaultLicense", string(row.DefaultLicense), string(api.LicensePro)),
	}
	if row.SupportedLicenses == nil {
		row.SupportedLicenses = []api.License{api.LicenseBasic, api.LicensePro}
		result.note("SupportedLicenses is missing: it is Basic, Pro")
	}
	if row.CreatedTimestamp.IsZero() {
		result.note("CreatedTimestamp is missing: none is listed")
	}
	if row.SigninDelegateGroups == nil {
		result.note("SigninDelegateGroups is missing: it is empty")
	}
	stateAccount(&a, row)
	if shown := showAccount(a); !slices.Equal(shown.SupportedLicenses, row.SupportedLicenses) {
		result.note("SupportedLicenses is listed in another order")
	}
	return a, result
}

// stateAccount gives an account what a row says of it.
func stateAccount(a *store.Account, row api.Account) {
	a.AWSAccountID, a.Name = row.AwsAccountId, row.Name
	set(&a.Type, row.AccountType)
	set(&a.Status, row.AccountStatus)
	set(&a.DefaultLicense, row.DefaultLicense)
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

func set[S ~string](to *string, value S) {
	if value != "" {
		*to = string(value)
	}
}

// accountDiffers names the members of which a row says something else.
func accountDiffers(kept store.Account, row api.Account) string {
	after := kept
	stateAccount(&after, row)
	fields := func(a store.Account) []document.Member {
		return append(accountFields(a), document.Member{Key: "AwsAccountId", Value: a.AWSAccountID},
			document.Member{Key: "CreatedTimestamp", Value: stampOf(a.Created)})
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

// Users adopts users. The result has an entry for each row, up to an error of the store. An
// account of [AdoptOptions] that is not known is an *api.Error.
func (a *Adoption) Users(ctx context.Context, rows []UserRow) ([]Adopted, error) {
	done := make([]Adopted, 0, len(rows))
	for piece := range slices.Chunk(rows, adoptPiece) {
		some, err := a.piece(ctx, piece)
		done = append(done, some...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// piece adopts users in one update. The store does not tell whose PIN is taken already: halves
// of the piece are tried until it is alone, and can do without.
func (a *Adoption) piece(ctx context.Context, rows []UserRow) ([]Adopted, error) {
	var done []Adopted
	var news adopted
	err := a.update(ctx, func(c *change) error {
		done, news = make([]Adopted, 0, len(rows)), newAdopted()
		w := adopting{a: a, change: c, news: news, homes: make(map[string]*store.Account)}
		err := w.all(rows, &done)
		if len(rows) > 1 && errors.Is(err, store.ErrExists) {
			return errTaken
		}
		return err
	})
	switch {
	case err == nil:
		a.taken.add(news)
		return done, nil
	case errors.Is(err, errTaken) || len(rows) > 1 && errors.Is(err, store.ErrExists): // of an engine that insists
		left, err := a.piece(ctx, rows[:len(rows)/2])
		if err != nil {
			return left, err
		}
		right, err := a.piece(ctx, rows[len(rows)/2:])
		return append(left, right...), err
	case !errors.Is(err, store.ErrExists):
		return nil, err
	case rows[0].PersonalPIN == nil:
		return []Adopted{refuseRow("user %.64s has been added or has joined elsewhere just now: import again", rows[0].UserId)}, nil
	}
	without := rows[0]
	without.PersonalPIN = nil
	done, err = a.piece(ctx, []UserRow{without})
	if err == nil {
		done[0].note(pinTaken)
	}
	return done, err
}

const pinTaken = "PersonalPIN is that of somebody else: left out until it is reset"

// adopting is an adoption at work inside an update.
type adopting struct {
	a *Adoption
	*change
	news  adopted
	homes map[string]*store.Account // found in the store; nil for one that does not exist

	joining []*store.User // to be inserted
}

// all decides about rows and carries that out.
func (w *adopting) all(rows []UserRow, done *[]Adopted) error {
	for _, row := range rows {
		one, err := w.user(row)
		if err != nil {
			return err
		}
		*done = append(*done, one)
	}
	return w.insert()
}

// user decides about one row.
func (w *adopting) user(row UserRow) (Adopted, error) {
	var result Adopted
	if problem := badUser(row.User); problem != "" {
		return refuseRow("%s", problem), nil
	}
	settle(&row.User, &result)
	home, err := w.home(row.User, &result)
	if err != nil || result.Fate == RowRefused {
		return result, err
	}
	if home.Type == string(api.AccountTypeTeam) && row.UserRegistrationStatus == api.RegistrationStatusSuspended {
		return refuseRow("user %.64s is Suspended, which nobody can be in an account of type Team", row.UserId), nil
	}
	id := [2]string{home.AccountID, row.UserId}
	earlier, again := w.earlier(id)
	kept, err := w.Users(home.AccountID, []string{row.UserId})
	switch {
	case err != nil:
		return result, err
	case again && len(kept) == 0: // not written yet, or not to be
		return w.known(earlier.value, false, row, "is on "+earlier.place+" already, with other ", RowRefused)
	case again:
		return w.known(kept[0], true, row, "is on "+earlier.place+" already, with other ", RowRefused)
	case len(kept) > 0:
		w.remember(&kept[0], row.Place)
		return w.known(kept[0], true, row, "is in the store with other ", RowDiffers)
	}

	u := store.User{AccountID: home.AccountID, UserID: row.UserId}
	stateUser(&u, row.User)
	complete(&u, row.User, home, &result)
	if u.Registration == store.Unregistered && u.Invitation != "" {
		u.InviteID = w.newID() // the API lists none, and answers a repeated invitation with it
	}
	if holder, err := w.holder(u); err != nil || holder != "" {
		return refuseRow("the address of user %.64s is that of %s", u.UserID, holder), err
	}
	if w.a.taken.pins[u.PersonalPIN] || w.news.pins[u.PersonalPIN] {
		u.PersonalPIN = ""
		result.note(pinTaken)
	}
	w.joining = append(w.joining, &u)
	w.remember(&u, row.Place)
	w.record(*home, u.UserID, nil, userFields(u))
	return result, nil
}

func (w *adopting) earlier(id [2]string) (placed[store.User], bool) {
	earlier, ok := w.news.users[id]
	if !ok {
		earlier, ok = w.a.taken.users[id]
	}
	return earlier, ok
}

func (w *adopting) remember(u *store.User, place string) {
	email := store.EmailKey(u.Email)
	w.news.users[[2]string{u.AccountID, u.UserID}] = placed[store.User]{*u, place}
	w.news.addresses[[2]string{u.AccountID, email}] = placed[string]{u.UserID, place}
	if u.Registration != store.Unregistered {
		w.news.registered[email] = placed[string]{u.AccountID, place}
	}
	if u.PersonalPIN != "" {
		w.news.pins[u.PersonalPIN] = true
	}
}

// home finds the account that a user belongs to.
func (w *adopting) home(u api.User, result *Adopted) (*store.Account, error) {
	named := orEmpty(u.AccountId)
	home, err := w.find(named)
	if err != nil || home != nil {
		return home, err
	}
	if w.a.AccountID == "" {
		w.news.homeless[named] = true
		*result = refuseRow("account %.64s of user %.64s is neither among those to import nor in the store", named, u.UserId)
		if named == "" {
			*result = refuseRow("user %.64s names no account", u.UserId)
		}
		return nil, nil
	}
	if home, err = w.find(w.a.AccountID); err == nil && home == nil {
		err = noAccount(w.a.AccountID)
	}
	if named == "" {
		result.note("AccountId is missing: it is the given account")
	} else {
		result.note("AccountId is of no known account: it is the given account")
	}
	return home, err
}

// find returns an account of the adoption or the store, nil if there is none.
func (w *adopting) find(id string) (*store.Account, error) {
	if found, ok := w.a.accounts[id]; ok {
		return &found.value, nil
	}
	if found, ok := w.homes[id]; ok || id == "" {
		return found, nil
	}
	a, err := w.FindAccount(id)
	switch {
	case err == nil:
		w.homes[id] = &a
	case errors.Is(err, store.ErrNotFound):
		w.homes[id], err = nil, nil
	}
	return w.homes[id], err
}

// known decides about a row of a user who is there already. Where the one lacks a PIN that the
// other has, they go together: lists have none, which single users have. stored says whether the
// user is in the store by now.
func (w *adopting) known(kept store.User, stored bool, row UserRow, with string, otherwise RowFate) (Adopted, error) {
	after := kept
	stateUser(&after, row.User)
	pin := after.PersonalPIN
	if kept.PersonalPIN == "" {
		after.PersonalPIN = ""
	}
	if other := differing(userFields(kept), userFields(after)); other != "" {
		return Adopted{Fate: otherwise, Reason: "user " + fmt.Sprintf("%.64s ", row.UserId) + with + other}, nil
	}
	if pin == after.PersonalPIN || kept.Registration == store.Unregistered {
		return Adopted{Fate: RowKnown}, nil
	}
	if w.a.taken.pins[pin] || w.news.pins[pin] {
		return Adopted{Fate: RowKnown, Notes: []string{pinTaken}}, nil
	}
	after.PersonalPIN = pin
	if stored {
		if err := w.UpdateUsers(kept.AccountID, []store.UserChange{{Before: kept, After: after}}); err != nil {
			return Adopted{}, err
		}
	}
	for _, u := range w.joining {
		if u.AccountID == kept.AccountID && u.UserID == kept.UserID {
			u.PersonalPIN = pin
		}
	}
	home, err := w.find(kept.AccountID)
	if err != nil {
		return Adopted{}, err
	}
	w.record(*home, kept.UserID, userFields(kept), userFields(after))
	w.remember(&after, row.Place)
	return Adopted{Fate: RowCompleted}, nil
}

// holder says who has the address that a user needs: anybody of the account, or for one who is
// registered any other who is.
func (w *adopting) holder(u store.User) (string, error) {
	email := store.EmailKey(u.Email)
	for _, some := range []adopted{w.news, w.a.taken} {
		if found, ok := some.addresses[[2]string{u.AccountID, email}]; ok {
			return fmt.Sprintf("user %.64s on %s", found.value, found.place), nil
		}
		if found, ok := some.registered[email]; ok && u.Registration != store.Unregistered {
			return fmt.Sprintf("a registered user of account %.64s on %s", found.value, found.place), nil
		}
	}
	holders, err := w.Addresses([]string{u.Email})
	for _, h := range holders {
		switch {
		case h.AccountID == u.AccountID:
			return fmt.Sprintf("user %.64s in the store", h.UserID), nil
		case h.Registered && u.Registration != store.Unregistered:
			return fmt.Sprintf("user %.64s, registered in account %.64s", h.UserID, h.AccountID), nil
		}
	}
	return "", err
}

// insert adds those who join, together, since the store looks up the place of each list once.
func (w *adopting) insert() error {
	users := make([]store.User, len(w.joining))
	for i, u := range w.joining {
		users[i] = *u
	}
	return w.InsertUsers(users)
}

// badUser says why a row is no user.
func badUser(row api.User) string {
	email, number := orEmpty(row.PrimaryEmail), orEmpty(row.PrimaryProvisionedNumber)
	switch {
	case badID(row.UserId) != "":
		return "UserId " + badID(row.UserId)
	case email == "":
		return fmt.Sprintf("PrimaryEmail of user %.64s is missing", row.UserId)
	case !isAddress(email):
		return fmt.Sprintf("PrimaryEmail of user %.64s is not an e-mail address", row.UserId)
	case number != "" && !isPhoneNumber(number):
		return fmt.Sprintf("PrimaryProvisionedNumber of user %.64s is not a phone number such as +12065550100", row.UserId)
	}
	return firstOf(
		notOneOf("LicenseType", row.LicenseType, allLicenses()...),
		notOneOf("UserType", row.UserType, api.UserTypePrivateUser, api.UserTypeSharedDevice),
		notOneOf("UserRegistrationStatus", row.UserRegistrationStatus,
			api.RegistrationStatusUnregistered, api.RegistrationStatusRegistered, api.RegistrationStatusSuspended),
		notOneOf("UserInvitationStatus", row.UserInvitationStatus,
			api.InviteStatusPending, api.InviteStatusAccepted, api.InviteStatusFailed),
	)
}

// settle takes out of a row what a user cannot have.
func settle(row *api.User, result *Adopted) {
	for _, m := range []struct {
		name  string
		value **string
	}{
		{"PrimaryProvisionedNumber", &row.PrimaryProvisionedNumber},
		{"DisplayName", &row.DisplayName},
		{"PersonalPIN", &row.PersonalPIN},
	} {
		if *m.value != nil && **m.value == "" {
			*m.value = nil
			result.note(m.name + " is empty: left out")
		}
	}
	if alexa := row.AlexaForBusinessMetadata; alexa != nil && alexa.AlexaForBusinessRoomArn != nil && *alexa.AlexaForBusinessRoomArn == "" {
		result.note("AlexaForBusinessRoomArn is empty: left out")
	}
	if row.PersonalPIN != nil && !isPIN(*row.PersonalPIN) {
		row.PersonalPIN = nil
		result.note("PersonalPIN is not 10 digits: left out until it is reset")
	}
	if row.UserRegistrationStatus == "" {
		row.UserRegistrationStatus = api.RegistrationStatusRegistered
		if row.RegisteredOn.IsZero() && (row.UserInvitationStatus == api.InviteStatusPending || row.UserInvitationStatus == api.InviteStatusFailed) {
			row.UserRegistrationStatus = api.RegistrationStatusUnregistered
		}
		result.note("UserRegistrationStatus is missing: it is " + string(row.UserRegistrationStatus))
	}
	if row.UserRegistrationStatus != api.RegistrationStatusUnregistered {
		return
	}
	// Details of a person are listed only after that person has joined.
	if row.DisplayName != nil {
		result.note("DisplayName of a user who has not joined is listed only after that")
	}
	if !row.RegisteredOn.IsZero() {
		row.RegisteredOn = time.Time{}
		result.note("RegisteredOn of a user who has not joined: left out")
	}
	if row.PersonalPIN != nil {
		row.PersonalPIN = nil
		result.note("PersonalPIN of a user who has not joined: left out")
	}
}

// stateUser gives a user what a row says.
func stateUser(u *store.User, row api.User) {
	text := func(to *string, value *string) {
		if value != nil {
			*to = *value
		}
	}
	moment := func(to *time.Time, value time.Time) {
		if !value.IsZero() {
			*to = value
		}
	}
	text(&u.Email, row.PrimaryEmail)
	text(&u.DisplayName, row.DisplayName)
	text(&u.PersonalPIN, row.PersonalPIN)
	if row.PrimaryProvisionedNumber != nil {
		u.PhoneNumber, u.PhoneProductType = *row.PrimaryProvisionedNumber, string(api.PhoneNumberProductTypeBusinessCalling)
	}
	set(&u.License, row.LicenseType)
	set(&u.Type, row.UserType)
	set(&u.Registration, row.UserRegistrationStatus)
	set(&u.Invitation, row.UserInvitationStatus)
	moment(&u.RegisteredOn, row.RegisteredOn)
	moment(&u.InvitedOn, row.InvitedOn)
	if alexa := row.AlexaForBusinessMetadata; alexa != nil {
		if alexa.IsAlexaForBusinessEnabled != nil {
			u.AlexaEnabled = *alexa.IsAlexaForBusinessEnabled
		}
		text(&u.AlexaARN, alexa.AlexaForBusinessRoomArn) // "null" too, which is what the API listed for none
	}
}

// complete gives a new user what the row does not say.
func complete(u *store.User, row api.User, home *store.Account, result *Adopted) {
	if u.License == "" {
		u.License = home.DefaultLicense
		result.note("LicenseType is missing: it is the account's default")
	}
	if u.Type == "" {
		u.Type = string(api.UserTypePrivateUser)
		result.note("UserType is missing: it is PrivateUser")
	}
	if alexa := row.AlexaForBusinessMetadata; alexa == nil || alexa.IsAlexaForBusinessEnabled == nil {
		result.note("IsAlexaForBusinessEnabled is missing: it is false")
	}
}

// badID says why an id cannot be named in a request.
func badID(id string) string {
	switch {
	case strings.TrimSpace(id) == "":
		return "is missing"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "holds a line break or another control character"
	}
	return ""
}

// isPhoneNumber accepts a number in E.164: 2 to 15 digits, the plus sign optional as in the API.
func isPhoneNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return len(digits) >= 2 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

func isPIN(s string) bool { return len(s) == 10 && strings.Trim(s, "0123456789") == "" }

func notOneOf[S ~string](member string, value S, all ...S) string {
	if value == "" || slices.Contains(all, value) {
		return ""
	}
	return fmt.Sprintf("%s is %.64q, not one of %s", member, value, joined(all))
}

func firstOf(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}
