package bulk

import (
	"context"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
)

// Outcome is how a run of a job ended.
type Outcome string

const (
	Finished    Outcome = "finished"
	Stopped     Outcome = "stopped" // by a brake, or because no call could succeed
	Interrupted Outcome = "interrupted"
)

// announceTime is how long a job waits until the service knows of it.
const announceTime = 2 * time.Second

// Announce tells the service that a run of a job begins (no outcome) or how it has ended, for other
// administrators to see in the audit trail. A service that does not understand it, and a key that
// may not, are none of the job's concern, so there is no error.
func (a *Account) Announce(ctx context.Context, l *Ledger, outcome Outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTime)
	defer cancel()
	input := document.NewObject(
		document.Member{Key: "JobId", Value: a.config.Job},
		document.Member{Key: "AccountId", Value: a.config.Account},
		document.Member{Key: "Action", Value: string(l.Action)},
		document.Member{Key: "Left", Value: document.Int(l.Unfinished())},
		document.Member{Key: "Done", Value: document.Int(l.Count(Done))},
		document.Member{Key: "Failed", Value: document.Int(l.Count(Failed))},
	)
	if outcome != "" {
		input.Set("Outcome", string(outcome))
	}
	a.client.Call(ctx, &extension.RecordJob, input)
}
