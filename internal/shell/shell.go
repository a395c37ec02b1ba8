// Package shell writes and reads words as a POSIX shell does: [Quote] for lines that a person
// or a shell runs, [Split] for settings that hold a command line, [SplitTyped] for a line that
// is still being typed. Nothing is expanded.
//
// Version 1 of the AWS CLI uses Python's shlex module, so the rules and the texts of errors are
// those of shlex.
package shell

import (
	"errors"
	"strings"
)

// Quote writes a word so that a shell, and Split, read it as it is. A word of harmless
// characters stays as it is.
func Quote(word string) string {
	const harmless = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"
	if word != "" && strings.Trim(word, harmless) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

// The errors of Split, in the words of shlex.
var (
	//lint:ignore ST1005 version 1's words
	errNoEscaped = errors.New("No escaped character")
	//lint:ignore ST1005 version 1's words
	errNoClosing = errors.New("No closing quotation")
)

// Split splits a text into words. A quotation mark that is not closed and a backslash at the end
// are errors. "#" begins no comment.
func Split(text string) ([]string, error) {
	var s splitter
	for i := range len(text) {
		s.take(text[i])
	}
	switch {
	case s.escaped:
		return nil, errNoEscaped
	case s.quote != 0:
		return nil, errNoClosing
	}
	s.endWord()
	return s.words, nil
}

// SplitTyped splits the last command of a line, the one at whose end the cursor is, into words.
// The last of them is the word at the cursor: empty after a blank, unfinished in an open
// quotation.
func SplitTyped(line string) []string {
	var s splitter
	for i := range len(line) {
		if c := line[i]; s.bare() && strings.IndexByte(";|&(\n", c) >= 0 {
			s = splitter{} // another command begins
		} else {
			s.take(c)
		}
	}
	return append(s.words, string(s.word))
}

// splitter is given a text byte by byte.
type splitter struct {
	words   []string
	word    []byte // the one at hand
	inWord  bool   // it has begun; it may still be empty, as in ''
	quote   byte   // the open quotation mark, 0 for none
	escaped bool   // a backslash came before
}

// bare reports whether the next byte stands for itself.
func (s *splitter) bare() bool { return s.quote == 0 && !s.escaped }

func (s *splitter) take(c byte) {
	switch {
	case s.escaped:
		// Between double quotes a backslash escapes only itself and the quotation mark.
		if s.quote == '"' && c != '"' && c != '\\' {
			s.word = append(s.word, '\\')
		}
		s.word, s.escaped = append(s.word, c), false
	case c == '\\' && s.quote != '\'':
		s.escaped, s.inWord = true, true
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote != 0:
		s.word = append(s.word, c)
	case c == '\'' || c == '"':
		s.quote, s.inWord = c, true
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		s.endWord()
	default:
		s.word, s.inWord = append(s.word, c), true
	}
}

func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.inWord = nil, false
}
