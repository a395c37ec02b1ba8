package carillon

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/porttest"
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
var forTests = []string{"fault list", "fault clear", "fault clear r1", "fault watch", "fault add --status 503", "clock show", "clock set 2030-01-01",
	"clock advance 1d", "clock freeze", "clock resume", "reset", "reset --keep-data", "snapshot save a", "snapshot load a", "snapshot list", "snapshot delete a"}

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
	gone := "http://" + porttest.Refusing(t)
	for _, words := range forTests {
		for _, tt := range []struct{ url, want string }{
			{s.url, "the service at " + s.url + " is not one for tests; "},
			{page.URL, "what answers at " + page.URL + " is no service for tests, but a proxy or another server: status 200, text/html; "},
			{other.URL, "what answers at " + other.URL + " is no service for tests, but a proxy or another server: status 404; "},
			{gone, `Could not connect to the endpoint URL: "` + gone},
		} {
			code, stdout, stderr := ask(t, tt.url, strings.Fields(words)...)
			if code != exitNoStore || stdout != "" || !strings.Contains(stderr, tt.want) ||
				!strings.HasSuffix(stderr, "; start one with carillon serve --test, or say with --endpoint-url where one is\n") {
				t.Errorf("%s: got code %d, %q and %q, want %d and %q", words, code, stdout, stderr, exitNoStore, tt.want)
			}
		}
	}
}

// What the service cannot do has failed, and is no misuse.
func TestTestService_Fails(t *testing.T) {
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `{"message": "the disk is full"}`)
	}))
	defer full.Close()
	for _, words := range forTests {
		code, stdout, stderr := ask(t, full.URL, strings.Fields(words)...)
		if code != exitFailed || stdout != "" || !strings.HasSuffix(stderr, ": the disk is full\n") {
			t.Errorf("%s: got code %d, %q and %q", words, code, stdout, stderr)
		}
	}
}

// What is sent of the flags is what the service takes, or refuses with a reason.
func TestFault(t *testing.T) {
	s := start(t, func(o *serviceOptions) { o.Test = true })
	defer s.stop()
	rules := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(rules, []byte(`[{"effect": {"statusCode": 503}}, {"id": "late", "effect": {"latency": {"ms": 5}}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		words string
		code  int
		want  string // on standard output, or in the complaint after the name of the command
	}{
		{"fault list", exitDone, "Id  Fired  Operation  Where  Effect  Only for  Limits\n"},
		{"fault add --operation BatchUpdateUser --where item --user *@example.com --code Throttled --skip 1 --count 2 --probability 0.25 --seed 7", exitDone, "r1\n"},
		{"fault add --id slow --latency 300ms --jitter 500us --account-id A --key K --test T --expires 10m", exitDone, "slow\n"},
		{"fault add --where after --connection truncate --status 503", exitDone, "r2\n"},
		{"fault add --operation ListUsers --code ThrottledClientException --retry-after 2 --message slowly", exitDone, "r3\n"},
		{"fault add --file " + rules, exitDone, "r4\nlate\n"},
		{"fault list", exitDone, "" +
			"Id  Fired  Operation  Where  Effect  Only for  Limits\n" +
			"r1  0  BatchUpdateUser  item  Throttled  user=*@example.com  skip=1 count=2 probability=0.25 seed=7\n" +
			"slow  0  *  before  latency 300 ms, jitter 1 ms  account=A key=K test=T  expires=10m\n" +
			"r2  0  *  after  503 ServiceUnavailableException, connection truncate\n" +
			"r3  0  ListUsers  before  429 ThrottledClientException, retry after 2 s\n" +
			"r4  0  *  before  503 ServiceUnavailableException\n" +
			"late  0  *  before  latency 5 ms\n"},
		{"fault add --file " + rules, exitUsage, `[1].id: there is a rule "late" already`},
		{"fault add --operation ListUser --status 503", exitUsage, `operation: there is no operation "ListUser": did you mean ListUsers?`},
		{"fault add --operation ListUsers --code Throttled", exitUsage, `effect.code: ListUsers has no exception "Throttled": did you mean ThrottledClientException?`},
		{"fault add --file nowhere.json", exitUsage, "--file nowhere.json: open nowhere.json: "},
		{"fault add --file " + rules + " --count 1", exitUsage, "--file and --count exclude each other; see carillon fault add --help"},
		{"fault add --operation ListUsers", exitUsage, "say what happens, with one of --code, --status, --latency and --connection, or give a --file"},
		{"fault add --connection lost", exitUsage, `--connection: "lost" is not one of reset, empty, truncate, stall`},
		{"fault add --status 503 --count 0", exitUsage, `--count: "0" is not a whole number from 1 up`},
		{"fault add --status 503 --probability 2", exitUsage, `--probability: "2" is not a number from 0 to 1, such as 0.25`},
		{"fault clear slow r9", exitUsage, `there is no rule "r9": carillon fault list shows those that there are. Nothing was removed`},
		{"fault clear slow late", exitDone, s.url + ": rules left: 4\n"},
		{"fault clear", exitDone, s.url + ": rules left: 0\n"},
		{"fault list --output json", exitDone, "[]\n"},
	} {
		words := strings.Fields(step.words)
		code, stdout, stderr := ask(t, s.url, words...)
		got := strings.TrimPrefix(stderr, "carillon: "+strings.Join(words[:2], " ")+": ")
		stdout = regexp.MustCompile(" {2,}").ReplaceAllString(stdout, "  ") // columns are as wide as they must
		if code != step.code || code == exitDone && (stdout != step.want || stderr != "") || code != exitDone && !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: got code %d, %q and %q, want %d and %q", step.words, code, stdout, stderr, step.code, step.want)
		}
	}
}

// Somebody who watches is shown each fault as it happens, and ends that when he likes.
func TestFault_Watch(t *testing.T) {
	s := start(t, func(o *serviceOptions) { o.Test = true })
	defer s.stop()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1)
	forward := httputil.NewSingleHostReverseProxy(u)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery
		forward.ServeHTTP(w, r)
	}))
	defer front.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int)
	var out, complaints bytes.Buffer
	go func() {
		ended <- Main(ctx, []string{"fault", "watch", "--endpoint-url", front.URL}, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), &out, &complaints)
	}()
	if query := <-asked; query != "after=0&wait=30s" {
		t.Errorf("the service is asked for %s", query)
	}
	interrupt()
	if code := <-ended; code != exitInterrupted || out.String() != "" || complaints.String() != "carillon: fault watch: interrupted\n" {
		t.Errorf("got code %d, %q and %q", code, out.String(), complaints.String())
	}
}

func TestSnapshot(t *testing.T) {
	s := start(t, func(o *serviceOptions) { o.Test = true })
	defer s.stop()
	for _, step := range []struct {
		words string
		code  int
		want  string // how standard output begins, or standard error goes on after the name of the command
	}{
		{"clock freeze", exitDone, "20"},
		{"clock set 2030-03-01", exitDone, "2030-03-01T00:00:00.000Z frozen\n"},
		{"snapshot list", exitDone, "Name  Time  Bytes\n"},
		{"snapshot save half-way", exitDone, s.url + ": snapshot half-way is saved\n"},
		{"snapshot save .hidden", exitUsage, `a snapshot cannot be called ".hidden": a name has 1 to 64 letters from A to Z`},
		{"snapshot save ..", exitUsage, `a snapshot cannot be called "..": a name has`},
		{"snapshot save a/b", exitUsage, `a snapshot cannot be called "a/b": a name has`},
		{"snapshot list", exitDone, "Name      Time"},
		{"clock advance 7d", exitDone, "2030-03-08T00:00:00.000Z frozen\n"},
		{"snapshot load halfway", exitUsage, `there is no snapshot "halfway" (did you mean half-way?)`},
		{"snapshot load half-way", exitDone, s.url + ": snapshot half-way is loaded\n"},
		{"clock show", exitDone, "2030-03-01T00:00:00.000Z frozen\n"},
		{"fault add --status 503", exitDone, "r1\n"},
		{"reset --keep-data", exitDone, s.url + ": rules, activity and clock are as at the start\n"},
		{"fault list --output json", exitDone, "[]\n"},
		{"clock freeze", exitDone, "20"},
		{"reset", exitDone, s.url + ": data, rules, activity and clock are as at the start\n"},
		{"snapshot delete half-way", exitDone, s.url + ": snapshot half-way is deleted\n"},
		{"snapshot delete half-way", exitUsage, `there is no snapshot "half-way"`},
		{"snapshot list --output json", exitDone, "{\n    \"snapshots\": []\n}\n"},
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
	operator := directory.NewOperator(s.store, directory.Options{})
	if _, err := operator.CreateAccount(t.Context(), defaultAWSAccount, "Acme", api.AccountTypeTeam); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		words string
		left  int // accounts
	}{{"reset --keep-data", 1}, {"reset", 0}} {
		code, _, stderr := ask(t, s.url, strings.Fields(step.words)...)
		n := 0
		for _, err := range operator.Accounts(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if code != exitDone || n != step.left {
			t.Errorf("%s: got code %d, %q, and %d accounts, want %d", step.words, code, stderr, n, step.left)
		}
	}
	if _, stdout, _ := ask(t, s.url, "clock", "show"); !strings.HasSuffix(stdout, " running\n") {
		t.Errorf("after the reset: got %q, want a clock that goes on", stdout)
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
		{"clock advance soon", exitUsage, `advance is "soon", which is not a time such as "90s", "24h" or "7d"`},
		{"clock advance -- -3h", exitUsage, `advance is "-3h", and the clock advances only forward: set it to an earlier time instead`},
		{"clock set 1d", exitUsage, "a duration is for carillon clock advance; see carillon clock set --help"},
		{"clock set yesterday", exitUsage, `"yesterday" is no point in time`},
		{"clock set 2500-01-01", exitUsage, "the clock can be set to the years 1970 to 2199, not to 2500-01-01T00:00:00Z"},
		{"clock advance", exitUsage, "DURATION is missing"},
		{"clock show", exitDone, "2030-03-08T01:30:00.000Z frozen\n"},
		{"clock resume", exitDone, "2030-03-08T01:3"}, // and goes on until it is shown
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
