// Package sheet reads and writes the tables of people: CSV as any spreadsheet, database or script
// saves it, and the sheets of .xlsx workbooks.
//
// [Open] finds out what a file is by its content, reads the heading, and returns a [Reader] of
// rows. What a heading means is declared in columns.go: a [Column] has a name and aliases, and
// [Columns] finds one by what a person wrote. Programs that read text other than tables use the
// layers below: [Decode] makes UTF-8 of every encoding that is understood, [First] tells JSON from
// a table, [Lines] checks a text line by line, and [ReadLine] bounds the length of a line
// (text.go).
//
// [NewCSV] and [NewWorkbook] write tables. [Guard] keeps a spreadsheet from running a cell of a CSV
// file as a formula, and a Reader takes the guard off (guard.go). [Visible] is for messages that
// quote what stands in a file: it shows what cannot be seen.
//
// Errors about what stands in a file are an [Error], which names the line but not the file.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"
)

// Limits of a table, against a wrong file rather than a large one: five million users fit in a CSV
// file, and as many as a sheet has rows in a workbook.
const (
	MaxFile     = 256 << 20 // bytes of text: of a CSV file, or of the parts of a workbook that are read
	MaxWorkbook = 64 << 20  // bytes of a workbook, which is compressed
	MaxLine     = 1 << 20   // bytes of a line, and of a row
)

// CheckSize returns an [Error] for a file that is known to be larger than [MaxFile] before any of
// it is read. What cannot be asked for its size passes.
func CheckSize(r io.Reader) error {
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Size() > MaxFile {
			return tooLarge(0)
		}
	}
	return nil
}

func tooLarge(line int) error {
	return wrong(line, "the file has more than %d MiB; split it", MaxFile>>20)
}

// Error says what is wrong with a file.
type Error struct {
	Line int // of the file, from 1; in a workbook the number of the row; 0 for the file as a whole
	Text string
	Err  error // why the file could not be read; nil if what stands in it is wrong

	// What Text is made of, for doors that have no flag --sheet, if another sheet can be named: what
	// is wrong, and the sheets that the workbook has. Empty for other errors.
	Choose, Sheets string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Unwrap returns the cause of an error of reading.
func (e *Error) Unwrap() error { return e.Err }

func wrong(line int, format string, args ...any) error {
	return &Error{Line: line, Text: fmt.Sprintf(format, args...)}
}

// choose is about a sheet where another one can be named.
func choose(line int, what, sheets string) error {
	return &Error{Line: line, Text: what + " by --sheet: the workbook has " + sheets, Choose: what, Sheets: sheets}
}

// unreadable is the error for a file that cannot be read to its end.
func unreadable(line int, err error) error {
	if errors.Is(err, ErrUTF16) {
		return wrong(line, "%v", ErrUTF16)
	}
	if errors.Is(err, syscall.EISDIR) {
		return &Error{Text: "this is a folder, not a file", Err: err}
	}
	return &Error{Line: line, Text: fmt.Sprintf("reading it: %v", err), Err: err}
}

// Options say how a table is to be read.
type Options struct {
	// Columns are those that the caller understands.
	Columns *Columns
	// Sheet is the name of a sheet of a workbook, in any case. Without one the first visible sheet is
	// read.
	Sheet string
	// Comments says that lines of a CSV file which begin with # are not part of the table.
	Comments bool
	// Headless reports whether a first row of which no cell means a column is no heading, but a row
	// already. Nil says that the table has a heading.
	Headless func(cells []string) bool
}

// Reader reads a table row by row. It is to be closed.
type Reader struct {
	Heading Heading
	rows    rows
	book    *workbookRows // the same if this is a workbook, else nil
	named   bool          // that its sheet was chosen by name
}

// Row is a row below the heading.
type Row struct {
	Line int // where it begins, from 1; in a workbook the number of the row
	// Cells are in the order of the heading, without [Guard], untrimmed. A row that ends early has
	// fewer. They hold until the next call of [Reader.Next], and their strings may be parts of one
	// string for the whole row: what is kept for long is better copied.
	Cells []string
	// Hidden says that a person does not see the row in the sheet, because of a filter or otherwise.
	Hidden bool
	// Problem says why the row cannot be read, and is empty if it can. The rows after it are read.
	Problem string
}

// rows is a kind of file. What next returns holds until the next call; cells are as in the file.
type rows interface {
	next() (Row, error)
	empty() error           // that there is no row
	unknown(line int) error // that no heading there is known; nil if the caller can say it better
	close() error
}

// Open reads the heading of a table. CSV may be separated by commas, semicolons, tabs or vertical
// bars, or by what a first line sep=X says, and is decoded as by [Decode]; the line #TYPE of
// PowerShell is skipped. A file that begins like a workbook is one. Open returns an [Error] for a
// file that is none of these, is empty, or has two columns of one meaning, and for a sheet without
// a column that is understood if the workbook has others: it may be a cover.
func Open(r io.Reader, o Options) (*Reader, error) {
	in := Decode(r)
	start, _ := in.Peek(len(oleMark)) // what is wrong is told with the line
	t := new(Reader)
	var err error
	switch {
	case bytes.HasPrefix(start, zipMark):
		t.book, err = openWorkbook(in, o.Sheet)
		t.rows, t.named = t.book, o.Sheet != ""
	case bytes.Equal(start, oleMark):
		err = refuseOLE(in)
	case o.Sheet != "":
		err = wrong(0, "this is not a workbook, so it has no sheet %q", o.Sheet)
	default:
		t.rows, err = openCSV(in, o)
	}
	if err != nil {
		return nil, err
	}
	if err := t.readHeading(o); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Reader) readHeading(o Options) error {
	row, err := t.row()
	switch {
	case err == io.EOF:
		return t.rows.empty()
	case err != nil:
		return err
	case row.Problem != "":
		return wrong(row.Line, "%s", row.Problem)
	}
	t.Heading, err = newHeading(row, o.Columns)
	if t.book != nil {
		t.book.merged.columns = len(t.Heading.Names)
	}
	known := slices.ContainsFunc(t.Heading.Columns, func(column int) bool { return column >= 0 })
	if err != nil || known || o.Headless != nil && o.Headless(t.Heading.Names) {
		return err
	}
	return t.rows.unknown(row.Line)
}

// Next returns the next row that is not blank, and io.EOF after the last one. An error ends the
// table.
func (t *Reader) Next() (Row, error) {
	row, err := t.row()
	if err != nil || row.Problem != "" {
		return row, err
	}
	names := len(t.Heading.Names)
	for i := names; i < len(row.Cells); i++ {
		if cell := strings.TrimSpace(row.Cells[i]); cell != "" {
			row.Problem = fmt.Sprintf("there is a cell %.40q without a heading; the heading has %d columns", cell, names)
			return row, nil
		}
	}
	row.Cells = row.Cells[:min(len(row.Cells), names)]
	return row, nil
}

// row returns the next row that is not blank.
func (t *Reader) row() (Row, error) {
	for {
		row, err := t.rows.next()
		if err != nil || row.Problem != "" {
			return row, err
		}
		blank := true
		for i, cell := range row.Cells {
			row.Cells[i] = Unguard(cell)
			blank = blank && strings.TrimSpace(cell) == ""
		}
		if !blank {
			return row, nil
		}
	}
}

// Remarks returns what of a workbook a person may take to be otherwise: that there are sheets which
// are not read, and how many rows are, though they are hidden.
func (t *Reader) Remarks(hidden int) (list []string) {
	if t.book != nil && !t.named {
		const most = 5
		others := t.book.others()
		text := ""
		for i, name := range others[:min(len(others), most)] {
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprintf("%.40q", name)
		}
		if more := len(others) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if text != "" {
			list = append(list, fmt.Sprintf("the sheet %.40q is read, and not %s", t.book.sheet.Name, text))
		}
	}
	switch {
	case hidden == 1:
		list = append(list, "1 row that is hidden in the sheet counts, too")
	case hidden > 1:
		list = append(list, fmt.Sprintf("%d rows that are hidden in the sheet count, too", hidden))
	}
	return list
}

// Close lets go of temporary files. It does not close what the table is read from.
func (t *Reader) Close() error { return t.rows.close() }
