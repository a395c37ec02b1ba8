// Package console is the page of the service for administrators: it signs people in, and shows and
// changes with a browser what the API shows and changes.
//
// The console is a client of the API. A page calls operations through package client, signed with
// the access key of the session, and the requests go to the handler of the API in this process. So
// the rules, the policy of the key, its rate, the log and the audit trail are those of every other
// client, and the console has no rule of its own.
//
// Start at [New]. A request passes the guard (guard.go), which knows hosts, sites and headers, and
// becomes a visit of a person who has signed in (session.go). A form acts once (once.go). The files
// named for pages call the API (calls.go) and fill a template of the folder pages (page.go). What
// people read is in the folder words, and nowhere else.
package console

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/model"
)

// Prefix is what the paths of the console begin with, below the path of [Options].URL.
const Prefix = "/console/ui"

// Options says what a console is of. Those without a default are required.
type Options struct {
	// Service is the contract of the API, API its handler, and Endpoint the URL that signatures are
	// for.
	Service  *model.Service
	API      http.Handler
	Endpoint string

	// Sessions are who has signed in.
	Sessions *directory.Sessions

	// URL is that of the service as people's browsers see it: http or https, a host, and a path if
	// a proxy serves it below one. Requests for other hosts are refused. Those for localhost and
	// loopback addresses pass, too, if its host is one of these.
	URL *url.URL

	// Unavailable is what errors of Sessions wrap (in the sense of errors.Is) when the storage did not
	// answer. Nil: no such error.
	Unavailable error

	// Jobs is the folder of the ledgers of jobs that are started here. Empty: none can be.
	Jobs string

	// Logger gets what went wrong in the console itself, and who signed in. Nil: no log.
	Logger *slog.Logger

	// TestMode answers the paths of package testmode, if the service is for tests: the console then
	// has pages of its faults and its clock. Nil: there are no such pages.
	TestMode http.Handler

	// Clock is the time of the machine, for tests. Nil: time.Now.
	Clock func() time.Time

	// ServiceClock is the time of the service, which tests move: what the service notes has it, and
	// keys expire by it. Nil: Clock.
	ServiceClock func() time.Time

	// AnnounceTime is as of [bulk.Config], for tests. 0: what it is there.
	AnnounceTime time.Duration
}

// Console is the handler of everything below [Prefix].
type Console struct {
	Options
	base    string // the beginning of every path in pages: that of the URL, and Prefix
	pages   pages
	regions map[string]bool // see region
	limits  limits
	mux     *http.ServeMux
	routed  []string // the patterns of all routes

	work    *work
	uploads uploads
	sent    sent
}

// New returns the handler of a console.
func New(o Options) *Console {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.ServiceClock == nil {
		o.ServiceClock = o.Clock
	}
	c := &Console{Options: o, base: strings.TrimSuffix(o.URL.EscapedPath(), "/") + Prefix, mux: http.NewServeMux(), work: newWork(), uploads: make(uploads, mostUploads), sent: sent{last: map[string]*sending{}}}
	c.sent.stands = c.stands
	c.pages, c.regions = parsePages(c.base)
	c.limits.clock = o.Clock
	c.routes()
	return c
}

// Serves reports whether a path is one of the console.
func (c *Console) Serves(path string) bool {
	_, ok := c.below(path)
	return ok
}

// routes says which function shows which page. Paths are those behind [Prefix].
func (c *Console) routes() {
	c.open("GET /sign-in", c.signInPage)
	c.open("POST /sign-in", c.signIn)
	c.open("GET /link", c.linkPage)
	c.open("POST /link", c.signInByLink)
	c.open("GET /assets/{name}", c.asset)

	c.page("GET /{$}", func(v *visit) error { return v.redirect("/accounts") })
	c.page("POST /sign-out", c.signOut)

	c.page("GET /accounts", c.accounts)
	c.change("/accounts", c.createAccount)
	c.page("GET /accounts/{account}/settings", c.accountSettings)
	c.change("/accounts/{account}/settings", c.changeAccount)
	c.page("GET /accounts/{account}/users", c.listUsers)
	c.page("POST /accounts/{account}/users", c.changeUsers)
	c.page("GET /accounts/{account}/users/{user}", c.user)
	c.change("/accounts/{account}/users/{user}/change", c.changeUser)
	c.page("GET /accounts/{account}/invite", c.inviteForm)
	c.page("POST /accounts/{account}/invite", c.invite)

	c.page("GET /numbers", c.numbers)
	c.page("GET /numbers/orders", c.numberOrders)
	c.page("GET /numbers/{number}", c.number)
	c.change("/numbers/{number}", c.changeNumber)
	c.change("/numbers/{number}/delete", c.deleteNumber)
	c.change("/numbers/{number}/restore", c.restoreNumber)
	c.page("GET /accounts/{account}/rooms", c.rooms)
	c.change("/accounts/{account}/rooms", c.createRoom)
	c.page("GET /accounts/{account}/rooms/{room}", c.room)
	c.change("/accounts/{account}/rooms/{room}", c.renameRoom)
	c.change("/accounts/{account}/rooms/{room}/delete", c.deleteRoom)
	c.change("/accounts/{account}/rooms/{room}/members", c.addMember)
	c.change("/accounts/{account}/rooms/{room}/members/{member}/remove", c.removeMember)
	c.page("GET /accounts/{account}/bots", c.bots)
	c.page("GET /accounts/{account}/bots/{bot}", c.bot)
	c.change("/accounts/{account}/bots/{bot}/disable", c.disableBot)
	c.change("/accounts/{account}/bots/{bot}/enable", c.enableBot)

	if c.TestMode != nil {
		c.page("GET /clock", c.clock)
		c.change("/clock/advance", c.advanceClock)
		c.change("/clock/set", c.setClock)
		c.change("/clock/freeze", c.freezeClock)
		c.change("/clock/run", c.runClock)
		c.page("GET /faults", c.faults)
		c.page("GET /faults/events", c.faultEvents)
		c.change("/faults", c.addFault)
		c.change("/faults/json", c.addRules)
		c.change("/faults/clear", c.clearFaults)
		c.change("/faults/{fault}/remove", c.removeFault)
		c.change("/reset", c.reset)
		c.change("/snapshots", c.saveSnapshot)
		c.change("/snapshots/{snapshot}/load", c.loadSnapshot)
		c.change("/snapshots/{snapshot}/delete", c.deleteSnapshot)
	}

	c.page("GET /report", c.report)
	c.page("GET /report.csv", c.reportCSV)

	c.page("GET /audit", c.audit)
	c.page("GET /audit.csv", c.auditCSV)
	c.page("GET /audit.json", c.auditJSON)

	c.page("GET /keys", c.keys)
	c.page("POST /keys", c.createKey)
	c.page("GET /keys/new", c.newKey)
	c.page("POST /keys/{key}/disable", c.disableKey)
	c.page("POST /keys/{key}/enable", c.enableKey)
	c.page("GET /keys/{key}/delete", c.askToDeleteKey)
	c.page("POST /keys/{key}/delete", c.deleteKey)
	c.page("GET /sessions", c.sessions)
	c.page("POST /sessions/end-others", c.endOtherSessions)
	c.page("POST /sessions/{session}/end", c.endSession)
	c.page("GET /accounts/{account}/import", c.importForm)
	c.page(importRoute, c.importFile)
	c.page("GET /accounts/{account}/import/template", c.template)
	c.page("GET /accounts/{account}/plans/{plan}", c.planShow)
	c.page("GET /accounts/{account}/plans/{plan}/events", c.planEvents)
	c.page("POST /accounts/{account}/plans/{plan}/apply", c.planApply)
	c.page("GET /accounts/{account}/export", c.export)
	c.page("GET /jobs", c.jobs)
	c.page("GET /jobs/{job}", c.job)
	c.page("GET /jobs/{job}/events", c.jobEvents)
	c.page("GET /jobs/{job}/rejects", c.jobRejects)
	c.page("POST /jobs/{job}/stop", c.jobStop)
	c.page("POST /jobs/{job}/resume", c.jobResume)
	c.page("POST /jobs/{job}/retry", c.jobRetry)
	c.page("POST /jobs/{job}/undo", c.jobUndo)
}

// open adds a page for people who have not signed in.
func (c *Console) open(pattern string, h func(http.ResponseWriter, *http.Request) error) {
	c.routed = append(c.routed, pattern)
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := readForm(r); err != nil {
			c.failed(w, r, nil, err)
			return
		}
		c.sent.once(w, r, "", r.PostForm.Encode(), func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				c.failed(w, r, nil, err)
			}
		})
	})
}

// page adds a page for people who have signed in. All others are sent to the sign-in page, and get
// to the page after it.
func (c *Console) page(pattern string, h func(*visit) error) {
	c.routed = append(c.routed, pattern)
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, err := c.visit(w, r)
		if errors.Is(err, directory.ErrNoSession) {
			c.askToSignIn(w, r)
			return
		}
		if err == nil && pattern != importRoute {
			err = readForm(r)
		}
		if err != nil {
			c.failed(w, r, v, err)
			return
		}
		if pattern == importRoute { // it reads the form, and then asks for the same
			v.answer(h)
			return
		}
		v.once(r.PostForm.Encode(), h)
	})
}

// once answers a form with these values, unless it was sent before.
func (v *visit) once(values string, h func(*visit) error) {
	v.sent.once(v.w, v.r, v.session.ID, values, func(w http.ResponseWriter, r *http.Request) {
		v.w, v.r = w, r
		v.answer(h)
	})
}

func (v *visit) answer(h func(*visit) error) {
	if err := h(v); err != nil {
		v.failed(v.w, v.r, v, err)
	}
}
