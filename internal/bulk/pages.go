package bulk

import (
	"bufio"
	"bytes"
	"io"
	"os"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Pages shows the rows of a plan in a file, a few at a time. It keeps where they are and not the
// rows, of which there may be many: the file must stay as it is.
type Pages struct {
	path   string
	starts map[Status][]int64 // of the lines of rows
}

// OpenPages looks through a file that [Plan.Write] or [Create] has written. What is no such file is
// an [*InputError].
func OpenPages(path string) (*Pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 256<<10)
	p := &Pages{path: path, starts: map[Status][]int64{}}
	rows, at := 0, int64(0)
	for line := 1; line <= rows+1; line++ {
		text, err := sheet.ReadLine(in)
		if err != nil {
			return nil, badInput(path, line, "the plan is cut off: make it again")
		}
		if line == 1 {
			var head *document.Object
			if v, err := document.Parse(string(bytes.TrimSpace(text))); err == nil {
				head, _ = v.(*document.Object)
			}
			if head == nil {
				return nil, badInput(path, line, "this is neither a plan nor a ledger")
			}
			if rows, err = new(Ledger).readHead(head); err != nil {
				return nil, badInput(path, line, "%v", err)
			}
		} else {
			rest, ok := bytes.CutPrefix(text, []byte(rowStart))
			end := bytes.IndexByte(rest, '"')
			if !ok || end < 0 {
				return nil, badInput(path, line, "the line is damaged")
			}
			status := Status(rest[:end])
			p.starts[status] = append(p.starts[status], at)
		}
		at += int64(len(text))
	}
	return p, nil
}

// Count returns the number of rows in a state.
func (p *Pages) Count(s Status) int { return len(p.starts[s]) }

// Rows returns at most some rows in a state, beginning with the one that comes after skip others.
func (p *Pages) Rows(s Status, skip, most int) ([]Row, error) {
	starts := p.starts[s]
	starts = starts[min(skip, len(starts)):]
	starts = starts[:min(most, len(starts))]
	if len(starts) == 0 {
		return nil, nil
	}
	file, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 16<<10)
	rows := make([]Row, 0, len(starts))
	var shared sharing
	for at, next := int64(-1), 0; next < len(starts); next++ {
		if starts[next] != at {
			if _, err := file.Seek(starts[next], io.SeekStart); err != nil {
				return nil, err
			}
			in.Reset(file)
			at = starts[next]
		}
		text, err := sheet.ReadLine(in)
		if err != nil {
			return nil, err
		}
		at += int64(len(text))
		v, err := document.Parse(string(bytes.TrimSpace(text)))
		if err != nil {
			return nil, badInput(p.path, 0, "a line is damaged: %v", err)
		}
		o, ok := v.(*document.Object)
		if !ok {
			return nil, badInput(p.path, 0, "a line is damaged; it is not a JSON object")
		}
		row, err := readLedgerRow(o, &shared)
		if err != nil {
			return nil, badInput(p.path, 0, "%v", err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
