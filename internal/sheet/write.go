package sheet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Writer writes a table row by row, beginning with the heading. A cell is a string, a bool, an
// integer, a float64, a [time.Time] or nil, which leaves it empty. Close writes what is left; it
// does not close what the table is written to.
type Writer interface {
	Write(cells ...any) error
	Close() error
}

// csvWriter writes CSV.
type csvWriter struct {
	csv   *csv.Writer
	cells []string
}

// NewCSV writes CSV as spreadsheets take it: separated by commas, with lines that end in CRLF, and
// with a [Guard] for texts. A line end in a cell is read back as a line feed. Times are in RFC
// 3339.
func NewCSV(w io.Writer) Writer {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &csvWriter{csv: c}
}

func (w *csvWriter) Write(cells ...any) error {
	w.cells = w.cells[:0]
	for _, v := range cells {
		var cell string
		switch v := v.(type) {
		case nil:
		case string:
			cell = Guard(lineEnds.Replace(v))
		case time.Time:
			cell = v.Format(time.RFC3339Nano)
		default:
			cell = fmt.Sprint(v)
		}
		w.cells = append(w.cells, cell)
	}
	return w.csv.Write(w.cells)
}

// lineEnds spells line ends as package csv reads them. It would drop a carriage return alone.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func (w *csvWriter) Close() error {
	w.csv.Flush()
	return w.csv.Error()
}

// workbookWriter writes a workbook of one sheet.
type workbookWriter struct {
	out  io.Writer
	file *excelize.File
	rows *excelize.StreamWriter
	time int // style of a time
	next int // row, from 1
}

// maxCell is the most that a cell of a workbook holds, in units of UTF-16.
const maxCell = excelize.TotalCellChars

// NewWorkbook writes an .xlsx workbook with one sheet of a name. Texts are never formulas there, so
// that they need no [Guard]; only one that looks guarded gets an apostrophe more, as [Unguard]
// takes one off. What a workbook cannot hold, control characters, is written as by [Visible].
func NewWorkbook(w io.Writer, name string) (Writer, error) {
	b := &workbookWriter{out: w, file: excelize.NewFile(), next: 1}
	err := b.file.SetSheetName(b.file.GetSheetName(0), name)
	if err == nil {
		b.rows, err = b.file.NewStreamWriter(name)
	}
	if err == nil {
		format := english + "yyyy-mm-dd hh:mm:ss"
		b.time, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &format})
	}
	if err != nil {
		return nil, fmt.Errorf("making a workbook: %w", err)
	}
	return b, nil
}

func (b *workbookWriter) Write(cells ...any) error {
	row := make([]any, len(cells))
	for i, v := range cells {
		switch v := v.(type) {
		case string:
			if Unguard(v) != v {
				v = "'" + v
			}
			v = xmlText(v)
			if n := len(utf16.Encode([]rune(v))); n > maxCell {
				return fmt.Errorf("a cell of a workbook holds %d characters, not %d; write CSV", maxCell, n)
			}
			row[i] = v
		case time.Time:
			row[i] = excelize.Cell{StyleID: b.time, Value: v.UTC()}
		default:
			row[i] = v
		}
	}
	at, err := excelize.CoordinatesToCellName(1, b.next)
	if err != nil {
		return err
	}
	b.next++
	return b.rows.SetRow(at, row)
}

// xmlText shows the characters that XML cannot hold.
func xmlText(text string) string {
	held := func(r rune) bool {
		return r >= ' ' && r != utf8.RuneError && r&0xFFFE != 0xFFFE || r == '\t' || r == '\n' || r == '\r'
	}
	if strings.IndexFunc(text, func(r rune) bool { return !held(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if held(r) {
			b.WriteString(text[:n])
		} else {
			b.WriteString(Visible(text[:n]))
		}
		text = text[n:]
	}
	return b.String()
}

func (b *workbookWriter) Close() error {
	err := b.rows.Flush()
	if err == nil {
		_, err = b.file.WriteTo(b.out)
	}
	return errors.Join(err, b.file.Close())
}
