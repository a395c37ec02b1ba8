package console_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/store"
)

// An administrator of another AWS account tells the service of a job by the id of one of ours. He
// sees nothing of ours by that, and stops nothing.
func TestJob_IDOfAnother(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 300)
	reached, release := s.holds(t)
	job := p.begun(p.importFile(account, "all.csv", everybody(300)+"nobody@example.com\n", "license", "LicenseType=Pro"), reached, "changes", "300")
	id := strings.TrimPrefix(strings.Split(job.path, "?")[0], "/jobs/")

	key, _, err := s.keys.EnsureRootKey(t.Context(), "999988887777", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := s.operator.CreateAccount(t.Context(), "999988887777", "Mallory", api.AccountTypeEnterpriseLWA)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := client.New(client.Config{Endpoint: s.url, Region: "us-east-1", Service: chime.Service, RoundTripper: s, Credentials: &client.Credentials{AccessKey: key.ID, SecretKey: key.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(outcome string) {
		t.Helper()
		in := document.NewObject()
		for name, value := range map[string]any{
			"JobId": id, "AccountId": own.AccountId, "Action": "update", "Outcome": outcome,
			"Left": document.Int(1), "Done": document.Int(1), "Failed": document.Int(1),
		} {
			in.Set(name, value)
		}
		if _, err := calls.Call(t.Context(), &extension.RecordJob, in); err != nil {
			t.Fatal(err)
		}
	}
	tell("")
	mallory := s.person(t, key)
	refused := func(when string) {
		t.Helper()
		for _, path := range []string{"/jobs", "/jobs/" + id, "/jobs/" + id + "/events", "/jobs/" + id + "/rejects"} {
			_, text := mallory.at("GET", path, "", nil, nil)
			text = strings.ReplaceAll(text, id, "") // which has a time in it
			for _, ours := range []string{"@example.com", `all\.csv`, `\b301\b`, account} {
				if regexp.MustCompile(ours).MatchString(text) {
					t.Errorf("%s: %s shows %q", when, path, ours)
				}
			}
		}
		for _, what := range []string{"/stop", "/resume", "/retry", "/undo"} {
			if page := mallory.post("/jobs/" + id + what); page.status != http.StatusConflict {
				t.Errorf("%s: %s: status %d", when, what, page.status)
			}
		}
	}
	refused("while it runs")
	release()
	p.has(p.awaited(job), 200, "Finished", "Done 300", "Failed 1")
	refused("at its end")
	tell("stopped")
	refused("after a second word")
}

// The folder of plans may have been somebody else's: only what a console has left is removed.
func TestJobs_FilesOfOthers(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	plans, elsewhere := filepath.Join(s.options.Jobs, "plans"), t.TempDir()
	if err := os.MkdirAll(s.options.Jobs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, plans); err != nil {
		t.Fatal(err)
	}
	left := strings.Repeat("A", 26)
	for name, ours := range map[string]bool{
		"2026.xlsx": false, "notes": false, "plan.jsonl": false, "folder/people.csv": false, left + ".xlsx": false, "upload-list.csv": false,
		left + ".json": true, left + ".jsonl": true, left + ".jsonl.partial-123": true, "upload-123": true,
	} {
		path := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := os.Stat(path); (err == nil) == ours {
				t.Errorf("%s: ours is %v, %v", name, ours, err)
			}
		}()
	}
	p.has(p.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Pro"), 200, "To change 3 of 3 users")
}

// A folder that cannot be used is no riddle, and the service goes on when it can be used again.
func TestJobs_FolderFails(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	import1 := func() shown {
		return p.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Pro")
	}
	if err := os.WriteFile(s.options.Jobs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.has(import1(), 503, "The service cannot use its folder of jobs: not a directory", "Nothing was changed")
	p.has(p.post("/accounts/"+account+"/users", "do", "suspend", "which", "all"), 503, "The service cannot use its folder of jobs")
	if err := os.Remove(s.options.Jobs); err != nil {
		t.Fatal(err)
	}
	plan := import1()
	p.has(plan, 200, "To change 3 of 3 users")
	if err := os.RemoveAll(s.options.Jobs); err != nil {
		t.Fatal(err)
	}
	p.has(p.post(plan.path+"/apply", "changes", "3"), 503, "The service cannot use its folder of jobs: no such file or directory")
	p.has(p.get("/accounts/"+account+"/users"), 200, "person0@example.com")
	p.has(import1(), 200, "To change 3 of 3 users")
}

// tries signs in from an address, and reports the status.
func (s *service) tries(t *testing.T, address, key, secret string) int {
	t.Helper()
	form := url.Values{"key": {key}, "secret": {secret}}
	r := httptest.NewRequestWithContext(t.Context(), "POST", s.url+console.Prefix+"/sign-in", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = address
	answer := httptest.NewRecorder()
	s.console.ServeHTTP(answer, r)
	return answer.Code
}

// Who may not try any more keeps nobody else out, gets no more tries by asking for many keys, and
// no more by the many addresses of one network.
func TestSignIn_Limits(t *testing.T) {
	s := start(t, newClock().Now)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { s.tries(t, "[2001:db8::1]:1", "AKIANOBODY", "x") })
	}
	all.Wait()
	for _, address := range []string{"[2001:db8::1]:2", "[2001:db8::ffff:1]:1"} {
		if status := s.tries(t, address, s.root.ID, s.root.Secret); status != http.StatusTooManyRequests {
			t.Errorf("from %s: status %d", address, status)
		}
	}
	many := 12_000 // more than the service remembers
	if testing.Short() {
		many = 100
	}
	for range many {
		s.tries(t, "[2001:db8::1]:1", "AKIA"+time.Now().Format("150405.000000000"), "x")
	}
	for range 20 {
		if status := s.tries(t, "[2001:db8::1]:1", s.root.ID, s.root.Secret); status != http.StatusTooManyRequests {
			t.Fatalf("after many keys: status %d", status)
		}
	}
	if status := s.tries(t, "[2001:db8:0:1::1]:1", s.root.ID, s.root.Secret); status != http.StatusSeeOther {
		t.Errorf("from another network: status %d", status)
	}
}

// A stream ends with the session whose page it is part of.
func TestStream_EndsWithSession(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	reached, release := s.holds(t)
	defer release()
	job := p.begun(p.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Pro"), reached, "changes", "3")
	stream, err := p.send("GET", strings.Split(job.path, "?")[0]+"/events", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() || lines.Text() != "event: part" {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	p.post("/sign-out")
	late := time.AfterFunc(hung, func() { stream.Body.Close() })
	for lines.Scan() { // until the service ends it
	}
	if !late.Stop() {
		t.Errorf("the stream goes on after %v", hung)
	}
}

// Many streams are open at once, and all end when the service stops, though the job has not.
func TestStream_Many(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	reached, release := s.holds(t)
	job := p.begun(p.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Pro"), reached, "changes", "3")
	var all sync.WaitGroup
	for range 200 {
		stream, err := p.send("GET", strings.Split(job.path, "?")[0]+"/events", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			io.Copy(io.Discard, stream.Body)
			stream.Body.Close()
		})
	}
	stopped := make(chan struct{})
	go func() {
		s.console.Stop(t.Context())
		close(stopped)
	}()
	all.Wait()
	select {
	case <-stopped:
		t.Error("the console did not wait for its job")
	default:
	}
	release()
	<-stopped
}

// A clock that is set back signs nobody out, and lets nobody in for longer than a session lasts.
func TestSession_ClockSetBack(t *testing.T) {
	c := newClock()
	s := start(t, c.Now)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	plan := p.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Pro")
	c.advance(-48 * time.Hour)
	s.isIn(t, "two days before", p.token)
	p.has(p.get(plan.path), 200, "To change 3 of 3 users")
	p.has(p.apply(plan, "changes", "3"), 200, "Finished")
	token := s.signIn(t, s.root)
	c.advance(directory.SessionIdle + time.Minute)
	s.isOut(t, "idle", token)
	c.advance(48*time.Hour + directory.SessionLife)
	s.isOut(t, "after its life", p.token)
}

// What others have written comes out as text, on every page.
func TestRoutes_HostileTexts(t *testing.T) {
	const script = `"'><script>alert(1)</script>`
	w := newEverything(t)
	account := w.ids["account"]
	w.root.has(w.root.post("/accounts/"+account+"/settings", "do", "name", "Name", script), 200, "changed")
	w.root.has(w.root.post("/accounts/"+account+"/rooms/"+w.ids["room"], "name", script), 200, "renamed")
	bot := store.Bot{AccountID: account, BotID: "hostile", Name: script, Email: "hostile-chimebot@example.com", HTTPSEndpoint: "javascript:alert(1)", Created: time.Now()}
	user := store.User{
		AccountID: account, UserID: "hostile", Email: `"<script>alert(1)</script>"@example.com`, DisplayName: script, License: "Pro", Type: "PrivateUser",
		Registration: "Registered", PersonalPIN: "9999999999",
	}
	w.write(t, func(tx store.Tx) error {
		if err := tx.InsertBot(&bot); err != nil {
			return err
		}
		return tx.InsertUsers([]store.User{user})
	})
	form := url.Values{"key": {w.service.root.ID}, "secret": {w.service.root.Secret}}
	(&person{t, w.service, ""}).at("POST", "/sign-in", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), http.Header{"User-Agent": {script}})
	cell := `"` + strings.ReplaceAll(script, `"`, `""`) + `"`
	rows := "email,license," + cell + "\nperson0@example.com,Pro,x\n" + cell + ",Pro,x\nperson1@example.com," + cell + ",x\n"
	plan := w.root.importFile(account, script+".csv", rows, "only", script+"!="+script)
	w.root.has(plan, 200, "Cannot be done")
	pages := []string{plan.path, plan.path + "?show=failed", "/accounts/" + account + "/users/hostile", "/accounts/" + account + "/bots/hostile", "/accounts/" + account + "/users?text=" + url.QueryEscape(script),
		"/accounts/" + account + "/users?which=" + url.QueryEscape(script) + "&do=" + url.QueryEscape(script), "/keys/new?policy=" + url.QueryEscape(script), "/sign-in?to=/" + url.QueryEscape(script)}
	w.routes(t, func(_, method, path string) {
		if method == "GET" {
			pages = append(pages, path, path+"?"+url.Values{"name": {script}, "next": {script}, "text": {script}, "account": {script}, "since": {script}, "user": {script}, "key": {script},
				"operation": {script}, "from": {script}, "until": {script}, "job": {script}, "do": {"license"}, "LicenseType": {script}, "status": {script}, "notice": {script}, "page": {script}}.Encode())
		}
	})
	for _, path := range pages {
		response, text := w.root.at("GET", path, "", nil, nil)
		kind := response.Header.Get("Content-Type")
		if strings.HasPrefix(kind, "text/html") || kind == "text/event-stream" {
			if strings.Contains(text, "<script>alert") || strings.Contains(text, `href="javascript:`) {
				t.Errorf("%s has the script of another", path)
			}
		}
		if response.StatusCode >= 500 {
			t.Errorf("%s: status %d: %s", path, response.StatusCode, plain(text))
		}
	}
	// Errors say again what was wrong.
	w.routes(t, func(pattern, method, path string) {
		if method != "POST" || pattern == "POST /sign-out" || strings.HasSuffix(pattern, "/import") {
			return
		}
		form := url.Values{}
		for _, name := range []string{"name", "Name", "new", "member", "role", "which", "user", "changes", "addresses", "policy", "document", "expires", "CallingName", "ProductType", "now", "by", "most", "to"} {
			form.Set(name, script)
		}
		form.Set("do", "license")
		form.Set("LicenseType", script)
		response, text := w.root.at(method, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), nil)
		if strings.Contains(text, "<script>alert") || response.StatusCode >= 500 {
			t.Errorf("%s: status %d: %s", pattern, response.StatusCode, plain(text))
		}
	})
}

// A query or a form that cannot be read is refused on every page.
func TestRoutes_BrokenForms(t *testing.T) {
	w := newEverything(t)
	before := w.state(t)
	w.routes(t, func(pattern, method, path string) {
		if strings.HasSuffix(pattern, "/import") && method == "POST" || strings.Contains(pattern, "{$}") {
			return
		}
		for _, broken := range []string{"name=%zz", "name=%ff", "a=1;b=2"} {
			at, kind, body := path, "", io.Reader(nil)
			if method == "POST" {
				kind, body = "application/x-www-form-urlencoded", strings.NewReader(broken)
			} else {
				at += "?" + broken
			}
			response, text := w.root.at(method, at, kind, body, nil)
			if response.StatusCode != http.StatusBadRequest {
				t.Errorf("%s with %s: status %d: %s", pattern, broken, response.StatusCode, plain(text))
			}
		}
	})
	w.unchanged(t, "broken forms", before)
}

// A form without its value is refused, and does not say that something was changed.
func TestUser_ChangeWithoutValue(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 1)
	for _, do := range []string{"license", "type", "give-number"} {
		p.has(p.post("/accounts/"+account+"/users/"+account[:8]+"-u0/change", "do", do), http.StatusUnprocessableEntity, "person0@example.com")
	}
}

// An account without users has all pages.
func TestAccount_Empty(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 0)
	for _, path := range []string{"/users", "/users?text=x", "/settings?count=yes", "/import", "/invite", "/rooms", "/bots", "/export?format=xlsx", "/export?format=csv", "/export?format=jsonl"} {
		if page := p.get("/accounts/" + account + path); page.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, page.status, plain(page.text))
		}
	}
	plan := p.awaited(p.post("/accounts/"+account+"/users", "which", "all", "do", "LicenseType=Pro"))
	p.has(plan, http.StatusOK, "To change 0 of 0 users", "There is nothing to change.")
	p.has(p.post(plan.path+"/apply"), http.StatusUnprocessableEntity, "cannot be applied")
}

// No id in a path leads anywhere but to a page that says there is no such thing.
func TestRoutes_HostileIDs(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	w := newEverything(t)
	before := w.state(t)
	for _, id := range []string{"..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a%2fb", "%00", "%22%3e%3cscript%3ealert(1)%3c/script%3e", strings.Repeat("a", 5000), "%ff%fe", "%e2%80%ae", "*", "%20", "-1", "null"} {
		for name := range w.ids {
			ids := w.ids
			w.ids = map[string]string{}
			for other, own := range ids {
				w.ids[other] = own
			}
			w.ids[name] = id
			w.routes(t, func(pattern, method, path string) {
				if !strings.Contains(pattern, "{"+name+"}") || pattern == "GET /accounts/{account}/import/template" {
					return
				}
				var kind string
				var body io.Reader
				if method == "POST" {
					kind, body = w.form(pattern)
				}
				response, text := w.root.at(method, path, kind, body, nil)
				if response.StatusCode < 400 || response.StatusCode >= 500 || strings.Contains(text, "<script>alert") {
					t.Errorf("%s with %.60s as %s: status %d: %.300s", pattern, id, name, response.StatusCode, plain(text))
				}
			})
			w.ids = ids
		}
	}
	w.unchanged(t, "ids that are none", before)
}
