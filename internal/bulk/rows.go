package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Wish is one row of a file: a user, and what should change.
type Wish struct {
	Line  int    // of the file, from 1
	ID    string // the id or the e-mail address may be missing, but not both
	Email string // as written
	To    Values // empty for a row that only names somebody
	Cells Cells  // everything in the row
	// Problem says what is wrong with the row. It is empty if nothing is.
	Problem string
	again   int // which of the rows that are tried again it is, from 1; 0: none
}

// Table is a file of rows.
type Table struct {
	Columns []string        // the heading, in its order; nil for JSONL
	Unused  []sheet.Unknown // headings that the action does not use
	Changes bool            // a column says what becomes of users
	Wishes  []Wish

	Excluded []Exclusion // rows that are not in Wishes, by the conditions that they do not meet
	Remarks  []string    // what of a workbook a person may take to be otherwise
}

// Check returns an [*InputError] if the table, the file of that name, is to update users and has no
// column for that.
func (t *Table) Check(name string) error {
	if t.Changes {
		return nil
	}
	seen := ""
	if len(t.Columns) > 0 {
		seen = fmt.Sprintf(" (the headings are %s)", quoteAll(t.Columns))
	}
	if len(t.Unused) > 0 {
		seen += "; not understood: " + JoinUnknown(t.Unused)
	}
	return badInput(name, 0, "no column says what to change%s; name one of them %s, or give %v, as in %v", seen, strings.Join(settable(), ", "),
		Option{Name: "set"}, Option{"set", "LicenseType=Pro"})
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%.40q", name)
	}
	return strings.Join(quoted, ", ")
}

// settable returns the names of the fields that an update can change.
func settable() (names []string) {
	for f := License; f <= AlexaARN; f++ {
		names = append(names, f.String())
	}
	return names
}

// JoinUnknown lists headings for a message, in quotes, with what may have been meant by them.
func JoinUnknown(list []sheet.Unknown) string {
	texts := make([]string, len(list))
	for i, u := range list {
		texts[i] = u.String()
	}
	return strings.Join(texts, ", ")
}

// unused returns the headings that an action does not use. A name is near to another only if it is
// not one of the API's own, and the code and message of rejects are no news.
func unused(unknown []sheet.Unknown) (list []sheet.Unknown) {
	all := columnsOf(Update)
	for _, u := range unknown {
		if u.Name == codeColumn || u.Name == messageColumn {
			continue
		}
		if all.Find(u.Name) >= 0 || userShape().Member(u.Name) != nil {
			u.Nearest = ""
		}
		list = append(list, u)
	}
	return list
}

// Cells are what a row of a file has: the cells of a table as a JSON list, so that each of many
// rows takes one piece of memory, or an object of JSONL. A plan and a ledger keep them: rejects can
// then give a row back as it was, and retry plan it anew, even if it came from a pipe or its file
// has changed since.
type Cells string

// makeCells needs room for the text.
func makeCells(room []byte, texts []string) []byte {
	room = append(room[:0], '[')
	for i, text := range texts {
		if i > 0 {
			room = append(room, ", "...)
		}
		room = document.AppendString(room, text, true)
	}
	return append(room, ']')
}

// texts returns the cells, as many as there are columns.
func (c Cells) texts(columns int) ([]string, error) {
	texts := make([]string, columns)
	if c == "" {
		return texts, nil
	}
	v, err := document.Parse(string(c))
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	for i, v := range list[:min(len(list), columns)] {
		texts[i], _ = v.(string)
	}
	return texts, nil
}

// object returns the object of a row of JSONL, nil for a row of a table.
func (c Cells) object() *document.Object {
	if !strings.HasPrefix(string(c), "{") {
		return nil
	}
	v, _ := document.Parse(string(c))
	o, _ := v.(*document.Object)
	return o
}

// Columns that name a user. The columns that change a user are a [Field].
const (
	columnID    = int(fieldCount) + iota
	columnEmail // an address
	columnUser  // either of them
)

// columnsOf returns the columns that an action uses, by their numbers.
func columnsOf(action Action) *sheet.Columns {
	list := make([]sheet.Column, columnUser+1)
	if action == Update {
		list[License], list[UserType], list[AlexaEnabled], list[AlexaARN] =
			sheet.LicenseType, sheet.UserType, sheet.AlexaEnabled, sheet.AlexaRoomARN
	}
	list[columnID], list[columnEmail], list[columnUser] = sheet.UserID, sheet.PrimaryEmail, sheet.User
	return sheet.NewColumns(list...)
}

// RowOptions say how to read a file of rows.
type RowOptions struct {
	Action Action // columns that it does not use are ignored
	Sheet  string // of a workbook; empty for the first one
	Only   []Only // conditions, all of which the rows must meet
}

// ReadRows reads a file of rows: a table that package sheet reads, or JSONL. The first character of
// the file decides which. The name of the file is for messages. A row that makes no sense has a
// Problem. If the file as a whole makes no sense, the error is an [*InputError].
func ReadRows(r io.Reader, name string, o RowOptions) (*Table, error) {
	if err := sheet.CheckSize(r); err != nil {
		return nil, inFile(name, err)
	}
	b := &builder{action: o.Action, columns: columnsOf(o.Action), chooser: newChooser(o.Only)}
	in := sheet.Decode(r)
	first, err := sheet.First(in)
	switch {
	case err != nil:
	case first == "":
		err = badInput(name, 0, "the file is empty; its first line must be a heading such as email,LicenseType")
	case first == "{" && o.Sheet == "":
		err = b.readJSONL(in)
	case first == "[" && o.Sheet == "":
		err = badInput(name, 1, "a JSON list: write one object per line instead (jq -c '.[]')")
	default:
		err = b.readTable(in, o.Sheet)
	}
	if err == nil {
		b.table.Excluded, err = b.chooser.end()
	}
	if err != nil {
		return nil, inFile(name, err)
	}
	return &b.table, nil
}

// inFile turns an error of package sheet, or one about conditions, into an *InputError about the
// file.
func inFile(name string, err error) error {
	if bad, ok := errors.AsType[*InputError](err); ok {
		in := *bad
		in.File = name
		return &in
	}
	bad, ok := errors.AsType[*sheet.Error](err)
	if !ok {
		return err
	}
	if bad.Choose != "" {
		return badInput(name, bad.Line, "%s by %v: the workbook has %s", bad.Choose, Option{Name: "sheet"}, bad.Sheets)
	}
	return badInput(name, bad.Line, "%s", bad.Text)
}

func (b *builder) readTable(in io.Reader, name string) (err error) {
	t, err := sheet.Open(in, sheet.Options{Columns: b.columns, Sheet: name})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	h := &t.Heading
	if !h.Has(columnEmail) && !h.Has(columnUser) && (!h.Has(columnID) || b.action == Invite) {
		return &sheet.Error{Line: h.Line, Text: "no column names a user; the first line must be a heading with a column email or UserId, such as email,LicenseType"}
	}
	b.table.Columns, b.table.Unused = h.Names, b.chooser.others(unused(h.Unknown()))
	for _, c := range h.Columns {
		b.table.Changes = b.table.Changes || c >= 0 && c < int(fieldCount)
	}
	conditions, err := b.chooser.columns(h.Names)
	if err != nil {
		return err
	}
	hidden := 0
	for {
		row, err := t.Next()
		switch {
		case err == io.EOF:
			b.table.Remarks = t.Remarks(hidden)
			return nil
		case err != nil:
			return err
		case row.Problem != "":
			return &sheet.Error{Line: row.Line, Text: row.Problem}
		}
		for i, at := range conditions {
			if at < len(row.Cells) { // a row may end early
				b.chooser.cells[i] = row.Cells[at]
			}
		}
		if !b.chooser.row() {
			continue
		}
		if row.Hidden {
			hidden++
		}
		b.start(row.Line)
		b.room = makeCells(b.room, row.Cells)
		b.wish.Cells = Cells(b.room)
		for i, cell := range row.Cells {
			b.cell(h.Columns[i], strings.TrimSpace(cell))
		}
		b.finish()
	}
}

func (b *builder) readJSONL(in *bufio.Reader) error {
	wrong := func(line int, format string, args ...any) error {
		return &sheet.Error{Line: line, Text: fmt.Sprintf(format, args...)}
	}
	for lines := sheet.NewLines(in); ; {
		text, err := lines.Next()
		if err == io.EOF {
			b.table.Unused = b.chooser.others(unused(b.unknown))
			return b.chooser.seen()
		}
		if err != nil {
			return err
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		v, err := document.Parse(string(text))
		bad, ok := errors.AsType[*document.SyntaxError](err)
		switch {
		case ok && string(text) == "{":
			return wrong(lines.Number(), "JSON over several lines: write one object per line instead (jq -c '.Users[]' for what list-users prints)")
		case ok: // the error counts lines from this one
			return wrong(lines.Number(), "not one JSON object per line: %s at character %d", bad.Reason, bad.Column)
		case err != nil:
			return wrong(lines.Number(), "not one JSON object per line: %v", err)
		}
		o, ok := v.(*document.Object)
		if !ok {
			return wrong(lines.Number(), "not a JSON object: %.40q", text)
		}
		if v, _ := o.Get(kindKey); v != nil {
			return wrong(lines.Number(), "this is a %s, not a file of rows", plain(v))
		}
		b.start(lines.Number())
		b.room = document.AppendCompact(b.room[:0], o)
		b.wish.Cells = Cells(b.room)
		b.object(o)
		if b.chooser.row() {
			b.finish()
		}
	}
}

// object takes the members of a row as cells. It also takes the members of objects inside it,
// because a listing nests the Alexa metadata.
func (b *builder) object(o *document.Object) {
	for _, m := range o.Members() {
		if inner, ok := m.Value.(*document.Object); ok {
			b.object(inner)
			continue
		}
		column := b.columns.Find(m.Key)
		if column < 0 {
			b.ignore(m.Key)
		}
		text := plain(m.Value)
		b.chooser.key(m.Key, text)
		b.cell(column, text)
	}
}

// ignore notes a key that the action does not use, once, and a few of many.
func (b *builder) ignore(key string) {
	const most = 20
	if len(b.unknown) < most && !slices.ContainsFunc(b.unknown, func(u sheet.Unknown) bool { return u.Name == key }) {
		b.unknown = append(b.unknown, sheet.Unknown{Name: strings.Clone(key), Nearest: b.columns.Nearest(key)})
	}
}

// plain returns a value as the text of a cell.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	}
	return string(document.AppendCompact(nil, v))
}

// builder turns cells into wishes.
type builder struct {
	sharing
	texts
	action  Action
	chooser *chooser
	columns *sheet.Columns
	table   Table
	unknown []sheet.Unknown // keys of objects
	wish    Wish
	room    []byte // for cells
}

func (b *builder) start(line int) { b.wish = Wish{Line: line} }

// cell takes one cell. An empty cell changes nothing.
func (b *builder) cell(column int, text string) {
	if text == "" || column < 0 {
		return
	}
	if column >= int(fieldCount) {
		b.identity(column, text)
		return
	}
	b.table.Changes = true
	value, problem := spell(Field(column), text)
	if problem != "" && b.wish.Problem == "" {
		b.wish.Problem = fmt.Sprintf("%.60q: %s", text, problem)
	}
	b.wish.To = b.wish.To.With(Field(column), strings.Clone(value))
}

func (b *builder) identity(column int, text string) {
	if text == "" {
		return
	}
	switch {
	case column == columnID, column == columnUser && !strings.Contains(text, "@"):
		b.wish.ID = b.keep(text)
	case column == columnEmail, column == columnUser:
		b.wish.Email = b.keep(text)
	}
}

func (b *builder) finish() {
	w := &b.wish
	switch {
	case w.ID == "" && w.Email == "":
		w.Problem = "the row names no user"
	case b.action == Invite:
		w.Problem = badAddress(w.Email)
	}
	w.To = b.share(w.To)
	b.table.Wishes = append(b.table.Wishes, *w)
}
