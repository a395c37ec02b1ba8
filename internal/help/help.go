// Package help writes the pages of `aws help`: plain text in the layout of a manual page. What
// an operation takes and gives is derived from the contract in package chime; what that means
// is said in our own words, in words.go, with examples in examples.go.
//
// Start at Operation. Everything here is a table that the linker lays out, and is read only
// when a page is asked for.
package help

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// Option is an option of the command line, as its parser knows it.
type Option struct {
	Name     string   // "--account-id"
	Value    string   // what follows it in a synopsis: "<value>", "[<value>]"; "" for a flag
	Choices  []string // allowed values; nil for any
	Required bool
	Member   *model.Member // the member of the input that it fills; nil for none
}

// Command returns the page of `aws help`, in lines of at most width characters.
func Command(global []Option, width int) string {
	p := &page{width: width}
	p.section("NAME")
	p.paragraph(1, "aws - administers Amazon Chime accounts")
	p.section("SYNOPSIS")
	p.verbatim(1, "aws [options] <command> <subcommand> [parameters]")
	p.section("DESCRIPTION")
	p.paragraph(1, "Does what version 1 of the AWS CLI does for Amazon Chime: the same commands, options, output and exit codes.")
	p.paragraph(1, "Options may be shortened as long as they stay unique. A value of the form file://NAME stands for the content of that file.")
	p.section("COMMANDS")
	p.item(1, "chime", "The operations of Amazon Chime. `aws chime help` lists them, and `aws chime OPERATION help` describes one.")
	p.item(1, "configure", "Reads and writes the files in ~/.aws. See `aws configure help`.")
	p.item(1, "help", "This page, or the page of a topic. `aws help topics` lists the topics.")
	p.paragraph(1, "The other commands of version 1 (s3, ec2 and so on) are handed on, as they are, to the next aws on PATH.")
	p.globalOptions(global)
	return p.text.String()
}

// Service returns the page of `aws chime help`.
func Service(width int) string {
	p := &page{width: width}
	p.section("NAME")
	p.paragraph(1, "chime - the administration of Amazon Chime")
	p.section("SYNOPSIS")
	p.verbatim(1, "aws chime <operation> [parameters]")
	p.section("DESCRIPTION")
	p.paragraph(1, "Users, their licenses, phone numbers, chat rooms and bots belong to an account; an AWS account may have several. "+
		"An account is of type Team, to which people are invited, or of one of the Enterprise types, for the people of a domain or a directory.")
	p.paragraph(1, "`aws chime OPERATION help` describes an operation.")
	p.section("OPERATIONS")
	for _, op := range chime.Service.Operations {
		summary, _, _ := strings.Cut(about(operations[:], op.Name), ". ")
		p.item(1, op.Command, strings.TrimSuffix(summary, ".")+".")
	}
	return p.text.String()
}

// Operation returns the page of `aws chime OPERATION help`. The operation's own options come in
// the order in which they are to be shown.
func Operation(op *model.Operation, own, global []Option, width int) string {
	p := &page{width: width}
	p.section("NAME")
	p.paragraph(1, op.Command)
	p.section("DESCRIPTION")
	p.paragraph(1, about(operations[:], op.Name))
	if op.Paginator != nil {
		p.paragraph(1, "All pages of the listing are fetched and printed as one.")
	}
	p.section("SYNOPSIS")
	p.verbatim(1, synopsis(op, own))
	p.section("OPTIONS")
	for _, o := range own {
		if o.Member != nil {
			p.inputOption(op.Input, o)
		} else {
			p.option(o)
		}
	}
	p.globalOptions(global)
	p.section("EXAMPLES")
	for _, e := range examples(op.Name) {
		p.paragraph(1, e.does)
		p.verbatim(2, e.command)
		if e.output != "" {
			p.paragraph(1, "Output:")
			p.verbatim(2, e.output)
		}
	}
	p.section("OUTPUT")
	if op.Output == nil || len(op.Output.Members) == 0 {
		p.paragraph(1, "None.")
	} else {
		for i := range op.Output.Members {
			m := &op.Output.Members[i]
			if pg := op.Paginator; pg != nil && m.Name == pg.OutputToken {
				p.item(1, m.Name+" (string)", "Where to go on with --starting-token, if --max-items stopped the listing.")
				continue
			}
			p.member(1, op.Output, m)
		}
	}
	return p.text.String()
}

// synopsis shows a command line with all of its options, those that may be left out in brackets.
func synopsis(op *model.Operation, own []Option) string {
	var b strings.Builder
	b.WriteString("aws chime " + op.Command)
	for _, o := range own {
		if isInverse(o) {
			continue
		}
		text := o.Name
		if o.Member != nil && o.Value == "" {
			text += " | --no-" + o.Member.Option
		}
		if o.Value != "" {
			text += " " + o.Value
		}
		if !o.Required {
			text = "[" + text + "]"
		}
		b.WriteString("\n    " + text)
	}
	b.WriteString("\n    [global options]")
	return b.String()
}

// isInverse reports whether o is the --no- form of a flag, which is shown with the flag.
func isInverse(o Option) bool { return o.Member != nil && o.Name != "--"+o.Member.Option }

// page is a page as it grows.
type page struct {
	text  strings.Builder
	width int
	// tight is set where the next block follows without an empty line: at the top, below a
	// heading, and below the term that it explains.
	tight bool
}

const step = 4 // columns of an indent

// block begins a block.
func (p *page) block() {
	if !p.tight && p.text.Len() > 0 {
		p.text.WriteByte('\n')
	}
	p.tight = false
}

func (p *page) line(indent int, text string) {
	if text != "" {
		p.text.WriteString(strings.Repeat(" ", indent*step) + text)
	}
	p.text.WriteByte('\n')
}

func (p *page) section(title string) {
	p.block()
	p.line(0, title)
	p.tight = true
}

// paragraph writes a text in lines as long as fit.
func (p *page) paragraph(indent int, text string) {
	if text == "" {
		return
	}
	p.block()
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && indent*step+len(line)+1+len(word) > p.width {
			p.line(indent, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.line(indent, line)
}

// verbatim writes lines as they are: they are there to be copied.
func (p *page) verbatim(indent int, text string) {
	p.block()
	for line := range strings.SplitSeq(text, "\n") {
		p.line(indent, line)
	}
}

func (p *page) item(indent int, term, text string) {
	p.block()
	p.line(indent, term)
	p.tight = true
	p.paragraph(indent+1, text)
	p.tight = false
}

func (p *page) globalOptions(global []Option) {
	p.section("GLOBAL OPTIONS")
	for _, o := range global {
		p.option(o)
	}
}

// option describes an option that no member stands behind.
func (p *page) option(o Option) {
	term := o.Name
	if o.Value != "" {
		term += " " + o.Value
	}
	text := about(options[:], o.Name)
	if o.Choices != nil {
		text += " One of: " + strings.Join(o.Choices, ", ") + "."
	}
	p.item(1, term, text)
}

// inputOption describes an option that fills a member of the input.
func (p *page) inputOption(input *model.Shape, o Option) {
	if isInverse(o) {
		return
	}
	m := o.Member
	term := o.Name
	if m.Shape.Kind == model.Boolean {
		term += " | --no-" + m.Option
	}
	p.item(1, term+" ("+typeName(m.Shape, o.Required)+")", memberText(input, m))
	structure := m.Shape
	if structure.Kind == model.List {
		structure = structure.Element
	}
	if structure.Kind == model.Structure {
		p.members(2, structure)
		p.paragraph(2, "Shorthand syntax:")
		p.verbatim(3, shorthandSyntax(m.Shape))
		p.paragraph(2, "JSON syntax:")
		p.verbatim(3, jsonSyntax(m.Shape, ""))
	} else if m.Shape.Kind == model.List {
		p.paragraph(2, "Syntax:")
		p.verbatim(3, `"string" "string" ...`)
		p.paragraph(2, "JSON syntax:")
		p.verbatim(3, jsonSyntax(m.Shape, ""))
	}
}

// member describes a member of a structure, and the members below it.
func (p *page) member(indent int, in *model.Shape, m *model.Member) {
	p.item(indent, m.Name+" ("+typeName(m.Shape, m.Required)+")", memberText(in, m))
	structure := m.Shape
	if structure.Kind == model.List {
		structure = structure.Element
	}
	if structure.Kind == model.Structure {
		p.members(indent+1, structure)
	}
}

func (p *page) members(indent int, s *model.Shape) {
	for i := range s.Members {
		p.member(indent, s, &s.Members[i])
	}
}

// typeName is the kind of a value: "string", "list of structures, required".
func typeName(s *model.Shape, required bool) string {
	name := kindName(s)
	if s.Kind == model.List {
		name = "list of " + kindName(s.Element) + "s"
	}
	if required {
		name += ", required"
	}
	return name
}

func kindName(s *model.Shape) string {
	switch s.Kind {
	case model.Structure:
		return "structure"
	case model.List:
		return "list"
	case model.Boolean:
		return "boolean"
	case model.Integer:
		return "integer"
	case model.Timestamp:
		return "timestamp"
	}
	return "string"
}

// memberText describes a member of a structure: what it means, and which values it takes.
func memberText(in *model.Shape, m *model.Member) string {
	text := about(members[:], in.Name+"."+m.Name)
	if text == "" {
		text = about(members[:], m.Name)
	}
	s := m.Shape
	enum := s.Enum
	if s.Kind == model.List {
		enum = s.Element.Enum
	}
	if enum != nil {
		text += " One of: " + strings.Join(enum, ", ") + "."
	}
	unit := ""
	switch s.Kind {
	case model.List:
		unit = " items"
	case model.String:
		unit = " characters"
	}
	switch {
	case s.Min > 1 && s.Min == s.Max:
		text += fmt.Sprintf(" Exactly %d%s.", s.Min, unit)
	case s.Min != model.Unbounded && s.Max != model.Unbounded:
		text += fmt.Sprintf(" From %d to %d%s.", s.Min, s.Max, unit)
	case s.Max != model.Unbounded:
		text += fmt.Sprintf(" At most %d%s.", s.Max, unit)
	case s.Min > 1:
		text += fmt.Sprintf(" At least %d%s.", s.Min, unit)
	}
	return text
}

// shorthandSyntax shows the short form of a structure, or of a list of them.
func shorthandSyntax(s *model.Shape) string {
	if s.Kind == model.List {
		return shorthandSyntax(s.Element) + " ..."
	}
	parts := make([]string, len(s.Members))
	for i, m := range s.Members {
		switch m.Shape.Kind {
		case model.Structure:
			parts[i] = m.Name + "={" + shorthandSyntax(m.Shape) + "}"
		case model.List:
			parts[i] = m.Name + "=[" + kindName(m.Shape.Element) + "," + kindName(m.Shape.Element) + "]"
		default:
			parts[i] = m.Name + "=" + kindName(m.Shape)
		}
	}
	return strings.Join(parts, ",")
}

// jsonSyntax shows the JSON form of a value whose first line is indented by indent already.
func jsonSyntax(s *model.Shape, indent string) string {
	deeper := indent + "  "
	switch s.Kind {
	case model.Structure:
		lines := make([]string, len(s.Members))
		for i, m := range s.Members {
			lines[i] = deeper + `"` + m.Name + `": ` + jsonSyntax(m.Shape, deeper)
		}
		return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
	case model.List:
		return "[" + "\n" + deeper + jsonSyntax(s.Element, deeper) + "\n" + deeper + "...\n" + indent + "]"
	case model.Boolean:
		return "true|false"
	case model.Integer:
		return "integer"
	}
	if s.Enum != nil {
		return `"` + strings.Join(s.Enum, `"|"`) + `"`
	}
	return `"string"`
}

// Topics returns the topics that Topic has a page for.
func Topics() []string {
	names := make([]string, len(topics))
	for i := range topics {
		names[i] = topics[i].name
	}
	return names
}

// Topic returns the page of `aws help TOPIC`, "" for a topic there is none for.
func Topic(name string, width int) string {
	p := &page{width: width}
	i := slices.IndexFunc(topics[:], func(t topic) bool { return t.name == name })
	if i < 0 {
		return ""
	}
	t := &topics[i]
	p.section("NAME")
	p.paragraph(1, t.name+" - "+t.title)
	for _, s := range t.sections {
		p.section(s.title)
		p.paragraph(1, s.text)
		for _, w := range s.items {
			p.item(1, w.name, w.text)
		}
	}
	return p.text.String()
}
