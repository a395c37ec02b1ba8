package bulk

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strconv"
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

// Export writes all users of the account, page by page, with all fields of a listing. It returns
// their number. In a table each member of an object has its own column.
func (a *Account) Export(ctx context.Context, w io.Writer, format Format) (int, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	count := 0
	write := func(u *document.Object) error {
		_, err := out.Write(append(document.AppendCompact(nil, u), '\n'))
		return err
	}
	end := func() error { return nil }
	if format != JSONL {
		table, err := newTable(out, format)
		if err == nil {
			err = table.Write(appendHeadings(nil, a.shape)...)
		}
		if err != nil {
			return 0, err
		}
		var cells []any
		write = func(u *document.Object) error {
			cells = appendCells(cells[:0], a.shape, u, format == XLSX)
			return table.Write(cells...)
		}
		end = table.Close
	}
	err := a.all(ctx, func(u *document.Object) error {
		count++
		return write(u)
	})
	if err == nil {
		err = end()
	}
	if err == nil {
		err = out.Flush()
	}
	return count, err
}

func newTable(w io.Writer, format Format) (sheet.Writer, error) {
	if format == XLSX {
		return sheet.NewWorkbook(w, "Users")
	}
	return sheet.NewCSV(w), nil
}

func appendHeadings(to []any, s *model.Shape) []any {
	for _, m := range s.Members {
		if m.Shape.Kind == model.Structure {
			to = appendHeadings(to, m.Shape)
		} else {
			to = append(to, m.Name)
		}
	}
	return to
}

func appendCells(to []any, s *model.Shape, o *document.Object, typed bool) []any {
	for _, m := range s.Members {
		var v any
		if o != nil {
			v, _ = o.Get(m.Name)
		}
		if m.Shape.Kind == model.Structure {
			inner, _ := v.(*document.Object)
			to = appendCells(to, m.Shape, inner, typed)
			continue
		}
		switch text := v.(type) {
		case string:
			if t, err := time.Parse(time.RFC3339, text); typed && m.Shape.Kind == model.Timestamp && err == nil {
				v = t
			}
		case nil, bool:
		default:
			v = plain(v)
		}
		to = append(to, v)
	}
	return to
}

// WriteRejects writes the rows of a ledger that failed as a CSV file of rows, to be corrected and
// applied. It returns their number. Rows of a table keep its columns as they were, followed by
// those that --set has changed or that the table lacks. Rows from elsewhere have the columns of
// this package. Code and message come last.
func (l *Ledger) WriteRejects(w io.Writer) (int, error) {
	r := l.rejects()
	table := sheet.NewCSV(w)
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
