package sheet_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/carillon-project/carillon/internal/sheet"
)

// known are the columns that tests look for.
var known = sheet.NewColumns(sheet.UserID, sheet.PrimaryEmail, sheet.LicenseType)

// drawn is a table in one text: a line for each row, its number first.
func drawn(r io.Reader, o sheet.Options) (string, error) {
	if o.Columns == nil {
		o.Columns = known
	}
	t, err := sheet.Open(r, o)
	if err != nil {
		return "", err
	}
	defer t.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%d: %s\n", t.Heading.Line, strings.Join(t.Heading.Names, "|"))
	for {
		row, err := t.Next()
		if err == io.EOF {
			return b.String(), t.Close()
		}
		if err != nil {
			return b.String(), err
		}
		if row.Problem != "" {
			fmt.Fprintf(&b, "%d: PROBLEM %s\n", row.Line, row.Problem)
			continue
		}
		hidden := ""
		if row.Hidden {
			hidden = " HIDDEN"
		}
		fmt.Fprintf(&b, "%d: %s%s\n", row.Line, strings.Join(row.Cells, "|"), hidden)
	}
}

// encoded is a text in UTF-16.
func encoded(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestOpen_CSV(t *testing.T) {
	t.Parallel()
	const plain = "1: email|license\n2: ana@example.com|Pro\n"
	tests := []struct {
		name string
		text string
		want string
	}{
		{"commas", "email,license\nana@example.com,Pro\n", plain},
		{"semicolons", "email;license\r\nana@example.com;Pro\r\n", plain},
		{"tabs, no last line end", "email\tlicense\nana@example.com\tPro", plain},
		{"more of another separator, in quotation marks", "email;\"license, or licence, or none\"\nana@example.com;Pro\n",
			"1: email|license, or licence, or none\n2: ana@example.com|Pro\n"},
		{"more of another separator, in a heading", "email;Last, first, middle name\nana@example.com;\"Silva, Ana, Maria\"\n",
			"1: email|Last, first, middle name\n2: ana@example.com|Silva, Ana, Maria\n"},
		{"no heading is known, the rows decide", "Who;What, exactly\nana@example.com;Pro\nbo@example.com;Basic\n",
			"1: Who|What, exactly\n2: ana@example.com|Pro\n3: bo@example.com|Basic\n"},
		{"one column", "email\nana@example.com\nbo@example.com;\n", "1: email\n2: ana@example.com\n3: bo@example.com;\n"},
		{"a line for Excel", "sep=;\r\nemail;license\r\nana@example.com;Pro\r\n", "2: email|license\n3: ana@example.com|Pro\n"},
		{"a line for Excel, quoted, with a separator that nobody guesses", "\"SEP=|\"\nemail|a,b;c\nana@example.com|Pro\n", "2: email|a,b;c\n3: ana@example.com|Pro\n"},
		{"a line for Excel that names a tab", "sep=\t\nemail\ta,b,c\nana@example.com\tPro\n", "2: email|a,b,c\n3: ana@example.com|Pro\n"},
		{"two lines for Excel, of which one is a heading", "sep=;\nsep=,\nx\n", "2: sep=,\n3: x\n"},
		{"a line of PowerShell", "#TYPE Selected.Microsoft.ActiveDirectory.Management.ADUser\r\n\"mail\",\"license\"\r\n\"ana@example.com\",\"Pro\"\r\n",
			"2: mail|license\n3: ana@example.com|Pro\n"},
		{"both lines, and blank ones", "\n\nsep=,\n#TYPE x\n , \nemail,license\nana@example.com,Pro\n", "6: email|license\n7: ana@example.com|Pro\n"},
		{"lines of an old Macintosh", "email,license\rana@example.com,\"Pro\rPlus\"\r", "1: email|license\n2: ana@example.com|Pro\nPlus\n"},
		{"one line of an old Macintosh", "email,license\r", "1: email|license\n"},
		{"a carriage return in a heading", "email,\"license\ror not\"\nana@example.com,Pro\n", "1: email|license\ror not\n2: ana@example.com|Pro\n"},
		{"a byte order mark", "\uFEFFemail,license\nana@example.com,Pro\n", plain},
		{"two byte order marks", "\uFEFF\uFEFFemail,license\nana@example.com,Pro\n", "1: \uFEFFemail|license\n2: ana@example.com|Pro\n"},
		{"UTF-16", encoded("\uFEFFemail,license\nana@example.com,Pro\n", binary.LittleEndian), plain},
		{"UTF-16, the other way", encoded("\uFEFFemail,license\nana@example.com,Pro\n", binary.BigEndian), plain},
		{"UTF-16 without a mark", encoded("email;license\r\nana@example.com;Pro\r\n", binary.LittleEndian), plain},
		{"UTF-16 without a mark, the other way", encoded("email;license\r\nana@example.com;Pro\r\n", binary.BigEndian), plain},
		{"UTF-16 without a mark, little of it ASCII", encoded("Имя;Фамилия;email\nАна;Сильва;a@б.рф\n", binary.LittleEndian),
			"1: Имя|Фамилия|email\n2: Ана|Сильва|a@б.рф\n"},
		{"UTF-16 beyond the first plane", encoded("email\n😀@example.com\n", binary.BigEndian), "1: email\n2: 😀@example.com\n"},
		{"UTF-16 beyond the first plane, the other way", encoded("email\n😀@example.com\n", binary.LittleEndian), "1: email\n2: 😀@example.com\n"},
		{"UTF-16 of an old Macintosh", encoded("email,license\rana@example.com,Pro\r", binary.LittleEndian), plain},
		{"blank rows, rows that end early", "email,license\n\n,\n \t,\nana@example.com\n", "1: email|license\n5: ana@example.com\n"},
		{"cells below no heading", "email,license\nana@example.com,Pro,,\nbo@example.com,Pro,,why\ncy@example.com,Pro\n",
			"1: email|license\n2: ana@example.com|Pro\n3: PROBLEM there is a cell \"why\" without a heading; the heading has 2 columns\n4: cy@example.com|Pro\n"},
		{"guarded cells", "'=email,license\n'+a@example.com,''=x\n'quoted',it's\n", "1: =email|license\n2: +a@example.com|'=x\n3: 'quoted'|it's\n"},
		{"quoted cells", "email,license\n\"a\"\"b@example.com\",\"x\r\ny\n\"\nbo@example.com,\n", "1: email|license\n2: a\"b@example.com|x\ny\n\n5: bo@example.com|\n"},
		{"quotation marks that end badly", "email,license\n\"a@example.com\"x,Pro\nb@example.com,a \"b\" c\ncy@example.com,Pro\n",
			"1: email|license\n2: PROBLEM a quoted cell begins here and does not end well: a quotation mark inside one is written twice\n" +
				"3: PROBLEM a quotation mark stands inside a cell that does not begin with one\n4: cy@example.com|Pro\n"},
		{"blanks around cells", " email , license\n ana@example.com , Pro\n", "1: email|license\n2:  ana@example.com | Pro\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(tt.text), "by the byte": iotest.OneByteReader(strings.NewReader(tt.text))} {
				if got, err := drawn(r, sheet.Options{}); err != nil || got != tt.want {
					t.Errorf("read %s: got %q, %v\nwant %q", how, got, err, tt.want)
				}
			}
		})
	}
}

func TestOpen_Comments(t *testing.T) {
	t.Parallel()
	// A formula that has failed does not make a comment of its row.
	got, err := drawn(strings.NewReader("# people\nemail,license\n#N/A,Pro\n\n# more\n#BEZUG! ;x\n\"a\n# b\",Pro\n#N/A as told\n#TODO!,x\n#REF!\nc,\"d\"e\n"), sheet.Options{Comments: true})
	if want := "2: email|license\n3: #N/A|Pro\n6: #BEZUG! ;x\n7: a\n# b|Pro\n11: #REF!\n12: PROBLEM a quoted cell begins here and does not end well: a quotation mark inside one is written twice\n"; err != nil || got != want {
		t.Errorf("with failures: got %q, %v\nwant %q", got, err, want)
	}
	const table = "email,license\n#1 Room,Pro\nana@example.com,Pro\n"
	got, err = drawn(strings.NewReader("# of \"people\"\n\n"+table), sheet.Options{Comments: true})
	if want := "3: email|license\n5: ana@example.com|Pro\n"; err != nil || got != want {
		t.Errorf("with comments: got %q, %v; want %q", got, err, want)
	}
	got, err = drawn(strings.NewReader(table), sheet.Options{})
	if want := "1: email|license\n2: #1 Room|Pro\n3: ana@example.com|Pro\n"; err != nil || got != want {
		t.Errorf("without: got %q, %v; want %q", got, err, want)
	}
}

// What is no table is refused, by line. Package bulk tests the largest file.
func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	const (
		encoding = "the text is neither UTF-8 nor UTF-16, but perhaps Windows-1252 or another encoding (byte "
		excel    = `save it as .xlsx or "CSV UTF-8"`
		zeros    = `the line holds a zero byte; is this a file of rows? If so, save it as "CSV UTF-8"`
		quotes   = `a quoted cell begins here and does not end well: a quotation mark inside one is written twice`
	)
	long := strings.Repeat("x", 1<<20)
	tests := []struct {
		name string
		text string
		want string
	}{
		{"nothing", "", "the file is empty"},
		{"nothing but blanks", "\n \n,,\n\t\t\n", "the file is empty"},
		{"nothing but a line for Excel", "sep=;\n", "the file is empty"},
		{"Windows-1252", "email,name\na@example.com,Zo\xeb\n", "line 2: " + encoding + `0xEB in "ple.com,Zo\xeb\n"); save the file as "CSV UTF-8"`},
		{"Windows-1252 in the heading", "email,Pr\xe9nom\n", "line 1: " + encoding + `0xE9 in "email,Pr\xe9nom\n"); save the file as "CSV UTF-8"`},
		{"Windows-1251", "email,name\na@example.com,\xc8\xe2\xe0\xed\n", "line 2: " + encoding + `0xC8 in "ample.com,\xc8\xe2\xe0\xed\n"); save the file as "CSV UTF-8"`},
		{"Shift JIS", "email,name\na@example.com,\x93c\n", "line 2: " + encoding + `0x93 in "ample.com,\x93c\n"); save the file as "CSV UTF-8"`},
		{"gzip", "\x1f\x8b\x08abc\n", "line 1: " + encoding + `0x8B in "\x1f\x8b\babc"); save the file as "CSV UTF-8"`},
		{"a zero byte", "email\na@example.com\x00\n", "line 2: " + zeros},
		{"zero bytes", "\x00\x00\x00\x00\n", "line 1: " + zeros},
		{"half of UTF-16", encoded("\uFEFFemail\na@example.com\n", binary.LittleEndian) + "a", "line 3: the text is UTF-16, and half a character is missing here"},
		{"half a character of UTF-16", encoded("\uFEFFemail\n", binary.BigEndian) + "\xd8\x3d\x00a", "line 2: the text is UTF-16, and half a character is missing here"},
		{"a long line", "email\n" + long + "\n", "line 2: the line has more than 1048576 bytes; is this a file of rows?"},
		{"a quotation mark that does not end", "email,license\n\n\"a@example.com,Pro\nb@example.com,Pro\n", "line 3: " + quotes},
		{"a quotation mark that does not end for long", "email,license\n\"a@example.com,Pro\n" + strings.Repeat("b@example.com,Pro\n", 1<<17) + "\"\n", "line 2: " + quotes},
		{"a quotation mark after a cell of two lines", "email,license\n\"a\nb\",x\"y\n", "line 2: " + quotes},
		{"a heading with a bad quotation mark", "email,\"license\"x\n", "line 1: " + quotes},
		{"two headings of one meaning", "email,License,licence type\n", `line 1: columns 2 and 3, "License" and "licence type", mean the same`},
		{"a web page", "<html><table>\n", "line 1: this is HTML or XML: open it in a spreadsheet, and " + excel},
		{"an .xls workbook", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + encoded("....Workbook", binary.LittleEndian), "an .xls workbook is not read: " + excel},
		{"a workbook with a password", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + encoded("EncryptedPackage", binary.LittleEndian), `a workbook with a password is not read: save it without one, or as "CSV UTF-8"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := drawn(strings.NewReader(tt.text), sheet.Options{})
			got := fmt.Sprint(err)
			if err == nil { // of one row
				got = strings.Replace(rows[strings.LastIndex(strings.TrimSuffix(rows, "\n"), "\n")+1:len(rows)-1], ": PROBLEM ", ": ", 1)
				got = "line " + got
			} else if _, ok := errors.AsType[*sheet.Error](err); !ok {
				t.Errorf("got %T, want a *sheet.Error", err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("a sheet of a file that has none", func(t *testing.T) {
		_, err := drawn(strings.NewReader("email\n"), sheet.Options{Sheet: "People"})
		if want := `this is not a workbook, so it has no sheet "People"`; fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("a file that breaks off", func(t *testing.T) {
		broken := errors.New("the disk is on fire")
		for _, start := range []string{"", "email\nana@example.com\n"} {
			_, err := drawn(io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken)), sheet.Options{})
			if want := fmt.Sprintf("line %d: reading it: the disk is on fire", strings.Count(start, "\n")+1); fmt.Sprint(err) != want {
				t.Errorf("after %q: got %v, want %s", start, err, want)
			}
			once := io.MultiReader(strings.NewReader(start), iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("xy"))))
			if got, err := drawn(once, sheet.Options{}); !errors.Is(err, iotest.ErrTimeout) {
				t.Errorf("after %q, with an error that does not come again: got %q, %v; want %v", start, got, err, iotest.ErrTimeout)
			}
		}
	})
}

// Line ends that are a carriage return alone are told by the first one, also at the end of what is
// looked at.
func TestDecode_LineEnds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64<<10-1)
	for text, want := range map[string]string{
		"a\r": "a\n", "a\rb\r\n": "a\nb\n\n", "\"a\n\"\rb": "\"a\n\"\nb", "a\r\nb\r": "a\r\nb\r", "a\nb\r": "a\nb\r", "\"a\rb\"": "\"a\rb\"",
		long + "\r\nb\r": long + "\r\nb\r", long[1:] + "\rb\r": long[1:] + "\nb\n",
	} {
		got, err := io.ReadAll(sheet.Decode(sheet.Decode(strings.NewReader(text))))
		if err != nil || string(got) != want {
			t.Errorf("%.20q (%d bytes): got %.20q (%d bytes), %v; want %.20q (%d bytes)", text, len(text), got, len(got), err, want, len(want))
		}
	}
}

// A line that is too long is not read to its end.
func TestReadLine(t *testing.T) {
	t.Parallel()
	text := strings.NewReader("short\n" + strings.Repeat("x", 8<<20) + "\nlast")
	in := bufio.NewReader(text)
	if got, err := sheet.ReadLine(in); err != nil || string(got) != "short\n" {
		t.Errorf("got %q, %v; want the first line", got, err)
	}
	if got, err := sheet.ReadLine(in); err != sheet.ErrLongLine || text.Len() < 6<<20 {
		t.Errorf("got %d bytes, %v, with %d bytes left to read; want %v after little more than a mebibyte", len(got), err, text.Len(), sheet.ErrLongLine)
	}
	in.Reset(strings.NewReader("last"))
	if got, err := sheet.ReadLine(in); err != nil || string(got) != "last" {
		t.Errorf("got %q, %v; want the last line", got, err)
	}
	if got, err := sheet.ReadLine(in); err != io.EOF || len(got) != 0 {
		t.Errorf("got %q, %v; want the end", got, err)
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " \r\n\t": "", "\n {": "{", "\uFEFF[": "[", encoded("{\"a\": 1}", binary.LittleEndian): "{", strings.Repeat("\n", 60_000) + "x": "x",
	} {
		in := sheet.Decode(strings.NewReader(text))
		got, err := sheet.First(in)
		if err != nil || got != want {
			t.Errorf("%.20q: got %q, %v; want %q", text, got, err, want)
		}
		if rest, err := io.ReadAll(in); err != nil || !bytes.HasSuffix(rest, []byte(want)) && want != "{" {
			t.Errorf("%.20q: then read %q, %v", text, rest, err)
		}
	}
}
