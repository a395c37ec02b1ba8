package carillon

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/terminal"
)

// demoTable says of a thousand people who should have which license.
//
//go:embed demo_people.csv
var demoTable []byte

type demoOptions struct {
	Keep    string // directory; empty for one that is removed in the end
	Console bool
	NoPause bool
}

// demoCommand declares `carillon demo`.
func (p *program) demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "show aws, carillon serve and carillon bulk at work",
		Long: `Start a service on a free port. Change a license in it with "aws chime", and a
thousand with "carillon bulk"; undo that, and see who has done what. The commands
are shown, and run for real. Nothing is left behind.

On a terminal the demo waits for a key now and then. With --console the service
stays until you interrupt it, and a link is printed that signs a browser in to its
console.`,
		Example: `carillon demo
carillon demo --console
carillon demo --keep demo-data`,
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Keep, "keep DIR", "keep the data of the service in this directory, which must be empty or new", folder)
	f.toggle(&o.Console, "console", "keep the service until it is interrupted, to look at it with a browser")
	f.toggle(&o.NoPause, "no-pause", "wait for no key on a terminal")
	return c
}

// demo runs a service and the command line against it, each for real.
func (p *program) demo(ctx context.Context, o demoOptions) error {
	d := &demonstration{program: p, ctx: ctx, hangUps: !signal.Ignored(syscall.SIGHUP)}
	// A reader who has left, or a terminal that has gone, would end the process, and the data would
	// stay behind. So they are errors instead: of what writes or waits for a key.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	dir, err := p.demoDir(o.Keep)
	if err != nil {
		return err
	}
	d.run(dir, o)
	ending := "its data is in " + dir
	if o.Keep == "" {
		ending = "its data is gone"
		if err := os.RemoveAll(dir); err != nil {
			d.err = errors.Join(d.err, err)
			ending = "some of its data is still in " + dir
		}
	}
	switch {
	case errors.Is(d.err, syscall.EPIPE): // who reads has seen enough
		return nil
	case errors.Is(d.err, errLeft):
		return &codedError{exitInterrupted, fmt.Errorf("demo: interrupted; %s", ending)}
	}
	if d.err == nil {
		d.farewell(ending, o.Keep)
	}
	return d.err
}

// demoDir returns the folder to work in.
func (p *program) demoDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "carillon-demo-")
	}
	entries, err := os.ReadDir(keep)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", p.badInput("--keep: %w", err)
	}
	if len(entries) > 0 {
		return "", p.badInput("--keep: %s is not empty; name a new folder", keep)
	}
	return filepath.Abs(keep)
}

// demonstration runs commands one after the other, up to the first that fails. It is where they
// write, so that to them it is no terminal: their lines stay as they are counted on.
type demonstration struct {
	*program
	ctx     context.Context
	env     []string // of the commands
	pauses  bool     // before each scene but the first
	colors  bool
	hangUps bool // end it, unless the process was started to ignore them
	err     error
}

// errLeft says that the person who watches wants no more.
var errLeft = errors.New("left")

// run tells the story in a directory that is there or not.
func (d *demonstration) run(dir string, o demoOptions) {
	s, err := startService(d.ctx, serviceOptions{
		Listen: "127.0.0.1:0", database: database{Data: dir}, AWSAccountID: "111122223333", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		d.fail(err)
		return
	}
	defer func() { d.err = errors.Join(d.err, s.stop()) }()
	former, err := os.Getwd()
	if err = cmp.Or(err, os.Chdir(dir), os.WriteFile("people.csv", demoTable, 0o600)); err != nil {
		d.fail(err)
		return
	}
	defer os.Chdir(former) // a directory in which somebody works cannot be removed everywhere
	d.env = append(environment(s.url, s.root),
		// Nothing of the person's own set-up takes part.
		"CARILLON_DATA="+dir, "AWS_CONFIG_FILE="+filepath.Join(dir, "no-config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "no-credentials"))
	screen := terminal.Is(d.stdout) && d.getenv("TERM") != "dumb"
	d.pauses = terminal.Is(d.stdout) && terminal.Is(d.stdin) && !o.NoPause
	d.colors = screen && d.getenv("NO_COLOR") == "" && runtime.GOOS != "windows" // where not every terminal knows them
	d.story(s.url, dir)
	if o.Console {
		d.consoleScene(s, dir)
	}
}

// story is told in less than sixty lines of eighty columns, and a scene in less than a screen.
func (d *demonstration) story(url, dir string) {
	d.say(`A service runs on %s, with its data in a new SQLite file.
All commands here are run for real. First an account, which is what a company
has, with a thousand people from a spreadsheet. They get no mail: the service
sends none.`, url)
	d.command("$ cd " + shell.Quote(dir))
	account := d.aws("chime create-account --name Acme --query Account.AccountId --output text")
	d.carillon(0, "bulk invite --account-id Acme --yes --quiet people.csv")

	d.pause()
	d.say(`All have a Pro license. A script changes licenses by a call like the second
one, as with AWS CLI version 1. Nobody has the last of its ids: the reply
names that one. Ana's license is Basic now.`)
	ana := d.aws("chime list-users --account-id "+account,
		"--user-email ana.adeyemi@example.com --query Users[].UserId --output text")
	d.aws("chime batch-update-user --update-user-request-items",
		"UserId="+ana+",LicenseType=Basic",
		"UserId=a1b2c3d4-5678-90ab-cdef-22222EXAMPLE,LicenseType=Basic",
		"--account-id "+account,
		"--query UserErrors[].[ErrorCode,UserId] --output text")

	d.pause()
	d.say("The spreadsheet has a license for each address. What would change?")
	d.carillon(3, "bulk plan --account-id Acme -o plan.jsonl people.csv")
	d.say("Do it. The ledger has a line for each row before its call, and one after.")
	d.carillon(0, "bulk apply --yes --ledger job.jsonl plan.jsonl")

	d.pause()
	d.say("Undo it, by the ledger. And what has become of Ana, by whom?")
	d.carillon(0, "bulk rollback --yes --quiet job.jsonl")
	d.carillon(6, "audit --user ana.adeyemi@example.com")
}

// consoleScene lets people look at what has been done, until they interrupt the program.
func (d *demonstration) consoleScene(s *service, dir string) {
	if d.err != nil {
		return
	}
	code, err := s.sessions.MakeLink(d.ctx, s.root.ID)
	if err != nil {
		d.fail(err)
		return
	}
	ctx, stop := d.watch()
	defer stop()
	d.say(`The console shows the same to a browser. This link signs you in, once and
within two minutes:`)
	fmt.Fprintf(d, "%slink#%s\n", s.consoleURL, code)
	d.say(`Another one is made by carillon console --data %s
Interrupt the program (Ctrl-C) to end it.`, shell.Quote(dir))
	if d.err == nil {
		<-ctx.Done()
	}
}

func (d *demonstration) farewell(ending, keep string) {
	if keep != "" {
		ending += ": carillon serve --data " + shell.Quote(keep)
	} else {
		ending += ". One that stays: carillon serve"
	}
	fmt.Fprintf(d, "\n# The service has stopped, and %s\n", ending)
}

// watch returns a context for while nothing goes on: a hang-up ends it, too.
func (d *demonstration) watch() (context.Context, context.CancelFunc) {
	if !d.hangUps {
		return d.ctx, func() {}
	}
	return signal.NotifyContext(d.ctx, syscall.SIGHUP)
}

// pause waits for a key, on a terminal.
func (d *demonstration) pause() {
	if d.err != nil || !d.pauses {
		return
	}
	ctx, stop := d.watch()
	defer stop()
	const prompt = "-- any key to go on, Ctrl-C to end --"
	key, err := terminal.ReadKey(ctx, d.stdin, func() { fmt.Fprint(d, prompt) })
	if d.getenv("TERM") == "dumb" {
		fmt.Fprintln(d)
	} else { // the line makes room for what comes
		fmt.Fprintf(raw(d.stdout), "\r%*s\r", len(prompt), "")
	}
	if err != nil || key == "\x03" || key == "" {
		d.fail(errLeft)
	}
}

// say tells something, as a comment of a shell, so that it differs from what commands print.
func (d *demonstration) say(format string, args ...any) {
	if d.err == nil {
		fmt.Fprintf(d, "\n# %s\n\n", strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n# "))
	}
}

// command shows a command.
func (d *demonstration) command(line string) {
	if d.colors {
		// What is seen of a command is of our own making, so it needs no screen.
		fmt.Fprintf(raw(d.stdout), "\x1b[1;32m%s\x1b[0m\n", line)
		return
	}
	fmt.Fprintln(d, line)
}

// Write shows what commands print. That it cannot be shown ends the demonstration, and is no
// concern of the command.
func (d *demonstration) Write(text []byte) (int, error) {
	_, err := d.stdout.Write(text)
	d.fail(err)
	return len(text), nil
}

func (d *demonstration) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// aws shows a command, a line for each group of its words, runs it, and shows and returns its
// output.
func (d *demonstration) aws(groups ...string) string {
	if d.err != nil {
		return ""
	}
	d.command(spelled("aws", groups))
	args := strings.Fields(strings.Join(groups, " "))
	var out bytes.Buffer
	d.check("aws", args, awscli.Main(d.ctx, args, d.env, strings.NewReader(""), io.MultiWriter(&out, d), d.stderr, chime.Service))
	return strings.TrimSpace(out.String())
}

// carillon shows a command of carillon and runs it. Of a long output it shows the last lines only,
// as tail does; with 0 all.
func (d *demonstration) carillon(last int, groups ...string) {
	if d.err != nil {
		return
	}
	line := spelled("carillon", groups)
	var out bytes.Buffer
	shown := io.Writer(d)
	if last > 0 {
		line += fmt.Sprintf(" | tail -n %d", last)
		shown = &out
	}
	d.command(line)
	args := strings.Fields(strings.Join(groups, " "))
	if args[0] == "bulk" { // if this service fails, as on a full disk, nobody is about to mend it
		args = append(args, "--patience", "1s")
	}
	// What is said on standard error belongs to the show.
	d.check("carillon", args, Main(d.ctx, args, d.env, strings.NewReader(""), shown, d))
	lines := strings.SplitAfter(out.String(), "\n")
	io.WriteString(d, strings.Join(lines[max(0, len(lines)-1-last):], ""))
}

// spelled is a command as a person types it.
func spelled(program string, groups []string) string {
	lines := make([]string, len(groups))
	for i, group := range groups {
		words := strings.Fields(group)
		for j, word := range words {
			words[j] = shell.Quote(word)
		}
		lines[i] = strings.Join(words, " ")
	}
	return "$ " + program + " " + strings.Join(lines, " \\\n    ")
}

// check ends the demonstration after a command that failed.
func (d *demonstration) check(program string, args []string, code int) {
	switch {
	case d.ctx.Err() != nil:
		d.fail(errLeft)
	case code != exitDone:
		d.fail(fmt.Errorf("demo: %s %s ended with exit code %d", program, strings.Join(args[:2], " "), code))
	}
}
