// Package python has the habits of the language that version 1 of the AWS CLI is written in, as
// far as its users meet them: what int and float accept, how str and repr spell, what counts as a
// blank, how text in UTF-8 becomes characters and what happens where it cannot, and the words of
// the errors. Every other package that follows version 1 in one of these asks this one.
//
// Start with [ParseInt] and [ParseFloat] (numbers.go), [Strip], [Lower] and [Upper] (text.go),
// [Repr] (repr.go), [DecodeRune] and [Decode] (unicode.go), and [OSError] (oserror.go). The rules
// are those of Python 3.11. testdata/facts.txt holds what Python itself answered.
//
// # Characters
//
// Python's str is a sequence of code points, lone surrogates among them. Here a str is a Go
// string in UTF-8 with two extensions:
//
//   - a lone surrogate, which JSON text can spell as an escape, is held as the three bytes that
//     UTF-8 would give it (ED A0..BF xx);
//   - a byte that belongs to neither stands for a surrogate from U+DC80 to U+DCFF, in which Python
//     wraps such bytes of arguments, variables and file names (PEP 383).
//
// So no text needs to be converted where it enters the program, and none loses anything. Only
// [DecodeRune] and [AppendRune] know of the extensions. What must be UTF-8 is checked by
// [Encodable].
package python

import "fmt"

// exception is an error in the words of a Python exception.
type exception string

func (e exception) Error() string { return string(e) }

func exceptionf(format string, args ...any) error { return exception(fmt.Sprintf(format, args...)) }
