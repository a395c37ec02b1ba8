package awscli_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// pingModel is a model with one operation at a path.
func pingModel(path string) string {
	return `{"metadata": {"apiVersion": "2024-01-01", "endpointPrefix": "toy", "protocol": "rest-json", "serviceId": "Toy"},
		"operations": {"Ping": {"http": {"method": "GET", "requestUri": "` + path + `"}}}, "shapes": {}}`
}

// TestModelCache changes and damages what is kept of a model between commands: each goes by the
// model as it is.
func TestModelCache(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	home := homeWith(t, map[string]string{".aws/models/toy/2024-01-01/service-2.json": pingModel("/one")})
	source := filepath.Join(home, ".aws/models/toy/2024-01-01/service-2.json")
	cache := filepath.Join(home, "cache")
	if runtime.GOOS == "darwin" { // where no variable moves it
		cache = filepath.Join(home, "Library", "Caches")
	}
	env := []string{"HOME=" + home, "XDG_CACHE_HOME=" + cache, "LocalAppData=" + cache, "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=" + server.URL, "AWS_CONFIG_FILE=" + home + "/none"}
	ping := func(want string) {
		t.Helper()
		paths = nil
		var stdout, stderr bytes.Buffer
		code := awscli.Main(t.Context(), []string{"toy", "ping", "--no-sign-request"}, env, strings.NewReader(""), &stdout, &stderr, chime.Service)
		if code != 0 || len(paths) != 1 || paths[0] != want {
			t.Fatalf("got exit code %d, requests of %q and %s; want one of %s", code, paths, stderr.String(), want)
		}
	}
	ping("/one")
	kept, err := filepath.Glob(filepath.Join(cache, "carillon/models/*.flat"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("found %q (%v), want one model", kept, err)
	}
	if want := "-" + model.Form + ".flat"; !strings.HasSuffix(kept[0], want) {
		t.Errorf("the model is kept as %s, want a name with %s, that no release with another form has", kept[0], want)
	}
	whole, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}

	// The path in what is kept shows that it is what counts, as long as its check sum is right.
	info, err := os.Stat(source)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(source, []byte(pingModel("/two")))
	if err := os.Chtimes(source, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	ping("/one") // of the same size and time, so it is taken for the same
	if err := os.Chtimes(source, info.ModTime(), info.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	ping("/two")

	// What a former program has kept has a right check sum, but another form.
	head, flat, _ := strings.Cut(string(whole), "\n")
	_, key, _ := strings.Cut(head, " ")
	flat = strings.Replace(flat, "carillon model 3", "carillon model 2", 1)
	former := fmt.Appendf(nil, "%08x %s\n%s", crc32.ChecksumIEEE([]byte(flat)), key, flat)

	for name, damage := range map[string][]byte{
		"the former form": former,
		"another byte":    append(bytes.Clone(whole[:len(whole)-1]), 'x'), "the first half": whole[:len(whole)/2], "nothing": nil, "another file": []byte("x\ny"),
	} {
		t.Run(name, func(t *testing.T) {
			write(kept[0], damage)
			ping("/two")
			if now, err := os.ReadFile(kept[0]); err != nil || bytes.Equal(now, damage) {
				t.Errorf("the damaged file was not made anew (%v)", err)
			}
		})
	}
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	write(cache, nil) // no folder can be made
	ping("/two")
}

// TestCustomService completes and describes a service that only a file describes.
func TestCustomService(t *testing.T) {
	home := homeWith(t, map[string]string{
		".aws/models/toy/2024-01-01/service-2.json": strings.Replace(pingModel("/"), `"Ping": {`, `"Ping": {"documentation": "<p>Says <b>pong</b>.</p>", `, 1),
		".aws/models/toy/2024-01-01/waiters-2.json": `{"version": 2, "waiters": {"PingDone": {"operation": "Ping", "delay": 1, "maxAttempts": 2, "acceptors": []}}}`,
		".aws/models/s3/2006-03-01/service-2.json":  pingModel("/"),
		".aws/models/lost/service-2.json":           pingModel("/"),
	})
	env := []string{"HOME=" + home, "XDG_CACHE_HOME=" + home, "PATH=" + home}
	for _, tt := range []struct {
		line, complete string
		code           int
		stdout, stderr string // parts
	}{
		{complete: "aws to", stdout: "toy\n"},
		{complete: "aws toy ", stdout: "ping\nwait\nhelp\n"},
		{complete: "aws toy wait ", stdout: "ping-done\n"},
		{complete: "aws toy wait ping-done --gen", stdout: "--generate-cli-skeleton\n"},
		{line: "toy ping help", stdout: "Says pong."},
		{line: "toy wait ping-done help", stdout: "ping"},
		{line: "toy wait help", stdout: "Calls Ping every 1 seconds, at most 2 times."},
		{line: "too ping", code: 2, stderr: "tnb                                      | toy                                     \ntranscribe "},
		{line: "lost ping", code: 2, stderr: "argument command: Invalid choice"},
		{line: "s3 ping", code: 255, stderr: `cannot run "aws s3"`}, // never by a model
	} {
		var stdout, stderr bytes.Buffer
		env := env
		if tt.complete != "" {
			env = append(env, "COMP_LINE="+tt.complete)
		}
		code := awscli.Main(t.Context(), strings.Fields(tt.line), env, strings.NewReader(""), &stdout, &stderr, chime.Service)
		if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%s%s: got exit code %d,\n%s\n%s\nwant %d and in them\n%s\n%s", tt.line, tt.complete, code, stdout.String(), stderr.String(), tt.code, tt.stdout, tt.stderr)
		}
	}
}

// The page of a waiter is about the waiter, not about the operation that it polls.
func TestWaiterHelp(t *testing.T) {
	for acceptor, want := range map[string]string{
		`"matcher": "path", "argument": "State", "expected": true`:    "Wait until JMESPath query State returns True when polling with ping.",
		`"matcher": "pathAll", "argument": "All[]", "expected": "up"`: "Wait until JMESPath query All[] returns up for all elements when polling with ping.",
		`"matcher": "pathAny", "argument": "Any[]", "expected": "up"`: "Wait until JMESPath query Any[] returns up for any element when polling with ping.",
		`"matcher": "status", "expected": 404`:                        "Wait until 404 response is received when polling with ping.",
		`"matcher": "error", "expected": "ThingNotFound"`:             "Wait until ThingNotFound is thrown when polling with ping.",
	} {
		home := homeWith(t, map[string]string{
			".aws/models/toy/2024-01-01/service-2.json": pingModel("/"),
			".aws/models/toy/2024-01-01/waiters-2.json": `{"version": 2, "waiters": {"PingDone": {"operation": "Ping", "delay": 7, "maxAttempts": 9,
				"acceptors": [{"state": "failure", "matcher": "status", "expected": 500}, {"state": "success", ` + acceptor + `}]}}}`})
		var stdout, stderr bytes.Buffer
		code := awscli.Main(t.Context(), []string{"toy", "wait", "ping-done", "help"}, []string{"HOME=" + home}, strings.NewReader(""), &stdout, &stderr, chime.Service)
		page := strings.Join(strings.Fields(stdout.String()), " ")
		for _, part := range []string{"NAME ping-done ", want, " every 7 seconds ", " 9 failed checks", "aws toy wait ping-done [--cli-input-json <value>]"} {
			if code != 0 || !strings.Contains(page, part) {
				t.Errorf("exit code %d; want %q in the page %s%s", code, part, page, stderr.String())
			}
		}
	}
}

// A waiter that cannot be understood makes no call.
func TestWait_broken(t *testing.T) {
	for acceptor, want := range map[string]string{
		`"matcher": "pathSome", "argument": "State"`: "Error processing waiter config: Unknown acceptor: pathSome",
		`"matcher": "path", "argument": "State["`:    "Invalid jmespath expression: Incomplete expression:",
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			fmt.Fprint(w, "{}")
		}))
		defer server.Close()
		home := homeWith(t, map[string]string{
			".aws/models/toy/2024-01-01/service-2.json": pingModel("/"),
			".aws/models/toy/2024-01-01/waiters-2.json": `{"version": 2, "waiters": {"PingDone": {"operation": "Ping", "acceptors": [
				{"state": "success", "matcher": "status", "expected": 200}, {"state": "failure", "expected": "x", ` + acceptor + `}]}}}`})
		env := []string{"HOME=" + home, "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=" + server.URL}
		var stdout, stderr bytes.Buffer
		code := awscli.Main(t.Context(), []string{"toy", "wait", "ping-done", "--no-sign-request"}, env, strings.NewReader(""), &stdout, &stderr, chime.Service)
		if code != 255 || calls != 0 || !strings.HasPrefix(stderr.String(), "\n"+want) {
			t.Errorf("%s: got exit code %d, %d calls and %q; want no call and %q", acceptor, code, calls, stderr.String(), want)
		}
	}
}
