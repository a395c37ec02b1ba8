package server_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/server"
)

func publicURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := server.ParsePublicURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A signature is good for the names of the service alone, and a proxy may have changed what
// arrives.
func TestNames(t *testing.T) {
	at := func(host, path string) func(*http.Request) { // what a proxy makes of a request
		return func(r *http.Request) {
			r.Host = host
			r.URL.Path = path
		}
	}
	const users = "/accounts/a1/users"
	for _, tt := range []struct {
		name   string
		public string
		hosts  []string
		signed string // the URL that the client has
		proxy  func(*http.Request)
		good   bool
	}{
		{"any host without names", "", nil, "http://one.example", nil, true},
		{"rewritten without names", "", nil, "http://one.example", at("127.0.0.1:24463", users), false},
		{"host", "", []string{"one.example", "two.example"}, "http://two.example", nil, true},
		{"host, any port", "", []string{"one.example"}, "http://one.example:8443", nil, true},
		{"host in capitals", "", []string{"one.example"}, "http://ONE.example", nil, true},
		{"host of one port", "", []string{"one.example:8443"}, "http://one.example:8443", nil, true},
		{"host of another port", "", []string{"one.example:8443"}, "http://one.example:8444", nil, false},
		{"IPv6", "", []string{"::1"}, "http://[::1]:24463", nil, true},
		{"other host", "", []string{"one.example"}, "http://other.example", nil, false},
		{"other host, sent here as ours", "", []string{"one.example"}, "http://other.example", at("one.example", users), false},

		{"public", "https://chime.example", nil, "http://chime.example", nil, true},
		{"public in capitals", "https://Chime.Example/", nil, "http://CHIME.example", nil, true},
		{"public with the default port", "https://chime.example:443", nil, "http://chime.example", nil, true},
		{"public, host rewritten", "https://chime.example", nil, "http://chime.example", at("127.0.0.1:24463", users), true},
		{"public with a port, host rewritten", "https://chime.example:8443", nil, "http://chime.example:8443", at("backend", users), true},
		{"public, other host", "https://chime.example", nil, "http://other.example", nil, false},
		{"public, other host, sent here as ours", "https://chime.example", nil, "http://other.example", at("chime.example", users), false},
		{"public and other host that is named", "https://chime.example", []string{"127.0.0.1"}, "http://127.0.0.1:24463", nil, true},
		{"public and other host that is not", "https://chime.example", []string{"127.0.0.1"}, "http://127.0.0.2:24463", nil, false},

		{"path kept", "https://chime.example/api/v1/", nil, "http://chime.example/api/v1", nil, true},
		{"path stripped", "https://chime.example/api/v1", nil, "http://chime.example/api/v1", at("chime.example", users), true},
		{"path stripped, host rewritten", "https://chime.example/api/v1", nil, "http://chime.example/api/v1", at("backend:1", users), true},
		{"path that the client has not", "https://chime.example/api/v1", nil, "http://chime.example", nil, false},
		{"path beside a named host", "https://chime.example/api/v1", []string{"127.0.0.1"}, "http://127.0.0.1:24463", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := fixed()
			o.Hosts = tt.hosts
			if tt.public != "" {
				o.PublicURL = publicURL(t, tt.public)
			}
			base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
			r := call{body: oneItem}.request(t, tt.signed)
			if tt.proxy != nil {
				tt.proxy(r)
			}
			r.URL.Host = strings.TrimPrefix(base, "http://")
			got := roundTrip(t, r)
			if tt.good {
				got.succeeded(t, 200, `{"UserErrors":[]}`)
				return
			}
			message := got.failed(t, api.UnauthorizedClientException)
			if !strings.Contains(message, r.Host) || !strings.Contains(message, r.URL.Path) {
				t.Errorf("got %q, want the host %s and the path %s that arrived", message, r.Host, r.URL.Path)
			}
		})
	}
}

// Probes are asked for with and without the path of the public URL.
func TestNames_Probes(t *testing.T) {
	o := fixed()
	o.PublicURL = publicURL(t, "https://chime.example/api")
	base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
	for _, path := range []string{"/healthz", "/api/readyz"} {
		r, err := http.NewRequest("GET", base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := roundTrip(t, r); got.status != 200 {
			t.Errorf("%s: got %d, want 200", path, got.status)
		}
	}
}

// Where it is known what a proxy has rewritten, the log and the message say so.
func TestRewritten(t *testing.T) {
	for _, tt := range []struct {
		name   string
		public string
		proxy  func(*http.Request)
		says   string
		line   map[string]any
	}{
		{"host", "", func(r *http.Request) {
			r.Host = "backend:24463"
			r.Header.Set("X-Forwarded-Host", "chime.example")
		}, `saw the host "backend:24463" and the path "/accounts/a1/users", but the client signed for the host "chime.example" and the path "/accounts/a1/users"`,
			map[string]any{"reason": "host or path rewritten", "host": "backend:24463", "signed_host": "chime.example", "path": "/accounts/{accountId}/users"}},
		{"host by two proxies", "", func(r *http.Request) {
			r.Host = "backend:24463"
			r.Header.Set("X-Forwarded-Host", "chime.example, middle.example")
		}, `signed for the host "chime.example"`, map[string]any{"reason": "host or path rewritten"}},
		{"other URL than the public one", "https://other.example/api", func(*http.Request) {},
			`goes by the URL https://other.example/api, but the client signed for the host "chime.example"`,
			map[string]any{"reason": "host or path rewritten", "host": "chime.example"}},
		{"nobody knows", "", func(r *http.Request) { r.Host = "backend:24463" }, `saw the host "backend:24463"`,
			map[string]any{"reason": "signature mismatch", "host": "backend:24463", "path": "/accounts/{accountId}/users"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			o := fixed()
			o.Logger = slog.New(slog.NewJSONHandler(&out, nil))
			if tt.public != "" {
				o.PublicURL = publicURL(t, tt.public)
			}
			base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
			r := call{body: oneItem}.request(t, "http://chime.example")
			tt.proxy(r)
			r.URL.Host = strings.TrimPrefix(base, "http://")
			if message := roundTrip(t, r).failed(t, api.UnauthorizedClientException); !strings.Contains(message, tt.says) {
				t.Errorf("got  %s\nwant %s in it", message, tt.says)
			}
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, out.Bytes())
			}
			for name, want := range tt.line {
				if line[name] != want {
					t.Errorf("%s: got %v, want %v", name, line[name], want)
				}
			}
		})
	}
	t.Run("path", func(t *testing.T) {
		base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
		r := call{target: "/api/accounts/a1/users", body: oneItem}.request(t, "http://chime.example")
		r.URL.Path, r.URL.Host = "/accounts/a1/users", strings.TrimPrefix(base, "http://")
		r.Header.Set("X-Forwarded-Prefix", "/api/")
		message := roundTrip(t, r).failed(t, api.UnauthorizedClientException)
		if want := `signed for the host "chime.example" and the path "/api/accounts/a1/users"`; !strings.Contains(message, want) {
			t.Errorf("got  %s\nwant %s in it", message, want)
		}
	})
}

func TestParsePublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://Chime.Example":         "https://chime.example",
		"https://chime.example:443/":    "https://chime.example",
		"http://chime.example:80/a":     "http://chime.example/a",
		"http://chime.example:443/a/b/": "http://chime.example:443/a/b",
		"https://[::1]:8443/a//b/../c":  "https://[::1]:8443/a/c",
	} {
		if got := publicURL(t, text).String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "chime.example", "//chime.example", "ftp://chime.example", "https://", "https:///a", "https://:443",
		"https://user:s3cret@chime.example", "https://chime.example?x=1", "https://chime.example#x", "https://chime.example:s3cret"} {
		if got, err := server.ParsePublicURL(text); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v, %v, want an error that does not repeat it", text, got, err)
		}
	}
}
