package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// change is a change that a form asks for: one call of the API.
type change struct {
	Operation string
	Title     string // what the button says
	About     string // whom or what it changes, for the title of the page; empty if there is no name yet
	Will      string // what will happen; empty if the title says it
	Final     bool   // nothing takes it back

	input   *document.Object
	account *account                          // that the page is about, nil if none
	page    string                            // the path of the page with the form
	again   func(problem string) error        // shows that page with what was sent, and what is wrong
	said    string                            // what is said when it has been made: the key of a text that begins with noticePrefix
	then    func(out *document.Object) string // the path of the page that says so; nil: page
}

// askSuffix ends the path of the page about a change.
const askSuffix = "/ask"

// change adds a form that makes a change. POST makes it. GET of the same path with askSuffix shows
// what will happen and the command that does the same, and makes nothing.
func (c *Console) change(path string, of func(*visit) (*change, error)) {
	c.page("GET "+path+askSuffix, func(v *visit) error {
		ch, err := of(v)
		if err != nil {
			return err
		}
		return v.show("change", changePage{
			ofAccount: ofAccount{ch.account}, change: ch, Command: v.awsCommand(ch.Operation, ch.input),
			Path: v.base + strings.TrimSuffix(v.r.URL.EscapedPath(), askSuffix), Back: v.base + ch.page, Fields: v.r.Form,
		})
	})
	c.page("POST "+path, func(v *visit) error {
		ch, err := of(v)
		if err != nil {
			return err
		}
		out, err := v.call(ch.Operation, ch.input)
		if problem, ok := corrigible(err); ok {
			return ch.again(problem)
		}
		// What is not found is something that the form names. If it is what the page is about, the
		// page says so.
		if e, ok := refusal(err); ok && e.Status == http.StatusNotFound {
			return ch.again(e.Message)
		}
		if err != nil {
			return err
		}
		// A batch of one succeeds though its user has failed.
		if failed := objects(out, "UserErrors"); len(failed) > 0 {
			return ch.again(failed[0].Text("ErrorMessage"))
		}
		to := ch.page
		if ch.then != nil {
			to = ch.then(out)
		}
		return v.done(strings.TrimPrefix(ch.said, noticePrefix), to)
	})
}

// changePage is the page about a change, before it is made.
type changePage struct {
	ofAccount
	*change
	Command    string
	Path, Back string
	Fields     url.Values // what has to be sent for the change to be made
}

// ask is the button of a form that leads to the page about its change.
type ask struct {
	Path string // that the form is sent to
	Of   string // what the button that makes the change says
}

// errNoChange: a form asks for a change that there is not.
func errNoChange() error { return refusing(http.StatusNotFound, "error.notfound") }
