package carillon

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/report"
)

type reportOptions struct {
	connection
	Account string // id or name; empty for all
	Since   moment
	Format  string // empty for what the name of Out says
	Out     string // a file; empty for standard output
}

const formatHTML = "html"

// reportForms are the forms of a report, the default first.
var reportForms = []string{formatTable, formatCSV, formatJSON, formatHTML}

// reportCommand declares `carillon report`.
func (p *program) reportCommand() *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report",
		Short: "count the seats of accounts by license, and who changed them",
		Long: `Count the users of accounts by license: how many seats there are, and how many of
them are invited or suspended. With --since also how the seats have changed, and
who changed how many users.

Beside the seats it tells how many chat rooms and bots each account has, and how
many phone numbers the AWS account has or, with --account-id, the users of the account.

The command asks a service. The changes are read from its audit trail, which the
policy of the key has to allow by carillon:ReadAudit; the seats take ListAccounts
and ListUsers. Rooms, bots and numbers take ListRooms, ListBots and
ListPhoneNumbers: a key that may not is told so, and the report leaves them out.`,
		Example: `carillon report
carillon report --account-id Acme --since 30d
carillon report --since 2026-01-01 --output html -o seats.html`,
		RunE: func(c *cobra.Command, _ []string) error { return p.report(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Account, "account-id ACCOUNT", "only this account, by its id or its name (default all)", completedBy(p.serviceAccounts(&o.connection)))
	parsed(f, &o.Since, before, "since WHEN", "", "tell what has changed from this moment on: a date (which begins at midnight UTC), a time, or a duration before now such as 30d")
	formFlag(f, &o.Format, "output FORMAT", "form of the output", reportForms...)
	outFlag(f, &o.Out, "file to write (default standard output)")
	o.connection.serviceFlags(f)
	return c
}

func (p *program) report(ctx context.Context, o reportOptions) error {
	form, err := p.checkOut(outFile{o.Out, []string{o.CABundle}, reportForms, "--output", o.Format})
	if err != nil {
		return err
	}
	service, err := p.remote(ctx, o.connection)
	if err != nil {
		return err
	}
	defer service.close()
	now, err := service.now(ctx)
	if err != nil {
		return p.named(err)
	}
	since := o.Since.by(now)
	if since.After(now) {
		return p.misused("--since is in the future")
	}
	accounts, err := service.accounts(ctx, o.Account)
	if err != nil {
		return p.named(err)
	}
	r := &report.Report{Service: chime.Service, URL: service.url, Time: now, Since: since}
	if err := r.Count(ctx, service.pages, accounts); err != nil {
		return p.named(err)
	}
	if err := r.CountOthers(ctx, service.pages, o.Account != ""); err != nil {
		return p.named(err)
	}
	for _, operation := range r.Denied {
		fmt.Fprintf(p.stderr, "carillon: report: the policy of the key does not allow chime:%s: what it lists is left out\n", operation)
	}
	if !since.IsZero() {
		if err := r.Compare(ctx, service.pages); err != nil {
			return p.named(trailError(err))
		}
	}
	if !r.Pruned.IsZero() {
		fmt.Fprintf(p.stderr, "carillon: report: the audit trail has no records from before %s any more: changes are told from then on\n", r.From())
	}
	format := bulk.Format("")
	if form == formatCSV {
		format = bulk.CSV
	}
	return p.named(p.writeTable(o.Out, format, func(w io.Writer) error { return writeReport(w, r, form) }))
}

func writeReport(w io.Writer, r *report.Report, format string) error {
	switch format {
	case formatCSV:
		return r.WriteCSV(w)
	case formatJSON:
		return output.JSON(w, r.Document())
	case formatHTML:
		return r.WriteHTML(w)
	}
	return r.WriteTable(w)
}
