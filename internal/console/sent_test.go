package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// click sends a form, with values, and returns what the sender is answered; act does what the form
// is for and returns the status.
func (s *sent) click(ctx context.Context, values string, act func() int) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "POST", "/accounts?once="+strings.Repeat("A", onceSize), nil)
	s.once(w, r, "somebody", values, func(w http.ResponseWriter, _ *http.Request) {
		status := act()
		w.WriteHeader(status)
		w.Write([]byte(strconv.Itoa(status)))
	})
	return w
}

func newSent() *sent {
	return &sent{last: map[string]*sending{}, stands: func(*http.Request, http.Header) bool { return true }}
}

// Whoever waits for a form that is at work gets its answer, also where it is said to have failed:
// perhaps it was done. Whoever sends it later has it act again.
func TestSent_Waits(t *testing.T) {
	for _, status := range []int{http.StatusSeeOther, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			s, gate, acted := newSent(), make(chan struct{}), 0
			act := func() int {
				acted++
				<-gate
				return status
			}
			answers := make(chan *httptest.ResponseRecorder, 2)
			for range 2 {
				go func() { answers <- s.click(t.Context(), "name=Acme", act) }()
				synctest.Wait()
			}
			close(gate)
			for range 2 {
				if got := <-answers; got.Code != status || got.Body.String() != strconv.Itoa(status) {
					t.Errorf("got %d %q, want %d", got.Code, got.Body, status)
				}
			}
			want := 1
			if status == http.StatusForbidden { // of what the browser has broken off, it may be
				want = 2
			}
			if acted != want {
				t.Errorf("%d: it has acted %d times, want %d", status, acted, want)
			}
			if status != http.StatusSeeOther {
				want++
			}
			if s.click(t.Context(), "name=Acme", act); acted != want {
				t.Errorf("%d: sent later, it has acted %d times, want %d", status, acted, want)
			}
		})
	}
}

// Whoever leaves while a form is at work does not stay in memory until it ends.
func TestSent_Leaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gate := newSent(), make(chan struct{})
		act := func() int { <-gate; return http.StatusSeeOther }
		go s.click(t.Context(), "name=Acme", act)
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		left := false
		go func() {
			s.click(ctx, "name=Acme", act)
			left = true
		}()
		synctest.Wait()
		leave()
		if synctest.Wait(); !left {
			t.Error("it waits for what nobody is to be answered")
		}
		close(gate)
	})
}

// A form that fails does not take away what was done by the same form with other values meanwhile.
func TestSent_Overtaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gate := newSent(), make(chan struct{})
		go s.click(t.Context(), "name=Acme", func() int { <-gate; return http.StatusServiceUnavailable })
		synctest.Wait()
		acted := 0
		act := func() int { acted++; return http.StatusSeeOther }
		s.click(t.Context(), "name=Bravo", act)
		close(gate)
		synctest.Wait()
		if s.click(t.Context(), "name=Bravo", act); acted != 1 {
			t.Errorf("it has acted %d times, want once", acted)
		}
	})
}
