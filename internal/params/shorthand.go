package params

import (
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// The shorthand syntax of version 1 is the short way to write one structure on a command line:
//
//	UserId=u-1,LicenseType=Basic,AlexaForBusinessMetadata={IsAlexaForBusinessEnabled=true}
//
// A pair is KEY=VALUE. A value is a word, a quoted text, a list ([a,b], or a,b at the top level) or
// a hash ({k=v,...}). KEY@=VALUE loads the value from a file if it is a file:// URL. Words have no
// types: convert gives them those of the contract.
//
// What is accepted, and the text of every error, is version 1's, because scripts have both.

// syntaxError says what is wrong with a text in shorthand, and where.
type syntaxError struct {
	reason string
	input  string
	at     int    // in characters
	advice string // below the input
}

func (e *syntaxError) Error() string {
	return e.reason + " for input:\n" + withCaret(e.input, e.at) + e.advice
}

// withCaret puts a caret under character at of its line. The lines after it come below.
func withCaret(input string, at int) string {
	chars := python.Runes(input)
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
	return python.String(chars[:end]) + "\n" + strings.Repeat(" ", column) + "^" + python.String(chars[end:])
}

// parseShorthand reads one structure. The error is a [*LoadError] or a *syntaxError.
func parseShorthand(input string, files *Loader) (*document.Object, error) {
	p := &parser{input: input, chars: python.Runes(input), files: files}
	return p.parameter()
}

// maxDepth bounds nesting, which would otherwise be bounded by the stack.
const maxDepth = 500

type parser struct {
	input string
	chars []rune
	at    int
	depth int
	files *Loader
	loads bool // the value being read comes after @=
	// loadError is a failure to load a file. Unlike a syntax error it is never a reason to go back.
	loadError error
}

func (p *parser) fail(expected, received string) error {
	return &syntaxError{reason: fmt.Sprintf("Expected: '%s', received: '%s'", expected, received), input: p.input, at: p.at}
}

// failAt is fail where another character than the one expected is.
func (p *parser) failAt(expected string, received rune) error {
	return p.fail(expected, python.String([]rune{received}))
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
		return p.failAt(string(c), got)
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
	end := 0 // of the pair read last
	for {
		key, value, err := p.pair(p.values)
		if err != nil {
			return nil, err
		}
		if _, ok := out.Get(key); ok {
			return nil, &syntaxError{fmt.Sprintf(`Second instance of key "%s" encountered`, key), p.input, end + 1,
				"\nThis is often because there is a preceding \",\" instead of a space."}
		}
		out.Set(key, value)
		end = p.at
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
	key = python.String(p.chars[start:p.at])
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

// values reads what may follow a top-level key: also nothing, or words with commas.
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

// commaList reads a value, or values with commas between. "a=b,c=d" and "a=b,c" differ only after
// the c, so it reads on, and goes back to the last comma if the c was a key.
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
					err = p.failAt(",", c)
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

// follow says which words a value may be.
type follow struct {
	allows func(rune) bool // a character of the word that is not its first
	// name stands for the value in an error. It is empty where no word at all is an empty value.
	name string
}

var (
	firstFollow  = follow{func(c rune) bool { return c != ']' && c != '}' }, ""}
	secondFollow = follow{func(c rune) bool { return c != '=' }, "<second>"}
)

// value reads a quoted text or a word, and loads it if it comes after @=.
func (p *parser) value(f follow) (any, error) {
	text, err := p.text(f)
	if err != nil || !p.loads {
		return text, err
	}
	content, _, err := p.files.LoadLocal(text)
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
			word := strings.ReplaceAll(python.String(p.chars[start:p.at]), `\,`, ",")
			return python.StripRight(word), nil
		}
	}
}

// isWord reports whether c may be in a word at all. Characters above U+FFFF need quotes.
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
	text := python.String(p.chars[p.at+1 : end])
	p.at = end + 1
	text = strings.ReplaceAll(text, `\`+string(quote), string(quote))
	return strings.ReplaceAll(text, `\\`, `\`), nil
}

// convert gives the words of a parsed value the types of the contract, in place where it can,
// and returns the value: numbers become integers, true and false (in any case) booleans, and a
// single value where a list is wanted becomes a list of one. A structure that does not fit stays as
// it is, for validation to name. A word that does not fit is an error of version 1's language.
func convert(v any, shape *model.Shape) (any, error) {
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
			element, err := convert(element, m.Shape)
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
			element, err := convert(list[i], shape.Element)
			if err != nil {
				return nil, err
			}
			list[i] = element
		}
	case model.Boolean:
		switch v := v.(type) {
		case string:
			switch python.Lower(v) {
			case "true":
				return true, nil
			case "false":
				return false, nil
			}
		case []any, *document.Object:
			return nil, fmt.Errorf("'%s' object has no attribute 'lower'", document.Class(v))
		}
	case model.Integer, model.Long:
		return document.ToInt(v)
	case model.Float, model.Double:
		return document.ToFloat(v)
	case model.Map:
		o, ok := v.(*document.Object)
		if !ok {
			return v, nil
		}
		for _, m := range o.Members() {
			element, err := convert(m.Value, shape.Value)
			if err != nil {
				return nil, err
			}
			o.Set(m.Key, element)
		}
	}
	return v, nil
}
