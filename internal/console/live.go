package console

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
)

// streamPause is how often a part of a page that changes is looked at.
const streamPause = time.Second

// streamTime is how long a stream of changes lasts. The browser then asks for another one. Tests
// change it.
var streamTime = 20 * time.Second

// stream sends a part of a page as Server-Sent Events: first as it is, and then whenever it has
// changed. A last event says that it changes no more, and the whole page is to be loaded. A stream
// ends with its session.
func (v *visit) stream(page, part string, look func() (data any, over bool, err error)) error {
	rc := http.NewResponseController(v.w)
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no") // for proxies that would hold events back
	tick := time.NewTicker(streamPause)
	defer tick.Stop()
	end := time.After(streamTime)
	former := ""
	retry := "retry: 1000\n\n" // how long the browser waits before it asks again: a stream ends often
	for {
		changes := v.work.changes()
		data, over, err := any(nil), false, v.goesOn()
		if errors.Is(err, directory.ErrNoSession) { // the browser asks again, and has to sign in
			return nil
		}
		if err == nil {
			data, over, err = look()
		}
		if err != nil && former != "" { // it has gone: the browser asks again, and is told
			return nil
		}
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := v.pages[page]().ExecuteTemplate(&b, part, frame{Page: page, Data: data, Visit: v}); err != nil {
			return err
		}
		event := ""
		if text := b.String(); text != former {
			former = text
			event = "event: part\ndata: " + strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\ndata: ") + "\n\n"
		}
		if over {
			event += "event: over\ndata:\n\n"
		}
		if event == "" {
			event = ":\n\n" // shows whether the browser is still there
		}
		event, retry = event+retry, ""
		if err := rc.SetWriteDeadline(time.Now().Add(streamTime)); err != nil {
			return err
		}
		if _, err := v.w.Write([]byte(event)); err != nil || rc.Flush() != nil || over {
			return nil
		}
		select {
		case <-tick.C:
		case <-changes:
		case <-end:
			return nil
		case <-v.r.Context().Done():
			return nil
		case <-v.work.Done():
			return nil
		}
	}
}
