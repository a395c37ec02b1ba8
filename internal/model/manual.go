package model

// Manual is what people are told about a service beside what can be derived from its contract.
// It is for help only, and any part of it may be missing.
type Manual struct {
	Name    string // "Amazon Chime"
	Purpose string // "the administration of Amazon Chime"
	About   string // a paragraph about the things that the service keeps
	// Closed says when the service at the default endpoint came to its end, so that only a
	// service of one's own can answer: "closed in February 2026". It is empty for a service
	// that goes on.
	Closed string

	// Operations says what each operation does. The first sentence stands for the whole in a
	// list.
	Operations Words
	// Members says what the members of inputs and outputs mean: by "Shape.Member" where the
	// same name means different things, else by "Member" alone.
	Members Words
	// Examples holds the examples of each operation.
	Examples []OperationExamples
}

// Words is what is said about things: pairs of a name and a text. A pair is no struct of its own
// so that tables of them stay easy to read.
type Words [][2]string

// About returns what is said about the first of the names that the words have, "" for nothing.
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
	Output  string // what it prints, where that is worth seeing
}
