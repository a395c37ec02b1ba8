package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/carillon-project/carillon/internal/testmode"
)

// The clock of a service for tests is moved by the requests of package testmode, as programs do.

// clockPage is what the clock of the service shows, and what somebody has typed.
type clockPage struct {
	Now          time.Time
	Frozen       bool
	Advance, Set string
	Problem      string
}

// errClock is what test mode has refused.
type errClock struct{ message string }

func (e errClock) Error() string { return e.message }

// askClock sends a request to the clock. body is what is to change; nil for nothing.
func (v *visit) askClock(method string, body map[string]any) (p clockPage, err error) {
	text := []byte{}
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return p, err
		}
	}
	r, err := http.NewRequestWithContext(v.r.Context(), method, v.Endpoint+testmode.Prefix+"clock", bytes.NewReader(text))
	if err != nil {
		return p, err
	}
	r.URL.Path = testmode.Prefix + "clock" // whatever the path of the endpoint is
	reply, err := inside{v.TestMode}.RoundTrip(r)
	if err != nil {
		return p, err
	}
	var answer struct {
		Now     time.Time
		Frozen  bool
		Message string
	}
	if err := json.NewDecoder(reply.Body).Decode(&answer); err != nil {
		return p, err
	}
	if reply.StatusCode == http.StatusBadRequest {
		return p, errClock{answer.Message}
	}
	if reply.StatusCode != http.StatusOK {
		return p, errors.New(answer.Message)
	}
	return clockPage{Now: answer.Now, Frozen: answer.Frozen}, nil
}

func (c *Console) clock(v *visit) error {
	p, err := v.askClock(http.MethodGet, nil)
	if err != nil {
		return err
	}
	return v.show("clock", p)
}

// advanceClock moves the clock forward.
func (c *Console) advanceClock(v *visit) error {
	by := v.r.PostFormValue("by")
	return v.changeClock(http.MethodPost, map[string]any{"advance": by}, clockPage{Advance: by})
}

// setClock sets the clock to a time, in UTC unless it says otherwise.
func (c *Console) setClock(v *visit) error {
	typed := clockPage{Set: v.r.PostFormValue("now")}
	at, ok := momentOf(typed.Set)
	if !ok {
		return v.clockAgain(typed, say("audit.time", typed.Set))
	}
	return v.changeClock(http.MethodPut, map[string]any{"now": at}, typed)
}

func (c *Console) freezeClock(v *visit) error {
	return v.changeClock(http.MethodPut, map[string]any{"frozen": true}, clockPage{})
}

func (c *Console) runClock(v *visit) error {
	return v.changeClock(http.MethodPut, map[string]any{"frozen": false}, clockPage{})
}

func (v *visit) changeClock(method string, body map[string]any, typed clockPage) error {
	_, err := v.askClock(method, body)
	if refused, ok := errors.AsType[errClock](err); ok {
		return v.clockAgain(typed, refused.message)
	}
	if err != nil {
		return err
	}
	return v.done("clock-changed", "/clock")
}

func (v *visit) clockAgain(typed clockPage, problem string) error {
	p, err := v.askClock(http.MethodGet, nil)
	if err != nil {
		return err
	}
	p.Advance, p.Set, p.Problem = typed.Advance, typed.Set, problem
	return v.showAgain("clock", p)
}
