package console_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// ask sends a request without following redirects, and returns the answer and its body.
func ask(t *testing.T, method, at string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	r.Host = header.Get("Host")
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestGuard(t *testing.T) {
	s := start(t, nil)
	host := strings.TrimPrefix(s.url, "http://")
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		status             int
	}{
		{"the sign-in page", "GET", "/console/ui/sign-in", nil, 200},
		{"a page, signed out", "GET", "/console/ui/accounts", nil, 303},
		{"without a slash", "GET", "/console/ui", nil, 303},
		{"another path", "GET", "/console/ui/nothing", nil, 404},
		{"outside", "GET", "/accounts", nil, 404},
		{"another method", "DELETE", "/console/ui/accounts", nil, 405},
		{"a change by GET", "GET", "/console/ui/sign-out", nil, 405},
		{"dots", "GET", "/console/ui/assets/../sign-in", nil, 404},
		{"encoded dots", "GET", "/console/ui/%2e%2e/accounts", nil, 404},
		{"two slashes", "GET", "/console/ui//sign-in", nil, 404},
		{"a file that is no asset", "GET", "/console/ui/assets/console.css", nil, 404},
		{"another site's name", "GET", "/console/ui/sign-in", http.Header{"Host": {"rebound.example"}}, 421},
		{"another name of this machine", "GET", "/console/ui/sign-in", http.Header{"Host": {"localhost:1"}}, 200},
		{"a page of another site posts", "POST", "/console/ui/sign-in", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a page of a neighbor posts", "POST", "/console/ui/sign-in", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"an old browser, another origin", "POST", "/console/ui/sign-in", http.Header{"Origin": {"http://evil.example"}}, 403},
		{"a form that is too large", "POST", "/console/ui/sign-in", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Host": {host}}
			for name, values := range c.header {
				header[name] = values
			}
			body := ""
			if c.status == http.StatusRequestEntityTooLarge {
				body = "key=" + strings.Repeat("x", 1<<20) // by so little that nothing is left unread
			}
			response, text := ask(t, c.method, s.url+c.path, header, body)
			if response.StatusCode != c.status {
				t.Errorf("status %d, want %d: %.300s", response.StatusCode, c.status, text)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
				t.Errorf("Content-Security-Policy: %q", policy)
			}
		})
	}
}

// Nobody is sent to another site after signing in.
func TestSignIn_To(t *testing.T) {
	s := start(t, nil)
	for to, want := range map[string]string{
		"/accounts?name=A%20b": "/console/ui/accounts?name=A%20b", "": "/console/ui/", "//evil.example/": "/console/ui/", "https://evil.example": "/console/ui/",
		"/\\evil.example": "/console/ui/", "/../../other": "/console/ui/", "/%2e%2e/%2e%2e/other": "/console/ui/", "javascript:alert(1)": "/console/ui/", "/%0d%0aSet-Cookie:x": "/console/ui/%0d%0aSet-Cookie:x",
	} {
		form := url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}, "to": {to}}
		response, text := ask(t, "POST", s.url+"/console/ui/sign-in", http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Host": {strings.TrimPrefix(s.url, "http://")},
		}, form.Encode())
		if response.StatusCode != 303 || response.Header.Get("Location") != want {
			t.Errorf("to %q: status %d, %q, want %q: %.300s", to, response.StatusCode, response.Header.Get("Location"), want, text)
		}
	}
}
