package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// clockResumeCommand declares `carillon clock resume`.
func (p *program) clockResumeCommand() *cobra.Command {
	return p.clockSubcommand(http.MethodPut, clockFrozen(false), &cobra.Command{
		Use:     "resume",
		Short:   "let the clock go on",
		Long:    `Let a clock that is frozen go on, from the time that it shows.`,
		Example: `carillon clock resume`,
	})
}
