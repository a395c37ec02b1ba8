package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"sync"

	"github.com/carillon-project/carillon/internal/directory"
)

// A form acts once, however often it is sent: by two clicks, by a reload of its answer, or from a
// page that the browser has kept. Whoever sends it again gets the answer of the first time, and
// waits for it if need be. With other values it is another wish.
//
// What this does not cover:
//   - a page that is loaded again has new forms, and shows what was done before;
//   - another replica of the service, or this one after a start, does not know what was sent;
//   - nor does this one when it has answered so many forms that mostKept is passed;
//   - what was refused can be tried again, and so can what has failed, though perhaps it was done;
//   - so can what does not stand any more: see [Console.stands];
//   - a form that is sent again after another one of the same page, or other values, acts again;
//   - if something else took back what a form did, the form still says that it is done.

// onceKey is in the query of what forms are sent to. Its value names a page as it was once shown.
const onceKey = "once"

// postForm is the beginning of a form that is sent by POST, up to the end of the path that it is
// sent to. Texts of people cannot look so: they are escaped.
var postForm = regexp.MustCompile(`(<form\b[^>]* method="post"[^>]* action="[^"?]*)"`)

// onceEach gives the forms of a page what they act once by.
func onceEach(page []byte) []byte {
	return postForm.ReplaceAll(page, []byte(`${1}?`+onceKey+`=`+rand.Text()+`"`))
}

const (
	onceSize = 26      // bytes of [rand.Text]
	mostKept = 1 << 20 // bytes of answers
	keptCost = 1 << 10 // bytes of one besides its page
)

// sent is what forms have been sent.
type sent struct {
	stands func(*http.Request, http.Header) bool // see [Console.stands]

	mu   sync.Mutex
	last map[string]*sending // of each page that is remembered
	kept []*sending          // that have an answer, the oldest first
	size int                 // of their answers
}

// sending is a form that was sent, and how it was answered.
type sending struct {
	page   string
	what   [sha256.Size]byte
	over   chan struct{} // closed when there is an answer
	answer *answer       // nil: it is to be sent again
}

// once answers a form by act, unless it was sent before. who has sent it, and what: its values.
func (s *sent) once(w http.ResponseWriter, r *http.Request, who, what string, act func(http.ResponseWriter, *http.Request)) {
	page := r.URL.Query().Get(onceKey)
	if r.Method != http.MethodPost || len(page) != onceSize {
		act(w, r)
		return
	}
	mine := &sending{page: who + " " + page, what: sha256.Sum256([]byte(r.URL.Path + "\n" + what)), over: make(chan struct{})}
	for {
		s.mu.Lock()
		former := s.last[mine.page]
		if former == nil || former.what != mine.what {
			s.last[mine.page] = mine
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		select {
		case <-former.over:
		case <-r.Context().Done():
			return
		}
		switch a := former.answer; {
		case a == nil:
		case !s.stands(r, a.header):
			s.mu.Lock()
			s.forget(former)
			s.mu.Unlock()
		default:
			maps.Copy(w.Header(), a.header)
			w.WriteHeader(a.status)
			w.Write(a.body.Bytes()) // a browser that has gone is not worth a word
			return
		}
	}
	to, whole := &copied{ResponseWriter: w}, new(answer)
	defer func() { s.answered(mine, whole) }()
	act(to, r.WithContext(context.WithoutCancel(r.Context()))) // a second click ends the first request
	whole = &to.answer                                         // there is none where that panics
}

// toPlan is where the answer leads of a form that has made a plan.
var toPlan = regexp.MustCompile(`/plans/([A-Z2-7]{26})$`)

// stands reports whether an answer, by its header, is still good for whoever sends the form again:
// not if it has begun a session that has ended, or a plan that could not be made or is gone.
func (c *Console) stands(r *http.Request, header http.Header) bool {
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		if cookie.Name != c.cookie("").Name || cookie.Value == "" {
			continue
		}
		if _, _, err := c.Sessions.Resume(r.Context(), cookie.Value); errors.Is(err, directory.ErrNoSession) {
			return false
		}
	}
	m := toPlan.FindStringSubmatch(header.Get("Location"))
	if m == nil {
		return true
	}
	c.work.mu.Lock()
	defer c.work.mu.Unlock()
	p := c.work.plans[m[1]]
	return p != nil && p.State != planFailed
}

// answered remembers what was done. Whoever waits gets any answer but a refusal, which may be of
// what the browser has broken off, unless that shows the form again.
func (s *sent) answered(m *sending, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(m.over)
	done := a.status != 0 && a.status < http.StatusBadRequest
	if done || a.status == http.StatusUnprocessableEntity || a.status >= http.StatusInternalServerError {
		m.answer = a
	}
	if !done {
		s.forget(m)
		return
	}
	s.kept = append(s.kept, m)
	for s.size += m.cost(); s.size > mostKept; s.kept = s.kept[1:] {
		s.size -= s.kept[0].cost()
		s.forget(s.kept[0])
		s.kept[0] = nil // the array of the slice goes on
	}
}

func (s *sent) forget(m *sending) {
	if s.last[m.page] == m {
		delete(s.last, m.page)
	}
}

func (m *sending) cost() int { return m.answer.body.Len() + keptCost }

// copied is an answer that is sent, and kept.
type copied struct {
	http.ResponseWriter
	answer answer
}

func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *copied) WriteHeader(status int) {
	c.answer.WriteHeader(status)
	if c.answer.header == nil {
		c.answer.header = c.Header().Clone()
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(p []byte) (int, error) {
	if c.answer.header == nil {
		c.WriteHeader(http.StatusOK)
	}
	c.answer.body.Write(p)
	return c.ResponseWriter.Write(p)
}
