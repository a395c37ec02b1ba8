package carillon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/sheet"
	"github.com/carillon-project/carillon/internal/store"
)

// audit is `carillon audit`.
func (p *program) audit(ctx context.Context, args []string) error {
	c := p.onStore("audit", "prints the audit trail: who changed what, from what, to what. The oldest change comes first.\n\n"+
		"Flags together narrow the choice. A date begins at midnight UTC, a duration such as 7d or 12h counts back\n"+
		"from now. The table is for reading; json and csv have all that is kept. csv is safe to open in a\n"+
		"spreadsheet: a cell that would be run as a formula has a ' in front.\n\n"+
		"carillon audit prune removes old records.", "table", "json", "csv")
	var query directory.AuditQuery
	c.StringVar(&query.User, "user", "", "`USER` who was changed: an id, or an e-mail address that the user has or had")
	c.StringVar(&query.AccountID, "account-id", "", "`ID` of the account that was changed, or in which something was")
	c.StringVar(&query.AWSAccountID, "aws-account-id", "", "`ID` of the AWS account (default all)")
	c.StringVar(&query.Key, "key", "", "`KEY` that made the change: its id, its name, or operator/USER")
	c.StringVar(&query.Job, "job", "", "`ID` of the bulk job that made the change")
	c.moment(&query.Since, "since", -1, "`WHEN` to begin: a date, a time or a duration")
	c.moment(&query.Until, "until", -1, "`WHEN` to end, that moment excluded")
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		records := operator(st).Audit(ctx, query)
		w := bufio.NewWriterSize(p.stdout, 1<<16)
		var err error
		switch c.format {
		case "json":
			err = auditJSON(w, records)
		case "csv":
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

// auditPrune is `carillon audit prune`.
func (p *program) auditPrune(ctx context.Context, args []string) error {
	c := p.onStore("audit prune", "removes the records from before a time, and prints how many.\n\n"+
		"They are gone for good: export them first, as by carillon audit --until DATE --output csv. That they\n"+
		"were removed is in the audit trail.", "json", "table")
	var before time.Time
	c.moment(&before, "before", -1, "`WHEN` the records to keep begin: a date (it begins at midnight UTC), a time, or a duration such as 90d before now")
	c.required = append(c.required, "before")
	owner := c.String("aws-account-id", "", "`ID` of the AWS account (default all)")
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		n, err := operator(st).PruneAudit(ctx, *owner, before)
		if err != nil && n == 0 {
			return err
		}
		return errors.Join(err, c.print("PruneAudit", document.NewObject(
			document.Member{Key: "Before", Value: timestamp(before)},
			document.Member{Key: "RecordsRemoved", Value: document.Int(n)},
		)))
	})
}
