// Package terminal says whether a stream is a terminal and how wide it is, and waits for keys.
package terminal

import (
	"context"
	"errors"
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

// ReadKey waits for a key on the terminal of a stream and returns what it sends, which is more than
// one byte for some keys. It calls prompt when it is ready for one. From then on nothing that is
// typed is shown, and Ctrl-C is "\x03" instead of a signal. A context that ends first is an error,
// and so is a terminal that goes away. After the former the stream is still being read from, so
// nobody else should.
func ReadKey(ctx context.Context, stream any, prompt func()) (string, error) {
	f, ok := file(stream)
	if !ok {
		return "", errors.New("the stream is no terminal")
	}
	before, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(f.Fd()), before)
	prompt()
	type answer struct {
		key string
		err error
	}
	read := make(chan answer, 1)
	go func() {
		buf := make([]byte, 64)
		n, err := f.Read(buf)
		read <- answer{string(buf[:n]), err}
	}()
	select {
	case a := <-read:
		return a.key, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
