package internal

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	// opening is how each page of docs begins: it says for whom it is, and what they have in the end.
	opening  = regexp.MustCompile(`\A(?:<!-- [^\n]+ -->\n\n)?# [^\n]+\n\nThis page is for [^.]+\. At its\send you\s`)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	unslug   = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	external = regexp.MustCompile(`^[a-z]+://`)
)

// The pages of docs are one book: docs/README.md leads to each of them, they open alike, all links
// lead somewhere, and prose wraps at 120 columns.
func TestBook(t *testing.T) {
	const most = 120
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../examples/*.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, some...)
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var linked []string // pages that the index leads to
	for _, page := range pages {
		name, text := strings.TrimPrefix(filepath.ToSlash(page), "../"), read(page)
		if filepath.Dir(name) == "docs" && !opening.MatchString(text) {
			t.Errorf("%s does not begin with for whom it is (\"This page is for ...\"), and what they have in the end (\"At its end you ...\")", name)
		}
		prose := fenced.ReplaceAllStringFunc(text, func(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) })
		number := 0
		for line := range strings.Lines(prose) {
			number++
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > most && !strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "![") {
				t.Errorf("%s:%d: the line has %d columns, want %d or less", name, number, n, most)
			}
		}
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if external.MatchString(m[1]) {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if name == "docs/README.md" {
				linked = append(linked, target)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(target)), anchor) {
				t.Errorf("%s: the link to %s leads to no heading of that page", name, m[1])
			}
		}
	}
	for _, page := range pages {
		if filepath.Base(filepath.Dir(page)) == "docs" && filepath.Base(page) != "README.md" && !slices.Contains(linked, page) {
			t.Errorf("docs/README.md does not lead to %s", filepath.Base(page))
		}
	}
}

// anchors are the names by which links find the headings of a page.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}
