package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/server"
)

// proxy is a program for which docs/operating.md shows a configuration, in a block of the language
// of its name.
type proxy struct {
	name   string // as on the page
	around string // the rest of the configuration, with DIR and CONFIG in it
	run    []string
	idle   string // expression for how long it keeps idle connections to the service
	wait   string // and for how long it waits for an answer; empty if it waits without an end
}

var proxies = []proxy{
	{
		name: "nginx",
		around: `daemon off; master_process off; pid DIR/pid; error_log stderr;
			events {}
			http {
				access_log off;
				client_body_temp_path DIR/client; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
				uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
				CONFIG
			}`,
		run:  []string{"nginx", "-e", "stderr", "-p", "DIR", "-c", "DIR/config"},
		idle: `keepalive_timeout (\S+);`,
		wait: `proxy_read_timeout (\S+);`,
	},
	{
		name: "Caddy",
		around: `{
				admin off
				auto_https off
			}
			CONFIG`,
		run:  []string{"caddy", "run", "--config", "DIR/config", "--adapter", "caddyfile"},
		idle: `keepalive (\S+)`,
	},
	{
		name:   "HAProxy",
		around: "CONFIG",
		run:    []string{"haproxy", "-db", "-f", "DIR/config"},
		idle:   `pool-purge-delay (\S+)`,
		wait:   `timeout server (\S+)`,
	},
}

// Each proxy, configured as the page on operating says, gives clients all of the service: paths
// arrive as they were signed, and bodies of every size.
func TestProxies(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	page := operatingPage(t)
	largest, size := largestBody(t)
	for _, p := range proxies {
		config := block(t, page, strings.ToLower(p.name))
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			env := block(t, page, "env") + setting(t, page, "CARILLON_CONSOLE_URL=https://chime.example.com")
			f := p.front(t, config, env, "")
			f.givesService(t)
			f.givesConsole(t)
			f.takesBody(t, largest, size)
			f.hidesMetrics(t)
		})
		t.Run(p.name+" under a path", func(t *testing.T) {
			t.Parallel()
			row := regexp.MustCompile("(?m)^\\| " + p.name + " \\| `(.*)` \\| `(.*)` \\|$").FindStringSubmatch(page)
			if row == nil {
				t.Fatal("the page has no line to change for it")
			}
			env := replaced(t, block(t, page, "env"), "CARILLON_HOST=chime.example.com", setting(t, page, "CARILLON_PUBLIC_URL=https://chime.example.com/api"))
			env += setting(t, page, "CARILLON_CONSOLE_URL=https://chime.example.com/api")
			f := p.front(t, replaced(t, config, row[1], row[2]), env, "/api")
			f.givesService(t)
			f.givesConsole(t)
			f.hidesMetrics(t)
		})
		t.Run(p.name+" timeouts", func(t *testing.T) {
			period := func(expression string) time.Duration {
				m := regexp.MustCompile(expression).FindStringSubmatch(config)
				if m == nil {
					t.Fatalf("nothing matches %s in the configuration", expression)
				}
				d, err := time.ParseDuration(m[1])
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			if got, most := period(p.idle), server.DefaultLimits.Idle/2; got > most {
				t.Errorf("idle connections to the service are kept for %v, want at most %v", got, most)
			}
			if p.wait != "" {
				if got := period(p.wait); got <= server.CallTime {
					t.Errorf("the proxy waits for an answer for %v, want more than %v", got, server.CallTime)
				}
			}
		})
	}
}

// What a proxy has rewritten is told to the client, or made good by a public URL.
func TestProxies_Rewriting(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	page := operatingPage(t)
	nginx := proxies[0]
	config, env := block(t, page, "nginx"), block(t, page, "env")
	otherHost := replaced(t, config, "proxy_set_header Host $http_host;", "")
	t.Run("host", func(t *testing.T) {
		t.Parallel()
		f := nginx.front(t, otherHost, replaced(t, env, "CARILLON_HOST=chime.example.com", ""), "")
		f.isRefused(t, "UnauthorizedClientException", `The service saw the host "carillon" and the path "/accounts".`, "list-accounts")
	})
	t.Run("host that has no name here", func(t *testing.T) {
		t.Parallel()
		f := nginx.front(t, otherHost, env, "")
		f.isRefused(t, "UnauthorizedClientException", `The service saw the host "carillon" and the path "/accounts", and does not go by that host.`, "list-accounts")
	})
	t.Run("host, with a public URL", func(t *testing.T) {
		t.Parallel()
		public := setting(t, page, "CARILLON_PUBLIC_URL=https://chime.example.com")
		f := nginx.front(t, otherHost, replaced(t, env, "CARILLON_HOST=chime.example.com", public), "")
		f.givesService(t)
		f.hidesMetrics(t)
	})
	t.Run("path", func(t *testing.T) {
		t.Parallel()
		f := nginx.front(t, replaced(t, config, "proxy_pass http://carillon;", "proxy_pass http://carillon/;"), env, "")
		f.isRefused(t, "UnauthorizedClientException", `and the path "/accounts/A/users/+1206".`, "get-user", "--account-id", "A", "--user-id", "+1206")
		f.isRefused(t, "UnknownOperationException", `No operation has the path "/accounts/A/users/a/b".`, "get-user", "--account-id", "A", "--user-id", "a/b")
	})
}

// givesConsole signs in to the console through the proxy, as a browser does, and opens a page.
func (f *front) givesConsole(t *testing.T) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := *f.client
	browser.Jar = jar
	form := url.Values{"key": {f.service.env["AWS_ACCESS_KEY_ID"]}, "secret": {f.service.env["AWS_SECRET_ACCESS_KEY"]}, "to": {"/accounts"}}
	request, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/console/ui/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := response.Request.URL.String(), f.url+"/console/ui/accounts"; response.StatusCode != http.StatusOK || got != want || !bytes.Contains(text, []byte("<h1>Accounts</h1>")) {
		t.Errorf("signing in leads to %s, status %d, want %s: %.500s", got, response.StatusCode, want, text)
	}
	asset := regexp.MustCompile(`href="([^"]+\.css)"`).FindSubmatch(text)
	if asset == nil {
		t.Fatalf("the page has no style: %.500s", text)
	}
	style, err := browser.Get(strings.TrimSuffix(f.url, "/api") + string(asset[1]))
	if err != nil {
		t.Fatal(err)
	}
	style.Body.Close()
	if style.StatusCode != http.StatusOK {
		t.Errorf("the style has status %d", style.StatusCode)
	}
}

func operatingPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// block returns the one block of a page that is in a language.
func block(t *testing.T, page, language string) string {
	t.Helper()
	found := regexp.MustCompile("(?sm)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the page has %d blocks of %s, want 1", len(found), language)
	}
	return found[0][1]
}

// setting returns a setting that the page must give.
func setting(t *testing.T, page, text string) string {
	t.Helper()
	if !strings.Contains(page, "`"+text+"`") {
		t.Fatalf("the page does not give the setting %s", text)
	}
	return text
}

// replaced replaces a text of the page, which must be there once.
func replaced(t *testing.T, text, old, by string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("got %q %d times, want once in\n%s", old, n, text)
	}
	return strings.Replace(text, old, by, 1)
}

// front is a service with a proxy in front.
type front struct {
	service *service
	url     string // of the proxy
	client  *http.Client
	aws     []string // environment of programs that use the service
}

// front starts a service with variables of the page, and the proxy with a configuration of the
// page, for as long as the test runs. They get other ports and files than the page says, and the
// address of this machine for the name of the service, which clients find at the path.
func (p proxy) front(t *testing.T, config, env, path string) *front {
	t.Helper()
	program := p.program(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := writeCertificate(in("cert.pem"), in("key.pem")); err != nil {
		t.Fatal(err)
	}
	cert, err := os.ReadFile(in("cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(in("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("both.pem"), slices.Concat(cert, key), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(cert)
	address := freeAddress(t)
	fill := func(text string, service ...string) string {
		text = strings.NewReplacer(append(service,
			"listen 443 ", "listen "+address+" ", "bind :443 ", "bind "+address+" ",
			"chime.example.com {", "https://"+address+" {",
			"https://chime.example.com", "https://"+address, "chime.example.com", "127.0.0.1",
			"/etc/carillon", dir)...).Replace(text)
		if left := regexp.MustCompile(`.*(example\.com|/etc/|[ :](24463|9464|443)\b).*`).FindString(text); left != "" {
			t.Fatalf("this test does not know what to put for %q", left)
		}
		return text
	}

	importPeople(t, dir)
	variables := strings.Fields(fill(env, "127.0.0.1:24463", "127.0.0.1:0", "127.0.0.1:9464", "127.0.0.1:0"))
	s, err := startService("carillon", dir, append(childEnv(dir), variables...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })

	config = fill(config, "127.0.0.1:24463", strings.TrimPrefix(s.url, "http://"))
	config = strings.NewReplacer("DIR", dir, "CONFIG", config).Replace(p.around)
	if err := os.WriteFile(in("config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := slices.Clone(p.run[1:])
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, childEnv(dir)
	var said bytes.Buffer // to be read when the proxy has ended
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		<-ended
		if t.Failed() {
			t.Logf("%s\n%s\n%s", config, said.String(), s.complaints())
		}
	})

	f := &front{service: s, url: "https://" + address + path, aws: append(childEnv(dir), "AWS_CA_BUNDLE="+in("cert.pem"))}
	for name, value := range s.env {
		f.aws = append(f.aws, name+"="+value)
	}
	f.aws = append(f.aws, "AWS_ENDPOINT_URL_CHIME="+f.url)
	if got := s.env["AWS_ENDPOINT_URL_CHIME"]; strings.Contains(env, "CARILLON_PUBLIC_URL") && got != f.url {
		t.Errorf("the lines for a shell have the URL %s, want %s", got, f.url)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	f.client = &http.Client{Transport: transport, Timeout: hung}
	for deadline := time.Now().Add(hung); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return f
		}
		select {
		case <-ended:
			t.Fatalf("%s ended before it was ready", p.name)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready after %v: %v", p.name, hung, err)
		}
	}
}

// program finds the program of the proxy.
func (p proxy) program(t *testing.T) string {
	t.Helper()
	for _, file := range []string{p.run[0], "/usr/sbin/" + p.run[0]} { // which is not on everybody's PATH
		if found, err := exec.LookPath(file); err == nil {
			return found
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed: .ci/run should have done so", p.run[0])
	}
	t.Skipf("%s is not installed", p.run[0])
	return ""
}

// givenAddresses are those that freeAddress has returned.
var givenAddresses sync.Map

// freeAddress returns one on which nothing listens now. Its port is none that the system gives to
// others by itself, and none of the page. No other test is given it.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprint("127.0.0.1:", 15_000+rand.N(5_000))
		if _, given := givenAddresses.LoadOrStore(address, true); given {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err == nil {
			l.Close()
			return address
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// oddIDs are user ids that need percent-encoding in a path, of which proxies like to make others.
var oddIDs = []string{"+1206/user v", "a//b", "%2F%25", "../users", "x;y=1?z#é~", `"<>\^|{}`}

// importPeople makes an account A, with users of odd ids and a full batch of others.
func importPeople(t *testing.T, dir string) {
	t.Helper()
	type row map[string]any
	var users []row
	for i, id := range slices.Concat(oddIDs, batchIDs()) {
		users = append(users, row{"UserId": id, "AccountId": "A", "PrimaryEmail": fmt.Sprintf("u%d@example.com", i), "DisplayName": id,
			"LicenseType": "Pro", "UserType": "PrivateUser", "UserRegistrationStatus": "Registered", "RegisteredOn": "2020-01-01T00:00:00.000Z"})
	}
	text, err := json.Marshal(row{"Users": users, "Accounts": []row{{"AwsAccountId": "111122223333", "AccountId": "A", "Name": "Odd",
		"AccountType": "Team", "CreatedTimestamp": "2020-01-01T00:00:00.000Z", "DefaultLicense": "Pro", "SupportedLicenses": []string{"Basic", "Pro"}}}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "people.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("carillon", "import", "people.json")
	cmd.Dir, cmd.Env = dir, childEnv(dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// batchIDs are the ids of as many users as a batch may have.
func batchIDs() []string {
	ids := make([]string, fullBatch)
	for i := range ids {
		ids[i] = fmt.Sprint("user-", i)
	}
	return ids
}

// command returns a command of aws chime, with JSON from its standard input if it reads that.
func (f *front) command(ctx context.Context, input any, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "aws", append([]string{"chime"}, args...)...)
	cmd.Env = f.aws
	text, err := json.Marshal(input)
	if err != nil {
		panic(err)
	}
	cmd.Stdin = bytes.NewReader(text)
	return cmd
}

// givesService has clients do through the proxy what is easily spoiled there.
func (f *front) givesService(t *testing.T) {
	t.Helper()
	aws := func(input any, want string, args ...string) string {
		t.Helper()
		out, err := f.command(t.Context(), input, append(args, "--output", "text")...).CombinedOutput()
		got := strings.TrimSpace(string(out))
		if err != nil || want != "" && got != want {
			t.Errorf("aws chime %q: got %v and %q, want %q", args, err, got, want)
		}
		return got
	}
	id := aws(nil, "", "create-account", "--name", "Fürth & Söhne", "--query", "Account.AccountId")
	aws(nil, "Fürth & Söhne\tOdd", "list-accounts", "--query", "sort(Accounts[].Name)")
	aws(nil, id, "list-accounts", "--name", "Fürth & Söhne", "--query", "Accounts[].AccountId")
	for _, odd := range oddIDs {
		aws(nil, odd, "get-user", "--account-id", "A", "--user-id", odd, "--query", "User.UserId")
	}
	aws(nil, "0", "logout-user", "--account-id", "A", "--user-id", oddIDs[0], "--query", "length(@)") // POST without a body
	aws(nil, oddIDs[0], "update-user", "--account-id", "A", "--user-id", oddIDs[0], "--license-type", "Basic", "--query", "User.UserId")
	aws(nil, "", "delete-account", "--account-id", id)

	type item map[string]any
	var batch []item
	for _, id := range batchIDs() {
		batch = append(batch, item{"UserId": id, "LicenseType": "Basic"})
	}
	aws(batch, "0", "batch-update-user", "--account-id", "A", "--update-user-request-items", "file:///dev/stdin", "--query", "length(UserErrors)")
	aws(nil, strconv.Itoa(fullBatch+1), "list-users", "--account-id", "A", "--query", "length(Users[?LicenseType=='Basic'])")
}

// takesBody has a client send the largest body that an operation takes.
func (f *front) takesBody(t *testing.T, op *model.Operation, size int) {
	t.Helper()
	body := "{}" + strings.Repeat(" ", size-2)
	r := operationRequest(t, f.url, op, body)
	sign(r, body, func(name string) string { return f.service.env[name] })
	status, message := exchange(t, f.client, r)
	if message == "" || status == http.StatusRequestEntityTooLarge {
		t.Errorf("%s with %d bytes: got %d and %q, want an answer of the service that is not about the size", op.Name, size, status, message)
	}
}

var mostBytes = regexp.MustCompile(`takes at most (\d+) bytes`)

// largestBody asks a service for the operation that takes the largest body, in bytes.
func largestBody(t *testing.T) (largest *model.Operation, size int) {
	t.Helper()
	s := serving(t, t.TempDir())
	transport := &http.Transport{ExpectContinueTimeout: hung}
	defer transport.CloseIdleConnections()
	for _, op := range chime.Service.All() {
		r := operationRequest(t, s.url, op, strings.Repeat(" ", 1<<20))
		r.Header.Set("Expect", "100-continue")
		sign(r, "", func(name string) string { return s.env[name] }) // not for the body, which is refused before
		status, message := exchange(t, &http.Client{Transport: transport}, r)
		m := mostBytes.FindStringSubmatch(message)
		if m == nil {
			t.Fatalf("%s with a MiB: got %d and %q, want how much it takes", op.Name, status, message)
		}
		if n, _ := strconv.Atoi(m[1]); n > size {
			largest, size = op, n
		}
	}
	return largest, size
}

// operationRequest returns a request for an operation.
func operationRequest(t *testing.T, base string, op *model.Operation, body string) *http.Request {
	t.Helper()
	target := base + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(op.Path, "x")
	if op.Query != "" {
		target += "?" + op.Query
	}
	r, err := http.NewRequestWithContext(t.Context(), op.Method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exchange sends a request, and returns the status of the answer, and its message if it is one of
// the service.
func exchange(t *testing.T, client *http.Client, r *http.Request) (status int, message string) {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("x-amzn-RequestId") == "" {
		return resp.StatusCode, ""
	}
	var answer struct{ Message string }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return resp.StatusCode, answer.Message
}

// hidesMetrics looks for metrics as a client who says to be on the machine of the service.
func (f *front) hidesMetrics(t *testing.T) {
	t.Helper()
	u, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{u.Host, "localhost", "127.0.0.1"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", f.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := f.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || bytes.Contains(text, []byte("carillon_")) {
			t.Errorf("metrics for the host %s: got %v and\n%.200s", host, err, text)
		}
	}
}

// isRefused has a command of aws fail with an exception that says what arrived.
func (f *front) isRefused(t *testing.T, exception, want string, args ...string) {
	t.Helper()
	out, err := f.command(t.Context(), nil, args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), exception) || !strings.Contains(string(out), want) {
		t.Errorf("aws chime %q: got %v and\n%s\nwant %s that says %s", args, err, out, exception, want)
	}
}
