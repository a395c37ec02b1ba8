package console_test

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// visitor is a person at pages. It finds things by what people read or hear: fields by their label,
// links and buttons by their text. Whatever is missing, ambiguous or disabled fails the test with a
// list of what there is. An action returns when the page stands still again.
type visitor interface {
	// open goes to an address, as if it was typed. Its host is one that pages may load from.
	open(address string)
	follow(link string)
	back()
	// fill replaces what stands in a field.
	fill(label, text string)
	choose(label, option string)
	// check and uncheck leave alone a box that already is as it should be. A radio button is a box.
	check(label string)
	uncheck(label string)
	attach(label, fileName string, content []byte)
	press(button string)
	// download follows a link, or presses a button, that leads to a file.
	download(name string) (fileName string, content []byte)

	// sees demands all of these texts, in any order. Space of any kind is one space, also where the
	// page has lines or cells.
	sees(texts ...string)
	// seesNot demands that the text is gone. Say first, with sees, what has come instead.
	seesNot(text string)
	// seesDisabled demands a button that is there and cannot be pressed.
	seesDisabled(button string)
	// awaits is sees for what takes its time: where no script does it, the person reloads the page.
	awaits(texts ...string)

	address() *url.URL
	title() string
}

// hung is how long a person waits before the test fails. It measures nothing.
const hung = 60 * time.Second

// scenario tells a story to each kind of visitor: to a client that only reads HTML, and to a
// browser with script, to one by keyboard on a narrow screen, and in more manners if there are any.
// Each is told it anew, so the story starts what it visits. Browsers take part where there is one:
//
//	CARILLON_TEST_CHROMIUM  the program chromium
//	CARILLON_TEST_NODE      a directory node_modules with axe-core, for accessible
func scenario(t *testing.T, name string, tell func(t *testing.T, v visitor), more ...manner) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		t.Run("reader", func(t *testing.T) {
			t.Parallel()
			tell(t, newReader(t))
		})
		for _, m := range slices.Concat(manners, more) {
			t.Run(m.String(), func(t *testing.T) {
				needsBrowser(t)
				t.Parallel()
				b := newBrowser(t, m)
				defer b.leave() // before the service of the story ends
				tell(t, b)
			})
		}
	})
}

// needsBrowser leaves a test out where there is no browser. The race detector, which goes with
// -short, would find nothing in the browser, and each story is told to the reader.
func needsBrowser(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one thing after another")
	}
	if os.Getenv("CARILLON_TEST_CHROMIUM") == "" {
		t.Skip("CARILLON_TEST_CHROMIUM is not set; .ci/run sets it")
	}
}

// missing returns the first of the texts that the page does not have.
func missing(p *page, texts []string) string {
	read := p.text()
	for _, text := range texts {
		if !strings.Contains(read, spaced(text)) {
			return text
		}
	}
	return ""
}
