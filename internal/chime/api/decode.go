package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads one request into an input. A member that breaks the contract does not stop it: it
// collects the problems, so that a caller learns of all of them at once. Text that is not JSON
// stops it.
type decoder struct {
	json     *jsontext.Decoder
	source   bytes.Reader
	syntax   error // what makes the body no JSON text; wins over problems
	problems []string
	hidden   int // problems beyond maxProblems
}

const (
	maxDepth    = 100 // levels of nesting in a body
	maxProblems = 20  // named in one message
)

var decoders = sync.Pool{New: func() any {
	d := new(decoder)
	d.json = jsontext.NewDecoder(&d.source)
	return d
}}

func newDecoder() *decoder { return decoders.Get().(*decoder) }

// close returns what was wrong with the request. The decoder must not be used afterwards.
func (d *decoder) close() error {
	syntax, problems, more := d.syntax, d.problems, d.hidden
	d.syntax, d.problems, d.hidden = nil, nil, 0
	d.source.Reset(nil)
	decoders.Put(d)
	if syntax != nil {
		return BadRequest("The body is not valid JSON: %v", syntax)
	}
	if len(problems) == 0 {
		return nil
	}
	if more > 0 {
		problems = append(problems, fmt.Sprintf("and %d more problems", more))
	}
	return BadRequest("%s", strings.Join(problems, "; "))
}

// begin starts to read a JSON body.
func (d *decoder) begin(body []byte) {
	if len(bytes.Trim(body, " \t\r\n")) == 0 {
		body = []byte("{}")
	}
	switch deepest, nul := survey(body); {
	case deepest > maxDepth:
		d.syntax = fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	case nul >= 0:
		d.syntax = fmt.Errorf("a string holds a NUL character, at byte %d", nul)
	}
	d.source.Reset(body)
	d.json.Reset(&d.source)
}

// end refuses text after the one value of the body.
func (d *decoder) end() {
	if d.syntax != nil {
		return
	}
	if _, err := d.json.ReadToken(); err == nil {
		d.syntax = fmt.Errorf("more text follows the value, at byte %d", d.json.InputOffset())
	} else if err != io.EOF {
		d.fail(err)
	}
}

// survey returns how deeply brackets nest in a JSON text, and the offset of the first escaped NUL
// in a string, which the JSON reader would accept; -1 if there is none.
func survey(text []byte) (deepest, nul int) {
	depth, inString := 0, false
	nul = -1
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			if nul < 0 && bytes.HasPrefix(text[i+1:], []byte("u0000")) {
				nul = i
			}
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest, nul
}

func (d *decoder) fail(err error) {
	if d.syntax == nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
			err = fmt.Errorf("it ends too early")
		}
		d.syntax = fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
}

func (d *decoder) problem(path, text string) {
	if !d.full() {
		d.problems = append(d.problems, path+" "+text)
	}
}

// full reports whether there is no room for another problem, and counts it then. It is called
// before the path is made, since a body can have a hundred thousand problems.
func (d *decoder) full() bool {
	if len(d.problems) < maxProblems {
		return false
	}
	d.hidden++
	return true
}

// wrong adds a problem of the value that was read last.
func (d *decoder) wrong(text string) {
	if d.syntax == nil && !d.full() {
		d.problem(d.here(), text)
	}
}

// here returns the path of the value that was read last, such as UpdateUserRequestItems[0].UserId.
func (d *decoder) here() string {
	var b strings.Builder
	level := 0
	for segment := range d.json.StackPointer().Tokens() {
		level++
		if kind, _ := d.json.StackIndex(level); kind == '[' {
			fmt.Fprintf(&b, "[%s]", segment)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(segment)
	}
	if b.Len() == 0 {
		return "The body"
	}
	return b.String()
}

// object enters a JSON object, or skips a value of another kind.
func (d *decoder) object() bool { return d.enter('{', "must be a structure (a JSON object)") }

// array enters a JSON array, or skips a value of another kind.
func (d *decoder) array() bool { return d.enter('[', "must be a list (a JSON array)") }

func (d *decoder) enter(kind jsontext.Kind, otherwise string) bool {
	if d.syntax != nil {
		return false
	}
	if d.json.PeekKind() != kind {
		d.skip()
		d.wrong(otherwise)
		return false
	}
	d.read()
	return d.syntax == nil
}

// more reports whether the object or array that was entered last has another member.
func (d *decoder) more() bool {
	if d.syntax != nil {
		return false
	}
	switch d.json.PeekKind() {
	case '}', ']':
		return false
	case 0:
		d.read() // for its error
		return false
	}
	return true
}

// pop leaves the object or array.
func (d *decoder) pop() {
	if d.syntax == nil {
		d.read()
	}
}

func (d *decoder) read() jsontext.Token {
	t, err := d.json.ReadToken()
	if err != nil {
		d.fail(err)
	}
	return t
}

// key reads the name of a member. The bytes are valid until the next read.
func (d *decoder) key() []byte { return d.unquoted() }

// unquoted reads a string, which must come next. A string without escapes is returned as it stands
// in the text, which saves an allocation for each name.
func (d *decoder) unquoted() []byte {
	quoted, err := d.json.ReadValue()
	if err != nil {
		d.fail(err)
		return nil
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, quoted) // its syntax was checked when it was read
	return text
}

func (d *decoder) skip() {
	if d.syntax != nil {
		return
	}
	if err := d.json.SkipValue(); err != nil {
		d.fail(err)
	}
}

// absent reads a null, if there is one: it counts as a member that was not sent.
func (d *decoder) absent() bool {
	if d.syntax != nil || d.json.PeekKind() != 'n' {
		return d.syntax != nil
	}
	d.read()
	return true
}

func (d *decoder) text(check func(string) string) string {
	if d.syntax != nil {
		return ""
	}
	if d.json.PeekKind() != '"' {
		d.skip()
		d.wrong("must be a string")
		return ""
	}
	s := string(d.unquoted())
	if d.syntax != nil {
		return ""
	}
	if problem := check(s); problem != "" {
		d.wrong(problem)
	}
	return s
}

func (d *decoder) boolean() bool {
	if d.syntax != nil {
		return false
	}
	if k := d.json.PeekKind(); k != 't' && k != 'f' {
		d.skip()
		d.wrong("must be true or false")
		return false
	}
	t := d.read()
	return d.syntax == nil && t.Bool()
}

func (d *decoder) integer(check func(int) string) int {
	if d.syntax != nil {
		return 0
	}
	const want = "must be a whole number"
	if d.json.PeekKind() != '0' {
		d.skip()
		d.wrong(want)
		return 0
	}
	t := d.read()
	if d.syntax != nil {
		return 0
	}
	n, err := strconv.Atoi(t.String())
	if err != nil {
		d.wrong(want)
	} else if problem := check(n); problem != "" {
		d.wrong(problem)
	}
	return n
}

// count checks the length of the list that was read last.
func (d *decoder) count(n, lowest, highest int) {
	switch {
	case n < lowest:
		d.wrong(fmt.Sprintf("must have at least %d items, it has %d", lowest, n))
	case highest >= 0 && n > highest:
		d.wrong(fmt.Sprintf("must have at most %d items, it has %d", highest, n))
	}
}

// missing adds the problem that the object that was read last lacks a required member.
func (d *decoder) missing(name string) {
	if d.syntax != nil || d.full() {
		return
	}
	if path := d.here(); path != "The body" {
		name = path + "." + name
	}
	d.problem(name, "is required")
}

func (d *decoder) missingURL(name string) { d.problem(name, "is required") }

// urlText checks a text of the URL. Percent-encoding can spell any bytes; those that a JSON body
// could not have are refused here too.
func (d *decoder) urlText(name, s string, check func(string) string) string {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		d.problem(name, "must be UTF-8 text without NUL characters")
	} else if problem := check(s); problem != "" {
		d.problem(name, problem)
	}
	return s
}

// labelText checks a label of the path. No label may be blank, even where the contract does not say
// so.
func (d *decoder) labelText(name, s string, check func(string) string) string {
	return d.urlText(name, s, func(s string) string {
		if problem := checkNotBlank(s); problem != "" {
			return problem
		}
		return check(s)
	})
}

func (d *decoder) urlInt(name, s string, check func(int) string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		d.problem(name, "must be a whole number")
	} else if problem := check(n); problem != "" {
		d.problem(name, problem)
	}
	return n
}

// The checks return what is wrong with a value, or "". A bound below zero does not exist.

func checkNotBlank(s string) string {
	// The whole text must match .*\S.* in which the dot stops at the end of a line.
	if strings.IndexByte(s, '\n') < 0 && strings.Trim(s, " \t\f\r") != "" {
		return ""
	}
	return "must not be blank, nor hold a line break"
}

func checkLength(s string, lowest, highest int) string {
	n := utf8.RuneCountInString(s)
	switch {
	case n < lowest:
		return fmt.Sprintf("must have at least %d characters, it has %d", lowest, n)
	case highest >= 0 && n > highest:
		return fmt.Sprintf("must have at most %d characters, it has %d", highest, n)
	}
	return ""
}

func checkRange(n, lowest, highest int) string {
	if n < lowest || highest >= 0 && n > highest {
		return fmt.Sprintf("must be between %d and %d", lowest, highest)
	}
	return ""
}

func checkPattern(s string, compiled func() *regexp.Regexp, pattern string) string {
	if compiled().MatchString(s) {
		return ""
	}
	return "must match the pattern " + pattern
}

// pattern compiles a pattern of the contract when it is first used. It must match the whole value.
func pattern(p string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + p + `)\z`) })
}

func notOneOf(s, values string) string {
	return fmt.Sprintf("is %.60q, not one of %s", s, values)
}
