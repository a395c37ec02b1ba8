//go:build unix

package terminal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/creack/pty"

	"github.com/carillon-project/carillon/internal/terminal"
)

func TestTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()

	for _, c := range []struct {
		name   string
		stream any
		told   uint16 // columns that the terminal is told it has
		want   int
		ok     bool
	}{
		{"nothing", nil, 0, 0, false},
		{"buffer", new(bytes.Buffer), 0, 0, false},
		{"file", file, 0, 0, false},
		{"terminal", tty, 132, 132, true},
		{"terminal that was never told", tty, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ok {
				if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: c.told}); err != nil {
					t.Fatal(err)
				}
			}
			if got := terminal.Is(c.stream); got != c.ok {
				t.Errorf("Is: got %v, want %v", got, c.ok)
			}
			if got, ok := terminal.Width(c.stream); got != c.want || ok != c.ok {
				t.Errorf("Width: got %d, %v, want %d, %v", got, ok, c.want, c.ok)
			}
		})
	}
}
