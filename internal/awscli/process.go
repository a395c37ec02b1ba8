package awscli

import (
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/process"
)

// Process runs the command line of this process and returns its exit code: see [Main].
func Process(services ...*model.Service) int {
	// A closed pipe is an error to write to, not the end of the process. The programs that this one
	// starts do not inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	dieOfQuit()
	log.SetOutput(io.Discard) // net/http complains there about odd servers; stderr is for what version 1 prints
	ctx, stop := process.Context(os.Interrupt)
	defer stop()
	return Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, services...)
}
