package jmespath

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// typeName returns the name that JMESPath has for the type of v.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case document.Number:
		return "number"
	case []any:
		return "array"
	case *document.Object:
		return "object"
	}
	return "expref"
}

// classOf returns the name that some messages have for the type of v: Python's.
func classOf(v any) string {
	if _, ok := v.(*node); ok {
		return "_Expression"
	}
	return document.Class(v)
}

// IsTrue reports whether v counts as true for !, &&, || and filters. To JMESPath, unlike Python,
// every number does.
func IsTrue(v any) bool {
	switch v.(type) {
	case document.Number, *node:
		return true
	}
	return document.Truth(v)
}

// equal compares values part by part. True is 1 and false is 0, as in Python; the operators
// == and != themselves know better.
func (s *search) equal(a, b any) (bool, error) {
	if err := s.spend(1); err != nil {
		return false, err
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b, nil
	case bool, document.Number:
		x, _ := numeric(a)
		y, ok := numeric(b)
		return ok && orderNumbers(x, y) == same, nil
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false, nil
		}
		for i := range a {
			if equal, err := s.equal(a[i], b[i]); !equal {
				return false, err
			}
		}
		return true, nil
	case *document.Object:
		b, ok := b.(*document.Object)
		if !ok || a.Len() != b.Len() {
			return false, nil
		}
		for _, m := range a.Members() {
			v, ok := b.Get(m.Key)
			if !ok {
				return false, nil
			}
			if equal, err := s.equal(m.Value, v); !equal {
				return false, err
			}
		}
		return true, nil
	}
	return a == b, nil
}

// numeric returns the number that v is or, for a bool, equals.
func numeric(v any) (document.Number, bool) {
	switch v := v.(type) {
	case document.Number:
		return v, true
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	}
	return "", false
}

// hasOrder reports whether <, <=, > and >= look at v at all.
func hasOrder(v any) bool {
	switch v.(type) {
	case string, document.Number:
		return true
	}
	return false
}

type ordering int8

const (
	less ordering = iota - 1
	same
	greater
	unordered // something with a nan
)

// order compares two strings, by code points, or two numbers. There is no order between a
// string and a number: ok is false.
func order(a, b any) (o ordering, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ordering(strings.Compare(a, b)), ok
	case document.Number:
		b, ok := b.(document.Number)
		if !ok {
			return unordered, false
		}
		return orderNumbers(a, b), true
	}
	return unordered, false
}

// noOrder is the error for values that order has no answer for.
func noOrder(comparator kind, a, b any) error {
	var sign string
	switch comparator {
	case lt:
		sign = "<"
	case lte:
		sign = "<="
	case gt:
		sign = ">"
	case gte:
		sign = ">="
	}
	return failuref("'%s' not supported between instances of '%s' and '%s'", sign, classOf(a), classOf(b))
}

// orderNumbers compares numbers exactly, whatever their size and kind.
func orderNumbers(a, b document.Number) ordering {
	if a == b && a != "nan" {
		return same
	}
	// Rounding keeps the order, so only numbers that round to the same float need more.
	x, y := a.Float64(), b.Float64()
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return unordered
	case x < y:
		return less
	case x > y:
		return greater
	}
	return ordering(exact(a).Cmp(exact(b)))
}

func exact(n document.Number) *big.Float {
	if i, ok := n.BigInt(); ok {
		return new(big.Float).SetInt(i)
	}
	return big.NewFloat(n.Float64())
}

// reversed returns the characters of s from last to first.
func reversed(s string) string {
	runes := python.Runes(s)
	slices.Reverse(runes)
	return python.String(runes)
}

// appendJSON appends v as to_string spells it: ASCII, no blanks.
func (s *search) appendJSON(b []byte, v any) ([]byte, error) {
	before := len(b)
	var err error
	switch v := v.(type) {
	case *node:
		return nil, errExpref
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = s.appendJSON(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), s.spend(1)
	case *document.Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			if i > 0 {
				b = append(b, ',')
			}
			b = document.AppendString(b, m.Key, true)
			b = append(b, ':')
			if b, err = s.appendJSON(b, m.Value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), s.spend(1)
	}
	b = document.AppendCompact(b, v)
	return b, s.spend(1 + (len(b)-before)/bytesPerElement)
}

// maxShown bounds the length of a value that a message shows.
const maxShown = 1 << 20

// str spells v for a message: a string as it is, anything else as Python's repr does.
func str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(appendRepr(nil, v))
}

// appendRepr is document.Repr for values with expressions among them, and of a bounded length.
func appendRepr(b []byte, v any) []byte {
	if len(b) > maxShown {
		return b
	}
	switch v := v.(type) {
	case nil, bool, document.Number, string:
		return append(b, document.Repr(v)...)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendRepr(b, e)
		}
		return append(b, ']')
	case *document.Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, document.Repr(m.Key)...)
			b = append(b, ": "...)
			b = appendRepr(b, m.Value)
		}
		return append(b, '}')
	}
	return append(b, "<expression>"...)
}
