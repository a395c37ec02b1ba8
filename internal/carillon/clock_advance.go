package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// clockAdvanceCommand declares `carillon clock advance`.
func (p *program) clockAdvanceCommand() *cobra.Command {
	body := func(words []string) ([]byte, error) {
		return jsonOf("advance", words[0]), nil
	}
	return p.clockSubcommand(http.MethodPost, body, &cobra.Command{
		Use:   "advance DURATION",
		Short: "move the clock forward",
		Long: `Move the clock forward by a time such as 90s, 24h or 7d, and print what it shows
then. What falls due by that is done before the command ends: orders are filled,
messages whose retention period is over are deleted, and the like.`,
		Example: `carillon clock advance 7d`,
	})
}
