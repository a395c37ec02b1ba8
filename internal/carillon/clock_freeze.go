package carillon

import (
	"net/http"

	"github.com/spf13/cobra"
)

// clockFreezeCommand declares `carillon clock freeze`.
func (p *program) clockFreezeCommand() *cobra.Command {
	return p.clockSubcommand(http.MethodPut, clockFrozen(true), &cobra.Command{
		Use:     "freeze",
		Short:   "have the clock stand still",
		Long:    `Have the clock stand still, so that everything that a test does has the same time.`,
		Example: `carillon clock freeze`,
	})
}
