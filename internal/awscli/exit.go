package awscli

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/terminal"
)

// The exit codes of version 1, and one that users ask for: see CARILLON_FAIL_ON_USER_ERRORS. A
// command that is handed on ends with the code of the program that runs it.
const (
	exitOK          = 0
	exitBadFile     = 1   // a file in ~/.aws does not parse
	exitNotSet      = 1   // `configure get` finds no value
	exitUsage       = 2   // the parser refuses the line
	exitItemsFailed = 3   // the call succeeded, but not for all items of the batch
	exitInterrupted = 130 // 128 and the number of SIGINT
	exitFailed      = 255 // everything else
)

// exitStatus ends the program with a code and no further text.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usage comes before every error of the parser. The carriage return is version 1's.
const usage = "usage: \rNote: AWS CLI version 2, the latest major version of the AWS CLI, is now stable and recommended for general use. " +
	"For more information, see the AWS CLI version 2 installation instructions at: https://docs.aws.amazon.com/cli/latest/userguide/install-cliv2.html\n\n" +
	"usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\n" +
	"To see help text, you can run:\n\n  aws help\n  aws <command> help\n  aws <command> <subcommand> help\n"

// unknownOptions are words that no parser knows.
type unknownOptions []string

func (e unknownOptions) Error() string { return "Unknown options: " + strings.Join(e, ", ") }

// interrupted says that a signal ended the command.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }

// writeError is a failure to write the result.
type writeError struct {
	err  error
	text bool // of a reply in format text
}

func (e *writeError) Error() string { return python.StreamError(e.err).Error() }
func (e *writeError) Unwrap() error { return e.err }

// readerGone reports a failure that is none: the reader of the output has seen enough, as head has.
// Version 1 only complains while it prints text.
func readerGone(err error) bool {
	failed, ok := errors.AsType[*writeError](err)
	return ok && !failed.text && errors.Is(err, syscall.EPIPE)
}

// wrapWrite marks those errors of printing that come from the stream.
func wrapWrite(err error) error {
	if is[syscall.Errno](err) {
		return &writeError{err: err}
	}
	return err
}

// exit prints what went wrong, in version 1's form or as JSON, and returns the exit code.
func (c *cli) exit(err error) int {
	switch {
	case err == nil:
		return exitOK
	case is[interrupted](err):
		fmt.Fprintln(c.stdout)
		return exitInterrupted
	case readerGone(err):
		return exitOK
	}
	f := describe(err)
	if format, _ := c.env.Lookup("AWS_CLI_ERROR_FORMAT"); strings.EqualFold(format, "json") {
		o := document.NewObject(document.Member{Key: "Code", Value: f.code}, document.Member{Key: "Message", Value: f.message})
		c.stderr.Write(python.EscapeSurrogates(append(document.AppendIndented(nil, o), '\n')))
		return f.exit
	}
	if c.colored {
		f.text = afterColor(f.text)
	}
	c.stderr.Write(python.EscapeSurrogates([]byte(f.text)))
	if c.called != nil && terminal.Is(c.stderr) {
		if hint := c.called.hint(err); hint != "" {
			fmt.Fprintf(c.stderr, "\nhint: %s\n", hint)
		}
	}
	return f.exit
}

// afterColor adds to an error what version 1's support for colored tables does to all that is
// written once a table is begun: a reset after each write. An error is written in three.
func afterColor(text string) string {
	const reset = "\x1b[0m"
	text, blank := strings.CutPrefix(text, "\n")
	text = strings.TrimSuffix(text, "\n") + reset + "\n" + reset
	if blank {
		text = "\n" + reset + text
	}
	return text
}

// failure is an error in the forms in which it may be shown.
type failure struct {
	exit int
	text string // of version 1
	// What version 2 puts into its structured errors. It prints some errors as text even then.
	// Here they have a code, too: a user who asks for JSON always gets JSON.
	code, message string
}

func describe(err error) failure {
	f := failure{exitFailed, fmt.Sprintf("\n%v\n", err), "General", err.Error()}
	switch {
	case is[usageError](err):
		f.exit, f.code = exitUsage, "ParamValidation"
		f.text = fmt.Sprintf("%saws: error: %v\n", usage, err)
	case is[unknownOptions](err):
		f.code = "ParamValidation"
		f.text = fmt.Sprintf("%s\n%v\n", usage, err)
	case is[*params.Error](err), is[*params.LoadError](err), is[*params.ValidationError](err):
		f.code = "ParamValidation"
	case is[*profile.FileError](err):
		f.exit, f.code = exitBadFile, "Configuration"
	case errors.Is(err, profile.ErrNoRegion):
		f.code, f.text = "NoRegion", err.Error()+"\n"
	case errors.Is(err, profile.ErrNoCredentials):
		f.code, f.text = "NoCredentials", err.Error()+"\n"
	case is[profile.Error](err), is[profile.NotFoundError](err), is[profile.CacheError](err), is[profile.NoTokenError](err):
		f.code = "Configuration"
	case is[*client.TransportError](err):
		f.code = "Connection"
	default:
		if unsent, ok := errors.AsType[*client.HeaderError](err); ok {
			f.code = "Configuration"
			f.text = fmt.Sprintf("\nAn HTTP Client raised an unhandled exception: Invalid header value %s\n", python.ReprBytes([]byte(unsent.Value)))
		}
		if refusal, ok := errors.AsType[*client.ServiceError](err); ok {
			f.code, f.message = refusal.Code, refusal.Message
		}
	}
	return f
}

// is reports whether an error is of a type or wraps one that is.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
