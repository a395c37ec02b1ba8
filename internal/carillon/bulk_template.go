package carillon

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkTemplateCommand declares `carillon bulk template`.
func (p *program) bulkTemplateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "template",
		Short:   "print a file of rows to start from",
		Long:    "Print a file of rows to start from, with all columns and an example.",
		Example: "carillon bulk template > rows.csv",
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(p.stdout, bulk.Template())
			return err
		},
	}
}
