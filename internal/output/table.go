package output

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/width"

	"github.com/carillon-project/carillon/internal/document"
)

// DefaultWidth is the width, in columns, that version 1 assumes where standard output is not
// a terminal.
const DefaultWidth = 80

// Terminal describes where a table is shown.
type Terminal struct {
	// Width is the number of columns. If the table is wider, the sections of one row are
	// turned upright, a line for each member; the table may still be wider than that. Version
	// 1 takes the number that a terminal reports as it is, including 0.
	Width int
	// Color prints values in blue and the bars of nested sections in yellow, with the escape
	// sequences of version 1 down to the resets after everything it writes.
	Color bool
}

// Table draws v below title, which is the name of the operation ("ListUsers").
//
// Every structure or list of structures is a section with a row of keys, sorted, and rows
// of values; members that are no scalars are sections of their own below, one level deeper.
// All sections are stretched to the width of the widest. Values that Python takes for false
// (null, false, 0, "", empty lists and structures) print nothing where they would be a
// section; any other scalar prints as an empty section.
//
// Nothing is printed where an error other than one of writing is returned: rows of different
// lengths in one section (in version 1's words), or structures mixed with other values.
func Table(w io.Writer, title string, v any, terminal Terminal) error {
	var t table
	if err := t.add(&title, v, 0); err != nil {
		return err
	}
	if len(t.sections) == 0 {
		return nil
	}
	if t.width() > terminal.Width {
		for _, s := range t.sections {
			s.turnUpright()
		}
	}
	p := printer{Writer: bufio.NewWriterSize(w, 1<<15), color: terminal.Color}
	p.table(&t)
	if err := p.Flush(); err != nil {
		return fmt.Errorf("writing table: %w", err)
	}
	return nil
}

// table is what there is to draw. Rows go to the last section.
type table struct {
	sections []*section
}

type section struct {
	title      string
	titleWidth int
	indent     int
	headers    []string
	rows       [][]string
	widths     []int // of the widest cell of each column
	columns    int   // cells in a row, as the first row or header has it; -1 before that
}

// rowError is version 1's complaint about a row that does not fit the ones before it.
type rowError struct{ want, got int }

func (e *rowError) Error() string {
	return fmt.Sprintf("Row should have %d elements, instead it has %d", e.want, e.got)
}

func (t *table) last() *section { return t.sections[len(t.sections)-1] }

// begin starts a section. One without a title comes from lists within lists; version 1
// draws none, but keeps room for the four letters of None.
func (t *table) begin(title *string, indent int) {
	s := &section{indent: indent, columns: -1, titleWidth: len("None")}
	if title != nil {
		s.title = spell(*title)
		s.titleWidth = columnsOf(s.title)
	}
	t.sections = append(t.sections, s)
}

// add takes in v: as a new section, or without a title as more rows of the last one.
func (t *table) add(title *string, v any, indent int) error {
	if !document.Truth(v) {
		return nil
	}
	if title != nil {
		t.begin(title, indent)
	}
	switch v := v.(type) {
	case *document.Object:
		return t.addObject(v, indent)
	case []any:
		if _, ok := v[0].(*document.Object); ok {
			return t.addObjects(title, v, indent)
		}
		return t.addList(v)
	}
	return nil
}

// addList adds a row for each element of a list that does not begin with a structure.
func (t *table) addList(list []any) error {
	for _, e := range list {
		var err error
		switch e := e.(type) {
		case []any:
			if slices.ContainsFunc(e, func(e any) bool { return !scalar(e) }) {
				// Back to the left edge, wherever the list is: version 1 forgets the level.
				err = t.add(nil, e, 0)
				break
			}
			row := make([]string, len(e))
			for i, v := range e {
				row[i] = spell(v)
			}
			err = t.last().addRow(row)
		case *document.Object: // a row of keys: what Python gets by walking a mapping
			row := make([]string, e.Len())
			for i, m := range e.Members() {
				row[i] = spell(m.Key)
			}
			err = t.last().addRow(row)
		default:
			err = t.last().addRow([]string{spell(e)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *table) addObject(o *document.Object, indent int) error {
	scalars, nested := split(o)
	headers, row := make([]string, len(scalars)), make([]string, len(scalars))
	for i, m := range scalars {
		headers[i], row[i] = spell(m.Key), spell(m.Value)
	}
	var err error
	switch len(scalars) {
	case 0:
	case 1:
		err = t.last().addRow([]string{headers[0], row[0]})
	default:
		if err = t.last().setHeaders(headers); err == nil {
			err = t.last().addRow(row)
		}
	}
	for i := 0; err == nil && i < len(nested); i++ {
		err = t.add(&nested[i].Key, nested[i].Value, indent+1)
	}
	return err
}

// addObjects adds a list of structures: one section, or if any of them has more than
// scalars, a section for each.
func (t *table) addObjects(title *string, list []any, indent int) error {
	// Python finds no fault with an empty list or text among them before it looks for a column.
	structures := slices.DeleteFunc(slices.Clone(list), func(e any) bool {
		inner, isList := e.([]any)
		return e == "" || isList && len(inner) == 0
	})
	columns, nested, ok := keysOf(structures)
	if !ok || len(columns) > 0 && len(structures) < len(list) {
		return mixedError("table")
	}
	headers := make([]string, len(columns))
	for i, key := range columns {
		headers[i] = spell(key)
	}
	for i, e := range list {
		if i > 0 && len(nested) > 0 {
			t.begin(title, indent)
		}
		if i == 0 || len(nested) > 0 {
			if err := t.last().setHeaders(headers); err != nil {
				return err
			}
		}
		o, ok := e.(*document.Object)
		if !ok {
			o = new(document.Object)
		}
		if err := t.last().addRow(cells(make([]string, len(columns)), o, columns)); err != nil {
			return err
		}
		for _, key := range nested {
			if v, ok := o.Get(key); ok {
				if err := t.add(&key, v, indent+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *section) setHeaders(headers []string) error {
	if s.columns < 0 {
		s.columns = len(headers)
	}
	s.headers = headers
	return s.widen(headers)
}

func (s *section) addRow(row []string) error {
	if s.columns < 0 {
		s.columns = len(row)
	}
	if len(row) != s.columns {
		return &rowError{want: s.columns, got: len(row)}
	}
	s.rows = append(s.rows, row)
	return s.widen(row)
}

// widen makes room for the cells of a row. Version 1 lets headers be fewer than the cells of
// the rows before them: the next row fails then.
func (s *section) widen(row []string) error {
	if len(s.widths) == 0 {
		s.widths = make([]int, len(row))
	}
	if len(row) > len(s.widths) {
		return &rowError{want: len(s.widths), got: len(row)}
	}
	for i, cell := range row {
		s.widths[i] = max(s.widths[i], columnsOf(cell))
	}
	return nil
}

// turnUpright makes a section of one row a section of one line for each column.
func (s *section) turnUpright() {
	if len(s.rows) != 1 || len(s.headers) == 0 {
		return
	}
	rows := make([][]string, len(s.headers))
	widths := make([]int, 2)
	for i, header := range s.headers {
		rows[i] = []string{header, s.rows[0][i]}
		widths[0] = max(widths[0], columnsOf(header))
		widths[1] = max(widths[1], columnsOf(s.rows[0][i]))
	}
	s.headers, s.rows, s.widths = nil, rows, widths
}

// margin is what a column takes beside its widest cell.
const margin = 4

// width returns the columns that the widest section takes, with its bars.
func (t *table) width() int {
	most := 0
	for _, s := range t.sections {
		cells := 0
		for _, w := range s.widths {
			cells += w + margin
		}
		most = max(most, max(s.titleWidth, cells)+2+2*s.indent)
	}
	return most
}

// stretched returns the widths, with bars, of columns that fill total. Rounding goes to the
// even number, as Python's does; what it leaves too much is taken from the columns on the
// left, what is missing is given to those on the right.
func (s *section) stretched(total int) []int {
	if len(s.widths) == 0 {
		return nil
	}
	sum := 0
	for _, w := range s.widths {
		sum += w + margin
	}
	widths := make([]int, len(s.widths))
	excess := -total
	for i, w := range s.widths {
		widths[i] = int(math.RoundToEven(float64(total) / float64(sum) * float64(w+margin)))
		excess += widths[i]
	}
	// Rounding is off by at most a half for each column: one pass is enough.
	for i := 0; excess > 0; i++ {
		widths[i]--
		excess--
	}
	for i := len(widths) - 1; excess < 0; i-- {
		widths[i]++
		excess++
	}
	return widths
}

// columnsOf returns how many columns version 1 counts for text: two for a character that
// Unicode calls wide, full width or ambiguous, one for any other, even where it combines
// with the one before.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r < 0x80 {
			continue
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
			n++
		}
	}
	return n
}

// printer writes the lines of a table.
type printer struct {
	*bufio.Writer
	color bool
	line  []byte // in work
}

// Escape sequences of colored tables.
const (
	blue   = "\x1b[1m\x1b[34m"
	yellow = "\x1b[2m\x1b[33m"
	reset  = "\x1b[0m"
)

func (p *printer) table(t *table) {
	total := t.width()
	p.WriteString(strings.Repeat("-", total))
	p.WriteByte('\n')
	p.wrote()
	for _, s := range t.sections {
		p.section(s, total-2*s.indent)
	}
}

func (p *printer) section(s *section, total int) {
	if s.title != "" {
		p.center("|", s.title, s.titleWidth, total)
		p.end(s.indent)
		if len(s.headers) == 0 && len(s.rows) == 0 {
			p.rule(s.indent, []int{total})
		}
	}
	widths := s.stretched(total)
	if len(widths) == 0 {
		return
	}
	if len(s.headers) > 0 {
		p.rule(s.indent, widths)
		for i, header := range s.headers {
			p.center(edge(i), header, columnsOf(header), widths[i])
		}
		p.end(s.indent)
	}
	if len(s.rows) > 0 {
		p.rule(s.indent, widths)
		for _, row := range s.rows {
			for i, cell := range row {
				p.left(edge(i), cell, widths[i])
			}
			p.end(s.indent)
		}
		p.rule(s.indent, widths)
	}
}

// edge returns the left edge of a cell: that of the first belongs to it, that of any other
// is the right edge of the one before.
func edge(column int) string {
	if column == 0 {
		return "|"
	}
	return ""
}

func (p *printer) rule(indent int, widths []int) {
	for i, w := range widths {
		if i == 0 {
			p.fill('+', 1)
			w--
		}
		p.fill('-', w-1)
		p.fill('+', 1)
	}
	p.end(indent)
}

// center adds a cell of total columns with text of n columns in its middle.
func (p *printer) center(edge, text string, n, total int) {
	before := total/2 - n/2 - 1
	p.line = append(p.line, edge...)
	p.fill(' ', before)
	p.line = append(p.line, text...)
	p.fill(' ', total-len(edge)-before-n-1)
	p.fill('|', 1)
}

// left adds a cell of total columns with text two columns from its left edge if there is
// room, else next to it.
func (p *printer) left(edge, text string, total int) {
	n := columnsOf(text)
	before := 2
	if len(edge)+before+n+1 > total {
		before = 0
	}
	p.line = append(p.line, edge...)
	p.fill(' ', before)
	if p.color {
		p.line = append(p.line, blue...)
	}
	p.line = append(p.line, text...)
	if p.color {
		p.line = append(p.line, reset...)
	}
	p.fill(' ', total-len(edge)-before-n-1)
	p.fill('|', 1)
}

func (p *printer) fill(c byte, n int) {
	for ; n > 0; n-- {
		p.line = append(p.line, c)
	}
}

// end writes the line in work between the bars of its section.
func (p *printer) end(indent int) {
	p.bars(indent)
	p.Write(p.line)
	p.wrote()
	p.bars(indent)
	p.WriteByte('\n')
	p.wrote()
	p.line = p.line[:0]
}

func (p *printer) bars(indent int) {
	for range indent {
		if p.color {
			p.WriteString(yellow + "|" + reset)
		} else {
			p.WriteByte('|')
		}
	}
	p.wrote()
}

// wrote stands where version 1 ends a write, even an empty one: its color support adds a reset
// there.
func (p *printer) wrote() {
	if p.color {
		p.WriteString(reset)
	}
}
