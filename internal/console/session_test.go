package console_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Now()} }

// as sends a request with the cookie of a session, and reports the status and where it leads.
func (s *service) as(t *testing.T, token, method, path string, form url.Values) (status int, to, text string, cookies []*http.Cookie) {
	t.Helper()
	header := http.Header{"Host": {strings.TrimPrefix(s.url, "http://")}, "Sec-Fetch-Site": {"same-origin"}}
	if token != "" {
		header.Set("Cookie", s.cookie(token).String())
	}
	if form != nil {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, text := ask(t, method, s.url+"/console/ui"+path, header, form.Encode())
	return response.StatusCode, response.Header.Get("Location"), text, response.Cookies()
}

// signIn signs somebody in and returns the token in the cookie.
func (s *service) signIn(t *testing.T, key directory.Key) string {
	t.Helper()
	status, _, text, cookies := s.as(t, "", "POST", "/sign-in", url.Values{"key": {key.ID}, "secret": {key.Secret}})
	if status != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("signing in: %d, %v: %.300s", status, cookies, text)
	}
	return cookies[0].Value
}

// isOut fails the test if a token opens a page.
func (s *service) isOut(t *testing.T, when, token string) {
	t.Helper()
	if status, to, _, _ := s.as(t, token, "GET", "/accounts", nil); status != http.StatusSeeOther || to != "/console/ui/sign-in?to=%2Faccounts" {
		t.Errorf("%s the token leads to %d, %q: want the sign-in page", when, status, to)
	}
}

// Whoever is not signed in any more when a form is sent learns that it was not carried out, and
// gets back to the page of the form. Who has signed in meanwhile, in another tab, gets there at
// once.
func TestSession_EndedBeforeAForm(t *testing.T) {
	s := start(t, nil)
	account := s.roster(t, api.AccountTypeTeam, 1)
	for _, c := range []struct{ form, after string }{
		{"/accounts/" + account + "/import", "/accounts/" + account + "/import"},
		{"/accounts/" + account + "/users?text=x", "/accounts/" + account + "/users"},
		{"/accounts/" + account + "/plans/PLAN/apply", "/accounts/" + account + "/plans/PLAN"},
		{"/jobs/20260301-120000-1f3a5c/stop", "/jobs/20260301-120000-1f3a5c"},
		{"/keys/AKIA/disable", "/keys"},
		{"/accounts?new=Acme&once=ABCDEFGHIJKLMNOPQRSTUVWXYZ", "/accounts/ask?new=Acme"},
	} {
		status, to, _, _ := s.as(t, strings.Repeat("A", 43), "POST", c.form, url.Values{})
		at, err := url.Parse(to)
		if err != nil || status != http.StatusSeeOther || at.Query().Get("to") != c.after {
			t.Errorf("%s: status %d, %s; want the sign-in page, and then %s", c.form, status, to, c.after)
			continue
		}
		path := strings.TrimPrefix(to, console.Prefix)
		if status, _, text, _ := s.as(t, "", "GET", path, nil); status != http.StatusOK || !strings.Contains(text, "what you have sent was not carried out") {
			t.Errorf("%s: status %d, %.300s", c.form, status, text)
		}
		if status, to, _, _ := s.as(t, s.signIn(t, s.root), "GET", path, nil); status != http.StatusSeeOther || to != console.Prefix+c.after {
			t.Errorf("%s, signed in meanwhile: status %d, %s", c.form, status, to)
		}
	}
}

func (s *service) isIn(t *testing.T, when, token string) {
	t.Helper()
	if status, _, text, _ := s.as(t, token, "GET", "/accounts", nil); status != http.StatusOK {
		t.Errorf("%s the token leads to %d: %.300s", when, status, text)
	}
}

func TestSession(t *testing.T) {
	c := newClock()
	s := start(t, c.Now)
	status, _, _, cookies := s.as(t, "", "POST", "/sign-in", url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}})
	if status != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("status %d, cookies %v", status, cookies)
	}
	cookie := cookies[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/console/ui/" || cookie.Domain != "" || len(cookie.Value) < 43 {
		t.Errorf("the cookie is %v", cookie)
	}
	token := cookie.Value
	s.isIn(t, "at first", token)
	s.isOut(t, "without a cookie", "")
	s.isOut(t, "with another token", strings.Repeat("A", len(token)))
	s.isOut(t, "with the id of the key", s.root.ID)

	// Whoever signs in again gets another token, and the former one is of no use.
	status, _, _, cookies = s.as(t, token, "POST", "/sign-in", url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}})
	if status != http.StatusSeeOther || len(cookies) != 1 || cookies[0].Value == token {
		t.Fatalf("signing in again: %d, %v", status, cookies)
	}
	s.isOut(t, "after another sign-in", token)
	token = cookies[0].Value

	// It ends in any case, and when it is idle.
	for spent := time.Duration(0); spent < directory.SessionLife; spent += directory.SessionIdle / 2 {
		s.isIn(t, spent.String()+" later", token)
		c.advance(directory.SessionIdle / 2)
	}
	s.isOut(t, "after twelve hours", token)
	token = s.signIn(t, s.root)
	c.advance(directory.SessionIdle + 2*time.Minute)
	s.isOut(t, "idle", token)

	// A stolen token is of no use after its owner has signed out, or the key is disabled.
	token = s.signIn(t, s.root)
	if status, to, _, cookies := s.as(t, token, "POST", "/sign-out", url.Values{}); status != http.StatusSeeOther || to != "/console/ui/sign-in" || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("signing out: %d, %q, %v", status, to, cookies)
	}
	s.isOut(t, "signed out", token)
	key, err := s.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "colleague", Policy: "AmazonChimeReadOnly"})
	if err != nil {
		t.Fatal(err)
	}
	token = s.signIn(t, key)
	s.isIn(t, "the colleague's", token)
	if _, err := s.keys.Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	s.isOut(t, "disabled", token)
}

func TestSignIn_Refused(t *testing.T) {
	c := newClock()
	s := start(t, c.Now)
	other := func(pair ...string) (int, string) {
		status, _, text, cookies := s.as(t, "", "POST", "/sign-in", url.Values{"key": {pair[0]}, "secret": {pair[1]}})
		if len(cookies) != 0 {
			t.Errorf("cookies %v", cookies)
		}
		return status, text
	}
	for _, pair := range [][]string{{s.root.ID, "wrong"}, {"AKIANOBODY", s.root.Secret}, {"", ""}, {strings.Repeat("A", 5000), "x"}, {"<script>alert(1)</script>", "x"}} {
		status, text := other(pair...)
		if status != http.StatusForbidden || !strings.Contains(text, "do not match") {
			t.Errorf("%.40q: status %d: %.300s", pair, status, text)
		}
		if strings.Contains(text, "<script>alert") {
			t.Errorf("the page runs what was typed: %s", text)
		}
	}
	// Ten tries at once, then one every six seconds: also for those who know the secret.
	for range 5 {
		other(s.root.ID, "wrong")
	}
	if status, text := other(s.root.ID, s.root.Secret); status != http.StatusTooManyRequests || !strings.Contains(text, "Too many tries") {
		t.Errorf("an eleventh try: status %d: %.300s", status, text)
	}
	c.advance(time.Minute)
	s.signIn(t, s.root)
}

func TestSignInByLink(t *testing.T) {
	c := newClock()
	s := start(t, c.Now)
	link := func() string {
		code, err := s.sessions.MakeLink(t.Context(), s.root.ID)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	use := func(code string) (int, string, []*http.Cookie) {
		status, _, text, cookies := s.as(t, "", "POST", "/link", url.Values{"code": {code}})
		return status, text, cookies
	}
	code := link()
	status, text, cookies := use(code)
	if status != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("status %d: %.300s", status, text)
	}
	s.isIn(t, "by link", cookies[0].Value)
	if status, text, _ := use(code); status != http.StatusForbidden || !strings.Contains(text, "This link has been used") {
		t.Errorf("a second time: status %d: %.300s", status, text)
	}
	code = link()
	c.advance(directory.LinkLife + time.Second)
	if status, _, _ := use(code); status != http.StatusForbidden {
		t.Errorf("after its life: status %d", status)
	}
	// The code is in no address that a server or a proxy sees.
	if status, _, text, _ := s.as(t, "", "GET", "/link?code="+link(), nil); status != http.StatusOK || !strings.Contains(text, "Sign in by link") {
		t.Errorf("a code in the query: status %d: %.300s", status, text)
	}
}

// Somebody who cannot be signed in just now is told to wait, and is not signed out.
func TestSession_StorageAway(t *testing.T) {
	s := start(t, nil)
	token := s.signIn(t, s.root)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/accounts", "/sessions"} {
		status, _, text, cookies := s.as(t, token, "GET", path, nil)
		if status != http.StatusServiceUnavailable || !strings.Contains(text, "The storage of the service does not answer now.") || len(cookies) != 0 {
			t.Errorf("%s: status %d, cookies %v: %.500s", path, status, cookies, text)
		}
	}
}

// Browsers send cookies to all ports of a host: whoever signs in to one service stays in the other.
func TestSession_TwoPorts(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	services := []*service{start(t, nil), start(t, nil)}
	for _, s := range services {
		response, err := browser.PostForm(s.url+"/console/ui/sign-in", url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	for _, s := range services {
		response, err := browser.Get(s.url + "/console/ui/accounts")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if at := response.Request.URL.Path; at != "/console/ui/accounts" {
			t.Errorf("%s leads to %s", s.url, at)
		}
	}
}
