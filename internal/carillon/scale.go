package carillon

import "github.com/spf13/cobra"

// scaleCommand declares `carillon scale`.
func (p *program) scaleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "scale",
		Short: "distribute a PostgreSQL database to several nodes",
		Long: `Distribute the tables of a PostgreSQL database to the nodes of a cluster. One
PostgreSQL serves some hundred million users; this is for more, or for more changes
than one machine can write.`,
	}
	c.AddCommand(p.scaleCitusCommand())
	return c
}
