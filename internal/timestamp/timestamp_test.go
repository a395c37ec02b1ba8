package timestamp_test

import (
	"testing"

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
