package carillon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/sheet"
	"github.com/carillon-project/carillon/internal/store"
)

type auditOptions struct {
	database
	Query  directory.AuditQuery
	Format string
}

// auditCommand declares `carillon audit`.
func (p *program) auditCommand() *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit",
		Short: "show who changed what",
		Long: `Print the audit trail: who changed what, when, from what, to what. The oldest
change comes first. Flags narrow the choice, all of them together.

The table is for reading; json and csv have all that is kept. The csv is safe to
open in a spreadsheet: a cell that would be run as a formula begins with a '.

The command works on the data of a service, which may be running.`,
		Example: `carillon audit --since 7d
carillon audit --user ana@example.com
carillon audit --until 2026-01-01 --output csv > audit-2025.csv`,
		RunE: func(c *cobra.Command, _ []string) error { return p.audit(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Query.User, "user USER", "changes of this user: an id, or an e-mail address that the user has or had")
	f.text(&o.Query.AccountID, "account-id ID", "changes of this account, and in it", completedBy(p.storeAccounts(&o.database)))
	f.text(&o.Query.AWSAccountID, "aws-account-id ID", "changes in this AWS account")
	f.text(&o.Query.Key, "key KEY", "changes made with this key: its id, its name, or operator/USER", completedBy(p.storeKeys(&o.database)))
	f.text(&o.Query.Job, "job ID", "changes made by this bulk job")
	parsed(f, &o.Query.Since, before, "since WHEN", "", "changes from this moment on: a date (which begins at midnight UTC), a time, or a duration before now such as 7d or 12h")
	parsed(f, &o.Query.Until, before, "until WHEN", "", "changes before this moment")
	outputFlag(f, &o.Format, formatTable, formatJSON, formatCSV)
	o.database.flags(f)
	c.AddCommand(p.auditPruneCommand())
	return c
}

func (p *program) audit(ctx context.Context, o auditOptions) error {
	return p.onStore(ctx, o.database, func(st store.Store) error {
		records := operator(st).Audit(ctx, o.Query)
		w := bufio.NewWriterSize(p.stdout, 1<<16)
		var err error
		switch o.Format {
		case formatJSON:
			err = auditJSON(w, records)
		case formatCSV:
			err = auditCSV(w, records)
		default:
			err = auditTable(w, p.terminal(), records)
		}
		if err != nil {
			return err
		}
		return w.Flush()
	})
}

// auditJSON writes {"AuditRecords": [...]} as output.JSON would, but record by record: a trail
// is too long to be held.
func auditJSON(w io.Writer, records iter.Seq2[store.AuditRecord, error]) error {
	write := func(text string) error {
		_, err := io.WriteString(w, text)
		return err
	}
	const indent = "\n        "
	before := "{\n    \"AuditRecords\": [" + indent
	end := "{\n    \"AuditRecords\": []\n}\n"
	for r, err := range records {
		if err == nil {
			text := document.AppendIndented(nil, directory.AuditDocument(r))
			err = write(before + string(bytes.ReplaceAll(text, []byte("\n"), []byte(indent))))
		}
		if err != nil {
			return err
		}
		before, end = ","+indent, "\n    ]\n}\n"
	}
	return write(end)
}

// auditCSV writes a line for each record, below one with the names of the columns.
func auditCSV(w io.Writer, records iter.Seq2[store.AuditRecord, error]) error {
	out := csv.NewWriter(w)
	row := func(cell func(document.Member) string, r store.AuditRecord) error {
		var cells []string
		for _, m := range directory.AuditDocument(r).Members() {
			cells = append(cells, cell(m))
		}
		return out.Write(cells)
	}
	if err := row(func(m document.Member) string { return m.Key }, store.AuditRecord{}); err != nil {
		return err
	}
	for r, err := range records {
		if err == nil {
			err = row(func(m document.Member) string { return sheet.Guard(flat(m.Value)) }, r)
		}
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// flat gives an object as JSON on one line, what does not exist as nothing, a text as it is.
func flat(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return string(document.AppendCompact(nil, v))
}

// auditTable draws what people look for, in a table for every so many records.
func auditTable(w io.Writer, terminal output.Terminal, records iter.Seq2[store.AuditRecord, error]) error {
	const most = 1000
	rows := []any{}
	draw := func() error {
		v := document.NewObject(document.Member{Key: "AuditRecords", Value: rows})
		rows = rows[:0]
		return output.Table(w, "Audit", v, terminal)
	}
	drawn := false
	for r, err := range records {
		if err != nil {
			return err
		}
		o := directory.AuditDocument(r)
		before, _ := o.Get("Before")
		after, _ := o.Get("After")
		row := document.NewObject(document.Member{Key: "Change", Value: change(before, after)})
		for _, name := range []string{"KeyName", "Operation", "Target", "Time"} {
			v, _ := o.Get(name)
			row.Set(name, v)
		}
		if rows = append(rows, row); len(rows) == most {
			if err := draw(); err != nil {
				return err
			}
			drawn = true
		}
	}
	if drawn && len(rows) == 0 {
		return nil
	}
	return draw()
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
	const most = 80
	for i, m := range from.Members() {
		if i > 0 {
			b.WriteByte(',')
		}
		was, is := quoted(m.Value), m.Value
		if v, ok := to.Get(m.Key); ok {
			is = v
		}
		b.WriteString(" " + m.Key + " " + was)
		if now := quoted(is); now != was {
			b.WriteString(" -> " + now)
		}
	}
	text := []rune(strings.TrimSpace(b.String()))
	if len(text) > most {
		text = append(text[:most-3], []rune("...")...)
	}
	return string(text)
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return string(document.AppendCompact(nil, v))
}
