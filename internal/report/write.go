package report

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Kinds returns the licenses that the seats of an account have or had, Basic first.
func (a *AccountSeats) Kinds() []string { return slices.Sorted(maps.Keys(a.Licenses)) }

// Total returns the seats of all licenses.
func (a *AccountSeats) Total() Seats {
	var sum Seats
	for _, s := range a.Licenses {
		sum.Users += s.Users
		sum.Invited += s.Invited
		sum.Suspended += s.Suspended
		sum.Change += s.Change
	}
	return sum
}

// Sum returns the seats of all accounts, or nil if there is one account or none.
func (r *Report) Sum() *AccountSeats {
	if len(r.Accounts) < 2 {
		return nil
	}
	sum := &AccountSeats{NamedAccount: bulk.NamedAccount{ID: "all accounts"}, Licenses: map[string]*Seats{}}
	for _, a := range r.Accounts {
		sum.Rooms += a.Rooms
		sum.Bots += a.Bots
		for license, s := range a.Licenses {
			all := sum.of(license)
			all.Users += s.Users
			all.Invited += s.Invited
			all.Suspended += s.Suspended
			all.Change += s.Change
		}
	}
	return sum
}

// Blocks returns the accounts with their sum at the end.
func (r *Report) Blocks() []*AccountSeats {
	if sum := r.Sum(); sum != nil {
		return append(slices.Clone(r.Accounts), sum)
	}
	return r.Accounts
}

// Others says how many rooms and bots an account has, "" if it has none.
func (a *AccountSeats) Others() string {
	if a.Rooms+a.Bots == 0 {
		return ""
	}
	return fmt.Sprintf("chat rooms: %d, bots: %d", a.Rooms, a.Bots)
}

// Tells reports whether the report tells of what an operation lists.
func (r *Report) Tells(operation string) bool { return !slices.Contains(r.Denied, operation) }

// Title says what the report is about.
func (r *Report) Title() string {
	return "seats at " + r.URL + ", " + r.Time.Local().Format("2006-01-02 15:04")
}

// Compares reports whether the report tells of changes.
func (r *Report) Compares() bool { return !r.Since.IsZero() }

// Begin is the moment from which changes are told.
func (r *Report) Begin() time.Time {
	if r.Pruned.After(r.Since) {
		return r.Pruned
	}
	return r.Since
}

// From is Begin for people at this machine.
func (r *Report) From() string { return r.Begin().Local().Format("2006-01-02 15:04 MST") }

// Signed shows a change with its sign.
func (s Seats) Signed() string {
	if s.Change == 0 {
		return "0"
	}
	return fmt.Sprintf("%+d", s.Change)
}

// WriteTable writes the report for a screen.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Title())
	for _, a := range r.Blocks() {
		fmt.Fprintf(&b, "\n%v\n", a)
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		heads := []string{"license", "seats", "invited", "suspended"}
		if r.Compares() {
			heads = append(heads, "change")
		}
		row := func(license string, s Seats) {
			cells := []string{license, strconv.Itoa(s.Users), strconv.Itoa(s.Invited), strconv.Itoa(s.Suspended)}
			if r.Compares() {
				cells = append(cells, s.Signed())
			}
			fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
		}
		fmt.Fprintln(t, strings.Join(heads, "\t")+"\t")
		for _, license := range a.Kinds() {
			row(sheet.Visible(license), *a.Licenses[license])
		}
		row("total", a.Total())
		t.Flush()
		if others := a.Others(); others != "" {
			fmt.Fprintln(&b, "  "+others)
		}
	}
	if r.Numbers != nil {
		fmt.Fprintln(&b, "\nphone numbers")
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "assigned\tunassigned\tother\t  product")
		for _, n := range r.Numbers {
			fmt.Fprintf(t, "%d\t%d\t%d\t  %s\n", n.Assigned, n.Unassigned, n.Other, sheet.Visible(n.ProductType))
		}
		t.Flush()
	}
	if r.Compares() {
		fmt.Fprintf(&b, "\nchanged since %s, by key\n", r.From())
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		if r.ChangedBy != nil {
			fmt.Fprintln(t, "users\tchanges\t  key")
		}
		for _, by := range r.ChangedBy {
			fmt.Fprintf(t, "%d\t%d\t  %s\n", by.Users, by.Changes, sheet.Visible(by.Key))
		}
		t.Flush()
		if r.ChangedBy == nil {
			fmt.Fprintln(&b, "  nobody")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes a line for each license of each account, and of nothing else: it is a table of
// seats.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"AccountId", "Account", "LicenseType", "Seats", "Invited", "Suspended", "Change"})
	for _, a := range r.Accounts {
		kinds := a.Kinds()
		if len(kinds) == 0 {
			out.Write([]string{sheet.Guard(a.ID), sheet.Guard(a.Name), "", "0", "0", "0", ""})
		}
		for _, license := range kinds {
			s := a.Licenses[license]
			change := ""
			if r.Compares() {
				change = strconv.Itoa(s.Change)
			}
			out.Write([]string{sheet.Guard(a.ID), sheet.Guard(a.Name), sheet.Guard(license), strconv.Itoa(s.Users), strconv.Itoa(s.Invited), strconv.Itoa(s.Suspended), change})
		}
	}
	out.Flush()
	return out.Error()
}

// Document returns the report for programs. Since, Change and ChangedBy are missing where nothing
// is told of changes. RemovedBefore is there if the trail has lost what is from before it. What the
// key may not list is missing.
func (r *Report) Document() *document.Object {
	at := func(t time.Time) string { return api.FormatTime(t) }
	accounts, changers := []any{}, []any{}
	for _, a := range r.Accounts {
		licenses := []any{}
		for _, license := range a.Kinds() {
			s := a.Licenses[license]
			o := document.NewObject(
				document.Member{Key: "LicenseType", Value: license},
				document.Member{Key: "Seats", Value: document.Int(s.Users)},
				document.Member{Key: "Invited", Value: document.Int(s.Invited)},
				document.Member{Key: "Suspended", Value: document.Int(s.Suspended)},
			)
			if r.Compares() {
				o.Set("Change", document.Int(s.Change))
			}
			licenses = append(licenses, o)
		}
		account := document.NewObject(
			document.Member{Key: "AccountId", Value: a.ID},
			document.Member{Key: "Name", Value: a.Name},
			document.Member{Key: "Licenses", Value: licenses},
		)
		if r.Tells("ListRooms") {
			account.Set("Rooms", document.Int(a.Rooms))
		}
		if r.Tells("ListBots") {
			account.Set("Bots", document.Int(a.Bots))
		}
		accounts = append(accounts, account)
	}
	products := []any{}
	for _, n := range r.Numbers {
		products = append(products, document.NewObject(
			document.Member{Key: "ProductType", Value: n.ProductType},
			document.Member{Key: "Assigned", Value: document.Int(n.Assigned)},
			document.Member{Key: "Unassigned", Value: document.Int(n.Unassigned)},
			document.Member{Key: "Other", Value: document.Int(n.Other)},
		))
	}
	o := document.NewObject(document.Member{Key: "Endpoint", Value: r.URL}, document.Member{Key: "Time", Value: at(r.Time)})
	if r.Compares() {
		o.Set("Since", at(r.Since))
		if !r.Pruned.IsZero() {
			o.Set("RemovedBefore", at(r.Pruned))
		}
	}
	o.Set("Accounts", accounts)
	if r.Tells("ListPhoneNumbers") {
		o.Set("PhoneNumbers", products)
	}
	if r.Compares() {
		for _, by := range r.ChangedBy {
			changers = append(changers, document.NewObject(
				document.Member{Key: "KeyName", Value: by.Key},
				document.Member{Key: "Users", Value: document.Int(by.Users)},
				document.Member{Key: "Changes", Value: document.Int(by.Changes)},
			))
		}
		o.Set("ChangedBy", changers)
	}
	return o
}

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Parse(reportHTML))

// WriteHTML writes the report as a page that stands by itself.
func (r *Report) WriteHTML(w io.Writer) error { return reportPage.Execute(w, r) }
