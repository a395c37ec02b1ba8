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

// systemVariable returns a variable that the system sets, mostly as Path and ComSpec.
func systemVariable(env profile.Env, name string) string {
	for _, v := range env {
		if n, value, ok := strings.Cut(v, "="); ok && strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// become cannot be done here: a process stays what it is.
func become(path string, argv, env []string) error { return errors.ErrUnsupported }

// shellCommand makes a program of a command for the shell.
func shellCommand(ctx context.Context, command string, env []string) *exec.Cmd {
	shell := systemVariable(env, "COMSPEC")
	if shell == "" {
		shell = "cmd.exe"
	}
	cmd := exec.CommandContext(ctx, shell)
	cmd.Env = append([]string{}, env...) // never nil, which would mean our own
	// cmd.exe has quoting rules of its own and must see the text as it is.
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: syscall.EscapeArg(shell) + ` /c "` + command + `"`}
	return cmd
}

// quoteArgument writes a word so that the program of a shellCommand gets it as it is.
func quoteArgument(word string) string { return syscall.EscapeArg(word) }

// exitCode is the code that a child ended with.
func exitCode(state *os.ProcessState) int { return state.ExitCode() }
