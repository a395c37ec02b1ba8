package client

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// decoder makes values of the contract of what a reply holds.
type decoder struct {
	iso8601 bool
	// asReceived leaves booleans and numbers as they came, as version 1 does in the JSON protocol
	// that has no paths.
	asReceived bool
	path       []step            // to the current value
	members    []document.Member // of the open structures, the innermost last
}

// step is a part of a path like ".Users[3].UserId".
type step struct {
	member string
	index  int // of an element, if member is empty
}

// value converts v, and may change it.
func (d *decoder) value(shape *model.Shape, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if d.asReceived {
		switch shape.Kind {
		case model.Boolean, model.Integer, model.Long, model.Float, model.Double:
			return v, nil
		}
	}
	switch shape.Kind {
	case model.Structure:
		if shape.Document {
			return v, nil
		}
		o, ok := v.(*document.Object)
		if !ok {
			return nil, mismatch(d.where(), "an object", v)
		}
		if shape.Union {
			if tag, err := onlyMember(shape, o); err != nil || !hasWire(shape, tag) {
				return unknownMember(tag), err
			}
		}
		base, at := len(d.members), len(d.path)
		d.path = append(d.path, step{})
		for i := range shape.Members {
			m := &shape.Members[i]
			raw, _ := o.Get(m.Wire())
			if raw == nil {
				continue
			}
			d.path[at].member = m.Name
			converted, err := d.value(m.Shape, raw)
			if err != nil {
				return nil, err
			}
			d.members = append(d.members, document.Member{Key: m.Name, Value: converted})
		}
		out := document.NewObject(d.members[base:]...)
		d.members, d.path = d.members[:base], d.path[:at]
		return out, nil
	case model.List:
		list, ok := elements(v)
		if !ok {
			return nil, mismatch(d.where(), "a list", v)
		}
		at := len(d.path)
		d.path = append(d.path, step{})
		for i, e := range list {
			d.path[at].index = i
			converted, err := d.value(shape.Element, e)
			if err != nil {
				return nil, err
			}
			list[i] = converted
		}
		d.path = d.path[:at]
		return list, nil
	case model.Boolean:
		switch v := v.(type) {
		case bool:
			return v, nil
		case string:
			return python.Lower(v) == "true", nil
		}
		return false, nil
	case model.Integer, model.Long:
		return document.ToInt(v)
	case model.Float, model.Double:
		return document.ToFloat(v)
	case model.Map:
		o, ok := v.(*document.Object)
		if !ok {
			return nil, mismatch(d.where(), "an object", v)
		}
		at := len(d.path)
		d.path = append(d.path, step{})
		out := new(document.Object)
		for _, m := range o.Members() {
			d.path[at].member = m.Key
			convert := d.value
			if m.Value == nil {
				convert = d.null
			}
			converted, err := convert(shape.Value, m.Value)
			if err != nil {
				return nil, err
			}
			out.Set(m.Key, converted)
		}
		d.path = d.path[:at]
		return out, nil
	case model.Timestamp:
		if d.iso8601 {
			return timestamp.ISO(v)
		}
	}
	return v, nil
}

// null converts a null in a map. Other than in a list, version 1 does not leave it alone there.
func (d *decoder) null(shape *model.Shape, _ any) (any, error) {
	switch shape.Kind {
	case model.Boolean:
		if !d.asReceived {
			return false, nil
		}
	case model.Integer, model.Long, model.Float, model.Double:
		if !d.asReceived {
			return nil, mismatch(d.where(), "a number", nil)
		}
	case model.List:
		return nil, mismatch(d.where(), "a list", nil)
	case model.Map:
		return nil, mismatch(d.where(), "an object", nil)
	}
	return nil, nil
}

// onlyMember returns the key of the one member that a union has.
func onlyMember(shape *model.Shape, o *document.Object) (key string, err error) {
	n := 0
	for _, m := range o.Members() {
		if m.Key != "__type" && m.Value != nil {
			key = m.Key
			n++
		}
	}
	if n != 1 {
		return "", oneMember(shape)
	}
	return key, nil
}

func oneMember(shape *model.Shape) error {
	return text("Invalid service response: " + shape.Name + " must have one and only one member set.")
}

// hasWire reports whether a structure has a member that is called so on the wire.
func hasWire(shape *model.Shape, name string) bool {
	for i := range shape.Members {
		if shape.Members[i].Wire() == name {
			return true
		}
	}
	return false
}

// unknownMember stands for a union whose member is newer than the contract.
func unknownMember(name string) *document.Object {
	return document.NewObject(document.Member{Key: "SDK_UNKNOWN_MEMBER", Value: document.NewObject(document.Member{Key: "name", Value: name})})
}

// where returns the path to the current value, for messages.
func (d *decoder) where() string {
	var b strings.Builder
	for _, s := range d.path {
		if s.member != "" {
			b.WriteString("." + s.member)
		} else {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	return b.String()
}

// elements returns what Python finds when it iterates over v. An empty text or object is as good as
// an empty list, and some services send one.
func elements(v any) (list []any, ok bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case string:
		list = []any{}
		for _, r := range python.Runes(v) {
			list = append(list, python.String([]rune{r}))
		}
		return list, true
	case *document.Object:
		list = make([]any, 0, v.Len())
		for _, m := range v.Members() {
			list = append(list, m.Key)
		}
		return list, true
	}
	return nil, false
}

func mismatch(path, want string, v any) error {
	where := strings.TrimPrefix(path, ".")
	if where == "" {
		where = "as a whole"
	}
	return fmt.Errorf("reading the reply: %s is not %s: %.80s", where, want, plain(v))
}
