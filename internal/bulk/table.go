package bulk

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// guard keeps a spreadsheet from running a cell as a formula: an apostrophe in front makes it text.
// A cell that already looks so guarded gets one more, so that unguard always finds the original.
func guard(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}

// unguard is the inverse of guard, and leaves cells that a person wrote as they are.
func unguard(cell string) string {
	if strings.HasPrefix(cell, "'") && formula(cell) {
		return cell[1:]
	}
	return cell
}

// formula reports whether a cell, apostrophes apart, begins like a formula.
func formula(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	return cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0
}

// Template is the file of rows to start from.
func Template() string {
	return "PrimaryEmail,LicenseType,UserType,IsAlexaForBusinessEnabled,AlexaForBusinessRoomArn\r\n" +
		"ana.silva@example.com,Pro,,,\r\n" +
		"room.oslo@example.com,,SharedDevice,TRUE,\r\n"
}

// Format is how users are exported.
type Format string

const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// Export writes all users of the account with all fields of a listing, page by page, and returns
// their number. In CSV each member of an object has a column of its own, lines end in CRLF, and
// cells that a spreadsheet would run as formulas are guarded by an apostrophe.
func (a *Account) Export(ctx context.Context, w io.Writer, format Format) (int, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	count := 0
	write := func(u *document.Object) error {
		_, err := out.Write(append(document.AppendCompact(nil, u), '\n'))
		return err
	}
	if format == CSV {
		table := csv.NewWriter(out)
		table.UseCRLF = true
		if err := table.Write(appendHeadings(nil, a.shape)); err != nil {
			return 0, err
		}
		var cells []string
		write = func(u *document.Object) error {
			cells = appendCells(cells[:0], a.shape, u)
			err := table.Write(cells)
			table.Flush()
			return err
		}
	}
	err := a.all(ctx, func(u *document.Object) error {
		count++
		return write(u)
	})
	if err != nil {
		return count, err
	}
	return count, out.Flush()
}

func appendHeadings(to []string, s *model.Shape) []string {
	for _, m := range s.Members {
		if m.Shape.Kind == model.Structure {
			to = appendHeadings(to, m.Shape)
		} else {
			to = append(to, m.Name)
		}
	}
	return to
}

func appendCells(to []string, s *model.Shape, o *document.Object) []string {
	for _, m := range s.Members {
		var v any
		if o != nil {
			v, _ = o.Get(m.Name)
		}
		if m.Shape.Kind == model.Structure {
			inner, _ := v.(*document.Object)
			to = appendCells(to, m.Shape, inner)
			continue
		}
		cell, isText := v.(string)
		if !isText {
			cell = plain(v)
		}
		to = append(to, guard(cell))
	}
	return to
}

// WriteRejects writes the rows of a ledger that failed as a file of rows, to be mended and sent
// again, and returns their number. Each row tells its line in the former file and why it failed.
func (l *Ledger) WriteRejects(w io.Writer) (int, error) {
	table := csv.NewWriter(w)
	table.UseCRLF = true
	heading := []string{"Line", "UserId", "PrimaryEmail"}
	fields := []Field{License, UserType, AlexaEnabled, AlexaARN}
	if l.Action != Update {
		fields = nil
	}
	for _, f := range fields {
		heading = append(heading, f.String())
	}
	table.Write(append(heading, "Code", "Message"))
	count := 0
	for i := range l.Rows {
		r := &l.Rows[i]
		if r.Status != Failed {
			continue
		}
		count++
		cells := []string{"", guard(r.User), guard(r.Email)}
		if r.Line > 0 {
			cells[0] = strconv.Itoa(r.Line)
		}
		for _, f := range fields {
			v, _ := r.To.Get(f)
			cells = append(cells, guard(v))
		}
		table.Write(append(cells, guard(r.Code), guard(r.Message)))
	}
	table.Flush()
	return count, table.Error()
}
