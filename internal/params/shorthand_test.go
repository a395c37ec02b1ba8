package params

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// shorthandFiles returns a loader that finds the files x and "x y", which hold their names in angle
// brackets, and no others.
func shorthandFiles(t testing.TB) *Loader {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"x", "x y"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("<"+name+">"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Loader{Expand: func(name string) string { return filepath.Join(dir, filepath.Base(name)) }}
}

func TestShorthand(t *testing.T) {
	files := shorthandFiles(t)
	for _, tt := range []struct{ input, want string }{
		// Pairs and words.
		{"a=b", `{"a": "b"}`},
		{"a=b,c=d", `{"a": "b", "c": "d"}`},
		{"b=1,a=true", `{"b": "1", "a": "true"}`},
		{"a=", `{"a": ""}`},
		{"a=,b=", `{"a": "", "b": ""}`},
		{"=b", `{"": "b"}`},
		{"a.b-c_d#/:1=x", `{"a.b-c_d#/:1": "x"}`},
		{"a = b , c = d", `{"a": "b", "c": "d"}`},
		{"a=\n b\t,\nc=d ", `{"a": "b", "c": "d"}`},
		{"a=b c", `{"a": "b c"}`},
		{"a=b=c", `{"a": "b=c"}`},
		{`a=b\,c`, `{"a": "b,c"}`},
		{`a=b\c`, `{"a": "b\\c"}`},
		{"a=ü日", `{"a": "\u00fc\u65e5"}`},
		{"a=b\x1c", `{"a": "b"}`},
		{"a=\xff", `{"a": "\udcff"}`},
		{"a=~b|c", `{"a": "~b|c"}`},
		{"a=b{c", `{"a": "b{c"}`},

		// Values with commas between become a list, unless what follows is a pair.
		{"a=b,c", `{"a": ["b", "c"]}`},
		{"a=b,c,d=e", `{"a": ["b", "c"], "d": "e"}`},
		{"a=b,c=d,e=f,g", `{"a": "b", "c": "d", "e": ["f", "g"]}`},
		{"a='b',\"c\"", `{"a": ["b", "c"]}`},
		{"a=b,'c',d=e", `{"a": ["b", "c"], "d": "e"}`},
		{"a=b,,c=d", `{"a": "b", "c": "d"}`},
		{"a=b,]", `{"a": ["b", "]"]}`},

		// Lists and hashes.
		{"a=[b,c]", `{"a": ["b", "c"]}`},
		{"a=[]", `{"a": []}`},
		{"a=[ b , [c] , {d=e} ]", `{"a": ["b", ["c"], {"d": "e"}]}`},
		{"a=[b],c=d", `{"a": ["b"], "c": "d"}`},
		{"a={b=c,d=e}", `{"a": {"b": "c", "d": "e"}}`},
		{"a={}", `{"a": {}}`},
		{"a={ b = c },d=e", `{"a": {"b": "c"}, "d": "e"}`},
		{"a={b=[c,{d=e}]}", `{"a": {"b": ["c", {"d": "e"}]}}`},
		{"a={b=1,b=2}", `{"a": {"b": "2"}}`},

		// Quotes.
		{"a='b, c=d'", `{"a": "b, c=d"}`},
		{`a="b",c='d'`, `{"a": "b", "c": "d"}`},
		{`a="it's"`, `{"a": "it's"}`},
		{`a='it\'s'`, `{"a": "it's"}`},
		{`a="\"\\"`, `{"a": "\"\\"}`},
		{`a="\\\\"`, `{"a": "\\\\"}`},
		{`a="\n"`, `{"a": "\\n"}`},
		{`a="😀"`, `{"a": "\ud83d\ude00"}`},
		{`a=""`, `{"a": ""}`},
		// A backslash before the last quote is no escape: the text has to end somewhere.
		{`a="b\"`, `{"a": "b\\"}`},

		// Files.
		{"a@=file://x", `{"a": "<x>"}`},
		{"a@=file://x,b=file://x", `{"a": "<x>", "b": "file://x"}`},
		{"a @ = file://x", `{"a": "<x>"}`},
		{"a@='file://x y'", `{"a": "<x y>"}`},
		{"a@=text", `{"a": "text"}`},
		{"a={b@=file://x,c=file://y}", `{"a": {"b": "<x>", "c": "file://y"}}`},
		{"a@=[file://x,y]", `{"a": ["<x>", "y"]}`},
	} {
		got, err := parseShorthand(tt.input, files)
		if err != nil {
			t.Errorf("shorthand %q: %v", tt.input, err)
		} else if text := string(document.AppendCompact(nil, got)); text != tt.want {
			t.Errorf("shorthand %q: got %s, want %s", tt.input, text, tt.want)
		}
	}
}

func TestShorthand_errors(t *testing.T) {
	files := shorthandFiles(t)
	for _, tt := range []struct{ input, want string }{
		{"", "Expected: '=', received: 'EOF' for input:\n\n^"},
		{"a", "Expected: '=', received: 'EOF' for input:\na\n ^"},
		{" a=b", "Expected: '=', received: 'a' for input:\n a=b\n ^"},
		{"a=b,", "Expected: '<second>', received: '<none>' for input:\na=b,\n    ^"},
		{"a=b,,", "Expected: '=', received: 'EOF' for input:\na=b,,\n     ^"},
		{"a=[b", "Expected: ',', received: 'EOF' for input:\na=[b\n    ^"},
		{"a=[b c]d", "Expected: ',', received: 'd' for input:\na=[b c]d\n       ^"},
		{"a={b=c", "Expected: ',', received: 'EOF' for input:\na={b=c\n      ^"},
		{"a={b}", "Expected: '=', received: '}' for input:\na={b}\n    ^"},
		{"a={b=}", "Expected: ',', received: 'EOF' for input:\na={b=}\n      ^"},
		{"a={b='c'd}", "Expected: ',', received: 'd' for input:\na={b='c'd}\n        ^"},
		{`a=b"c"`, "Expected: ',', received: '\"' for input:\na=b\"c\"\n   ^"},
		{"a=it's", "Expected: ',', received: ''' for input:\na=it's\n    ^"},
		{"a='b", "Expected: '<singled quoted>', received: '<none>' for input:\na='b\n  ^"},
		{`a="b`, "Expected: '<double quoted>', received: '<none>' for input:\na=\"b\n  ^"},
		// Quotes that are meant for escaped ones pair up with those that follow.
		{`a="b\",c="d"`, "Expected: ',', received: 'd' for input:\na=\"b\\\",c=\"d\"\n          ^"},
		{"a=😀", "Expected: ',', received: '😀' for input:\na=😀\n  ^"},
		{"ü=b", "Expected: '=', received: 'ü' for input:\nü=b\n^"},
		{"a=\x01", "Expected: ',', received: '\x01' for input:\na=\x01\n  ^"},

		// The caret counts the characters of its own line; later lines come below it.
		{"ü日=,\nb=c", "Expected: '=', received: 'ü' for input:\nü日=,\n^\nb=c"},
		{"a=b,\nc==d,\ne=f", "Expected: ',', received: '=' for input:\na=b,\nc==d,\n  ^\ne=f"},
		{"a='ü',\n  b={c\n=d", "Expected: ',', received: 'EOF' for input:\na='ü',\n  b={c\n=d\n  ^"},
		{"a='ü' b\nc", "Expected: ',', received: 'b' for input:\na='ü' b\n      ^\nc"},

		{"a=1,a=2", "Second instance of key \"a\" encountered for input:\na=1,a=2\n    ^\n" +
			"This is often because there is a preceding \",\" instead of a space."},
		{"a=1,b=2,a=3", "Second instance of key \"a\" encountered for input:\na=1,b=2,a=3\n        ^\n" +
			"This is often because there is a preceding \",\" instead of a space."},
	} {
		got, err := parseShorthand(tt.input, files)
		if err == nil {
			t.Errorf("shorthand %q: got %s, want the error %q", tt.input, document.Repr(got), tt.want)
		} else if err.Error() != tt.want {
			t.Errorf("shorthand %q:\n got %q\nwant %q", tt.input, err, tt.want)
		}
	}
}

// A file that does not load ends it, also where a syntax error would only make the parser go
// back and try another reading.
func TestShorthand_missingFile(t *testing.T) {
	files := shorthandFiles(t)
	for _, input := range []string{"a@=file://missing", "a@=b,file://missing", "a@=b,file://missing,c=d", "a={b@=file://missing}", "a@=[file://missing]"} {
		got, err := parseShorthand(input, files)
		if _, ok := errors.AsType[*LoadError](err); !ok {
			t.Errorf("shorthand %q: got %v, %v, want a LoadError", input, got, err)
		}
	}
}

func TestShorthand_depth(t *testing.T) {
	for _, open := range []string{"[", "{a="} {
		_, err := parseShorthand("a="+strings.Repeat(open, 100_000), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "Expected: 'a flatter structure'") {
			t.Errorf("100000 times %s: got error %.100v, want one about depth", open, err)
		}
	}
}

// Each step back is to the last comma only, so time stays in proportion to the input.
func TestShorthand_longLists(t *testing.T) {
	files := shorthandFiles(t)
	input := "a=" + strings.Repeat("b,", 20_000) + "c=d"
	o, err := parseShorthand(input, files)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := o.Get("a")
	if list, ok := a.([]any); !ok || len(list) != 20_000 {
		t.Errorf("a: got %.80v, want a list of 20000", a)
	}
	if c, _ := o.Get("c"); c != "d" {
		t.Errorf("c: got %v, want d", c)
	}
}

func TestShorthand_convert(t *testing.T) {
	files := shorthandFiles(t)
	text := &model.Shape{Kind: model.String}
	number := &model.Shape{Kind: model.Integer}
	inner := &model.Shape{Kind: model.Structure, Members: []model.Member{
		{Name: "On", Shape: &model.Shape{Kind: model.Boolean}},
		{Name: "Numbers", Shape: &model.Shape{Kind: model.List, Element: number}},
	}}
	shape := &model.Shape{Kind: model.Structure, Members: []model.Member{
		{Name: "Text", Shape: text}, {Name: "Number", Shape: number}, {Name: "Inner", Shape: inner},
		{Name: "List", Shape: &model.Shape{Kind: model.List, Element: inner}},
	}}
	for _, tt := range []struct{ input, want string }{
		{"Text=1,Number=1", `{"Text": "1", "Number": 1}`},
		{"Number=-1_0", `{"Number": -10}`},
		{"Inner={On=true}", `{"Inner": {"On": true}}`},
		{"Inner={On=FaLse}", `{"Inner": {"On": false}}`},
		{"Inner={On=yes}", `{"Inner": {"On": "yes"}}`},
		{"Inner={Numbers=[1,2]}", `{"Inner": {"Numbers": [1, 2]}}`},
		{"Inner={Numbers=1}", `{"Inner": {"Numbers": ["1"]}}`},
		{"List={On=true}", `{"List": [{"On": "true"}]}`},
		{"List=[{On=true},{Numbers=[3]}]", `{"List": [{"On": true}, {"Numbers": [3]}]}`},
		{"List=[x]", `{"List": ["x"]}`},
		{"Inner=x,Foo=1", `{"Inner": "x", "Foo": "1"}`},
		{"Text=a,b", `{"Text": ["a", "b"]}`},
		{"Number=٣", `{"Number": 3}`},
		{"Inner={On=fal\u017fe}", `{"Inner": {"On": "fal\u017fe"}}`},
	} {
		v, err := parseShorthand(tt.input, files)
		if err != nil {
			t.Fatalf("shorthand %q: %v", tt.input, err)
		}
		got, err := convert(v, shape)
		if err != nil {
			t.Errorf("convert of %q: %v", tt.input, err)
		} else if text := string(document.AppendCompact(nil, got)); text != tt.want {
			t.Errorf("convert of %q: got %s, want %s", tt.input, text, tt.want)
		}
	}

	const notInt = "int() argument must be a string, a bytes-like object or a real number, not "
	for input, want := range map[string]string{
		"Number=x":              "invalid literal for int() with base 10: 'x'",
		"Inner={Numbers=[1,x]}": "invalid literal for int() with base 10: 'x'",
		"List=[{Numbers=[x]}]":  "invalid literal for int() with base 10: 'x'",
		"Number@=fileb://x":     "invalid literal for int() with base 10: b'<x>'",
		"Number=\xff":           `invalid literal for int() with base 10: '\udcff'`,
		"Number={a=1}":          notInt + "'dict'",
		"Number=1,2":            notInt + "'list'",
		"Inner={On=[true]}":     "'list' object has no attribute 'lower'",
	} {
		v, err := parseShorthand(input, files)
		if err != nil {
			t.Fatalf("shorthand %q: %v", input, err)
		}
		if got, err := convert(v, shape); err == nil || err.Error() != want {
			t.Errorf("convert of %q: got %v, %v, want the error %s", input, got, err, want)
		}
	}
}

// Whatever is typed gives a structure or an error that shows all of the input.
func FuzzShorthand(f *testing.F) {
	for _, seed := range []string{
		"a=b,c=d,e", "a={b=[c,{d=e}],f='g'}", `a="\"\\",b='\'`, "a@=file://missing,b@=file://x", "a=b,\nc=", "a=[,]", "a=1,a=2", `\,=\,`, "=\xff", "a={b=\n",
	} {
		f.Add(seed)
	}
	files := shorthandFiles(f)
	f.Fuzz(func(t *testing.T, input string) {
		got, err := parseShorthand(input, files)
		if err == nil {
			document.Repr(got)
			return
		}
		if _, ok := errors.AsType[*LoadError](err); ok {
			return
		}
		syntax, ok := errors.AsType[*syntaxError](err)
		if !ok {
			t.Fatalf("got %T: %v", err, err)
		}
		if n := python.Len(input); syntax.at < 0 || syntax.at > n {
			t.Fatalf("place %d of %d characters: %v", syntax.at, n, err)
		}
		first, _, _ := strings.Cut(input, "\n")
		if first = python.String(python.Runes(first)); !strings.Contains(err.Error(), first) {
			t.Fatalf("the text lacks the input %q: %v", first, err)
		}
	})
}
