package importer

import (
	"fmt"
	"slices"

	"github.com/carillon-project/carillon/internal/document"
)

// listing is what the files have pages of: the member that holds the rows, such as "Users", and the
// account or room of the rows, which is empty if they do not say it, and for a page without rows.
type listing struct{ member, of string }

type pages struct {
	goesOn string // where a page is that is not the last one
	ended  bool   // the last page is there
}

// page keeps in mind that the file has a page of a listing, whose rows have been read after so many
// before. Commands of which version 1 does not join the pages print the first one, and so does one
// with --max-items.
func (f *file) page(line int, member string, page *document.Object, before int) {
	l := listing{member, f.of(member, before)}
	if f.rows.pages == nil {
		f.rows.pages = make(map[listing]pages)
	}
	p := f.rows.pages[l]
	if token, _ := page.Get("NextToken"); token != nil && token != "" {
		p.goesOn = f.place(line)
	} else {
		p.ended = true
	}
	f.rows.pages[l] = p
}

// of returns what the last row of a page belongs to. There were so many rows before the page.
func (f *file) of(member string, before int) string {
	rows := f.rows
	var id *string
	switch {
	case rows.count() == before:
	case member == "Users" && len(rows.Users) > 0:
		id = rows.Users[len(rows.Users)-1].User.AccountId
	case member == "Rooms" && len(rows.Rooms) > 0:
		id = rows.Rooms[len(rows.Rooms)-1].Room.AccountId
	case member == "RoomMemberships" && len(rows.Memberships) > 0:
		id = rows.Memberships[len(rows.Memberships)-1].Membership.RoomId
	}
	if id == nil {
		return ""
	}
	return *id
}

// Unfinished says of which listings the files lack the end, "FILE:LINE: what is missing". A page
// without rows, which may be an end, does not say of which listing it is.
func (rows *Rows) Unfinished() (texts []string) {
	for l, p := range rows.pages {
		emptyEnd := rows.pages[listing{member: l.member}].ended
		if p.goesOn == "" || p.ended || emptyEnd && rows.lists(l.member) == 1 {
			continue
		}
		text := "and no file has its end"
		if emptyEnd {
			text = "and its end is missing, or is one of the pages without " + l.member
		}
		texts = append(texts, fmt.Sprintf("%s: the list goes on after these %s, %s: "+
			"NextToken names a page that was not saved, or is not given", p.goesOn, l.member, text))
	}
	slices.Sort(texts)
	return texts
}

// lists returns how many listings of a member there may be, with and without rows.
func (rows *Rows) lists(member string) int {
	of := make(map[string]bool)
	for l := range rows.pages {
		if l.member == member && l.of != "" {
			of[l.of] = true
		}
	}
	if member == "RoomMemberships" {
		for _, r := range rows.Rooms {
			if r.Room.RoomId != nil {
				of[*r.Room.RoomId] = true
			}
		}
	} else {
		for _, a := range rows.Accounts {
			of[a.Account.AccountId] = true
		}
	}
	return max(1, len(of))
}
