package console_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page is what a person has in front of them: a document, and where it is from. An element that
// has the attribute hidden is not seen; a browser writes this attribute for whatever hides it.
type page struct {
	address *url.URL
	title   string
	root    *html.Node
}

// kind is what an element is to the person who uses it.
type kind string

const (
	link     kind = "link"
	button   kind = "button"
	field    kind = "field"
	list     kind = "list"
	checkbox kind = "check box"
	fileBox  kind = "file field"
)

func kindOf(n *html.Node) kind {
	switch n.DataAtom {
	case atom.A:
		if has(n, "href") {
			return link
		}
	case atom.Button, atom.Summary:
		return button
	case atom.Textarea:
		return field
	case atom.Select:
		return list
	case atom.Input:
		switch inputType(n) {
		case "hidden":
		case "submit", "button", "image", "reset":
			return button
		case "checkbox", "radio":
			return checkbox
		case "file":
			return fileBox
		default:
			return field
		}
	}
	return ""
}

// find returns the element of a kind that has this name to people, also to those who hear it.
func (p *page) find(k kind, name string) (*html.Node, error) {
	var found []*html.Node
	var names []string
	for n := range p.root.Descendants() {
		if kindOf(n) == k && !p.isHidden(n) {
			if p.name(n) == name {
				found = append(found, n)
			}
			names = append(names, fmt.Sprintf("%q", p.name(n)))
		}
	}
	// Two links to one place are one to people.
	same := func(n *html.Node) bool { return k == link && attr(n, "href") == attr(found[0], "href") }
	switch {
	case len(found) == 0 && len(names) == 0:
		return nil, fmt.Errorf("no %s has the name %q, and there is no other: %s", k, name, p)
	case len(found) == 0:
		return nil, fmt.Errorf("no %s has the name %q, others are %s: %s", k, name, strings.Join(names, ", "), p)
	case slices.ContainsFunc(found[1:], func(n *html.Node) bool { return !same(n) }):
		return nil, fmt.Errorf("the name %q does not tell which %s of %d: %s", name, k, len(found), p)
	}
	return found[0], nil
}

// usable is find for an element that is about to be used.
func (p *page) usable(k kind, name string) (*html.Node, error) {
	n, err := p.find(k, name)
	if err == nil && isDisabled(n) {
		return nil, fmt.Errorf("the %s %q is disabled: %s", k, name, p)
	}
	return n, err
}

// option returns the option of a list that reads as text.
func (p *page) option(list *html.Node, text string) (*html.Node, error) {
	var texts []string
	for n := range list.Descendants() {
		if n.DataAtom == atom.Option {
			if got := spaced(textOf(n)); got != text {
				texts = append(texts, fmt.Sprintf("%q", got))
				continue
			}
			if isDisabled(n) {
				return nil, fmt.Errorf("the option %q is disabled: %s", text, p)
			}
			return n, nil
		}
	}
	return nil, fmt.Errorf("the list %q has no option %q, but %s: %s", p.name(list), text, strings.Join(texts, ", "), p)
}

// String describes the page in a complaint.
func (p *page) String() string {
	text := p.text()
	if runes := []rune(text); len(runes) > 600 {
		text = string(runes[:600]) + " ..."
	}
	return fmt.Sprintf("the page %s, %q, reads: %s", p.address, p.title, text)
}

// text is what there is to read, with one space between two words: also what stands in fields.
func (p *page) text() string {
	var b strings.Builder
	p.write(&b, p.root, false)
	return spaced(b.String())
}

// name is the accessible name: aria-labelledby, aria-label, the label of a field, the text of a
// button or link, title, in this order (https://www.w3.org/TR/accname).
func (p *page) name(n *html.Node) string {
	if ids := strings.Fields(attr(n, "aria-labelledby")); len(ids) > 0 {
		var b strings.Builder
		for _, id := range ids {
			if to := p.byID(id); to != nil {
				p.write(&b, to, true)
				b.WriteByte(' ')
			}
		}
		return spaced(b.String())
	}
	if label := spaced(attr(n, "aria-label")); label != "" {
		return label
	}
	var b strings.Builder
	switch kindOf(n) {
	case link:
		p.write(&b, n, true)
	case button:
		switch {
		case n.DataAtom != atom.Input:
			p.write(&b, n, true)
		case inputType(n) == "image":
			b.WriteString(attr(n, "alt"))
		case has(n, "value"):
			b.WriteString(attr(n, "value"))
		case inputType(n) == "submit":
			b.WriteString("Submit")
		}
	default:
		for label := range p.root.Descendants() {
			if label.DataAtom == atom.Label && p.labelled(label) == n && !p.isHidden(label) {
				p.write(&b, label, true)
				b.WriteByte(' ')
			}
		}
	}
	if name := spaced(b.String()); name != "" {
		return name
	}
	return spaced(attr(n, "title"))
}

// labelled returns the control that a label is for, or nil.
func (p *page) labelled(label *html.Node) *html.Node {
	if has(label, "for") {
		return p.byID(attr(label, "for"))
	}
	for n := range label.Descendants() {
		if k := kindOf(n); k != "" && k != link {
			return n
		}
	}
	return nil
}

func (p *page) byID(id string) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && has(n, "id") && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// write adds the text of n as people see it, or, for a name, as they hear it. A name may come from
// an element that is hidden itself.
func (p *page) write(b *strings.Builder, n *html.Node, forName bool) {
	switch n.DataAtom {
	case atom.Img:
		b.WriteString(" " + attr(n, "alt") + " ")
		return
	case atom.Input, atom.Textarea, atom.Select:
		if !forName {
			b.WriteString(" " + shownValue(n) + " ")
		}
		return
	}
	if n.Type == html.TextNode {
		b.WriteString(n.Data)
		return
	}
	if !inline[n.DataAtom] {
		b.WriteByte(' ')
		defer b.WriteByte(' ')
	}
	for child := range n.ChildNodes() {
		unseen := conceals(child) || isClosed(n) && child.DataAtom != atom.Summary
		unheard := forName && attr(child, "aria-hidden") == "true"
		if !unseen && !unheard {
			p.write(b, child, forName)
		}
	}
}

// shownValue is what a person reads in a control.
func shownValue(n *html.Node) string {
	switch {
	case n.DataAtom == atom.Textarea:
		return textOf(n)
	case n.DataAtom == atom.Select:
		if o := selected(n); o != nil {
			return textOf(o)
		}
	case kindOf(n) == field && inputType(n) != "password", kindOf(n) == button:
		return attr(n, "value")
	}
	return ""
}

// selected returns the option of a list that is chosen: the first one if no other is.
func selected(list *html.Node) *html.Node {
	var first, last *html.Node
	for n := range list.Descendants() {
		if n.DataAtom == atom.Option {
			if has(n, "selected") {
				last = n
			}
			if first == nil && !isDisabled(n) {
				first = n
			}
		}
	}
	if last != nil {
		return last
	}
	return first
}

func optionValue(n *html.Node) string {
	if has(n, "value") {
		return attr(n, "value")
	}
	return spaced(textOf(n))
}

// isHidden reports whether nobody sees the element, for its own sake or for what it is in.
func (p *page) isHidden(n *html.Node) bool {
	for in := n; in != nil; in = in.Parent {
		if conceals(in) || in.Parent != nil && isClosed(in.Parent) && in.DataAtom != atom.Summary {
			return true
		}
	}
	return false
}

// conceals reports whether an element hides itself and all that is in it.
func conceals(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Script, atom.Style, atom.Template, atom.Datalist:
		return true
	case atom.Dialog:
		return !has(n, "open")
	case atom.Input:
		return inputType(n) == "hidden"
	}
	return n.Type == html.ElementNode && (has(n, "hidden") || has(n, "popover"))
}

func isClosed(n *html.Node) bool { return n.DataAtom == atom.Details && !has(n, "open") }

// isDisabled reports whether a control cannot be used, for its own sake or for its fieldset's.
func isDisabled(n *html.Node) bool {
	if has(n, "disabled") || attr(n, "aria-disabled") == "true" {
		return true
	}
	for in := n; in.Parent != nil; in = in.Parent {
		if in.Parent.DataAtom == atom.Fieldset && has(in.Parent, "disabled") && in.DataAtom != atom.Legend {
			return true
		}
	}
	return false
}

// inline are the elements that do not part words.
var inline = map[atom.Atom]bool{
	atom.A: true, atom.Abbr: true, atom.B: true, atom.Bdi: true, atom.Bdo: true, atom.Cite: true, atom.Code: true, atom.Data: true,
	atom.Del: true, atom.Dfn: true, atom.Em: true, atom.I: true, atom.Ins: true, atom.Kbd: true, atom.Mark: true, atom.Q: true, atom.S: true,
	atom.Samp: true, atom.Small: true, atom.Span: true, atom.Strong: true, atom.Sub: true, atom.Sup: true, atom.Time: true, atom.U: true,
	atom.Var: true, atom.Wbr: true,
}

// textOf is all text in n, seen or not.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

func inputType(n *html.Node) string { return strings.ToLower(attr(n, "type")) }

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttr(n *html.Node, name, value string) {
	dropAttr(n, name)
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

func dropAttr(n *html.Node, name string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
