package carillon

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

// faultClearCommand declares `carillon fault clear`.
func (p *program) faultClearCommand() *cobra.Command {
	var at connection
	c := &cobra.Command{
		Use:   "clear [ID ...]",
		Short: "remove rules, all of them if none is named",
		Long: `Remove the rules with these ids, or all rules if no id is given. Calls that have
failed by them are not made up for.` + aboutTestService,
		Example: `carillon fault clear
carillon fault clear r1 r2`,
		RunE: func(c *cobra.Command, words []string) error { return p.clearFaults(c.Context(), at, words) },
	}
	c.ValidArgsFunction = p.serviceFaults(&at)
	at.endpointFlags(flagsOf(c))
	return c
}

func (p *program) clearFaults(ctx context.Context, at connection, ids []string) error {
	return p.onTestService(ctx, at, func(s *testService) error {
		var which []byte // all
		if len(ids) > 0 {
			rules, err := s.faults(ctx)
			if err != nil {
				return err
			}
			list := make([]any, len(ids))
			for i, id := range ids {
				if !slices.ContainsFunc(rules, func(rule *document.Object) bool { return rule.Text("id") == id }) {
					return usagef("there is no rule %q: carillon fault list shows those that there are. Nothing was removed", id)
				}
				list[i] = document.NewObject(document.Member{Key: "id", Value: id})
			}
			which = document.AppendCompact(nil, list)
		}
		left, err := s.list(ctx, http.MethodDelete, "faults", which)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s: rules left: %d\n", s.url, len(left))
		return err
	})
}
