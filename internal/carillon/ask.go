package carillon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/terminal"
)

// ask asks the person at the terminal whether to go on. Anything but yes is an error, and so is an
// input that is no terminal.
func (p *program) ask(ctx context.Context, question string) error {
	if !terminal.Is(p.stdin) {
		return p.badInput("there is no terminal to ask on; give --yes if this is what you want. Nothing was changed")
	}
	if _, err := fmt.Fprintf(p.stderr, "%s? [yes/no] ", question); err != nil {
		return fmt.Errorf("nobody can be asked, since standard error cannot be written; nothing was changed: %w", err)
	}
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil {
			line = ""
		}
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case word := <-answer:
		if word == "yes" || word == "y" {
			return nil
		}
		return &codedError{exitStopped, errors.New("nothing was changed")}
	case <-ctx.Done():
		fmt.Fprintln(p.stderr)
		return &codedError{exitInterrupted, errors.New("interrupted, nothing was changed")}
	}
}
