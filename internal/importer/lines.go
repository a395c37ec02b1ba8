package importer

import (
	"fmt"
	"io"
)

// maxRow bounds the text of one row in bytes, so that no file of another kind fills the memory.
const maxRow = 1 << 20

const notUTF8 = "this is not UTF-8, so the rest of the file is not read: save the file as UTF-8, or as UTF-16 with a byte order mark"

var errLongRow = fmt.Errorf("a row has more than %d bytes", maxRow)

// lines is the text of a file on its way into a decoder, which reads ahead. It remembers the ends
// of the lines that the decoder has read and at has not passed yet.
type lines struct {
	r     io.Reader
	read  int64   // bytes handed out
	most  int64   // bytes that may be handed out, see allow
	ends  []int64 // offsets of line ends after the last position asked for
	where int     // the line of that position, from 1
}

func (l *lines) Read(p []byte) (int, error) {
	if l.read >= l.most {
		return 0, errLongRow
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.most-l.read)])
	for i, b := range p[:n] {
		if b == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at returns the line of an offset, which must not be before the one asked for last.
func (l *lines) at(offset int64) int {
	passed := 0
	for passed < len(l.ends) && l.ends[passed] < offset {
		passed++
	}
	l.ends = append(l.ends[:0], l.ends[passed:]...)
	l.where += passed
	return l.where
}

// allow lets the row that begins at an offset be read.
func (l *lines) allow(offset int64) { l.most = offset + maxRow }
