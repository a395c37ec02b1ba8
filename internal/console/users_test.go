package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// poster is a person who sends forms as a program would.
type poster struct {
	*testing.T
	s     *service
	token string
}

func (s *service) poster(t *testing.T, keyID, secret string) *poster {
	token, err := s.sessions.SignIn(t.Context(), keyID, secret, directory.Visitor{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return &poster{t, s, token}
}

// at asks for a page, and sends a form if there is one.
func (r *poster) at(path string, form url.Values) (status int, to, text string) {
	r.Helper()
	method, header := "GET", http.Header{"Host": {strings.TrimPrefix(r.s.url, "http://")}, "Cookie": {"carillon=" + r.token}}
	if form != nil {
		method = "POST"
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, body := ask(r.T, method, r.s.url+console.Prefix+path, header, form.Encode())
	return answer.StatusCode, answer.Header.Get("Location"), html.UnescapeString(body)
}

// sees demands a page with texts in it.
func (r *poster) sees(path string, texts ...string) (page string) {
	r.Helper()
	status, _, page := r.at(path, nil)
	if status != http.StatusOK {
		r.Fatalf("%s: status %d: %.2000s", path, status, page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			r.Errorf("%s does not say %q: %s", path, text, page)
		}
	}
	return page
}

// changes sends a form, which must lead to a page that says what was done.
func (r *poster) changes(path string, form url.Values, texts ...string) {
	r.Helper()
	status, to, page := r.at(path, form)
	if status != http.StatusSeeOther {
		r.Fatalf("%s: status %d: %.3000s", path, status, page)
	}
	r.sees(strings.TrimPrefix(to, console.Prefix), texts...)
}

var listed = regexp.MustCompile(`>(\S+@\S+)</a>`)

func addresses(page string) (list []string) {
	for _, m := range listed.FindAllStringSubmatch(page, -1) {
		list = append(list, m[1])
	}
	return list
}

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
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 5000)
	r := s.poster(t, s.root.ID, s.root.Secret)
	for query, want := range map[string]int{"?": 5000, "?text=PERSON49&license=Basic": 36, "?text=son+4&registered-from=2026-01-02&registered-to=2026-01-02": 0, "?text=zzz": 0, "?text=rson4999": 1} {
		var found []string
		for path := "/accounts/" + account + "/users" + query; path != ""; {
			page := r.sees(path)
			found = append(found, addresses(page)...)
			if path = ""; onward.MatchString(page) {
				path = onward.FindStringSubmatch(page)[1]
			}
		}
		n := len(found)
		slices.Sort(found)
		if found = slices.Compact(found); n != want || len(found) != want {
			t.Errorf("%s lists %d users, %d of them once, want %d", query, n, len(found), want)
		}
	}
	r.sees("/accounts/"+account+"/users?registered-from=yesterday", "A date must be like 2026-03-01.")
}

func TestUser_Changes(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 3)
	number := store.PhoneNumber{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertPhoneNumbers([]store.PhoneNumber{number}) }); err != nil {
		t.Fatal(err)
	}
	r := s.poster(t, s.root.ID, s.root.Secret)
	user := "/accounts/" + account + "/users/u0"
	r.sees(user, "person0@example.com", "0000000000", "+12065550100", "The trail does not say anything about this user.")
	r.sees(user+"/change?do=license&LicenseType=Pro", "person0@example.com gets the license Pro.", "aws chime update-user --account-id "+account+" --user-id u0 --license-type Pro")
	for _, change := range []struct {
		form url.Values
		want []string
	}{
		{url.Values{"do": {"license"}, "LicenseType": {"Pro"}}, []string{"The license has been changed.", `<th scope="row">LicenseType</th><td>Basic</td><td>Pro</td>`}},
		{url.Values{"do": {"type"}, "UserType": {"SharedDevice"}}, []string{"The type has been changed."}},
		{url.Values{"do": {"give-number"}, "E164PhoneNumber": {"+12065550100"}}, []string{"The user has the phone number."}},
		{url.Values{"do": {"calling"}, "OutboundCalling": {"on"}}, []string{"The calling settings have been changed.", `name="OutboundCalling" checked`}},
		{url.Values{"do": {"take-number"}}, []string{"The user no longer has a phone number."}},
		{url.Values{"do": {"pin"}}, []string{"The user has a new PIN."}},
		{url.Values{"do": {"logout"}}, []string{"The user has been logged out."}},
		{url.Values{"do": {"suspend"}}, []string{"The user has been suspended.", "Suspended"}},
		{url.Values{"do": {"unsuspend"}}, []string{"The user can sign in again.", "Registered"}},
	} {
		r.changes(user+"/change", change.form, change.want...)
	}
	status, _, page := r.at(user+"/change", url.Values{"do": {"give-number"}, "E164PhoneNumber": {"+1999"}})
	if status != http.StatusUnprocessableEntity || !strings.Contains(page, `value="+1999"`) || !strings.Contains(page, `role="alert"`) {
		t.Errorf("a number that nobody has: status %d: %s", status, page)
	}
	for _, path := range []string{"/accounts/" + account + "/users/nobody", "/accounts/nothing/users/u0", "/accounts/nothing/users", "/accounts/nothing/settings", user + "/change?do=nothing"} {
		if status, _, page := r.at(path, nil); status != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", path, status, page)
		}
	}
}
