package sqlite

import "github.com/carillon-project/carillon/internal/store"

func (t *tx) Job(awsAccountID, jobID string) (store.Job, error) {
	return t.sql.Job(awsAccountID, jobID)
}

func (t *tx) ListJobs(awsAccountID string, filter store.JobFilter, before store.Entry, limit int) ([]store.Job, store.Entry, error) {
	return t.sql.ListJobs(awsAccountID, filter, before, limit)
}

func (t *tx) ListUndoing(awsAccountID string, filter store.JobFilter, after store.Entry, limit int) ([]store.Job, error) {
	return t.sql.ListUndoing(awsAccountID, filter, after, limit)
}

func (t *tx) InsertJob(j *store.Job) error { return t.sql.InsertJob(j) }

func (t *tx) UpdateJob(j store.Job) error { return t.sql.UpdateJob(j) }
