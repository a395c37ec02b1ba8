package console

import (
	"cmp"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/report"
)

// reportedAccounts is how many accounts a report is about at most, unless one is chosen.
const reportedAccounts = 100

// reportPage is what `carillon report` tells, on a page.
type reportPage struct {
	Account, Since string // what the report is narrowed to, and since when it compares
	Accounts       []bulk.NamedAccount
	More           bool // there are more accounts than the report is about
	Report         *report.Report
	History        *growth
	CSV            string // the path of a file with the same
	Problem        string
}

func (c *Console) report(v *visit) error {
	p, err := v.reportPage()
	if err != nil {
		return err
	}
	if p.Problem != "" {
		return v.showAgain("report", p)
	}
	return v.show("report", p)
}

func (c *Console) reportCSV(v *visit) error {
	p, err := v.reportPage()
	if err != nil {
		return err
	}
	if p.Problem != "" {
		return v.showAgain("report", p)
	}
	return v.download("report-"+v.Clock().UTC().Format(time.DateOnly), bulk.CSV, func(w io.Writer) error { return p.Report.WriteCSV(w) })
}

func (v *visit) reportPage() (*reportPage, error) {
	p := &reportPage{Account: v.r.FormValue("account"), Since: v.r.FormValue("since")}
	query := auditFilter{Account: p.Account, Since: p.Since}.query()
	p.CSV = "/report.csv?" + query.Encode()
	out, err := v.call("ListAccounts", input("MaxResults", document.Int(reportedAccounts)))
	if err != nil {
		return nil, err
	}
	p.More = out.Text("NextToken") != ""
	for _, o := range objects(out, "Accounts") {
		p.Accounts = append(p.Accounts, namedAccount(o))
	}
	about := p.Accounts
	if p.Account != "" {
		about = slices.DeleteFunc(slices.Clone(p.Accounts), func(a bulk.NamedAccount) bool { return a.ID != p.Account })
		if len(about) == 0 { // one that is not in the list
			out, err := v.call("GetAccount", input("AccountId", p.Account))
			if err != nil {
				return nil, err
			}
			about = []bulk.NamedAccount{namedAccount(object(out, "Account"))}
		}
		p.More = false
	}
	p.Report = &report.Report{Service: v.Service, URL: v.Endpoint, Time: v.ServiceClock().UTC()}
	if p.Since != "" {
		since, ok := momentOf(p.Since)
		if !ok || since.After(p.Report.Time) {
			p.Problem = say("report.since.wrong", p.Since)
			return p, nil
		}
		p.Report.Since = since
	}
	for _, a := range about {
		out, err := v.call("CountUsers", input("AccountId", a.ID))
		if err != nil {
			return nil, err
		}
		seats := p.Report.Add(a)
		for _, o := range objects(out, "Counts") {
			users, _ := o.Get("Users")
			n, _ := users.(document.Number)
			seats.Add(o.Text("License"), o.Text("Registration"), int(n.Float64()))
		}
	}
	if err := p.Report.CountOthers(v.r.Context(), v.each, p.Account != ""); err != nil {
		return nil, err
	}
	if p.Report.Compares() {
		if err := p.Report.Compare(v.r.Context(), v.each); err != nil {
			return nil, err
		}
		p.History = chartOf(p.Report.History())
	}
	return p, nil
}

func namedAccount(o *document.Object) bulk.NamedAccount {
	return bulk.NamedAccount{ID: o.Text("AccountId"), Name: o.Text("Name"), Type: o.Text("AccountType")}
}

// growth is how seats by license went, as a chart and as a table of some of its days.
type growth struct {
	Licenses []string
	Chart    template.HTML
	Days     []report.Day
}

// daysTold is how many days the table of a chart has at most.
const daysTold = 12

// chartOf draws a line for each license, in the colors l1, l2, ... of the style sheet.
func chartOf(days []report.Day) *growth {
	if len(days) == 0 {
		return nil
	}
	g := &growth{}
	licenses := map[string]bool{}
	most := 1
	for _, d := range days {
		for license, n := range d.Seats {
			licenses[license] = true
			most = max(most, n)
		}
	}
	g.Licenses = slices.Sorted(maps.Keys(licenses))
	const width, height = 1000, 200
	var b strings.Builder
	b.WriteString(`<svg class="chart" viewBox="0 0 1000 200" preserveAspectRatio="none" aria-hidden="true" focusable="false">`)
	for i, license := range g.Licenses {
		b.WriteString(`<polyline class="l` + strconv.Itoa(i%4+1) + `" points="`)
		for at, d := range days {
			x, y := at*width/max(1, len(days)-1), height-max(0, d.Seats[license])*(height-4)/most-2
			b.WriteString(strconv.Itoa(x) + "," + strconv.Itoa(y) + " ")
			if len(days) == 1 {
				b.WriteString(strconv.Itoa(width) + "," + strconv.Itoa(y))
			}
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg>`)
	g.Chart = template.HTML(b.String())
	for i := range min(daysTold, len(days)) {
		g.Days = append(g.Days, days[len(days)-1-i*max(1, len(days)-1)/max(1, min(daysTold, len(days))-1)])
	}
	slices.SortFunc(g.Days, func(a, b report.Day) int { return cmp.Compare(a.Date, b.Date) })
	return g
}
