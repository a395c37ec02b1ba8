package engine

import (
	"math"

	"github.com/carillon-project/carillon/internal/store"
)

const jobColumns = `aws_account_id, entry, job_id, account_id, action, begun_by, undoes, key_id, key_name, began,
	latest, rows_left, rows_done, rows_failed, outcome`

func scanJob(row Row) (j store.Job, err error) {
	err = row.Scan(&j.AWSAccountID, &j.Entry, &j.JobID, &j.AccountID, &j.Action, &j.By, &j.Undoes, &j.KeyID, &j.KeyName, millisTo{&j.Began},
		millisTo{&j.Latest}, &j.Left, &j.Done, &j.Failed, &j.Outcome)
	return j, err
}

func (s *SQL) Job(awsAccountID, jobID string) (store.Job, error) {
	return one(List(s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE aws_account_id = $1 AND job_id = $2`, awsAccountID, jobID))
}

func (s *SQL) ListJobs(awsAccountID string, filter store.JobFilter, before store.Entry, limit int) ([]store.Job, store.Entry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	query, args := `SELECT `+jobColumns+` FROM jobs WHERE aws_account_id = $1 AND entry < $2 ORDER BY entry DESC LIMIT $3`,
		[]any{awsAccountID, before, limit + 1}
	if filter.AccountID != "" {
		query, args = `SELECT `+jobColumns+` FROM jobs WHERE aws_account_id = $1 AND account_id = $2 AND entry < $3 ORDER BY entry DESC LIMIT $4`,
			[]any{awsAccountID, filter.AccountID, before, limit + 1}
	}
	all, err := List(s, scanJob, query, args...)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(all, limit, func(j *store.Job) store.Entry { return j.Entry })
	return page, next, nil
}

func (s *SQL) ListUndoing(awsAccountID string, filter store.JobFilter, after store.Entry, limit int) ([]store.Job, error) {
	where, args := `aws_account_id = $1 AND entry > $2`, []any{awsAccountID, after, limit}
	if filter.AccountID != "" {
		where, args = `aws_account_id = $1 AND entry > $2 AND account_id = $4`, append(args, filter.AccountID)
	}
	return List(s, scanJob, `SELECT `+jobColumns+` FROM (SELECT * FROM jobs WHERE `+where+` ORDER BY entry LIMIT $3) AS next
		WHERE undoes <> '' ORDER BY entry`, args...)
}

func (s *SQL) InsertJob(j *store.Job) (err error) {
	if j.Entry, err = s.NewRows("jobs", "aws_account_id", nil).Next(j.AWSAccountID); err != nil {
		return err
	}
	_, err = s.Write(`INSERT INTO jobs (`+jobColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		j.AWSAccountID, j.Entry, j.JobID, j.AccountID, j.Action, j.By, j.Undoes, j.KeyID, j.KeyName, Millis(j.Began),
		Millis(j.Latest), j.Left, j.Done, j.Failed, j.Outcome)
	return err
}

func (s *SQL) UpdateJob(j store.Job) error {
	return s.WriteOne(`UPDATE jobs SET latest = $1, rows_left = $2, rows_done = $3, rows_failed = $4, outcome = $5
		WHERE aws_account_id = $6 AND entry = $7 AND job_id || '' = $8`,
		Millis(j.Latest), j.Left, j.Done, j.Failed, j.Outcome, j.AWSAccountID, j.Entry, j.JobID)
}
