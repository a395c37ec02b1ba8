package postgres

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// Whatever an update does with rooms and memberships, it locks the rooms of the account first, and
// shares that lock with nobody. Batches of users do not wait for it, except where they remove
// users.

func (t *tx) Room(accountID, roomID string) (store.Room, error) {
	t.take("rooms", accountID)
	return t.sql.Room(accountID, roomID)
}

func (t *tx) RoomByRequest(accountID, token string) (store.Room, error) {
	t.take("rooms", accountID)
	return t.sql.RoomByRequest(`rooms`, accountID, token)
}

func (t *tx) CountRooms(accountID string) (int, error) {
	t.take("rooms", accountID)
	return t.sql.CountRooms(accountID)
}

func (t *tx) ListRooms(accountID string, filter store.RoomFilter, after store.Entry, limit int) ([]store.Room, store.Entry, error) {
	t.take("rooms", accountID)
	return t.sql.ListRooms(accountID, filter, after, limit, func(accountID string, entries []store.Entry) ([]store.Room, error) {
		return t.sql.Rooms(`rooms`, `entry = ANY($2)`, accountID, column(entries, func(e *store.Entry) int64 { return int64(*e) }))
	})
}

func (t *tx) InsertRoom(r *store.Room) error {
	t.take("rooms", r.AccountID)
	return t.sql.InsertRoom(r)
}

func (t *tx) UpdateRoom(r store.Room) error {
	t.take("rooms", r.AccountID)
	return t.sql.UpdateRoom(r)
}

func (t *tx) DeleteRoom(r store.Room) error {
	t.take("rooms", r.AccountID)
	return t.sql.DeleteRoom(r)
}

func (t *tx) RoomMemberships(room store.Room, memberIDs []string) ([]store.RoomMembership, error) {
	t.take("rooms", room.AccountID)
	return t.sql.Memberships(`room_memberships`, `room_entry = $2 AND member_id = ANY($3)`, room.AccountID, room.Entry, engine.Distinct(memberIDs))
}

func (t *tx) MembershipsOf(accountID string, memberIDs []string) ([]store.RoomMembership, error) {
	t.take("rooms", accountID)
	return t.sql.Memberships(`room_memberships`, `member_id = ANY($2)`, accountID, engine.Distinct(memberIDs))
}

func (t *tx) ListRoomMemberships(room store.Room, after store.Entry, limit int) ([]store.RoomMembership, store.Entry, error) {
	t.take("rooms", room.AccountID)
	return t.sql.ListRoomMemberships(room, after, limit)
}

func (t *tx) CountRoomMemberships(room store.Room) (int, error) {
	t.take("rooms", room.AccountID)
	return t.sql.CountRoomMemberships(room)
}

func (t *tx) InsertRoomMemberships(room store.Room, memberships []store.RoomMembership) error {
	t.take("rooms", room.AccountID)
	return t.sql.InsertRoomMemberships(room, memberships)
}

func (t *tx) UpdateRoomMembership(m store.RoomMembership) error {
	t.take("rooms", m.AccountID)
	return t.sql.UpdateRoomMembership(m)
}

func (t *tx) DeleteRoomMembership(m store.RoomMembership) error {
	t.take("rooms", m.AccountID)
	return t.sql.DeleteRoomMembership(m)
}

func (t *tx) DeleteMembershipsOf(accountID string, memberIDs []string) error {
	t.take("rooms", accountID)
	_, err := t.sql.Write(`DELETE FROM room_memberships WHERE account_id = $1 AND member_id = ANY($2)`,
		accountID, engine.Distinct(memberIDs))
	return err
}
