package console_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// What holds for all routes is tried on all routes, as the console lists them: none can be left
// out.

// everything is an AWS account in which there is something for each route.
type everything struct {
	*service
	root *person
	ids  map[string]string // what stands for "{account}" and so on

	otherUser string // its id
}

func newEverything(t *testing.T) *everything {
	t.Helper()
	s := start(t, newClock().Now) // which stands still, so no session is used later than it began
	s.forTests(t)
	account := s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	w := &everything{service: s, root: s.person(t, s.root), otherUser: account[:8] + "-u2"}
	user := account[:8] + "-u1"
	bot := store.Bot{AccountID: account, BotID: "the-bot", Name: "Clerk", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret", Created: time.Now()}
	number := store.PhoneNumber{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}
	s.write(t, func(tx store.Tx) error {
		if err := tx.InsertBot(&bot); err != nil {
			return err
		}
		return tx.InsertPhoneNumbers([]store.PhoneNumber{number})
	})
	w.root.changes("/accounts/"+account+"/rooms", []string{"name", "Lounge"}, "The room was created.")
	room := regexp.MustCompile(`/rooms/([^"/?]+)">Lounge`).FindStringSubmatch(w.root.sees("/accounts/" + account + "/rooms"))
	if room == nil {
		t.Fatal("there is no room")
	}
	w.root.changes("/accounts/"+account+"/rooms/"+room[1]+"/members", []string{"member", user, "role", "Member"}, "The member was added.")
	colleague := s.key(t, "colleague", "AmazonChimeFullAccess")
	s.person(t, colleague)
	sessions, err := s.sessions.List(t.Context(), awsAccount)
	if err != nil {
		t.Fatal(err)
	}
	session := sessions[slices.IndexFunc(sessions, func(x directory.Session) bool { return x.KeyID == colleague.ID })]
	job := w.root.apply(w.root.importFile(account, "one.csv", everybody(1), "license", "LicenseType=Pro"), "changes", "1")
	plan := w.root.importFile(account, "two.csv", everybody(2), "license", "LicenseType=Plus")
	plan = w.root.importFile(account, "two.csv", everybody(2), "license", "LicenseType=Basic")
	w.root.changes("/faults/json", []string{"rules", `{"id": "the-rule", "effect": {"statusCode": 503}}`}, "The rules were added.")
	w.root.changes("/snapshots", []string{"snapshot", "the-snapshot"}, "The snapshot was saved.")
	w.ids = map[string]string{
		"account": account, "user": user, "member": user, "room": room[1], "bot": "the-bot", "number": url.PathEscape(number.Number), "key": colleague.ID,
		"session": session.ID, "fault": "the-rule", "snapshot": "the-snapshot", "plan": plan.path[strings.LastIndex(plan.path, "/")+1:], "job": strings.TrimPrefix(job.path, "/jobs/"), "name": "console.css",
	}
	return w
}

// routes yields the method and the path of each route, with ids in it.
func (w *everything) routes(t *testing.T, do func(pattern, method, path string)) {
	t.Helper()
	patterns := w.console.Routes()
	if len(patterns) < 60 {
		t.Fatalf("there are %d routes: are these all?", len(patterns))
	}
	placeholder := regexp.MustCompile(`\{([^}]+)\}`)
	for _, pattern := range patterns {
		method, path, _ := strings.Cut(pattern, " ")
		do(pattern, method, placeholder.ReplaceAllStringFunc(path, func(m string) string {
			name := strings.Trim(m, "{}")
			if name == "$" {
				return ""
			}
			id := w.ids[name]
			if id == "" {
				t.Fatalf("%s: the test knows no {%s}", pattern, name)
			}
			return id
		}))
	}
}

// form is what makes a change on each route that can make one.
func (w *everything) form(pattern string) (kind string, body io.Reader) {
	if strings.HasSuffix(pattern, "/import") {
		return upload("all.csv", strings.NewReader(everybody(3)), "license", "LicenseType=Pro")
	}
	form := url.Values{
		"do": {"suspend"}, "name": {"Eve"}, "Name": {"Eve"}, "new": {"Eve"}, "member": {w.otherUser}, "role": {"Member"}, "which": {"ticked"},
		"user": {w.ids["user"]}, "changes": {"2"}, "addresses": {"eve@example.com"}, "policy": {"AmazonChimeFullAccess"}, "CallingName": {"Eve"}, "ProductType": {"VoiceConnector"},
		"key": {"AKIANOBODYSKEY000000"}, "secret": {"x"}, "code": {"x"}, "now": {"2031-01-01"}, "by": {"1h"},
	}
	if strings.HasSuffix(pattern, "/settings") {
		form.Set("do", "name")
	}
	return "application/x-www-form-urlencoded", strings.NewReader(form.Encode())
}

// at sends a request to a route, and returns the answer, of a stream only the beginning.
func (p *person) at(method, path, kind string, body io.Reader, header http.Header) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.s.url+console.Prefix+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header.Set("Content-Type", kind)
	if p.token != "" {
		r.AddCookie(p.s.cookie(p.token))
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	if response.Header.Get("Content-Type") == "text/event-stream" {
		some := make([]byte, 4096)
		n, _ := response.Body.Read(some)
		return response, string(some[:n])
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(text)
}

// state is all that the service keeps: each row of its database, and each file of its jobs.
func (w *everything) state(t *testing.T) map[string]bool {
	t.Helper()
	rows := map[string]bool{}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(w.options.Jobs), sqlite.File)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := texts(db, "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil || len(tables) < 10 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, table := range tables {
		all, err := texts(db, `SELECT * FROM "`+table+`"`)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			rows[table+": "+row] = true
		}
	}
	err = filepath.WalkDir(w.options.Jobs, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var text []byte
			text, err = os.ReadFile(path)
			rows[path+": "+string(text)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// texts returns the rows of a query as texts.
func texts(db *sql.DB, query string) (list []string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, pointers := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		fields := make([]string, len(columns))
		for i, v := range values {
			fields[i] = fmt.Sprintf("%s", v)
		}
		list = append(list, strings.Join(fields, "|"))
	}
	return list, rows.Err()
}

// unchanged fails the test if the state is another one than it was.
func (w *everything) unchanged(t *testing.T, what string, before map[string]bool) {
	t.Helper()
	after := w.state(t)
	for row := range before {
		if !after[row] {
			t.Errorf("%s: this has gone: %.300s", what, row)
		}
	}
	for row := range after {
		if !before[row] {
			t.Errorf("%s: this is new: %.300s", what, row)
		}
	}
}

// Every answer has the headers that keep a page to itself: pages, errors, files, streams, assets.
func TestRoutes_Headers(t *testing.T) {
	w := newEverything(t)
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
	check := func(what string, response *http.Response) {
		t.Helper()
		for name, value := range want {
			if got := response.Header.Get(name); got != value && !(name == "Cache-Control" && strings.Contains(what, "/assets/") && response.StatusCode == 200) {
				t.Errorf("%s: status %d, %s: %q, want %q", what, response.StatusCode, name, got, value)
			}
		}
		if response.StatusCode >= 500 && response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", what, response.StatusCode)
		}
	}
	nobody := &person{t, w.service, ""}
	var posts []func()
	w.routes(t, func(pattern, method, path string) {
		kind, body := w.form(pattern)
		if method == "POST" { // as nobody, and at last as somebody, whose session that may end
			response, _ := nobody.at(method, path, kind, body, nil)
			check("nobody: "+pattern, response)
			posts = append(posts, func() {
				kind, body := w.form(pattern)
				response, _ := w.root.at(method, path, kind, body, nil)
				check("root: "+pattern, response)
			})
			return
		}
		for _, who := range []*person{nobody, w.root} {
			for _, header := range []http.Header{nil, {"Host": {"rebound.example"}}, {"X-Console-Part": {"users"}}} {
				response, _ := who.at(method, path, "", nil, header)
				check(pattern, response)
			}
			response, _ := who.at("PATCH", path, "", nil, nil)
			check("PATCH "+path, response)
		}
	})
	page := regexp.MustCompile(`/assets/[^"]+`).FindAllString(w.root.get("/accounts").text, -1)
	for _, path := range page {
		response, _ := w.root.at("GET", path, "", nil, nil)
		if response.StatusCode != 200 {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
		check(path, response)
	}
	for _, format := range []string{"csv", "xlsx", "jsonl", "exe"} {
		response, _ := w.root.at("GET", "/accounts/"+w.ids["account"]+"/export?format="+format, "", nil, nil)
		check("export as "+format, response)
	}
	for _, post := range posts {
		post()
	}
}

// No route does what a page of another site asks for, or answers under another name.
func TestRoutes_CrossSite(t *testing.T) {
	w := newEverything(t)
	before := w.state(t)
	w.routes(t, func(pattern, method, path string) {
		for _, from := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
			{"Origin": {"http://127.0.0.1:1"}}, // another program of this machine
		} {
			kind, body := w.form(pattern)
			if response, text := w.root.at("POST", path, kind, body, from); response.StatusCode != http.StatusForbidden || !strings.Contains(text, "page of another site") {
				t.Errorf("POST %s, %v: status %d", path, from, response.StatusCode)
			}
		}
		for _, host := range []string{"rebound.example", "127.0.0.1.evil.example", "localhost.", "[::2]", ""} {
			if host == "" {
				continue
			}
			kind, body := w.form(pattern)
			if response, _ := w.root.at(method, path, kind, body, http.Header{"Host": {host}}); response.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("%s under %s: status %d", pattern, host, response.StatusCode)
			}
		}
	})
	w.unchanged(t, "posts of other sites", before)
}

// The root key of another AWS account finds nothing of this one on any route.
func TestRoutes_AnotherAWSAccount(t *testing.T) {
	w := newEverything(t)
	key, _, err := w.keys.EnsureRootKey(t.Context(), "999988887777", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := w.person(t, key)
	before := w.state(t)
	ours := []string{"person0@example.com", "person1@example.com", "much-secret", "colleague", "Lounge", w.root.s.root.ID, awsAccount}
	for name, id := range w.ids {
		if name != "name" {
			ours = append(ours, id)
		}
	}
	w.routes(t, func(pattern, method, path string) {
		named := strings.Contains(pattern, "{") && !strings.Contains(pattern, "{$}") && !strings.Contains(pattern, "{name}")
		if method == "POST" && !named {
			return // it changes what is the stranger's own
		}
		if ofTests(pattern) {
			return
		}
		kind, body := w.form(pattern)
		response, text := stranger.at(method, path, kind, body, nil)
		public := pattern == "GET /accounts/{account}/import/template" // a file that is the same for everybody
		if named && !public && response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404: %s", pattern, response.StatusCode, plain(text))
		}
		for _, id := range ours {
			if strings.Contains(text, id) && !strings.Contains(path, id) {
				t.Errorf("%s shows %q", pattern, id)
			}
		}
		for _, query := range []string{"?account=" + w.ids["account"], "?account=" + w.ids["account"] + "&user=" + w.ids["user"] + "&job=" + w.ids["job"] + "&key=" + w.root.s.root.ID} {
			if method == "GET" && !named {
				if _, text := stranger.at(method, path+query, "", nil, nil); strings.Contains(text, "@example.com") || strings.Contains(text, "much-secret") || strings.Contains(text, "Lounge") {
					t.Errorf("%s%s shows what is another's", pattern, query)
				}
			}
		}
	})
	w.unchanged(t, "the root key of another AWS account", before)
}

// ofTests reports whether a route is one of a service for tests, whose pages are for everybody.
func ofTests(pattern string) bool {
	return slices.ContainsFunc([]string{" /clock", " /faults", " /reset", " /snapshots"}, func(path string) bool { return strings.Contains(pattern, path) })
}

// A key that only looks changes nothing on any route, but may sign out.
func TestRoutes_ReadOnly(t *testing.T) {
	w := newEverything(t)
	reader := w.person(t, w.key(t, "reader", "AmazonChimeReadOnly"))
	own := []string{"POST /sign-in", "POST /link", "POST /sign-out", "POST /sessions/end-others"}
	before := w.state(t)
	w.routes(t, func(pattern, method, path string) {
		if method != "POST" || slices.Contains(own, pattern) || ofTests(pattern) {
			return
		}
		want := http.StatusForbidden
		if strings.Contains(pattern, "{plan}") || strings.Contains(pattern, "{session}") { // of another key: it sees none
			want = http.StatusNotFound
		}
		kind, body := w.form(pattern)
		if response, text := reader.at(method, path, kind, body, nil); response.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", pattern, response.StatusCode, want, plain(text))
		}
	})
	w.unchanged(t, "a key that only looks", before)
}

// A key that may do nothing is told so.
func TestRoutes_WithoutRights(t *testing.T) {
	w := newEverything(t)
	nobody := w.person(t, w.key(t, "nobody", `{"Statement":{"Effect":"Allow","Action":"chime:GetGlobalSettings","Resource":"*"}}`))
	before := w.state(t)
	w.routes(t, func(pattern, method, path string) {
		if slices.Contains([]string{"POST /sign-in", "POST /link", "POST /sign-out"}, pattern) || ofTests(pattern) {
			return
		}
		kind, body := w.form(pattern)
		response, text := nobody.at(method, path, kind, body, nil)
		refused := response.StatusCode == http.StatusForbidden && strings.Contains(text, "access key")
		public := pattern == "GET /accounts/{account}/import/template" // a file that is the same for everybody
		harmless := public || response.StatusCode == http.StatusOK && !strings.Contains(text, "@example.com") && !strings.Contains(text, "Lounge") || response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusSeeOther
		if !refused && !harmless {
			t.Errorf("%s: status %d: %s", pattern, response.StatusCode, plain(text))
		}
	})
	w.unchanged(t, "a key that may do nothing", before)
}

// No GET and no HEAD changes anything, whatever its query asks for.
func TestRoutes_GetChangesNothing(t *testing.T) {
	w := newEverything(t)
	before := w.state(t)
	w.routes(t, func(pattern, method, path string) {
		_, body := w.form("")
		query, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"GET", "HEAD"} {
			if strings.HasSuffix(path, "/events") && method == "HEAD" {
				continue // a stream that nobody reads
			}
			for _, at := range []string{path, path + "?" + string(query)} {
				response, text := w.root.at(method, at, "", nil, nil)
				if response.StatusCode >= 500 {
					t.Errorf("%s %s: status %d: %s", method, at, response.StatusCode, plain(text))
				}
			}
		}
	})
	w.unchanged(t, "asking for every page", before)
}
