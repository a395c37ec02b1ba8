package client

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// form makes the message of a service that takes a form: of two protocols that differ in the names
// of its fields.
func (c *content) form(service *model.Service, op *model.Operation, input *document.Object) error {
	c.path, c.query, c.shownPath, c.shownQuery = "/", "", "/", ""
	c.contentType = "application/x-www-form-urlencoded; charset=utf-8"
	f := &form{ec2: service.Protocol == model.EC2Query}
	f.set("Action", op.Name)
	f.set("Version", service.Version)
	if op.Input != nil {
		if err := f.value("", input, op.Input); err != nil {
			return err
		}
	}
	var b strings.Builder
	for i, field := range f.fields {
		for _, text := range field {
			if err := python.Encodable(text); err != nil {
				return err
			}
		}
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(field[0]) + "=" + url.QueryEscape(field[1]))
	}
	c.body = []byte(b.String())
	return nil
}

type form struct {
	ec2    bool
	fields [][2]string
}

func (f *form) set(key, value string) { f.fields = append(f.fields, [2]string{key, value}) }

// value adds the fields of a value; prefix is the name of the first.
func (f *form) value(prefix string, v any, shape *model.Shape) error {
	switch v := v.(type) {
	case nil:
		return nil
	case *document.Object:
		if shape.Kind == model.Map {
			return f.pairs(prefix, v, shape)
		}
		for _, given := range v.Members() {
			m := shape.Member(given.Key)
			if m == nil {
				continue
			}
			if err := f.value(dotted(prefix, f.memberName(m)), given.Value, m.Shape); err != nil {
				return err
			}
		}
		return nil
	case []any:
		return f.list(prefix, v, shape)
	}
	text, err := scalar(v, shape, timestamp.ISO8601)
	if err != nil {
		return err
	}
	f.set(prefix, text)
	return nil
}

func dotted(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func (f *form) memberName(m *model.Member) string {
	switch {
	case f.ec2 && m.QueryName != "":
		return m.QueryName
	case f.ec2 && m.WireName != "":
		return capital(m.WireName)
	}
	return m.Wire()
}

func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func (f *form) list(prefix string, list []any, shape *model.Shape) error {
	if shape.Kind != model.List {
		return nil
	}
	switch {
	case f.ec2:
	case len(list) == 0:
		f.set(prefix, "")
	case !shape.Flattened && shape.ElementName != "":
		prefix += "." + shape.ElementName
	case !shape.Flattened:
		prefix += ".member"
	case shape.ElementName != "": // in place of the name of the list
		prefix = prefix[:strings.LastIndexByte(prefix, '.')+1] + shape.ElementName
	}
	for i, v := range list {
		if err := f.value(prefix+"."+strconv.Itoa(i+1), v, shape.Element); err != nil {
			return err
		}
	}
	return nil
}

func (f *form) pairs(prefix string, o *document.Object, shape *model.Shape) error {
	if !shape.Flattened {
		prefix += ".entry"
	}
	key, value := "key", "value"
	if shape.KeyName != "" {
		key = shape.KeyName
	}
	if shape.ValueName != "" {
		value = shape.ValueName
	}
	if f.ec2 && shape.KeyName != "" {
		key = capital(key)
	}
	if f.ec2 && shape.ValueName != "" {
		value = capital(value)
	}
	for i, pair := range o.Members() {
		at := prefix + "." + strconv.Itoa(i+1) + "."
		f.set(at+key, pair.Key)
		if err := f.value(at+value, pair.Value, shape.Value); err != nil {
			return err
		}
	}
	return nil
}
