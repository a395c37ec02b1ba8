package console_test

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hotel is a site to try visitors on: a desk with every kind of control, the guests that it has
// taken, and pages that have something wrong.
type hotel struct {
	mu     sync.Mutex
	guests []guest
}

type guest struct{ Name, Email, Room, Board, Breakfast, Wishes, Arrives, Pass string }

var hotelPages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{.}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css"></head>
<body><header><nav aria-label="Site"><a href="/">Desk</a> <a href="/guests">Guests</a></nav></header><main><h1>{{.}}</h1>{{end}}
{{define "desk"}}{{template "head" "Desk"}}
<p>Welcome. <a href="/guests">Guests</a> <span hidden>Nobody reads this.</span></p>
<noscript><p>Script is off.</p></noscript>
<p id="live" role="status"></p>
<button type="button" id="greet" hidden>Greet</button>
<form role="search" action="/guests"><label>Search <input type="search" name="q"></label> <button>Find</button></form>
<form method="post" enctype="multipart/form-data" action="/guests">
<label for="name">Name <abbr title="required">*</abbr></label> <input id="name" name="name" required>
<input name="email" type="email" aria-label="E-mail address">
<label>Room <select name="room"><option value="1">First floor</option><option value="2">Second floor</option><option disabled>Attic</option></select></label>
<fieldset><legend>Board</legend><label><input type="radio" name="board" value="half" checked> Half</label>
<label><input type="radio" name="board" value="full"> Full</label></fieldset>
<label><input type="checkbox" name="breakfast" value="yes"> Breakfast</label>
<label>Wishes <textarea name="wishes"></textarea></label>
<label>Arrives <input type="date" name="arrives"></label>
<label>Passport <input type="file" name="pass"></label>
<button>Add guest</button> <button disabled>Add all</button>
</form>
<details><summary>Small print</summary><p>No dogs.</p></details>
<script src="/hotel.js"></script></main></body></html>{{end}}
{{define "guests"}}{{template "head" "Guests"}}<p>{{len .}} guests.</p>
<table><caption>All guests</caption><thead><tr><th>Name</th><th>E-mail</th><th>Room</th><th>Board</th><th>Breakfast</th><th>Wishes</th><th>Arrives</th><th>Passport</th></tr></thead>
<tbody>{{range .}}<tr><td>{{.Name}}</td><td>{{.Email}}</td><td>{{.Room}}</td><td>{{.Board}}</td><td>{{.Breakfast}}</td><td>{{.Wishes}}</td><td>{{.Arrives}}</td><td>{{.Pass}}</td></tr>{{end}}</tbody></table>
<p><a href="/guests.csv">Guests as CSV</a></p><form method="post" action="/clear"><button>Send all home</button></form></main></body></html>{{end}}
{{define "faulty"}}{{template "head" "Faults"}}
<button>Twin</button><button>Twin</button><input name="nameless"><button class="under">Under</button><div class="over"></div>
<button tabindex="-1">Unreachable</button><button class="unseen">Unseen</button><form><label>Needed <input name="n" required></label><button>Send</button></form>
<a href="https://other.invalid/">Away</a></main></body></html>{{end}}
{{define "dim"}}{{template "head" "Dim"}}<p class="dim">Hard to read.</p><p class="wide">Wide</p></main></body></html>{{end}}
`))

const hotelStyle = `:root { color-scheme: light dark; background: Canvas; font-family: sans-serif } table { font-size: 60% } td { overflow-wrap: anywhere }
input, select, textarea { max-width: 100%; box-sizing: border-box }
.dim { color: #888; background: #777 } .wide { width: 700px } .under { position: absolute; top: 300px; left: 0 }
.over { position: absolute; top: 250px; left: 0; width: 300px; height: 200px } .unseen:focus { outline: none }`

const hotelScript = `const live = document.getElementById("live"), greet = document.getElementById("greet");
greet.hidden = false;
greet.addEventListener("click", async () => { live.textContent = await (await fetch("/greeting")).text(); });
new EventSource("/events").addEventListener("message", (e) => { document.querySelector("h1").append(" " + e.data); });`

func (h *hotel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'"
	w.Header().Set("Referrer-Policy", "no-referrer")
	page := func(name string, data any) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := hotelPages.ExecuteTemplate(w, name, data); err != nil {
			panic(err)
		}
	}
	script := func(text string) { // a page with a script that is r.URL.Path + ".js"
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>x</title><p>Here.</p><script src="%s.js"></script>`, r.URL.Path)
	}
	switch strings.TrimSuffix(r.URL.Path, ".js") {
	case "/":
		http.SetCookie(w, &http.Cookie{Name: "been", Value: "here", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		page("desk", nil)
	case "/guests":
		if r.Method == http.MethodPost {
			// As a browser says it of a page that sends no referrer.
			if site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin"); site != "same-origin" || origin != "null" {
				http.Error(w, fmt.Sprintf("site %q, origin %q", site, origin), http.StatusForbidden)
				return
			}
			h.add(w, r)
			return
		}
		page("guests", slices.DeleteFunc(slices.Clone(h.guests), func(g guest) bool { return !strings.Contains(g.Name, r.FormValue("q")) }))
	case "/clear":
		if _, err := r.Cookie("been"); err == nil && r.Method == http.MethodPost {
			h.guests = nil
		}
		http.Redirect(w, r, "/guests", http.StatusSeeOther)
	case "/guests.csv":
		w.Header().Set("Content-Disposition", `attachment; filename="all guests.csv"`)
		w.Header().Set("Content-Type", "text/csv")
		out := csv.NewWriter(w)
		for _, g := range h.guests {
			out.Write([]string{g.Name, g.Wishes})
		}
		out.Flush()
	case "/style.css":
		w.Header().Set("Content-Type", "text/css")
		io.WriteString(w, hotelStyle)
	case "/hotel":
		script(hotelScript)
	case "/greeting":
		io.WriteString(w, "Good morning.")
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: is open\n\n")
		w.(http.Flusher).Flush()
		h.mu.Unlock()
		<-r.Context().Done()
		h.mu.Lock()
	case "/stamps": // does something at each visit
		if strings.HasSuffix(r.URL.Path, ".js") {
			script(`if (!document.body.innerText.includes("Stamp 3.")) { location.reload(); }`)
			return
		}
		h.guests = append(h.guests, guest{})
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Stamps</title><p>Stamp %d.</p><script src="/stamps.js"></script>`, len(h.guests))
	case "/faulty":
		page("faulty", nil)
	case "/dim":
		page("dim", nil)
	case "/throws":
		script(`throw new Error("a fault of script");`)
	case "/rejects":
		script(`Promise.reject(new Error("a fault that comes later"));`)
	case "/logs":
		script(`console.error("a word of", "warning");`)
	case "/asks":
		script(`confirm("Really?");`)
	case "/fetches":
		script(`fetch("/missing");`)
	case "/inline":
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>x</title><p onclick="x()">Here.</p>`)
	case "/elsewhere":
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>x</title><p>Here.</p><img alt="" src="http://other.invalid/pixel.png">`)
	default:
		http.NotFound(w, r)
	}
}

func (h *hotel) add(w http.ResponseWriter, r *http.Request) {
	g := guest{Name: r.FormValue("name"), Email: r.FormValue("email"), Room: r.FormValue("room"), Board: r.FormValue("board"),
		Breakfast: r.FormValue("breakfast"), Wishes: r.FormValue("wishes"), Arrives: r.FormValue("arrives")}
	if f, header, err := r.FormFile("pass"); err == nil {
		content, err := io.ReadAll(f)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.Pass = fmt.Sprintf("%s has %s", header.Filename, content)
	}
	h.guests = append(h.guests, g)
	http.Redirect(w, r, "/guests#new", http.StatusSeeOther)
}

// openHotel starts the site, behind what refuses the requests of other sites.
func openHotel(t testing.TB) string {
	s := httptest.NewServer(http.NewCrossOriginProtection().Handler(&hotel{}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestVisitor(t *testing.T) {
	scenario(t, "a guest arrives", func(t *testing.T, v visitor) {
		at := openHotel(t)
		v.open(at + "/")
		v.sees("Welcome.", "Desk Guests")
		v.seesNot("Nobody reads this.")
		v.seesNot("No dogs.")
		v.press("Small print")
		v.sees("No dogs.")
		v.seesDisabled("Add all")
		if got := v.title(); got != "Desk" {
			t.Errorf("got title %q, want Desk", got)
		}
		accessible(t, v)
		v.fill("Name *", "Ana & Bo")
		v.fill("E-mail address", "ana@example.org")
		v.choose("Room", "Second floor")
		v.check("Full")
		v.check("Breakfast")
		v.fill("Wishes", "a <b>view</b>\nof the sea")
		v.fill("Arrives", "2026-05-04")
		v.attach("Passport", "my pass.txt", []byte("ink"))
		v.press("Add guest")
		v.sees("1 guests.", "Ana & Bo ana@example.org 2 full yes a <b>view</b> of the sea 2026-05-04 my pass.txt has ink")
		if got := v.address().String(); got != at+"/guests#new" {
			t.Errorf("got address %s, want the redirect's and the fragment", got)
		}
		accessible(t, v)

		name, content := v.download("Guests as CSV")
		if want := "Ana & Bo,\"a <b>view</b>\r\nof the sea\"\n"; name != "all guests.csv" || string(content) != want {
			t.Errorf("got the file %q: %q, want all guests.csv: %q", name, content, want)
		}
		v.follow("Desk")
		v.check("Breakfast")
		v.uncheck("Breakfast")
		v.fill("Name *", "Chidi")
		v.fill("Name *", "")
		v.fill("Name *", "Dee")
		v.press("Add guest")
		v.sees("2 guests.", "Dee 1 half")
		v.follow("Desk")
		v.fill("Search", "Dee")
		v.press("Find")
		v.sees("1 guests.", "Dee")
		v.seesNot("Ana")
		v.back()
		v.sees("Welcome.")
		v.follow("Guests")
		v.press("Send all home")
		v.sees("0 guests.")
	}, noScript)

	scenario(t, "what takes its time", func(t *testing.T, v visitor) {
		v.open(openHotel(t) + "/stamps")
		v.awaits("Stamp 3.")
	}, noScript)
}

func TestVisitor_script(t *testing.T) {
	needsBrowser(t)
	for _, m := range []manner{{}, {byKeyboard: true, narrow: true, dark: true}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			at := openHotel(t)
			b := newBrowser(t, m)
			defer b.leave()
			b.open(at + "/")
			b.sees("Desk is open")
			b.seesNot("Script is off.")
			b.press("Greet")
			b.sees("Good morning.")
		})
	}
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		at := openHotel(t)
		b := newBrowser(t, manner{withoutScript: true})
		defer b.leave()
		b.open(at + "/")
		b.sees("Script is off.")
	})
}

// complaint returns what a test fails with, which does what fn does.
func complaint(t testing.TB, fn func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(r)
	}()
	<-done
	return strings.Join(r.failures, "\n")
}

// recorder is a test that is expected to fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.failures = append(r.failures, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// fault is something that a visitor must complain about.
type fault struct {
	name, path string
	do         func(v visitor)
	want       []string
}

func (f fault) check(t *testing.T, visit func(t testing.TB)) {
	t.Helper()
	t.Run(f.name, func(t *testing.T) {
		got := complaint(t, visit)
		for _, want := range f.want {
			if !strings.Contains(got, want) {
				t.Errorf("got complaint %q, want %q in it", got, want)
			}
		}
	})
}

// A visitor that lets something pass holds nothing.
func TestVisitor_complains(t *testing.T) {
	faults := []fault{
		{"nowhere to go back to", "/", func(v visitor) { v.back() }, []string{"no page to go back to"}},
		{"no such field", "/", func(v visitor) { v.fill("Surname", "x") },
			[]string{`no field has the name "Surname"`, `"Search", "Name *", "E-mail address"`, "Welcome."}},
		{"no such button", "/", func(v visitor) { v.press("Go") }, []string{`no button has the name "Go"`, `"Find", "Add guest", "Add all", "Small print"`}},
		{"no such link", "/", func(v visitor) { v.follow("Home") }, []string{`no link has the name "Home"`}},
		{"no such option", "/", func(v visitor) { v.choose("Room", "Cellar") }, []string{`no option "Cellar", but "First floor", "Second floor"`}},
		{"disabled option", "/", func(v visitor) { v.choose("Room", "Attic") }, []string{`"Attic" is disabled`}},
		{"disabled button", "/", func(v visitor) { v.press("Add all") }, []string{`"Add all" is disabled`}},
		{"enabled button", "/", func(v visitor) { v.seesDisabled("Find") }, []string{`"Find" can be pressed`}},
		{"missing text", "/", func(v visitor) { v.sees("Welcome.", "Good night.") }, []string{`there is no "Good night."`}},
		{"text that is there", "/", func(v visitor) { v.seesNot("Welcome.") }, []string{`there is "Welcome."`}},
		{"hidden text", "/", func(v visitor) { v.sees("Nobody reads this.") }, []string{"there is no"}},
		{"closed text", "/", func(v visitor) { v.sees("No dogs.") }, []string{"there is no"}},
		{"no file", "/guests", func(v visitor) { v.download("Desk") }, []string{`"Desk" brings no file`}},
		{"ambiguous button", "/faulty", func(v visitor) { v.press("Twin") }, []string{`"Twin" does not tell which button of 2`}},
		{"field without a name", "/faulty", func(v visitor) { v.fill("nameless", "x") }, []string{`no field has the name "nameless", others are ""`}},
		{"required field", "/faulty", func(v visitor) { v.press("Send") }, []string{"the form is not sent", "Needed"}},
	}
	t.Run("reader", func(t *testing.T) {
		t.Parallel()
		mine := []fault{
			{"needs script", "/faulty", func(v visitor) { v.press("Unreachable") }, []string{"does nothing without script"}},
			{"another host", "/faulty", func(v visitor) { v.follow("Away") }, []string{"leads to another host"}},
			{"no page", "/style.css", func(v visitor) {}, []string{"want a page"}},
		}
		at := openHotel(t)
		for _, f := range append(slices.Clone(faults), mine...) {
			f.check(t, func(t testing.TB) {
				r := newReader(t)
				r.open(at + f.path)
				f.do(r)
			})
		}
	})
	for _, m := range slices.Concat(manners, []manner{noScript}) {
		t.Run(m.String(), func(t *testing.T) {
			needsBrowser(t)
			t.Parallel()
			var mine []fault
			switch {
			case m.byKeyboard:
				mine = []fault{
					{"unreachable", "/faulty", func(v visitor) { v.press("Unreachable") }, []string{"the tabulator does not lead to", "Unreachable"}},
					{"focus unseen", "/faulty", func(v visitor) { v.press("Unseen") }, []string{"the focus cannot be seen", "Unseen"}},
				}
			case !m.withoutScript:
				nothing := func(v visitor) { v.sees("Here.") }
				mine = []fault{
					{"covered", "/faulty", func(v visitor) { v.press("Under") }, []string{"nobody can click that", "over"}},
					{"script throws", "/throws", nothing, []string{"script failed", "a fault of script", "/throws.js:1"}},
					{"promise is rejected", "/rejects", nothing, []string{"script failed", "a fault that comes later"}},
					{"console", "/logs", nothing, []string{"the console says", "warning"}},
					{"dialog", "/asks", nothing, []string{"a dialog of script", "Really?"}},
					{"missing resource", "/fetches", nothing, []string{"404", "/missing"}},
					{"policy", "/inline", nothing, []string{"Content Security Policy"}},
					{"another host", "/elsewhere", nothing, []string{"another host: http://other.invalid/pixel.png"}},
				}
			}
			at := openHotel(t)
			b := newBrowser(t, m)
			defer b.leave()
			b.patience = 0
			for _, f := range append(slices.Clone(faults), mine...) {
				f.check(t, func(t testing.TB) {
					was := b.t
					b.t = t
					defer func() { b.t = was }()
					defer b.report()
					b.open(at + f.path)
					f.do(b)
				})
			}
		})
	}
}

func TestAccessible_complains(t *testing.T) {
	needsBrowser(t)
	modules := os.Getenv("CARILLON_TEST_NODE")
	if modules == "" {
		t.Skip("CARILLON_TEST_NODE is not set; .ci/run sets it")
	}
	for path, wants := range map[string][]string{
		"/faulty": {"browser: label: ", "nameless", "browser narrow: label: "},
		"/dim":    {"browser: color-contrast: ", ".dim", "browser dark: color-contrast: ", "pixels wide, on a screen of 360"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			at := openHotel(t)
			b := newBrowser(t, manner{})
			defer b.leave()
			b.open(at + path)
			got := strings.Join(barriers(b, modules), "\n")
			for _, want := range wants {
				if !strings.Contains(got, want) {
					t.Errorf("got barriers %q, want %q in them", got, want)
				}
			}
		})
	}
}

func TestScreenshot(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	at := openHotel(t)
	var images [2]string
	for i := range images {
		b := newBrowser(t, manner{})
		b.open(at + "/guests")
		images[i] = string(screenshot(b))
		b.leave()
	}
	if images[0] != images[1] {
		t.Error("two screenshots of one page differ")
	}
	if image := images[0]; !strings.HasPrefix(image, "RIFF") || len(image) > maxPicture {
		t.Errorf("got %d bytes that begin with %.12q, want a small WebP", len(image), image)
	}
}
