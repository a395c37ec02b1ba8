package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// change is a change that a form asks for: one call of the API, or one request of test mode.
type change struct {
	Operation string // empty for a request
	Title     string // what the button says
	About     string // whom or what it changes, for the title of the page; empty if there is no name yet
	Will      string // what will happen; empty if the title says it
	Final     bool   // nothing takes it back

	input   *document.Object
	request *testRequest                      // of test mode, instead of a call
	wrong   string                            // what is wrong with what was sent, if the console knows
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
		if ch.wrong != "" {
			return ch.again(ch.wrong)
		}
		return v.show("change", changePage{
			ofAccount: ofAccount{ch.account}, change: ch, Command: v.commandOf(ch),
			Path: v.base + strings.TrimSuffix(v.r.URL.EscapedPath(), askSuffix), Back: v.base + ch.page, Fields: v.r.Form,
		})
	})
	c.page("POST "+path, func(v *visit) error {
		ch, err := of(v)
		if err != nil {
			return err
		}
		out, problem, err := v.make(ch)
		if err != nil {
			return err
		}
		if problem != "" {
			return ch.again(problem)
		}
		to := ch.page
		if ch.then != nil {
			to = ch.then(out)
		}
		return v.done(strings.TrimPrefix(ch.said, noticePrefix), to)
	})
}

// commandOf spells the command that makes a change.
func (v *visit) commandOf(ch *change) string {
	if ch.request != nil {
		return ch.request.command
	}
	return v.awsCommand(ch.Operation, ch.input)
}

// make makes a change. problem says what has been refused, if somebody can correct it.
func (v *visit) make(ch *change) (out *document.Object, problem string, err error) {
	if ch.wrong != "" {
		return nil, ch.wrong, nil
	}
	if ch.request != nil {
		err := v.askTests(ch.request.method, ch.request.path, ch.request.body, nil)
		if refused, ok := errors.AsType[errRefused](err); ok {
			return nil, refused.message, nil
		}
		return nil, "", err
	}
	out, err = v.call(ch.Operation, ch.input)
	if problem, ok := corrigible(err); ok {
		return nil, problem, nil
	}
	// What is not found is something that the form names. If it is what the page is about, the page
	// says so.
	if e, ok := refusal(err); ok && e.Status == http.StatusNotFound {
		return nil, message(e), nil
	}
	if err != nil {
		return nil, "", err
	}
	// A batch of one succeeds though its user has failed.
	if failed := objects(out, "UserErrors"); len(failed) > 0 {
		return nil, cmp.Or(failed[0].Text("ErrorMessage"), failed[0].Text("ErrorCode")), nil
	}
	return out, "", nil
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
	Word string // of what program the command is
}

// errNoChange: a form asks for a change that there is not.
func errNoChange() error { return refusing(http.StatusNotFound, "error.notfound") }
