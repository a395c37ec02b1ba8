package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func room(accountID, id string) store.Room {
	return store.Room{
		AccountID: accountID, RoomID: id, Name: "Name of " + id, CreatedBy: "arn:aws:iam::111122223333:user/ci",
		Created: time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC), Updated: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC),
		RequestToken: "token of " + id, RequestName: "First name of " + id,
	}
}

func (f *fixture) insertRoom(accountID, id string) store.Room {
	f.Helper()
	r := room(accountID, id)
	f.update(func(tx store.Tx) error { return tx.InsertRoom(&r) })
	return r
}

// join adds members to a room, and returns their memberships.
func (f *fixture) join(r store.Room, memberIDs ...string) []store.RoomMembership {
	f.Helper()
	memberships := make([]store.RoomMembership, len(memberIDs))
	for i, id := range memberIDs {
		memberships[i] = store.RoomMembership{MemberID: id, Role: "Member", InvitedBy: r.CreatedBy, Updated: r.Updated}
	}
	f.update(func(tx store.Tx) error { return tx.InsertRoomMemberships(r, memberships) })
	return memberships
}

func roomIDs(rooms []store.Room) (ids []string) {
	for _, r := range rooms {
		ids = append(ids, r.RoomID)
	}
	return ids
}

func memberIDs(memberships []store.RoomMembership) (ids []string) {
	for _, m := range memberships {
		ids = append(ids, m.MemberID)
	}
	return ids
}

// rooms walks a listing of rooms and returns their ids.
func (f *fixture) rooms(accountID string, filter store.RoomFilter, limit int) (ids []string) {
	f.Helper()
	var after store.Entry
	for more := true; more; {
		f.view(func(r store.ReadTx) error {
			page, next, err := r.ListRooms(accountID, filter, after, limit)
			if len(page) > limit {
				f.Errorf("a page of %d rooms, want %d at most", len(page), limit)
			}
			ids = append(ids, roomIDs(page)...)
			more, after = next != 0, next
			return err
		})
	}
	return ids
}

// members walks the listing of a room's memberships and returns the ids of the members.
func (f *fixture) members(of store.Room, limit int) (ids []string) {
	f.Helper()
	var after store.Entry
	for more := true; more; {
		f.view(func(r store.ReadTx) error {
			page, next, err := r.ListRoomMemberships(of, after, limit)
			if len(page) > limit {
				f.Errorf("a page of %d members, want %d at most", len(page), limit)
			}
			ids = append(ids, memberIDs(page)...)
			more, after = next != 0, next
			return err
		})
	}
	return ids
}

func testRooms(t *testing.T, f *fixture) {
	full := f.insertRoom("a1", "r1")
	bare := store.Room{AccountID: "a1", RoomID: "r2", Name: full.Name}
	other := room("a2", "r1")
	f.update(func(tx store.Tx) error { return errors.Join(tx.InsertRoom(&bare), tx.InsertRoom(&other)) })
	check := func(accountID, id string, want store.Room) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.Room(accountID, id)
			same(t, "Room", got, want)
			return err
		})
	}
	check("a1", "r1", full)
	check("a1", "r2", bare)
	check("a2", "r1", other)
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Room("a2", "r2"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Room("a1", "r1\x00"); return err })

	changed := full
	changed.Name, changed.Updated = "New", full.Updated.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateRoom(changed) })
	check("a1", "r1", changed)
	check("a2", "r1", other)

	taken := room("a1", "r1")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertRoom(&taken) })
	gone := changed
	gone.RoomID = "r3"
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateRoom(gone) })

	// A token finds the youngest room that has it.
	again := room("a1", "r4")
	again.RequestToken = full.RequestToken
	f.update(func(tx store.Tx) error { return tx.InsertRoom(&again) })
	f.view(func(r store.ReadTx) error {
		got, err := r.RoomByRequest("a1", full.RequestToken)
		same(t, "RoomByRequest", got, again)
		got, err2 := r.RoomByRequest("a2", full.RequestToken)
		same(t, "RoomByRequest of another account", got, other)
		return errors.Join(err, err2)
	})
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.RoomByRequest("a1", "none"); return err })
	for account, want := range map[string]int{"a1": 3, "a2": 1, "a3": 0} {
		f.view(func(r store.ReadTx) error {
			got, err := r.CountRooms(account)
			same(t, "CountRooms of "+account, got, want)
			return err
		})
	}
}

func testRoomListing(t *testing.T, f *fixture) {
	var all, ofPat []string
	for i := range 10 {
		id := fmt.Sprint("r", (i*7)%10) // ids in another order than entries
		all = append(all, id)
		r := f.insertRoom("a1", id)
		f.join(r, "u1")
		if i%3 == 0 {
			f.join(r, "pat")
			ofPat = append(ofPat, id)
		}
		other := f.insertRoom("a2", id)
		f.join(other, "pat")
	}
	for _, limit := range []int{1, 2, 99} {
		for member, want := range map[string][]string{"": all, "u1": all, "pat": ofPat, "pa": nil, "nobody": nil} {
			same(t, fmt.Sprintf("ListRooms of %q, %d a page", member, limit), f.rooms("a1", store.RoomFilter{MemberID: member}, limit), want)
		}
	}
	same(t, "rooms of an account without any", f.rooms("a3", store.RoomFilter{}, 10), []string(nil))
}

func testRoomMemberships(t *testing.T, f *fixture) {
	r1, r2, other := f.insertRoom("a1", "r1"), f.insertRoom("a1", "r2"), f.insertRoom("a2", "r1")
	var want []string
	for i := range 120 { // more than a statement adds
		want = append(want, fmt.Sprintf("u%d", (i*7)%120))
	}
	first := f.join(r1, want...)
	second := f.join(r2, "u5", "u3")
	f.join(other, "u5")
	for i, m := range first {
		if m.AccountID != "a1" || m.RoomID != "r1" || m.RoomEntry != r1.Entry || i > 0 && m.Entry <= first[i-1].Entry {
			t.Fatalf("membership %d is %+v, want one of room r1 that comes after that before", i, m)
		}
	}
	for _, limit := range []int{1, 50, 200} {
		same(t, fmt.Sprint("ListRoomMemberships, ", limit, " a page"), f.members(r1, limit), want)
	}
	f.view(func(r store.ReadTx) error {
		got, _, err := r.ListRoomMemberships(r2, 0, 10)
		same(t, "ListRoomMemberships", got, second)
		got, err2 := r.RoomMemberships(r2, []string{"u3", "nobody", "u5", "u3", "u1", "u5\x00", `"`})
		same(t, "RoomMemberships", got, second)
		got, err3 := r.RoomMemberships(r2, nil)
		same(t, "RoomMemberships of nobody", len(got), 0)
		got, err4 := r.MembershipsOf("a1", []string{"u3", "nobody"})
		same(t, "rooms in MembershipsOf", len(got), 2)
		same(t, "MembershipsOf", got[1], second[1])
		n, err5 := r.CountRoomMemberships(r1)
		same(t, "CountRoomMemberships", n, 120)
		return errors.Join(err, err2, err3, err4, err5)
	})

	promoted := second[0]
	promoted.Role, promoted.Updated = "Administrator", promoted.Updated.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateRoomMembership(promoted) })
	f.view(func(r store.ReadTx) error {
		got, err := r.RoomMemberships(r2, []string{"u5", "u3"})
		same(t, "RoomMemberships after a change", got, []store.RoomMembership{promoted, second[1]})
		return err
	})
	again := []store.RoomMembership{{MemberID: "u9"}, {MemberID: "u5"}}
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertRoomMemberships(r2, again) })
	same(t, "members after a failure", f.members(r2, 10), []string{"u5", "u3"})

	f.update(func(tx store.Tx) error { return tx.DeleteRoomMembership(promoted) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteRoomMembership(promoted) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateRoomMembership(promoted) })
	same(t, "members left", f.members(r2, 10), []string{"u3"})
	f.clock.advance(-time.Minute)
	f.join(r2, "u5") // again, at the end
	same(t, "members", f.members(r2, 10), []string{"u3", "u5"})
}

func testRoomDeletion(t *testing.T, f *fixture) {
	r1, r2, other := f.insertRoom("a1", "r1"), f.insertRoom("a1", "r2"), f.insertRoom("a2", "r1")
	for _, r := range []store.Room{r1, r2, other} {
		f.join(r, "u1", "u2", "u3")
	}
	f.update(func(tx store.Tx) error { return tx.DeleteMembershipsOf("a1", []string{"u1", "u3", "u1", "nobody"}) })
	for r, want := range map[store.Room][]string{r1: {"u2"}, r2: {"u2"}, other: {"u1", "u2", "u3"}} {
		same(t, "members left in "+r.AccountID+"/"+r.RoomID, f.members(r, 10), want)
	}
	f.update(func(tx store.Tx) error { return tx.DeleteRoom(r1) })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Room("a1", "r1"); return err })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteRoom(r1) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateRoom(r1) })
	same(t, "members of a deleted room", f.members(r1, 10), []string(nil))
	same(t, "rooms left", f.rooms("a1", store.RoomFilter{}, 10), []string{"r2"})
	same(t, "rooms left to a member", f.rooms("a1", store.RoomFilter{MemberID: "u2"}, 10), []string{"r2"})
	same(t, "members of the other room", f.members(r2, 10), []string{"u2"})
	same(t, "members of the room of another account", f.members(other, 10), []string{"u1", "u2", "u3"})

	// What is undone leaves all as it was.
	if err := f.Update(context.Background(), func(tx store.Tx) error {
		return errors.Join(tx.DeleteRoom(r2), errUndo)
	}); !errors.Is(err, errUndo) {
		t.Fatal(err)
	}
	same(t, "members after what was undone", f.members(r2, 10), []string{"u2"})
	f.insertRoom("a1", "r1") // the id is free again
}

// roomTurns are the turns of what reads rooms and memberships.
func roomTurns() []turn {
	insert := func(tx store.Tx, r store.Room) error { return tx.InsertRoom(&r) }
	// join adds a member to the room of the round.
	join := func(tx store.Tx, round, member string) error {
		r, err := tx.Room("a1", "room"+round)
		if err != nil {
			return err
		}
		return tx.InsertRoomMemberships(r, []store.RoomMembership{{MemberID: member}})
	}
	of := func(look func(tx store.Tx, r store.Room, round string) (int, error)) func(tx store.Tx, round string) (bool, error) {
		return func(tx store.Tx, round string) (bool, error) {
			r, err := tx.Room("a1", "room"+round)
			if err != nil {
				return false, err
			}
			return empty(look(tx, r, round))
		}
	}
	return []turn{
		{"Room", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Room("roomy", "only"+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error { return insert(tx, room("roomy", "only"+round)) }},
		{"Room that changes", func(tx store.Tx, round string) (bool, error) {
			r, err := tx.Room("a1", "room0")
			return r.Name != "round "+round, err
		}, func(tx store.Tx, round, _ string) error {
			r, err := tx.Room("a1", "room0")
			if err != nil {
				return err
			}
			r.Name = "round " + round
			return tx.UpdateRoom(r)
		}},
		{"RoomByRequest", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.RoomByRequest("asked", round)
			return missing(err)
		}, func(tx store.Tx, round, who string) error {
			r := room("asked", round+"-"+who)
			r.RequestToken = round
			return insert(tx, r)
		}},
		{"ListRooms", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListRooms("listed"+round, store.RoomFilter{}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, room("listed"+round, who)) }},
		{"ListRooms of a member", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListRooms("a1", store.RoomFilter{MemberID: "lists" + round}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return join(tx, round, "lists"+round) }},
		{"CountRooms", func(tx store.Tx, round string) (bool, error) {
			return empty(tx.CountRooms("counted" + round))
		}, func(tx store.Tx, round, who string) error { return insert(tx, room("counted"+round, who)) }},
		{"CountRoomMemberships", of(func(tx store.Tx, r store.Room, round string) (int, error) {
			n, err := tx.CountRoomMemberships(r)
			return n - 1, err // the one who lists
		}), join},
		{"RoomMemberships", of(func(tx store.Tx, r store.Room, round string) (int, error) {
			found, err := tx.RoomMemberships(r, []string{"named"})
			return len(found), err
		}), func(tx store.Tx, round, _ string) error { return join(tx, round, "named") }},
		{"MembershipsOf", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.MembershipsOf("a1", []string{"everywhere" + round})
			return empty(len(found), err)
		}, func(tx store.Tx, round, _ string) error { return join(tx, round, "everywhere"+round) }},
		{"ListRoomMemberships", of(func(tx store.Tx, r store.Room, round string) (int, error) {
			page, _, err := tx.ListRoomMemberships(r, 0, 100)
			for _, m := range page {
				if m.Role == "Owner" {
					return 1, err
				}
			}
			return 0, err
		}), func(tx store.Tx, round, who string) error {
			r, err := tx.Room("a1", "room"+round)
			if err != nil {
				return err
			}
			return tx.InsertRoomMemberships(r, []store.RoomMembership{{MemberID: "owner" + who, Role: "Owner"}})
		}},
	}
}
