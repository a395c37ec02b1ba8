package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// csv reads users from a table. If the first line has no names, the columns are userId and email.
func (f *file) csv(start []byte) error {
	if f.rows.Table == "" {
		f.rows.Table = f.name
	}
	r := csv.NewReader(&f.lines)
	r.Comma, r.Comment, r.FieldsPerRecord = separator(start), '#', -1
	id, email := 0, 1
	above := f.lines.where - 1 // lines that the reader does not see
	for first := true; ; first = false {
		f.lines.allow(r.InputOffset())
		cells, err := r.Read()
		syntax, isSyntax := errors.AsType[*csv.ParseError](err)
		switch {
		case err == io.EOF:
			return nil
		case isSyntax:
			f.problem(above+syntax.StartLine, "%v", syntax.Err)
			continue
		case errors.Is(err, errLongRow):
			f.problem(f.lines.at(r.InputOffset()), "%v", errLongRow)
			return nil
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		line += above
		if !utf8.ValidString(strings.Join(cells, "")) {
			f.problem(line, notUTF8)
			return nil
		}
		cell := func(i int) string {
			if i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		if first {
			names := columns(cells)
			_, hasID := names["userid"]
			_, hasEmail := names["email"]
			if hasID && hasEmail {
				id, email = names["userid"], names["email"]
				for i := range cells {
					if i != id && i != email {
						f.rows.Notes.Add(f.place(line), fmt.Sprintf("column %.64q is unknown: left out", cell(i)))
					}
				}
				continue
			}
			if len(cells) != 2 || !strings.Contains(cell(1), "@") {
				f.problem(line, "this is neither JSON nor a table with the columns userId and email")
				return nil
			}
		}
		f.rows.Users = append(f.rows.Users, directory.UserRow{Place: f.place(line), User: api.User{UserId: cell(id), PrimaryEmail: new(cell(email))}})
	}
}

// columns finds columns by name, in any usual spelling: userId, User ID, PrimaryEmail.
func columns(cells []string) map[string]int {
	names := make(map[string]int)
	for i, name := range cells {
		name = strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
		name = strings.TrimPrefix(name, "primary")
		if _, ok := names[name]; !ok {
			names[name] = i
		}
	}
	return names
}

// separator returns the character between cells: the most frequent one in the first line.
func separator(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	best := ','
	for _, r := range ";\t" {
		if bytes.Count(line, []byte(string(r))) > bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}
