package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkInviteCommand declares `carillon bulk invite`.
func (p *program) bulkInviteCommand() *cobra.Command {
	return p.bulkActionCommand(bulk.Invite, &cobra.Command{
		Use:   "invite [ROWS]",
		Short: "invite people to a Team account",
		Long: `Invite the people that rows name to a Team account. People who are members or
have been invited already are skipped.

No mail is sent: tell people yourself. An operator registers those who accept, with
"carillon user register".` + rowsHelp + namesOnly,
		Example: `carillon bulk invite --account-id "$ACCOUNT" people.csv`,
	})
}
