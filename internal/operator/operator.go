// Package operator is the carillon command: it reads flags and variables and wires the other
// rooms together. Start at Main; each subcommand has a file of its own.
//
// Standard output is for results. Complaints go to standard error, with the program's name in
// front.
package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// Exit codes of carillon. Scripts rely on them.
const (
	exitDone        = 0   // done, or nothing to do
	exitFailed      = 1   // failed
	exitUsage       = 2   // bad usage or bad input
	exitNoStore     = 4   // no service or no store
	exitInterrupted = 130 // 128 and the number of SIGINT
)

// program is one run of carillon.
type program struct {
	env    []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// subcommand is one word behind carillon.
type subcommand struct {
	name    string
	summary string
	run     func(p *program, ctx context.Context, args []string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "serve the API, on a directory of its own", (*program).serve},
		{"demo", "show the main job on a service of its own, and leave nothing behind", (*program).demo},
		{"version", "print the version", (*program).version},
	}
}

// Main runs one command line and returns its exit code. args are without the program's name,
// env is in the form of os.Environ.
func Main(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{env, stdin, stdout, stderr}
	err := p.run(ctx, args)
	if err == nil || errors.Is(err, errHelp) {
		return exitDone
	}
	fmt.Fprintf(stderr, "carillon: %v\n", err)
	var coded *codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailed
}

// codedError is an error that ends the program with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

func (p *program) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		p.overview(p.stderr)
		return usagef("a command is missing")
	}
	switch args[0] {
	case "help", "--help", "-h":
		if len(args) > 1 {
			return p.run(ctx, []string{args[1], "--help"})
		}
		p.overview(p.stdout)
		return nil
	case "--version":
		args = []string{"version"}
	}
	for _, c := range subcommands() {
		if c.name == args[0] {
			return c.run(p, ctx, args[1:])
		}
	}
	return usagef("there is no command %q; carillon help lists them", args[0])
}

func (p *program) overview(w io.Writer) {
	fmt.Fprint(w, "Carillon keeps the accounts, users and licenses of the Amazon Chime administration API.\n\nusage: carillon COMMAND [--flag VALUE ...]\n\n")
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\ncarillon COMMAND --help lists the flags of a command. The API itself is called by `aws chime ...`.\n")
}

func (p *program) version(_ context.Context, args []string) error {
	f := p.flags("version", "prints the version of this program.")
	if err := f.parse(args); err != nil {
		return err
	}
	version := "dev"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = strings.TrimPrefix(info.Main.Version, "v")
	}
	fmt.Fprintln(p.stdout, "carillon", version)
	return nil
}
