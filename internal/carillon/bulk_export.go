package carillon

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/terminal"
)

type exportOptions struct {
	bulkOptions
	Format  string
	Columns []string // nil for all
	Out     string   // a file; empty for standard output
}

// bulkExportCommand declares `carillon bulk export`.
func (p *program) bulkExportCommand() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export",
		Short: "write all users of an account as a file of rows",
		Long: `Write all users of an account, with all fields that list-users prints, for a
spreadsheet. carillon bulk plan takes the file back as it is.

In CSV, cells that a spreadsheet would run as formulas begin with an apostrophe.`,
		Example: `carillon bulk export --account-id "$ACCOUNT" -o users.csv
carillon bulk export --columns PrimaryEmail,LicenseType -o licenses.csv`,
		RunE: func(c *cobra.Command, _ []string) error { return p.export(c.Context(), o) },
	}
	f := flagsOf(c)
	o.accountFlag(p, f, "account to export")
	f.choice(&o.Format, "format FORMAT", "form of the file", []string{string(bulk.CSV), string(bulk.JSONL), string(bulk.XLSX)})
	parsed(f, &o.Columns, bulk.ParseColumns, "columns LIST", "", "columns to write, in this order, with commas between them (default all)",
		completedBy(listOf(bulk.ExportColumns())))
	outFlag(f, &o.Out, "file to write (default standard output)")
	o.connection.flags(f)
	return c
}

func (p *program) export(ctx context.Context, o exportOptions) error {
	format := bulk.Format(o.Format)
	if format == bulk.XLSX && o.Out == "" && terminal.Is(p.stdout) {
		return p.misused("a workbook is nothing for a terminal: name a file with -o")
	}
	r, err := p.bulkRun(ctx, o.bulkOptions)
	if err != nil {
		return err
	}
	a, err := r.connect(ctx, "", newJob())
	if err != nil {
		return err
	}
	defer a.Close()
	return p.writeTable(o.Out, format, func(w io.Writer) error {
		_, err := a.Export(ctx, w, format, o.Columns)
		return err
	})
}

// writeTable writes a table to a file, or to standard output if it has no name. A CSV file begins
// with a byte order mark, by which spreadsheets know UTF-8.
func (p *program) writeTable(path string, format bulk.Format, write func(io.Writer) error) error {
	if path == "" {
		return write(p.stdout)
	}
	return save(path, func(w io.Writer) error {
		if format == bulk.CSV {
			if _, err := io.WriteString(w, "\uFEFF"); err != nil {
				return err
			}
		}
		return write(w)
	})
}

// save replaces a file, whole or not at all, by one that only its owner can read.
func save(path string, write func(io.Writer) error) error {
	f, err := atomicfile.New(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return err
	}
	return f.Replace()
}
