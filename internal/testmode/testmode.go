// Package testmode is what `carillon serve --test` offers beyond the service, to those who test
// scripts and programs against it: a [Clock] that they move. Nothing of it is reachable otherwise.
// Start at [Handler].
package testmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// The key pair of every service in test mode. Everybody knows it: it guards nothing.
const (
	AccessKeyID     = "AKIACARILLONTEST0000"
	SecretAccessKey = "carillonTestSecretAccessKey0000000000000"
)

// Prefix is what the paths of test mode begin with.
const Prefix = "/_carillon/"

// Clock is the clock of a service under test. It goes on with the time of the machine, from where
// it was set, or stands still. The zero value shows the time of the machine.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration // of the time of the machine
	frozen time.Time     // the time it stands still at; zero: it goes on
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Add(c.ahead)
}

// The times that a clock can be set to. A [time.Duration] spans 292 years.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// set lets the clock show a time, and go on from there or stand still.
func (c *Clock) set(to time.Time, frozen bool) error {
	if to.Before(earliest) || !to.Before(latest) {
		return fmt.Errorf("the clock can be set to the years 1970 to 2199, not to %s", to.UTC().Format(time.RFC3339))
	}
	c.ahead, c.frozen = time.Until(to), time.Time{}
	if frozen {
		c.frozen = to
	}
	return nil
}

// change sets what is given of the clock.
func (c *Clock) change(to clockChange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, frozen := c.now(), !c.frozen.IsZero()
	if to.Now != nil {
		now = *to.Now
	}
	if to.Advance != nil {
		now = now.Add(time.Duration(*to.Advance))
	}
	if to.Frozen != nil {
		frozen = *to.Frozen
	}
	return c.set(now, frozen)
}

// clockChange is the body of a request: what is to change of the clock.
type clockChange struct {
	Now     *time.Time `json:"now"`
	Advance *span      `json:"advance"`
	Frozen  *bool      `json:"frozen"`
}

// clockState is the body of an answer.
type clockState struct {
	Now    string `json:"now"`
	Frozen bool   `json:"frozen"`
}

// span is a time to go forward by, such as "90s", "24h" or "7d".
type span time.Duration

func (s *span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New(`advance must be a text such as "24h"`)
	}
	inHours, factor := text, time.Duration(1)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		inHours, factor = days+"h", 24
	}
	d, err := time.ParseDuration(inHours)
	if err != nil || d < 0 || d > math.MaxInt64/factor {
		return fmt.Errorf(`advance is %.40q, which is not a time such as "90s", "24h" or "7d"`, text)
	}
	*s = span(d * factor)
	return nil
}

// Handler answers the paths of test mode and leaves the others to next:
//
//	GET  /_carillon/clock   {"now": "2026-03-01T12:00:00.000Z", "frozen": false}
//	PUT  /_carillon/clock   sets what is given of now (RFC 3339) and frozen
//	POST /_carillon/clock   goes forward: {"advance": "24h"}, with frozen if that is to change, too
//
// PUT and POST do what has fallen due before they answer, like GET. runDue is to do that. The
// requests are not signed, and pages of other origins in a browser may not make them.
func Handler(clock *Clock, runDue func(context.Context) error, next http.Handler) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET "+Prefix+"clock", func(w http.ResponseWriter, r *http.Request) {
		answerClock(w, clock)
	})
	changed := func(takes func(clockChange) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var to clockChange
			err := decode(w, r, &to)
			if err == nil {
				err = takes(to)
			}
			if err == nil {
				err = clock.change(to)
			}
			if err != nil {
				refuse(w, http.StatusBadRequest, err)
				return
			}
			if err := runDue(r.Context()); err != nil {
				refuse(w, http.StatusInternalServerError, fmt.Errorf("the clock is set, but not all that was due could be done: %w", err))
				return
			}
			answerClock(w, clock)
		}
	}
	own.HandleFunc("PUT "+Prefix+"clock", changed(func(to clockChange) error {
		if to.Advance != nil || to.Now == nil && to.Frozen == nil {
			return errors.New(`PUT takes "now", "frozen" or both; POST takes "advance"`)
		}
		return nil
	}))
	own.HandleFunc("POST "+Prefix+"clock", changed(func(to clockChange) error {
		if to.Advance == nil || to.Now != nil {
			return errors.New(`POST takes "advance"; PUT takes "now"`)
		}
		return nil
	}))
	own.HandleFunc(Prefix+"clock", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, POST, PUT")
		refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("the clock is asked by GET and set by PUT or POST, not by %s", r.Method))
	})
	own.HandleFunc(Prefix, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("test mode has no %s; it has %sclock", r.URL.Path, Prefix))
	})
	guarded := http.NewCrossOriginProtection().Handler(own)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, Prefix) {
			guarded.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxBody is the size of a request, in bytes.
const maxBody = 4096

// decode reads the JSON object that a request is.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return fmt.Errorf("the body is not what is wanted: %w", err)
	}
	return nil
}

func answerClock(w http.ResponseWriter, c *Clock) {
	c.mu.Lock()
	state := clockState{Now: api.FormatTime(c.now()), Frozen: !c.frozen.IsZero()}
	c.mu.Unlock()
	answer(w, http.StatusOK, state)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, struct {
		Message string `json:"message"`
	}{err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
