package carillon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand declares `carillon help`.
func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND ...]",
		Short: "describe a command",
		Long:  "Describe a command, as COMMAND --help does.",
		Example: `carillon help
carillon help bulk plan`,
		RunE: func(c *cobra.Command, words []string) error {
			if at, rest, err := c.Root().Find(words); err == nil && at.Runnable() && len(rest) > 0 {
				return p.misused(fmt.Sprintf("unexpected word %q", rest[0]))
			}
			return p.run(c.Context(), append(slices.Clone(words), "--help"))
		},
		ValidArgsFunction: func(c *cobra.Command, words []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			if at, rest, err := c.Root().Find(words); err == nil && len(rest) == 0 {
				for _, below := range at.Commands() {
					if strings.HasPrefix(below.Name(), begun) {
						names = append(names, cobra.CompletionWithDesc(below.Name(), below.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
