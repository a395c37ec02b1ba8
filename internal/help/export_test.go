package help

// Words, for tests of whether all of them are said and needed: names in the order of the tables.
var (
	OperationWords = names(operations[:])
	MemberWords    = names(members[:])
	OptionWords    = names(options[:])
)

func names(table []words) []string {
	out := make([]string, len(table))
	for i, w := range table {
		out[i] = w.name
	}
	return out
}

// OperationsWithExamples are the operations that have examples.
func OperationsWithExamples() []string {
	var out []string
	for _, e := range exampleTable {
		out = append(out, e.operation)
	}
	return out
}
