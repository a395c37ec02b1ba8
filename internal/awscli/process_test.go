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
	"sync/atomic"
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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

// TestBrokenPipe: aws chime ... | head -1 is a success, except in format text, which is version
// 1's. Both a reader that leaves in the middle and one that has left before.
func TestBrokenPipe(t *testing.T) {
	user := `{"UserId": "` + strings.Repeat("u", 100) + `"}`
	server := startMock(t, "http", nil)
	server.answer([]response{{Body: `{"Users": [` + user + strings.Repeat(", "+user, 4000) + `]}`}}, nil)
	list := func(format string) []string {
		return []string{"chime", "list-users", "--account-id", "a", "--endpoint-url", server.endpoint, "--output", format}
	}
	for _, tt := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{list("json"), 0, ""},
		{list("table"), 0, ""},
		{list("text"), 255, "\n[Errno 32] Broken pipe\n"},
		{[]string{"--version"}, 0, ""},
		{[]string{"chime", "get-user", "--generate-cli-skeleton"}, 0, ""},
	} {
		for _, lines := range []int{0, 1} {
			if lines > 0 && tt.args[0] != "chime" {
				continue // one line is all there is
			}
			cmd, _ := process(t, tt.args...)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if lines == 0 {
				r.Close()
			}
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			if lines > 0 {
				if _, err := bufio.NewReaderSize(r, 16).ReadString('\n'); err != nil {
					t.Error(err)
				}
				r.Close()
			}
			cmd.Wait()
			if got := cmd.ProcessState; got.ExitCode() != tt.code || stderr.String() != tt.stderr {
				t.Errorf("%q, closed after %d lines: got %v and %q, want exit code %d and %q", tt.args, lines, got, stderr.String(), tt.code, tt.stderr)
			}
		}
	}
}

// TestFailingOutput: a full disk is not a reader that has seen enough, in any format.
func TestFailingOutput(t *testing.T) {
	const want = "\n[Errno 28] No space left on device\n"
	skeleton := []string{"chime", "get-account", "--account-id", "a", "--generate-cli-skeleton", "output", "--output"}
	for _, args := range [][]string{{"--version"}, append(skeleton, "json"), append(skeleton, "text"), append(skeleton, "table")} {
		var stderr bytes.Buffer
		code := awscli.Main(t.Context(), args, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), failingWriter{syscall.ENOSPC}, &stderr, chime.Service)
		if code != 255 || stderr.String() != want {
			t.Errorf("%q: got exit code %d and %q, want 255 and %q", args, code, stderr.String(), want)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// --debug says where every setting comes from and what was sent, to stderr, and nothing that
// must not be pasted into a ticket.
func TestDebug(t *testing.T) {
	server := startMock(t, "http", nil)
	server.answer([]response{{Status: 200, Headers: headerList{{"x-amzn-RequestId", "r-1"}}, Body: `{"Users": []}`}}, nil)
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

// --debug says which places were tried for credentials, and why they have none.
func TestDebug_credentials(t *testing.T) {
	server := startMock(t, "http", nil)
	server.answer([]response{{Status: 200, Body: `{"AccessKeyId": "ASIACONT", "SecretAccessKey": "secret/ASIACONT", "Token": "a-token-to-hide", "Expiration": "2099-01-01T00:00:00Z"}`}, {Status: 200, Body: "{}"}}, nil)
	var stdout, stderr bytes.Buffer
	env := []string{
		"HOME=" + t.TempDir(), "BOTO_CONFIG=none", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL_CHIME=" + server.endpoint,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + server.endpoint, "AWS_CONTAINER_AUTHORIZATION_TOKEN=another-to-hide",
	}
	code := awscli.Main(t.Context(), []string{"chime", "list-accounts", "--debug"}, env, strings.NewReader(""), &stdout, &stderr, chime.Service)
	if code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	for _, want := range []string{
		"env: none: AWS_ACCESS_KEY_ID is not set", "sso: none: ", "boto-config: none: ",
		"container-role: found in AWS_CONTAINER_CREDENTIALS_FULL_URI", "access key:  ASIACONT",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr.String())
		}
	}
	for _, secret := range []string{secretOf("ASIACONT"), "a-token-to-hide", "another-to-hide"} {
		if strings.Contains(stderr.String(), secret) {
			t.Errorf("stderr has the secret %q:\n%s", secret, stderr.String())
		}
	}
}

// TestQuit: Ctrl-\ while waiting for a reply ends the process without a word.
func TestQuit(t *testing.T) {
	cmd, stdout, stderr := waitingForReply(t)
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if killed := status.Signaled() && status.Signal() == syscall.SIGQUIT; !killed && status.ExitStatus() != 131 || stdout.Len()+stderr.Len() > 0 {
		t.Errorf("got %v, %q and %q, want the end by the signal and nothing else", cmd.ProcessState, stdout, stderr)
	}
}

// Ctrl-C while waiting for a reply.
func TestInterrupt(t *testing.T) {
	cmd, stdout, stderr := waitingForReply(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 || stdout.String() != "\n" || stderr.Len() > 0 {
		t.Errorf("got %v, %q and %q, want exit code 130 and a new line", err, stdout.String(), stderr.String())
	}
}

// waitingForReply starts a call and returns when the request has arrived.
func waitingForReply(t *testing.T) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	cmd, _ = process(t, "chime", "list-users", "--account-id", "a", "--endpoint-url", "http://"+l.Addr().String())
	cmd.Dir = t.TempDir() // where a core may be dumped
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout, stderr
}

// A server that hangs up in the middle of the handshake is tried again, as often as any that cannot
// be reached.
func TestBrokenHandshake(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tries.Add(1)
			conn.Read(make([]byte, 4096)) // all that the client begins with
			conn.Close()
		}
	}()
	url := "https://" + listener.Addr().String()
	cmd, _ := process(t, "chime", "list-accounts", "--endpoint-url", url)
	cmd.Env = append(cmd.Env, "AWS_MAX_ATTEMPTS=3", "AWS_RETRY_MODE=standard")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	listener.Close()
	<-ended
	want := "\nSSL validation failed for " + url + "/accounts "
	if cmd.ProcessState.ExitCode() != 255 || !strings.HasPrefix(stderr.String(), want) || tries.Load() != 3 {
		t.Errorf("got %v and %q after %d tries, want 255 and %q after 3", err, stderr.String(), tries.Load(), want)
	}
}
