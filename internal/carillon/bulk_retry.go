package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkRetryCommand declares `carillon bulk retry`.
func (p *program) bulkRetryCommand() *cobra.Command {
	return p.againCommand((*bulk.Account).Retry, &cobra.Command{
		Use:   "retry LEDGER",
		Short: "try the failed rows of a job again",
		Long: `Plan the failed rows of a job anew, as they stand in their file, and send them,
and no others, in its ledger. Of a rollback, users whom others have changed since
are left alone, and named again.`,
		Example: `carillon bulk retry job.jsonl`,
	})
}
