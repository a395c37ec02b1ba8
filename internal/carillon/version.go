package carillon

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/build"
)

// versionCommand declares `carillon version`.
func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Long:    "Print the version of this program.",
		Example: "carillon version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "carillon", build.Version())
			return err
		},
	}
}
