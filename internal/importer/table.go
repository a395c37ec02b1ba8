package importer

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/sheet"
)

// The columns of a table, by their numbers.
const (
	columnID = iota
	columnEmail
)

// table reads users from a table. If the first line has no names, the columns are userId and email.
func (f *file) table(r io.Reader) (err error) {
	if f.rows.Table == "" {
		f.rows.Table = f.name
	}
	t, err := sheet.Open(r, sheet.Options{Columns: sheet.NewColumns(sheet.UserID, sheet.PrimaryEmail), Sheet: f.rows.Sheet, Comments: true})
	if err != nil {
		return f.refused(err, "")
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	h := t.Heading
	columns := h.Columns
	switch {
	case h.Has(columnID) && h.Has(columnEmail):
		for _, column := range h.Unknown() {
			f.rows.Notes.Add(f.place(h.Line), fmt.Sprintf("column %.64q is unknown: left out", column.Name))
		}
	case len(h.Names) == 2 && strings.Contains(h.Names[1], "@"):
		columns = []int{columnID, columnEmail}
		f.tableRow(h.Line, columns, h.Names)
	default:
		f.problem(h.Line, "this is neither JSON nor a table with the columns userId and email")
		return nil
	}
	for {
		row, err := t.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return f.refused(err, "; the rest of the file is not read")
		case row.Problem != "":
			f.problem(row.Line, "%s", row.Problem)
		default:
			f.tableRow(row.Line, columns, row.Cells)
		}
	}
}

// tableRow adds a user.
func (f *file) tableRow(line int, columns []int, cells []string) {
	var id, email string
	for i, cell := range cells {
		switch cell = strings.Clone(strings.TrimSpace(cell)); columns[i] {
		case columnID:
			id = cell
		case columnEmail:
			email = cell
		}
	}
	f.rows.Users = append(f.rows.Users, directory.UserRow{Place: f.place(line), User: api.User{UserId: id, PrimaryEmail: &email}})
}
