//go:build unix

package awscli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

// onTerminal runs a command whose output is a terminal of 60 columns, and returns what is seen
// there.
func onTerminal(t *testing.T, env []string, args ...string) (code int, screen, stderr string) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		text, _ := io.ReadAll(terminal) // ends with an error once the other end is closed
		seen <- strings.ReplaceAll(string(text), "\r\n", "\n")
	}()
	var complaints bytes.Buffer
	code = awscli.Main(t.Context(), args, env, strings.NewReader(""), tty, &complaints, chime.Service)
	tty.Close()
	return code, <-seen, complaints.String()
}

// TestHelpOnTerminal: pages go through the pager that the environment names, MANPAGER before
// PAGER, with words and quotes as for a shell; where it cannot be run they are just printed.
func TestHelpOnTerminal(t *testing.T) {
	const heading = "NAME\n    chime - "
	for _, c := range []struct {
		name   string
		env    []string
		screen bool // whether the page is on the screen, otherwise it is in the pager's file
		paged  bool
	}{
		{"pager", []string{`PAGER=sh -c 'cat >"$PAGED"'`}, false, true},
		{"manpager wins", []string{"PAGER=cat", `MANPAGER=sh -c 'cat >"$PAGED"'`}, false, true},
		{"missing pager", []string{"PAGER=/no/such/pager -R"}, true, false},
		{"empty pager", []string{"PAGER="}, true, false},
		{"open quote", []string{"PAGER=less '"}, true, false},
		{"pager that has seen enough", []string{"PAGER=true"}, false, false},
		{"pager that fails", []string{"PAGER=false"}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			paged := filepath.Join(t.TempDir(), "paged")
			env := append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "PAGED=" + paged}, c.env...)
			code, screen, stderr := onTerminal(t, env, "chime", "help")
			if code != 0 || stderr != "" {
				t.Errorf("got exit code %d and on standard error %q, want 0 and nothing", code, stderr)
			}
			if got := strings.HasPrefix(screen, heading); got != c.screen || !c.screen && screen != "" {
				t.Errorf("got on the screen %q, want the page there: %t", screen, c.screen)
			}
			file, err := os.ReadFile(paged)
			if got := err == nil && strings.HasPrefix(string(file), heading); got != c.paged {
				t.Errorf("got through the pager %q, want the page there: %t", file, c.paged)
			}
			for line := range strings.Lines(screen + string(file)) {
				if len(strings.TrimSuffix(line, "\n")) > 60 {
					t.Errorf("got a line of %d characters, want 60, which is the width of the terminal: %q", len(line)-1, line)
				}
			}
		})
	}
}

// TestHelpIntoBrokenPipe: whoever closed it has seen enough.
func TestHelpIntoBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var stderr bytes.Buffer
	awscli.Main(t.Context(), []string{"chime", "help"}, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), w, &stderr, chime.Service)
	if stderr.Len() > 0 {
		t.Errorf("got on standard error %q, want nothing", stderr.String())
	}
}
