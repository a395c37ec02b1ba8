package model

// Manual says in words what the contract of a service does not say. It is for help pages and
// hints only. Any part of it may be missing.
type Manual struct {
	Name    string // "Amazon Chime"
	Purpose string // "the administration of Amazon Chime"
	About   string // a paragraph about the things that the service manages
	// Closed says when the service at the default endpoint closed: "closed in February 2026".
	// Since then, users run a service of their own. It is empty if the service is open.
	Closed string

	// Operations says what each operation does. Lists show the first sentence only.
	Operations Words
	// Members says what the members of inputs and outputs mean. The name is "Member", or
	// "Shape.Member" if the same member means different things.
	Members Words
	// Examples are the examples of all operations.
	Examples []OperationExamples
}

// Words are pairs of a name and a text about the thing of that name. Pairs are arrays so that
// tables of them are easy to read.
type Words [][2]string

// About returns the text of the first of the names that the words have, "" for none.
func (w Words) About(names ...string) string {
	for _, name := range names {
		for i := range w {
			if w[i][0] == name {
				return w[i][1]
			}
		}
	}
	return ""
}

// OperationExamples are the examples of an operation.
type OperationExamples struct {
	Operation string // its API name
	Examples  []Example
}

// Example is a command line for a POSIX shell.
type Example struct {
	Purpose string // "To suspend two users:"
	Command string
	Output  string // what it prints; empty if the page need not show it
}
