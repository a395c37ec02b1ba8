//go:build unix

package carillon_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/carillon-project/carillon/internal/carillon"
)

// What files and services say moves no cursor, names no window and turns no line, whichever command
// prints it on a terminal; programs and files get it as it is.
func TestScreen(t *testing.T) {
	p := newPlace(t)
	const evil = "A\x1b]0;owned\a\r\u202eB\u009bK"
	const shown = `A\x1b]0;owned\a\r\u202eB\u009bK`
	other := p.aws("chime", "create-account", "--name", evil, "--query", "Account.AccountId")
	rows := "email," + strings.ReplaceAll(evil, "\r", "") + "\nx" + strings.ReplaceAll(evil, "\r", "") + "@example.com,1\n"
	if err := os.WriteFile("evil.csv", []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "evil\x1b[2J.csv"
	if err := os.WriteFile(name, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string // on the terminal
	}{
		{[]string{"audit", "--account-id", other, "--output", "json"}, "owned"},
		{[]string{"audit", "--output", "csv"}, "owned"},
		{[]string{"audit"}, "CreateAccount"},
		{[]string{"bulk", "plan", "--account-id", p.account, "evil.csv", "--set", "license=Pro"}, `\x1b]0;owned`},
		{[]string{"bulk", "invite", "--account-id", p.account, "evil.csv", "--yes"}, `\x1b]0;owned`},
		{[]string{"bulk", "plan", "--account-id", p.account, name}, `\x1b[2J`},
		{[]string{"bulk", "plan", "--account-id", evil, "--all", "--set", "license=Pro"}, shown[:9]},
		{[]string{"bulk", "suspend", "--account-id", p.account, "--where", "Name=='" + evil + "'"}, "no member"},
		{[]string{"import", name}, `\x1b[2J`},
		{[]string{"user", "register", "--account-id", other, "--email", evil}, `\x1b]0;owned`},
		{[]string{evil}, `\x1b]0;owned`},
		{[]string{"bulk", "plan", "--" + evil}, `\x1b]0;owned`},
		{[]string{"key", "create", "--name", evil, "--policy", "AmazonChimeReadOnly"}, "owned"},
		{[]string{"key", "list"}, "AccessKeys"},
	} {
		if tt.args[0] != "bulk" && tt.args[0] != evil {
			tt.args = append(tt.args, "--data", p.data)
		}
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(master) // ends with an error when the terminal is closed
			read <- string(text)
		}()
		carillon.Main(t.Context(), tt.args, p.env, strings.NewReader(""), tty, tty)
		tty.Close()
		got := strings.ReplaceAll(<-read, "\r\n", "\n")
		master.Close()
		if strings.ContainsAny(got, "\x1b\a\r\u202e\u009b") || !strings.Contains(got, tt.want) {
			t.Errorf("carillon %q: got on the terminal %q, want %s in it and nothing that cannot be seen", tt.args, got, tt.want)
		}
	}
	var piped bytes.Buffer
	carillon.Main(t.Context(), []string{"bulk", "export", "--account-id", p.account, "--format", "jsonl"}, p.env, strings.NewReader(""), &piped, io.Discard)
	if !strings.Contains(piped.String(), "ana@example.com") {
		t.Errorf("piped: got %q", piped.String())
	}
}
