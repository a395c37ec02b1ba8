// Package importer reads the accounts, users, chat rooms, bots, telephone numbers and settings
// that people saved from the API, as JSON or, for users, as tables. It tells what a file holds, and
// what in it cannot be read and where. Which of the rows can be imported is decided by package
// directory. Start at [Rows].
package importer

import (
	"errors"
	"fmt"
	"io"

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
// columns userId and email. Encodings are those of package sheet.
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

	Problems []string // rows and files that cannot be read, "FILE:LINE: what is wrong"
	Notes    Notes    // what of the rows is left out or changed

	// Sheet is the name of the sheet to read of workbooks, "" for the first one of each.
	Sheet string

	// Table is the name of the first table, "" if there is none. Its users name no account.
	Table string
}

// Read adds the rows of a file, whose name is for messages. What is wrong in the file goes into
// Problems, and the rows before it are kept. An error means that the file could not be read.
func (rows *Rows) Read(name string, r io.Reader) error {
	text := sheet.Decode(r)
	f := &file{rows: rows, name: name, lines: lines{r: text, where: 1}}
	first, err := sheet.First(text)
	switch {
	case err != nil:
		return f.refused(err, "")
	case first == "":
		f.problem(1, "the file is empty")
		return nil
	case first == "{" || first == "[":
		return f.json()
	}
	return f.table(text)
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

// refused makes a problem of what package sheet says of the file, unless it could not be read.
func (f *file) refused(err error, more string) error {
	bad, ok := errors.AsType[*sheet.Error](err)
	switch {
	case !ok:
		return err
	case bad.Err != nil:
		return bad.Err
	}
	f.problem(max(1, bad.Line), "%s%s", bad.Text, more)
	return nil
}
