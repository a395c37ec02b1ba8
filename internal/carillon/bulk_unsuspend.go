package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkUnsuspendCommand declares `carillon bulk unsuspend`.
func (p *program) bulkUnsuspendCommand() *cobra.Command {
	return p.bulkActionCommand(bulk.Unsuspend, &cobra.Command{
		Use:     "unsuspend [ROWS]",
		Short:   "end the suspension of users",
		Long:    `End the suspension of the users that rows name, on Enterprise accounts.` + rowsHelp + namesOnly,
		Example: `carillon bulk unsuspend --account-id "$ACCOUNT" leavers.csv`,
	})
}
