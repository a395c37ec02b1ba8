package carillon

import (
	"context"
	"io"
	"log"
	"os"
	"syscall"

	"github.com/carillon-project/carillon/internal/process"
)

// Process runs the command line of this process and returns its exit code: see [Main].
func Process() int {
	log.SetOutput(io.Discard) // net/http complains there about odd servers; the service has a logger of its own
	ctx, stop := process.Context(os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal lets work under way end, a second one does not
	return Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
}
