package awscli

import (
	"io"
	"log"
	"os"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/process"
)

// Process runs the command line of this process and returns its exit code: see [Main].
func Process(services ...*model.Service) int {
	log.SetOutput(io.Discard) // net/http complains there about odd servers; stderr is for what version 1 prints
	ctx, stop := process.Context(os.Interrupt)
	defer stop()
	return Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, services...)
}
