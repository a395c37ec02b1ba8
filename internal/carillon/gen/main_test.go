package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/carillon"
)

// The pages in the repository are those of the commands as they are.
func TestFiles(t *testing.T) {
	const root = "../../.."
	want := files(carillon.Pages())
	if len(want) < 60 {
		t.Fatalf("got %d files, want two for each command", len(want))
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(got) != text {
			t.Errorf("%s (%v) is not what the commands declare: run go generate ./internal/carillon", name, err)
		}
	}
	for _, dir := range []string{reference, manual} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if want[dir+"/"+entry.Name()] == "" {
				t.Errorf("%s/%s belongs to no command: run go generate ./internal/carillon", dir, entry.Name())
			}
		}
	}
}

// Links in the pages lead somewhere, and lines are not too long.
func TestFiles_Markdown(t *testing.T) {
	all := files(carillon.Pages())
	for name, text := range all {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for line := range strings.Lines(text) {
			if len([]rune(strings.TrimSuffix(line, "\n"))) > width {
				t.Errorf("%s: the line is too long: %s", name, line)
			}
			for _, part := range strings.Split(line, "](")[1:] {
				link, _, _ := strings.Cut(part, ")")
				link, _, _ = strings.Cut(link, "#")
				if !fs.ValidPath(link) || all[filepath.ToSlash(filepath.Join(filepath.Dir(name), link))] == "" && link != "aws.md" {
					t.Errorf("%s: the link %q leads nowhere", name, link)
				}
			}
		}
	}
}
