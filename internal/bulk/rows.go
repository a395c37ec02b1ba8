package bulk

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/carillon-project/carillon/internal/document"
)

// Wish is one row of a file: a user, and what the user shall become.
type Wish struct {
	Line  int    // of the file, from 1
	ID    string // the id or the e-mail address may be missing, not both
	Email string // as written
	To    Values // empty for a row that only names somebody
	// Problem says why the row makes no sense; empty if it does.
	Problem string
}

// Limits of a file of rows, against a wrong file rather than a large one: five million users fit.
const (
	maxFile = 256 << 20 // bytes
	maxLine = 1 << 20   // bytes of a line
)

const tooLarge = "the file has more than %d MiB; split it"

// Columns that name a user. Columns that change one are a Field.
const (
	columnID    = int(fieldCount) + iota
	columnEmail // an address
	columnUser  // the one or the other
)

// columnOf returns what a column is for by its heading, -1 for a column that is not looked at.
// Case, blanks and punctuation of headings do not count.
func columnOf(heading string) int {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			b.WriteRune(r)
		}
	}
	switch strings.TrimPrefix(b.String(), "alexaforbusinessmetadata") {
	case "userid", "id":
		return columnID
	case "email", "mail", "primaryemail", "emailaddress", "useremail":
		return columnEmail
	case "user":
		return columnUser
	case "licensetype", "license", "licencetype", "licence":
		return int(License)
	case "usertype":
		return int(UserType)
	case "isalexaforbusinessenabled", "alexaenabled", "alexa":
		return int(AlexaEnabled)
	case "alexaforbusinessroomarn", "alexaroomarn", "alexaarn":
		return int(AlexaARN)
	}
	return -1
}

// ReadRows reads a file of rows, CSV or JSONL, whichever its first character says. The name is for
// complaints. Columns that change nothing under this action are not looked at.
//
// CSV begins with a heading, separated by commas, semicolons or tabs; text is UTF-8, or UTF-16 with
// a byte order mark. Blank lines are skipped. A row whose values make no sense has a Problem; a
// file that makes no sense is an *InputError.
func ReadRows(r io.Reader, name string, action Action) ([]Wish, error) {
	in := &source{name: name, in: bufio.NewReaderSize(r, 64<<10), line: 1}
	if f, ok := r.(fs.File); ok { // not only when its rows have taken memory
		if info, err := f.Stat(); err == nil && info.Size() > maxFile {
			return nil, badInput(name, 0, tooLarge, maxFile>>20)
		}
	}
	if start, _ := in.in.Peek(2); bytes.Equal(start, []byte{0xFF, 0xFE}) || bytes.Equal(start, []byte{0xFE, 0xFF}) {
		wide := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(in.in)
		in.in = bufio.NewReaderSize(wide, 64<<10)
	} else if start, _ := in.in.Peek(3); string(start) == "\uFEFF" {
		in.in.Discard(3)
	}
	first, err := in.firstCharacter()
	if err != nil {
		return nil, err
	}
	b := &builder{action: action}
	switch first {
	case "":
		err = badInput(name, 0, "the file is empty; its first line must be a heading such as email,LicenseType")
	case "{":
		err = readJSONL(in, b)
	case "[":
		err = badInput(name, 1, "a JSON list: write one object a line instead (jq -c '.[]')")
	default:
		err = readCSV(in, b)
	}
	if err != nil {
		return nil, err
	}
	return b.wishes, nil
}

// source checks the text of a file on its way: its size, its lines, its encoding.
type source struct {
	name string
	in   *bufio.Reader
	line int // under way, from 1
	size int
	rest []byte // of the line under way
}

// firstCharacter looks for the first character that is not blank. There is none in an empty file.
func (s *source) firstCharacter() (string, error) {
	start, err := s.in.Peek(4 << 10)
	if err != nil && err != io.EOF {
		return "", s.failed(err)
	}
	start = bytes.TrimLeft(start, " \t\r\n")
	return string(start[:min(1, len(start))]), nil
}

// failed is the error for a file that cannot be read to its end.
func (s *source) failed(err error) error { return badInput(s.name, s.line, "reading it: %v", err) }

// next returns the next line with its end, io.EOF after the last one. It holds until the next call.
func (s *source) next() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull && len(long) <= maxLine {
			line, err = s.in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case len(line) > maxLine:
		return nil, badInput(s.name, s.line, "the line has more than %d bytes; is this a file of rows?", maxLine)
	case err == io.EOF && len(line) > 0:
	case err == io.EOF:
		return nil, io.EOF
	case err != nil:
		return nil, s.failed(err)
	}
	if s.size += len(line); s.size > maxFile {
		return nil, badInput(s.name, s.line, tooLarge, maxFile>>20)
	}
	if !utf8.Valid(line) {
		return nil, badInput(s.name, s.line, "the text is not UTF-8 (at %q); save the file as \"CSV UTF-8\"", excerpt(line))
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, badInput(s.name, s.line, "the line holds a zero byte; is this a file of rows? If so, save it as \"CSV UTF-8\"")
	}
	s.line++
	return line, nil
}

// excerpt returns the place of the first byte that is not UTF-8.
func excerpt(line []byte) []byte {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && n == 1 {
			return line[max(0, i-10):min(len(line), i+5)]
		}
		i += n
	}
	return nil
}

// Read gives the lines to the CSV reader.
func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		line, err := s.next()
		if err != nil {
			return 0, err
		}
		s.rest = line
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func readCSV(in *source, b *builder) error {
	heading, err := in.in.Peek(4 << 10)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return in.failed(err)
	}
	r := csv.NewReader(in)
	r.Comma = separator(bytes.TrimLeft(heading, "\r\n"))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	var columns []int
	var names int
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			return badInput(in.name, bad.StartLine, "%s", quoting(bad))
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		if columns == nil {
			if columns, err = headings(in.name, line, cells, b.action); err != nil {
				return err
			}
			names = len(columns)
			continue
		}
		blank := true
		for i, cell := range cells {
			cell = strings.TrimSpace(cell)
			if blank = blank && cell == ""; i >= names && cell != "" {
				return badInput(in.name, line, "there is a cell %.40q without a heading; the heading has %d columns", cell, names)
			}
		}
		if blank {
			continue
		}
		b.start(line)
		for i, cell := range cells[:min(names, len(cells))] {
			b.cell(columns[i], strings.TrimSpace(unguard(cell)))
		}
		b.finish()
	}
}

// quoting says in plain words what is wrong with quotation marks.
func quoting(e *csv.ParseError) string {
	if e.Line != e.StartLine || errors.Is(e.Err, csv.ErrQuote) {
		return "a quoted cell begins here and does not end well: a quotation mark inside one is written twice"
	}
	return "a quotation mark stands inside a cell that does not begin with one"
}

// separator returns the most frequent of the three in the heading.
func separator(heading []byte) rune {
	heading, _, _ = bytes.Cut(heading, []byte("\n"))
	best, count := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(heading, []byte(string(c))); n > count {
			best, count = c, n
		}
	}
	return best
}

// headings reads the first line. At least one column must name users, and none may come twice.
func headings(file string, line int, cells []string, action Action) ([]int, error) {
	columns := make([]int, len(cells))
	named := false
	for i, cell := range cells {
		if strings.Contains(cell, "\r") { // all rows would be part of the heading
			return nil, badInput(file, line, "lines end in a carriage return alone; save the file as \"CSV UTF-8\"")
		}
		c := columnOf(unguard(cell))
		if c >= 0 && c < int(fieldCount) && action != Update {
			c = -1
		}
		for j, other := range columns[:i] {
			if c >= 0 && other == c {
				return nil, badInput(file, line, "columns %d and %d, %.40q and %.40q, mean the same", j+1, i+1, cells[j], cell)
			}
		}
		columns[i] = c
		named = named || c == columnEmail || c == columnUser || c == columnID && action != Invite
	}
	if !named {
		return nil, badInput(file, line, "no column names a user; the first line must be a heading with a column email or UserId, such as email,LicenseType")
	}
	return columns, nil
}

func readJSONL(in *source, b *builder) error {
	for {
		at := in.line
		text, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		v, err := document.Parse(string(text))
		if err != nil {
			return badInput(in.name, at, "not one JSON object a line: %v", err)
		}
		o, ok := v.(*document.Object)
		if !ok {
			return badInput(in.name, at, "not a JSON object: %.40q", text)
		}
		if v, _ := o.Get(kindKey); v != nil {
			return badInput(in.name, at, "this is a %s, not a file of rows", plain(v))
		}
		b.start(at)
		b.object(o)
		b.finish()
	}
}

// object takes the members of a row as cells, those of an object inside it too: the metadata of
// Alexa come nested from a listing.
func (b *builder) object(o *document.Object) {
	for _, m := range o.Members() {
		if inner, ok := m.Value.(*document.Object); ok {
			b.object(inner)
			continue
		}
		if c := columnOf(m.Key); c < int(fieldCount) && b.action != Update {
			b.identity(c, plain(m.Value))
		} else {
			b.cell(c, plain(m.Value))
		}
	}
}

// plain is a value as it would stand in a cell.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	}
	return string(document.AppendCompact(nil, v))
}

// builder makes wishes of cells.
type builder struct {
	sharing
	texts
	action Action
	wishes []Wish
	wish   Wish
}

func (b *builder) start(line int) { b.wish = Wish{Line: line} }

// cell takes one cell. An empty one leaves things as they are.
func (b *builder) cell(column int, text string) {
	if text == "" || column < 0 {
		return
	}
	if column >= int(fieldCount) {
		b.identity(column, text)
		return
	}
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
	case b.action == Invite && !isEmail(w.Email):
		w.Problem = fmt.Sprintf("%.100q is no e-mail address", w.Email)
	}
	w.To = b.share(w.To)
	b.wishes = append(b.wishes, *w)
}

// isEmail accepts what the contract's pattern of an address does: something without blanks on both
// sides of an @, and a dot in the domain.
func isEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && strings.Contains(strings.Trim(domain, "."), ".") &&
		!strings.ContainsAny(domain, "@") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7F })
}
