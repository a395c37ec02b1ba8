package carillon

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/profile"
)

// What the values of flags may look like. The errors follow the name of the flag and a colon.

// oneOf returns a parser that takes these words only.
func oneOf(words []string) func(string) (string, error) {
	return func(text string) (string, error) {
		if !slices.Contains(words, text) {
			return "", fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
		}
		return text, nil
	}
}

func truth(text string) (bool, error) {
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return v, nil
}

// awsAccountID checks the id of an AWS account.
func awsAccountID(text string) (string, error) {
	if len(text) != 12 || strings.Trim(text, "0123456789") != "" {
		return "", fmt.Errorf("%q is not the id of an AWS account, which has 12 digits", text)
	}
	return text, nil
}

// numberFrom returns a parser of whole numbers between two bounds. The highest bound stands for
// none.
func numberFrom(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		switch {
		case err == nil && n >= least && n <= most:
			return n, nil
		case most == math.MaxInt:
			return 0, fmt.Errorf("%q is not a whole number from %d up", text, least)
		}
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, least, most)
	}
}

// rate parses a number of requests a second.
func rate(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a number from 0 up", text)
	}
	return v, nil
}

// size parses a number of bytes, of 1 MiB at least.
func size(text string) (int64, error) {
	number, shift := text, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			number, shift = n, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64>>20>>shift || n<<shift < 1<<20 {
		return 0, fmt.Errorf("%q is not a number of bytes from 1MiB up: 32MiB, 1GiB", text)
	}
	return n << shift, nil
}

// address checks an address to listen on. It does not ask for the address of a named host, which
// may be unknown for the moment.
func address(text string) (string, error) {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT with a port from 0 to 65535", text)
	}
	return text, nil
}

// logLevels are the levels that people are told of.
var logLevels = []string{slog.LevelDebug.String(), slog.LevelInfo.String(), slog.LevelWarn.String(), slog.LevelError.String()}

func logLevel(text string) (level slog.Level, err error) {
	if level.UnmarshalText([]byte(text)) != nil {
		err = fmt.Errorf("%q is not a level: use %s", text, strings.Join(logLevels, ", "))
	}
	return level, err
}

// endpoint reads the URL of a service.
func endpoint(text string) (string, error) { return text, profile.CheckEndpointFlag(text) }

// duration reads a time that is not over at once.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a time such as 90s, 10m or 2h", text)
	}
	return d, nil
}

// delay reads a time that may be over at once.
func delay(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a time such as 0s, 10m or 168h", text)
	}
	return d, nil
}

// moment is a point in time, which may depend on the time that it is: the clock of a service may
// show another one than this machine's. The zero value is the zero time.
type moment struct {
	at     time.Time
	isSpan bool          // it is span from now on instead
	span   time.Duration // negative: ago
}

// by returns the point in time as seen from now.
func (m moment) by(now time.Time) time.Time {
	if m.isSpan {
		return now.Add(m.span)
	}
	return m.at
}

// before and after parse a moment. They differ in what a duration means: so long ago, or so long
// from now.
func before(text string) (moment, error) { return parseMoment(text, -1) }
func after(text string) (moment, error)  { return parseMoment(text, 1) }

// parseMoment parses a point in time: RFC 3339, a date, or a duration before now (direction -1) or
// from now on (1).
func parseMoment(text string, direction time.Duration) (moment, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return moment{at: t}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return moment{at: t}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const most = 36500 // a time.Duration holds little more than this
		if n, err := strconv.ParseUint(days, 10, 64); err == nil && n <= most {
			return moment{isSpan: true, span: direction * time.Duration(n) * 24 * time.Hour}, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return moment{isSpan: true, span: direction * d}, nil
	}
	return moment{}, fmt.Errorf("%q is no point in time: use a date (2026-11-24, which begins at midnight UTC), "+
		"a time (2026-11-24T18:00:00Z), or a duration (90d, 12h)", text)
}

// hosts is the value of a flag that takes names of hosts, one or several at a time.
type hosts struct{ names []string }

func (h *hosts) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		u, err := url.Parse("//" + name)
		if err != nil || u.Host != name || u.Hostname() == "" || strings.HasSuffix(name, ":") {
			return fmt.Errorf("%q is not the name of a host, with or without a port", name)
		}
		h.names = append(h.names, name)
	}
	return nil
}

func (h *hosts) String() string { return strings.Join(h.names, ",") }

// Type is a name by which Cobra's completion knows that the flag may be repeated.
func (h *hosts) Type() string { return "stringSlice" }

// networks is the value of a flag that names networks and may be given more than once.
type networks struct{ list []netip.Prefix }

func (n *networks) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		prefix, err := netip.ParsePrefix(one)
		if err != nil {
			return fmt.Errorf("%q is not a network such as 10.0.0.0/8", one)
		}
		n.list = append(n.list, prefix.Masked())
	}
	return nil
}

func (n *networks) String() string {
	var texts []string
	for _, prefix := range n.list {
		texts = append(texts, prefix.String())
	}
	return strings.Join(texts, ",")
}

// Type is a name by which Cobra's completion knows that the flag may be repeated.
func (n *networks) Type() string { return "stringSlice" }

// texts is the value of a flag that takes any text and may be given more than once.
type texts struct{ list []string }

func (t *texts) Set(text string) error {
	t.list = append(t.list, text)
	return nil
}

func (t *texts) String() string { return strings.Join(t.list, " ") }

// Type is a name by which Cobra's completion knows that the flag may be repeated.
func (t *texts) Type() string { return "stringArray" }

// settings is the value of a flag NAME=VALUE that may be given more than once.
type settings struct {
	values *bulk.Values
	given  []string
}

func (s *settings) Set(text string) error {
	v, err := bulk.ParseSetting(text)
	if err != nil {
		return err
	}
	*s.values = s.values.With(v.Field, v.Text)
	s.given = append(s.given, text)
	return nil
}

func (s *settings) String() string { return strings.Join(s.given, " ") }

// Type is a name by which Cobra's completion knows that the flag may be repeated.
func (s *settings) Type() string { return "stringToString" }

// conditions is the value of a flag COLUMN=VALUE that may be given more than once.
type conditions struct {
	list  *[]bulk.Only
	given []string
}

func (c *conditions) Set(text string) error {
	o, err := bulk.ParseOnly(text)
	if err != nil {
		return err
	}
	*c.list = append(*c.list, o)
	c.given = append(c.given, text)
	return nil
}

func (c *conditions) String() string { return strings.Join(c.given, " ") }

// Type is a name by which Cobra's completion knows that the flag may be repeated.
func (c *conditions) Type() string { return "stringArray" }
