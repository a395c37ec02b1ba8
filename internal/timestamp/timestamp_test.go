package timestamp_test

import (
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// Times are read in many spellings, and written in the three forms of the wire.
func TestWire(t *testing.T) {
	for _, tt := range []struct {
		in                 any
		iso, rfc822, epoch string
	}{
		{"2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z", "Tue, 02 Jan 2024 03:04:05 GMT", "1704164645"},
		{"2024-01-02T03:04:05.678+02:00", "2024-01-02T01:04:05.678000Z", "Tue, 02 Jan 2024 01:04:05 GMT", "1704157445"},
		{"2024-01-02", "2024-01-02T00:00:00Z", "Tue, 02 Jan 2024 00:00:00 GMT", "1704153600"},
		{"1704164645.999", "2024-01-02T03:04:05.999000Z", "Tue, 02 Jan 2024 03:04:05 GMT", "1704164645"},
		{document.Number("-1"), "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT", "-1"},
		{"Tue, 02 Jan 2024 03:04:05 GMT", "2024-01-02T03:04:05Z", "Tue, 02 Jan 2024 03:04:05 GMT", "1704164645"},
	} {
		at, _, err := timestamp.Parse(tt.in)
		if err != nil {
			t.Errorf("%v: %v", tt.in, err)
			continue
		}
		for form, want := range map[string]string{timestamp.ISO8601: tt.iso, timestamp.RFC822: tt.rfc822, timestamp.Unix: tt.epoch} {
			if got := timestamp.Wire(at, form); got != want {
				t.Errorf("%v as %s: got %s, want %s", tt.in, form, got, want)
			}
		}
	}
	for _, in := range []any{"yesterday", "", nil, document.Number("nan"), []any{}} {
		if at, _, err := timestamp.Parse(in); err == nil {
			t.Errorf("%v was read as %v", in, at)
		}
	}
}

// Version 1 takes no zone for a date alone, neither that of credentials nor that of a parameter.
func TestParseDate_zone(t *testing.T) {
	for _, in := range []string{"2030-01-01Z", "2030-01-01+01:00", "2030-01-01 -0700", "2030/1/1 GMT", "1/2/2030Z", "2 Jan 2030 UTC", "Jan 2, 2030Z"} {
		for name, read := range map[string]func(string) (time.Time, bool, error){
			"":                                 timestamp.ParseDate,
			`Invalid timestamp "` + in + `": `: func(s string) (time.Time, bool, error) { return timestamp.Parse(s) },
		} {
			at, _, err := read(in)
			if want := name + "Unknown string format: " + in; err == nil || err.Error() != want {
				t.Errorf("%s: got %v and %v, want the error %s", in, at, err, want)
			}
		}
	}
}
