package carillon

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/testmode"
)

// snapshotCommand declares `carillon snapshot`.
func (p *program) snapshotCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "snapshot",
		Short: "save and load states of a service for tests",
		Long: `Save the state of a service for tests under a name, and load it again. The data and
the clock are in a snapshot; fault rules are not.`,
	}
	c.AddCommand(p.snapshotSaveCommand(), p.snapshotLoadCommand(), p.snapshotListCommand(), p.snapshotDeleteCommand())
	return c
}

// snapshotSubcommand completes a command that does something with one snapshot, which is said to be
// done then.
func (p *program) snapshotSubcommand(method, said string, c *cobra.Command) *cobra.Command {
	var at connection
	c.Long += aboutTestService
	c.RunE = func(c *cobra.Command, words []string) error {
		if err := testmode.CheckSnapshotName(words[0]); err != nil {
			return p.badInput("%w", err)
		}
		return p.onTestService(c.Context(), at, func(s *testService) error {
			if _, err := s.ask(c.Context(), method, "snapshot/"+words[0], "", nil); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stdout, "%s: snapshot %s is %s\n", s.url, words[0], said)
			return err
		})
	}
	c.ValidArgsFunction = once(p.serviceSnapshots(&at))
	at.endpointFlags(flagsOf(c))
	return c
}

// serviceSnapshots completes by the snapshots of a service for tests.
func (p *program) serviceSnapshots(at *connection) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		err = p.onTestService(ctx, *at, func(s *testService) error {
			list, err := s.snapshots(ctx)
			for _, each := range list {
				found = append(found, described(each.Text("name"), each.Text("time")))
			}
			return err
		})
		return found, err
	})
}
