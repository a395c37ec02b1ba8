package store

import "time"

// DialOut is a request that a meeting call somebody by telephone.
type DialOut struct {
	AWSAccountID  string
	Entry         Entry
	TransactionID string // unique in the AWS account
	MeetingID     string
	From, To      string // telephone numbers as in E.164, with a plus sign
	Created       time.Time

	// The rest may change.

	JoinToken string // lets who calls join the meeting; empty once nobody is to be told any more
	Status    string // "Recorded", "Waiting", "Delivered", "GivenUp"
}

// DialOutFilter narrows a listing of dial-outs; an empty member lets all pass.
type DialOutFilter struct {
	Status string
}
