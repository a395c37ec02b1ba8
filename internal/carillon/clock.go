package carillon

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

// clockCommand declares `carillon clock`.
func (p *program) clockCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "clock",
		Short: "show and move the clock of a service for tests",
		Long: `Show and move the clock of a service for tests. Orders of phone numbers, retention
periods, invitations and access keys go by it; signatures go by real time.`,
	}
	c.AddCommand(p.clockShowCommand(), p.clockSetCommand(), p.clockAdvanceCommand(), p.clockFreezeCommand(), p.clockResumeCommand())
	return c
}

type clockOptions struct {
	connection
	Format string
}

// clockSubcommand completes a command that asks the clock and prints what it shows. body says what
// is to change, as the clock reads it, by the words of the line.
func (p *program) clockSubcommand(method string, body func(words []string) ([]byte, error), c *cobra.Command) *cobra.Command {
	var o clockOptions
	c.Long += aboutTestService
	c.RunE = func(c *cobra.Command, words []string) error {
		to, err := body(words)
		if err != nil {
			return err
		}
		return p.onTestService(c.Context(), o.connection, func(s *testService) error { return p.askClock(c.Context(), s, o.Format, method, to) })
	}
	f := flagsOf(c)
	outputFlag(f, &o.Format, formatText, formatJSON)
	o.connection.endpointFlags(f)
	return c
}

func (p *program) askClock(ctx context.Context, s *testService, format, method string, body []byte) error {
	shows, err := s.object(ctx, method, "clock", "", body)
	if err != nil {
		return err
	}
	if format == formatJSON {
		return p.print(formatJSON, "", shows)
	}
	state := "running"
	if frozen, _ := shows.Get("frozen"); frozen == true {
		state = "frozen"
	}
	_, err = fmt.Fprintln(p.stdout, shows.Text("now"), state)
	return err
}

// clockFrozen is the change that has the clock stand still, or go on.
func clockFrozen(frozen bool) func([]string) ([]byte, error) {
	return func([]string) ([]byte, error) {
		return jsonOf("frozen", frozen), nil
	}
}

// clockShowCommand declares `carillon clock show`.
func (p *program) clockShowCommand() *cobra.Command {
	return p.clockSubcommand(http.MethodGet, func([]string) ([]byte, error) { return nil, nil }, &cobra.Command{
		Use:   "show",
		Short: "print the time of the service",
		Long:  `Print the time of the service, and whether its clock is running or frozen.`,
		Example: `carillon clock show
carillon clock show --output json`,
	})
}
