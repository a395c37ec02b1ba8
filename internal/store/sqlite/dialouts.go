package sqlite

import "github.com/carillon-project/carillon/internal/store"

func (t *tx) ListDialOuts(awsAccountID string, filter store.DialOutFilter, after store.Entry, limit int) ([]store.DialOut, store.Entry, error) {
	return t.sql.ListDialOuts(awsAccountID, filter, after, limit)
}

func (t *tx) CountDialOuts(awsAccountID, status string) (int, error) {
	return t.sql.CountDialOuts(awsAccountID, status)
}

func (t *tx) InsertDialOut(d *store.DialOut) error { return t.sql.InsertDialOut(d) }

func (t *tx) UpdateDialOut(d store.DialOut) error { return t.sql.UpdateDialOut(d) }
