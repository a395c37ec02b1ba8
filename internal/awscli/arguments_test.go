package awscli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The options of the tests: one of each arity.
var (
	nameOption   = &option{name: "--name", required: true}
	countOption  = &option{name: "--count", integer: true}
	colorsOption = &option{name: "--colors", takes: many, choices: []string{"red", "green"}}
	kindOption   = &option{name: "--kind", takes: optional, choices: []string{"red", "green"}}
	wordsOption  = &option{name: "--words", takes: many}

	quietOption, noQuietOption = flagAndInverse("quiet")

	testOptions = []*option{nameOption, countOption, colorsOption, kindOption, quietOption, noQuietOption, wordsOption}
)

func flagAndInverse(name string) (on, off *option) {
	on = &option{name: "--" + name, takes: none}
	off = &option{name: "--no-" + name, takes: none, inverse: on}
	on.inverse = off
	return on, off
}

// describe spells what was parsed: the options that were given in the order of testOptions,
// then the positional, then what is left over.
func (p *parsed) describe() string {
	var parts []string
	for _, o := range testOptions {
		if given, ok := p.values[o]; ok {
			parts = append(parts, o.name+strings.ReplaceAll(fmt.Sprintf("%q", given), "[]", ""))
		}
	}
	if p.given {
		parts = append(parts, fmt.Sprintf("word %q", p.word))
	}
	if len(p.rest) > 0 {
		parts = append(parts, fmt.Sprintf("rest %q", p.rest))
	}
	return strings.Join(parts, " ")
}

func TestParse(t *testing.T) {
	loose := positional{name: "help"}
	command := positional{name: "command", choices: []string{"go", "stop"}, required: true}
	for _, tt := range []struct {
		line string // words between bars, without --name
		pos  positional
		want string // or the error
	}{
		{"", loose, ""},
		{"--count|1", loose, `--count["1"]`},
		{"--count=1", loose, `--count["1"]`},
		{"--count=", loose, "argument --count: invalid int value: ''"},
		{"--count| 1_0 ", loose, `--count[" 1_0 "]`},
		{"--count|x", loose, "argument --count: invalid int value: 'x'"},
		{"--count|1|--count|2", loose, `--count["2"]`},
		{"--count", loose, "argument --count: expected one argument"},
		{"--count|--quiet", loose, "argument --count: expected one argument"},

		// Abbreviations.
		{"--cou=1", loose, `--count["1"]`},
		{"--q", loose, "--quiet"},
		{"--co|1", loose, "ambiguous option: --co could match --count, --colors"},
		{"--co=1", loose, "ambiguous option: --co=1 could match --count, --colors"},
		{"--no", loose, "--no-quiet"},
		{"--n|x", loose, "ambiguous option: --n could match --name, --no-quiet"},
		{"-c|1", loose, `word "1" rest ["-c"]`},
		{"--counts|1", loose, `word "1" rest ["--counts"]`},

		// Flags.
		{"--quiet", loose, "--quiet"},
		{"--quiet|--no-quiet", loose, "--no-quiet"},
		{"--no-quiet|--quiet", loose, "--quiet"},
		{"--quiet=x", loose, "argument --quiet: ignored explicit argument 'x'"},
		{"--quiet=", loose, "argument --quiet: ignored explicit argument ''"},
		{"--quiet|x", loose, `--quiet word "x"`},

		// Several words, or perhaps none.
		{"--words", loose, "--words"},
		{"--words|a|b|--quiet|c", loose, `--quiet --words["a" "b"] word "c"`},
		{"--words|a|--words|b", loose, `--words["b"]`},
		{"--words=a|b", loose, `--words["a"] word "b"`},
		{"--words=", loose, `--words[""]`},
		{"--colors|red|blue", loose, "argument --colors: Invalid choice, valid choices are:\n\n" +
			"red                                      | green                                   "},
		{"--kind", loose, "--kind"},
		{"--kind|red|x", loose, `--kind["red"] word "x"`},
		{"--kind|grren", loose, "argument --kind: Invalid choice, valid choices are:\n\n" +
			"red                                      | green                                   \n\n\n" +
			"Invalid choice: 'grren', maybe you meant:\n\n  * green"},

		// Words that look like options.
		{"--words|-1|-.5|-1.5|-|- x|--a b|", loose, `--words["-1" "-.5" "-1.5" "-" "- x" "--a b" ""]`},
		{"--words|-x|-1e5|-1.", loose, `--words rest ["-x" "-1e5" "-1."]`},
		{"--words=-x", loose, `--words["-x"]`},
		{"--count|-1", loose, `--count["-1"]`},

		// Behind -- there are no options; the first one is dropped where the positional stands.
		{"--|--count|1", loose, `word "--count" rest ["1"]`},
		{"x|--|y|--", loose, `word "x" rest ["y" "--"]`},
		{"--words|--|a", loose, `--words word "a"`},
		{"--count|--|1", loose, "argument --count: expected one argument"},

		// The positional, and what is left over.
		{"go", command, `word "go"`},
		{"--x|go|--y|a|b", command, `word "go" rest ["--x" "--y" "a" "b"]`},
		{"--x=1|go", command, `word "go" rest ["--x=1"]`},
		{"a|b|c", loose, `word "a" rest ["b" "c"]`},
		{"", command, "the following arguments are required: command"},
		{"--", command, "the following arguments are required: command"},
		{"-1", command, "argument command: Invalid choice, valid choices are:\n\n" +
			"go                                       | stop                                    "},
	} {
		line := []string{"--name=n"}
		if tt.line != "" {
			line = append(line, strings.Split(tt.line, "|")...)
		}
		p, err := parse(line, testOptions, tt.pos)
		if err != nil {
			if _, usage := errors.AsType[usageError](err); !usage || err.Error() != tt.want {
				t.Errorf("parse(%q):\n got error %q\nwant %q", line, err, tt.want)
			}
			continue
		}
		if got := strings.TrimSpace(strings.TrimPrefix(p.describe(), `--name["n"]`)); got != tt.want {
			t.Errorf("parse(%q):\n got %s\nwant %s", line, got, tt.want)
		}
	}
}

func TestParse_required(t *testing.T) {
	second := &option{name: "--second", required: true}
	_, err := parse([]string{"--quiet"}, append(slices.Clone(testOptions), second), positional{name: "command", required: true})
	if want := "the following arguments are required: --name, --second, command"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// --version ends parsing where it stands: mistakes before it count, those after it do not.
func TestParse_version(t *testing.T) {
	options := []*option{versionOption, countOption}
	pos := positional{name: "command", choices: []string{"go"}, required: true}
	for _, line := range [][]string{{"--version"}, {"--ver"}, {"go", "--version", "--count", "x"}, {"--count", "1", "--version", "stop"}} {
		if _, err := parse(line, options, pos); err != (versionRequested{}) {
			t.Errorf("parse(%q): got error %v, want the version to be requested", line, err)
		}
	}
	for _, line := range [][]string{{"stop", "--version"}, {"--count", "x", "--version"}, {"--version=1"}} {
		if _, err := parse(line, options, pos); err == nil || err == (versionRequested{}) {
			t.Errorf("parse(%q): got error %v, want a mistake", line, err)
		}
	}
}

// The closest words as Python's difflib finds them.
func TestCloseMatches(t *testing.T) {
	operations := []string{
		"batch-suspend-user", "batch-unsuspend-user", "batch-update-user", "create-user", "get-user", "list-users", "logout-user",
		"update-user", "update-user-settings", "update-account", "get-account", "get-account-settings", "list-accounts", "help",
	}
	for _, tt := range []struct {
		word string
		want []string
	}{
		{"updat-user", []string{"update-user"}},
		{"list-user", []string{"list-users"}},
		{"batch-suspend-users", []string{"batch-suspend-user", "batch-unsuspend-user"}},
		{"get-accounts", []string{"get-account", "list-accounts"}},
		{"update-users", []string{"update-user"}},
		{"Get-User", nil},
		{"user", nil},
		{"", nil},
		{"hepl", nil}, // a ratio of 0.75
	} {
		if got := closeMatches(tt.word, operations); !slices.Equal(got, tt.want) {
			t.Errorf("closeMatches(%q): got %q, want %q", tt.word, got, tt.want)
		}
	}
	// At most three, the closest first; of equals the last in the alphabet.
	if got, want := closeMatches("abcde", []string{"abcd", "xabcde", "abcde", "abcdex", "abcdey"}), []string{"abcde", "xabcde", "abcdey"}; !slices.Equal(got, want) {
		t.Errorf("closeMatches: got %q, want %q", got, want)
	}
}

// No line is parsed into anything but its own words, each at most once.
func FuzzArguments(f *testing.F) {
	for _, line := range []string{
		"--name|x|go", "--words|a|-1|--|b", "--co|1", "--quiet|--no-quiet|--quiet=", "--=|---|-|--kind=red", "--version", "go|--name=|--name", "\xff|--\xff",
	} {
		f.Add(line)
	}
	options := append(slices.Clone(testOptions), versionOption)
	f.Fuzz(func(t *testing.T, text string) {
		line := strings.Split(text, "|")
		p, err := parse(line, options, positional{name: "command", choices: []string{"go", "stop"}, required: true})
		if err != nil {
			if _, usage := errors.AsType[usageError](err); !usage && err != (versionRequested{}) {
				t.Fatalf("got %T: %v", err, err)
			}
			return
		}
		if p.word != "go" && p.word != "stop" {
			t.Fatalf("the command is %q", p.word)
		}
		all := append([]string{p.word}, p.rest...)
		for o, given := range p.values {
			if o.takes == one && len(given) != 1 || o.takes == none && len(given) != 0 || o.takes == optional && len(given) > 1 {
				t.Fatalf("%s has %q", o.name, given)
			}
			for _, word := range given {
				if !slices.Contains(line, word) { // then it stood after "="
					word = o.name + "=" + word
				}
				all = append(all, word)
			}
		}
		if len(all) > len(line) {
			t.Fatalf("%q has fewer words than were found: %q", line, all)
		}
		for _, word := range p.rest {
			if !slices.Contains(line, word) {
				t.Fatalf("%q is left over, but was not in the line %q", word, line)
			}
		}
	})
}
