package document

import (
	"fmt"

	"github.com/carillon-project/carillon/internal/python"
)

// The view that Python has of a value, for what version 1 of the AWS CLI shows and decides. The
// rules for single texts and numbers are in package python.

// Bytes is the content of a file that a command line names by fileb://. It has no form in JSON.
type Bytes []byte

// ToInt returns int(v): see [python.ParseInt] for text. A float loses what is after its point. The
// error has the text of Python's exception.
func ToInt(v any) (Number, error) {
	var n string
	var err error
	switch v := v.(type) {
	case Number:
		if v.IsInt() {
			return v, nil
		}
		n, err = python.TruncateFloat(v.Float64())
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case string:
		n, err = python.ParseInt(v)
	case Bytes:
		n, err = python.ParseIntBytes(v)
	default:
		err = fmt.Errorf("int() argument must be a string, a bytes-like object or a real number, not '%s'", Class(v))
	}
	return Number(n), err
}

// ToFloat returns float(v): see [python.ParseFloat] for text. The error has the text of Python's
// exception.
func ToFloat(v any) (Number, error) {
	switch v := v.(type) {
	case Number:
		return Float(v.Float64()), nil
	case bool:
		if v {
			return "1.0", nil
		}
		return "0.0", nil
	case string:
		f, err := python.ParseFloat(v)
		return Float(f), err
	}
	return "", fmt.Errorf("float() argument must be a string or a real number, not '%s'", Class(v))
}

// Class returns the name of the class that v has: "str", "int", "float", "bool", "list", "dict",
// "bytes" or "NoneType".
func Class(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case Number:
		if v.IsInt() {
			return "int"
		}
		return "float"
	case []any:
		return "list"
	case *Object:
		return "dict"
	case Bytes:
		return "bytes"
	}
	panic("document: not a value")
}

// Truth returns bool(v): false for null, false, zero, and whatever is empty.
func Truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case Number:
		return v.Float64() != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Object:
		return v.Len() > 0
	case Bytes:
		return len(v) > 0
	}
	panic("document: not a value")
}

// Spell returns str(v): text as itself, a list or a structure as an expression.
func Spell(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return Repr(v)
}

// Repr returns repr(v): 'text', True, None, ['a', 'b'], {'a': 1}.
func Repr(v any) string { return string(appendRepr(nil, v)) }

func appendRepr(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "None"...)
	case bool:
		if v {
			return append(b, "True"...)
		}
		return append(b, "False"...)
	case Number:
		return append(b, v...)
	case string:
		return python.AppendRepr(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendRepr(b, e)
		}
		return append(b, ']')
	case *Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = python.AppendRepr(b, m.Key)
			b = append(b, ": "...)
			b = appendRepr(b, m.Value)
		}
		return append(b, '}')
	case Bytes:
		return append(b, python.ReprBytes(v)...)
	}
	panic("document: not a value")
}
