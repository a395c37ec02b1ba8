package carillon

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

type faultWatchOptions struct {
	connection
	Count int // lines after which it ends; 0: it does not
}

// faultWatchCommand declares `carillon fault watch`.
func (p *program) faultWatchCommand() *cobra.Command {
	var o faultWatchOptions
	c := &cobra.Command{
		Use:   "watch",
		Short: "show each fault as it happens",
		Long: `Print a line for each fault: those that the service remembers, oldest first, and then
each one as it happens, until you interrupt the command. A line has the time of
the machine, the rule, the operation, where it happened and what.` + aboutTestService,
		Example: `carillon fault watch
carillon fault watch --count 1`,
		RunE: func(c *cobra.Command, _ []string) error { return p.watchFaults(c.Context(), o) },
	}
	f := flagsOf(c)
	parsed(f, &o.Count, numberFrom(1, math.MaxInt), "count N", "", "end after N lines")
	o.connection.endpointFlags(f)
	return c
}

func (p *program) watchFaults(ctx context.Context, o faultWatchOptions) error {
	return p.onTestService(ctx, o.connection, func(s *testService) error {
		after := "0"
		for shown := 0; ; {
			query := url.Values{"after": {after}, "wait": {longestPoll.String()}}
			answer, err := s.object(ctx, http.MethodGet, "activity", query.Encode(), nil)
			if err != nil {
				return err
			}
			list, _ := answer.Get("activity")
			firings, err := s.objects("activity", list)
			if err != nil {
				return err
			}
			for _, f := range firings {
				fmt.Fprintln(p.stdout, f.Text("time"), f.Text("rule"), f.Text("operation"), f.Text("where"), f.Text("effect"),
					memberTexts(f, "user", "account", "key", "test", "requestId"))
				if shown++; shown == o.Count {
					return nil
				}
			}
			if after = memberText(answer, "next"); after == "" {
				return s.odd("activity")
			}
		}
	})
}
