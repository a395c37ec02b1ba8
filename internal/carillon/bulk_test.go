//go:build unix

package carillon_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/carillon"
	"github.com/carillon-project/carillon/internal/chime"
)

// place is a service with an account of three people, and a folder to work in.
type place struct {
	t       *testing.T
	env     []string
	data    string
	account string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	t.Chdir(t.TempDir())
	const key, secret = "AKIDFORTHESETESTS000", "a-secret-for-these-tests"
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	data := t.TempDir()
	go func() {
		ended <- carillon.Main(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "ERROR"},
			[]string{"CARILLON_ROOT_ACCESS_KEY_ID=" + key, "CARILLON_ROOT_SECRET_ACCESS_KEY=" + secret}, strings.NewReader(""), io.Discard, in)
		in.Close()
	}()
	url, ready, lines := "", false, bufio.NewScanner(out)
	for !ready && lines.Scan() {
		url, ready = strings.CutPrefix(lines.Text(), "carillon: serving ")
	}
	if !ready {
		t.Fatalf("the service is not ready: %v", lines.Err())
	}
	go io.Copy(io.Discard, out)
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the service ended with code %d", code)
		}
	})
	p := &place{t: t, data: data, env: []string{"AWS_ENDPOINT_URL_CHIME=" + url, "AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret,
		"AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none"}}
	p.account = p.aws("chime", "create-account", "--name", "Acme", "--query", "Account.AccountId")
	if err := os.WriteFile("people.csv", []byte("email\nana@example.com\nbo@example.com\nchidi@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.carillon(0, "bulk", "invite", "--account-id", p.account, "people.csv", "--yes", "--ledger", "invited.jsonl")
	return p
}

// A job signs with the credentials of a role, as aws does, and renews them before they end.
func TestBulk_role(t *testing.T) {
	p := newPlace(t)
	key, secret := "", ""
	for _, v := range p.env {
		if text, ok := strings.CutPrefix(v, "AWS_ACCESS_KEY_ID="); ok {
			key = text
		} else if text, ok := strings.CutPrefix(v, "AWS_SECRET_ACCESS_KEY="); ok {
			secret = text
		}
	}
	var asked atomic.Int32
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if err := r.ParseForm(); err != nil || r.Form.Get("RoleArn") != "arn:aws:iam::111122223333:role/seats" || !strings.Contains(r.Header.Get("Authorization"), "Credential=SOURCE/") {
			w.WriteHeader(http.StatusForbidden)
		}
		// They end so soon that each call asks for new ones.
		fmt.Fprintf(w, "<R><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>"+
			"<SessionToken/><Expiration>%s</Expiration></Credentials></AssumeRoleResult></R>", key, secret, time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339))
	}))
	defer tokens.Close()
	config := "[profile seats]\nrole_arn = arn:aws:iam::111122223333:role/seats\nsource_profile = source\n" +
		"[profile source]\naws_access_key_id = SOURCE\naws_secret_access_key = s\n"
	if err := os.WriteFile("config", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env[:1:1], "HOME="+t.TempDir(), "AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE=config", "AWS_SHARED_CREDENTIALS_FILE=none",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL_STS="+tokens.URL)
	p.carillon(0, "bulk", "suspend", "--profile", "seats", "--account-id", p.account, "people.csv", "--yes", "--ledger", "removed.jsonl")
	if n := asked.Load(); n < 3 {
		t.Errorf("the role was asked for %d times, want one for each call at least", n)
	}
}

// A command works out its connection once, and so waits once for what is asked on the network.
func TestBulk_connectsOnce(t *testing.T) {
	p := newPlace(t)
	var asked atomic.Int32
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut { // for the token, with which each asking begins
			asked.Add(1)
		}
		http.NotFound(w, r)
	}))
	defer metadata.Close()
	p.env = append(p.env, "AWS_DEFAULTS_MODE=auto", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+metadata.URL)
	p.carillon(0, "bulk", "export", "--account-id", p.account)
	if n := asked.Load(); n != 1 {
		t.Errorf("the metadata service was asked %d times, want once", n)
	}
}

func (p *place) aws(args ...string) string {
	p.t.Helper()
	var out, complaints bytes.Buffer
	if code := awscli.Main(p.t.Context(), append(args, "--output", "text"), p.env, strings.NewReader(""), &out, &complaints, chime.Service); code != 0 {
		p.t.Fatalf("aws %q ended with code %d\n%s", args, code, complaints.String())
	}
	return strings.TrimSpace(out.String())
}

// run runs a command that must end with a code and returns its output.
func (p *place) carillon(want int, args ...string) string {
	p.t.Helper()
	var out, complaints bytes.Buffer
	if code := carillon.Main(p.t.Context(), args, p.env, strings.NewReader(""), &out, &complaints); code != want {
		p.t.Fatalf("carillon %q ended with code %d, want %d\n%s", args, code, want, complaints.String())
	}
	return out.String()
}

func (p *place) licenses() string {
	return p.aws("chime", "list-users", "--account-id", p.account, "--query", "Users[].LicenseType")
}

// On a terminal a job asks, and says how it gets on.
func TestBulkAsks(t *testing.T) {
	p := newPlace(t)
	for _, tt := range []struct {
		answer   string
		code     int
		licenses string
		shown    []string
	}{
		{"no\n", 3, "Pro\tPro\tPro", []string{"3 to change", "seats: Basic 0 -> 3 (+3), Pro 3 -> 0 (-3)", "update 3 users of Acme (" + p.account + ")? [yes/no] ", "carillon: nothing was changed"}},
		{"\n", 3, "Pro\tPro\tPro", nil},
		{"yes\n", 0, "Basic\tBasic\tBasic", []string{"3 of 3: 3 done, 0 failed"}},
	} {
		master, terminal, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		shown := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(master) // ends with an error when the terminal is closed
			shown <- string(text)
		}()
		if _, err := master.WriteString(tt.answer); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		code := carillon.Main(t.Context(), []string{"bulk", "apply", "--account-id", p.account, "--all", "--set", "license=Basic"}, p.env, terminal, &out, terminal)
		terminal.Close()
		text := <-shown
		master.Close()
		if got := p.licenses(); code != tt.code || got != tt.licenses {
			t.Errorf("%q: got code %d and licenses %q, want %d and %q\n%s", tt.answer, code, got, tt.code, tt.licenses, text)
		}
		for _, want := range tt.shown {
			if !strings.Contains(text, want) {
				t.Errorf("%q: got on the terminal\n%s\nwant %q in it", tt.answer, text, want)
			}
		}
	}
}

// Who interrupts instead of an answer has said no.
func TestBulkAsksAndIsInterrupted(t *testing.T) {
	p := newPlace(t)
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	shown := make(chan string, 1)
	go func() {
		var text []byte
		for buf := make([]byte, 1024); ; {
			n, err := master.Read(buf)
			if text = append(text, buf[:n]...); bytes.Contains(text, []byte("[yes/no] ")) {
				interrupt()
			}
			if err != nil { // the terminal is closed
				shown <- string(text)
				return
			}
		}
	}()
	env := append(p.env, "TERM=dumb")
	code := carillon.Main(ctx, []string{"bulk", "apply", "--account-id", p.account, "--all", "--set", "license=Basic"}, env, terminal, io.Discard, terminal)
	master.WriteString("\n") // for who still reads
	terminal.Close()
	if got, text := p.licenses(), <-shown; code != 130 || got != "Pro\tPro\tPro" || !strings.Contains(text, "[yes/no] \r\ncarillon: interrupted, nothing was changed\r\n") {
		t.Errorf("got code %d and licenses %q, want 130 and nothing changed\n%s", code, got, text)
	}
}

// A terminal that cannot write over a line is not made to.
func TestBulkOnDumbTerminal(t *testing.T) {
	p := newPlace(t)
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(master)
		shown <- string(text)
	}()
	code := carillon.Main(t.Context(), []string{"bulk", "apply", "--yes", "--account-id", p.account, "--all", "--set", "license=Basic"}, append(p.env, "TERM=dumb"), terminal, io.Discard, terminal)
	terminal.Close()
	if text := <-shown; code != 0 || strings.Contains(strings.ReplaceAll(text, "\r\n", "\n"), "\r") {
		t.Errorf("got code %d and %q, want 0 and plain lines", code, text)
	}
}

// Who interrupts a job before its first call has sent nothing.
func TestBulkIsInterrupted(t *testing.T) {
	p := newPlace(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, complaints bytes.Buffer
	code := carillon.Main(ctx, []string{"bulk", "apply", "--yes", "--account-id", p.account, "--all", "--set", "license=Basic"}, p.env, strings.NewReader(""), &out, &complaints)
	if got := p.licenses(); code != 130 || got != "Pro\tPro\tPro" {
		t.Errorf("got code %d and licenses %q, want 130 and nothing changed\n%s", code, got, complaints.String())
	}
}

// What the manual shows for PowerShell does what it says. There is no PowerShell here: its words
// are split by its rules, as far as the manual uses them.
func TestBulkPowerShell(t *testing.T) {
	page, err := os.ReadFile("../../docs/bulk.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```powershell\n")
	block, _, _ = strings.Cut(block, "```")
	p := newPlace(t)
	commands := strings.Split(strings.ReplaceAll(block, "`\n", ""), "\n> ")
	if len(commands) < 4 {
		t.Fatalf("got %d commands in %q, want some", len(commands), block)
	}
	for _, command := range commands {
		args := powerShellWords(strings.TrimSpace(strings.TrimPrefix(command, "> ")), map[string]string{"ACCOUNT": p.account})
		if args[0] != `bin\carillon.exe` {
			t.Fatalf("this test does not know the program %s", args[0])
		}
		p.carillon(0, args[1:]...)
		if args[2] == "apply" {
			if got := p.licenses(); got != "Basic\tBasic\tBasic" {
				t.Errorf("after %q: got licenses %q, want all Basic", command, got)
			}
		}
	}
	if got := p.licenses(); got != "Pro\tPro\tPro" {
		t.Errorf("got licenses %q in the end, want all Pro again", got)
	}
}

// powerShellWords splits at blanks. Single quotes hold text together, two of them inside stand for
// one, and $NAME is a variable.
func powerShellWords(line string, variables map[string]string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'((?:[^']|'')*)'|\S+`).FindAllStringSubmatch(line, -1) {
		word := m[0]
		switch {
		case strings.HasPrefix(word, "'"):
			word = strings.ReplaceAll(m[1], "''", "'")
		case strings.HasPrefix(word, "$"):
			word = variables[word[1:]]
		}
		words = append(words, word)
	}
	return words
}

// A command that waits for rows on standard input ends when it is told to.
func TestWaitForRowsEnds(t *testing.T) {
	t.Parallel()
	silent, w := io.Pipe()
	defer w.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stderr strings.Builder
	code := carillon.Main(ctx, []string{"bulk", "plan", "--account-id", "A", "--set", "LicenseType=Pro", "-"}, nil, silent, io.Discard, &stderr)
	if want := "carillon: interrupted, nothing was changed\n"; code != 130 || stderr.String() != want {
		t.Errorf("got exit code %d, %q; want 130, %q", code, stderr.String(), want)
	}
}

// A service that answers nothing but errors is told of at once, and the job ends in time. It goes
// on when the service is well again.
func TestBulkTellsThatItWaits(t *testing.T) {
	p := newPlace(t)
	target, _ := strings.CutPrefix(p.env[0], "AWS_ENDPOINT_URL_CHIME=")
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	var ill, hopeless atomic.Bool
	ill.Store(true)
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && ill.Load() {
			w.Header().Set("X-Amzn-Requestid", "r-1")
			if hopeless.Load() {
				w.Header().Set("Retry-After", "86400")
			}
			w.WriteHeader(500)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	p.env[0] = "AWS_ENDPOINT_URL_CHIME=" + front.URL
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ends := func(ctx context.Context, code int, wants []string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		told := &alarm{at: "try 3", ring: interrupt}
		if got := carillon.Main(ctx, args, p.env, strings.NewReader(""), &out, told); got != code ||
			!strings.Contains(out.String(), "0 done, 0 failed, 3 not finished\nledger: job.jsonl\n") {
			t.Errorf("got code %d, want %d: %s", got, code, out.String())
		}
		for _, want := range wants {
			if !regexp.MustCompile(want).MatchString(told.String()) {
				t.Errorf("got\n%s\nwant a line like %s", told, want)
			}
		}
	}
	ends(ctx, 130, []string{
		`(?m)^carillon: waiting: the service answers 500 \(request r-1\), try 2, next in 100ms$`,
		`(?m)^carillon: waiting: the service answers 500 \(request r-1\), try 3, next in [12]00ms$`,
	}, "bulk", "apply", "--yes", "--account-id", p.account, "--all", "--set", "license=Basic", "--patience", "1h", "--ledger", "job.jsonl")
	hopeless.Store(true)
	ends(t.Context(), 4, []string{
		`(?m)^carillon: the service answers with errors only: no change has succeeded for [0-9ms]+, and it asks to wait another 24h0m0s: .*\(500\).*; to go on: carillon bulk resume job.jsonl$`,
	}, "bulk", "resume", "--yes", "--patience", "23h", "job.jsonl")
	ill.Store(false)
	p.carillon(0, "bulk", "resume", "--yes", "job.jsonl")
	if got := p.licenses(); got != "Basic\tBasic\tBasic" {
		t.Errorf("after the job has gone on: got licenses %s", got)
	}
}
