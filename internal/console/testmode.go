package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/carillon-project/carillon/internal/testmode"
)

// A service for tests is asked by the requests of package testmode, as programs do. They know no
// access key, so whoever has signed in may make them.

// testRequest is a request of test mode that makes a change.
type testRequest struct {
	method, path string
	body         any    // see askTests
	command      string // that does the same
}

// errRefused is what test mode has refused.
type errRefused struct{ message string }

func (e errRefused) Error() string { return e.message }

// askTests sends a request for a path after [testmode.Prefix], which may have a query, and reads
// the answer. body becomes JSON, unless it is a text, which is sent as it is; nil for none. answer
// points to what the answer is read into; nil for what does not matter. What somebody can correct,
// or what the storage cannot do, is an errRefused.
func (v *visit) askTests(method, path string, body, answer any) error {
	text, ok := body.(string)
	if !ok && body != nil {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // what is refused is quoted
		if err := e.Encode(body); err != nil {
			return err
		}
		text = b.String()
	}
	// In this process no host is looked for.
	r, err := http.NewRequestWithContext(v.r.Context(), method, "http://localhost"+testmode.Prefix+path, strings.NewReader(text))
	if err != nil {
		return err
	}
	reply, err := inside{v.TestMode}.RoundTrip(r)
	if err != nil {
		return err
	}
	if kind, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type")); kind != "application/json" {
		return fmt.Errorf("%s %s was answered with status %d and no JSON", method, r.URL.Path, reply.StatusCode)
	}
	if reply.StatusCode == http.StatusOK {
		if answer == nil {
			return nil
		}
		return json.NewDecoder(reply.Body).Decode(answer)
	}
	var refused struct{ Message string }
	if err := json.NewDecoder(reply.Body).Decode(&refused); err != nil {
		return err
	}
	if reply.StatusCode < http.StatusInternalServerError || reply.StatusCode == http.StatusNotImplemented {
		return errRefused{refused.Message}
	}
	return errors.New(refused.Message)
}
