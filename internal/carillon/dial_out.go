package carillon

import "github.com/spf13/cobra"

// dialOutCommand declares `carillon dial-out`.
func (p *program) dialOutCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dial-out",
		Short: "list calls that meetings were asked to make",
		Long: `Look at what aws chime create-meeting-dial-out has asked for. The service makes no
calls itself: it tells the hook of carillon serve --dial-out-hook.`,
	}
	c.AddCommand(p.dialOutListCommand())
	return c
}
