// Aws is a drop-in for AWS CLI version 1's `aws chime ...`.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/carillon-project/carillon/internal/awscli"
)

func main() {
	ctx, stop := context.Background(), context.CancelFunc(func() {})
	if !signal.Ignored(os.Interrupt) { // by nohup, say: then it stays so, also for a program that takes over
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt)
	}
	code := awscli.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
