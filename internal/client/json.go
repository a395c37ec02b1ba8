package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// json makes the message of a service that takes all calls at one path and has the operation in a
// header.
func (c *content) json(service *model.Service, op *model.Operation, input *document.Object) (err error) {
	version := service.JSONVersion
	if version == "" {
		version = "1.0"
	}
	c.path, c.query, c.shownPath, c.shownQuery = "/", "", "/", ""
	c.header["X-Amz-Target"] = []string{service.TargetPrefix + "." + op.Name}
	if service.QueryMode {
		c.header["X-Amzn-Query-Mode"] = []string{"true"}
	}
	c.contentType = "application/x-amz-json-" + version
	if op.Input == nil {
		c.body = []byte("{}")
		return nil
	}
	c.body, err = appendJSON(make([]byte, 0, 1<<10), withoutNull(input), op.Input)
	return err
}

// withoutNull returns an input without members that are null. Only one that was not validated has
// others inside, which are sent.
func withoutNull(input *document.Object) *document.Object {
	isNull := func(m document.Member) bool { return m.Value == nil }
	if !slices.ContainsFunc(input.Members(), isNull) {
		return input
	}
	return document.NewObject(slices.DeleteFunc(slices.Clone(input.Members()), isNull)...)
}

// appendJSON appends a value as the contract writes it. What does not fit the shape, since it was
// not validated, is written as it is.
func appendJSON(b []byte, v any, shape *model.Shape) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case *document.Object:
		if shape == nil || shape.Document {
			break
		}
		b = append(b, '{')
		for i, given := range v.Members() {
			name, of := given.Key, shape.Value
			if shape.Kind == model.Structure {
				m := shape.Member(given.Key)
				of = nil
				if m != nil {
					name, of = m.Wire(), m.Shape
				}
				if m != nil && m.JSONValue {
					given.Value = jsonText(given.Value, m.Shape)
				}
			}
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(document.AppendString(b, name, true), ": "...)
			if b, err = appendJSON(b, given.Value, of); err != nil {
				if _, ok := errors.AsType[unsendable](err); ok {
					err = unsendable(given.Key)
				}
				return nil, err
			}
		}
		return append(b, '}'), nil
	case []any:
		if shape == nil || shape.Kind != model.List {
			break
		}
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			if b, err = appendJSON(b, e, shape.Element); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case nil:
	default:
		if shape == nil {
			break
		}
		switch shape.Kind {
		case model.Blob:
			if text, ok := base64Of(v); ok {
				return document.AppendString(b, text, true), nil
			}
		case model.Timestamp:
			text, err := timeText(v, shape, timestamp.Unix)
			if err != nil {
				return nil, err
			}
			if shape.Format == "" || shape.Format == timestamp.Unix {
				return append(b, text...), nil
			}
			return document.AppendString(b, text, true), nil
		case model.Float, model.Double:
			if n, ok := v.(document.Number); ok && floatText(n) != string(n) {
				return document.AppendString(b, floatText(n), true), nil
			}
		}
	}
	if err := sendable(v); err != nil {
		return nil, err
	}
	return document.AppendCompact(b, v), nil
}

// sendable refuses bytes where the contract has no room for them.
func sendable(v any) error {
	if _, ok := v.(document.Bytes); ok {
		return unsendable("the input")
	}
	return nil
}

// unsendable names the member of an input, which was not validated, that holds bytes.
type unsendable string

func (e unsendable) Error() string {
	return string(e) + " holds bytes from a fileb:// file, which cannot be sent: use file://"
}

// decodeJSON reads the body of a successful reply. Its shape is output, or nil if it has none.
// Members come in the order of the shape. Unknown members and nulls are dropped. Booleans and
// numbers are converted if the service wrote them in another way. Strings are not checked.
// Timestamps stay as received, or with iso8601 are rewritten in that form.
//
// A body that is not JSON counts as an empty reply, unless strict: see [Config]. It is an error if
// the body is not UTF-8 or is null, or if a value is of the wrong kind.
func decodeJSON(d *decoder, body []byte, output *model.Shape, strict bool) (*document.Object, error) {
	if strict && len(body) == 0 && output != nil && len(output.Members) > 0 {
		return nil, errors.New("reading the reply: it is empty")
	}
	if output == nil && !strict || len(body) == 0 {
		return new(document.Object), nil
	}
	json, err := python.Decode(body)
	if err != nil {
		return nil, err
	}
	value, err := document.Parse(json)
	switch {
	case err != nil && strict:
		return nil, fmt.Errorf("reading the reply: it is not JSON: %.60q", body)
	case err != nil, output == nil:
		return new(document.Object), nil
	}
	if value == nil {
		return nil, mismatch("", "an object", nil)
	}
	if len(output.Members) == 0 && !output.Document { // no members are wanted, so any body will do
		return new(document.Object), nil
	}
	v, err := d.value(output, value)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*document.Object)
	if !ok { // a document that is no object
		return nil, mismatch("", "an object", v)
	}
	return o, nil
}

// jsonError reads the reply to a refused call. In rest-json, the first of these that is present
// names the error: the header X-Amzn-ErrorType, the members code, Code and __type of the body, the
// status; in the other JSON protocol it is __type or the status. The header x-amzn-query-error goes
// before all that is in the body. A body that is not a JSON object is itself the message.
func (e *ServiceError) jsonError(rep *reply, rest bool) {
	body := strings.ToValidUTF8(string(rep.body), "\uFFFD")
	value, err := document.Parse(body)
	members, ok := value.(*document.Object)
	if err != nil || !ok {
		e.Message = body
		members = new(document.Object)
	}
	for _, key := range []string{"message", "Message"} {
		if v, ok := members.Get(key); ok {
			e.Message = document.Spell(v)
			break
		}
	}
	if v, ok := members.Get("__type"); ok && v == nil {
		e.Code = ""
	} else {
		if ok {
			e.Code = bareCode(document.Spell(v))
		}
		given := strings.Split(rep.header.Get("X-Amzn-Query-Error"), ";")
		if len(given) == 2 && given[0] != "" {
			e.Code = given[0]
		}
	}
	if !rest {
		return
	}
	if names := rep.header.Values("X-Amzn-Errortype"); len(names) > 0 {
		e.Code = bareCode(strings.Join(names, ", "))
		return
	}
	for _, key := range []string{"code", "Code"} {
		if v, ok := members.Get(key); ok {
			if v != nil {
				e.Code = bareCode(document.Spell(v))
			}
			break
		}
	}
}
