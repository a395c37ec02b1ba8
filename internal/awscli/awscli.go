// Package awscli is the aws command: AWS CLI version 1 for the services whose contracts it is
// given. What scripts see (streams, exit codes, requests) is version 1's.
//
// Start at [Main]. awscli.go finds out which command a line is for. The life of a command is in
// command.go: words become options (arguments.go), options an input (package params), the input
// a call (package client) or the calls of a listing (paginate.go), the reply text (package
// output). exit.go turns whatever went wrong into a message and an exit code.
package awscli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
)

// Main runs one command line and returns its exit code. The operations of the services are its
// commands. args are without the program's name, env is in the form of os.Environ.
func Main(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer, services ...*model.Service) int {
	out := bufio.NewWriterSize(stdout, 64<<10)
	c := &cli{services: services, env: env, stdin: stdin, out: out, stdout: stdout, stderr: stderr}
	c.aliases = sync.OnceValues(c.readAliases)
	err := c.run(ctx, args)
	if e := out.Flush(); e != nil {
		failed := &writeError{err: e}
		if err == nil || err == exitStatus(exitItemsFailed) && !readerGone(failed) {
			err = failed
		}
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if ctx.Err() != nil {
		err = interrupted{}
	}
	return c.exit(err)
}

// cli is one run of the program.
type cli struct {
	services []*model.Service
	env      profile.Env
	stdin    io.Reader
	out      *bufio.Writer // on top of stdout
	stdout   io.Writer
	stderr   io.Writer

	// aliases returns the user's aliases. The first call reads the file.
	aliases func() ([]alias, error)

	global   *parsed
	query    *jmespath.Expression // nil for none
	settings *profile.Settings
	iso8601  bool // timestamps are rewritten
	colored  bool // a colored table is printed

	called *command // nil until the operation is known

	found map[string]lookup // services that were looked up, by command
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
	// v2DebugOption is accepted for scripts that have it. In version 1 it warns of differences
	// in version 2, of which there are none here.
	v2DebugOption = &option{name: "--v2-debug", takes: none, hidden: true}
	versionOption = &option{name: "--version", takes: none}

	globalOptions = []*option{
		debugOption, endpointOption, noVerifyOption, noPaginateOption, outputOption, queryOption, profileOption,
		regionOption, colorOption, noSignOption, caBundleOption, readTimeoutOption, connectTimeoutOption,
		v2DebugOption, versionOption,
	}
)

func (c *cli) run(ctx context.Context, args []string) error {
	if typed, ok := c.typedLine(args); ok {
		return c.complete(ctx, typed, args)
	}
	err := c.dispatch(ctx, args)
	if _, ok := errors.AsType[versionRequested](err); ok {
		_, err = fmt.Fprintln(c.out, version())
	}
	return err
}

// dispatch finds out which command the line is for and runs it.
func (c *cli) dispatch(ctx context.Context, args []string) error {
	line, err := parse(args, globalOptions, c.command())
	if _, ok := errors.AsType[versionRequested](err); ok {
		return err // no file may get in the way
	}
	c.global = line
	c.newSettings()
	var aliases []alias
	if err != nil || !c.asksForHelp() { // help opens no file
		failed := c.settings.CheckFiles()
		if failed != nil {
			return failed
		}
		if aliases, failed = c.aliases(); failed != nil {
			return failed
		}
	}
	if word := line.word; line.whole && !c.serves(word) && find(aliases, word) == nil {
		// The aws that serves the command may take values that this one refuses.
		return c.handOn(ctx, word, args)
	}
	if err != nil {
		return err
	}
	if err := c.checkGlobals(); err != nil {
		return err
	}
	if done, err := c.expand(ctx, aliases); done || err != nil {
		return err
	}
	switch word := c.global.word; word {
	case "help":
		return c.help(ctx)
	case "configure":
		return c.configure(ctx, c.global.rest)
	default:
		s, err := c.find(word)
		if err != nil {
			return err
		}
		if s != nil {
			return c.runService(ctx, s, c.global.rest)
		}
		return c.handOn(ctx, word, args)
	}
}

// command describes the word that names the command.
func (c *cli) command() positional {
	return positional{name: "command", choices: c.commands(), unlisted: lateCommands, required: true, all: func() ([]string, error) {
		aliases, err := c.aliases()
		return append(c.allCommands(), c.names(aliases)...), err
	}}
}

// allCommands returns commands, and those of services whose models the user has, in their place.
func (c *cli) allCommands() []string {
	all := slices.Clone(c.commands())
	for _, name := range c.custom() {
		if slices.Contains(all, name) {
			continue
		}
		services := max(slices.Index(all, "s3api"), 0) // the rest is in no order
		i := slices.IndexFunc(all[:services], func(other string) bool { return other > name })
		if i < 0 {
			i = services
		}
		all = slices.Insert(all, i, name)
	}
	return all
}

// commands returns the commands of version 1, and those of services that version 1 lacks.
func (c *cli) commands() []string {
	all := slices.Clip(version1Commands)
	for _, s := range c.services {
		if !slices.Contains(all, s.Command) {
			all = append(all, s.Command)
		}
	}
	return all
}

// service is find for who has no use for an error.
func (c *cli) service(command string) *model.Service {
	s, _ := c.find(command)
	return s
}

// serves reports whether this program runs a command. All others are handed on.
func (c *cli) serves(command string) bool {
	if command == "configure" || command == "help" {
		return true
	}
	s, err := c.find(command)
	return s != nil || err != nil
}

// served lists the services for a message.
func (c *cli) served() string {
	all := make([]string, len(c.services))
	for i, s := range c.services {
		all[i] = s.Command
	}
	return strings.Join(all, ", ")
}

// newSettings makes the settings that the global options ask for.
func (c *cli) newSettings() {
	c.settings = profile.New(c.env, profile.Flags{
		Profile:     c.flag(profileOption),
		Region:      c.flag(regionOption),
		EndpointURL: c.flag(endpointOption),
		Output:      c.flag(outputOption),
		CABundle:    c.flag(caBundleOption),
	})
	c.furnish(c.settings)
}

// furnish gives settings what they need to ask for credentials.
func (c *cli) furnish(s *profile.Settings) {
	s.Warn = func(text string) { fmt.Fprintf(c.stderr, "\naws: [WARNING]: %s\n", text) }
	s.UserAgent = version()
	s.ReadTimeout, s.ConnectTimeout = c.timeout(readTimeoutOption), c.timeout(connectTimeoutOption)
	s.Prompt = c.askSecret
	s.Stdin, _ = c.stdin.(*os.File)
	if c.global.has(debugOption) {
		s.Trace = c.debugCredentials
	}
}

// flag returns the value of a global option, nil where it was not given, as on a line to complete.
func (c *cli) flag(o *option) *string {
	if c.global == nil {
		return nil
	}
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
			if _, err := document.ToInt(text); err != nil {
				return err
			}
		}
	}
	if c.asksForHelp() {
		return nil
	}
	format, err := c.settings.TimestampFormat()
	if err != nil {
		return err
	}
	c.iso8601 = format == "iso8601"
	return c.settings.CheckMetadata()
}

// runService runs `aws SERVICE ...`.
func (c *cli) runService(ctx context.Context, s *model.Service, words []string) error {
	choices := s.Commands()
	if s.Waiters != nil {
		choices = append(choices, waitCommand)
	}
	line, err := parse(words, nil, positional{name: "operation", choices: append(choices, "help"), required: true})
	if err != nil {
		return err
	}
	if line.word == waitCommand && s.Waiters != nil {
		return c.runWait(ctx, s, line.rest)
	}
	if op := s.OperationOf(line.word); op != nil {
		return c.runOperation(ctx, s, op, line.rest)
	}
	return c.serviceHelp(s)
}

// version is what --version prints and what the User-Agent begins with: the version of the AWS
// CLI that is reproduced, then the version of this program.
func version() string {
	return "aws-cli/1.45.55 carillon/" + build.Version() + " Go/" + strings.TrimPrefix(runtime.Version(), "go") + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// fetch gets the text that an http:// or https:// parameter stands for.
func (c *cli) fetch(ctx context.Context, url string) (string, error) {
	if err := checkParamURL(url); err != nil {
		//lint:ignore ST1005 version 1's text
		return "", fmt.Errorf("An HTTP Client raised an unhandled exception: %w", err)
	}
	http, err := client.New(client.Config{
		Endpoint: url, UserAgent: version(), Proxy: client.ProxyFromEnvironment(c.env.Lookup, url),
		ConnectTimeout: defaultTimeout, ReadTimeout: defaultTimeout,
	})
	if err != nil {
		return "", err
	}
	defer http.Close()
	text, err := http.Fetch(ctx)
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok {
		return "", fmt.Errorf("received non 200 status code of %d", refusal.Status)
	}
	if failed, ok := errors.AsType[*client.TransportError](err); ok && failed.Failure != client.ProxyFailed {
		failed.URL = url // as it was typed
	}
	return text, err
}

// checkParamURL reports what Python's HTTP library cannot take for a URL.
func checkParamURL(url string) error {
	_, rest, _ := strings.Cut(url, "//")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	host := rest[strings.LastIndexByte(rest, '@')+1:]
	if strings.HasPrefix(host, "[") {
		return nil
	}
	host, port, _ := strings.Cut(host, ":")
	if n, err := strconv.ParseUint("0"+port, 10, 64); err != nil || n > 65535 {
		//lint:ignore ST1005 version 1's text
		return fmt.Errorf("Failed to parse: %s", url)
	}
	if host == "" {
		//lint:ignore ST1005 version 1's text
		return errors.New("No host specified.")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 {
			//lint:ignore ST1005 version 1's text
			return fmt.Errorf("Failed to parse: %s, label empty or too long", python.Repr(host))
		}
	}
	return nil
}
