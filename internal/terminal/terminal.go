// Package terminal says whether a stream is a terminal and how wide it is.
package terminal

import (
	"os"

	"golang.org/x/term"
)

// Is reports whether a stream (standard input, output or error, most often) is a terminal. Only
// an *os.File can be one.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal of a stream has. A terminal that was never told
// says 0, as a serial line does. ok is false where the stream is no terminal.
func Width(stream any) (columns int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	return columns, err == nil
}
