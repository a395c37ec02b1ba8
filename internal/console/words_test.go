package console

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The templates of all pages can be parsed, which a service does when they are first needed.
func TestPages_parse(t *testing.T) {
	all, _ := parsePages("/console")
	if len(all) < 10 {
		t.Errorf("there are only %d pages", len(all))
	}
	for name, page := range all {
		if page().Lookup("content") == nil {
			t.Errorf("%s defines no content", name)
		}
	}
}

// What people read is in the folder words, each text is used, and none is missing.
func TestWords(t *testing.T) {
	used := map[string]bool{}
	find := func(text string, patterns ...string) {
		for _, p := range patterns {
			for _, m := range regexp.MustCompile(p).FindAllStringSubmatch(text, -1) {
				used[m[1]] = true
			}
		}
	}
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// A key is a word of small letters with dots in it.
		find(string(text), `"([a-z]+(?:\.[a-z0-9-]+)+)"`)
		for _, m := range regexp.MustCompile(`\.done\("([a-z.-]+)"`).FindAllStringSubmatch(string(text), -1) {
			used[noticePrefix+m[1]] = true
		}
	}
	templates, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range templates {
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		find(string(text), `say "([^"]+)"`)
		bare := regexp.MustCompile(`(?s)\{\{.*?\}\}|<(style|script|svg|code)[ >].*?</(style|script|svg|code)>|<[^>]*>`).ReplaceAllString(string(text), " ")
		if letters := regexp.MustCompile(`[A-Za-z]{2,}`).FindString(strings.ReplaceAll(bare, "UTC", "")); letters != "" {
			t.Errorf("%s has the word %q of its own: it belongs into the folder words", name, letters)
		}
		for _, m := range regexp.MustCompile(`(?:title|placeholder|aria-label|alt)="([^"{]*[A-Za-z][^"{]*)"`).FindAllStringSubmatch(string(text), -1) {
			t.Errorf("%s has the text %q in an attribute: it belongs into the folder words", name, m[1])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(used)) {
		if !hasWord(key) && !strings.HasSuffix(key, ".html") && !strings.HasSuffix(key, ".css") && !strings.HasSuffix(key, ".js") && !strings.HasSuffix(key, ".svg") {
			t.Errorf("there is no text %q", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(words())) {
		if !used[key] {
			t.Errorf("nothing uses the text %q", key)
		}
	}
}
