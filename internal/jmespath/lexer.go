package jmespath

import (
	"errors"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

type kind uint8

const (
	eof kind = iota
	unquotedIdentifier
	quotedIdentifier
	literal
	number
	dot
	star
	comma
	colon
	current
	lparen
	rparen
	lbrace
	rbrace
	lbracket
	rbracket
	flatten
	filter
	pipe
	or
	and
	not
	expref
	eq
	ne
	lt
	lte
	gt
	gte
)

// kinds gives each kind of token its name in messages and its binding power, with which it
// pulls the expression on its left into its own.
var kinds = [...]struct {
	name  string
	power int
}{
	eof:                {"eof", 0},
	unquotedIdentifier: {"unquoted_identifier", 0},
	quotedIdentifier:   {"quoted_identifier", 0},
	literal:            {"literal", 0},
	number:             {"number", 0},
	rbracket:           {"rbracket", 0},
	rparen:             {"rparen", 0},
	comma:              {"comma", 0},
	rbrace:             {"rbrace", 0},
	current:            {"current", 0},
	expref:             {"expref", 0},
	colon:              {"colon", 0},
	pipe:               {"pipe", 1},
	or:                 {"or", 2},
	and:                {"and", 3},
	eq:                 {"eq", 5},
	ne:                 {"ne", 5},
	lt:                 {"lt", 5},
	lte:                {"lte", 5},
	gt:                 {"gt", 5},
	gte:                {"gte", 5},
	flatten:            {"flatten", 9},
	star:               {"star", 20},
	filter:             {"filter", 21},
	dot:                {"dot", 40},
	not:                {"not", 45},
	lbrace:             {"lbrace", 50},
	lbracket:           {"lbracket", 55},
	lparen:             {"lparen", 60},
}

func (k kind) String() string { return kinds[k].name }

// token is one word of an expression. Its value is what the word stands for: any document
// value for a literal, a document.Number for a number, a string otherwise.
type token struct {
	kind  kind
	value any
	at    int // in bytes
}

type lexer struct {
	text string
	at   int
}

// lex splits a text into tokens, the last of which is eof.
func lex(text string) ([]token, error) {
	l := &lexer{text: text}
	var tokens []token
	for l.at < len(text) {
		if strings.IndexByte(" \t\r\n", text[l.at]) >= 0 {
			l.at++
			continue
		}
		start := l.at
		k, value, err := l.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token{k, value, start})
	}
	return append(tokens, token{eof, "", len(text)}), nil
}

// fail says what is wrong and shows where with a caret below the text.
func (l *lexer) fail(at int, reason string) error {
	return failuref("Bad jmespath expression: %s:\n%s\n%s^", reason, l.text, strings.Repeat(" ", column(l.text, at)))
}

// column turns an offset in bytes into one in characters.
func column(text string, at int) int { return python.Len(text[:at]) }

// next reads the token at the reading position, which is not a blank.
func (l *lexer) next() (kind, any, error) {
	switch c := l.text[l.at]; c {
	case '.':
		return l.one(dot)
	case '*':
		return l.one(star)
	case ',':
		return l.one(comma)
	case ':':
		return l.one(colon)
	case '@':
		return l.one(current)
	case '(':
		return l.one(lparen)
	case ')':
		return l.one(rparen)
	case '{':
		return l.one(lbrace)
	case '}':
		return l.one(rbrace)
	case ']':
		return l.one(rbracket)
	case '[':
		if l.second() == ']' {
			return l.two(flatten)
		}
		if l.second() == '?' {
			return l.two(filter)
		}
		return l.one(lbracket)
	case '|':
		return l.doubled(c, or, pipe)
	case '&':
		return l.doubled(c, and, expref)
	case '!':
		return l.doubled('=', ne, not)
	case '<':
		return l.doubled('=', lte, lt)
	case '>':
		return l.doubled('=', gte, gt)
	case '=':
		if l.second() != '=' {
			return 0, nil, l.fail(l.at, "Unknown token '='")
		}
		return l.two(eq)
	case '"':
		return l.quoted()
	case '\'':
		s, err := l.delimited()
		return literal, strings.ReplaceAll(s, `\'`, `'`), err
	case '`':
		return l.literal()
	case '-':
		if !isDigit(l.second()) {
			return 0, nil, l.fail(l.at, "Unknown token '-'")
		}
		return l.number()
	default:
		if isDigit(c) {
			return l.number()
		}
		if !isLetter(c) {
			_, n := python.DecodeRune(l.text[l.at:])
			return 0, nil, l.fail(l.at, "Unknown token "+l.text[l.at:l.at+n])
		}
		end := l.at + 1
		for end < len(l.text) && (isLetter(l.text[end]) || isDigit(l.text[end])) {
			end++
		}
		return l.take(unquotedIdentifier, end)
	}
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// second returns the byte after the one at the reading position, 0 at the end.
func (l *lexer) second() byte {
	if l.at+1 < len(l.text) {
		return l.text[l.at+1]
	}
	return 0
}

func (l *lexer) take(k kind, end int) (kind, any, error) {
	s := l.text[l.at:end]
	l.at = end
	return k, s, nil
}

func (l *lexer) one(k kind) (kind, any, error) { return l.take(k, l.at+1) }
func (l *lexer) two(k kind) (kind, any, error) { return l.take(k, l.at+2) }

// doubled takes two characters where the second is the given one, otherwise one.
func (l *lexer) doubled(second byte, long, short kind) (kind, any, error) {
	if l.second() == second {
		return l.two(long)
	}
	return l.one(short)
}

func (l *lexer) number() (kind, any, error) {
	end := l.at + 1
	for end < len(l.text) && isDigit(l.text[end]) {
		end++
	}
	n, err := python.ParseInt(l.text[l.at:end])
	if err != nil { // too long
		return 0, nil, failure(err.Error())
	}
	l.at = end
	return number, document.Number(n), nil
}

// delimited returns what is between the delimiter at the reading position and the next one
// that has no backslash before it. Escapes are left as they are.
func (l *lexer) delimited() (string, error) {
	start := l.at
	for i := start + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case l.text[start]:
			l.at = i + 1
			return l.text[start+1 : i], nil
		case '\\':
			i++
		}
	}
	return "", l.fail(start, "Unclosed "+l.text[start:start+1]+" delimiter")
}

// quoted reads an identifier that is spelled as a JSON string.
func (l *lexer) quoted() (kind, any, error) {
	start := l.at
	s, err := l.delimited()
	if err != nil {
		return 0, nil, err
	}
	v, err := document.Parse(`"` + s + `"`)
	if err != nil {
		reason := err.Error()
		if e, ok := errors.AsType[*document.SyntaxError](err); ok {
			reason = e.Reason
		}
		return 0, nil, l.fail(start, reason)
	}
	return quotedIdentifier, v, nil
}

// literal reads JSON between backticks. What is no JSON is taken for a string without its
// quotes, a form that is older than JMESPath's specification and still in use.
func (l *lexer) literal() (kind, any, error) {
	start := l.at
	s, err := l.delimited()
	if err != nil {
		return 0, nil, err
	}
	s = strings.ReplaceAll(s, "\\`", "`")
	v, err := document.Parse(s)
	if err != nil {
		v, err = document.Parse(`"` + python.StripLeft(s) + `"`)
	}
	if err != nil {
		return 0, nil, l.fail(start, "Bad token "+s)
	}
	return literal, v, nil
}
