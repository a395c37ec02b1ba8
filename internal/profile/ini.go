package profile

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/shell"
)

// File is a configuration file as written: sections and options in order, names unresolved.
type File struct {
	Path     string // where it was read from, for messages
	Sections []Section
}

// Section is one "[name]" of a file.
type Section struct {
	Name    string // between the brackets, as written
	Options []Option

	line   int // of the header, from 0
	indent int
}

// Option is one "name = value" of a section or, if Nested is not nil, the name of an indented
// block of settings.
type Option struct {
	Name   string // lower case when read: names are case-insensitive
	Value  string // continued lines are joined by newlines
	Nested []Pair

	line, end int // the lines it occupies, from 0, end exclusive
	indent    int
}

// Pair is one setting of an indented block. Unlike those of options, its name keeps its case.
type Pair struct {
	Name, Value string

	line int
}

// FileError says that a file cannot be parsed. Version 1 then ends with status 1, not 255.
type FileError struct {
	Path   string
	Line   int // from 1; 0 if no single line is wrong
	Reason string
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("Unable to parse config file: %s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("Unable to parse config file: %s: line %d: %s", e.Path, e.Line, e.Reason)
}

// Load reads and parses a file. Its sections hold what they inherit from [DEFAULT], too. If the
// path is not that of a regular file, or the file may not be read, the result has no sections:
// version 1 ignores both cases. The error is a *FileError.
func Load(path string) (*File, error) {
	data, err := readFile(path)
	if err != nil {
		return &File{Path: path}, nil
	}
	f, err := parse(path, string(data), true)
	if err != nil {
		return nil, err
	}
	return f.inherit(), nil
}

// defaults is the section whose options every other section of its file has, too, unless it has its
// own. Capitals matter: [default] is a profile.
const defaults = "DEFAULT"

// inherit returns the file as configparser shows it: without [DEFAULT], whose options are in the
// sections.
func (f *File) inherit() *File {
	common := f.section(defaults)
	if common == nil {
		return f
	}
	out := &File{Path: f.Path}
	for _, s := range f.Sections {
		if s.Name == defaults {
			continue
		}
		for _, o := range common.Options {
			if s.option(o.Name) == nil {
				s.Options = append(slices.Clip(s.Options), o)
			}
		}
		out.Sections = append(out.Sections, s)
	}
	return out
}

// readFile reads a regular file only: a directory counts as missing, and a pipe would block.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: %w", path, fs.ErrNotExist)
	}
	return os.ReadFile(path)
}

// ParseFlat parses a file without nested settings, such as the file of aliases: a value may begin
// on the line below its option.
func ParseFlat(path, text string) (*File, error) {
	f, err := parse(path, text, false)
	if err != nil {
		return nil, err
	}
	return f.inherit(), nil
}

// parse reads the text of a file by the rules of Python's configparser, the reader that
// version 1 inherits:
//
//   - "#" and ";" begin a comment only at the start of a line; inside a value they are text;
//   - "=" or ":" ends a name, whichever comes first;
//   - a line indented deeper than its option continues the option's value;
//   - a section or an option that occurs twice is an error, and so is a line that is neither. Only
//     [DEFAULT] may occur in pieces.
//
// With nested, an option without a value on its own line, but with lines that continue it, is a
// block of nested settings: each line must have an "=". The path is for messages only. The error
// is a *FileError.
func parse(path, text string, nested bool) (*File, error) {
	f := &File{Path: path}
	if !utf8.ValidString(text) {
		return nil, &FileError{path, 0, "not UTF-8 text"}
	}
	var (
		section *Section
		option  *Option  // the one that may be continued
		values  []string // its lines so far
		indent  int      // of the last section or option
	)
	finish := func() error {
		if option == nil {
			return nil
		}
		err := option.setLines(path, values, nested)
		option, values = nil, nil
		return err
	}
	for i, line := range splitLines(text) {
		content := python.Strip(line)
		if content == "" {
			if option != nil {
				values = append(values, "")
			}
			continue
		}
		if content[0] == '#' || content[0] == ';' {
			if option != nil {
				values = append(values, comment)
			}
			continue
		}
		depth := utf8.RuneCountInString(line[:strings.IndexFunc(line, notSpace)])
		if option != nil && depth > indent {
			values = append(values, content)
			option.end = i + 1
			continue
		}
		indent = depth
		if err := finish(); err != nil {
			return nil, err
		}
		fail := func(reason string) (*File, error) { return nil, &FileError{path, i + 1, reason} }
		if name, ok := header(content); ok {
			if section = f.section(name); section != nil {
				if name == defaults {
					continue
				}
				return fail(fmt.Sprintf("section [%s] occurs twice", name))
			}
			f.Sections = append(f.Sections, Section{Name: name, line: i, indent: depth})
			section = &f.Sections[len(f.Sections)-1]
			continue
		}
		if section == nil {
			return fail("text before the first [section]")
		}
		at := strings.IndexAny(content, "=:")
		if at < 0 {
			return fail("neither a [section] nor a name = value")
		}
		name := python.Lower(python.Strip(content[:at]))
		if name == "" {
			return fail("a value without a name")
		}
		if section.option(name) != nil {
			return fail(fmt.Sprintf("option %q occurs twice in [%s]", name, section.Name))
		}
		section.Options = append(section.Options, Option{Name: name, line: i, end: i + 1, indent: depth})
		option = &section.Options[len(section.Options)-1]
		values = append(values, python.Strip(content[at+1:]))
	}
	if err := finish(); err != nil {
		return nil, err
	}
	return f, nil
}

// comment stands for a comment line among the lines of a value, so that the line numbers of
// nested settings are right. No line of a value can be equal to it.
const comment = "\n"

func notSpace(r rune) bool { return !python.IsSpace(r) }

func splitLines(text string) []string { return strings.Split(python.UniversalNewlines(text), "\n") }

// header returns the name in a section line, which ends at the last bracket. The rest of the line
// is ignored.
func header(content string) (name string, ok bool) {
	end := strings.LastIndexByte(content, ']')
	if content[0] != '[' || end < 2 {
		return "", false
	}
	return content[1:end], true
}

// setLines sets the value of an option. lines begins with the option's own line.
func (o *Option) setLines(path string, lines []string, nested bool) error {
	first := o.line
	lines = lines[:o.end-first]
	if lines[0] != "" || len(lines) == 1 || !nested {
		o.Value = strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == comment }), "\n")
		return nil
	}
	o.Nested = []Pair{}
	for i, line := range lines {
		if line == "" || line == comment {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return &FileError{path, first + i + 1, fmt.Sprintf("a setting inside %q needs the form name = value", o.Name)}
		}
		o.Nested = append(o.Nested, Pair{python.Strip(name), python.Strip(value), first + i})
	}
	return nil
}

// section finds a section by the text between its brackets.
func (f *File) section(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name {
			return &f.Sections[i]
		}
	}
	return nil
}

// named finds the section of a kind ("profile", "services", "sso-session") and a name. The name
// may be quoted as in a shell. Of several sections with the name the last one counts.
func (f *File) named(kind, name string) *Section {
	for i := len(f.Sections) - 1; i >= 0; i-- {
		s := &f.Sections[i]
		if kind == "profile" && name == "default" && s.Name == "default" {
			return s
		}
		// Version 1 checks the beginning of the header, not its first word.
		if !strings.HasPrefix(s.Name, kind) {
			continue
		}
		if words, err := shell.Split(s.Name); err == nil && len(words) == 2 && words[1] == name {
			return s
		}
	}
	return nil
}

// option finds an option by its name in lower case. A nil section has none.
func (s *Section) option(name string) *Option {
	if s == nil {
		return nil
	}
	for i := range s.Options {
		if s.Options[i].Name == name {
			return &s.Options[i]
		}
	}
	return nil
}

// value returns the value of a plain option, "" if there is none or it is a block.
func (s *Section) value(name string) string {
	if o := s.option(name); o != nil {
		return o.Value
	}
	return ""
}

// pair finds a nested setting. If the name is repeated, the last one counts.
func (o *Option) pair(name string) *Pair {
	for i := len(o.Nested) - 1; i >= 0; i-- {
		if o.Nested[i].Name == name {
			return &o.Nested[i]
		}
	}
	return nil
}
