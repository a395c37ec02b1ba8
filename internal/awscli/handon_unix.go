//go:build unix

package awscli

import (
	"context"
	"os"
	"os/exec"
	"syscall"

	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/shell"
)

// systemVariable returns a variable that the system sets.
func systemVariable(env profile.Env, name string) string {
	value, _ := env.Lookup(name)
	return value
}

// become replaces this program by another one, which keeps process, streams and signals. It
// returns only where that fails.
func become(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }

// shellCommand makes a program of a command for the shell.
func shellCommand(ctx context.Context, command string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Env = append([]string{}, env...) // never nil, which would mean our own
	return cmd
}

// quoteArgument writes a word so that the program of a shellCommand gets it as it is.
func quoteArgument(word string) string { return shell.Quote(word) }

// exitCode is the code that a child ended with. For an end by a signal version 1 passes on a
// negative number, of which the system keeps the lowest byte.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 256 - int(status.Signal())
	}
	return state.ExitCode()
}
