package client

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// rest puts the input into the path, the query, the headers and the body as the contract says, in
// the order of the input. It leaves out members that are null or not in the contract.
func (c *content) rest(protocol model.Protocol, op *model.Operation, input *document.Object) error {
	if op.Input == nil {
		return nil
	}
	var body *document.Object
	inBody := false
	for i := range op.Input.Members {
		inBody = inBody || op.Input.Members[i].Location == model.Body
	}
	for _, given := range input.Members() {
		m := op.Input.Member(given.Key)
		if m == nil || given.Value == nil {
			continue
		}
		if m.JSONValue && m.Location == model.Query {
			given.Value = jsonText(given.Value, m.Shape)
		}
		if m.Location == model.Body {
			if body == nil {
				body = new(document.Object)
			}
			body.Set(m.Name, given.Value)
			continue
		}
		if err := c.located(m, given.Value); err != nil {
			return err
		}
	}
	// The values have no braces: they are encoded.
	if _, label, missing := strings.Cut(c.path, "{"); missing {
		return errors.New("building a request of " + op.Name + ": there is no value for {" + label)
	}
	if payload := op.Input.PayloadMember(); payload != nil {
		return c.payload(protocol, op, payload, input)
	}
	if body == nil && (!inBody || protocol == model.RESTXML) {
		return nil
	}
	if body == nil {
		body = new(document.Object)
	}
	var err error
	if protocol == model.RESTXML {
		c.body, err = xmlBody(body, op.Input, op.Root, op.Namespace)
		return err
	}
	c.setContentType("application/json")
	c.body, err = appendJSON(make([]byte, 0, 1<<10), withoutNull(body), op.Input)
	return err
}

// jsonText makes texts of JSON values, where no header does so.
func jsonText(v any, shape *model.Shape) any {
	switch list, ok := v.([]any); {
	case document.Class(v) == "str":
	case ok && shape.Kind == model.List:
		texts := make([]any, len(list))
		for i, e := range list {
			texts[i] = jsonText(e, shape.Element)
		}
		return texts
	default:
		return string(document.AppendTight(nil, v))
	}
	return v
}

// setContentType sets the type, unless a member has done so.
func (c *content) setContentType(t string) {
	if _, given := c.header["Content-Type"]; !given {
		c.contentType = t
	}
}

// payload makes the body of the one member that is all of it.
func (c *content) payload(protocol model.Protocol, op *model.Operation, m *model.Member, input *document.Object) (err error) {
	v, _ := input.Get(m.Name)
	switch {
	case m.Shape.Kind == model.Blob || m.Shape.Kind == model.String:
		c.body = []byte{}
		if b, ok := bytesOf(v); ok {
			c.body = b
		}
	case protocol == model.RESTXML:
		if v == nil {
			c.body = []byte{}
			return nil
		}
		c.body, err = xmlBody(v, m.Shape, m.WireName, m.Shape.Namespace)
	default:
		c.setContentType("application/json")
		switch {
		case v == nil:
			c.body = []byte("{}")
		case m.Shape.Document: // what version 1 sends, for all that it looks like a defect
			c.body = document.AppendCompact([]byte(`{"null": `), v)
			c.body = append(c.body, '}')
		default:
			c.body, err = appendJSON(nil, v, m.Shape)
		}
	}
	return err
}

// located puts a member where it belongs, outside of the body.
func (c *content) located(m *model.Member, v any) error {
	switch m.Location {
	case model.URI:
		value, err := scalar(v, m.Shape, timestamp.ISO8601)
		if err != nil {
			return err
		}
		for _, label := range [...]struct{ name, safe string }{{"{" + m.Wire() + "}", ""}, {"{" + m.Wire() + "+}", "/"}} {
			encoded, err := encode(value, label.safe)
			if err != nil {
				return err
			}
			c.path = strings.ReplaceAll(c.path, label.name, encoded)
			c.shownPath = strings.ReplaceAll(c.shownPath, label.name, shown(m.Shape, encoded))
		}
	case model.Query:
		if o, ok := v.(*document.Object); ok && m.Shape.Kind == model.Map {
			for _, pair := range o.Members() {
				if err := c.pairs(pair.Key, pair.Value, m.Shape.Value); err != nil {
					return err
				}
			}
			return nil
		}
		return c.pairs(m.Wire(), v, m.Shape)
	case model.Header:
		if list, ok := v.([]any); ok && len(list) == 0 {
			return nil
		}
		value, err := headerValue(v, m.Shape, m.JSONValue)
		if err != nil {
			return err
		}
		c.header[http.CanonicalHeaderKey(m.Wire())] = []string{value}
	case model.Headers:
		o, _ := v.(*document.Object)
		for _, pair := range o.Members() {
			value, err := headerValue(pair.Value, m.Shape.Value, false)
			if err != nil {
				return err
			}
			c.header[http.CanonicalHeaderKey(m.WireName+strings.TrimSpace(pair.Key))] = []string{value}
		}
	}
	return nil
}

// shown hides a sensitive value from traces.
func shown(shape *model.Shape, value string) string {
	if shape.Sensitive {
		return redacted
	}
	return value
}

// pairs adds a pair to the query, or one for each element of a list.
func (c *content) pairs(key string, v any, shape *model.Shape) error {
	list, isList := v.([]any)
	if isList && shape.Kind == model.List {
		shape = shape.Element
	} else {
		list = []any{v}
	}
	key, err := encode(key, "")
	if err != nil {
		return err
	}
	for _, v := range list {
		text, err := scalar(v, shape, timestamp.ISO8601)
		if err != nil {
			return err
		}
		value, err := encode(text, "")
		if err != nil {
			return err
		}
		c.query = joinQuery(c.query, key+"="+value)
		c.shownQuery = joinQuery(c.shownQuery, key+"="+shown(shape, value))
	}
	return nil
}

// headerValue renders a value for a header.
func headerValue(v any, shape *model.Shape, isJSON bool) (string, error) {
	if isJSON {
		return base64.StdEncoding.EncodeToString(document.AppendTight(nil, v)), nil
	}
	list, ok := v.([]any)
	if !ok || shape.Kind != model.List {
		if shape.Kind == model.Timestamp {
			return timeText(v, shape, timestamp.RFC822)
		}
		return scalar(v, shape, timestamp.RFC822)
	}
	items := make([]string, 0, len(list))
	for _, v := range list {
		if v == nil {
			continue
		}
		item, err := headerValue(v, shape.Element, false)
		if err != nil {
			return "", err
		}
		if shape.Element.Kind == model.String && strings.ContainsAny(item, `",`) {
			item = `"` + strings.ReplaceAll(item, `"`, `\"`) + `"`
		}
		items = append(items, item)
	}
	return strings.Join(items, ","), nil
}

// rest reads a successful reply: first the members outside of the body, then those of the body.
func (d *decoder) rest(protocol model.Protocol, output *model.Shape, rep *reply, strict bool) (*document.Object, error) {
	located := false
	if output != nil {
		for i := range output.Members {
			located = located || output.Members[i].Location != model.Body
		}
	}
	if protocol == model.RESTJSON && !located && output.PayloadMember() == nil {
		return decodeJSON(d, rep.body, output, strict)
	}
	out := new(document.Object)
	if output == nil {
		return out, nil
	}
	for i := range output.Members {
		m := &output.Members[i]
		v, ok, err := d.located(m, rep)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Set(m.Name, v)
		}
	}
	if m := output.PayloadMember(); m != nil {
		v, ok, err := d.payload(protocol, m, rep.body, strict)
		if err == nil && ok {
			out.Set(m.Name, v)
		}
		return out, err
	}
	var body *document.Object
	var err error
	if protocol == model.RESTXML {
		body, err = d.xmlBody(output, rep.body)
	} else {
		body, err = decodeJSON(d, rep.body, output, strict)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range body.Members() {
		out.Set(m.Key, m.Value)
	}
	return out, nil
}

// payload reads the one member that is the whole body. ok is false for one that is read by the
// caller: see [Reply].
func (d *decoder) payload(protocol model.Protocol, m *model.Member, body []byte, strict bool) (v any, ok bool, err error) {
	switch {
	case m.Streaming || m.Shape.Kind == model.Blob:
		return nil, false, nil
	case m.Shape.Kind == model.String:
		text, err := python.Decode(body)
		return text, true, err
	case protocol == model.RESTXML:
		if len(body) == 0 {
			return new(document.Object), true, nil
		}
		v, err = d.xmlBody(m.Shape, body)
		return v, true, err
	}
	v, err = decodeJSON(d, body, m.Shape, strict)
	return v, true, err
}

// located reads a member that is outside of the body. ok is false if the reply does not have it.
func (d *decoder) located(m *model.Member, rep *reply) (v any, ok bool, err error) {
	switch m.Location {
	case model.Status:
		v, err = d.value(m.Shape, document.Int(rep.status))
		return v, true, err
	case model.Header:
		values := rep.header.Values(m.Wire())
		if len(values) == 0 {
			return nil, false, nil
		}
		v, err = d.headerValue(m, strings.Join(values, ", "))
		return v, true, err
	case model.Headers:
		o := new(document.Object)
		for _, name := range rep.names {
			if rest, ok := cutPrefixFold(name, m.WireName); ok {
				o.Set(rest, strings.Join(rep.header.Values(name), ", "))
			}
		}
		return o, true, nil
	}
	return nil, false, nil
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func (d *decoder) headerValue(m *model.Member, value string) (any, error) {
	switch {
	case m.JSONValue:
		data, err := python.DecodeBase64(value)
		if err != nil {
			return nil, mismatch(d.where()+"."+m.Name, "JSON in base64", value)
		}
		return document.Parse(string(data))
	case m.Shape.Kind == model.List:
		var items []any
		for item := range strings.SplitSeq(value, ",") {
			items = append(items, python.Strip(item))
		}
		return d.value(m.Shape, items)
	}
	return d.value(m.Shape, value)
}

// below returns the URL of a path under an endpoint. The path and the query are already encoded.
func below(endpoint *url.URL, path, query string) (*url.URL, error) {
	raw := strings.TrimSuffix(endpoint.EscapedPath(), "/") + path
	unescaped, err := url.PathUnescape(raw)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: unescaped, RawPath: raw, RawQuery: query}, nil
}

// statusText is what is known of an error whose body says nothing, in Python's words.
func statusText(status int) (code, message string) {
	switch message = http.StatusText(status); status {
	case http.StatusRequestURITooLong:
		message = "Request-URI Too Long"
	case http.StatusTeapot:
		message = "I'm a Teapot"
	}
	return strconv.Itoa(status), message
}
