//go:build unix

package awscli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

// What only a process of its own can show: see TestMain.

// process returns a command for aws with a home of its own, killed if it has not ended after
// a time that no run needs.
func process(t *testing.T, args ...string) (cmd *exec.Cmd, home string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	home = t.TempDir()
	cmd = exec.CommandContext(ctx, linkAWS(t), args...)
	cmd.Env = []string{
		"HOME=" + home, "PATH=/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED=true", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=" + secretOf("AKIDEXAMPLE"),
	}
	return cmd, home
}

// The configuration is in pipes that nobody writes to: whoever opened one would wait for ever.
func TestVersion_opensNoConfiguration(t *testing.T) {
	cmd, home := process(t, "--version")
	if err := os.MkdirAll(filepath.Join(home, ".aws", "cli"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config", "credentials", "cli/alias"} {
		if err := syscall.Mkfifo(filepath.Join(home, ".aws", name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_PROFILE=nosuch", "AWS_CA_BUNDLE="+filepath.Join(home, ".aws", "config"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "aws-cli/1.") || stderr.Len() > 0 {
		t.Errorf("got %q, error %v and %q, want the version", out, err, stderr.String())
	}
}

// aws chime ... | head -1 must not end in a complaint.
func TestBrokenPipe(t *testing.T) {
	server := startMock(t, "http", nil)
	server.answer([]response{{Body: `{"Users": [{"UserId": "u"}]}`}}, nil)
	for _, format := range []string{"json", "text", "table"} {
		cmd, _ := process(t, "chime", "list-users", "--account-id", "a", "--endpoint-url", server.endpoint, "--output", format)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &stderr
		err = cmd.Run()
		w.Close()
		if err == nil || stderr.Len() > 0 {
			t.Errorf("%s: got error %v and %q, want a silent failure", format, err, stderr.String())
		}
	}

	// The same where the stream is no file, so that the system does not end the process.
	for _, args := range [][]string{{"--version"}, {"chime", "get-user", "--generate-cli-skeleton"}} {
		var stderr bytes.Buffer
		code := awscli.Main(t.Context(), args, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), failingWriter{syscall.EPIPE}, &stderr, chime.Service)
		if code != 255 || stderr.Len() > 0 {
			t.Errorf("%q: got exit code %d and %q, want a silent 255", args, code, stderr.String())
		}
	}
}

// A full disk is not a reader who has seen enough.
func TestFailingOutput(t *testing.T) {
	var stderr bytes.Buffer
	args := []string{"chime", "get-user", "--generate-cli-skeleton"}
	code := awscli.Main(t.Context(), args, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), failingWriter{syscall.ENOSPC}, &stderr, chime.Service)
	if code != 255 || !strings.Contains(stderr.String(), "no space left on device") {
		t.Errorf("got exit code %d and %q, want 255 and the reason", code, stderr.String())
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// --debug says where every setting comes from and what was sent, to stderr, and nothing that
// must not be pasted into a ticket.
func TestDebug(t *testing.T) {
	server := startMock(t, "http", nil)
	server.answer([]response{{Status: 200, Headers: map[string]string{"x-amzn-RequestId": "r-1"}, Body: `{"Users": []}`}}, nil)
	var stdout, stderr bytes.Buffer
	env := []string{
		"HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL_CHIME=" + strings.Replace(server.endpoint, "//", "//me:a-password-to-hide@", 1),
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=" + secretOf("AKIDEXAMPLE"), "AWS_SESSION_TOKEN=a-token-to-hide",
	}
	args := []string{"chime", "list-users", "--account-id", "a", "--region", "eu-west-1", "--debug"}
	code := awscli.Main(t.Context(), args, env, strings.NewReader(""), &stdout, &stderr, chime.Service)
	if want := "{\n    \"Users\": []\n}\n"; code != 0 || stdout.String() != want {
		t.Errorf("got exit code %d and %q, want 0 and %q", code, stdout.String(), want)
	}
	for _, want := range []string{
		"AKIDEXAMPLE", "eu-west-1", "--region", "AWS_ENDPOINT_URL_CHIME", "GET " + server.endpoint + "/accounts/a/users", "status 200", "r-1",
		"host;x-amz-date",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr.String())
		}
	}
	for _, secret := range []string{secretOf("AKIDEXAMPLE"), "a-token-to-hide", "a-password-to-hide", "Signature="} {
		if strings.Contains(stderr.String(), secret) {
			t.Errorf("stderr has the secret %q:\n%s", secret, stderr.String())
		}
	}
}

// Ctrl-C while waiting for a reply.
func TestInterrupt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	cmd, _ := process(t, "chime", "list-users", "--account-id", "a", "--endpoint-url", "http://"+l.Addr().String())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 || stdout.String() != "\n" || stderr.Len() > 0 {
		t.Errorf("got %v, %q and %q, want exit code 130 and a new line", err, stdout.String(), stderr.String())
	}
}
