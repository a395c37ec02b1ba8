package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// snapshotLoadCommand declares `carillon snapshot load`.
func (p *program) snapshotLoadCommand() *cobra.Command {
	return p.snapshotSubcommand(http.MethodPut, "loaded", &cobra.Command{
		Use:     "load NAME",
		Short:   "go back to a state that was saved",
		Long:    `Give the service the data and the clock of a snapshot, instead of those that it has.`,
		Example: `carillon snapshot load half-way`,
	})
}
