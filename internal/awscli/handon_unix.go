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

// systemVariable returns a variable that the system sets, "" if it is not set.
func systemVariable(env profile.Env, name string) string {
	value, _ := env.Lookup(name)
	return value
}

// become replaces this program by another one in the same process, with the same streams and
// signals. It returns only if that fails.
func become(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }

// shellCommand returns the program that runs a command for the shell.
func shellCommand(ctx context.Context, command string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Env = append([]string{}, env...) // never nil: that would be our own
	return cmd
}

// quoteArgument quotes a word for a shellCommand.
func quoteArgument(word string) string { return shell.Quote(word) }

// exitCode is the code that a child ended with. After a signal version 1 ends with a negative
// number, of which the system keeps the lowest byte.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 256 - int(status.Signal())
	}
	return state.ExitCode()
}
