// Package shorthand reads the shorthand syntax of AWS CLI version 1, the short way to write
// one structure on a command line:
//
//	UserId=u-1,LicenseType=Basic,AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true}
//
// A pair is KEY=VALUE; a value is a word, a quoted text, a list ([a,b], or a,b at the top
// level) or a hash ({k=v,...}). KEY@=VALUE loads the value from a file where it is a file://
// URL. Words have no types: Convert gives them those of the contract.
//
// What is accepted, and the text of every error, is version 1's: scripts have both.
package shorthand

import (
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// SyntaxError says what was expected and where. Its text shows the input with a caret below
// the place.
type SyntaxError struct {
	Expected, Received string
	Input              string
	At                 int // in characters
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Expected: '%s', received: '%s' for input:\n%s", e.Expected, e.Received, withCaret(e.Input, e.At))
}

// DuplicateKeyError is a key given twice at the top level.
type DuplicateKeyError struct {
	Key   string
	Input string
	At    int // in characters: behind the pair before the second one
}

func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("Second instance of key \"%s\" encountered for input:\n%s\n"+
		"This is often because there is a preceding \",\" instead of a space.", e.Key, withCaret(e.Input, e.At))
}

// withCaret puts a caret under character at of its line; the lines after it come below.
func withCaret(input string, at int) string {
	chars := []rune(input)
	column := 0
	for i := 0; i < at; i++ {
		column++
		if chars[i] == '\n' {
			column = 0
		}
	}
	end := at
	for end < len(chars) && chars[end] != '\n' {
		end++
	}
	return string(chars[:end]) + "\n" + strings.Repeat(" ", column) + "^" + string(chars[end:])
}

// Parse reads one structure. load returns the content of a value behind @=, whatever its type,
// and the value itself where it is not a file's URL.
func Parse(input string, load func(value string) (any, error)) (*document.Object, error) {
	p := &parser{input: input, chars: []rune(input), load: load}
	return p.parameter()
}

// maxDepth bounds nesting, which would otherwise be bounded by the stack.
const maxDepth = 500

type parser struct {
	input string
	chars []rune
	at    int
	depth int
	loads bool // the value being read stands behind @=
	load  func(string) (any, error)
	// loadError is a failure of load; unlike a syntax error it is never a reason to go back.
	loadError error
}

func (p *parser) fail(expected, received string) error {
	return &SyntaxError{expected, received, p.input, p.at}
}

const eof = -1

func (p *parser) current() rune {
	if p.at < len(p.chars) {
		return p.chars[p.at]
	}
	return eof
}

func (p *parser) blanks() {
	for p.at < len(p.chars) && strings.ContainsRune(" \t\n\r\v\f", p.chars[p.at]) {
		p.at++
	}
}

func (p *parser) expect(c rune) error {
	switch got := p.current(); got {
	case c:
		p.at++
		return nil
	case eof:
		return p.fail(string(c), "EOF")
	default:
		return p.fail(string(c), string(got))
	}
}

// expectLoosely expects c with any blanks around it.
func (p *parser) expectLoosely(c rune) error {
	p.blanks()
	if err := p.expect(c); err != nil {
		return err
	}
	p.blanks()
	return nil
}

// parameter reads pairs up to the end of the input.
func (p *parser) parameter() (*document.Object, error) {
	out := document.NewObject()
	behind := 0 // the pair read last
	for {
		key, value, err := p.pair(p.values)
		if err != nil {
			return nil, err
		}
		if _, ok := out.Get(key); ok {
			return nil, &DuplicateKeyError{key, p.input, behind + 1}
		}
		out.Set(key, value)
		behind = p.at
		if p.current() == eof {
			return out, nil
		}
		if err := p.expectLoosely(','); err != nil {
			return nil, err
		}
	}
}

// pair reads KEY=VALUE or KEY@=VALUE, the value by the function given.
func (p *parser) pair(read func() (any, error)) (key string, value any, err error) {
	start := p.at
	for isKey(p.current()) {
		p.at++
	}
	key = string(p.chars[start:p.at])
	p.loads = p.expectLoosely('@') == nil
	if err := p.expectLoosely('='); err != nil {
		return "", nil, err
	}
	value, err = read()
	return key, value, err
}

func isKey(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0 && strings.ContainsRune("-_.#/:", c)
}

// values reads what may stand behind a top-level key: also nothing, or words with commas.
func (p *parser) values() (any, error) {
	switch p.current() {
	case eof:
		return "", nil
	case '[':
		return p.list()
	case '{':
		return p.hash()
	}
	return p.commaList()
}

// commaList reads a value, or values with commas between. "a=b,c=d" and "a=b,c" differ only
// behind the c, so it reads on and goes back to the last comma if that was a key.
func (p *parser) commaList() (any, error) {
	first, err := p.value(firstFollow)
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.current() != ',' {
		return first, nil
	}
	list := []any{first}
	for {
		err := p.expectLoosely(',')
		var next any
		if err == nil {
			if next, err = p.value(secondFollow); err == nil {
				p.blanks()
				if c := p.current(); c != ',' && c != eof {
					err = p.fail(",", string(c))
				}
			}
		}
		if err != nil {
			if p.current() == eof || p.loadError != nil {
				return nil, err
			}
			for p.chars[p.at] != ',' {
				p.at--
			}
			break
		}
		list = append(list, next)
		if p.current() == eof {
			break
		}
	}
	if len(list) == 1 {
		return first, nil
	}
	return list, nil
}

// inner reads a value inside brackets or braces.
func (p *parser) inner() (any, error) {
	switch p.current() {
	case '[':
		return p.list()
	case '{':
		return p.hash()
	}
	return p.value(firstFollow)
}

// list reads [value, value].
func (p *parser) list() (any, error) {
	out := []any{}
	err := p.enclosed('[', ']', func() error {
		v, err := p.inner()
		out = append(out, v)
		return err
	})
	return out, err
}

// hash reads {key=value, key=value}; of a repeated key the last value counts.
func (p *parser) hash() (any, error) {
	out := document.NewObject()
	err := p.enclosed('{', '}', func() error {
		key, v, err := p.pair(p.inner)
		out.Set(key, v)
		return err
	})
	return out, err
}

func (p *parser) enclosed(open, closing rune, element func() error) error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("a flatter structure", string(open))
	}
	defer func() { p.depth-- }()
	if err := p.expectLoosely(open); err != nil {
		return err
	}
	for p.current() != closing {
		if err := element(); err != nil {
			return err
		}
		p.blanks()
		if p.current() != closing {
			if err := p.expect(','); err != nil {
				return err
			}
			p.blanks()
		}
	}
	return p.expect(closing)
}

// follow says which words a value may be: their characters behind the first one.
type follow struct {
	allows func(rune) bool
	// name stands for the value in an error; empty where no word at all is an empty value.
	name string
}

var (
	firstFollow  = follow{func(c rune) bool { return c != ']' && c != '}' }, ""}
	secondFollow = follow{func(c rune) bool { return c != '=' }, "<second>"}
)

// value reads a quoted text or a word and loads it, if it stands behind @=.
func (p *parser) value(f follow) (any, error) {
	text, err := p.text(f)
	if err != nil || !p.loads {
		return text, err
	}
	content, err := p.load(text)
	p.loadError = err
	return content, err
}

func (p *parser) text(f follow) (string, error) {
	switch p.current() {
	case '\'':
		return p.quoted("<singled quoted>")
	case '"':
		return p.quoted("<double quoted>")
	}
	start := p.at
	for {
		switch c := p.current(); {
		case c == '\\' && p.at+1 < len(p.chars) && p.chars[p.at+1] == ',':
			p.at += 2
		case isWord(c) && (p.at > start && f.allows(c) || p.at == start && c > ' ' && !strings.ContainsRune("=[{", c)):
			p.at++
		default:
			if p.at == start && f.name != "" {
				return "", p.fail(f.name, "<none>")
			}
			word := strings.ReplaceAll(string(p.chars[start:p.at]), `\,`, ",")
			return strings.TrimRightFunc(word, document.IsSpace), nil
		}
	}
}

// isWord reports whether c may stand in a word at all. Characters above U+FFFF need quotes.
func isWord(c rune) bool {
	switch {
	case c == eof || c == ',' || c == '"' || c == '\'' || c > 0xFFFF:
		return false
	case c < ' ':
		return c >= '\t' && c <= '\r' || c >= 0x1C
	}
	return true
}

// quoted reads a text in quotes, in which a backslash escapes the quote and itself.
func (p *parser) quoted(name string) (string, error) {
	quote := p.chars[p.at]
	// The text ends at the first quote without a backslash before it, whether that one is
	// escaped or not, or else at the last quote there is.
	end := 0
	for i := p.at + 1; i < len(p.chars); i++ {
		if p.chars[i] == quote {
			end = i
			if p.chars[i-1] != '\\' {
				break
			}
		}
	}
	if end == 0 {
		return "", p.fail(name, "<none>")
	}
	text := string(p.chars[p.at+1 : end])
	p.at = end + 1
	text = strings.ReplaceAll(text, `\`+string(quote), string(quote))
	return strings.ReplaceAll(text, `\\`, `\`), nil
}

// Convert gives the words of a parsed value the types of the contract, in place where it can,
// and returns the value: numbers become integers, true and false (in any case) booleans, a
// single value where a list is wanted a list of one. What does not fit stays as it is, for
// validation to name, except a word that is no integer.
func Convert(v any, shape *model.Shape) (any, error) {
	switch shape.Kind {
	case model.Structure:
		o, ok := v.(*document.Object)
		if !ok {
			return v, nil
		}
		for _, m := range shape.Members {
			element, ok := o.Get(m.Name)
			if !ok {
				continue
			}
			element, err := Convert(element, m.Shape)
			if err != nil {
				return nil, err
			}
			o.Set(m.Name, element)
		}
	case model.List:
		list, ok := v.([]any)
		if !ok {
			return []any{v}, nil
		}
		for i := range list {
			element, err := Convert(list[i], shape.Element)
			if err != nil {
				return nil, err
			}
			list[i] = element
		}
	case model.Boolean:
		if s, ok := v.(string); ok {
			switch strings.ToLower(s) {
			case "true":
				return true, nil
			case "false":
				return false, nil
			}
		}
	case model.Integer:
		if s, ok := v.(string); ok {
			return document.ParseInt(s)
		}
	}
	return v, nil
}
