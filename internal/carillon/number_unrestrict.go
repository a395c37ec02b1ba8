package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
)

// numberUnrestrictCommand declares `carillon number unrestrict`.
func (p *program) numberUnrestrictCommand() *cobra.Command {
	return p.restrictionCommand("UnrestrictNumbers", (*directory.Operator).UnrestrictNumbers, &cobra.Command{
		Use:   "unrestrict",
		Short: "end a restriction of an AWS account",
		Long: `End a restriction that carillon number restrict began with the same product type
and country.` + besideService,
		Example: `carillon number unrestrict --aws-account-id 111122223333 --country GB`,
	})
}
