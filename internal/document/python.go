package document

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The spellings of Python, in which version 1 of the AWS CLI reads numbers and shows values.

// IsSpace is Python's str.isspace, which also counts four separators among the controls.
func IsSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1C && c <= 0x1F }

// ParseInt reads an integer as Python's int() does: blanks around it, a sign, underscores
// between digits, digits of any script, any size. The error has Python's text.
func ParseInt(s string) (Number, error) {
	digits := strings.TrimFunc(s, unicode.IsSpace)
	sign := ""
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = strings.TrimPrefix(digits[:1], "+"), digits[1:]
	}
	plain := make([]byte, 0, len(digits))
	before := '_'
	for _, c := range digits {
		if d, ok := digit(c); ok {
			plain = append(plain, d)
		} else if c != '_' || before == '_' {
			before = '_'
			break
		}
		before = c
	}
	if before == '_' { // nothing, an underscore too many, or no digit
		return "", fmt.Errorf("invalid literal for int() with base 10: %s", Repr(s))
	}
	number := strings.TrimLeft(string(plain), "0")
	if number == "" {
		return "0", nil
	}
	return Number(sign + number), nil
}

// digit returns the decimal digit, '0' to '9', that c is in its script.
func digit(c rune) (byte, bool) {
	if c <= unicode.MaxASCII {
		return byte(c), c >= '0' && c <= '9'
	}
	if !unicode.IsDigit(c) {
		return 0, false
	}
	// Scripts have their ten digits in a row, and a row of such rows begins with a zero.
	first := c
	for unicode.IsDigit(first - 1) {
		first--
	}
	return byte('0' + (c-first)%10), true
}

// Spell returns v as Python's str does: text as itself, a list or a structure as an
// expression. A lone surrogate becomes U+FFFD, since it has no UTF-8 form.
func Spell(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case Number:
		return string(v)
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	}
	return string(appendExpression(nil, v))
}

// Repr returns v as Python's repr does: 'text', True, None, ['a', 'b'], {'a': 1}.
func Repr(v any) string { return string(appendExpression(nil, v)) }

func appendExpression(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendQuoted(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendExpression(b, e)
		}
		return append(b, ']')
	case *Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendQuoted(b, m.Key)
			b = append(b, ": "...)
			b = appendExpression(b, m.Value)
		}
		return append(b, '}')
	}
	return append(b, Spell(v)...)
}

// appendQuoted appends s as a Python literal: in single quotes unless that would need an
// escape that double quotes spare, with escapes for what cannot be printed.
func appendQuoted(b []byte, s string) []byte {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b = append(b, byte(quote))
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 && len(s) >= 3 {
			// Not UTF-8, so a lone surrogate, which can be escaped at least.
			r, n = 0xD000|rune(s[1]&0x3F)<<6|rune(s[2]&0x3F), 3
		}
		s = s[n:]
		switch {
		case r == quote || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case strconv.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < 0x100:
			b = appendHex(append(b, `\x`...), r, 2)
		case r < 0x10000:
			b = appendHex(append(b, `\u`...), r, 4)
		default:
			b = appendHex(append(b, `\U`...), r, 8)
		}
	}
	return append(b, byte(quote))
}

func appendHex(b []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r>>shift&15])
	}
	return b
}
