package params

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// ValidationError lists everything about an input that does not fit the contract.
type ValidationError struct{ Problems []string }

func (e *ValidationError) Error() string {
	return "Parameter validation failed:\n" + strings.Join(e.Problems, "\n")
}

// Validate checks an input before it is sent. The error is a *ValidationError. An operation
// without an input takes any members, as in version 1.
func Validate(input *document.Object, shape *model.Shape) error {
	if shape == nil {
		return nil
	}
	v := &validation{}
	v.structure(input, shape, "")
	if len(v.problems) > 0 {
		return &ValidationError{v.problems}
	}
	return nil
}

// Sendable reports an input with bytes in it, which have no form in a request. It is for where
// nothing is validated: Validate finds them, too.
func Sendable(input *document.Object) error {
	for _, m := range input.Members() {
		if holdsBytes(m.Value) {
			return fmt.Errorf("%s holds bytes from a fileb:// file, which cannot be sent: use file://", m.Key)
		}
	}
	return nil
}

func holdsBytes(v any) bool {
	switch v := v.(type) {
	case Bytes:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsBytes)
	case *document.Object:
		return Sendable(v) != nil
	}
	return false
}

type validation struct{ problems []string }

func (v *validation) report(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *validation) value(value any, shape *model.Shape, path string) {
	switch shape.Kind {
	case model.Structure:
		if o, ok := value.(*document.Object); ok {
			v.structure(o, shape, path)
			return
		}
		v.wrongType(value, path, "<class 'dict'>")
	case model.List:
		list, ok := value.([]any)
		if !ok {
			v.wrongType(value, path, "<class 'list'>, <class 'tuple'>")
			return
		}
		v.length(len(list), shape, path)
		for i, element := range list {
			v.value(element, shape.Element, path+"["+strconv.Itoa(i)+"]")
		}
	case model.String:
		s, ok := value.(string)
		if !ok {
			v.wrongType(value, path, "<class 'str'>")
			return
		}
		v.length(utf8.RuneCountInString(s), shape, path)
	case model.Boolean:
		if _, ok := value.(bool); !ok {
			v.wrongType(value, path, "<class 'bool'>")
		}
	case model.Integer:
		v.integer(value, shape, path)
	}
}

func (v *validation) structure(o *document.Object, shape *model.Shape, path string) {
	where := path
	if where == "" {
		where = "input"
	}
	for _, name := range shape.Required {
		if _, ok := o.Get(name); !ok {
			v.report("Missing required parameter in %s: \"%s\"", where, name)
		}
	}
	for _, given := range o.Members() {
		if shape.Member(given.Key) == nil {
			names := make([]string, len(shape.Members))
			for i := range shape.Members {
				names[i] = shape.Members[i].Name
			}
			v.report("Unknown parameter in %s: \"%s\", must be one of: %s", where, given.Key, strings.Join(names, ", "))
		}
	}
	for _, given := range o.Members() {
		if m := shape.Member(given.Key); m != nil {
			name := m.Name
			if path != "" {
				name = path + "." + name
			}
			v.value(given.Value, m.Shape, name)
		}
	}
}

func (v *validation) length(n int, shape *model.Shape, path string) {
	if shape.Min != model.Unbounded && n < shape.Min {
		v.report("Invalid length for parameter %s, value: %d, valid min length: %d", path, n, shape.Min)
	}
}

// integer takes a boolean too: Python counts it among the integers.
func (v *validation) integer(value any, shape *model.Shape, path string) {
	n := document.Number("0")
	switch value := value.(type) {
	case document.Number:
		n = value
	case bool:
		if value {
			n = "1"
		}
	default:
		v.wrongType(value, path, "<class 'int'>")
		return
	}
	if !n.IsInt() {
		v.wrongType(value, path, "<class 'int'>")
		return
	}
	if shape.Min != model.Unbounded && n.Float64() < float64(shape.Min) {
		v.report("Invalid value for parameter %s, value: %s, valid min value: %d", path, document.Spell(value), shape.Min)
	}
}

func (v *validation) wrongType(value any, path, valid string) {
	var class, spelled string
	switch value := value.(type) {
	case Bytes:
		class, spelled = "bytes", reprBytes(value)
	case nil:
		class = "NoneType"
	case bool:
		class = "bool"
	case document.Number:
		class = "int"
		if !value.IsInt() {
			class = "float"
		}
	case string:
		class = "str"
	case []any:
		class = "list"
	case *document.Object:
		class = "dict"
	}
	if spelled == "" {
		spelled = document.Spell(value)
	}
	v.report("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: %s", path, spelled, class, valid)
}

// reprBytes spells bytes as Python's repr does.
func reprBytes(data []byte) string {
	quote := byte('\'')
	if strings.Contains(string(data), "'") && !strings.Contains(string(data), `"`) {
		quote = '"'
	}
	out := []byte{'b', quote}
	for _, c := range data {
		switch {
		case c == quote || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c > '~':
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, quote))
}
