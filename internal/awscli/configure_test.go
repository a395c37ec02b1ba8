package awscli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

// result is what a run leaves for a script to see.
type result struct {
	code           int
	stdout, stderr string
}

// invoke runs a command line in this process, with a home of its own.
func invoke(t *testing.T, home, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true"}
	code := awscli.Main(context.Background(), args, env, strings.NewReader(stdin), &stdout, &stderr, chime.Service)
	return result{code, stdout.String(), stderr.String()}
}

// homeWith makes a home with files, each named by its path.
func homeWith(t *testing.T, files map[string]string) string {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// fileIn returns the text of a file in a home, "" if there is none.
func fileIn(t *testing.T, home, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(home, filepath.FromSlash(name)))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

const (
	someConfig = "# mine\n[default]\nregion = us-west-2\ns3 =\n  max_bandwidth = 1\n[profile p]\nregion = eu-west-1\n"
	someKeys   = "[default]\naws_access_key_id = AKIDEXAMPLE0001\naws_secret_access_key = verysecretvalue\n"
)

func TestConfigurePrompt(t *testing.T) {
	const fresh = "AWS Access Key ID [None]: AWS Secret Access Key [None]: Default region name [None]: Default output format [None]: "
	some := map[string]string{".aws/config": someConfig, ".aws/credentials": someKeys}
	const present = "AWS Access Key ID [****************0001]: AWS Secret Access Key [****************alue]: " +
		"Default region name [us-west-2]: Default output format [None]: "
	for name, c := range map[string]struct {
		files        map[string]string
		args, stdin  string
		want         result
		config, keys string
	}{
		"first time": {
			stdin: "AK\nSK\neu-west-1\njson\n", want: result{stdout: fresh},
			config: "[default]\nregion = eu-west-1\noutput = json\n",
			keys:   "[default]\naws_access_key_id = AK\naws_secret_access_key = SK\n",
		},
		"no newline at the end": {
			stdin: "AK\nSK\n\ntext", want: result{stdout: fresh},
			config: "[default]\noutput = text\n",
			keys:   "[default]\naws_access_key_id = AK\naws_secret_access_key = SK\n",
		},
		"a profile that is not there yet": {
			args: "--profile q", stdin: "AK\nSK\n\n\n", want: result{stdout: fresh},
			config: "[profile q]\n",
			keys:   "[q]\naws_access_key_id = AK\naws_secret_access_key = SK\n",
		},
		"nothing answered": {
			files: some, stdin: "\n\n\n\n", want: result{stdout: present}, config: someConfig, keys: someKeys,
		},
		"one value changed": {
			files: some, stdin: "\n\neu-north-1\n\n", want: result{stdout: present},
			config: strings.Replace(someConfig, "us-west-2", "eu-north-1", 1), keys: someKeys,
		},
		"input ends half-way": {
			files: some, stdin: "NEW\nNEW\n", config: someConfig, keys: someKeys,
			want: result{255, strings.TrimSuffix(present, "Default output format [None]: "), "\nEOF when reading a line\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := homeWith(t, c.files)
			if got := invoke(t, home, c.stdin, append([]string{"configure"}, strings.Fields(c.args)...)...); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if got := fileIn(t, home, ".aws/config"); got != c.config {
				t.Errorf("config: got %q, want %q", got, c.config)
			}
			if got := fileIn(t, home, ".aws/credentials"); got != c.keys {
				t.Errorf("credentials: got %q, want %q", got, c.keys)
			}
		})
	}
}

func TestConfigureKeepsSecretsToTheOwner(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bits of a mode mean little on Windows")
	}
	home := t.TempDir()
	if got := invoke(t, home, "AK\nSK\nr\n\n", "configure"); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	for name, want := range map[string]os.FileMode{".aws/config": 0o600, ".aws/credentials": 0o600} {
		info, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", name, got, want)
		}
	}
}

func TestConfigureGet(t *testing.T) {
	home := homeWith(t, map[string]string{".aws/config": someConfig, ".aws/credentials": someKeys})
	for args, want := range map[string]result{
		"region":                     {stdout: "us-west-2\n"},
		"region --profile p":         {stdout: "eu-west-1\n"},
		"p.region":                   {stdout: "eu-west-1\n"},
		"profile.p.region":           {stdout: "eu-west-1\n"},
		"default.s3.max_bandwidth":   {stdout: "1\n"},
		"aws_access_key_id":          {stdout: "AKIDEXAMPLE0001\n"},
		"-- region":                  {stdout: "us-west-2\n"},
		"output":                     {code: 1},
		"nobody.region":              {code: 1},
		"s3":                         {1, "", "varname (s3) must reference a value, not a section or sub-section."},
		"region --profile nobody":    {255, "", "\nThe config profile (nobody) could not be found\n"},
		"region output":              {255, "", "\nUnknown options: output\n"},
		"--foo region output --bar":  {255, "", "\nUnknown options: --foo,output,--bar\n"},
		"region --query [":           {255, "", "\nBad value for --query [: Invalid jmespath expression: Incomplete expression:\n\"[\"\n  ^\n"},
		"default.region --profile x": {stdout: "us-west-2\n"},
	} {
		if got := invoke(t, home, "", append([]string{"configure", "get"}, strings.Fields(args)...)...); got != want {
			t.Errorf("get %s:\ngot  %+v\nwant %+v", args, got, want)
		}
	}
}

func TestConfigureSet(t *testing.T) {
	for args, want := range map[string]struct{ config, keys string }{
		"region eu-west-1":                     {config: "[default]\nregion = eu-west-1\n"},
		"region eu-west-1 --profile q":         {config: "[profile q]\nregion = eu-west-1\n"},
		"profile.q.region eu-west-1":           {config: "[profile q]\nregion = eu-west-1\n"},
		"--profile q -- region eu-west-1":      {config: "[profile q]\nregion = eu-west-1\n"},
		"s3.max_bandwidth 5":                   {config: "[default]\ns3 =\n    max_bandwidth = 5\n"},
		"aws_session_token tok":                {keys: "[default]\naws_session_token = tok\n"},
		"aws_secret_access_key sk --profile q": {keys: "[q]\naws_secret_access_key = sk\n"},
		"region -- -x":                         {config: "[default]\nregion = -x\n"},
		"region -5":                            {config: "[default]\nregion = -5\n"},
	} {
		home := t.TempDir()
		if got := invoke(t, home, "", append([]string{"configure", "set"}, strings.Fields(args)...)...); got != (result{}) {
			t.Errorf("set %s: got %+v, want silence", args, got)
		}
		if got := fileIn(t, home, ".aws/config"); got != want.config {
			t.Errorf("set %s: config: got %q, want %q", args, got, want.config)
		}
		if got := fileIn(t, home, ".aws/credentials"); got != want.keys {
			t.Errorf("set %s: credentials: got %q, want %q", args, got, want.keys)
		}
	}
}

// A file that cannot be written is named as version 1 names it.
func TestConfigureSet_noFile(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, ".aws", "config")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	want := result{code: 255, stderr: "\n[Errno 21] Is a directory: '" + path + "'\n"}
	if got := invoke(t, home, "", "configure", "set", "region", "eu-west-1"); got != want && runtime.GOOS != "windows" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConfigureList(t *testing.T) {
	const head = "      Name                    Value             Type    Location\n" +
		"      ----                    -----             ----    --------\n"
	home := homeWith(t, map[string]string{".aws/config": someConfig, ".aws/credentials": someKeys})
	for args, want := range map[string]result{
		"": {stdout: head +
			"   profile                <not set>             None    None\n" +
			"access_key     ****************0001 shared-credentials-file    \n" +
			"secret_key     ****************alue shared-credentials-file    \n" +
			"    region                us-west-2      config-file    ~/.aws/config\n"},
		"--profile p --region not-shown": {stdout: head +
			"   profile                        p           manual    --profile\n" +
			"access_key                <not set>             None    None\n" +
			"secret_key                <not set>             None    None\n" +
			"    region                eu-west-1      config-file    ~/.aws/config\n"},
		"--profile nobody": {255, head + "   profile                   nobody           manual    --profile\n",
			"\nThe config profile (nobody) could not be found\n"},
	} {
		if got := invoke(t, home, "", append([]string{"configure", "list"}, strings.Fields(args)...)...); got != want {
			t.Errorf("list %s:\ngot  %+v\nwant %+v", args, got, want)
		}
	}
}

func TestConfigureUsage(t *testing.T) {
	for args, want := range map[string]struct {
		code int
		end  string // of what stands on standard error
	}{
		"nosuch":        {2, "aws: error: argument subcommand: Invalid choice, valid choices are:\n\nlist                                     | get                                     \nset                                      | add-model                               \n"},
		"list-profiles": {2, "add-model                               \n"}, // of version 2
		"lists":         {2, "Invalid choice: 'lists', maybe you meant:\n\n  * list\n"},
		"get":           {2, "aws: error: the following arguments are required: varname\n"},
		"set":           {2, "aws: error: the following arguments are required: varname, value\n"},
		"set region":    {2, "aws: error: the following arguments are required: value\n"},
		"set region -x": {2, "aws: error: the following arguments are required: value\n"},
		"set a b c":     {255, "\nUnknown options: c\n"},
		"add-model":     {2, "aws: error: the following arguments are required: --service-model\n"},
		"add-model --service-model file://m.json": {255, "[Errno 2] No such file or directory: 'm.json'\n"},
		"--foo":      {255, "\nUnknown options: --foo\n"},
		"list extra": {255, "\nUnknown options: extra\n"},
	} {
		got := invoke(t, t.TempDir(), "", append([]string{"configure"}, strings.Fields(args)...)...)
		if got.code != want.code || got.stdout != "" || !strings.HasSuffix(got.stderr, want.end) {
			t.Errorf("configure %s:\ngot  %+v\nwant status %d, nothing on standard output, the other ending with %q", args, got, want.code, want.end)
		}
	}
	for _, args := range [][]string{{"configure", "help"}, {"configure", "set", "help"}} {
		if got := invoke(t, t.TempDir(), "", args...); got.code != 0 || !strings.Contains(got.stdout, "aws configure set VARNAME VALUE") {
			t.Errorf("%q: got %+v, want a help text", args, got)
		}
	}
}
