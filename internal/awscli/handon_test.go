//go:build unix

package awscli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// script writes an executable file and returns its directory.
func script(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run starts aws as a process, whose PATH are dirs only.
func run(t *testing.T, aws string, dirs []string, stdin string, args ...string) (got result, pid int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(aws, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + strings.Join(dirs, ":"), "AWS_EC2_METADATA_DISABLED=true"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, cmd.Process.Pid
}

func TestHandOn(t *testing.T) {
	aws := linkAWS(t)
	other := script(t, "aws", `echo "second $$"; for word; do echo "<$word>"; done; while read -r line; do echo "$line"; done; echo sorry >&2; exit 42`)
	here := filepath.Dir(aws)
	for name, args := range map[string][]string{
		"as given":                  {"s3", "ls", "a  b", "", "--", "-x", "*"},
		"options before":            {"--region", "eu-west-1", "--foo", "s3", "ls", "--query", "]"},
		"options of version 2":      {"--output", "yaml", "ec2", "describe-instances", "--color", "never"},
		"an odd word for a command": {"runtime.sagemaker"},
	} {
		t.Run(name, func(t *testing.T) {
			got, pid := run(t, aws, []string{"", "relative", t.TempDir(), here, other}, "typed\n", args...)
			// The same number of the process: signals and a waiting parent reach it.
			want := result{42, "second " + strconv.Itoa(pid) + "\n<" + strings.Join(args, ">\n<") + ">\ntyped\n", "sorry\n"}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
	for _, args := range [][]string{{"--version"}, {"configure", "help"}, {"s3", "--version"}, {"--region", "x", "configure", "list"}} {
		if got, _ := run(t, aws, []string{here, other}, "", args...); got.code != 0 || strings.Contains(got.stdout, "second") {
			t.Errorf("%q: got %+v, want it served here", args, got)
		}
	}
}

// Main with streams of a caller's own, as a program that embeds it has, runs a child.
func TestHandOnInProcess(t *testing.T) {
	t.Setenv("PATH", script(t, "aws", `echo "$@"; /bin/cat; exit 3`))
	if got, want := invoke(t, t.TempDir(), "in\n", "s3", "ls"), (result{3, "s3 ls\nin\n", ""}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHandOnToNobody(t *testing.T) {
	aws := linkAWS(t)
	link := t.TempDir()
	if err := os.Symlink(aws, filepath.Join(link, "aws")); err != nil {
		t.Fatal(err)
	}
	notRunnable := script(t, "aws", "")
	if err := os.Chmod(filepath.Join(notRunnable, "aws"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := result{255, "", "\ncannot run \"aws s3\": this aws serves chime, chime-sdk-identity, chime-sdk-media-pipelines, chime-sdk-meetings, chime-sdk-messaging, chime-sdk-voice only, and there is no other aws on PATH to hand it on to; " +
		"install the AWS CLI and put its directory on PATH, or call it by its full name\n"}
	if got, _ := run(t, aws, []string{link, notRunnable, filepath.Dir(aws)}, "", "s3", "ls"); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A script by the name of aws may set things up for this program, and be found first.
func TestHandOnPastWrapper(t *testing.T) {
	aws := linkAWS(t)
	for name, call := range map[string]string{"exec": `exec `, "child": ``} {
		t.Run(name, func(t *testing.T) {
			wrapper := script(t, "aws", call+aws+` --region set-up "$@"`)
			other := script(t, "aws", `echo "real $@"`)
			got, _ := run(t, filepath.Join(wrapper, "aws"), []string{wrapper, other}, "", "s3", "ls")
			if got.code != 0 || !strings.HasPrefix(got.stdout, "real --region set-up") || !strings.HasSuffix(got.stdout, "s3 ls\n") {
				t.Errorf("got %+v, want the real aws after the wrapper", got)
			}
			got, _ = run(t, filepath.Join(wrapper, "aws"), []string{wrapper}, "", "s3", "ls")
			if got.code != 255 || !strings.Contains(got.stderr, "handed it back") {
				t.Errorf("got %+v, want an end with status 255", got)
			}
		})
	}
}

// The other aws may run aws itself, for a credential_process say: that is no loop.
func TestHandOnNested(t *testing.T) {
	aws := linkAWS(t)
	here := filepath.Dir(aws)
	other := script(t, "aws", `case $1 in s3) echo "keys: $(aws sts get-session-token)";; *) echo "$1";; esac`)
	want := result{stdout: "keys: sts\n"}
	if got, _ := run(t, aws, []string{here, other}, "", "s3", "ls"); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The other aws reads aliases, too, and gets the line as it was given.
func TestHandOnAlias(t *testing.T) {
	t.Setenv("PATH", script(t, "aws", `echo "$@"`))
	home := homeWith(t, map[string]string{".aws/cli/alias": "[toplevel]\nbuckets = s3 ls\ns3 = s3 --debug-nothing\n"})
	for _, args := range []string{"buckets --foo", "s3 mb x"} {
		if got, want := invoke(t, home, "", strings.Fields(args)...), (result{stdout: args + "\n"}); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}
