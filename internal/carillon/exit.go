package carillon

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// Exit codes of carillon. Scripts rely on them.
const (
	exitDone        = 0   // done, or nothing to do
	exitFailed      = 1   // failed, or refused as things stand
	exitUsage       = 2   // bad usage or bad input
	exitStopped     = 3   // stopped by a brake of a bulk job, or by the person who was asked
	exitNoStore     = 4   // no service, or no store
	exitInterrupted = 130 // 128 and the number of SIGINT
)

// exitCodes explains the exit codes to people.
var exitCodes = []Entry{
	{Syntax: "0", Text: "done, or nothing to do"},
	{Syntax: "1", Text: "failed, or refused for the moment; some rows of a bulk job failed"},
	{Syntax: "2", Text: "bad usage, or bad input, such as a row that --strict refuses"},
	{Syntax: "3", Text: "stopped by a brake of a bulk job other than --strict, or by your answer"},
	{Syntax: "4", Text: "no service, or none that answers as it should, or no store"},
	{Syntax: "130", Text: "interrupted"},
}

// codedError is an error that ends the program with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usagef makes an error of bad usage or bad input.
func usagef(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode returns the code that an error ends the program with. What a rule of the directory
// refuses is bad input if it names what does not exist or could never be. Otherwise it has failed,
// and may succeed later.
func exitCode(ctx context.Context, err error) int {
	if coded, ok := errors.AsType[*codedError](err); ok {
		return coded.code
	}
	if _, ok := errors.AsType[*bulk.InputError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*bulk.BrakeError](err); ok || errors.Is(err, bulk.ErrStopped) {
		return exitStopped
	}
	if refused, ok := errors.AsType[*api.Error](err); ok {
		if refused.Exception == api.BadRequestException || refused.Exception == api.NotFoundException {
			return exitUsage
		}
		return exitFailed
	}
	switch {
	case errors.Is(err, directory.ErrUnknownKey):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, seal.ErrWrongKey), errors.Is(err, bulk.ErrUnreachable):
		return exitNoStore
	}
	return exitFailed
}
