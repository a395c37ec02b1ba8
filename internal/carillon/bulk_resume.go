package carillon

import (
	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkResumeCommand declares `carillon bulk resume`.
func (p *program) bulkResumeCommand() *cobra.Command {
	return p.againCommand((*bulk.Account).Resume, &cobra.Command{
		Use:   "resume LEDGER",
		Short: "go on with a job that was stopped",
		Long: `Go on with a job that was stopped, in its own ledger: by Ctrl-C, a crash, a brake,
or a service that could not be reached. What is done is not done again.`,
		Example: `carillon bulk resume job.jsonl`,
	})
}
