package document

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/python"
)

// SyntaxError says why and where a text is not JSON, in the words of Python's json module,
// which scripts of AWS CLI version 1 have in their logs.
type SyntaxError struct {
	Reason string
	Line   int // from 1
	Column int // from 1, in characters
	Offset int // from 0, in characters
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s: line %d column %d (char %d)", e.Reason, e.Line, e.Column, e.Offset)
}

// maxDepth bounds nesting, so that a hostile text cannot exhaust the stack. Python's own
// limit is of this order.
const maxDepth = 990

// Parse reads one JSON text as Python's json.loads does: NaN, Infinity and -Infinity are
// numbers, lone surrogate escapes are kept, and of a repeated key the last value counts.
// The error is a [*SyntaxError], but for an integer with more digits than [python.ParseInt] takes.
func Parse(text string) (any, error) {
	p := &parser{text: text}
	if strings.HasPrefix(text, "\uFEFF") {
		return nil, p.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
	}
	p.blanks()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.at < len(p.text) {
		return nil, p.fail("Extra data", p.at)
	}
	return v, nil
}

type parser struct {
	text string
	at   int // in bytes

	// What the objects and lists under way hold so far, the innermost last. They are made when
	// their sizes are known.
	members  []Member
	elements []any
}

func (p *parser) fail(reason string, at int) *SyntaxError {
	before := p.text[:at]
	line := 1 + strings.Count(before, "\n")
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return &SyntaxError{reason, line, 1 + python.Len(last), python.Len(before)}
}

func (p *parser) blanks() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the byte at the reading position, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, p.fail("Nesting is too deep", p.at)
	}
	rest := p.text[p.at:]
	switch c := p.peek(); {
	case c == '"':
		return p.string()
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		if strings.HasPrefix(rest, "-Infinity") {
			p.at += len("-Infinity")
			return Float(math.Inf(-1)), nil
		}
		if n := numberLen(rest); n > 0 {
			p.at += n
			return numberOf(rest[:n])
		}
	default:
		for _, w := range words {
			if strings.HasPrefix(rest, w.text) {
				p.at += len(w.text)
				return w.value, nil
			}
		}
	}
	return nil, p.fail("Expecting value", p.at)
}

var words = [...]struct {
	text  string
	value any
}{{"null", nil}, {"true", true}, {"false", false}, {"NaN", Number("nan")}, {"Infinity", Number("inf")}}

// numberLen returns the length of the longest JSON number at the start of s, 0 for none.
func numberLen(s string) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digits(i)
	if whole == i {
		return 0
	}
	if s[i] == '0' {
		whole = i + 1
	}
	end := whole
	if end < len(s) && s[end] == '.' {
		if e := digits(end + 1); e > end+1 {
			end = e
		}
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		i := end + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if e := digits(i); e > i {
			end = e
		}
	}
	return end
}

// numberOf gives a JSON number Python's spelling.
func numberOf(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := python.ParseFloat(s)
		return Float(f), err
	}
	n, err := python.ParseInt(s)
	return Number(n), err
}

func (p *parser) object(depth int) (any, error) {
	p.at++
	p.blanks()
	if p.peek() == '}' {
		p.at++
		return new(Object), nil
	}
	base := len(p.members)
	for {
		if p.peek() != '"' {
			return nil, p.fail("Expecting property name enclosed in double quotes", p.at)
		}
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if p.peek() != ':' {
			return nil, p.fail("Expecting ':' delimiter", p.at)
		}
		p.at++
		p.blanks()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.members = append(p.members, Member{key, v})
		p.blanks()
		switch p.peek() {
		case '}':
			p.at++
			o := NewObject(p.members[base:]...)
			p.members = p.members[:base]
			return o, nil
		case ',':
			p.at++
			p.blanks()
		default:
			return nil, p.fail("Expecting ',' delimiter", p.at)
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	p.at++
	p.blanks()
	if p.peek() == ']' {
		p.at++
		return []any{}, nil
	}
	base := len(p.elements)
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.elements = append(p.elements, v)
		p.blanks()
		switch p.peek() {
		case ']':
			p.at++
			list := slices.Clone(p.elements[base:])
			p.elements = p.elements[:base]
			return list, nil
		case ',':
			p.at++
			p.blanks()
		default:
			return nil, p.fail("Expecting ',' delimiter", p.at)
		}
	}
}

// string reads a string that begins at the reading position.
func (p *parser) string() (string, error) {
	start := p.at
	i := start + 1
	for i < len(p.text) && p.text[i] != '"' && p.text[i] != '\\' && p.text[i] >= ' ' {
		i++
	}
	if i < len(p.text) && p.text[i] == '"' { // no escapes: the common case
		p.at = i + 1
		return p.text[start+1 : i], nil
	}
	var buf bytes.Buffer
	buf.WriteString(p.text[start+1 : i])
	for i < len(p.text) {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return buf.String(), nil
		case c < ' ':
			return "", p.fail("Invalid control character at", i)
		case c != '\\':
			buf.WriteByte(c)
			i++
		default:
			n, err := p.escape(&buf, start, i)
			if err != nil {
				return "", err
			}
			i += n
		}
	}
	return "", p.fail("Unterminated string starting at", start)
}

// escape decodes the escape sequence at i into buf and returns its length.
func (p *parser) escape(buf *bytes.Buffer, start, i int) (int, error) {
	if i+1 >= len(p.text) {
		return 0, p.fail("Unterminated string starting at", start)
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := p.text[i+1]
	if k := strings.IndexByte(from, c); k >= 0 {
		buf.WriteByte(to[k])
		return 2, nil
	}
	if c != 'u' {
		return 0, p.fail("Invalid \\escape", i)
	}
	r, ok := hex4(p.text, i+2)
	if !ok {
		return 0, p.fail("Invalid \\uXXXX escape", i+1)
	}
	if r < 0xD800 || r > 0xDFFF {
		buf.WriteRune(r)
		return 6, nil
	}
	if r < 0xDC00 && strings.HasPrefix(p.text[i+6:], `\u`) {
		if low, ok := hex4(p.text, i+8); ok && low >= 0xDC00 && low <= 0xDFFF {
			buf.WriteRune(0x10000 + (r-0xD800)<<10 + (low - 0xDC00))
			return 12, nil
		}
	}
	buf.Write(python.AppendRune(nil, r))
	return 6, nil
}

// hex4 reads the four digits of an escape at i. As in Python something has to follow them, if only
// the end of the string.
func hex4(s string, i int) (rune, bool) {
	if i+4 >= len(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[i:i+4], 16, 16)
	return rune(n), err == nil
}
