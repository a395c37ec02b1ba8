package params

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
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

// Sendable reports an input with bytes in it, which have no form in a request. It is for inputs
// that are not validated: [Validate] finds bytes, too.
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
	case document.Bytes:
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
	if class := document.Class(value); class != "int" && class != "bool" {
		v.wrongType(value, path, "int")
		return
	}
	n, _ := document.ToInt(value) // it is one
	if shape.Min != model.Unbounded && n.Float64() < float64(shape.Min) {
		v.report("Invalid value for parameter %s, value: %s, valid min value: %d", path, document.Spell(value), shape.Min)
	}
}

func (v *validation) wrongType(value any, path string, valid ...string) {
	for i, class := range valid {
		valid[i] = "<class '" + class + "'>"
	}
	v.report("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: %s",
		path, document.Spell(value), document.Class(value), strings.Join(valid, ", "))
}
