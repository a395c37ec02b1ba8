package store

import "time"

// Session is that of somebody who has signed in with an access key.
type Session struct {
	SessionID    string // a hash of what the person proves it with
	AWSAccountID string
	KeyID        string
	Created      time.Time
	Seen         time.Time // see UseSession
	Expires      time.Time // the first moment at which it has ended, however busy it is
	Address      string    // of the network, where the person was when it began
	UserAgent    string
}

// SignInLink lets whoever has it sign in once, as an access key.
type SignInLink struct {
	LinkID  string // a hash of what the link says
	KeyID   string
	Expires time.Time // the first moment at which it is of no use
}
