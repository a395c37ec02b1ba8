package bulk

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Template returns an example of a file of rows.
func Template() string {
	return "PrimaryEmail,LicenseType,UserType,IsAlexaForBusinessEnabled,AlexaForBusinessRoomArn\r\n" +
		"ana.silva@example.com,Pro,,,\r\n" +
		"room.oslo@example.com,,SharedDevice,TRUE,\r\n"
}

// Format is the format of an export.
type Format string

const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
	XLSX  Format = "xlsx" // times are cells of that type
)

// Export writes all users of the account, page by page, with these columns; nil stands for all. It
// returns their number.
func (a *Account) Export(ctx context.Context, w io.Writer, format Format, columns []string) (int, error) {
	out, err := NewExport(w, format, a.shape, columns)
	if err != nil {
		return 0, err
	}
	count := 0
	err = a.all(ctx, func(u *document.Object) error {
		count++
		return out.Write(u)
	})
	if err == nil {
		err = out.Close()
	}
	return count, err
}

// Export is a file of the items of a listing, which it gets one after the other.
type Export struct {
	out     *bufio.Writer
	table   sheet.Writer // nil for JSONL
	format  Format
	columns []exportColumn
	whole   bool // all columns were asked for
	cells   []any
}

// NewExport begins a file of items of a shape, with these columns; nil stands for all. Each member
// of an object has a column of its own. As JSONL, an item with all columns is as it is listed; an
// item with some of them is an object of those.
func NewExport(w io.Writer, format Format, item *model.Shape, columns []string) (*Export, error) {
	e := &Export{out: bufio.NewWriterSize(w, 64<<10), format: format, whole: columns == nil}
	known := exportColumns(item, nil)
	if e.whole {
		e.columns = known
	}
	for _, name := range columns {
		at := slices.IndexFunc(known, func(c exportColumn) bool { return c.name() == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no column %q", name)
		}
		e.columns = append(e.columns, known[at])
	}
	if format == JSONL {
		return e, nil
	}
	headings := make([]any, len(e.columns))
	for i, c := range e.columns {
		headings[i] = c.name()
	}
	var err error
	if e.table, err = newTable(e.out, format); err == nil {
		err = e.table.Write(headings...)
	}
	return e, err
}

// Write writes an item.
func (e *Export) Write(item *document.Object) error {
	if e.table == nil {
		if !e.whole {
			some := new(document.Object)
			for _, c := range e.columns {
				if v := c.of(item); v != nil {
					some.Set(c.name(), v)
				}
			}
			item = some
		}
		_, err := e.out.Write(append(document.AppendCompact(nil, item), '\n'))
		return err
	}
	e.cells = e.cells[:0]
	for _, c := range e.columns {
		e.cells = append(e.cells, c.cell(item, e.format == XLSX))
	}
	return e.table.Write(e.cells...)
}

// Close ends the file. It does not close what it writes to.
func (e *Export) Close() error {
	if e.table != nil {
		if err := e.table.Close(); err != nil {
			return err
		}
	}
	return e.out.Flush()
}

func newTable(w io.Writer, format Format) (sheet.Writer, error) {
	if format == XLSX {
		return sheet.NewWorkbook(w, "Users")
	}
	return sheet.NewCSV(w), nil
}

// exportColumn is a member of an item, perhaps within others, that is no object itself.
type exportColumn struct {
	path  []string
	shape *model.Shape
}

// name is the heading: the last member of the path.
func (c exportColumn) name() string { return c.path[len(c.path)-1] }

// exportColumns returns the columns of items of a shape, in the order of the contract.
func exportColumns(s *model.Shape, path []string) (list []exportColumn) {
	for _, m := range s.Members {
		to := append(slices.Clone(path), m.Name)
		if m.Shape.Kind == model.Structure {
			list = append(list, exportColumns(m.Shape, to)...)
		} else {
			list = append(list, exportColumn{to, m.Shape})
		}
	}
	return list
}

// of returns the value that an item has in the column, nil for none.
func (c exportColumn) of(item *document.Object) any {
	var v any = item
	for _, name := range c.path {
		o, ok := v.(*document.Object)
		if !ok {
			return nil
		}
		v, _ = o.Get(name)
	}
	return v
}

// cell returns the value for a table. A table with types has times as such.
func (c exportColumn) cell(item *document.Object, typed bool) any {
	v := c.of(item)
	switch text := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339, text); typed && c.shape.Kind == model.Timestamp && err == nil {
			return t
		}
	case nil, bool:
	default:
		return plain(v)
	}
	return v
}

// ExportColumns lists the columns of an export of users, in their order.
func ExportColumns() []string {
	var names []string
	for _, c := range exportColumns(userShape(), nil) {
		names = append(names, c.name())
	}
	return names
}

// ParseColumns reads the names of columns of an export of users, with commas between them. Their
// case does not matter.
func ParseColumns(text string) ([]string, error) {
	known := ExportColumns()
	var names []string
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, word) })
		switch {
		case at < 0:
			return nil, fmt.Errorf("an export has no column %.100q%s: it has %s", word, didYouMean(word, known, ""), strings.Join(known, ", "))
		case slices.Contains(names, known[at]):
			return nil, fmt.Errorf("%s is there twice", known[at])
		}
		names = append(names, known[at])
	}
	return names, nil
}

// WriteRejects writes the rows of a ledger that failed as a table of rows, to be corrected and
// applied. It returns their number. Rows of a table keep its columns as they were, followed by
// those that --set has changed or that the table lacks. Rows from elsewhere have the columns of
// this package. Code and message come last.
func (l *Ledger) WriteRejects(w io.Writer, format Format) (int, error) {
	r := l.rejects()
	table, err := newTable(w, format)
	if err != nil {
		return 0, err
	}
	if err := table.Write(anys(append(r.heading, codeColumn, messageColumn))...); err != nil {
		return 0, err
	}
	count := 0
	for i := range l.Rows {
		row := &l.Rows[i]
		if row.Status != Failed {
			continue
		}
		count++
		cells, err := r.cells(row)
		if err == nil {
			err = table.Write(anys(append(cells, row.Code, row.Message))...)
		}
		if err != nil {
			return count, err
		}
	}
	return count, table.Close()
}

// The last columns of a file of rejects.
const (
	codeColumn    = "Code"
	messageColumn = "Message"
)

// rejects makes the rows of a table of rows that failed.
type rejects struct {
	heading []string
	table   int   // columns that the table of the job has; the others are added
	columns []int // what each means, as in columnsOf
}

func (l *Ledger) rejects() *rejects {
	r := &rejects{heading: slices.Clone(l.Columns)}
	if n := len(r.heading); n >= 2 && r.heading[n-2] == codeColumn && r.heading[n-1] == messageColumn {
		r.heading = r.heading[:n-2] // the table was one of rejects
	}
	r.table = len(r.heading)
	known := columnsOf(l.Action)
	if l.Columns == nil {
		r.heading = []string{"Line", sheet.UserID.Name, sheet.PrimaryEmail.Name}
	}
	for _, name := range r.heading {
		r.columns = append(r.columns, known.Find(name))
	}
	for _, f := range []Field{License, UserType, AlexaEnabled, AlexaARN} {
		changed := func(row Row) bool {
			_, ok := row.To.Get(f)
			return ok && row.Status == Failed
		}
		if l.Action == Update && !slices.Contains(r.columns, int(f)) && (l.Columns == nil || slices.ContainsFunc(l.Rows, changed)) {
			r.heading, r.columns = append(r.heading, f.String()), append(r.columns, int(f))
		}
	}
	return r
}

func (r *rejects) cells(row *Row) ([]string, error) {
	cells, err := row.Cells.texts(r.table)
	if err != nil {
		return nil, err
	}
	cells = append(cells, make([]string, len(r.heading)-r.table)...)
	for i, c := range r.columns {
		switch {
		case c >= 0 && c < int(fieldCount):
			// What the cell says otherwise, --set has changed.
			v, ok := row.To.Get(Field(c))
			if text, _ := spell(Field(c), cells[i]); ok && text != v {
				cells[i] = v
			}
		case r.table > 0:
		case c == columnID:
			cells[i] = row.User
		case c == columnEmail:
			cells[i] = row.Email
		case row.Line > 0:
			cells[i] = strconv.Itoa(row.Line)
		}
	}
	return cells, nil
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
