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
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/shell"
)

//go:embed demo_people.txt
var demoPeople string

//go:embed demo_people.csv
var demoTable []byte

// demoCommand declares `carillon demo`.
func (p *program) demoCommand() *cobra.Command {
	var keep string
	var console bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "show aws, carillon serve and carillon bulk at work",
		Long: `Start a service on a free port. Change licenses in it with "aws chime" and
"carillon bulk", give somebody a phone number, and open a room with a bot. The
commands are shown, and run for real. Nothing is left behind.

With --console the service stays until you interrupt it, and a link is printed that
signs a browser in to its console.`,
		Example: `carillon demo
carillon demo --console
carillon demo --keep demo-data`,
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c.Context(), keep, console) },
	}
	f := flagsOf(c)
	f.text(&keep, "keep DIR", "keep the data of the service in this directory, which must be empty or new", folder)
	f.toggle(&console, "console", "keep the service until it is interrupted, to look at it with a browser")
	return c
}

// demo runs a service and the command line against it, each for real.
func (p *program) demo(ctx context.Context, keep string, console bool) error {
	dir, err := p.demoDir(keep)
	if err != nil {
		return err
	}
	if keep == "" {
		defer os.RemoveAll(dir)
	}
	s, err := startService(ctx, serviceOptions{
		Listen: "127.0.0.1:0", database: database{Data: dir}, AWSAccountID: "111122223333", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	d := &demonstration{program: p, ctx: ctx, env: append(environment(s.url, s.root),
		// Nothing of the person's own set-up takes part.
		"CARILLON_DATA="+dir, "AWS_CONFIG_FILE="+filepath.Join(dir, "no-config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "no-credentials"))}
	d.say("A service is running on %s, on a fresh SQLite file. Its API is that of Amazon Chime;\nthe commands below are those of AWS CLI version 1.", s.url)
	d.scene()
	d.talkScene()
	d.bulkScene(dir)
	if console {
		d.consoleScene(s, dir)
	}
	if err := errors.Join(d.err, s.stop()); err != nil {
		return err
	}
	d.farewell(keep)
	return nil
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
	return keep, nil
}

// demonstration runs commands one after the other, up to the first that fails.
type demonstration struct {
	*program
	ctx context.Context
	env []string // of the commands
	err error
}

func (d *demonstration) scene() {
	d.say("Create an account.")
	account := d.pick("Account.AccountId", d.aws(words("chime create-account --name", "Example Corp")))

	d.say("Invite people. They take the account's default license, Pro.")
	people := strings.Fields(demoPeople)
	d.aws(words("chime invite-users --account-id", account), append(words("--user-email-list"), people...),
		words("--query Invites[].[EmailAddress,Status] --output text"))

	list := append(words("chime list-users --account-id", account), "--query", "Users[].{Email: PrimaryEmail, License: LicenseType, Status: UserRegistrationStatus}", "--output", "table")
	d.say("Their licenses.")
	d.aws(list)

	users := d.quiet(words("chime list-users --account-id", account))
	first, second := d.pick("Users[0].UserId", users), d.pick("Users[1].UserId", users)
	d.say("Change two licenses to Basic, in the form of the manual page.")
	d.aws(words("chime batch-update-user"), words("--account-id", account),
		words("--update-user-request-items", "UserId="+first+",LicenseType=Basic", "UserId="+second+",LicenseType=Basic"))

	d.say("A batch with a user that does not exist: the others are changed, the error names the one.")
	third := d.pick("Users[2].UserId", users)
	d.aws(words("chime batch-update-user"), words("--account-id", account),
		words("--update-user-request-items", "UserId="+third+",LicenseType=Basic", "UserId=a1b2c3d4-5678-90ab-cdef-22222EXAMPLE,LicenseType=Basic"))

	d.say("The licenses now.")
	d.aws(list)
}

// consoleScene lets people look at what has been done, until they interrupt the program.
func (d *demonstration) consoleScene(s *service, dir string) {
	if d.err != nil {
		return
	}
	code, err := s.sessions.MakeLink(d.ctx, s.root.ID)
	if err != nil {
		d.err = err
		return
	}
	d.say(`The console shows the same to a browser. This link signs you in, once and within two
minutes:

    %slink#%s

Another one is made by carillon console --data %s
Interrupt the program (Ctrl-C) to end it.`, s.consoleURL, code, shell.Quote(dir))
	<-d.ctx.Done()
}

func (d *demonstration) farewell(keep string) {
	data := ""
	if keep != "" {
		data = " --data " + shell.Quote(keep)
		d.say("The service has stopped. Its data is in %s.", keep)
	} else {
		d.say("The service has stopped and its data is gone.")
	}
	d.say(`To go on with a service that stays:

    go build -o bin/ ./cmd/...
    bin/carillon serve%s
    # in another terminal: paste the export lines that it prints, or
    . %s
    bin/aws chime list-accounts`, data, filepath.Join(cmp.Or(keep, "carillon-data"), rootKeyFile))
}

// words splits a text at its blanks and appends more words as they are.
func words(text string, more ...string) []string {
	return append(strings.Fields(text), more...)
}

func (d *demonstration) say(format string, args ...any) {
	if d.err == nil {
		fmt.Fprintf(d.stdout, "\n"+format+"\n", args...)
	}
}

func (d *demonstration) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// aws shows a command, a line for each group of its words, runs it, shows and returns its output.
func (d *demonstration) aws(groups ...[]string) string {
	if d.err != nil {
		return ""
	}
	args := slices.Concat(groups...)
	fmt.Fprintln(d.stdout, spelled("aws", groups))
	return d.call(args, d.stdout)
}

// spelled is a command as a person types it.
func spelled(program string, groups [][]string) string {
	line := "\n$ " + program
	for i, group := range groups {
		if i > 0 {
			line += " \\\n   "
		}
		for _, word := range group {
			line += " " + shell.Quote(word)
		}
	}
	return line
}

// quiet runs aws; the person has seen the output in another form.
func (d *demonstration) quiet(args []string) string { return d.call(args, io.Discard) }

func (d *demonstration) call(args []string, shown io.Writer) string {
	if d.err != nil {
		return ""
	}
	var out bytes.Buffer
	d.check("aws", args, awscli.Main(d.ctx, args, d.env, strings.NewReader(""), io.MultiWriter(&out, shown), d.stderr, chime.Service))
	return out.String()
}

// bulk is carillon with a command of carillon bulk.
func (d *demonstration) bulk(last int, groups ...[]string) {
	groups[0] = append([]string{"bulk"}, groups[0]...)
	d.carillon(last, groups...)
}

// carillon shows a command of carillon and runs it. Of a long output it shows the last lines only,
// as tail does; with 0 all.
func (d *demonstration) carillon(last int, groups ...[]string) {
	if d.err != nil {
		return
	}
	line := spelled("carillon", groups)
	var out bytes.Buffer
	shown := d.stdout
	if last > 0 {
		line += fmt.Sprintf(" | tail -n %d", last)
		shown = &out
	}
	fmt.Fprintln(d.stdout, line)
	args := slices.Concat(groups...)
	// Both streams are one here: what a person sees.
	d.check("carillon", args, Main(d.ctx, args, d.env, strings.NewReader(""), shown, d.stdout))
	lines := strings.SplitAfter(out.String(), "\n")
	io.WriteString(d.stdout, strings.Join(lines[max(0, len(lines)-1-last):], ""))
}

// check ends the demonstration after a command that failed.
func (d *demonstration) check(program string, args []string, code int) {
	if code != exitDone {
		d.fail(fmt.Errorf("demo: %s %s ended with exit code %d", program, strings.Join(args[:2], " "), code))
	}
}

// pick returns the string that a query finds in the JSON output of a command.
func (d *demonstration) pick(query, output string) string {
	if d.err != nil {
		return ""
	}
	v, err := document.Parse(output)
	if err == nil {
		var x *jmespath.Expression
		if x, err = jmespath.Compile(query); err == nil {
			v, err = x.Search(v)
		}
	}
	s, ok := v.(string)
	if err != nil || !ok {
		d.fail(fmt.Errorf("demo: no %s in the output (%v)", query, err))
	}
	return s
}
