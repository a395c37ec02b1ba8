package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// importChunk is how many users go into one update. It keeps the writer of the store, which a
// running service shares, from its other work for about a tenth of a second.
const importChunk = 250

// errTaken ends the update of a chunk in which a unique key is taken.
var errTaken = errors.New("a key of one of these users is taken")

const pinTaken = "PersonalPIN belongs to another user: left out until it is reset"

// Users imports users. The result has an entry for each row, up to an error of the store. If
// ImportOptions.AccountID names an unknown account, the error is an *api.Error.
func (im *Import) Users(ctx context.Context, rows []UserRow) ([]ImportedRow, error) {
	done := make([]ImportedRow, 0, len(rows))
	for some := range slices.Chunk(rows, importChunk) {
		results, err := im.users(ctx, some)
		done = append(done, results...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// users imports users in one update. The store does not tell whose PIN is taken: the rows are
// halved until the user with that PIN is alone, and can do without it.
func (im *Import) users(ctx context.Context, rows []UserRow) ([]ImportedRow, error) {
	var done []ImportedRow
	var news seen
	err := im.update(ctx, func(c *change) error {
		news = newSeen()
		k := chunk{of: im, change: c, seen: news, stored: make(map[string]*store.Account)}
		var err error
		done, err = k.run(rows)
		if len(rows) > 1 && errors.Is(err, store.ErrExists) {
			return errTaken // and not ErrExists, for which the same rows are tried again
		}
		return err
	})
	switch {
	case err == nil:
		im.seen.add(news)
		return done, nil
	// An engine may also notice only when it commits.
	case errors.Is(err, errTaken) || len(rows) > 1 && errors.Is(err, store.ErrExists):
		left, err := im.users(ctx, rows[:len(rows)/2])
		if err != nil {
			return left, err
		}
		right, err := im.users(ctx, rows[len(rows)/2:])
		return append(left, right...), err
	case !errors.Is(err, store.ErrExists):
		return nil, err
	case rows[0].User.PersonalPIN == nil:
		return []ImportedRow{badRow("user %.64s was added or joined elsewhere at the same time: import again", rows[0].User.UserId)}, nil
	}
	without := rows[0]
	without.User.PersonalPIN = nil
	done, err = im.users(ctx, []UserRow{without})
	if err == nil {
		done[0].note(pinTaken)
	}
	return done, err
}

// chunk is some rows on their way into the store, in one update.
type chunk struct {
	of      *Import
	change  *change
	seen    seen                      // in this chunk
	stored  map[string]*store.Account // accounts looked up in the store; nil for one that does not exist
	joining []*store.User             // to be inserted
}

// run decides about each row and then writes what was decided.
func (k *chunk) run(rows []UserRow) ([]ImportedRow, error) {
	done := make([]ImportedRow, 0, len(rows))
	for _, row := range rows {
		one, err := k.user(row)
		if err != nil {
			return nil, err
		}
		done = append(done, one)
	}
	return done, k.insert()
}

// user decides about one row.
func (k *chunk) user(row UserRow) (ImportedRow, error) {
	var result ImportedRow
	if problem := badUser(row.User); problem != "" {
		return badRow("%s", problem), nil
	}
	settle(&row.User, &result)
	a, err := k.account(row.User.AccountId, fmt.Sprintf("user %.64s", row.User.UserId), &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	id := row.User.UserId
	if a.Type == string(api.AccountTypeTeam) && row.User.UserRegistrationStatus == api.RegistrationStatusSuspended {
		return badRow("user %.64s is Suspended, which no user of a Team account can be", id), nil
	}
	earlier, again := k.earlier(a.AccountID, id)
	kept, err := k.change.Users(a.AccountID, []string{id})
	switch {
	case err != nil:
		return result, err
	case again && len(kept) == 0: // in this chunk, or in a dry run
		return k.known(earlier.value, false, row, "is already in "+earlier.place, RowBad)
	case again:
		return k.known(kept[0], true, row, "is already in "+earlier.place, RowBad)
	case len(kept) > 0:
		k.remember(&kept[0], row.Place)
		return k.known(kept[0], true, row, "is in the store", RowDiffers)
	}

	u := store.User{AccountID: a.AccountID, UserID: id}
	fillUser(&u, row.User)
	complete(&u, row.User, a, &result)
	if u.Registration == store.Unregistered && u.Invitation != "" {
		u.InviteID = k.change.newID() // the API lists none, and answers a repeated invitation with it
	}
	if holder, err := k.holder(u); err != nil || holder != "" {
		return badRow("the address of user %.64s belongs to %s", u.UserID, holder), err
	}
	if k.of.seen.pins[u.PersonalPIN] || k.seen.pins[u.PersonalPIN] {
		u.PersonalPIN = ""
		result.note(pinTaken)
	}
	if err := k.claimNumber(&u, *a, &result); err != nil {
		return result, err
	}
	k.joining = append(k.joining, &u)
	k.remember(&u, row.Place)
	k.change.record(*a, u.UserID, nil, userFields(u))
	return result, nil
}

func (k *chunk) earlier(accountID, userID string) (placed[store.User], bool) {
	id := [2]string{accountID, userID}
	earlier, ok := k.seen.users[id]
	if !ok {
		earlier, ok = k.of.seen.users[id]
	}
	return earlier, ok
}

func (k *chunk) remember(u *store.User, place string) {
	email := address.Key(u.Email)
	k.seen.users[[2]string{u.AccountID, u.UserID}] = placed[store.User]{*u, place}
	k.seen.addresses[[2]string{u.AccountID, email}] = placed[string]{u.UserID, place}
	if u.Registration != store.Unregistered {
		k.seen.registered[email] = placed[string]{u.AccountID, place}
	}
	if u.PersonalPIN != "" {
		k.seen.pins[u.PersonalPIN] = true
	}
}

// account finds the account that a row names, of what is called who. If there is none, the result
// says so.
func (k *chunk) account(accountID *string, who string, result *ImportedRow) (*store.Account, error) {
	named := orEmpty(accountID)
	a, err := k.find(named)
	switch {
	case err != nil || a != nil:
		return a, err
	case k.of.request.AccountID != "" && !k.of.request.Named:
		why := "AccountId is of an unknown account"
		if named == "" {
			why = "AccountId is missing"
		}
		result.note(why + ": set to the given account")
		return k.given(who, result)
	case named == "":
		k.nameless(who, result)
		return nil, nil
	}
	k.seen.unknown[named] = true
	*result = badRow("account %.64s of %s is neither in these files nor in the store", named, who)
	return nil, nil
}

// given is account for what never names one: it belongs to the account that the import is given.
func (k *chunk) given(who string, result *ImportedRow) (*store.Account, error) {
	id := k.of.request.AccountID
	if id == "" {
		k.nameless(who, result)
		return nil, nil
	}
	a, err := k.find(id)
	if err == nil && a == nil {
		err = noAccount(id)
	}
	return a, err
}

func (k *chunk) nameless(who string, result *ImportedRow) {
	k.seen.unknown[""] = true
	*result = badRow("%s names no account", who)
}

// find returns an account of the import or the store, nil if there is none.
func (k *chunk) find(id string) (*store.Account, error) {
	if found, ok := k.of.accounts[id]; ok {
		return &found.value, nil
	}
	if found, ok := k.stored[id]; ok || id == "" {
		return found, nil
	}
	a, err := k.change.FindAccount(id)
	switch {
	case err == nil:
		k.stored[id] = &a
	case errors.Is(err, store.ErrNotFound):
		k.stored[id], err = nil, nil
	}
	return k.stored[id], err
}

// known decides about a row of a user that is there already, at the place where says. stored
// tells whether the user is in the store by now; differs is the outcome of a row that says
// something else. A PIN is no difference if only one side has it, since lists have none and
// single users do: the two go together.
func (k *chunk) known(kept store.User, stored bool, row UserRow, where string, differs RowOutcome) (ImportedRow, error) {
	after := kept
	fillUser(&after, row.User)
	if a, err := address.Parse(kept.Email); err == nil && a.Text == after.Email {
		after.Email = kept.Email // an older release kept it as it was given
	}
	pin := after.PersonalPIN
	if kept.PersonalPIN == "" {
		after.PersonalPIN = ""
	}
	if members := differing(userFields(kept), userFields(after)); members != "" {
		return ImportedRow{Outcome: differs, Reason: fmt.Sprintf("user %.64s %s, with different %s", kept.UserID, where, members)}, nil
	}
	if pin == after.PersonalPIN || kept.Registration == store.Unregistered {
		return ImportedRow{Outcome: RowUnchanged}, nil
	}
	if k.of.seen.pins[pin] || k.seen.pins[pin] {
		return ImportedRow{Outcome: RowUnchanged, Notes: []string{pinTaken}}, nil
	}
	after.PersonalPIN = pin
	if stored {
		if err := k.change.UpdateUsers(kept.AccountID, []store.UserChange{{Before: kept, After: after}}); err != nil {
			return ImportedRow{}, err
		}
	}
	for _, u := range k.joining {
		if u.AccountID == kept.AccountID && u.UserID == kept.UserID {
			u.PersonalPIN = pin
		}
	}
	a, err := k.find(kept.AccountID)
	if err != nil {
		return ImportedRow{}, err
	}
	k.change.record(*a, kept.UserID, userFields(kept), userFields(after))
	k.remember(&after, row.Place)
	return ImportedRow{Outcome: RowCompleted}, nil
}

// holder says who has the address that a user needs: anybody else in the account or, if the user
// is registered, any other registered user. It returns "" if the address is free.
func (k *chunk) holder(u store.User) (string, error) {
	email := address.Key(u.Email)
	for _, some := range []seen{k.seen, k.of.seen} {
		if found, ok := some.addresses[[2]string{u.AccountID, email}]; ok {
			return fmt.Sprintf("user %.64s in %s", found.value, found.place), nil
		}
		if found, ok := some.registered[email]; ok && u.Registration != store.Unregistered {
			return fmt.Sprintf("a registered user of account %.64s in %s", found.value, found.place), nil
		}
	}
	holders, err := k.change.Addresses([]string{u.Email})
	for _, h := range holders {
		switch {
		case h.AccountID == u.AccountID:
			return fmt.Sprintf("user %.64s in the store", h.UserID), nil
		case h.Registered && u.Registration != store.Unregistered:
			return fmt.Sprintf("user %.64s, registered in account %.64s", h.UserID, h.AccountID), nil
		}
	}
	if err != nil {
		return "", err
	}
	bots, err := k.change.BotEmails([]string{u.Email})
	if len(bots) > 0 {
		return "a bot", err
	}
	return "", err
}

// insert adds the new users together, so that the store looks up the end of each list once.
func (k *chunk) insert() error {
	users := make([]store.User, len(k.joining))
	for i, u := range k.joining {
		users[i] = *u
	}
	return k.change.InsertUsers(users)
}
