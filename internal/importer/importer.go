// Package importer reads the accounts and users that people saved from the API, as JSON or CSV
// files. It tells what a file holds, and what in it cannot be read and where. Which of the rows
// can be imported is decided by package directory. Start at [Rows].
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
// A JSON file (json.go) holds any number of texts, one after the other, as a loop over pages leaves
// them: the output of list-accounts, list-users, get-account or get-user, single accounts and
// users, and lists of any of these. A CSV file (csv.go) has the columns userId and email. Both are
// UTF-8, or UTF-16 with a byte order mark, as Windows writes it.
type Rows struct {
	Accounts []directory.AccountRow
	Users    []directory.UserRow
	Problems []string // rows and files that cannot be read, "FILE:LINE: what is wrong"
	Notes    Notes    // what of the rows is left out or changed

	// Table is the name of the first CSV file, "" if there is none. Its users name no account.
	Table string
}

// Read adds the rows of a file, whose name is for messages. What is wrong in the file goes into
// Problems, and the rows before it are kept. An error means that the file could not be read.
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

// file is a file that is being read.
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
