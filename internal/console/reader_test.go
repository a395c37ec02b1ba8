package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// reader is a visitor whose client knows HTML and HTTP, and nothing of style or script. Where a
// browser would refuse, as it does the form with an empty field that is required, the test fails.
type reader struct {
	t      testing.TB
	client *http.Client
	hosts  map[string]bool // those that the person has opened
	at     *page
	policy string // Referrer-Policy of the page
	posted bool   // a reload would send a form again
	past   []*url.URL
	files  map[*html.Node]file
}

type file struct {
	name    string
	content []byte
}

func newReader(t testing.TB) *reader {
	r := &reader{t: t, hosts: map[string]bool{}}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.client = &http.Client{Jar: jar, Timeout: hung, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		switch {
		case !r.hosts[next.URL.Host]:
			return fmt.Errorf("it leads to another host: %s", next.URL)
		case len(via) > 10:
			return errors.New("it leads on and on")
		}
		if next.Method == http.MethodGet {
			next.Header.Del("Origin")
		}
		return nil
	}}
	return r
}

func (r *reader) open(address string) {
	r.t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		r.t.Fatalf("an address that a person types has a host: %s", address)
	}
	r.hosts[u.Host] = true
	r.visit(r.request(http.MethodGet, u, nil, "", "none"))
}

func (r *reader) follow(name string) {
	r.t.Helper()
	r.visit(r.linkTo(r.usable(link, name)))
}

func (r *reader) linkTo(n *html.Node) *http.Request {
	r.t.Helper()
	return r.request(http.MethodGet, r.resolve(attr(n, "href")), nil, "", "same-origin")
}

func (r *reader) back() {
	r.t.Helper()
	if len(r.past) < 2 {
		r.t.Fatal("there is no page to go back to")
	}
	to := r.past[len(r.past)-2]
	r.past = r.past[:len(r.past)-2]
	r.visit(r.request(http.MethodGet, to, nil, "", "same-origin"))
}

func (r *reader) fill(label, text string) {
	r.t.Helper()
	n := r.usable(field, label)
	switch {
	case has(n, "readonly"):
		r.t.Fatalf("the field %q is read-only", label)
	case n.DataAtom == atom.Textarea:
		for n.FirstChild != nil {
			n.RemoveChild(n.FirstChild)
		}
		n.AppendChild(&html.Node{Type: html.TextNode, Data: text})
	default:
		setAttr(n, "value", text)
	}
}

func (r *reader) choose(label, option string) {
	r.t.Helper()
	n := r.usable(list, label)
	chosen, err := r.page().option(n, option)
	if err != nil {
		r.t.Fatal(err)
	}
	for o := range n.Descendants() {
		dropAttr(o, "selected")
	}
	setAttr(chosen, "selected", "")
}

func (r *reader) check(label string) {
	r.t.Helper()
	n := r.usable(checkbox, label)
	if inputType(n) == "radio" {
		for other := range r.at.root.Descendants() {
			if inputType(other) == "radio" && attr(other, "name") == attr(n, "name") && r.formOf(other) == r.formOf(n) {
				dropAttr(other, "checked")
			}
		}
	}
	setAttr(n, "checked", "")
}

func (r *reader) uncheck(label string) {
	r.t.Helper()
	dropAttr(r.usable(checkbox, label), "checked")
}

func (r *reader) attach(label, fileName string, content []byte) {
	r.t.Helper()
	r.files[r.usable(fileBox, label)] = file{fileName, content}
}

func (r *reader) press(name string) {
	r.t.Helper()
	n := r.usable(button, name)
	if n.DataAtom == atom.Summary {
		if isClosed(n.Parent) {
			setAttr(n.Parent, "open", "")
		} else {
			dropAttr(n.Parent, "open")
		}
		return
	}
	r.visit(r.submission(n))
}

func (r *reader) download(name string) (string, []byte) {
	r.t.Helper()
	n, err := r.page().usable(link, name)
	var req *http.Request
	if err == nil {
		req = r.linkTo(n)
	} else {
		req = r.submission(r.usable(button, name))
	}
	resp, content := r.do(req)
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%q brings no file, but status %s: %.600s", name, resp.Status, content)
	}
	disposition, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err != nil || disposition != "attachment" {
		r.t.Fatalf("%q brings no file, but Content-Disposition %q", name, resp.Header.Get("Content-Disposition"))
	}
	if params["filename"] == "" {
		return path.Base(req.URL.Path), content
	}
	return params["filename"], content
}

func (r *reader) sees(texts ...string) {
	r.t.Helper()
	if text := missing(r.page(), texts); text != "" {
		r.t.Fatalf("there is no %q: %s", text, r.at)
	}
}

func (r *reader) seesNot(text string) {
	r.t.Helper()
	if missing(r.page(), []string{text}) == "" {
		r.t.Fatalf("there is %q: %s", text, r.at)
	}
}

func (r *reader) seesDisabled(name string) {
	r.t.Helper()
	n, err := r.page().find(button, name)
	if err != nil {
		r.t.Fatal(err)
	}
	if !isDisabled(n) {
		r.t.Fatalf("the button %q can be pressed: %s", name, r.at)
	}
}

func (r *reader) awaits(texts ...string) {
	r.t.Helper()
	for end := time.Now().Add(hung); missing(r.page(), texts) != ""; {
		if time.Now().After(end) {
			r.sees(texts...)
		}
		if r.posted {
			r.t.Fatalf("to reload is to send a form again: %s", r.at)
		}
		r.past = r.past[:len(r.past)-1]
		r.visit(r.request(http.MethodGet, r.at.address, nil, "", "same-origin"))
	}
}

func (r *reader) address() *url.URL { return r.page().address }
func (r *reader) title() string     { return r.page().title }

func (r *reader) page() *page {
	r.t.Helper()
	if r.at == nil {
		r.t.Fatal("no page is open")
	}
	return r.at
}

func (r *reader) usable(k kind, name string) *html.Node {
	r.t.Helper()
	n, err := r.page().usable(k, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *reader) resolve(ref string) *url.URL {
	r.t.Helper()
	u, err := r.page().address.Parse(ref)
	if err != nil {
		r.t.Fatalf("a reference that is none: %v", err)
	}
	if !r.hosts[u.Host] {
		r.t.Fatalf("%q leads to another host: %s", ref, r.at)
	}
	return u
}

// request makes a request with the headers that a browser sends when a person goes somewhere.
// Servers tell by them whether one of their own pages asks (https://www.w3.org/TR/fetch-metadata).
func (r *reader) request(method string, u *url.URL, body io.Reader, contentType, site string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequest(method, u.String(), body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en-US,en;q=0.9")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) a reader of pages")
	req.Header.Set("Sec-Fetch-Site", site)
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-User", "?1")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if method != http.MethodGet {
		origin := r.at.address.Scheme + "://" + r.at.address.Host
		if r.policy == "no-referrer" {
			origin = "null" // https://fetch.spec.whatwg.org/#append-a-request-origin-header
		}
		req.Header.Set("Origin", origin)
	}
	return req
}

func (r *reader) do(req *http.Request) (*http.Response, []byte) {
	r.t.Helper()
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("reading %s: %v", req.URL, err)
	}
	return resp, content
}

// visit sends a request and has the answer in front.
func (r *reader) visit(req *http.Request) {
	r.t.Helper()
	resp, content := r.do(req)
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mediaType != "text/html" {
		r.t.Fatalf("%s %s: got status %s and %q, want a page: %.600s", req.Method, req.URL, resp.Status, resp.Header.Get("Content-Type"), content)
	}
	root, err := html.ParseWithOptions(bytes.NewReader(content), html.ParseOptionEnableScripting(false))
	if err != nil {
		r.t.Fatalf("reading %s: %v", req.URL, err)
	}
	address := *resp.Request.URL
	if address.Fragment == "" {
		address.Fragment = req.URL.Fragment // goes along with a redirect
	}
	r.at = &page{address: &address, root: root}
	for n := range root.Descendants() {
		if n.DataAtom == atom.Title && n.Parent.DataAtom == atom.Head {
			r.at.title = spaced(textOf(n))
		}
	}
	r.policy = resp.Header.Get("Referrer-Policy")
	r.posted = resp.Request.Method != http.MethodGet
	r.past = append(r.past, &address)
	r.files = map[*html.Node]file{}
}

// formOf returns the form that a control belongs to, or nil.
func (r *reader) formOf(n *html.Node) *html.Node {
	if has(n, "form") {
		return r.at.byID(attr(n, "form"))
	}
	for in := n.Parent; in != nil; in = in.Parent {
		if in.DataAtom == atom.Form {
			return in
		}
	}
	return nil
}

// entry is a field of a form and what is in it.
type entry struct {
	name, value string
	file        *file
}

// submission makes the request that a button sends.
func (r *reader) submission(pressed *html.Node) *http.Request {
	r.t.Helper()
	form := r.formOf(pressed)
	if form == nil || !slices.Contains([]string{"", "submit", "image"}, inputType(pressed)) {
		r.t.Fatalf("the button %q does nothing without script: %s", r.at.name(pressed), r.at)
	}
	setting := func(ofForm, ofButton string) string {
		if has(pressed, ofButton) {
			return attr(pressed, ofButton)
		}
		return attr(form, ofForm)
	}
	if !has(form, "novalidate") && !has(pressed, "formnovalidate") {
		r.validate(form)
	}
	entries := r.entries(form, pressed)
	to := r.at.address
	if action := setting("action", "formaction"); action != "" {
		to = r.resolve(action)
	}
	switch method := strings.ToUpper(setting("method", "formmethod")); {
	case method != http.MethodPost:
		u := *to
		u.RawQuery, u.Fragment = query(entries), ""
		return r.request(http.MethodGet, &u, nil, "", "same-origin")
	case setting("enctype", "formenctype") == "multipart/form-data":
		body, contentType := r.multipart(entries)
		return r.request(method, to, body, contentType, "same-origin")
	default:
		return r.request(method, to, strings.NewReader(query(entries)), "application/x-www-form-urlencoded", "same-origin")
	}
}

func (r *reader) validate(form *html.Node) {
	r.t.Helper()
	for n := range r.at.root.Descendants() {
		if kindOf(n) == "" || !has(n, "required") || isDisabled(n) || r.formOf(n) != form {
			continue
		}
		empty := false
		switch kindOf(n) {
		case field, list:
			empty = r.value(n) == ""
		case fileBox:
			_, attached := r.files[n]
			empty = !attached
		case checkbox:
			empty = inputType(n) == "checkbox" && !has(n, "checked")
		}
		if empty {
			r.t.Fatalf("the form is not sent: %q is required: %s", r.at.name(n), r.at)
		}
	}
}

func (r *reader) value(n *html.Node) string {
	switch n.DataAtom {
	case atom.Textarea:
		text := strings.ReplaceAll(textOf(n), "\r\n", "\n")
		return strings.ReplaceAll(text, "\n", "\r\n") // https://html.spec.whatwg.org/#normalize-newlines
	case atom.Select:
		if o := selected(n); o != nil {
			return optionValue(o)
		}
		return ""
	}
	if kindOf(n) == checkbox && !has(n, "value") {
		return "on"
	}
	return attr(n, "value")
}

func (r *reader) entries(form, pressed *html.Node) (entries []entry) {
	for n := range r.at.root.Descendants() {
		name, k := attr(n, "name"), kindOf(n)
		hidden := n.DataAtom == atom.Input && inputType(n) == "hidden"
		if name == "" || k == "" && !hidden || k == link || isDisabled(n) || r.formOf(n) != form || inTemplate(n) {
			continue
		}
		switch {
		case k == button && n != pressed, k == checkbox && !has(n, "checked"):
		case k == list:
			for o := range n.Descendants() {
				chosen := o == selected(n)
				if has(n, "multiple") {
					chosen = has(o, "selected")
				}
				if o.DataAtom == atom.Option && chosen {
					entries = append(entries, entry{name: name, value: optionValue(o)})
				}
			}
		case k == fileBox:
			f := r.files[n] // without a file a browser sends one without a name
			entries = append(entries, entry{name: name, value: f.name, file: &f})
		default:
			entries = append(entries, entry{name: name, value: r.value(n)})
		}
	}
	return entries
}

func inTemplate(n *html.Node) bool {
	for in := n.Parent; in != nil; in = in.Parent {
		if in.DataAtom == atom.Template {
			return true
		}
	}
	return false
}

func query(entries []entry) string {
	var pairs []string
	for _, e := range entries {
		pairs = append(pairs, url.QueryEscape(e.name)+"="+url.QueryEscape(e.value))
	}
	return strings.Join(pairs, "&")
}

func (r *reader) multipart(entries []entry) (io.Reader, string) {
	r.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	escape := strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22").Replace
	for _, e := range entries {
		header := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, escape(e.name))
		content := []byte(e.value)
		if e.file != nil {
			disposition += fmt.Sprintf(`; filename="%s"`, escape(e.file.name))
			header.Set("Content-Type", "application/octet-stream")
			content = e.file.content
		}
		header.Set("Content-Disposition", disposition)
		part, err := w.CreatePart(header)
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		r.t.Fatal(err)
	}
	return &body, w.FormDataContentType()
}
