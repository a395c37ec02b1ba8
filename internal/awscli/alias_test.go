package awscli_test

import (
	"runtime"
	"strings"
	"testing"
)

const someAliases = `# words of my own
[toplevel]
get = configure get
region = get region
which = configure list --query Name
quoted = configure get 'no such' "thing"
long =
  configure
    get
    region
Loud = configure get region
profiled = configure get region --profile p
unbalanced = configure "get
itself = itself
here = there
there = here
nowhere = nosuch
nothing =

[other]
unseen = configure get region
`

func TestAlias(t *testing.T) {
	home := homeWith(t, map[string]string{".aws/config": someConfig, ".aws/cli/alias": someAliases})
	for line, want := range map[string]result{
		"get region":              {stdout: "us-west-2\n"},
		"region":                  {stdout: "us-west-2\n"}, // an alias of an alias
		"--profile p get region":  {stdout: "eu-west-1\n"},
		"get --profile p region":  {stdout: "eu-west-1\n"},
		"long":                    {stdout: "us-west-2\n"},
		"loud":                    {stdout: "us-west-2\n"}, // names lose their case when read
		"get region --foo":        {255, "", "\nUnknown options: --foo\n"},
		"quoted":                  {255, "", "\nUnknown options: thing\n"},
		"profiled":                {255, "", "\nGlobal parameter \"--profile\" detected in alias \"profiled\" which is not supported in subcommand aliases.\n"},
		"unbalanced":              {255, "", "\nValue of alias \"unbalanced\" could not be parsed. Received error: No closing quotation when parsing:\nconfigure \"get\n"},
		"itself":                  {255, "", "\nthe alias \"itself\" stands for itself: change it in ~/.aws/cli/alias\n"},
		"here":                    {255, "", "\nthe alias \"here\" stands for itself: change it in ~/.aws/cli/alias\n"},
		"--query [ get region":    {255, "", "\nBad value for --query [: Invalid jmespath expression: Incomplete expression:\n\"[\"\n  ^\n"},
		"configure get s3.unset1": {code: 1},
	} {
		if got := invoke(t, home, "", strings.Fields(line)...); got != want {
			t.Errorf("aws %s:\ngot  %+v\nwant %+v", line, got, want)
		}
	}
	for line, want := range map[string]string{
		"unseen":  "argument command: Invalid choice",
		"Loud":    "argument command: Invalid choice",
		"nowhere": "argument command: Invalid choice",
		"nothing": "aws: error: the following arguments are required: command\n",
	} {
		if got := invoke(t, home, "", line); got.code != 2 || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("aws %s: got %+v, want status 2 and %q", line, got, want)
		}
	}
}

func TestAliasOfShell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the aliases are for a Unix shell")
	}
	home := homeWith(t, map[string]string{".aws/cli/alias": `[toplevel]
say = !echo "said"
count =
  !f() {
    # a comment of the shell
    local=$1

    echo "$# $local" "$@" >&2
  }; f
copy = !cat
fail = !exit 7
killed = !kill -TERM $$
absent = !no-such-program-here
`})
	for _, c := range []struct {
		args  []string
		stdin string
		want  result
	}{
		{args: []string{"say", "it's", "a  b", "$HOME", "", "*"}, want: result{stdout: "said it's a  b $HOME  *\n"}},
		{args: []string{"--foo", "say", "-x"}, want: result{stdout: "said --foo -x\n"}},
		{args: []string{"say", "--region", "r", "--", "--profile"}, want: result{stdout: "said -- --profile\n"}},
		{args: []string{"count", "a", "b c"}, want: result{stderr: "2 a a b c\n"}},
		{args: []string{"copy"}, stdin: "through\n", want: result{stdout: "through\n"}},
		{args: []string{"fail"}, want: result{code: 7}},
		{args: []string{"killed"}, want: result{code: 241}},
	} {
		if got := invoke(t, home, c.stdin, c.args...); got != c.want {
			t.Errorf("%q:\ngot  %+v\nwant %+v", c.args, got, c.want)
		}
	}
	if got := invoke(t, home, "", "absent"); got.code != 127 || !strings.Contains(got.stderr, "no-such-program-here") {
		t.Errorf("got %+v, want status 127 and the shell's complaint", got)
	}
}

// A command may be shadowed, and its own alias still reaches it. Only help may not: it opens no
// file.
func TestAliasShadowsCommand(t *testing.T) {
	home := homeWith(t, map[string]string{".aws/config": someConfig, ".aws/cli/alias": `[toplevel]
configure = configure get region
accounts = configure
`})
	for line, want := range map[string]result{
		"configure":       {stdout: "us-west-2\n"},
		"accounts":        {stdout: "us-west-2\n"},
		"configure extra": {255, "", "\nUnknown options: extra\n"},
	} {
		if got := invoke(t, home, "", strings.Fields(line)...); got != want {
			t.Errorf("aws %s:\ngot  %+v\nwant %+v", line, got, want)
		}
	}
}

// Options inside an alias win over those of the line, wherever they stand.
func TestAliasOptionsWin(t *testing.T) {
	const refused = "\nBad value for --endpoint-url \"inner\": scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/\n"
	home := homeWith(t, map[string]string{".aws/cli/alias": "[toplevel]\ninner = --endpoint-url inner chime list-accounts\n"})
	for _, args := range [][]string{
		{"inner"}, {"--endpoint-url", "http://127.0.0.1:1", "inner"}, {"inner", "--endpoint-url", "http://127.0.0.1:1"},
	} {
		if got, want := invoke(t, home, "", args...), (result{255, "", refused}); got != want {
			t.Errorf("%q:\ngot  %+v\nwant %+v", args, got, want)
		}
	}
}

func TestAliasFileBroken(t *testing.T) {
	for text, reason := range map[string]string{
		"garbage\n":                             "line 1: text before the first [section]",
		"[toplevel]\na = b\nc\n":                "line 3: neither a [section] nor a name = value",
		"[toplevel]\na = b\nA = c\n":            "line 3: option \"a\" occurs twice in [toplevel]",
		"[toplevel]\n # c\na =\n  b = \"c\nd\n": "line 5: neither a [section] nor a name = value",
	} {
		home := homeWith(t, map[string]string{".aws/cli/alias": text})
		got := invoke(t, home, "", "configure", "list")
		if want := (result{1, "", "\nUnable to parse config file: " + home + "/.aws/cli/alias: " + reason + "\n"}); got != want {
			t.Errorf("%q:\ngot  %+v\nwant %+v", text, got, want)
		}
		if got := invoke(t, home, "", "--version"); got.code != 0 {
			t.Errorf("%q: --version: got %+v, want status 0 whatever the files hold", text, got)
		}
	}
}
