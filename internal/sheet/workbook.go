package sheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// workbookRows reads a sheet of a workbook by excelize, which knows what a person sees of a number
// with a format. But excelize is silent about damage (a part that breaks off is short, no more),
// and takes all parts of a workbook into memory, pictures too. So this file finds the parts that
// matter, bounds and checks them, and gives excelize a workbook of those alone.
type workbookRows struct {
	book   *book
	sheet  bookSheet
	file   *excelize.File
	rows   *excelize.Rows
	number int
	merged merged
}

// english begins a format of dates. Excelize tries all languages it knows for a format that names
// none, which takes three times as long as all the rest of a row.
const english = "[$-409]"

const saveAs = "save it as .xlsx or \"CSV UTF-8\""

// openWorkbook opens a sheet by its name, or the first one that is not hidden.
func openWorkbook(in *bufio.Reader, name string) (*workbookRows, error) {
	b, err := readBook(in)
	if err != nil {
		return nil, err
	}
	s, err := b.sheet(name)
	if err != nil {
		return nil, err
	}
	text, found, err := b.extract(s)
	if err != nil {
		return nil, err
	}
	w := &workbookRows{book: b, sheet: s, merged: found}
	if w.file, err = excelize.OpenReader(text, excelize.Options{UnzipSizeLimit: MaxFile, ShortDatePattern: english + "yyyy-mm-dd"}); err != nil {
		return nil, damaged(err)
	}
	if w.rows, err = w.file.Rows(theSheet); err != nil {
		return nil, errors.Join(damaged(err), w.close())
	}
	return w, nil
}

func damaged(err error) error {
	return wrong(0, "the workbook is damaged: open it in a spreadsheet and %s (%v)", saveAs, err)
}

func (w *workbookRows) next() (Row, error) {
	if !w.rows.Next() {
		if err := w.rows.Error(); err != nil {
			return Row{}, damaged(err)
		}
		return Row{}, io.EOF
	}
	w.number++
	cells, err := w.rows.Columns()
	if err != nil {
		return Row{}, damaged(err)
	}
	return Row{Line: w.number, Cells: w.merged.fill(w.number, cells), Hidden: w.rows.GetRowOpts().Hidden}, nil
}

func (w *workbookRows) empty() error {
	if len(w.book.sheets) > 1 {
		return choose(0, fmt.Sprintf("the sheet %q is empty; name another one", w.sheet.Name), w.book.names())
	}
	return wrong(0, "the sheet %q is empty", w.sheet.Name)
}

// unknown suspects a cover, or notes, before the sheet that is meant.
func (w *workbookRows) unknown(line int) error {
	if len(w.book.sheets) == 1 {
		return nil
	}
	return choose(line, fmt.Sprintf("no heading of the sheet %q is known; name another sheet", w.sheet.Name), w.book.names())
}

// others returns the names of the sheets besides that a person may have meant.
func (w *workbookRows) others() (names []string) {
	for _, s := range w.book.sheets {
		if s != w.sheet && s.visible() && w.book.mayHoldCells(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

func (w *workbookRows) close() error {
	var err error
	if w.rows != nil {
		err = w.rows.Close()
	}
	return errors.Join(err, w.file.Close())
}

// book is a workbook: an archive of parts, which are XML, and of relationships between them.
type book struct {
	parts  map[string]*zip.File // by their names, in small letters
	main   string               // the part that lists the sheets
	links  []link               // of that part
	sheets []bookSheet
	// Days of dates count from 1904, as on an old Macintosh.
	date1904 bool
	left     uint64 // bytes that may still be read
}

type link struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

// is reports whether a link is of a type. Its name stands in one of two namespaces.
func (l link) is(kind string) bool { return strings.HasSuffix(l.Type, "/relationships/"+kind) }

type bookSheet struct {
	Name  string `xml:"name,attr"`
	State string `xml:"state,attr"` // visible if empty
	Link  string `xml:"id,attr"`
	part  string
}

func (s bookSheet) visible() bool { return s.State == "" || s.State == "visible" }

func readBook(in io.Reader) (*book, error) {
	data, err := io.ReadAll(io.LimitReader(in, MaxWorkbook+1))
	switch {
	case err != nil:
		return nil, unreadable(0, err)
	case len(data) > MaxWorkbook:
		return nil, wrong(0, "the workbook has more than %d MiB; save the sheet as \"CSV UTF-8\"", MaxWorkbook>>20)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, wrong(0, "this begins like a workbook, but is damaged or cut off (%v)", err)
	}
	b := &book{parts: make(map[string]*zip.File), left: MaxFile}
	for _, f := range archive.File {
		b.parts[partName(f.Name)] = f
	}
	if kind := b.otherKind(); kind != "" {
		return nil, wrong(0, "%s is not read: %s", kind, saveAs)
	}
	var root struct{ Relationship []link }
	if err := b.decode("_rels/.rels", &root); err != nil {
		return nil, err
	}
	main := slices.IndexFunc(root.Relationship, func(l link) bool { return l.is("officeDocument") })
	if main < 0 {
		return nil, wrong(0, "this is a zip archive without a workbook")
	}
	b.main = partName(root.Relationship[main].Target)
	return b, b.readSheets()
}

// partName makes a key of the name of a part, or of the target of a link at the top.
func partName(name string) string {
	return strings.TrimPrefix(path.Clean(strings.ToLower(strings.ReplaceAll(name, `\`, "/"))), "/")
}

// otherKind names a kind of archive that is not read.
func (b *book) otherKind() string {
	has := func(name string) bool { return b.parts[name] != nil }
	switch {
	case has("xl/workbook.bin"):
		return "an .xlsb workbook"
	case has("index/document.iwa"), has("index.zip"):
		return "a workbook of Numbers"
	case has("mimetype") && has("content.xml"):
		return "an .ods workbook"
	case has("word/document.xml"):
		return "a text document"
	case !has("_rels/.rels"):
		return "a zip archive"
	}
	return ""
}

// readSheets finds the sheets that have rows, and their parts.
func (b *book) readSheets() error {
	var main struct {
		Properties struct {
			Date1904 bool `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []bookSheet `xml:"sheets>sheet"`
	}
	var rels struct{ Relationship []link }
	dir, base := path.Split(b.main)
	err := b.decode(b.main, &main)
	if err == nil {
		err = b.decode(dir+"_rels/"+base+".rels", &rels)
	}
	if err != nil {
		return err
	}
	b.links, b.date1904 = rels.Relationship, main.Properties.Date1904
	for _, s := range main.Sheets {
		i := slices.IndexFunc(b.links, func(l link) bool { return l.ID == s.Link && l.is("worksheet") })
		if i >= 0 {
			s.part = b.target(b.links[i])
			b.sheets = append(b.sheets, s)
		}
	}
	return nil
}

// target returns the part that a link of the main part leads to.
func (b *book) target(l link) string {
	if strings.HasPrefix(l.Target, "/") {
		return partName(l.Target)
	}
	return partName(path.Dir(b.main) + "/" + l.Target)
}

// open opens a part, within what may still be read of the workbook.
func (b *book) open(name string) (io.ReadCloser, error) {
	f := b.parts[name]
	if f == nil {
		return nil, damaged(fmt.Errorf("%q is missing", name))
	}
	if f.UncompressedSize64 > b.left {
		return nil, wrong(0, "the sheet is larger than %d MiB; split it, or save it as \"CSV UTF-8\"", MaxFile>>20)
	}
	b.left -= f.UncompressedSize64 // which the archive holds it to
	r, err := f.Open()
	if err != nil {
		return nil, damaged(err)
	}
	return r, nil
}

func (b *book) decode(name string, v any) error {
	r, err := b.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := xml.NewDecoder(r).Decode(v); err != nil {
		return damaged(err)
	}
	return nil
}

// sheet returns a sheet by its name, or the first one that is not hidden.
func (b *book) sheet(name string) (bookSheet, error) {
	for _, s := range b.sheets {
		if name == "" && s.visible() || name != "" && strings.EqualFold(s.Name, name) {
			return s, nil
		}
	}
	switch {
	case len(b.sheets) == 0:
		return bookSheet{}, wrong(0, "the workbook has no sheet with rows")
	case name == "":
		return bookSheet{}, choose(0, "all sheets are hidden; name one", b.names())
	}
	return bookSheet{}, wrong(0, "there is no sheet %q; the workbook has %s", name, b.names())
}

func (b *book) names() string {
	var names []string
	for _, s := range b.sheets {
		names = append(names, fmt.Sprintf("%q", s.Name))
	}
	return strings.Join(names, ", ")
}

// The parts of the workbook that excelize gets to see, besides copies.
const (
	relationships = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>`
	relationship  = `<Relationship Id="%s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s"/>`
	workbook      = `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
		`<workbookPr date1904="%t"/><sheets><sheet name="` + theSheet + `" sheetId="1" r:id="rId1"/></sheets></workbook>`
	theSheet = "rows"
)

// extract makes a workbook of one sheet and what belongs to it, checked. It finds cells that are
// merged, which excelize would have to read the sheet for once more. All parts have their usual
// names there: excelize finds texts and formats by no others.
func (b *book) extract(s bookSheet) (io.Reader, merged, error) {
	text := new(bytes.Buffer)
	archive := zip.NewWriter(text)
	for name, part := range map[string]string{
		"_rels/.rels":                fmt.Sprintf(relationships, fmt.Sprintf(relationship, "rId1", "officeDocument", "xl/workbook.xml")),
		"xl/_rels/workbook.xml.rels": fmt.Sprintf(relationships, fmt.Sprintf(relationship, "rId1", "worksheet", "worksheets/sheet1.xml")),
		"xl/workbook.xml":            fmt.Sprintf(workbook, b.date1904),
	} {
		to, err := archive.Create(name)
		if err == nil {
			_, err = io.WriteString(to, part)
		}
		if err != nil {
			return nil, merged{}, err
		}
	}
	texts := 0
	for _, l := range b.links {
		var err error
		switch part := b.target(l); {
		case l.is("sharedStrings"):
			if err = b.check(part, func(t xml.Token) error {
				if t, ok := t.(xml.StartElement); ok && t.Name.Local == "si" {
					texts++
				}
				return nil
			}); err == nil {
				err = b.copyPart(archive, part, "xl/sharedStrings.xml")
			}
		case l.is("styles"):
			if err = b.check(part, func(xml.Token) error { return nil }); err == nil {
				err = b.copyPart(archive, part, "xl/styles.xml")
			}
		}
		if err != nil {
			return nil, merged{}, err
		}
	}
	c := &cellCheck{texts: texts}
	if err := b.check(s.part, c.token); err != nil {
		return nil, merged{}, err
	}
	if err := b.copyPart(archive, s.part, "xl/worksheets/sheet1.xml"); err != nil {
		return nil, merged{}, err
	}
	return text, newMerged(c.merges), archive.Close()
}

// copyPart copies a part as it is, compressed.
func (b *book) copyPart(to *zip.Writer, part, name string) error {
	f := b.parts[part]
	header := f.FileHeader
	header.Name = name
	r, err := f.OpenRaw()
	if err != nil {
		return damaged(err)
	}
	w, err := to.CreateRaw(&header)
	if err == nil {
		_, err = io.Copy(w, r)
	}
	return err
}

// check reads a part to its end, token by token.
func (b *book) check(name string, token func(xml.Token) error) error {
	r, err := b.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	for d := xml.NewDecoder(r); ; {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damaged(fmt.Errorf("%s: %w", name, err))
		}
		if err := token(t); err != nil {
			return err
		}
	}
}

// mayHoldCells reports whether a sheet has cells with values, or begins with so much else that they
// are not looked for. Spreadsheets used to begin a workbook with three sheets, of which two stay
// empty.
func (b *book) mayHoldCells(s bookSheet) bool {
	const enough = 64 << 10
	f := b.parts[s.part]
	if f == nil {
		return true
	}
	r, err := f.Open()
	if err != nil {
		return true
	}
	defer r.Close()
	for d := xml.NewDecoder(io.LimitReader(r, enough)); ; {
		t, err := d.Token()
		if err != nil {
			return err != io.EOF
		}
		if t, ok := t.(xml.StartElement); ok && slices.Contains([]string{"v", "is", "f"}, t.Name.Local) {
			return true
		}
	}
}

// cellCheck finds what excelize would leave out or take for something else: rows and cells that do
// not come in order, cells whose text or format cannot be found. It looks for formulas, too,
// without the result that a spreadsheet saves with them: programs that write workbooks leave it
// out, or write an empty value. Of a text, an empty value is a result.
type cellCheck struct {
	texts    int // that cells may refer to
	row, col int
	columns  int // of the widest row
	element  string
	kind     string // type of the cell; empty for a number
	formula  bool
	result   bool
	merges   []merge
	covered  int // cells of merges
}

func (c *cellCheck) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		c.element = t.Name.Local
		attr := func(name string) string {
			for _, a := range t.Attr {
				if a.Name.Local == name {
					return a.Value
				}
			}
			return ""
		}
		switch c.element {
		case "row":
			last := c.row
			c.row, c.col = c.row+1, 0
			if r := attr("r"); r != "" {
				c.row, _ = strconv.Atoi(r)
			}
			if c.row <= last || c.row > excelize.TotalRows {
				return damaged(fmt.Errorf("row %d comes after row %d", c.row, last))
			}
		case "c":
			c.kind, c.formula, c.result = attr("t"), false, false
			last := c.col
			c.col++
			if r := attr("r"); r != "" {
				c.col, _, _ = excelize.CellNameToCoordinates(r)
			}
			if _, err := strconv.Atoi(cmp.Or(attr("s"), "0")); err != nil || c.col <= last {
				return damaged(fmt.Errorf("row %d has a damaged cell", c.row))
			}
			c.columns = max(c.columns, c.col)
		case "f":
			c.formula = true
		case "v":
			c.result = c.result || c.kind == "str"
		case "is":
			c.result = c.result || c.kind == "inlineStr"
		case "mergeCell": // all of them come after the rows
			return c.merge(attr("ref"))
		}
	case xml.CharData:
		if c.element != "v" {
			return nil
		}
		text := strings.TrimSpace(string(t))
		c.result = c.result || text != ""
		if c.kind == "s" {
			if i, err := strconv.Atoi(text); err != nil || i < 0 || i >= c.texts {
				return damaged(fmt.Errorf("row %d has a damaged cell", c.row))
			}
		}
	case xml.EndElement:
		c.element = ""
		if t.Name.Local == "c" && c.formula && !c.result {
			name, _ := excelize.CoordinatesToCellName(c.col, c.row)
			return wrong(c.row, "cell %s has a formula without its result: open the workbook in a spreadsheet and save it", name)
		}
	}
	return nil
}

// merge keeps in mind cells that are merged. Merges of a sheet do not overlap, but those of a bad
// one could be as many as it has cells, each as large as the sheet.
func (c *cellCheck) merge(ref string) error {
	const most = 4 << 20
	from, to, _ := strings.Cut(ref, ":")
	left, top, err := excelize.CellNameToCoordinates(from)
	right, bottom, err2 := excelize.CellNameToCoordinates(to)
	right, bottom = min(right, c.columns), min(bottom, c.row)
	if err != nil || err2 != nil || right < left || bottom < top {
		return nil
	}
	if c.covered += (right - left + 1) * (bottom - top + 1); c.covered > most {
		return wrong(0, "more than %d cells of the sheet are merged: split them", most)
	}
	c.merges = append(c.merges, merge{left, top, right, bottom, ""})
	return nil
}

// merge is cells that are merged, by the columns and rows at its edges.
type merge struct {
	left, top, right, bottom int
	text                     string // that they show
}

// merged gives each row what a person sees in it. Where cells are merged, that is the text of the
// first one, here in the first column of each row; what the others have in the file is not seen.
type merged struct {
	columns int     // that have a heading; 0 until it is read
	ahead   []merge // in the order of their first rows
	here    []merge // that the last row was in
}

func newMerged(list []merge) merged {
	slices.SortStableFunc(list, func(a, b merge) int { return cmp.Compare(a.top, b.top) })
	return merged{ahead: list}
}

// fill changes the cells of a row, each of which is asked for in its turn. A row that shows nothing
// of its own stays blank, and a note beside the table stays in its first row.
func (m *merged) fill(row int, cells []string) []string {
	m.here = slices.DeleteFunc(m.here, func(r merge) bool { return r.bottom < row })
	for _, r := range m.here {
		r.hide(cells, r.left)
	}
	for ; len(m.ahead) > 0 && m.ahead[0].top <= row; m.ahead = m.ahead[1:] {
		r := m.ahead[0]
		if r.left <= len(cells) {
			r.text = cells[r.left-1]
		}
		r.hide(cells, r.left+1)
		m.here = append(m.here, r)
	}
	if !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return cells
	}
	for _, r := range m.here {
		if r.text == "" || m.columns > 0 && r.left > m.columns {
			continue
		}
		for len(cells) < r.left {
			cells = append(cells, "")
		}
		cells[r.left-1] = r.text
	}
	return cells
}

// hide blanks the cells of a row that are merged, from a column on.
func (r merge) hide(cells []string, from int) {
	if end := min(r.right, len(cells)); from <= end {
		clear(cells[from-1 : end])
	}
}

// refuseOLE says what to do with a workbook of the older format, which also holds newer ones that
// have a password.
func refuseOLE(in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, MaxWorkbook))
	if err != nil {
		return unreadable(0, err)
	}
	entry := func(name string) bool { // the names of entries are in UTF-16
		return bytes.Contains(data, []byte(strings.Join(strings.Split(name, ""), "\x00")))
	}
	if entry("EncryptedPackage") {
		return wrong(0, "a workbook with a password is not read: save it without one, or as \"CSV UTF-8\"")
	}
	return wrong(0, "an .xls workbook is not read: %s", saveAs)
}
