package console

import (
	"errors"
	"net"
	"net/http"
	gopath "path"
	"slices"
	"strings"
	"unicode/utf8"
)

// headers are on every answer. Nothing on a page comes from elsewhere, nothing runs that is not a
// file of ours, and no other page can hold one of ours in a frame.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
	"Cache-Control":                "no-store",
}

// maxForm is the most bytes of a form, but for the file of an import.
const maxForm = 1 << 20

// ServeHTTP answers a request for a path below [Prefix].
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if !c.isOurs(r.Host) {
		// A page of another domain may have made that domain resolve to this machine.
		c.refuse(w, r, http.StatusMisdirectedRequest, "error.host")
		return
	}
	path, ok := c.below(r.URL.Path)
	if !ok || !utf8.ValidString(path) || path != "" && gopath.Clean(path) != path { // the multiplexer would send the browser elsewhere
		c.refuse(w, r, http.StatusNotFound, "error.notfound")
		return
	}
	if path == "" {
		http.Redirect(w, r, c.base+"/", http.StatusSeeOther)
		return
	}
	if err := crossOrigin.Check(r); err != nil {
		c.refuse(w, r, http.StatusForbidden, "error.crossorigin")
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = path, ""
	h, pattern := c.mux.Handler(inner)
	if pattern == "" || h == nil {
		c.unrouted(w, inner)
		return
	}
	if pattern != importRoute { // which bounds what it reads; all others may read forms, with files or without
		inner.Body = http.MaxBytesReader(w, r.Body, maxForm)
	}
	c.mux.ServeHTTP(w, inner)
}

// crossOrigin refuses changes that a page of another site asks for. Browsers say so in a header
// that pages cannot set.
var crossOrigin = http.NewCrossOriginProtection()

// below returns the path behind the prefix, whether or not a proxy has removed the path of the URL.
func (c *Console) below(path string) (string, bool) {
	for _, prefix := range []string{c.base, Prefix} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			return rest, true
		}
	}
	return "", false
}

// isOurs reports whether the Host of a request is the console's.
func (c *Console) isOurs(host string) bool {
	return strings.EqualFold(host, c.URL.Host) || isLoopback(c.URL.Host) && isLoopback(host)
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// readForm reads the query and the form of a request, so that no page takes one that cannot be read
// for one without fields.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	valid := err == nil
	for _, values := range r.Form {
		valid = valid && !slices.ContainsFunc(values, func(value string) bool { return !utf8.ValidString(value) })
	}
	if !valid {
		return refusing(http.StatusBadRequest, "error.form")
	}
	return nil
}

// unrouted answers a request for a path or a method that no page has. The multiplexer knows whether
// another method would do; a path that is not clean is no page.
func (c *Console) unrouted(w http.ResponseWriter, r *http.Request) {
	answer := &bare{header: http.Header{}}
	c.mux.ServeHTTP(answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", answer.header.Get("Allow"))
		c.refuse(w, r, http.StatusMethodNotAllowed, "error.method")
		return
	}
	c.refuse(w, r, http.StatusNotFound, "error.notfound")
}

// bare is an answer of which only the status and the header count.
type bare struct {
	header http.Header
	status int
}

func (b *bare) Header() http.Header         { return b.header }
func (b *bare) WriteHeader(status int)      { b.status = status }
func (b *bare) Write(p []byte) (int, error) { return len(p), nil }
