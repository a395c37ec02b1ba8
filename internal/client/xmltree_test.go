package client

import (
	"encoding/xml"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// What a document may have around and beside its elements; the positions are those of version 1.
func TestXML(t *testing.T) {
	for body, want := range map[string]string{
		"<?xml version='1.0' encoding='ISO-8859-1'?>\n<a b='ä'>ä</a>":                             "ä ä",
		"<?xml version='1.0' encoding='ISO-8859-1'?>\n<a b='\xE4'>\xE4</a>":                       "not well-formed (invalid token): line 2, column 6",
		"\uFEFF<!DOCTYPE a PUBLIC \"x\"><p:a q:b = \"&lt;\" xmlns:p='u' xmlns:q='v'>c<d/>e</p:a>": "< c",
		"<?xml version='1.0' encoding='klingon'?><a b='c'>d</a>":                                  "c d",
		"<a>ä\r\nä<b c=d></a>":              "not well-formed (invalid token): line 2, column 6",
		"<a b='c</a>":                       "not well-formed (invalid token): line 1, column 7",
		"<a xmlns:p='u'><p:b/>\n<q:c/></a>": "unbound prefix: line 2, column 0",
		"<a b='c' q:d='e'/>":                "unbound prefix: line 1, column 0",
		"<a b='c' xml:lang='e'>d</a>":       "c d",

		// What is outside is taken for a token of a declaration.
		"Internal Server Error.": "syntax error: line 1, column 0",
		"\uFEFF{":                "not well-formed (invalid token): line 1, column 1",
		"\uFEFF\n{":              "not well-formed (invalid token): line 2, column 0",
		"\uFEFF<a></b>":          "mismatched tag: line 1, column 6",
		"{\"m\":\"\xff\"}":       "not well-formed (invalid token): line 1, column 0",
		"<a></b>\xff":            "mismatched tag: line 1, column 5",
		"<a b=\"\xff\"/>":        "not well-formed (invalid token): line 1, column 6",
		"<a><![CDATA[\xff]]>":    "not well-formed (invalid token): line 1, column 12",
		" {\"a\": 1}":            "not well-formed (invalid token): line 1, column 1",
		"a/b":                    "not well-formed (invalid token): line 1, column 1",
		"1+":                     "not well-formed (invalid token): line 1, column 1",
		"a+":                     "syntax error: line 1, column 0",
		"[{":                     "syntax error: line 1, column 0",
		"\"x\"":                  "syntax error: line 1, column 0",
		"\"x\"y":                 "not well-formed (invalid token): line 1, column 3",
		"'x":                     "unclosed token: line 1, column 0",
		"\"x\x01\"":              "not well-formed (invalid token): line 1, column 2",
		"(":                      "syntax error: line 1, column 0",
		")x":                     "not well-formed (invalid token): line 1, column 1",
		")|":                     "syntax error: line 1, column 0",
		"%":                      "unclosed token: line 1, column 0",
		"% ":                     "syntax error: line 1, column 0",
		"%a;":                    "illegal parameter entity reference: line 1, column 0",
		"%a,":                    "not well-formed (invalid token): line 1, column 2",
		"#a":                     "syntax error: line 1, column 0",
		"# a":                    "not well-formed (invalid token): line 1, column 1",
		"<a/>\nx":                "junk after document element: line 2, column 0",
		"<a/>{":                  "not well-formed (invalid token): line 1, column 4",
	} {
		got := ""
		if root, err := parseXML([]byte(body)); err != nil {
			_, got, _ = strings.Cut(err.Error(), "Unable to parse response (")
			got, _, _ = strings.Cut(got, "), invalid XML received.")
		} else {
			got = root.attributes[0][1] + " " + root.text
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", body, got, want)
		}
	}
}

// A text that comments cut into pieces takes memory as it grows, not as its square.
func TestXML_pieces(t *testing.T) {
	allocated := func(pieces int) (bytes uint64) {
		text := []byte("<a>" + strings.Repeat("text<!---->", pieces) + "</a>")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root, err := parseXML(text)
		runtime.ReadMemStats(&after)
		if err != nil || root.text != strings.Repeat("text", pieces) {
			t.Fatalf("%d pieces: got %v and an element of another text", pieces, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := allocated(1000), allocated(10_000); many > 40*few {
		t.Errorf("%d bytes were allocated for a thousand pieces, %d for ten thousand", few, many)
	}
}

// FuzzXML: what is taken for XML, the standard library takes for XML with the same elements,
// attributes and texts.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{
		"<?xml version='1.0'?><E><Error><Code>a&lt;b&#x41;</Code><Message><![CDATA[<]]></Message></Error></E>",
		"<a:b xmlns:a='u'><!-- c --><c d = \"&amp;\" e='&#10;'/></a:b>", "<a", "<!DOCTYPE a><a/>", "<a>&lt", "", "<a b=\">\"/>", "<a>\r\n\r<b/>c</a>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		root, err := parseXML([]byte(body))
		if err != nil {
			return
		}
		var ours, theirs strings.Builder
		var walk func(n *node)
		walk = func(n *node) {
			ours.WriteString("<" + n.name)
			for _, a := range n.attributes {
				ours.WriteString(" " + a[0] + "=" + a[1])
			}
			ours.WriteString(">" + n.text)
			for _, c := range n.children {
				walk(c)
			}
		}
		walk(root)
		d := xml.NewDecoder(strings.NewReader(body))
		for first := false; ; { // in an element, before the first child
			token, err := d.RawToken()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return // stricter in names, comments and instructions
			}
			switch token := token.(type) {
			case xml.StartElement:
				theirs.WriteString("<" + token.Name.Local)
				for _, a := range token.Attr {
					theirs.WriteString(" " + a.Name.Local + "=" + a.Value)
				}
				theirs.WriteString(">")
				first = true
			case xml.CharData:
				if first {
					theirs.Write(token)
				}
			case xml.EndElement:
				first = false
			}
		}
		if got, want := ours.String(), theirs.String(); got != want {
			t.Fatalf("got elements %q, want %q", got, want)
		}
	})
}
