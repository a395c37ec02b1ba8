package client

import (
	"errors"
	"io"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// xmlBody writes a value as an element of the given name.
func xmlBody(v any, shape *model.Shape, root string, namespace model.Namespace) ([]byte, error) {
	if root == "" {
		return nil, errors.New("the contract names no element for the body of this request: its model lacks a locationName")
	}
	w := &xmlWriter{}
	if err := w.element(root, v, shape, namespace); err != nil {
		return nil, err
	}
	return []byte(w.String()), nil
}

type xmlWriter struct{ strings.Builder }

// element writes <name>...</name>. namespace is that of the element; if it is empty, that of the
// shape.
func (w *xmlWriter) element(name string, v any, shape *model.Shape, namespace model.Namespace) error {
	list, isList := v.([]any)
	pairs, isMap := v.(*document.Object)
	isList, isMap = isList && shape.Kind == model.List, isMap && shape.Kind == model.Map
	if isList && shape.Flattened {
		return w.elements(name, list, shape)
	}
	if isMap && shape.Flattened {
		return w.entries(name, pairs, shape)
	}
	if namespace.URI == "" {
		namespace = shape.Namespace
	}
	w.WriteString("<" + name)
	if namespace.URI != "" {
		key := "xmlns"
		if namespace.Prefix != "" {
			key += ":" + namespace.Prefix
		}
		w.attribute(key, namespace.URI)
	}
	inner := &xmlWriter{}
	var err error
	switch {
	case isList:
		element := shape.ElementName
		if element == "" {
			element = "member"
		}
		err = inner.elements(element, list, shape)
	case isMap:
		err = inner.entries("entry", pairs, shape)
	case pairs != nil:
		for _, given := range pairs.Members() {
			m := shape.Member(given.Key)
			switch {
			case m == nil || given.Value == nil || err != nil:
			case m.XMLAttribute:
				w.attribute(m.Wire(), plain(given.Value))
			default:
				err = inner.element(m.Wire(), given.Value, m.Shape, model.Namespace{})
			}
		}
	default:
		var text string
		text, err = scalar(v, shape, timestamp.ISO8601)
		xmlText.WriteString(inner, text)
	}
	if err == nil {
		err = python.Encodable(inner.String())
	}
	if inner.Len() == 0 {
		w.WriteString(" />")
		return err
	}
	w.WriteString(">" + inner.String() + "</" + name + ">")
	return err
}

func (w *xmlWriter) elements(name string, list []any, shape *model.Shape) error {
	for _, v := range list {
		if v == nil {
			continue
		}
		if err := w.element(name, v, shape.Element, model.Namespace{}); err != nil {
			return err
		}
	}
	return nil
}

func (w *xmlWriter) entries(name string, pairs *document.Object, shape *model.Shape) error {
	key, value := "key", "value"
	if shape.KeyName != "" {
		key = shape.KeyName
	}
	if shape.ValueName != "" {
		value = shape.ValueName
	}
	for _, pair := range pairs.Members() {
		w.WriteString("<" + name + ">")
		if err := w.element(key, pair.Key, shape.Key, model.Namespace{}); err != nil {
			return err
		}
		if err := w.element(value, pair.Value, shape.Value, model.Namespace{}); err != nil {
			return err
		}
		w.WriteString("</" + name + ">")
	}
	return nil
}

func (w *xmlWriter) attribute(key, value string) {
	w.WriteString(" " + key + `="`)
	xmlAttribute.WriteString(w, value)
	w.WriteByte('"')
}

// replacer is a strings.Replacer that is made when it is first used: tables before main cost time.
type replacer []string

func (r replacer) WriteString(w io.Writer, s string) {
	strings.NewReplacer(r...).WriteString(w, s)
}

var (
	xmlText      = replacer{"&", "&amp;", "<", "&lt;", ">", "&gt;"}
	xmlAttribute = replacer{"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#09;"}
)

// wrapped reads the reply of a service that takes forms, and what it says of itself.
func (d *decoder) wrapped(op *model.Operation, body []byte) (output, metadata *document.Object, err error) {
	root, err := parseXML(body)
	if err != nil {
		return nil, nil, err
	}
	metadata = new(document.Object)
	if found := root.child("ResponseMetadata"); len(found) > 0 {
		for _, n := range found[0].children {
			metadata.Set(n.name, nil)
			if n.text != "" {
				metadata.Set(n.name, n.text)
			}
		}
	}
	if op.Output == nil {
		return new(document.Object), metadata, nil
	}
	if op.ResultWrapper != "" {
		inner := root.child(op.ResultWrapper)
		if len(inner) == 0 {
			return nil, nil, text(python.Repr(op.ResultWrapper)) // as a missing key is reported
		}
		root = inner[0]
	}
	output, err = d.xmlStructure(op.Output, root)
	return output, metadata, err
}

// xmlBody reads a body whose root is a structure. An empty body is an empty one.
func (d *decoder) xmlBody(shape *model.Shape, body []byte) (*document.Object, error) {
	root := &node{}
	if len(body) > 0 {
		var err error
		if root, err = parseXML(body); err != nil {
			return nil, err
		}
	}
	return d.xmlStructure(shape, root)
}

func (d *decoder) xmlStructure(shape *model.Shape, n *node) (*document.Object, error) {
	out := new(document.Object)
	if shape.Union {
		if len(n.children) == 0 || len(n.child(n.children[0].name)) < len(n.children) { // a flattened list may repeat it
			return nil, oneMember(shape)
		}
		if name := n.children[0].name; !hasWire(shape, name) {
			return unknownMember(name), nil
		}
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		if m.Location != model.Body {
			continue
		}
		name := m.Wire()
		if m.Shape.Kind == model.List && m.Shape.Flattened && m.Shape.ElementName != "" {
			name = m.Shape.ElementName
		}
		if found := n.child(name); len(found) > 0 {
			v, err := d.xmlValue(m.Shape, found)
			if err != nil {
				return nil, err
			}
			out.Set(m.Name, v)
			continue
		}
		if !m.XMLAttribute {
			continue
		}
		for _, a := range n.attributes {
			if a[0] == local(m.Wire()) {
				out.Set(m.Name, a[1])
			}
		}
	}
	return out, nil
}

// xmlValue reads the elements of a member: several of a list or map that is flattened, one of all
// else.
func (d *decoder) xmlValue(shape *model.Shape, found []*node) (any, error) {
	first := found[0]
	switch shape.Kind {
	case model.Structure:
		return d.xmlStructure(shape, first)
	case model.List:
		items := found
		if !shape.Flattened {
			items = first.children
		}
		list := make([]any, len(items))
		for i, item := range items {
			v, err := d.xmlValue(shape.Element, []*node{item})
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case model.Map:
		entries := found
		if !shape.Flattened {
			entries = first.children
		}
		return d.xmlMap(shape, entries)
	case model.Boolean:
		return first.text == "true", nil
	}
	return d.value(shape, first.text)
}

func (d *decoder) xmlMap(shape *model.Shape, entries []*node) (any, error) {
	keyName, valueName := "key", "value"
	if shape.KeyName != "" {
		keyName = shape.KeyName
	}
	if shape.ValueName != "" {
		valueName = shape.ValueName
	}
	out := new(document.Object)
	for _, entry := range entries {
		var key string
		var value any
		for _, part := range entry.children {
			switch part.name {
			case keyName:
				key = part.text
			case valueName:
				v, err := d.xmlValue(shape.Value, []*node{part})
				if err != nil {
					return nil, err
				}
				value = v
			default:
				return nil, text("Unknown tag: " + part.name)
			}
		}
		out.Set(key, value)
	}
	return out, nil
}

// xmlError reads the reply to a refused call. A body that is no XML is an error of its own, but in
// rest-xml, where the status says what there is to say.
func (e *ServiceError) xmlError(rep *reply, protocol model.Protocol) error {
	root, err := parseXML(rep.body)
	if err != nil {
		if protocol == model.RESTXML {
			e.Code, e.Message = statusText(rep.status)
			return nil
		}
		return err
	}
	at := root
	if protocol != model.RESTXML || root.name != "Error" {
		if errors := root.child("Errors"); len(errors) > 0 && protocol != model.RESTXML {
			at = errors[0]
		}
		found := at.child("Error")
		switch {
		case len(found) > 0:
			at = found[0]
		case protocol == model.RESTXML:
			e.Code, e.Message = "", ""
			return nil
		default:
			e.Code, e.Message = "Unknown", "Unknown"
			return nil
		}
	}
	e.Code, e.Message = "Unknown", "Unknown"
	if protocol == model.RESTXML {
		if root.name != "Error" {
			e.Code, e.Message = "", ""
		}
	}
	for _, part := range [...]struct {
		name string
		to   *string
	}{{"Code", &e.Code}, {"Message", &e.Message}} {
		if found := at.child(part.name); len(found) > 0 {
			*part.to = found[0].text
			if *part.to == "" {
				*part.to = "None" // as version 1 prints it
			}
		}
	}
	return nil
}
