package python

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// DecodeAs returns b.decode(encoding): the text in b. It knows UTF-8, ASCII, Latin-1 and
// Windows-1252, by their usual names. To it, any other encoding is unknown.
func DecodeAs(b []byte, encoding string) (string, error) {
	switch codecName(encoding) {
	case "utf_8", "utf8", "u8", "utf":
		return Decode(b)
	case "utf_8_sig":
		return Decode([]byte(strings.TrimPrefix(string(b), "\uFEFF")))
	case "ascii", "us_ascii", "646", "ansi_x3.4_1968":
		for i, c := range b {
			if c >= utf8.RuneSelf {
				return "", decodeError("ascii", string(b[i:i+1]), i, "ordinal not in range(128)")
			}
		}
		return string(b), nil
	case "latin_1", "latin1", "latin", "l1", "iso_8859_1", "iso8859_1", "iso8859", "8859", "cp819":
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes), nil
	case "cp1252", "1252", "windows_1252":
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
			if c < 0x80 || c >= 0xA0 {
				continue
			}
			if runes[i] = []rune(windows1252)[c-0x80]; runes[i] == utf8.RuneError {
				return "", decodeError("charmap", string(b[i:i+1]), i, "character maps to <undefined>")
			}
		}
		return string(runes), nil
	}
	return "", exceptionf("unknown encoding: %s", encoding)
}

// windows1252 holds what Windows-1252 has between 0x80 and 0x9F, where Latin-1 has controls.
const windows1252 = "€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ"

// EncodeLatin1 returns s.encode("latin-1"), the bytes as which headers are sent.
func EncodeLatin1(s string) (string, error) {
	runes := Runes(s)
	b := make([]byte, len(runes))
	for i, r := range runes {
		if r > 0xFF {
			last := i
			for last+1 < len(runes) && runes[last+1] > 0xFF {
				last++
			}
			if last > i {
				return "", exceptionf("'latin-1' codec can't encode characters in position %d-%d: ordinal not in range(256)", i, last)
			}
			return "", exceptionf("'latin-1' codec can't encode character %s in position %d: ordinal not in range(256)", ascii(r), i)
		}
		b[i] = byte(r)
	}
	return string(b), nil
}

// ascii returns the escape of a character beyond Latin-1, in quotes.
func ascii(r rune) string {
	if r > 0xFFFF {
		return fmt.Sprintf(`'\U%08x'`, r)
	}
	return fmt.Sprintf(`'\u%04x'`, r)
}

// codecName returns a name in the form in which codecs are looked up: punctuation other than dots
// becomes an underscore.
func codecName(encoding string) string {
	words := strings.FieldsFunc(strings.ToLower(encoding), func(r rune) bool {
		return !(r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z')
	})
	return strings.Join(words, "_")
}

// DecodeBase64 returns base64.b64decode(text): characters of no meaning are left out, and all that
// comes after a full padding is.
func DecodeBase64(text string) ([]byte, error) {
	digits := make([]byte, 0, len(text))
	for i, padding := 0, 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '=':
			if inGroup := len(digits) % 4; inGroup >= 2 {
				if padding++; inGroup+padding == 4 {
					return base64.RawStdEncoding.DecodeString(string(digits))
				}
			}
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/':
			digits = append(digits, c)
			padding = 0
		}
	}
	switch n := len(digits); n % 4 {
	case 0:
		return base64.RawStdEncoding.DecodeString(string(digits))
	case 1:
		return nil, exceptionf("Invalid base64-encoded string: number of data characters (%d) cannot be 1 more than a multiple of 4", n)
	}
	return nil, exceptionf("Incorrect padding")
}
