package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvRows reads a CSV file. The CSV reader takes its text from the lines, checked.
type csvRows struct {
	lines    *Lines
	csv      *csv.Reader
	comments bool
	above    int    // lines that the CSV reader does not see
	rest     []byte // of the line under way
	size     int    // bytes of the row under way
}

func openCSV(in *bufio.Reader, o Options) (*csvRows, error) {
	c := &csvRows{lines: NewLines(in), comments: o.Comments}
	comma, heading, err := c.preamble()
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.HasPrefix(heading, []byte("<")) {
		return nil, wrong(c.lines.Number(), "this is HTML or XML: open it in a spreadsheet, and %s", saveAs)
	}
	if c.rest = bytes.Clone(heading); len(c.rest) > 0 {
		c.above = c.lines.Number() - 1
	}
	if comma == 0 {
		more, _ := in.Peek(sampleSize) // what is wrong is told with the line
		comma = separator(slices.Concat(c.rest, more), o.Columns)
	}
	c.csv = newCSVReader(c, comma)
	return c, nil
}

func newCSVReader(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = comma
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	return c
}

// preamble skips the lines above the heading: blank ones, comments, sep=; by which Excel is told
// the separator, and #TYPE by which PowerShell tells what it has exported. It returns the
// separator, 0 if there was no such line, and the first line of the heading.
func (c *csvRows) preamble() (comma rune, heading []byte, err error) {
	for {
		line, err := c.lines.Next()
		if err != nil {
			return comma, nil, err
		}
		text := bytes.TrimSpace(line)
		switch s := sepLine(bytes.TrimRight(line, "\r\n")); {
		case s != 0 && comma == 0:
			comma = s
		case len(text) == 0, bytes.HasPrefix(text, []byte("#TYPE ")), c.comments && text[0] == '#':
		default:
			return comma, line, nil
		}
	}
}

// isComment reports whether a line is a comment. A row whose first cell is a formula that has
// failed is none.
func isComment(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("#")) {
		return false
	}
	cell := line
	if end := bytes.IndexAny(line, separators); end >= 0 {
		cell = line[:end]
	}
	return !IsFailure(string(bytes.TrimSpace(cell)))
}

// IsFailure reports whether a cell is the result of a formula that has failed, in the language of
// whoever saved it: #N/A, #REF!, #NAME?, #BEZUG!.
func IsFailure(cell string) bool {
	return strings.HasPrefix(cell, "#") && slices.Contains(failures, cell)
}

// failures are the results in English, German, French, Spanish, Italian, Portuguese and Dutch, as
// far as they differ from those before them.
var failures = strings.Fields(`
	#N/A #REF! #VALUE! #DIV/0! #NAME? #NUM! #NULL! #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #UNKNOWN! #GETTING_DATA
	#NV #BEZUG! #WERT! #ZAHL! #ÜBERLAUF! #KALK! #FELD!
	#VALEUR! #NOM? #NOMBRE! #NUL! #PROPAGATION! #CALCUL! #CHAMP!
	#N/D #¡REF! #¡VALOR! #¡DIV/0! #¿NOMBRE? #¡NUM! #¡NULO! #¡DESBORDAMIENTO! #¡CALC!
	#RIF! #VALORE! #NOME? #NULLO! #ESPANSIONE!
	#VALOR! #NÚM! #NULO! #DESPEJAR!
	#N/B #VERW! #WAARDE! #DEEL/0! #NAAM? #GETAL! #LEEG! #OVERLOOP!`)

const separators = ",;\t|"

// sepLine returns the separator that a line names, 0 if it names none.
func sepLine(line []byte) rune {
	line = bytes.Trim(line, `"`)
	if len(line) < 5 || !bytes.EqualFold(line[:4], []byte("sep=")) {
		return 0
	}
	comma, n := utf8.DecodeRune(line[4:])
	if n < len(line)-4 || strings.ContainsRune("\"#\x00\uFFFD", comma) {
		return 0
	}
	return comma
}

// separator finds out what stands between cells: the one by which most headings are known. If that
// does not decide, the one that gives the heading and the first rows alike most cells.
func separator(start []byte, columns *Columns) rune {
	var best rune
	var most [3]int
	for _, comma := range separators {
		r := newCSVReader(bytes.NewReader(start), comma)
		heading, _ := r.Read()
		score := [3]int{0, 0, len(heading)}
		for _, name := range heading {
			if columns.Find(name) >= 0 {
				score[0]++
			}
		}
		for row := 0; row < 20 && len(heading) > 1; row++ {
			cells, err := r.Read()
			if err != nil {
				break
			}
			if len(cells) == score[2] {
				score[1]++
			}
		}
		if best == 0 || slices.Compare(score[:], most[:]) > 0 {
			best, most = comma, score
		}
	}
	return best
}

// Read gives the lines to the CSV reader, at most one at a time, and keeps comments between rows to
// itself.
func (c *csvRows) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		line, err := c.lines.Next()
		if err != nil {
			return 0, err
		}
		if c.comments && c.size == 0 && isComment(line) {
			c.above++
			continue
		}
		if c.size > 0 || len(bytes.TrimRight(line, "\r\n")) > 0 { // a blank line between rows is of none
			c.size += len(line)
		}
		if c.size > MaxLine {
			return 0, errLongRow
		}
		c.rest = line
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

var errLongRow = errors.New("the row is too long")

const badQuotes = "a quoted cell begins here and does not end well: a quotation mark inside one is written twice"

func (c *csvRows) next() (Row, error) {
	c.size = len(c.rest)
	begins := c.lines.Number()
	if len(c.rest) == 0 {
		begins++
	}
	cells, err := c.csv.Read()
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		row := Row{Line: c.above + bad.StartLine, Problem: badQuotes}
		if bad.Line == bad.StartLine && errors.Is(bad.Err, csv.ErrBareQuote) {
			row.Problem = "a quotation mark stands inside a cell that does not begin with one"
		}
		return row, nil
	}
	if err == errLongRow {
		return Row{}, wrong(begins, badQuotes)
	}
	if err != nil {
		return Row{}, err
	}
	line, _ := c.csv.FieldPos(0)
	return Row{Line: c.above + line, Cells: cells}, nil
}

func (*csvRows) empty() error { return wrong(0, "the file is empty") }

func (*csvRows) unknown(int) error { return nil }

func (*csvRows) close() error { return nil }
