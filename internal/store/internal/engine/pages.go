package engine

import (
	"cmp"
	"errors"
	"math"

	"github.com/carillon-project/carillon/internal/store"
)

// A page of a listing takes the rows that pass the filter from the next few rows of the table, so
// that a filter that hardly any row passes costs no more than another. The query for those few rows
// is nested, and sorts; the filter around it keeps their order.

// scan is how many rows a page may look at.
func scan(limit int) int { return limit + store.ScanRows }

// direction is an order of rows from an entry on, in the words of a statement: entries that follow
// are beyond after, and within end, which is the last that there can be.
type direction struct {
	beyond, within, order string
	after, end            store.Entry
}

func upFrom(after store.Entry) direction { return direction{">", "<=", "", after, math.MaxInt64} }

// downFrom is the order from the newest row on; after is 0 for all.
func downFrom(after store.Entry) direction {
	return direction{"<", ">=", " DESC", cmp.Or(after, math.MaxInt64), 0}
}

// listing is the page of a listing that was asked for.
type listing struct {
	table, column, key string // the rows of the listing are those with the key in the column
	after              store.Entry
	limit              int
	all                bool // all rows pass the filter
}

// endPage makes a page of the rows that were found, one more than the limit if there are so many,
// and says where the listing goes on.
func endPage[T any](s *SQL, l listing, rows []T, entry func(*T) store.Entry) (page []T, next store.Entry, err error) {
	if page, next = CutPage(rows, l.limit, entry); next != 0 || l.all {
		return page, next, nil
	}
	if next, err = s.scanEnd(l.table, l.column, l.key, upFrom(l.after), l.limit); err != nil {
		return nil, 0, err
	}
	return page, next, nil
}

// scanEnd is the last entry that a page may look at, 0 if the rows come to an end before.
func (s *SQL) scanEnd(table, column, key string, from direction, limit int) (end store.Entry, err error) {
	err = s.ReadRow(`SELECT entry FROM `+table+` WHERE `+column+` = $1 AND entry `+from.beyond+` $2 ORDER BY entry`+from.order+` LIMIT 1 OFFSET $3`,
		[]any{key, from.after, scan(limit) - 1}, &end)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return end, err
}

// CutPage cuts rows to a page, and says where the listing goes on; 0: there are no more rows.
func CutPage[T any](rows []T, limit int, entry func(*T) store.Entry) (page []T, next store.Entry) {
	if len(rows) <= limit {
		return rows, 0
	}
	return rows[:limit], entry(&rows[limit-1])
}
