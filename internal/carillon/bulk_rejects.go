package carillon

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkRejectsCommand declares `carillon bulk rejects`.
func (p *program) bulkRejectsCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "rejects LEDGER",
		Short: "write the failed rows of a job as a file of rows",
		Long: `Write the failed rows of a job as CSV, or as a workbook if the file is named
.xlsx, in the columns of their sheet, with a code and a message at the end. Mend
the file and apply it.`,
		Example:           `carillon bulk rejects job.jsonl -o mend-these.csv`,
		RunE:              func(_ *cobra.Command, words []string) error { return p.rejects(words[0], out) },
		ValidArgsFunction: once(ledgers),
	}
	outFlag(flagsOf(c), &out, "file to write (default standard output)")
	return c
}

func (p *program) rejects(ledger, out string) error {
	form, err := p.checkOut(outFile{path: out, reads: []string{ledger}, forms: []string{string(bulk.CSV), string(bulk.XLSX)}})
	if err != nil {
		return err
	}
	format := bulk.Format(form)
	l, err := bulk.ReadLedger(ledger)
	if err != nil {
		return err
	}
	return p.writeTable(out, format, func(w io.Writer) error {
		_, err := l.WriteRejects(w, format)
		return err
	})
}
