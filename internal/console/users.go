package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

// usersShown is the number of users on a page.
const usersShown = 50

// usersFilter is what narrows the list of users, as the form has it. Dates are days, the first and
// the last of a span.
type usersFilter struct {
	Text, License, Type, Registration                    string
	RegisteredFrom, RegisteredTo, InvitedFrom, InvitedTo string
}

// filterField is a field of the form.
type filterField struct {
	Name  string
	Value *string
}

func (f *usersFilter) fields() []filterField {
	return []filterField{
		{"text", &f.Text}, {"license", &f.License}, {"type", &f.Type}, {"registration", &f.Registration},
		{"registered-from", &f.RegisteredFrom}, {"registered-to", &f.RegisteredTo}, {"invited-from", &f.InvitedFrom}, {"invited-to", &f.InvitedTo},
	}
}

func usersFilterOf(r *http.Request) usersFilter {
	var f usersFilter
	for _, field := range f.fields() {
		*field.Value = strings.TrimSpace(r.FormValue(field.Name))
	}
	return f
}

// Fields returns the fields that narrow the list.
func (f *usersFilter) Fields() []filterField {
	return slices.DeleteFunc(f.fields(), func(field filterField) bool { return *field.Value == "" })
}

// Dates reports whether a date narrows the list.
func (f *usersFilter) Dates() bool {
	return f.RegisteredFrom+f.RegisteredTo+f.InvitedFrom+f.InvitedTo != ""
}

// search returns the filter as the input of SearchUsers. ok is false if a date is none.
func (f *usersFilter) search(account string) (in *document.Object, ok bool) {
	in = input("AccountId", account, "Text", f.Text, "License", f.License, "UserType", f.Type, "Registration", f.Registration)
	for _, date := range []struct {
		member, text string
		days         int // to be added, since the operation searches until before a moment
	}{
		{"RegisteredSince", f.RegisteredFrom, 0}, {"RegisteredUntil", f.RegisteredTo, 1},
		{"InvitedSince", f.InvitedFrom, 0}, {"InvitedUntil", f.InvitedTo, 1},
	} {
		if date.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, date.text)
		if err != nil {
			return in, false
		}
		in.Set(date.member, api.FormatTime(day.AddDate(0, 0, date.days)))
	}
	return in, true
}

// describe says which users pass.
func (f *usersFilter) describe() string {
	var values []string
	for _, field := range f.Fields() {
		values = append(values, field.Name+"="+*field.Value)
	}
	if len(values) == 0 {
		return say("users.what.everybody")
	}
	return say("users.what.matching", strings.Join(values, ", "))
}

// usersPage lists users of an account. The part "part-users" is what a search changes.
type usersPage struct {
	ofAccount
	Filter  usersFilter
	Problem string

	Users []*document.Object
	Found int    // the number of users shown, with those of the parts before this one
	Token string // of the page
	Next  string // the query of what follows, empty at the end
	First string // the query of the first page, empty if this is it
	Short bool   // the search has stopped before the page was full

	Types, Registrations []string
	Which, Do            string          // what somebody has chosen: to whom, and what
	Ticked               map[string]bool // ids of users
}

func (c *Console) listUsers(v *visit) error {
	p, err := v.usersPage()
	if err != nil {
		return err
	}
	return v.show("users", p)
}

// usersPage returns the page that the form of a request asks for.
func (v *visit) usersPage() (*usersPage, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	p := &usersPage{
		ofAccount: about, Filter: usersFilterOf(v.r), Token: v.r.FormValue("next"), Types: v.valuesOf("UserType"), Registrations: v.valuesOf("UserRegistrationStatus"),
		Which: v.r.FormValue("which"), Do: v.r.FormValue("do"), Ticked: map[string]bool{},
	}
	for _, id := range v.r.PostForm["user"] {
		p.Ticked[id] = true
	}
	in, ok := p.Filter.search(about.Account.ID)
	if !ok {
		p.Problem = say("users.date.bad")
		return p, nil
	}
	// A page that is short goes on, and asks for no more than it lacks.
	before, _ := strconv.Atoi(v.r.FormValue("found"))
	before = max(0, min(before, usersShown-1))
	in.Set("MaxResults", document.Int(usersShown-before))
	if p.Token != "" {
		in.Set("NextToken", p.Token)
		p.First = p.query()
	}
	out, err := v.call("SearchUsers", in)
	if problem, ok := corrigible(err); ok {
		p.Problem = problem
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.Users = objects(out, "Users")
	p.Found = before + len(p.Users)
	if token := out.Text("NextToken"); token != "" {
		if p.Short = p.Found < usersShown; p.Short {
			p.Next = p.query("next", token, "found", strconv.Itoa(p.Found))
		} else {
			p.Next = p.query("next", token)
		}
	}
	return p, nil
}

// Download returns the query of a file of the users who pass.
func (p *usersPage) Download(format bulk.Format) string { return p.query("format", string(format)) }

// Formats are those of such files.
func (*usersPage) Formats() []bulk.Format { return []bulk.Format{bulk.CSV, bulk.XLSX, bulk.JSONL} }

// query returns the filter as the query of an address, with other values.
func (p *usersPage) query(others ...string) string {
	q := url.Values{}
	for _, field := range p.Filter.Fields() {
		q.Set(field.Name, *field.Value)
	}
	for i := 0; i < len(others); i += 2 {
		q.Set(others[i], others[i+1])
	}
	return "?" + q.Encode()
}

// valuesOf returns the values that a member of a user can have.
func (v *visit) valuesOf(member string) []string {
	return v.Service.Operation("GetUser").Output.Member("User").Shape.Member(member).Shape.Enum
}

// whose names a user for people: by the address, or else by the name, or else by the id.
func whose(user *document.Object) string {
	return cmp.Or(user.Text("PrimaryEmail"), user.Text("DisplayName"), user.Text("UserId"))
}
