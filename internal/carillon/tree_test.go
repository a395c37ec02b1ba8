package carillon

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand gives the name of every command that can run to a subtest.
func eachCommand(t *testing.T, fn func(t *testing.T, name string)) {
	everyCommand(new(program).tree(), func(c *cobra.Command) {
		if c.Runnable() {
			t.Run(nameOf(c), func(t *testing.T) { fn(t, nameOf(c)) })
		}
	})
}

// find returns a command of a tree.
func find(t *testing.T, root *cobra.Command, name string) *cobra.Command {
	t.Helper()
	c, rest, err := root.Find(strings.Fields(name))
	if err != nil || len(rest) > 0 {
		t.Fatalf("there is no command %q: %v", name, err)
	}
	return c
}

// unlike returns a value that a flag takes and that is not its default.
func unlike(t *testing.T, f *pflag.Flag) string {
	t.Helper()
	for _, text := range []string{"true", "LicenseType=Basic", "LicenseType", "ERROR", "127.0.0.1:1", "7", "100%", "64MiB", "https://chime.example", "json", "jsonl", "table", "csv", "1d", "90s", "Team", "public", "111122223333", "none", "VoiceConnector", "10.0.0.0/8", "0.5", "item", "stall"} {
		if text != f.DefValue && f.Value.Set(text) == nil {
			return text
		}
	}
	t.Fatalf("this test knows no value for --%s", f.Name)
	return ""
}

// Whatever variables are set, they count for those flags only that say where and how, and only if
// the line says nothing.
func TestVariables(t *testing.T) {
	whereAndHow := regexp.MustCompile(`^(data|database-url|database-pool|secret-key-file|listen|metrics-listen|tls-cert|tls-key|` +
		`public-url|host|console-listen|console-url|console-jobs|rate|max-body-memory|log-level|log-format|dial-out-hook|dial-out-secret-file|phone-number-quota|order-delay|calling-name-delay|calling-name-interval|events-allow|events-ca|profile|region|endpoint-url|ca-bundle)$`)
	opted := 0
	eachCommand(t, func(t *testing.T, name string) {
		p := new(program)
		variables := map[string]string{}
		find(t, p.tree(), name).Flags().VisitAll(func(f *pflag.Flag) {
			variables[f.Name] = unlike(t, f)
			p.env = append(p.env, variableOf(f)+"="+variables[f.Name])
		})
		// run runs the command, without what it does, and compares its flags.
		run := func(given string, fromVariables bool) {
			root := p.tree()
			c := find(t, root, name)
			args := strings.Fields(name)
			line := map[string]string{}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if isRequired(f) || given == f.Name {
					line[f.Name] = "2d"
					if f.Value.Set("2d") != nil {
						line[f.Name] = unlike(t, f)
					}
					args = append(args, dashed(f)+"="+line[f.Name])
				}
			})
			if operandsOf(c) != "" {
				args = append(args, "-")
			}
			ran := false
			c.RunE = func(c *cobra.Command, _ []string) error {
				ran = true
				c.Flags().VisitAll(func(f *pflag.Flag) {
					want := f.DefValue
					switch {
					case isRequired(f) || given == f.Name:
						want = line[f.Name]
					case fromVariables && annotation(f, variableKey) != "" && !(f.Name == "database-url" && given == "data" && name != "serve"):
						opted++
						want = variables[f.Name]
					}
					if annotation(f, variableKey) != "" && !whereAndHow.MatchString(f.Name) {
						t.Errorf("%s decides more than where and how", annotation(f, variableKey))
					}
					if got := f.Value.String(); got != want {
						t.Errorf("%q: got --%s %q, want %q", args, f.Name, got, want)
					}
				})
				return nil
			}
			root.SetArgs(args)
			if err := root.ExecuteContext(t.Context()); err != nil || !ran {
				t.Errorf("%q: got %v, want it to run", args, err)
			}
		}
		run("", true)
		if variables["data"] != "" {
			run("data", true)
		}
		for i := range p.env { // set, but empty
			p.env[i], _, _ = strings.Cut(p.env[i], "=")
			p.env[i] += "="
		}
		run("", false)
	})
	if opted == 0 {
		t.Error("no flag has a variable")
	}
}

// A variable that makes no sense is named, unless the line overrules it.
func TestVariables_Bad(t *testing.T) {
	var stderr bytes.Buffer
	env := []string{"CARILLON_RATE=fast"}
	code := Main(t.Context(), []string{"serve", "--tls-key", "k"}, env, strings.NewReader(""), &stderr, &stderr)
	if want := "carillon: serve: CARILLON_RATE: \"fast\" is not a number from 0 up\n"; code != exitUsage || stderr.String() != want {
		t.Errorf("got code %d and %q, want %d and %q", code, stderr.String(), exitUsage, want)
	}
	stderr.Reset()
	code = Main(t.Context(), []string{"serve", "--tls-key", "k", "--rate", "1"}, env, strings.NewReader(""), &stderr, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "--tls-cert and --tls-key go together") {
		t.Errorf("got code %d and %q, want the variable to count for nothing", code, stderr.String())
	}
}

// Help fits on a terminal, comes in both manners, and says what a reader needs.
func TestHelp(t *testing.T) {
	for _, page := range Pages() {
		words := strings.Fields(page.Name)[1:]
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			var help, same, stderr bytes.Buffer
			if code := Main(t.Context(), append(words, "--help"), nil, strings.NewReader(""), &help, &stderr); code != exitDone || stderr.Len() > 0 {
				t.Fatalf("got code %d and %q on standard error", code, stderr.String())
			}
			if code := Main(t.Context(), append([]string{"help"}, words...), nil, strings.NewReader(""), &same, &stderr); code != exitDone || same.String() != help.String() {
				t.Errorf("carillon help %s: got code %d and\n%s\nwant that of --help", strings.Join(words, " "), code, same.String())
			}
			for line := range strings.Lines(help.String()) {
				if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 || strings.Contains(line, "\t") {
					t.Errorf("the line is too long or has a tab: %s", line)
				}
			}
			for _, odd := range []string{"(default false)", "(default 0)", "(default )", "--o ", "`"} {
				if strings.Contains(help.String(), odd) {
					t.Errorf("got %q in the help", odd)
				}
			}
			if first, _ := utf8.DecodeRuneInString(page.Summary); page.Summary == "" || unicode.IsUpper(first) || strings.HasSuffix(page.Summary, ".") {
				t.Errorf("got summary %q, want a phrase in lower case without a full stop", page.Summary)
			}
			if first, _ := utf8.DecodeRuneInString(page.About); !unicode.IsUpper(first) || !strings.HasSuffix(page.About, ".") {
				t.Errorf("got text %q, want sentences", page.About)
			}
			if page.Commands == nil && page.Examples == nil {
				t.Error("there is no example")
			}
			for _, s := range page.Flags {
				for _, e := range s.Entries {
					if strings.HasSuffix(e.Text, ".") || strings.Contains(e.Text, "\n") {
						t.Errorf("%s: got text %q, want a phrase on one line", e.Syntax, e.Text)
					}
				}
			}
		})
	}
}

// The commands that help names exist.
func TestHelp_Names(t *testing.T) {
	known, groups := map[string]bool{}, map[string]bool{}
	for _, page := range Pages() {
		known[page.Name] = true
		groups[page.Name] = strings.HasSuffix(page.Usage, " COMMAND [flags]")
	}
	named := regexp.MustCompile(`\b(carillon)\s+([a-z][a-z-]*)(?:\s+([a-z][a-z-]*))?`)
	for _, page := range Pages() {
		for _, m := range named.FindAllStringSubmatch(page.About+"\n"+strings.Join(page.Examples, "\n"), -1) {
			command := m[1] + " " + m[2]
			if groups[command] && m[3] != "" {
				command += " " + m[3]
			}
			if !known[command] {
				t.Errorf("the help of %s names %s, which does not exist", page.Name, command)
			}
		}
	}
}
