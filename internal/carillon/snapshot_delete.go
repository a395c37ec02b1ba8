package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// snapshotDeleteCommand declares `carillon snapshot delete`.
func (p *program) snapshotDeleteCommand() *cobra.Command {
	return p.snapshotSubcommand(http.MethodDelete, "deleted", &cobra.Command{
		Use:     "delete NAME",
		Short:   "delete a snapshot",
		Long:    `Delete a snapshot. The state of the service stays as it is.`,
		Example: `carillon snapshot delete half-way`,
	})
}
