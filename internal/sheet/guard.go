package sheet

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/address"
)

// Guard keeps a spreadsheet from running a cell of a CSV file as a formula: an apostrophe in front
// makes it text. A cell that already looks so guarded gets one more, so that [Unguard] always finds
// the original.
func Guard(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}

// Unguard is the inverse of [Guard], and leaves other cells as they are.
func Unguard(cell string) string {
	if strings.HasPrefix(cell, "'") && formula(cell) {
		return cell[1:]
	}
	return cell
}

// formula reports whether a cell, apostrophes apart, begins like a formula. The fullwidth forms
// count where the spreadsheet is a Japanese or Chinese one. A tab or a line end in front does not
// stop a spreadsheet from looking at what follows.
func formula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, "'"))
	return strings.ContainsRune("=+-@\t\r\n＝＋－＠", first)
}

// Visible returns a text with its invisible characters escaped as in Go: control characters, blanks
// other than a space, marks of direction, soft hyphens, whatever has no width. Two texts that look
// alike in a message otherwise may differ. Text that can be seen stays as it is, in any script.
func Visible(text string) string {
	if strings.IndexFunc(text, address.Invisible) < 0 { // bytes that are not UTF-8 are invisible, too
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[i]), 16))
		case address.Invisible(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
