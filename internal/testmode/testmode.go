// Package testmode is what `carillon serve --test` offers beyond the service, to those who test
// scripts and programs against it: a [Clock] that they move, [Faults] on demand, and [States] that
// they go back to. Nothing of it is reachable otherwise, and [Claim] keeps it from a directory that
// people rely on. Start at [Mode].
package testmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The key pair of every service in test mode. Everybody knows it: it guards nothing.
const (
	AccessKeyID     = "AKIACARILLONTEST0000"
	SecretAccessKey = "carillonTestSecretAccessKey0000000000000"
)

// Prefix is what the paths of test mode begin with.
const Prefix = "/_carillon/"

// Mode is the test mode of a service.
type Mode struct {
	Clock  *Clock
	RunDue func(context.Context) error // does what is due
	Faults *Faults                     // nil: there are none

	Storage string  // the name of the engine
	States  *States // nil: the engine cannot save what it holds
}

// endpoint is a path of test mode, after Prefix, with the methods that it takes.
type endpoint struct {
	path    string
	methods map[string]http.HandlerFunc
}

// endpoints lists the paths of test mode:
//
//	GET    /_carillon/health         {"mode": "test", "storage": "SQLite", "version": "1.2.3"}
//	POST   /_carillon/reset          back to the seed, with ?data=0 but for the data: {}
//	GET    /_carillon/snapshot       {"snapshots": [{"name": "a", "time": "2026-03-01T12:00:00.000Z", "bytes": 4096}]}
//	GET    /_carillon/snapshot/NAME  one of these
//	POST   /_carillon/snapshot/NAME  saves it, and answers like GET
//	PUT    /_carillon/snapshot/NAME  loads it, and answers like GET
//	DELETE /_carillon/snapshot/NAME  {}
//
//	GET  /_carillon/clock   {"now": "2026-03-01T12:00:00.000Z", "frozen": false}
//	PUT  /_carillon/clock   sets what is given of now (RFC 3339) and frozen
//	POST /_carillon/clock   goes forward: {"advance": "24h"}, with frozen if that is to change, too
//
// PUT and POST of the clock keep its state, then do what has fallen due, and then answer like GET.
func (m *Mode) endpoints() []endpoint {
	all := []endpoint{
		{"health", map[string]http.HandlerFunc{http.MethodGet: m.showHealth}},
		{"reset", map[string]http.HandlerFunc{http.MethodPost: m.reset}},
		{"snapshot", map[string]http.HandlerFunc{http.MethodGet: m.listSnapshots}},
		{"snapshot/{name...}", map[string]http.HandlerFunc{
			http.MethodGet: m.onSnapshot(m.describeSnapshot), http.MethodPost: m.onSnapshot(m.saveSnapshot),
			http.MethodPut: m.onSnapshot(m.loadSnapshot), http.MethodDelete: m.onSnapshot(m.deleteSnapshot),
		}},
		{"clock", map[string]http.HandlerFunc{http.MethodGet: m.showClock, http.MethodPut: m.setClock, http.MethodPost: m.advanceClock}},
	}
	if m.Faults != nil {
		all = append(all, m.Faults.endpoints()...)
	}
	return all
}

// Paths lists the paths of test mode, which other services do not have.
func (m *Mode) Paths() (list []string) {
	for _, e := range m.endpoints() {
		list = append(list, Prefix+strings.ReplaceAll(e.path, "{name...}", "NAME"))
	}
	return list
}

// Handler answers the paths of test mode and leaves the others to next, with its faults. The
// requests are not signed, and pages in a browser may change nothing by them.
func (m *Mode) Handler(next http.Handler) http.Handler {
	own := http.NewServeMux()
	for _, e := range m.endpoints() {
		var allowed []string
		for method, handler := range e.methods {
			own.HandleFunc(method+" "+Prefix+e.path, handler)
			allowed = append(allowed, method)
		}
		slices.Sort(allowed)
		own.HandleFunc(Prefix+e.path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("%s does not take %s: use %s", r.URL.Path, r.Method, strings.Join(allowed, " or ")))
		})
	}
	own.HandleFunc(Prefix, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("test mode has no %s; it has %s", r.URL.Path, strings.Join(m.Paths(), ", ")))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, Prefix) {
			if fromPage(r) {
				refuse(w, http.StatusForbidden, errors.New("a page in a browser may not change a service for tests: send this from a program, without the headers Origin and Sec-Fetch-Site"))
				return
			}
			own.ServeHTTP(w, r)
			return
		}
		if m.Faults != nil {
			m.Faults.serve(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromPage reports whether a page in a browser asks for a change. The pages of the console do not
// use these paths, so even one of the same origin is foreign: its name may resolve to this machine.
func fromPage(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Header.Get("Origin") != "" || site != "" && site != "none" // which the user has typed
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, struct {
		Message string `json:"message"`
	}{err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
