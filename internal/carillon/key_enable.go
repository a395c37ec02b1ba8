package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
)

// keyEnableCommand declares `carillon key enable`.
func (p *program) keyEnableCommand() *cobra.Command {
	return p.keyStateCommand("EnableKey", (*directory.Keys).Enable, &cobra.Command{
		Use:   "enable KEY-ID",
		Short: "have the service take a disabled key again",
		Long: `Have the service take a key again that was disabled, and print the key without its
secret. A key that has expired stays expired.` + besideService,
		Example: `carillon key enable "$KEY"`,
	})
}
