// Package jmespath evaluates JMESPath queries over document values: the --query option of
// the aws command. Start at Compile.
//
// The language is the one of https://jmespath.org/specification.html in the dialect that
// version 1 of the AWS CLI speaks. Where that dialect departs from the specification, it
// wins, because queries in scripts were written against it:
//
//   - members keep their order: those of a multi-select hash the order of the expression,
//     all others the order of the document;
//   - <, <=, > and >= also compare strings;
//   - a comma between arguments of a function, or between members of a hash, may be missing;
//   - a slice right after an index ("a[0][1:]") does not start a projection;
//   - numbers are integers of any size or floats, and stay what they are.
//
// The text is read by the lexer (lexer.go), becomes a tree of nodes (parser.go), and is
// evaluated by a search (eval.go) with the functions of the language (functions.go). The
// meaning of values (equality, order, spelling in messages) is in value.go.
package jmespath

import "fmt"

// Expression is a compiled query. It may be used by several goroutines at once.
type Expression struct {
	root *node
}

// Compile parses a query. The text of the error is the one that version 1 of the AWS CLI
// prints after "Bad value for --query QUERY: "; most span three lines, the last of which is
// a caret under the place of the error.
func Compile(text string) (*Expression, error) {
	if text == "" {
		return nil, failure("Invalid JMESPath expression: cannot be empty.")
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	root, err := parse(text, tokens)
	if err != nil {
		return nil, err
	}
	return &Expression{root}, nil
}

// Search evaluates the query over v, a document value, and returns a document value. The
// result may share parts with v and with later results: read it, do not change it. Nothing
// in v is changed.
//
// The text of an error (unknown function, wrong number or type of arguments, values without
// an order, ...) is the one that version 1 of the AWS CLI prints.
func (x *Expression) Search(v any) (any, error) {
	s := search{work: maxWork}
	result, err := s.eval(x.root, v)
	if err != nil {
		return nil, err
	}
	s.work = maxResult
	if err := s.printable(result); err != nil {
		return nil, err
	}
	return result, nil
}

// failure is an error whose text is part of an interface: capitals, full stops and line
// breaks are those of the AWS CLI, not ours.
type failure string

func (f failure) Error() string { return string(f) }

func failuref(format string, args ...any) error { return failure(fmt.Sprintf(format, args...)) }
