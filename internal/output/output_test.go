package output_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
)

// golden is a value, as JSON, and what a format prints for it.
type golden struct {
	name, value, want string
}

func parse(t testing.TB, text string) any {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return v
}

func TestJSON(t *testing.T) {
	for _, g := range []golden{
		{"empty object prints nothing", `{}`, ""},
		{"null", `null`, "null\n"},
		{"empty list", `[]`, "[]\n"},
		{"scalar", `"u-1"`, "\"u-1\"\n"},
		{"members keep their order", `{"B": 1, "A": {}, "C": [], "D": [true, 1.50]}`, `{
    "B": 1,
    "A": {},
    "C": [],
    "D": [
        true,
        1.5
    ]
}
`},
		{"only what must be escaped is", `"é漢😀 <&> \" \\ \t \u0001 \u007f"`, `"é漢😀 <&> \" \\ \t \u0001 ` + "\x7f\"\n"},
		{"lone surrogate stays an escape", `["a\udc80b", "\ud7ff", "\udfff\ud800"]`, `[
    "a\udc80b",
    "` + "\ud7ff" + `",
    "\udfff\ud800"
]
`},
		{"byte that is not UTF-8", "\"\xff\"", `"\udcff"` + "\n"},
	} {
		t.Run(g.name, func(t *testing.T) {
			var b strings.Builder
			if err := output.JSON(&b, parse(t, g.value)); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); got != g.want {
				t.Errorf("value %s\n got %q\nwant %q", g.value, got, g.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, g := range []golden{
		{"null", `null`, "None\n"},
		{"booleans and numbers as Python has them", `[true, false, null, 1, 1.50, 1e22, 1e400]`,
			"True\tFalse\tNone\t1\t1.5\t1e+22\tinf\n"},
		{"nothing to print", `{"A": [], "B": {}, "C": [{}, {}], "D": [[], []]}`, ""},
		{"empty string", `""`, "\n"},
		{"scalars by key, then nested by key",
			`{"Z": {"B": 2, "A": 1}, "b": "x", "B": "y", "A": {"C": {"D": 3}}}`,
			"y\tx\nC\t3\nZ\t1\t2\n"},
		{"key in upper case on every line", `{"Users": [{"Id": "a"}, {"Id": "b"}], "Straße": ["x", "y"]}`,
			"STRASSE\tx\nSTRASSE\ty\nUSERS\ta\nUSERS\tb\n"},
		{"a letter that has no capital of its own", `{"ŉ": ["x"]}`, "ʼN\tx\n"},
		{"rows have the columns of all structures", `{"L": [{"A": 1}, {"C": 3, "M": {"X": 9}}, {}]}`,
			"L\t1\t\nL\t\t3\nM\t9\nL\t\t\n"},
		{"bare list on one line", `["a", "b"]`, "a\tb\n"},
		{"list of lists", `[["a", null], [], ["b"]]`, "a\tNone\nb\n"},
		{"scalars of a mixed list first", `[["a"], 1, [["b"]], 2]`, "1\t2\na\nb\n"},
		{"mixed list below a key", `{"K": [["a", "c"], 1]}`, "K\t1\nK\ta\nK\tc\n"},
		{"a list in a scalar's column is an expression",
			`[{"A": 1}, {"A": [null, true, 2.0, "x", "it's", "it's \"so\"", "\n\\\u0001\u200b\udb40\udc01é", {"k": {}}]}]`,
			"1\n" + `[None, True, 2.0, 'x', "it's", 'it\'s "so"', '\n\\\x01\u200b\U000e0001é', {'k': {}}]` + "\n"},
		{"tabs and line ends are not escaped", `"a\tb\nc"`, "a\tb\nc\n"},
		{"lone surrogate", `["a\ud800b"]`, "a\uFFFDb\n"},
	} {
		t.Run(g.name, func(t *testing.T) {
			var b strings.Builder
			if err := output.Text(&b, parse(t, g.value)); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); got != g.want {
				t.Errorf("value %s\n got %q\nwant %q", g.value, got, g.want)
			}
		})
	}
}

// A list that mixes structures with other values stops version 1 too, after the lines before it.
func TestText_mixedList(t *testing.T) {
	var b strings.Builder
	err := output.Text(&b, parse(t, `{"A": 1, "B": [{"C": 2}, "x"], "D": ["y"]}`))
	if err == nil {
		t.Error("got no error")
	}
	if got, want := b.String(), "1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTable(t *testing.T) {
	for _, g := range []golden{
		{"null", `null`, ""},
		{"false", `false`, ""},
		{"zero", `0`, ""},
		{"zero as a float", `-0.0`, ""},
		{"empty string", `""`, ""},
		{"empty list", `[]`, ""},
		{"empty structure", `{}`, ""},
		{"scalar", `"u-1"`, `
-----------
|ListUsers|
+---------+
`},
		{"list of scalars", `["u-1", null, true, 1.50]`, `
-----------
|ListUsers|
+---------+
|  u-1    |
|  None   |
|  True   |
|  1.5    |
+---------+
`},
		{"list of lists", `[["u-1", "Ann"], ["u-2", null]]`, `
-----------------
|   ListUsers   |
+------+--------+
|  u-1 |  Ann   |
|  u-2 |  None  |
+------+--------+
`},
		{"one scalar is a row with its key", `{"NextToken": "t"}`, `
--------------------
|     ListUsers    |
+------------+-----+
|  NextToken |  t  |
+------------+-----+
`},
		{"keys are sorted", `{"b": 1, "Z": 2, "a": ""}`, `
-----------------
|   ListUsers   |
+---+-----+-----+
| Z |  a  |  b  |
+---+-----+-----+
|  2|     |  1  |
+---+-----+-----+
`},
		{"list of structures", `{"Users": [{"UserId": "u-1"}, {"Name": "Ann"}, {}]}`, `
----------------------
|      ListUsers     |
+--------------------+
||       Users      ||
|+-------+----------+|
|| Name  | UserId   ||
|+-------+----------+|
||       |  u-1     ||
||  Ann  |          ||
||       |          ||
|+-------+----------+|
`},
		{"nested members repeat the section",
			`{"Rooms": [{"Id": "r1", "Name": "n", "Owner": {"A": 1, "B": 2}}, {"Id": "r2", "Tags": ["x", "y"], "Owner": {}}]}`, `
------------------
|    ListUsers   |
+----------------+
||     Rooms    ||
|+-----+--------+|
|| Id  | Name   ||
|+-----+--------+|
||  r1 |  n     ||
|+-----+--------+|
|||    Owner   |||
||+-----+------+||
|||  A  |  B   |||
||+-----+------+||
|||  1  |  2   |||
||+-----+------+||
||     Rooms    ||
|+-----+--------+|
|| Id  | Name   ||
|+-----+--------+|
||  r2 |        ||
|+-----+--------+|
|||    Tags    |||
||+------------+||
|||  x         |||
|||  y         |||
||+------------+||
`},
		{"structures without scalars leave the title bare", `{"L": [{"A": [1]}]}`, `
-----------
|ListUsers|
+---------+
||   L   ||
|||  A  |||
||+-----+||
|||  1  |||
||+-----+||
`},
		{"wide, full width, ambiguous, combining characters and emoji count two, others one",
			"[\"漢\", \"Ａ\", \"±\", \"e\u0301\", \"😀\", \"é\", \"ñ\", \"wwwwwwwwww\"]", "\n" +
				"----------------\n" +
				"|   ListUsers  |\n" +
				"+--------------+\n" +
				"|  漢          |\n" +
				"|  Ａ          |\n" +
				"|  ±          |\n" +
				"|  e\u0301         |\n" +
				"|  😀          |\n" +
				"|  é          |\n" +
				"|  ñ           |\n" +
				"|  wwwwwwwwww  |\n" +
				"+--------------+\n"},
		{"a structure within a list of scalars is a row of its keys", `[2, {"a": 1}]`, `
-----------
|ListUsers|
+---------+
|  2      |
|  a      |
+---------+
`},
		{"a scalar where others have a structure is a column and a section", `[{"A": 1}, {"A": {"B": "x"}}]`, `
----------------
|   ListUsers  |
+--------------+
|       A      |
+--------------+
|  1           |
+--------------+
||      A     ||
|+------------+|
|   ListUsers  |
+--------------+
|       A      |
+--------------+
|  {'B': 'x'}  |
+--------------+
||      A     ||
|+-----+------+|
||  B  |  x   ||
|+-----+------+|
`},
		{"lists within lists of lists go on in the section", `[["a"], [["b"], ["c"]]]`, `
-----------
|ListUsers|
+---------+
|  a      |
|  b      |
|  c      |
+---------+
`},
		{"lone surrogate", `["a\ud800b"]`, "\n" +
			"-----------\n" +
			"|ListUsers|\n" +
			"+---------+\n" +
			"|  a\uFFFDb   |\n" +
			"+---------+\n"},
	} {
		t.Run(g.name, func(t *testing.T) {
			checkTable(t, g.value, strings.TrimPrefix(g.want, "\n"), output.Terminal{Width: output.DefaultWidth})
		})
	}
}

func checkTable(t *testing.T, value, want string, terminal output.Terminal) {
	t.Helper()
	var b strings.Builder
	if err := output.Table(&b, "ListUsers", parse(t, value), terminal); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != want {
		t.Errorf("value %s\n got\n%s\nwant\n%s", value, got, want)
	}
}

// A table as wide as the terminal stays as it is. A wider one has its sections of one row
// turned upright, and only those.
func TestTable_width(t *testing.T) {
	const value = `{"User": {"Email": "ann@example.com", "Name": "Ann"}, "Tags": [{"A": 1, "B": 2}, {"A": 3, "B": 4}]}`
	const flat = `-------------------------------
|          ListUsers          |
+-----------------------------+
||           Tags            ||
|+------------+--------------+|
||      A     |      B       ||
|+------------+--------------+|
||  1         |  2           ||
||  3         |  4           ||
|+------------+--------------+|
||           User            ||
|+------------------+--------+|
||       Email      | Name   ||
|+------------------+--------+|
||  ann@example.com |  Ann   ||
|+------------------+--------+|
`
	checkTable(t, value, flat, output.Terminal{Width: 31})
	const upright = `--------------------------------
|           ListUsers          |
+------------------------------+
||            Tags            ||
|+-------------+--------------+|
||      A      |      B       ||
|+-------------+--------------+|
||  1          |  2           ||
||  3          |  4           ||
|+-------------+--------------+|
||            User            ||
|+--------+-------------------+|
||  Email |  ann@example.com  ||
||  Name  |  Ann              ||
|+--------+-------------------+|
`
	checkTable(t, value, upright, output.Terminal{Width: 30})
	checkTable(t, value, upright, output.Terminal{Width: 0})
}

// Version 1's color support ends each write, even an empty one, with a reset.
func TestTable_color(t *testing.T) {
	const (
		r    = "\x1b[0m"
		bar  = "\x1b[2m\x1b[33m|\x1b[0m" + r
		blue = "\x1b[1m\x1b[34m"
	)
	checkTable(t, `{"A": "x", "B": ["室"]}`, ""+
		"------------\n"+r+
		r+"| ListUsers|"+r+r+"\n"+r+
		r+"+----+-----+"+r+r+"\n"+r+
		r+"|  "+blue+"A"+r+" |  "+blue+"x"+r+"  |"+r+r+"\n"+r+
		r+"+----+-----+"+r+r+"\n"+r+
		bar+"|    B   |"+r+bar+"\n"+r+
		bar+"+--------+"+r+bar+"\n"+r+
		bar+"|  "+blue+"室"+r+"    |"+r+bar+"\n"+r+
		bar+"+--------+"+r+bar+"\n"+r,
		output.Terminal{Width: output.DefaultWidth, Color: true})
}

func TestTable_errors(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`[["a", "b", "c"], ["d", "e"]]`, "Row should have 3 elements, instead it has 2"},
		{`{"A": 1, "x": [1, [2, 3]]}`, "Row should have 1 elements, instead it has 2"},
		{`[[], ["a"]]`, "Row should have 0 elements, instead it has 1"},
		{`[["a"], [{"A": 1, "B": 2}]]`, "Row should have 1 elements, instead it has 2"},
		{`{"A": 1, "L": [{"B": 1}, "x"]}`, "mixes structures with other values"},
	} {
		var b strings.Builder
		err := output.Table(&b, "ListUsers", parse(t, c.value), output.Terminal{Width: output.DefaultWidth})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %s", c.value, err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: got %q, want nothing printed", c.value, b.String())
		}
	}
}

// The caller of a command whose output is piped into head needs to see why writing failed.
func TestWriteError(t *testing.T) {
	closed, w := io.Pipe()
	closed.Close()
	v := parse(t, `{"Users": [{"UserId": "u-1"}]}`)
	for name, err := range map[string]error{
		"JSON":  output.JSON(w, v),
		"Text":  output.Text(w, v),
		"Table": output.Table(w, "ListUsers", v, output.Terminal{Width: output.DefaultWidth}),
	} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got error %v, want %v", name, err, io.ErrClosedPipe)
		}
	}
}
