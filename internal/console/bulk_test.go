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
	"sync"
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
	r.AddCookie(p.s.cookie(p.token))
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

// apply applies the plan on a page, and returns the page of the job when that has ended.
func (p *person) apply(plan shown, fields ...string) shown {
	p.t.Helper()
	page := p.post(strings.Split(plan.path, "?")[0]+"/apply", fields...)
	if page.status != 200 {
		p.t.Fatalf("apply: status %d: %s", page.status, plain(page.text))
	}
	if strings.Contains(page.path, "/plans/") {
		page = p.awaited(page)
	}
	if !strings.HasPrefix(page.path, "/jobs/") {
		p.t.Fatalf("apply led to %s: %s", page.path, plain(page.text))
	}
	return p.awaited(page)
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

// licenses counts the users of an account by license.
func (s *service) licenses(p *person, account string) map[string]int {
	p.t.Helper()
	counts := map[string]int{}
	for _, line := range strings.Split(p.get("/accounts/"+account+"/export?format=jsonl").text, "\n") {
		if m := regexp.MustCompile(`"LicenseType": ?"(\w+)"`).FindStringSubmatch(line); m != nil {
			counts[m[1]]++
		}
	}
	return counts
}

// holds holds up the calls that update users: reached gets a value for each, and they go on when
// release is called.
func (s *service) holds(t *testing.T) (reached chan struct{}, release func()) {
	reached = make(chan struct{}, 1000)
	gate := make(chan struct{})
	hold := func(r *http.Request) {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/users") {
			reached <- struct{}{}
			<-gate
		}
	}
	s.before.Store(&hold)
	release = sync.OnceFunc(func() {
		s.before.Store(nil)
		close(gate)
	})
	t.Cleanup(release)
	return reached, release
}

// restart puts another console in the place of the former one.
func (s *service) restart() { s.console = console.New(s.options) }

// key makes an access key.
func (s *service) key(t testing.TB, name, policy string) directory.Key {
	t.Helper()
	key, err := s.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: name, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// everybody is a sheet of the users of [service.roster].
func everybody(n int) string {
	var b strings.Builder
	b.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&b, "person%d@example.com\n", i)
	}
	return b.String()
}

// begun applies a plan whose calls are held up, and returns the page of its job in the middle of
// one.
func (p *person) begun(plan shown, reached <-chan struct{}, fields ...string) shown {
	p.t.Helper()
	page := p.post(plan.path+"/apply", fields...)
	<-reached
	if strings.Contains(page.path, "/plans/") {
		page = p.awaited(page)
	}
	if !strings.HasPrefix(page.path, "/jobs/") {
		p.t.Fatalf("apply led to %s: %s", page.path, plain(page.text))
	}
	return page
}
