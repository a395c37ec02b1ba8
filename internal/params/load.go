package params

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
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

// LoadError is a file or page that could not be read.
type LoadError struct{ Reason string }

func (e *LoadError) Error() string { return e.Reason }

// Load returns the content that a file://, fileb://, http:// or https:// value names, a string or
// [document.Bytes], and that it did. Any other value is returned as it is.
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

// LoadLocal is [Loader.Load] for files only.
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
		return nil, false, &LoadError{fmt.Sprintf("Unable to load paramfile %s: %v", value, python.OSError(err, path))}
	case !text:
		return document.Bytes(data), true, nil
	case !utf8.Valid(data):
		return nil, false, &LoadError{fmt.Sprintf("Unable to load paramfile (%s), text contents could not be decoded.  "+
			"If this is a binary file, please use the fileb:// prefix instead of the file:// prefix.", path)}
	}
	return python.UniversalNewlines(string(data)), true, nil
}
