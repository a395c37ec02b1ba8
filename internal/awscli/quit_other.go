//go:build !linux

package awscli

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// dieOfQuit ends the process on SIGQUIT without a word, where Go prints the stacks of all
// goroutines. Ignored stays ignored. Windows has no such signal.
func dieOfQuit() {
	if runtime.GOOS == "windows" || signal.Ignored(syscall.SIGQUIT) {
		return
	}
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		os.Exit(128 + int(syscall.SIGQUIT))
	}()
}
