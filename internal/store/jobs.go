package store

import "time"

// Job is what a bulk job has told of itself.
type Job struct {
	AWSAccountID string
	Entry        Entry
	JobID        string // unique in the AWS account
	AccountID    string
	Action       string // "update", "suspend", ...
	By           string // the person who has begun it, as their machine names them; may be empty
	Undoes       string // the id of the job that it undoes; empty: none
	KeyID        string // that it began with
	KeyName      string
	Began        time.Time

	// The rest may change.

	Latest             time.Time // when it told of itself the last time
	Left, Done, Failed int       // users
	Outcome            string    // "running", "finished", "stopped", "interrupted"
}

// JobFilter narrows a listing of jobs; an empty member lets all pass.
type JobFilter struct {
	AccountID string
}
