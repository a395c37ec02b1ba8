package params_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/params"
)

var (
	text      = &model.Shape{Name: "Text", Kind: model.String, Min: 2, Max: 3}
	number    = &model.Shape{Name: "Number", Kind: model.Integer, Min: 1, Max: 9}
	flag      = &model.Shape{Name: "Flag", Kind: model.Boolean}
	when      = &model.Shape{Name: "When", Kind: model.Timestamp}
	color     = &model.Shape{Name: "Color", Kind: model.String, Enum: []string{"red", "green"}, Min: model.Unbounded}
	texts     = &model.Shape{Name: "Texts", Kind: model.List, Element: text, Min: 1, Max: 2}
	numbers   = &model.Shape{Name: "Numbers", Kind: model.List, Element: number, Min: model.Unbounded}
	flags     = &model.Shape{Name: "Flags", Kind: model.List, Element: flag, Min: model.Unbounded}
	structure = &model.Shape{Name: "Structure", Kind: model.Structure, Required: []string{"Texts", "Text"}, Members: []model.Member{
		{Name: "Text", Shape: text, Required: true}, {Name: "Number", Shape: number}, {Name: "Flag", Shape: flag},
		{Name: "Texts", Shape: texts, Required: true}, {Name: "Color", Shape: color}, {Name: "When", Shape: when},
	}}
	structures = &model.Shape{Name: "Structures", Kind: model.List, Element: structure, Min: model.Unbounded}
	whole      = &model.Shape{Name: "Whole", Kind: model.Structure, Members: []model.Member{
		{Name: "Structure", Shape: structure}, {Name: "Structures", Shape: structures}, {Name: "Numbers", Shape: numbers},
	}}
)

// newLoader returns a loader that knows one URL and the files given, whose folder is $dir.
func newLoader(t testing.TB, files map[string]string) *params.Loader {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &params.Loader{
		Expand: strings.NewReplacer("$dir", dir).Replace,
		Fetch: func(url string) (string, error) {
			if url == "http://host/items" {
				return "from the net", nil
			}
			return "", errors.New("received non 200 status code of 404")
		},
		FollowURLs: func() bool { return true },
	}
}

func spell(v any) string {
	if o, ok := v.(*document.Object); ok && o == nil {
		return ""
	}
	if b, ok := v.(document.Bytes); ok {
		return "bytes " + string(b)
	}
	return string(document.AppendCompact(nil, v))
}

func TestRead(t *testing.T) {
	files := newLoader(t, map[string]string{
		"text": "über\r\nalles\r", "binary": "\xff\x00", "json": " [\"a\", \"b\"]\n", "chars": "ab",
		"object": `{"Text": "x"}`, "objects": `[{"Text": "x"}, {}]`, "short": "Text=x,Number=1", "number": "7\n",
	})
	for _, tt := range []struct {
		shape *model.Shape
		words []string
		want  string
	}{
		// One word for one value.
		{text, []string{"x"}, `"x"`},
		{text, []string{""}, `""`},
		{text, []string{"[1]"}, `"[1]"`},
		{color, []string{"blue"}, `"blue"`},
		{when, []string{"2020-01-01"}, `"2020-01-01"`},
		{number, []string{" 1_0 "}, `10`},
		{number, []string{"٣"}, `3`},
		{text, []string{"\xff"}, `"\udcff"`},
		{flag, []string{"true"}, `true`},
		{flag, []string{"anything"}, `true`},
		{flag, []string{"FALSE"}, `false`},
		{flag, []string{""}, `false`},

		// Lists: words, or JSON in one word.
		{texts, nil, `[]`},
		{texts, []string{"a", "b"}, `["a", "b"]`},
		{texts, []string{"a"}, `["a"]`},
		{texts, []string{""}, `[""]`},
		{texts, []string{` ["a", 1]`}, `["a", 1]`},
		{texts, []string{`["a"]`, "b"}, `["[\"a\"]", "b"]`},
		{texts, []string{"{a"}, `["{a"]`},
		{numbers, []string{"1", "-2"}, `[1, -2]`},
		{flags, []string{"true", "false"}, `[true, false]`},

		// Structures: shorthand, or JSON.
		{structure, []string{"Text=1,Number=2,Flag=TRUE,Texts=3"}, `{"Text": "1", "Number": 2, "Flag": true, "Texts": ["3"]}`},
		{structure, []string{` {"Number": "2"} `}, `{"Number": "2"}`},
		{structure, []string{"Text@=file://$dir/text,Texts=a"}, `{"Text": "\u00fcber\nalles\n", "Texts": ["a"]}`},
		{structures, nil, `[]`},
		{structures, []string{"Text=a", "Text=b,Flag=false"}, `[{"Text": "a"}, {"Text": "b", "Flag": false}]`},
		{structures, []string{`{"Text": 1}`, `{}`}, `[{"Text": 1}, {}]`},
		{structures, []string{`[{"Text": "a"}, 7]`}, `[{"Text": "a"}, 7]`},

		// Files.
		{text, []string{"file://$dir/text"}, `"\u00fcber\nalles\n"`},
		{text, []string{"fileb://$dir/binary"}, "bytes \xff\x00"},
		{number, []string{"file://$dir/number"}, `7`},
		{number, []string{"fileb://$dir/number"}, `7`},
		{texts, []string{"file://$dir/json"}, `["a", "b"]`},
		{texts, []string{"file://$dir/chars"}, `["a", "b"]`},
		{texts, []string{"file://$dir/json", "x"}, `["file://$dir/json", "x"]`},
		{structure, []string{"file://$dir/object"}, `{"Text": "x"}`},
		{structure, []string{"file://$dir/short"}, `{"Text": "x", "Number": 1}`},
		{structures, []string{"file://$dir/objects"}, `[{"Text": "x"}, {}]`},
		// Version 1 makes no list of it, nor a number of the 1; validation will say so.
		{structures, []string{"file://$dir/short"}, `{"Text": "x", "Number": "1"}`},
		{structures, []string{"Text@=file://$dir/chars"}, `[{"Text": "ab"}]`},
		{structure, []string{"Text=file://$dir/chars"}, `{"Text": "file://$dir/chars"}`},

		// URLs.
		{text, []string{"http://host/items"}, `"from the net"`},
		{structure, []string{"Text@=http://host/items"}, `{"Text": "http://host/items"}`},
	} {
		got, err := params.Read("--option", &model.Member{Shape: tt.shape}, tt.words, files)
		if err != nil {
			t.Errorf("Read of a %s from %q: %v", tt.shape.Name, tt.words, err)
		} else if spell(got) != tt.want {
			t.Errorf("Read of a %s from %q: got %s, want %s", tt.shape.Name, tt.words, spell(got), tt.want)
		}
	}
}

func TestRead_errors(t *testing.T) {
	const tooLong = "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; use sys.set_int_max_str_digits() to increase the limit"
	files := newLoader(t, map[string]string{"binary": "\xff\x00", "broken": "{\n 'a'}", "text": "x", "blank": "\u3000\n"})
	for _, tt := range []struct {
		shape *model.Shape
		words []string
		want  string // $dir for the folder
	}{
		{number, []string{"abc"}, "invalid literal for int() with base 10: 'abc'"},
		{number, []string{""}, "invalid literal for int() with base 10: ''"},
		{numbers, []string{"1", "x"}, "Error parsing parameter '--option': 1"}, // sic: the first word
		{texts, []string{"[1"}, "Error parsing parameter '--option': Invalid JSON: Expecting ',' delimiter: line 1 column 3 (char 2)\nJSON received: [1"},
		{structure, []string{"{a"}, "Error parsing parameter '--option': Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\nJSON received: {a"},
		{structure, []string{"[]"}, "Error parsing parameter '--option': Invalid JSON:\n[]"},
		{structures, []string{"{}", "x"}, "Error parsing parameter '--option': Invalid JSON:\nx"},
		{structures, []string{"[{}]", "{}"}, "Error parsing parameter '--option': Invalid JSON:\n[{}]"},
		{structure, []string{"Text"}, "Error parsing parameter '--option': Expected: '=', received: 'EOF' for input:\nText\n    ^"},
		{structures, []string{"Text=a", "Text=a,Text=b"}, "Error parsing parameter '--option': Second instance of key \"Text\" encountered for input:\n" +
			"Text=a,Text=b\n       ^\nThis is often because there is a preceding \",\" instead of a space."},
		{structure, []string{"Number=x"}, "invalid literal for int() with base 10: 'x'"},

		{text, []string{"file://$dir/none"}, "Error parsing parameter '--option': Unable to load paramfile file://$dir/none: [Errno 2] No such file or directory: '$dir/none'"},
		{text, []string{"fileb://$dir"}, "Error parsing parameter '--option': Unable to load paramfile fileb://$dir: [Errno 21] Is a directory: '$dir'"},
		{text, []string{"file://$dir/binary"}, "Error parsing parameter '--option': Unable to load paramfile ($dir/binary), text contents could not be decoded.  " +
			"If this is a binary file, please use the fileb:// prefix instead of the file:// prefix."},
		{number, []string{"fileb://$dir/binary"}, `invalid literal for int() with base 10: b'\xff\x00'`},
		{number, []string{strings.Repeat("9", 4301)}, tooLong},
		{structure, []string{`{"Number": ` + strings.Repeat("9", 4301) + "}"}, "Error parsing parameter '--option': Invalid JSON: " + tooLong +
			"\nJSON received: {\"Number\": " + strings.Repeat("9", 4301) + "}"},
		{texts, []string{"file://$dir/blank"}, "string index out of range"},
		// A list from a file that is no JSON list is taken apart into characters.
		{structures, []string{"file://$dir/broken"}, "Error parsing parameter '--option': Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\nJSON received: {"},
		{structure, []string{"file://$dir/broken"}, "Error parsing parameter '--option': Invalid JSON: Expecting property name enclosed in double quotes: line 2 column 2 (char 3)\nJSON received: {\n 'a'}"},
		{structure, []string{"fileb://$dir/text"}, "Error parsing parameter '--option': fileb:// gives bytes, which only text members could hold; use file://"},
		// Inside shorthand the option is not named.
		{structures, []string{"Text@=file://$dir/none"}, "Unable to load paramfile file://$dir/none: [Errno 2] No such file or directory: '$dir/none'"},
		{text, []string{"http://host/other"}, "Error parsing parameter '--option': Unable to retrieve http://host/other: received non 200 status code of 404"},
	} {
		// The message has the expanded name only where version 1 has it.
		dir := files.Expand("$dir")
		words := slices.Clone(tt.words)
		for i := range words {
			words[i] = files.Expand(words[i])
		}
		got, err := params.Read("--option", &model.Member{Shape: tt.shape}, words, files)
		if err == nil {
			t.Errorf("Read of a %s from %q: got %s, want an error", tt.shape.Name, tt.words, spell(got))
		} else if text := strings.ReplaceAll(err.Error(), dir, "$dir"); text != tt.want {
			t.Errorf("Read of a %s from %q:\n got %q\nwant %q", tt.shape.Name, tt.words, text, tt.want)
		}
	}
}

// A word that is no URL must not make the configuration be read.
func TestLoad_asksOnlyAboutURLs(t *testing.T) {
	files := newLoader(t, map[string]string{"text": "x"})
	asked := 0
	files.FollowURLs = func() bool { asked++; return false }
	for _, word := range []string{"x", "file://$dir/text", "ftp://host", "HTTP://host"} {
		if _, err := params.Read("--option", &model.Member{Shape: text}, []string{word}, files); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 0 {
		t.Errorf("asked %d times about words that are no URLs", asked)
	}
	got, err := params.Read("--option", &model.Member{Shape: text}, []string{"https://host/items"}, files)
	if err != nil || got != "https://host/items" || asked != 1 {
		t.Errorf("got %v, %v after asking %d times, want the URL itself after asking once", got, err, asked)
	}
}

func TestReadInputJSON(t *testing.T) {
	files := newLoader(t, map[string]string{
		"text": ` {"b": 1, "a": {}} `, "mark": "\xEF\xBB\xBF{}", "wide": "\xFF\xFE{\x00\"\x00\xE9\x00\"\x00:\x001\x00}\x00", "latin": "{\xE9\n",
	})
	const invalid = "Error parsing parameter 'cli-input-json': Invalid JSON: "
	for _, tt := range []struct {
		word, want string // JSON or an error
	}{
		{` {"b": 1, "a": {}} `, `{"b": 1, "a": {}}`},
		{"file://$dir/text", `{"b": 1, "a": {}}`},
		{"fileb://$dir/text", `{"b": 1, "a": {}}`},
		{"fileb://$dir/mark", `{}`},
		{"fileb://$dir/wide", `{"\u00e9": 1}`},
		{"{", invalid + "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\nJSON received: {"},
		{"file://$dir/mark", invalid + "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)\nJSON received: \uFEFF{}"},
		{"fileb://$dir/latin", invalid + `'utf-8' codec can't decode byte 0xe9 in position 1: invalid continuation byte` + "\n" + `JSON received: b'{\xe9\n'`},
		{"file://$dir/none", "Unable to load paramfile file://$dir/none: [Errno 2] No such file or directory: '$dir/none'"},
		{"[]", "Error parsing parameter 'cli-input-json': the JSON must be an object with the operation's members, such as --generate-cli-skeleton prints"},
	} {
		o, err := params.ReadInputJSON(files.Expand(tt.word), files)
		got := spell(o)
		if err != nil {
			got = strings.ReplaceAll(err.Error(), files.Expand("$dir"), "$dir")
		}
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.word, got, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		input string
		want  []string
	}{
		{`{}`, nil},
		{`{"Structure": {"Text": "ab", "Texts": ["ab"]}}`, nil},
		// Only lower bounds are checked; enums and timestamps are not.
		{`{"Structure": {"Text": "too long", "Texts": ["ab", "cd", "ef"], "Color": "blue", "Number": 10, "When": "2030-01-01"}}`, nil},
		{`{"Numbers": [1, true, 99999999999999999999]}`, nil},
		{`{"Structure": {"Text": "日本", "Texts": ["😀!"]}}`, nil},

		// In each structure: what is missing, in the contract's order, then what is unknown,
		// then the members as given, depth first.
		{`{"Foo": 1, "Structures": [{}, {"Bar": 1, "Text": "a"}], "Numbers": 5, "Baz": 2, "Structure": []}`, []string{
			`Unknown parameter in input: "Foo", must be one of: Structure, Structures, Numbers`,
			`Unknown parameter in input: "Baz", must be one of: Structure, Structures, Numbers`,
			`Missing required parameter in Structures[0]: "Texts"`,
			`Missing required parameter in Structures[0]: "Text"`,
			`Missing required parameter in Structures[1]: "Texts"`,
			`Unknown parameter in Structures[1]: "Bar", must be one of: Text, Number, Flag, Texts, Color, When`,
			`Invalid length for parameter Structures[1].Text, value: 1, valid min length: 2`,
			`Invalid type for parameter Numbers, value: 5, type: <class 'int'>, valid types: <class 'list'>, <class 'tuple'>`,
			`Invalid type for parameter Structure, value: [], type: <class 'list'>, valid types: <class 'dict'>`,
		}},
		{`{"Structure": {"Text": null, "Texts": [], "Flag": "true", "Number": 0}}`, []string{
			`Invalid type for parameter Structure.Text, value: None, type: <class 'NoneType'>, valid types: <class 'str'>`,
			`Invalid length for parameter Structure.Texts, value: 0, valid min length: 1`,
			`Invalid type for parameter Structure.Flag, value: true, type: <class 'str'>, valid types: <class 'bool'>`,
			`Invalid value for parameter Structure.Number, value: 0, valid min value: 1`,
		}},
		{`{"Structure": {"Text": {"a": ["it's"]}, "Texts": [true, 1.0, "a"], "Flag": 1}}`, []string{
			`Invalid type for parameter Structure.Text, value: {'a': ["it's"]}, type: <class 'dict'>, valid types: <class 'str'>`,
			`Invalid type for parameter Structure.Texts[0], value: True, type: <class 'bool'>, valid types: <class 'str'>`,
			`Invalid type for parameter Structure.Texts[1], value: 1.0, type: <class 'float'>, valid types: <class 'str'>`,
			`Invalid length for parameter Structure.Texts[2], value: 1, valid min length: 2`,
			`Invalid type for parameter Structure.Flag, value: 1, type: <class 'int'>, valid types: <class 'bool'>`,
		}},
		// A lone surrogate is one character.
		{`{"Structure": {"Text": "\ud800", "Texts": ["\ud800\ud801"]}}`, []string{`Invalid length for parameter Structure.Text, value: 1, valid min length: 2`}},
		{`{"Numbers": ["\ud800"]}`, []string{"Invalid type for parameter Numbers[0], value: \xED\xA0\x80, type: <class 'str'>, valid types: <class 'int'>"}},
		// A boolean is an integer to Python, an integral float is not.
		{`{"Numbers": [false, 1.0, -3, "7", NaN]}`, []string{
			`Invalid value for parameter Numbers[0], value: False, valid min value: 1`,
			`Invalid type for parameter Numbers[1], value: 1.0, type: <class 'float'>, valid types: <class 'int'>`,
			`Invalid value for parameter Numbers[2], value: -3, valid min value: 1`,
			`Invalid type for parameter Numbers[3], value: 7, type: <class 'str'>, valid types: <class 'int'>`,
			`Invalid type for parameter Numbers[4], value: nan, type: <class 'float'>, valid types: <class 'int'>`,
		}},
	} {
		input, err := document.Parse(tt.input)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = params.Validate(input.(*document.Object), whole)
		if invalid, ok := errors.AsType[*params.ValidationError](err); ok {
			got = invalid.Problems
			if text := "Parameter validation failed:\n" + strings.Join(tt.want, "\n"); err.Error() != text {
				t.Errorf("Validate(%s): the text is %q", tt.input, err)
			}
		} else if err != nil {
			t.Fatalf("got %T: %v", err, err)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Validate(%s):\n got %s\nwant %s", tt.input, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
	}

	anything := document.NewObject(document.Member{Key: "Foo", Value: document.Int(1)})
	if err := params.Validate(anything, nil); err != nil {
		t.Errorf("an operation without input: got %v, want anything to pass", err)
	}
	bytes := document.NewObject(document.Member{Key: "Numbers", Value: document.Bytes("a'\n\xff")},
		document.Member{Key: "Structure", Value: []any{document.Bytes("b")}})
	want := "Parameter validation failed:\n" +
		`Invalid type for parameter Numbers, value: b"a'\n\xff", type: <class 'bytes'>, valid types: <class 'list'>, <class 'tuple'>` + "\n" +
		`Invalid type for parameter Structure, value: [b'b'], type: <class 'list'>, valid types: <class 'dict'>`
	if err := params.Validate(bytes, whole); err == nil || err.Error() != want {
		t.Errorf("bytes:\n got %v\nwant %s", err, want)
	}
}

func TestSkeleton(t *testing.T) {
	input := `{"Structure": {"Text": "", "Number": 0, "Flag": true, "Texts": [""], "Color": "COLOR", "When": "1970-01-01T00:00:00"}, ` +
		`"Structures": [{"Text": "", "Number": 0, "Flag": true, "Texts": [""], "Color": "COLOR", "When": "1970-01-01T00:00:00"}], "Numbers": [0]}`
	seen := map[string]bool{}
	for range 100 {
		got := spell(params.InputSkeleton(whole))
		for _, c := range color.Enum {
			if strings.Contains(got, c) {
				seen[c] = true
				got = strings.ReplaceAll(got, c, "COLOR")
			}
		}
		if got != input {
			t.Fatalf("InputSkeleton:\n got %s\nwant %s", got, input)
		}
	}
	if len(seen) != len(color.Enum) {
		t.Errorf("of the enum a hundred skeletons hold %v, want each of %v", seen, color.Enum)
	}

	output := `{"Structure": {"Text": "Text", "Number": 0, "Flag": true, "Texts": ["Text"], "Color": "Color", "When": "1970-01-01T00:00:00"}, ` +
		`"Structures": [{"Text": "Text", "Number": 0, "Flag": true, "Texts": ["Text"], "Color": "Color", "When": "1970-01-01T00:00:00"}], "Numbers": [0]}`
	if got := spell(params.OutputSkeleton(whole, true)); got != output {
		t.Errorf("OutputSkeleton for JSON:\n got %s\nwant %s", got, output)
	}
	output = strings.ReplaceAll(output, "01T00", "01 00")
	if got := spell(params.OutputSkeleton(whole, false)); got != output {
		t.Errorf("OutputSkeleton for people:\n got %s\nwant %s", got, output)
	}
	if got := spell(params.InputSkeleton(nil)) + spell(params.OutputSkeleton(nil, true)); got != "{}{}" {
		t.Errorf("skeletons of no shape: got %s, want {}{}", got)
	}
}

// A skeleton has all of the contract's members, so it is an input but for its empty values.
func TestInputSkeleton_isComplete(t *testing.T) {
	for _, op := range chime.Service.All() {
		err := params.Validate(params.InputSkeleton(op.Input), op.Input)
		invalid, ok := errors.AsType[*params.ValidationError](err)
		if !ok {
			continue
		}
		for _, p := range invalid.Problems {
			if !strings.HasPrefix(p, "Invalid length") && !strings.HasPrefix(p, "Invalid value") {
				t.Errorf("%s: %s", op.Name, p)
			}
		}
	}
}

// Any words for any option make a value that can be validated and sent, or an error.
func FuzzRead(f *testing.F) {
	for i, word := range []string{
		"", "x", "Text=a,Number=1", `[{"Text": 1}]`, `{"Texts": ["a"`, "file://$dir/text", "fileb://$dir/text", "Text@=file://$dir/none", " 1_0", "http://host/items", "\xff", "Texts@=[fileb://$dir/text]",
	} {
		f.Add(uint8(i), word, word)
		f.Add(uint8(i), word, "")
	}
	files := newLoader(f, map[string]string{"text": "ab"})
	shapes := []*model.Shape{text, number, flag, when, color, texts, numbers, flags, structure, structures}
	f.Fuzz(func(t *testing.T, which uint8, first, second string) {
		if strings.Contains(first+second, "file") && !strings.Contains(first+second, "$dir") {
			return // not any file of this machine
		}
		shape := shapes[int(which)%len(shapes)]
		words := []string{first}
		if shape.Kind == model.List && second != "" {
			words = append(words, second)
		}
		v, err := params.Read("--option", &model.Member{Shape: shape}, words, files)
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("an error without text: %#v", err)
			}
			return
		}
		holder := &model.Shape{Kind: model.Structure, Members: []model.Member{{Name: "X", Shape: shape}}}
		input := document.NewObject(document.Member{Key: "X", Value: v})
		if params.Validate(input, holder) != nil {
			return
		}
		if _, ok := v.(document.Bytes); ok {
			t.Fatalf("bytes passed for a %s", shape.Name)
		}
		if _, err := document.Parse(string(document.AppendCompact(nil, input))); err != nil {
			t.Fatalf("what is sent is no JSON: %v", err)
		}
	})
}
