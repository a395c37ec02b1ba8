package postgres

import "github.com/carillon-project/carillon/internal/store"

// Whatever an update does with jobs, it locks those of the AWS account first, and shares that lock
// with nobody.

func (t *tx) Job(awsAccountID, jobID string) (store.Job, error) {
	t.take("jobs", awsAccountID)
	return t.sql.Job(awsAccountID, jobID)
}

func (t *tx) ListJobs(awsAccountID string, filter store.JobFilter, before store.Entry, limit int) ([]store.Job, store.Entry, error) {
	t.take("jobs", awsAccountID)
	return t.sql.ListJobs(awsAccountID, filter, before, limit)
}

func (t *tx) ListUndoing(awsAccountID string, filter store.JobFilter, after store.Entry, limit int) ([]store.Job, error) {
	t.take("jobs", awsAccountID)
	return t.sql.ListUndoing(awsAccountID, filter, after, limit)
}

func (t *tx) InsertJob(j *store.Job) error {
	t.take("jobs", j.AWSAccountID)
	return t.sql.InsertJob(j)
}

func (t *tx) UpdateJob(j store.Job) error {
	t.take("jobs", j.AWSAccountID)
	return t.sql.UpdateJob(j)
}
