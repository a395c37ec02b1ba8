package awscli

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/carillon-project/carillon/internal/python"
)

// checkChoice refuses a word that is none of the choices. The error lists them, two in a line,
// and the closest ones at the end.
func checkChoice(name string, choices []string, word string) error {
	if choices == nil || slices.Contains(choices, word) {
		return nil
	}
	var b strings.Builder
	b.WriteString("Invalid choice, valid choices are:\n")
	for i := 0; i < len(choices); i += 2 {
		fmt.Fprintf(&b, "\n%-40s", choices[i])
		if i+1 < len(choices) {
			fmt.Fprintf(&b, " | %-40s", choices[i+1])
		}
	}
	if close := closeMatches(word, choices); len(close) > 0 {
		fmt.Fprintf(&b, "\n\n\nInvalid choice: %s, maybe you meant:\n", python.Repr(word))
		for _, c := range close {
			b.WriteString("\n  * " + c)
		}
	}
	return argumentError(name, "%s", b.String())
}

// closeMatches returns at most three choices with a similarity to word of at least 0.8, the
// closest first. The measure is that of Ratcliff and Obershelp, as in Python's difflib: twice the
// number of characters in common runs, divided by the number of characters of both.
func closeMatches(word string, choices []string) []string {
	type match struct {
		ratio  float64
		choice string
	}
	var found []match
	for _, c := range choices {
		a, b := []rune(c), []rune(word)
		if len(a)+len(b) == 0 {
			continue
		}
		if r := 2 * float64(common(a, b)) / float64(len(a)+len(b)); r >= 0.8 {
			found = append(found, match{r, c})
		}
	}
	sort.Slice(found, func(i, j int) bool {
		if found[i].ratio != found[j].ratio {
			return found[i].ratio > found[j].ratio
		}
		return found[i].choice > found[j].choice
	})
	var out []string
	for _, m := range found[:min(3, len(found))] {
		out = append(out, m.choice)
	}
	return out
}

// common counts the characters in the longest common run of a and b (of several the first in a,
// then the first in b), and those in the same way to the left and to the right of it.
func common(a, b []rune) int {
	bestA, bestB, size := 0, 0, 0
	runs := make([]int, len(b)+1) // length of the common run that ends before b[j]
	for i := range a {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] != b[j] {
				runs[j+1] = 0
				continue
			}
			runs[j+1] = runs[j] + 1
			if n := runs[j+1]; n > size || n == size && n > 0 && i-n+1 == bestA && j-n+1 < bestB {
				bestA, bestB, size = i-n+1, j-n+1, n
			}
		}
	}
	if size == 0 {
		return 0
	}
	return common(a[:bestA], b[:bestB]) + size + common(a[bestA+size:], b[bestB+size:])
}
