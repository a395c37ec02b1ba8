package sqlite

import (
	"encoding/json"

	"github.com/carillon-project/carillon/internal/store"
)

// list passes a list of keys to json_each, which makes rows of it.
func list[T any](keys []T) string {
	text, _ := json.Marshal(keys) // strings and numbers always encode
	return string(text)
}

// Hints name an index where SQLite would rather read all rows of an account: see usersBy.

func (t *tx) Room(accountID, roomID string) (store.Room, error) { return t.sql.Room(accountID, roomID) }

func (t *tx) RoomByRequest(accountID, token string) (store.Room, error) {
	return t.sql.RoomByRequest(`rooms INDEXED BY rooms_request`, accountID, token)
}

func (t *tx) CountRooms(accountID string) (int, error) { return t.sql.CountRooms(accountID) }

func (t *tx) ListRooms(accountID string, filter store.RoomFilter, after store.Entry, limit int) ([]store.Room, store.Entry, error) {
	return t.sql.ListRooms(accountID, filter, after, limit, func(accountID string, entries []store.Entry) ([]store.Room, error) {
		return t.sql.Rooms(`rooms`, `entry IN (SELECT value FROM json_each($2))`, accountID, list(entries))
	})
}

func (t *tx) InsertRoom(r *store.Room) error { return t.sql.InsertRoom(r) }

func (t *tx) UpdateRoom(r store.Room) error { return t.sql.UpdateRoom(r) }

func (t *tx) DeleteRoom(r store.Room) error { return t.sql.DeleteRoom(r) }

const byMember = `room_memberships INDEXED BY room_memberships_member`

func (t *tx) RoomMemberships(room store.Room, memberIDs []string) ([]store.RoomMembership, error) {
	return t.sql.Memberships(byMember, `room_entry = $2 AND member_id IN (SELECT value FROM json_each($3))`,
		room.AccountID, room.Entry, list(memberIDs))
}

func (t *tx) MembershipsOf(accountID string, memberIDs []string) ([]store.RoomMembership, error) {
	return t.sql.Memberships(byMember, `member_id IN (SELECT value FROM json_each($2))`, accountID, list(memberIDs))
}

func (t *tx) ListRoomMemberships(room store.Room, after store.Entry, limit int) ([]store.RoomMembership, store.Entry, error) {
	return t.sql.ListRoomMemberships(room, after, limit)
}

func (t *tx) CountRoomMemberships(room store.Room) (int, error) {
	return t.sql.CountRoomMemberships(room)
}

func (t *tx) InsertRoomMemberships(room store.Room, memberships []store.RoomMembership) error {
	return t.sql.InsertRoomMemberships(room, memberships)
}

func (t *tx) UpdateRoomMembership(m store.RoomMembership) error {
	return t.sql.UpdateRoomMembership(m)
}

func (t *tx) DeleteRoomMembership(m store.RoomMembership) error {
	return t.sql.DeleteRoomMembership(m)
}

func (t *tx) DeleteMembershipsOf(accountID string, memberIDs []string) error {
	_, err := t.sql.Write(`DELETE FROM room_memberships INDEXED BY room_memberships_member
		WHERE account_id = $1 AND member_id IN (SELECT value FROM json_each($2))`,
		accountID, list(memberIDs))
	return err
}
