package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/shell"
)

// clockPage is what the clock of a service for tests shows, and what somebody has typed.
type clockPage struct {
	Now          time.Time
	Frozen       bool
	Advance, Set string
	Problem      string
}

// clockPage asks the clock.
func (v *visit) clockPage() (p clockPage, err error) {
	var shows struct {
		Now    time.Time
		Frozen bool
	}
	err = v.askTests(http.MethodGet, "clock", nil, &shows)
	return clockPage{Now: shows.Now, Frozen: shows.Frozen}, err
}

func (c *Console) clock(v *visit) error {
	p, err := v.clockPage()
	if err != nil {
		return err
	}
	return v.show("clock", p)
}

// advanceClock moves the clock forward.
func (c *Console) advanceClock(v *visit) (*change, error) {
	by := v.r.FormValue("by")
	return v.clockChange(say("clock.advance"), http.MethodPost, map[string]any{"advance": by}, "advance "+operand(by)), nil
}

// setClock sets the clock to a time, in UTC unless it says otherwise.
func (c *Console) setClock(v *visit) (*change, error) {
	text := v.r.FormValue("now")
	at, ok := momentOf(text)
	ch := v.clockChange(say("clock.set"), http.MethodPut, map[string]any{"now": api.FormatTime(at)}, "set "+api.FormatTime(at))
	if !ok {
		ch.wrong = say("audit.time", text)
	}
	return ch, nil
}

func (c *Console) freezeClock(v *visit) (*change, error) {
	return v.clockChange(say("clock.freeze"), http.MethodPut, map[string]any{"frozen": true}, "freeze"), nil
}

func (c *Console) runClock(v *visit) (*change, error) {
	return v.clockChange(say("clock.run"), http.MethodPut, map[string]any{"frozen": false}, "resume"), nil
}

// clockChange returns a change of the clock. words are those of its command, after carillon clock.
func (v *visit) clockChange(title, method string, body map[string]any, words string) *change {
	return &change{
		Title: title, page: "/clock", said: "done.clock-changed",
		request: &testRequest{method, "clock", body, "carillon clock " + words},
		again: func(problem string) error {
			p, err := v.clockPage()
			if err != nil {
				return err
			}
			p.Advance, p.Set, p.Problem = v.r.FormValue("by"), v.r.FormValue("now"), problem
			return v.showAgain("clock", p)
		},
	}
}

// operand spells a word of a command line that is no flag, whatever it begins with.
func operand(word string) string {
	if strings.HasPrefix(word, "-") {
		return "-- " + shell.Quote(word)
	}
	return shell.Quote(word)
}
