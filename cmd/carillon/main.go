// Carillon serves the Amazon Chime administration API and looks after what is in it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/carillon-project/carillon/internal/carillon"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal lets work under way end, a second one does not
	code := carillon.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
