//go:build unix

package awscli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

// completions asks for the completions of a line, in which | is the cursor.
func completions(t *testing.T, line string, env, args []string) []string {
	t.Helper()
	left, _, ok := strings.Cut(line, "|")
	if !ok {
		t.Fatalf("%q has no cursor", line)
	}
	env = append(env, "COMP_LINE="+strings.Replace(line, "|", "", 1), fmt.Sprintf("COMP_POINT=%d", len([]rune(left))))
	var stdout, stderr bytes.Buffer
	if code := awscli.Main(t.Context(), args, env, strings.NewReader(""), &stdout, &stderr, chime.Service); code != 0 || stderr.Len() > 0 {
		t.Errorf("%s: got exit code %d and on standard error %q, want 0 and nothing", line, code, stderr.String())
	}
	if stdout.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
}

// homeWithProfiles makes a home with profiles in both files, and an alias.
func homeWithProfiles(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{
		"config":      "[default]\nregion = us-east-1\n[profile prod]\n[profile 'with blank']\n[services local]\n",
		"credentials": "[default]\n[test]\n[prod]\n",
		"cli/alias":   "[toplevel]\nlu = chime list-users\n",
	} {
		path := filepath.Join(home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestComplete(t *testing.T) {
	env := []string{"HOME=" + homeWithProfiles(t)}
	const update = "aws chime batch-update-user --account-id a --update-user-request-items "
	for _, c := range []struct {
		line string
		want []string
	}{
		// Commands and operations.
		{"aws configure|", []string{"configure"}},
		{"aws chime-sdk-m|", []string{"chime-sdk-media-pipelines", "chime-sdk-meetings", "chime-sdk-messaging"}},
		{"aws hel|", []string{"help"}},
		{"aws chime batch-u|", []string{"batch-unsuspend-user", "batch-update-phone-number", "batch-update-user"}},
		{"aws chime h|", []string{"help"}},
		{"aws chime help |", nil},
		{"aws help r|", []string{"return-codes"}},
		{"aws configure |", []string{"list", "get", "set", "help"}},
		{"aws chime no-such-operation --|", []string{
			"--debug", "--endpoint-url", "--no-verify-ssl", "--no-paginate", "--output", "--query", "--profile", "--region",
			"--color", "--no-sign-request", "--ca-bundle", "--cli-read-timeout", "--cli-connect-timeout", "--version"}},
		{"aws nonsense |", nil},
		{"aws|", nil},

		// Where the command is on the line, and what counts as it.
		{"/usr/local/bin/aws chime get-b|", []string{"get-bot"}},
		{"sudo -u ana aws chime get-b|", []string{"get-bot"}},
		{"echo aws; aws chime get-b|", []string{"get-bot"}},
		{"sleep 1 && aws chime get-b| && echo", []string{"get-bot"}},
		{"aws --region us-east-1 --debug chime get-b|", []string{"get-bot"}},
		{"aws --region=us-east-1 chime get-b|", []string{"get-bot"}},
		{"aws chime get-b|ot --account-id a", []string{"get-bot"}},
		{"aws lu --user-t|", []string{"--user-type"}},
		{"aws l|u", []string{
			"lakeformation", "lambda", "lambda-core", "lambda-microvms", "launch-wizard", "lex-models", "lex-runtime",
			"lexv2-models", "lexv2-runtime", "license-manager", "license-manager-linux-subscriptions",
			"license-manager-user-subscriptions", "lightsail", "location", "logs", "lookoutequipment", "lu"}},

		// Options: required ones come first, those given do not come again, hidden ones never.
		{"aws chime batch-update-user |", []string{"--account-id", "--update-user-request-items", "help"}},
		{"aws chime batch-update-user --account-id a |", []string{"--update-user-request-items"}},
		{"aws chime batch-update-user --account-id=a --a|", nil},
		{"aws chime batch-update-user --ac a --a|", nil},
		{"aws chime list-users --m|", []string{"--max-items"}},
		{"aws chime list-users --n|", []string{"--no-verify-ssl", "--no-paginate", "--no-sign-request"}},
		{"aws chime list-bots --max-r|", []string{"--max-results"}},
		{"aws chime update-bot --disabled --no-d|", []string{"--no-disabled"}},
		{"aws chime batch-suspend-user --user-id-list u1 u2 |", []string{"--account-id"}},
		{"aws --prof|", []string{"--profile"}},

		// Values.
		{"aws chime update-user --license-type |", []string{"Basic", "Plus", "Pro", "ProTrial"}},
		{"aws chime update-user --lic P|", []string{"Plus", "Pro", "ProTrial"}},
		{"aws chime update-user --license-type=B|", []string{"--license-type=Basic"}},
		{"aws chime get-user --output |", []string{"json", "text", "table"}},
		{"aws --output t|", []string{"text", "table"}},
		{"aws --color |", []string{"on", "off", "auto"}},
		{"aws --profile |", []string{"default", "prod", "with blank", "test"}},
		{"aws --profile p|", []string{"prod"}},
		{"aws chime get-user --generate-cli-skeleton |", []string{"input", "output"}},
		{"aws chime get-user --account-id |", nil},
		{"aws chime get-user --account-id file://|", nil},
		{"aws chime get-user --query |", nil},

		// Shorthand.
		{update + "|", []string{"UserId=", "LicenseType=", "UserType=", "AlexaForBusinessMetadata={"}},
		{update + "User|", []string{"UserId=", "UserType="}},
		{update + "UserId=u1,|", []string{"UserId=u1,LicenseType=", "UserId=u1,UserType=", "UserId=u1,AlexaForBusinessMetadata={"}},
		{update + "UserId=u1,LicenseType=|", []string{
			"UserId=u1,LicenseType=Basic", "UserId=u1,LicenseType=Plus", "UserId=u1,LicenseType=Pro", "UserId=u1,LicenseType=ProTrial"}},
		{update + "UserId=u1,LicenseType=Pro UserId=u2,LicenseType=B|", []string{"UserId=u2,LicenseType=Basic"}},
		// The only name that fits comes with its values.
		{update + "UserId=u1,UserT|", []string{"UserId=u1,UserType=PrivateUser", "UserId=u1,UserType=SharedDevice"}},
		{update + "'UserId=u1,UserType=S|", []string{"UserId=u1,UserType=SharedDevice"}},
		{update + "'AlexaForBusinessMetadata={I|", []string{
			"AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true", "AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=false"}},
		{update + "'AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true},U|", []string{
			"AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true},UserId=", "AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true},UserType="}},
		{update + "UserId=|", nil},
		{update + "NoSuchMember=|", nil},
		{update + "[{|", nil},
		{"aws chime update-account-settings --account-settings DisableRemoteControl=t|", []string{"DisableRemoteControl=true"}},

		// The place of the cursor counts characters.
		{"aws chime create-account --name Bücherei --output j|", []string{"json"}},
	} {
		if diff := cmp.Diff(c.want, completions(t, c.line, env, nil)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
}

// TestCompleteNamesAll asks for everything at a place.
func TestCompleteNamesAll(t *testing.T) {
	env := []string{"HOME=" + t.TempDir()}
	var want []string
	for _, op := range chime.Service.All() {
		want = append(want, op.Command)
	}
	if diff := cmp.Diff(append(want, "help"), completions(t, "aws chime |", env, nil)); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	got := completions(t, "aws |", env, nil)
	for _, command := range []string{"chime", "configure", "help", "ec2", "s3"} {
		if !slices.Contains(got, command) {
			t.Errorf("commands: got %q, want %s among them", got, command)
		}
	}
}

// TestCompleteForBash gives the words that bash gives: it splits at "=" and ":", too.
func TestCompleteForBash(t *testing.T) {
	env := []string{"HOME=" + t.TempDir()}
	for _, c := range []struct {
		line string
		args []string
		want []string
	}{
		{"aws chime get-b|", []string{"aws", "get-b", "chime"}, []string{"get-bot"}},
		{"awsp chime get-b|", []string{"awsp", "get-b", "chime"}, []string{"get-bot"}}, // an alias of the shell
		{"aws --output=t|", []string{"aws", "t", "="}, []string{"text", "table"}},
		{"aws --output=|", []string{"aws", "", "="}, []string{"json", "text", "table"}},
		{"aws chime update-user --x UserId=a,Li|", []string{"aws", "a,Li", "="}, nil},
		{"aws chime batch-update-user --update UserId=a,U|", []string{"aws", "a,U", "="},
			[]string{"a,UserType=PrivateUser", "a,UserType=SharedDevice"}},
	} {
		if diff := cmp.Diff(c.want, completions(t, c.line, env, c.args)); diff != "" {
			t.Errorf("%s, %q (-want +got):\n%s", c.line, c.args, diff)
		}
	}
}

// TestCompleteOtherShells: fish says nothing about the cursor, and tcsh has a name of its own.
func TestCompleteOtherShells(t *testing.T) {
	for _, variable := range []string{"COMP_LINE", "COMMAND_LINE"} {
		var stdout, stderr bytes.Buffer
		env := []string{"HOME=" + t.TempDir(), variable + "=aws chime get-b"}
		code := awscli.Main(t.Context(), nil, env, strings.NewReader(""), &stdout, &stderr, chime.Service)
		if code != 0 || stdout.String() != "get-bot\n" {
			t.Errorf("%s: got exit code %d and %q, want 0 and get-bot", variable, code, stdout.String())
		}
	}
}

// TestCommandsDuringCompletion: what a completion of some other program asks aws for is a command.
func TestCommandsDuringCompletion(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"chime", "get-account", "help"}, {"help"}} {
		env := []string{"HOME=" + t.TempDir(), "COMP_LINE=deploy --stage ", "COMP_POINT=15"}
		var without, with, stderr bytes.Buffer
		awscli.Main(t.Context(), args, env[:1], strings.NewReader(""), &without, &stderr, chime.Service)
		code := awscli.Main(t.Context(), args, env, strings.NewReader(""), &with, &stderr, chime.Service)
		if code != 0 || with.Len() == 0 || with.String() != without.String() {
			t.Errorf("aws %q: got exit code %d and %q, want 0 and %q", args, code, with.String(), without.String())
		}
	}
}

// TestCompleteForeignCommand: the completer beside the next aws on PATH knows its commands.
func TestCompleteForeignCommand(t *testing.T) {
	other := t.TempDir()
	for name, text := range map[string]string{
		"aws":           "#!/bin/sh\necho not asked; exit 1\n",
		"aws_completer": "#!/bin/sh\necho \"$COMP_LINE, $COMP_POINT, $*\"\n",
	} {
		if err := os.WriteFile(filepath.Join(other, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"HOME=" + t.TempDir(), "PATH=" + other}
	got := completions(t, "aws ec2 desc|", env, []string{"aws", "desc", "ec2"})
	if diff := cmp.Diff([]string{"aws ec2 desc, 12, aws desc ec2"}, got); diff != "" {
		t.Errorf("aws ec2 (-want +got):\n%s", diff)
	}
	// Two programs that hand it to each other stop at once.
	if got := completions(t, "aws ec2 desc|", append(env, "CARILLON_AWS_HANDED_ON=/x/aws"), nil); got != nil {
		t.Errorf("handed on before: got %q, want nothing", got)
	}
}

// TestBashCompletes types lines with tabs into bash, set up as the documentation says, where
// aws prints the words it is given.
func TestBashCompletes(t *testing.T) {
	docs, err := os.ReadFile("../../docs/completion.md")
	if err != nil {
		t.Fatal(err)
	}
	_, setUp, _ := strings.Cut(string(docs), "\n| bash | `~/.bashrc` | `")
	setUp, _, ok := strings.Cut(setUp, "` |\n")
	if !ok {
		t.Fatal("docs/completion.md has no line for ~/.bashrc")
	}
	dir := t.TempDir()
	wrapper := "#!/bin/sh\nexec " + linkAWS(t) + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "aws_completer"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"aws chime batch-update-u\t--acc\ta1":                                  "<chime><batch-update-user><--account-id><a1>",
		"aws chime update-user --license-type=B\t--user-i\tu1":                 "<chime><update-user><--license-type=Basic><--user-id><u1>",
		"aws chime batch-update-user --upd\tUserId=u1,LicenseType=B\t--acc\ta": "<chime><batch-update-user><--update-user-request-items><UserId=u1,LicenseType=Basic><--account-id><a>",
		"aws --prof\tpro\tchime list-acc\t":                                    "<--profile><prod><chime><list-accounts>",
	} {
		cmd := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile", "-i")
		cmd.Env = []string{"HOME=" + homeWithProfiles(t), "PATH=" + dir + ":" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=dumb", "HISTFILE="}
		cmd.Stdin = strings.NewReader(setUp + "\naws() { printf '<%s>' \"$@\"; }\n" + typed + "\nexit\n")
		out, err := cmd.Output()
		if err != nil || string(out) != want {
			t.Errorf("%q: got %q, %v, want %q", typed, out, err, want)
		}
	}
}
