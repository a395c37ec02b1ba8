//go:build unix

package awscli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// roleWithCode starts a command that needs the code of a device.
func roleWithCode(t *testing.T) (server *mock, cmd *exec.Cmd, tty *os.File, until func(text string) string) {
	t.Helper()
	server = startMock(t, "http", nil)
	server.answer([]response{{Status: 200, Body: "<R><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret/ASIA</SecretAccessKey>" +
		"<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></R>"}, {Status: 200, Body: `{"Accounts": []}`}}, nil)
	home := t.TempDir()
	config := "[default]\nregion = us-east-1\nendpoint_url = " + server.endpoint + "\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = s\n" +
		"mfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile s]\naws_access_key_id = S\naws_secret_access_key = secret/S\n"
	if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".aws/config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, tty, until = terminal(t, home, "chime", "list-accounts")
	until("Enter MFA code for arn:aws:iam::111122223333:mfa/u: ")
	return server, cmd, tty, until
}

// The code of a device is typed unseen.
func TestCode(t *testing.T) {
	server, cmd, tty, until := roleWithCode(t)
	tty.WriteString("123456\n")
	if shown := until(`"Accounts"`); strings.Contains(shown, "123456") {
		t.Errorf("the terminal shows the code: %q", shown)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := server.seen(); len(got) != 2 || !strings.HasSuffix(string(got[0].Body), "&TokenCode=123456") {
		t.Errorf("got requests %+v, want the code in the first of two", got)
	}
}

func TestCode_interrupted(t *testing.T) {
	server, cmd, tty, _ := roleWithCode(t)
	tty.WriteString("\x03")
	cmd.Wait()
	if got, n := cmd.ProcessState.ExitCode(), len(server.seen()); got != 130 || n != 0 {
		t.Errorf("got status %d after %d requests, want 130 after none", got, n)
	}
}
