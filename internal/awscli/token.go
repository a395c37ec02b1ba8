package awscli

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Tokens are what --starting-token takes and NextToken has after --max-items: the input members
// that name a page, as JSON in base64.

// encodeToken makes the token that version 1 prints after --max-items.
func encodeToken(token *document.Object) string {
	var at []any
	token, _ = textual(token, nil, &at).(*document.Object)
	if at != nil {
		token.Set(binaryAt, at)
	}
	return base64.StdEncoding.EncodeToString(document.AppendCompact(nil, token))
}

// binaryAt is the member of a token that says which of its values are bytes, in base64: a list of
// paths, of the names of members and the numbers of elements.
const binaryAt = "boto_encoded_keys"

// textual returns a value of a token in which bytes are in base64, and adds their paths to at. The
// value itself is at a path, too.
func textual(v any, path []any, at *[]any) any {
	switch v := v.(type) {
	case document.Bytes:
		*at = append(*at, slices.Clone(path))
		return base64.StdEncoding.EncodeToString(v)
	case *document.Object:
		o := document.NewObject()
		for _, m := range v.Members() {
			o.Set(m.Key, textual(m.Value, append(path, m.Key), at))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = textual(e, append(path, document.Int(i)), at)
		}
		return list
	}
	return v
}

// binary returns a token, as a reply has it, with bytes in the place of base64: they are encoded
// again when they are sent. What is no base64 stays as it is.
func binary(v any, shape *model.Shape) any {
	switch v := v.(type) {
	case string:
		if shape.Kind == model.Blob {
			if data, err := base64.StdEncoding.DecodeString(v); err == nil {
				return document.Bytes(data)
			}
		}
	case *document.Object:
		o := document.NewObject()
		for _, m := range v.Members() {
			inner := shape.Value // nil unless this is a map
			if member := shape.Member(m.Key); member != nil {
				inner = member.Shape
			}
			if inner != nil {
				m.Value = binary(m.Value, inner)
			}
			o.Set(m.Key, m.Value)
		}
		return o
	case []any:
		if shape.Element == nil {
			return v
		}
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = binary(e, shape.Element)
		}
		return list
	}
	return v
}

// binaryFrom puts bytes in the place of base64 where a list of paths says so. It reports whether
// all of them lead to a text in base64.
func binaryFrom(token *document.Object, at any) bool {
	paths, ok := at.([]any)
	for _, p := range paths {
		path, isPath := p.([]any)
		ok = ok && isPath && len(path) > 0 && decodeAt(token, path)
	}
	return ok
}

func decodeAt(v any, path []any) bool {
	set := func(any) {}
	var found any
	switch in := v.(type) {
	case *document.Object:
		name, _ := path[0].(string)
		found, _ = in.Get(name)
		set = func(v any) { in.Set(name, v) }
	case []any:
		i, ok := index(path[0])
		if !ok || path[0] == nil || i < 0 || i >= len(in) {
			return false
		}
		found = in[i]
		set = func(v any) { in[i] = v }
	}
	if len(path) > 1 {
		return decodeAt(found, path[1:])
	}
	text, ok := found.(string)
	data, err := python.DecodeBase64(text)
	if !ok || err != nil {
		return false
	}
	set(document.Bytes(data))
	return true
}

// decodeToken reads the value of --starting-token: a text of encodeToken, a token of the service
// as it is, or the form TOKEN___SKIP of old releases. skip is an int, or whatever a token of the
// first form says.
func decodeToken(text string, names []string) (token *document.Object, skip any, err error) {
	switch v := decodeJSONToken(text).(type) {
	case *document.Object:
		skip = 0
		if amount, ok := v.Get(truncated); ok {
			skip = amount
			v.Delete(truncated)
		}
		at, ok := v.Get(binaryAt)
		v.Delete(binaryAt)
		if ok && at != nil && !binaryFrom(v, at) {
			return nil, nil, badToken(text)
		}
		return v, skip, nil
	case notJSON, []any:
	default:
		return nil, nil, fmt.Errorf("--starting-token stands for %s, which is no token", document.Repr(v))
	}
	skip = 0
	parts := strings.Split(text, "___")
	if last := len(parts) - 1; last == len(names) {
		if n, err := document.ToInt(parts[last]); err == nil {
			skip = clamp(n)
			parts = parts[:last]
		} else {
			parts = []string{text}
		}
	}
	if len(parts) > len(names) {
		return nil, nil, badToken(text)
	}
	token = document.NewObject()
	for i, name := range names {
		token.Set(name, nil)
		if i < len(parts) {
			token.Set(name, parts[i])
		}
	}
	return token, skip, nil
}

// notJSON stands for a text that is none of encodeToken's, nor of a like form.
type notJSON struct{}

func decodeJSONToken(text string) any {
	data, err := python.DecodeBase64(text)
	if err != nil || !utf8.Valid(data) {
		return notJSON{}
	}
	v, err := document.Parse(string(data))
	if err != nil {
		return notJSON{}
	}
	return v
}
