package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// snapshotSaveCommand declares `carillon snapshot save`.
func (p *program) snapshotSaveCommand() *cobra.Command {
	return p.snapshotSubcommand(http.MethodPost, "saved", &cobra.Command{
		Use:   "save NAME",
		Short: "save the state under a name",
		Long: `Save the data and the clock of the service under a name, of 1 to 64 letters
from A to Z, digits, -, _ and dots, without a dot at its beginning. A snapshot of the same name is replaced.`,
		Example: `carillon snapshot save half-way`,
	})
}
