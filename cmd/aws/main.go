// Aws is a drop-in for AWS CLI version 1's `aws chime ...`.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

func main() {
	log.SetOutput(io.Discard) // net/http complains there about odd servers; stderr is for what version 1 prints
	ctx, stop := context.Background(), context.CancelFunc(func() {})
	if !signal.Ignored(os.Interrupt) { // by nohup, say: then it stays so, also for a program that takes over
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt)
	}
	code := awscli.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, chime.Service)
	stop()
	os.Exit(code)
}
