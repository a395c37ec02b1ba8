package carillon

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ask runs a command against the service at a URL.
func ask(t *testing.T, at string, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	env := []string{"HOME=" + t.TempDir(), "AWS_ENDPOINT_URL_CHIME=" + at}
	code = Main(t.Context(), words, env, strings.NewReader(""), &out, &complaints)
	return code, out.String(), complaints.String()
}

// forTests are the commands for a service for tests.
var forTests = []string{"clock show", "clock set 2030-01-01", "clock advance 1d", "clock freeze", "clock resume"}

// Where the service is. Unlike for calls of the API, it is never AWS.
func TestTestService_Endpoint(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".aws", "config"), []byte("[profile tests]\nendpoint_url = http://profile.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env  []string
		flag string
		want string
	}{
		{nil, "", "http://127.0.0.1:24463"},
		{[]string{"AWS_PROFILE=tests"}, "", "http://profile.example"},
		{[]string{"AWS_PROFILE=tests", "AWS_ENDPOINT_URL=http://all.example"}, "", "http://all.example"},
		{[]string{"AWS_ENDPOINT_URL=http://all.example", "AWS_ENDPOINT_URL_CHIME=http://chime.example"}, "", "http://chime.example"},
		{[]string{"AWS_ENDPOINT_URL_CHIME=http://chime.example"}, "http://flag.example", "http://flag.example"},
	} {
		p, got := &program{env: append(tt.env, "HOME="+home)}, ""
		err := p.onTestService(t.Context(), connection{URL: tt.flag}, func(s *testService) error { got = s.url; return nil })
		if err != nil || got != tt.want {
			t.Errorf("%q and %q: got %q, %v, want %q", tt.env, tt.flag, got, err, tt.want)
		}
	}
}

// No command for a service for tests does anything to another one, and each says what is wrong.
func TestTestService_None(t *testing.T) {
	s := start(t, func(*serviceOptions) {})
	defer s.stop()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<h1>Welcome</h1>")
	}))
	defer page.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error": "no such page"}`)
	}))
	defer other.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, words := range forTests {
		for _, tt := range []struct{ url, want string }{
			{s.url, "the service at " + s.url + " is not one for tests; "},
			{page.URL, "what answers at " + page.URL + " is no service for tests, but a proxy or another server: status 200, text/html; "},
			{other.URL, "what answers at " + other.URL + " is no service for tests, but a proxy or another server: status 404; "},
			{gone.URL, `Could not connect to the endpoint URL: "` + gone.URL},
		} {
			code, stdout, stderr := ask(t, tt.url, strings.Fields(words)...)
			if code != exitNoStore || stdout != "" || !strings.Contains(stderr, tt.want) ||
				!strings.HasSuffix(stderr, "; start one with carillon serve --test, or say with --endpoint-url where one is\n") {
				t.Errorf("%s: got code %d, %q and %q, want %d and %q", words, code, stdout, stderr, exitNoStore, tt.want)
			}
		}
	}
}

func TestClock(t *testing.T) {
	s := start(t, func(o *serviceOptions) { o.Test = true })
	defer s.stop()
	for _, step := range []struct {
		words string
		code  int
		want  string // how standard output begins, or standard error goes on after the name of the command
	}{
		{"clock show", exitDone, "20"},
		{"clock freeze", exitDone, "20"},
		{"clock set 2030-03-01T12:00:00+01:00", exitDone, "2030-03-01T11:00:00.000Z frozen\n"},
		{"clock set 2030-03-01", exitDone, "2030-03-01T00:00:00.000Z frozen\n"},
		{"clock advance 7d", exitDone, "2030-03-08T00:00:00.000Z frozen\n"},
		{"clock advance 90m --output json", exitDone, "{\n    \"now\": \"2030-03-08T01:30:00.000Z\",\n    \"frozen\": true\n}\n"},
		{"clock advance soon", exitUsage, `the body is not what is wanted: advance is "soon", which is not a time such as "90s", "24h" or "7d"`},
		{"clock set 1d", exitUsage, "a duration is for carillon clock advance; see carillon clock set --help"},
		{"clock set yesterday", exitUsage, `"yesterday" is no point in time`},
		{"clock set 2500-01-01", exitUsage, "the clock can be set to the years 1970 to 2199, not to 2500-01-01T00:00:00Z"},
		{"clock advance", exitUsage, "DURATION is missing"},
		{"clock show", exitDone, "2030-03-08T01:30:00.000Z frozen\n"},
		{"clock resume", exitDone, "2030-03-08T01:30:0"},
	} {
		code, stdout, stderr := ask(t, s.url, strings.Fields(step.words)...)
		got := stdout
		if code != exitDone {
			got = strings.TrimPrefix(stderr, "carillon: "+strings.Join(strings.Fields(step.words)[:2], " ")+": ")
		}
		if code != step.code || !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: got code %d, %q and %q, want %d and %q", step.words, code, stdout, stderr, step.code, step.want)
		}
	}
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/chime", httputil.NewSingleHostReverseProxy(u)))
	defer proxy.Close()
	if _, stdout, _ := ask(t, proxy.URL+"/chime/", "clock", "show"); !strings.HasSuffix(stdout, " running\n") {
		t.Errorf("got %q, want a clock that goes on", stdout)
	}
}
