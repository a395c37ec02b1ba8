package python

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// OSError spells what the system says of a file as Python's OSError does:
//
//	[Errno 2] No such file or directory: 'nowhere'
//
// An error that is not of the system is returned as it is.
func OSError(err error, path string) error {
	if text, ok := describe(err); ok {
		return exceptionf("%s: %s", text, Repr(path))
	}
	return err
}

// StreamError is [OSError] for what has no name:
//
//	[Errno 32] Broken pipe
func StreamError(err error) error {
	if text, ok := describe(err); ok {
		return exceptionf("%s", text)
	}
	return err
}

func describe(err error) (text string, ok bool) {
	// On Windows numbers and texts are others, while Python has those of C there as well.
	errno, ok := errors.AsType[syscall.Errno](err)
	number := int(errno)
	switch {
	case ok && runtime.GOOS != "windows":
		text = errno.Error()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		number, text = 2, "no such file or directory"
	case errors.Is(err, fs.ErrPermission):
		number, text = 13, "permission denied"
	default:
		return "", false
	}
	return fmt.Sprintf("[Errno %d] %s%s", number, strings.ToUpper(text[:1]), text[1:]), true
}
