package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkSuspendCommand declares `carillon bulk suspend`.
func (p *program) bulkSuspendCommand() *cobra.Command {
	return p.bulkActionCommand(bulk.Suspend, &cobra.Command{
		Use:   "suspend [ROWS]",
		Short: "suspend users; on a Team account, remove them",
		Long: `Suspend the users that rows name: they cannot sign in until carillon bulk
unsuspend.

On a Team account this removes them for good. They lose their license, and come
back only as new users, by an invitation.` + rowsHelp + namesOnly,
		Example: `carillon bulk suspend --account-id "$ACCOUNT" leavers.csv --protect board.txt`,
	})
}
