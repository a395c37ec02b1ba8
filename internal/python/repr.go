package python

import (
	"strconv"
	"strings"
	"unicode"
)

// Repr returns repr(s): s as a literal of Python, 'it' or "it's", with escapes for whatever
// str.isprintable is false of. Characters that are younger than Python's tables (Unicode 14) and
// not than Go's (15) are printed here and escaped there.
func Repr(s string) string { return string(AppendRepr(nil, s)) }

// AppendRepr appends what [Repr] returns.
func AppendRepr(b []byte, s string) []byte {
	quote := quoteOf(s)
	b = append(b, quote)
	for len(s) > 0 {
		r, n := DecodeRune(s)
		s = s[n:]
		switch {
		case r <= unicode.MaxASCII:
			b = appendByte(b, byte(r), quote)
		case strconv.IsPrint(r):
			b = AppendRune(b, r)
		case r < 0x100:
			b = appendHex(append(b, `\x`...), r, 2)
		case r < 0x10000:
			b = appendHex(append(b, `\u`...), r, 4)
		default:
			b = appendHex(append(b, `\U`...), r, 8)
		}
	}
	return append(b, quote)
}

// ReprBytes returns repr(b) for bytes: b'text', with escapes for all but printable ASCII.
func ReprBytes(data []byte) string {
	quote := quoteOf(string(data))
	b := []byte{'b', quote}
	for _, c := range data {
		b = appendByte(b, c, quote)
	}
	return string(append(b, quote))
}

// quoteOf returns a single quotation mark unless only a double one spares an escape.
func quoteOf(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

func appendByte(b []byte, c, quote byte) []byte {
	switch {
	case c == quote || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	case c < ' ' || c > '~':
		return appendHex(append(b, `\x`...), rune(c), 2)
	}
	return append(b, c)
}

func appendHex(b []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r>>shift&15])
	}
	return b
}
