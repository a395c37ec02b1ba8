package directory

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// query reads the query of an operation of our own: package api decodes those of the API alone. An
// empty value counts as none. The first value that is not valid sets err, which is an *api.Error.
type query struct {
	request api.Request
	err     error
}

func (q *query) get(name string) string { return q.request.Query.Get(name) }

func (q *query) refuse(format string, args ...any) {
	if q.err == nil {
		q.err = api.BadRequest(format, args...)
	}
}

// text returns what somebody has typed, without the blanks around it.
func (q *query) text(name string, most int) string {
	text := strings.TrimSpace(q.get(name))
	switch {
	case utf8.RuneCountInString(text) > most:
		q.refuse("%s must have at most %d characters", name, most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		q.refuse("%s must be UTF-8 text without control characters", name)
	}
	return text
}

func (q *query) oneOf(name string, words []string) string {
	word := q.get(name)
	if word != "" && !slices.Contains(words, word) {
		q.refuse("%s must be one of %s, not %.60q", name, strings.Join(words, ", "), word)
	}
	return word
}

// time returns the zero time if there is none.
func (q *query) time(name string) time.Time {
	at, err := timeNamed(name, q.get(name))
	if q.err == nil {
		q.err = err
	}
	return at
}

// pageSize returns how many rows a page has: from 1 to most, or the usual number.
func (q *query) pageSize(usual, most int) int {
	text := q.get("max-results")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		q.refuse("max-results must be a number from 1 to %d, not %.60q", most, text)
	}
	return n
}
