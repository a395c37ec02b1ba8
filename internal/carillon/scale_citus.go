package carillon

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/store/postgres"
)

type scaleCitusOptions struct {
	URL    string
	Shards int
}

// scaleCitusCommand declares `carillon scale citus`.
func (p *program) scaleCitusCommand() *cobra.Command {
	var o scaleCitusOptions
	c := &cobra.Command{
		Use:   "citus",
		Short: "distribute the tables to the nodes of Citus",
		Long: `Distribute users and what belongs to them by account, and make the other tables
known to Citus, so that a change of several nodes is committed on all of them or on
none. The database may be empty or used. All services must be stopped.

Set up the nodes first, as docs/scale.md says: the extension, the database and the
role on each, and the coordinator among the nodes. If the command is cut short, run
it again: it goes on where it stopped. Until it is done, services refuse to start.`,
		Example: `carillon scale citus --database-url postgres://carillon@coordinator/carillon`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.scaleCitus(c.Context(), o) },
	}
	f := flagsOf(c)
	f.group(dataGroup)
	f.text(&o.URL, "database-url URL", "the coordinator, postgres://USER:PASSWORD@HOST/NAME; "+
		"other users of the machine can read command lines, so the variable is safer", variable)
	f.group("")
	parsed(f, &o.Shards, numberFrom(1, math.MaxInt32), "shards N", "", "parts that the users are made into, several for each node (default as Citus is set, 32 at first)")
	return c
}

func (p *program) scaleCitus(ctx context.Context, o scaleCitusOptions) error {
	if o.URL == "" {
		return usagef("scale citus: say which database by --database-url or CARILLON_DATABASE_URL")
	}
	err := postgres.Distribute(ctx, o.URL, o.Shards, func(table, what string) { fmt.Fprintf(p.stdout, "%s %s\n", table, what) })
	if err != nil {
		return &codedError{exitNoStore, p.named(err)}
	}
	_, err = fmt.Fprintln(p.stdout, "done: services can start")
	return err
}
