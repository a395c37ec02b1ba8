// Package address has the rule for e-mail addresses: which of them somebody can have, in which form
// they are kept, and which of them mean the same mailbox. Everybody who takes an address or the
// name of a domain asks here: the operations of the API, the operator's commands, imports, the
// storage, and bulk jobs, which find out before any call.
//
// Start at [Parse]. [Key] says whether two texts are one address, [Domain] reads the domain of a
// claim.
//
// The rule is narrower than RFC 5321 in the local part, since a second spelling of a mailbox would
// be a second user: it may not be quoted, and holds nothing that cannot be seen. Domains are read
// by UTS #46, as a browser reads them, and compared in the form of the DNS.
package address

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Address is an address that somebody can have.
type Address struct {
	// Text is how the address is kept and shown: as it was given, except that the local part is in
	// NFC and that a domain that is not ASCII is in its A-label form. The case stays as it was. An
	// A-label is what other systems, and the person who compares two lists, can work with.
	Text string
	// Key is the same for all spellings of the address, see [Key].
	Key string
	// Domain is what a claim has to name to cover the address, in the form of [Domain].
	Domain string
}

// maxBytes is the longest address: 64 bytes of a mailbox, the @ and 255 bytes of a domain (RFC
// 5321, section 4.5.3.1).
const maxBytes = 64 + 1 + 255

// Error says why a text is not an address, or not a domain.
type Error struct {
	Text    string
	Problem string // such as "it holds a semicolon"; nothing of the text is in it that a log may not have
	Mended  string // the address or domain that was probably meant, or empty

	what string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%.100q is not %s: %s", e.Text, e.what, e.Reason())
}

// Reason returns the problem, and what was probably meant.
func (e *Error) Reason() string {
	if e.Mended == "" {
		return e.Problem
	}
	return e.Problem + "; did you mean " + e.Mended + "?"
}

// Parse reads an address. The error is an [*Error].
func Parse(text string) (Address, error) {
	a, problem := parse(text)
	if problem == "" {
		return a, nil
	}
	mended, _ := parse(mend(text))
	return Address{}, &Error{Text: text, Problem: problem, Mended: mended.Text, what: "an e-mail address"}
}

// parse reads an address, or says what is wrong with it.
func parse(text string) (a Address, problem string) {
	if len(text) > maxBytes { // before anything takes time
		return a, fmt.Sprintf("it is longer than %d bytes", maxBytes)
	}
	if problem := unfit(text); problem != "" {
		return a, problem
	}
	local, name, _ := strings.Cut(text, "@")
	domain, problem := domainOf(name)
	switch {
	case local == "":
		return a, "nothing comes before the @"
	case problem != "":
		return a, "its domain " + problem
	}
	if !ascii(name) {
		name = domain
	}
	return Address{norm.NFC.String(local) + "@" + name, fold(local) + "@" + domain, domain}, ""
}

// unfit says what an address holds that it must not, or lacks.
func unfit(text string) string {
	if !utf8.ValidString(text) {
		return "it is not UTF-8 text"
	}
	if hasMailto(text) {
		return "it begins with mailto:"
	}
	if at := strings.IndexFunc(text, unseen); at >= 0 {
		r, _ := utf8.DecodeRuneInString(text[at:])
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("it holds the control character %U", r)
		case unicode.In(r, unicode.Z):
			return "it holds a blank"
		}
		return fmt.Sprintf("it holds the invisible character %U", r)
	}
	if at := strings.IndexAny(text, reserved); at >= 0 {
		return "it holds " + nameOf(text[at])
	}
	switch n := strings.Count(text, "@"); {
	case n == 0:
		return "it has no @"
	case n > 1:
		return fmt.Sprintf("it has %d @", n)
	}
	if r, _ := utf8.DecodeRuneInString(text); strings.ContainsRune(quotes, r) {
		return "it begins with a quotation mark"
	}
	// The compatibility forms of what is reserved, such as a fullwidth @.
	local, _, _ := strings.Cut(text, "@")
	for _, r := range local {
		if r >= utf8.RuneSelf && strings.ContainsAny(norm.NFKC.String(string(r)), reserved+"@") {
			return fmt.Sprintf("it holds the character %U, which looks like another", r)
		}
	}
	return ""
}

// reserved are the characters that have a meaning of their own in the header of a mail, and so are
// in no local part that is not quoted (RFC 5322, section 3.2.3), nor in any domain.
const reserved = `"(),:;<>[\]`

// nameOf returns the name of a reserved character.
func nameOf(c byte) string {
	switch c {
	case '"':
		return "a quotation mark"
	case ',':
		return "a comma"
	case ';':
		return "a semicolon"
	case ':':
		return "a colon"
	case '<', '>':
		return "an angle bracket"
	}
	return "the character " + string(c)
}

// quotes are what programs and people put around an address. An apostrophe inside one is a letter.
const quotes = "\"'`“”„‟‘’‚‛«»‹›"

// unseen reports whether a character is blank or cannot be seen.
func unseen(r rune) bool { return r == ' ' || Invisible(r) }

// Invisible reports whether a character cannot be seen, or is another blank than the space. Some
// letters and marks cannot be seen either: fillers and selectors of variants.
func Invisible(r rune) bool {
	return r == utf8.RuneError || !unicode.IsPrint(r) || r == '\u2800' ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Domain returns a domain in the form in which domains are compared: in lower case, with A-labels
// for what is not ASCII, without a dot at the end. It must have two labels or more. The error is an
// [*Error].
func Domain(text string) (string, error) {
	domain, problem := domainOf(text)
	if problem == "" {
		return domain, nil
	}
	mended, _ := domainOf(strings.TrimLeft(mend(text), "@"))
	return "", &Error{Text: text, Problem: "it " + problem, Mended: mended, what: "a domain such as example.com"}
}

// domains maps what is spelled otherwise, such as fullwidth letters, and refuses what DNS and IDNA
// do. Two hyphens may be in the third and fourth place, as in names that exist.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true), idna.CheckHyphens(false))

// dots are what UTS #46 takes for a dot.
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// domainOf returns the form of a domain in which it is compared, or says what is wrong with it.
func domainOf(name string) (domain, problem string) {
	name = dots.Replace(name)
	switch {
	case len(name) > maxBytes:
		return "", fmt.Sprintf("is longer than %d bytes", maxBytes)
	case name == "":
		return "", "is missing"
	case strings.ContainsFunc(name, unseen): // UTS #46 would drop some
		return "", "holds a blank or an invisible character"
	case strings.HasSuffix(name, "."):
		return "", "ends with a dot"
	case strings.HasPrefix(name, ".") || strings.Contains(name, ".."):
		return "", "has an empty part between dots"
	}
	domain, err := domains.ToASCII(name)
	if err != nil {
		return "", "is not a valid name"
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return "", "has no dot"
	}
	for _, l := range labels {
		if l == "" || l[0] == '-' || l[len(l)-1] == '-' {
			return "", "is not a valid name"
		}
	}
	return domain, ""
}

// Key returns the form in which addresses are compared. All spellings of an address have the same
// key: the local part is compared without regard to case and to how accents are encoded (Unicode's
// canonical caseless match, in NFC), the domain as by [Domain]. The key of a key is itself.
//
// Any text has a key, so that what an older release let in can still be found. A text that is no
// address is compared without regard to case, and its key is never that of an address.
func Key(text string) string {
	lower := strings.ToLower(text)
	if ascii(text) { // this is what the rest would come to
		return lower
	}
	if a, problem := parse(text); problem == "" {
		return a.Key
	}
	if _, problem := parse(lower); problem == "" {
		return text
	}
	return lower
}

// Part returns the form in which a part of an address is found in its [Key]. A domain that is not
// ASCII must be whole, with the @ before it: the A-label of a name does not begin with that of its
// beginning.
func Part(text string) string {
	local, name, at := strings.Cut(text, "@")
	if !at {
		return fold(text)
	}
	if domain, problem := domainOf(name); problem == "" {
		return fold(local) + "@" + domain
	}
	return fold(local) + "@" + fold(name)
}

// fold is Unicode's canonical caseless form (definition D145 of the standard), composed again.
func fold(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(s)))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// mend takes away what tables, mail programs and browsers put around an address, and what cannot be
// seen. The result need not be an address.
func mend(text string) string {
	if len(text) > 2*maxBytes {
		return ""
	}
	text = strings.Map(func(r rune) rune {
		if Invisible(r) && !unicode.In(r, unicode.Z) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if begin := strings.IndexByte(text, '<'); begin >= 0 { // Name <address>
		if inside, _, closed := strings.Cut(text[begin+1:], ">"); closed {
			text = inside
		}
	}
	for last := ""; text != last; {
		last = text
		text = strings.TrimFunc(text, unicode.IsSpace)
		text = strings.TrimRight(strings.Trim(text, quotes+"<>()[],;"), ".:")
		if hasMailto(text) {
			text, _, _ = strings.Cut(text[len(mailto):], "?")
		}
	}
	// Quotation marks around the local part alone: what they mean is not known.
	if local, _, _ := strings.Cut(text, "@"); local != strings.TrimRight(local, quotes) {
		return ""
	}
	return text
}

const mailto = "mailto:"

func hasMailto(text string) bool {
	return len(text) >= len(mailto) && strings.EqualFold(text[:len(mailto)], mailto)
}
