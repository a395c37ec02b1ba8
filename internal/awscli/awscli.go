// Package awscli is the aws command: AWS CLI version 1 for `aws chime ...`, walking the
// contract in package chime. What scripts see (streams, exit codes, requests) is version 1's.
//
// Start at Main. A command's life is in command.go: words become options (arguments.go),
// options an input (package params), the input a call (package client), the reply text
// (package output). exit.go turns whatever went wrong into a message and an exit code.
package awscli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/profile"
)

// Main runs one command line and returns its exit code. args are without the program's name,
// env is in the form of os.Environ.
func Main(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := bufio.NewWriterSize(stdout, 64<<10)
	c := &cli{env: env, stdin: stdin, out: out, stdout: stdout, stderr: stderr}
	err := c.run(ctx, args)
	if e := out.Flush(); e != nil && (err == nil || err == exitStatus(exitItemsFailed)) {
		err = &writeError{e}
	}
	if status, ok := err.(exitStatus); ok {
		return int(status)
	}
	if ctx.Err() != nil {
		err = interrupted{}
	}
	return c.exit(err)
}

// cli is one run of the program.
type cli struct {
	env    profile.Env
	stdin  io.Reader
	out    *bufio.Writer // on top of stdout
	stdout io.Writer
	stderr io.Writer

	global   *parsed
	query    *jmespath.Expression // nil for none
	settings *profile.Settings
	iso8601  bool // timestamps are rewritten

	// What hints refer to, once it is known.
	operationName string // as typed: "batch-update-user"
	connection    *profile.Connection
}

// The global options, in the order in which version 1 lists them.
var (
	debugOption          = &option{name: "--debug", takes: none}
	endpointOption       = &option{name: "--endpoint-url"}
	noVerifyOption       = &option{name: "--no-verify-ssl", takes: none}
	noPaginateOption     = &option{name: "--no-paginate", takes: none}
	outputOption         = &option{name: "--output", choices: []string{"json", "text", "table"}}
	queryOption          = &option{name: "--query"}
	profileOption        = &option{name: "--profile"}
	regionOption         = &option{name: "--region"}
	colorOption          = &option{name: "--color", choices: []string{"on", "off", "auto"}}
	noSignOption         = &option{name: "--no-sign-request", takes: none}
	caBundleOption       = &option{name: "--ca-bundle"}
	readTimeoutOption    = &option{name: "--cli-read-timeout"}
	connectTimeoutOption = &option{name: "--cli-connect-timeout"}
	// v2DebugOption is accepted for scripts that carry it: in version 1 it warns of what
	// version 2 does otherwise, which is nothing here.
	v2DebugOption = &option{name: "--v2-debug", takes: none, hidden: true}
	versionOption = &option{name: "--version", takes: none}

	globalOptions = []*option{
		debugOption, endpointOption, noVerifyOption, noPaginateOption, outputOption, queryOption, profileOption,
		regionOption, colorOption, noSignOption, caBundleOption, readTimeoutOption, connectTimeoutOption,
		v2DebugOption, versionOption,
	}
)

func (c *cli) run(ctx context.Context, args []string) error {
	if typed, ok := typedLine(args, c.env); ok {
		return c.complete(ctx, typed, args)
	}
	err := c.dispatch(ctx, args)
	if _, ok := err.(versionRequested); ok {
		_, err = fmt.Fprintln(c.out, version())
	}
	return err
}

// dispatch finds out which command the line is for, through aliases, and runs it.
func (c *cli) dispatch(ctx context.Context, args []string) error {
	global, err := parse(args, globalOptions, positional{"command", commands, true})
	if _, ok := err.(versionRequested); ok {
		return err // it must not depend on any file
	}
	c.global = global
	var aliases []alias
	if err != nil || !c.asksForHelp() { // help opens no file, either
		var failed error
		if aliases, failed = c.aliases(); failed != nil {
			return failed
		}
	}
	if err != nil && aliases != nil {
		global, err = parse(args, globalOptions, positional{"command", choices(aliases), true})
	}
	c.global = global
	if _, ok := err.(usageError); ok {
		// What is refused here may be good for the aws that serves the command.
		if word := foreignCommand(args); word != "" && find(aliases, word) == nil {
			return c.handOn(ctx, word, args)
		}
	}
	if err != nil {
		return err
	}
	if word := c.global.word; !ours(word) && find(aliases, word) == nil {
		return c.handOn(ctx, word, args)
	}
	if err := c.applyGlobals(); err != nil {
		return err
	}
	if done, err := c.expand(ctx, aliases); done || err != nil {
		return err
	}
	switch c.global.word {
	case "help":
		return c.help()
	case "chime":
		return c.service(ctx, c.global.rest)
	case "configure":
		return c.configure(ctx, c.global.rest)
	}
	return c.handOn(ctx, c.global.word, args)
}

// applyGlobals puts the global options to use.
func (c *cli) applyGlobals() error {
	c.settings = profile.New(c.env, profile.Flags{
		Profile:     c.flag(profileOption),
		Region:      c.flag(regionOption),
		EndpointURL: c.flag(endpointOption),
		Output:      c.flag(outputOption),
		CABundle:    c.flag(caBundleOption),
	})
	return c.checkGlobals()
}

// flag returns the value of a global option, nil where it was not given.
func (c *cli) flag(o *option) *string {
	if value, ok := c.global.last(o); ok {
		return &value
	}
	return nil
}

// checkGlobals reports what is wrong with global options, in the order of version 1.
func (c *cli) checkGlobals() error {
	if text, ok := c.global.last(queryOption); ok {
		query, err := jmespath.Compile(text)
		if err != nil {
			//lint:ignore ST1005 version 1's words
			return fmt.Errorf("Bad value for --query %s: %w", text, err)
		}
		c.query = query
	}
	if url, ok := c.global.last(endpointOption); ok {
		if err := profile.CheckEndpointFlag(url); err != nil {
			return err
		}
	}
	for _, o := range []*option{readTimeoutOption, connectTimeoutOption} {
		if text, ok := c.global.last(o); ok {
			if _, err := document.ParseInt(text); err != nil {
				return err
			}
		}
	}
	if c.asksForHelp() {
		return nil
	}
	format, err := c.settings.TimestampFormat()
	c.iso8601 = format == "iso8601"
	return err
}

// service runs `aws chime ...`.
func (c *cli) service(ctx context.Context, words []string) error {
	operations := chime.Service.Operations
	choices := make([]string, 0, len(operations)+1)
	for _, op := range operations {
		choices = append(choices, op.Command)
	}
	line, err := parse(words, nil, positional{"operation", append(choices, "help"), true})
	if err != nil {
		return err
	}
	if line.word == "help" {
		return c.serviceHelp()
	}
	for _, op := range operations {
		if op.Command == line.word {
			return c.operation(ctx, op, line.rest)
		}
	}
	panic("awscli: a choice without an operation")
}

// version is what --version prints and the first part of the User-Agent: the version that is
// reproduced, then the one of this program.
func version() string {
	return "aws-cli/1.45.55 carillon/" + build.Version() + " Go/" + strings.TrimPrefix(runtime.Version(), "go") + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// fetch gets the text behind an http:// or https:// parameter.
func (c *cli) fetch(ctx context.Context, url string) (string, error) {
	http, err := client.New(client.Config{
		Endpoint: url, UserAgent: version(), Proxy: client.ProxyFromEnvironment(c.env.Lookup, url),
		ConnectTimeout: defaultTimeout, ReadTimeout: defaultTimeout,
	})
	if err != nil {
		return "", err
	}
	defer http.Close()
	text, err := http.Fetch(ctx)
	var refusal *client.ServiceError
	if errors.As(err, &refusal) {
		return "", fmt.Errorf("received non 200 status code of %d", refusal.Status)
	}
	return text, err
}
