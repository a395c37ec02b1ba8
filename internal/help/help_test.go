package help_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/help"
	"github.com/carillon-project/carillon/internal/model"
)

var update = flag.Bool("update", false, "write the pages into testdata instead of comparing them")

// aws runs a command line that must do well, and returns what it prints.
func aws(t *testing.T, line string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := []string{"HOME=" + t.TempDir()}
	code := awscli.Main(t.Context(), strings.Fields(line), env, strings.NewReader(""), &stdout, &stderr, chime.Service)
	if code != 0 || stderr.Len() > 0 {
		t.Fatalf("aws %s: got exit code %d and on standard error %q, want 0 and nothing", line, code, stderr.String())
	}
	return stdout.String()
}

func TestPagesAsBefore(t *testing.T) {
	for file, line := range map[string]string{
		"aws.txt":               "help",
		"batch-update-user.txt": "chime batch-update-user help",
	} {
		got := aws(t, line)
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("aws %s (-want +got):\n%s\nif this is meant: go test ./internal/help -run TestPagesAsBefore -update", line, diff)
		}
	}
}

// TestEveryOperationHasAPage reads each page through the command: what may be given is there,
// what is hidden is not, and lines fit but for those that are there to be copied.
func TestEveryOperationHasAPage(t *testing.T) {
	for _, op := range chime.Service.All() {
		page := aws(t, "chime "+op.Command+" help")
		for _, title := range []string{"NAME", "DESCRIPTION", "SYNOPSIS", "OPTIONS", "GLOBAL OPTIONS", "EXAMPLES", "OUTPUT"} {
			if !strings.Contains("\n"+page, "\n"+title+"\n") {
				t.Errorf("%s: the page has no section %s", op.Command, title)
			}
		}
		var members []model.Member
		if op.Input != nil {
			members = op.Input.Members
		}
		for _, m := range members {
			hidden := op.Paginator.Takes(m.Name)
			if shown := strings.Contains(page, "\n    --"+m.Option+" "); shown == hidden {
				t.Errorf("%s: got --%s shown: %t, want %t", op.Command, m.Option, shown, !hidden)
			}
		}
		about, _, _ := strings.Cut(page, "\nEXAMPLES\n")
		for line := range strings.Lines(about) {
			isSyntax := strings.HasPrefix(line, "            ") && (strings.Contains(line, "=") || strings.Contains(line, `"|"`))
			if len(strings.TrimSuffix(line, "\n")) > 80 && !isSyntax {
				t.Errorf("%s: got a line of %d characters, want 80 at most: %q", op.Command, len(line)-1, line)
			}
		}
	}
}

// TestOptionsAreDescribed looks at a listing, which has every kind of option.
func TestOptionsAreDescribed(t *testing.T) {
	lines := strings.Split(aws(t, "chime list-accounts help"), "\n")
	lines = lines[slices.Index(lines, "OPTIONS"):slices.Index(lines, "EXAMPLES")]
	shown := map[string]bool{}
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "    --"); ok {
			name, _, _ = strings.Cut("--"+name, " ")
			shown[name] = true
			if !strings.HasPrefix(lines[i+1], "        ") {
				t.Errorf("got %q below %s, want a description", lines[i+1], name)
			}
		}
	}
	for _, o := range help.Options {
		if !shown[o[0]] {
			t.Errorf("the option %s is described, and on no page", o[0])
		}
	}
}

// TestPagesSay has a sample of each thing that is derived from the contract, and of words for a
// member of one shape that win over those for its name.
func TestPagesSay(t *testing.T) {
	for operation, want := range map[string]string{
		"invite-users":  "No mail is sent",
		"list-rooms":    "Only rooms with this user or bot as a member.",
		"get-room":      "Account that the room belongs to.",
		"create-user":   "PrivateUser for a person",
		"update-bot":    "--disabled | --no-disabled (boolean)",
		"get-user":      "OUTPUT\n    User (structure)\n        The user.\n\n        UserId (string, required)\n",
		"list-accounts": "NextToken (string)\n        The value of --starting-token",
		"list-bots":     "From 1 to 99.",
		"delete-room":   "OUTPUT\n    None.\n",
	} {
		if page := aws(t, "chime "+operation+" help"); !strings.Contains(page, want) {
			t.Errorf("aws chime %s help: want %q in\n%s", operation, want, page)
		}
	}
}

func TestServiceListsOperations(t *testing.T) {
	page := aws(t, "chime help")
	for _, op := range chime.Service.All() {
		if !regexp.MustCompile(`(?m)^    ` + op.Command + "\n        [A-Z]").MatchString(page) {
			t.Errorf("aws chime help: want %s with a description in\n%s", op.Command, page)
		}
	}
}

// TestTopics reads all topics that the first one lists.
func TestTopics(t *testing.T) {
	list := aws(t, "help topics")
	for _, topic := range help.Topics() {
		if page := aws(t, "help "+topic); !strings.HasPrefix(page, "NAME\n    "+topic+" - ") {
			t.Errorf("aws help %s: got %q, want its page", topic, page)
		}
		if topic != "topics" && !strings.Contains(list, "\n    "+topic+"\n") {
			t.Errorf("aws help topics: want %s in\n%s", topic, list)
		}
	}
}

// TestVariablesAreDescribed finds each environment variable that the command's code names in
// the page of the variables, and in the manual for the owners of scripts.
func TestVariablesAreDescribed(t *testing.T) {
	page := aws(t, "help config-vars")
	manual, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`"((?:AWS|CARILLON|REQUESTS)_[A-Z0-9_]+|[A-Z]*PAGER)"`)
	count := 0
	for _, dir := range []string{"profile", "client", "awscli"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range name.FindAllSubmatch(source, -1) {
				count++
				if !regexp.MustCompile(`\b` + string(m[1]) + `\b`).MatchString(page) {
					t.Errorf("%s reads %s, which `aws help config-vars` does not describe", file, m[1])
				}
				if !strings.Contains(string(manual), "`"+string(m[1])+"`") {
					t.Errorf("%s reads %s, which docs/aws.md does not describe", file, m[1])
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d variables in the code, want at least 10: has the code moved?", count)
	}
}

// TestUnknownTopic is refused as version 1 does.
func TestUnknownTopic(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := awscli.Main(t.Context(), []string{"help", "chime"}, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), &stdout, &stderr, chime.Service)
	want := "aws: error: argument subcommand: Invalid choice, valid choices are:\n\n" +
		"topics                                   | config-vars                             \n" +
		"return-codes                             | s3-config                               \n" +
		"s3-faq                                   | s3-case-insensitivity                   \n"
	if code != 2 || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("aws help chime: got exit code %d, standard output %q, standard error %q, want 2, nothing, and at the end %q", code, stdout.String(), stderr.String(), want)
	}
}

// TestNothingIsOpened asks for pages where the files in ~/.aws would be refused.
func TestNothingIsOpened(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("this is no config file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"help", "help topics", "chime help", "chime get-user help"} {
		var stdout, stderr bytes.Buffer
		env := []string{"HOME=" + t.TempDir(), "AWS_CONFIG_FILE=" + config, "AWS_SHARED_CREDENTIALS_FILE=" + config, "AWS_PROFILE=none"}
		code := awscli.Main(t.Context(), strings.Fields(line), env, strings.NewReader(""), &stdout, &stderr, chime.Service)
		if code != 0 || stderr.Len() > 0 || stdout.Len() == 0 {
			t.Errorf("aws %s: got exit code %d and on standard error %q, want 0 and a page", line, code, stderr.String())
		}
	}
}
