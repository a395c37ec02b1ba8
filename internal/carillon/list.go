package carillon

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/report"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Lists may be too long to be held: they are written as they are read.

// column is a column of a list for people.
type column struct {
	title  string
	member string // of an item
}

// writeList writes the items of a listing of the API, such as Users of ListUsers: as JSON or CSV
// with all that the API lists, or as lines with a few columns.
func (p *program) writeList(format, operation, member string, columns []column, items iter.Seq2[*document.Object, error]) error {
	w := bufio.NewWriterSize(p.stdout, 64<<10)
	var err error
	switch format {
	case formatJSON:
		err = report.WriteList(w, member, items)
	case formatCSV:
		err = listCSV(w, operation, member, items)
	default:
		err = listLines(w, columns, items)
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// listCSV writes a line for each item, as carillon bulk export does.
func listCSV(w io.Writer, operation, member string, items iter.Seq2[*document.Object, error]) error {
	out, err := bulk.NewExport(w, bulk.CSV, chime.Service.Operation(operation).Output.Member(member).Shape.Element, nil)
	if err != nil {
		return err
	}
	for item, err := range items {
		if err == nil {
			err = out.Write(item)
		}
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// listLines writes a line for each item. Columns are as wide as those that come together need.
func listLines(w io.Writer, columns []column, items iter.Seq2[*document.Object, error]) error {
	const most = 1000
	widths := make([]int, len(columns))
	var rows [][]string
	add := func(cell func(column) string) {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = sheet.Visible(cell(c))
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		rows = append(rows, row)
	}
	write := func() error {
		for _, row := range rows {
			var line strings.Builder
			for i, cell := range row {
				fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
			}
			if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
				return err
			}
		}
		rows = rows[:0]
		return nil
	}
	add(func(c column) string { return c.title })
	for item, err := range items {
		if err != nil {
			return err
		}
		add(func(c column) string {
			v, _ := item.Get(c.member)
			return report.Flat(v)
		})
		if len(rows) >= most {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return write()
}

// documents makes items of a listing into objects.
func documents[T any](items iter.Seq2[T, error], of func(T) (*document.Object, error)) iter.Seq2[*document.Object, error] {
	return func(yield func(*document.Object, error) bool) {
		for item, err := range items {
			var o *document.Object
			if err == nil {
				o, err = of(item)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// listed makes items of a listing that are at hand.
func listed(items []*document.Object) iter.Seq2[*document.Object, error] {
	return func(yield func(*document.Object, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// memberOf returns an object within what the API has as the output of an operation.
func memberOf(output []byte, name string) (*document.Object, error) {
	v, err := document.Parse(string(output))
	if err != nil {
		return nil, err
	}
	o, _ := v.(*document.Object)
	inner, _ := o.Get(name)
	item, ok := inner.(*document.Object)
	if !ok {
		return nil, fmt.Errorf("an output without %s", name)
	}
	return item, nil
}
