package address_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/carillon-project/carillon/internal/address"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, kept, key, domain string }{
		{"ana@example.com", "ana@example.com", "ana@example.com", "example.com"},
		{"Ana.Silva+x@Example.COM", "Ana.Silva+x@Example.COM", "ana.silva+x@example.com", "example.com"},
		{"o'brien@a--b.example", "o'brien@a--b.example", "o'brien@a--b.example", "a--b.example"},
		{"!#$%&'*+-/=?^_`{|}~.x@example.com", "!#$%&'*+-/=?^_`{|}~.x@example.com", "!#$%&'*+-/=?^_`{|}~.x@example.com", "example.com"},
		{"x@1.example", "x@1.example", "x@1.example", "1.example"},
		// Local parts: two normal forms, and cases that have more than two letters.
		{"José@corp.example", "José@corp.example", "josé@corp.example", "corp.example"},
		{"Jose\u0301@corp.example", "José@corp.example", "josé@corp.example", "corp.example"},
		{"\u212A@corp.example", "K@corp.example", "k@corp.example", "corp.example"},
		{"ΣΟΦΟΣ@corp.example", "ΣΟΦΟΣ@corp.example", "σοφοσ@corp.example", "corp.example"},
		{"σοφος@corp.example", "σοφος@corp.example", "σοφοσ@corp.example", "corp.example"},
		{"用户@例子.example", "用户@xn--fsqu00a.example", "用户@xn--fsqu00a.example", "xn--fsqu00a.example"},
		// Domains.
		{"x@Bücher.example", "x@xn--bcher-kva.example", "x@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"x@bu\u0308cher.example", "x@xn--bcher-kva.example", "x@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"x@XN--bcher-kva.example", "x@XN--bcher-kva.example", "x@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"x@ｃorp.example", "x@corp.example", "x@corp.example", "corp.example"},
		{"x@corp。example", "x@corp.example", "x@corp.example", "corp.example"},
		{"x@ⓒⓞⓡⓟ.example", "x@corp.example", "x@corp.example", "corp.example"},
		{"x@faß.example", "x@xn--fa-hia.example", "x@xn--fa-hia.example", "xn--fa-hia.example"},
	}
	for _, test := range tests {
		a, err := address.Parse(test.text)
		if want := (address.Address{Text: test.kept, Key: test.key, Domain: test.domain}); err != nil || a != want {
			t.Errorf("Parse(%q): got %+q, %v, want %+q", test.text, a, err, want)
		}
		if got := address.Key(test.text); got != test.key {
			t.Errorf("Key(%q): got %q, want %q", test.text, got, test.key)
		}
	}
}

func TestParse_Refused(t *testing.T) {
	long := strings.Repeat("x", 320) + "@example.com"
	tests := []struct{ text, problem, mended string }{
		{"", "it has no @", ""},
		{"zed", "it has no @", ""},
		{"zed@example.com;", "it holds a semicolon", "zed@example.com"},
		{"zed@example.com,", "it holds a comma", "zed@example.com"},
		{"zed@example.com; ana@example.com", "it holds a blank", ""},
		{"zed@example.com;ana@example.com", "it holds a semicolon", ""},
		{"<zed@example.com>", "it holds an angle bracket", "zed@example.com"},
		{"Zed <Zed@example.com>", "it holds a blank", "Zed@example.com"},
		{"mailto:zed@example.com", "it begins with mailto:", "zed@example.com"},
		{"MailTo:zed@example.com?subject=a@b", "it begins with mailto:", "zed@example.com"},
		{`"zed@example.com"`, "it holds a quotation mark", "zed@example.com"},
		{`"zed"@example.com`, "it holds a quotation mark", ""},
		{`"x@evil"@corp.example`, "it holds a quotation mark", ""},
		{`x"y@corp.example`, "it holds a quotation mark", ""},
		{"'zed@example.com'", "it begins with a quotation mark", "zed@example.com"},
		{"“zed@example.com”", "it begins with a quotation mark", "zed@example.com"},
		{"'zed'@example.com", "it begins with a quotation mark", ""},
		{"zed(work)@example.com", "it holds the character (", ""},
		{`zed\x@example.com`, `it holds the character \`, ""},
		{"a:zed@example.com", "it holds a colon", ""},
		{" zed@example.com", "it holds a blank", "zed@example.com"},
		{"zed@example.com\u00a0", "it holds a blank", "zed@example.com"},
		{"z ed@example.com", "it holds a blank", ""},
		{"zed@exa mple.com", "it holds a blank", ""},
		{"zed@example.com\n", "it holds the control character U+000A", "zed@example.com"},
		{"zed@example.com\x00", "it holds the control character U+0000", "zed@example.com"},
		{"zed\u200b@example.com", "it holds the invisible character U+200B", "zed@example.com"},
		{"\ufeffzed@example.com", "it holds the invisible character U+FEFF", "zed@example.com"},
		{"\u202ezed@example.com", "it holds the invisible character U+202E", "zed@example.com"},
		{"zed@exam\u00adple.com", "it holds the invisible character U+00AD", "zed@example.com"},
		{"zed@example.com\u2060", "it holds the invisible character U+2060", "zed@example.com"},
		{"zed\ufe0f@example.com", "it holds the invisible character U+FE0F", "zed@example.com"},
		{"zed\u3164@example.com", "it holds the invisible character U+3164", "zed@example.com"},
		{"zed\ue000@example.com", "it holds the invisible character U+E000", "zed@example.com"},
		{"zed\xff@example.com", "it is not UTF-8 text", "zed@example.com"},
		{"x＠evil@corp.example", "it holds the character U+FF20, which looks like another", ""},
		{"x；@corp.example", "it holds the character U+FF1B, which looks like another", ""},
		{"x＠corp.example", "it has no @", ""},
		{"x@evil@corp.example", "it has 2 @", ""},
		{"@example.com", "nothing comes before the @", ""},
		{"x@", "its domain is missing", ""},
		{"x@corp.example.", "its domain ends with a dot", "x@corp.example"},
		{"x@corp.example。", "its domain ends with a dot", ""},
		{"x@corp..example", "its domain has an empty part between dots", ""},
		{"x@.example", "its domain has an empty part between dots", ""},
		{"x@localhost", "its domain has no dot", ""},
		{"x@corp_1.example", "its domain is not a valid name", ""},
		{"x@-corp.example", "its domain is not a valid name", ""},
		{"x@corp-.example", "its domain is not a valid name", ""},
		{"x@corp/example.com", "its domain is not a valid name", ""},
		{"x@corp％.example", "its domain is not a valid name", ""},
		{"x@xn--corp-.example", "its domain is not a valid name", ""}, // the A-label of what needs none
		{"x@xn--a-ecp.example\u0301x", "its domain is not a valid name", ""},
		{"x@xn--zzzzzzzzzz99999.example", "its domain is not a valid name", ""},
		{"x@\u0301corp.example", "its domain is not a valid name", ""},
		{"x@" + strings.Repeat("a", 64) + ".example", "its domain is not a valid name", ""},
		{"x@[192.0.2.1]", "it holds the character [", ""},
		{long, "it is longer than 320 bytes", ""},
	}
	for _, test := range tests {
		_, err := address.Parse(test.text)
		bad, ok := errors.AsType[*address.Error](err)
		if !ok || bad.Problem != test.problem || bad.Mended != test.mended {
			t.Errorf("Parse(%q): got %+v, want %q, mended %q", test.text, err, test.problem, test.mended)
		}
		if ok && test.mended != "" {
			if a, err := address.Parse(bad.Mended); err != nil || a.Text != bad.Mended {
				t.Errorf("Parse(%q): what is proposed is no address: %v", test.text, err)
			}
		}
		if _, err := address.Parse(address.Key(test.text)); err == nil {
			t.Errorf("Key(%q) is %q, the key of an address", test.text, address.Key(test.text))
		}
	}
}

func TestError(t *testing.T) {
	for text, want := range map[string]string{
		"zed@example.com;": `"zed@example.com;" is not an e-mail address: it holds a semicolon; did you mean zed@example.com?`,
		"zed\u200b@":       `"zed\u200b@" is not an e-mail address: it holds the invisible character U+200B`,
	} {
		if _, err := address.Parse(text); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): got %v, want %s", text, err, want)
		}
	}
	const want = `"corp.example." is not a domain such as example.com: it ends with a dot; did you mean corp.example?`
	if _, err := address.Domain("corp.example."); err == nil || err.Error() != want {
		t.Errorf("Domain: got %v, want %s", err, want)
	}
}

func TestDomain(t *testing.T) {
	for text, want := range map[string]string{
		"Example.COM":           "example.com",
		"bücher.example":        "xn--bcher-kva.example",
		"BÜCHER.example":        "xn--bcher-kva.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example",
		"ｃorp.example":          "corp.example",
	} {
		if got, err := address.Domain(text); err != nil || got != want {
			t.Errorf("Domain(%q): got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, mended := range map[string]string{
		"": "", "example": "", "corp.example.": "corp.example", "@corp.example": "corp.example", "a@corp.example": "",
		" corp.example": "corp.example", "corp.exam\u00adple": "corp.example", "corp..example": "", "a,b.example": "",
		"*.example.com": "",
	} {
		_, err := address.Domain(text)
		if bad, ok := errors.AsType[*address.Error](err); !ok || bad.Mended != mended {
			t.Errorf("Domain(%q): got %+v, want an error that proposes %q", text, err, mended)
		}
	}
}

// A part of an address is found in its key, in any spelling.
func TestPart(t *testing.T) {
	for text, want := range map[string]string{
		"Ana":                  "ana",
		"ANA@Corp":             "ana@corp",
		"Ana@Corp.Example":     "ana@corp.example",
		"ÉRIC":                 "éric",
		"e\u0301ric@":          "éric@",
		"straße":               "strasse",
		"x@BÜCHER.example":     "x@xn--bcher-kva.example",
		"@bücher.example":      "@xn--bcher-kva.example",
		"josé.müller":          "josé.müller", // may be of a mailbox
		"corp.example.":        "corp.example.",
		"@":                    "@",
		"not an address, or 2": "not an address, or 2",
	} {
		if got := address.Part(text); got != want {
			t.Errorf("Part(%q): got %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"Ana.Silva@Example.com", "Jose\u0301@bücher.example", "x@ｃorp.example", "x@evil@corp.example", "zed@example.com;",
		"mailto:<x@y.z>", `"x"@corp.example`, "x@xn--bcher-kva.example.", "İ\u0345ẞﬁ@ﬀ.example", "\u212a@xn--a.xn--.b", "ab\xff@c.d",
		"ΐΰ@example.com",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := address.Key(text)
		if again := address.Key(key); again != key {
			t.Errorf("the key of %+q is %+q, and its key %+q", text, key, again)
		}
		a, err := address.Parse(text)
		if err != nil {
			bad, ok := errors.AsType[*address.Error](err)
			if !ok {
				t.Fatalf("Parse(%+q): got %T", text, err)
			}
			if bad.Mended != "" {
				if m, err := address.Parse(bad.Mended); err != nil || m.Text != bad.Mended {
					t.Errorf("Parse(%+q): proposes %+q, which is kept as %+q, %v", text, bad.Mended, m.Text, err)
				}
			}
			if _, err := address.Parse(key); err == nil {
				t.Errorf("%+q is no address, and its key %+q is one", text, key)
			}
			return
		}
		if a.Key != key {
			t.Errorf("Parse(%+q) has the key %+q, Key says %+q", text, a.Key, key)
		}
		if got, err := address.Domain(a.Domain); err != nil || got != a.Domain {
			t.Errorf("Domain(%+q): got %+q, %v", a.Domain, got, err)
		}
		if !strings.HasSuffix(key, "@"+a.Domain) {
			t.Errorf("the key %+q of %+q does not end with its domain %+q", key, text, a.Domain)
		}
		if strings.Count(key, "@") != 1 || strings.ContainsFunc(key, address.Invisible) || strings.ContainsAny(key, " ,;<>\"") {
			t.Errorf("the key %+q of %+q has what no address may have", key, text)
		}
		// Longer spellings may be too long.
		if kept, err := address.Parse(a.Text); err == nil && (kept != a) || err != nil && len(a.Text) <= 320 {
			t.Errorf("Parse(%+q) is kept as %+q, which is %+q, %v", text, a, kept, err)
		}
		local, domain, _ := strings.Cut(text, "@")
		// Case is a matter of decomposed text: U+0345 is a mark, and the letter iota in capitals.
		for _, other := range []string{
			norm.NFD.String(text), norm.NFC.String(text), local + "@" + a.Domain, local + "@" + strings.ToUpper(a.Domain),
			strings.Map(unicode.SimpleFold, norm.NFD.String(local)) + "@" + domain,
		} {
			if got := address.Key(other); got != key && len(other) <= 320 && utf8.ValidString(other) {
				t.Errorf("%+q has the key %+q, and %+q has %+q", text, key, other, got)
			}
		}
	})
}
