// Package timestamp reads times as people and services write them, and writes them in the forms of
// the protocols, as version 1 of the AWS CLI does.
//
// Start at [Parse], for what is sent, and [ISO], for what is printed.
package timestamp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// text is an error in the exact words of version 1 of the AWS CLI.
type text string

func (t text) Error() string { return string(t) }

// Parse reads a timestamp: seconds since 1970 as a number or as text, or a date as text. zoned is
// false if it names no zone; the time is then in UTC.
func Parse(v any) (t time.Time, zoned bool, err error) {
	switch v := v.(type) {
	case document.Number:
		return parseNumber(v)
	case bool: // Python counts it among the numbers
		n, _ := document.ToInt(v)
		return parseNumber(n)
	case string:
		return parseText(v)
	}
	return time.Time{}, false, text(fmt.Sprintf(`Invalid timestamp "%s": Parser must be a string or character stream, not %s`,
		document.Spell(v), document.Class(v)))
}

// ISO rewrites a timestamp to YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]. One without a zone keeps none.
func ISO(v any) (string, error) {
	t, zoned, err := Parse(v)
	if err != nil {
		return "", err
	}
	zone := ""
	if zoned {
		zone = "-07:00"
	}
	return format(t, zone), nil
}

// The forms of timestamps on the wire.
const (
	ISO8601 = "iso8601"
	RFC822  = "rfc822"
	Unix    = "unixTimestamp"
)

// Wire writes a timestamp in one of the forms, as text. The last two have no fractions.
func Wire(t time.Time, form string) string {
	t = t.UTC()
	switch form {
	case RFC822:
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	case Unix:
		return strconv.FormatInt(t.Unix(), 10)
	}
	return format(t, "Z")
}

func format(t time.Time, zone string) string {
	t = t.Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05" + zone)
	}
	return t.Format("2006-01-02T15:04:05.000000" + zone)
}

func parseNumber(n document.Number) (time.Time, bool, error) {
	seconds := n.Float64()
	switch year, known := yearOf(seconds); {
	case math.IsNaN(seconds):
		return time.Time{}, false, text("Invalid value NaN (not a number)")
	case !known:
		return time.Time{}, false, noOffset(string(n))
	case year < 1 || year > 9999: // milliseconds, mostly
		return time.Time{}, false, text(fmt.Sprintf("year %d is out of range", year))
	}
	return fromSeconds(seconds), true, nil
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

// fromSeconds is rounded as Python does, so that 1545331525.231 is not a microsecond short.
func fromSeconds(seconds float64) time.Time {
	return time.UnixMicro(int64(math.RoundToEven(seconds * 1e6))).UTC()
}

// parseText reads seconds, ISO 8601 in some spellings, RFC 822, or a date as people write it.
// Version 1 guesses more than these, down to "5pm".
func parseText(original string) (t time.Time, zoned bool, err error) {
	s := strings.ToUpper(python.Strip(original))
	digits := strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == ""
	isDate := digits && len(s) == len("20060102150405")
	if seconds, err := python.ParseFloat(original); err == nil && !math.IsNaN(seconds) && !isDate {
		switch year, known := yearOf(seconds); {
		case !known:
			return time.Time{}, false, noOffset(original)
		case 1 <= year && year <= 9999:
			return fromSeconds(seconds), true, nil
		case digits:
			return time.Time{}, false, noOffset(original)
		}
	}
	t, zoned, err = ParseDate(original)
	if err != nil {
		err = text(`Invalid timestamp "` + original + `": ` + err.Error())
	}
	return t, zoned, err
}

// ParseDate reads a date as text, as [Parse] does, but no seconds.
func ParseDate(original string) (t time.Time, zoned bool, err error) {
	s := strings.ToUpper(python.Strip(original))
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
		zones := []string{"", "Z07:00", "Z0700", "Z07", " -0700", " -07:00"}
		if !strings.Contains(layout, "15") { // a date alone has no zone
			zones = zones[:1]
		}
		for _, zone := range zones {
			t, err := time.Parse(layout+zone, s)
			if err == nil && t.Year() > 0 {
				return t, zone != "", nil
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
	return time.Time{}, false, text(reason + ": " + original)
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
