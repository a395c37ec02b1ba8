package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// botRow is a row as it stood in a list, with all that a list tells.
func botRow(id string, edit ...func(*api.Bot)) directory.BotRow {
	b := api.Bot{
		BotId: new(id), UserId: new(id), DisplayName: new("The " + id + " (Bot)"), BotType: "ChatBot", Disabled: new(false),
		CreatedTimestamp: now.AddDate(-5, 0, 0), UpdatedTimestamp: now.AddDate(-4, 0, 0), BotEmail: new(id + "-ChimeBot@example.com"), SecurityToken: new("token of " + id),
	}
	for _, e := range edit {
		e(&b)
	}
	return directory.BotRow{Place: "bots.json:" + id, Bot: b}
}

func (h *house) importedBots(im *directory.Import, bots ...directory.BotRow) []string {
	h.t.Helper()
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.Bots(h.t.Context(), bots)))
}

// What is imported is listed as it was, and is in its rooms as any other bot.
func TestImportBots(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, dry := range []bool{true, false} {
			im := h.beginImport(directory.ImportOptions{AccountID: "A", DryRun: dry})
			h.imported(im, []directory.AccountRow{accountRow("A")}, userRow("A", "ana"))
			off := func(b *api.Bot) { b.Disabled = new(true) }
			equal(t, "bots", h.importedBots(im, botRow("b2", off), botRow("b1"), botRow("b2", off)), []string{"added", "added", "unchanged"})
			h.importedRooms(im, roomRow("A", "r"))
			bot := func(m *api.RoomMembership) { m.Member.MemberType, m.Role = "Bot", "Member" }
			equal(t, "members", h.importedMembers(im, membershipRow("A", "r", "b1", bot), membershipRow("A", "r", "b3", bot)),
				[]string{"added", "bad; member b3 of room r is no bot of account A, here or in the store"})
		}
		show := func(id string, disabled bool) string {
			return fmt.Sprintf(`{"BotId":"%s","UserId":"%[1]s","DisplayName":"The %[1]s (Bot)","BotType":"ChatBot","Disabled":%t,"CreatedTimestamp":"2021-03-01T12:00:00.123Z",`+
				`"UpdatedTimestamp":"2022-03-01T12:00:00.123Z","BotEmail":"%[1]s-chimebot@example.com","SecurityToken":"token of %[1]s"}`, id, disabled)
		}
		equal(t, "ListBots", h.must("ListBots", "accountId=A", "", ""), `{"Bots":[`+show("b2", true)+","+show("b1", false)+`]}`)
		members, _ := h.members("A", "r", "")
		equal(t, "members", members, []string{"b1 Member"})
		host := newBotHost(t)
		host.key = "token of b1"
		h.must("PutEventsConfiguration", botLabels("A", "b1"), "", fmt.Sprintf(`{"OutboundEventsHTTPSEndpoint":%q}`, host.url))
		h.must("DeleteRoom", in("A", "r"), "", "")
		h.runDue()
		equal(t, "events", host.take(), []string{"Remove r"})

		records := len(h.audit())
		im := h.beginImport(directory.ImportOptions{AccountID: "A"})
		equal(t, "bots again", h.importedBots(im, botRow("b1", func(b *api.Bot) { b.SecurityToken = new("secret") }), botRow("b2", func(b *api.Bot) { b.Disabled = nil })),
			[]string{"differs; bot b1 is in the store, with different SecurityToken", "unchanged"})
		equal(t, "records", h.audited(records), []string{})
	})
}

func TestImportBots_Refuses(t *testing.T) {
	h := newHouse(t)
	im := h.beginImport(directory.ImportOptions{AccountID: "A"})
	h.imported(im, []directory.AccountRow{accountRow("A")}, userRow("A", "ana"))
	for _, test := range []struct {
		edit func(*api.Bot)
		want string
	}{
		{func(b *api.Bot) { b.BotId = nil }, "bad; BotId is missing"},
		{func(b *api.Bot) { b.DisplayName = new(" ") }, "bad; DisplayName of bot x is missing"},
		{func(b *api.Bot) { b.BotEmail = nil }, "bad; BotEmail of bot x is not an e-mail address: "},
		{func(b *api.Bot) { b.BotEmail = new("Ana@example.com") }, "bad; BotEmail of bot x is the address of somebody else"},
		{func(b *api.Bot) { b.BotType = "Other" }, "bad; BotType "},
		{func(b *api.Bot) { b.SecurityToken = nil }, "added; SecurityToken is missing: made anew"},
		{func(b *api.Bot) { b.BotId = new("y") }, "bad; BotEmail of bot y is the address of somebody else"},
	} {
		if got := h.importedBots(im, botRow("x", test.edit)); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	im = h.beginImport(directory.ImportOptions{})
	equal(t, "without an account", h.importedBots(im, botRow("z")), []string{"bad; bot z names no account"})
	h.addAccount("T", "Team")
	im = h.beginImport(directory.ImportOptions{AccountID: "T"})
	equal(t, "in a Team account", h.importedBots(im, botRow("z")), []string{"bad; bot z is of account T, which is of type Team and has no bots"})
}
