package directory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

func (h *house) importedGlobal(im *directory.Import, business, voice string) string {
	h.t.Helper()
	row := directory.GlobalSettingsRow{Place: "global.json:" + business + voice, Settings: api.GetGlobalSettingsOutput{
		BusinessCalling: &api.BusinessCallingSettings{}, VoiceConnector: &api.VoiceConnectorSettings{CdrBucket: &voice},
	}}
	if business != "" { // one that is off is listed without a bucket
		row.Settings.BusinessCalling.CdrBucket = &business
	}
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.GlobalSettings(h.t.Context(), []directory.GlobalSettingsRow{row})))[0]
}

func (h *house) importedSettings(im *directory.Import, settings ...api.AccountSettings) []string {
	h.t.Helper()
	var rows []directory.AccountSettingsRow
	for i, s := range settings {
		rows = append(rows, directory.AccountSettingsRow{Place: fmt.Sprint("settings.json:", i+1), Settings: s})
	}
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.AccountSettings(h.t.Context(), rows)))
}

// retentionRow is a row as get-retention-settings printed it; 0 days are for ever.
func retentionRow(room, conversation int, initiate time.Time) directory.RetentionSettingsRow {
	days := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	return directory.RetentionSettingsRow{Place: fmt.Sprintf("retention.json:%d", room), Settings: api.GetRetentionSettingsOutput{
		RetentionSettings: &api.RetentionSettings{
			RoomRetentionSettings:         &api.RoomRetentionSettings{RetentionDays: days(room)},
			ConversationRetentionSettings: &api.ConversationRetentionSettings{RetentionDays: days(conversation)},
		},
		InitiateDeletionTimestamp: initiate,
	}}
}

func (h *house) importedRetention(im *directory.Import, rows ...directory.RetentionSettingsRow) []string {
	h.t.Helper()
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.RetentionSettings(h.t.Context(), rows)))
}

// Settings are shown as they were, and what the store has of them stays.
func TestImportSettings(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		past := now.AddDate(-2, 0, 0)
		for _, dry := range []bool{true, false} {
			im := h.beginImport(directory.ImportOptions{AccountID: "A", DryRun: dry})
			h.imported(im, []directory.AccountRow{accountRow("A")})
			equal(t, "global settings", h.importedGlobal(im, "calls", ""), "added")
			dials := api.AccountSettings{EnableDialOut: new(true)}
			equal(t, "account settings", h.importedSettings(im, dials, dials, api.AccountSettings{EnableDialOut: new(true), DisableRemoteControl: new(true)}),
				[]string{"added", "unchanged", "bad; settings of account A are already in settings.json:1, with different DisableRemoteControl"})
			equal(t, "retention settings", h.importedRetention(im, retentionRow(30, 0, past)), []string{"added"})
			if dry {
				equal(t, "records of a dry run", h.audited(0), []string{})
				equal(t, "tasks of a dry run", h.tasks(), []string(nil))
			}
		}
		const (
			global    = `{"BusinessCalling":{"CdrBucket":"calls"},"VoiceConnector":{}}`
			account   = `{"AccountSettings":{"DisableRemoteControl":false,"EnableDialOut":true}}`
			retention = `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":30},"ConversationRetentionSettings":{}},"InitiateDeletionTimestamp":"2024-03-01T12:00:00.123Z"}`
		)
		check := func() {
			t.Helper()
			equal(t, "GetGlobalSettings", h.must("GetGlobalSettings", "", "", ""), global)
			equal(t, "GetAccountSettings", h.must("GetAccountSettings", "accountId=A", "", ""), account)
			equal(t, "GetRetentionSettings", h.must("GetRetentionSettings", "accountId=A", "", ""), retention)
		}
		check()
		equal(t, "audit", h.audited(1), []string{
			`Import 111122223333 {"BusinessCallingCdrBucket": ""} {"BusinessCallingCdrBucket": "calls"}`,
			`Import A {"EnableDialOut": false} {"EnableDialOut": true}`,
			`Import A {"RoomRetentionDays": 0, "InitiateDeletionTimestamp": ""} {"RoomRetentionDays": 30, "InitiateDeletionTimestamp": "2024-03-01T12:00:00.123Z"}`,
		})

		records := len(h.audit())
		im := h.beginImport(directory.ImportOptions{AccountID: "A"})
		equal(t, "global settings again", h.importedGlobal(im, "calls", ""), "unchanged")
		equal(t, "account settings again", h.importedSettings(im, api.AccountSettings{EnableDialOut: new(true)}), []string{"unchanged"})
		equal(t, "retention settings again", h.importedRetention(im, retentionRow(30, 0, past), retentionRow(30, 0, time.Time{})), []string{"unchanged", "unchanged"})
		im = h.beginImport(directory.ImportOptions{AccountID: "A"})
		equal(t, "other global settings", h.importedGlobal(im, "calls", "voice"),
			"differs; global settings of AWS account 111122223333 are in the store, with different VoiceConnectorCdrBucket")
		equal(t, "other account settings", h.importedSettings(im, api.AccountSettings{EnableDialOut: new(false)}),
			[]string{"differs; settings of account A are in the store, with different EnableDialOut"})
		equal(t, "other retention settings", h.importedRetention(im, retentionRow(30, 9, now)),
			[]string{"differs; retention settings of account A are in the store, with different ConversationRetentionDays, InitiateDeletionTimestamp"})
		check()
		equal(t, "records", h.audited(records), []string{})
	})
}

func TestImportSettings_Refuses(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseLWA")
	h.addAccount("T", "Team")
	im := h.beginImport(directory.ImportOptions{AccountID: "A", AWSAccountID: awsAccount})
	equal(t, "bucket", h.importedGlobal(im, "Calls", ""), "bad; BusinessCalling.CdrBucket must be of lower-case letters, digits, hyphens and single dots")
	equal(t, "bucket", h.importedGlobal(im, "calls", "xn--voice"), "bad; VoiceConnector.CdrBucket must not begin with xn--")
	equal(t, "periods", h.importedRetention(im,
		retentionRow(-1, 0, now), retentionRow(1, 5476, now), directory.RetentionSettingsRow{}, retentionRow(0, 0, now), retentionRow(1, 5475, time.Time{}),
	), []string{
		"bad; RetentionDays of RoomRetentionSettings is -1, not 1 to 5475", "bad; RetentionDays of ConversationRetentionSettings is 5476, not 1 to 5475",
		"bad; RetentionSettings is missing", "unchanged; InitiateDeletionTimestamp without a period: left out",
		"bad; retention settings of account A are already in retention.json:0, with different RoomRetentionDays, ConversationRetentionDays",
	})
	none := h.beginImport(directory.ImportOptions{})
	equal(t, "without an account", h.importedSettings(none, api.AccountSettings{}), []string{"bad; a row of account settings names no account"})
	equal(t, "without an account", h.importedRetention(none, retentionRow(1, 0, now)), []string{"bad; a row of retention settings names no account"})
	team := h.beginImport(directory.ImportOptions{AccountID: "T"})
	equal(t, "in a Team account", h.importedRetention(team, retentionRow(1, 0, now)), []string{"bad; account T is of type Team and has no retention settings"})
	equal(t, "in a Team account", h.importedSettings(team, api.AccountSettings{DisableRemoteControl: new(true)}), []string{"added"})
	unknown := h.beginImport(directory.ImportOptions{AccountID: "Z"})
	_, err := unknown.AccountSettings(t.Context(), []directory.AccountSettingsRow{{}})
	equal(t, "in an unknown account", exception(err), api.NotFoundException)
	equal(t, "tasks", h.tasks(), []string(nil))
}

// Messages are deleted from the time on that was saved, but what is here already has its grace.
func TestImportSettings_Deletes(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		room := h.talkers()
		say := func(text string) {
			t.Helper()
			h.say(t, directory.NewMessage{AccountID: "A", RoomID: room, Sender: "ana", Content: text, Sent: now.Add(-10 * day)})
		}
		im := h.beginImport(directory.ImportOptions{AccountID: "A"})
		equal(t, "settings", h.importedRetention(im, retentionRow(5, 0, now.Add(day))), []string{"added"})
		say("old")
		h.advance(day - time.Millisecond)
		equal(t, "deletions", h.purged(), []string(nil))
		h.advance(time.Millisecond)
		equal(t, "deletions", h.purged(), []string{`PurgeMessages A {"RoomMessages": 1}`})

		h.keep(`"RoomRetentionSettings":{}`)
		say("older")
		im = h.beginImport(directory.ImportOptions{AccountID: "A"})
		const grace = "; the store has messages of the account: none is deleted within the next 30 days"
		equal(t, "settings", h.importedRetention(im, retentionRow(5, 0, now.AddDate(-2, 0, 0))), []string{"added" + grace})
		h.advance(29*day - time.Millisecond) // operators have the time of the first day
		equal(t, "deletions", len(h.purged()), 1)
		h.advance(time.Millisecond)
		equal(t, "deletions", len(h.purged()), 2)

		h.keep(`"RoomRetentionSettings":{}`)
		im = h.beginImport(directory.ImportOptions{AccountID: "A"})
		equal(t, "settings without a time", h.importedRetention(im, retentionRow(0, 7, time.Time{})),
			[]string{"added; InitiateDeletionTimestamp is missing: set to 30 days from now"})
		equal(t, "tasks", h.tasks(), []string{"A"})
	})
}
