//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// typed are lines that a person begins, and what a press of Tab makes of them.
var typed = []struct{ begun, want string }{
	{"carillon acc", "carillon account"},
	{"carillon account susp", "carillon account suspend"},
	{"carillon bulk plan --max", "carillon bulk plan --max-changes"},
	{"carillon bulk plan --set LicenseType=B", "carillon bulk plan --set LicenseType=Basic"},
	{"carillon bulk plan --set=LicenseType=B", "carillon bulk plan --set=LicenseType=Basic"},
	{"carillon bulk apply pe", "carillon bulk apply people.csv"},
	{"carillon bulk resume ", "carillon bulk resume job.jsonl"},
	{"carillon account suspend --account-id ", "carillon account suspend --account-id ID"},
	{"carillon bulk suspend --account-id ", "carillon bulk suspend --account-id ID"},
}

// Completion works in the shells themselves, as a person uses it.
func TestCompletion(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"people.csv": "email\n", "people.txt": "no rows",
		"job.jsonl":  `{"carillon": "ledger", "version": 1, "job": "1", "action": "update", "account": "A", "endpoint": "http://127.0.0.1:1", "rows": 0}` + "\n",
		"plan.jsonl": `{"carillon": "plan", "version": 1, "action": "update", "account": "A", "endpoint": "http://127.0.0.1:1", "rows": 0}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := t.TempDir()
	s := serving(t, data, "--data", data)
	env := append(childEnv(dir), "CARILLON_DATA="+data)
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	create := exec.Command("aws", "chime", "create-account", "--name", "Acme Corp", "--query", "Account.AccountId", "--output", "text")
	create.Env = env
	account, err := create.Output()
	if err != nil {
		t.Fatal(err)
	}
	wanted := func(text string) string { return strings.ReplaceAll(text, "ID", strings.TrimSpace(string(account))) }

	for shell, begin := range map[string]string{
		"bash": "bash --norc --noprofile -i\neval \"$(carillon completion bash)\"\n",
		"zsh":  "zsh -f -i\nbindkey -e; autoload -Uz compinit; compinit -D -u; source <(carillon completion zsh)\n",
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			find(t, shell)
			start, setup, _ := strings.Cut(begin, "\n")
			cmd := exec.Command("sh", "-c", "exec "+start)
			cmd.Dir, cmd.Env = dir, append(env, "PS1=> ", "TERM=xterm", "INPUTRC=/dev/null")
			terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				terminal.Close()
				cmd.Process.Kill()
				cmd.Wait()
			}()
			guard := time.AfterFunc(hung, func() { cmd.Process.Kill() })
			defer guard.Stop()
			var shown bytes.Buffer
			// until reads what the shell shows until it has two texts, and returns what is in between.
			until := func(begin, end string) string {
				t.Helper()
				for chunk := make([]byte, 4096); ; {
					_, rest, _ := bytes.Cut(shown.Bytes(), []byte(begin))
					if between, _, found := bytes.Cut(rest, []byte(end)); found {
						text := string(between)
						shown.Reset()
						return text
					}
					n, err := terminal.Read(chunk)
					if shown.Write(chunk[:n]); err != nil {
						t.Fatalf("got %v and\n%s\nwant %q and %q", err, shown.Bytes(), begin, end)
					}
				}
			}
			io.WriteString(terminal, setup+"echo ready''.\n")
			until("ready.", "\r\n")
			for _, line := range typed {
				for begin := time.Now(); ; {
					// Tab, to the beginning of the line, and have the shell say what stands there now.
					io.WriteString(terminal, line.begun+"\t\x01echo line''is: \n")
					got, want := until("lineis: ", "\r\n"), wanted(line.want)
					guard.Reset(hung)
					if got == want {
						break
					}
					// A person waits two seconds for the service, which a busy machine may take longer.
					if got != strings.TrimSpace(line.begun) || time.Since(begin) > hung {
						t.Fatalf("%q: got %q, want %q", line.begun, got, want)
					}
				}
			}
		})
	}
	t.Run("fish", func(t *testing.T) {
		t.Parallel()
		find(t, "fish")
		for _, line := range typed {
			var out []byte
			var err error
			for begin := time.Now(); len(out) == 0 && err == nil && time.Since(begin) < hung; { // as above
				cmd := exec.Command("fish", "-N", "-c", `carillon completion fish | source; complete -C "$argv[1]"`, line.begun)
				cmd.Dir, cmd.Env = dir, env
				out, err = cmd.Output()
			}
			words := strings.Fields(wanted(line.want))
			last := words[len(words)-1]
			if got, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\t"); err != nil || got != last && !strings.HasPrefix(last, "people") {
				t.Errorf("%q: got %q, %v, want %q", line.begun, out, err, last)
			}
		}
	})
}

// find skips a test whose shell is not there.
func find(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed: .ci/run should have done so", shell)
		}
		t.Skipf("%s is not installed", shell)
	}
}

// A service that never answers holds nobody up.
func TestCompletion_SilentService(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), hung-10*time.Second) // before the timeout of the connection
	defer cancel()
	cmd := exec.CommandContext(ctx, "carillon", "__complete", "bulk", "plan", "--account-id", "")
	cmd.Dir, cmd.Env = dir, append(childEnv(dir), "AWS_ENDPOINT_URL_CHIME=http://"+l.Addr().String(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1")
	if out, err := cmd.Output(); err != nil || string(out) != ":4\n" {
		t.Errorf("got %q, %v, want nothing to offer", out, err)
	}
}
