package bulk_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/bulk"
)

func values(pairs ...string) bulk.Values {
	var v bulk.Values
	for _, p := range pairs {
		e, err := bulk.ParseSetting(p)
		if err != nil {
			panic(err)
		}
		v = v.With(e.Field, e.Text)
	}
	return v
}

// What of a workbook a person may take to be otherwise is said.
func TestReadRows_Remarks(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	defer f.Close()
	for i, cells := range [][]any{{"email", "team"}, {"a@example.com", "Oslo"}, {"b@example.com", "Oslo"}, {"c@example.com", "Bern"}} {
		if err := f.SetSheetRow("Sheet1", fmt.Sprint("A", i+1), &cells); err != nil {
			t.Fatal(err)
		}
		if err := f.SetRowVisible("Sheet1", i+1, i < 2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.NewSheet("Lists"); err != nil {
		t.Fatal(err)
	}
	if err := f.SetCellValue("Lists", "A1", "Pro"); err != nil {
		t.Fatal(err)
	}
	var book bytes.Buffer
	if err := f.Write(&book); err != nil {
		t.Fatal(err)
	}
	only, err := bulk.ParseOnly("team=Oslo")
	if err != nil {
		t.Fatal(err)
	}
	const others = `the sheet "Sheet1" is read, and not "Lists"`
	for _, tt := range []struct {
		options bulk.RowOptions
		want    []string
	}{
		{bulk.RowOptions{}, []string{others, "2 rows that are hidden in the sheet count, too"}},
		{bulk.RowOptions{Only: []bulk.Only{only}}, []string{others, "1 row that is hidden in the sheet counts, too"}},
		{bulk.RowOptions{Sheet: "sheet1", Only: []bulk.Only{only}}, []string{"1 row that is hidden in the sheet counts, too"}},
	} {
		table, err := bulk.ReadRows(bytes.NewReader(book.Bytes()), "book.xlsx", tt.options)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(table.Remarks, tt.want) {
			t.Errorf("got %q, want %q", table.Remarks, tt.want)
		}
	}
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	wide := func(s string) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune("\uFEFF" + s)) {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
		return b.String()
	}
	ana := bulk.Wish{Line: 2, Email: "ana@example.com", To: values("LicenseType=Pro")}
	tests := []struct {
		name string
		text string
		want []bulk.Wish
	}{
		{"commas", "email,LicenseType\nana@example.com,Pro\n", []bulk.Wish{ana}},
		{"semicolons, CRLF, a byte order mark, no last line end", "\uFEFFE-Mail;Licence\r\nana@example.com;pro", []bulk.Wish{ana}},
		{"lines of an old Macintosh", "email,license\rana@example.com,Pro\r", []bulk.Wish{ana}},
		{"tabs", "Primary Email\tlicense type\nana@example.com\tPRO\n", []bulk.Wish{ana}},
		{"UTF-16, as spreadsheets save Unicode text", wide("mail\tlicense\tName\r\nana@example.com\tPro\tÀna\r\n"), []bulk.Wish{ana}},
		{"quoted cells, one with a line end, and columns that are ignored",
			"Name,email,license\n\"Silva, \"\"Ana\"\"\nOslo\",ana@example.com,Pro\nBo,bo@example.com,Basic\n",
			[]bulk.Wish{ana, {Line: 4, Email: "bo@example.com", To: values("license=Basic")}}},
		{"blank lines and rows, rows that end early", "email,license,x\n\nana@example.com,Pro,\n,,\nbo@example.com\n",
			[]bulk.Wish{{Line: 3, Email: "ana@example.com", To: values("license=Pro")}, {Line: 5, Email: "bo@example.com"}}},
		{"an empty cell leaves as is", "UserId,UserType,Alexa\nu1,,\nu2,shareddevice,TRUE\n",
			[]bulk.Wish{{Line: 2, ID: "u1"}, {Line: 3, ID: "u2", To: values("UserType=SharedDevice", "Alexa=yes")}}},
		{"a column for either", "user\nu1\nana@example.com\n", []bulk.Wish{{Line: 2, ID: "u1"}, {Line: 3, Email: "ana@example.com"}}},
		{"guarded cells", "email,AlexaForBusinessRoomArn\n'+ana@example.com,''=x\n",
			[]bulk.Wish{{Line: 2, Email: "+ana@example.com", To: bulk.Values{{Field: bulk.AlexaARN, Text: "'=x"}}}}},
		{"rows that make no sense", "email,license\n,Pro\nana@example.com,Gold\n", []bulk.Wish{
			{Line: 2, To: values("license=Pro"), Problem: "the row names no user"},
			{Line: 3, Email: "ana@example.com", To: bulk.Values{{Field: bulk.License, Text: "Gold"}}, Problem: `"Gold": LicenseType is one of Basic, Plus, Pro, ProTrial`}}},
		{"JSONL, as users are listed", "\n" + `{"UserId": "u1", "PrimaryEmail": "ana@example.com", "LicenseType": "Pro", "DisplayName": null, "AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": false}}` + "\n\n",
			[]bulk.Wish{{Line: 2, ID: "u1", Email: "ana@example.com", To: values("LicenseType=Pro", "Alexa=false")}}},
		{"a heading without rows", "email,license\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bulk.ReadRows(strings.NewReader(tt.text), "rows.csv", bulk.RowOptions{Action: bulk.Update})
			if err != nil {
				t.Fatal(err)
			}
			for i := range got.Wishes { // TestWriteRejects looks at them
				got.Wishes[i].Cells = ""
			}
			if !reflect.DeepEqual(got.Wishes, tt.want) {
				t.Errorf("got %+v, %v\nwant %+v", got.Wishes, err, tt.want)
			}
		})
	}
}

// endless is longer than any file of rows may be.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	return n, nil
}

func TestReadRowsRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	t.Parallel()
	gigabyte := func(line string) io.Reader {
		return io.MultiReader(strings.NewReader("email,license\n"), io.LimitReader(&endless{line: line}, 1<<30))
	}
	text := func(s string) io.Reader { return strings.NewReader(s) }
	opened := func(path string) *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	file := func(size int64) io.Reader { // which takes no space
		path := filepath.Join(t.TempDir(), "large")
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
		return opened(path)
	}
	folder := opened(t.TempDir())
	tests := []struct {
		name   string
		in     io.Reader
		action bulk.Action
		want   string
	}{
		{"a gigabyte without a line end", gigabyte("x"), bulk.Update, `rows.csv:2: the line has more than 1048576 bytes; is this a file of rows?`},
		{"a gigabyte of rows", gigabyte(strings.Repeat(" ", 1023) + "\n"), bulk.Update, `rows.csv:262145: the file has more than 256 MiB; split it`},
		{"an empty file", text("\n \n"), bulk.Update, `rows.csv: the file is empty; its first line must be a heading such as email,LicenseType`},
		{"one line, which is no heading", text("ana@example.com,Pro"), bulk.Update, `rows.csv:1: no column names a user; the first line must be a heading with a column email or UserId, such as email,LicenseType`},
		{"a missing column", text("\nname,license\nAna,Pro\n"), bulk.Update, `rows.csv:2: no column names a user; the first line must be a heading with a column email or UserId, such as email,LicenseType`},
		{"ids cannot be invited", text("UserId\nu1\n"), bulk.Invite, `rows.csv:1: no column names a user; the first line must be a heading with a column email or UserId, such as email,LicenseType`},
		{"two columns for one thing", text("email,License,licence type\n"), bulk.Update, `rows.csv:1: columns 2 and 3, "License" and "licence type", mean the same`},
		{"mixed encodings", text("email,license,name\na@example.com,Pro,Zo\u00eb\nb@example.com,Pro,Zo\xeb\n"), bulk.Update, `rows.csv:3: the text is neither UTF-8 nor UTF-16, but perhaps Windows-1252 or another encoding (byte 0xEB in "com,Pro,Zo\xeb\n"); save the file as "CSV UTF-8"`},
		{"no text at all", text("email,license\na@example.com\x00,Pro\n"), bulk.Update, `rows.csv:2: the line holds a zero byte; is this a file of rows? If so, save it as "CSV UTF-8"`},
		{"nothing but zero bytes", text("\x00\x00\n"), bulk.Update, `rows.csv:1: the line holds a zero byte; is this a file of rows? If so, save it as "CSV UTF-8"`},
		{"a gigabyte that is known to be one", file(1 << 30), bulk.Update, `rows.csv: the file has more than 256 MiB; split it`},
		{"a folder", folder, bulk.Update, "rows.csv: this is a folder, not a file"},
		{"a cell too many", text("email,license\na@example.com,Pro,Basic\n"), bulk.Update, `rows.csv:2: there is a cell "Basic" without a heading; the heading has 2 columns`},
		{"a quotation mark that does not end", text("email,license\n\"a@example.com,Pro\nb@example.com,Pro\n"), bulk.Update, `rows.csv:2: a quoted cell begins here and does not end well: a quotation mark inside one is written twice`},
		{"a quotation mark inside", text("email,license\na@example.com,\"Pro\"x\n"), bulk.Update, `rows.csv:2: a quoted cell begins here and does not end well: a quotation mark inside one is written twice`},
		{"output of list-users", text("{\n  \"Users\": []\n}\n"), bulk.Update, `rows.csv:1: JSON over several lines: write one object per line instead (jq -c '.Users[]' for what list-users prints)`},
		{"a JSON list", text("[{}]"), bulk.Update, `rows.csv:1: a JSON list: write one object per line instead (jq -c '.[]')`},
		{"broken JSONL", text("{\"email\": \"a@example.com\"}\n{\"email\": \n"), bulk.Update, `rows.csv:2: not one JSON object per line: Expecting value at character 10`},
		{"a plan", text(`{"carillon": "plan", "rows": 0}`), bulk.Update, `rows.csv:1: this is a plan, not a file of rows`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bulk.ReadRows(tt.in, "rows.csv", bulk.RowOptions{Action: tt.action})
			if _, ok := errors.AsType[*bulk.InputError](err); !ok || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// Reading an export gives the same users, whatever their names look like, and no cell begins like a
// formula.
func TestExportRoundTrip(t *testing.T) {
	t.Parallel()
	cell := rapid.StringMatching(`['=+\-@a"; ,é]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		users := people(rapid.IntRange(1, 80).Draw(t, "users"))
		for i := range users {
			users[i].DisplayName = cell.Draw(t, "name")
			if i%7 == 3 {
				users[i].PrimaryEmail = "=" + users[i].PrimaryEmail
				users[i].UserType = "SharedDevice"
				users[i].AlexaForBusinessMetadata = alexa{true, "'=arn" + strings.TrimSpace(cell.Draw(t, "arn"))}
			}
		}
		f := newFake(t, "Team", users)
		a := open(t, f, "j")
		for _, format := range []bulk.Format{bulk.CSV, bulk.JSONL} {
			var out bytes.Buffer
			n, err := a.Export(t.Context(), &out, format, nil)
			if err != nil || n != len(users) {
				t.Fatalf("got %d users, %v; want %d", n, err, len(users))
			}
			if format == bulk.CSV {
				table, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range slices.Concat(table...) {
					if c != "" && strings.ContainsAny(c[:1], "=+-@") {
						t.Errorf("a spreadsheet would run the cell %q", c)
					}
				}
			}
			table, err := bulk.ReadRows(&out, "export", bulk.RowOptions{Action: bulk.Update})
			if err != nil || len(table.Wishes) != len(users) {
				t.Fatalf("reading the %s back: got %+v, %v; want %d rows", format, table, err, len(users))
			}
			plan, err := a.Plan(t.Context(), bulk.Update, bulk.Selection{Wishes: table.Wishes}, bulk.PlanOptions{})
			if err != nil || len(plan.Rows) != 0 || plan.Same != len(users) {
				t.Fatalf("the %s plans %+v, with %d rows as they should be, %v; want nothing", format, plan.Rows, plan.Same, err)
			}
		}
	})
}
