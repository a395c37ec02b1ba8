package engine

import (
	"fmt"
	"sync"
)

// insertion describes a statement that inserts rows. The rows have the same values in the first few
// columns; each has values of its own in the others.
type insertion struct {
	table, sharedColumns, columns string
	rows, shared, own             int
}

// InsertText returns the statement that inserts some rows by their values, each with a number of
// columns. The parameters are the values of the first row, then those of the next.
func InsertText(table, columns string, rows, width int) string {
	return insertText(insertion{table: table, columns: columns, rows: rows, own: width})
}

// insertTexts has the texts by insertion: there are as many as batches have sizes.
var insertTexts sync.Map

func insertText(i insertion) string {
	if text, ok := insertTexts.Load(i); ok {
		return text.(string)
	}
	columns := i.columns
	if i.shared > 0 {
		columns = i.sharedColumns + ", " + columns
	}
	text := fmt.Appendf(nil, "INSERT INTO %s (%s) VALUES ", i.table, columns)
	next := i.shared
	for row := range i.rows {
		before := ", ("
		if row == 0 {
			before = "("
		}
		for column := range i.shared + i.own {
			number := column + 1
			if column >= i.shared {
				next++
				number = next
			}
			text = fmt.Appendf(text, "%s$%d", before, number)
			before = ", "
		}
		text = append(text, ')')
	}
	insertTexts.Store(i, string(text))
	return string(text)
}
