package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// changes is the section of a release in the changelog.
type changes struct {
	date  time.Time
	items []string // each a paragraph
}

var (
	versions = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`)
	headings = regexp.MustCompile(`(?m)^## (\S+)(?: \((\d{4}-\d{2}-\d{2})\))?$`)
)

// changesOf reads the section "## VERSION (DATE)" of a changelog.
func changesOf(file, version string) (changes, error) {
	if !versions.MatchString(version) {
		return changes{}, fmt.Errorf("%q is no version: give -version, such as 0.1.0", version)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return changes{}, err
	}
	text := string(data)
	found := headings.FindAllStringSubmatchIndex(text, -1)
	for i, at := range found {
		if text[at[2]:at[3]] != version {
			continue
		}
		if at[4] < 0 {
			return changes{}, fmt.Errorf("%s: the section of %s has no date: write ## %s (YYYY-MM-DD)", file, version, version)
		}
		date, err := time.Parse(time.DateOnly, text[at[4]:at[5]])
		if err != nil {
			return changes{}, fmt.Errorf("%s: the section of %s: %w", file, version, err)
		}
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		c := changes{date: date}
		for _, item := range strings.Split(text[at[1]:end], "\n- ")[1:] {
			c.items = append(c.items, strings.Join(strings.Fields(item), " "))
		}
		if c.items == nil {
			return changes{}, fmt.Errorf("%s: the section of %s tells of no change", file, version)
		}
		return c, nil
	}
	return changes{}, fmt.Errorf("%s has no section for %s: write what is new below ## %s (YYYY-MM-DD)", file, version, version)
}

// debian writes the changes as a package of Debian has them.
func (c changes) debian(name, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) unstable; urgency=medium\n\n", name, strings.Replace(version, "-", "~", 1))
	for _, item := range c.items {
		b.WriteString(fill("  * ", "    ", item, 79))
	}
	fmt.Fprintf(&b, "\n -- %s  %s\n", maintainer, c.date.Format(time.RFC1123Z))
	return b.String()
}

// fill breaks a paragraph into lines, of which the first has one prefix and the others another.
func fill(first, others, text string, width int) string {
	var b strings.Builder
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > width:
			b.WriteString(line + "\n")
			line = others + word
		default:
			line += " " + word
		}
	}
	return b.String() + line + "\n"
}
