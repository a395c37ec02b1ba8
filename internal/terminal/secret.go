package terminal

import (
	"context"
	"io"
	"os"
	"reflect"
	"runtime"
	"time"

	"golang.org/x/term"
)

// AskSecret writes a text to the terminal of this process, whatever its streams are, and returns
// the line that a person types, without its end. The line is not shown. ok is false if the process
// has no terminal; nothing was asked then. If ctx ends first, the error is its cause.
func AskSecret(ctx context.Context, text string) (line string, ok bool, err error) {
	from, to := "/dev/tty", "/dev/tty"
	if runtime.GOOS == "windows" {
		from, to = "CONIN$", "CONOUT$"
	}
	in, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return "", false, nil
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return "", false, nil
	}
	defer out.Close()
	fd := int(in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", false, nil
	}
	type result struct {
		line []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		read <- result{line, err}
	}()
	// Who answers at once must find the line hidden. A terminal that hid all lines before shows no
	// change, and neither does one where the answer was typed ahead.
	for end := time.Now().Add(time.Second); len(read) == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, err := term.GetState(fd); err != nil || !reflect.DeepEqual(now, state) {
			break
		}
	}
	io.WriteString(out, text)
	select {
	case <-ctx.Done(): // a read cannot be stopped, so it is abandoned
		term.Restore(fd, state)
		return "", true, context.Cause(ctx)
	case r := <-read:
		io.WriteString(out, "\n")
		return string(r.line), true, r.err
	}
}
