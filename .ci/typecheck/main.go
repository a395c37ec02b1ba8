// Typecheck checks that all packages and their tests compile for other systems, each GOOS/GOARCH. It
// reads only the declarations of other modules and generates no code, which takes seconds where a
// build takes minutes. A release is built for real.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	failed := false
	for _, system := range os.Args[1:] {
		n, errs := check(system)
		said := map[string]bool{} // a package is checked again as its tests see it
		for _, err := range errs {
			if text := err.Error(); !said[text] {
				said[text] = true
				fmt.Fprintln(os.Stderr, text)
			}
		}
		failed = failed || len(errs) > 0
		fmt.Printf("%s: %d packages of ours\n", system, n)
	}
	if failed {
		os.Exit(1)
	}
}

// listed is what go list says of a package.
type listed struct {
	Dir, ImportPath string
	GoFiles         []string
	ImportMap       map[string]string
	Standard        bool
	Module          *struct{ Main bool }
	Error           *struct{ Err string }
}

// check checks one system and returns the number of our packages, tests apart.
func check(system string) (ours int, errs []error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return 0, []error{fmt.Errorf("%q is not GOOS/GOARCH", system)}
	}
	list := exec.Command("go", "list", "-e", "-deps", "-test", "-json=Dir,ImportPath,GoFiles,ImportMap,Standard,Module,Error", "./...")
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return 0, []error{fmt.Errorf("listing packages: %w", err)}
	}
	set := token.NewFileSet()
	done := map[string]*types.Package{"unsafe": types.Unsafe}
	sizes := types.SizesFor("gc", goarch)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; { // what is imported comes first
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return ours, append(errs, err)
		}
		if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") { // the latter is generated
			continue
		}
		mine := p.Module != nil && p.Module.Main
		if p.Error != nil && mine {
			errs = append(errs, errors.New(p.Error.Err))
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil && mine {
				errs = append(errs, err)
			}
			if f == nil {
				continue
			}
			if !mine {
				dropBodies(f)
			}
			files = append(files, f)
		}
		config := types.Config{
			Sizes:            sizes,
			IgnoreFuncBodies: !mine,
			FakeImportC:      true,
			Importer: importer(func(path string) (*types.Package, error) {
				if mapped := p.ImportMap[path]; mapped != "" {
					path = mapped
				}
				if known := done[path]; known != nil {
					return known, nil
				}
				return nil, fmt.Errorf("there is no package %s", path)
			}),
			Error: func(err error) {
				if mine {
					errs = append(errs, err)
				}
			},
		}
		path, _, _ := strings.Cut(p.ImportPath, " ") // "PATH [PATH.test]" is PATH as its tests see it
		done[p.ImportPath], _ = config.Check(path, set, files, nil)
		if mine && path == p.ImportPath {
			ours++
		}
	}
	if ours == 0 {
		errs = append(errs, errors.New("no package of ours was found"))
	}
	return ours, errs
}

// dropBodies makes declarations of functions, which are all that others see of them.
func dropBodies(f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			fn.Body = nil
		}
	}
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }
