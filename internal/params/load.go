package params

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/document"
)

// Loader loads values that are named by a URL instead of written out.
type Loader struct {
	// Expand replaces variables and a leading ~ in the name of a file.
	Expand func(name string) string
	// Fetch gets the text at an http or https URL; its error is what version 1 would print.
	Fetch func(url string) (string, error)
	// FollowURLs reports whether http and https URLs are to be fetched. It is asked only about
	// such a value, since answering may take reading the configuration.
	FollowURLs func() bool
}

// Bytes is the content of a file behind fileb://.
type Bytes []byte

// LoadError is a file or page that could not be read.
type LoadError struct{ Reason string }

func (e *LoadError) Error() string { return e.Reason }

// Load returns the content behind a file://, fileb://, http:// or https:// value, a string or
// Bytes, and that it did; any other value is returned as it is.
func (l *Loader) Load(value string) (content any, loaded bool, err error) {
	if strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://") {
		if !l.FollowURLs() {
			return value, false, nil
		}
		text, err := l.Fetch(value)
		if err != nil {
			return nil, false, &LoadError{fmt.Sprintf("Unable to retrieve %s: %v", value, err)}
		}
		return text, true, nil
	}
	return l.LoadLocal(value)
}

// LoadLocal is Load for files only.
func (l *Loader) LoadLocal(value string) (content any, loaded bool, err error) {
	path, text := strings.CutPrefix(value, "file://")
	if !text {
		var binary bool
		if path, binary = strings.CutPrefix(value, "fileb://"); !binary {
			return value, false, nil
		}
	}
	path = l.Expand(path)
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, false, &LoadError{fmt.Sprintf("Unable to load paramfile %s: %s", value, osError(err, path))}
	case !text:
		return Bytes(data), true, nil
	case !utf8.Valid(data):
		return nil, false, &LoadError{fmt.Sprintf("Unable to load paramfile (%s), text contents could not be decoded.  "+
			"If this is a binary file, please use the fileb:// prefix instead of the file:// prefix.", path)}
	}
	return newlines(string(data)), true, nil
}

// newlines makes every kind of line end a line feed.
func newlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// osError spells an error of the operating system as Python does.
func osError(err error, path string) string {
	var number syscall.Errno
	var p *fs.PathError
	if !errors.As(err, &number) || !errors.As(err, &p) {
		return err.Error()
	}
	text := number.Error()
	return fmt.Sprintf("[Errno %d] %c%s: %s", int(number), unicode.ToUpper(rune(text[0])), text[1:], document.Repr(path))
}
