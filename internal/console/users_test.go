package console_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/store"
)

var listed = regexp.MustCompile(`>(\S+@\S+)</a>`)

var onward = regexp.MustCompile(`href="/console/ui([^"]+)" (?:rel="next"|data-more)`)

// enterprise adds an account in which everything can be done.
func (s *service) enterprise(t testing.TB, name string) string {
	t.Helper()
	account, err := s.operator.CreateAccount(t.Context(), awsAccount, name, api.AccountTypeEnterpriseLWA)
	if err != nil {
		t.Fatal(err)
	}
	return account.AccountId
}

// people adds registered users to an account: person0@example.com, whose id is u0, and so on.
// Every third has the license Basic.
func (s *service) people(t testing.TB, account string, n int) {
	t.Helper()
	all := make([]store.User, n)
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range all {
		all[i] = store.User{
			AccountID: account, UserID: fmt.Sprint("u", i), Email: fmt.Sprintf("person%d@example.com", i), DisplayName: fmt.Sprint("Person ", i),
			License: []string{"Basic", "Pro", "Pro"}[i%3], Type: "PrivateUser", Registration: string(api.RegistrationStatusRegistered), RegisteredOn: since.Add(time.Duration(i) * time.Minute),
			PersonalPIN: fmt.Sprintf("%010d", i),
		}
	}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertUsers(all) }); err != nil {
		t.Fatal(err)
	}
}

// A list is read page by page, and by parts where a page has found too little.
func TestUsers_Pages(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	const n = store.SearchRows + 5000
	s.people(t, account, n)
	p := s.person(t, s.root)
	users := "/accounts/" + account + "/users"
	begins := func(i int, digits string) bool { return strings.HasPrefix(fmt.Sprint(i), digits) }
	for query, passes := range map[string]func(i int) bool{
		"text=PERSON49&license=Basic":                                    func(i int) bool { return begins(i, "49") && i%3 == 0 },
		"text=son+24&license=Pro":                                        func(i int) bool { return begins(i, "24") && i%3 != 0 },
		"text=son+2&registered-from=2026-01-02&registered-to=2026-01-02": func(i int) bool { return begins(i, "2") && i/1440 == 1 },
		"registered-to=2026-01-01":                                       func(i int) bool { return i/1440 == 0 },
		"text=zzz":                                                       func(i int) bool { return false },
	} {
		var want, found []string
		for i := range n {
			if passes(i) {
				want = append(want, fmt.Sprintf("person%d@example.com", i))
			}
		}
		for path := users + "?" + query; path != ""; {
			page := p.get(path)
			p.has(page, 200, "Users")
			text := html.UnescapeString(page.text)
			for _, m := range listed.FindAllStringSubmatch(text, -1) {
				found = append(found, m[1])
			}
			if path = ""; onward.MatchString(text) {
				path = onward.FindStringSubmatch(text)[1]
			}
		}
		slices.Sort(want)
		slices.Sort(found)
		if !slices.Equal(found, want) {
			t.Errorf("%s lists %d users, want %d", query, len(found), len(want))
		}
	}
	p.has(p.get(users+"?registered-from=yesterday"), 200, "A date must be like 2026-03-01.")
	p.has(p.get(users+"?license=Gold"), 200, "Gold", "Search")
}

// Whoever is chosen on a page gets into the plan, and nobody else.
func TestUsers_Plan(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 500)
	p := s.person(t, s.root)
	users := "/accounts/" + account + "/users"
	pro := []string{"do", "LicenseType=Pro"}
	for _, c := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"ticked", []string{"which", "ticked", "user", "u0", "shown", "u3"}, []string{"1 selected user", "To change 1 of 500 users", "person0@example.com"}},
		{"the page", []string{"which", "shown", "user", "u0", "shown", "u3"}, []string{"1 selected user", "To change 1 of 500 users", "person3@example.com"}},
		{"all that match", []string{"which", "all", "text", "person4", "user", "u0"}, []string{"users that match text=person4", "To change 36 of 500 users", "As they should be 75"}},
		{"everybody", []string{"which", "all"}, []string{"all users of the account", "To change 167 of 500 users"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := p.post(users, append(c.fields, pro...)...)
			p.has(p.awaited(plan), 200, c.want...)
		})
	}
	p.has(p.post(users, append([]string{"which", "ticked"}, pro...)...), 422, "Select at least one user.")
	p.has(p.post(users, "which", "ticked", "user", "u0", "do", "LicenseType="), 422, "Choose what to do.")
	p.has(p.post(users, "which", "ticked", "user", "u0", "do", "invite"), 422, "Choose what to do.")
}

func TestInvite(t *testing.T) {
	s := start(t, nil)
	team, err := s.operator.CreateAccount(t.Context(), awsAccount, "Team", api.AccountTypeTeam)
	if err != nil {
		t.Fatal(err)
	}
	p := s.person(t, s.root)
	at := "/accounts/" + team.AccountId + "/invite"
	plan := p.post(at, "addresses", "a@example.com; Berg, Ana <b@example.com>,c@example.com\r\nd@example.com e@example.com;\n<f@example.com>")
	p.has(p.awaited(plan), 200, "To change 6 As they should be", "a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com")
	p.has(p.post(at, "addresses", " ;\n"), 422, "Enter at least one e-mail address.")
}

func TestUser_Changes(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 3)
	number := store.PhoneNumber{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertPhoneNumbers([]store.PhoneNumber{number}) }); err != nil {
		t.Fatal(err)
	}
	p := s.person(t, s.root)
	user := "/accounts/" + account + "/users/u0"
	page := p.get(user)
	p.has(page, 200, "person0@example.com", "0000000000", "The audit trail has no records of this user.")
	if !strings.Contains(page.text, `<option value="&#43;12065550100">`) {
		t.Errorf("the number is not offered: %s", page.text)
	}
	p.has(p.get(user+"/change/ask?do=license&LicenseType=Pro"), 200, "person0@example.com gets the license Pro.",
		"aws chime update-user --account-id "+account+" --user-id u0 --license-type Pro")
	for _, change := range []struct{ fields, want []string }{
		{[]string{"do", "license", "LicenseType", "Pro"}, []string{"The license has been changed.", "LicenseType Basic Pro"}},
		{[]string{"do", "type", "UserType", "SharedDevice"}, []string{"The type has been changed.", "UserType PrivateUser SharedDevice"}},
		{[]string{"do", "give-number", "E164PhoneNumber", " +12065550100"}, []string{"The user has the phone number.", "PrimaryProvisionedNumber +12065550100"}},
		{[]string{"do", "calling", "OutboundCalling", "on"}, []string{"The calling settings have been changed.", "OutboundCalling False True"}},
		{[]string{"do", "take-number"}, []string{"The user no longer has a phone number."}},
		{[]string{"do", "pin"}, []string{"The user has a new PIN."}},
		{[]string{"do", "logout"}, []string{"The user has been logged out."}},
		{[]string{"do", "suspend"}, []string{"The user has been suspended.", "Registration Suspended"}},
		{[]string{"do", "unsuspend"}, []string{"The user can sign in again.", "Registration Registered"}},
	} {
		p.has(p.post(user+"/change", change.fields...), 200, change.want...)
	}
	page = p.post(user+"/change", "do", "give-number", "E164PhoneNumber", "+1999")
	p.has(page, 422)
	if !strings.Contains(page.text, `value="&#43;1999"`) || !strings.Contains(page.text, `role="alert"`) {
		t.Errorf("a number that nobody has: %s", page.text)
	}
	for _, path := range []string{"/accounts/" + account + "/users/nobody", "/accounts/nothing/users/u0", "/accounts/nothing/users", "/accounts/nothing/settings", user + "/change/ask?do=nothing"} {
		p.has(p.get(path), 404)
	}
}

// Who may only look sees the controls, and that they are not theirs. Counts that the key may not
// have are left out.
func TestUsers_Denied(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 1)
	p := s.person(t, s.keyNamed(t, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:List*","chime:Get*","carillon:SearchUsers"],"Resource":"*"}]}`))
	user := "/accounts/" + account + "/users/u0"
	for path, buttons := range map[string]int{user: 7, "/accounts/" + account + "/settings": 3, "/accounts": 1} {
		page := p.get(path)
		p.has(page, 200)
		if n := strings.Count(page.text, `disabled title="Your access key does not allow this."`); n != buttons {
			t.Errorf("%s disables %d buttons, want %d: %s", path, n, buttons, page.text)
		}
		page = p.get(path + "?count=yes")
		p.has(page, 200)
		if strings.Contains(page.text, "<svg") || strings.Contains(page.text, "Count users") || strings.Contains(page.text, "History") {
			t.Errorf("%s shows what the key may not read: %s", path, page.text)
		}
	}
	p.has(p.post(user+"/change", "do", "license", "LicenseType", "Pro"), 403, "Your access key does not allow this.")
	p.has(p.post("/accounts/"+account+"/settings", "do", "name", "Name", "Other"), 403)
	p.has(p.post("/accounts", "new", "Other"), 403)
}

func TestAccounts(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	made := p.post("/accounts", "new", "A <b>school</b>")
	p.has(made, 200, "The account has been created.", "Team", "Count users")
	p.has(p.get(made.path+"&count=yes"), 200, "0 users")
	p.has(p.get("/accounts?count=yes"), 200, "Users counted 20")
	if !strings.Contains(made.text, "<strong>A &lt;b&gt;school&lt;/b&gt;</strong>") {
		t.Errorf("the name is not text: %s", made.text)
	}
	at, _, _ := strings.Cut(made.path, "?")
	p.has(p.post(at, "do", "name", "Name", "Other"), 200, "The account has been changed.")
	p.has(p.get("/accounts?name=Other"), 200, "Other Team Active")
	p.has(p.get(at+"/ask?do=license&DefaultLicense=Basic"), 200, "aws chime update-account --account-id", "--default-license Basic")
	p.has(p.post(at, "do", "license", "DefaultLicense", "Basic"), 200, "The account has been changed.")
	page := p.post(at, "do", "settings", "EnableDialOut", "on")
	p.has(page, 200, "The account has been changed.")
	if !strings.Contains(page.text, `name="EnableDialOut" checked`) || strings.Contains(page.text, `name="DisableRemoteControl" checked`) {
		t.Errorf("the settings are others: %s", page.text)
	}
	p.has(p.post(at, "do", "license", "DefaultLicense", "Gold"), 422)
	p.has(p.post(at, "do", "nothing"), 404)
	for i := range 25 {
		s.enterprise(t, fmt.Sprintf("School %02d", i))
	}
	page = p.get("/accounts?name=School")
	p.has(page, 200, "School 00", "Next page")
	next := onward.FindStringSubmatch(html.UnescapeString(page.text))
	if next == nil {
		t.Fatalf("no page follows: %s", page.text)
	}
	p.has(p.get(next[1]), 200, "School 24")
}

func TestScenario_users(t *testing.T) {
	scenario(t, "search and plan", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.enterprise(t, "Example")
		s.people(t, account, 120)
		signIn(t, v, s)
		v.sees("Example")
		v.open(s.url + console.Prefix + "/accounts?count=yes")
		v.sees("Example", "Basic 40, Pro 80")
		accessible(t, v)
		v.follow("Example")
		v.sees("50 users on this page.")
		accessible(t, v)
		v.follow("Next page")
		v.sees("person50@example.com", "First page")
		v.fill("E-mail or name", "person 11")
		v.choose("License", "Basic")
		v.press("Search")
		v.sees("3 users on this page.", "person111@example.com")
		v.seesNot("person50@example.com")
		if query := v.address().Query(); query.Get("text") != "person 11" || query.Get("license") != "Basic" {
			t.Errorf("the address does not say what is searched for: %v", query)
		}
		v.check("Select person111@example.com")
		v.check("Select person114@example.com")
		v.choose("What to do", "Give license Pro")
		v.press("Plan")
		v.awaits("To change 2 of 120 users", "person111@example.com")
		v.back()
		v.choose("Whom", "All that match")
		v.choose("What to do", "Give license Pro")
		v.press("Plan")
		v.awaits("To change 3 of 120 users")
	}, noScript)

	scenario(t, "one user", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.enterprise(t, "Example")
		s.people(t, account, 1)
		signIn(t, v, s)
		v.open(s.url + console.Prefix + "/accounts/" + account + "/users")
		v.follow("person0@example.com")
		v.choose("License", "Pro")
		v.press("Change license: aws command")
		v.sees("person0@example.com gets the license Pro.", "--license-type Pro")
		accessible(t, v)
		v.press("Change license")
		v.sees("The license has been changed.", "UpdateUser")
		accessible(t, v)
		v.press("Give a new PIN")
		v.sees("This cannot be undone.")
		v.press("Give a new PIN")
		v.sees("The user has a new PIN.")
	})

	scenario(t, "an account", func(t *testing.T, v visitor) {
		s := start(t, nil)
		signIn(t, v, s)
		v.fill("Name of the new account", "<i>New</i>")
		v.press("Create account")
		v.sees("The account has been created.", "<i>New</i>")
		v.check("Meetings may dial out")
		v.press("Save settings")
		v.sees("The account has been changed.")
		accessible(t, v)
		v.follow("Users")
		v.sees("No users match.")
		v.follow("Invite")
		v.fill("E-mail addresses", "ana@example.com; ben@example.com")
		accessible(t, v)
		v.press("Plan")
		v.awaits("To change 2 As they should be")
	}, noScript)
}

// A double click does once what takes a moment, with script and without.
func TestAccounts_doubleClick(t *testing.T) {
	for _, m := range []manner{{}, noScript} {
		t.Run(m.String(), func(t *testing.T) {
			needsBrowser(t)
			t.Parallel()
			s := start(t, nil)
			b := newBrowser(t, m)
			defer b.leave()
			signIn(t, b, s)
			b.fill("Name of the new account", "Twice")
			_, n := b.usable(button, "Create account")
			at := b.place(n)
			reached, gate := make(chan struct{}, 10), make(chan struct{})
			hold := func(r *http.Request) {
				if r.Method == "POST" && r.URL.Path == "/accounts" {
					reached <- struct{}{}
					<-gate
				}
			}
			s.before.Store(&hold)
			b.click(at)
			<-reached
			b.click(at)
			s.before.Store(nil)
			close(gate)
			b.sees("The account has been created.")
			if n := s.person(t, s.root).named("Twice"); n != 1 {
				t.Errorf("there are %d accounts", n)
			}
		})
	}
}

// With script, a list follows what somebody types, goes on by itself where the service has stopped
// before the page was full, and boxes are checked by the range.
func TestUsers_script(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, store.SearchRows+5000)
	b := newBrowser(t, manner{})
	defer b.leave()
	signIn(t, b, s)
	b.sees("Basic 8,334, Pro 16,666")
	b.follow("Example")
	b.sees("50 users on this page.")
	b.fill("E-mail or name", "person 2499")
	b.sees("11 users on this page.", "person2499@example.com", "person24999@example.com")
	b.seesNot("First page")
	b.seesNot("person1@example.com")
	b.check("Select all users on this page")
	if n := evaluate[int](b, `document.querySelectorAll("tbody input:checked").length`); n != 11 {
		t.Errorf("the box for all checks %d of 11 users", n)
	}
	b.uncheck("Select all users on this page")
	n := evaluate[int](b, `(() => {
		const boxes = document.querySelectorAll("tbody input[type=checkbox]");
		boxes[2].click();
		boxes[7].dispatchEvent(new MouseEvent("click", {bubbles: true, shiftKey: true}));
		return document.querySelectorAll("tbody input:checked").length;
	})()`)
	if n != 6 {
		t.Errorf("a range of 6 users checks %d", n)
	}
	if query := b.address().Query(); len(query) != 1 || query.Get("text") != "person 2499" {
		t.Errorf("the address does not say what is searched for: %v", query)
	}
	b.fill("E-mail or name", "24999@")
	b.sees("1 user on this page.")
	b.seesNot("person2499@example.com")
	b.check("Select person24999@example.com")
	b.fill("E-mail or name", "nobody")
	b.sees("No users match.")
	b.seesNot("What to do")
	b.fill("E-mail or name", "")
	b.sees("50 users on this page.")
}
