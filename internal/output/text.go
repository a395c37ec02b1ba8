package output

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// Text prints v as lines of values separated by tabs.
//
// A structure is one line of its scalars, sorted by key, followed by what its other members
// print, also sorted by key, each of their lines beginning with the key in upper case. The
// structures of a list all have the same columns: the keys that are a scalar in any of them,
// empty where missing. Scalars in a list share a line, or have one each below a key; other
// lists follow them. Empty lists and structures print nothing.
//
// An error other than one of writing means that a list mixes structures with other values;
// as in version 1, the lines before it have been printed.
func Text(w io.Writer, v any) error {
	b := bufio.NewWriterSize(w, 1<<15)
	err := writeText(b, "", v)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing text: %w", err)
	}
	return err
}

// labelOf returns what lines below a key begin with.
func labelOf(key string) string { return python.Upper(spell(key)) + "\t" }

// writeText prints v with lines that begin with label: nothing, or that of a key. It leaves
// errors of writing to Flush, which reports the first.
func writeText(b *bufio.Writer, label string, v any) error {
	switch v := v.(type) {
	case *document.Object:
		return writeObject(b, label, v)
	case []any:
		return writeList(b, label, v)
	}
	b.WriteString(spell(v))
	b.WriteByte('\n')
	return nil
}

func writeObject(b *bufio.Writer, label string, o *document.Object) error {
	scalars, nested := split(o)
	row := make([]string, len(scalars))
	for i, m := range scalars {
		row[i] = spell(m.Value)
	}
	writeRow(b, label, row)
	for _, m := range nested {
		if err := writeText(b, labelOf(m.Key), m.Value); err != nil {
			return err
		}
	}
	return nil
}

func writeList(b *bufio.Writer, label string, list []any) error {
	var scalars []string
	var others []any
	objects := false
	for _, e := range list {
		if scalar(e) {
			scalars = append(scalars, spell(e))
			continue
		}
		others = append(others, e)
		if _, ok := e.(*document.Object); ok {
			objects = true
		}
	}
	if objects {
		return writeObjects(b, label, list)
	}
	if label == "" {
		writeRow(b, "", scalars)
	} else {
		for _, s := range scalars {
			writeRow(b, label, []string{s})
		}
	}
	for _, e := range others {
		if err := writeText(b, label, e); err != nil {
			return err
		}
	}
	return nil
}

// writeObjects prints a list of structures, in which a member belongs to the row if its key
// is a column, even where this structure has a list or a structure there.
func writeObjects(b *bufio.Writer, label string, list []any) error {
	columns, nested, ok := keysOf(list)
	if !ok {
		return mixedError("text")
	}
	nested = slices.DeleteFunc(nested, func(key string) bool {
		_, found := slices.BinarySearch(columns, key)
		return found
	})
	row := make([]string, len(columns))
	for _, e := range list {
		o := e.(*document.Object)
		writeRow(b, label, cells(row, o, columns))
		for _, key := range nested {
			if v, ok := o.Get(key); ok {
				if err := writeText(b, labelOf(key), v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// writeRow prints a line, or nothing if there are no cells.
func writeRow(b *bufio.Writer, label string, cells []string) {
	if len(cells) == 0 {
		return
	}
	b.WriteString(label)
	for i, c := range cells {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(c)
	}
	b.WriteByte('\n')
}
