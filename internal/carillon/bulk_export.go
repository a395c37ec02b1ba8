package carillon

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/terminal"
)

type exportOptions struct {
	bulkOptions
	Format  string   // empty for what the name of Out says
	Columns []string // nil for all
	Out     string   // a file; empty for standard output
}

// exportForms are the forms of an export, the default first.
var exportForms = []string{string(bulk.CSV), string(bulk.JSONL), string(bulk.XLSX)}

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
	formFlag(f, &o.Format, "format FORMAT", "form of the file", exportForms...)
	parsed(f, &o.Columns, bulk.ParseColumns, "columns LIST", "", "columns to write, in this order, with commas between them (default all)",
		completedBy(listOf(bulk.ExportColumns())))
	outFlag(f, &o.Out, "file to write (default standard output)")
	o.connection.flags(f)
	return c
}

func (p *program) export(ctx context.Context, o exportOptions) error {
	form, err := p.checkOut(outFile{o.Out, []string{o.CABundle}, exportForms, "--format", o.Format})
	if err != nil {
		return err
	}
	format := bulk.Format(form)
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
