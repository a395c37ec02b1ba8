package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/shell"
)

// BlockError says that a variable names a block of nested settings. `aws configure get` prints it
// without a final newline and ends with status 1.
type BlockError struct{ Variable string }

func (e BlockError) Error() string {
	return fmt.Sprintf("varname (%s) must reference a value, not a section or sub-section.", e.Variable)
}

// standalone reports whether a section is no profile, but may be named in a variable.
func standalone(section string) bool { return section == "preview" || section == "plugins" }

// Variable returns what `aws configure get` prints for a name: an option of the chosen profile
// ("region"), one of another profile ("default.region", "profile.p.region", "p.region"), a
// nested setting of either ("s3.max_bandwidth", "p.s3.max_bandwidth"), or one of the sections
// [preview] and [plugins]. Only the first form reports a chosen profile that does not exist.
func (s *Settings) Variable(name string) (value string, found bool, err error) {
	parts := strings.Split(name, ".")
	profile := s.profileName()
	switch {
	case len(parts) == 1:
		if err := s.Check(); err != nil {
			return "", false, err
		}
	case len(parts) == 2 && standalone(parts[0]):
		config, _, err := s.files()
		if err != nil {
			return "", false, err
		}
		if section := config.section(parts[0]); section.option(parts[1]) != nil {
			return nestedValue(name, section.option(parts[1]), nil)
		}
		profile, parts = parts[0], parts[1:]
	case parts[0] == "profile" && len(parts) == 2:
		return "", false, errorf("%s names a profile, not one of its settings: add a dot and the setting's name", name)
	case parts[0] == "profile":
		profile, parts = parts[1], parts[2:]
	default:
		config, credentials, err := s.files()
		if err != nil {
			return "", false, err
		}
		if parts[0] == "default" || config.named("profile", parts[0]) != nil || credentials.section(parts[0]) != nil {
			profile, parts = parts[0], parts[1:]
		}
	}
	o, _, err := s.lookup(profile, parts[0])
	if o == nil || err != nil {
		return "", false, err
	}
	return nestedValue(name, o, parts[1:])
}

// nestedValue returns the value of an option, or of the nested setting that rest names.
func nestedValue(variable string, o *Option, rest []string) (string, bool, error) {
	if len(rest) == 1 {
		if p := o.pair(rest[0]); p != nil {
			return p.Value, true, nil
		}
		return "", false, nil
	}
	if o.Nested != nil {
		return "", false, BlockError{variable}
	}
	return o.Value, true, nil
}

// SetVariable does the work of `aws configure set`: it writes access keys and tokens to the
// credentials file, and all else to the config file. A name has the forms of [Settings.Variable],
// except that a profile needs "profile." in front.
func (s *Settings) SetVariable(name, value string) error {
	if _, _, err := s.files(); err != nil {
		return err
	}
	parts := strings.Split(name, ".")
	profile := s.profileName()
	switch {
	case parts[0] == "default" && len(parts) > 1:
		profile, parts = parts[0], parts[1:]
	case parts[0] == "profile" && len(parts) > 2:
		profile, parts = parts[1], parts[2:]
	case parts[0] == "profile" && len(parts) == 2:
		return errorf("%s names a profile, not one of its settings: add a dot and the setting's name", name)
	case standalone(parts[0]) && len(parts) == 2:
		profile, parts = parts[0], parts[1:]
	case standalone(parts[0]):
		parts = []string{name}
	}
	// Settings nest one level deep. Version 1 takes the first part of a longer name.
	o := Option{Name: parts[0], Value: value}
	if len(parts) == 2 {
		o = Option{Name: parts[0], Nested: []Pair{{Name: parts[1], Value: value}}}
	}
	switch parts[0] {
	case "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token":
		return s.SetCredentials(profile, o)
	}
	return s.SetConfig(profile, o)
}

// SetConfig sets options of a profile, or of [preview] or [plugins], in the config file. Without
// options it only makes sure that the section exists.
func (s *Settings) SetConfig(profile string, options ...Option) error {
	section := profile
	if profile != "default" && !standalone(profile) {
		section = "profile " + shellWord(profile)
	}
	return s.set(&s.config, s.ConfigFile(), section, options)
}

// SetCredentials sets options of a profile in the credentials file. It warns of a file that other
// users may read or write.
func (s *Settings) SetCredentials(profile string, options ...Option) error {
	if err := s.set(&s.credentials, s.CredentialsFile(), profile, options); err != nil {
		return err
	}
	path := s.env.Expand(s.CredentialsFile())
	if info, err := os.Stat(path); err == nil && s.Warn != nil && openToOthers(info) {
		s.Warn(fmt.Sprintf("The file '%s' is accessible by other users. "+
			"Consider running 'chmod 600 %s' to restrict access to only your user.", path, path))
	}
	return nil
}

// NarrowCredentials takes from other users what they may do with the credentials file, and returns
// its path if there was anything to take.
func (s *Settings) NarrowCredentials() (narrowed string, err error) {
	path := s.env.Expand(s.CredentialsFile())
	info, err := os.Stat(path)
	if err != nil || !openToOthers(info) {
		return "", nil // a file to be is made for its owner only
	}
	return path, os.Chmod(path, info.Mode().Perm()&0o700)
}

// openToOthers reports whether a file is for more than its owner. Windows keeps that elsewhere than
// in the mode.
func openToOthers(info os.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

func (s *Settings) set(l *loaded, name, section string, options []Option) error {
	*l = loaded{} // so that it is read again
	return setOptions(s.env.Expand(name), section, options...)
}

// shellWord quotes a name where [shell.Split] would not give it back.
func shellWord(name string) string {
	if words, err := shell.Split(name); err == nil && len(words) == 1 && words[0] == name {
		return name
	}
	return shell.Quote(name)
}

// setOptions sets options in one section of a file and leaves everything else as it is: comments,
// order, other sections. New options are added at the end of the section, new nested settings at
// the end of their block, a new section at the end of the file. A missing file is created,
// readable by its owner only, with the directories above it.
//
// The file is replaced in one step, so that a reader sees the old or the new text. A symbolic link
// stays one. Nothing is written if the file cannot be parsed (a *FileError), if a name or value
// could not be read back, or if nothing changes. Blanks around a value are written, but a reader
// ignores them.
func setOptions(path, section string, options ...Option) error {
	if err := writable(section, options); err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil && (path == "" || !os.IsNotExist(err)) {
		return &WriteError{path, err}
	}
	f, err := parse(path, string(old), true)
	if err != nil {
		return err
	}
	text := f.with(section, options, string(old))
	if text == string(old) {
		return nil
	}
	if _, err := parse(path, text, true); err != nil {
		return fmt.Errorf("setting options of [%s]: %w", section, err)
	}
	if err := replace(path, text); err != nil {
		return &WriteError{path, err}
	}
	return nil
}

// WriteError is why a file of settings cannot be read or written.
type WriteError struct {
	Path string
	Err  error // of the system
}

func (e *WriteError) Error() string { return e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// writable reports names and values that could not be read back.
func writable(section string, options []Option) error {
	if section == "" || strings.ContainsAny(section, "\r\n") || !utf8.ValidString(section) {
		return errorf("%q cannot be the name of a section", section)
	}
	check := func(name, value string) error {
		if strings.ContainsAny(value, "\r\n") {
			return errorf("Invalid value for key %s: newline characters and carriage returns are not allowed.", name)
		}
		if name == "" || name != python.Strip(name) || strings.ContainsAny(name, "=:\r\n") ||
			strings.ContainsRune("#;[", rune(name[0])) || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return errorf("%q = %q cannot be written to a configuration file", name, value)
		}
		return nil
	}
	for _, o := range options {
		if err := check(o.Name, o.Value); err != nil {
			return err
		}
		for _, p := range o.Nested {
			if err := check(p.Name, p.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// edit replaces the lines from start to before end; at start == end it inserts.
type edit struct {
	start, end int
	lines      []string
}

// with returns the text of the file with options set in a section. A new section leaves the text
// before it as it is; any other change turns all line ends into line feeds.
func (f *File) with(section string, options []Option, text string) string {
	at := f.find(section)
	if at < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		added := []string{"[" + section + "]"}
		for _, o := range options {
			added = append(added, o.render("")...)
		}
		return text + strings.Join(added, "\n") + "\n"
	}
	lines := splitLines(text)
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	s := &f.Sections[at]
	var edits []edit
	var added []string
	last, indent := s.line+1, s.indent
	if n := len(s.Options); n > 0 {
		last, indent = s.Options[n-1].end, s.Options[n-1].indent
	} else if at+1 < len(f.Sections) {
		// A header indented deeper than the new option would continue its value.
		indent = max(indent, f.Sections[at+1].indent)
	}
	for _, o := range options {
		old := s.option(python.Lower(o.Name))
		if old == nil {
			added = append(added, o.render(strings.Repeat(" ", indent))...)
			continue
		}
		margin := leading(lines[old.line])
		if o.Nested == nil || old.Nested == nil && old.Value != "" {
			edits = append(edits, edit{old.line, old.end, o.render(margin)})
			continue
		}
		var more []string
		for _, p := range o.Nested {
			if was := old.pair(p.Name); was != nil {
				edits = append(edits, edit{was.line, was.line + 1, []string{leading(lines[was.line]) + p.Name + " = " + p.Value}})
			} else {
				more = append(more, margin+"    "+p.Name+" = "+p.Value)
			}
		}
		edits = append(edits, edit{old.end, old.end, more})
	}
	// Version 1 leaves one line, a comment or a blank one, above what it adds to the last section.
	if at == len(f.Sections)-1 && last < len(lines) {
		last++
	}
	edits = append(edits, edit{last, last, added})
	slices.SortStableFunc(edits, func(a, b edit) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return a.end - b.end
	})
	var out []string
	done := 0
	for _, e := range edits {
		if e.start == e.end && len(e.lines) == 0 {
			continue
		}
		out = append(append(out, lines[done:e.start]...), e.lines...)
		done = e.end
	}
	end := "\n"
	if done < len(lines) && !strings.HasSuffix(text, "\n") {
		end = "" // the last line stays as it is
	}
	return strings.Join(append(out, lines[done:]...), "\n") + end
}

// find returns the index of a section, however the name of its profile is quoted, or -1.
func (f *File) find(name string) int {
	same := func(s Section) bool { return s.Name == name }
	if i := slices.IndexFunc(f.Sections, same); i >= 0 {
		return i
	}
	words, err := shell.Split(name)
	if err != nil || len(words) != 2 || words[0] != "profile" {
		return -1
	}
	return slices.IndexFunc(f.Sections, func(s Section) bool {
		other, err := shell.Split(s.Name)
		return err == nil && slices.Equal(words, other)
	})
}

func (o Option) render(margin string) []string {
	if o.Nested == nil {
		return []string{margin + o.Name + " = " + o.Value}
	}
	lines := []string{margin + o.Name + " ="}
	for _, p := range o.Nested {
		lines = append(lines, margin+"    "+p.Name+" = "+p.Value)
	}
	return lines
}

func leading(line string) string { return line[:strings.IndexFunc(line, notSpace)] }

// replace replaces a file in one step for every reader, also where a symbolic link leads to it. The
// new file keeps the permissions of the old one. What is no regular file, such as /dev/null, is
// written to as it is.
func replace(path, text string) error {
	mode := os.FileMode(0o600)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
		if info, err := os.Stat(path); err == nil {
			if !info.Mode().IsRegular() {
				return os.WriteFile(path, []byte(text), mode)
			}
			mode = info.Mode().Perm()
		}
	}
	if err := atomicfile.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, []byte(text), mode)
}
