package awscli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/terminal"
)

// Exit codes of version 1, and one that is asked for: see CARILLON_FAIL_ON_USER_ERRORS.
const (
	exitOK          = 0
	exitBadFile     = 1   // a file in ~/.aws does not parse
	exitUsage       = 2   // the parser refuses the line
	exitItemsFailed = 3   // the call is good, but not for all items of the batch
	exitFailed      = 255 // everything else
	exitInterrupted = 130 // 128 and the number of SIGINT
)

// usage stands above every error of the parser. The carriage return is version 1's.
const usage = "usage: \rNote: AWS CLI version 2, the latest major version of the AWS CLI, is now stable and recommended for general use. " +
	"For more information, see the AWS CLI version 2 installation instructions at: https://docs.aws.amazon.com/cli/latest/userguide/install-cliv2.html\n\n" +
	"usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\n" +
	"To see help text, you can run:\n\n  aws help\n  aws <command> help\n  aws <command> <subcommand> help\n"

// unknownOptions are words that no parser knew.
type unknownOptions []string

func (e unknownOptions) Error() string { return "Unknown options: " + strings.Join(e, ", ") }

// interrupted is the end by a signal.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }

// writeError is a failure to write the result.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing the result: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// wrapWrite marks the errors of formatting that come from the stream.
func wrapWrite(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &writeError{err}
	}
	return err
}

// exit prints what went wrong, as version 1 does or as was asked for, and returns the exit code.
func (c *cli) exit(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &interrupted{}):
		fmt.Fprintln(c.stdout)
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE):
		// Whoever read the output has seen enough.
		return exitFailed
	}
	f := describe(err)
	if format, _ := c.env.Lookup("AWS_CLI_ERROR_FORMAT"); strings.EqualFold(format, "json") {
		o := document.NewObject(document.Member{Key: "Code", Value: f.code}, document.Member{Key: "Message", Value: f.message})
		c.stderr.Write(append(document.AppendIndented(nil, o), '\n'))
		return f.exit
	}
	io.WriteString(c.stderr, f.text)
	if terminal.Is(c.stderr) {
		if hint := c.hint(err); hint != "" {
			fmt.Fprintf(c.stderr, "\nhint: %s\n", hint)
		}
	}
	return f.exit
}

// failure is an error as it is shown.
type failure struct {
	exit int
	text string // of version 1
	// What version 2 puts into its structured errors. Where it prints text even then, there is
	// a code here, too, so that who asked for JSON always gets JSON.
	code, message string
}

func describe(err error) failure {
	var (
		usageErr usageError
		unknown  unknownOptions
		file     *profile.FileError
		missing  profile.NotFoundError
		text     profile.Error
		option   *params.Error
		loading  *params.LoadError
		invalid  *params.ValidationError
		refusal  *client.ServiceError
		lost     *client.TransportError
	)
	f := failure{exitFailed, fmt.Sprintf("\n%v\n", err), "General", err.Error()}
	switch {
	case errors.As(err, &usageErr):
		f.exit, f.code = exitUsage, "ParamValidation"
		f.text = fmt.Sprintf("%saws: error: %s\n", usage, usageErr)
	case errors.As(err, &unknown):
		f.code = "ParamValidation"
		f.text = fmt.Sprintf("%s\n%s\n", usage, unknown)
	case errors.As(err, &option), errors.As(err, &loading), errors.As(err, &invalid):
		f.code = "ParamValidation"
	case errors.As(err, &file):
		f.exit, f.code = exitBadFile, "Configuration"
	case errors.As(err, &text) && text == profile.ErrNoRegion:
		f.code, f.text = "NoRegion", err.Error()+"\n"
	case errors.As(err, &text) && text == profile.ErrNoCredentials:
		f.code, f.text = "NoCredentials", err.Error()+"\n"
	case errors.As(err, &text), errors.As(err, &missing):
		f.code = "Configuration"
	case errors.As(err, &refusal):
		f.code, f.message = refusal.Code, refusal.Message
	case errors.As(err, &lost):
		f.code = "Connection"
	}
	return f
}
