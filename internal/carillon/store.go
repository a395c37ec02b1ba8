package carillon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// storeCommand is a command on the store of a service, which may be running.
type storeCommand struct {
	*flagSet
	database
	format  string
	formats []string
}

// onStore starts a command that prints in one of these formats, the first of which is the
// default.
func (p *program) onStore(name, summary string, formats ...string) *storeCommand {
	c := &storeCommand{flagSet: p.flags(name, summary+"\n\n"+
		"It works on the data of a service, which may be running and goes by what is changed at once. Changes\n"+
		"are in the audit trail as operator/USER, USER being who runs the command."), formats: formats}
	c.StringVar(&c.Data, "data", defaultData, "`DIR` that holds the database")
	c.StringVar(&c.URL, "database-url", "", "`URL` of the PostgreSQL that the service uses instead of DIR")
	if len(formats) > 0 {
		c.StringVar(&c.format, "output", formats[0], "`FORMAT` of the output: "+strings.Join(formats, ", "))
	}
	return c
}

// accountID adds the flag of commands on one account.
func (c *storeCommand) accountID() *string {
	return c.require("account-id", "`ID` of the account")
}

func (c *storeCommand) parse(args []string) error {
	if err := c.flagSet.parse(args); err != nil {
		return err
	}
	if len(c.formats) > 0 && !slices.Contains(c.formats, c.format) {
		return c.misused(fmt.Sprintf("there is no output format %q: use %s", c.format, strings.Join(c.formats, ", ")))
	}
	return nil
}

// do opens the store and has fn work on it. What fn returns ends the program with the exit code
// that it deserves.
func (c *storeCommand) do(ctx context.Context, fn func(store.Store) error) error {
	st, err := c.open(ctx)
	if err != nil {
		return &codedError{exitNoStore, fmt.Errorf("%s: %w", c.Name(), err)}
	}
	err = fn(st)
	return errors.Join(c.judge(err), st.Close())
}

// judge gives an error the name of the command and its exit code.
func (c *storeCommand) judge(err error) error {
	if err == nil {
		return nil
	}
	code := exitFailed
	var refused *api.Error
	switch {
	case errors.As(err, &refused):
		if refused.Exception == api.BadRequestException || refused.Exception == api.NotFoundException {
			code = exitUsage
		}
		err = errors.New(refused.Message)
	case errors.Is(err, directory.ErrUnknownKey):
		code = exitUsage
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, seal.ErrWrongKey):
		code = exitNoStore
	default:
		var coded *codedError
		if !errors.As(err, &coded) {
			return fmt.Errorf("%s: %w", c.Name(), err)
		}
		code = coded.code
	}
	return &codedError{code, fmt.Errorf("%s: %w", c.Name(), err)}
}

// operator is who works on the store.
func operator(st store.Store) *directory.Operator {
	return directory.NewOperator(st, directory.Options{Operator: person()})
}

// person is the name of who runs the program, by the operating system: the environment alone
// could name anybody.
func person() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid-" + strconv.Itoa(os.Getuid())
}

// awsAccount returns the AWS account that is meant where none is named: the one that the
// service belongs to.
func awsAccount(ctx context.Context, st store.Store, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	keys, err := directory.NewKeys(st, nil, directory.Options{}).List(ctx, "")
	if err != nil {
		return "", err
	}
	var owners []string
	for _, k := range keys {
		if k.Root && !slices.Contains(owners, k.AWSAccountID) {
			owners = append(owners, k.AWSAccountID)
		}
	}
	if len(owners) != 1 {
		return "", usagef("%d AWS accounts have a root key: say which one by --aws-account-id", len(owners))
	}
	return owners[0], nil
}

// awsAccountUsage tells about the flag that awsAccount completes.
const awsAccountUsage = "`ID` of the AWS account that it belongs to, 12 digits (default that of the root key)"

// print prints a result in the form that was asked for; a table has the operation as its title.
func (c *storeCommand) print(operation string, v any) error {
	if c.format == "table" {
		return output.Table(c.program.stdout, operation, v, c.program.terminal())
	}
	return output.JSON(c.program.stdout, v)
}

// printOutput is print for what the API has as the output of an operation.
func (c *storeCommand) printOutput(operation string, text []byte) error {
	v, err := document.Parse(string(text))
	if err != nil {
		return err
	}
	return c.print(operation, v)
}

// terminal describes standard output.
func (p *program) terminal() output.Terminal {
	t := output.Terminal{Width: output.DefaultWidth}
	if f, ok := p.stdout.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			t.Width = width
		}
	}
	return t
}

// moment reads a point in time: RFC 3339, a date, or a duration before now (direction -1) or
// from now on (1).
func moment(text string, now time.Time, direction time.Duration) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const most = 36500 // a time.Duration holds little more than this
		if n, err := strconv.ParseUint(days, 10, 64); err == nil && n <= most {
			return now.Add(direction * time.Duration(n) * 24 * time.Hour), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(direction * d), nil
	}
	return time.Time{}, errors.New("use a date (2026-11-24, which begins at midnight UTC), a time (2026-11-24T18:00:00Z), " +
		"or a duration (90d, 12h)")
}

// moment adds a flag for a point in time; the direction is that of durations.
func (f *flagSet) moment(at *time.Time, name string, direction time.Duration, usage string) {
	f.Var(momentValue{at, direction}, name, usage)
}

type momentValue struct {
	at        *time.Time
	direction time.Duration
}

func (v momentValue) Set(text string) (err error) {
	*v.at, err = moment(text, time.Now(), v.direction)
	return err
}

func (v momentValue) String() string {
	if v.at == nil || v.at.IsZero() {
		return ""
	}
	return v.at.Format(time.RFC3339)
}
