package profile

import (
	"net/http"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
)

// FuzzCached: whatever another program has left in the cache, it is an error or credentials that
// have all parts.
func FuzzCached(f *testing.F) {
	for _, seed := range []string{
		`{"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00UTC"}}`,
		`{"Credentials": {}}`, `{"Credentials": null}`, "[]", "null", "1", `"x"`, "{", "", "\xff",
		`{"Credentials": {"AccessKeyId": 1, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2099-01-01"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseJSON(data)
		if err != nil {
			return
		}
		if _, err := cachedReply(v, time.Now()); err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
		// At the beginning of time nothing has expired.
		if c, err := cachedReply(v, time.Time{}.AddDate(-1, 0, 0)); c == nil && err == nil {
			t.Fatal("no credentials, and no error")
		}
	})
}

// FuzzNear: whatever answers for a container or for instance metadata, it is an error or
// credentials that have all parts.
func FuzzNear(f *testing.F) {
	for _, seed := range []string{
		`{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}`,
		`{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": null}`,
		`{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": ""}`, `{"Code": "x", "Message": "y"}`, "[]", "null", "oops", "",
	} {
		f.Add(200, []byte(seed))
		f.Add(500, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		reply, reason, err := readContainer(&client.Answer{Status: status, Header: http.Header{}, Body: body}, nil)
		if reply == nil {
			if reason == "" && err == nil {
				t.Fatal("no reply, and no reason")
			}
			return
		}
		if c, err := reply.credentials(); err == nil && c.Expires.IsZero() {
			t.Fatalf("%s: got credentials that never expire", body)
		}
	})
}
