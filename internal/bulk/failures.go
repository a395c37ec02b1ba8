package bulk

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Failures are the rows of a job that failed for one reason.
type Failures struct {
	Code string
	// Message is what their messages have in common. Three dots stand for ids, addresses and numbers
	// in which they differ.
	Message string
	Count   int
	Some    []*Row // the first few
}

// someRows is how many rows stand for those that failed for one reason.
const someRows = 3

// Failures returns the rows that failed, by reasons, the most frequent first.
func (p *Plan) Failures() []Failures {
	type reason struct{ code, message string }
	var list []Failures
	at := map[reason]int{}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Status != Failed {
			continue
		}
		words := split(r.withoutAddress())
		key := reason{r.Code, r.common(words)}
		n, seen := at[key]
		if !seen {
			n = len(list)
			at[key] = n
			list = append(list, Failures{Code: r.Code, Message: r.Message})
		}
		f := &list[n]
		f.Count++
		if f.Message != r.Message {
			if f.Count == 2 { // so far it is that of the first row
				f.Message = f.Some[0].withoutAddress()
			}
			f.Message = shared(split(f.Message), words)
		}
		if len(f.Some) < someRows {
			f.Some = append(f.Some, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Failures) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// dots stand for what differs.
const dots = "..."

// split cuts a message into its words and what stands between them.
func split(message string) (parts []string) {
	for message != "" {
		first, _ := utf8.DecodeRuneInString(message)
		end := strings.IndexFunc(message, func(c rune) bool { return between(c) != between(first) })
		if end < 0 {
			end = len(message)
		}
		parts, message = append(parts, message[:end]), message[end:]
	}
	return parts
}

// between reports whether a character stands between words.
func between(c rune) bool { return strings.ContainsRune(` "'()<>[],;:?!`, c) }

// common returns a message without what may be about its row alone: the user, and all words with a
// digit or an @ in them, such as ids, addresses and lines.
func (r *Row) common(words []string) string {
	var b strings.Builder
	for _, word := range words {
		if word == r.User || word == r.Email || strings.ContainsAny(word, "@0123456789") {
			word = dots
		}
		b.WriteString(word)
	}
	return b.String()
}

// withoutAddress returns the message without the addresses of the row, which may have characters
// that stand between words.
func (r *Row) withoutAddress() string {
	message := r.Message
	for _, who := range []string{r.User, r.Email} {
		if strings.Contains(who, "@") {
			message = strings.ReplaceAll(message, who, dots)
		}
	}
	return message
}

// shared joins what two messages have in common. They have as many words, unless one has dots of
// its own.
func shared(a, b []string) string {
	for i := range a {
		if i < len(b) && a[i] != b[i] {
			a[i] = dots
		}
	}
	return strings.Join(a, "")
}
