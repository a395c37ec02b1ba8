package carillon

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

type resetOptions struct {
	connection
	KeepData bool
}

// resetCommand declares `carillon reset`.
func (p *program) resetCommand() *cobra.Command {
	var o resetOptions
	c := &cobra.Command{
		Use:   "reset",
		Short: "take a service for tests back to its beginning",
		Long: `Take a service for tests back to its seed: the directory and the clock that it began
with, the rules of its --faults, and no activity. Tests that begin so do not depend
on each other. Nothing is asked.` + aboutTestService,
		Example: `carillon reset
carillon reset --keep-data`,
		RunE: func(c *cobra.Command, _ []string) error { return p.reset(c.Context(), o) },
	}
	f := flagsOf(c)
	f.toggle(&o.KeepData, "keep-data", "leave the directory as it is")
	o.connection.endpointFlags(f)
	return c
}

func (p *program) reset(ctx context.Context, o resetOptions) error {
	return p.onTestService(ctx, o.connection, func(s *testService) error {
		query, done := "", "data, rules, activity and clock are"
		if o.KeepData {
			query, done = "data=0", "rules, activity and clock are"
		}
		if _, err := s.ask(ctx, http.MethodPost, "reset", query, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "%s: %s as at the start\n", s.url, done)
		return err
	})
}
