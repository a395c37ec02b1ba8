package engine

import "github.com/carillon-project/carillon/internal/store"

const dialOutColumns = `aws_account_id, entry, transaction_id, meeting_id, from_number, to_number, created, join_token, status`

func scanDialOut(row Row) (d store.DialOut, err error) {
	err = row.Scan(&d.AWSAccountID, &d.Entry, &d.TransactionID, &d.MeetingID, numberTo{&d.From}, numberTo{&d.To}, millisTo{&d.Created},
		&d.JoinToken, &d.Status)
	return d, err
}

func (s *SQL) ListDialOuts(awsAccountID string, filter store.DialOutFilter, after store.Entry, limit int) ([]store.DialOut, store.Entry, error) {
	query, args := `SELECT `+dialOutColumns+` FROM dial_outs WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3`,
		[]any{awsAccountID, after, limit + 1}
	if filter.Status != "" {
		query, args = `SELECT `+dialOutColumns+` FROM dial_outs WHERE aws_account_id = $1 AND status = $2 AND entry > $3 ORDER BY entry LIMIT $4`,
			[]any{awsAccountID, filter.Status, after, limit + 1}
	}
	all, err := List(s, scanDialOut, query, args...)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(all, limit, func(d *store.DialOut) store.Entry { return d.Entry })
	return page, next, nil
}

func (s *SQL) CountDialOuts(awsAccountID, status string) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM dial_outs WHERE aws_account_id = $1 AND status = $2`, []any{awsAccountID, status}, &n)
	return n, err
}

func (s *SQL) InsertDialOut(d *store.DialOut) error {
	from, err := s.key(d.From)
	if err != nil {
		return err
	}
	to, err := s.key(d.To)
	if err != nil {
		return err
	}
	if d.Entry, err = s.NewRows("dial_outs", "aws_account_id", nil).Next(d.AWSAccountID); err != nil {
		return err
	}
	_, err = s.Write(`INSERT INTO dial_outs (`+dialOutColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		d.AWSAccountID, d.Entry, d.TransactionID, d.MeetingID, from, to, Millis(d.Created), d.JoinToken, d.Status)
	return err
}

func (s *SQL) UpdateDialOut(d store.DialOut) error {
	return s.WriteOne(`UPDATE dial_outs SET join_token = $1, status = $2 WHERE aws_account_id = $3 AND entry = $4 AND transaction_id || '' = $5`,
		d.JoinToken, d.Status, d.AWSAccountID, d.Entry, d.TransactionID)
}
