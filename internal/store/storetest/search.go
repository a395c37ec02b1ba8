package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// search walks all pages of a search, and returns the ids of the users. It checks that no page is
// larger than the limit.
func (f *fixture) search(accountID string, search store.UserSearch, limit int) (found []string, pages int) {
	f.Helper()
	var at store.UserCursor
	for more := true; more; pages++ {
		f.view(func(r store.ReadTx) error {
			page, next, err := r.SearchUsers(accountID, search, at, limit)
			if len(page) > limit {
				f.Errorf("a page of %+v has %d users, want %d at most", search, len(page), limit)
			}
			found = append(found, ids(page)...)
			at, more = next, next != store.UserCursor{}
			return err
		})
	}
	return found, pages
}

func testUserSearch(t *testing.T, f *fixture) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	user := func(id, email, name string, edit func(*store.User)) store.User {
		u := store.User{AccountID: "a1", UserID: id, Email: email, DisplayName: name, License: "Pro", Type: "PrivateUser",
			Registration: "Registered", RegisteredOn: day(2)}
		if edit != nil {
			edit(&u)
		}
		return u
	}
	elsewhere := user("e1", "ana@elsewhere.example", "Ana", nil)
	elsewhere.AccountID = "a2"
	f.insertUsers(
		user("u1", "Zoe@corp.example", "Zoë Müller", nil),
		user("u2", "juergen@corp.example", "Jürgen ANA", func(u *store.User) { u.License = "Basic" }),
		user("u3", "ana.b@corp.example", "B", func(u *store.User) { u.Type = "SharedDevice" }),
		user("u4", "Ana.A@Corp.example", "Юлия Петрова", func(u *store.User) { u.Registration = "Suspended" }),
		user("u5", "x-ana@corp.example", "100% [sure]? *_\\^ (a|b)+ $1.0", nil),
		user("u6", "éric@bücher.example", "ÉRIC", func(u *store.User) { u.RegisteredOn = day(4) }),
		user("u7", "new@corp.example", "", func(u *store.User) {
			u.Registration, u.RegisteredOn, u.Invitation, u.InvitedOn = store.Unregistered, time.Time{}, "Pending", day(3)
		}),
		elsewhere)

	text := func(s string) store.UserSearch { return store.UserSearch{Text: s} }
	for _, test := range []struct {
		search store.UserSearch
		want   string
	}{
		{store.UserSearch{}, "u1 u2 u3 u4 u5 u6 u7"},
		{text("ana"), "u4 u3 u2 u5"}, // by address first, in its order; the others by entry
		{text("ANA"), "u4 u3 u2 u5"},
		{text("ana.a@corp.example"), "u4"},
		{text("corp.example"), "u1 u2 u3 u4 u5 u7"},
		{text("nobody"), ""},
		{text("é"), "u6"},
		{text("ÉRIC@BÜCHER.example"), "u6"},
		{text("éRic"), "u6"},
		{text("@bücher.example"), "u6"},
		{text("zoË mÜLLER"), "u1"},
		{text("ЛИЯ пЕТ"), "u4"},
		{text("u\u0308rgen"), "u2"}, // as two characters
		{text("%"), "u5"},
		{text("_"), "u5"},
		{text("[sure]"), "u5"},
		{text("]?"), "u5"},
		{text("*_\\^ (A|B)+ $1.0"), "u5"},
		{text("(a|c)"), ""},
		{text("1?0"), ""},
		{text("a*"), ""},
		{text("[a-z]"), ""},
		{text("."), "u1 u2 u3 u4 u5 u6 u7"},
		{store.UserSearch{License: "Basic"}, "u2"},
		{store.UserSearch{Type: "SharedDevice"}, "u3"},
		{store.UserSearch{Registration: "Suspended"}, "u4"},
		{store.UserSearch{Text: "ana", License: "Pro"}, "u4 u3 u5"},
		{store.UserSearch{Text: "ana", Registration: "Registered", Type: "PrivateUser"}, "u2 u5"},
		{store.UserSearch{Registered: store.Span{Since: day(4)}}, "u6"},
		{store.UserSearch{Registered: store.Span{Until: day(4)}}, "u1 u2 u3 u4 u5"},
		{store.UserSearch{Registered: store.Span{Since: day(2), Until: day(2).Add(time.Millisecond)}}, "u1 u2 u3 u4 u5"},
		{store.UserSearch{Invited: store.Span{Since: day(3), Until: day(4)}}, "u7"},
		{store.UserSearch{Invited: store.Span{Until: day(3)}}, ""},
	} {
		for _, limit := range []int{1, 3, 100} {
			got, _ := f.search("a1", test.search, limit)
			same(t, fmt.Sprintf("%+v, %d a page", test.search, limit), strings.Join(got, " "), test.want)
		}
	}
}

// testUserSearchBounds walks searches that find nobody, or one user, in more users than a page may
// look at.
func testUserSearchBounds(t *testing.T, f *fixture) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	const rows = 2*store.SearchRows + 500
	const last = rows - 100
	users := make([]store.User, rows)
	for i := range users {
		users[i] = store.User{AccountID: "a1", UserID: fmt.Sprint("u", i), Email: fmt.Sprintf("user%d@example.com", i), License: "Pro", Registration: "Registered"}
	}
	users[last].DisplayName, users[last].License = "The Rare", "Basic"
	for some := range slices.Chunk(users, 5000) {
		f.insertUsers(some...)
	}
	one := []string{users[last].UserID}
	for _, test := range []struct {
		search store.UserSearch
		want   []string
		pages  int
	}{
		{store.UserSearch{Text: "nobody"}, nil, 3},
		{store.UserSearch{Text: "the rare"}, one, 3},
		{store.UserSearch{License: "Basic"}, one, 3},
		{store.UserSearch{License: "Plus"}, nil, 3},
		// Twice: by address and by entry, the latter without those of the former.
		{store.UserSearch{Text: "user", License: "Basic"}, one, 7},
		{store.UserSearch{Text: users[last].Email}, one, 3},
		{store.UserSearch{Registration: "Registered", Text: "user", License: "Plus"}, nil, 7},
	} {
		got, pages := f.search("a1", test.search, 10)
		same(t, fmt.Sprintf("%+v", test.search), got, test.want)
		if pages < test.pages-1 || pages > test.pages {
			t.Errorf("%+v: found in %d pages, want some %d of %d rows", test.search, pages, test.pages, store.SearchRows)
		}
	}
	f.view(func(r store.ReadTx) error {
		page, _, err := r.SearchUsers("a1", store.UserSearch{Text: users[last].Email[:len("user60")+2]}, store.UserCursor{}, 100)
		if !slices.Contains(ids(page), users[last].UserID) {
			t.Errorf("the first page of a search by the beginning of an address: got %v, want %s among them", ids(page), users[last].UserID)
		}
		return err
	})
}

// testUserSearchUnderInsertion walks a search while others come and go.
func testUserSearchUnderInsertion(t *testing.T, f *fixture) {
	var staying, leaving []store.User
	for i := range 20 {
		staying = append(staying, invited("a1", fmt.Sprintf("m%02d", 2*i)), invited("a1", fmt.Sprintf("x-m%d", i)))
		leaving = append(leaving, invited("a1", fmt.Sprintf("m%02d-leaves", 2*i)), invited("a1", fmt.Sprintf("y-m%d", i)))
	}
	f.insertUsers(staying...)
	f.insertUsers(leaving...)
	seen := make(map[string]int)
	var at store.UserCursor
	for n, more := 0, true; more; n++ {
		f.view(func(r store.ReadTx) error {
			page, next, err := r.SearchUsers("a1", store.UserSearch{Text: "m"}, at, 3)
			for _, u := range page {
				seen[u.UserID]++
			}
			at, more = next, next != store.UserCursor{}
			return err
		})
		f.update(func(tx store.Tx) error { // behind and ahead of the walk, where it goes on among others
			if len(leaving) > 0 {
				if err := tx.DeleteUsers("a1", []store.User{leaving[0], leaving[len(leaving)-1]}); err != nil {
					return err
				}
				leaving = leaving[1 : len(leaving)-1]
			}
			return tx.InsertUsers([]store.User{invited("a1", fmt.Sprintf("m%02d-new", n%40)), invited("a1", fmt.Sprint("z-m", n))}[n%2 : n%2+1])
		})
		if n == 200 {
			t.Fatal("the search does not end")
		}
	}
	for _, u := range staying {
		if seen[u.UserID] != 1 {
			t.Errorf("%s was found %d times, want once", u.UserID, seen[u.UserID])
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s was found %d times", id, n)
		}
	}
}

func testUserCounts(t *testing.T, f *fixture) {
	with := func(u store.User, license string) store.User { u.License = license; return u }
	f.insertUsers(with(registered("a1", "u1"), "Pro"), with(invited("a1", "u2"), "Pro"), with(registered("a1", "u3"), "Pro"),
		with(registered("a1", "u4"), "Basic"), with(registered("a2", "u5"), "Basic"))
	f.view(func(r store.ReadTx) error {
		got, err := r.CountUsers("a1")
		same(t, "counts", got, []store.UserCount{
			{License: "Basic", Registration: "Registered", Users: 1}, {License: "Pro", Registration: "Registered", Users: 2},
			{License: "Pro", Registration: store.Unregistered, Users: 1},
		})
		none, err2 := r.CountUsers("a3")
		same(t, "counts of nobody", none, []store.UserCount(nil))
		return errors.Join(err, err2)
	})
}
