package console

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/report"
)

// A page of the trail has so many records at most, and takes so many calls at most to find them. It
// knows so many accounts by their names.
const (
	auditShown    = 50
	auditCalls    = 4
	accountsNamed = 100
)

// auditPage is a page of the trail, the newest record first.
type auditPage struct {
	Filter     auditFilter
	Records    []auditRow
	Next       string // the path of older records, empty at the end
	CSV, JSON  string // the paths of files of what the filter chooses
	Accounts   []*account
	Keys       []keyRow // to choose from; nil if the key may not list them
	Operations []string
	Problem    string
}

// auditFilter is what a form asks for. Times are in UTC, as a control of that kind sends them.
type auditFilter struct{ Key, User, Operation, Job, Account, Since, Until string }

// auditRow is a record in a list.
type auditRow struct {
	*document.Object
	Account string // its name, or its id; empty if it is about no account
	Changes changes
	Job     string
	IsKey   bool // the target is an access key
	IsUser  bool // the target is a user, whose page can be shown
}

func (c *Console) audit(v *visit) error {
	p := auditPage{Filter: filterOf(v.r.URL.Query()), Operations: slices.Sorted(slices.Values(directory.Operations()))}
	var err error
	if v.may("ListAccounts") {
		out, err := v.call("ListAccounts", input("MaxResults", document.Int(accountsNamed)))
		if err != nil {
			return err
		}
		for _, o := range objects(out, "Accounts") {
			p.Accounts = append(p.Accounts, &account{ID: o.Text("AccountId"), Name: o.Text("Name")})
		}
	}
	p.Filter.Account = idOf(p.Accounts, p.Filter.Account)
	query := p.Filter.query().Encode()
	p.CSV, p.JSON = "/audit.csv?"+query, "/audit.json?"+query
	if v.may("ListKeys") {
		if p.Keys, err = v.keyRows(); err != nil {
			return err
		}
	}
	in, problem := p.Filter.input()
	if problem != "" {
		p.Problem = problem
		return v.showAgain("audit", p)
	}
	in.Set("Newest", true)
	token := v.r.FormValue("token")
	calls := auditCalls
	if in.Text("Email") != "" { // for which a call looks at twice as many records
		calls /= 2
	}
	for range calls {
		in.Set("MaxResults", document.Int(auditShown-len(p.Records)))
		if in.Set("NextToken", token); token == "" {
			in.Delete("NextToken")
		}
		out, err := v.call("ReadAudit", in)
		if problem, ok := corrigible(err); ok {
			p.Problem = problem
			return v.showAgain("audit", p)
		}
		if err != nil {
			return err
		}
		for _, o := range objects(out, "AuditRecords") {
			p.Records = append(p.Records, v.auditRow(o, p))
		}
		if token = out.Text("NextToken"); token == "" || len(p.Records) >= auditShown {
			break
		}
	}
	if len(p.Records) == 0 && p.Filter.Operation != "" && !slices.Contains(p.Operations, p.Filter.Operation) {
		p.Problem = say("audit.operation.none", p.Filter.Operation)
	}
	if named := p.Filter.Account; len(p.Records) == 0 && named != "" && !slices.ContainsFunc(p.Accounts, func(a *account) bool { return a.ID == named }) {
		p.Problem = say("audit.account.none", named)
	}
	if token != "" {
		query := p.Filter.query()
		query.Set("token", token)
		p.Next = "/audit?" + query.Encode()
	}
	return v.show("audit", p)
}

// idOf returns the id of the account that a person has named, and any other text as it is.
func idOf(accounts []*account, text string) string {
	id := ""
	for _, a := range accounts {
		if a.ID == text || a.Name == text && id != "" { // two have the name
			return text
		}
		if a.Name == text {
			id = a.ID
		}
	}
	return cmp.Or(id, text)
}

func (v *visit) auditRow(o *document.Object, p auditPage) auditRow {
	row := auditRow{Object: o, Account: o.Text("AccountId"), Changes: changesOf(o.Text("Before"), o.Text("After"))}
	for _, a := range p.Accounts {
		if a.ID == row.Account {
			row.Account = a.Name
		}
	}
	for word := range strings.FieldsSeq(o.Text("UserAgent")) {
		if job, ok := strings.CutPrefix(word, "job/"); ok {
			row.Job = job
		}
	}
	if slices.Contains([]string{"BeginJob", "EndJob"}, o.Text("Operation")) {
		row.Job = o.Text("Target")
	}
	row.IsKey = slices.ContainsFunc(p.Keys, func(k keyRow) bool { return k.Text("KeyId") == o.Text("Target") })
	row.IsUser = o.Text("TargetEmail") != "" && o.Text("AccountId") != "" && v.may("GetUser")
	return row
}

// filterOf reads what the form has sent.
func filterOf(q url.Values) auditFilter {
	text := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return auditFilter{text("key"), text("user"), text("operation"), text("job"), text("account"), text("since"), text("until")}
}

func (f auditFilter) members() [][2]string {
	return [][2]string{{"key", f.Key}, {"user", f.User}, {"operation", f.Operation}, {"job", f.Job}, {"account", f.Account}, {"since", f.Since}, {"until", f.Until}}
}

// query is the filter as the form sends it.
func (f auditFilter) query() url.Values {
	q := url.Values{}
	for _, m := range f.members() {
		if m[1] != "" {
			q.Set(m[0], m[1])
		}
	}
	return q
}

// input makes a filter the input of ReadAudit. Otherwise it says what is wrong with it.
func (f auditFilter) input() (in *document.Object, problem string) {
	in = input("Key", f.Key, "Operation", f.Operation, "Job", f.Job, "AccountId", f.Account)
	if strings.Contains(f.User, "@") {
		in.Set("Email", f.User)
	} else if f.User != "" {
		in.Set("Target", f.User)
	}
	for name, text := range map[string]string{"Since": f.Since, "Until": f.Until} {
		if text == "" {
			continue
		}
		at, ok := momentOf(text)
		if !ok {
			return nil, say("audit.time", text)
		}
		in.Set(name, api.FormatTime(at))
	}
	return in, ""
}

// momentOf reads a date or a time, in UTC unless it says otherwise.
func momentOf(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, time.DateOnly, "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// auditCSV and auditJSON send all records that a filter chooses, the newest first, while they are
// read.
func (c *Console) auditCSV(v *visit) error {
	return v.sendTrail(bulk.CSV, report.WriteTrailCSV)
}

func (c *Console) auditJSON(v *visit) error {
	return v.sendTrail(listFile, func(w io.Writer, entries iter.Seq2[directory.AuditEntry, error]) error {
		return report.WriteList(w, "AuditRecords", func(yield func(*document.Object, error) bool) {
			for e, err := range entries {
				if !yield(directory.AuditDocument(e), err) {
					return
				}
			}
		})
	})
}

func (v *visit) sendTrail(format bulk.Format, write func(io.Writer, iter.Seq2[directory.AuditEntry, error]) error) error {
	in, problem := filterOf(v.r.URL.Query()).input()
	if problem != "" {
		return v.redirect("/audit?" + v.r.URL.RawQuery) // which says so
	}
	in.Set("Newest", true)
	return v.download("audit-"+v.Clock().UTC().Format(time.DateOnly), format, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 64<<10)
		if err := write(b, report.Trail(v.r.Context(), v.each, in)); err != nil {
			return err
		}
		return b.Flush()
	})
}

// each is a [report.Pages].
func (v *visit) each(ctx context.Context, op *model.Operation, in *document.Object, list string, fn func(*document.Object) error) error {
	for {
		reply, err := v.patiently(ctx, op, in)
		if err != nil {
			return err
		}
		for _, o := range objects(reply.Output, list) {
			if err := fn(o); err != nil {
				return err
			}
		}
		token := reply.Output.Text("NextToken")
		if token == "" {
			return nil
		}
		if token == in.Text("NextToken") {
			return errors.New("the listing of " + op.Name + " does not end")
		}
		in.Set("NextToken", token)
	}
}
