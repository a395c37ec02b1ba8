package console

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/policy"
)

// visit is a request of a person who has signed in.
type visit struct {
	*Console
	w       http.ResponseWriter
	r       *http.Request
	session directory.Session
	key     directory.Key
	policy  policy.Policy // of the key, empty for a root key
	calls   *client.Client
}

// visit returns the visit that a request belongs to. The error is [directory.ErrNoSession] if
// nobody has signed in, or the session or its key has ended.
func (c *Console) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	cookie, err := r.Cookie(c.cookie("").Name)
	if err != nil {
		return nil, directory.ErrNoSession
	}
	v := &visit{Console: c, w: w, r: r}
	if v.session, v.key, err = c.Sessions.Resume(r.Context(), cookie.Value); err != nil {
		return nil, err
	}
	if !v.key.Root {
		if v.policy, err = policy.Parse(v.key.Policy); err != nil {
			return nil, err
		}
	}
	v.calls, err = client.New(c.calling(v.key))
	return v, err
}

// goesOn returns [directory.ErrNoSession] if the session of a visit has ended meanwhile.
func (v *visit) goesOn() error {
	cookie, err := v.r.Cookie(v.cookie("").Name)
	if err != nil {
		return directory.ErrNoSession
	}
	_, _, err = v.Sessions.Resume(v.r.Context(), cookie.Value)
	return err
}

// cookie returns the cookie of a session. Over https its name keeps the browser from taking it from
// anybody but this host. Over http, which is for this machine only, the browser would refuse that
// name. There it has the port, since browsers give cookies to all ports of a host: whoever signs in
// to a second service must stay in the first.
func (c *Console) cookie(token string) *http.Cookie {
	cookie := &http.Cookie{Name: "carillon-" + c.URL.Port(), Value: token, Path: c.base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if c.URL.Scheme == "https" {
		cookie.Name, cookie.Path, cookie.Secure = "__Host-carillon", "/", true
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// KeyName is what the trail calls the person.
func (v *visit) KeyName() string { return v.key.Name }

// Place is where people sign in, as their browsers have it.
func (v *visit) Place() string { return v.URL.Scheme + "://" + v.URL.Host + v.base + "/" }

// visitor tells who signs in. Behind a proxy, which hosts of a name are, the address is the
// proxy's.
func visitor(r *http.Request) directory.Visitor {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return directory.Visitor{Address: host, UserAgent: r.UserAgent()}
}

// maxTo is the longest path and query that follow a sign-in. Browsers and proxies take longer ones,
// but not all.
const maxTo = 2000

// askToSignIn sends somebody to the sign-in page, from which a page that was asked for follows.
// After a form that makes a change, it is the page about that change, which has what was typed.
// After any other form, it is the page that the form is on.
func (c *Console) askToSignIn(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, c.cookie(""))
	if r.Header.Get(partHeader) != "" { // a script asks, who cannot sign in
		c.refuse(w, r, http.StatusUnauthorized, "error.signedout")
		return
	}
	after, lost := "", ""
	route, posted := strings.CutPrefix(r.Pattern, "POST ")
	switch {
	case r.Method == http.MethodGet && r.URL.Path != "/":
		after = r.URL.RequestURI()
	case posted && slices.Contains(c.routed, "GET "+route+askSuffix) && readForm(r) == nil:
		r.Form.Del(onceKey) // the page is another one
		after = r.URL.EscapedPath() + askSuffix + "?" + r.Form.Encode()
	case posted:
		after = c.pageOf(route, r.URL.EscapedPath())
	}
	if posted && after != "" {
		lost = "yes"
	}
	query := url.Values{}
	for name, value := range map[string]string{"to": after, lostKey: lost} {
		if value != "" && len(value) <= maxTo {
			query.Set(name, value)
		}
	}
	to := c.base + "/sign-in"
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// lostKey is in the query of the sign-in page if somebody has sent a form, and was not in any more.
const lostKey = "lost"

// pageOf returns the page that a form is on, as the path of the form tells: it is at the path, or
// the nearest above it. Empty: there is none.
func (c *Console) pageOf(route, path string) string {
	for route != "" {
		if slices.Contains(c.routed, "GET "+route) {
			return path
		}
		route, path = route[:strings.LastIndexByte(route, '/')], path[:strings.LastIndexByte(path, '/')]
	}
	return ""
}

// maxKeyID is the longest id that an access key can have.
const maxKeyID = 128

// signInForm is what the sign-in page shows.
type signInForm struct {
	To, KeyID string
	Problem   string
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.visit(w, r); err == nil {
		http.Redirect(w, r, c.base+localPath(r.FormValue("to")), http.StatusSeeOther) // signed in elsewhere
		return nil
	}
	form := signInForm{To: localPath(r.FormValue("to"))}
	if r.FormValue(lostKey) != "" {
		form.Problem = say("signin.lost")
	}
	return c.show(w, r, nil, http.StatusOK, "sign-in", form)
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	form := signInForm{To: localPath(r.PostFormValue("to")), KeyID: strings.TrimSpace(r.PostFormValue("key"))}
	if len(form.KeyID) > maxKeyID {
		form.KeyID = ""
	}
	from := visitor(r)
	if !c.limits.allow(from.Address, form.KeyID) {
		w.Header().Set("Retry-After", "60")
		form.Problem = say("signin.toomany")
		return c.show(w, r, nil, http.StatusTooManyRequests, "sign-in", form)
	}
	token, err := c.Sessions.SignIn(r.Context(), form.KeyID, strings.TrimSpace(r.PostFormValue("secret")), from)
	if errors.Is(err, directory.ErrSignIn) {
		c.Logger.Warn("a sign-in was refused", slog.String("address", from.Address))
		form.Problem = say("signin.wrong")
		return c.show(w, r, nil, http.StatusForbidden, "sign-in", form)
	}
	return c.welcome(w, r, token, err, form.To)
}

// welcome gives the browser its session. A session that it had before ends: nobody else can have
// prepared this one.
func (c *Console) welcome(w http.ResponseWriter, r *http.Request, token string, err error, to string) error {
	if err != nil {
		return err
	}
	if former, err := r.Cookie(c.cookie("").Name); err == nil {
		if err := c.Sessions.SignOut(r.Context(), former.Value); err != nil && !errors.Is(err, directory.ErrNoSession) {
			return err
		}
	}
	http.SetCookie(w, c.cookie(token))
	http.Redirect(w, r, c.base+to, http.StatusSeeOther)
	return nil
}

func (c *Console) linkPage(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, nil, http.StatusOK, "link", signInForm{})
}

func (c *Console) signInByLink(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	from := visitor(r)
	if !c.limits.allow(from.Address, "") {
		w.Header().Set("Retry-After", "60")
		return c.show(w, r, nil, http.StatusTooManyRequests, "link", signInForm{Problem: say("signin.toomany")})
	}
	token, err := c.Sessions.SignInByLink(r.Context(), strings.TrimSpace(r.PostFormValue("code")), from)
	if errors.Is(err, directory.ErrSignIn) {
		c.Logger.Warn("a sign-in by link was refused", slog.String("address", from.Address))
		v, err := c.visit(w, r)
		if err != nil {
			return c.show(w, r, nil, http.StatusForbidden, "link", signInForm{Problem: say("link.wrong")})
		}
		// Perhaps by the same link, in another tab. The page has the menus.
		return c.show(w, r, v, http.StatusForbidden, "link", signInForm{Problem: say("link.in", v.KeyName())})
	}
	return c.welcome(w, r, token, err, "/")
}

func (c *Console) signOut(v *visit) error {
	cookie, err := v.r.Cookie(c.cookie("").Name)
	if err != nil {
		return err
	}
	if err := c.Sessions.SignOut(v.r.Context(), cookie.Value); err != nil {
		return err
	}
	http.SetCookie(v.w, c.cookie(""))
	return v.redirect("/sign-in")
}

// localPath returns a path of the console that somebody is to be sent to, "/" for any other text.
func localPath(to string) string {
	if u, err := url.Parse(to); err != nil || u.IsAbs() || u.Host != "" || path.Clean(u.Path) != u.Path || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return to
}

// limits bound how often somebody may try to sign in: from an address, and with a key.
type limits struct {
	clock func() time.Time
	mu    sync.Mutex
	tries map[string]*rate.Limiter
}

// Ten tries at once, and one more every six seconds. The map is emptied when it is full: whoever
// has that many networks has that many tries.
const (
	mostTries   = 10
	triesEvery  = 6 * time.Second
	mostLimiter = 10_000
)

func (l *limits) allow(address, keyID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tries == nil || len(l.tries) >= mostLimiter {
		l.tries = map[string]*rate.Limiter{}
	}
	// What an address may not try is not counted for the key: else a stranger would fill the map, and
	// keep out whoever has the key.
	for _, who := range []string{"address " + network(address), "key " + keyID} {
		if who == "key " {
			continue
		}
		limiter := l.tries[who]
		if limiter == nil {
			limiter = rate.NewLimiter(rate.Every(triesEvery), mostTries)
			l.tries[who] = limiter
		}
		if !limiter.AllowN(l.clock(), 1) {
			return false
		}
	}
	return true
}

// network is what an address counts as: whoever has one of IPv6 has 2^64 of them.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	whole, _ := ip.WithZone("").Prefix(64) // which every address of IPv6 is in
	return whole.String()
}
