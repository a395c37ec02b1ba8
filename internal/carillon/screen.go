package carillon

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/sheet"
	"github.com/carillon-project/carillon/internal/terminal"
)

// screen writes to a terminal. Texts of files, databases and services are among what commands
// print, and must not move the cursor, name the window or turn the direction of a line: what cannot
// be seen is escaped, but for line ends and tabs.
type screen struct {
	file *os.File

	mu   sync.Mutex // the log of a service and its other lines come at the same time
	rest []byte     // of a character that the next write completes
}

// onScreen returns a writer for a stream: a [screen] if it is a terminal, else the stream itself.
// What goes to files and programs stays as it is.
func onScreen(stream io.Writer) io.Writer {
	if file, ok := stream.(*os.File); ok && terminal.Is(file) {
		return &screen{file: file}
	}
	return stream
}

// raw returns the stream itself, for those who move the cursor.
func raw(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s.file
	}
	return w
}

// Terminal returns what the screen writes to.
func (s *screen) Terminal() *os.File { return s.file }

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.rest, text...)
	whole := len(all)
	for n := 1; n < utf8.UTFMax && n <= len(all); n++ {
		if tail := all[len(all)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= n
			}
			break
		}
	}
	var b strings.Builder
	for i, line := range strings.Split(string(all[:whole]), "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, cell := range strings.Split(line, "\t") {
			if j > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(sheet.Visible(cell))
		}
	}
	s.rest = append([]byte(nil), all[whole:]...)
	if _, err := s.file.WriteString(b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}
