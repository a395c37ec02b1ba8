package store

import "time"

// Task is something that the service is to do by itself, at a time.
type Task struct {
	AWSAccountID string
	AccountID    string // empty for what belongs to the AWS account as a whole
	Kind         string // says what is to be done
	Target       string // with Kind unique in the account, or among the tasks of the AWS account itself

	Due    time.Time // by the service's clock
	Leased time.Time // until when somebody works on it, and nobody else may; zero: nobody does
}
