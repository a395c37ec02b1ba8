package shorthand_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/shorthand"
)

var errMissing = errors.New("no such file")

// load answers for the files that the tests name.
func load(value string) (any, error) {
	switch name, isFile := strings.CutPrefix(value, "file://"); {
	case !isFile:
		return value, nil
	case name == "missing":
		return "", errMissing
	default:
		return "<" + name + ">", nil
	}
}

func TestParse(t *testing.T) {
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
		got, err := shorthand.Parse(tt.input, load)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.input, err)
		} else if text := string(document.AppendCompact(nil, got)); text != tt.want {
			t.Errorf("Parse(%q): got %s, want %s", tt.input, text, tt.want)
		}
	}
}

func TestParse_errors(t *testing.T) {
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
		got, err := shorthand.Parse(tt.input, load)
		if err == nil {
			t.Errorf("Parse(%q): got %s, want the error %q", tt.input, document.Repr(got), tt.want)
		} else if err.Error() != tt.want {
			t.Errorf("Parse(%q):\n got %q\nwant %q", tt.input, err, tt.want)
		}
	}
}

// An error is there for programs too: where, as a number of characters.
func TestParse_errorTypes(t *testing.T) {
	_, err := shorthand.Parse("ü='x' y", load)
	var syntax *shorthand.SyntaxError
	if !errors.As(err, &syntax) || syntax.Expected != "=" || syntax.Received != "ü" || syntax.At != 0 {
		t.Errorf("got %#v, want a SyntaxError at 0", err)
	}
	_, err = shorthand.Parse("a='ü',a=1", load)
	var duplicate *shorthand.DuplicateKeyError
	if !errors.As(err, &duplicate) || duplicate.Key != "a" || duplicate.At != 6 {
		t.Errorf("got %#v, want a DuplicateKeyError of a at 6", err)
	}
}

// A file that does not load ends it, also where a syntax error would only make the parser go
// back and try another reading.
func TestParse_missingFile(t *testing.T) {
	for _, input := range []string{"a@=file://missing", "a@=b,file://missing", "a@=b,file://missing,c=d", "a={b@=file://missing}", "a@=[file://missing]"} {
		if got, err := shorthand.Parse(input, load); !errors.Is(err, errMissing) {
			t.Errorf("Parse(%q): got %v, %v, want the loader's error", input, got, err)
		}
	}
}

func TestParse_depth(t *testing.T) {
	for _, open := range []string{"[", "{a="} {
		_, err := shorthand.Parse("a="+strings.Repeat(open, 100_000), load)
		var syntax *shorthand.SyntaxError
		if !errors.As(err, &syntax) || syntax.Expected != "a flatter structure" {
			t.Errorf("100000 times %s: got error %.100v, want one about depth", open, err)
		}
	}
}

// Each step back is to the last comma only, so time stays in proportion to the input.
func TestParse_longLists(t *testing.T) {
	input := "a=" + strings.Repeat("b,", 20_000) + "c=d"
	o, err := shorthand.Parse(input, load)
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

func TestConvert(t *testing.T) {
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
		{"Number={a=1}", `{"Number": {"a": "1"}}`},
	} {
		v, err := shorthand.Parse(tt.input, load)
		if err != nil {
			t.Fatalf("Parse(%q): %v", tt.input, err)
		}
		got, err := shorthand.Convert(v, shape)
		if err != nil {
			t.Errorf("Convert of %q: %v", tt.input, err)
		} else if text := string(document.AppendCompact(nil, got)); text != tt.want {
			t.Errorf("Convert of %q: got %s, want %s", tt.input, text, tt.want)
		}
	}

	for _, input := range []string{"Number=x", "Inner={Numbers=[1,x]}", "List=[{Numbers=[x]}]"} {
		v, err := shorthand.Parse(input, load)
		if err != nil {
			t.Fatalf("Parse(%q): %v", input, err)
		}
		if got, err := shorthand.Convert(v, shape); err == nil || err.Error() != "invalid literal for int() with base 10: 'x'" {
			t.Errorf("Convert of %q: got %v, %v, want an error about x", input, got, err)
		}
	}
}

// Whatever is typed gives a structure or an error that shows all of the input.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a=b,c=d,e", "a={b=[c,{d=e}],f='g'}", `a="\"\\",b='\'`, "a@=file://missing,b@=file://x", "a=b,\nc=", "a=[,]", "a=1,a=2", `\,=\,`, "=\xff", "a={b=\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		got, err := shorthand.Parse(input, load)
		switch err := err.(type) {
		case nil:
			if text := document.AppendCompact(nil, got); text[0] != '{' {
				t.Fatalf("got %s, want an object", text)
			}
		case *shorthand.SyntaxError:
			checkPlace(t, err.Error(), input, err.At)
		case *shorthand.DuplicateKeyError:
			checkPlace(t, err.Error(), input, err.At)
		default:
			if !errors.Is(err, errMissing) {
				t.Fatalf("got %T: %v", err, err)
			}
		}
	})
}

func checkPlace(t *testing.T, text, input string, at int) {
	t.Helper()
	if n := len([]rune(input)); at < 0 || at > n {
		t.Fatalf("place %d of %d characters: %s", at, n, text)
	}
	first, _, _ := strings.Cut(input, "\n")
	if first = string([]rune(first)); !strings.Contains(text, first) {
		t.Fatalf("the text lacks the input %q: %s", first, text)
	}
}

func ExampleParse() {
	o, err := shorthand.Parse("UserId=u-1,AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true}", nil)
	fmt.Println(document.Repr(o), err)
	_, err = shorthand.Parse("UserId=u-1,AlexaForBusinessMetadata={IsAlexaForBusinessEnabled}", nil)
	fmt.Println(err)
	// Output:
	// {'UserId': 'u-1', 'AlexaForBusinessMetadata': {'IsAlexaForBusinessEnabled': 'true'}} <nil>
	// Expected: '=', received: '}' for input:
	// UserId=u-1,AlexaForBusinessMetadata={IsAlexaForBusinessEnabled}
	//                                                               ^
}
