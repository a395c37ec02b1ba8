package carillon

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

type snapshotListOptions struct {
	connection
	Format string
}

// snapshotListCommand declares `carillon snapshot list`.
func (p *program) snapshotListCommand() *cobra.Command {
	var o snapshotListOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "list the snapshots of the service",
		Long:    `List the snapshots of the service, with their time and size.` + aboutTestService,
		Example: `carillon snapshot list`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.listSnapshots(c.Context(), o) },
	}
	f := flagsOf(c)
	outputFlag(f, &o.Format, formatTable, formatJSON)
	o.connection.endpointFlags(f)
	return c
}

func (p *program) listSnapshots(ctx context.Context, o snapshotListOptions) error {
	return p.onTestService(ctx, o.connection, func(s *testService) error {
		list, err := s.snapshots(ctx)
		if err != nil {
			return err
		}
		columns := []column{{"Name", "name"}, {"Time", "time"}, {"Bytes", "bytes"}}
		return p.writeList(o.Format, "", "snapshots", columns, listed(list))
	})
}

// snapshots asks for the snapshots that there are.
func (s *testService) snapshots(ctx context.Context) ([]*document.Object, error) {
	o, err := s.object(ctx, http.MethodGet, "snapshot", "", nil)
	if err != nil {
		return nil, err
	}
	list, _ := o.Get("snapshots")
	return s.objects("snapshot", list)
}
