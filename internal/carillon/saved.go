package carillon

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

// saved is what was read from saved output of the API, for `carillon import`.
//
// A JSON file holds any number of texts, as a loop over pages leaves them: what list-accounts,
// list-users, get-account or get-user print, bare accounts and users, and lists of any of these.
// A CSV file has the columns userId and email. Both are UTF-8, or what Windows makes of it:
// with a byte order mark, or in UTF-16 with one.
type saved struct {
	accounts []directory.AccountRow
	users    []directory.UserRow
	problems []string // rows and files that cannot be read, "FILE:LINE: what is wrong"
	notes    notes

	csvAt string // where a CSV file was found, which names no account
}

// maxRow bounds the text of one row, so that a file of something else is not read into memory.
const maxRow = 1 << 20

const notUTF8 = "the text is not UTF-8, from here on it is not read: save it as UTF-8, or as UTF-16 with a byte order mark"

var errLongRow = fmt.Errorf("a row has more than %d bytes", maxRow)

// notes are remarks that many rows have in common.
type notes struct {
	texts []string // in order of appearance
	about map[string]*remark
}

type remark struct {
	place string // the first one
	count int
}

func (n *notes) add(place, text string) {
	if n.about == nil {
		n.about = make(map[string]*remark)
	}
	if n.about[text] == nil {
		n.about[text] = &remark{place: place}
		n.texts = append(n.texts, text)
	}
	n.about[text].count++
}

// lines is the text of a file on its way into a decoder, which reads ahead. It remembers where
// lines end until they are passed.
type lines struct {
	r     io.Reader
	read  int64   // bytes handed out
	most  int64   // bytes that may be handed out; see allow
	ends  []int64 // offsets of line ends behind the last position asked for
	where int     // the line of that position, from 1
}

func (l *lines) Read(p []byte) (int, error) {
	if l.read >= l.most {
		return 0, errLongRow
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.most-l.read)])
	for i, b := range p[:n] {
		if b == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at returns the line of an offset that is not before the one asked for last.
func (l *lines) at(offset int64) int {
	passed := 0
	for passed < len(l.ends) && l.ends[passed] < offset {
		passed++
	}
	l.ends = append(l.ends[:0], l.ends[passed:]...)
	l.where += passed
	return l.where
}

// allow lets a row be read that begins at an offset.
func (l *lines) allow(offset int64) { l.most = offset + maxRow }

// read adds what a file holds. An error is one of reading the file; what is wrong in it is among
// the problems, and what comes before that is kept.
func (s *saved) read(name string, file io.Reader) error {
	text := bufio.NewReader(transform.NewReader(file, unicode.BOMOverride(transform.Nop)))
	f := &savedFile{saved: s, name: name, lines: lines{r: text, where: 1}}
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

// savedFile is one file while it is read.
type savedFile struct {
	*saved
	name  string
	lines lines
	dec   *jsontext.Decoder
}

func (f *savedFile) place(line int) string { return fmt.Sprintf("%s:%d", f.name, line) }

func (f *savedFile) problem(line int, format string, args ...any) {
	f.problems = append(f.problems, f.place(line)+": "+fmt.Sprintf(format, args...))
}

// kind is what a JSON value is by the name it goes by.
type kind int

const (
	unnamed    kind = iota // at the top, or in a list there
	oneUser                // "User"
	listedUser             // in "Users"
	anAccount              // "Account", or in "Accounts"
)

func (f *savedFile) json() error {
	f.dec = jsontext.NewDecoder(&f.lines)
	for {
		f.lines.allow(f.dec.InputOffset())
		err := f.value(unnamed)
		var syntax *jsontext.SyntacticError
		switch {
		case err == nil:
			continue
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			f.problem(f.lines.at(f.lines.read), "the text breaks off; the rows before are whole")
		case errors.Is(err, errLongRow):
			f.problem(f.lines.at(f.dec.InputOffset()), "%v", errLongRow)
		case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "invalid UTF-8"): // the package exports no such error
			f.problem(f.lines.at(syntax.ByteOffset), notUTF8)
		case errors.As(err, &syntax):
			f.problem(f.lines.at(syntax.ByteOffset), "this is not JSON, the rest of the file is not read: %v", syntax.Err)
		default:
			return err
		}
		return nil
	}
}

// value reads the next value and keeps the rows in it.
func (f *savedFile) value(k kind) error {
	switch f.dec.PeekKind() {
	case '{':
		return f.object(k)
	case '[':
		if _, err := f.dec.ReadToken(); err != nil {
			return err
		}
		for f.dec.PeekKind() != ']' {
			if err := f.value(k); err != nil {
				return ended(err)
			}
		}
		_, err := f.dec.ReadToken()
		return err
	}
	v, err := f.dec.ReadValue()
	if err == nil {
		f.problem(f.lines.at(f.dec.InputOffset()-int64(len(v))), "%.40s stands where an account or a user was expected", v)
	}
	return err
}

// ended is the error of a text that ends inside a value.
func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// object reads an object: a row, or what holds rows.
func (f *savedFile) object(k kind) error {
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	start := f.dec.InputOffset() - 1
	f.lines.allow(start)
	line := f.lines.at(start)
	row, page, deep := new(document.Object), false, ""
	for f.dec.PeekKind() != '}' {
		key, err := f.dec.ReadToken()
		if err != nil {
			return ended(err)
		}
		name := key.String()
		inside := unnamed
		if k == unnamed {
			switch name {
			case "Users":
				inside = listedUser
			case "User":
				inside = oneUser
			case "Accounts", "Account":
				inside = anAccount
			}
		}
		if inside != unnamed {
			page = true
			if err := f.value(inside); err != nil {
				return ended(err)
			}
			f.lines.allow(f.dec.InputOffset())
			continue
		}
		text, err := f.dec.ReadValue()
		if err != nil {
			return ended(err)
		}
		v, err := document.Parse(string(text))
		if err != nil { // it is JSON, so that is all it can be
			deep = name
		}
		row.Set(name, v)
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	_, hasUser := row.Get("UserId")
	_, hasAccount := row.Get("AwsAccountId")
	switch {
	case deep != "":
		f.problem(line, "%.64q is nested too deep", deep)
	case k == oneUser || k == listedUser || k == unnamed && hasUser:
		f.user(line, row, k)
	case k == anAccount || hasAccount:
		f.account(line, row)
	case !page:
		f.problem(line, "this is no account and no user; give what list-accounts, list-users or get-user printed")
	default:
		for _, m := range row.Members() {
			if m.Key != "NextToken" { // of a page that was followed by another
				f.dropped(f.place(line), m.Key)
			}
		}
	}
	return nil
}

// dropped notes a member that has no place in the directory.
func (f *savedFile) dropped(place, name string) {
	f.notes.add(place, fmt.Sprintf("member %.64q is not known: left out", name))
}

func (f *savedFile) user(line int, row *document.Object, k kind) {
	m := f.members(line)
	var u api.User
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "UserId":
			u.UserId = orBlank(m.text(name, v))
		case "AccountId":
			u.AccountId = m.text(name, v)
		case "PrimaryEmail":
			u.PrimaryEmail = m.text(name, v)
		case "PrimaryProvisionedNumber":
			u.PrimaryProvisionedNumber = m.text(name, v)
		case "DisplayName":
			u.DisplayName = m.text(name, v)
		case "LicenseType":
			u.LicenseType = api.License(orBlank(m.text(name, v)))
		case "UserType":
			u.UserType = api.UserType(orBlank(m.text(name, v)))
		case "UserRegistrationStatus":
			u.UserRegistrationStatus = api.RegistrationStatus(orBlank(m.text(name, v)))
		case "UserInvitationStatus":
			u.UserInvitationStatus = api.InviteStatus(orBlank(m.text(name, v)))
		case "RegisteredOn":
			u.RegisteredOn = m.time(name, v)
		case "InvitedOn":
			u.InvitedOn = m.time(name, v)
		case "AlexaForBusinessMetadata":
			u.AlexaForBusinessMetadata = m.alexa(name, v)
		case "PersonalPIN":
			u.PersonalPIN = m.text(name, v)
			if k == listedUser && u.PersonalPIN != nil {
				m.note("PersonalPIN is kept, but lists do not show it")
			}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.users = append(f.users, directory.UserRow{Place: m.place, User: u})
	}
}

func (f *savedFile) account(line int, row *document.Object) {
	m := f.members(line)
	var a api.Account
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "AwsAccountId":
			a.AwsAccountId = orBlank(m.text(name, v))
		case "AccountId":
			a.AccountId = orBlank(m.text(name, v))
		case "Name":
			a.Name = orBlank(m.text(name, v))
		case "AccountType":
			a.AccountType = api.AccountType(orBlank(m.text(name, v)))
		case "CreatedTimestamp":
			a.CreatedTimestamp = m.time(name, v)
		case "DefaultLicense":
			a.DefaultLicense = api.License(orBlank(m.text(name, v)))
		case "SupportedLicenses":
			list := m.list(name, v)
			if list != nil { // empty is not missing
				a.SupportedLicenses = []api.License{}
			}
			for _, v := range list {
				a.SupportedLicenses = append(a.SupportedLicenses, api.License(orBlank(m.text(name, v))))
			}
		case "AccountStatus":
			a.AccountStatus = api.AccountStatus(orBlank(m.text(name, v)))
		case "SigninDelegateGroups":
			list := m.list(name, v)
			if list != nil {
				a.SigninDelegateGroups = []api.SigninDelegateGroup{}
			}
			for _, v := range list {
				for _, group := range m.object(name, v) {
					if group.Key == "GroupName" {
						a.SigninDelegateGroups = append(a.SigninDelegateGroups, api.SigninDelegateGroup{GroupName: m.text(group.Key, group.Value)})
					} else {
						m.unknown = append(m.unknown, group.Key)
					}
				}
			}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.accounts = append(f.accounts, directory.AccountRow{Place: m.place, Account: a})
	}
}

func orBlank(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// members reads the members of a row. What is null counts as absent.
type members struct {
	file    *savedFile
	line    int
	place   string
	problem string // the first one
	remarks []string
	unknown []string
}

func (f *savedFile) members(line int) *members {
	return &members{file: f, line: line, place: f.place(line)}
}

// sound reports whether the row can be kept, and what was noted about it.
func (m *members) sound() bool {
	if m.problem != "" {
		m.file.problem(m.line, "%s", m.problem)
		return false
	}
	for _, text := range m.remarks {
		m.file.notes.add(m.place, text)
	}
	for _, name := range m.unknown {
		m.file.dropped(m.place, name)
	}
	return true
}

func (m *members) note(text string) { m.remarks = append(m.remarks, text) }

func (m *members) wrong(name, problem string) {
	if m.problem == "" {
		m.problem = name + " " + problem
	}
}

// absent takes a null.
func (m *members) absent(name string, v any) bool {
	if v != nil {
		return false
	}
	m.note(name + " is null: left out")
	return true
}

func (m *members) text(name string, v any) *string {
	s, ok := v.(string)
	switch {
	case ok && !strings.Contains(s, "\x00"):
		return &s
	case ok:
		m.wrong(name, "holds a NUL character")
	case !m.absent(name, v):
		m.wrong(name, "must be a string")
	}
	return nil
}

func (m *members) list(name string, v any) []any {
	list, ok := v.([]any)
	if !ok && !m.absent(name, v) {
		m.wrong(name, "must be a list")
	}
	return list
}

func (m *members) object(name string, v any) []document.Member {
	o, ok := v.(*document.Object)
	if ok {
		return o.Members()
	}
	if !m.absent(name, v) {
		m.wrong(name, "must be an object")
	}
	return nil
}

func (m *members) alexa(name string, v any) *api.AlexaForBusinessMetadata {
	alexa := new(api.AlexaForBusinessMetadata)
	for _, member := range m.object(name, v) {
		switch member.Key {
		case "IsAlexaForBusinessEnabled":
			enabled, ok := member.Value.(bool)
			if ok {
				alexa.IsAlexaForBusinessEnabled = &enabled
			} else if !m.absent(member.Key, member.Value) {
				m.wrong(member.Key, "must be true or false")
			}
		case "AlexaForBusinessRoomArn":
			alexa.AlexaForBusinessRoomArn = m.text(member.Key, member.Value)
		default:
			m.unknown = append(m.unknown, member.Key)
		}
	}
	return alexa
}

// timeForm is how the API lists a time.
const timeForm = "2006-01-02T15:04:05.000Z"

// time reads a time in the forms that the AWS CLI and SDKs have printed: as the API sent it,
// with an offset, with a blank in the middle, without a zone (which was UTC), as seconds since
// 1970.
func (m *members) time(name string, v any) time.Time {
	var t time.Time
	var text string
	switch v := v.(type) {
	case string:
		text = v
		iso := strings.Replace(v, " ", "T", 1)
		for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05"} {
			var err error
			if t, err = time.Parse(form, iso); err == nil {
				break
			}
		}
	case document.Number:
		if seconds := v.Float64(); seconds > 0 && seconds < 253402300800 { // the year 10000
			t = time.UnixMilli(int64(math.Round(seconds * 1000)))
		}
	default:
		if !m.absent(name, v) {
			m.wrong(name, "must be a time")
		}
		return t
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.UnixMilli() <= 0 || t.Year() > 9999 {
		m.wrong(name, fmt.Sprintf("is %.40v, which is no time such as 2019-01-04T17:11:22.003Z", v))
		return time.Time{}
	}
	if text != t.Format(timeForm) {
		m.note(name + " is listed in UTC with milliseconds")
	}
	return t
}

// csv reads users from a table. Without a line of names the columns are userId and email.
func (f *savedFile) csv(start []byte) error {
	if f.csvAt == "" {
		f.csvAt = f.name
	}
	r := csv.NewReader(&f.lines)
	r.Comma, r.Comment, r.FieldsPerRecord = separator(start), '#', -1
	id, email := 0, 1
	above := f.lines.where - 1 // lines that the reader does not see
	for first := true; ; first = false {
		f.lines.allow(r.InputOffset())
		cells, err := r.Read()
		var syntax *csv.ParseError
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &syntax):
			f.problem(above+syntax.StartLine, "%v", syntax.Err)
			continue
		case errors.Is(err, errLongRow):
			f.problem(f.lines.at(r.InputOffset()), "%v", errLongRow)
			return nil
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		line += above
		if !utf8.ValidString(strings.Join(cells, "")) {
			f.problem(line, notUTF8)
			return nil
		}
		cell := func(i int) string {
			if i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		if first {
			names := columns(cells)
			_, hasID := names["userid"]
			_, hasEmail := names["email"]
			if hasID && hasEmail {
				id, email = names["userid"], names["email"]
				for i := range cells {
					if i != id && i != email {
						f.notes.add(f.place(line), fmt.Sprintf("column %.64q is not known: left out", cell(i)))
					}
				}
				continue
			}
			if len(cells) != 2 || !strings.Contains(cell(1), "@") {
				f.problem(line, "this is neither JSON nor a table with the columns userId and email")
				return nil
			}
		}
		f.users = append(f.users, directory.UserRow{Place: f.place(line), User: api.User{UserId: cell(id), PrimaryEmail: new(cell(email))}})
	}
}

// columns finds columns by their names, however these are spelled: userId, User ID, PrimaryEmail.
func columns(cells []string) map[string]int {
	names := make(map[string]int)
	for i, name := range cells {
		name = strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
		name = strings.TrimPrefix(name, "primary")
		if _, ok := names[name]; !ok {
			names[name] = i
		}
	}
	return names
}

// separator is what stands between the cells: the most frequent one of the first line.
func separator(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	best := ','
	for _, r := range ";\t" {
		if bytes.Count(line, []byte(string(r))) > bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}
