// Package model says what a service, an operation and a shape are: the vocabulary in which
// an API contract is written down. It holds no facts of any particular API (those are in
// package chime) and no behavior.
//
// Every value is meant to be a package variable that the linker lays out: a program that
// walks the contract parses nothing and builds no map when it starts.
package model

import "strings"

// Service is the contract of one API.
type Service struct {
	Command        string // the word of the command line: "chime", "chime-sdk-messaging"
	ID             string // the SDKs' name for it: "Chime", "Chime SDK Messaging"
	EndpointPrefix string // first label of its host names
	SigningName    string // the service in the scope of signatures
	// GlobalRegion is the region of the one endpoint that serves the whole partition aws, and
	// the region that requests to any endpoint of that partition are signed for. It is empty
	// for a service with an endpoint in each region.
	GlobalRegion string
	Operations   []*Operation
	Manual       *Manual // nil where nobody has written one
}

// SettingName returns what stands for the service in the names of settings, in small letters:
// "chime_sdk_messaging".
func (s *Service) SettingName() string {
	return strings.ReplaceAll(strings.ToLower(s.ID), " ", "_")
}

// Operation returns the operation of the given API name ("BatchUpdateUser"), or nil.
func (s *Service) Operation(name string) *Operation {
	for _, op := range s.Operations {
		if op.Name == name {
			return op
		}
	}
	return nil
}

// Operation is one call of the API.
type Operation struct {
	Name    string // "BatchUpdateUser"
	Command string // the word of the command line: "batch-update-user"
	Method  string // "POST"
	Path    string // "/accounts/{accountId}/users", labels in braces
	// Query is the fixed part of the query ("operation=suspend"), empty for most.
	Query     string
	Status    int        // HTTP status of success
	Input     *Shape     // nil where there is none
	Output    *Shape     // nil where a success has no content
	Paginator *Paginator // nil for an operation that is no listing
	// ItemErrors is the member of the output of a batch that lists the items which the service
	// refused; empty for an operation that is no batch.
	ItemErrors string
}

// Paginator names the members that page through a listing.
type Paginator struct {
	InputToken  string // member of the input that takes the token
	OutputToken string // member of the output that gives the next one
	LimitKey    string // member of the input that takes the page size
	ResultKey   string // member of the output that holds the page
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
)

// Unbounded is the Min or Max of a shape that has no such bound.
const Unbounded = -1

// Shape describes a kind of value. Bounds count the characters of a text or the elements of
// a list, or are those of a number.
type Shape struct {
	Name      string
	Kind      Kind
	Members   []Member // Structure: in the order of the model
	Required  []string // Structure: names of its required members, in an order of the model's own
	Element   *Shape   // List
	Enum      []string // String: the allowed values, in the order of the model
	Pattern   string   // String: a regular expression that the whole value must match
	Min, Max  int      // Unbounded where the model has none
	Sensitive bool     // keep the value out of logs
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
	Body Location = iota
	URI           // a label of the path
	Query
)

// Member is one member of a structure.
type Member struct {
	Name     string // also its name in a JSON body
	Option   string // word of the command line without dashes: "account-id"; top level only
	Shape    *Shape
	Location Location
	WireName string // name of the label or query key; empty in a body
	Required bool
	// IdempotencyToken marks a member that clients fill with a random UUID when it is absent.
	IdempotencyToken bool
}
