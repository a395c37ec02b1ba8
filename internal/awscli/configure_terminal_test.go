//go:build unix

package awscli_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal runs an aws on a terminal of its own. until waits for a text on it, and returns all
// that was shown.
func terminal(t *testing.T, home string, args ...string) (cmd *exec.Cmd, tty *os.File, until func(text string) string) {
	t.Helper()
	cmd = exec.Command(linkAWS(t), args...)
	cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
	})
	guard := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // a prompt that never comes
	t.Cleanup(func() { guard.Stop() })
	var shown []byte
	return cmd, tty, func(text string) string {
		t.Helper()
		for buf := make([]byte, 1024); !bytes.Contains(shown, []byte(text)); {
			n, err := tty.Read(buf)
			shown = append(shown, buf[:n]...)
			if err != nil {
				t.Fatalf("waiting for %q: %v\nshown: %q", text, err, shown)
			}
		}
		return string(shown)
	}
}

func TestConfigureOnTerminal(t *testing.T) {
	home := t.TempDir()
	cmd, tty, until := terminal(t, home, "configure", "--profile", "p")
	for _, step := range [][2]string{
		{"AWS Access Key ID [None]: ", "AKTYPED"},
		{"AWS Secret Access Key [None]: ", "SKTYPED"},
		{"Default region name [None]: ", ""},
		{"Default output format [None]: ", "table"},
	} {
		until(step[0]) // it must be there before the answer is
		tty.WriteString(step[1] + "\n")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := fileIn(t, home, ".aws/credentials"), "[p]\naws_access_key_id = AKTYPED\naws_secret_access_key = SKTYPED\n"; got != want {
		t.Errorf("credentials: got %q, want %q", got, want)
	}
	if got, want := fileIn(t, home, ".aws/config"), "[profile p]\noutput = table\n"; got != want {
		t.Errorf("config: got %q, want %q", got, want)
	}
}

func TestConfigureInterrupted(t *testing.T) {
	home := t.TempDir()
	cmd, tty, until := terminal(t, home, "configure")
	until("AWS Access Key ID [None]: ")
	tty.WriteString("AKTYPED\n")
	until("AWS Secret Access Key [None]: ")
	tty.WriteString("\x03") // what the key Ctrl-C sends
	cmd.Wait()
	if got, want := cmd.ProcessState.ExitCode(), 130; got != want {
		t.Errorf("got status %d, want %d", got, want)
	}
	if got := fileIn(t, home, ".aws/credentials"); got != "" {
		t.Errorf("credentials: got %q, want no file", got)
	}
}
