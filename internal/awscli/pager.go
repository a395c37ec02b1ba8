package awscli

import (
	"io"
	"os/exec"
	"strings"

	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/terminal"
)

// Widths of a page: without a terminal, and the bounds on one. Long lines are hard to read.
const (
	pageWidth    = 80
	maxPageWidth = 100
	minPageWidth = 40
)

// page prints a page. On a terminal it runs the pager.
func (c *cli) page(text func(width int) string) error {
	if !terminal.Is(c.stdout) {
		_, err := io.WriteString(c.out, text(pageWidth))
		return wrapWrite(err)
	}
	width := pageWidth
	if columns, ok := terminal.Width(c.stdout); ok && columns > 0 {
		width = max(minPageWidth, min(columns, maxPageWidth))
	}
	content := text(width)
	if cmd := c.pager(); cmd != nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = strings.NewReader(content), c.stdout, c.stderr, c.env
		if cmd.Start() == nil {
			// Its exit code does not matter: less ends on Ctrl-C, and before it has read
			// everything when its user has seen enough.
			cmd.Wait()
			return exitStatus(exitOK)
		}
	}
	_, err := io.WriteString(c.out, content)
	return wrapWrite(err)
}

// pager returns the command that shows pages, nil if there is none. MANPAGER and PAGER may hold
// arguments after the name of the program, quoted as for a shell.
func (c *cli) pager() *exec.Cmd {
	line := "less -R"
	for _, name := range []string{"PAGER", "MANPAGER"} {
		if value, ok := c.env.Lookup(name); ok {
			line = value
		}
	}
	words, err := shell.Split(line)
	if err != nil || len(words) == 0 {
		return nil
	}
	return exec.Command(words[0], words[1:]...)
}
