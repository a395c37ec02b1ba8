package directory

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Amazon Chime published the quotas of rooms and of their members. It said nothing about the length
// of names, and of tokens only that a repeated request makes no second room.
const (
	maxRooms    = 1500 // in an account
	maxMembers  = 1000 // in a room
	maxRoomName = 256  // characters

	// requestLife is how long a request with the token of another is taken for the same.
	requestLife = 24 * time.Hour
)

// CreateRoom makes a room without members. A request with the ClientRequestToken and the name of an
// earlier one gets the room of that one, as it is now. If that room is deleted, it gets another.
func (s *Service) CreateRoom(ctx context.Context, in *api.CreateRoomInput) (*api.CreateRoomOutput, error) {
	if err := checkRoomName(in.Name); err != nil {
		return nil, err
	}
	return write(ctx, s, opCreateRoom, func(c *change) (*api.CreateRoomOutput, error) {
		a, err := c.account(in.AccountId)
		if err == nil {
			err = enterprise(a, "rooms")
		}
		if err != nil {
			return nil, err
		}
		token := orEmpty(in.ClientRequestToken)
		if token != "" {
			made, err := c.RoomByRequest(a.AccountID, token)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return nil, err
			case c.now.Sub(made.Created) >= requestLife:
			case made.RequestName != in.Name: // no Conflict, which the contract does not have here
				return nil, api.BadRequest("ClientRequestToken is that of a request for a room of another name: choose another token")
			default:
				return &api.CreateRoomOutput{Room: new(showRoom(made))}, nil
			}
		}
		n, err := c.CountRooms(a.AccountID)
		if err != nil {
			return nil, err
		}
		if n >= maxRooms {
			return nil, api.Errorf(api.ResourceLimitExceededException, "Account %s has %d rooms, and can have no more", a.AccountID, n)
		}
		room := store.Room{
			AccountID:    a.AccountID,
			RoomID:       c.newID(),
			Name:         in.Name,
			CreatedBy:    c.caller.arn(),
			Created:      c.now,
			Updated:      c.now,
			RequestToken: token,
			RequestName:  in.Name,
		}
		if err := c.InsertRoom(&room); err != nil {
			return nil, err
		}
		c.record(a, room.RoomID, nil, roomFields(room))
		return &api.CreateRoomOutput{Room: new(showRoom(room))}, nil
	})
}

// GetRoom returns one room.
func (s *Service) GetRoom(ctx context.Context, in *api.GetRoomInput) (*api.GetRoomOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetRoomOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		room, err := findRoom(tx, a, in.RoomId)
		if err != nil {
			return nil, err
		}
		return &api.GetRoomOutput{Room: new(showRoom(room))}, nil
	})
}

// ListRooms pages through the rooms of an account or, with MemberId, through those that a user is
// in. A user who is in none, or who does not exist, has no rooms.
func (s *Service) ListRooms(ctx context.Context, in *api.ListRoomsInput) (*api.ListRoomsOutput, error) {
	filter := store.RoomFilter{MemberID: orEmpty(in.MemberId)}
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListRoomsOutput, error) {
		list := s.listing("ListRooms", caller.AWSAccountID, in.AccountId, filter.MemberID)
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		a, err := findAccount(tx, caller, in.AccountId)
		if err == nil {
			err = enterprise(a, "rooms")
		}
		if err != nil {
			return nil, err
		}
		if in.MemberId != nil && filter.MemberID == "" { // the id of nobody, while the store takes it for any
			return &api.ListRoomsOutput{Rooms: []api.Room{}}, nil
		}
		rooms, next, err := tx.ListRooms(a.AccountID, filter, after, pageSize(in.MaxResults, roomPage))
		if err != nil {
			return nil, err
		}
		out := &api.ListRoomsOutput{Rooms: []api.Room{}, NextToken: list.token(next)}
		for _, room := range rooms {
			out.Rooms = append(out.Rooms, showRoom(room))
		}
		return out, nil
	})
}

// UpdateRoom renames a room. A name that the room has already changes nothing, and so does none.
func (s *Service) UpdateRoom(ctx context.Context, in *api.UpdateRoomInput) (*api.UpdateRoomOutput, error) {
	if in.Name != nil {
		if err := checkRoomName(*in.Name); err != nil {
			return nil, err
		}
	}
	return write(ctx, s, opUpdateRoom, func(c *change) (*api.UpdateRoomOutput, error) {
		a, before, err := c.room(in.AccountId, in.RoomId)
		if err != nil {
			return nil, err
		}
		after := before
		if in.Name != nil && *in.Name != before.Name {
			after.Name, after.Updated = *in.Name, c.now
			if err := c.UpdateRoom(after); err != nil {
				return nil, err
			}
			c.record(a, after.RoomID, roomFields(before), roomFields(after))
		}
		return &api.UpdateRoomOutput{Room: new(showRoom(after))}, nil
	})
}

// DeleteRoom deletes a room for good, with the memberships and messages in it. Its bots are told
// that they are removed.
func (s *Service) DeleteRoom(ctx context.Context, in *api.DeleteRoomInput) (*api.DeleteRoomOutput, error) {
	return write(ctx, s, opDeleteRoom, func(c *change) (*api.DeleteRoomOutput, error) {
		a, room, err := c.room(in.AccountId, in.RoomId)
		if err != nil {
			return nil, err
		}
		bots, err := c.bots(a)
		if err != nil {
			return nil, err
		}
		for after := store.Entry(0); ; {
			page, next, err := c.ListRoomMemberships(room, after, maxMembers)
			if err != nil {
				return nil, err
			}
			for _, m := range page {
				c.record(a, m.MemberID, membershipFields(m), nil)
				if bots[m.MemberID] == nil {
					continue
				}
				if err := c.tell(a, *bots[m.MemberID], c.eventIn(m, eventRemove)); err != nil {
					return nil, err
				}
			}
			if after = next; after == 0 {
				break
			}
		}
		c.record(a, room.RoomID, roomFields(room), nil)
		if err := c.deleteMessagesOf(a, room); err != nil {
			return nil, err
		}
		return &api.DeleteRoomOutput{}, c.DeleteRoom(room)
	})
}

func findRoom(tx store.ReadTx, a store.Account, roomID string) (store.Room, error) {
	if err := enterprise(a, "rooms"); err != nil {
		return store.Room{}, err
	}
	room, err := tx.Room(a.AccountID, roomID)
	if errors.Is(err, store.ErrNotFound) {
		return room, api.Errorf(api.NotFoundException, "Room %.64s was not found in the account", roomID)
	}
	return room, err
}

// room returns a room that is about to be changed, in itself or in its members, and its account.
func (c *change) room(accountID, roomID string) (store.Account, store.Room, error) {
	a, err := c.account(accountID)
	if err != nil {
		return a, store.Room{}, err
	}
	room, err := findRoom(c, a, roomID)
	return a, room, err
}

// checkRoomName says nothing of the name, which may be confidential.
func checkRoomName(name string) error {
	if n := utf8.RuneCountInString(name); strings.TrimSpace(name) == "" || n > maxRoomName {
		return api.BadRequest("Name must have 1 to %d characters, not all of them blank: it has %d", maxRoomName, n)
	}
	return nil
}

func showRoom(r store.Room) api.Room {
	return api.Room{
		RoomId:           new(r.RoomID),
		Name:             new(r.Name),
		AccountId:        new(r.AccountID),
		CreatedBy:        orNil(r.CreatedBy),
		CreatedTimestamp: r.Created,
		UpdatedTimestamp: r.Updated,
	}
}

func roomFields(r store.Room) []document.Member {
	return []document.Member{
		{Key: "RoomId", Value: label(r.RoomID)},
		{Key: "Name", Value: r.Name},
		{Key: "CreatedBy", Value: r.CreatedBy},
		{Key: "CreatedTimestamp", Value: stampOf(r.Created)},
	}
}
