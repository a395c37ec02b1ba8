package console_test

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
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

// person is somebody who has signed in, and keeps no redirect waiting.
type person struct {
	t     testing.TB
	s     *service
	token string
}

func (s *service) person(t testing.TB, key directory.Key) *person {
	t.Helper()
	token, err := s.sessions.SignIn(t.Context(), key.ID, key.Secret, directory.Visitor{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, s, token}
}

// shown is a page, and where it is.
type shown struct {
	status int
	path   string // behind the prefix, with its query
	text   string
	header http.Header
}

func (p *person) send(method, path, kind string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.s.url+console.Prefix+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.AddCookie(&http.Cookie{Name: "carillon", Value: p.token})
	return http.DefaultTransport.RoundTrip(r)
}

// ask sends a request, and follows where the answer leads.
func (p *person) ask(method, path, kind string, body io.Reader) shown {
	p.t.Helper()
	for {
		response, err := p.send(method, path, kind, body)
		if err != nil {
			p.t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		to := response.Header.Get("Location")
		if to == "" {
			return shown{response.StatusCode, path, string(text), response.Header}
		}
		method, path, kind, body = "GET", strings.TrimPrefix(to, console.Prefix), "", nil
	}
}

func (p *person) get(path string) shown { p.t.Helper(); return p.ask("GET", path, "", nil) }

func (p *person) post(path string, fields ...string) shown {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.ask("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// importFile sends a sheet, waits for the plan and returns its page.
func (p *person) importFile(account, name, rows string, fields ...string) shown {
	p.t.Helper()
	kind, body := upload(name, strings.NewReader(rows), fields...)
	page := p.ask("POST", "/accounts/"+account+"/import", kind, body)
	if page.status != 200 {
		return page
	}
	return p.awaited(page)
}

// upload is the form of an import.
func upload(name string, content io.Reader, fields ...string) (kind string, body io.Reader) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		form.WriteField(fields[i], fields[i+1])
	}
	form.CreateFormFile("file", name)
	kind = form.FormDataContentType()
	end := strings.NewReader("\r\n--" + form.Boundary() + "--\r\n")
	return kind, io.MultiReader(&b, content, end)
}

// awaited waits until the page of a plan or a job is not busy any more, and loads it again.
func (p *person) awaited(page shown) shown {
	p.t.Helper()
	path, _, _ := strings.Cut(page.path, "?")
	for {
		stream, err := p.send("GET", path+"/events", "", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		over := false
		for lines := bufio.NewScanner(stream.Body); lines.Scan() && !over; {
			over = lines.Text() == "event: over"
		}
		stream.Body.Close()
		if stream.StatusCode != 200 {
			p.t.Fatalf("events of %s: status %d", path, stream.StatusCode)
		}
		if over {
			return p.get(page.path)
		}
	}
}

// plain is what people read on a page.
func plain(text string) string {
	_, text, _ = strings.Cut(text, "<main")
	_, text, _ = strings.Cut(text, ">")
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " "))), " ")
}

// has fails the test unless a page has all the texts.
func (p *person) has(page shown, status int, texts ...string) {
	p.t.Helper()
	read := plain(page.text)
	missing := slices.DeleteFunc(texts, func(text string) bool { return strings.Contains(read, text) })
	if page.status != status || len(missing) > 0 {
		p.t.Errorf("%s: status %d, want %d; missing %q: %s", page.path, page.status, status, missing, read)
	}
}

// roster adds an account with registered users, person0@example.com and so on, who have the license
// Basic.
func (s *service) roster(t testing.TB, kind api.AccountType, n int) (account string) {
	t.Helper()
	made, err := s.operator.CreateAccount(t.Context(), awsAccount, "Example", kind)
	if err != nil {
		t.Fatal(err)
	}
	users := make([]store.User, n)
	for i := range users {
		users[i] = store.User{
			AccountID: made.AccountId, UserID: fmt.Sprintf("%s-u%d", made.AccountId[:8], i), Email: fmt.Sprintf("person%d@example.com", i), DisplayName: fmt.Sprint("Person ", i),
			License: "Basic", Type: "PrivateUser", Registration: string(api.RegistrationStatusRegistered), RegisteredOn: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			PersonalPIN: fmt.Sprintf("%s%09d", made.AccountId[:1], i),
		}
	}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertUsers(users) }); err != nil {
		t.Fatal(err)
	}
	return made.AccountId
}

// A sheet with rows that cannot be done becomes a plan, which is carried out once.
func TestImport(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 30)
	sheet := "email,Licence,Nickname,Licens Type\n" +
		"person0@example.com,Pro,=1+1,x\nperson1@example.com,Pro,<script>alert(1)</script>,\nperson2@example.com,Basic,,\n" +
		"nobody@example.com,Pro,=cmd|' /C calc'!A0,\nperson3@example.com,Gold,,\n"
	plan := p.importFile(account, `C:\sheets\<b>people.csv`, sheet, "action", "update")
	p.has(plan, 200, "Plan: Update users", "From <b>people.csv", "To change 2 of 30 users", "As they should be 1", "Cannot be done 2",
		"LicenseType Basic -> Pro 2", "Pro 0 2 +2", "Columns that count email", "Nickname", "(did you mean LicenseType?)",
		"line 5: nobody@example.com", "line 6: person3@example.com", "Apply 2 changes")
	if strings.Contains(plan.text, "<script>alert") || strings.Contains(plan.text, "<b>people") {
		t.Error("a cell or a name of a file has become HTML")
	}
	failed := p.get(plan.path + "?show=failed")
	p.has(failed, 200, "5 nobody@example.com UnknownUser", "6 person3@example.com InvalidRow")
	p.post(plan.path + "/apply")
	p.awaited(plan)
	p.has(p.get(plan.path), 200, "This plan was carried out.")
	p.has(p.post(plan.path+"/apply"), 409, "Nothing was done again")
}
