package carillon

import (
	"fmt"
	"io"
	"strings"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
)

// How plans and jobs are reported: as text for people, or as one JSON object for programs.

// bulkReport says how a command reports.
type bulkReport struct {
	Format string // formatText or formatJSON
	Quiet  bool
}

// flags declares the flags of a report.
func (o *bulkReport) flags(f *flags) {
	outputFlag(f, &o.Format, formatText, formatJSON)
	f.toggle(&o.Quiet, "quiet", "print nothing but errors, and the result that --output json asks for")
}

// text returns where results go as text.
func (r *bulkRun) text() io.Writer {
	if r.Quiet || r.Format == formatJSON {
		return io.Discard
	}
	return r.stdout
}

// notes returns where people are told what is no error.
func (r *bulkRun) notes() io.Writer {
	if r.Quiet {
		return io.Discard
	}
	return r.stderr
}

// result prints a result as JSON, if that is asked for.
func (r *bulkRun) result(v *document.Object) error {
	if r.Format != formatJSON {
		return nil
	}
	return r.print(formatJSON, "", v)
}

// nameFailures says why rows of a job failed.
func (r *bulkRun) nameFailures(l *bulk.Ledger) {
	for _, line := range r.failures(l) {
		fmt.Fprintln(r.stderr, "carillon:", line)
	}
}

// failures says why rows of a job failed, by reasons, with a few examples.
func (r *bulkRun) failures(l *bulk.Ledger) (lines []string) {
	const most = 10
	list := l.Failures()
	for _, f := range list[:min(len(list), most)] {
		names := make([]string, len(f.Some))
		for i, row := range f.Some {
			if names[i] = row.Name(); names[i] == "" {
				names[i] = strings.TrimSuffix(place(l.Source, row), ": ")
			}
		}
		if more := f.Count - len(f.Some); more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		lines = append(lines, fmt.Sprintf("%d failed: %s: %s (%s)", f.Count, f.Code, f.Message, strings.Join(names, ", ")))
	}
	if len(list) > most {
		rest := 0
		for _, f := range list[most:] {
			rest += f.Count
		}
		lines = append(lines, fmt.Sprintf("%d failed for %d other reasons: %s lists them", rest, len(list)-most, r.command("rejects", l.Path)))
	}
	return lines
}

// headDocument begins a result: what it is about, in the words of a ledger.
func headDocument(h *bulk.Head) *document.Object {
	o := new(document.Object)
	setTexts(o, "action", string(h.Action), "account", h.Account, "name", h.Name, "type", h.Type, "endpoint", h.Endpoint,
		"source", h.Source, "job", h.Job, "undoes", h.Undoes, "by", h.By)
	return o
}

// setTexts sets members, given as names and values in turn, that are not empty.
func setTexts(o *document.Object, members ...string) {
	for i := 0; i < len(members); i += 2 {
		if members[i+1] != "" {
			o.Set(members[i], members[i+1])
		}
	}
}

// planDocument is a plan as `bulk plan --output json` prints it.
func planDocument(p *bulk.Plan) *document.Object {
	o := headDocument(&p.Head)
	o.Set("planned", document.Int(p.Count(bulk.Planned)))
	o.Set("same", document.Int(p.Same))
	o.Set("skipped", document.Int(p.Guarded+p.Count(bulk.Skipped)))
	o.Set("failed", document.Int(p.Count(bulk.Failed)))
	o.Set("members", document.Int(p.Members))
	o.Set("seats", seatsDocument(p))
	excluded := make([]any, len(p.Excluded))
	for i, e := range p.Excluded {
		excluded[i] = document.NewObject(document.Member{Key: "by", Value: e.By}, document.Member{Key: "rows", Value: document.Int(e.Rows)})
	}
	o.Set("excluded", excluded)
	unused := make([]any, len(p.Unused))
	for i, u := range p.Unused {
		unused[i] = u.Name
	}
	o.Set("unused", unused)
	remarks := make([]any, len(p.Remarks))
	for i, text := range p.Remarks {
		remarks[i] = text
	}
	o.Set("remarks", remarks)
	setTexts(o, "unchecked", p.Unchecked)
	rows := make([]any, len(p.Rows))
	for i := range p.Rows {
		rows[i] = rowDocument(&p.Rows[i])
	}
	o.Set("rows", rows)
	return o
}

// jobDocument is the result of a job as `--output json` prints it. The ledger has no path if the
// job did not begin, since nothing was to be changed. resume is the command that goes on with it.
func jobDocument(l *bulk.Ledger, outcome bulk.Outcome, ended error, resume string) *document.Object {
	o := headDocument(&l.Head)
	setTexts(o, "outcome", string(outcome), "ledger", l.Path)
	o.Set("done", document.Int(l.Count(bulk.Done)))
	o.Set("failed", document.Int(l.Count(bulk.Failed)))
	o.Set("skipped", document.Int(l.Guarded+l.Count(bulk.Skipped)))
	o.Set("left", document.Int(l.Unfinished()))
	o.Set("same", document.Int(l.Same))
	o.Set("failures", failuresDocument(l))
	if ended != nil {
		o.Set("error", ended.Error())
	}
	if l.Unfinished() > 0 {
		o.Set("resume", resume)
	}
	return o
}

// failuresDocument has the rows that failed, by reasons.
func failuresDocument(l *bulk.Ledger) []any {
	failures := []any{}
	for _, f := range l.Failures() {
		some := make([]any, len(f.Some))
		for i, row := range f.Some {
			some[i] = rowDocument(row)
		}
		each := new(document.Object)
		setTexts(each, "code", f.Code, "message", f.Message)
		each.Set("count", document.Int(f.Count))
		each.Set("rows", some)
		failures = append(failures, each)
	}
	return failures
}

// seatsDocument has the licenses of which the number of seats is known.
func seatsDocument(p *bulk.Plan) []any {
	list := make([]any, len(p.Seats))
	for i, s := range p.Seats {
		list[i] = document.NewObject(
			document.Member{Key: "license", Value: s.License},
			document.Member{Key: "before", Value: document.Int(s.Before)},
			document.Member{Key: "after", Value: document.Int(s.After)},
		)
	}
	return list
}

// rowDocument is a row in the words of a ledger.
func rowDocument(r *bulk.Row) *document.Object {
	o := document.NewObject(document.Member{Key: "row", Value: document.Int(r.Number)})
	if r.Line > 0 {
		o.Set("line", document.Int(r.Line))
	}
	o.Set("status", string(r.Status))
	setTexts(o, "user", r.User, "email", r.Email)
	if r.Status != bulk.Failed && r.Status != bulk.Skipped {
		o.Set("from", valuesDocument(r.From))
	}
	o.Set("to", valuesDocument(r.To))
	setTexts(o, "code", r.Code, "message", r.Message)
	return o
}

func valuesDocument(v bulk.Values) *document.Object {
	o := new(document.Object)
	for _, e := range v {
		o.Set(e.Field.String(), e.Text)
	}
	return o
}
