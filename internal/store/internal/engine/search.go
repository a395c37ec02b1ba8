package engine

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/store"
)

// A search has no index but that of the addresses: licenses, types and registrations change too
// often, and an index of names would make every upgrade slower. So it reads the rows as they lie on
// disk. Both engines look at 1,000 rows in a millisecond, since only rows that match become values
// of Go.

// Searching is how an engine searches texts.
type Searching struct {
	ByAddress string // the table, as it is read in the order of addresses
	// Matches is the condition that the address key has the part $11, or the display name the
	// Pattern $12.
	Matches string
	// Pattern makes a pattern of a text, see [AnyCase].
	Pattern func(text string) string
}

// AnyCase makes a pattern that matches a text whatever the case of its letters: each becomes the
// set of its spellings, such as [aA]. What is no letter goes through quote. Neither engine can fold
// letters beyond ASCII by itself.
func AnyCase(text string, quote func(rune) string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(text) {
		if unicode.SimpleFold(r) == r {
			b.WriteString(quote(r))
			continue
		}
		b.WriteRune('[')
		b.WriteRune(r)
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			b.WriteRune(other)
		}
		b.WriteRune(']')
	}
	return b.String()
}

// afterAll follows every character that a text can have.
const afterAll = "\U0010FFFF"

func (s *SQL) SearchUsers(how Searching, accountID string, search store.UserSearch, at store.UserCursor, limit int) ([]store.User, store.UserCursor, error) {
	w := walk{SQL: s, accountID: accountID, limit: limit, rows: store.SearchRows}
	registeredFrom, registeredUntil := bounds(search.Registered)
	invitedFrom, invitedUntil := bounds(search.Invited)
	w.filters = []any{search.License, search.Type, search.Registration, registeredFrom, registeredUntil, invitedFrom, invitedUntil}

	part := address.Part(search.Text)
	end := part + afterAll
	if search.Text != "" && at.Entry == 0 {
		w.rows /= 2 // a row by its address costs twice as much
		next, done, err := through(&w, how.ByAddress, "email_key", max(at.Address, part), end, s.emailKey, "")
		if err != nil || !done {
			return w.page, store.UserCursor{Address: next}, err
		}
		w.rows += store.SearchRows / 2
	}
	next, done, err := through(&w, "users", "entry", at.Entry, math.MaxInt64, func(u *store.User) (store.Entry, error) { return u.Entry, nil },
		` AND ($11 = '' OR (`+how.Matches+`) AND NOT (email_key >= $11 AND email_key < $13))`, part, how.Pattern(search.Text), end)
	if done {
		next = 0
	}
	return w.page, store.UserCursor{Entry: next}, err
}

// bounds returns the columns of times in a span: from the first on, and before the second.
func bounds(s store.Span) (from, until int64) {
	from, until = Millis(s.Since), Millis(s.Until)
	if s == (store.Span{}) {
		from = math.MinInt64
	} else if from == 0 {
		from = 1 // 0 is never
	}
	if until == 0 {
		until = math.MaxInt64
	}
	return from, until
}

// walk is a page of a search in the making.
type walk struct {
	*SQL
	accountID string
	filters   []any // $4 to $10
	limit     int
	rows      int // how many may still be looked at
	page      []store.User
}

// firstRows is how many rows a walk looks at first, then twice as many: most pages are full soon.
const firstRows = 2000

// through adds to the page users from a part of the table: those in the order of a column, from a
// value of it on and before the value end. more are further conditions with their arguments. It
// returns the value of the first user who is left, or that it is done.
func through[K ~int64 | ~string](w *walk, table, column string, from, end K, value func(*store.User) (K, error), more string, args ...any) (next K, done bool, err error) {
	for n := firstRows; w.rows > 0; n *= 2 {
		n = min(n, w.rows)
		w.rows -= n
		until := end
		err := w.Read(`SELECT `+column+` FROM `+table+` WHERE account_id = $1 AND `+column+` >= $2 AND `+column+` < $3 ORDER BY `+column+` LIMIT 1 OFFSET $4`,
			func(row Row) error { return row.Scan(&until) }, w.accountID, from, end, n)
		if err != nil {
			return from, false, err
		}
		all := append([]any{w.accountID, from, until}, w.filters...)
		all = append(append(all, args...), w.limit-len(w.page)+1)
		limit := `$` + strconv.Itoa(len(all))
		users, err := List(w.SQL, ScanUser, `SELECT `+UserColumns+` FROM `+table+` WHERE account_id = $1 AND `+column+` >= $2 AND `+column+` < $3
			AND ($4 = '' OR license = $4) AND ($5 = '' OR type = $5) AND ($6 = '' OR registration = $6)
			AND registered_on >= $7 AND registered_on < $8 AND invited_on >= $9 AND invited_on < $10`+more+`
			ORDER BY `+column+` LIMIT `+limit, all...)
		if err != nil {
			return from, false, err
		}
		w.page = append(w.page, users...)
		if len(w.page) > w.limit {
			first := w.page[w.limit]
			w.page = w.page[:w.limit]
			next, err = value(&first)
			return next, false, err
		}
		if until == end {
			return end, true, nil
		}
		from = until
	}
	return from, false, nil
}

func (s *SQL) CountUsers(accountID string) ([]store.UserCount, error) {
	return List(s, func(row Row) (c store.UserCount, err error) {
		err = row.Scan(&c.License, &c.Registration, &c.Users)
		return c, err
	}, `SELECT license, registration, COUNT(*) FROM users WHERE account_id = $1 GROUP BY license, registration ORDER BY license, registration`, accountID)
}
