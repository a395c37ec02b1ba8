package awscli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/carillon-project/carillon/internal/profile"
)

// systemVariable returns a variable that the system sets, in any case of letters (Path, ComSpec),
// "" if it is not set.
func systemVariable(env profile.Env, name string) string {
	for _, v := range env {
		if n, value, ok := strings.Cut(v, "="); ok && strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// become is not possible here: a process cannot replace its program.
func become(path string, argv, env []string) error { return errors.ErrUnsupported }

// shellCommand returns the program that runs a command for the shell.
func shellCommand(ctx context.Context, command string, env []string) *exec.Cmd {
	shell := systemVariable(env, "COMSPEC")
	if shell == "" {
		shell = "cmd.exe"
	}
	cmd := exec.CommandContext(ctx, shell)
	cmd.Env = append([]string{}, env...) // never nil: that would be our own
	// cmd.exe has its own rules for quoting and must get the text as it is.
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: syscall.EscapeArg(shell) + ` /c "` + command + `"`}
	return cmd
}

// quoteArgument quotes a word for a shellCommand.
func quoteArgument(word string) string { return syscall.EscapeArg(word) }

// exitCode is the code that a child ended with.
func exitCode(state *os.ProcessState) int { return state.ExitCode() }
