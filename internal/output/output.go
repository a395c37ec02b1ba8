// Package output prints a reply, or what a query took from it, in the three formats of AWS
// CLI version 1: [JSON], [Text] and [Table].
//
// Scripts cut columns out of these texts, so each format follows version 1 byte for byte,
// its oddities included: {} prints nothing, rows are sorted by key whatever the order of the
// value, and what is no text is spelled as Python spells it (True, None).
//
// Where version 1 stops because Python cannot go on (a list that mixes structures with other
// values), these functions return an error in words of their own.
package output

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// JSON prints v indented by four blanks a level, with every character as itself and a final
// newline. An empty object prints nothing, which is how version 1 treats an operation
// without output.
//
// A lone surrogate has no UTF-8 form (version 1 gives up in the middle of the text); it is
// printed as the \u escape that it came from, so that the text stays valid JSON.
func JSON(w io.Writer, v any) error {
	if o, ok := v.(*document.Object); ok && o.Len() == 0 {
		return nil
	}
	b := python.EscapeSurrogates(document.AppendIndented(nil, v))
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("writing json: %w", err)
	}
	return nil
}

// spell returns v as Python's str does, with U+FFFD for a lone surrogate, which has no UTF-8 form:
// version 1 gives up there.
func spell(v any) string { return strings.ToValidUTF8(document.Spell(v), "\uFFFD") }

func scalar(v any) bool {
	switch v.(type) {
	case []any, *document.Object:
		return false
	}
	return true
}

// split returns the members of o that are scalars and those that are not, each sorted by key.
// Python sorts by code points, which is the order of their bytes in UTF-8.
func split(o *document.Object) (scalars, nested []document.Member) {
	for _, m := range o.Members() {
		if scalar(m.Value) {
			scalars = append(scalars, m)
		} else {
			nested = append(nested, m)
		}
	}
	byKey := func(a, b document.Member) int { return strings.Compare(a.Key, b.Key) }
	slices.SortFunc(scalars, byKey)
	slices.SortFunc(nested, byKey)
	return scalars, nested
}

// keysOf returns the keys under which any structure of list has a scalar, and those under
// which any has something else, each sorted. A key can be in both. ok is false if something in
// list is not a structure.
func keysOf(list []any) (columns, nested []string, ok bool) {
	type sighting struct {
		key    string
		scalar bool
	}
	seen := map[sighting]bool{}
	for _, e := range list {
		o, ok := e.(*document.Object)
		if !ok {
			return nil, nil, false
		}
		for _, m := range o.Members() {
			s := sighting{m.Key, scalar(m.Value)}
			if seen[s] {
				continue
			}
			seen[s] = true
			if s.scalar {
				columns = append(columns, s.key)
			} else {
				nested = append(nested, s.key)
			}
		}
	}
	slices.Sort(columns)
	slices.Sort(nested)
	return columns, nested, true
}

// cells fills row with what o has under each key, nothing where the key is missing.
func cells(row []string, o *document.Object, keys []string) []string {
	for i, key := range keys {
		row[i] = ""
		if v, ok := o.Get(key); ok {
			row[i] = spell(v)
		}
	}
	return row
}

// mixedError is the failure of a format that lines up the members of a list's structures on
// a list that holds something else too.
func mixedError(format string) error {
	return fmt.Errorf("%s output cannot show a list that mixes structures with other values: "+
		"use json output, or a query that selects values of one kind", format)
}
