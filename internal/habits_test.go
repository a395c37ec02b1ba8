package internal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// source is a Go file of ours.
type source struct {
	path string // from the root
	text *ast.File
	set  *token.FileSet
}

func (s source) place(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(n.Pos()).Line)
}

// forTests reports whether the file is part of no program.
func (s source) forTests() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "internal/store/storetest/") || strings.HasPrefix(s.path, "internal/disktest/")
}

// sources parses all Go files of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || path != ".." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{strings.TrimPrefix(filepath.ToSlash(path), "../"), file, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 200 {
		t.Fatalf("found %d files: where are the others?", len(all))
	}
	return all
}

func path(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value) // it has been parsed
	return path
}

// Imports stand in one declaration, in blocks: the standard library, the modules of others, ours.
func TestHabits_imports(t *testing.T) {
	kind := func(path string) int {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case strings.HasPrefix(path, module):
			return 2
		case strings.Contains(first, "."):
			return 1
		}
		return 0
	}
	for _, s := range sources(t) {
		declared := 0
		for _, d := range s.text.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
				declared++
			}
		}
		if declared > 1 {
			t.Errorf("%s has %d import declarations, want one", s.path, declared)
		}
		for i, spec := range s.text.Imports {
			if i == 0 {
				continue
			}
			former := s.text.Imports[i-1]
			begin := spec.Pos()
			if spec.Doc != nil {
				begin = spec.Doc.Pos()
			}
			apart := s.set.Position(begin).Line - s.set.Position(former.End()).Line
			switch was, is := kind(path(former)), kind(path(spec)); {
			case is < was:
				t.Errorf("%s: %s comes after %s: the standard library first, then others, then ours", s.place(spec), path(spec), path(former))
			case is == was && apart != 1:
				t.Errorf("%s: %s belongs in the block before it", s.place(spec), path(spec))
			case is > was && apart == 1:
				t.Errorf("%s: %s begins a block: put an empty line before it", s.place(spec), path(spec))
			}
		}
	}
}

// Errors are told apart by errors.Is and errors.AsType, which look into what wraps them. A type
// assertion does not, and errors.As needs a variable.
func TestHabits_errors(t *testing.T) {
	isErr := func(x ast.Expr) bool {
		name, ok := x.(*ast.Ident)
		return ok && (name.Name == "err" || strings.HasSuffix(name.Name, "Err"))
	}
	for _, s := range sources(t) {
		ast.Inspect(s.text, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "errors" && n.Sel.Name == "As" {
					t.Errorf("%s: use errors.AsType", s.place(n))
				}
			case *ast.TypeAssertExpr:
				if isErr(n.X) {
					t.Errorf("%s: an error is asserted to be of a type: use errors.AsType", s.place(n))
				}
			}
			return true
		})
	}
}

// Each package has one comment, which says what it is for.
func TestHabits_packageComments(t *testing.T) {
	comments := make(map[string]int)
	for _, s := range sources(t) {
		dir := filepath.ToSlash(filepath.Dir(s.path))
		if dir != "internal" && strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		comments[dir] += 0
		if s.text.Doc == nil {
			continue
		}
		comments[dir]++
		name := s.text.Name.Name
		want := "Package " + name + " "
		if name == "main" {
			base := filepath.Base(dir)
			want = strings.ToUpper(base[:1]) + base[1:] + " "
		}
		if got := s.text.Doc.Text(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: the comment begins with %.30q, want %q", s.path, got, want)
		}
	}
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, n)
		}
	}
}

// go.mod lists in a block of their own the modules that only tests import.
func TestHabits_testDependencies(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool) // modules, by whether a program links them
	block := func(after string) (modules []string) {
		_, rest, found := strings.Cut(string(text), after+"\nrequire (\n")
		if !found {
			t.Fatalf("go.mod has no block after %q", after)
		}
		rest, _, _ = strings.Cut(rest, "\n)")
		for line := range strings.Lines(rest) {
			modules = append(modules, strings.Fields(line)[0])
		}
		return modules
	}
	linked, tested := block("go 1.26.0\n"), block("// For tests only: nothing else imports these.")
	all := slices.Concat(linked, tested)
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, "internal/chime/extract/") { // another module
			continue
		}
		for _, spec := range s.text.Imports {
			best := ""
			for _, module := range all {
				if (path(spec) == module || strings.HasPrefix(path(spec), module+"/")) && len(module) > len(best) {
					best = module
				}
			}
			if best != "" {
				used[best] = used[best] || !s.forTests()
			}
		}
	}
	for module, inProgram := range used {
		switch {
		case inProgram && slices.Contains(tested, module):
			t.Errorf("go.mod lists %s as for tests only, and a program imports it", module)
		case !inProgram && slices.Contains(linked, module):
			t.Errorf("only tests import %s: move it to the block of go.mod for tests", module)
		}
	}
	if len(used) != len(all) {
		t.Errorf("used are %v, and go.mod lists %v", slices.Sorted(maps.Keys(used)), all)
	}
}

// Comments on lines of their own wrap at 100 columns, a tab being one.
func TestHabits_commentWidth(t *testing.T) {
	const most = 100
	for _, s := range sources(t) {
		if ast.IsGenerated(s.text) {
			continue
		}
		text, err := os.ReadFile("../" + s.path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, group := range s.text.Comments {
			for _, c := range group.List {
				number := s.set.Position(c.Pos()).Line
				line := lines[number-1]
				if alone := strings.HasPrefix(strings.TrimSpace(line), "// "); alone && utf8.RuneCountInString(line) > most {
					t.Errorf("%s: the comment is wider than %d columns", s.place(c), most)
				}
			}
		}
	}
}
