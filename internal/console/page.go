package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

//go:embed pages assets
var files embed.FS

// pages are the templates, by the names of their files without the ending. Each has the layout and
// the parts (the files that begin with "part-"), and defines "content". A template is parsed when
// it is first needed: all of them would take half of the start of a service, and memory.
type pages map[string]func() *template.Template

// partHeader is in requests by which a script asks for a part of a page; its value names the
// template of the part.
const partHeader = "X-Console-Part"

// assets are what pages load, by names that change with their contents. Browsers keep them.
var assets = sync.OnceValues(hashAssets)

func hashAssets() (byName map[string][]byte, names map[string]string) {
	byName, names = map[string][]byte{}, map[string]string{}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		text, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		byName[name], names[e.Name()] = text, name
	}
	return byName, names
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func (c *Console) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	byName, _ := assets()
	text, ok := byName[name]
	if !ok {
		c.refuse(w, r, http.StatusNotFound, "error.notfound")
		return nil
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text) // a browser that has gone is not worth a word
	return nil
}

// parsePages reads the templates. Their functions:
//
//	say KEY ARG...   a text of the folder words
//	link FORMAT ARG...   a path of the console: {{link "/accounts/%s" .ID}}; arguments are escaped
//	asset NAME       the path of a file in assets
//	when TIME        a moment, which a script shows in local time: a time.Time, or a text as the API has it
//	text OBJECT NAME a member of a document, "" if there is none
//	number N         12,345
//	cut TEXT         the beginning of a text from a sheet
//	may VISIT NAME   whether the key may use an operation
//	deny VISIT NAME  attributes of a control that calls an operation: they disable it, and say why, if the key may not
//	ask PATH OF      the button that leads to the page about a change: {{template "ask" (ask PATH OF)}}
//	askTests PATH OF  the same for a request of test mode
//	place WHERE      where in a call a fault acts
//	connection NAME  what becomes of a connection
//	whose USER       the address of a user, or what else names the user
func parsePages(base string) (all pages, regions map[string]bool) {
	functions := template.FuncMap{
		"say":  say,
		"link": func(format string, args ...string) string { return base + local(format, args...) },
		"asset": func(name string) string {
			_, names := assets()
			return base + "/assets/" + names[name]
		},
		"when":       when,
		"text":       func(o *document.Object, name string) string { return spell(o, name) },
		"number":     number,
		"cut":        cut,
		"deny":       deny,
		"may":        func(v *visit, operation string) bool { return v.may(operation) },
		"key":        func(i int) int { return i + 1 }, // the color of a part of a bar
		"whose":      whose,
		"ask":        func(path, of string) ask { return ask{path, of, say("command.aws")} },
		"place":      placeName,
		"connection": connectionName,
		"askTests":   func(path, of string) ask { return ask{path, of, say("command.carillon")} },
		// The menus of the layout.
		"navOf":        navOf,
		"accountNavOf": accountNavOf,
	}
	common := sync.OnceValue(func() *template.Template {
		return template.Must(template.New("layout.html").Funcs(functions).ParseFS(files, "pages/layout.html", "pages/part-*.html"))
	})
	entries, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		panic(err)
	}
	all, regions = pages{}, map[string]bool{}
	for _, file := range entries {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		all[name] = sync.OnceValue(func() *template.Template {
			return template.Must(template.Must(common().Clone()).ParseFS(files, file))
		})
		text, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for _, m := range regionName.FindAllSubmatch(text, -1) {
			regions[region(name, string(m[1]))] = true
		}
	}
	return all, regions
}

// A script may ask for those parts of a page for which its template has an element with this
// attribute. All templates know all parts, but can make others of none.
var regionName = regexp.MustCompile(`data-part="([a-z-]+)"`)

func region(page, part string) string { return page + " " + part }

// local fills a path: each %s is an argument, escaped.
func local(format string, args ...string) string {
	for _, a := range args {
		format = strings.Replace(format, "%s", url.PathEscape(a), 1)
	}
	return format
}

// when is a moment as an element that says it in UTC. A script says it in local time.
func when(v any) template.HTML {
	var at time.Time
	switch v := v.(type) {
	case time.Time:
		at = v
	case string:
		var err error
		if at, err = time.Parse(time.RFC3339, v); err != nil {
			return template.HTML(template.HTMLEscapeString(v))
		}
	}
	if at.IsZero() {
		return ""
	}
	at = at.UTC()
	return template.HTML(`<time datetime="` + api.FormatTime(at) + `">` + at.Format("2006-01-02 15:04") + ` UTC</time>`)
}

// spell returns a member of a document as people read it.
func spell(o *document.Object, name string) string {
	if o == nil {
		return ""
	}
	switch v, _ := o.Get(name); v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return document.Spell(v)
	}
}

// deny returns the attributes that disable a control if the key of the session may not use its
// operation. Test mode has no operations: whoever has signed in may do what it does.
func deny(v *visit, operation string) template.HTMLAttr {
	if operation == "" || v.may(operation) {
		return ""
	}
	return template.HTMLAttr(`disabled title="` + template.HTMLEscapeString(say("error.denied")) + `"`)
}

// number writes a number with commas between thousands.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// sizeOf writes a number of bytes for people.
func sizeOf(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// frame is what a template gets: the data of the page, and what is around it.
type frame struct {
	Page    string // name of the template
	Data    any
	Visit   *visit // nil for people who have not signed in
	Notice  string // what has just been done, empty if nothing has
	Account *account
}

// account is the account that a page is about.
type account struct {
	ID, Name, Type, Status string
	Licenses               []string // that its users can have
}

// ofAccount is what pages about one account embed in their data.
type ofAccount struct{ Account *account }

func (o ofAccount) about() *account { return o.Account }

// show answers with a page, or with the part of it that a script asks for. It sends nothing until
// the whole page is made.
func (c *Console) show(w http.ResponseWriter, r *http.Request, v *visit, status int, page string, data any) error {
	f := frame{Page: page, Data: data, Visit: v}
	if key := r.URL.Query().Get(noticeKey); strings.HasPrefix(key, noticePrefix) && hasWord(key) {
		f.Notice = say(key)
	}
	if about, ok := data.(interface{ about() *account }); ok {
		f.Account = about.about()
	}
	name := "layout.html"
	if part := r.Header.Get(partHeader); part != "" {
		if name = "part-" + part + ".html"; !c.regions[region(page, part)] {
			c.refuse(w, r, http.StatusNotFound, "error.notfound")
			return nil
		}
	}
	var b bytes.Buffer
	if err := c.pages[page]().ExecuteTemplate(&b, name, f); err != nil {
		return err
	}
	text := onceEach(b.Bytes())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text) // a browser that has gone is not worth a word
	return nil
}

// show answers with a page.
func (v *visit) show(page string, data any) error {
	return v.Console.show(v.w, v.r, v, http.StatusOK, page, data)
}

// showAgain answers with a page that has refused what was sent to it.
func (v *visit) showAgain(page string, data any) error {
	return v.Console.show(v.w, v.r, v, http.StatusUnprocessableEntity, page, data)
}

// A page to which somebody is sent after a change says what was done: the key of a text that begins
// with noticePrefix.
const (
	noticeKey    = "notice"
	noticePrefix = "done."
)

// redirect sends the browser to a page of the console after a change.
func (v *visit) redirect(format string, args ...string) error {
	http.Redirect(v.w, v.r, v.base+local(format, args...), http.StatusSeeOther)
	return nil
}

// done is redirect to a page that says what was done.
func (v *visit) done(key, format string, args ...string) error {
	to, query, _ := strings.Cut(local(format, args...), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	values.Set(noticeKey, noticePrefix+key)
	http.Redirect(v.w, v.r, v.base+to+"?"+values.Encode(), http.StatusSeeOther)
	return nil
}

// problem is what the error page shows.
type problem struct {
	Status    int
	Text      string
	Advice    string // what to do, if anything is known
	RequestID string // of the API, for those who read the log
}

// errDenied: the key may not do this, as the console itself knows.
var errDenied = errors.New("the access key does not allow this")

// failed answers a request that went wrong: with what the API has refused, or, for all that only
// the log must know, with little.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	p := problem{Status: http.StatusInternalServerError, Text: say("error.failed"), Advice: say("error.failed.advice")}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		p = problem{Status: http.StatusRequestEntityTooLarge, Text: say("error.toolarge", sizeOf(tooLarge.Limit))}
	} else if errors.Is(err, errDenied) {
		p = problem{Status: http.StatusForbidden, Text: say("error.denied"), Advice: say("error.forbidden.advice")}
	} else if e, ok := refusal(err); ok {
		p = problem{Status: e.Status, Text: e.Message, RequestID: e.RequestID}
		switch {
		case e.Status == http.StatusForbidden:
			p.Advice = say("error.forbidden.advice")
		case e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable:
			p.Advice = say("error.later.advice")
		}
	} else {
		if c.Unavailable != nil && errors.Is(err, c.Unavailable) {
			p = problem{Status: http.StatusServiceUnavailable, Text: say("error.unavailable"), Advice: say("error.later.advice")}
		} else if e, ok := errors.AsType[*fs.PathError](err); ok { // the only files of the console are those of jobs
			p = problem{Status: http.StatusServiceUnavailable, Text: say("error.folder", e.Err), Advice: say("error.folder.advice")}
		}
		c.Logger.Error("the console has failed", slog.String("page", r.Pattern), slog.Any("error", err))
	}
	if c.show(w, withoutPart(r), v, p.Status, "error", p) != nil {
		http.Error(w, p.Text, p.Status)
	}
}

// refuse answers with a text and nothing else, for what no person meets on the way.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, key string) {
	if c.show(w, withoutPart(r), nil, status, "error", problem{Status: status, Text: say(key)}) != nil {
		http.Error(w, say(key), status)
	}
}

func withoutPart(r *http.Request) *http.Request {
	if r.Header.Get(partHeader) == "" {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del(partHeader)
	return r
}
