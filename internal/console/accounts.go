package console

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// accountsShown is the number of accounts on a page.
const accountsShown = 20

// accountsPage lists accounts. To count many users takes a while, so the page that has the counts
// is another one, which a script asks for at once.
type accountsPage struct {
	Accounts []countedAccount
	Name     string // what their names begin with, as somebody has searched
	Counted  bool
	Count    string // the query of this page with counts, empty if it has them, or the key may not count
	Next     string // the query of the page that follows, empty at the end

	New     string // the name of an account that somebody wants to create
	Problem string
}

type countedAccount struct {
	*document.Object
	Seats *seats // nil if users were not counted
}

// CountedAt returns when users were counted: the service repeats what it has counted for a while,
// and of several times this is the first.
func (p *accountsPage) CountedAt() (first string) {
	for _, a := range p.Accounts {
		if a.Seats != nil && (first == "" || a.Seats.Time < first) { // all have one form
			first = a.Seats.Time
		}
	}
	return first
}

func (c *Console) accounts(v *visit) error {
	p, err := v.accountsPage()
	if err != nil {
		return err
	}
	return v.show("accounts", p)
}

func (v *visit) accountsPage() (*accountsPage, error) {
	p := &accountsPage{Name: v.r.FormValue("name")}
	token := v.r.FormValue("next")
	p.Counted, p.Count = v.counts(url.Values{"name": {p.Name}, "next": {token}})
	out, err := v.call("ListAccounts", input("Name", p.Name, "MaxResults", document.Int(accountsShown), "NextToken", token))
	if err != nil {
		return nil, err
	}
	if token := out.Text("NextToken"); token != "" {
		p.Next = "?" + url.Values{"name": {p.Name}, "next": {token}}.Encode()
	}
	for _, o := range objects(out, "Accounts") {
		counted := countedAccount{Object: o}
		if p.Counted {
			if counted.Seats, err = v.seats(o.Text("AccountId")); err != nil {
				return nil, err
			}
		}
		p.Accounts = append(p.Accounts, counted)
	}
	return p, nil
}

// counts reports whether a page is asked for with counts of users. If not, and the key may count,
// it returns the query of the page with them.
func (v *visit) counts(query url.Values) (counted bool, count string) {
	if !v.may("CountUsers") {
		return false, ""
	}
	if v.r.FormValue("count") != "" {
		return true, ""
	}
	query.Set("count", "yes")
	return false, "?" + query.Encode()
}

// createAccount creates an account, and goes to its settings.
func (c *Console) createAccount(v *visit) (*change, error) {
	name := v.r.FormValue("new")
	return &change{
		Operation: "CreateAccount", Title: say("accounts.create.button"), page: "/accounts", said: "done.account-created",
		input: document.NewObject(document.Member{Key: "Name", Value: name}),
		again: func(problem string) error {
			p, err := v.accountsPage()
			if err != nil {
				return err
			}
			p.New, p.Problem = name, problem
			return v.showAgain("accounts", p)
		},
		then: func(out *document.Object) string {
			return local("/accounts/%s/settings", object(out, "Account").Text("AccountId"))
		},
	}, nil
}

// account returns the account that the path names.
func (v *visit) account() (ofAccount, error) {
	o, err := v.getAccount()
	return ofAccount{accountOf(o)}, err
}

func (v *visit) getAccount() (*document.Object, error) {
	out, err := v.call("GetAccount", input("AccountId", v.r.PathValue("account")))
	if err != nil {
		return document.NewObject(), err
	}
	return object(out, "Account"), nil
}

func accountOf(o *document.Object) *account {
	return &account{o.Text("AccountId"), o.Text("Name"), o.Text("AccountType"), o.Text("AccountStatus"), texts(o, "SupportedLicenses")}
}

// accountPage shows an account and its settings.
type accountPage struct {
	ofAccount
	Object   *document.Object
	Groups   []string         // sign-in delegate groups
	Settings *document.Object // nil if the key may not read them
	Seats    *seats           // nil if users were not counted
	Count    string           // the query of this page with counts

	Problem string
}

func (c *Console) accountSettings(v *visit) error {
	p, err := v.accountPage()
	if err != nil {
		return err
	}
	return v.show("account", p)
}

func (v *visit) accountPage() (*accountPage, error) {
	o, err := v.getAccount()
	if err != nil {
		return nil, err
	}
	p := &accountPage{ofAccount: ofAccount{accountOf(o)}, Object: o}
	for _, g := range objects(o, "SigninDelegateGroups") {
		p.Groups = append(p.Groups, g.Text("GroupName"))
	}
	if v.may("GetAccountSettings") {
		out, err := v.call("GetAccountSettings", input("AccountId", p.Account.ID))
		if err != nil {
			return nil, err
		}
		p.Settings = object(out, "AccountSettings")
	}
	counted := false
	if counted, p.Count = v.counts(url.Values{}); counted {
		p.Seats, err = v.seats(p.Account.ID)
	}
	return p, err
}

// On reports whether a setting of the account is on.
func (p *accountPage) On(setting string) bool {
	on, _ := p.Settings.Get(setting)
	return on == true
}

// changeAccount renames an account, or changes its default license or its settings. If it is
// refused, the page shows what was sent.
func (c *Console) changeAccount(v *visit) (*change, error) {
	p, err := v.accountPage()
	if err != nil {
		return nil, err
	}
	ch := &change{
		Operation: "UpdateAccount", About: p.Account.Name, account: p.Account, input: input("AccountId", p.Account.ID),
		page: local("/accounts/%s/settings", p.Account.ID), said: "done.account-changed",
		again: func(problem string) error {
			p.Problem = problem
			return v.showAgain("account", p)
		},
	}
	sent := func(member string) {
		ch.input.Set(member, v.r.FormValue(member))
		p.Object.Set(member, v.r.FormValue(member))
	}
	switch v.r.FormValue("do") {
	case "name":
		ch.Title = say("account.rename")
		sent("Name")
	case "license":
		ch.Title = say("account.license")
		sent("DefaultLicense")
	case "settings":
		ch.Operation, ch.Title = "UpdateAccountSettings", say("account.settings.save")
		p.Settings = document.NewObject(
			document.Member{Key: "DisableRemoteControl", Value: v.r.FormValue("DisableRemoteControl") != ""},
			document.Member{Key: "EnableDialOut", Value: v.r.FormValue("EnableDialOut") != ""},
		)
		ch.input.Set("AccountSettings", p.Settings)
	default:
		return nil, errNoChange()
	}
	return ch, nil
}

// seats are the users of an account, by license in the order of the API.
type seats struct {
	Users    int
	Licenses []seat
	States   []seat // by registration
	Time     string // when they were counted
}

type seat struct {
	Name  string
	Users int
}

// seats counts the users of an account.
func (v *visit) seats(accountID string) (*seats, error) {
	out, err := v.call("CountUsers", input("AccountId", accountID))
	if err != nil {
		return nil, err
	}
	s := &seats{Time: out.Text("Time")}
	byLicense, byState := map[string]int{}, map[string]int{}
	for _, o := range objects(out, "Counts") {
		value, _ := o.Get("Users")
		n, _ := value.(document.Number)
		users := int(n.Float64())
		s.Users += users
		byLicense[o.Text("License")] += users
		byState[o.Text("Registration")] += users
	}
	for _, name := range v.valuesOf("LicenseType") {
		s.Licenses = append(s.Licenses, seat{name, byLicense[name]})
	}
	for _, name := range v.valuesOf("UserRegistrationStatus") {
		s.States = append(s.States, seat{name, byState[name]})
	}
	return s, nil
}

// Bar shows how the users spread over the licenses. The numbers are beside it, in words.
func (s *seats) Bar() template.HTML {
	parts := make([]int, len(s.Licenses))
	for i, l := range s.Licenses {
		parts[i] = l.Users
	}
	return bar(parts)
}

// Text says how many users have which license, without those that nobody has.
func (s *seats) Text() string {
	var list []string
	for _, l := range s.Licenses {
		if l.Users > 0 {
			list = append(list, l.Name+" "+number(l.Users))
		}
	}
	return strings.Join(list, ", ")
}
