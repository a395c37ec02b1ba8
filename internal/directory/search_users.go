package directory

import (
	"context"
	"encoding/binary"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/store"
)

// SearchUsers answers [extension.SearchUsers] with a page of users, in the form of
// [Service.ListUsers].
func (s *Service) SearchUsers(ctx context.Context, r api.Request) ([]byte, error) {
	in := extension.SearchUsers.Input
	q := query{request: r}
	search := store.UserSearch{
		Text:         q.text("text", in.Member("Text").Shape.Max),
		License:      q.oneOf("license", in.Member("License").Shape.Enum),
		Type:         q.oneOf("user-type", in.Member("UserType").Shape.Enum),
		Registration: q.oneOf("registration", in.Member("Registration").Shape.Enum),
		Registered:   store.Span{Since: q.time("registered-since"), Until: q.time("registered-until")},
		Invited:      store.Span{Since: q.time("invited-since"), Until: q.time("invited-until")},
	}
	limit := q.pageSize(extension.SearchPage, in.Member("MaxResults").Shape.Max)
	if q.err != nil {
		return nil, q.err
	}
	return read(ctx, s, func(tx store.ReadTx, caller Caller) ([]byte, error) {
		list := s.listing("SearchUsers", caller.AWSAccountID, r.Label("accountId"), search.Text, search.License, search.Type, search.Registration,
			stampOf(search.Registered.Since).String(), stampOf(search.Registered.Until).String(),
			stampOf(search.Invited.Since).String(), stampOf(search.Invited.Until).String())
		place, err := list.open(new(q.get("next-token")))
		if err != nil {
			return nil, err
		}
		a, err := findAccount(tx, caller, r.Label("accountId"))
		if err != nil {
			return nil, err
		}
		users, next, err := tx.SearchUsers(a.AccountID, search, cursorAt(place), limit)
		if err != nil {
			return nil, err
		}
		out := &api.ListUsersOutput{Users: listed(users)}
		if next != (store.UserCursor{}) {
			out.NextToken = new(list.seal(placeOf(next)))
		}
		return api.AppendOutput(nil, out), nil
	})
}

// The place of a cursor in a page token is its entry (8 bytes, big-endian) and its address.

func placeOf(c store.UserCursor) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(c.Entry)), c.Address...)
}

func cursorAt(place []byte) store.UserCursor {
	if place == nil {
		return store.UserCursor{}
	}
	return store.UserCursor{Entry: store.Entry(binary.BigEndian.Uint64(place)), Address: string(place[8:])}
}
