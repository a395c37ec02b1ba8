package profile_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
)

// dump writes what was parsed on one line: [section name="value" block{name="value"}].
func dump(f *profile.File) string {
	var b strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "[%s", s.Name)
		for _, o := range s.Options {
			if o.Nested == nil {
				fmt.Fprintf(&b, " %s=%q", o.Name, o.Value)
				continue
			}
			fmt.Fprintf(&b, " %s{", o.Name)
			for i, p := range o.Nested {
				fmt.Fprintf(&b, "%.*s%s=%q", i, " ", p.Name, p.Value)
			}
			b.WriteString("}")
		}
		b.WriteString("]")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", ``},
		{"plain", "[a]\nx = 1\ny: 2\nz=\n", `[a x="1" y="2" z=""]`},
		{"comments", "# c\n; c\n[a]\n# x = 1\ny = 2 # no\n  ; c\nz = ;3\n", `[a y="2 # no" z=";3"]`},
		{"names", "[Aa]\nXy Z = 1\n[aA]\n", `[Aa xy z="1"][aA]`},
		{"first delimiter", "[a]\nx:y = 1\nz = b:c=d\n", `[a x="y = 1" z="b:c=d"]`},
		{"continued", "[a]\nx = 1\n  2\n\n   3\n\ny = 4\n", `[a x="1\n2\n\n3" y="4"]`},
		{"comment inside", "[a]\nx = 1\n# c\n  2\n", `[a x="1\n2"]`},
		{"indented alike", "  [a]\n  x = 1\n  y = 2\nz = 3\n", `[a x="1" y="2" z="3"]`},
		{"header below an option", "[a]\nx = 1\n  [b]\n", `[a x="1\n[b]"]`},
		{"block", "[a]\nS3 =\n  Max = 1\n\n  # c\n  url = a=b\ny = 2\n", `[a s3{Max="1" url="a=b"} y="2"]`},
		{"no block", "[a]\nx =\n\n# c\n\n[b]\n", `[a x=""][b]`},
		{"line ends", "[a]\r\nx = 1\ry = 2", `[a x="1" y="2"]`},
		{"after the bracket", "[a] # c\nx = 1\n[b]c]\n", `[a x="1"][b]c]`},
		{"no section", "x = 1\n", "line 1: text before the first [section]"},
		{"byte order mark", "\ufeff[a]\n", "line 1: text before the first [section]"},
		{"no value", "[a]\n\nx\n", "line 3: neither a [section] nor a name = value"},
		{"open bracket", "[a]\n[b\n", "line 2: neither a [section] nor a name = value"},
		{"empty bracket", "[a]\n[]\n", "line 2: neither a [section] nor a name = value"},
		{"no name", "[a]\n= 1\n", "line 2: a value without a name"},
		{"pieces of DEFAULT", "[DEFAULT]\nx = 1\n[a]\n[DEFAULT]\ny = 2\n", `[DEFAULT x="1" y="2"][a]`},
		{"option twice in DEFAULT", "[DEFAULT]\nx = 1\n[DEFAULT]\nx = 2\n", `line 4: option "x" occurs twice in [DEFAULT]`},
		{"section twice", "[a]\n[b]\n[a]\n", "line 3: section [a] occurs twice"},
		{"option twice", "[a]\nx = 1\nX = 2\n", `line 3: option "x" occurs twice in [a]`},
		{"bad block", "[a]\nx =\n  y = 1\n\n  # c\n  z\n", `line 6: a setting inside "x" needs the form name = value`},
		{"not text", "[a]\nx = \xff\n", "not UTF-8 text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := profile.Parse("FILE", tt.text)
			if err != nil {
				if _, ok := errors.AsType[*profile.FileError](err); !ok {
					t.Fatalf("got %T, want a *FileError", err)
				}
				if got, want := err.Error(), "Unable to parse config file: FILE: "+tt.want; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				return
			}
			if got := dump(f); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestLoad: what is no readable file is a file without sections.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none"), filepath.Join(dir, "none", "none"), ""} {
		if f, err := profile.Load(path); err != nil || len(f.Sections) != 0 {
			t.Errorf("Load(%q): got %v, %v, want an empty file", path, f, err)
		}
	}
}

// TestLoad_inherits: every section has the options of [DEFAULT], which itself is none.
func TestLoad_inherits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	text := "[a]\nx = own\n[DEFAULT]\nx = 1\ns3 =\n  y = 2\n[b]\n[DEFAULT]\nz = 3\n[default]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := profile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[a x="own" s3{y="2"} z="3"][b x="1" s3{y="2"} z="3"][default x="1" s3{y="2"} z="3"]`
	if got := dump(f); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// write is a shorthand for options in tests: "a=1", "b.c=2".
func write(settings ...string) (options []profile.Option) {
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		if block, inner, ok := strings.Cut(name, "."); ok {
			options = append(options, profile.Option{Name: block, Nested: []profile.Pair{{Name: inner, Value: value}}})
		} else {
			options = append(options, profile.Option{Name: name, Value: value})
		}
	}
	return options
}

func TestSet(t *testing.T) {
	for _, tt := range []struct {
		name, before, section string
		options               []profile.Option
		after                 string
	}{
		{"new file", "", "default", write("a=1", "b=2"), "[default]\na = 1\nb = 2\n"},
		{"new section", "[default]\na = 1\n", "profile q", write("a=2"), "[default]\na = 1\n[profile q]\na = 2\n"},
		{"new section, no final newline", "[default]\na = 1", "p", write("a=2"), "[default]\na = 1\n[p]\na = 2\n"},
		{"new section, other line ends", "[default]\r\na = 1\r\n", "p", write("a=2"), "[default]\r\na = 1\r\n[p]\na = 2\n"},
		{"other line ends", "[a]\r\nx = 1\r\n", "a", write("y=2"), "[a]\nx = 1\ny = 2\n"},
		{"new section without options", "", "default", nil, "[default]\n"},
		{"replace", "# c\n[default]\na: 1\nb = 2\n[p]\na = 3\n", "default", write("a=x"), "# c\n[default]\na = x\nb = 2\n[p]\na = 3\n"},
		{"replace, other spelling", "[a]\nXy=1\n", "a", write("xY=2"), "[a]\nxY = 2\n"},
		{"replace a continued value", "[a]\nx = 1\n  2\ny = 3\n", "a", write("x=4"), "[a]\nx = 4\ny = 3\n"},
		{"replace keeps the margin", "[a]\n  x = 1\n  y = 2\n", "a", write("x=3"), "[a]\n  x = 3\n  y = 2\n"},
		{"replace with nothing", "[a]\nx = 1\n", "a", write("x="), "[a]\nx = \n"},
		{"a comment is no option", "[a]\n# x = 1\ny = 2\n", "a", write("x=3"), "[a]\n# x = 1\ny = 2\nx = 3\n"},
		{"add after the last option", "[a]\nx = 1\n\n# about b\n[b]\n", "a", write("y=2", "z=3"), "[a]\nx = 1\ny = 2\nz = 3\n\n# about b\n[b]\n"},
		{"add to the last section", "[a]\nx = 1\n# the end\n", "a", write("y=2"), "[a]\nx = 1\n# the end\ny = 2\n"},
		{"add to an empty section", "[a]\n[b]\n", "a", write("y=2"), "[a]\ny = 2\n[b]\n"},
		{"add above a deeper header", "[a]\n  [b]\n", "a", write("y=2"), "[a]\n  y = 2\n  [b]\n"},
		{"add after a block", "[a]\ns3 =\n  x = 1\n[b]\n", "a", write("x=2"), "[a]\ns3 =\n  x = 1\nx = 2\n[b]\n"},
		{"replace and add", "[a]\nx = 1\n[b]\n", "a", write("y=2", "x=3"), "[a]\nx = 3\ny = 2\n[b]\n"},
		{"new block", "[a]\nx = 1\n[b]\n", "a", write("s3.y=2"), "[a]\nx = 1\ns3 =\n    y = 2\n[b]\n"},
		{"block: replace", "[a]\ns3 =\n  x = 1\n  y = 2\nx = 3\n", "a", write("s3.x=4"), "[a]\ns3 =\n  x = 4\n  y = 2\nx = 3\n"},
		{"block: add", "[a]\ns3 =\n  x = 1\nx = 3\n", "a", write("s3.y=4"), "[a]\ns3 =\n  x = 1\n    y = 4\nx = 3\n"},
		{"block: add, and an option", "[a]\ns3 =\n  x = 1\n[b]\n", "a", write("z=5", "s3.y=4"), "[a]\ns3 =\n  x = 1\n    y = 4\nz = 5\n[b]\n"},
		{"block: from nothing", "[a]\ns3 =\nx = 3\n", "a", write("s3.y=4"), "[a]\ns3 =\n    y = 4\nx = 3\n"},
		{"block over a value", "[a]\ns3 = 1\nx = 3\n", "a", write("s3.y=4"), "[a]\ns3 =\n    y = 4\nx = 3\n"},
		{"value over a block", "[a]\ns3 =\n  y = 4\nx = 3\n", "a", write("s3=1"), "[a]\ns3 = 1\nx = 3\n"},
		{"quoted otherwise", "[profile \"a b\"]\nx = 1\n", "profile 'a b'", write("x=2"), "[profile \"a b\"]\nx = 2\n"},
		{"line ends become one kind", "[a]\r\nx = 1\r\n", "a", write("y=2"), "[a]\nx = 1\ny = 2\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := profile.Set(path, tt.section, tt.options...); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.after {
				t.Errorf("got  %q\nwant %q", got, tt.after)
			}
		})
	}
}

// TestSet_refused: what could not be read back is not written, and nothing else either.
func TestSet_refused(t *testing.T) {
	for _, tt := range []struct {
		name, before, section string
		option                profile.Option
		want                  string
	}{
		{"newline", "[a]\n", "a", profile.Option{Name: "x", Value: "1\ny = 2"}, "Invalid value for key x: newline characters and carriage returns are not allowed."},
		{"newline in a block", "[a]\n", "a", profile.Option{Name: "b", Nested: []profile.Pair{{Name: "x", Value: "1\r"}}}, "Invalid value for key x: newline characters and carriage returns are not allowed."},
		{"name with a delimiter", "[a]\n", "a", profile.Option{Name: "x=y"}, `"x=y" = "" cannot be written to a configuration file`},
		{"no name", "[a]\n", "a", profile.Option{}, `"" = "" cannot be written to a configuration file`},
		{"comment", "[a]\n", "a", profile.Option{Name: "#x"}, `"#x" = "" cannot be written to a configuration file`},
		{"no section", "[a]\n", "", profile.Option{Name: "x"}, `"" cannot be the name of a section`},
		{"broken file", "nonsense\n", "a", profile.Option{Name: "x"}, "Unable to parse config file: FILE: line 1: text before the first [section]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			err := profile.Set(path, tt.section, tt.option)
			if err == nil || strings.ReplaceAll(err.Error(), path, "FILE") != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if got, _ := os.ReadFile(path); string(got) != tt.before {
				t.Errorf("file: got %q, want %q", got, tt.before)
			}
		})
	}
}

// TestSet_file: modes, directories, links, and no leftovers.
func TestSet_file(t *testing.T) {
	dir := t.TempDir()
	mode := func(path string) os.FileMode {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	path := filepath.Join(dir, "x", "y", "config")
	if err := profile.Set(path, "a", write("b=c")...); err != nil {
		t.Fatal(err)
	}
	if got := mode(path); got != 0o600 {
		t.Errorf("new file: got %v, want %v", got, os.FileMode(0o600))
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := profile.Set(link, "a", write("b=d")...); err != nil {
		t.Fatal(err)
	}
	if mode(link)&os.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	if got := mode(path); got != 0o640 {
		t.Errorf("old file: got %v, want %v", got, os.FileMode(0o640))
	}
	if got, _ := os.ReadFile(path); string(got) != "[a]\nb = d\n" {
		t.Errorf("got %q where the link leads", got)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("got %v, want nothing beside the file", entries)
	}

	device := mode(os.DevNull)
	if err := profile.Set(os.DevNull, "a", write("b=c")...); err != nil || mode(os.DevNull) != device {
		t.Errorf("got error %v and a file of mode %v, want %s as it was", err, mode(os.DevNull), os.DevNull)
	}
}

func TestVariable(t *testing.T) {
	const config = "[default]\nregion = r\ns3 =\n  a = b\n[profile p]\nregion = pr\n[preview]\nx = true\n[profile s3]\na = other\n"
	const block = "varname (%s) must reference a value, not a section or sub-section."
	for _, tt := range []struct {
		name string
		env  []string
		want string // "-" for not found
	}{
		{"region", nil, "r"}, {"region", []string{"AWS_PROFILE=p", "AWS_DEFAULT_REGION=e"}, "pr"}, {"key", nil, "file"},
		{"region", []string{"AWS_PROFILE=nope"}, "The config profile (nope) could not be found"},
		{"Region", nil, "-"}, {"nope", nil, "-"}, {"profile", nil, "-"}, {"default", nil, "-"},
		{"default.region", []string{"AWS_PROFILE=nope"}, "r"}, {"profile.p.region", nil, "pr"}, {"p.region", nil, "pr"},
		{"c.key", nil, "other"}, {"profile.zz.region", nil, "-"}, {"zz.region", nil, "-"}, {"default.s3.a", nil, "b"},
		{"s3.a", nil, "other"}, {"p.s3.a", nil, "-"}, {"default.s3.z", nil, "-"}, {"default.region.x", nil, "-"},
		{"s3", nil, fmt.Sprintf(block, "s3")}, {"default.s3.a.b", nil, fmt.Sprintf(block, "default.s3.a.b")},
		{"preview.x", nil, "true"}, {"preview.y", nil, "-"}, {".region", nil, "-"}, {"region.", nil, "-"},
		{"profile.p", nil, "profile.p names a profile, not one of its settings: add a dot and the setting's name"},
	} {
		s, _ := setup(t, map[string]string{"config": config, "credentials": "[default]\nkey = file\n[c]\nkey = other\n"}, tt.env, profile.Flags{})
		got, found, err := s.Variable(tt.name)
		switch {
		case err != nil:
			got = err.Error()
		case !found:
			got = "-"
		}
		if got != tt.want {
			t.Errorf("Variable(%q) with %q: got %s, want %s", tt.name, tt.env, got, tt.want)
		}
	}
}

func TestSetVariable(t *testing.T) {
	const before = "[default]\nregion = a\n[profile p]\nregion = b\n"
	for _, tt := range []struct {
		name                string
		profile             string
		config, credentials string // after; "" for as before
	}{
		{"region", "", "[default]\nregion = v\n[profile p]\nregion = b\n", ""},
		{"region", "p", "[default]\nregion = a\n[profile p]\nregion = v\n", ""},
		{"region", "a b", before + "[profile 'a b']\nregion = v\n", ""},
		{"region", "it's", before + "[profile 'it'\"'\"'s']\nregion = v\n", ""},
		{"default.region", "p", "[default]\nregion = v\n[profile p]\nregion = b\n", ""},
		{"profile.q.region", "p", before + "[profile q]\nregion = v\n", ""},
		{"s3.x", "", "[default]\nregion = a\ns3 =\n    x = v\n[profile p]\nregion = b\n", ""},
		{"profile.p.s3.x", "", before + "s3 =\n    x = v\n", ""},
		{"preview.x", "p", before + "[preview]\nx = v\n", ""},
		{"aws_access_key_id", "", "", "[default]\naws_access_key_id = v\n"},
		{"aws_secret_access_key", "a b", "", "[a b]\naws_secret_access_key = v\n"},
		{"profile.p.aws_session_token", "", "", "[p]\naws_session_token = v\n"},
	} {
		t.Run(tt.name+" "+tt.profile, func(t *testing.T) {
			s, home := setup(t, map[string]string{"config": before}, nil, named(tt.profile))
			if err := s.SetVariable(tt.name, "v"); err != nil {
				t.Fatal(err)
			}
			if tt.config == "" {
				tt.config = before
			}
			for name, want := range map[string]string{"config": tt.config, "credentials": tt.credentials} {
				if got, _ := os.ReadFile(filepath.Join(home, ".aws", name)); string(got) != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			// What was set is seen at once, by the name that a reader uses.
			if got, found, err := s.Variable(tt.name); got != "v" || !found || err != nil {
				t.Errorf("Variable(%q) afterwards: got %q, %v, %v", tt.name, got, found, err)
			}
		})
	}
	s, _ := setup(t, map[string]string{"config": "nonsense\n"}, nil, profile.Flags{})
	err := s.SetVariable("aws_access_key_id", "v")
	if _, ok := errors.AsType[*profile.FileError](err); !ok {
		t.Errorf("with a broken config file: got %v, want a FileError", err)
	}
	if err := s.SetVariable("profile.q", "v"); err == nil {
		t.Error("SetVariable of a profile: got no error")
	}

	// Names that are too long, of which version 1 takes what it can use.
	s, home := setup(t, nil, nil, profile.Flags{})
	for _, name := range []string{"a.b.c", "default.d.e.f", "profile.p.g.h.i", "plugins.j.k"} {
		if err := s.SetVariable(name, "v"); err != nil {
			t.Errorf("SetVariable(%q): %v", name, err)
		}
	}
	got, _ := os.ReadFile(filepath.Join(home, ".aws", "config"))
	if want := "[default]\na = v\nd = v\nplugins.j.k = v\n[profile p]\ng = v\n"; string(got) != want {
		t.Errorf("long names: got %q, want %q", got, want)
	}
}

// FuzzINI: no text makes Parse fail badly; what Set writes into a file that parses is what
// Parse reads from it, and nothing else has changed.
func FuzzINI(f *testing.F) {
	f.Add("[a]\nx = 1\n  2\ns3 =\n  y = z\n# c\n[b]\n", "a", "x", "", "v")
	f.Add("[a]\n  [b]\n", "a", "x", "y", " v ")
	f.Add("\t[a]\n\tx =\n\t\ty = 1\n\n \n[b] # c\nx : 2\n", "a", "X", "y", "")
	f.Add("", "profile 'a b'", "x", "", "=")
	f.Add("[profile \"a b\"]\n", "profile 'a b'", "x", "", "[c]")
	f.Add("[DEFAULT]\nx = 1\n[a]\n[DEFAULT]\ny = 2\n", "DEFAULT", "x", "", "v")
	f.Add("", "a", "x\xc3", "", "\xa9") // valid only when put together
	f.Fuzz(func(t *testing.T, text, section, name, inner, value string) {
		before, err := profile.Parse("FILE", text)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o := profile.Option{Name: name, Value: value}
		if inner != "" {
			o = profile.Option{Name: name, Nested: []profile.Pair{{Name: inner, Value: value}}}
		}
		if err := profile.Set(path, section, o); err != nil {
			if _, broken := errors.AsType[*profile.FileError](err); broken {
				t.Fatalf("Set wrote, or would have written, what does not parse: %v", err)
			}
			return
		}
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		after, err := profile.Parse(path, string(written))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(before.Sections, func(s profile.Section) bool { return s.Name != section && strings.HasPrefix(s.Name, "profile") }) {
			return // it may be the same section, quoted otherwise
		}
		want := flat(before)
		at := section + "\n" + python.Lower(name)
		maps.DeleteFunc(want, func(key, _ string) bool {
			return key == at || inner == "" && strings.HasPrefix(key, at+"\n")
		})
		if inner != "" {
			at += "\n" + inner
		}
		want[at] = python.Strip(value)
		want[section] = ""
		if got := flat(after); !maps.Equal(got, want) {
			t.Errorf("setting %q in %q:\ngot  %q\nwant %q", at, text, got, want)
		}
	})
}

// flat makes a map of a file: "section", "section\noption" and "section\noption\nnested".
func flat(f *profile.File) map[string]string {
	m := map[string]string{}
	for _, s := range f.Sections {
		m[s.Name] = ""
		for _, o := range s.Options {
			if o.Nested == nil {
				m[s.Name+"\n"+o.Name] = o.Value
			}
			for _, p := range o.Nested {
				m[s.Name+"\n"+o.Name+"\n"+p.Name] = p.Value
			}
		}
	}
	return m
}
