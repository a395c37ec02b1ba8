package sheet_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/sheet"
)

// write writes a table as CSV and as a workbook.
func write(t rapidT, rows ...[]any) map[string]*bytes.Buffer {
	t.Helper()
	all := map[string]*bytes.Buffer{"csv": new(bytes.Buffer), "xlsx": new(bytes.Buffer)}
	book, err := sheet.NewWorkbook(all["xlsx"], "People")
	if err != nil {
		t.Fatal(err)
	}
	for format, w := range map[string]sheet.Writer{"csv": sheet.NewCSV(all["csv"]), "xlsx": book} {
		for _, row := range rows {
			if err := w.Write(row...); err != nil {
				t.Fatalf("writing %s: %v", format, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatalf("closing %s: %v", format, err)
		}
	}
	return all
}

type rapidT interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func TestWriter(t *testing.T) {
	t.Parallel()
	all := write(t, []any{"email", "n", "truth", "time", "nothing"},
		[]any{"+ana@example.com", -7, true, time.Date(2018, 12, 20, 18, 45, 25, 231e6, time.UTC), nil})
	want := "email,n,truth,time,nothing\r\n'+ana@example.com,-7,true,2018-12-20T18:45:25.231Z,\r\n"
	if got := all["csv"].String(); got != want {
		t.Errorf("CSV: got %q, want %q", got, want)
	}
	got, err := drawn(bytes.NewReader(all["xlsx"].Bytes()), sheet.Options{Sheet: "people"})
	if want := "1: email|n|truth|time|nothing\n2: +ana@example.com|-7|TRUE|2018-12-20 18:45:25\n"; err != nil || got != want {
		t.Errorf("workbook: got %q, %v; want %q", got, err, want)
	}
	f, err := excelize.OpenReader(all["xlsx"])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]excelize.CellType{"A2": excelize.CellTypeInlineString, "B2": excelize.CellTypeUnset, "C2": excelize.CellTypeBool, "D2": excelize.CellTypeUnset} {
		if got, err := f.GetCellType("People", cell); err != nil || got != want {
			t.Errorf("%s: got type %v, %v; want %v", cell, got, err, want)
		}
	}
}

// What is written and read back is what there was, whatever stands in the cells.
func TestWriter_RoundTrip(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"=", "+", "-", "@", "'", "\"", ",", ";", "\t", "\n", "\r", " ", "a", "é", "漢", "😀", "＝", "＋", "_x0041_", "_x005F_", "<b>", "&amp;",
		"\u200b", "\u00a0", "#", "[x]", "sep=", "1", "TRUE", "0x10", "2024-01-01"})
	cell := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 5).Draw(t, "width")
		row := func(label, start string) []any {
			cells := []any{"x" + cell.Draw(t, label)} // no row is blank
			for range width - 1 {
				cells = append(cells, start+cell.Draw(t, label))
			}
			return cells
		}
		rows := [][]any{row("heading", "x")}
		rows[0][0] = "email" // which tells the separator
		for range rapid.IntRange(0, 8).Draw(t, "rows") {
			rows = append(rows, row("cell", ""))
		}
		for format, file := range write(t, rows...) {
			table, err := sheet.Open(file, sheet.Options{Columns: sheet.NewColumns(sheet.PrimaryEmail)})
			if err != nil {
				t.Fatalf("opening %s: %v", format, err)
			}
			defer table.Close()
			for i, want := range rows {
				cells := table.Heading.Names
				if i > 0 {
					row, err := table.Next()
					if err != nil || row.Problem != "" {
						t.Fatalf("%s, row %d: got %v, %s", format, i+1, err, row.Problem)
					}
					cells = row.Cells
				}
				for len(cells) < width && format == "xlsx" { // empty ones at the end are not there
					cells = append(slices.Clone(cells), "")
				}
				if len(cells) != width {
					t.Fatalf("%s, row %d: got %q, want %q", format, i+1, cells, want)
				}
				for j, v := range want {
					want := v.(string)
					if format == "csv" {
						want = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(want)
					}
					if i == 0 {
						want = strings.TrimSpace(want)
					}
					if cells[j] != want {
						t.Fatalf("%s, row %d: got %q, want %q", format, i+1, cells[j], want)
					}
				}
			}
			if row, err := table.Next(); err != io.EOF {
				t.Fatalf("%s: got %q, %v after the last row", format, row.Cells, err)
			}
		}
	})
}

// What a workbook cannot hold is shown or refused, not replaced.
func TestNewWorkbook_Limits(t *testing.T) {
	t.Parallel()
	all := write(t, []any{"email"}, []any{"a\x01b\xffc\ufffed"})
	got, err := drawn(all["xlsx"], sheet.Options{})
	if want := "1: email\n2: a\\x01b\\xffc\\ufffed\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	book, err := sheet.NewWorkbook(io.Discard, "People")
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if err := book.Write(strings.Repeat("😀", 16383) + "x"); err != nil {
		t.Errorf("a cell of 32767 units: %v", err)
	}
	err = book.Write(strings.Repeat("😀", 16384))
	if want := "a cell of a workbook holds 32767 characters, not 32768; write CSV"; err == nil || err.Error() != want {
		t.Errorf("a longer cell: got %v, want %s", err, want)
	}
	if _, err := sheet.NewWorkbook(io.Discard, "[People]"); err == nil {
		t.Error("a sheet may not be named [People], but is")
	}
}
