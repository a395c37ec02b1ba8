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

// page keeps in mind that the file has a page of a listing, whose rows have been read. Commands of
// which version 1 does not join the pages print the first one, and so does one with --max-items.
func (f *file) page(line int, member string, page *document.Object) {
	l := listing{member, f.of(member)}
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

// of returns what the last row of a page belongs to.
func (f *file) of(member string) string {
	rows := f.rows
	var id *string
	switch n := rows.count() - f.before; {
	case n == 0:
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

// Unfinished says of which listings the files lack the end, "FILE:LINE: what is missing".
func (rows *Rows) Unfinished() (texts []string) {
	for l, p := range rows.pages {
		if p.goesOn != "" && !p.ended && !rows.pages[listing{member: l.member}].ended {
			texts = append(texts, fmt.Sprintf("%s: the list goes on after these %s, and no file has its end: "+
				"NextToken names a page that was not saved, or is not given", p.goesOn, l.member))
		}
	}
	slices.Sort(texts)
	return texts
}
