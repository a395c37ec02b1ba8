// Package carillon is the carillon command: it reads flags and variables and wires the other
// rooms together. Start at Main. The commands beside serve and demo work on the store of a
// service, which may be running: what they have in common is in store.go.
//
// Standard output is for results. Complaints go to standard error, with the program's name in
// front.
package carillon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
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

// subcommand is one word behind carillon, or behind such a word.
type subcommand struct {
	name    string
	summary string
	run     func(p *program, ctx context.Context, args []string) error // nil: one of more must follow
	more    []subcommand
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "serve the API, on a directory of its own", (*program).serve, nil},
		{"demo", "show the main job on a service of its own, and leave nothing behind", (*program).demo, nil},
		{"bulk", "change any number of users from a spreadsheet: plan, apply, resume, undo", nil, bulkCommands()},
		{"account", "make accounts of all types, change their licenses, suspend and resume them", nil, []subcommand{
			{"create", "make an account of any type", (*program).accountCreate, nil},
			{"set-licenses", "say which licenses an account supports", (*program).accountSetLicenses, nil},
			{"suspend", "make an account read-only", (*program).accountSuspend, nil},
			{"resume", "end the suspension of an account", (*program).accountResume, nil},
		}},
		{"domain", "claim and release e-mail domains", nil, []subcommand{
			{"claim", "claim an e-mail domain for an account", (*program).domainClaim, nil},
			{"release", "give up an account's claim on a domain", (*program).domainRelease, nil},
		}},
		{"user", "sign users in, fail invitations", nil, []subcommand{
			{"register", "sign a user in to an account", (*program).userRegister, nil},
			{"fail-invitation", "mark a pending invitation as failed", (*program).userFailInvitation, nil},
		}},
		{"key", "make, list, disable and delete access keys", nil, []subcommand{
			{"create", "make an access key with a policy", (*program).keyCreate, nil},
			{"list", "list the access keys, without their secrets", (*program).keyList, nil},
			{"disable", "make the service refuse a key from now on", (*program).keyDisable, nil},
			{"delete", "remove a key for good", (*program).keyDelete, nil},
		}},
		{"audit", "read the audit trail; carillon audit prune shortens it", (*program).audit, []subcommand{
			{"prune", "remove old records of the audit trail", (*program).auditPrune, nil},
		}},
		{"import", "adopt accounts and users from saved output of `aws chime`", (*program).importFiles, nil},
		{"backup", "save the database of a running service in a file", (*program).backup, nil},
		{"restore", "make a backup the database of a new directory", (*program).restore, nil},
		{"version", "print the version", (*program).version, nil},
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
			return p.run(ctx, append(slices.Clone(args[1:]), "--help"))
		}
		p.overview(p.stdout)
		return nil
	case "--version":
		args = []string{"version"}
	}
	return p.choose(ctx, "carillon", subcommands(), args)
}

// choose runs the command that the first word names; before holds the words in front of it.
func (p *program) choose(ctx context.Context, before string, commands []subcommand, args []string) error {
	i := slices.IndexFunc(commands, func(c subcommand) bool { return c.name == args[0] })
	if i < 0 {
		return usagef("there is no command %q; %s lists them", args[0], strings.Replace(before, "carillon", "carillon help", 1))
	}
	c, rest := commands[i], args[1:]
	before += " " + c.name
	isWord := len(rest) > 0 && !strings.HasPrefix(rest[0], "-")
	switch {
	case c.more != nil && isWord:
		return p.choose(ctx, before, c.more, rest)
	case c.run != nil:
		return c.run(p, ctx, rest)
	case len(rest) == 0:
		p.group(p.stderr, before, c)
		return usagef("%s: a command is missing", c.name)
	case rest[0] == "--help" || rest[0] == "-h" || rest[0] == "-help":
		p.group(p.stdout, before, c)
		return nil
	}
	return usagef("%s: the command comes first, then its flags such as %q; see %s --help", c.name, rest[0], before)
}

// exitCodes is told where people look for it. What a rule of the directory refuses is bad input
// if it names what does not exist or could never be; else it has failed, and may work later.
const exitCodes = `
Exit codes: 0 done or nothing to do; 1 failed, or refused as things stand (a suspended account, a
domain that is claimed), in bulk some rows; 2 bad usage or input (an account, user or key that does not
exist); 3 a bulk job was stopped by a brake; 4 no service or store; 130 interrupted.
`

func (p *program) overview(w io.Writer) {
	fmt.Fprint(w, "Carillon keeps the accounts, users and licenses of the Amazon Chime administration API.\n\nusage: carillon COMMAND [--flag VALUE ...]\n\n")
	list(w, subcommands())
	fmt.Fprint(w, "\ncarillon COMMAND --help lists the flags of a command. The API itself is called by `aws chime ...`.\n", exitCodes)
}

// group tells about a command that is one only together with another word.
func (p *program) group(w io.Writer, words string, c subcommand) {
	fmt.Fprintf(w, "usage: %s COMMAND [--flag VALUE ...]\n\n", words)
	list(w, c.more)
	fmt.Fprintf(w, "\n%s COMMAND --help lists the flags of a command.\n%s", words, exitCodes)
}

func list(w io.Writer, commands []subcommand) {
	width := 9
	for _, c := range commands {
		width = max(width, len(c.name))
	}
	for _, c := range commands {
		fmt.Fprintf(w, "  %-*s %s\n", width, c.name, c.summary)
	}
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
