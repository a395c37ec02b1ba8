package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// RoomRow is a chat room to import. Members that the file does not have are absent.
type RoomRow struct {
	Place string // where it was found
	Room  api.Room
}

// MembershipRow is a membership of a chat room to import.
type MembershipRow struct {
	Place      string // where it was found
	Membership api.RoomMembership
}

// Rooms imports rooms of accounts that are imported or in the store. Like [Import.Users] it has an
// entry for each row. The quotas are for new rooms: what there was is imported.
func (im *Import) Rooms(ctx context.Context, rows []RoomRow) ([]ImportedRow, error) {
	return inChunks(ctx, im, rows, func(k *chunk, row RoomRow) (ImportedRow, error) { return k.room(row) })
}

// Memberships imports memberships of rooms that are imported or in the store. Like [Import.Users]
// it has an entry for each row.
func (im *Import) Memberships(ctx context.Context, rows []MembershipRow) ([]ImportedRow, error) {
	return inChunks(ctx, im, rows, func(k *chunk, row MembershipRow) (ImportedRow, error) { return k.membership(row) })
}

// inChunks imports rows, a few in each update.
func inChunks[T any](ctx context.Context, im *Import, rows []T, add func(*chunk, T) (ImportedRow, error)) ([]ImportedRow, error) {
	done := make([]ImportedRow, 0, len(rows))
	for some := range slices.Chunk(rows, importChunk) {
		var results []ImportedRow
		var news seen
		err := im.update(ctx, func(c *change) error {
			results, news = nil, newSeen()
			k := chunk{of: im, change: c, seen: news, stored: make(map[string]*store.Account)}
			for _, row := range some {
				one, err := add(&k, row)
				if err != nil {
					return err
				}
				results = append(results, one)
			}
			return nil
		})
		if err != nil {
			return done, err
		}
		im.seen.add(news)
		done = append(done, results...)
	}
	return done, nil
}

// room decides about one row, and adds what is new.
func (k *chunk) room(row RoomRow) (result ImportedRow, err error) {
	r := row.Room
	id := orEmpty(r.RoomId)
	if problem := badRoom(r); problem != "" {
		return badRow("%s", problem), nil
	}
	a, err := k.account(r.AccountId, fmt.Sprintf("room %.64s", id), &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	if enterprise(*a, "rooms") != nil {
		return badRow("room %.64s is of account %.64s, which is of type %s and has no rooms", id, a.AccountID, a.Type), nil
	}
	if earlier, again := k.earlierRoom(a.AccountID, id); again {
		return knownRoom(earlier.value, r, "is already in "+earlier.place, RowBad), nil
	}
	kept, err := k.change.Room(a.AccountID, id)
	if err == nil {
		k.seen.rooms[[2]string{a.AccountID, id}] = placed[store.Room]{kept, row.Place}
		return knownRoom(kept, r, "is in the store", RowDiffers), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return result, err
	}

	room := store.Room{AccountID: a.AccountID, RoomID: id, Updated: r.UpdatedTimestamp}
	fillRoom(&room, r)
	if r.CreatedBy == nil {
		result.note("CreatedBy is missing: the room is listed without it")
	}
	if room.Created.IsZero() {
		result.note("CreatedTimestamp is missing: the room is listed without it")
	}
	if room.Updated.IsZero() {
		room.Updated = room.Created
		result.note("UpdatedTimestamp is missing: set to CreatedTimestamp")
	}
	if err := k.change.InsertRoom(&room); err != nil {
		return result, err
	}
	k.change.record(*a, id, nil, roomFields(room))
	k.seen.rooms[[2]string{a.AccountID, id}] = placed[store.Room]{room, row.Place}
	return result, nil
}

func (k *chunk) earlierRoom(accountID, roomID string) (placed[store.Room], bool) {
	id := [2]string{accountID, roomID}
	earlier, ok := k.seen.rooms[id]
	if !ok {
		earlier, ok = k.of.seen.rooms[id]
	}
	return earlier, ok
}

// badRoom says why a row cannot be a room, "" if it can.
func badRoom(r api.Room) string {
	if problem := badID(orEmpty(r.RoomId)); problem != "" {
		return "RoomId " + problem
	}
	if refused, ok := errors.AsType[*api.Error](checkRoomName(orEmpty(r.Name))); ok {
		return fmt.Sprintf("room %.64s: %s", *r.RoomId, refused.Message)
	}
	return ""
}

// fillRoom sets the members of a room that a row has, but for the time of its last change, which is
// not what a room is known by.
func fillRoom(room *store.Room, r api.Room) {
	room.Name = *r.Name
	if r.CreatedBy != nil {
		room.CreatedBy = *r.CreatedBy
	}
	if !r.CreatedTimestamp.IsZero() {
		room.Created = r.CreatedTimestamp
	}
}

// knownRoom decides about a row of a room that is there already, at the place where says.
func knownRoom(kept store.Room, r api.Room, where string, differs RowOutcome) ImportedRow {
	after := kept
	fillRoom(&after, r)
	return knownAs(fmt.Sprintf("room %.64s %s", kept.RoomID, where), roomFields(kept), roomFields(after), differs)
}

// knownAs decides about a row of what is there already with some fields, and has others in the row.
func knownAs(what string, kept, row []document.Member, differs RowOutcome) ImportedRow {
	if members := differing(kept, row); members != "" {
		return ImportedRow{Outcome: differs, Reason: what + ", with different " + members}
	}
	return ImportedRow{Outcome: RowUnchanged}
}

// membership decides about one row, and adds what is new. A row names the account of the member,
// which is that of the room.
func (k *chunk) membership(row MembershipRow) (result ImportedRow, err error) {
	r := row.Membership
	if problem := badMembership(r); problem != "" {
		return badRow("%s", problem), nil
	}
	roomID, id := *r.RoomId, *r.Member.MemberId
	a, err := k.account(r.Member.AccountId, fmt.Sprintf("member %.64s", id), &result)
	if err != nil || result.Outcome == RowBad {
		return result, err
	}
	if enterprise(*a, "rooms") != nil {
		return badRow("member %.64s of room %.64s is of account %.64s, which is of type %s and has no rooms", id, roomID, a.AccountID, a.Type), nil
	}
	room, err := k.roomOf(*a, roomID)
	if errors.Is(err, store.ErrNotFound) {
		return badRow("room %.64s of member %.64s is neither in these files nor in the store, among the rooms of account %.64s",
			roomID, id, a.AccountID), nil
	}
	if err != nil {
		return result, err
	}
	key := [3]string{a.AccountID, roomID, id}
	for _, seen := range []seen{k.seen, k.of.seen} {
		if earlier, again := seen.memberships[key]; again {
			return knownMembership(earlier.value, r, "is already in "+earlier.place, RowBad), nil
		}
	}
	kept, err := k.change.RoomMemberships(room, []string{id})
	if err != nil {
		return result, err
	}
	if len(kept) > 0 {
		k.seen.memberships[key] = placed[store.RoomMembership]{kept[0], row.Place}
		return knownMembership(kept[0], r, "is in the store", RowDiffers), nil
	}
	if r.Member.MemberType == api.MemberTypeBot {
		if reason, err := k.badBotMember(*a, id, r.Role); reason != "" || err != nil {
			return badRow("member %.64s of room %.64s %s", id, roomID, reason), err
		}
	} else {
		u, err := k.userOf(*a, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return badRow("member %.64s of room %.64s is no user of account %.64s, here or in the store", id, roomID, a.AccountID), nil
		case err != nil:
			return result, err
		case u.Registration == store.Unregistered:
			return badRow("member %.64s of room %.64s has not joined the account", id, roomID), nil
		}
	}

	m := store.RoomMembership{MemberID: id, Updated: r.UpdatedTimestamp}
	fillMembership(&m, r)
	if m.Role == "" {
		m.Role = string(api.RoomMembershipRoleMember)
		result.note("Role is missing: set to Member")
	}
	if r.InvitedBy == nil {
		result.note("InvitedBy is missing: the membership is listed without it")
	}
	if m.Updated.IsZero() {
		result.note("UpdatedTimestamp is missing: the membership is listed without it")
	}
	added := []store.RoomMembership{m}
	if err := k.change.InsertRoomMemberships(room, added); err != nil {
		return result, err
	}
	k.change.record(*a, id, nil, membershipFields(added[0]))
	k.seen.memberships[key] = placed[store.RoomMembership]{added[0], row.Place}
	return result, nil
}

// roomOf returns a room of the store or, in a dry run, of the import, or ErrNotFound.
func (k *chunk) roomOf(a store.Account, id string) (store.Room, error) {
	room, err := k.change.Room(a.AccountID, id)
	if earlier, ok := k.earlierRoom(a.AccountID, id); ok && k.of.request.DryRun && errors.Is(err, store.ErrNotFound) {
		return earlier.value, nil
	}
	return room, err
}

// badBotMember says why a bot cannot be a member of a room with a role, "" if it can. The bot is
// one of the store or, in a dry run, of the import.
func (k *chunk) badBotMember(a store.Account, id string, role api.RoomMembershipRole) (string, error) {
	if role == api.RoomMembershipRoleAdministrator {
		return "is a bot, which cannot be an administrator", nil
	}
	_, err := k.change.Bot(a.AccountID, id)
	if _, seen := k.of.seen.bots[[2]string{a.AccountID, id}]; seen && k.of.request.DryRun && errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Sprintf("is no bot of account %.64s, here or in the store", a.AccountID), nil
	}
	return "", err
}

// userOf returns a user of the store or, in a dry run, of the import, or ErrNotFound.
func (k *chunk) userOf(a store.Account, id string) (store.User, error) {
	users, err := k.change.Users(a.AccountID, []string{id})
	if err != nil {
		return store.User{}, err
	}
	if len(users) > 0 {
		return users[0], nil
	}
	if earlier, ok := k.earlier(a.AccountID, id); ok && k.of.request.DryRun {
		return earlier.value, nil
	}
	return store.User{}, store.ErrNotFound
}

// badMembership says why a row cannot be a membership, "" if it can.
func badMembership(r api.RoomMembership) string {
	if problem := badID(orEmpty(r.RoomId)); problem != "" {
		return "RoomId " + problem
	}
	if r.Member == nil {
		return fmt.Sprintf("a membership of room %.64s has no Member", *r.RoomId)
	}
	id := orEmpty(r.Member.MemberId)
	if problem := badID(id); problem != "" {
		return "MemberId " + problem
	}
	if kind := r.Member.MemberType; kind == api.MemberTypeWebhook {
		return fmt.Sprintf("member %.64s of room %.64s is a %s: only users and bots are imported", id, *r.RoomId, kind)
	}
	return firstOf(
		notOneOf("MemberType", r.Member.MemberType, api.MemberTypeUser, api.MemberTypeBot, api.MemberTypeWebhook),
		notOneOf("Role", r.Role, api.RoomMembershipRoleAdministrator, api.RoomMembershipRoleMember),
	)
}

func fillMembership(m *store.RoomMembership, r api.RoomMembership) {
	fill(&m.Role, r.Role)
	if r.InvitedBy != nil {
		m.InvitedBy = *r.InvitedBy
	}
}

// knownMembership decides about a row of a membership that is there already, at the place where
// says.
func knownMembership(kept store.RoomMembership, r api.RoomMembership, where string, differs RowOutcome) ImportedRow {
	after := kept
	fillMembership(&after, r)
	return knownAs(fmt.Sprintf("member %.64s of room %.64s %s", kept.MemberID, kept.RoomID, where), membershipFields(kept), membershipFields(after), differs)
}
