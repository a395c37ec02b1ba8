package awscli

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/carillon-project/carillon/internal/profile"
)

// Exit codes of version 1.
const (
	exitOK          = 0
	exitBadFile     = 1   // a file in ~/.aws does not parse
	exitUsage       = 2   // the parser refuses the line
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

// exit prints what went wrong, as version 1 does, and returns the exit code.
func (c *cli) exit(err error) int {
	var (
		usageErr usageError
		unknown  unknownOptions
		file     *profile.FileError
		text     profile.Error
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &interrupted{}):
		fmt.Fprintln(c.stdout)
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE):
		// Whoever read the output has seen enough.
		return exitFailed
	case errors.As(err, &usageErr):
		fmt.Fprintf(c.stderr, "%saws: error: %s\n", usage, usageErr)
		return exitUsage
	case errors.As(err, &unknown):
		fmt.Fprintf(c.stderr, "%s\n%s\n", usage, unknown)
		return exitFailed
	case errors.As(err, &file):
		fmt.Fprintf(c.stderr, "\n%v\n", err)
		return exitBadFile
	case errors.As(err, &text) && (text == profile.ErrNoRegion || text == profile.ErrNoCredentials):
		fmt.Fprintf(c.stderr, "%v\n", err)
		return exitFailed
	}
	fmt.Fprintf(c.stderr, "\n%v\n", err)
	return exitFailed
}
