package postgres

import "github.com/carillon-project/carillon/internal/store"

// Whatever an update does with dial-outs, it locks those of the AWS account first, and shares that
// lock with nobody.

func (t *tx) ListDialOuts(awsAccountID string, filter store.DialOutFilter, after store.Entry, limit int) ([]store.DialOut, store.Entry, error) {
	t.take("dial-outs", awsAccountID)
	return t.sql.ListDialOuts(awsAccountID, filter, after, limit)
}

func (t *tx) CountDialOuts(awsAccountID, status string) (int, error) {
	t.take("dial-outs", awsAccountID)
	return t.sql.CountDialOuts(awsAccountID, status)
}

func (t *tx) InsertDialOut(d *store.DialOut) error {
	t.take("dial-outs", d.AWSAccountID)
	return t.sql.InsertDialOut(d)
}

func (t *tx) UpdateDialOut(d store.DialOut) error {
	t.take("dial-outs", d.AWSAccountID)
	return t.sql.UpdateDialOut(d)
}
