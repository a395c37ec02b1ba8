// Package help writes the pages of `aws help`: plain text in the layout of a manual page. What
// an operation takes and gives is derived from the contract of its service; what that means is
// in the manual of the service ([model.Manual]), where it has one. What is said here is the same
// for all services: options in words.go, topics in topics.go.
//
// Start at [Operation]. Tables are laid out by the linker and read only when somebody asks for a
// page.
package help

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Option is an option of the command line, as its parser knows it.
type Option struct {
	Name     string   // "--account-id"
	Value    string   // its value in a synopsis: "<value>", "[<value>]"; "" for a flag
	Choices  []string // allowed values; nil for any
	Required bool
	Member   *model.Member // the member of the input that it fills; nil for none
}

// Command returns the page of `aws help`, in lines of at most width characters.
func Command(services []*model.Service, global []Option, width int) string {
	p := &page{width: width}
	p.section("NAME")
	p.paragraph(1, "aws - version 1 of the AWS CLI, for "+names(services))
	p.section("SYNOPSIS")
	p.verbatim(1, "aws [options] <command> <subcommand> [parameters]")
	p.section("DESCRIPTION")
	p.paragraph(1, "Takes the commands and options of AWS CLI version 1, and has the same output and exit codes.")
	p.paragraph(1, "Options may be shortened as long as they are unique. A value of the form file://NAME stands for the content of that file.")
	p.section("COMMANDS")
	for _, s := range services {
		p.item(1, s.Command, fmt.Sprintf("The operations of %[1]s. `aws %[2]s help` lists them, and `aws %[2]s OPERATION help` describes one.", name(s), s.Command))
	}
	p.item(1, "configure", "Shows and changes settings in ~/.aws. See `aws configure help`.")
	p.item(1, "help", "Shows this page or the page of a topic. `aws help topics` lists the topics.")
	p.paragraph(1, "Services whose models are in ~/.aws/models, or in a folder of AWS_DATA_PATH, are commands, too: see `aws configure help`.")
	p.paragraph(1, "Other commands of version 1 (s3, ec2 and so on) are handed on, as typed, to the next aws on PATH.")
	p.globalOptions(global)
	return p.text.String()
}

// name is what people call a service.
func name(s *model.Service) string {
	if s.Manual != nil && s.Manual.Name != "" {
		return s.Manual.Name
	}
	return s.ID
}

// names lists services for a sentence.
func names(services []*model.Service) string {
	all := make([]string, len(services))
	for i, s := range services {
		all[i] = name(s)
	}
	if n := len(all) - 1; n > 0 {
		return strings.Join(all[:n], ", ") + " and " + all[n]
	}
	return strings.Join(all, "")
}

// Service returns the page of `aws SERVICE help`.
func Service(s *model.Service, width int) string {
	p := newPage(s, width)
	p.section("NAME")
	purpose := p.manual.Purpose
	if purpose == "" {
		purpose = name(s)
	}
	p.paragraph(1, s.Command+" - "+purpose)
	p.section("SYNOPSIS")
	p.verbatim(1, "aws "+s.Command+" <operation> [parameters]")
	p.section("DESCRIPTION")
	p.paragraph(1, p.manual.About)
	p.paragraph(1, "`aws "+s.Command+" OPERATION help` describes an operation.")
	p.section("OPERATIONS")
	for _, op := range s.All() {
		summary, _, more := strings.Cut(p.manual.Operations.About(op.Name), ". ")
		if more {
			summary += "."
		}
		p.item(1, op.Command, summary)
	}
	return p.text.String()
}

// Wait returns the page of `aws SERVICE wait help`.
func Wait(s *model.Service, width int) string {
	p := newPage(s, width)
	p.section("NAME")
	p.paragraph(1, "wait - waits until something is so")
	p.section("SYNOPSIS")
	p.verbatim(1, "aws "+s.Command+" wait <waiter> [parameters]")
	p.section("DESCRIPTION")
	p.paragraph(1, "Calls an operation again and again. The exit code is 0 when what is waited for is so, and 255 when it failed or did not come about.")
	p.section("WAITERS")
	for _, w := range s.Waiters {
		p.item(1, w.Command, fmt.Sprintf("Calls %s every %d seconds, at most %d times.", w.Operation, w.Delay, w.MaxAttempts))
	}
	return p.text.String()
}

// Waiter returns the page of `aws SERVICE wait WAITER help`. own are the options of the operation
// that the waiter polls.
func Waiter(s *model.Service, w *model.Waiter, own, global []Option, width int) string {
	p := newPage(s, width)
	op := s.Operation(w.Operation)
	p.section("NAME")
	p.paragraph(1, w.Command)
	p.section("DESCRIPTION")
	p.paragraph(1, fmt.Sprintf("Wait until %swhen polling with %s. It will poll every %d seconds until a successful state has been reached. "+
		"This will exit with a return code of 255 after %d failed checks.", goal(w), op.Command, w.Delay, w.MaxAttempts))
	p.section("SYNOPSIS")
	p.verbatim(1, synopsis("aws "+s.Command+" wait "+w.Command, own))
	p.options(op, own, global)
	p.section("OUTPUT")
	p.paragraph(1, "None.")
	return p.text.String()
}

// goal says what a waiter waits for, with a blank after it: what its first acceptor of success
// does.
func goal(w *model.Waiter) string {
	i := slices.IndexFunc(w.Acceptors, func(a model.Acceptor) bool { return a.State == "success" })
	if i < 0 {
		return ""
	}
	a := w.Acceptors[i]
	value, _ := document.Parse(a.Expected)
	expected := document.Spell(value)
	switch a.Matcher {
	case "status":
		return expected + " response is received "
	case "error":
		return expected + " is thrown "
	}
	text := "JMESPath query " + a.Argument + " returns " + expected + " "
	switch a.Matcher {
	case "pathAll":
		text += "for all elements "
	case "pathAny":
		text += "for any element "
	}
	return text
}

// options describes the options of an operation, and the global ones.
func (p *page) options(op *model.Operation, own, global []Option) {
	p.section("OPTIONS")
	for _, o := range own {
		if o.Member != nil {
			p.inputOption(op.Input, o)
		} else {
			p.option(o)
		}
	}
	p.globalOptions(global)
}

// Operation returns the page of `aws SERVICE OPERATION help`. own are the options of the
// operation, in the order of the page.
func Operation(s *model.Service, op *model.Operation, own, global []Option, width int) string {
	p := newPage(s, width)
	p.section("NAME")
	p.paragraph(1, op.Command)
	p.section("DESCRIPTION")
	p.paragraph(1, p.manual.Operations.About(op.Name))
	if op.Paginator != nil {
		p.paragraph(1, "The command fetches all pages of the listing and prints them as one.")
	}
	p.section("SYNOPSIS")
	p.verbatim(1, synopsis("aws "+s.Command+" "+op.Command, own))
	p.options(op, own, global)
	p.examples(op.Name)
	p.section("OUTPUT")
	if op.Output == nil || len(op.Output.Members) == 0 {
		p.paragraph(1, "None.")
	} else {
		for i := range op.Output.Members {
			m := &op.Output.Members[i]
			if pg := op.Paginator; pg != nil && slices.Contains(pg.OutputTokens, m.Name) {
				p.item(1, m.Name+" (string)", "The value of --starting-token that continues the listing, if --max-items stopped it.")
				continue
			}
			p.member(1, op.Output, m)
		}
	}
	return p.text.String()
}

// synopsis shows a command line with all options, optional ones in brackets.
func synopsis(command string, own []Option) string {
	var b strings.Builder
	b.WriteString(command)
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
	text   strings.Builder
	width  int
	manual *model.Manual // never nil on a page of a service
	// tight says that no empty line comes before the next block: at the top, below a heading,
	// and below a term.
	tight bool
	open  []*model.Shape // the structures that are being described, the innermost last
}

// newPage begins a page of a service.
func newPage(s *model.Service, width int) *page {
	p := &page{width: width, manual: s.Manual}
	if p.manual == nil {
		p.manual = new(model.Manual)
	}
	return p
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

// paragraph writes a text in lines of at most the width of the page.
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

// verbatim writes lines as they are, for people to copy.
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

// examples shows the examples of an operation, if it has any.
func (p *page) examples(operation string) {
	for _, of := range p.manual.Examples {
		if of.Operation != operation {
			continue
		}
		p.section("EXAMPLES")
		for _, e := range of.Examples {
			p.paragraph(1, e.Purpose)
			p.verbatim(2, e.Command)
			if e.Output != "" {
				p.paragraph(1, "Output:")
				p.verbatim(2, e.Output)
			}
		}
	}
}

// option describes an option that fills no member of an input.
func (p *page) option(o Option) {
	term := o.Name
	if o.Value != "" {
		term += " " + o.Value
	}
	text := options.About(o.Name)
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
	p.item(1, term+" ("+typeName(m.Shape, o.Required)+")", p.memberText(input, m))
	structure := inner(m.Shape)
	var s syntax
	switch {
	case m.Shape.Document:
		p.paragraph(2, "JSON syntax:")
		p.verbatim(3, s.json(m.Shape, ""))
	case structure.Kind == model.Structure || m.Shape.Kind == model.Map || structure.Kind == model.List:
		p.members(2, structure)
		p.paragraph(2, "Shorthand syntax:")
		p.verbatim(3, s.shorthand(m.Shape))
		p.paragraph(2, "JSON syntax:")
		p.verbatim(3, s.json(m.Shape, ""))
	case m.Shape.Kind == model.List:
		p.paragraph(2, "Syntax:")
		p.verbatim(3, fmt.Sprintf(`"%[1]s" "%[1]s" ...`, kindName(structure)))
		p.paragraph(2, "JSON syntax:")
		p.verbatim(3, s.json(m.Shape, ""))
	}
}

// inner is the shape of the elements of a list or the values of a map, and any other shape itself.
func inner(s *model.Shape) *model.Shape {
	switch s.Kind {
	case model.List:
		return s.Element
	case model.Map:
		return s.Value
	}
	return s
}

// member describes a member of a structure and the members below it.
func (p *page) member(indent int, in *model.Shape, m *model.Member) {
	p.item(indent, m.Name+" ("+typeName(m.Shape, m.Required)+")", p.memberText(in, m))
	p.members(indent+1, inner(m.Shape))
}

// maxPage is where a page stops going into detail, in bytes: a model from anywhere may have few
// shapes that make very many values.
const maxPage = 4 << 20

// members describes the members of a structure, unless it is being described: a structure may reach
// itself.
func (p *page) members(indent int, s *model.Shape) {
	if s.Kind != model.Structure || slices.Contains(p.open, s) || p.text.Len() > maxPage {
		return
	}
	p.open = append(p.open, s)
	for i := range s.Members {
		p.member(indent, s, &s.Members[i])
	}
	p.open = p.open[:len(p.open)-1]
}

// typeName describes the kind of a value: "string", "list of structures, required".
func typeName(s *model.Shape, required bool) string {
	name := kindName(s)
	switch s.Kind {
	case model.List:
		name = "list of " + kindName(s.Element) + "s"
	case model.Map:
		name = "map of " + kindName(s.Value) + "s"
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
	case model.Map:
		return "map"
	case model.Long:
		return "long"
	case model.Float:
		return "float"
	case model.Double:
		return "double"
	case model.Blob:
		return "blob"
	}
	return "string"
}

// memberText says what a member of a structure means and which values it takes.
func (p *page) memberText(in *model.Shape, m *model.Member) string {
	text := p.manual.Members.About(in.Name+"."+m.Name, m.Name)
	s := m.Shape
	enum := inner(s).Enum
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

// syntax shows the forms of values. It knows which shapes it is in the middle of.
type syntax struct {
	open  []*model.Shape
	shown int // how many shapes so far
}

// enter reports whether a shape may be shown: not within itself, and not when there are very many.
func (x *syntax) enter(s *model.Shape) bool {
	if x.shown++; slices.Contains(x.open, s) || x.shown > maxPage/100 {
		return false
	}
	x.open = append(x.open, s)
	return true
}

func (x *syntax) leave() { x.open = x.open[:len(x.open)-1] }

// recursive stands for a shape within itself.
const recursive = "{ ... recursive ... }"

// shorthand shows the short form of a structure, a map, or a list of them.
func (x *syntax) shorthand(s *model.Shape) string {
	if s.Kind == model.List {
		return x.short(s.Element) + " ..."
	}
	return x.short(s)
}

func (x *syntax) short(s *model.Shape) string {
	if !x.enter(s) {
		return recursive
	}
	defer x.leave()
	switch s.Kind {
	case model.Structure:
		parts := make([]string, len(s.Members))
		for i, m := range s.Members {
			parts[i] = m.Name + "=" + x.shortValue(m.Shape)
		}
		return strings.Join(parts, ",")
	case model.Map:
		value := x.shortValue(s.Value)
		return "KeyName1=" + value + ",KeyName2=" + value
	case model.List:
		value := x.shortValue(s.Element)
		return value + "," + value
	}
	return kindName(s)
}

// shortValue shows the short form of a value within another.
func (x *syntax) shortValue(s *model.Shape) string {
	switch text := x.short(s); {
	case text == recursive:
		return text
	case s.Kind == model.Structure || s.Kind == model.Map:
		return "{" + text + "}"
	case s.Kind == model.List:
		return "[" + text + "]"
	default:
		return text
	}
}

// json shows the JSON form of a value. indent is the indent of its first line, which is written
// already.
func (x *syntax) json(s *model.Shape, indent string) string {
	if s.Document {
		return "{...}"
	}
	if !x.enter(s) {
		return recursive
	}
	defer x.leave()
	deeper := indent + "  "
	switch s.Kind {
	case model.Structure:
		lines := make([]string, len(s.Members))
		for i, m := range s.Members {
			lines[i] = deeper + `"` + m.Name + `": ` + x.json(m.Shape, deeper)
		}
		return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
	case model.List:
		return "[" + "\n" + deeper + x.json(s.Element, deeper) + "\n" + deeper + "...\n" + indent + "]"
	case model.Map:
		return "{" + x.json(s.Key, deeper) + ": " + x.json(s.Value, deeper) + "\n" + indent + "  ...}"
	case model.Boolean:
		return "true|false"
	case model.Integer, model.Long, model.Float, model.Double, model.Blob, model.Timestamp:
		return kindName(s)
	}
	if s.Enum != nil {
		return `"` + strings.Join(s.Enum, `"|"`) + `"`
	}
	return `"string"`
}

// Topics returns the topics that have a page.
func Topics() []string {
	names := make([]string, len(topics))
	for i := range topics {
		names[i] = topics[i].name
	}
	return names
}

// Topic returns the page of `aws help TOPIC`, "" if the topic has none.
func Topic(services []*model.Service, name string, width int) string {
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
			p.item(1, strings.Replace(w[0], endpointVariables, variables(services), 1), w[1])
		}
	}
	return p.text.String()
}
