package bulk

import (
	"bufio"
	"context"
	"io"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sheet"
)

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
// their number. In CSV each member of an object has a column of its own.
func (a *Account) Export(ctx context.Context, w io.Writer, format Format) (int, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	count := 0
	write := func(u *document.Object) error {
		_, err := out.Write(append(document.AppendCompact(nil, u), '\n'))
		return err
	}
	end := func() error { return nil }
	if format == CSV {
		table := sheet.NewCSV(out)
		if err := table.Write(appendHeadings(nil, a.shape)...); err != nil {
			return 0, err
		}
		var cells []any
		write = func(u *document.Object) error {
			cells = appendCells(cells[:0], a.shape, u)
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

func appendCells(to []any, s *model.Shape, o *document.Object) []any {
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
		switch v.(type) {
		case nil, string, bool:
		default:
			v = plain(v)
		}
		to = append(to, v)
	}
	return to
}

// WriteRejects writes the rows of a ledger that failed as a file of rows, to be mended and sent
// again, and returns their number. Each row tells its line in the former file and why it failed.
func (l *Ledger) WriteRejects(w io.Writer) (int, error) {
	table := sheet.NewCSV(w)
	heading := []any{"Line", "UserId", "PrimaryEmail"}
	fields := []Field{License, UserType, AlexaEnabled, AlexaARN}
	if l.Action != Update {
		fields = nil
	}
	for _, f := range fields {
		heading = append(heading, f.String())
	}
	if err := table.Write(append(heading, "Code", "Message")...); err != nil {
		return 0, err
	}
	count := 0
	for i := range l.Rows {
		r := &l.Rows[i]
		if r.Status != Failed {
			continue
		}
		count++
		cells := []any{nil, r.User, r.Email}
		if r.Line > 0 {
			cells[0] = r.Line
		}
		for _, f := range fields {
			v, _ := r.To.Get(f)
			cells = append(cells, v)
		}
		if err := table.Write(append(cells, r.Code, r.Message)...); err != nil {
			return count, err
		}
	}
	return count, table.Close()
}
