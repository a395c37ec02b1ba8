package document_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/document"
)

// object makes an object of keys and values in turn.
func object(pairs ...any) *document.Object {
	o := new(document.Object)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func TestParse(t *testing.T) {
	number := func(s string) document.Number { return document.Number(s) }
	for _, tt := range []struct {
		text string
		want any
	}{
		{"null", nil},
		{"true", true},
		{" \t\r\nfalse\n", false},
		{`""`, ""},
		{`"a"`, "a"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"\u00fcü"`, "üü"},
		{`"\ud83d\ude00"`, "😀"},
		{"\"\x7f\"", "\x7f"},
		// Bytes of another encoding.
		{"\"\xe9\"", "\xe9"},
		// Lone surrogates, in the form that the package comment describes.
		{`"\ud800"`, "\xed\xa0\x80"},
		{`"\udfff!"`, "\xed\xbf\xbf!"},
		{`"\ud800\u0041"`, "\xed\xa0\x80A"},
		{`"\ude00\ud83d"`, "\xed\xb8\x80\xed\xa0\xbd"},

		{"0", number("0")},
		{"-0", number("0")},
		{"-12", number("-12")},
		{"100000000000000000000", number("100000000000000000000")},
		{"1.50", number("1.5")},
		{"1e2", number("100.0")},
		{"-0.0", number("-0.0")},
		{"1E400", number("inf")},
		{"-1e400", number("-inf")},
		{"NaN", number("nan")},
		{"Infinity", number("inf")},
		{"-Infinity", number("-inf")},

		{"[]", []any{}},
		{"[ 1 , [\"a\"] ]", []any{number("1"), []any{"a"}}},
		{"{}", object()},
		{`{ "b" : 1 , "a" : {"c":null} }`, object("b", number("1"), "a", object("c", nil))},
		{`{"a":1,"b":2,"a":3}`, object("a", number("3"), "b", number("2"))},
	} {
		got, err := document.Parse(tt.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
		} else if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q): got %s, want %s", tt.text, document.Repr(got), document.Repr(tt.want))
		}
	}
}

// The texts and places are those of Python's json module.
func TestParse_errors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "Expecting value: line 1 column 1 (char 0)"},
		{"  ", "Expecting value: line 1 column 3 (char 2)"},
		{"\n\n x", "Expecting value: line 3 column 2 (char 3)"},
		{"nul", "Expecting value: line 1 column 1 (char 0)"},
		{"-", "Expecting value: line 1 column 1 (char 0)"},
		{"+1", "Expecting value: line 1 column 1 (char 0)"},
		{".5", "Expecting value: line 1 column 1 (char 0)"},
		{"'a'", "Expecting value: line 1 column 1 (char 0)"},
		{"01", "Extra data: line 1 column 2 (char 1)"},
		{"1.", "Extra data: line 1 column 2 (char 1)"},
		{"1e", "Extra data: line 1 column 2 (char 1)"},
		{"[1] 2", "Extra data: line 1 column 5 (char 4)"},
		{"[1\u00a0]", "Expecting ',' delimiter: line 1 column 3 (char 2)"},
		{"[", "Expecting value: line 1 column 2 (char 1)"},
		{"[1,]", "Expecting value: line 1 column 4 (char 3)"},
		{"[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"},
		{"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
		{"{'a':1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
		{`{"a":1,}`, "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"},
		{`{"a" 1}`, "Expecting ':' delimiter: line 1 column 6 (char 5)"},
		{`{"a":}`, "Expecting value: line 1 column 6 (char 5)"},
		{`{"a":1 "b"}`, "Expecting ',' delimiter: line 1 column 8 (char 7)"},
		{`"abc`, "Unterminated string starting at: line 1 column 1 (char 0)"},
		{`"abc\`, "Unterminated string starting at: line 1 column 1 (char 0)"},
		{`["ü", "x`, "Unterminated string starting at: line 1 column 7 (char 6)"},
		{"\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"},
		{"\"\\n\n\"", "Invalid control character at: line 1 column 4 (char 3)"},
		{`"a\x"`, `Invalid \escape: line 1 column 3 (char 2)`},
		{`"\u12g4"`, `Invalid \uXXXX escape: line 1 column 3 (char 2)`},
		{`"\u+123"`, `Invalid \uXXXX escape: line 1 column 3 (char 2)`},
		{`"\u12`, `Invalid \uXXXX escape: line 1 column 3 (char 2)`},
		{`"\u1234`, `Invalid \uXXXX escape: line 1 column 3 (char 2)`},
		// A byte order mark has its own text.
		{"\ufeff{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"},
		// Columns and offsets count characters, not bytes.
		{"{\"ü\": 1,\n\"日本\": }", "Expecting value: line 2 column 7 (char 15)"},
	} {
		v, err := document.Parse(tt.text)
		if _, ok := errors.AsType[*document.SyntaxError](err); !ok {
			t.Errorf("Parse(%q): got %v, %v, want a SyntaxError", tt.text, v, err)
		} else if err.Error() != tt.want {
			t.Errorf("Parse(%q):\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// Python's integers end at so many digits, and its error has no place in the text.
func TestParse_longIntegers(t *testing.T) {
	nines := strings.Repeat("9", 4300)
	if v, err := document.Parse("[-" + nines + "]"); err != nil || !reflect.DeepEqual(v, []any{document.Number("-" + nines)}) {
		t.Errorf("4300 digits: got %v, %v", v, err)
	}
	want := "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; use sys.set_int_max_str_digits() to increase the limit"
	if _, err := document.Parse("[" + nines + "9]"); err == nil || err.Error() != want {
		t.Errorf("4301 digits: got %v, want %s", err, want)
	}
}

func TestParse_depth(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, err := document.Parse(nested(900)); err != nil {
		t.Errorf("900 levels: %v", err)
	}
	// A hostile text must neither be accepted nor exhaust the stack.
	for _, text := range []string{nested(100_000), strings.Repeat(`{"a":`, 100_000)} {
		if _, err := document.Parse(text); err == nil || !strings.HasPrefix(err.Error(), "Nesting is too deep") {
			t.Errorf("100000 levels: got error %v, want one about nesting", err)
		}
	}
}

func TestAppend(t *testing.T) {
	v := object(
		"text", "ü😀\x7f\u2028<&>\"\\\x01\n",
		"lone", "\xed\xa0\x80\xff",
		"n", []any{document.Number("1"), document.Number("1.0"), document.Number("inf"), document.Number("-inf"), document.Number("nan")},
		"o", object("b", true, "a", nil),
		"empty", []any{[]any{}, object()},
	)
	compact := `{"text": "\u00fc\ud83d\ude00\u007f\u2028<&>\"\\\u0001\n", "lone": "\ud800\udcff", ` +
		`"n": [1, 1.0, Infinity, -Infinity, NaN], "o": {"b": true, "a": null}, "empty": [[], {}]}`
	if got := string(document.AppendCompact([]byte("x"), v)); got != "x"+compact {
		t.Errorf("AppendCompact:\n got %s\nwant x%s", got, compact)
	}
	v.Delete("lone")
	indented := `{
    "text": "ü😀` + "\x7f\u2028" + `<&>\"\\\u0001\n",
    "n": [
        1,
        1.0,
        Infinity,
        -Infinity,
        NaN
    ],
    "o": {
        "b": true,
        "a": null
    },
    "empty": [
        [],
        {}
    ]
}`
	if got := string(document.AppendIndented(nil, v)); got != indented {
		t.Errorf("AppendIndented:\n got %s\nwant %s", got, indented)
	}
	deep := any("x")
	for range 12 {
		deep = []any{deep}
	}
	if got, want := string(document.AppendIndented(nil, deep)), "\n"+strings.Repeat(" ", 48)+`"x"`+"\n"; !strings.Contains(got, want) {
		t.Errorf("AppendIndented of 12 levels: got %s, want it to contain %q", got, want)
	}
}

// The spellings are in the facts of package python. Here it counts that a float does not lose its
// kind.
func TestFloat(t *testing.T) {
	for _, tt := range []struct {
		f    float64
		want document.Number
	}{
		{0, "0.0"}, {math.Copysign(0, -1), "-0.0"}, {1, "1.0"}, {-1.5, "-1.5"}, {1e16, "1e+16"}, {1.5e-7, "1.5e-07"},
		{math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
	} {
		got := document.Float(tt.f)
		if got != tt.want {
			t.Errorf("Float(%g): got %s, want %s", tt.f, got, tt.want)
		}
		if got.IsInt() {
			t.Errorf("Float(%g).IsInt: got true", tt.f)
		}
		if _, ok := got.BigInt(); ok {
			t.Errorf("Float(%g).BigInt: got an integer", tt.f)
		}
		if back := got.Float64(); back != tt.f && !(math.IsNaN(back) && math.IsNaN(tt.f)) {
			t.Errorf("Float(%g).Float64: got %g", tt.f, back)
		}
	}
}

func TestNumber(t *testing.T) {
	n := document.Int(-7)
	if i, ok := n.BigInt(); n != "-7" || !n.IsInt() || n.Float64() != -7 || !ok || i.Int64() != -7 {
		t.Errorf("Int(-7): got %s, integer %t, %g, %v", n, n.IsInt(), n.Float64(), i)
	}
	if got := document.Number("1" + strings.Repeat("0", 400)).Float64(); !math.IsInf(got, 1) {
		t.Errorf("Float64 of 1 and 400 zeros: got %g, want +Inf", got)
	}
}

func TestToInt(t *testing.T) {
	nines := strings.Repeat("9", 4301)
	for _, tt := range []struct {
		v    any
		want string // a number or the error
	}{
		{" 1_0\n", "10"}, {"-٣", "-3"}, {"x'", `invalid literal for int() with base 10: "x'"`}, {"1.5", "invalid literal for int() with base 10: '1.5'"},
		{document.Number("7"), "7"}, {document.Number("-1.9"), "-1"}, {document.Number("-0.5"), "0"}, {document.Number("1e+22"), "10000000000000000000000"},
		{document.Number("nan"), "cannot convert float NaN to integer"}, {document.Number("-inf"), "cannot convert float infinity to integer"},
		{true, "1"}, {false, "0"},
		{document.Bytes("1_0\r\n"), "10"}, {document.Bytes("٣"), `invalid literal for int() with base 10: b'\xd9\xa3'`},
		{nines, "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; use sys.set_int_max_str_digits() to increase the limit"},
		{nil, "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
		{[]any{"1"}, "int() argument must be a string, a bytes-like object or a real number, not 'list'"},
		{object(), "int() argument must be a string, a bytes-like object or a real number, not 'dict'"},
	} {
		n, err := document.ToInt(tt.v)
		got := string(n)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("ToInt(%.50v): got %s, want %s", tt.v, got, tt.want)
		}
	}
}

// How Python sees each kind of value. What it does with text is in the facts of package python.
func TestPython(t *testing.T) {
	for _, tt := range []struct {
		v                  any
		class, repr, spell string
		truth              bool
	}{
		{nil, "NoneType", "None", "None", false},
		{true, "bool", "True", "True", true},
		{false, "bool", "False", "False", false},
		{document.Number("12"), "int", "12", "12", true},
		{document.Number("0"), "int", "0", "0", false},
		{document.Number("1e+22"), "float", "1e+22", "1e+22", true},
		{document.Number("-0.0"), "float", "-0.0", "-0.0", false},
		{document.Number("nan"), "float", "nan", "nan", true},
		{"a", "str", "'a'", "a", true},
		{"", "str", "''", "", false},
		{"it's\n", "str", `"it's\n"`, "it's\n", true},
		{"a\xed\xa0\x80", "str", `'a\ud800'`, "a\xed\xa0\x80", true},
		{[]any{}, "list", "[]", "[]", false},
		{[]any{"a", nil, []any{true}}, "list", "['a', None, [True]]", "['a', None, [True]]", true},
		{object(), "dict", "{}", "{}", false},
		{object("a'", document.Int(1), "b", "x"), "dict", `{"a'": 1, 'b': 'x'}`, `{"a'": 1, 'b': 'x'}`, true},
		{document.Bytes("\xff"), "bytes", `b'\xff'`, `b'\xff'`, true},
		{[]any{document.Bytes("")}, "list", "[b'']", "[b'']", true},
	} {
		if got := document.Class(tt.v); got != tt.class {
			t.Errorf("Class(%#v): got %s, want %s", tt.v, got, tt.class)
		}
		if got := document.Repr(tt.v); got != tt.repr {
			t.Errorf("Repr(%#v): got %s, want %s", tt.v, got, tt.repr)
		}
		if got := document.Spell(tt.v); got != tt.spell {
			t.Errorf("Spell(%#v): got %s, want %s", tt.v, got, tt.spell)
		}
		if got := document.Truth(tt.v); got != tt.truth {
			t.Errorf("Truth(%#v): got %t, want %t", tt.v, got, tt.truth)
		}
	}
	if document.Truth(document.Bytes("")) {
		t.Error("Truth of no bytes: got true")
	}
}

// Small and large objects find members in different ways, which must not show.
func TestObject(t *testing.T) {
	for _, size := range []int{3, 100} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			var o document.Object
			key := func(i int) string { return fmt.Sprintf("key%d", i) }
			for i := range size {
				o.Set(key(i), i)
			}
			o.Set(key(1), "again")
			o.Delete(key(0))
			o.Delete("missing")
			o.Set(key(0), "back")
			if o.Len() != size {
				t.Fatalf("Len: got %d, want %d", o.Len(), size)
			}
			for i, m := range o.Members() {
				wantKey, wantValue := key(i+1), any(i+1)
				switch i {
				case 0:
					wantValue = "again"
				case size - 1:
					wantKey, wantValue = key(0), "back"
				}
				if m.Key != wantKey || m.Value != wantValue {
					t.Errorf("member %d: got %v, want %s: %v", i, m, wantKey, wantValue)
				}
				if v, ok := o.Get(wantKey); !ok || v != wantValue {
					t.Errorf("Get(%s): got %v, %t, want %v", wantKey, v, ok, wantValue)
				}
			}
			if v, ok := o.Get("missing"); ok {
				t.Errorf("Get of a missing key: got %v", v)
			}
		})
	}
}

// What is parsed survives both ways of writing it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -2.50, 1e400, NaN, true, null], "b": {"a": "\ud800\u00fc\n"}, "a": ""}`, "\ufeff", `"\u12`, `"\ud83d\ude00"`,
		"[[[[]]]]", "-", "1E+5", " \t", `{"a":1,}`, "\"\xff\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := document.Parse(text)
		if err != nil {
			syntax, ok := errors.AsType[*document.SyntaxError](err)
			if !ok {
				if len(text) > 4300 {
					return // perhaps an integer
				}
				t.Fatalf("got %T: %v, want a SyntaxError", err, err)
			}
			if syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Line < 1 || syntax.Column < 1 {
				t.Fatalf("the place is outside of the text: %v", err)
			}
			return
		}
		document.Repr(v)
		if !utf8.ValidString(text) {
			return // a byte that is no text becomes the surrogate that it stands for
		}
		for name, written := range map[string][]byte{
			"compact": document.AppendCompact(nil, v), "indented": document.AppendIndented(nil, v),
		} {
			again, err := document.Parse(string(written))
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, written)
			}
			if !reflect.DeepEqual(again, v) {
				t.Fatalf("%s:\n got %#v\nwant %#v", name, again, v)
			}
		}
		if got := document.AppendCompact(nil, v); strings.IndexFunc(string(got), func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
			t.Fatalf("AppendCompact is not ASCII: %q", got)
		}
	})
}
