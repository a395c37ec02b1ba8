package client

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// A protocol says how the input of an operation becomes a message, and how a reply becomes an
// output or an error. Each has a file of its own, json.go, query.go and xml.go; rest.go has what
// the two protocols share in which paths, methods and headers have a meaning, and xmltree.go reads
// XML. Nothing outside of these files knows which protocol a service speaks.

// content is what a protocol makes of an input.
type content struct {
	path, query           string // encoded
	shownPath, shownQuery string // the same for traces, without sensitive values
	header                http.Header
	contentType           string // empty for none
	body                  []byte // nil for none
}

// encodeInput makes the message of a call. The input is not nil.
func encodeInput(service *model.Service, op *model.Operation, input *document.Object) (*content, error) {
	c := &content{path: op.Path, query: op.Query, header: http.Header{}}
	c.shownPath, c.shownQuery = c.path, c.query
	switch protocol := protocolOf(service); {
	case protocol.REST():
		return c, c.rest(protocol, op, input)
	case protocol == model.JSON:
		return c, c.json(service, op, input)
	}
	return c, c.form(service, op, input)
}

func protocolOf(service *model.Service) model.Protocol {
	if service == nil || service.Protocol == "" {
		return model.RESTJSON
	}
	return service.Protocol
}

// decodeOutput reads a successful reply: see [Config] for iso8601 and strict.
func decodeOutput(service *model.Service, op *model.Operation, rep *reply, iso8601, strict bool) (*document.Object, error) {
	d := &decoder{iso8601: iso8601}
	switch protocol := protocolOf(service); {
	case protocol.REST():
		return d.rest(protocol, op.Output, rep, strict)
	case protocol == model.JSON:
		d.asReceived = true
		return decodeJSON(d, rep.body, op.Output, strict)
	}
	output, _, err := d.wrapped(op, rep.body)
	return output, err
}

// bytesOf returns what a blob holds: a text stands for itself.
func bytesOf(v any) ([]byte, bool) {
	switch v := v.(type) {
	case document.Bytes:
		return v, true
	case string:
		return []byte(v), true
	}
	return nil, false
}

func base64Of(v any) (string, bool) {
	b, ok := bytesOf(v)
	return base64.StdEncoding.EncodeToString(b), ok
}

// scalar renders a value that is not a structure, a list or a map as text. form is that of
// timestamps whose shape has none.
func scalar(v any, shape *model.Shape, form string) (string, error) {
	switch shape.Kind {
	case model.Timestamp:
		return timeText(v, shape, form)
	case model.Blob:
		if text, ok := base64Of(v); ok {
			return text, nil
		}
	case model.Float, model.Double:
		if n, ok := v.(document.Number); ok {
			return floatText(n), nil
		}
	}
	if err := sendable(v); err != nil {
		return "", err
	}
	return plain(v), nil
}

func timeText(v any, shape *model.Shape, form string) (string, error) {
	if b, ok := v.(document.Bytes); ok {
		v = string(b)
	}
	t, _, err := timestamp.Parse(v)
	if err != nil {
		return "", err
	}
	if shape.Format != "" {
		form = shape.Format
	}
	return timestamp.Wire(t, form), nil
}

// floatText is a number in the spelling of the wire, where what is none has a name.
func floatText(n document.Number) string {
	switch n {
	case "nan":
		return "NaN"
	case "inf":
		return "Infinity"
	case "-inf":
		return "-Infinity"
	}
	return string(n)
}

// encode percent-encodes everything but letters, digits, "-_.~" and the characters given. The error
// is that of [python.Encodable].
func encode(text, safe string) (string, error) {
	if err := python.Encodable(text); err != nil {
		return "", err
	}
	text = strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	for _, c := range []byte(safe) {
		text = strings.ReplaceAll(text, "%"+strings.ToUpper(hex.EncodeToString([]byte{c})), string(c))
	}
	return text, nil
}

// hostPrefix returns what an operation puts before the host of an endpoint.
func hostPrefix(op *model.Operation, input *document.Object) (string, error) {
	prefix := op.HostPrefix
	if op.Input == nil || !strings.Contains(prefix, "{") {
		return prefix, nil
	}
	for i := range op.Input.Members {
		m := &op.Input.Members[i]
		if !m.HostLabel {
			continue
		}
		value := input.Text(m.Name)
		if value == "" {
			return "", text("Parameter validation failed:\nInvalid length for parameter " + m.Name + ", value: 0, valid min length: 1")
		}
		if strings.ContainsFunc(value, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
		}) {
			return "", text(fmt.Sprintf("Parameter validation failed:\nInvalid value for parameter(s): %s. "+
				"Must contain only alphanumeric characters, hyphen, or period.", m.Name))
		}
		prefix = strings.ReplaceAll(prefix, "{"+m.Name+"}", value)
	}
	return prefix, nil
}
