package testmode

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// activity keeps the latest times that rules have fired.
type activity struct {
	mu      sync.Mutex
	lines   []line        // a ring: line n is at (n-1) % activityLines
	first   int           // the number of the first line since the last clear
	next    int           // the number of the next line
	changed chan struct{} // is closed when a line comes
}

// activityLines is how many lines are kept.
const activityLines = 10_000

// line says that a rule has fired.
type line struct {
	N         int    `json:"n"`    // from 1, rising as long as the service lives
	Time      string `json:"time"` // of the machine
	Rule      string `json:"rule"`
	Operation string `json:"operation"`
	Key       string `json:"key"`
	Account   string `json:"account,omitempty"`
	User      string `json:"user,omitempty"` // id or address of the item, or the id in the path
	Test      string `json:"test,omitempty"`
	Where     Where  `json:"where"`
	Effect    string `json:"effect"` // the code, what becomes of the connection, or "latency"
	RequestID string `json:"requestId"`
}

func newActivity() *activity {
	return &activity{first: 1, next: 1, changed: make(chan struct{})}
}

func (a *activity) add(l line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l.N, l.Time = a.next, api.FormatTime(time.Now())
	if i := (l.N - 1) % activityLines; i < len(a.lines) {
		a.lines[i] = l
	} else {
		a.lines = append(a.lines, l)
	}
	a.next++
	close(a.changed)
	a.changed = make(chan struct{})
}

// clear forgets all lines. Their numbers do not come again, so that those who wait for the next
// line get it.
func (a *activity) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first = a.next
}

// after returns the lines after number n, of one rule if it is not empty, and the number of the
// last line that there is. The channel is closed when another line comes.
func (a *activity) after(n int, rule string) (list []line, last int, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list = []line{}
	for i := max(n+1, a.first, a.next-activityLines); i < a.next; i++ {
		if l := a.lines[(i-1)%activityLines]; rule == "" || l.Rule == rule {
			list = append(list, l)
		}
	}
	return list, a.next - 1, a.changed
}

// maxWait is the longest time that a request waits for a line.
const maxWait = time.Minute

// showActivity answers with the lines after a number. If there is none yet, it waits for the first
// one.
func (f *Faults) showActivity(w http.ResponseWriter, r *http.Request) {
	after, wait, rule, err := activityQuery(r.URL)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	list, last, changed := f.activity.after(after, rule)
	if len(list) == 0 && wait > 0 {
		bePatient(w)
		enough := time.NewTimer(wait)
		defer enough.Stop()
		for waiting := true; waiting && len(list) == 0; list, last, changed = f.activity.after(after, rule) {
			select {
			case <-changed:
			case <-enough.C:
				waiting = false
			case <-r.Context().Done():
				return
			case <-f.closed:
				waiting = false
			}
		}
	}
	answer(w, http.StatusOK, struct {
		Activity []line `json:"activity"`
		Next     int    `json:"next"` // the number to go on after
	}{list, last})
}

func activityQuery(u *url.URL) (after int, wait time.Duration, rule string, err error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return 0, 0, "", errors.New("the query is not valid: its parts must be percent-encoded and separated by &")
	}
	for name, values := range query {
		value := values[0]
		switch name {
		case "after":
			if after, err = strconv.Atoi(value); err != nil || after < 0 {
				return 0, 0, "", fmt.Errorf("after is %.40q: it must be the number of a line, or 0", value)
			}
		case "wait":
			var ok bool
			if wait, ok = parseSpan(value); !ok || wait > maxWait {
				return 0, 0, "", fmt.Errorf("wait is %.40q: it must be a time such as \"30s\", of %v at most", value, maxWait)
			}
		case "rule":
			rule = value
		default:
			return 0, 0, "", fmt.Errorf("there is no parameter %.40q: %s", name, oneOf(name, []string{"after", "wait", "rule"}))
		}
	}
	return after, wait, rule, nil
}
