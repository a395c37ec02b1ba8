package console_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// manner is how a person has set up the browser.
type manner struct {
	withoutScript bool
	byKeyboard    bool // no mouse: what the tabulator does not reach cannot be used
	narrow        bool // a telephone
	dark          bool
}

// manners are those in which each scenario is told.
var manners = []manner{{}, {byKeyboard: true, narrow: true}}

// noScript is that of some. To the others the reader, who has no script either, tells the same, but
// for what styles hide.
var noScript = manner{withoutScript: true}

func (m manner) String() string {
	words := []string{"browser"}
	for _, w := range []struct {
		is   bool
		word string
	}{{m.withoutScript, "without script"}, {m.byKeyboard, "by keyboard"}, {m.narrow, "narrow"}, {m.dark, "dark"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

// chromium starts the one browser of this program, with a directory that TestMain removes.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(os.Getenv("CARILLON_TEST_CHROMIUM")),
		chromedp.UserDataDir(filepath.Join(browserHome, "profile")),
		chromedp.Env("HOME="+browserHome, "TMPDIR="+browserHome, "LANG=en_US.UTF-8"),
		chromedp.NoSandbox, // it does not run as root with one
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "Translate,BackForwardCache,MediaRouter,OptimizationHints"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.WSURLReadTimeout(time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	endBrowser = func() {
		_ = chromedp.Cancel(ctx) // politely, so that it writes no more
		cancel()
		stop()
	}
	return ctx, chromedp.Do(ctx)
})

var (
	browserHome string
	endBrowser  = func() {}
)

func TestMain(m *testing.M) {
	var err error
	if browserHome, err = os.MkdirTemp("", "console-browser"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	endBrowser()
	if err := os.RemoveAll(browserHome); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// browser is a visitor in a tab of chromium whose cookies and storage are its own. What goes wrong
// on a page without the person seeing it fails the test, too: see findings.
type browser struct {
	t        testing.TB
	manner   manner
	patience time.Duration // for what script may yet do
	tab      context.Context
	close    context.CancelFunc
	frame    cdp.FrameID
	files    string // where downloads and uploads lie

	happened chan struct{} // holds one if something has happened since someone looked

	mu        sync.Mutex
	busy      bool // a page is being loaded, or will be
	asked     map[network.RequestID]bool
	documents map[network.RequestID]bool
	hosts     map[string]bool
	findings  []string
	saved     []saved
	pages     int // that were shown
}

// saved is a download.
type saved struct {
	id, name string
	state    cdpbrowser.DownloadProgressState
}

//go:embed testdata/visitor.js
var visitorScript string

// world is the name of the place in a page where visitorScript runs.
const world = "visitor"

func newBrowser(t testing.TB, m manner) *browser {
	t.Helper()
	root, err := chromium()
	if err != nil {
		t.Fatalf("starting %s: %v", os.Getenv("CARILLON_TEST_CHROMIUM"), err)
	}
	b := &browser{
		t: t, manner: m, patience: hung, happened: make(chan struct{}, 1),
		asked: map[network.RequestID]bool{}, documents: map[network.RequestID]bool{}, hosts: map[string]bool{},
	}
	if b.files, err = os.MkdirTemp(browserHome, "files"); err != nil {
		t.Fatal(err)
	}
	b.tab, b.close = chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(b.tab); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	if err := chromedp.Listen(b.tab, b.note); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.ListenBrowser(b.tab, b.noteDownload); err != nil {
		t.Fatal(err)
	}
	b.frame = call(b, cdppage.GetFrameTree, cdp.Empty{}).FrameTree.Frame.ID
	yes := true
	_, err = chromedp.CallBrowser(b.tab, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: chromedp.FromContext(b.tab).BrowserContextID,
		DownloadPath: b.files, EventsEnabled: &yes,
	})
	if err != nil {
		t.Fatal(err)
	}
	call(b, runtime.AddBinding, runtime.AddBindingParams{Name: "happened", ExecutionContextName: world})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: m.withoutScript})
	b.wear(m)
	return b
}

// wear gives the screen its size and colors.
func (b *browser) wear(m manner) {
	b.t.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: 1200, Height: 800, DeviceScaleFactor: 1}
	if m.narrow {
		size.Width, size.Mobile = narrowWidth, true
	}
	colors := "light"
	if m.dark {
		colors = "dark"
	}
	call(b, emulation.SetDeviceMetricsOverride, size)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: colors}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

const narrowWidth = 360

// call has the tab do something.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.tab, hung)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// leave closes the tab, and fails the test if there are findings.
func (b *browser) leave() {
	b.t.Helper()
	b.report()
	b.close()
}

// report fails the test with the findings until now.
func (b *browser) report() {
	b.t.Helper()
	b.hear()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.findings {
		b.t.Error(f)
	}
	b.findings = nil
}

// note follows what goes on in the tab. Its findings are errors of script, what the console shows
// as an error, which includes what the policy of the page forbids, and requests to other hosts.
func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := func(format string, args ...any) { b.findings = append(b.findings, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *cdppage.EventFrameRequestedNavigation:
		b.busy = b.busy || e.FrameID == b.frame && e.Disposition == cdppage.ClientNavigationDispositionCurrentTab
	case *cdppage.EventFrameStartedLoading:
		b.busy = b.busy || e.FrameID == b.frame
	case *cdppage.EventFrameStoppedLoading:
		b.busy = b.busy && e.FrameID != b.frame
	case *cdppage.EventNavigatedWithinDocument:
		b.busy = b.busy && e.FrameID != b.frame
	case *cdppage.EventFrameNavigated:
		b.pages++
		clear(b.asked)
	case *cdppage.EventJavascriptDialogOpening:
		found("a dialog of script on %s: %s", e.URL, e.Message)
		go chromedp.Call(b.tab, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{}) // else all stands still
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			b.documents[e.RequestID] = true
		}
		if e.Type == network.ResourceTypeFetch || e.Type == network.ResourceTypeXHR {
			b.asked[e.RequestID] = true
		}
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != "" && !b.hosts[u.Host] {
			found("%s sends a request to another host: %s", e.DocumentURL, e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		if u, err := url.Parse(e.URL); err != nil || !b.hosts[u.Host] {
			found("a request to another host: %s", e.URL)
		}
	case *network.EventLoadingFinished:
		delete(b.asked, e.RequestID)
	case *network.EventLoadingFailed:
		delete(b.asked, e.RequestID)
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		found("script failed at %s:%d: %s", d.URL, d.LineNumber+1, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			found("the console says: %s", strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		// The status of a page is what the person sees; that of what a page loads is an error. For
		// its icon the browser asks where a page names none, now and then.
		asked := e.Entry.Source == log.EntrySourceNetwork && (b.documents[e.Entry.NetworkRequestID] || strings.HasSuffix(e.Entry.URL, "/favicon.ico"))
		if e.Entry.Level == log.EntryLevelError && !asked {
			found("the console says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventBindingCalled:
	default:
		return
	}
	b.wake()
}

func (b *browser) noteDownload(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *cdpbrowser.EventDownloadWillBegin:
		if e.FrameID == b.frame {
			b.saved = append(b.saved, saved{id: e.GUID, name: e.SuggestedFilename})
		}
	case *cdpbrowser.EventDownloadProgress:
		for i := range b.saved {
			if b.saved[i].id == e.GUID {
				b.saved[i].state = e.State
			}
		}
	default:
		return
	}
	b.wake()
}

func (b *browser) wake() {
	select {
	case b.happened <- struct{}{}:
	default:
	}
}

// until asks again whenever something has happened, and reports whether the answer was ever yes.
func (b *browser) until(is func() bool, wait time.Duration) bool {
	patience := time.After(wait)
	for !is() {
		select {
		case <-b.happened:
		case <-patience:
			return is()
		case <-b.tab.Done():
			return false
		}
	}
	return true
}

// hear returns when note knows what the page has done until now, which it hears in order with the
// answer to a question. The answer to a click comes by another way, and may be here first.
func (b *browser) hear() {
	ctx, cancel := context.WithTimeout(b.tab, hung)
	defer cancel()
	// It fails where the page goes away meanwhile. Then the next thing that is asked says so.
	_, _ = chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "0"})
}

// settle waits until the page stands still: it is loaded, and has the answers that it asked for.
func (b *browser) settle() {
	b.t.Helper()
	b.hear()
	still := b.until(func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return !b.busy && len(b.asked) == 0
	}, hung)
	if !still {
		b.report()
		b.t.Fatal("the page never stands still")
	}
}

// evaluate runs an expression where visitorScript is, and returns its value.
func evaluate[T any](b *browser, format string, args ...any) (value T) {
	b.t.Helper()
	result, err := b.tryEvaluate(fmt.Sprintf(format, args...))
	if err == nil && len(result) > 0 {
		err = json.Unmarshal(result, &value)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

func (b *browser) tryEvaluate(expression string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(b.tab, hung)
	defer cancel()
	made, err := chromedp.Call(ctx, cdppage.CreateIsolatedWorld, cdppage.CreateIsolatedWorldParams{FrameID: b.frame, WorldName: world})
	if err != nil {
		return nil, err
	}
	yes, waits := true, !b.manner.withoutScript // without script no promise is ever kept
	result, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ContextID: made.ExecutionContextID, ReturnByValue: &yes, AwaitPromise: &waits})
	switch {
	case err != nil:
		return nil, err
	case result.ExceptionDetails != nil:
		return nil, fmt.Errorf("%.80s: %s", expression, result.ExceptionDetails.Exception.Description)
	}
	return result.Result.Value, nil
}

// page looks at the page that stands still.
func (b *browser) page() *page {
	b.t.Helper()
	var p *page
	var err error
	seen := b.until(func() bool {
		b.settle()
		p, err = b.look()
		return err == nil // or the page has gone while this looked
	}, hung)
	if !seen {
		b.t.Fatalf("looking at the page: %v", err)
	}
	return p
}

func (b *browser) look() (*page, error) {
	result, err := b.tryEvaluate(visitorScript + "; visitor.changes(() => happened('')); visitor.look()")
	if err != nil {
		return nil, err
	}
	var seen struct{ HTML, Title, Address string }
	if err := json.Unmarshal(result, &seen); err != nil {
		return nil, err
	}
	p := &page{title: spaced(seen.Title)}
	if p.address, err = url.Parse(seen.Address); err != nil {
		return nil, err
	}
	p.root, err = html.ParseWithOptions(strings.NewReader(seen.HTML), html.ParseOptionEnableScripting(false))
	return p, err
}

// wait looks until what it is about can be, which only script makes happen on a page that stands
// still. It returns the last error.
func (b *browser) wait(can func(p *page) error) (err error) {
	b.t.Helper()
	b.until(func() bool {
		err = can(b.page())
		return err == nil || b.manner.withoutScript
	}, b.patience)
	return err
}

// usable waits for an element, and returns it with its number.
func (b *browser) usable(k kind, name string) (n *html.Node, number int) {
	b.t.Helper()
	err := b.wait(func(p *page) (err error) {
		n, err = p.usable(k, name)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n, numberOf(n)
}

func numberOf(n *html.Node) int {
	number, err := strconv.Atoi(attr(n, "data-n"))
	if err != nil {
		return -1 // the parser made it
	}
	return number
}

func (b *browser) open(address string) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		b.t.Fatalf("an address that a person types has a host: %s", address)
	}
	b.mu.Lock()
	b.hosts[u.Host] = true
	b.busy = true
	b.mu.Unlock()
	result := call(b, cdppage.Navigate, cdppage.NavigateParams{URL: address})
	if result.ErrorText != "" || result.IsDownload {
		b.t.Fatalf("%s is no page: %s", address, result.ErrorText)
	}
	b.settle()
}

func (b *browser) follow(name string) {
	b.t.Helper()
	_, n := b.usable(link, name)
	b.use(n, kb.Enter)
}

func (b *browser) press(name string) {
	b.t.Helper()
	_, n := b.usable(button, name)
	b.pressNumber(n)
}

func (b *browser) pressNumber(n int) {
	b.t.Helper()
	if refusal := evaluate[string](b, "visitor.refusal(%d)", n); refusal != "" {
		b.t.Fatalf("the form is not sent: %s", refusal)
	}
	b.use(n, kb.Enter)
}

// use clicks an element, or goes to it and presses a key.
func (b *browser) use(n int, key string) {
	b.t.Helper()
	if b.manner.byKeyboard {
		b.reach(n)
		b.key(key)
	} else {
		b.click(b.place(n))
	}
	b.settle()
}

// point is where an element is, and what covers it.
type point struct {
	X, Y    float64
	Covered string
}

func (b *browser) place(n int) point {
	b.t.Helper()
	at := evaluate[point](b, "visitor.place(%d)", n)
	if at.Covered != "" {
		b.t.Fatalf("nobody can click that: %s: %s", at.Covered, b.page())
	}
	return at
}

func (b *browser) click(at point) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.tab, hung)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		b.t.Fatalf("clicking: %v", err)
	}
}

func (b *browser) key(key string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.tab, hung)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.KeyEvent(key)); err != nil {
		b.t.Fatalf("pressing a key: %v", err)
	}
}

// reach goes to an element by the tabulator, and demands that people see that they are there.
func (b *browser) reach(n int) {
	b.t.Helper()
	type focus struct{ Here, Seen, Lost bool }
	for presses, rounds := 0, 0; presses < 500 && rounds < 2; presses++ {
		f := evaluate[focus](b, "visitor.focus(%d)", n)
		if f.Here {
			if !f.Seen {
				b.t.Fatalf("the focus cannot be seen on %s", evaluate[string](b, "visitor.elements[%d].outerHTML", n))
			}
			return
		}
		if f.Lost && presses > 0 {
			rounds++
		}
		b.key(kb.Tab)
	}
	b.t.Fatalf("the tabulator does not lead to %s", evaluate[string](b, "visitor.elements[%d].outerHTML", n))
}

// typed are the types of fields in which people type text as it is. A textarea has none.
var typed = []string{"", "text", "search", "email", "url", "tel", "password", "number"}

func (b *browser) fill(label, text string) {
	b.t.Helper()
	control, n := b.usable(field, label)
	if has(control, "readonly") {
		b.t.Fatalf("the field %q is read-only", label)
	}
	if control.DataAtom != atom.Textarea && !slices.Contains(typed, inputType(control)) {
		evaluate[any](b, "visitor.put(%d, %s)", n, quoted(text))
		b.settle()
		return
	}
	if b.manner.byKeyboard {
		b.reach(n)
	} else {
		b.use(n, "")
	}
	evaluate[any](b, "visitor.select(%d)", n)
	if text == "" {
		b.key(kb.Delete)
	} else {
		call(b, input.InsertText, input.InsertTextParams{Text: text})
	}
	b.settle()
}

func (b *browser) choose(label, option string) {
	b.t.Helper()
	var control, chosen *html.Node
	err := b.wait(func(p *page) (err error) {
		if control, err = p.usable(list, label); err == nil {
			chosen, err = p.option(control, option)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	n := numberOf(control)
	if !b.manner.byKeyboard {
		evaluate[any](b, "visitor.put(%d, %s)", n, quoted(optionValue(chosen)))
		b.settle()
		return
	}
	b.reach(n)
	want := 0
	for o := range control.Descendants() {
		if o == chosen {
			break
		}
		if o.DataAtom == atom.Option {
			want++
		}
	}
	for at := evaluate[int](b, "visitor.option(%d)", n); at != want; {
		if at < want {
			b.key(kb.ArrowDown)
		} else {
			b.key(kb.ArrowUp)
		}
		now := evaluate[int](b, "visitor.option(%d)", n)
		if now == at {
			b.t.Fatalf("the arrow keys do not lead to the option %q", option)
		}
		at = now
	}
	b.settle()
}

func (b *browser) check(label string)   { b.t.Helper(); b.setBox(label, true) }
func (b *browser) uncheck(label string) { b.t.Helper(); b.setBox(label, false) }

func (b *browser) setBox(label string, want bool) {
	b.t.Helper()
	control, n := b.usable(checkbox, label)
	if has(control, "checked") == want {
		return
	}
	if b.manner.byKeyboard && inputType(control) == "radio" {
		b.chooseRadio(n)
	} else {
		b.use(n, " ")
	}
	if evaluate[bool](b, "visitor.checked(%d)", n) != want {
		b.t.Fatalf("the box %q does not change", label)
	}
}

// chooseRadio goes from button to button of a group by an arrow key, as the tabulator enters it at
// one only.
func (b *browser) chooseRadio(n int) {
	b.t.Helper()
	peers := evaluate[[]int](b, `visitor.elements.flatMap((e, i) =>
		e.type === "radio" && e.name === visitor.elements[%d].name && e.form === visitor.elements[%[1]d].form ? [i] : [])`, n)
	entry := peers[0]
	for _, peer := range peers {
		if evaluate[bool](b, "visitor.checked(%d)", peer) {
			entry = peer
		}
	}
	b.reach(entry)
	if len(peers) == 1 || entry == n {
		b.key(" ")
	}
	for range peers {
		if evaluate[bool](b, "visitor.checked(%d)", n) {
			break
		}
		b.key(kb.ArrowDown)
	}
	b.settle()
}

func (b *browser) attach(label, fileName string, content []byte) {
	b.t.Helper()
	_, n := b.usable(fileBox, label)
	dir, err := os.MkdirTemp(b.files, "upload")
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	if b.manner.byKeyboard {
		b.reach(n) // where people press Enter, and a dialog of the system opens
	}
	made := call(b, cdppage.CreateIsolatedWorld, cdppage.CreateIsolatedWorldParams{FrameID: b.frame, WorldName: world})
	control := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: fmt.Sprintf("visitor.elements[%d]", n), ContextID: made.ExecutionContextID})
	call(b, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, ObjectID: control.Result.ObjectID})
	b.settle()
}

func (b *browser) download(name string) (string, []byte) {
	b.t.Helper()
	var n *html.Node
	err := b.wait(func(p *page) (err error) {
		if n, err = p.usable(link, name); err != nil {
			if control, buttonErr := p.usable(button, name); buttonErr == nil {
				n, err = control, nil
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	before, pages := len(b.saved), b.pages
	b.mu.Unlock()
	if kindOf(n) == button {
		b.pressNumber(numberOf(n))
	} else {
		b.use(numberOf(n), kb.Enter)
	}
	var got saved
	b.until(func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.saved) > before {
			got = b.saved[before]
		}
		return got.state == cdpbrowser.DownloadProgressStateCompleted || got.state == cdpbrowser.DownloadProgressStateCanceled || b.pages > pages
	}, hung)
	if got.state != cdpbrowser.DownloadProgressStateCompleted {
		b.t.Fatalf("%q brings no file: %s", name, b.page())
	}
	content, err := os.ReadFile(filepath.Join(b.files, got.id))
	if err != nil {
		b.t.Fatal(err)
	}
	return got.name, content
}

func (b *browser) back() {
	b.t.Helper()
	history := call(b, cdppage.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex < 2 { // the first one is the empty tab
		b.t.Fatal("there is no page to go back to")
	}
	b.load()
	call(b, cdppage.NavigateToHistoryEntry, cdppage.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
	b.settle()
}

// load says that a page is going to be loaded.
func (b *browser) load() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = true
}

func (b *browser) sees(texts ...string) {
	b.t.Helper()
	err := b.wait(func(p *page) error {
		if text := missing(p, texts); text != "" {
			return fmt.Errorf("there is no %q: %s", text, p)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) seesNot(text string) {
	b.t.Helper()
	err := b.wait(func(p *page) error {
		if missing(p, []string{text}) == "" {
			return fmt.Errorf("there is %q: %s", text, p)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) seesDisabled(name string) {
	b.t.Helper()
	err := b.wait(func(p *page) error {
		n, err := p.find(button, name)
		if err == nil && !isDisabled(n) {
			err = fmt.Errorf("the button %q can be pressed: %s", name, p)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) awaits(texts ...string) {
	b.t.Helper()
	if !b.manner.withoutScript {
		b.sees(texts...)
		return
	}
	for end := time.Now().Add(hung); missing(b.page(), texts) != ""; {
		if time.Now().After(end) {
			b.sees(texts...)
		}
		b.load()
		call(b, cdppage.Reload, cdppage.ReloadParams{})
	}
}

func (b *browser) address() *url.URL { b.t.Helper(); return b.page().address }
func (b *browser) title() string     { b.t.Helper(); return b.page().title }

// quoted is a text as script writes it.
func quoted(text string) string {
	literal, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string is JSON
	}
	return string(literal)
}
