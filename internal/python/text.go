package python

import (
	"strings"
	"sync"
	"unicode"
)

// IsSpace reports whether str.isspace is true of a character. Unlike [unicode.IsSpace] it counts
// the four separators among the control characters. It is what \s matches, too.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }

// Strip returns s.strip(): s without the blanks around it.
func Strip(s string) string { return strings.TrimFunc(s, IsSpace) }

// StripLeft returns s.lstrip().
func StripLeft(s string) string { return strings.TrimLeftFunc(s, IsSpace) }

// StripRight returns s.rstrip().
func StripRight(s string) string { return strings.TrimRightFunc(s, IsSpace) }

// StripBytes returns b.strip() for bytes, whose blanks are those of ASCII.
func StripBytes(b []byte) []byte {
	start, end := 0, len(b)
	blank := func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
	for start < end && blank(b[start]) {
		start++
	}
	for start < end && blank(b[end-1]) {
		end--
	}
	return b[start:end]
}

// UniversalNewlines makes a line feed of every line end, "\r\n" and "\r" included, as reading a
// file in text mode does.
func UniversalNewlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// Lower returns s.lower(), except that a capital sigma at the end of a word becomes an ordinary
// small one. It serves comparisons with words in ASCII, for which [strings.EqualFold] is wrong: to
// that, "ſ" and "s" are the same.
func Lower(s string) string {
	// The only letter that becomes more than one. Go makes a plain i of it.
	return strings.ToLower(strings.ReplaceAll(s, "\u0130", "i\u0307"))
}

// Upper returns s.upper().
func Upper(s string) string {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			s = longUppers().Replace(s)
			break
		}
	}
	return strings.ToUpper(s)
}

// longUppers replaces each letter that becomes more than one by what it becomes. It is made when
// first needed, which is next to never.
var longUppers = sync.OnceValue(func() *strings.Replacer {
	var pairs []string
	for word := range strings.FieldsSeq(longUpperTable) {
		_, n := DecodeRune(word)
		pairs = append(pairs, word[:n], word[n:])
	}
	return strings.NewReplacer(pairs...)
})

// longUpperTable holds the unconditional mappings to capitals of Unicode's SpecialCasing.txt: a
// letter and right after it what becomes of it.
const longUpperTable = `ßSS ŉʼN ǰJ̌ ΐΪ́ ΰΫ́ ևԵՒ ẖH̱ ẗT̈ ẘW̊ ẙY̊ ẚAʾ ὐΥ̓ ὒΥ̓̀ ὔΥ̓́ ὖΥ̓͂ ᾀἈΙ ᾁἉΙ ᾂἊΙ ᾃἋΙ ᾄἌΙ ᾅἍΙ
ᾆἎΙ ᾇἏΙ ᾈἈΙ ᾉἉΙ ᾊἊΙ ᾋἋΙ ᾌἌΙ ᾍἍΙ ᾎἎΙ ᾏἏΙ ᾐἨΙ ᾑἩΙ ᾒἪΙ ᾓἫΙ ᾔἬΙ ᾕἭΙ ᾖἮΙ ᾗἯΙ ᾘἨΙ ᾙἩΙ ᾚἪΙ ᾛἫΙ
ᾜἬΙ ᾝἭΙ ᾞἮΙ ᾟἯΙ ᾠὨΙ ᾡὩΙ ᾢὪΙ ᾣὫΙ ᾤὬΙ ᾥὭΙ ᾦὮΙ ᾧὯΙ ᾨὨΙ ᾩὩΙ ᾪὪΙ ᾫὫΙ ᾬὬΙ ᾭὭΙ ᾮὮΙ ᾯὯΙ ᾲᾺΙ ᾳΑΙ
ᾴΆΙ ᾶΑ͂ ᾷΑ͂Ι ᾼΑΙ ῂῊΙ ῃΗΙ ῄΉΙ ῆΗ͂ ῇΗ͂Ι ῌΗΙ ῒΪ̀ ΐΪ́ ῖΙ͂ ῗΪ͂ ῢΫ̀ ΰΫ́ ῤΡ̓ ῦΥ͂ ῧΫ͂ ῲῺΙ
ῳΩΙ ῴΏΙ ῶΩ͂ ῷΩ͂Ι ῼΩΙ ﬀFF ﬁFI ﬂFL ﬃFFI ﬄFFL ﬅST ﬆST ﬓՄՆ ﬔՄԵ ﬕՄԻ ﬖՎՆ ﬗՄԽ`
