package e164_test

import (
	"testing"

	"github.com/carillon-project/carillon/internal/e164"
)

func TestDigits(t *testing.T) {
	tests := []struct {
		number, country, areaCode string
		tollFree                  bool
	}{
		{"+12065550100", "US", "206", false},
		{"+17875550100", "PR", "787", false},
		{"+14165550100", "CA", "416", false},
		{"+18005550100", "US", "800", true},
		{"+18015550100", "US", "801", false},
		{"+1206", "US", "", false},
		{"+1", "US", "", false},
		{"+498005550100", "DE", "", false},
		{"+353800555010", "IE", "", false},
		{"+351800555010", "", "", false},
		{"+7", "", "", false},
		{"", "", "", false},
	}
	for _, test := range tests {
		if got := e164.Country(test.number); got != test.country {
			t.Errorf("country of %q: got %q, want %q", test.number, got, test.country)
		}
		if got := e164.AreaCode(test.number); got != test.areaCode {
			t.Errorf("area code of %q: got %q, want %q", test.number, got, test.areaCode)
		}
		if got := e164.TollFree(test.number); got != test.tollFree {
			t.Errorf("toll free %q: got %t, want %t", test.number, got, test.tollFree)
		}
		if !e164.Knows(test.country) && test.country != "" {
			t.Errorf("country %q of %q is not known", test.country, test.number)
		}
	}
	for _, country := range []string{"XX", "us", ""} {
		if e164.Knows(country) {
			t.Errorf("country %q is known", country)
		}
	}
}
