// Package process does what the programs' main functions have in common.
package process

import (
	"context"
	"os"
	"os/signal"
	"slices"
)

// Context returns a context that the first of some signals ends. A signal that the process was
// started to ignore stays ignored, by this process and by those that it starts: nohup does that,
// and so do shells for the background jobs of scripts. stop gives the signals their usual meaning
// back.
func Context(signals ...os.Signal) (ctx context.Context, stop context.CancelFunc) {
	signals = slices.DeleteFunc(slices.Clone(signals), signal.Ignored)
	if len(signals) == 0 { // to NotifyContext that means all
		return context.WithCancel(context.Background())
	}
	return signal.NotifyContext(context.Background(), signals...)
}
