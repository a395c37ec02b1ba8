package python

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// maxDigits is the most digits that int takes in a text, leading zeros included. More of them
// would take Python a time that grows with their square.
const maxDigits = 4300

// ParseInt reads an integer as int(s) does: digits of any script, blanks around them, a sign,
// underscores between digits. It returns the number in ASCII, without a plus or leading zeros
// ("-12", "0"). The error has the text of Python's ValueError.
func ParseInt(s string) (string, error) {
	return parseInt(numeral(s), func() string { return Repr(s) })
}

// ParseIntBytes is [ParseInt] for int(b) with bytes, which has no digits or blanks beyond ASCII.
func ParseIntBytes(b []byte) (string, error) {
	ascii := func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}
	return parseInt(strings.Map(ascii, string(StripBytes(b))), func() string { return ReprBytes(b) })
}

// parseInt reads ASCII without blanks around it.
func parseInt(text string, repr func() string) (string, error) {
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	digits := make([]byte, 0, len(text))
	end := 0
	for before := byte('_'); end < len(text); end++ {
		c := text[end]
		if isDigit(c) {
			digits = append(digits, c)
		} else if c != '_' || before == '_' {
			break
		}
		before = c
	}
	// That there is no digit, or no digit before or after an underscore, is found first; that there
	// are too many, before what comes after them is looked at.
	valid := end > 0 && text[end-1] != '_' && (end == len(text) || text[end] != '_')
	if valid && len(digits) > maxDigits {
		return "", exceptionf("Exceeds the limit (%d digits) for integer string conversion: value has %d digits; "+
			"use sys.set_int_max_str_digits() to increase the limit", maxDigits, len(digits))
	}
	if !valid || end < len(text) {
		const most = 200 // characters of a text that the message shows
		shown := Runes(repr())
		return "", exception("invalid literal for int() with base 10: " + String(shown[:min(len(shown), most)]))
	}
	number := strings.TrimLeft(string(digits), "0")
	if number == "" {
		return "0", nil
	}
	if negative {
		number = "-" + number
	}
	return number, nil
}

// ParseFloat reads a number as float(s) does: what [ParseInt] takes, at any length, and with a
// point, an exponent, or as "inf", "infinity" or "nan" in any case. A number out of range is
// infinite or zero. The error has the text of Python's ValueError.
func ParseFloat(s string) (float64, error) {
	if text, ok := withoutUnderscores(numeral(s)); ok {
		// Go's syntax differs in the x of hexadecimal numbers, and has no sign before nan.
		word := strings.TrimLeft(text, "+-")
		if len(text)-len(word) < 2 && strings.EqualFold(word, "nan") {
			return math.NaN(), nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err == nil || math.IsInf(f, 0) {
			if !strings.ContainsAny(text, "xX") {
				return f, nil
			}
		}
	}
	return 0, exceptionf("could not convert string to float: %s", Repr(s))
}

// withoutUnderscores drops the underscores of a number; each must be between two digits.
func withoutUnderscores(s string) (string, bool) {
	if !strings.Contains(s, "_") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '_' {
			b = append(b, s[i])
		} else if i == 0 || i+1 == len(s) || !isDigit(s[i-1]) || !isDigit(s[i+1]) {
			return "", false
		}
	}
	return string(b), true
}

// numeral makes ASCII of the digits of a text and drops the blanks around it, as int and float
// do before they read it. A character that can be neither becomes a question mark, and so does
// one of the control characters U+001C to U+001F, which [Strip] takes for blanks and they do not.
func numeral(s string) string {
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, n := DecodeRune(s)
		s = s[n:]
		d, ok := Digit(r)
		switch {
		case ok:
			b = append(b, '0'+byte(d))
		case unicode.IsSpace(r):
			b = append(b, ' ')
		case r > ' ' && r < unicode.MaxASCII:
			b = append(b, byte(r))
		default:
			b = append(b, '?')
		}
	}
	return strings.Trim(string(b), " ")
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Digit returns the value of a decimal digit of any script. It is what \d matches in a regular
// expression, too.
func Digit(r rune) (d int, ok bool) {
	if r <= unicode.MaxASCII {
		return int(r - '0'), r >= '0' && r <= '9'
	}
	if !unicode.IsDigit(r) {
		return 0, false
	}
	// The ten digits of a script are in a row, and a row of such rows begins with a zero.
	zero := r
	for unicode.IsDigit(zero - 1) {
		zero--
	}
	return int(r-zero) % 10, true
}

// FormatFloat spells a float as repr and str do: with the fewest digits that tell it from its
// neighbors, always with a point or an exponent, and as inf, -inf or nan.
func FormatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// TruncateFloat returns int(f), in the form of [ParseInt]. The error has the text of Python's
// exception for a float that is no number.
func TruncateFloat(f float64) (string, error) {
	if math.IsInf(f, 0) {
		return "", exception("cannot convert float infinity to integer")
	}
	if math.IsNaN(f) {
		return "", exception("cannot convert float NaN to integer")
	}
	f = math.Trunc(f)
	if f == 0 { // of either sign
		return "0", nil
	}
	return strconv.FormatFloat(f, 'f', 0, 64), nil
}
