package importer

import (
	"fmt"
	"iter"
)

// Notes are remarks on rows, each of which may apply to many rows. The zero value is empty.
type Notes struct {
	texts []string // in order of appearance
	about map[string]*note
}

type note struct {
	place string // the first one
	count int
}

// Add adds a text about the row at a place.
func (n *Notes) Add(place, text string) {
	if n.about == nil {
		n.about = make(map[string]*note)
	}
	if n.about[text] == nil {
		n.about[text] = &note{place: place}
		n.texts = append(n.texts, text)
	}
	n.about[text].count++
}

// Lines returns each text once, with its first place and the number of other places, in the order
// in which the texts were first added.
func (n *Notes) Lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, text := range n.texts {
			about, more := n.about[text], ""
			if about.count > 1 {
				more = fmt.Sprintf(" (and in %d more)", about.count-1)
			}
			if !yield(about.place + ": " + text + more) {
				return
			}
		}
	}
}
