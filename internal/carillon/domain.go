package carillon

import "github.com/spf13/cobra"

// domainCommand declares `carillon domain`.
func (p *program) domainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "domain",
		Short: "claim and release e-mail domains",
		Long: `Claim and release e-mail domains for accounts. An account with a domain is an
Enterprise account; people with an address in the domain can sign in to it.`,
	}
	c.AddCommand(p.domainClaimCommand(), p.domainReleaseCommand())
	return c
}
