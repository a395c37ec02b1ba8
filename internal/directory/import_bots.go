package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// BotRow is a bot to import. Members that the file does not have are absent. The API did not tell
// whose bot it is.
type BotRow struct {
	Place string // where it was found
	Bot   api.Bot
}

// Bots imports bots of the account that the import is given, with their tokens. Like [Import.Users]
// it has an entry for each row. No list tells where the events of a bot went, so it gets none until
// an endpoint has answered a challenge of this service. The quota is for new bots: what there was
// is imported.
func (im *Import) Bots(ctx context.Context, rows []BotRow) ([]ImportedRow, error) {
	return inChunks(ctx, im, rows, func(k *chunk, row BotRow) (ImportedRow, error) { return k.bot(row) })
}

// bot decides about one row, and adds what is new.
func (k *chunk) bot(row BotRow) (result ImportedRow, err error) {
	r := row.Bot
	id := orEmpty(r.BotId)
	if problem := badBot(r); problem != "" {
		return badRow("%s", problem), nil
	}
	a, err := k.given(fmt.Sprintf("bot %.64s", id), &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	if enterprise(*a, "bots") != nil {
		return badRow("bot %.64s is of account %.64s, which is of type %s and has no bots", id, a.AccountID, a.Type), nil
	}
	key := [2]string{a.AccountID, id}
	for _, seen := range []seen{k.seen, k.of.seen} {
		if earlier, again := seen.bots[key]; again {
			return knownBot(earlier.value, r, "is already in "+earlier.place, RowBad), nil
		}
	}
	kept, err := k.change.Bot(a.AccountID, id)
	if err == nil {
		k.seen.bots[key] = placed[store.Bot]{kept, row.Place}
		return knownBot(kept, r, "is in the store", RowDiffers), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return result, err
	}
	b := store.Bot{AccountID: a.AccountID, BotID: id, Updated: r.UpdatedTimestamp}
	fillBot(&b, r)
	taken, err := k.botEmailTaken(b)
	if err != nil {
		return result, err
	}
	if taken {
		return badRow("BotEmail of bot %.64s is the address of somebody else", id), nil
	}
	if b.SecurityToken == "" {
		if b.SecurityToken, err = k.change.securityToken(); err != nil {
			return result, err
		}
		result.note("SecurityToken is missing: made anew")
	}
	if b.Created.IsZero() {
		result.note("CreatedTimestamp is missing: the bot is listed without it")
	}
	if b.Updated.IsZero() {
		b.Updated = b.Created
		result.note("UpdatedTimestamp is missing: set to CreatedTimestamp")
	}
	if err := k.change.InsertBot(&b); err != nil {
		return result, err
	}
	k.change.record(*a, id, nil, botFields(b))
	k.seen.bots[key] = placed[store.Bot]{b, row.Place}
	k.seen.botEmails[address.Key(b.Email)] = true
	return result, nil
}

// botEmailTaken reports whether another bot, a registered user or a user of the account has the
// address of a bot.
func (k *chunk) botEmailTaken(b store.Bot) (bool, error) {
	if key := address.Key(b.Email); k.seen.botEmails[key] || k.of.seen.botEmails[key] {
		return true, nil
	}
	return k.change.isTaken(b.AccountID, b.Email)
}

// badBot says why a row cannot be a bot, "" if it can.
func badBot(r api.Bot) string {
	if problem := badID(orEmpty(r.BotId)); problem != "" {
		return "BotId " + problem
	}
	if strings.TrimSpace(orEmpty(r.DisplayName)) == "" {
		return fmt.Sprintf("DisplayName of bot %.64s is missing", *r.BotId)
	}
	if _, err := address.Parse(orEmpty(r.BotEmail)); err != nil {
		bad, _ := errors.AsType[*address.Error](err)
		return fmt.Sprintf("BotEmail of bot %.64s is not an e-mail address: %s", *r.BotId, bad.Reason())
	}
	return notOneOf("BotType", r.BotType, api.BotTypeChatBot)
}

// fillBot sets the members of a bot that a row has, but for the time of its last change, which is
// not what a bot is known by.
func fillBot(b *store.Bot, r api.Bot) {
	b.Name = *r.DisplayName
	if email, err := address.Parse(*r.BotEmail); err == nil {
		b.Email = strings.ToLower(email.Text)
	}
	if r.Disabled != nil {
		b.Disabled = *r.Disabled
	}
	if r.SecurityToken != nil {
		b.SecurityToken = *r.SecurityToken
	}
	if !r.CreatedTimestamp.IsZero() {
		b.Created = r.CreatedTimestamp
	}
}

// knownBot decides about a row of a bot that is there already, at the place where says.
func knownBot(kept store.Bot, r api.Bot, where string, differs RowOutcome) ImportedRow {
	after := kept
	fillBot(&after, r)
	return knownAs(fmt.Sprintf("bot %.64s %s", kept.BotID, where), botFields(kept), botFields(after), differs)
}
