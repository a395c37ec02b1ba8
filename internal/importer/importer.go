// Package importer reads the accounts, users, chat rooms, bots, telephone numbers and settings
// that people saved from the API, as JSON or, for users, as tables. It tells what a file holds, and
// what in it cannot be read and where. Which of the rows can be imported is decided by package
// directory. Start at [Rows].
package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Rows are what was read from files. The zero value is ready to use.
//
// A JSON file (json.go) holds any number of texts, one after the other, as a loop over pages leaves
// them: the output of list-accounts, list-users, list-rooms, list-room-memberships, list-bots,
// list-phone-numbers, list-phone-number-orders or of the get-command for one of these, single rows
// of them, and lists of any of them; and that of get-phone-number-settings, get-global-settings,
// get-account-settings and get-retention-settings. A table (table.go), CSV or .xlsx, has the
// columns userId and email, and may have all others that an export of users has. Encodings are
// those of package sheet.
type Rows struct {
	Accounts    []directory.AccountRow
	Users       []directory.UserRow
	Rooms       []directory.RoomRow
	Memberships []directory.MembershipRow
	Bots        []directory.BotRow

	Numbers        []directory.NumberRow
	Orders         []directory.OrderRow
	NumberSettings []directory.NumberSettingsRow

	GlobalSettings    []directory.GlobalSettingsRow
	AccountSettings   []directory.AccountSettingsRow
	RetentionSettings []directory.RetentionSettingsRow

	Problems []string // rows that cannot be read, "FILE:LINE: what is wrong"
	Cut      []string // where files break off, of which the rows before are kept, in the same form
	Notes    Notes    // what of the rows is left out or changed

	pages map[listing]pages // that the files have

	// Sheet is the name of the sheet to read of workbooks, "" for the first one of each.
	Sheet string

	// Table is the name of the first table, "" if there is none. Homeless is that of the first one
	// without a column for the account of its users.
	Table, Homeless string
}

// sample is how much of the beginning of a file tells what it may be.
const sample = 1 << 10

// Refused is the error for a file that can be read by nothing here: it names the file, and the line
// if there is one.
type Refused struct{ text string }

func (r *Refused) Error() string { return r.text }

// Read adds the rows of a file, whose name is for messages. What is wrong with rows goes into
// Problems. An error is a [*Refused], or says why the file could not be read.
func (rows *Rows) Read(name string, r io.Reader) error {
	text := sheet.Decode(r)
	f := &file{rows: rows, name: name, lines: lines{r: text, where: 1}, before: rows.count()}
	first, err := sheet.First(text)
	switch {
	case err != nil:
		return f.refused(err)
	case first == "":
		return f.refuse(1, "the file is empty")
	}
	start, _ := text.Peek(sample)
	start = bytes.Clone(start) // of a buffer
	switch {
	case first != "{" && first != "[":
		return f.table(text, start)
	case python.Match(start):
		return f.refuse(1, isPython)
	}
	return f.json()
}

// file is a file that is being read.
type file struct {
	rows  *Rows
	name  string
	lines lines
	dec   *jsontext.Decoder

	before int // rows of other files
}

// count returns how many rows there are.
func (rows *Rows) count() int {
	return len(rows.Accounts) + len(rows.Users) + len(rows.Rooms) + len(rows.Memberships) + len(rows.Bots) + len(rows.Numbers) +
		len(rows.Orders) + len(rows.NumberSettings) + len(rows.GlobalSettings) + len(rows.AccountSettings) + len(rows.RetentionSettings)
}

func (f *file) place(line int) string { return fmt.Sprintf("%s:%d", f.name, line) }

func (f *file) problem(line int, format string, args ...any) {
	f.rows.Problems = append(f.rows.Problems, f.place(line)+": "+fmt.Sprintf(format, args...))
}

// cut ends a file of which no more can be read. What was read is worth having, since people cannot
// save it again. If that is nothing, the file is refused.
func (f *file) cut(line int, format string, args ...any) error {
	if f.rows.count() == f.before {
		return f.refuse(line, format, args...)
	}
	f.rows.Cut = append(f.rows.Cut, f.place(line)+": "+fmt.Sprintf(format, args...))
	return nil
}

func (f *file) refuse(line int, format string, args ...any) error {
	return &Refused{f.place(line) + ": " + fmt.Sprintf(format, args...)}
}

// refused refuses the file for what package sheet says of it, unless it could not be read.
func (f *file) refused(err error) error {
	bad, ok := errors.AsType[*sheet.Error](err)
	switch {
	case !ok:
		return err
	case bad.Err != nil && !errors.Is(bad.Err, syscall.EISDIR):
		return bad.Err
	case bad.Line == 0:
		return &Refused{f.name + ": " + bad.Text}
	}
	return f.refuse(bad.Line, "%s", bad.Text)
}
