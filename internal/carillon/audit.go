package carillon

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/report"
	"github.com/carillon-project/carillon/internal/sheet"
)

type auditOptions struct {
	database
	connection
	Query        directory.AuditQuery // but for its times
	Since, Until moment
	Format       string
}

// auditCommand declares `carillon audit`.
func (p *program) auditCommand() *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit",
		Short: "show who changed what",
		Long: `Print the audit trail: who changed what, when, from what, to what. The oldest
change comes first. Flags narrow the choice, all of them together.

The table is for reading, in local time; json and csv have all that is kept. The
csv is safe to open in a spreadsheet: a cell that would be run as a formula
begins with a '.

The command works on the data of a service, which may be running, or asks a
service far away: with any flag of a connection, or if there is no data here and
a profile or the environment names an endpoint. Then the trail is that of the AWS
account of the key, whose policy has to allow carillon:ReadAudit.`,
		Example: `carillon audit --since 7d
carillon audit --user ana@example.com
carillon audit --profile acme --since 7d
carillon audit --until 2026-01-01 --output csv > audit-2025.csv`,
		RunE: func(c *cobra.Command, _ []string) error { return p.audit(c, o) },
	}
	f := flagsOf(c)
	f.text(&o.Query.User, "user USER", "changes of this user: an id, or an e-mail address that the user has or had; or of the chat room, bot, message or conversation with this id")
	f.text(&o.Query.AccountID, "account-id ACCOUNT", "changes of this account, by its id or its name, and in it", completedBy(p.storeAccounts(&o.database)))
	parsed(f, &o.Query.AWSAccountID, awsAccountID, "aws-account-id ID", "", "changes in this AWS account")
	f.text(&o.Query.Key, "key KEY", "changes made with this key: its id, its name, or operator/USER", completedBy(p.storeKeys(&o.database)))
	f.text(&o.Query.Job, "job ID", "changes made by this bulk job")
	parsed(f, &o.Since, before, "since WHEN", "", "changes from this moment on: a date (which begins at midnight UTC), a time, or a duration before now such as 7d or 12h")
	parsed(f, &o.Until, before, "until WHEN", "", "changes before this moment")
	outputFlag(f, &o.Format, formatTable, formatJSON, formatCSV)
	o.database.flags(f)
	o.connection.serviceFlags(f)
	c.AddCommand(p.auditPruneCommand())
	return c
}

func (p *program) audit(c *cobra.Command, o auditOptions) error {
	far, err := p.asksService(c, o)
	if err != nil {
		return err
	}
	if !far {
		return p.onStore(c.Context(), o.database, func(st openStore) error {
			if o.Query.AccountID != "" {
				a, err := findAccount(c.Context(), st.operator(), o.Query.AccountID)
				if err != nil {
					return err
				}
				o.Query.AccountID = a.ID
			}
			o.Query.Since, o.Query.Until = o.Since.by(st.now()), o.Until.by(st.now())
			return p.writeAudit(o.Format, st.operator().Audit(c.Context(), o.Query))
		})
	}
	if o.Query.AWSAccountID != "" {
		return misused(p.name, "--aws-account-id is for data at hand: a service shows the trail of the AWS account of the key")
	}
	trail, err := p.remote(c.Context(), o.connection)
	if err != nil {
		return err
	}
	defer trail.close()
	if word := o.Query.AccountID; word != "" && !bulk.IsAccountID(word) {
		found, err := trail.accounts(c.Context(), word)
		if err != nil {
			return p.named(err)
		}
		o.Query.AccountID = found[0].ID
	}
	var now time.Time
	if o.Since.isSpan || o.Until.isSpan {
		if now, err = trail.now(c.Context()); err != nil {
			return p.named(err)
		}
	}
	o.Query.Since, o.Query.Until = o.Since.by(now), o.Until.by(now)
	return p.named(p.writeAudit(o.Format, trail.audit(c.Context(), o.Query)))
}

// asksService reports whether a service is asked, instead of the data at hand. What the line says
// counts first, then what variables say of the data, then whether there is any data.
func (p *program) asksService(c *cobra.Command, o auditOptions) (bool, error) {
	var data, service string
	c.Flags().Visit(func(f *pflag.Flag) {
		switch annotation(f, groupKey) {
		case dataGroup:
			data = dashed(f)
		case connectionGroup:
			service = dashed(f)
		}
	})
	switch {
	case data != "" && service != "":
		return false, misused(p.name, data+" and "+service+" exclude each other: the one is for data at hand, the other for a service")
	case service != "":
		return true, nil
	case data != "" || o.Data != "" || o.database.URL != "":
		return false, nil
	}
	if at := o.database.orDefault(); at.exists() == nil {
		return false, nil
	}
	far, err := p.knowsEndpoint(o.connection)
	if err != nil {
		return false, p.badInput("%w", err)
	}
	return far, nil
}

func (p *program) writeAudit(format string, entries iter.Seq2[directory.AuditEntry, error]) error {
	w := bufio.NewWriterSize(p.stdout, 1<<16)
	var err error
	switch format {
	case formatJSON:
		err = report.WriteList(w, "AuditRecords", documents(entries, func(e directory.AuditEntry) (*document.Object, error) { return directory.AuditDocument(e), nil }))
	case formatCSV:
		err = report.WriteTrailCSV(w, entries)
	default:
		var found bool
		found, err = auditTable(w, p.terminal().Width, entries)
		if err == nil && !found {
			fmt.Fprintln(p.stderr, "carillon: audit: there are no such records")
		}
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// auditTable writes what people look for, in lines for a screen: one for each request, and below it
// what became of whom. It reports whether there are any.
func auditTable(w io.Writer, columns int, entries iter.Seq2[directory.AuditEntry, error]) (found bool, err error) {
	var request string
	for e, err := range entries {
		if err != nil {
			return found, err
		}
		found = true
		head := fmt.Sprintf("%s  %s  %s", e.Time.Local().Format(time.DateTime), e.KeyName, e.Operation)
		if this := head + e.RequestID; this != request {
			request = this
			if _, err := fmt.Fprintln(w, sheet.Visible(head)); err != nil {
				return found, err
			}
		}
		o := directory.AuditDocument(e)
		before, _ := o.Get("Before")
		after, _ := o.Get("After")
		who, what := sheet.Visible(cmp.Or(e.TargetEmail, e.Target)), change(before, after)
		line := "    " + strings.TrimSpace(who+"  "+what) + "\n"
		if utf8.RuneCountInString(line) > columns+1 {
			line = "    " + who + "\n" + Fill(what, "        ", columns)
		}
		if _, err := io.WriteString(w, line); err != nil {
			return found, err
		}
	}
	return found, nil
}

// change tells what became of what in a few words; nothing in them can act on a terminal.
func change(before, after any) string {
	from, _ := before.(*document.Object)
	to, _ := after.(*document.Object)
	var b strings.Builder
	switch {
	case from == nil && to == nil:
		return ""
	case from == nil:
		b.WriteString("new:")
		from = to
	case to == nil:
		b.WriteString("gone:")
		to = from
	}
	for i, m := range from.Members() {
		if i > 0 {
			b.WriteByte(',')
		}
		was, is := quoted(m.Value), m.Value
		if v, ok := to.Get(m.Key); ok {
			is = v
		}
		b.WriteString(" " + sheet.Visible(m.Key) + " " + was)
		if now := quoted(is); now != was {
			b.WriteString(" -> " + now)
		}
	}
	return strings.TrimSpace(b.String())
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return string(document.AppendCompact(nil, v))
}
