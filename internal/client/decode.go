package client

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Decode reads the body of a successful reply, whose shape is output, nil for none. Members
// come in the order of the shape; unknown ones and nulls are dropped. Booleans and integers
// are converted if the service wrote them otherwise; strings are not looked at. Timestamps
// stay as received or are, with iso8601, rewritten in that form.
//
// A body that is not JSON counts as an empty reply. The error is that some value is of the
// wrong kind, or that the body is null.
func Decode(body []byte, output *model.Shape, iso8601 bool) (*document.Object, error) {
	if output == nil || len(body) == 0 {
		return new(document.Object), nil
	}
	value, err := document.Parse(strings.ToValidUTF8(string(body), "\uFFFD"))
	if err != nil {
		return new(document.Object), nil
	}
	if value == nil {
		return nil, mismatch("", "an object", nil)
	}
	v, err := decoder{iso8601}.value(output, value, "")
	if err != nil {
		return nil, err
	}
	return v.(*document.Object), nil
}

type decoder struct{ iso8601 bool }

// value converts v, which stands at a path like ".Users[3].UserId".
func (d decoder) value(shape *model.Shape, v any, path string) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch shape.Kind {
	case model.Structure:
		o, ok := v.(*document.Object)
		if !ok {
			return nil, mismatch(path, "an object", v)
		}
		out := new(document.Object)
		for i := range shape.Members {
			m := &shape.Members[i]
			raw, _ := o.Get(m.Name)
			if raw == nil {
				continue
			}
			converted, err := d.value(m.Shape, raw, path+"."+m.Name)
			if err != nil {
				return nil, err
			}
			out.Set(m.Name, converted)
		}
		return out, nil
	case model.List:
		list, ok := v.([]any)
		if !ok {
			return nil, mismatch(path, "a list", v)
		}
		out := make([]any, len(list))
		for i, e := range list {
			converted, err := d.value(shape.Element, e, path+"["+strconv.Itoa(i)+"]")
			if err != nil {
				return nil, err
			}
			out[i] = converted
		}
		return out, nil
	case model.Boolean:
		switch v := v.(type) {
		case bool:
			return v, nil
		case string:
			return strings.EqualFold(v, "true"), nil
		}
		return false, nil
	case model.Integer:
		return integer(v, path)
	case model.Timestamp:
		if d.iso8601 {
			return isoTime(v)
		}
	}
	return v, nil
}

func mismatch(path, want string, v any) error {
	where := strings.TrimPrefix(path, ".")
	if where == "" {
		where = "as a whole"
	}
	return fmt.Errorf("reading the reply: %s is not %s: %.80s", where, want, plain(v))
}

// integer converts what can be one: a whole number as text, a fraction by cutting it off.
func integer(v any, path string) (any, error) {
	switch v := v.(type) {
	case document.Number:
		if v.IsInt() {
			return v, nil
		}
		f := v.Float64()
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, mismatch(path, "an integer", v)
		}
		n, _ := big.NewFloat(f).Int(nil)
		return document.Number(n.String()), nil
	case string:
		n, ok := new(big.Int).SetString(strings.TrimSpace(v), 10)
		if !ok {
			return nil, text("invalid literal for int() with base 10: '" + v + "'")
		}
		return document.Number(n.String()), nil
	case bool:
		if v {
			return document.Int(1), nil
		}
		return document.Int(0), nil
	}
	return nil, mismatch(path, "an integer", v)
}

// isoTime rewrites a timestamp, ISO 8601 in some spelling, RFC 822 or seconds since 1970 as
// a number or as text, to YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]. One without a zone keeps none.
func isoTime(v any) (string, error) {
	s := plain(v)
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<38 {
		// Rounded as Python does, so that 1545331525.231 is not a microsecond short.
		return isoFormat(time.UnixMicro(int64(math.RoundToEven(f*1e6))).UTC(), "-07:00"), nil
	}
	for _, layout := range [...]string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00",
		"Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 GMT",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return isoFormat(t, "-07:00"), nil
		}
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return isoFormat(t, ""), nil
		}
	}
	return "", text(`Invalid timestamp "` + s + `": Unknown string format: ` + s)
}

func isoFormat(t time.Time, zone string) string {
	t = t.Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05" + zone)
	}
	return t.Format("2006-01-02T15:04:05.000000" + zone)
}
