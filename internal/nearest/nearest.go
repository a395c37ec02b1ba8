// Package nearest guesses which word of a list somebody has meant by another one. Start at [Of], or
// at [Typo] for words that are alike and mean different things.
package nearest

import (
	"strings"
	"unicode"
)

// Of returns the word of a list that comes nearest to another one, and "" if none is near. Case
// does not count, nor does whatever is no letter or digit. Of two that are equally near, it is the
// first in alphabetical order.
func Of(word string, list []string) string {
	near, least := "", 1.0
	for _, w := range list {
		far := Distance(key(word), key(w))
		if key(word) == key(w) && key(w) != "" { // however short they are
			far = 0
		}
		if far < least || far == least && near != "" && w < near {
			near, least = w, far
		}
	}
	return near
}

// Typo returns the word of a list that another one is but for case and one or two letters, and ""
// if there is none. Of two, it is the nearer one, and then the first in alphabetical order.
func Typo(word string, list []string) string {
	near, least := "", 3
	for _, w := range list {
		n := edits([]rune(key(word)), []rune(key(w)))
		if 2*n < len(w) && (n < least || n == least && near != "" && w < near) {
			near, least = w, n
		}
	}
	return near
}

// key returns the letters and digits of a text, in lower case.
func key(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// Distance tells how far apart two words are: 0 if they are one, 1 or more if they have too little
// in common.
func Distance(a, b string) float64 {
	s, t := []rune(a), []rune(b)
	if len(s) > len(t) {
		s, t = t, s
	}
	const longest = 64 // of a word that is no sentence
	if len(s) < 3 || len(t) > longest {
		return 1
	}
	far := float64(edits(s, t)) / float64(len(t))
	if far > 0.5 {
		far = 1
	}
	if strings.Contains(string(t), string(s)) { // "Lic", "License Tier", "Manager Email"
		far = min(far, 0.1+0.5*float64(len(t)-len(s))/float64(len(t)))
	}
	return far
}

// edits is how many letters have to be changed, added or removed to make one word of another.
func edits(s, t []rune) int {
	row := make([]int, len(s)+1) // of the table of Levenshtein
	for i := range row {
		row[i] = i
	}
	for j, r := range t {
		corner := row[0]
		row[0] = j + 1
		for i, q := range s {
			change := corner
			if q != r {
				change++
			}
			corner = row[i+1]
			row[i+1] = min(change, corner+1, row[i]+1)
		}
	}
	return row[len(s)]
}
