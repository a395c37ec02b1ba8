package console_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/store"
)

// formAt returns the path that a form of a page is sent to, with what makes it act once.
func formAt(t testing.TB, text, path string) string {
	t.Helper()
	m := regexp.MustCompile(` action="` + console.Prefix + `(` + regexp.QuoteMeta(path) + `\?once=[A-Z2-7]{26})"`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no form is sent to %s: %s", path, plain(text))
	}
	return html.UnescapeString(m[1])
}

// named returns how many accounts have a name.
func (p *person) named(name string) int {
	p.t.Helper()
	return strings.Count(p.get("/accounts?name="+url.QueryEscape(name)).text, ">"+name+"</a>")
}

// A form that is sent again does not act again, and is answered as the first time.
func TestOnce(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	accounts := p.get("/accounts")
	form := formAt(t, accounts.text, "/accounts")
	first := p.post(form, "new", "Acme")
	p.has(first, 200, "The account has been created.")
	if again := p.post(form, "new", "Acme"); again.path != first.path || p.named("Acme") != 1 {
		t.Errorf("sent again: %s and %d accounts, want %s and one", again.path, p.named("Acme"), first.path)
	}
	p.has(p.post(form, "new", "Bravo"), 200, "The account has been created.") // another wish
	if p.named("Bravo") != 1 {
		t.Error("the form with another name has made nothing")
	}
	if fresh := formAt(t, p.get("/accounts").text, "/accounts"); p.post(fresh, "new", "Acme").status != 200 || p.named("Acme") != 2 {
		t.Error("the form of a page that was loaded again makes nothing")
	}
	if p.post(form, "new", "Acme"); p.named("Acme") != 3 {
		t.Error("what was sent before something else is not sent anew")
	}

	// The secret of a new key is not lost.
	form = formAt(t, p.get("/keys/new").text, "/keys")
	made := p.post(form, "name", "nightly", "policy", "AmazonChimeReadOnly")
	p.has(made, 200, "nightly")
	if again := p.post(form, "name", "nightly", "policy", "AmazonChimeReadOnly"); again.text != made.text {
		t.Errorf("the page of the key is another one: %s", plain(again.text))
	}

	// Nobody else gets what somebody was answered.
	other := s.person(t, s.root)
	if again := other.post(form, "name", "nightly", "policy", "AmazonChimeReadOnly"); again.text == made.text {
		t.Error("another session gets the secret")
	}
}

// Of two clicks the second waits for what the first does, whose request the browser has ended.
func TestOnce_AtWork(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	account := s.enterprise(t, "Example")
	form := formAt(t, p.get("/accounts/"+account+"/settings").text, "/accounts/"+account+"/settings")
	reached, gate, renamed := make(chan struct{}, 10), make(chan struct{}), 0
	hold := func(r *http.Request) {
		switch {
		case r.Method == "POST" && r.URL.Path == "/accounts/"+account:
			renamed++
		case r.URL.Path == "/accounts/"+account:
			reached <- struct{}{}
			<-gate
		}
	}
	s.before.Store(&hold)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, "POST", s.url+console.Prefix+form, strings.NewReader("do=name&Name=Acme"))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(s.cookie(p.token))
			_, err = http.DefaultTransport.RoundTrip(r)
		}
		left <- err
	}()
	<-reached
	leave()
	if err := <-left; err == nil {
		t.Fatal("the first request was answered")
	}
	second := make(chan shown)
	go func() { second <- p.post(form, "do", "name", "Name", "Acme") }()
	close(gate)
	p.has(<-second, 200, "The account has been changed.")
	if renamed != 1 {
		t.Errorf("it was renamed %d times", renamed)
	}
}

// What the service could not do, or has refused, is done by the same form when the reason has gone.
func TestOnce_Failed(t *testing.T) {
	s := start(t, nil)
	works, wrong := s.options.API, 0
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrong != 0 && r.Method == "POST" && r.URL.Path == "/accounts" {
			w.Header().Set("X-Amzn-ErrorType", "BadRequestException")
			w.WriteHeader(wrong)
			return
		}
		works.ServeHTTP(w, r)
	})
	s.restart()
	p := s.person(t, s.root)
	for status, shown := range map[int]int{http.StatusServiceUnavailable: 503, http.StatusBadRequest: 422} {
		form := formAt(t, p.get("/accounts").text, "/accounts")
		wrong = status
		p.has(p.post(form, "new", "Acme"), shown)
		wrong = 0
		p.has(p.post(form, "new", "Acme"), 200, "The account has been created.")
	}
}

// A file that the browser began to send is sent again whole, and makes one plan.
func TestOnce_Upload(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	form := formAt(t, p.get("/accounts/"+account+"/import").text, "/accounts/"+account+"/import")
	reader, writer := io.Pipe()
	kind, body := upload("a.csv", reader, "license", "LicenseType=Pro")
	left := make(chan error, 1)
	go func() {
		response, err := p.send("POST", form, kind, body)
		if err == nil {
			response.Body.Close()
		}
		left <- err
	}()
	io.WriteString(writer, "email\n")
	writer.CloseWithError(io.ErrUnexpectedEOF)
	<-left
	send := func(rows string) string {
		t.Helper()
		kind, body := upload("a.csv", strings.NewReader(rows), "license", "LicenseType=Pro")
		page := p.ask("POST", form, kind, body)
		p.has(p.awaited(page), 200, "From a.csv")
		return page.path
	}
	first := send("email\nperson0@example.com\n")
	if again := send("email\nperson0@example.com\n"); again != first {
		t.Errorf("the same file becomes %s, and before %s", again, first)
	}
	if other := send("email\nperson1@example.com\n"); other == first {
		t.Error("another file becomes the same plan")
	}
	s.console.Stop(t.Context())
	s.web.Close() // the request that was broken off has ended, too
	if files, _ := filepath.Glob(filepath.Join(s.options.Jobs, "plans", "upload-*")); len(files) > 0 {
		t.Errorf("there are still %v", files)
	}
}

// A link to sign in works once, and both clicks of two sign in.
func TestOnce_Link(t *testing.T) {
	s := start(t, nil)
	code, err := s.sessions.MakeLink(t.Context(), s.root.ID)
	if err != nil {
		t.Fatal(err)
	}
	nobody := &person{t, s, "none"}
	form := formAt(t, nobody.get("/link").text, "/link")
	var cookies []string
	for range 2 {
		response, err := nobody.send("POST", form, "application/x-www-form-urlencoded", strings.NewReader("code="+code))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusSeeOther || len(response.Cookies()) != 1 {
			t.Fatalf("status %d, cookies %v", response.StatusCode, response.Cookies())
		}
		cookies = append(cookies, response.Cookies()[0].Value)
	}
	if cookies[0] != cookies[1] {
		t.Error("two clicks make two sessions")
	}
	form = formAt(t, nobody.get("/link").text, "/link")
	nobody.has(nobody.post(form, "code", code), 403, "This link has been used")
}

// Whoever signs out and goes back to the form signs in by it anew.
func TestOnce_SignInAgain(t *testing.T) {
	s := start(t, nil)
	nobody := &person{t, s, "none"}
	form := formAt(t, nobody.get("/sign-in").text, "/sign-in")
	values := url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}}.Encode()
	signIn := func() *person {
		t.Helper()
		response, err := nobody.send("POST", form, "application/x-www-form-urlencoded", strings.NewReader(values))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusSeeOther || len(response.Cookies()) != 1 {
			t.Fatalf("status %d, cookies %v", response.StatusCode, response.Cookies())
		}
		return &person{t, s, response.Cookies()[0].Value}
	}
	first := signIn()
	if again := signIn(); again.token != first.token {
		t.Error("two clicks make two sessions")
	}
	first.post("/sign-out")
	if again := signIn(); again.token == first.token || again.get("/accounts").path != "/accounts" {
		t.Error("after signing out the form signs nobody in")
	}
}

// A plan that could not be made is made by the same form when the reason has gone.
func TestOnce_FailedPlan(t *testing.T) {
	s := start(t, nil)
	works, wrong := s.options.API, new(atomic.Bool)
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrong.Load() && r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/users") {
			w.Header().Set("X-Amzn-ErrorType", "ForbiddenException")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		works.ServeHTTP(w, r)
	})
	s.restart()
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	form := formAt(t, p.get("/accounts/"+account+"/import").text, "/accounts/"+account+"/import")
	send := func() shown {
		kind, body := upload("a.csv", strings.NewReader("email\nperson0@example.com\n"), "license", "LicenseType=Pro")
		return p.awaited(p.ask("POST", form, kind, body))
	}
	wrong.Store(true)
	failed := send()
	p.has(failed, 200, "There is no plan")
	wrong.Store(false)
	made := send()
	p.has(made, 200, "From a.csv")
	if made.path == failed.path {
		t.Errorf("the form leads to the plan that could not be made: %s", made.path)
	}
	if again := send(); again.path != made.path {
		t.Errorf("the form makes another plan: %s and %s", made.path, again.path)
	}
}

// However many forms are answered, the memory of it is bounded, and the latest are known.
func TestOnce_Bounded(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	form := formAt(t, p.get("/keys/new").text, "/keys")
	for answered, n := 0, 0; answered < 5<<18; n++ {
		made := p.post(form, "name", fmt.Sprint(n), "policy", "AmazonChimeReadOnly")
		p.has(made, 200)
		answered += len(made.text)
	}
	if kept := s.console.Kept(); kept < 3<<18 || kept > 1<<20 {
		t.Errorf("%d bytes are kept", kept)
	}
	form = formAt(t, p.get("/accounts").text, "/accounts")
	p.post(form, "new", "Acme")
	if p.post(form, "new", "Acme"); p.named("Acme") != 1 {
		t.Error("the latest form is forgotten")
	}
}

var anyForm = regexp.MustCompile(`<form\b[^>]*>`)

// Each form that makes or changes something acts once.
func TestOnce_Forms(t *testing.T) {
	s := start(t, nil)
	s.forTests(t)
	account := s.enterprise(t, "Example")
	s.people(t, account, 3)
	s.write(t, func(tx store.Tx) error {
		return tx.InsertBot(&store.Bot{AccountID: account, BotID: "b1", Name: "Clerk", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret"})
	})
	p := s.person(t, s.root)
	of := "/accounts/" + account
	p.post(of+"/rooms", "name", "Lounge")
	room := regexp.MustCompile(`href="` + console.Prefix + `(` + of + `/rooms/[^"]+)">Lounge`).FindStringSubmatch(p.get(of + "/rooms").text)
	if room == nil {
		t.Fatal("the list has no link to the room")
	}
	s.write(t, func(tx store.Tx) error {
		return tx.InsertPhoneNumbers([]store.PhoneNumber{{AWSAccountID: awsAccount, Number: "+12065550100", ProductType: "BusinessCalling", Type: "Local", Country: "US", Status: "Unassigned"}})
	})
	job := p.apply(p.importFile(account, "b.csv", everybody(3), "license", "LicenseType=Basic"), "changes", "2")
	plan := p.importFile(account, "a.csv", "email\nu0@example.com\n", "license", "LicenseType=Pro")
	for _, path := range []string{
		"/accounts", of + "/settings", of + "/users", of + "/users/u0", of + "/users/u0/change/ask?do=suspend", of + "/invite", of + "/rooms", of + "/bots/b1",
		of + "/import", plan.path, job.path, room[1], "/numbers/%252B12065550100", "/keys/" + s.root.ID + "/delete", "/keys", "/keys/new", "/sessions", "/clock", "/faults", "/sign-in", "/link", "/nothing",
	} {
		found := false
		for _, form := range anyForm.FindAllString(p.get(path).text, -1) {
			if strings.Contains(form, `method="post"`) {
				if found = true; !strings.Contains(form, "?once=") {
					t.Errorf("%s: a form acts as often as it is sent: %s", path, form)
				}
			}
		}
		if !found && path != "/sign-in" && path != "/nothing" {
			t.Errorf("%s: there is no form", path)
		}
	}
}
