// Package terminal says whether a stream is a terminal and how wide it is.
package terminal

import (
	"os"

	"golang.org/x/term"
)

// file returns the file that a stream is, or that it writes to if it has a method Terminal.
func file(stream any) (*os.File, bool) {
	if wrapped, ok := stream.(interface{ Terminal() *os.File }); ok {
		return wrapped.Terminal(), true
	}
	f, ok := stream.(*os.File)
	return f, ok
}

// Is reports whether a stream (standard input, output or error, most often) is a terminal. Only
// an *os.File can be one, or a writer with a method Terminal that returns it.
func Is(stream any) bool {
	f, ok := file(stream)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal of a stream has. A terminal that was never told
// says 0, as a serial line does. ok is false where the stream is no terminal.
func Width(stream any) (columns int, ok bool) {
	f, ok := file(stream)
	if !ok {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	return columns, err == nil
}
