package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/python"
)

// A reply is elements with text. This reads no more of XML than that: names lose their prefixes,
// comments are dropped, and no entities can be declared, with which hostile replies grow. Where XML
// is broken, the words are those of version 1's parser: encoding/xml does not tell enough for them.

// node is an element.
type node struct {
	name       string // without a prefix
	attributes [][2]string
	text       string // what comes before the first child
	children   []*node

	before []byte // the text while it is read: comments may cut it into very many pieces
}

// say adds a piece of text.
func (n *node) say(text string) {
	if len(n.children) == 0 {
		n.before = append(n.before, text...)
	}
}

// child returns the children of that name.
func (n *node) child(name string) (found []*node) {
	for _, c := range n.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// maxXMLDepth bounds the nesting of a reply, and with it the stack.
const maxXMLDepth = 1000

// syntaxError is a text that is not XML.
type syntaxError struct {
	reason string
	offset int
}

// parseXML reads a whole document. The error is in the words of version 1.
func parseXML(body []byte) (*node, error) {
	p := &xmlParser{text: string(body)}
	root, err := p.document()
	if err == nil {
		return root, nil
	}
	before := p.text[:min(err.offset, len(p.text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	if p.marked && line == 1 {
		column++
	}
	return nil, text(fmt.Sprintf("Unable to parse response (%s: line %d, column %d), invalid XML received. Further retries may succeed:\n%s",
		err.reason, line, column, python.ReprBytes(body)))
}

type xmlParser struct {
	text   string
	at     int
	marked bool // the text began with a byte order mark
}

func (p *xmlParser) fail(reason string, offset int) *syntaxError { return &syntaxError{reason, offset} }

const (
	invalidToken  = "not well-formed (invalid token)"
	unclosedToken = "unclosed token"
)

func (p *xmlParser) document() (*node, *syntaxError) {
	if err := p.decode(); err != nil {
		return nil, err
	}
	var root *node
	var open []*node // the elements that have not ended
	for p.at < len(p.text) {
		start := p.at
		rest := p.text[start:]
		switch {
		case rest[0] != '<':
			end := strings.IndexByte(rest, '<')
			if end < 0 {
				end = len(rest)
			}
			if len(open) == 0 {
				if blank := len(rest[:end]) - len(strings.TrimLeft(rest[:end], " \t\n")); blank < end {
					p.at += blank
					return nil, p.outside(root != nil)
				}
				p.at += end
				continue
			}
			text, err := p.characters(rest[:end])
			if err != nil {
				return nil, err
			}
			p.at += end
			open[len(open)-1].say(text)
		case strings.HasPrefix(rest, "<!--"):
			if err := p.skip("-->", 4); err != nil {
				return nil, err
			}
		case strings.HasPrefix(rest, "<?"):
			if err := p.skip("?>", 2); err != nil {
				return nil, err
			}
		case strings.HasPrefix(rest, "<![CDATA[") && len(open) > 0:
			if err := p.skip("]]>", 9); err != nil {
				return nil, err
			}
			text := p.text[start+9 : p.at-3]
			if err := p.legal(text, start+9); err != nil {
				return nil, err
			}
			open[len(open)-1].say(text)
		case strings.HasPrefix(rest, "</"):
			n, empty, err := p.tag(2)
			switch {
			case err != nil:
				return nil, err
			case empty || len(n.attributes) > 0 || len(open) == 0:
				return nil, p.fail(invalidToken, start+1)
			case n.name != open[len(open)-1].name:
				return nil, p.fail("mismatched tag", start+2)
			}
			ended := open[len(open)-1]
			ended.text, ended.before = string(ended.before), nil
			open = open[:len(open)-1]
		case strings.HasPrefix(rest, "<!"):
			declaration, _, _ := strings.Cut(rest, ">")
			if root != nil || !strings.HasPrefix(declaration, "<!DOCTYPE") || strings.Contains(declaration, "[") {
				return nil, p.fail("a declaration, which no reply of a service has", start)
			}
			if err := p.skip(">", 2); err != nil {
				return nil, err
			}
		default:
			if root != nil && len(open) == 0 {
				return nil, p.fail("junk after document element", start)
			}
			n, empty, err := p.tag(1)
			if err != nil {
				return nil, err
			}
			if !bound(n, open) {
				return nil, p.fail("unbound prefix", start)
			}
			if len(open) == maxXMLDepth {
				return nil, p.fail("elements too deep in each other", start)
			}
			if root == nil {
				root = n
			} else {
				inside := open[len(open)-1]
				inside.children = append(inside.children, n)
			}
			if !empty {
				open = append(open, n)
			}
		}
	}
	if root == nil || len(open) > 0 {
		return nil, p.fail("no element found", len(p.text))
	}
	stripPrefixes(root)
	return root, nil
}

// decode gives the text the ends of lines that XML has. It is taken for UTF-8, whatever encoding it
// declares, as by version 1.
func (p *xmlParser) decode() *syntaxError {
	p.text, p.marked = strings.CutPrefix(p.text, "\uFEFF")
	for at, r := range p.text {
		if r == utf8.RuneError && !strings.HasPrefix(p.text[at:], "\uFFFD") {
			return p.undecodable(at)
		}
	}
	p.text = strings.ReplaceAll(strings.ReplaceAll(p.text, "\r\n", "\n"), "\r", "\n")
	return nil
}

// undecodable is the error of a text with bytes that are no UTF-8, unless what comes before them is
// wrong by itself.
func (p *xmlParser) undecodable(at int) *syntaxError {
	before := &xmlParser{text: p.text[:at]}
	_, err := before.document()
	if err == nil || err.offset >= len(before.text) || strings.HasPrefix(err.reason, "unclosed") {
		return p.fail(invalidToken, at)
	}
	p.text = before.text
	return err
}

// bound reports whether the prefixes of an element and its attributes stand for namespaces.
func bound(n *node, open []*node) bool {
	declared := func(name string) bool {
		prefix, rest, _ := strings.Cut(name, ":")
		if prefix == "" || rest == "" || prefix == "xml" || prefix == "xmlns" {
			return true
		}
		has := func(n *node) bool {
			return slices.ContainsFunc(n.attributes, func(a [2]string) bool { return a[0] == "xmlns:"+prefix })
		}
		return has(n) || slices.ContainsFunc(open, has)
	}
	for _, a := range n.attributes {
		if !declared(a[0]) {
			return false
		}
	}
	return declared(n.name)
}

// stripPrefixes takes the prefixes of namespaces off the names.
func stripPrefixes(n *node) {
	n.name = local(n.name)
	for i := range n.attributes {
		n.attributes[i][0] = local(n.attributes[i][0])
	}
	for _, c := range n.children {
		stripPrefixes(c)
	}
}

// local returns a name without its prefix.
func local(name string) string {
	if prefix, rest, _ := strings.Cut(name, ":"); prefix != "" && rest != "" {
		return rest
	}
	return name
}

// skip goes beyond an end, which comes after so many bytes at the earliest.
func (p *xmlParser) skip(end string, after int) *syntaxError {
	i := strings.Index(p.text[p.at+after:], end)
	if i < 0 {
		return p.fail(unclosedToken, p.at)
	}
	p.at += after + i + len(end)
	return nil
}

// tag reads a tag whose name comes after so many bytes. An empty one ends with a slash.
func (p *xmlParser) tag(after int) (n *node, empty bool, err *syntaxError) {
	start := p.at
	p.at += after
	n = &node{name: p.name()}
	for n.name != "" {
		blank := p.blanks()
		rest := p.text[p.at:]
		switch {
		case strings.HasPrefix(rest, ">"):
			p.at++
			return n, false, nil
		case strings.HasPrefix(rest, "/>"):
			p.at += 2
			return n, true, nil
		case rest == "/":
			return nil, false, p.fail(unclosedToken, start)
		case strings.HasPrefix(rest, "/"):
			return nil, false, p.fail(invalidToken, p.at+1)
		}
		name := p.name()
		if name == "" || !blank {
			break
		}
		p.blanks()
		if !strings.HasPrefix(p.text[p.at:], "=") {
			break
		}
		p.at++
		p.blanks()
		rest = p.text[p.at:]
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			break
		}
		value, _, closed := strings.Cut(rest[1:], rest[:1])
		if i := strings.IndexByte(value, '<'); i >= 0 {
			return nil, false, p.fail(invalidToken, p.at+1+i)
		}
		if !closed {
			return nil, false, p.fail(unclosedToken, start)
		}
		p.at++
		given, err := p.characters(value)
		if err != nil {
			return nil, false, err
		}
		n.attributes = append(n.attributes, [2]string{name, given})
		p.at += len(value) + 1
	}
	if p.at == len(p.text) {
		return nil, false, p.fail(unclosedToken, start)
	}
	return nil, false, p.fail(invalidToken, p.at)
}

// outside says what is wrong with a text outside the root element. The scanner of version 1 looks
// for a token of a declaration there, and comes to an error of its own if there is none.
func (p *xmlParser) outside(after bool) *syntaxError {
	wrong := p.fail("syntax error", p.at)
	if after {
		wrong.reason = "junk after document element"
	}
	rest := p.text[p.at:]
	end := 0
	switch c := rest[0]; c {
	case ',', '[', ']', '(', '|', '>':
		return wrong
	case '"', '\'':
		end = strings.IndexByte(rest[1:], c)
		if err := p.legal(rest[1:max(1, 1+end)], p.at+1); err != nil {
			return err
		}
		if end < 0 {
			return p.fail(unclosedToken, p.at)
		}
		if end += 2; end == len(rest) || strings.IndexByte(" \t\n>%[", rest[end]) >= 0 {
			return wrong
		}
	case ')':
		if end = 1; end == len(rest) || strings.IndexByte("*?+ \t\n>,|)", rest[end]) >= 0 {
			return wrong
		}
	case '%', '#':
		end = 1
		for end < len(rest) && isName(rest[end], end == 1) && rest[1] != ':' {
			end++
		}
		switch {
		case end == len(rest) && (c == '%' || end == 1):
			return p.fail(unclosedToken, p.at)
		case c == '%' && end == 1 && strings.IndexByte(" \t\n%", rest[end]) >= 0:
			return wrong
		case c == '%' && end > 1 && rest[end] == ';':
			return p.fail("illegal parameter entity reference", p.at)
		case c == '#' && (end == len(rest) || end > 1 && strings.IndexByte(" \t\n)>%|", rest[end]) >= 0):
			return wrong
		}
	default:
		for end < len(rest) && isName(rest[end], false) {
			end++
		}
		if end > 0 && (end == len(rest) || strings.IndexByte(">),|[% \t\n", rest[end]) >= 0) {
			return wrong
		}
		if end > 0 && strings.IndexByte("+*?", rest[end]) >= 0 && isName(c, true) && c != ':' {
			return wrong
		}
	}
	return p.fail(invalidToken, p.at+end)
}

// name reads a name, if there is one.
func (p *xmlParser) name() string {
	start := p.at
	for p.at < len(p.text) && isName(p.text[p.at], p.at == start) {
		p.at++
	}
	return p.text[start:p.at]
}

// blanks goes beyond blanks, and reports whether there are any.
func (p *xmlParser) blanks() bool {
	rest := strings.TrimLeft(p.text[p.at:], " \t\n")
	before := p.at
	p.at = len(p.text) - len(rest)
	return p.at > before
}

func isName(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	case '0' <= c && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}

// legal returns an error for a text with a character that XML does not have.
func (p *xmlParser) legal(text string, at int) *syntaxError {
	for i, r := range text {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return p.fail(invalidToken, at+i)
		}
	}
	return nil
}

// characters returns the text that begins here, with what its references stand for.
func (p *xmlParser) characters(text string) (string, *syntaxError) {
	if err := p.legal(text, p.at); err != nil {
		return "", err
	}
	if !strings.Contains(text, "&") {
		return text, nil
	}
	var b strings.Builder
	for at := p.at; ; {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		at += len(before)
		name, rest, closed := strings.Cut(after, ";")
		switch {
		case name == "" || strings.ContainsAny(name, " \t\n&"):
			return "", p.fail(invalidToken, at+1)
		case !closed:
			return "", p.fail(unclosedToken, at)
		}
		r, err := reference(name)
		if err != "" {
			return "", p.fail(err, at)
		}
		b.WriteRune(r)
		text, at = rest, at+len(name)+2
	}
}

// reference returns the character that a name between "&" and ";" stands for.
func reference(name string) (rune, string) {
	if digits, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 21)
		r := rune(n)
		if err != nil || !utf8.ValidRune(r) || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return 0, "reference to invalid character number"
		}
		return r, ""
	}
	switch name {
	case "lt":
		return '<', ""
	case "gt":
		return '>', ""
	case "amp":
		return '&', ""
	case "quot":
		return '"', ""
	case "apos":
		return '\'', ""
	}
	return 0, "undefined entity"
}
