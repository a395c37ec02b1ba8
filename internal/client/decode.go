package client

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// decode reads the body of a successful reply. Its shape is output, or nil if it has none. Members
// come in the order of the shape. Unknown members and nulls are dropped. Booleans and integers are
// converted if the service wrote them in another way. Strings are not checked. Timestamps stay as
// received, or with iso8601 are rewritten in that form.
//
// A body that is not JSON counts as an empty reply, unless strict: see [Config]. It is an error if
// the body is not UTF-8 or is null, or if a value is of the wrong kind.
func decode(body []byte, output *model.Shape, iso8601, strict bool) (*document.Object, error) {
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
	if len(output.Members) == 0 { // no members are wanted, so any body will do
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
	path    []step            // to the current value
	members []document.Member // of the open structures, the innermost last
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
			return python.Lower(v) == "true", nil
		}
		return false, nil
	case model.Integer:
		return document.ToInt(v)
	case model.Timestamp:
		if d.iso8601 {
			return isoTime(v)
		}
	}
	return v, nil
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

// isoTime rewrites a timestamp, seconds since 1970 as a number or as text, or a date as text, to
// YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]. One without a zone keeps none.
func isoTime(v any) (string, error) {
	switch v := v.(type) {
	case document.Number:
		return isoNumber(v)
	case bool: // Python counts it among the numbers
		n, _ := document.ToInt(v)
		return isoNumber(n)
	case string:
		return isoText(v)
	}
	return "", text(fmt.Sprintf(`Invalid timestamp "%s": Parser must be a string or character stream, not %s`,
		document.Spell(v), document.Class(v)))
}

func isoNumber(n document.Number) (string, error) {
	seconds := n.Float64()
	switch year, known := yearOf(seconds); {
	case math.IsNaN(seconds):
		return "", text("Invalid value NaN (not a number)")
	case !known:
		return "", noOffset(string(n))
	case year < 1 || year > 9999: // milliseconds, mostly
		return "", text(fmt.Sprintf("year %d is out of range", year))
	}
	return isoSeconds(seconds), nil
}

// noOffset is version 1's error for a time whose time zone offset it cannot determine.
func noOffset(original string) error {
	return text(`Unable to calculate correct timezone offset for "` + original + `"`)
}

// yearOf returns the year of a time in seconds since 1970. known is false if the system's own time
// functions cannot represent the time.
func yearOf(seconds float64) (year int, known bool) {
	if !(math.Abs(seconds) < 1<<60) { // not NaN either
		return 0, false
	}
	year = time.Unix(int64(math.Floor(seconds)), 0).UTC().Year()
	return year, year == int(int32(year))
}

// isoSeconds writes a time of a year that has four digits, rounded as Python does, so that
// 1545331525.231 is not a microsecond short.
func isoSeconds(seconds float64) string {
	return isoFormat(time.UnixMicro(int64(math.RoundToEven(seconds*1e6))).UTC(), "-07:00")
}

// isoText reads seconds, ISO 8601 in some spellings, RFC 822, or a date as people write it. Version
// 1 guesses more than these, down to "5pm".
func isoText(original string) (string, error) {
	s := strings.ToUpper(python.Strip(original))
	digits := strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == ""
	isDate := digits && len(s) == len("20060102150405")
	if seconds, err := python.ParseFloat(original); err == nil && !math.IsNaN(seconds) && !isDate {
		switch year, known := yearOf(seconds); {
		case !known:
			return "", noOffset(original)
		case 1 <= year && year <= 9999:
			return isoSeconds(seconds), nil
		case digits:
			return "", noOffset(original)
		}
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

// outOfRange returns what version 1 says if a part of a date is too large, or else nothing.
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
