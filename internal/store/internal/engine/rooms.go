package engine

import (
	"cmp"
	"slices"

	"github.com/carillon-project/carillon/internal/store"
)

const roomColumns = `account_id, entry, room_id, name, created_by, created, updated, request_token, request_name`

func scanRoom(row Row) (r store.Room, err error) {
	err = row.Scan(&r.AccountID, &r.Entry, &r.RoomID, &r.Name, &r.CreatedBy, millisTo{&r.Created}, millisTo{&r.Updated},
		&r.RequestToken, &r.RequestName)
	return r, err
}

func (s *SQL) Room(accountID, roomID string) (store.Room, error) {
	return one(List(s, scanRoom, `SELECT `+roomColumns+` FROM rooms WHERE account_id = $1 AND room_id = $2`, accountID, roomID))
}

func (s *SQL) CountRooms(accountID string) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM rooms WHERE account_id = $1`, []any{accountID}, &n)
	return n, err
}

// ListRooms lists the rooms of an account. roomsAt reads those at some entries, in their order: the
// engines differ in how they pass a list.
func (s *SQL) ListRooms(accountID string, filter store.RoomFilter, after store.Entry, limit int,
	roomsAt func(accountID string, entries []store.Entry) ([]store.Room, error)) ([]store.Room, store.Entry, error) {
	if filter.MemberID != "" {
		entries, err := List(s, func(row Row) (e store.Entry, err error) { return e, row.Scan(&e) },
			`SELECT room_entry FROM room_memberships WHERE account_id = $1 AND member_id = $2 AND room_entry > $3
			ORDER BY room_entry LIMIT $4`, accountID, filter.MemberID, after, limit+1)
		if err != nil || len(entries) == 0 {
			return nil, 0, err
		}
		entries, next := CutPage(entries, limit, func(e *store.Entry) store.Entry { return *e })
		rooms, err := roomsAt(accountID, entries)
		return rooms, next, err
	}
	rooms, err := List(s, scanRoom, `SELECT `+roomColumns+` FROM rooms WHERE account_id = $1 AND entry > $2
		ORDER BY entry LIMIT $3`, accountID, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(rooms, limit, func(r *store.Room) store.Entry { return r.Entry })
	return page, next, nil
}

// RoomByRequest looks in the table of rooms, which may come with a hint.
func (s *SQL) RoomByRequest(table, accountID, token string) (store.Room, error) {
	rooms, err := s.Rooms(table, `request_token = $2`, accountID, token)
	slices.Reverse(rooms)
	return one(rooms, err)
}

// Rooms returns the rooms of an account that fulfill a condition on $2, in order of entry. It does
// not leave the sorting to the engine, which would rather read the whole account in that order. The
// table may come with a hint.
func (s *SQL) Rooms(table, condition, accountID string, arg any) ([]store.Room, error) {
	rooms, err := List(s, scanRoom, `SELECT `+roomColumns+` FROM `+table+` WHERE account_id = $1 AND `+condition, accountID, arg)
	slices.SortFunc(rooms, func(a, b store.Room) int { return cmp.Compare(a.Entry, b.Entry) })
	return rooms, err
}

func (s *SQL) InsertRoom(r *store.Room) (err error) {
	if r.Entry, err = s.NewRows("rooms", "account_id", nil).Next(r.AccountID); err != nil {
		return err
	}
	_, err = s.Write(`INSERT INTO rooms (`+roomColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.AccountID, r.Entry, r.RoomID, r.Name, r.CreatedBy, Millis(r.Created), Millis(r.Updated), r.RequestToken, r.RequestName)
	return err
}

func (s *SQL) UpdateRoom(r store.Room) error {
	return s.WriteOne(`UPDATE rooms SET name = $1, updated = $2 WHERE account_id = $3 AND entry = $4 AND room_id || '' = $5`,
		r.Name, Millis(r.Updated), r.AccountID, r.Entry, r.RoomID)
}

func (s *SQL) DeleteRoom(r store.Room) error {
	if _, err := s.Write(`DELETE FROM room_memberships WHERE account_id = $1 AND room_entry = $2`, r.AccountID, r.Entry); err != nil {
		return err
	}
	return s.WriteOne(`DELETE FROM rooms WHERE account_id = $1 AND entry = $2 AND room_id || '' = $3`, r.AccountID, r.Entry, r.RoomID)
}

const membershipColumns = `account_id, room_entry, entry, room_id, member_id, role, invited_by, updated`

func scanMembership(row Row) (m store.RoomMembership, err error) {
	err = row.Scan(&m.AccountID, &m.RoomEntry, &m.Entry, &m.RoomID, &m.MemberID, &m.Role, &m.InvitedBy, millisTo{&m.Updated})
	return m, err
}

// Memberships returns the memberships in an account that fulfill a condition on parameters from $2
// on, in order of room and entry. It sorts like [SQL.Rooms]. The table may come with a hint.
func (s *SQL) Memberships(table, condition, accountID string, args ...any) ([]store.RoomMembership, error) {
	memberships, err := List(s, scanMembership, `SELECT `+membershipColumns+` FROM `+table+` WHERE account_id = $1 AND `+condition,
		append([]any{accountID}, args...)...)
	slices.SortFunc(memberships, func(a, b store.RoomMembership) int {
		return cmp.Or(cmp.Compare(a.RoomEntry, b.RoomEntry), cmp.Compare(a.Entry, b.Entry))
	})
	return memberships, err
}

func (s *SQL) ListRoomMemberships(room store.Room, after store.Entry, limit int) ([]store.RoomMembership, store.Entry, error) {
	memberships, err := List(s, scanMembership, `SELECT `+membershipColumns+` FROM room_memberships
		WHERE account_id = $1 AND room_entry = $2 AND entry > $3 ORDER BY entry LIMIT $4`, room.AccountID, room.Entry, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(memberships, limit, func(m *store.RoomMembership) store.Entry { return m.Entry })
	return page, next, nil
}

func (s *SQL) CountRoomMemberships(room store.Room) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM room_memberships WHERE account_id = $1 AND room_entry = $2`,
		[]any{room.AccountID, room.Entry}, &n)
	return n, err
}

// membershipRows is how many memberships a statement adds at most: those of a full batch.
const membershipRows = 50

func (s *SQL) InsertRoomMemberships(room store.Room, memberships []store.RoomMembership) error {
	var last store.Entry
	if err := s.ReadRow(`SELECT COALESCE((SELECT entry FROM room_memberships WHERE account_id = $1 AND room_entry = $2
		ORDER BY entry DESC LIMIT 1), 0)`, []any{room.AccountID, room.Entry}, &last); err != nil {
		return err
	}
	for len(memberships) > 0 {
		some := memberships[:min(len(memberships), membershipRows)]
		memberships = memberships[len(some):]
		args := []any{room.AccountID, room.Entry, room.RoomID}
		for i := range some {
			m := &some[i]
			last = s.Entries.after(last)
			m.AccountID, m.RoomEntry, m.RoomID, m.Entry = room.AccountID, room.Entry, room.RoomID, last
			args = append(args, m.Entry, m.MemberID, m.Role, m.InvitedBy, Millis(m.Updated))
		}
		if _, err := s.Write(insertText(insertion{
			table: "room_memberships", sharedColumns: "account_id, room_entry, room_id", shared: 3,
			columns: "entry, member_id, role, invited_by, updated", own: 5, rows: len(some),
		}), args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *SQL) UpdateRoomMembership(m store.RoomMembership) error {
	return s.WriteOne(`UPDATE room_memberships SET role = $1, updated = $2
		WHERE account_id = $3 AND room_entry = $4 AND entry = $5 AND member_id || '' = $6`,
		m.Role, Millis(m.Updated), m.AccountID, m.RoomEntry, m.Entry, m.MemberID)
}

func (s *SQL) DeleteRoomMembership(m store.RoomMembership) error {
	return s.WriteOne(`DELETE FROM room_memberships WHERE account_id = $1 AND room_entry = $2 AND entry = $3 AND member_id || '' = $4`,
		m.AccountID, m.RoomEntry, m.Entry, m.MemberID)
}
