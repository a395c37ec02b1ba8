package carillon

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/profile"
)

// exitStopped is the exit code of a job that a brake has stopped: --max-changes, --protect,
// --stop-after-errors, or the person who was asked.
const exitStopped = 3

func bulkCommands() []subcommand {
	return []subcommand{
		{"plan", "find out what rows would change, and change nothing", bulkEnding((*program).bulkPlan), nil},
		{"apply", "carry out a plan, or rows", bulkEnding((*program).bulkApply), nil},
		{"suspend", "suspend users; on a Team account, remove them", bulkEnding(bulkVerb(bulk.Suspend, "suspends the users that rows name: they cannot sign in until carillon bulk unsuspend. On a Team\naccount it removes them for good.")), nil},
		{"unsuspend", "end the suspension of users", bulkEnding(bulkVerb(bulk.Unsuspend, "ends the suspension of the users that rows name, on Enterprise accounts.")), nil},
		{"invite", "invite people to a Team account", bulkEnding(bulkVerb(bulk.Invite, "invites the people that rows name to a Team account. Who is a member or invited is left alone.")), nil},
		{"logout", "end all sessions of users", bulkEnding(bulkVerb(bulk.Logout, "ends all sessions of the users that rows name.")), nil},
		{"reset-pin", "give users new personal PINs", bulkEnding(bulkVerb(bulk.ResetPIN, "gives the users that rows name new personal PINs. The old ones are dead at once.")), nil},
		{"resume", "go on with a job that was stopped", bulkEnding((*program).bulkResume), nil},
		{"retry", "try the failed rows of a job again", bulkEnding((*program).bulkRetry), nil},
		{"rejects", "write the failed rows of a job as a file of rows", bulkEnding((*program).bulkRejects), nil},
		{"rollback", "give users back what a job took from them", bulkEnding((*program).bulkRollback), nil},
		{"export", "write all users of an account as a file of rows", bulkEnding((*program).bulkExport), nil},
		{"template", "print a file of rows to start from", bulkEnding((*program).bulkTemplate), nil},
	}
}

// bulkEnding gives the errors of the engine their exit codes.
func bulkEnding(run func(*program, context.Context, []string) error) func(*program, context.Context, []string) error {
	return func(p *program, ctx context.Context, args []string) error {
		err := run(p, ctx, args)
		var coded *codedError
		_, input := errors.AsType[*bulk.InputError](err)
		_, brake := errors.AsType[*bulk.BrakeError](err)
		switch {
		case errors.As(err, &coded):
		case input:
			return &codedError{exitUsage, err}
		case brake || errors.Is(err, bulk.ErrStopped):
			return &codedError{exitStopped, err}
		case errors.Is(err, bulk.ErrUnreachable):
			return &codedError{exitNoStore, err}
		}
		return err
	}
}

// bulkCommand is one line of carillon bulk: the flags that it has in common with others.
type bulkCommand struct {
	*program
	*flagSet

	account                      *string
	profile, region, url, bundle string
	noVerify, noSign             bool
	readTimeout, connectTimeout  int
	parallel                     int

	where   string
	all     bool
	set     settings
	from    settings
	yes     bool
	max     string
	stop    int
	protect string
	strict  bool
	ledger  string
}

// settings is a flag NAME=VALUE that may be given more than once.
type settings struct{ bulk.Values }

func (s *settings) String() string { return "" }

func (s *settings) Set(text string) error {
	v, err := bulk.ParseSetting(text)
	if err == nil {
		s.Values = s.With(v.Field, v.Text)
	}
	return err
}

// bulkFlags starts the flags of a command with those of the connection.
func (p *program) bulkFlags(name, summary string) *bulkCommand {
	c := &bulkCommand{program: p, flagSet: p.flags("bulk "+name, summary)}
	c.StringVar(&c.profile, "profile", "", "`NAME` of a profile in ~/.aws, as for aws")
	c.StringVar(&c.region, "region", "", "`NAME` of the region, as for aws")
	c.StringVar(&c.url, "endpoint-url", "", "`URL` of the service, as for aws")
	c.StringVar(&c.bundle, "ca-bundle", "", "`FILE` of certificates to trust, as for aws")
	c.BoolVar(&c.noVerify, "no-verify-ssl", false, "accept every certificate, as for aws")
	c.BoolVar(&c.noSign, "no-sign-request", false, "send no signatures, as for aws")
	c.IntVar(&c.readTimeout, "cli-read-timeout", 60, "longest silence of the service, `SECONDS`; 0 for any")
	c.IntVar(&c.connectTimeout, "cli-connect-timeout", 60, "longest wait for a connection, `SECONDS`; 0 for any")
	return c
}

// rowFlags adds the flags by which rows are chosen.
func (c *bulkCommand) rowFlags() {
	c.takes = "ROWS"
	c.account = c.require("account-id", "`ID` of the account")
	c.StringVar(&c.where, "where", "", "instead of ROWS: all users for whom `EXPR` is true, JMESPath on a user as list-users prints it")
	c.BoolVar(&c.all, "all", false, "instead of ROWS: all users of the account")
}

// changeFlags adds the flags that say what rows become.
func (c *bulkCommand) changeFlags() {
	c.Var(&c.set, "set", "`NAME=VALUE` for every row, over what the row says; may be repeated")
	c.Var(&c.from, "from", "`NAME=VALUE` that users must have to be changed; may be repeated")
}

// brakeFlags adds the flags that look at a plan before anything is sent.
func (c *bulkCommand) brakeFlags() {
	c.StringVar(&c.max, "max-changes", "", "most users to change, `N` or N% of the account; more change nothing")
	c.StringVar(&c.protect, "protect", "", "`FILE` of e-mail addresses and user ids that must not be changed, one a line")
}

// runFlags adds the flags of jobs.
func (c *bulkCommand) runFlags() {
	c.brakeFlags()
	c.IntVar(&c.parallel, "parallel", 8, "`N` calls at a time, 1 to 256")
	c.IntVar(&c.stop, "stop-after-errors", 0, "end the job after `N` failed rows; 0 for any number")
	c.BoolVar(&c.yes, "yes", false, "do not ask")
}

func (c *bulkCommand) newJobFlags() {
	c.runFlags()
	c.strictFlag()
	c.StringVar(&c.ledger, "ledger", "", "`FILE` for the record of the job (default carillon-ledger-JOB.jsonl)")
}

func (c *bulkCommand) strictFlag() {
	c.BoolVar(&c.strict, "strict", false, "refuse the whole plan if a row cannot be resolved")
}

// parse is that of all commands, but that ROWS may be missing where users are chosen otherwise.
func (c *bulkCommand) parse(args []string) error {
	if c.where == "" && c.flagSet.Parse(args) == nil && c.NArg() == 0 && c.takes == "ROWS" {
		c.takes = ""
	}
	if err := c.flagSet.parse(args); err != nil {
		return err
	}
	switch {
	case c.parallel < 0 || c.parallel > 256 || c.Lookup("parallel") != nil && c.parallel == 0:
		return c.misused("--parallel is a number from 1 to 256")
	case c.stop < 0 || c.readTimeout < 0 || c.connectTimeout < 0:
		return c.misused("a number must not be negative")
	}
	if _, err := os.Lstat(c.ledger); err == nil { // not only after the question
		return usagef("bulk: --ledger: %s exists; name another file, or go on with its job: %s", c.ledger, c.command("resume", c.ledger))
	}
	return nil
}

// chosen returns whom rows are about. They are read here; nothing is asked of the service.
func (c *bulkCommand) chosen(action bulk.Action) (s bulk.Selection, source string, err error) {
	ways := len(c.words)
	if c.all {
		ways++
	}
	if c.where != "" {
		ways++
	}
	switch {
	case ways == 0:
		return s, "", c.misused("nobody is chosen: name a file of rows, - for standard input, --where or --all")
	case ways > 1:
		return s, "", c.misused("a file of rows, --where and --all exclude each other")
	case action == bulk.Update && len(c.words) == 0 && c.set.Values == nil:
		return s, "", c.misused("--set is missing: --where and --all choose users, it says what they shall have")
	case c.all:
		return bulk.Selection{All: true}, "--all", nil
	case c.where != "":
		s.Where, err = jmespath.Compile(c.where)
		if err != nil {
			return s, "", usagef("bulk: --where %s: %w", c.where, err)
		}
		return s, "--where " + c.where, nil
	}
	in, name, err := c.open(c.words[0])
	if err != nil {
		return s, "", err
	}
	defer in.Close()
	s.Wishes, err = bulk.ReadRows(in, name, bulk.RowOptions{Action: action})
	if s.Wishes == nil {
		s.Wishes = []bulk.Wish{}
	}
	return s, name, err
}

// open opens a file that was named by a word.
func (c *bulkCommand) open(word string) (io.ReadCloser, string, error) {
	if word == "-" {
		return io.NopCloser(c.stdin), "standard input", nil
	}
	f, err := os.Open(word)
	if err != nil {
		return nil, "", usagef("bulk: %w", err)
	}
	return f, word, nil
}

// connect prepares calls to an account for a job.
func (c *bulkCommand) connect(ctx context.Context, account, job string) (*bulk.Account, error) {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	if c.url != "" {
		if err := profile.CheckEndpointFlag(c.url); err != nil {
			return nil, usagef("bulk: %w", err)
		}
	}
	env := profile.Env(c.env)
	s := profile.New(env, profile.Flags{
		Profile: optional(c.profile), Region: optional(c.region), EndpointURL: optional(c.url), CABundle: optional(c.bundle),
	})
	conn, err := s.Connect(ctx, chime.Service, !c.noSign)
	if err == nil {
		err = conn.Ready(time.Now())
	}
	if err != nil {
		return nil, usagef("bulk: %w", err)
	}
	config := client.Config{
		Endpoint: strings.TrimRight(conn.Endpoint.URL, "/"), Region: conn.Endpoint.SigningRegion, Service: chime.Service,
		Proxy: client.ProxyFromEnvironment(env.Lookup, conn.Endpoint.URL), CABundle: conn.CABundle.Text, NoVerifySSL: c.noVerify,
		ReadTimeout: time.Duration(c.readTimeout) * time.Second, ConnectTimeout: time.Duration(c.connectTimeout) * time.Second,
	}
	if k := conn.Credentials; k != nil {
		config.Credentials = client.Credentials{AccessKey: k.AccessKeyID, SecretKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	}
	return bulk.Open(bulk.Config{
		Client: config, Account: account, Job: job, Version: bulkVersion(), Attempts: conn.Retry.MaxAttempts, Parallel: c.parallel,
	})
}

func bulkVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "dev"
}

func newJob() string { return bulk.NewJob(time.Now(), rand.Uint32()) }

const rowsHelp = `ROWS is a CSV or JSONL file, or - for standard input. A column email or UserId names the user; carillon
bulk template prints an example. `

// bulkPlan is `carillon bulk plan`.
func (p *program) bulkPlan(ctx context.Context, args []string) error {
	c := p.bulkFlags("plan", "compares rows with the users of an account and prints what would change.\n\n"+rowsHelp+`Columns LicenseType, UserType, IsAlexaForBusinessEnabled and
AlexaForBusinessRoomArn say what the user shall have; others are ignored, and so are empty cells.`)
	c.rowFlags()
	c.changeFlags()
	c.brakeFlags()
	c.strictFlag()
	out := c.String("o", "", "`FILE` to save the plan in, for carillon bulk apply")
	if err := c.parse(args); err != nil {
		return err
	}
	plan, a, err := c.plan(ctx, bulk.Update, newJob())
	if err != nil {
		return err
	}
	defer a.Close()
	w := bufio.NewWriter(p.stdout)
	for i := range plan.Rows {
		if r := &plan.Rows[i]; r.Status == bulk.Planned {
			fmt.Fprintf(w, "(plan) %s%s: %s\n", place(plan.Source, r), r.Name(), r.Change())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	c.nameLeft(plan)
	for _, line := range totals(plan) {
		fmt.Fprintln(p.stdout, "(plan)", line)
	}
	if err := c.brake(plan); err != nil {
		return err
	}
	if *out != "" {
		if err := saveAs(*out, func(w io.Writer) error { return plan.Write(w, time.Now()) }); err != nil {
			return fmt.Errorf("saving the plan: %w", err)
		}
	}
	if plan.Count(bulk.Planned) == 0 {
		fmt.Fprintln(p.stdout, "nothing to change")
	}
	return someFailed(plan.Count(bulk.Failed), "cannot be planned")
}

// bulkApply is `carillon bulk apply`.
func (p *program) bulkApply(ctx context.Context, args []string) error {
	c := p.bulkFlags("apply", "carries out a plan, or plans rows and carries that out.\n\n"+rowsHelp+`A PLAN is what carillon bulk plan -o has saved; it takes
the place of ROWS and says itself what account it is about.`)
	c.rowFlags()
	c.required = nil // a plan knows its account
	c.changeFlags()
	c.newJobFlags()
	if err := c.parse(args); err != nil {
		return err
	}
	if len(c.words) == 1 {
		in, name, err := c.open(c.words[0])
		if err != nil {
			return err
		}
		text := bufio.NewReaderSize(in, 64<<10)
		if bulk.IsPlan(text) {
			defer in.Close()
			return c.applyPlan(ctx, text, name)
		}
		in.Close()
		if name == "standard input" { // what was looked at must be read again
			c.stdin = text
		}
	}
	if *c.account == "" {
		return c.misused("--account-id is missing")
	}
	return c.perform(ctx, bulk.Update)
}

func (c *bulkCommand) applyPlan(ctx context.Context, in io.Reader, name string) error {
	if c.set.Values != nil || c.from.Values != nil || c.all || c.where != "" {
		return c.misused("a plan says itself what changes: --set, --from, --where and --all go with rows")
	}
	plan, err := bulk.ReadPlan(in, name)
	if err != nil {
		return err
	}
	if *c.account != "" && *c.account != plan.Account {
		return usagef("bulk apply: %s is about account %s, not %s", name, plan.Account, *c.account)
	}
	job := newJob()
	a, err := c.connect(ctx, plan.Account, job)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Belongs(plan, name); err != nil {
		return err
	}
	if err := a.Revise(ctx, plan); err != nil {
		return err
	}
	return c.execute(ctx, a, plan, job)
}

// bulkVerb returns the command of an action whose rows only name users.
func bulkVerb(action bulk.Action, summary string) func(*program, context.Context, []string) error {
	return func(p *program, ctx context.Context, args []string) error {
		c := p.bulkFlags(string(action), summary+"\n\n"+rowsHelp+"Other columns are ignored.")
		c.rowFlags()
		c.newJobFlags()
		if err := c.parse(args); err != nil {
			return err
		}
		return c.perform(ctx, action)
	}
}

// plan makes a plan of what the line says.
func (c *bulkCommand) plan(ctx context.Context, action bulk.Action, job string) (*bulk.Plan, *bulk.Account, error) {
	chosen, source, err := c.chosen(action)
	if err != nil {
		return nil, nil, err
	}
	a, err := c.connect(ctx, *c.account, job)
	if err != nil {
		return nil, nil, err
	}
	o := bulk.PlanOptions{Source: source, Set: c.set.Values, From: c.from.Values}
	if action == bulk.Suspend || action == bulk.Unsuspend {
		if o.Type, err = a.Type(ctx); err == nil && action == bulk.Unsuspend && o.Type == "Team" {
			err = usagef("bulk unsuspend: %s is a Team account, which has nobody to unsuspend: who was suspended was removed", *c.account)
		}
	}
	var plan *bulk.Plan
	if err == nil {
		plan, err = a.Plan(ctx, action, chosen, o)
	}
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return plan, a, nil
}

// perform plans what the line says and carries it out.
func (c *bulkCommand) perform(ctx context.Context, action bulk.Action) error {
	if len(c.words) == 1 && c.words[0] == "-" && !c.yes {
		return c.misused("rows on standard input leave nobody to ask: give --yes too")
	}
	job := newJob()
	plan, a, err := c.plan(ctx, action, job)
	if err != nil {
		return err
	}
	defer a.Close()
	return c.execute(ctx, a, plan, job)
}

// execute carries out a plan, if nothing is against it and nobody.
func (c *bulkCommand) execute(ctx context.Context, a *bulk.Account, plan *bulk.Plan, job string) error {
	c.nameLeft(plan)
	if err := c.brake(plan); err != nil {
		return err
	}
	if plan.Count(bulk.Planned) == 0 {
		fmt.Fprintln(c.stdout, "nothing to change")
		return someFailed(plan.Count(bulk.Failed), "cannot be done")
	}
	if err := c.confirm(ctx, plan); err != nil {
		return err
	}
	plan.Job = job
	path := c.ledger
	if path == "" {
		path = "carillon-ledger-" + job + ".jsonl"
	}
	l, err := bulk.Create(path, plan, time.Now)
	if err != nil {
		return usagef("bulk: %w", err)
	}
	return c.run(ctx, a, l)
}

// run makes the calls and tells how they ended.
func (c *bulkCommand) run(ctx context.Context, a *bulk.Account, l *bulk.Ledger) error {
	bar := c.progress(time.Now)
	quiet := context.AfterFunc(ctx, func() {
		bar.say("carillon: finishing the calls under way; another interrupt stops at once")
	})
	_, err := a.Run(ctx, l, bulk.RunOptions{StopAfter: c.stop, Progress: bar.show})
	quiet()
	bar.end()
	err = errors.Join(err, l.Close())
	fmt.Fprintf(c.stdout, "%s\nledger: %s\n", l.Summary(), l.Path)
	resume := "to go on: " + c.command("resume", l.Path)
	switch {
	case err == nil:
		failed := l.Count(bulk.Failed)
		if failed == 0 {
			return nil
		}
		return someFailed(failed, "failed; to try them again: "+c.command("retry", l.Path)+"; to mend them: "+c.command("rejects", l.Path))
	case errors.Is(err, context.Cause(ctx)):
		return &codedError{exitInterrupted, fmt.Errorf("interrupted, calls under way were finished; %s", resume)}
	}
	return fmt.Errorf("%w; %s", err, resume)
}

// command spells a command for a ledger, with the connection of this one.
func (c *bulkCommand) command(verb, path string) string {
	line := "carillon bulk " + verb
	c.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "profile", "region", "endpoint-url", "ca-bundle":
			if verb != "rejects" {
				line += " --" + f.Name + " " + shellQuote(f.Value.String())
			}
		case "no-verify-ssl", "no-sign-request":
			if verb != "rejects" {
				line += " --" + f.Name
			}
		}
	})
	return line + " " + shellQuote(path)
}

// fromLedger starts a command that goes on with the ledger of a job.
func (p *program) fromLedger(name, summary string) *bulkCommand {
	c := p.bulkFlags(name, summary)
	c.takes = "LEDGER"
	c.account = c.String("account-id", "", "`ID` of the account, to be sure: another one is refused")
	return c
}

// reopen opens the ledger and the account that it is about.
func (c *bulkCommand) reopen(ctx context.Context) (*bulk.Ledger, *bulk.Account, error) {
	l, err := bulk.OpenLedger(c.words[0], time.Now)
	if err != nil {
		return nil, nil, err
	}
	account := l.Account
	if *c.account != "" {
		account = *c.account
	}
	a, err := c.connect(ctx, account, l.Job)
	if err == nil {
		err = a.Belongs(&l.Plan, l.Path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, a, nil
}

// again is resume and retry: they differ in what they prepare.
func (c *bulkCommand) again(ctx context.Context, args []string, prepare func(*bulk.Account, context.Context, *bulk.Ledger) error) error {
	c.runFlags()
	if err := c.parse(args); err != nil {
		return err
	}
	l, a, err := c.reopen(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	defer l.Close()
	if err := prepare(a, ctx, l); err != nil {
		return err
	}
	if err := c.brake(&l.Plan); err != nil {
		return err
	}
	if l.Count(bulk.Planned)+l.Count(bulk.Sent) > 0 {
		if err := c.confirm(ctx, &l.Plan); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(c.stdout, "nothing to change")
	}
	return c.run(ctx, a, l)
}

// bulkResume is `carillon bulk resume`.
func (p *program) bulkResume(ctx context.Context, args []string) error {
	c := p.fromLedger("resume", "goes on with a job that was stopped, in its own ledger. What is done is not done again.")
	return c.again(ctx, args, (*bulk.Account).Resume)
}

// bulkRetry is `carillon bulk retry`.
func (p *program) bulkRetry(ctx context.Context, args []string) error {
	c := p.fromLedger("retry", "plans the failed rows of a job anew and sends them, and no others, in the same ledger.")
	return c.again(ctx, args, (*bulk.Account).Retry)
}

// bulkRollback is `carillon bulk rollback`.
func (p *program) bulkRollback(ctx context.Context, args []string) error {
	c := p.fromLedger("rollback", `gives each user back what a job has changed. It is a job of its own, with its own ledger. Users
whom others have changed since are named and skipped. It undoes updates, and suspend and unsuspend on
Enterprise accounts.`)
	c.newJobFlags()
	if err := c.parse(args); err != nil {
		return err
	}
	l, err := bulk.ReadLedger(c.words[0])
	if err != nil {
		return err
	}
	account := l.Account
	if *c.account != "" {
		account = *c.account
	}
	job := newJob()
	a, err := c.connect(ctx, account, job)
	if err != nil {
		return err
	}
	defer a.Close()
	plan, err := a.Rollback(ctx, l)
	if err != nil {
		return err
	}
	return c.execute(ctx, a, plan, job)
}

// bulkRejects is `carillon bulk rejects`.
func (p *program) bulkRejects(_ context.Context, args []string) error {
	f := p.flags("bulk rejects", "writes the failed rows of a job as CSV, with the reasons, to be mended and applied again.")
	f.takes = "LEDGER"
	out := f.String("o", "", "`FILE` to write (default standard output)")
	if err := f.parse(args); err != nil {
		return err
	}
	l, err := bulk.ReadLedger(f.words[0])
	if err != nil {
		return err
	}
	return p.writeTable(*out, true, func(w io.Writer) error {
		_, err := l.WriteRejects(w)
		return err
	})
}

// bulkExport is `carillon bulk export`.
func (p *program) bulkExport(ctx context.Context, args []string) error {
	c := p.bulkFlags("export", `writes all users of an account with all fields that list-users prints. In CSV, cells that a spreadsheet
would run as formulas begin with an apostrophe; carillon bulk plan takes the file as it is.`)
	c.account = c.require("account-id", "`ID` of the account")
	format := c.String("format", "csv", "csv or jsonl, a `FORMAT`")
	out := c.String("o", "", "`FILE` to write (default standard output)")
	if err := c.parse(args); err != nil {
		return err
	}
	if *format != string(bulk.CSV) && *format != string(bulk.JSONL) {
		return c.misused("--format is csv or jsonl")
	}
	a, err := c.connect(ctx, *c.account, newJob())
	if err != nil {
		return err
	}
	defer a.Close()
	return p.writeTable(*out, *format == string(bulk.CSV), func(w io.Writer) error {
		_, err := a.Export(ctx, w, bulk.Format(*format))
		return err
	})
}

// bulkTemplate is `carillon bulk template`.
func (p *program) bulkTemplate(_ context.Context, args []string) error {
	f := p.flags("bulk template", "prints a file of rows to start from.")
	if err := f.parse(args); err != nil {
		return err
	}
	_, err := io.WriteString(p.stdout, bulk.Template())
	return err
}

// writeTable writes a table to a file, or to standard output if it has no name. A CSV file begins
// with a byte order mark, by which spreadsheets know UTF-8.
func (p *program) writeTable(path string, csv bool, write func(io.Writer) error) error {
	if path == "" {
		return write(p.stdout)
	}
	return saveAs(path, func(w io.Writer) error {
		if csv {
			if _, err := io.WriteString(w, "\uFEFF"); err != nil {
				return err
			}
		}
		return write(w)
	})
}

// saveAs replaces a file, whole or not at all, by one that only its owner can read.
func saveAs(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func someFailed(n int, how string) error {
	switch n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 row %s", how)
	}
	return fmt.Errorf("%d rows %s", n, how)
}
