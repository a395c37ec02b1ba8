package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/model"
)

// Routing takes the path as it was sent. net/http's own multiplexer would clean it and redirect,
// which no SDK follows with a signature that still counts.

// route is one path with the operations that share it.
type route struct {
	segments  []segment
	endpoints []endpoint
}

type segment struct {
	text  string // literal, or the name of a label
	label bool
}

// endpoint is an operation with what chooses it among those of its path and method.
type endpoint struct {
	operation  *model.Operation
	handler    api.Handler
	meter      meter
	action     string // in policies
	limit      int    // the size of the largest body in bytes
	key, value string // of the query, empty for the operation that is meant without
}

// call is a request whose operation is known.
type call struct {
	endpoint
	segments []segment
	sent     []string // the path's segments, as sent
	query    url.Values
}

// label returns the decoded text of a label: decoded once, so that %252F is %2F.
func (c call) label(name string) string {
	for i, s := range c.segments {
		if s.label && s.text == name {
			text, _ := url.PathUnescape(c.sent[i]) // it was valid when the request was read
			return text
		}
	}
	return ""
}

// selector is the key of the query that chooses among operations.
const selector = "operation"

func routes(contract *model.Service, service api.API, o Options) []route {
	var all []route
	at := map[string]int{}
	add := func(op *model.Operation, prefix string, handler api.Handler) {
		i, ok := at[op.Path]
		if !ok {
			i = len(all)
			at[op.Path] = i
			all = append(all, route{segments: segments(op.Path)})
		}
		key, value, _ := strings.Cut(op.Query, "=")
		all[i].endpoints = append(all[i].endpoints, endpoint{op, handler, o.Meter(op.Name), prefix + ":" + op.Name, bodyLimit(op), key, value})
	}
	for _, op := range contract.All() {
		add(op, contract.SigningName, o.Intercept(op, api.Bind(service, op.Name)))
	}
	for op, handler := range o.Extension {
		add(op, extension.ActionPrefix, handler)
	}
	return all
}

func segments(path string) []segment {
	var out []segment
	for text := range strings.SplitSeq(path[1:], "/") {
		name, label := strings.CutPrefix(text, "{")
		out = append(out, segment{strings.TrimSuffix(name, "}"), label})
	}
	return out
}

// match finds the operation of a request by its path and query.
func match(routes []route, h http.Header, r *http.Request, path string) (call, error) {
	// A proxy may have made it of the path of an operation.
	unknown := api.Errorf(api.UnknownOperationException, "No operation has the path %.200q.", path)
	if rest, ok := strings.CutPrefix(path, "/console/"); ok { // where SDKs of 2018 sent everything
		path = "/" + rest
	}
	if !strings.HasPrefix(path, "/") {
		return call{}, unknown
	}
	sent := strings.Split(path[1:], "/")
	for _, s := range sent {
		switch {
		case s == "" && path != "/": // an empty variable of a script, which version 1, boto3 and curl send
			return call{}, api.Errorf(api.UnknownOperationException, "%s A part of it is empty: is an id missing?", unknown.Message)
		case s == "" || s == "." || s == "..":
			return call{}, unknown
		}
	}
	i := slices.IndexFunc(routes, func(rt route) bool { return rt.covers(sent) })
	if i < 0 {
		return call{}, unknown
	}
	rt := routes[i]
	if methods := rt.methods(); !slices.Contains(methods, r.Method) {
		return call{}, notAllowed(h, r.Method, methods...)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return call{}, api.BadRequest("The query is not valid: its parts must be percent-encoded and separated by &.")
	}
	for key, values := range query {
		if len(values) > 1 {
			// A signature covers the values in an order of its own, so anybody could have swapped them.
			return call{}, api.BadRequest("The query has the key %.60q twice.", key)
		}
	}
	for _, e := range rt.endpoints {
		if e.operation.Method == r.Method && e.selected(query) {
			return call{e, rt.segments, sent, query}, nil
		}
	}
	return call{}, api.BadRequest("The query does not select an operation of %s %s: use %s.",
		r.Method, rt.endpoints[0].operation.Path, rt.selectors(r.Method))
}

func (rt route) covers(sent []string) bool {
	if len(rt.segments) != len(sent) {
		return false
	}
	for i, s := range rt.segments {
		if !s.label && s.text != sent[i] {
			return false
		}
	}
	return true
}

func (rt route) methods() []string {
	var list []string
	for _, e := range rt.endpoints {
		if !slices.Contains(list, e.operation.Method) {
			list = append(list, e.operation.Method)
		}
	}
	slices.Sort(list)
	return list
}

// selectors lists, for a client that missed them all, what chooses the operations of a method.
func (rt route) selectors(method string) string {
	var list []string
	for _, e := range rt.endpoints {
		switch {
		case e.operation.Method != method:
		case e.key == "":
			list = append(list, "no "+selector+" at all")
		default:
			list = append(list, e.operation.Query)
		}
	}
	return strings.Join(list, " or ")
}

// selected reports whether a query means this operation. An empty selector counts as none.
func (e endpoint) selected(query url.Values) bool {
	if e.key == selector {
		return query.Get(selector) == e.value
	}
	return query.Get(selector) == "" && query.Get(e.key) == e.value
}

func notAllowed(h http.Header, method string, allowed ...string) error {
	h.Set("Allow", strings.Join(allowed, ", "))
	return api.Errorf(api.MethodNotAllowedException, "The path does not take %.20q: use %s.", method, strings.Join(allowed, " or "))
}
