package sheet_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/sheet"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	for _, cell := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "'=1", "''＝1"} {
		if got := sheet.Guard(cell); got != "'"+cell {
			t.Errorf("%q: got %q, want it guarded", cell, got)
		}
	}
	for _, cell := range []string{"", "a=1", "'", "''", "'quoted'", "1", "é", "\xff=1", "#N/A"} {
		if got := sheet.Guard(cell); got != cell {
			t.Errorf("guarding %q: got %q, want it as it is", cell, got)
		}
		if got := sheet.Unguard(cell); got != cell {
			t.Errorf("taking the guard off %q: got %q, want it as it is", cell, got)
		}
	}
}

func TestGuard_Inverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`'{0,3}[=+\-@＝＋－＠\t\r\na ]{0,3}`).Draw(t, "cell")
		guarded := sheet.Guard(cell)
		if got := sheet.Unguard(guarded); got != cell {
			t.Errorf("%q guarded is %q, and %q without", cell, guarded, got)
		}
		if guarded != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(guarded)[0]) {
			t.Errorf("%q guarded is %q, which a spreadsheet runs", cell, guarded)
		}
	})
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "",
		"ana@example.com":            "ana@example.com",
		"María García 漢字 😀 \"x\" \\": "María García 漢字 😀 \"x\" \\",
		"a\u200bb":                   `a\u200bb`,
		"a\u00a0b":                   `a\u00a0b`,
		"a\u00adb":                   `a\u00adb`,
		"\uFEFFa":                    `\ufeffa`,
		"\u202ea":                    `\u202ea`,
		"a\tb\r\n\x00":               `a\tb\r\n\x00`,
		"a\u3164b\u2800\ufe0f":       `a\u3164b\u2800\ufe0f`,
		"a\U000E0041":                `a\U000e0041`,
		"a\xe9b\x80":                 `a\xe9b\x80`,
		"a\ufffdb":                   `a\ufffdb`,
	} {
		if got := sheet.Visible(text); got != want {
			t.Errorf("%+q: got %q, want %q", text, got, want)
		}
	}
}
