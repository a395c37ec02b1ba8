// Package importer reads what people saved of the API before they moved: accounts and users, as
// files of JSON or CSV. It says what each file holds and what in it cannot be read; the rules of
// an import are in package directory. Start at [Rows].
package importer

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/carillon-project/carillon/internal/directory"
)

// Rows are the accounts and users that were read from files. The zero value is ready to use.
//
// A JSON file holds any number of texts, as a loop over pages leaves them: what list-accounts,
// list-users, get-account or get-user print, bare accounts and users, and lists of any of these.
// A CSV file has the columns userId and email. Both are UTF-8, or what Windows makes of it:
// with a byte order mark, or in UTF-16 with one.
type Rows struct {
	Accounts []directory.AccountRow
	Users    []directory.UserRow
	Problems []string // rows and files that cannot be read, "FILE:LINE: what is wrong"
	Notes    Notes    // what is left out of rows, or is not kept as it stands

	Table string // the first CSV file, whose users name no account; "" if there is none
}

// Read adds what a file holds. An error is one of reading the file; what is wrong in it is among
// the problems, and what comes before that is kept.
func (rows *Rows) Read(name string, r io.Reader) error {
	text := bufio.NewReader(transform.NewReader(r, unicode.BOMOverride(transform.Nop)))
	f := &file{rows: rows, name: name, lines: lines{r: text, where: 1}}
	f.lines.allow(0)
	first, err := text.ReadByte()
	for err == nil && strings.IndexByte(" \t\r\n", first) >= 0 {
		if first == '\n' {
			f.lines.where++
		}
		first, err = text.ReadByte()
	}
	switch {
	case err == io.EOF:
		f.problem(1, "the file is empty")
		return nil
	case err != nil:
		return err
	}
	text.UnreadByte() // cannot fail after a read
	if first == '{' || first == '[' {
		return f.json()
	}
	start, err := text.Peek(text.Size())
	if err != nil && err != io.EOF {
		return err
	}
	return f.csv(start)
}

// file is one file while it is read.
type file struct {
	rows  *Rows
	name  string
	lines lines
	dec   *jsontext.Decoder
}

func (f *file) place(line int) string { return fmt.Sprintf("%s:%d", f.name, line) }

func (f *file) problem(line int, format string, args ...any) {
	f.rows.Problems = append(f.rows.Problems, f.place(line)+": "+fmt.Sprintf(format, args...))
}
