package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// denial is a request that is refused for a reason that can hold for any number of requests. The
// answer may repeat what the client sent; the reason and what else is for the log never do.
type denial struct {
	reason string
	answer *api.Error
	attrs  []slog.Attr // for the log, beside the reason
}

func (d *denial) Error() string { return d.answer.Error() }
func (d *denial) Unwrap() error { return d.answer }

// arranged is an answer that was asked for, of an [Options].Intercept: nothing has failed, whatever
// its status says.
type arranged interface {
	error
	ArrangedReason() string // for the log; never of what the client sent
}

// log writes the line of a request.
func (s *server) log(r *http.Request, x *exchange, status int, took time.Duration, err error) {
	var omitted int
	level := slog.LevelDebug
	e, modeled := errors.AsType[*api.Error](err)
	d, denied := errors.AsType[*denial](err)
	a, meant := errors.AsType[arranged](err)
	switch {
	case err == nil:
	case meant:
		level = slog.LevelInfo
	case denied:
		level, omitted = s.thinner.level(d.level(), x.kind(d), s.Clock())
	case modeled && status < 500 && !x.proven: // anybody can send any number
	case modeled && status < 500 || errors.Is(err, context.Canceled):
		level = slog.LevelInfo
	default:
		level = slog.LevelError
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("operation", x.operation),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.String("key_id", x.keyID),
		slog.String("request_id", x.requestID))
	switch {
	case err == nil:
	case denied:
		attrs = append(attrs, slog.String("exception", string(d.answer.Exception)), slog.String("reason", d.reason))
		attrs = append(attrs, d.attrs...)
		if omitted > 0 {
			attrs = append(attrs, slog.Int("omitted", omitted))
		}
	case modeled: // its message may repeat the request's text
		attrs = append(attrs, slog.String("exception", string(e.Exception)))
		if meant {
			attrs = append(attrs, slog.String("reason", a.ArrangedReason()))
		}
	default:
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// level is what the first line of a kind of denials is worth.
func (d *denial) level() slog.Level {
	switch {
	case d.reason == unsigned:
		return slog.LevelDebug
	case d.answer.Exception == api.ThrottledClientException:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// kind says which lines are alike. There are few kinds, whatever strangers send.
type kind struct{ keyID, operation, reason string }

func (x *exchange) kind(d *denial) kind {
	if !x.proven {
		return kind{x.keyID, "", d.reason}
	}
	return kind{x.keyID, x.operation, d.reason}
}

// thinFor is how long a line stands for those like it.
const thinFor = time.Minute

// thinner keeps denials from filling the log: of lines of a kind it lets one pass now and again.
type thinner struct {
	mu    sync.Mutex
	kinds map[kind]*thinned
}

type thinned struct {
	last    time.Time
	omitted int // since then
}

// level returns the level of a line, which is that of details if it need not be read, and how
// many of its kind were left out before it.
func (t *thinner) level(level slog.Level, k kind, now time.Time) (_ slog.Level, omitted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen, ok := t.kinds[k]
	if ok && now.Sub(seen.last).Abs() < thinFor {
		seen.omitted++
		return slog.LevelDebug, 0
	}
	if !ok {
		if t.kinds == nil || len(t.kinds) >= cacheSize {
			t.kinds = map[kind]*thinned{}
		}
		seen = &thinned{}
		t.kinds[k] = seen
	}
	omitted = seen.omitted
	*seen = thinned{last: now}
	return level, omitted
}
