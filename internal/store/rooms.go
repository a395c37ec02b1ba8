package store

import "time"

// Room is a chat room of an account. Its name can be given to several rooms.
type Room struct {
	AccountID string
	RoomID    string // unique in the account
	Entry     Entry

	Name      string
	CreatedBy string // an ARN
	Created   time.Time
	Updated   time.Time

	// RequestToken marks the request that made the room, which asked for the name RequestName. It is
	// empty if the request had none.
	RequestToken string
	RequestName  string
}

// RoomFilter narrows a listing of rooms; an empty member lets all pass.
type RoomFilter struct {
	MemberID string // only rooms that this member is in
}

// RoomMembership says that somebody is in a room.
type RoomMembership struct {
	AccountID string
	RoomID    string
	RoomEntry Entry // of the room
	Entry     Entry // the place among the memberships of the room

	MemberID  string // of a user of the account; unique in the room
	Role      string // "Administrator", "Member"
	InvitedBy string // an ARN
	Updated   time.Time
}
