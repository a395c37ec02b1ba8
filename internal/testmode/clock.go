package testmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// Clock is the clock of a service under test. It goes on with the time of the machine, from where
// it was set, or stands still. The store of the service keeps its state: it outlives a restart, and
// an operator who works on the store has the same time.
type Clock struct {
	store    store.Store
	changing sync.Mutex // held by a change while it waits for the store, whose updates call Now
	state    atomic.Pointer[clockState]
}

// clockSetting is where the store keeps the state of the clock, in JSON. It is there once the clock
// was set.
const clockSetting = "test-clock"

type clockState struct {
	Ahead  time.Duration `json:"ahead"`           // of the time of the machine, in nanoseconds
	Frozen time.Time     `json:"frozen,omitzero"` // the time it stands still at; zero: it goes on
}

func (s clockState) now() time.Time {
	if !s.Frozen.IsZero() {
		return s.Frozen
	}
	return time.Now().Add(s.Ahead)
}

// OpenClock returns the clock of the service on a store. If nobody has ever set it, as in every
// store that is not for tests, it shows the time of the machine.
func OpenClock(ctx context.Context, st store.Store) (*Clock, error) {
	var state clockState
	err := st.View(ctx, func(tx store.ReadTx) (err error) {
		state, err = readClock(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := &Clock{store: st}
	c.state.Store(&state)
	return c, nil
}

func readClock(tx store.ReadTx) (state clockState, err error) {
	text, err := tx.Setting(clockSetting)
	if errors.Is(err, store.ErrNotFound) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		err = fmt.Errorf("reading the clock of a service for tests: %w", err)
	}
	return state, err
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time { return c.state.Load().now() }

// The times that a clock can be set to. A [time.Duration] spans 292 years.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// errNotKept: the clock was left as it is.
var errNotKept = errors.New("the clock cannot be set, since the store does not keep it")

// change sets what is given of the clock. The error is errNotKept if the request is not at fault.
func (c *Clock) change(ctx context.Context, to clockChange) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	is := *c.state.Load()
	now, frozen := is.now(), !is.Frozen.IsZero()
	if to.Now != nil {
		now = *to.Now
	}
	if to.Advance != nil {
		now = now.Add(*to.Advance)
	}
	if to.Frozen != nil {
		frozen = *to.Frozen
	}
	if now.Before(earliest) || !now.Before(latest) {
		return fmt.Errorf("the clock can be set to the years 1970 to 2199, not to %s", now.UTC().Format(time.RFC3339))
	}
	state := clockState{Ahead: time.Until(now)}
	if frozen {
		state.Frozen = now.UTC().Round(0) // as it will be read back
	}
	return c.set(ctx, state)
}

// reset lets the clock show the time of the machine. The error is errNotKept.
func (c *Clock) reset(ctx context.Context) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	return c.set(ctx, clockState{})
}

// set keeps a state, and then goes by it.
func (c *Clock) set(ctx context.Context, state clockState) error {
	text, err := json.Marshal(state)
	if err == nil {
		err = c.store.Update(ctx, func(tx store.Tx) error { return tx.PutSetting(clockSetting, text) })
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotKept, err)
	}
	c.state.Store(&state)
	return nil
}

// clockChange is the body of a request: what is to change of the clock.
type clockChange struct {
	Now     *time.Time
	Advance *time.Duration
	Frozen  *bool
}

// maxChange is the size of such a body, in bytes.
const maxChange = 4096

// readChange reads a body in the manner of rules.
func readChange(w http.ResponseWriter, r *http.Request) (to clockChange, err error) {
	text, err := readBody(w, r, "the body", maxChange)
	if err != nil {
		return to, err
	}
	whole, err := readValue(text, "the body is not valid JSON")
	if err != nil {
		return to, err
	}
	if whole.Kind() != '{' {
		return to, errors.New(`the body must be a JSON object, such as {"advance": "24h"}`)
	}
	o := newObject("", whole, []string{"now", "advance", "frozen"})
	now, advance := o.text("now", maxText), o.text("advance", maxText)
	to.Frozen = o.truth("frozen")
	if o.err != nil {
		return to, o.err
	}
	if now != "" {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			return to, fmt.Errorf(`now is %.40q, which is not a time such as "2030-01-01T00:00:00Z"`, now)
		}
		to.Now = &at
	}
	if advance != "" {
		by, ok := parseSpan(advance)
		switch {
		case !ok && strings.HasPrefix(advance, "-"):
			return to, fmt.Errorf("advance is %.40q, and the clock advances only forward: set it to an earlier time instead", advance)
		case !ok:
			return to, fmt.Errorf(`advance is %.40q, which is not a time such as "90s", "24h" or "7d"`, advance)
		}
		to.Advance = &by
	}
	return to, nil
}

// clockAnswer is the body of an answer.
type clockAnswer struct {
	Now    string `json:"now"`
	Frozen bool   `json:"frozen"`
}

// parseSpan reads a time that is not negative: "90s", "24h" or, beyond what Go knows, "7d".
func parseSpan(text string) (time.Duration, bool) {
	inHours, factor := text, time.Duration(1)
	if days, ok := strings.CutSuffix(text, "d"); ok && strings.Trim(days, "+-.0123456789") == "" {
		inHours, factor = days+"h", 24
	}
	d, err := time.ParseDuration(inHours)
	if err != nil || d < 0 || d > math.MaxInt64/factor {
		return 0, false
	}
	return d * factor, true
}

func (m *Mode) showClock(w http.ResponseWriter, r *http.Request) { m.answerClock(w) }

func (m *Mode) setClock(w http.ResponseWriter, r *http.Request) {
	m.changeClock(w, r, func(to clockChange) error {
		if to.Advance != nil || to.Now == nil && to.Frozen == nil {
			return errors.New(`PUT takes "now", "frozen" or both; POST takes "advance"`)
		}
		return nil
	})
}

func (m *Mode) advanceClock(w http.ResponseWriter, r *http.Request) {
	m.changeClock(w, r, func(to clockChange) error {
		if to.Advance == nil || to.Now != nil {
			return errors.New(`POST takes "advance"; PUT takes "now"`)
		}
		return nil
	})
}

// changeClock keeps the state of the clock, then does what has fallen due, and then answers.
func (m *Mode) changeClock(w http.ResponseWriter, r *http.Request, takes func(clockChange) error) {
	to, err := readChange(w, r)
	if err == nil {
		err = takes(to)
	}
	if err == nil {
		err = m.Clock.change(r.Context(), to)
	}
	switch {
	case errors.Is(err, errNotKept):
		refuse(w, http.StatusInternalServerError, err)
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := m.RunDue(r.Context()); err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Errorf("the clock is set, but not all that was due could be done: %w", err))
		return
	}
	m.answerClock(w)
}

func (m *Mode) answerClock(w http.ResponseWriter) {
	state := m.Clock.state.Load()
	answer(w, http.StatusOK, clockAnswer{Now: api.FormatTime(state.now()), Frozen: !state.Frozen.IsZero()})
}
