package params

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// ValidationError lists everything about an input that does not fit the contract.
type ValidationError struct{ Problems []string }

func (e *ValidationError) Error() string {
	return "Parameter validation failed:\n" + strings.Join(e.Problems, "\n")
}

// Validate checks an input before it is sent. The error is a [*ValidationError]. An operation
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

type validation struct{ problems []string }

func (v *validation) report(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *validation) value(value any, shape *model.Shape, path string) {
	switch shape.Kind {
	case model.Structure:
		if shape.Document {
			v.document(value, path)
			return
		}
		if o, ok := value.(*document.Object); ok {
			v.structure(o, shape, path)
			return
		}
		v.wrongType(value, path, "dict")
	case model.List:
		list, ok := value.([]any)
		if !ok {
			v.wrongType(value, path, "list", "tuple")
			return
		}
		v.length(len(list), shape, path)
		for i, element := range list {
			v.value(element, shape.Element, path+"["+strconv.Itoa(i)+"]")
		}
	case model.String:
		s, ok := value.(string)
		if !ok {
			v.wrongType(value, path, "str")
			return
		}
		v.length(python.Len(s), shape, path)
	case model.Boolean:
		if _, ok := value.(bool); !ok {
			v.wrongType(value, path, "bool")
		}
	case model.Integer, model.Long:
		v.number(value, shape, path, "int")
	case model.Float, model.Double:
		v.number(value, shape, path, "float", "decimal.Decimal", "int")
	case model.Blob:
		switch value.(type) {
		case string, document.Bytes:
		default:
			v.report("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: <class 'bytes'>, <class 'bytearray'>, file-like object",
				path, document.Spell(value), document.Class(value))
		}
	case model.Map:
		o, ok := value.(*document.Object)
		if !ok {
			v.wrongType(value, path, "dict")
			return
		}
		for _, m := range o.Members() {
			v.value(m.Key, shape.Key, path+" (key: "+m.Key+")")
			v.value(m.Value, shape.Value, path+"."+m.Key)
		}
	case model.Timestamp:
		if b, ok := value.(document.Bytes); ok {
			value = string(b)
		}
		if _, _, err := timestamp.Parse(value); err != nil {
			v.report("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: <class 'datetime.datetime'>, timestamp-string",
				path, document.Spell(value), document.Class(value))
		}
	}
}

// document takes any value of JSON but null inside of others.
func (v *validation) document(value any, path string) {
	switch value := value.(type) {
	case nil:
	case []any:
		for i, e := range value {
			v.document(e, path+"["+strconv.Itoa(i)+"]")
		}
	case *document.Object:
		for _, m := range value.Members() {
			v.document(m.Value, m.Key)
		}
	case document.Bytes:
		v.report("Invalid type for document parameter %s, value: %s, type: <class 'bytes'>, valid types: <class 'str'>, <class 'int'>, <class 'bool'>, <class 'float'>, <class 'list'>, <class 'dict'>",
			path, document.Spell(value))
	}
}

func (v *validation) structure(o *document.Object, shape *model.Shape, path string) {
	where := path
	if where == "" {
		where = "input"
	}
	if shape.Union && o.Len() != 1 {
		problem := "Invalid number of parameters set for tagged union structure %s. Can only set one of the following keys: %s."
		if o.Len() == 0 {
			problem = "Must set one of the following keys for tagged unionstructure %s: %s."
		}
		v.report(problem, where, strings.Join(memberNames(shape), ", "))
	}
	for _, name := range shape.Required {
		if m := shape.Member(name); path == "" && m != nil && m.IdempotencyToken {
			continue // the client makes one
		}
		if _, ok := o.Get(name); !ok {
			v.report("Missing required parameter in %s: \"%s\"", where, name)
		}
	}
	for _, given := range o.Members() {
		if shape.Member(given.Key) == nil {
			v.report("Unknown parameter in %s: \"%s\", must be one of: %s", where, given.Key, strings.Join(memberNames(shape), ", "))
		}
	}
	for _, given := range o.Members() {
		if m := shape.Member(given.Key); m != nil {
			name := m.Name
			if path != "" {
				name = path + "." + name
			}
			if !m.JSONValue { // any value of JSON will do
				v.value(given.Value, m.Shape, name)
			}
		}
	}
}

func (v *validation) length(n int, shape *model.Shape, path string) {
	if shape.Min != model.Unbounded && n < shape.Min {
		v.report("Invalid length for parameter %s, value: %d, valid min length: %d", path, n, shape.Min)
	}
}

// number takes a boolean too: Python counts it among the integers.
func (v *validation) number(value any, shape *model.Shape, path string, classes ...string) {
	class := document.Class(value)
	if class == "bool" {
		class = "int"
	}
	if !slices.Contains(classes, class) {
		v.wrongType(value, path, classes...)
		return
	}
	n, _ := document.ToFloat(value) // it is one
	if shape.Min != model.Unbounded && n.Float64() < float64(shape.Min) {
		v.report("Invalid value for parameter %s, value: %s, valid min value: %d", path, document.Spell(value), shape.Min)
	}
}

func memberNames(shape *model.Shape) []string {
	names := make([]string, len(shape.Members))
	for i := range shape.Members {
		names[i] = shape.Members[i].Name
	}
	return names
}

func (v *validation) wrongType(value any, path string, valid ...string) {
	for i, class := range valid {
		valid[i] = "<class '" + class + "'>"
	}
	v.report("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: %s",
		path, document.Spell(value), document.Class(value), strings.Join(valid, ", "))
}
