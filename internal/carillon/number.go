package carillon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// numberCommand declares `carillon number`.
func (p *program) numberCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "number",
		Short: "fill the pool of phone numbers, and say who may use which",
		Long: `Keep the pool of phone numbers that AWS accounts order from. Numbers that are
deleted through the API go back to the pool after seven days.`,
	}
	c.AddCommand(p.numberAddCommand(), p.numberListCommand(), p.numberRemoveCommand(), p.numberFailCommand(),
		p.numberRestrictCommand(), p.numberUnrestrictCommand())
	return c
}

// productTypes are what numbers can be used for.
var productTypes = []string{string(api.PhoneNumberProductTypeBusinessCalling), string(api.PhoneNumberProductTypeVoiceConnector),
	string(api.PhoneNumberProductTypeSipMediaApplicationDialIn)}

// The columns of a table of numbers, by their numbers.
const (
	numberColumn = iota
	countryColumn
	typeColumn
	cityColumn
	stateColumn
	areaColumn
	capabilitiesColumn
)

var numberColumns = sheet.NewColumns(
	sheet.Column{Name: "PhoneNumber", Aliases: []string{"number", "phone", "telephone", "telephone number", "E164", "E164PhoneNumber", "PhoneNumberId", "DID"}},
	sheet.Column{Name: "Country", Aliases: []string{"country code", "CountryCode", "ISO country"}},
	sheet.Column{Name: "Type", Aliases: []string{"number type", "phone number type"}},
	sheet.Column{Name: "City", Aliases: []string{"town", "locality", "rate center"}},
	sheet.Column{Name: "State", Aliases: []string{"region", "province", "state code"}},
	sheet.Column{Name: "AreaCode", Aliases: []string{"area", "NPA"}},
	sheet.Column{Name: "Capabilities", Aliases: []string{"capability", "features"}},
)

// numberRows are numbers from a command line, and from files.
type numberRows struct {
	rows   []directory.PoolRow
	places []string // where each was found
	bad    int      // rows that cannot be read
}

// readNumbers reads words that are numbers or the names of files, before anything is changed.
func (p *program) readNumbers(words []string, sheetName string) (*numberRows, error) {
	all := new(numberRows)
	for _, word := range words {
		if directory.IsPhoneNumber(word) {
			all.add(word, directory.PoolRow{PhoneNumber: word})
			continue
		}
		var file io.ReadCloser = io.NopCloser(p.stdin)
		if word != "-" {
			var err error
			if file, err = os.Open(word); err != nil {
				return nil, p.badInput("%q is neither a phone number with the code of its country nor a file: %w", word, err)
			}
		}
		err := p.readNumberFile(all, word, file, sheetName)
		file.Close()
		if bad, ok := errors.AsType[*sheet.Error](err); ok && bad.Err == nil {
			return nil, p.badInput("%s: %w", word, bad)
		}
		if err != nil {
			return nil, p.named(fmt.Errorf("reading %s: %w", word, err))
		}
	}
	return all, nil
}

func (n *numberRows) add(place string, row directory.PoolRow) {
	n.rows, n.places = append(n.rows, row), append(n.places, place)
}

// isNumberList reports whether a first row is that of a table without a heading.
func isNumberList(cells []string) bool { return len(cells) == 1 && directory.IsPhoneNumber(cells[0]) }

// readNumberFile reads a table. One column without a heading holds numbers.
func (p *program) readNumberFile(all *numberRows, name string, r io.Reader, sheetName string) (err error) {
	t, err := sheet.Open(r, sheet.Options{Columns: numberColumns, Sheet: sheetName, Comments: true, Headless: isNumberList})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	columns := t.Heading.Columns
	place := func(line int) string { return fmt.Sprintf("%s:%d", name, line) }
	switch {
	case t.Heading.Has(numberColumn):
		for _, unknown := range t.Heading.Unknown() {
			fmt.Fprintf(p.stderr, "carillon: %s: column %s is unknown: left out\n", place(t.Heading.Line), unknown)
		}
	case isNumberList(t.Heading.Names):
		columns = []int{numberColumn}
		all.add(place(t.Heading.Line), directory.PoolRow{PhoneNumber: t.Heading.Names[0]})
	default:
		return &sheet.Error{Line: t.Heading.Line, Text: "there is no column PhoneNumber"}
	}
	hidden := 0
	for {
		row, err := t.Next()
		if row.Hidden {
			hidden++
		}
		switch {
		case err == io.EOF:
			for _, remark := range t.Remarks(hidden) {
				fmt.Fprintf(p.stderr, "carillon: %s: %s\n", name, remark)
			}
			return nil
		case err != nil:
			return err
		case row.Problem != "":
			all.bad++
			fmt.Fprintf(p.stderr, "carillon: %s: %s\n", place(row.Line), row.Problem)
			continue
		}
		var one directory.PoolRow
		fields := []*string{&one.PhoneNumber, &one.Country, &one.Type, &one.City, &one.State, &one.AreaCode, &one.Capabilities}
		for i, cell := range row.Cells {
			if column := columns[i]; column >= 0 {
				*fields[column] = strings.Clone(strings.TrimSpace(cell))
			}
		}
		all.add(place(row.Line), one)
	}
}

// printChanges prints how many numbers became what, and complains of those that were refused.
func (p *program) printChanges(format, operation string, all *numberRows, changes []directory.PoolChange, outcomes ...directory.PoolOutcome) error {
	var count [directory.PoolRefused + 1]int
	count[directory.PoolRefused] = all.bad
	for i, c := range changes {
		count[c.Outcome]++
		if c.Outcome == directory.PoolRefused {
			fmt.Fprintf(p.stderr, "carillon: %s: %s\n", all.places[i], c.Problem)
		}
	}
	names := []string{"Added", "Changed", "Unchanged", "Removed", "Refused"}
	o := new(document.Object)
	for i, name := range names {
		if outcome := directory.PoolOutcome(i); slices.Contains(outcomes, outcome) || outcome == directory.PoolRefused {
			o.Set(name, document.Int(count[i]))
		}
	}
	if err := p.print(format, operation, document.NewObject(document.Member{Key: "PhoneNumbers", Value: o})); err != nil {
		return err
	}
	if refused := count[directory.PoolRefused]; refused > 0 {
		return fmt.Errorf("%d of %d numbers were refused", refused, len(all.rows)+all.bad)
	}
	return nil
}
