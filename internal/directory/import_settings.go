package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// GlobalSettingsRow are the settings of an AWS account, to import.
type GlobalSettingsRow struct {
	Place    string // where they were found
	Settings api.GetGlobalSettingsOutput
}

// AccountSettingsRow are the settings for the meetings of an account, to import. The API did not
// tell whose they are, nor did it for retention.
type AccountSettingsRow struct {
	Place    string // where they were found
	Settings api.AccountSettings
}

// RetentionSettingsRow says for how long an account keeps messages, to import.
type RetentionSettingsRow struct {
	Place    string // where it was found
	Settings api.GetRetentionSettingsOutput
}

// mostRetentionDays is the longest period of the contract, in days.
const mostRetentionDays = 5475

// GlobalSettings imports settings of an AWS account: no file says of which, see [ImportOptions].
// Like [Import.Users] it has an entry for each row, and so have the settings of accounts.
func (im *Import) GlobalSettings(ctx context.Context, rows []GlobalSettingsRow) ([]ImportedRow, error) {
	owner, err := im.awsAccount(ctx)
	if err != nil {
		return nil, err
	}
	return inChunks(ctx, im, rows, func(k *chunk, row GlobalSettingsRow) (ImportedRow, error) { return k.globalSettings(owner, row) })
}

// AccountSettings imports settings of the account that the import is given.
func (im *Import) AccountSettings(ctx context.Context, rows []AccountSettingsRow) ([]ImportedRow, error) {
	return inChunks(ctx, im, rows, func(k *chunk, row AccountSettingsRow) (ImportedRow, error) { return k.accountSettings(row) })
}

// RetentionSettings imports for how long the account that the import is given keeps messages. The
// time of the first deletion is kept, even if it is past: but messages that the store has by then
// get the grace of a period that is new.
func (im *Import) RetentionSettings(ctx context.Context, rows []RetentionSettingsRow) ([]ImportedRow, error) {
	return inChunks(ctx, im, rows, func(k *chunk, row RetentionSettingsRow) (ImportedRow, error) { return k.retentionSettings(row) })
}

// globalSettings decides about one row.
func (k *chunk) globalSettings(owner string, row GlobalSettingsRow) (result ImportedRow, err error) {
	kept, err := k.change.GlobalSettings(owner)
	if err != nil {
		return result, err
	}
	after := kept
	if b := row.Settings.BusinessCalling; b != nil {
		after.BusinessCallingBucket = orEmpty(b.CdrBucket)
	}
	if v := row.Settings.VoiceConnector; v != nil {
		after.VoiceConnectorBucket = orEmpty(v.CdrBucket)
	}
	if problem := badBucket(after.BusinessCallingBucket); problem != "" {
		return badRow("BusinessCalling.CdrBucket %s", problem), nil
	}
	if problem := badBucket(after.VoiceConnectorBucket); problem != "" {
		return badRow("VoiceConnector.CdrBucket %s", problem), nil
	}
	before, fields := globalFields(kept), globalFields(after)
	if known, ok := k.knownSettings("global settings of AWS account "+owner, row.Place, kept == store.GlobalSettings{}, before, fields); ok {
		return known, nil
	}
	k.change.recordOwned(owner, owner, before, fields)
	return result, k.change.PutGlobalSettings(owner, after)
}

// accountSettings decides about one row.
func (k *chunk) accountSettings(row AccountSettingsRow) (result ImportedRow, err error) {
	before, err := k.accountNow("a row of account settings", &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	after := before
	if v := row.Settings.DisableRemoteControl; v != nil {
		after.DisableRemoteControl = *v
	}
	if v := row.Settings.EnableDialOut; v != nil {
		after.EnableDialOut = *v
	}
	none := !before.DisableRemoteControl && !before.EnableDialOut
	if known, ok := k.knownSettings("settings of account "+before.AccountID, row.Place, none, accountFields(before), accountFields(after)); ok {
		return known, nil
	}
	return result, k.change.saveAccount(before, after)
}

// retentionSettings decides about one row.
func (k *chunk) retentionSettings(row RetentionSettingsRow) (result ImportedRow, err error) {
	r := row.Settings
	if problem := badRetention(r); problem != "" {
		return badRow("%s", problem), nil
	}
	before, err := k.accountNow("a row of retention settings", &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	if enterprise(before, "retention settings") != nil {
		return badRow("account %.64s is of type %s and has no retention settings", before.AccountID, before.Type), nil
	}
	after := before
	fillRetention(&after, r)
	if after.InitiateDeletion.IsZero() && !r.InitiateDeletionTimestamp.IsZero() {
		result.note("InitiateDeletionTimestamp without a period: left out")
	}
	none := before.RoomRetentionDays == 0 && before.ConversationRetentionDays == 0
	if known, ok := k.knownSettings("retention settings of account "+before.AccountID, row.Place, none, accountFields(before), accountFields(after)); ok {
		known.Notes = result.Notes
		return known, nil
	}
	grace := k.change.now.Add(retentionGrace)
	if after.InitiateDeletion.IsZero() {
		after.InitiateDeletion = grace
		result.note("InitiateDeletionTimestamp is missing: set to 30 days from now")
	}
	purge := purgeTask(after)
	purge.Due = after.InitiateDeletion
	if has, err := k.change.hasMessages(after); err != nil {
		return result, err
	} else if has && purge.Due.Before(grace) {
		purge.Due = grace
		result.note("the store has messages of the account: none is deleted within the next 30 days")
	}
	if err := k.change.schedule(purge); err != nil {
		return result, err
	}
	return result, k.change.saveAccount(before, after)
}

// accountNow returns the account that the import is given, with its settings. If there is none, the
// result says so.
func (k *chunk) accountNow(what string, result *ImportedRow) (store.Account, error) {
	a, err := k.given(what, result)
	if err != nil || result.Outcome == RowBad {
		return store.Account{}, err
	}
	now, err := k.change.FindAccount(a.AccountID)
	if k.of.request.DryRun && errors.Is(err, store.ErrNotFound) { // its own insertion is undone by now
		now = *a
		err = k.change.InsertAccount(&now)
	}
	return now, err
}

// knownSettings decides about settings of which a row makes others, unless the row is to be added:
// then the store has none yet.
func (k *chunk) knownSettings(what, place string, none bool, kept, row []document.Member) (result ImportedRow, known bool) {
	for _, seen := range []seen{k.seen, k.of.seen} {
		if earlier, again := seen.settings[what]; again {
			return knownAs(what+" are already in "+earlier, kept, row, RowBad), true
		}
	}
	k.seen.settings[what] = place
	result = knownAs(what+" are in the store", kept, row, RowDiffers)
	return result, !none || result.Outcome == RowUnchanged
}

// badRetention says why an account cannot have the retention settings of a row, "" if it can.
func badRetention(r api.GetRetentionSettingsOutput) string {
	if r.RetentionSettings == nil {
		return "RetentionSettings is missing"
	}
	bad := func(member string, days *int) string {
		if days == nil || *days >= 1 && *days <= mostRetentionDays {
			return ""
		}
		return fmt.Sprintf("RetentionDays of %s is %d, not 1 to %d", member, *days, mostRetentionDays)
	}
	var room, conversation string
	if s := r.RetentionSettings.RoomRetentionSettings; s != nil {
		room = bad("RoomRetentionSettings", s.RetentionDays)
	}
	if s := r.RetentionSettings.ConversationRetentionSettings; s != nil {
		conversation = bad("ConversationRetentionSettings", s.RetentionDays)
	}
	return firstOf(room, conversation)
}

// fillRetention sets the retention settings of an account that a row has. Without a period there is
// nothing to delete.
func fillRetention(a *store.Account, r api.GetRetentionSettingsOutput) {
	setPeriods(a, r.RetentionSettings)
	switch {
	case a.RoomRetentionDays == 0 && a.ConversationRetentionDays == 0:
		a.InitiateDeletion = time.Time{}
	case !r.InitiateDeletionTimestamp.IsZero():
		a.InitiateDeletion = r.InitiateDeletionTimestamp
	}
}
