package python

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeRune returns the first character of s and the number of bytes that it takes, (U+FFFD, 0)
// where s is empty. It is [utf8.DecodeRuneInString] with the two extensions of the package
// comment, so that every byte is part of a character and surrogates are themselves.
func DecodeRune(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	if r != utf8.RuneError || size != 1 {
		return r, size
	}
	if len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return 0xDC00 | rune(s[0]), 1
}

// AppendRune appends a character, a lone surrogate in the form of the package comment.
func AppendRune(b []byte, r rune) []byte {
	if isSurrogate(r) {
		return append(b, 0xED, 0x80|byte(r>>6&0x3F), 0x80|byte(r&0x3F))
	}
	return utf8.AppendRune(b, r)
}

// isSurrogate reports whether r is a surrogate, which no text in UTF-8 has.
func isSurrogate(r rune) bool { return r >= 0xD800 && r <= 0xDFFF }

// Runes returns the characters of s.
func Runes(s string) []rune {
	runes := make([]rune, 0, len(s))
	for len(s) > 0 {
		r, n := DecodeRune(s)
		runes, s = append(runes, r), s[n:]
	}
	return runes
}

// String makes a text of characters.
func String(runes []rune) string {
	b := make([]byte, 0, len(runes))
	for _, r := range runes {
		b = AppendRune(b, r)
	}
	return string(b)
}

// Len returns len(s), the number of characters.
func Len(s string) int {
	if utf8.ValidString(s) {
		return utf8.RuneCountInString(s)
	}
	return len(Runes(s))
}

// EscapeSurrogates returns text in which each surrogate is an escape such as \udcff. That is what
// Python's standard error does with what it cannot print, and JSON has the same escapes. Text
// without surrogates is returned as it is.
func EscapeSurrogates(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	b := make([]byte, 0, len(text)+6)
	for s := string(text); len(s) > 0; {
		r, n := DecodeRune(s)
		if isSurrogate(r) {
			b = appendHex(append(b, `\u`...), r, 4)
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return b
}

// Encodable returns nil for a text without surrogates. Otherwise the error has the text of
// Python's UnicodeEncodeError, which s.encode() raises.
func Encodable(s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	runes := Runes(s)
	start := 0
	for !isSurrogate(runes[start]) {
		start++
	}
	end := start + 1
	for end < len(runes) && isSurrogate(runes[end]) {
		end++
	}
	if end == start+1 {
		return exceptionf("'utf-8' codec can't encode character '%s' in position %d: surrogates not allowed",
			appendHex([]byte(`\u`), runes[start], 4), start)
	}
	return exceptionf("'utf-8' codec can't encode characters in position %d-%d: surrogates not allowed", start, end-1)
}

// Decode returns b.decode(): the text in b, which must be UTF-8. The error has the text of
// Python's UnicodeDecodeError.
func Decode(b []byte) (string, error) { return decode(string(b), false) }

// decode is [Decode] that may let surrogates pass.
func decode(s string, surrogates bool) (string, error) {
	if utf8.ValidString(s) {
		return s, nil
	}
	for start := 0; start < len(s); {
		r, n := DecodeRune(s[start:])
		if isSurrogate(r) && !(n == 3 && surrogates) {
			return "", undecodable(s, start)
		}
		start += n
	}
	return s, nil
}

// undecodable says what is wrong with a character at start: it may begin well, with so many
// bytes, and go on badly.
func undecodable(s string, start int) error {
	reason := "invalid continuation byte"
	n := wellFormed(s[start:])
	switch {
	case n == 0:
		reason, n = "invalid start byte", 1
	case start+n == len(s):
		reason = "unexpected end of data"
	}
	return decodeError("utf-8", s[start:start+n], start, reason)
}

func decodeError(encoding, bytes string, start int, reason string) error {
	where := fmt.Sprintf("byte 0x%02x in position %d", bytes[0], start)
	if len(bytes) > 1 {
		where = fmt.Sprintf("bytes in position %d-%d", start, start+len(bytes)-1)
	}
	return exceptionf("'%s' codec can't decode %s: %s", encoding, where, reason)
}

// wellFormed returns how many bytes at the start of s, which does not begin with a character,
// could be the beginning of one.
func wellFormed(s string) int {
	size, low, high := 0, byte(0x80), byte(0xBF) // of the character, and the bounds of its second byte
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		size = 2
	case c >= 0xE0 && c <= 0xEF:
		size = 3
	case c >= 0xF0 && c <= 0xF4:
		size = 4
	default:
		return 0
	}
	switch s[0] { // neither longer than need be, nor a surrogate, nor beyond U+10FFFF
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	n := 1
	for n < min(size, len(s)) && s[n] >= low && s[n] <= high {
		n, low, high = n+1, 0x80, 0xBF
	}
	return n
}

// DecodeJSON returns the text that json.loads finds in bytes. They are in UTF-8, UTF-16 or UTF-32,
// as a byte order mark says, or else the places of zeros among the first four bytes, since JSON
// begins with a character of ASCII. Surrogates pass. The error is that of [Decode].
func DecodeJSON(b []byte) (string, error) {
	s := string(b)
	for _, e := range [...]struct {
		mark, encoding string
		size           int
	}{
		{"\x00\x00\xFE\xFF", "utf-32-be", 4}, {"\xFF\xFE\x00\x00", "utf-32-le", 4}, {"\xFE\xFF", "utf-16-be", 2}, {"\xFF\xFE", "utf-16-le", 2},
	} {
		if strings.HasPrefix(s, e.mark) {
			return decodeWide(s, len(e.mark), e.encoding, e.size)
		}
	}
	if text, ok := strings.CutPrefix(s, "\xEF\xBB\xBF"); ok {
		return decode(text, true)
	}
	zero := func(i int) bool { return i < len(s) && s[i] == 0 }
	long := len(s) >= 4
	switch {
	case !long && len(s) != 2:
	case zero(0) && zero(1) && long:
		return decodeWide(s, 0, "utf-32-be", 4)
	case zero(0):
		return decodeWide(s, 0, "utf-16-be", 2)
	case zero(1) && zero(2) && zero(3):
		return decodeWide(s, 0, "utf-32-le", 4)
	case zero(1):
		return decodeWide(s, 0, "utf-16-le", 2)
	}
	return decode(s, true)
}

// decodeWide decodes what follows the first bytes of s, whose characters have units of size bytes.
func decodeWide(s string, first int, encoding string, size int) (string, error) {
	var runes []rune
	for at := first; at < len(s); at += size {
		if at+size > len(s) {
			return "", decodeError(encoding, s[at:], at, "truncated data")
		}
		unit := uint32(0)
		for i := range size {
			c := uint32(s[at+i])
			if strings.HasSuffix(encoding, "le") {
				unit |= c << (8 * i)
			} else {
				unit = unit<<8 | c
			}
		}
		if unit > unicode.MaxRune {
			return "", decodeError(encoding, s[at:at+size], at, "code point not in range(0x110000)")
		}
		r := rune(unit)
		if n := len(runes); n > 0 && size == 2 && utf16.DecodeRune(runes[n-1], r) != unicode.ReplacementChar {
			runes[n-1] = utf16.DecodeRune(runes[n-1], r)
			continue
		}
		runes = append(runes, r)
	}
	return String(runes), nil
}
