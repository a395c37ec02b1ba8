package directory

import (
	"context"
	"errors"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Members of a room are registered users of the account, devices too, and its bots. Whoever is
// suspended or disabled later stays a member, and is listed; whoever leaves the account leaves its
// rooms (see [change.save]). A bot is told when it is added and removed.

// CreateRoomMembership adds a user or a bot to a room.
func (s *Service) CreateRoomMembership(ctx context.Context, in *api.CreateRoomMembershipInput) (*api.CreateRoomMembershipOutput, error) {
	return write(ctx, s, opCreateRoomMembership, func(c *change) (*api.CreateRoomMembershipOutput, error) {
		a, room, err := c.room(in.AccountId, in.RoomId)
		if err != nil {
			return nil, err
		}
		adding, err := c.adding(a, room, in.MemberId)
		if err != nil {
			return nil, err
		}
		if refused := adding.add(in.MemberId, in.Role); refused != nil {
			return nil, exception(refused)
		}
		if err := adding.save(); err != nil {
			return nil, err
		}
		return &api.CreateRoomMembershipOutput{
			RoomMembership: new(showMembership(adding.added[0], adding.known[in.MemberId])),
		}, nil
	})
}

// BatchCreateRoomMembership adds users and bots to a room. Items that break a rule are reported,
// and the others are applied. Of a member that is named twice, the second mention is a conflict.
func (s *Service) BatchCreateRoomMembership(ctx context.Context, in *api.BatchCreateRoomMembershipInput) (*api.BatchCreateRoomMembershipOutput, error) {
	ids := make([]string, len(in.MembershipItemList))
	for i, item := range in.MembershipItemList {
		if item.MemberId == nil {
			return nil, api.BadRequest("MembershipItemList[%d].MemberId is required", i)
		}
		ids[i] = *item.MemberId
	}
	return write(ctx, s, opBatchCreateRoomMembership, func(c *change) (*api.BatchCreateRoomMembershipOutput, error) {
		a, room, err := c.room(in.AccountId, in.RoomId)
		if err != nil {
			return nil, err
		}
		adding, err := c.adding(a, room, ids...)
		if err != nil {
			return nil, err
		}
		out := &api.BatchCreateRoomMembershipOutput{Errors: []api.MemberError{}}
		for i, item := range in.MembershipItemList {
			refused := s.options.Refuse(ctx, Item{opBatchCreateRoomMembership.name, a.AccountID, ids[i], adding.known[ids[i]].email()})
			if refused == nil {
				refused = adding.add(ids[i], item.Role)
			}
			if refused != nil {
				out.Errors = append(out.Errors, api.MemberError{MemberId: new(ids[i]), ErrorCode: refused.Code, ErrorMessage: new(refused.Message)})
			}
		}
		return out, adding.save()
	})
}

// ListRoomMemberships pages through the members of a room, in the order in which they were added.
func (s *Service) ListRoomMemberships(ctx context.Context, in *api.ListRoomMembershipsInput) (*api.ListRoomMembershipsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListRoomMembershipsOutput, error) {
		list := s.listing("ListRoomMemberships", caller.AWSAccountID, in.AccountId, in.RoomId)
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		room, err := findRoom(tx, a, in.RoomId)
		if err != nil {
			return nil, err
		}
		page, next, err := tx.ListRoomMemberships(room, after, pageSize(in.MaxResults, roomPage))
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(page))
		for i, m := range page {
			ids[i] = m.MemberID
		}
		known, err := occupants(tx, a, ids)
		if err != nil {
			return nil, err
		}
		out := &api.ListRoomMembershipsOutput{RoomMemberships: []api.RoomMembership{}, NextToken: list.token(next)}
		for _, m := range page {
			out.RoomMemberships = append(out.RoomMemberships, showMembership(m, known[m.MemberID]))
		}
		return out, nil
	})
}

// UpdateRoomMembership changes the role of a user. The role that the user has already changes
// nothing, and so does none. A room may lose its last administrator. A bot has no other role than
// Member.
func (s *Service) UpdateRoomMembership(ctx context.Context, in *api.UpdateRoomMembershipInput) (*api.UpdateRoomMembershipOutput, error) {
	return write(ctx, s, opUpdateRoomMembership, func(c *change) (*api.UpdateRoomMembershipOutput, error) {
		a, before, err := c.membership(in.AccountId, in.RoomId, in.MemberId)
		if err != nil {
			return nil, err
		}
		known, err := occupants(c, a, []string{in.MemberId})
		if err != nil {
			return nil, err
		}
		if known[in.MemberId].bot != nil {
			return nil, api.BadRequest("Member %.64s is a bot, whose role cannot be changed", in.MemberId)
		}
		after := before
		if in.Role != "" && string(in.Role) != before.Role {
			after.Role, after.Updated = string(in.Role), c.now
			if err := c.UpdateRoomMembership(after); err != nil {
				return nil, err
			}
			c.record(a, after.MemberID, membershipFields(before), membershipFields(after))
		}
		return &api.UpdateRoomMembershipOutput{RoomMembership: new(showMembership(after, known[in.MemberId]))}, nil
	})
}

// DeleteRoomMembership removes a member from a room.
func (s *Service) DeleteRoomMembership(ctx context.Context, in *api.DeleteRoomMembershipInput) (*api.DeleteRoomMembershipOutput, error) {
	return write(ctx, s, opDeleteRoomMembership, func(c *change) (*api.DeleteRoomMembershipOutput, error) {
		a, m, err := c.membership(in.AccountId, in.RoomId, in.MemberId)
		if err != nil {
			return nil, err
		}
		c.record(a, m.MemberID, membershipFields(m), nil)
		if err := c.DeleteRoomMembership(m); err != nil {
			return nil, err
		}
		return &api.DeleteRoomMembershipOutput{}, c.tellRemoved(a, m)
	})
}

// membership returns a membership that is about to be changed, and the account.
func (c *change) membership(accountID, roomID, memberID string) (store.Account, store.RoomMembership, error) {
	a, room, err := c.room(accountID, roomID)
	if err != nil {
		return a, store.RoomMembership{}, err
	}
	found, err := c.RoomMemberships(room, []string{memberID})
	if err != nil {
		return a, store.RoomMembership{}, err
	}
	if len(found) == 0 {
		return a, store.RoomMembership{}, api.Errorf(api.NotFoundException, "Member %.64s was not found in the room", memberID)
	}
	return a, found[0], nil
}

// adding is a request that adds members to a room.
type adding struct {
	change  *change
	account store.Account
	room    store.Room
	known   map[string]occupant // those who are named
	members map[string]bool     // those of them who are in the room, and those who are added
	size    int                 // of the room
	added   []store.RoomMembership
}

// adding reads what decides about members that are to be added.
func (c *change) adding(a store.Account, room store.Room, memberIDs ...string) (*adding, error) {
	known, err := occupants(c, a, memberIDs)
	if err != nil {
		return nil, err
	}
	present, err := c.RoomMemberships(room, memberIDs)
	if err != nil {
		return nil, err
	}
	size, err := c.CountRoomMemberships(room)
	if err != nil {
		return nil, err
	}
	members := make(map[string]bool)
	for _, m := range present {
		members[m.MemberID] = true
	}
	return &adding{change: c, account: a, room: room, known: known, members: members, size: size}, nil
}

// add adds a member, or refuses to.
func (x *adding) add(memberID string, role api.RoomMembershipRole) *rules.Refusal {
	who, known := x.known[memberID]
	switch {
	case !known:
		return refusal(api.ErrorCodeNotFound, "User or bot %.64s was not found in the account", memberID)
	case x.members[memberID]:
		return refusal(api.ErrorCodeConflict, "%s %.64s is a member of the room already", who.kind(), memberID)
	case who.bot != nil && role == api.RoomMembershipRoleAdministrator:
		return refusal(api.ErrorCodeBadRequest, "A bot cannot be an administrator of a room")
	case who.bot != nil && who.bot.Disabled:
		return refusal(api.ErrorCodePreconditionFailed, "Bot %.64s is disabled: it cannot be added to a room", memberID)
	case who.bot != nil && !who.bot.HasEvents():
		return refusal(api.ErrorCodePreconditionFailed, "Bot %.64s has no events configuration: it cannot be added to a room", memberID)
	case who.bot == nil && who.user.Registration != string(api.RegistrationStatusRegistered):
		return refusal(api.ErrorCodePreconditionFailed, "Only a registered user can be added to a room, this one is %s",
			strings.ToLower(who.user.Registration))
	case x.size >= maxMembers:
		return refusal(api.ErrorCodeResourceLimitExceeded, "Room %s has %d members, and can have no more", x.room.RoomID, x.size)
	}
	if role == "" {
		role = api.RoomMembershipRoleMember
	}
	x.members[memberID] = true
	x.size++
	x.added = append(x.added, store.RoomMembership{
		AccountID: x.room.AccountID,
		RoomID:    x.room.RoomID,
		MemberID:  memberID,
		Role:      string(role),
		InvitedBy: x.change.caller.arn(),
		Updated:   x.change.now,
	})
	return nil
}

// save writes and records who was added, and tells the bots of it.
func (x *adding) save() error {
	if len(x.added) == 0 {
		return nil
	}
	for _, m := range x.added {
		x.change.record(x.account, m.MemberID, nil, membershipFields(m))
	}
	if err := x.change.InsertRoomMemberships(x.room, x.added); err != nil {
		return err
	}
	for _, m := range x.added {
		if b := x.known[m.MemberID].bot; b != nil {
			if err := x.change.tell(x.account, *b, x.change.eventIn(m, eventInvite)); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaveRooms ends the memberships of users who leave the account. Invited users have none.
func (c *change) leaveRooms(a store.Account, users []store.User) error {
	var ids []string
	for _, u := range users {
		if u.Registration != store.Unregistered {
			ids = append(ids, u.UserID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	memberships, err := c.MembershipsOf(a.AccountID, ids)
	if err != nil || len(memberships) == 0 {
		return err
	}
	for _, m := range memberships {
		c.record(a, m.MemberID, membershipFields(m), nil)
	}
	return c.DeleteMembershipsOf(a.AccountID, ids)
}

// occupant is who can be in a room: a user or a bot of its account.
type occupant struct {
	user store.User
	bot  *store.Bot // nil for a user
}

func (o occupant) email() string {
	if o.bot != nil {
		return o.bot.Email
	}
	return o.user.Email
}

func (o occupant) kind() api.MemberType {
	if o.bot != nil {
		return api.MemberTypeBot
	}
	return api.MemberTypeUser
}

// occupants returns the users and bots of an account with some ids. It looks for a bot only
// where there is no user: an account has few of them.
func occupants(tx store.ReadTx, a store.Account, ids []string) (map[string]occupant, error) {
	users, err := tx.Users(a.AccountID, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]occupant, len(ids))
	for _, u := range users {
		byID[u.UserID] = occupant{user: u}
	}
	for _, id := range ids {
		if _, known := byID[id]; known {
			continue
		}
		b, err := tx.Bot(a.AccountID, id)
		switch {
		case err == nil:
			byID[id] = occupant{bot: &b}
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return byID, nil
}

func showMembership(m store.RoomMembership, who occupant) api.RoomMembership {
	name := who.user.DisplayName
	if who.bot != nil {
		name = who.bot.Name
	}
	return api.RoomMembership{
		RoomId: new(m.RoomID),
		Member: &api.Member{
			MemberId:   new(m.MemberID),
			MemberType: who.kind(),
			Email:      orNil(who.email()),
			FullName:   orNil(name),
			AccountId:  new(m.AccountID),
		},
		Role:             api.RoomMembershipRole(m.Role),
		InvitedBy:        orNil(m.InvitedBy),
		UpdatedTimestamp: m.Updated,
	}
}

// membershipFields are about one of the rooms of the user who is the target of the record.
func membershipFields(m store.RoomMembership) []document.Member {
	return []document.Member{
		{Key: "RoomId", Value: label(m.RoomID)},
		{Key: "Role", Value: m.Role},
		{Key: "InvitedBy", Value: m.InvitedBy},
	}
}
