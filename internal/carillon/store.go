package carillon

import (
	"context"
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/terminal"
	"github.com/carillon-project/carillon/internal/testmode"
)

// What the commands on the store of a service, which may be running, have in common.

// besideService is what their help says of it.
const besideService = `

The command works on the data of a service, which may be running and goes by the
change from its next request on. The audit trail shows the change as
operator/USER, where USER is the person who runs the command.`

// openStore is the store of a service, and how a person who runs a command works on it.
type openStore struct {
	store.Store
	options directory.Options
}

// onStore opens the store and has fn work on it, by the clock of the service. Errors get the name
// of the command.
func (p *program) onStore(ctx context.Context, d database, fn func(openStore) error) error {
	d = d.orDefault()
	st, err := d.open(ctx)
	if err != nil {
		return &codedError{exitNoStore, p.named(err)}
	}
	clock, err := testmode.OpenClock(ctx, st)
	if err == nil {
		err = fn(openStore{st, directory.Options{Clock: clock.Now, Operator: person()}})
	}
	return errors.Join(p.named(err), st.Close())
}

// now is the time by the clock of the service.
func (st openStore) now() time.Time { return st.options.Clock() }

// operator is the operator of the store, under the name of the person who runs the program.
func (st openStore) operator() *directory.Operator { return directory.NewOperator(st, st.options) }

// keys are the access keys in the store. The sealer may be nil, as [directory.NewKeys] says.
func (st openStore) keys(sealer *seal.Sealer) *directory.Keys {
	return directory.NewKeys(st, sealer, st.options)
}

// namedError is an error that says which command it is of.
type namedError struct {
	command string
	err     error
}

func (e *namedError) Error() string { return e.command + ": " + e.err.Error() }
func (e *namedError) Unwrap() error { return e.err }

// named puts the name of the command before an error that has none yet. What a rule of the
// directory says is fit to be shown as it is.
func (p *program) named(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*namedError](err); ok {
		return err
	}
	if refused, ok := errors.AsType[*api.Error](err); ok {
		return &codedError{exitCode(context.Background(), err), &namedError{p.name, errors.New(refused.Message)}}
	}
	return &namedError{p.name, err}
}

// person is the name of the person who runs the program, by the operating system: the environment
// alone could name anybody.
func person() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid-" + strconv.Itoa(os.Getuid())
}

// awsAccountFlag declares the flag whose default [awsAccount] finds.
func awsAccountFlag(f *flags, at *string) {
	parsed(f, at, awsAccountID, "aws-account-id ID", "", "AWS account that it belongs to, 12 digits (default that of the root key)")
}

// awsAccount returns the AWS account that is meant where none is named: the one that the
// service belongs to.
func awsAccount(ctx context.Context, st openStore, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	keys, err := st.keys(nil).List(ctx, "")
	if err != nil {
		return "", err
	}
	var owners []string
	for _, k := range keys {
		if k.Root && !slices.Contains(owners, k.AWSAccountID) {
			owners = append(owners, k.AWSAccountID)
		}
	}
	switch len(owners) {
	case 0:
		return "", usagef("no AWS account has a root key yet: name one by --aws-account-id, or let carillon serve make a root key first")
	case 1:
	default:
		return "", usagef("%d AWS accounts have a root key: name one by --aws-account-id; there are %s", len(owners), strings.Join(owners, ", "))
	}
	return owners[0], nil
}

// Forms of output.
const (
	formatText    = "text"
	formatJSON    = "json"
	formatTable   = "table"
	formatCSV     = "csv"
	formatProfile = "profile"
)

// outputFlag declares the form of the output, the first of several by default.
func outputFlag(f *flags, at *string, formats ...string) {
	f.choice(at, "output FORMAT", "form of the output", formats)
}

// print prints a result; a table has the operation as its title.
func (p *program) print(format, operation string, v any) error {
	if format == formatTable {
		return output.Table(p.stdout, operation, v, p.terminal())
	}
	return output.JSON(p.stdout, v)
}

// printOutput is print for what the API has as the output of an operation.
func (p *program) printOutput(format, operation string, text []byte) error {
	v, err := document.Parse(string(text))
	if err != nil {
		return err
	}
	return p.print(format, operation, v)
}

// terminal describes standard output.
func (p *program) terminal() output.Terminal {
	t := output.Terminal{Width: output.DefaultWidth}
	if width, ok := terminal.Width(p.stdout); ok && width > 0 {
		t.Width = width
	}
	return t
}
