package python_test

import (
	"bufio"
	"flag"
	"io"
	"io/fs"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/python"
)

// facts names a file to compare with, in the form that testdata/facts.py writes.
var facts = flag.String("facts", "testdata/facts.txt", "file of facts to compare with")

// text makes an answer that cannot fail one that can.
func text(answer func(string) string) func(string) (string, error) {
	return func(s string) (string, error) { return answer(s), nil }
}

// rules are the answers of this package, by the names that the facts have for them.
var rules = map[string]func(string) (string, error){
	"int":      python.ParseInt,
	"intbytes": func(s string) (string, error) { return python.ParseIntBytes([]byte(s)) },
	"float": func(s string) (string, error) {
		f, err := python.ParseFloat(s)
		return python.FormatFloat(f), err
	},
	"truncate": func(s string) (string, error) {
		f, err := python.ParseFloat(s)
		if err != nil {
			return "", err
		}
		return python.TruncateFloat(f)
	},
	"repr":       text(python.Repr),
	"reprbytes":  text(func(s string) string { return python.ReprBytes([]byte(s)) }),
	"strip":      text(python.Strip),
	"lstrip":     text(python.StripLeft),
	"rstrip":     text(python.StripRight),
	"stripbytes": text(func(s string) string { return string(python.StripBytes([]byte(s))) }),
	"lower":      text(python.Lower),
	"upper":      text(python.Upper),
	"newlines":   text(python.UniversalNewlines),
	"len":        text(func(s string) string { return strconv.Itoa(python.Len(s)) }),
	"encode":     func(s string) (string, error) { return s, python.Encodable(s) },
	"decode":     func(s string) (string, error) { return python.Decode([]byte(s)) },
	"decodejson": func(s string) (string, error) { return python.DecodeJSON([]byte(s)) },
	"backslash":  text(func(s string) string { return string(python.EscapeSurrogates([]byte(s))) }),
}

func TestFacts(t *testing.T) {
	file, err := os.Open(*facts)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]int{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), "\t")
		rule, ok := rules[parts[0]]
		if !ok || len(parts) != 3 {
			t.Fatalf("not a fact: %.200s", lines.Text())
		}
		seen[parts[0]]++
		argument, err := strconv.Unquote(parts[1])
		if err != nil {
			t.Fatalf("reading %.200s: %v", parts[1], err)
		}
		want, err := strconv.Unquote(parts[2][1:])
		if err != nil {
			t.Fatalf("reading %.200s: %v", parts[2], err)
		}
		got, err := rule(argument)
		switch {
		case parts[2][0] == '!' && (err == nil || err.Error() != want):
			t.Errorf("%s(%.200q): got %.200q, %v, want the error %.200s", parts[0], argument, got, err, want)
		case parts[2][0] == '=' && (err != nil || got != want):
			t.Errorf("%s(%.200q): got %.200q, %v, want %.200q", parts[0], argument, got, err, want)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("compared %v", seen)
}

// What Python 3.11.7 says of s.encode("latin-1").
func TestEncodeLatin1(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"", "", ""}, {"t\u00f6k", "t\xf6k", ""},
		{"a\u6f22", "", `'latin-1' codec can't encode character '\u6f22' in position 1: ordinal not in range(256)`},
		{"\U0001F600", "", `'latin-1' codec can't encode character '\U0001f600' in position 0: ordinal not in range(256)`},
		{"\u00f6\u6f22\u0100b\u6f22", "", `'latin-1' codec can't encode characters in position 1-2: ordinal not in range(256)`},
	} {
		got, err := python.EncodeLatin1(tt.in)
		if got != tt.want || (err != nil || tt.err != "") && (err == nil || err.Error() != tt.err) {
			t.Errorf("%q: got %q, %v, want %q, %s", tt.in, got, err, tt.want, tt.err)
		}
	}
}

// The limits are those of Python 3.11.7; older releases have none.
func TestParseInt_limit(t *testing.T) {
	const limit = "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; " +
		"use sys.set_int_max_str_digits() to increase the limit"
	invalid := func(repr string) string { return "invalid literal for int() with base 10: " + repr[:200] }
	nines := strings.Repeat("9", 4300)
	for _, tt := range []struct {
		name, text string
		want       string // a number or the error
	}{
		{"allowed", nines, nines},
		{"allowed with a sign and blanks", " -" + nines + "\n", "-" + nines},
		{"too many", nines + "9", limit},
		{"negative", "-" + nines + "9", limit},
		{"zeros", strings.Repeat("0", 4301), limit},
		{"underscores do not count", strings.Repeat("1_", 4299) + "1", strings.Repeat("1", 4300)},
		{"too many between underscores", strings.Repeat("1_", 4300) + "1", limit},
		{"of another script", strings.Repeat("٣", 4301), limit},
		{"before junk", nines + "9x", limit},
		{"before a junk character", nines + "9½", limit},
		{"before an underscore", nines + "9_", invalid("'" + nines)},
		{"before two underscores", nines + "9__1", invalid("'" + nines)},
	} {
		got, err := python.ParseInt(tt.text)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %.300s, want %.300s", tt.name, got, tt.want)
		}
	}
	for text, want := range map[string]string{nines + "9": limit, nines + "9\xFF": limit, strings.Repeat("٣", 4301): invalid(`b'` + strings.Repeat(`\xd9\xa3`, 50))} {
		if _, err := python.ParseIntBytes([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("ParseIntBytes(%.10q...): got %v, want %s", text, err, want)
		}
	}
}

func TestDecodeAs(t *testing.T) {
	for _, tt := range []struct{ encoding, in, want string }{
		{"utf-8", "\xC3\xA9", "é"},
		{"UTF8", "\xFF", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"},
		{"utf-8-sig", "\xEF\xBB\xBF\xC3\xA9", "é"},
		{"ISO-8859-1", "\xE9\x80", "é\u0080"},
		{"latin 1", "\xE9", "é"},
		{"us-ascii", "a\xE9", "'ascii' codec can't decode byte 0xe9 in position 1: ordinal not in range(128)"},
		{"Windows-1252", "\x80\xE9\x9F", "€éŸ"},
		{"cp1252", "a\x81", "'charmap' codec can't decode byte 0x81 in position 1: character maps to <undefined>"},
		{"bogus", "a", "unknown encoding: bogus"},
	} {
		got, err := python.DecodeAs([]byte(tt.in), tt.encoding)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("DecodeAs(%q, %q): got %q, want %q", tt.in, tt.encoding, got, tt.want)
		}
	}
}

func TestOSError(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "it's")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, missing := os.ReadFile(filepath.Join(dir, "nowhere"))
	_, command := exec.LookPath("no-such-program-anywhere")
	for _, tt := range []struct {
		err        error
		path, want string
	}{
		{missing, "nowhere", "[Errno 2] No such file or directory: 'nowhere'"},
		{command, "it's", `[Errno 2] No such file or directory: "it's"`},
		{fs.ErrPermission, "ü\u200b", `[Errno 13] Permission denied: 'ü\u200b'`},
		{io.ErrUnexpectedEOF, "x", "unexpected EOF"},
	} {
		if got := python.OSError(tt.err, tt.path); got.Error() != tt.want {
			t.Errorf("OSError(%v): got %s, want %s", tt.err, got, tt.want)
		}
	}
}

// FuzzNumbers checks that what is a number has the value that it looks like, in one spelling.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"1_0", "-٣", " +007\n", "1e400", "nan", "0x1p3", "１２.５", "\xED\xA0\x80", "1\xFF", "\x1c1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := python.ParseInt(s); err == nil {
			i, ok := new(big.Int).SetString(n, 10)
			if !ok || i.String() != n {
				t.Fatalf("ParseInt(%q): got %q, which is no number in its shortest form", s, n)
			}
			if again, err := python.ParseInt(n); err != nil || again != n {
				t.Fatalf("ParseInt(%q): got %q, %v, want it back", n, again, err)
			}
			// What is an integer is a float, too, the nearest one.
			want, _ := new(big.Float).SetInt(i).Float64()
			if got, err := python.ParseFloat(s); err != nil || got != want {
				t.Fatalf("ParseFloat(%q): got %g, %v, want %g", s, got, err, want)
			}
		}
		x, err := python.ParseFloat(s)
		if err != nil {
			return
		}
		if again, err := python.ParseFloat(python.FormatFloat(x)); err != nil || math.Float64bits(again) != math.Float64bits(x) {
			t.Fatalf("ParseFloat(%q): got %g, which comes back as %g, %v", s, x, again, err)
		}
		if n, err := python.TruncateFloat(x); err == nil {
			if i, err := python.ParseInt(n); err != nil || i != n {
				t.Fatalf("TruncateFloat(%g): got %q, %v", x, n, err)
			}
		}
	})
}

// FuzzText checks that every byte is part of a character, and that what is shown is UTF-8.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "é😀", "a\xED\xA0\x80b", "\xED\xB0\x80\xED\xA0\x80", "\x80\xFF", "\xED\xA0", "\xF4\x90\x80\x80", "it's\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for rest := s; rest != ""; n++ {
			r, size := python.DecodeRune(rest)
			if size == 0 || r == utf8.RuneError && size != 3 {
				t.Fatalf("DecodeRune(%q): got %U of %d bytes", rest, r, size)
			}
			rest = rest[size:]
		}
		if got := python.Len(s); got != n {
			t.Fatalf("Len(%q): got %d, want %d", s, got, n)
		}
		runes := python.Runes(s)
		if again := python.Runes(python.String(runes)); !slices.Equal(again, runes) {
			t.Fatalf("String of the runes of %q: got %U, want %U", s, again, runes)
		}
		valid := utf8.ValidString(s)
		if err := python.Encodable(s); (err == nil) != valid {
			t.Fatalf("Encodable(%q): got %v", s, err)
		}
		if text, err := python.Decode([]byte(s)); (err == nil) != valid || err == nil && text != s {
			t.Fatalf("Decode(%q): got %q, %v", s, text, err)
		}
		if text, err := python.DecodeJSON([]byte(s)); err == nil && python.String(python.Runes(text)) != text {
			t.Fatalf("DecodeJSON(%q): got %q, which holds bytes that are no characters", s, text)
		}
		for name, got := range map[string]string{"EscapeSurrogates": string(python.EscapeSurrogates([]byte(s))), "Repr": python.Repr(s), "ReprBytes": python.ReprBytes([]byte(s))} {
			if !utf8.ValidString(got) {
				t.Fatalf("%s(%q): got %q, which is not UTF-8", name, s, got)
			}
		}
		if got := python.Strip(s); python.StripLeft(got) != got || python.StripRight(got) != got || !strings.Contains(s, got) {
			t.Fatalf("Strip(%q): got %q", s, got)
		}
	})
}

// Like everything of this package, as Python does it.
func TestDecodeBase64(t *testing.T) {
	for text, want := range map[string]string{
		"YQ==": "a", "Y=Q==": "a", "=YQ==": "a", "YQ==YQ==": "a", "-YWJj_\n": "abc", "====": "", "YQ=a=": "a\x06", "YQ=QQ": "a\x04\x10",
		"YQ=":   "Incorrect padding",
		"YQ":    "Incorrect padding",
		"YWJjZ": "Invalid base64-encoded string: number of data characters (5) cannot be 1 more than a multiple of 4",
	} {
		got, err := python.DecodeBase64(text)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
