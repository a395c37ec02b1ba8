package console

import (
	"slices"
	"strings"
	"testing"
)

// Whatever somebody pastes, an address has nothing of what stands between addresses, and one that
// stands for itself is kept as it is.
func FuzzSplitAddresses(f *testing.F) {
	for _, seed := range []string{"", "<>", "a@example.com; Berg, Ana <b@example.com>", "<<>;>,", "Ana < a@example.com >\r\n\tb@example.com", "\u00a0a@example.com\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range splitAddresses(text) {
			if a == "" || strings.ContainsAny(a, ";,\r\n\t ") || !strings.Contains(text, a) {
				t.Errorf("%q has the address %q", text, a)
			}
		}
		const own = "ana@example.com"
		if !slices.Contains(splitAddresses(text+";"+own), own) {
			t.Errorf("%q takes the address after it", text)
		}
	})
}
