package carillon

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run ./gen

// Page is what people are told about a command. Help, the reference in docs and the manual pages
// show the same.
type Page struct {
	Name      string    // "carillon key create"
	Summary   string    // "make an access key": a verb in the imperative, in lower case, no full stop
	Usage     string    // "carillon key create --name NAME --policy POLICY [flags]"
	About     string    // paragraphs, with a blank line between two; indented lines stay as they are
	Examples  []string  // lines for a shell
	Commands  []Section // that are under this one
	ExitCodes []Entry   // of these
	Flags     []Section
	Variables []Entry // that stand for no flag
}

// Section is a list under a title: "connection".
type Section struct {
	Title   string
	Entries []Entry
}

// Entry is a command, a flag or a variable.
type Entry struct {
	Syntax   string // "create", "--data DIR", "CARILLON_ROOT_ACCESS_KEY_ID"
	Text     string // what it does, on one line
	Required bool
	Default  string // empty where there is none to tell of
	Variable string // that can be set instead of the flag; empty for none
}

// Details returns the text with the facts about a flag after it.
func (e Entry) Details() string {
	text := e.Text
	if e.Required {
		text += " (required)"
	}
	if e.Default != "" {
		text += " (default " + e.Default + ")"
	}
	if e.Variable != "" {
		text += " [$" + e.Variable + "]"
	}
	return text
}

// Pages returns the pages of all commands, each after the one that it is under.
func Pages() []Page {
	var pages []Page
	everyCommand(new(program).tree(), func(c *cobra.Command) { pages = append(pages, pageOf(c)) })
	return pages
}

// pageOf makes the page of a command.
func pageOf(c *cobra.Command) Page {
	page := Page{Name: c.CommandPath(), Summary: c.Short, Usage: c.CommandPath(), About: c.Long}
	if c.Example != "" {
		page.Examples = strings.Split(c.Example, "\n")
	}
	for _, g := range append(c.Groups(), &cobra.Group{Title: "commands"}) {
		for _, below := range c.Commands() {
			if below.GroupID == g.ID {
				page.Commands = add(page.Commands, g.Title, Entry{Syntax: below.Name(), Text: below.Short})
			}
		}
	}
	if !c.Runnable() {
		page.Usage += " COMMAND [flags]"
		page.ExitCodes = exitCodes
		return page
	}
	more := ""
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		title := annotation(f, groupKey)
		if title == "" { // --help
			return
		}
		e := Entry{Syntax: syntaxOf(f), Text: f.Usage,
			Required: isRequired(f), Default: f.DefValue, Variable: annotation(f, variableKey)}
		if e.Required {
			page.Usage += " " + e.Syntax
		} else {
			more = " [flags]"
		}
		page.Flags = add(page.Flags, title, e)
	})
	page.Usage += more
	if operands := operandsOf(c); operands != "" {
		page.Usage += " " + operands
	}
	for _, name := range slices.Sorted(maps.Keys(c.Annotations)) {
		page.Variables = append(page.Variables, Entry{Syntax: name, Text: c.Annotations[name]})
	}
	return page
}

// syntaxOf returns a flag as it is typed: "--data DIR", "--yes", "--test[=public]".
func syntaxOf(f *pflag.Flag) string {
	value := annotation(f, valueKey)
	if value != "" && !strings.HasPrefix(value, "[=") {
		value = " " + value
	}
	return dashed(f) + value
}

// add adds an entry to the section with a title, which is made at the end if it is missing.
func add(sections []Section, title string, e Entry) []Section {
	i := slices.IndexFunc(sections, func(s Section) bool { return s.Title == title })
	if i < 0 {
		i = len(sections)
		sections = append(sections, Section{Title: title})
	}
	sections[i].Entries = append(sections[i].Entries, e)
	return sections
}

// columns is how wide help may be.
const columns = 80

// help writes the page for a terminal.
func (p Page) help(w io.Writer) {
	var b strings.Builder
	if p.About != "" {
		fmt.Fprintf(&b, "%s\n", Fill(p.About, "", columns))
	}
	fmt.Fprintf(&b, "usage: %s\n", p.Usage)
	if p.Examples != nil {
		fmt.Fprintf(&b, "\nexamples:\n  %s\n", strings.Join(p.Examples, "\n  "))
	}
	list := func(s Section) {
		fmt.Fprintf(&b, "\n%s:\n", s.Title)
		longest := 0
		for _, e := range s.Entries {
			longest = max(longest, len(e.Syntax))
		}
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "  %-*s  %s\n", longest, e.Syntax, e.Text)
		}
	}
	for _, s := range p.Commands {
		list(s)
	}
	if p.ExitCodes != nil {
		list(Section{"exit codes", p.ExitCodes})
	}
	describe := func(s Section) {
		fmt.Fprintf(&b, "\n%s:\n", s.Title)
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "  %s\n%s", e.Syntax, Fill(e.Details(), "      ", columns))
		}
	}
	for _, s := range p.Flags {
		describe(s)
	}
	if p.Variables != nil {
		describe(Section{"variables without a flag", p.Variables})
	}
	if p.Commands != nil {
		fmt.Fprintf(&b, "\n%s COMMAND --help describes a command.\n", p.Name)
	}
	io.WriteString(w, b.String())
}

// Fill breaks the paragraphs of a text into lines of so many columns, each after a margin.
func Fill(text, margin string, columns int) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if strings.HasPrefix(paragraph, " ") {
			for line := range strings.Lines(paragraph + "\n") {
				b.WriteString(margin + line)
			}
			continue
		}
		line := margin
		for j, word := range strings.Fields(paragraph) {
			switch {
			case j == 0:
				line += word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns:
				b.WriteString(line + "\n")
				line = margin + word
			default:
				line += " " + word
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
