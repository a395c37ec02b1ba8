package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkLogoutCommand declares `carillon bulk logout`.
func (p *program) bulkLogoutCommand() *cobra.Command {
	return p.bulkActionCommand(bulk.Logout, &cobra.Command{
		Use:     "logout [ROWS]",
		Short:   "end all sessions of users",
		Long:    `End all sessions of the users that rows name. They can sign in again.` + rowsHelp + namesOnly,
		Example: `carillon bulk logout --account-id "$ACCOUNT" --all`,
	})
}
