// Package model defines what a service, an operation and a shape are: the vocabulary of API
// contracts, and a flat form of a contract that is read in place. It holds no facts about any API.
// Package chime holds the facts about one, and package servicefile reads any from the files that
// SDKs have.
//
// Start at [Service]. flat.go has the flat form: a program finds one operation in it, and decodes
// what that operation needs, so that its start does not depend on the size of the contract.
package model

import (
	"strings"
	"sync"
)

// Service is the contract of one API. It is not to be copied.
type Service struct {
	Command        string // the command of aws: "chime", "chime-sdk-messaging"
	ID             string // its name in SDKs: "Chime", "Chime SDK Messaging"
	Version        string // of the API: "2018-05-01"
	Protocol       Protocol
	EndpointPrefix string // first label of its host names
	SigningName    string // its name in the scope of signatures
	// GlobalRegion is the region of a global service, which has one endpoint for all of partition
	// aws. Requests to any endpoint in that partition are signed for it. It is empty for a service
	// with an endpoint in each region.
	GlobalRegion string
	Auth         Auth      // of operations that say nothing else
	TargetPrefix string    // JSON: what X-Amz-Target has before the operation
	JSONVersion  string    // JSON: of the content type: "1.0"; empty is 1.0
	QueryMode    bool      // JSON: the service spoke AWSQuery before, and is asked for the codes of errors from then
	Namespace    Namespace // RESTXML: of bodies that have no namespace of their own
	Waiters      []*Waiter // in the order of the model
	// Rules is the endpoint rule set of the service, as JSON, if it has one beside the general
	// pattern of hosts.
	Rules  string
	Manual *Manual // nil if there is none

	// Operations are the operations of a service that is written as a value. Flat is the flat form
	// of a service that has one; Open fills in the rest of the service. Read both by the methods.
	Operations []*Operation
	Flat       *string

	decoded decoded
}

// decoded is what was read of the flat form so far.
type decoded struct {
	mu         sync.Mutex
	operations []*Operation
	shapes     []*Shape
}

// Protocol says how the operations of a service are calls of HTTP.
type Protocol string

const (
	RESTJSON Protocol = "rest-json"
	JSON     Protocol = "json"
	AWSQuery Protocol = "query"
	EC2Query Protocol = "ec2"
	RESTXML  Protocol = "rest-xml"
)

// REST reports whether paths, methods and headers have a meaning in the protocol.
func (p Protocol) REST() bool { return p == RESTJSON || p == RESTXML || p == "" }

// Auth says how requests are signed.
type Auth string

const (
	SignV4         Auth = ""                 // Signature Version 4
	SignV4Unsigned Auth = "v4-unsigned-body" // the same, without the body
	SignV2         Auth = "v2"               // Signature Version 2, of old services
	Bearer         Auth = "bearer"           // a token in a header
	NoAuth         Auth = "none"             // not at all
)

// Namespace is an XML namespace.
type Namespace struct {
	URI, Prefix string
}

// SettingName returns the name of the service in settings, in small letters: "chime_sdk_messaging".
func (s *Service) SettingName() string {
	return strings.ReplaceAll(s.Command, "-", "_")
}

// Waiter polls an operation until a resource is in a state.
type Waiter struct {
	Name        string // "ThingReady"
	Command     string // "thing-ready"
	Operation   string // the API name of the operation
	Delay       int    // seconds between attempts
	MaxAttempts int
	Acceptors   []Acceptor
}

// Acceptor says what an attempt of a waiter means.
type Acceptor struct {
	State    string // "success", "failure", "retry"
	Matcher  string // "path", "pathAll", "pathAny", "status", "error"
	Argument string // a JMESPath expression
	Expected string // JSON
}

// Operation is one call of the API.
type Operation struct {
	Name    string // "BatchUpdateUser"
	Command string // the command of aws: "batch-update-user"
	Method  string // "POST"
	Path    string // "/accounts/{accountId}/users", labels in braces
	// Query is the fixed part of the query ("operation=suspend"), empty for most.
	Query     string
	Status    int        // HTTP status of success
	Input     *Shape     // nil for none
	Output    *Shape     // nil if a success has no content
	Paginator *Paginator // nil if the operation has no pages
	// ItemErrors is the member of the output that lists the items of a batch that the service
	// refused. It is empty if the operation is no batch.
	ItemErrors string

	HostPrefix    string    // before the host of the endpoint: "{Name}-data."; empty for most
	Auth          Auth      // empty is that of the service
	Checksum      bool      // requests have a checksum of the body
	ResultWrapper string    // AWSQuery: the element of the reply that holds the output
	Root          string    // RESTXML: the root of the body
	Namespace     Namespace // RESTXML: of the root

	// ContextParams are what the rules of endpoints are told of a call, the first of a name that is
	// there.
	ContextParams []ContextParam

	// Fault says why the operation cannot be called: its part of the contract is broken. It has
	// neither input nor output then.
	Fault string
}

// ContextParam is a parameter of the rules of endpoints and where its value is.
type ContextParam struct {
	Name  string
	Value string // the same for all calls, as JSON
	Path  string // in the input, as JMESPath; empty for a Value
}

// Streams returns the member of a shape that is the raw body of a message, and that programs pass
// on without a look inside, or nil.
func (s *Shape) Streams() *Member {
	m := s.PayloadMember()
	if m != nil && (m.Streaming || m.Shape.Kind == Blob) {
		return m
	}
	return nil
}

// PayloadMember returns the member that is the whole body of a message, or nil.
func (s *Shape) PayloadMember() *Member {
	if s == nil || s.Payload == "" {
		return nil
	}
	return s.Member(s.Payload)
}

// Paginator names the members that page through a listing. Tokens and keys are JMESPath
// expressions; most are the name of a member.
type Paginator struct {
	InputTokens  []string // members of the input that take the tokens
	OutputTokens []string // what gives the next ones in the output
	LimitKey     string   // member of the input that takes the page size; may be empty
	ResultKeys   []string // what holds the page in the output; of several the first is counted
	MoreResults  string   // what says in the output that there is another page; may be empty
	NonAggregate []string // what is the same on all pages
}

// Takes reports whether a member of the input is for pages.
func (p *Paginator) Takes(member string) bool {
	if p == nil || member == "" {
		return false
	}
	for _, t := range p.InputTokens {
		if t == member {
			return true
		}
	}
	return member == p.LimitKey
}

// Kind is the kind of value that a shape takes.
type Kind uint8

const (
	Structure Kind = iota
	List
	String
	Boolean
	Integer
	Timestamp
	Map
	Long
	Float
	Double
	Blob
)

// Unbounded is the Min or Max of a shape that has no such bound.
const Unbounded = -1

// Shape describes a kind of value. Min and Max bound the characters of a text, the bytes of a blob,
// the elements of a list, the pairs of a map, or a number.
type Shape struct {
	Name      string
	Kind      Kind
	Members   []Member // Structure: in the order of the model
	Required  []string // Structure: names of its required members, in the order of the model's list
	Element   *Shape   // List
	Key       *Shape   // Map
	Value     *Shape   // Map
	Enum      []string // String: the allowed values, in the order of the model
	Pattern   string   // String: a regular expression that the whole value must match
	Min, Max  int      // Unbounded if the model has none
	Sensitive bool     // keep the value out of logs

	Union    bool   // Structure: exactly one member is set
	Document bool   // Structure: any JSON value
	Payload  string // Structure: the member that is the whole body; empty for none
	Format   string // Timestamp: "iso8601", "unixTimestamp", "rfc822"; empty is the protocol's

	// How lists and maps are written where elements have names.
	Flattened   bool   // without an element around them
	ElementName string // List: of an element; empty is the protocol's
	KeyName     string // Map
	ValueName   string // Map
	Namespace   Namespace
}

// Member returns the member of that name, or nil.
func (s *Shape) Member(name string) *Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	return nil
}

// Location says which part of an HTTP message carries a member.
type Location uint8

const (
	Body    Location = iota
	URI              // a label of the path
	Query            // a pair of the query
	Header           // a header
	Headers          // all headers with a prefix
	Status           // the status of a reply
)

// Member is one member of a structure.
type Member struct {
	Name      string // also its name in a JSON body, if it has no WireName
	Option    string // its option in aws, without dashes: "account-id"; top level only
	Shape     *Shape
	Location  Location
	WireName  string // name of the label, query key, header or member of a body; empty is Name
	QueryName string // EC2Query: its name, if it differs even from WireName
	Required  bool
	// IdempotencyToken says that clients fill the member with a random UUID if it is absent.
	IdempotencyToken bool
	Streaming        bool // the payload is passed on, not read
	JSONValue        bool // Header: base64 of JSON
	HostLabel        bool // the value is part of the host name
	XMLAttribute     bool // RESTXML: an attribute of the element of the structure
}

// Wire returns the name of a member in a message.
func (m *Member) Wire() string {
	if m.WireName != "" {
		return m.WireName
	}
	return m.Name
}
