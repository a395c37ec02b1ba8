package carillon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// bulkCommand declares `carillon bulk`.
func (p *program) bulkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bulk",
		Short: "change any number of users from a spreadsheet",
		Long: `Change any number of users from a spreadsheet: plan, apply, resume, undo. The
commands call the service like any client: profile, region, endpoint, credentials
and retries come from ~/.aws, from the AWS_... variables and from the flags of the
same names, as for "aws".

Every job keeps a ledger, a file that says what became of each row. Keep it:
resume, retry, rejects, rollback, jobs and status work from it. docs/bulk.md is
the guide.`,
	}
	c.AddCommand(
		p.bulkPlanCommand(), p.bulkApplyCommand(),
		p.bulkSuspendCommand(), p.bulkUnsuspendCommand(), p.bulkInviteCommand(), p.bulkLogoutCommand(), p.bulkResetPINCommand(),
		p.bulkResumeCommand(), p.bulkRetryCommand(), p.bulkRejectsCommand(), p.bulkRollbackCommand(),
		p.bulkJobsCommand(), p.bulkStatusCommand(),
		p.bulkExportCommand(), p.bulkTemplateCommand(),
	)
	return c
}

// bulkOptions say what a job does, to whom, and how. No command has flags for all of them.
type bulkOptions struct {
	connection
	bulkReport
	Account string // an id or a name; empty for that of a plan or a ledger, or the only one

	// Rows, Where or both are given, or else All.
	Rows  string      // a file, or - for standard input
	Sheet string      // of a workbook; empty for the first that is not hidden
	Only  []bulk.Only // conditions on rows
	Where string      // JMESPath on a user
	All   bool

	Set  bulk.Values
	From bulk.Values

	Max       bulk.Limit
	Protect   string // a file, empty for none
	Missing   bool   // entries of the file may name nobody
	Strict    bool
	StopAfter int // failed rows; 0 for any number

	Yes    bool
	Ledger string // of the new job; empty for a name of its own
}

// rowsHelp is what help says of the operand ROWS.
const rowsHelp = `

ROWS is a file, .csv, .xlsx or .jsonl, or - for standard input. A column email or
UserId names the user; carillon bulk template prints an example.`

// rowFlags declares the flags by which users are chosen.
func (o *bulkOptions) rowFlags(p *program, f *flags) {
	f.group("users")
	o.accountFlag(p, f, "account of the users")
	f.text(&o.Sheet, "sheet NAME", "sheet of a workbook to read (default the first that is not hidden)")
	f.add(&conditions{list: &o.Only}, "only COLUMN=VALUE", "of ROWS, only those whose column has this value, or with != another one; * and ? stand for any characters; may be repeated, and all must hold", nil)
	f.text(&o.Where, "where EXPR", "users for whom this JMESPath expression on a user, as list-users prints it, is true; beside ROWS, only these of them")
	f.toggle(&o.All, "all", "instead of ROWS: all users of the account")
}

// accountFlag declares the flag that names the account.
func (o *bulkOptions) accountFlag(p *program, f *flags, text string) {
	f.text(&o.Account, "account-id ACCOUNT", text+", by its id or its name (default the only account)", completedBy(p.serviceAccounts(&o.connection)))
}

// changeFlags declares the flags that say what users become.
func (o *bulkOptions) changeFlags(f *flags) {
	f.add(&settings{values: &o.Set}, "set NAME=VALUE", "give every user this value, whatever the row says; may be repeated", []trait{completedBy(setting)})
	f.add(&settings{values: &o.From}, "from NAME=VALUE", "change only users who have this value; may be repeated", []trait{completedBy(setting)})
}

// brakeFlags declares the flags that look at a plan before anything is sent.
func (o *bulkOptions) brakeFlags(f *flags) {
	f.group("brakes")
	parsed(f, &o.Max, bulk.ParseLimit, "max-changes N", "", "change nothing if more than N users would change; N% for a share of the account")
	f.text(&o.Protect, "protect FILE", "change nothing if a user in this file would change: an e-mail address or user id on each line", files())
	f.toggle(&o.Missing, "protect-missing-ok", "a line of --protect may name nobody in the account")
}

// strictFlag declares the brake for plans that are made of rows.
func (o *bulkOptions) strictFlag(f *flags) {
	f.toggle(&o.Strict, "strict", "change nothing if a row cannot be planned; the exit code is then 2, as for bad input")
}

// jobFlags declares the flags of jobs.
func (o *bulkOptions) jobFlags(f *flags) {
	parsed(f, &o.StopAfter, numberFrom(0, math.MaxInt), "stop-after-errors N", "", "end the job after N failed rows; without this flag, after any number")
	f.group("job")
	f.toggle(&o.Yes, "yes", "do not ask")
	parsed(f, &o.Parallel, numberFrom(1, 256), "parallel N", "8", "calls at a time, 1 to 256")
	o.bulkReport.flags(f)
}

// newJobFlags declares the flags of jobs that begin.
func (o *bulkOptions) newJobFlags(f *flags) {
	o.brakeFlags(f)
	o.strictFlag(f)
	o.jobFlags(f)
	f.text(&o.Ledger, "ledger FILE", "new file for the ledger of the job (default carillon-ledger-JOB.jsonl)", files("jsonl"))
}

// namesOnly is what help says of the rows of an action, besides.
const namesOnly = ` Other columns are
ignored.`

// bulkActionCommand completes the command of an action whose rows only name users.
func (p *program) bulkActionCommand(action bulk.Action, c *cobra.Command) *cobra.Command {
	var o bulkOptions
	c.RunE = func(c *cobra.Command, words []string) error {
		o.Rows = first(words)
		r, err := p.jobRun(c.Context(), o)
		if err != nil {
			return err
		}
		return r.perform(c.Context(), action)
	}
	c.ValidArgsFunction = rowFiles
	f := flagsOf(c)
	o.rowFlags(p, f)
	o.newJobFlags(f)
	o.connection.flags(f)
	return c
}

// rowFiles completes ROWS.
var rowFiles = once(filesOf("csv", "xlsx", "jsonl"))

// bulkRun is one run of a command of carillon bulk.
type bulkRun struct {
	*program
	bulkOptions
	protected *bulk.Protected
	in        *rowsIn   // nil until it is opened
	bar       *progress // nil until the service is asked
}

// bulkRun begins a run. What the line names is looked at first, so that nothing is asked of the
// service in vain.
func (p *program) bulkRun(ctx context.Context, o bulkOptions) (*bulkRun, error) {
	r := &bulkRun{program: p, bulkOptions: o}
	if _, err := os.Lstat(o.Ledger); err == nil {
		advice := "name a new file for the ledger"
		if ledger, err := bulk.IsLedger(o.Ledger); err == nil && ledger {
			advice = "name another file, or go on with its job: " + r.command("resume", o.Ledger)
		}
		return nil, p.badInput("--ledger: %s exists; %s", o.Ledger, advice)
	}
	if o.Missing && o.Protect == "" {
		return nil, p.misused("--protect-missing-ok goes with --protect")
	}
	if o.Protect != "" {
		err := waitFor(ctx, func() error {
			f, err := os.Open(o.Protect)
			if err != nil {
				return p.badInput("--protect: %w", err)
			}
			defer f.Close()
			r.protected, err = bulk.ReadProtected(f, o.Protect, o.Missing)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// jobRun begins a run that carries out a job. Whoever reads what it prints may leave: the job goes
// on without them, as it does without its terminal.
func (p *program) jobRun(ctx context.Context, o bulkOptions) (*bulkRun, error) {
	signal.Ignore(syscall.SIGPIPE)
	return p.bulkRun(ctx, o)
}

// readerGone reports whether nobody reads any more what could not be written.
func readerGone(err error) bool {
	if runtime.GOOS == "windows" {
		return errors.Is(err, syscall.Errno(109)) || errors.Is(err, syscall.Errno(232)) // ERROR_BROKEN_PIPE, ERROR_NO_DATA
	}
	return errors.Is(err, syscall.EPIPE)
}

// chosen returns whom the job is about, and what the plan is to know of that. Rows are read here;
// nothing is asked of the service.
func (r *bulkRun) chosen(ctx context.Context, action bulk.Action) (s bulk.Selection, o bulk.PlanOptions, err error) {
	o = bulk.PlanOptions{Set: r.Set, From: r.From}
	switch {
	case r.Rows == "" && r.Where == "" && !r.All:
		return s, o, r.misused("nobody is chosen: name a file of rows, - for standard input, --where or --all")
	case r.All && (r.Rows != "" || r.Where != ""):
		return s, o, r.misused("--all and a file of rows or --where exclude each other")
	case r.Rows == "" && r.Only != nil:
		return s, o, r.misused("--only goes with a file of rows; --where chooses users by what the service knows of them")
	case r.Rows == "" && r.Sheet != "":
		return s, o, r.misused("--sheet goes with a workbook of rows")
	case action == bulk.Update && r.Rows == "" && r.Set == nil:
		return s, o, r.misused("--set is missing: --where and --all choose users, it says what they become")
	case r.All:
		s.All, o.Source = true, "--all"
		return s, o, nil
	}
	if r.Where != "" {
		o.Source = "--where " + r.Where
		if s.Where, err = bulk.ParseWhere(r.Where); err != nil {
			return s, o, r.badInput("%s: %w", o.Source, err)
		}
	}
	if r.Rows == "" {
		return s, o, nil
	}
	if r.in == nil {
		if err := r.open(ctx); err != nil {
			return s, o, err
		}
		defer r.in.Close()
	}
	name := r.in.name
	var table *bulk.Table
	err = waitFor(ctx, func() (err error) {
		table, err = bulk.ReadRows(r.in, name, bulk.RowOptions{Action: action, Sheet: r.Sheet, Only: r.Only})
		return err
	})
	if err != nil {
		return s, o, err
	}
	if action == bulk.Update && r.Set == nil {
		if err := table.Check(name); err != nil {
			return s, o, err
		}
	}
	s.Wishes, o.Source, o.Columns, o.Unused, o.Excluded, o.Remarks = table.Wishes, name, table.Columns, table.Unused, table.Excluded, table.Remarks
	if s.Wishes == nil {
		s.Wishes = []bulk.Wish{}
	}
	return s, o, nil
}

// rowsIn is the file of rows, or standard input. It is read once: a pipe has nothing more to give.
type rowsIn struct {
	text *bufio.Reader
	file *os.File // nil for standard input
	name string
}

func (in *rowsIn) Read(to []byte) (int, error) { return in.text.Read(to) }

func (in *rowsIn) Stat() (fs.FileInfo, error) {
	if in.file == nil {
		return nil, errors.ErrUnsupported
	}
	return in.file.Stat()
}

func (in *rowsIn) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// open opens the rows that the line names.
func (r *bulkRun) open(ctx context.Context) error {
	if r.Rows == "-" {
		r.in = &rowsIn{bufio.NewReaderSize(r.stdin, 64<<10), nil, "standard input"}
		return nil
	}
	return waitFor(ctx, func() error { // a FIFO opens when somebody writes
		f, err := os.Open(r.Rows)
		if err != nil {
			return r.badInput("%w", err)
		}
		r.in = &rowsIn{bufio.NewReaderSize(f, 64<<10), f, r.Rows}
		return nil
	})
}

// waitFor runs fn, which may wait for somebody who writes a file. If the context ends first, fn is
// left alone: no caller may use what it makes.
func waitFor(ctx context.Context, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return &codedError{exitInterrupted, errors.New("interrupted, nothing was changed")}
	}
}

// first returns the one operand of a command, empty for none.
func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func newJob() string { return bulk.NewJob(time.Now(), rand.Uint32()) }

// someFailed is the error of a job or a plan in which n rows failed.
func someFailed(n int, how string) error {
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("1 row " + how)
	}
	return fmt.Errorf("%d rows %s", n, how)
}
