// Package model defines what a service, an operation and a shape are: the vocabulary of API
// contracts. It holds no facts about any API, and no behavior. Package chime holds the facts about
// one.
//
// Start at [Service]. All values are meant to be package variables that the linker lays out, so
// that a program that reads a contract need not parse anything or build maps when it starts.
package model

import "strings"

// Service is the contract of one API.
type Service struct {
	Command        string // the command of aws: "chime", "chime-sdk-messaging"
	ID             string // its name in SDKs: "Chime", "Chime SDK Messaging"
	EndpointPrefix string // first label of its host names
	SigningName    string // its name in the scope of signatures
	// GlobalRegion is the region of a global service, which has one endpoint for all of partition
	// aws. Requests to any endpoint in that partition are signed for it. It is empty for a service
	// with an endpoint in each region.
	GlobalRegion string
	Operations   []*Operation
	Manual       *Manual // nil if there is none
}

// SettingName returns the name of the service in settings, in small letters: "chime_sdk_messaging".
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

// Shape describes a kind of value. Min and Max bound the characters of a text, the elements of a
// list, or a number.
type Shape struct {
	Name      string
	Kind      Kind
	Members   []Member // Structure: in the order of the model
	Required  []string // Structure: names of its required members, in the order of the model's list
	Element   *Shape   // List
	Enum      []string // String: the allowed values, in the order of the model
	Pattern   string   // String: a regular expression that the whole value must match
	Min, Max  int      // Unbounded if the model has none
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
	Option   string // its option in aws, without dashes: "account-id"; top level only
	Shape    *Shape
	Location Location
	WireName string // name of the label or query key; empty in a body
	Required bool
	// IdempotencyToken says that clients fill the member with a random UUID if it is absent.
	IdempotencyToken bool
}
