// Package carillon is the carillon command: it declares the commands and wires the other packages
// together. Start at [Main]; tree.go lists the commands, and each command has a file of its name
// (key_create.go), which declares its flags and help and says what it does. flags.go says how
// flags are declared and which of them are variables, too.
//
// Standard output is for results. Complaints go to standard error, after the program's name.
package carillon

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/profile"
)

// program is one run of carillon: its environment and streams.
type program struct {
	env    []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	name string // of the command that runs, for errors: "key create"
	hint string // what to do if the command fails; empty for nothing
}

// Main runs one command line and returns its exit code. args are without the program's name,
// env is in the form of os.Environ.
func Main(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{env: env, stdin: stdin, stdout: onScreen(stdout), stderr: onScreen(stderr)}
	if err := p.run(ctx, args); err != nil {
		fmt.Fprintf(p.stderr, "carillon: %v\n", err)
		code := exitCode(ctx, err)
		if lost, ok := errors.AsType[*client.TransportError](err); ok && lost.UnknownIssuer() && p.hint == "" {
			p.hint = "--ca-bundle FILE or CARILLON_CA_BUNDLE=FILE names the certificates to trust"
		}
		if p.hint != "" && code != exitStopped && code != exitInterrupted {
			fmt.Fprintf(p.stderr, "carillon: %s\n", p.hint)
		}
		return code
	}
	return exitDone
}

func (p *program) run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "--version" {
		args = []string{"version"}
	}
	root := p.tree()
	if err := p.refuse(root, args); err != nil {
		return err
	}
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// begin prepares the run of a command whose line has been read. Cobra calls it.
func (p *program) begin(c *cobra.Command, _ []string) error {
	p.name = nameOf(c)
	if err := p.readVariables(c); err != nil {
		return err
	}
	return p.checkFlags(c)
}

// getenv returns the value of a variable of the environment, empty for one that is not set.
func (p *program) getenv(name string) string {
	value, _ := profile.Env(p.env).Lookup(name)
	return value
}
