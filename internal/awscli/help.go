package awscli

import (
	"context"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/help"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/terminal"
)

// helpTopics are the words that version 1 takes behind `aws help`, in its own order.
var helpTopics = []string{"topics", "config-vars", "return-codes", "s3-config", "s3-faq", "s3-case-insensitivity"}

// help shows the page of the whole command, or of a topic. Topics of other services are handed
// on, like their commands.
func (c *cli) help() error {
	// Unknown options are nobody's, as in version 1.
	line, err := parse(c.global.rest, nil, positional{"subcommand", helpTopics, false})
	if err != nil {
		return err
	}
	if !line.given {
		return c.page(func(width int) string {
			return help.Command([]*model.Service{chime.Service}, shown(globalOptions), width)
		})
	}
	if !slices.Contains(help.Topics(), line.word) {
		return c.handOn(context.Background(), "help "+line.word, []string{"help", line.word})
	}
	return c.page(func(width int) string { return help.Topic([]*model.Service{chime.Service}, line.word, width) })
}

func (c *cli) serviceHelp() error {
	return c.page(func(width int) string { return help.Service(chime.Service, width) })
}

func (c *cli) operationHelp(op *model.Operation) error {
	own := commandOptions(op)
	options := make([]help.Option, 0, len(own))
	for _, o := range own {
		if !o.hidden {
			h := shown([]*option{o.option})[0]
			h.Member = o.member
			options = append(options, h)
		}
	}
	return c.page(func(width int) string { return help.Operation(chime.Service, op, options, shown(globalOptions), width) })
}

// shown describes options for a page, without the hidden ones.
func shown(options []*option) []help.Option {
	out := make([]help.Option, 0, len(options))
	for _, o := range options {
		if o.hidden {
			continue
		}
		value := ""
		switch o.takes {
		case one:
			value = "<value>"
		case optional:
			value = "[<value>]"
		case many:
			value = "<value> ..."
		}
		out = append(out, help.Option{Name: o.name, Value: value, Choices: o.choices, Required: o.required})
	}
	return out
}

// Widths of a page: where there is no terminal, and at most, since long lines are hard to read.
const (
	pageWidth    = 80
	maxPageWidth = 100
	minPageWidth = 40
)

// page prints a page, on a terminal through the pager.
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
			// How it ends says nothing about the page: less ends by Ctrl-C, and before it has
			// read everything, when its reader has seen enough.
			cmd.Wait()
			return exitStatus(exitOK)
		}
	}
	_, err := io.WriteString(c.out, content)
	return wrapWrite(err)
}

// pager returns the command that shows pages, nil where there is none. MANPAGER and PAGER may
// hold words behind the program's name, quoted as for a shell.
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

// asksForHelp reports whether the line is for a page, which needs no settings.
func (c *cli) asksForHelp() bool {
	rest := c.global.rest
	return c.global.word == "help" ||
		c.global.word == "chime" && (slices.Equal(rest, []string{"help"}) || len(rest) == 2 && rest[1] == "help")
}
