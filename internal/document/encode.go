package document

import (
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/python"
)

// AppendCompact appends v as the JSON text of a request body: ASCII only, ", " between
// members and ": " after keys, as Python's json module writes it.
func AppendCompact(b []byte, v any) []byte { return appendValue(b, v, true, -1) }

// AppendTight is [AppendCompact] without blanks, as headers hold it.
func AppendTight(b []byte, v any) []byte { return appendValue(b, v, true, tight) }

// tight is a depth that means one line without blanks.
const tight = -2

// AppendIndented appends v as JSON for people: four blanks a level, every character but
// control characters, quotes and backslashes as itself. No final newline.
func AppendIndented(b []byte, v any) []byte { return appendValue(b, v, false, 0) }

// appendValue writes v at a depth of indentation; a negative depth means one line.
func appendValue(b []byte, v any, ascii bool, depth int) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case Number:
		return append(b, v.json()...)
	case string:
		return AppendString(b, v, ascii)
	case []any:
		if len(v) == 0 {
			return append(b, "[]"...)
		}
		b = append(b, '[')
		for i, e := range v {
			b = separate(b, i, depth)
			b = appendValue(b, e, ascii, deeper(depth))
		}
		return append(newline(b, depth), ']')
	case *Object:
		if v.Len() == 0 {
			return append(b, "{}"...)
		}
		b = append(b, '{')
		for i, m := range v.Members() {
			b = separate(b, i, depth)
			b = AppendString(b, m.Key, ascii)
			if b = append(b, ':'); depth != tight {
				b = append(b, ' ')
			}
			b = appendValue(b, m.Value, ascii, deeper(depth))
		}
		return append(newline(b, depth), '}')
	}
	panic("document: not a value")
}

// json spells the floats that JSON has no number for as Python does.
func (n Number) json() string {
	switch n {
	case "inf":
		return "Infinity"
	case "-inf":
		return "-Infinity"
	case "nan":
		return "NaN"
	}
	return string(n)
}

func deeper(depth int) int {
	if depth < 0 {
		return depth
	}
	return depth + 1
}

func separate(b []byte, i, depth int) []byte {
	if i > 0 {
		b = append(b, ',')
		if depth < 0 && depth != tight {
			return append(b, ' ')
		}
	}
	return newline(b, deeper(depth))
}

func newline(b []byte, depth int) []byte {
	if depth < 0 {
		return b
	}
	b = append(b, '\n')
	const blanks = "                                "
	n := 4 * depth
	for ; n > len(blanks); n -= len(blanks) {
		b = append(b, blanks...)
	}
	return append(b, blanks[:n]...)
}

// AppendString appends s as a JSON string; with ascii, everything above U+007E is
// escaped, beyond U+FFFF as a pair of surrogates.
func AppendString(b []byte, s string, ascii bool) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		plain := i // most of most texts needs no look at each character
		for i < len(s) && s[i] >= ' ' && s[i] <= '~' && s[i] != '"' && s[i] != '\\' {
			i++
		}
		if b = append(b, s[plain:i]...); i == len(s) {
			break
		}
		c := s[i]
		if c < utf8.RuneSelf {
			if ascii && c == 0x7F {
				b = appendEscape(b, rune(c))
			} else {
				b = appendASCII(b, c)
			}
			i++
			continue
		}
		if !ascii {
			b = append(b, c)
			i++
			continue
		}
		r, n := python.DecodeRune(s[i:])
		if r > 0xFFFF {
			r -= 0x10000
			b = appendEscape(b, 0xD800+(r>>10))
			r = 0xDC00 + (r & 0x3FF)
		}
		b = appendEscape(b, r)
		i += n
	}
	return append(b, '"')
}

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	}
	if c < ' ' {
		return appendEscape(b, rune(c))
	}
	return append(b, c)
}

func appendEscape(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
