package sts

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A reply of the service is a few elements with text. This reads no more of XML than that: names
// lose their prefixes, attributes and comments are dropped, and there are no document types, and so
// no entities of one's own, which hostile replies grow with. Where XML is broken, the words are
// those of version 1's parser.

// node is an element.
type node struct {
	name     string // without a prefix
	text     string // what comes before the first child
	hasText  bool   // there is such a text, even a blank one
	children []*node
}

// child returns the first child with a name, nil for none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// maxDepth is how deep elements may lie in each other. Those of the service lie 4 deep.
const maxDepth = 32

// syntaxError is a text that is not XML.
type syntaxError struct {
	reason string
	offset int
}

func (e *syntaxError) Error() string { return e.reason }

// parseXML reads a document, whose elements may lie maxDepth deep. The error says what is wrong
// and where, as version 1 does.
func parseXML(text string) (*node, error) {
	p := &xmlParser{text: text}
	root, err := p.document()
	if err == nil {
		return root, nil
	}
	before := text[:min(err.offset, len(text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return nil, fmt.Errorf("%s: line %d, column %d", err.reason, line, column)
}

type xmlParser struct {
	text string
	at   int
}

func (p *xmlParser) fail(reason string, offset int) *syntaxError { return &syntaxError{reason, offset} }

const (
	invalidToken  = "not well-formed (invalid token)"
	unclosedToken = "unclosed token"
)

func (p *xmlParser) document() (*node, *syntaxError) {
	p.text = strings.TrimPrefix(p.text, "\uFEFF")
	if !utf8.ValidString(p.text) {
		at := 0
		for at < len(p.text) {
			r, size := utf8.DecodeRuneInString(p.text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return nil, p.fail(invalidToken, at)
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
				if blank := len(rest[:end]) - len(strings.TrimLeft(rest[:end], " \t\r\n")); blank < end {
					if root != nil {
						return nil, p.fail("junk after document element", start+blank)
					}
					return nil, p.fail("syntax error", start+blank)
				}
				p.at += end
				continue
			}
			text, err := p.characters(rest[:end])
			if err != nil {
				return nil, err
			}
			p.at += end
			if inside := open[len(open)-1]; len(inside.children) == 0 {
				inside.text += text
				inside.hasText = true
			}
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
			if inside := open[len(open)-1]; len(inside.children) == 0 {
				inside.text += p.text[start+9 : p.at-3]
				inside.hasText = true
			}
		case strings.HasPrefix(rest, "</"):
			name, empty, err := p.tag(2)
			switch {
			case err != nil:
				return nil, err
			case empty || len(open) == 0:
				return nil, p.fail(invalidToken, start+1)
			case name != open[len(open)-1].name:
				return nil, p.fail("mismatched tag", start+2)
			}
			open = open[:len(open)-1]
		case strings.HasPrefix(rest, "<!"):
			return nil, p.fail("a declaration, which no reply of the service has", start)
		default:
			if root != nil && len(open) == 0 {
				return nil, p.fail("junk after document element", start)
			}
			name, empty, err := p.tag(1)
			if err != nil {
				return nil, err
			}
			if len(open) == maxDepth {
				return nil, p.fail("elements too deep in each other", start)
			}
			n := &node{name: name}
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

// stripPrefixes takes the prefixes of namespaces off the names.
func stripPrefixes(n *node) {
	n.name = n.name[strings.LastIndexByte(n.name, ':')+1:]
	for _, c := range n.children {
		stripPrefixes(c)
	}
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
func (p *xmlParser) tag(after int) (name string, empty bool, err *syntaxError) {
	start := p.at
	i := start + after
	begin := i
	for i < len(p.text) && isName(p.text[i], i == begin) {
		i++
	}
	if name = p.text[begin:i]; name == "" {
		if i == len(p.text) {
			return "", false, p.fail(unclosedToken, start)
		}
		return "", false, p.fail(invalidToken, i)
	}
	for i < len(p.text) {
		switch c := p.text[i]; {
		case c == '>':
			p.at = i + 1
			return name, false, nil
		case c == '/' && i+1 < len(p.text):
			if p.text[i+1] != '>' {
				return "", false, p.fail(invalidToken, i+1)
			}
			p.at = i + 2
			return name, true, nil
		case c == '"' || c == '\'':
			end := strings.IndexByte(p.text[i+1:], c)
			if end < 0 {
				return "", false, p.fail(unclosedToken, start)
			}
			i += end + 1
		case c == '<':
			return "", false, p.fail(invalidToken, i)
		}
		i++
	}
	return "", false, p.fail(unclosedToken, start)
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

// characters returns a text between tags, with what its references stand for.
func (p *xmlParser) characters(text string) (string, *syntaxError) {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return "", p.fail(invalidToken, p.at+i)
		}
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
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
		case name == "" || strings.ContainsAny(name, " \t\r\n&"):
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
