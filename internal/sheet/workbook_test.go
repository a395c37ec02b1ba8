package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/carillon-project/carillon/internal/sheet"
)

// workbook makes a workbook by excelize.
func workbook(t testing.TB, fill func(f *excelize.File) error) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	var b bytes.Buffer
	err := fill(f)
	if err == nil {
		err = f.Write(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// repacked is a workbook with other parts: a text replaces or adds one, an empty one removes it.
func repacked(t testing.TB, book []byte, parts map[string]string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range in.File {
		if _, ok := parts[f.Name]; !ok {
			if err := out.Copy(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range parts {
		if text == "" {
			continue
		}
		w, err := out.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// set fills rows of a sheet from the top.
func set(f *excelize.File, name string, rows ...[]any) error {
	for i, row := range rows {
		if err := f.SetSheetRow(name, fmt.Sprintf("A%d", i+1), &row); err != nil {
			return err
		}
	}
	return nil
}

var ana = [][]any{{"email", "license"}, {"ana@example.com", "Pro"}}

const anaDrawn = "1: email|license\n2: ana@example.com|Pro\n"

func TestOpen_Workbook(t *testing.T) {
	t.Parallel()
	style := func(f *excelize.File, cell string, s excelize.Style) error {
		id, err := f.NewStyle(&s)
		if err == nil {
			err = f.SetCellStyle("Sheet1", cell, cell, id)
		}
		return err
	}
	custom := func(format string) excelize.Style { return excelize.Style{CustomNumFmt: &format} }
	var wide strings.Builder // what is read of the rows with wide merges
	for i := range 300 {
		fmt.Fprintf(&wide, "%d: p%d@example.com\n", i+2, i)
	}
	tests := []struct {
		name  string
		sheet string
		fill  func(f *excelize.File) error
		want  string
	}{
		{"a plain one", "", func(f *excelize.File) error { return set(f, "Sheet1", ana...) }, anaDrawn},
		{"the first sheet, which is not the active one", "", func(f *excelize.File) error {
			i, err := f.NewSheet("Other")
			f.SetActiveSheet(i)
			return errorsOf(err, set(f, "Sheet1", ana...), set(f, "Other", []any{"id"}))
		}, anaDrawn},
		{"the first sheet that is not hidden", "", func(f *excelize.File) error {
			i, err := f.NewSheet("People")
			f.SetActiveSheet(i)
			return errorsOf(err, set(f, "Sheet1", []any{"lists of choices"}), f.SetSheetVisible("Sheet1", false), set(f, "People", ana...))
		}, anaDrawn},
		{"a sheet by its name, in any case", "PEOPLE & \"others\"", func(f *excelize.File) error {
			_, err := f.NewSheet("People & \"Others\"")
			return errorsOf(err, set(f, "Sheet1", []any{"id"}), set(f, "People & \"Others\"", ana...))
		}, anaDrawn},
		{"blank rows and columns, rows that end early", "", func(f *excelize.File) error {
			return errorsOf(f.SetCellValue("Sheet1", "B3", "email"), f.SetCellValue("Sheet1", "D3", "license"), f.SetCellValue("Sheet1", "B9", "ana@example.com"))
		}, "3: |email||license\n9: |ana@example.com\n"},
		{"a cell below no heading", "", func(f *excelize.File) error {
			return set(f, "Sheet1", []any{"email"}, []any{"ana@example.com", nil, "why"})
		},
			"1: email\n2: PROBLEM there is a cell \"why\" without a heading; the heading has 1 columns\n"},
		{"numbers, truths and times as a person sees them", "", func(f *excelize.File) error {
			noon := time.Date(2024, 3, 5, 12, 0, 0, 0, time.UTC)
			return errorsOf(set(f, "Sheet1", []any{"id", "n", "truth", "day", "time", "number", "share", "german"},
				[]any{123456789012, 0.1 + 0.2, true, noon, noon, 42, 0.25, noon}),
				style(f, "D2", excelize.Style{NumFmt: 14}), style(f, "E2", custom("yyyy-mm-dd hh:mm")), style(f, "F2", custom("00000")),
				style(f, "G2", excelize.Style{NumFmt: 9}), style(f, "H2", custom("dd.mm.yyyy")))
		}, "1: id|n|truth|day|time|number|share|german\n2: 123456789012|0.3|TRUE|2024-03-05|2024-03-05 12:00|00042|25%|05.03.2024\n"},
		{"texts that look like numbers, and with parts in bold", "", func(f *excelize.File) error {
			return errorsOf(set(f, "Sheet1", []any{"id", "email"}, []any{"007"}),
				f.SetCellRichText("Sheet1", "B2", []excelize.RichTextRun{{Text: "ana"}, {Text: "@example.com", Font: &excelize.Font{Bold: true}}}))
		}, "1: id|email\n2: 007|ana@example.com\n"},
		{"guarded cells", "", func(f *excelize.File) error {
			return set(f, "Sheet1", []any{"email"}, []any{"'+a@example.com"}, []any{"+b@example.com"})
		},
			"1: email\n2: +a@example.com\n3: +b@example.com\n"},
		{"cells that are merged have the text that a person sees in each row, and blank rows stay blank", "", func(f *excelize.File) error {
			return errorsOf(set(f, "Sheet1", []any{"email", "license", "team"}, []any{"a@example.com", "Pro", "Oslo"}, []any{"b@example.com"}, nil,
				[]any{"c@example.com", "Basic"}, []any{"d@example.com"}, []any{"e@example.com", "Pro", "Bern"}),
				f.MergeCell("Sheet1", "B2", "B3"), f.MergeCell("Sheet1", "C2", "C6"), f.MergeCell("Sheet1", "B7", "C7"))
		}, "1: email|license|team\n2: a@example.com|Pro|Oslo\n3: b@example.com|Pro|Oslo\n5: c@example.com|Basic|Oslo\n" +
			"6: d@example.com||Oslo\n7: e@example.com|Pro\n"},
		{"a title over the columns is not merged into the rows", "", func(f *excelize.File) error {
			return errorsOf(set(f, "Sheet1", ana...), f.MergeCell("Sheet1", "C1", "D2"), f.MergeCell("Sheet1", "A3", "A9"))
		}, anaDrawn},
		{"merges that go on to the last column", "", func(f *excelize.File) error {
			rows, errs := [][]any{{"email", "team"}}, []error{}
			for i := range 300 {
				rows = append(rows, []any{fmt.Sprintf("p%d@example.com", i)})
				errs = append(errs, f.MergeCell("Sheet1", fmt.Sprintf("B%d", i+2), fmt.Sprintf("XFD%d", i+2)))
			}
			return errorsOf(append(errs, set(f, "Sheet1", rows...))...)
		}, "1: email|team\n" + wide.String()},
		{"a note beside the table stays where it is", "", func(f *excelize.File) error {
			return errorsOf(set(f, "Sheet1", []any{"email"}, []any{"a@example.com", nil, "call them"}, []any{"b@example.com"}, []any{"c@example.com"}),
				f.MergeCell("Sheet1", "C2", "C4"))
		}, "1: email\n2: PROBLEM there is a cell \"call them\" without a heading; the heading has 1 columns\n3: b@example.com\n4: c@example.com\n"},
		{"rows that are hidden", "", func(f *excelize.File) error {
			return errorsOf(set(f, "Sheet1", []any{"email"}, []any{"a@example.com"}, nil, []any{"b@example.com"}, []any{"c@example.com"}),
				f.SetRowVisible("Sheet1", 3, false), f.SetRowVisible("Sheet1", 4, false))
		}, "1: email\n2: a@example.com\n4: b@example.com HIDDEN\n5: c@example.com\n"},
		{"dates that count from 1904", "", func(f *excelize.File) error {
			yes := true
			return errorsOf(set(f, "Sheet1", []any{"email", "day"}, []any{"ana@example.com", 366}), style(f, "B2", excelize.Style{NumFmt: 14}),
				f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
		}, "1: email|day\n2: ana@example.com|1905-01-01\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			book := workbook(t, tt.fill)
			for how, r := range map[string]io.Reader{"a file": bytes.NewReader(book), "a pipe": io.MultiReader(bytes.NewReader(book))} {
				if got, err := drawn(r, sheet.Options{Sheet: tt.sheet}); err != nil || got != tt.want {
					t.Errorf("%s: got %q, %v\nwant %q", how, got, err, tt.want)
				}
			}
		})
	}
}

// Some programs leave values in cells that a merge covers. Nobody sees them, so nobody means them.
func TestOpen_Covered(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for i, row := range [][]string{
		{"email", "license", "team"}, {"ana@example.com", "Pro", "covered"}, {"bo@example.com", "Basic", "covered"}, {"cy@example.com", "covered", "covered"},
		{"dana@example.com"}, {"covered"}, {"eva@example.com", "", "Oslo"}, {"fay@example.com", "covered", "Oslo"},
	} {
		fmt.Fprintf(&rows, `<row r="%d">`, i+1)
		for j, text := range row {
			fmt.Fprintf(&rows, `<c r="%c%d" t="str"><v>%s</v></c>`, 'A'+j, i+1, text)
		}
		rows.WriteString(`</row>`)
	}
	book := repacked(t, workbook(t, func(*excelize.File) error { return nil }), map[string]string{
		"xl/worksheets/sheet1.xml": `<worksheet><sheetData>` + rows.String() + `</sheetData><mergeCells><mergeCell ref="B2:C2"/><mergeCell ref="B3:C4"/>` +
			`<mergeCell ref="A5:A6"/><mergeCell ref="B7:B8"/><mergeCell ref="B9"/><mergeCell ref="C9:A1"/><mergeCell ref="?"/></mergeCells></worksheet>`,
	})
	want := "1: email|license|team\n2: ana@example.com|Pro|\n3: bo@example.com|Basic|\n4: cy@example.com|Basic|\n" +
		"5: dana@example.com\n7: eva@example.com||Oslo\n8: fay@example.com||Oslo\n"
	if got, err := drawn(bytes.NewReader(book), sheet.Options{}); err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

// Whoever names no sheet is told which one is read, and in which others there is something, too.
func TestReader_Remarks(t *testing.T) {
	t.Parallel()
	names := []string{"February", "March", "April", "May", "June", "July"}
	full := workbook(t, func(f *excelize.File) error {
		errs := []error{set(f, "Sheet1", ana...)}
		for _, name := range names {
			_, err := f.NewSheet(name)
			errs = append(errs, err, f.SetCellValue(name, "C9", 0))
		}
		_, err := f.NewSheet("Lists")
		return errorsOf(append(errs, err, f.SetCellValue("Lists", "A1", "Pro"), f.SetSheetVisible("Lists", false))...)
	})
	empty := workbook(t, func(f *excelize.File) error {
		errs := []error{set(f, "Sheet1", ana...)}
		for _, name := range names[:2] {
			_, err := f.NewSheet(name)
			errs = append(errs, err)
		}
		style, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
		return errorsOf(append(errs, err, f.SetCellStyle("March", "A1", "C3", style), f.SetCellFormula("February", "A1", "1+1"))...)
	})
	for _, tt := range []struct {
		book   []byte
		sheet  string
		hidden int
		want   []string
	}{
		{full, "", 0, []string{`the sheet "Sheet1" is read, and not "February", "March", "April", "May", "June" and 1 more`}},
		{full, "Sheet1", 1, []string{"1 row that is hidden in the sheet counts, too"}},
		{empty, "", 2, []string{`the sheet "Sheet1" is read, and not "February"`, "2 rows that are hidden in the sheet count, too"}},
		{[]byte("id\n1\n"), "", 0, nil},
	} {
		r, err := sheet.Open(bytes.NewReader(tt.book), sheet.Options{Columns: known, Sheet: tt.sheet})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Remarks(tt.hidden); !slices.Equal(got, tt.want) {
			t.Errorf("sheet %q: got %q, want %q", tt.sheet, got, tt.want)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// Other programs give parts other names, use the other namespace, and write texts into cells. The
// result of a formula is the one that was saved.
func TestOpen_WorkbookOfOtherPrograms(t *testing.T) {
	t.Parallel()
	const strict = "http://purl.oclc.org/ooxml/"
	link := func(id, kind, target string) string {
		return fmt.Sprintf(`<Relationship Id="%s" Type="%sofficeDocument/relationships/%s" Target="%s"/>`, id, strict, kind, target)
	}
	links := func(all ...string) string {
		return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + strings.Join(all, "") + `</Relationships>`
	}
	book := repacked(t, workbook(t, func(*excelize.File) error { return nil }), map[string]string{
		"[Content_Types].xml": "", "xl/workbook.xml": "", "xl/_rels/workbook.xml.rels": "", "xl/worksheets/sheet1.xml": "", "xl/styles.xml": "", "xl/theme/theme1.xml": "",
		"docProps/app.xml": "", "docProps/core.xml": "",
		"_rels/.rels":                 links(link("a", "officeDocument", "/Book/Main.xml")),
		"book/main.xml":               `<workbook xmlns="` + strict + `spreadsheetml/main" xmlns:q="` + strict + `officeDocument/relationships"><sheets><sheet name="Chart" sheetId="1" q:id="a"/><sheet name="People" sheetId="2" q:id="b"/></sheets></workbook>`,
		`book\_rels\main.xml.rels`:    links(link("a", "chartsheet", "chart.xml"), link("b", "worksheet", "../Rows/People.XML"), link("c", "sharedStrings", "/texts.xml")),
		"rows/people.xml":             `<x:worksheet xmlns:x="` + strict + `spreadsheetml/main"><x:sheetData><x:row><x:c t="s"><x:v>0</x:v></x:c><x:c t="inlineStr"><x:is><x:t>license</x:t></x:is></x:c></x:row><x:row><x:c t="s"><x:v>1</x:v></x:c><x:c t="str"><x:f>UPPER("x")</x:f><x:v>Pro</x:v></x:c></x:row></x:sheetData></x:worksheet>`,
		"texts.xml":                   `<x:sst xmlns:x="` + strict + `spreadsheetml/main"><x:si><x:t>email</x:t></x:si><x:si><x:r><x:t>ana@</x:t></x:r><x:r><x:t>example.com</x:t></x:r></x:si></x:sst>`,
		"xl/media/image1.png":         "not looked at",
		"xl/worksheets/sheet99.xml":   "<not looked at",
		"xl/pivotCache/records99.xml": "<not looked at",
	})
	got, err := drawn(bytes.NewReader(book), sheet.Options{})
	if err != nil || got != anaDrawn {
		t.Errorf("got %q, %v; want %q", got, err, anaDrawn)
	}
}

// raw is a workbook in which a part is stored under a header that may lie about it.
func raw(t *testing.T, book []byte, name, text string, header func(h *zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	in, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range in.File {
		if f.Name != name {
			if err := out.Copy(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	h := &zip.FileHeader{Name: name, CRC32: crc32.ChecksumIEEE([]byte(text)), CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text))}
	header(h)
	w, err := out.CreateRaw(h)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen_RefusesWorkbooks(t *testing.T) {
	t.Parallel()
	const (
		sheet1    = "xl/worksheets/sheet1.xml"
		savedAs   = `save it as .xlsx or "CSV UTF-8"`
		isDamaged = "the workbook is damaged: open it in a spreadsheet and " + savedAs + " ("
	)
	plain := workbook(t, func(f *excelize.File) error { return set(f, "Sheet1", ana...) })
	archive := func(parts map[string]string) []byte {
		return repacked(t, []byte("PK\x05\x06"+strings.Repeat("\x00", 18)), parts)
	}
	rows := func(text string) []byte {
		return repacked(t, plain, map[string]string{sheet1: text})
	}
	const begins = `<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>email</v></c></row><row r="2">`
	tests := []struct {
		name  string
		book  []byte
		sheet string
		want  string // the start of it
	}{
		{"an .ods workbook", archive(map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}), "", "an .ods workbook is not read: " + savedAs},
		{"an .xlsb workbook", archive(map[string]string{"_rels/.rels": "<x/>", "xl/workbook.bin": "x"}), "", "an .xlsb workbook is not read: " + savedAs},
		{"a workbook of Numbers", archive(map[string]string{"Index/Document.iwa": "x"}), "", "a workbook of Numbers is not read: " + savedAs},
		{"a text", archive(map[string]string{"_rels/.rels": "<x/>", "word/document.xml": "<x/>"}), "", "a text document is not read: " + savedAs},
		{"a zip archive", archive(map[string]string{"people.csv": "email\n"}), "", "a zip archive is not read: " + savedAs},
		{"a package of something else", archive(map[string]string{"_rels/.rels": "<x/>"}), "", "this is a zip archive without a workbook"},
		{"one that is cut off", plain[:len(plain)-100], "", "this begins like a workbook, but is damaged or cut off (zip: not a valid zip file)"},
		{"one without its sheet", repacked(t, plain, map[string]string{sheet1: ""}), "", isDamaged + `"xl/worksheets/sheet1.xml" is missing)`},
		{"one with a damaged sheet", raw(t, plain, sheet1, begins+`</row></sheetData></worksheet>`, func(h *zip.FileHeader) { h.CRC32++ }), "", isDamaged + "xl/worksheets/sheet1.xml: zip: checksum error)"},
		{"a sheet that breaks off", rows(begins + `<c r="A2"`), "", isDamaged + "xl/worksheets/sheet1.xml: XML syntax error on line 1: unexpected EOF)"},
		{"a sheet with a character that XML has not", rows(begins + "<c r=\"A2\" t=\"str\"><v>a\x0bb</v></c></row></sheetData></worksheet>"), "",
			isDamaged + "xl/worksheets/sheet1.xml: XML syntax error on line 1: illegal character code U+000B)"},
		{"a damaged workbook part", repacked(t, plain, map[string]string{"xl/workbook.xml": "<workbook"}), "", isDamaged},
		{"damaged texts", repacked(t, plain, map[string]string{"xl/sharedStrings.xml": "<sst><si>"}), "", isDamaged + "xl/sharedstrings.xml: XML syntax error on line 1: unexpected EOF)"},
		{"a formula without a result", rows(begins + `<c r="A2"><f>1+1</f></c></row></sheetData></worksheet>`), "",
			"line 2: cell A2 has a formula without its result: open the workbook in a spreadsheet and save it"},
		{"a text that is not there", rows(begins + `<c r="A2" t="s"><v>4</v></c></row></sheetData></worksheet>`), "", isDamaged + "row 2 has a damaged cell)"},
		{"a format that is none", rows(begins + `<c r="A2" s="x"><v>4</v></c></row></sheetData></worksheet>`), "", isDamaged + "row 2 has a damaged cell)"},
		{"a cell twice", rows(begins + `<c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row></sheetData></worksheet>`), "", isDamaged + "row 2 has a damaged cell)"},
		{"a cell beyond the last column", rows(begins + `<c r="XFE2"><v>1</v></c></row></sheetData></worksheet>`), "", isDamaged + "row 2 has a damaged cell)"},
		{"a row twice", rows(begins + `</row><row r="2"/></sheetData></worksheet>`), "", isDamaged + "row 2 comes after row 2)"},
		{"a row beyond the last one", rows(begins + `</row><row r="1048577"/></sheetData></worksheet>`), "", isDamaged + "row 1048577 comes after row 2)"},
		{"an empty sheet", workbook(t, func(*excelize.File) error { return nil }), "", `the sheet "Sheet1" is empty`},
		{"an empty sheet before another", workbook(t, func(f *excelize.File) error { _, err := f.NewSheet("People"); return err }), "",
			`the sheet "Sheet1" is empty; name another one by --sheet: the workbook has "Sheet1", "People"`},
		{"a cover before another", workbook(t, func(f *excelize.File) error {
			_, err := f.NewSheet("People")
			return errorsOf(err, set(f, "Sheet1", []any{}, []any{"Plan of March", "Draft"}), set(f, "People", ana...))
		}), "", `line 2: no heading of the sheet "Sheet1" is known; name another sheet by --sheet: the workbook has "Sheet1", "People"`},
		{"a sheet that is not there", plain, "People", `there is no sheet "People"; the workbook has "Sheet1"`},
		{"only hidden sheets", repacked(t, plain, map[string]string{"xl/workbook.xml": `<workbook xmlns:r="r"><sheets><sheet name="a" state="veryHidden" r:id="rId1"/></sheets></workbook>`}), "",
			`all sheets are hidden; name one by --sheet: the workbook has "a"`},
		{"no sheet", repacked(t, plain, map[string]string{"xl/workbook.xml": `<workbook/>`}), "", "the workbook has no sheet with rows"},
		{"a bomb", raw(t, plain, sheet1, "", func(h *zip.FileHeader) { h.UncompressedSize64 = 257 << 20 }), "", `the sheet is larger than 256 MiB; split it, or save it as "CSV UTF-8"`},
		{"a bomb in disguise", raw(t, plain, sheet1, begins+strings.Repeat(" ", 1<<20), func(h *zip.FileHeader) { h.UncompressedSize64 = 1000 }), "",
			isDamaged + "xl/worksheets/sheet1.xml: zip: not a valid zip file)"},
		{"a large archive", append(bytes.Clone(plain), make([]byte, 64<<20)...), "", `the workbook has more than 64 MiB; save the sheet as "CSV UTF-8"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := drawn(bytes.NewReader(tt.book), sheet.Options{Sheet: tt.sheet})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %q, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

// Programs that write formulas leave out their results, each in another way. A text, an error and a
// truth are results, and so is the text that is empty.
func TestOpen_FormulaResults(t *testing.T) {
	t.Parallel()
	plain := workbook(t, func(f *excelize.File) error { return set(f, "Sheet1", ana...) })
	for _, tt := range []struct {
		cell, want string // what B2 holds; empty if it is refused
		refused    bool
	}{
		{`<c r="B2"><f>X1</f></c>`, "", true},
		{`<c r="B2"><f>X1</f><v></v></c>`, "", true},
		{`<c r="B2"><f>X1</f><v/></c>`, "", true},
		{`<c r="B2"><f>X1</f><v> </v></c>`, "", true},
		{`<c r="B2"><v></v><f>X1</f></c>`, "", true},
		{`<c r="B2" t="n"><f>X1</f><v></v></c>`, "", true},
		{`<c r="B2" t="b"><f>X1</f><v></v></c>`, "", true},
		{`<c r="B2" t="e"><f>X1</f><v></v></c>`, "", true},
		{`<c r="B2" t="s"><f>X1</f><v></v></c>`, "", true},
		{`<c r="B2" t="str"><f>X1</f></c>`, "", true},
		{`<c r="B2"><f>X1</f><is/></c>`, "", true},
		{`<c r="B2"><f t="shared" ref="B2:B9" si="0">X1</f><v></v></c>`, "", true},
		{`<c r="B2"><f t="shared" si="0"/><v></v></c>`, "", true},
		{`<c r="B2"><f t="array" ref="B2">X1</f><v></v></c>`, "", true},
		{`<c r="B2"><f t="dataTable" ref="B2"/><v></v></c>`, "", true},
		{`<c r="B2" t="str"><f>X1</f><v></v></c>`, "", false},
		{`<c r="B2" t="str"><f>X1</f><v/></c>`, "", false},
		{`<c r="B2" t="str"><f>X1</f><v>Pro</v></c>`, "Pro", false},
		{`<c r="B2" t="inlineStr"><f>X1</f><is><t>Pro</t></is></c>`, "Pro", false},
		{`<c r="B2" t="e"><f>X1</f><v>#N/A</v></c>`, "#N/A", false},
		{`<c r="B2" t="b"><f>X1</f><v>1</v></c>`, "TRUE", false},
		{`<c r="B2"><f>X1</f><v>0</v></c>`, "0", false},
		{`<c r="B2"><v></v></c>`, "", false},
	} {
		book := repacked(t, plain, map[string]string{"xl/worksheets/sheet1.xml": `<worksheet><sheetData>` +
			`<row r="1"><c r="A1" t="str"><v>email</v></c><c r="B1" t="str"><v>license</v></c></row>` +
			`<row r="2"><c r="A2" t="str"><v>ana@example.com</v></c>` + tt.cell + `</row></sheetData></worksheet>`})
		got, err := drawn(bytes.NewReader(book), sheet.Options{})
		want := strings.TrimSuffix("1: email|license\n2: ana@example.com|"+tt.want, "|") + "\n"
		switch {
		case tt.refused && (err == nil || !strings.HasPrefix(err.Error(), "line 2: cell B2 has a formula without its result: ")):
			t.Errorf("%s: got %q, %v; want it to be refused", tt.cell, got, err)
		case !tt.refused && (err != nil || strings.ReplaceAll(got, "|\n", "\n") != want):
			t.Errorf("%s: got %q, %v; want %q", tt.cell, got, err, want)
		}
	}
}
