package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkResetPINCommand declares `carillon bulk reset-pin`.
func (p *program) bulkResetPINCommand() *cobra.Command {
	return p.bulkActionCommand(bulk.ResetPIN, &cobra.Command{
		Use:   "reset-pin [ROWS]",
		Short: "give users new personal PINs",
		Long: `Give the users that rows name new personal PINs. Their old PINs are invalid at
once.` + rowsHelp + namesOnly,
		Example: `carillon bulk reset-pin --account-id "$ACCOUNT" people.csv`,
	})
}
