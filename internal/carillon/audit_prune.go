package carillon

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

type auditPruneOptions struct {
	database
	Before       moment
	AWSAccountID string // empty for all
	Format       string
}

// auditPruneCommand declares `carillon audit prune`.
func (p *program) auditPruneCommand() *cobra.Command {
	var o auditPruneOptions
	c := &cobra.Command{
		Use:   "prune",
		Short: "remove old records of the audit trail",
		Long: `Remove the records of the audit trail from before a moment, and print how many.

They are gone for good: export them first with carillon audit --until. That they
were removed stays in the audit trail.` + besideService,
		Example: `carillon audit --until 2026-01-01 --output csv > audit-2025.csv
carillon audit prune --before 2026-01-01`,
		RunE: func(c *cobra.Command, _ []string) error { return p.pruneAudit(c.Context(), o) },
	}
	f := flagsOf(c)
	parsed(f, &o.Before, before, "before WHEN", "", "where the records to keep begin: a date (which begins at midnight UTC), a time, or a duration before now such as 90d", required)
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "prune only the trail of this AWS account")
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) pruneAudit(ctx context.Context, o auditPruneOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		before := o.Before.by(st.now())
		n, err := st.operator().PruneAudit(ctx, o.AWSAccountID, before)
		if err != nil && n == 0 {
			return err
		}
		return errors.Join(err, p.print(o.Format, "PruneAudit", document.NewObject(
			document.Member{Key: "Before", Value: api.FormatTime(before)},
			document.Member{Key: "RecordsRemoved", Value: document.Int(n)},
		)))
	})
}
