package bulk

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/carillon-project/carillon/internal/sheet"
)

// Only is a condition on the rows of a file: what one of their columns holds, or does not hold.
type Only struct {
	text    string // as it was given
	column  string
	not     bool
	pattern []glyph
}

// glyph is a character of a pattern, or stands for some.
type glyph struct {
	r         rune
	any, many bool // any character, or any number of them
}

// ParseOnly reads COLUMN=VALUE or COLUMN!=VALUE. Case and blanks around a value do not count. In a
// value, * stands for any characters and ? for any one. A backslash takes this meaning from them.
func ParseOnly(text string) (Only, error) {
	column, value, found := strings.Cut(text, "=")
	column, not := strings.CutSuffix(column, "!")
	o := Only{text: text, column: strings.TrimSpace(column), not: not}
	if !found || o.column == "" {
		return o, badInput("", 0, "%q is neither COLUMN=VALUE nor COLUMN!=VALUE", text)
	}
	escaped := false
	for _, r := range folded(value) {
		special := r == '*' || r == '?' || r == '\\'
		if escaped && !special { // the backslash was none of ours
			o.pattern = append(o.pattern, glyph{r: '\\'})
		}
		if special && !escaped {
			if escaped = r == '\\'; !escaped {
				o.pattern = append(o.pattern, glyph{any: r == '?', many: r == '*'})
			}
			continue
		}
		o.pattern, escaped = append(o.pattern, glyph{r: r}), false
	}
	if escaped {
		o.pattern = append(o.pattern, glyph{r: '\\'})
	}
	return o, nil
}

// String returns the condition as it was given.
func (o *Only) String() string { return o.Option().String() }

// Option is the condition as a message names it.
func (o *Only) Option() Option { return Option{"only", sheet.Visible(o.text)} }

// folded is what all spellings of the text of a cell have in common.
func folded(text string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(text))) }

// Holds reports whether a cell meets the condition.
func (o *Only) Holds(cell string) bool { return like(o.pattern, []rune(folded(cell))) != o.not }

// named reports whether a heading is that of the column.
func (o *Only) named(heading string) bool {
	return heading == o.column || sheet.NewColumns(sheet.Column{Name: o.column}).Find(heading) == 0
}

// means reports whether a heading means the same column of users under another name.
func (o *Only) means(heading string) bool {
	known := columnsOf(Update)
	c := known.Find(o.column)
	return c >= 0 && known.Find(heading) == c
}

// like reports whether a text is as a pattern says.
func like(pattern []glyph, text []rune) bool {
	p, t := 0, 0
	star, from := -1, 0 // the latest *, and where what it stands for ends
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p].many:
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p].any || pattern[p].r == text[t]):
			p++
			t++
		case star >= 0: // let it stand for one more
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p].many {
		p++
	}
	return p == len(pattern)
}

// Exclusion is how many rows a condition has excluded. A row that fails several counts for the
// first.
type Exclusion struct {
	By   string // "--only Team=Oslo"
	Rows int
}

// chooser applies conditions to the rows of a file.
type chooser struct {
	list     []Only
	excluded []int // rows, by condition
	met      []int
	values   [][]string // a few of those that the column has, by condition
	chosen   int        // rows
	cells    []string   // of the row at hand, by condition
	names    []string   // headings or keys that were seen
	keys     map[string][]int
	found    []bool // the column was seen, by condition
}

func newChooser(list []Only) *chooser {
	n := len(list)
	return &chooser{list: list, excluded: make([]int, n), met: make([]int, n), values: make([][]string, n),
		cells: make([]string, n), keys: map[string][]int{}, found: make([]bool, n)}
}

// columns returns the index of the column of each condition.
func (c *chooser) columns(headings []string) ([]int, error) {
	c.names = headings
	at := make([]int, len(c.list))
	for i := range c.list {
		o := &c.list[i]
		var found []int
		for _, is := range []func(string) bool{func(h string) bool { return h == o.column }, o.named, o.means} {
			for j, heading := range headings {
				if is(heading) && len(found) < 2 {
					found = append(found, j)
				}
			}
			if found != nil {
				break
			}
		}
		switch len(found) {
		case 0:
			return nil, c.unknown(o)
		case 2:
			return nil, badInput("", 0, "%v: columns %d and %d have this heading: give one of them another", o.Option(), found[0]+1, found[1]+1)
		}
		at[i] = found[0]
	}
	return at, nil
}

// others returns the headings that no condition is about.
func (c *chooser) others(headings []sheet.Unknown) (list []sheet.Unknown) {
	for _, u := range headings {
		if !slices.ContainsFunc(c.list, func(o Only) bool { return o.named(u.Name) || o.means(u.Name) }) {
			list = append(list, u)
		}
	}
	return list
}

func (c *chooser) unknown(o *Only) error {
	return badInput("", 0, "%v: there is no column %.40q%s; the headings are %s", o.Option(), o.column, didYouMean(o.column, c.names, ""), quoteAll(c.names))
}

// key takes a member of a row that is an object.
func (c *chooser) key(name, text string) {
	of, seen := c.keys[name]
	if len(c.list) == 0 {
		return
	}
	if !seen {
		for i := range c.list {
			if c.list[i].named(name) || c.list[i].means(name) {
				of = append(of, i)
			}
		}
		name = strings.Clone(name)
		c.keys[name], c.names = of, append(c.names, name)
	}
	for _, i := range of {
		c.cells[i], c.found[i] = text, true
	}
}

// seen returns an error if no row has had the column of a condition as a key.
func (c *chooser) seen() error {
	for i := range c.list {
		if !c.found[i] && len(c.names) > 0 {
			return c.unknown(&c.list[i])
		}
	}
	return nil
}

// row reports whether the row at hand meets all conditions.
func (c *chooser) row() bool {
	const mostValues = 100
	by := -1
	for i := range c.list {
		cell := strings.TrimSpace(c.cells[i])
		c.cells[i] = ""
		switch {
		case c.list[i].Holds(cell):
			c.met[i]++
		case by < 0:
			by = i
		}
		if c.met[i] == 0 && len(c.values[i]) < mostValues && !slices.ContainsFunc(c.values[i], func(v string) bool { return folded(v) == folded(cell) }) {
			c.values[i] = append(c.values[i], strings.Clone(cell))
		}
	}
	if by >= 0 {
		c.excluded[by]++
		return false
	}
	c.chosen++
	return true
}

// end returns an error if a condition chooses nothing, and else what the conditions have excluded.
func (c *chooser) end() ([]Exclusion, error) {
	var list []Exclusion
	var all []any
	for i := range c.list {
		o := &c.list[i]
		if c.met[i] == 0 {
			return nil, badInput("", 0, "%v: no row meets this%s", o.Option(), c.has(i))
		}
		list, all = append(list, Exclusion{o.String(), c.excluded[i]}), append(all, o.Option())
	}
	if c.chosen == 0 && len(list) > 0 {
		return nil, badInput("", 0, "no row meets all of %v"+strings.Repeat(", %v", len(all)-1), all...)
	}
	return list, nil
}

// has says which values the column of a condition has instead.
func (c *chooser) has(i int) string {
	const most = 5
	values := c.values[i]
	if len(values) == 0 {
		return ": the file has no rows"
	}
	near, more := "", ""
	if _, wanted, _ := strings.Cut(c.list[i].text, "="); !c.list[i].not {
		near = didYouMean(wanted, values, "")
	}
	if len(values) > most {
		values, more = values[:most], ", ..."
	}
	return fmt.Sprintf("%s; the column has %s%s", near, quoteAll(values), more)
}
