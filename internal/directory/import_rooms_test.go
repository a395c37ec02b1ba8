package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// roomRow and membershipRow are rows as they stood in a list, with all that a list tells.
func roomRow(account, id string, edit ...func(*api.Room)) directory.RoomRow {
	r := api.Room{
		RoomId: new(id), Name: new("The " + id), AccountId: new(account), CreatedBy: new("arn:aws:iam::444455556666:user/old"),
		CreatedTimestamp: now.AddDate(-5, 0, 0), UpdatedTimestamp: now.AddDate(-4, 0, 0),
	}
	for _, e := range edit {
		e(&r)
	}
	return directory.RoomRow{Place: "rooms.json:" + id, Room: r}
}

func membershipRow(account, room, id string, edit ...func(*api.RoomMembership)) directory.MembershipRow {
	m := api.RoomMembership{
		RoomId: new(room), Member: &api.Member{MemberId: new(id), MemberType: "User", Email: new("old@example.com"), AccountId: new(account)},
		Role: "Administrator", InvitedBy: new("arn:aws:iam::444455556666:user/old"), UpdatedTimestamp: now.AddDate(-3, 0, 0),
	}
	for _, e := range edit {
		e(&m)
	}
	return directory.MembershipRow{Place: "members.json:" + room + "/" + id, Membership: m}
}

func (h *house) importedRooms(im *directory.Import, rooms ...directory.RoomRow) []string {
	h.t.Helper()
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.Rooms(h.t.Context(), rooms)))
}

func (h *house) importedMembers(im *directory.Import, memberships ...directory.MembershipRow) []string {
	h.t.Helper()
	return outcomes(ok[[]directory.ImportedRow](h.t)(im.Memberships(h.t.Context(), memberships)))
}

// What is imported is listed as it was, in its order, and is as good as any other.
func TestImportRooms(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		im := h.beginImport(directory.ImportOptions{})
		h.imported(im, []directory.AccountRow{accountRow("A")}, userRow("A", "ana"), userRow("A", "bo", func(u *api.User) { u.UserRegistrationStatus = "Suspended" }))
		records := len(h.audit())
		equal(t, "rooms", h.importedRooms(im, roomRow("A", "r2"), roomRow("A", "r1"), roomRow("A", "r2")), []string{"added", "added", "unchanged"})
		equal(t, "members", h.importedMembers(im, membershipRow("A", "r2", "bo"), membershipRow("A", "r2", "ana"), membershipRow("A", "r1", "ana"), membershipRow("A", "r2", "bo")),
			[]string{"added", "added", "added", "unchanged"})

		equal(t, "ListRooms", h.must("ListRooms", "accountId=A", "member-id=bo", ""), `{"Rooms":[{"RoomId":"r2","Name":"The r2","AccountId":"A",`+
			`"CreatedBy":"arn:aws:iam::444455556666:user/old","CreatedTimestamp":"2021-03-01T12:00:00.123Z","UpdatedTimestamp":"2022-03-01T12:00:00.123Z"}]}`)
		names, _ := h.rooms("A", "")
		equal(t, "rooms", names, []string{"The r2", "The r1"})
		member := func(id string) string {
			return `{"RoomId":"r2","Member":{"MemberId":"` + id + `","MemberType":"User","Email":"` + id + `@example.com","FullName":"The ` + id + `","AccountId":"A"},` +
				`"Role":"Administrator","InvitedBy":"arn:aws:iam::444455556666:user/old","UpdatedTimestamp":"2023-03-01T12:00:00.123Z"}`
		}
		equal(t, "ListRoomMemberships", h.must("ListRoomMemberships", in("A", "r2"), "", ""), `{"RoomMemberships":[`+member("bo")+","+member("ana")+`]}`)
		const record = `"InvitedBy": "arn:aws:iam::444455556666:user/old"}`
		equal(t, "audit", h.audited(records), []string{
			`Import r2  {"RoomId": "r2", "Name": "The r2", "CreatedBy": "arn:aws:iam::444455556666:user/old", "CreatedTimestamp": "2021-03-01T12:00:00.123Z"}`,
			`Import r1  {"RoomId": "r1", "Name": "The r1", "CreatedBy": "arn:aws:iam::444455556666:user/old", "CreatedTimestamp": "2021-03-01T12:00:00.123Z"}`,
			`Import bo  {"RoomId": "r2", "Role": "Administrator", ` + record,
			`Import ana  {"RoomId": "r2", "Role": "Administrator", ` + record,
			`Import ana  {"RoomId": "r1", "Role": "Administrator", ` + record,
		})

		// Again, after something has changed.
		h.must("UpdateRoom", in("A", "r1"), "", `{"Name":"New"}`)
		h.must("UpdateRoomMembership", in("A", "r2", "bo"), "", `{"Role":"Member"}`)
		h.must("DeleteRoomMembership", in("A", "r2", "ana"), "", "")
		records = len(h.audit())
		im = h.beginImport(directory.ImportOptions{})
		equal(t, "rooms again", h.importedRooms(im, roomRow("A", "r1"), roomRow("A", "r2")),
			[]string{"differs; room r1 is in the store, with different Name", "unchanged"})
		equal(t, "members again", h.importedMembers(im, membershipRow("A", "r2", "bo"), membershipRow("A", "r1", "ana"), membershipRow("A", "r2", "ana")),
			[]string{"differs; member bo of room r2 is in the store, with different Role", "unchanged", "added"})
		if got := h.audited(records); len(got) != 1 {
			t.Errorf("importing again left the records %q, want one", got)
		}
		h.must("UpdateRoom", in("A", "r2"), "", `{"Name":"New"}`)
		h.must("DeleteRoom", in("A", "r2"), "", "")
	})
}

func TestImportRooms_Refuses(t *testing.T) {
	h := newHouse(t)
	im := h.beginImport(directory.ImportOptions{})
	h.imported(im, []directory.AccountRow{accountRow("A"), accountRow("T", func(a *api.Account) { a.AccountType = "Team" })}, userRow("A", "ana"), userRow("A", "ivy", pending))
	name := func(s string) func(*api.Room) { return func(r *api.Room) { r.Name = &s } }
	for _, test := range []struct {
		row  directory.RoomRow
		want string
	}{
		{roomRow("A", ""), "bad; RoomId is missing"},
		{roomRow("A", "a\nb"), "bad; RoomId holds a line break or another control character"},
		{roomRow("A", "r", func(r *api.Room) { r.Name = nil }), "bad; room r: Name must have 1 to 256 characters, not all of them blank: it has 0"},
		{roomRow("A", "r", name(strings.Repeat("x", 257))), "bad; room r: Name must have 1 to 256 characters, not all of them blank: it has 257"},
		{roomRow("X", "r"), "bad; account X of room r is neither in these files nor in the store"},
		{roomRow("A", "r", func(r *api.Room) { r.AccountId = nil }), "bad; room r names no account"},
		{roomRow("T", "r"), "bad; room r is of account T, which is of type Team and has no rooms"},
		{roomRow("A", "r"), "added"},
		{roomRow("A", "r", name("Other")), "bad; room r is already in rooms.json:r, with different Name"},
		{roomRow("A", "bare", func(r *api.Room) { *r = api.Room{RoomId: r.RoomId, Name: r.Name, AccountId: r.AccountId} }),
			"added; CreatedBy is missing: the room is listed without it; CreatedTimestamp is missing: the room is listed without it; " +
				"UpdatedTimestamp is missing: set to CreatedTimestamp"},
	} {
		equal(t, "room", h.importedRooms(im, test.row), []string{test.want})
	}
	for _, test := range []struct {
		row  directory.MembershipRow
		want string
	}{
		{membershipRow("A", "", "ana"), "bad; RoomId is missing"},
		{membershipRow("A", "r", ""), "bad; MemberId is missing"},
		{membershipRow("A", "r", "ana", func(m *api.RoomMembership) { m.Member = nil }), "bad; a membership of room r has no Member"},
		{membershipRow("A", "r", "b", func(m *api.RoomMembership) { m.Member.MemberType = "Bot" }), "bad; member b of room r is a bot, which cannot be an administrator"},
		{membershipRow("A", "r", "b", func(m *api.RoomMembership) { m.Member.MemberType = "Cat" }), `bad; MemberType is "Cat", not one of User, Bot, Webhook`},
		{membershipRow("A", "r", "b", func(m *api.RoomMembership) { m.Role = "Owner" }), `bad; Role is "Owner", not one of Administrator, Member`},
		{membershipRow("X", "r", "ana"), "bad; account X of member ana is neither in these files nor in the store"},
		{membershipRow("T", "r", "ana"), "bad; member ana of room r is of account T, which is of type Team and has no rooms"},
		{membershipRow("A", "r9", "ana"), "bad; room r9 of member ana is neither in these files nor in the store, among the rooms of account A"},
		{membershipRow("A", "r", "nobody"), "bad; member nobody of room r is no user of account A, here or in the store"},
		{membershipRow("A", "r", "ivy"), "bad; member ivy of room r has not joined the account"},
		{membershipRow("A", "r", "ana"), "added"},
		{membershipRow("A", "r", "ana", func(m *api.RoomMembership) { m.Role = "Member" }), "bad; member ana of room r is already in members.json:r/ana, with different Role"},
		{membershipRow("A", "bare", "ana", func(m *api.RoomMembership) {
			*m = api.RoomMembership{RoomId: m.RoomId, Member: &api.Member{MemberId: m.Member.MemberId, AccountId: m.Member.AccountId}}
		}), "added; Role is missing: set to Member; InvitedBy is missing: the membership is listed without it; UpdatedTimestamp is missing: the membership is listed without it"},
	} {
		equal(t, "membership", h.importedMembers(im, test.row), []string{test.want})
	}
	equal(t, "unknown accounts", im.UnknownAccounts(), []string{"", "X"})

	// A given account takes what names none, or one that is not known.
	im = h.beginImport(directory.ImportOptions{AccountID: "A"})
	equal(t, "room", h.importedRooms(im, roomRow("X", "given")), []string{"added; AccountId is of an unknown account: set to the given account"})
	equal(t, "membership", h.importedMembers(im, membershipRow("X", "given", "ana")), []string{"added; AccountId is of an unknown account: set to the given account"})
}

// More rows than go into one update, of which a dry run says what would become of them.
func TestImportRooms_Many(t *testing.T) {
	h := newHouse(t)
	var users []directory.UserRow
	var rooms []directory.RoomRow
	var memberships []directory.MembershipRow
	for i := range 600 {
		id := fmt.Sprint("u", i)
		users = append(users, userRow("A", id))
		rooms = append(rooms, roomRow("A", fmt.Sprint("r", i)))
		memberships = append(memberships, membershipRow("A", "r7", id), membershipRow("A", fmt.Sprint("r", i), "u300"))
	}
	for _, dry := range []bool{true, false} {
		im := h.beginImport(directory.ImportOptions{DryRun: dry})
		h.imported(im, []directory.AccountRow{accountRow("A")}, users...)
		count := func(outcomes []string) map[string]int {
			n := map[string]int{}
			for _, o := range outcomes {
				n[o]++
			}
			return n
		}
		equal(t, fmt.Sprint("rooms, dry ", dry), count(h.importedRooms(im, rooms...)), map[string]int{"added": 600})
		equal(t, fmt.Sprint("members, dry ", dry), count(h.importedMembers(im, memberships...)), map[string]int{"added": 1199, "unchanged": 1})
		var kept int
		if err := h.store.View(t.Context(), func(tx store.ReadTx) (err error) {
			kept, err = tx.CountRooms("A")
			return err
		}); err != nil || kept > 0 == dry {
			t.Errorf("dry %v: the store has %d rooms, %v", dry, kept, err)
		}
	}
}
