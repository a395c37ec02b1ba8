package store

import "time"

// Telephone numbers are written as in E.164, with a plus sign: "+12065550100".

// PoolNumber is a telephone number that the installation knows. Either it can be ordered, or it
// belongs to an AWS account, which then has a [PhoneNumber] for it.
type PoolNumber struct {
	Number string // unique in the installation
	Owner  string // an AWS account, or empty

	Country      string // two letters
	Type         string // "Local", "TollFree"
	City         string
	State        string
	AreaCode     string
	Capabilities Capabilities

	Failing bool // the carrier will not hand it over
}

// Capabilities are what a telephone number can be used for.
type Capabilities struct {
	InboundCall, OutboundCall, InboundSMS, OutboundSMS, InboundMMS, OutboundMMS bool
}

// PoolFilter narrows a listing of the pool; an empty member lets all pass.
type PoolFilter struct {
	Available bool // only those that nobody owns
	Owned     bool // only those that somebody owns
	Owner     string

	Country  string
	Type     string
	AreaCode string
	State    string
	City     string // in any case
}

// PhoneNumber is a telephone number of an AWS account.
type PhoneNumber struct {
	AWSAccountID string
	Entry        Entry

	Number       string // unique in the installation, see [PoolNumber]
	Country      string
	Type         string
	Capabilities Capabilities
	Created      time.Time
	OrderID      string // of the order that it came by; empty: nobody knows any more

	// The rest may change.

	ProductType string
	Status      string

	// Who has it, empty if nobody does, and since when.
	AccountID  string
	UserID     string
	Associated time.Time

	CallingName       string
	CallingNameStatus string
	Updated           time.Time
	Deleted           time.Time // when it was put into the queue of those to be given up
}

// PhoneNumberFilter narrows a listing of telephone numbers; an empty member lets all pass.
type PhoneNumberFilter struct {
	Status      string
	ProductType string
	AccountID   string
	UserID      string
}

// PhoneNumberOrder is an order of telephone numbers by an AWS account.
type PhoneNumberOrder struct {
	AWSAccountID string
	Entry        Entry
	OrderID      string // unique in the AWS account
	ProductType  string
	Created      time.Time

	// The rest may change.

	Status  string
	Numbers []OrderedNumber
	Updated time.Time
}

// OrderedNumber is what became of a number that was ordered.
type OrderedNumber struct{ Number, Status string }

// PhoneNumberSettings are the settings of an AWS account for its telephone numbers.
type PhoneNumberSettings struct {
	CallingName        string
	CallingNameUpdated time.Time // zero: never
}

// PhoneNumberRestriction keeps an AWS account from numbers; an empty member stands for all.
type PhoneNumberRestriction struct {
	AWSAccountID string
	ProductType  string
	Country      string
}
