//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

const demoPrompt = "-- any key to go on, Ctrl-C to end --"

// demoCommand returns a demo, and a directory in which its data is, and nothing else.
func demoCommand(t *testing.T, env ...string) (cmd *exec.Cmd, tmp string) {
	t.Helper()
	// Under nohup, these tests ignore a hang-up, and so would the demo. What they take note of is as
	// usual in programs that they start.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	home, tmp := t.TempDir(), t.TempDir()
	cmd = exec.Command("carillon", "demo")
	cmd.Dir, cmd.Env = home, append(append(childEnv(home), "TMPDIR="+tmp, "TERM=xterm"), env...)
	return cmd, tmp
}

// ended waits for a demo, which must end with a code and leave nothing behind.
func ended(t *testing.T, cmd *exec.Cmd, tmp string, want int) {
	t.Helper()
	guard := time.AfterFunc(hung, func() { cmd.Process.Kill() })
	defer guard.Stop()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("the demo ended with exit code %d, want %d", got, want)
	}
	empty(t, tmp)
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the demo has left %v behind, %v", left, err)
	}
}

// watcher sits at a terminal of the usual size, on which a demo runs.
type watcher struct {
	tty   *os.File
	shown []byte // since the last prompt
}

func watchDemo(t *testing.T, cmd *exec.Cmd) *watcher {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(hung, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		cmd.Process.Kill()
		tty.Close()
	})
	return &watcher{tty: tty}
}

// screen reads what is shown until the demo waits, or ends.
func (w *watcher) screen(t *testing.T) (text string, waits bool) {
	t.Helper()
	for chunk := make([]byte, 4096); ; {
		if before, after, found := bytes.Cut(w.shown, []byte(demoPrompt)); found {
			w.shown = after
			return string(before), true
		}
		n, err := w.tty.Read(chunk)
		if w.shown = append(w.shown, chunk[:n]...); err != nil { // the terminal has gone with the process
			return string(w.shown), false
		}
	}
}

// On a terminal a demo tells its story screen by screen, and commands differ from what they print.
func TestDemo_Terminal(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	const bold, plain = "\x1b[1;32m", "\x1b[0m"
	for _, tt := range []struct {
		name    string
		env     []string
		colors  bool
		clean   bool // the prompt is taken away
		screens int
		args    []string
	}{
		{"colors", nil, true, true, 4, nil},
		{"NO_COLOR", []string{"NO_COLOR=1"}, false, true, 4, nil},
		{"dumb", []string{"TERM=dumb"}, false, false, 4, nil},
		{"no pause", nil, true, true, 1, []string{"--no-pause"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd, tmp := demoCommand(t, tt.env...)
			cmd.Args = append(cmd.Args, tt.args...)
			w := watchDemo(t, cmd)
			var lines []string
			screens := 0
			for waits := true; waits; {
				var text string
				text, waits = w.screen(t)
				if screens++; screens > 1 {
					erased := "\r" + strings.Repeat(" ", len(demoPrompt)) + "\r"
					if strings.HasPrefix(text, erased) != tt.clean {
						t.Errorf("after a prompt: got %q", text)
					}
					text = strings.TrimPrefix(text, erased)
				}
				screen := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
				if len(screen) > 23 && tt.screens > 1 {
					t.Errorf("a screen has %d lines and a prompt", len(screen))
				}
				lines = append(lines, screen...)
				if waits {
					io.WriteString(w.tty, "\x1b[B") // a key that sends more than a byte is one key
				}
			}
			ended(t, cmd, tmp, 0)
			if screens != tt.screens {
				t.Errorf("got %d screens, want %d", screens, tt.screens)
			}
			checkStory(t, lines, func(command string) string {
				if tt.colors {
					command = strings.TrimSuffix(strings.TrimPrefix(command, bold), plain)
				}
				return command
			})
			if text := strings.Join(lines, "\n"); strings.Contains(text, bold+"$ aws") != tt.colors || strings.Contains(text, "\x1b") && !tt.colors || strings.Contains(text, "\r") {
				t.Errorf("got %q", text)
			}
		})
	}
}

// checkStory looks at the lines of a demo: how many there are, how wide they are, and what they
// tell.
func checkStory(t *testing.T, lines []string, bare func(string) string) {
	t.Helper()
	if len(lines) >= 60 {
		t.Errorf("the story has %d lines, want less than 60", len(lines))
	}
	var all strings.Builder
	for _, line := range lines {
		line = bare(line)
		all.WriteString(line + "\n")
		if len(line) > 80 && !strings.HasPrefix(line, "$ cd ") {
			t.Errorf("%d columns are too many: %s", len(line), line)
		}
	}
	for _, want := range []string{
		`(?m)^# A service runs on http://127\.0\.0\.1:\d+, `,
		`(?m)^\$ aws chime batch-update-user --update-user-request-items \\$`,
		`(?m)^NotFound\ta1b2c3d4-5678-90ab-cdef-22222EXAMPLE$`,
		`(?m)^\(plan\) 668 to change, 332 as they should be$`,
		`(?m)^668 done, 0 failed$`,
		`(?m)^    ana\.adeyemi@example\.com  LicenseType "Basic" -> "Pro"\n.*\n    ana\.adeyemi@example\.com  LicenseType "Pro" -> "Basic"$`,
		`(?m)^# The service has stopped, and its data is gone\.`,
	} {
		if !regexp.MustCompile(want).MatchString(all.String()) {
			t.Errorf("nothing is like %s in\n%s", want, all.String())
		}
	}
}

// Whatever ends a demo while it waits, nothing is left behind, and the terminal is as it was.
func TestDemo_Left(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	send := func(s syscall.Signal) func(*exec.Cmd, *watcher) {
		return func(cmd *exec.Cmd, _ *watcher) { cmd.Process.Signal(s) }
	}
	for name, leave := range map[string]func(*exec.Cmd, *watcher){
		"Ctrl-C":            func(_ *exec.Cmd, w *watcher) { io.WriteString(w.tty, "\x03") },
		"interrupt":         send(syscall.SIGINT),
		"kill":              send(syscall.SIGTERM),
		"hang-up":           send(syscall.SIGHUP),
		"the terminal goes": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, tmp := demoCommand(t)
			var complaints bytes.Buffer
			if leave == nil { // what is said to a terminal that has gone is lost
				cmd.Stderr = &complaints
			}
			w := watchDemo(t, cmd)
			before, err := term.GetState(int(w.tty.Fd())) // both ends tell of the same
			if err != nil {
				t.Fatal(err)
			}
			w.screen(t)
			io.WriteString(w.tty, " ")
			w.screen(t)
			if leave == nil {
				w.tty.Close()
				ended(t, cmd, tmp, 130)
				if got, want := complaints.String(), "carillon: demo: interrupted; its data is gone\n"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				return
			}
			leave(cmd, w)
			rest, _ := w.screen(t)
			if want := "\rcarillon: demo: interrupted; its data is gone\r\n"; !strings.HasSuffix(rest, want) {
				t.Errorf("got %q, want %q", rest, want)
			}
			ended(t, cmd, tmp, 130)
			if after, err := term.GetState(int(w.tty.Fd())); err != nil || !reflect.DeepEqual(after, before) {
				t.Errorf("the terminal is %v, %v, and was %v", after, err, before)
			}
		})
	}
}

// A reader who leaves ends a demo without a word, and nothing is left behind.
func TestDemo_BrokenPipe(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	for _, lines := range []int{0, 9} {
		cmd, tmp := demoCommand(t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &complaints
		if lines == 0 {
			r.Close()
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if lines > 0 {
			head := exec.Command("head", "-n", "9")
			head.Stdin = r
			if out, err := head.Output(); err != nil || bytes.Count(out, []byte("\n")) != lines {
				t.Errorf("head: got %q, %v", out, err)
			}
			r.Close()
		}
		ended(t, cmd, tmp, 0)
		if complaints.Len() > 0 {
			t.Errorf("got %s, want no complaint", complaints.String())
		}
	}
}

// On a full disk a demo says so, and nothing is left behind. The disk is played by a limit on the
// size of files.
func TestDemo_DiskFull(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	for _, blocks := range []string{"0", "64", "1024", "2048"} {
		cmd, tmp := demoCommand(t)
		limited := exec.Command("sh", "-c", "ulimit -f "+blocks+"; exec carillon demo")
		limited.Dir, limited.Env = cmd.Dir, cmd.Env
		var out, complaints bytes.Buffer
		limited.Stdout, limited.Stderr = &out, &complaints
		err := limited.Run()
		said := strings.TrimSuffix(complaints.String(), "\n")
		// The command that has failed may speak first.
		if last := said[strings.LastIndexByte(said, '\n')+1:]; err == nil || limited.ProcessState.ExitCode() < 1 || !strings.HasPrefix(last, "carillon: ") {
			t.Errorf("with files of %s blocks: got %v, and %q after\n%s", blocks, err, complaints.String(), out.String())
		}
		empty(t, tmp)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	cmd, tmp := demoCommand(t)
	var complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended(t, cmd, tmp, 1)
	if want := "no space left"; !strings.Contains(complaints.String(), want) {
		t.Errorf("got %q, want %q in it", complaints.String(), want)
	}
}

// With --console the service stays, a link leads to its console, and an interrupt or the end of the
// terminal ends it well.
func TestDemo_Console(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		t.Run(end.String(), func(t *testing.T) {
			t.Parallel()
			cmd, tmp := demoCommand(t)
			cmd.Args = append(cmd.Args, "--console")
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			guard := time.AfterFunc(hung, func() { cmd.Process.Kill() })
			defer guard.Stop()
			lines := bufio.NewScanner(out)
			link := ""
			for lines.Scan() && lines.Text() != "# Interrupt the program (Ctrl-C) to end it." {
				if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
					link = lines.Text()
				}
			}
			resp, err := http.Get(link)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: got %s, want 200", link, resp.Status)
			}
			cmd.Process.Signal(end)
			rest, err := io.ReadAll(out)
			if want := "# The service has stopped, and its data is gone. One that stays: carillon serve\n"; err != nil || !strings.HasSuffix(string(rest), want) {
				t.Errorf("got %q, %v, want %q", rest, err, want)
			}
			ended(t, cmd, tmp, 0)
		})
	}
}
