package shell_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/shell"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"", "''"},
		{"abc", "abc"},
		{"a/b-c_d.e:f=g,h@i%j+k", "a/b-c_d.e:f=g,h@i%j+k"},
		{"two words", "'two words'"},
		{"it's", `'it'"'"'s'`},
		{"'", `''"'"''`},
		{"$HOME", "'$HOME'"},
		{"~", "'~'"},
		{"*", "'*'"},
		{"a\nb", "'a\nb'"},
		{"ü", "'ü'"},
	} {
		if got := shell.Quote(c.word); got != c.want {
			t.Errorf("%q: got %s, want %s", c.word, got, c.want)
		}
	}
}

// A real shell reads what Quote writes.
func TestQuote_Shell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh on PATH")
	}
	for _, word := range []string{"", "a b", "it's", `"`, `\`, "$(false)", "`x`", "!!", "a\nb", "ü ö", "-n", "*", "~", "#x"} {
		out, err := exec.Command(sh, "-c", "printf %s. "+shell.Quote(word)).Output()
		if err != nil || string(out) != word+"." {
			t.Errorf("%q: the shell reads %q, %v", word, out, err)
		}
	}
}

// What is expected here is what Python's shlex.split answers.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
		err  string
	}{
		{text: ""},
		{text: " \t\r\n "},
		{text: "less -R", want: []string{"less", "-R"}},
		{text: "  a \t b\r\nc ", want: []string{"a", "b", "c"}},
		{text: `a'b c'd`, want: []string{"ab cd"}},
		{text: `'' ""`, want: []string{"", ""}},
		{text: `a\ b \'`, want: []string{"a b", "'"}},
		{text: `'a\b'`, want: []string{`a\b`}},
		{text: `"a\b \" \\ \$"`, want: []string{`a\b " \ \$`}},
		{text: `"it's" 'say "x"'`, want: []string{"it's", `say "x"`}},
		{text: "a#b # c", want: []string{"a#b", "#", "c"}},
		{text: "a;b|c&(", want: []string{"a;b|c&("}},
		{text: "$HOME ~ *", want: []string{"$HOME", "~", "*"}},
		{text: "a\vb\u00a0c", want: []string{"a\vb\u00a0c"}},
		{text: `a 'b`, err: "No closing quotation"},
		{text: `a "b`, err: "No closing quotation"},
		{text: `a "b\`, err: "No escaped character"},
		{text: `a \`, err: "No escaped character"},
	} {
		got, err := shell.Split(c.text)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if message != c.err || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %q, want %q, %q", c.text, got, message, c.want, c.err)
		}
	}
}

func TestSplitTyped(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", []string{""}},
		{"aws", []string{"aws"}},
		{"aws ", []string{"aws", ""}},
		{"aws chime get-b", []string{"aws", "chime", "get-b"}},
		{`aws 'a b`, []string{"aws", "a b"}},
		{`aws "a b" "`, []string{"aws", "a b", ""}},
		{`aws a\`, []string{"aws", "a"}},
		{`aws a\ `, []string{"aws", "a "}},
		{`aws "{\"a\": \n`, []string{"aws", `{"a": \n`}},
		{"cd x; aws a", []string{"aws", "a"}},
		{"cd x && aws a", []string{"aws", "a"}},
		{"x=$(aws a", []string{"aws", "a"}},
		{"cd x\naws a", []string{"aws", "a"}},
		{"aws ';' \\| a", []string{"aws", ";", "|", "a"}},
		{"aws a;", []string{""}},
	} {
		if got := shell.SplitTyped(c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

// Split gives back the words that Quote wrote, and never more than the text holds.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"", "a b", "it's", `"\`, "'", "ü", "\x00\xff"} {
		f.Add(seed, seed+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got, err := shell.Split(shell.Quote(a) + " " + shell.Quote(b))
		if err != nil || !slices.Equal(got, []string{a, b}) {
			t.Errorf("quoted %q and %q: got %q, %v", a, b, got, err)
		}
		words, err := shell.Split(a)
		if n := len(strings.Join(words, "")); n > len(a) || err != nil && words != nil {
			t.Errorf("%q: got %q, %v", a, words, err)
		}
		shell.SplitTyped(a)
	})
}
