package sheet_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/xuri/excelize/v2"

	"github.com/carillon-project/carillon/internal/sheet"
)

// check reads a table to its end, whole and by the byte, which makes no difference. Lines rise, no
// row is wider than the heading, and errors are about the file.
func check(t *testing.T, text []byte, o sheet.Options) {
	whole, err := drawn(bytes.NewReader(text), o)
	portions, other := drawn(iotest.OneByteReader(bytes.NewReader(text)), o)
	if portions != whole || fmt.Sprint(other) != fmt.Sprint(err) {
		t.Errorf("read by the byte: got %q, %v; want %q, %v", portions, other, whole, err)
	}
	if _, ok := errors.AsType[*sheet.Error](err); err != nil && !ok {
		t.Errorf("got %T %v, want a *sheet.Error", err, err)
	}
	table, err := sheet.Open(bytes.NewReader(text), o)
	if err != nil {
		return
	}
	defer table.Close()
	last := table.Heading.Line
	for {
		row, err := table.Next()
		if err != nil {
			return
		}
		if row.Line <= last {
			t.Fatalf("a row on line %d after one on line %d", row.Line, last)
		}
		if last = row.Line; row.Problem == "" && len(row.Cells) > len(table.Heading.Names) {
			t.Fatalf("line %d: %d cells below %d headings", row.Line, len(row.Cells), len(table.Heading.Names))
		}
	}
}

// FuzzOpen reads files of any content.
func FuzzOpen(f *testing.F) {
	for _, text := range []string{
		"", "\n", "email,license\nana@example.com,Pro\n", "\uFEFFemail;license\r\n\"a\"\"b\nc\";\r\n", "sep=;\nemail;x\n", "#TYPE x\n\"mail\"\n",
		"email\ra\rb", "email,\"x\n", "email\n\"a\"b\n", "\xff\xfee\x00m\x00\n\x00", "e\x00m\x00\n\x00", "\x00e\x00m\x00\n", "email\n\xe9\n", "\xd8\x00\n",
		"PK\x03\x04", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "<html>", "email,,\n=,'=,''\n", "sep=#\n#a\n#\n", "sep=\r\n", "# x\nid\n#\n1\n",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, comments bool) {
		check(t, text, sheet.Options{Columns: known, Comments: comments})
	})
}

// FuzzWorkbook reads workbooks whose parts hold anything.
func FuzzWorkbook(f *testing.F) {
	plain := workbook(f, func(f *excelize.File) error {
		return errorsOf(set(f, "Sheet1", append(ana, []any{1, 2.5, true})...), f.SetCellFormula("Sheet1", "C3", "1+1"))
	})
	part := func(name string) []byte {
		in, err := zip.NewReader(bytes.NewReader(plain), int64(len(plain)))
		if err != nil {
			f.Fatal(err)
		}
		r, err := in.Open(name)
		if err != nil {
			f.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	main, rels, texts, styles, rows := part("xl/workbook.xml"), part("xl/_rels/workbook.xml.rels"), part("xl/sharedStrings.xml"), part("xl/styles.xml"), part("xl/worksheets/sheet1.xml")
	f.Add(main, rels, texts, styles, rows)
	f.Add(main, rels, texts, styles, []byte(`<worksheet><sheetData><row r="2"><c r="B2" s="9" t="s"><v>1</v></c></row><row r="1"><c t="d"><v>2024</v></c></row><row r="1048577"/></sheetData></worksheet>`))
	f.Add(main, rels, texts, styles, []byte(`<worksheet><sheetData><row r="-1"><c r="XFE1"><v>1</v></c><c r="A0" t="inlineStr"><is><r><t>a</t></r></is></c></row></sheetData></worksheet>`))
	f.Fuzz(func(t *testing.T, main, rels, texts, styles, rows []byte) {
		parts := map[string]string{
			"xl/workbook.xml": string(main), "xl/_rels/workbook.xml.rels": string(rels), "xl/sharedStrings.xml": string(texts), "xl/styles.xml": string(styles),
			"xl/worksheets/sheet1.xml": string(rows),
		}
		check(t, repacked(t, plain, parts), sheet.Options{Columns: known})
	})
}
