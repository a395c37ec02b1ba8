package output_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/width"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
)

// seeds reach every kind of value that grow makes.
var seeds = []string{"", "\x08", "\x19\x03\x09\x04", "\x3b\x1b\x0b\x2b\x04\x03\x3b\x1b\x02\x01", "\x2b\x13\x03\x04\x13\x05\x06",
	"\x43\x1b\x3b\x03\x2b\x04\x05\x06\x07\x1b\x0a\x0b", "\x22\x1b\x0c\x0d\x1b\x0e\x0f\x10\x1b\x11"}

// grow makes a value from bytes: any bytes make one, so that fuzzing does not lose its time
// on text that is no JSON. There are no line ends in it.
func grow(data *[]byte, depth int) any {
	next := func() int {
		if len(*data) == 0 {
			return 0
		}
		b := (*data)[0]
		*data = (*data)[1:]
		return int(b)
	}
	words := [...]string{"", "A", "b", "UserId", "Straße", "漢字", "e\u0301", "it's", `"`, "\x07", "a\xED\xA0\x80b", "±"}
	n := next()
	kind, n := n%8, n/8
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return words[n%len(words)]
	case 1:
		return [...]any{nil, false, true}[n%3]
	case 2:
		return [...]document.Number{"0", "-0.0", "7", "1.5", "inf", "nan", "100000000000000000000"}[n%7]
	case 3:
		return strings.Repeat("w", n)
	case 4, 5:
		list := make([]any, n%5)
		for i := range list {
			list[i] = grow(data, depth-1)
		}
		return list
	default:
		o := new(document.Object)
		for range n % 5 {
			o.Set(words[next()%len(words)], grow(data, depth-1))
		}
		return o
	}
}

// FuzzText checks that text is whole lines of valid UTF-8 and that every failure has its reason.
func FuzzText(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := grow(&data, 6)
		var b strings.Builder
		err := output.Text(&b, v)
		if err != nil && !mixed(v) {
			t.Fatalf("got error %v for a value without mixed lists", err)
		}
		got := b.String()
		if got != "" && !strings.HasSuffix(got, "\n") || strings.ToValidUTF8(got, "") != got {
			t.Fatalf("got %q, want whole lines of UTF-8", got)
		}
	})
}

// mixed reports whether v holds a list of structures and other values.
func mixed(v any) bool {
	switch v := v.(type) {
	case []any:
		objects := 0
		for _, e := range v {
			if mixed(e) {
				return true
			}
			if _, ok := e.(*document.Object); ok {
				objects++
			}
		}
		return objects > 0 && objects < len(v)
	case *document.Object:
		for _, m := range v.Members() {
			if mixed(m.Value) {
				return true
			}
		}
	}
	return false
}

// FuzzTable checks that a table is a rectangle, and that color changes nothing but color.
func FuzzTable(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 80)
		f.Add([]byte(s), 0)
	}
	escapes := regexp.MustCompile("\x1b\\[[0-9]+m")
	f.Fuzz(func(t *testing.T, data []byte, columns int) {
		v := grow(&data, 6)
		var plain, colored strings.Builder
		err := output.Table(&plain, "ListUsers", v, output.Terminal{Width: columns})
		errColored := output.Table(&colored, "ListUsers", v, output.Terminal{Width: columns, Color: true})
		if err != nil {
			if plain.Len() > 0 {
				t.Fatalf("got %q beside the error %v", plain.String(), err)
			}
			return
		}
		if errColored != nil {
			t.Fatalf("got error %v only with color", errColored)
		}
		if got := escapes.ReplaceAllString(colored.String(), ""); got != plain.String() {
			t.Fatalf("with color got\n%s\nwant\n%s", got, plain.String())
		}
		lines := strings.Split(strings.TrimSuffix(plain.String(), "\n"), "\n")
		for _, line := range lines {
			if got, want := span(line), len(lines[0]); got != want {
				t.Fatalf("got a line of %d columns in a table of %d:\n%s", got, want, plain.String())
			}
		}
	})
}

// span counts the columns of a line as version 1 does.
func span(line string) int {
	n := 0
	for _, r := range line {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
			n++
		}
		n++
	}
	return n
}
