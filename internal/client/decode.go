package client

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	json := string(body)
	if !utf8.ValidString(json) {
		json = strings.ToValidUTF8(json, "\uFFFD")
	}
	value, err := document.Parse(json)
	if err != nil {
		return new(document.Object), nil
	}
	if value == nil {
		return nil, mismatch("", "an object", nil)
	}
	if len(output.Members) == 0 { // nothing is looked for, so anything will do
		return new(document.Object), nil
	}
	d := decoder{iso8601: iso8601}
	v, err := d.value(output, value)
	if err != nil {
		return nil, err
	}
	return v.(*document.Object), nil
}

type decoder struct {
	iso8601 bool
	path    []step            // to the value under way
	members []document.Member // of structures under way, the innermost last
}

// step is a part of a path like ".Users[3].UserId".
type step struct {
	member string
	index  int // of an element, where member is empty
}

// value converts v, which is not needed any more.
func (d *decoder) value(shape *model.Shape, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch shape.Kind {
	case model.Structure:
		o, ok := v.(*document.Object)
		if !ok {
			return nil, mismatch(d.where(), "an object", v)
		}
		base, at := len(d.members), len(d.path)
		d.path = append(d.path, step{})
		for i := range shape.Members {
			m := &shape.Members[i]
			raw, _ := o.Get(m.Name)
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
			return strings.EqualFold(v, "true"), nil
		}
		return false, nil
	case model.Integer:
		return d.integer(v)
	case model.Timestamp:
		if d.iso8601 {
			return isoTime(v)
		}
	}
	return v, nil
}

// where spells the path to the value under way.
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

// elements returns what Python finds when it walks v: an empty text or object is as good as an
// empty list, and some services send one.
func elements(v any) (list []any, ok bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case string:
		list = []any{}
		for _, r := range v {
			list = append(list, string(r))
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

// integer converts what can be one: a whole number as text, a fraction by cutting it off.
func (d *decoder) integer(v any) (any, error) {
	switch v := v.(type) {
	case document.Number:
		if v.IsInt() {
			return v, nil
		}
		f := v.Float64()
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, mismatch(d.where(), "an integer", v)
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
	return nil, mismatch(d.where(), "an integer", v)
}

// isoTime rewrites a timestamp, ISO 8601 in some spelling, RFC 822, a date as people write it,
// or seconds since 1970 as a number or as text, to YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]. One
// without a zone keeps none. Version 1 guesses at more than this, down to "5pm".
func isoTime(v any) (string, error) {
	original := plain(v)
	if b, ok := v.(bool); ok { // Python counts it among the numbers
		original = "0"
		if b {
			original = "1"
		}
	}
	s := strings.ToUpper(strings.TrimSpace(original))
	digits := strings.Trim(s, "0123456789") == ""
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<48 && !(digits && len(s) == len("20060102150405")) {
		// Rounded as Python does, so that 1545331525.231 is not a microsecond short.
		t := time.UnixMicro(int64(math.RoundToEven(f * 1e6))).UTC()
		_, number := v.(document.Number)
		switch year := t.Year(); {
		case 0 < year && year <= 9999:
			return isoFormat(t, "-07:00"), nil
		case number: // milliseconds, mostly
			return "", text(fmt.Sprintf("year %d is out of range", year))
		}
		return "", text(`Unable to calculate correct timezone offset for "` + original + `"`)
	}
	for _, name := range []string{"GMT", "UTC"} {
		if bare, ok := strings.CutSuffix(s, name); ok {
			s = strings.TrimRight(bare, " ") + "Z"
		}
	}
	reason := ""
	for _, layout := range [...]string{
		"2006-1-2T15:4:5", "2006-1-2 15:4:5", "2006-1-2T15:4", "2006-1-2 15:4", "2006-1-2T15", "2006-1-2",
		"20060102T150405", "20060102150405", "2006/1/2 15:4:5", "2006/1/2", "1/2/2006",
		"Mon, 2 Jan 2006 15:4:5", "2 Jan 2006 15:4:5", "Mon Jan _2 15:4:5 2006", "2 Jan 2006", "Jan 2, 2006",
	} {
		for _, zone := range [...]string{"", "Z07:00", "Z0700", "Z07", " -0700", " -07:00"} {
			t, err := time.Parse(layout+zone, s)
			if err == nil && t.Year() > 0 {
				if zone != "" {
					zone = "-07:00"
				}
				return isoFormat(t, zone), nil
			}
			switch {
			case reason != "" || !strings.HasPrefix(layout, "2006-"): // the others find a month anywhere
			case err == nil:
				reason = "year 0 is out of range"
			default:
				reason = outOfRange(err)
			}
		}
	}
	switch {
	case s == "":
		reason = "String does not contain a date"
	case reason == "":
		reason = "Unknown string format"
	}
	return "", text(`Invalid timestamp "` + original + `": ` + reason + ": " + original)
}

// outOfRange returns what version 1 says where a part of a date is too large, else nothing.
func outOfRange(err error) string {
	for _, part := range [...]struct{ name, text string }{
		{"month", "month must be in 1..12"},
		{"day", "day is out of range for month"},
		{"hour", "hour must be in 0..23"},
		{"minute", "minute must be in 0..59"},
		{"second", "second must be in 0..59"},
	} {
		if strings.HasSuffix(err.Error(), ": "+part.name+" out of range") {
			return part.text
		}
	}
	return ""
}

func isoFormat(t time.Time, zone string) string {
	t = t.Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05" + zone)
	}
	return t.Format("2006-01-02T15:04:05.000000" + zone)
}
