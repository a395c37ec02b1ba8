package carillon

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
)

// short is the one limit that a test runs into. Nothing that should succeed depends on it.
const short = 300 * time.Millisecond

// hung is how long a connection may stay open before it is taken for never being cut off.
const hung = 60 * time.Second

// start starts a service for this machine.
func start(t *testing.T, change func(*serviceOptions)) *service {
	t.Helper()
	o := serviceOptions{
		Listen: "127.0.0.1:0", database: database{Data: filepath.Join(t.TempDir(), "data")}, Logger: slog.New(slog.DiscardHandler), limits: server.DefaultLimits,
	}
	o.limits.Header, o.limits.Read = hung, hung // for clients that a busy machine makes slow
	change(&o)
	s, err := startService(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Who may not have a port is told what it takes. Root, who may run the tests, may have any.
func TestStart_PortNotAllowed(t *testing.T) {
	_, err := startService(t.Context(), serviceOptions{
		Listen: "127.0.0.1:443", database: database{Data: filepath.Join(t.TempDir(), "data")}, Logger: slog.New(slog.DiscardHandler),
		listen: func(network, address string) (net.Listener, error) {
			return nil, &net.OpError{Op: "listen", Net: network, Err: os.NewSyscallError("bind", syscall.EACCES)}
		},
	})
	if err == nil || !strings.Contains(err.Error(), "choose another address by --listen (on Linux, a port below 1024 takes the capability CAP_NET_BIND_SERVICE)") {
		t.Errorf("got error %v, want one that says what it takes", err)
	}
}

// dial connects to where a URL leads.
func dial(t *testing.T, to string) net.Conn {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hung))
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// cutOff reads what the server has left to say before it closes the connection.
func cutOff(t *testing.T, conn net.Conn) string {
	t.Helper()
	rest, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("still connected after %v", hung)
	}
	return string(rest)
}

// Whoever is slow is cut off, whichever listener he holds.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	const get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
	for _, tt := range []struct {
		name   string
		change func(*server.Limits)
		client func(t *testing.T, conn net.Conn)
	}{
		{"header byte by byte", func(l *server.Limits) { l.Header = short }, func(t *testing.T, conn net.Conn) {
			send(t, conn, get+"X: ")
			one := make([]byte, 1)
			for end := time.Now().Add(hung); time.Now().Before(end); {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				conn.SetReadDeadline(time.Now().Add(short / 20))
				if _, err := conn.Read(one); err == nil {
					t.Error("there is an answer to half a request")
					return
				} else if !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
			}
			t.Errorf("still connected after %v", hung)
		}},
		{"half a header, then silence", func(l *server.Limits) { l.Header = short }, func(t *testing.T, conn net.Conn) {
			send(t, conn, get)
			if rest := cutOff(t, conn); rest != "" {
				t.Errorf("got %q, want no answer", rest)
			}
		}},
		{"silence from the start", func(l *server.Limits) { l.Header = short }, func(t *testing.T, conn net.Conn) {
			cutOff(t, conn)
		}},
		{"answer never read", func(l *server.Limits) { l.Write = short }, func(t *testing.T, conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, get+"\r\n"); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("still connected after %v", hung)
				} else if err == nil {
					continue
				}
				return
			}
		}},
		{"idle", func(l *server.Limits) { l.Idle = short }, func(t *testing.T, conn net.Conn) {
			send(t, conn, get+"\r\n")
			r := bufio.NewReader(conn)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Close {
				t.Errorf("got error %v and Close %v, want a connection that is kept", err, resp.Close)
			}
			if _, err := r.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("still connected after %v", hung)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			beside := start(t, func(o *serviceOptions) { tt.change(&o.limits) })
			defer beside.stop()
			tt.client(t, dial(t, beside.url))
			apart := start(t, func(o *serviceOptions) { tt.change(&o.limits); o.Metrics = "127.0.0.1:0" })
			defer apart.stop()
			tt.client(t, dial(t, apart.metricsURL))
		})
	}
}

// signedHead is the header of a request by the root key, but for its end. Its body is to be as
// long, and cannot be the one that was signed.
func signedHead(s *service, length int) string {
	date := sigv4.FormatTime(time.Now())
	key := sigv4.NewKey(s.root.Secret, sigv4.Scope{Day: date[:8], Region: "us-east-1", Service: "chime"})
	authorization := key.Authorization(s.root.ID, &sigv4.Request{
		Method: "POST", Path: "/accounts", Date: date, SignedHeaders: "host", PayloadHash: sigv4.HashPayload(nil),
		Header: func(string) string { return "x" },
	})
	return fmt.Sprintf("POST /accounts HTTP/1.1\r\nHost: x\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\nContent-Length: %d\r\n",
		date, authorization, length)
}

// Who stops in the middle of a body is told so, and cut off.
func TestHalfABody(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *serviceOptions) { o.limits.Read = short })
	defer s.stop()
	conn := dial(t, s.url)
	send(t, conn, signedHead(s, 1000)+"\r\n{")
	if got := cutOff(t, conn); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "The body did not arrive as announced.") {
		t.Errorf("got %q, want status 400 and why", got)
	}
}

// The service knows no OPTIONS *, which net/http would answer in its place.
func TestOptionsAsterisk(t *testing.T) {
	t.Parallel()
	s := start(t, func(*serviceOptions) {})
	defer s.stop()
	conn := dial(t, s.url)
	send(t, conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := cutOff(t, conn); !strings.HasPrefix(got, "HTTP/1.1 404 ") || !strings.Contains(got, "UnknownOperationException") {
		t.Errorf("got %q, want status 404 and UnknownOperationException", got)
	}
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	s := start(t, func(*serviceOptions) {})
	defer s.stop()
	conn := dial(t, s.url)
	io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", server.MaxHeader+4096)) // and the rest is not waited for
	if got := cutOff(t, conn); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("got %q, want status 431", got)
	}
}

// A stop waits for requests, but not for ever.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *serviceOptions) { o.drain = short; o.Metrics = "127.0.0.1:0" })
	conn := dial(t, s.url)
	send(t, conn, signedHead(s, 1000)+"Expect: 100-continue\r\n\r\n")
	// The service asks for the body, which shows that it has begun with the request.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("got %q, %v, want to be asked for the body", line, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.wait(ctx, nil)
	if coded, ok := errors.AsType[*codedError](err); !ok || coded.code != exitFailed || !strings.Contains(err.Error(), "requests were still under way") {
		t.Errorf("got error %v, want to be told of the request that was cut off, and exit code %d", err, exitFailed)
	}
	cutOff(t, conn)
	for _, address := range []string{s.url, s.metricsURL} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", u.Host); err == nil {
			conn.Close()
			t.Errorf("%s still lets people in", address)
		}
	}
}

// A stop lets what people have sent to the console finish, on whichever listener that is.
func TestStop_Console(t *testing.T) {
	for name, listen := range map[string]string{"beside the API": "", "a listener of its own": "127.0.0.1:0"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *serviceOptions) { o.Console.Listen = listen })
			conn := dial(t, s.consoleURL)
			form := url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}}.Encode()
			send(t, conn, "POST /console/ui/sign-in HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"+
				"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "+strconv.Itoa(len(form))+"\r\n\r\n")
			answers := bufio.NewReader(conn)
			if line, err := answers.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100 ") { // the form is being read
				t.Fatalf("%q, %v", line, err)
			}
			stopped := make(chan error)
			go func() { stopped <- s.stop() }()
			for refused := false; !refused; { // until it accepts nothing new
				other, err := net.Dial("tcp", conn.RemoteAddr().String())
				if refused = err != nil; !refused {
					other.Close()
				}
			}
			send(t, conn, form)
			rest, err := io.ReadAll(answers)
			if err != nil || !strings.Contains(string(rest), "HTTP/1.1 303 ") {
				t.Errorf("%v: %s", err, rest)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// A stop waits neither for streams nor for the end of a job, and cuts off nothing that a job has
// begun: it is without an error.
func TestStop_ConsoleJob(t *testing.T) {
	const users = 5_000
	data := ""
	s := start(t, func(o *serviceOptions) { o.drain, data = hung, o.Data })
	ctx := t.Context()
	account, err := directory.NewOperator(s.store, directory.Options{}).CreateAccount(ctx, s.root.AWSAccountID, "Example", api.AccountTypeEnterpriseLWA)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]store.User, users)
	for i := range all {
		all[i] = store.User{
			AccountID: account.AccountId, UserID: fmt.Sprint("u", i), Email: fmt.Sprintf("person%d@example.com", i), License: "Basic", Type: "PrivateUser",
			Registration: "Registered", PersonalPIN: fmt.Sprintf("%010d", i),
		}
	}
	if err := s.store.Update(ctx, func(tx store.Tx) error { return tx.InsertUsers(all) }); err != nil {
		t.Fatal(err)
	}
	token, err := s.sessions.SignIn(ctx, s.root.ID, s.root.Secret, directory.Visitor{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, form url.Values) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "carillon-" + r.URL.Port(), Value: token})
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	over := func(path string) { // waits for the end of what a page shows
		t.Helper()
		text, err := io.ReadAll(ask("GET", path+"/events", nil).Body)
		if err != nil || !strings.Contains(string(text), "event: over") {
			t.Fatalf("%s: %v: %.500s", path, err, text)
		}
	}
	plan := ask("POST", "/console/ui/accounts/"+account.AccountId+"/users", url.Values{"do": {"LicenseType=Pro"}, "which": {"all"}}).Header.Get("Location")
	over(plan)
	ask("POST", plan+"/apply", url.Values{"changes": {strconv.Itoa(users)}})
	over(plan) // the job has begun
	job := ask("GET", plan+"?applied=yes", nil).Header.Get("Location")
	if !strings.HasPrefix(job, "/console/ui/jobs/") {
		t.Fatalf("the plan leads to %q", job)
	}
	var streams []io.Reader
	for range 20 {
		stream := ask("GET", job+"/events", nil)
		if stream.StatusCode != http.StatusOK {
			t.Fatalf("status %d", stream.StatusCode)
		}
		streams = append(streams, stream.Body)
	}
	// Nothing is written from here until the streams have ended, so the job gets no further meanwhile.
	changed := func(tx store.ReadTx) (n int, err error) {
		all, _, err := tx.ListUsers(account.AccountId, store.UserFilter{}, 0, users)
		for _, u := range all {
			if u.License == "Pro" {
				n++
			}
		}
		return n, err
	}
	before := 0
	held, release, released := make(chan struct{}, 100), make(chan struct{}), make(chan error)
	go func() {
		released <- s.store.Update(ctx, func(tx store.Tx) (err error) {
			before, err = changed(tx)
			held <- struct{}{}
			<-release
			return err
		})
	}()
	<-held
	stopped := make(chan error)
	go func() { stopped <- s.stop() }()
	io.Copy(io.Discard, io.MultiReader(streams...))
	close(release)
	if err := <-released; err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	st, err := sqlite.Open(ctx, data, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.View(ctx, func(tx store.ReadTx) error {
		after, err := changed(tx)
		if after == users && before < users {
			t.Errorf("the stop has waited for the end of the job, which had changed %d of %d users", before, users)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// The metrics are for Hosts of this machine if their listener is, and answer HEAD.
func TestMetricsHosts(t *testing.T) {
	t.Parallel()
	beside := start(t, func(*serviceOptions) {})
	defer beside.stop()
	apart := start(t, func(o *serviceOptions) { o.Metrics = "127.0.0.1:0" })
	defer apart.stop()
	open := start(t, func(o *serviceOptions) { o.Metrics = "0.0.0.0:0" })
	defer open.stop()
	for _, tt := range []struct {
		url, host string
		want      int
	}{
		{beside.url, "localhost", 200},
		{beside.url, "127.0.0.1:24463", 200},
		{beside.url, "rebound.example", 403},
		{apart.metricsURL, "localhost", 200},
		{apart.metricsURL, "rebound.example", 403},
		{strings.Replace(open.metricsURL, "0.0.0.0", "127.0.0.1", 1), "prometheus-asks.example", 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			conn := dial(t, tt.url)
			send(t, conn, method+" /metrics HTTP/1.1\r\nHost: "+tt.host+"\r\nConnection: close\r\n\r\n")
			got := cutOff(t, conn)
			if !strings.HasPrefix(got, fmt.Sprint("HTTP/1.1 ", tt.want)) || strings.Contains(got, "go_info") != (tt.want == 200 && method == "GET") {
				t.Errorf("%s at %s for %s: got %.300q, want status %d", method, tt.url, tt.host, got, tt.want)
			}
		}
	}
}

// Nothing of test mode is in a service that is not for tests.
func TestTestMode_absent(t *testing.T) {
	paths := (&testmode.Mode{Faults: testmode.NewFaults(chime.Service, nil, nil)}).Paths()
	if len(paths) < 4 {
		t.Fatalf("the paths are %v", paths)
	}
	paths = append(paths, testmode.Prefix, testmode.Prefix+"anything")
	ask := func(s *service, method, path string) (status int, exception string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply.StatusCode, reply.Header.Get("X-Amzn-Errortype")
	}
	s := start(t, func(*serviceOptions) {})
	defer s.stop()
	forTests := start(t, func(o *serviceOptions) { o.Test = true })
	defer forTests.stop()
	for _, path := range paths {
		path = regexp.MustCompile(`{.*?}`).ReplaceAllString(path, "x")
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if status, exception := ask(s, method, path); status != http.StatusNotFound || exception != string(api.UnknownOperationException) {
				t.Errorf("%s %s: got %d %s", method, path, status, exception)
			}
		}
		if _, exception := ask(forTests, "OPTIONS", path); exception != "" {
			t.Errorf("%s of a service for tests gets %s", path, exception)
		}
	}
}

// Whoever is signed in to the console stays so when the service is reset.
func TestTestMode_consoleStays(t *testing.T) {
	s := start(t, func(o *serviceOptions) {
		o.Test = true
		o.RootKeyID, o.RootSecret = testmode.AccessKeyID, testmode.SecretAccessKey
	})
	defer s.stop()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status := func(reply *http.Response, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply.StatusCode
	}
	if got := status(browser.Get(s.consoleURL + "accounts")); got != http.StatusSeeOther {
		t.Errorf("before signing in: got %d", got)
	}
	status(browser.PostForm(s.consoleURL+"sign-in", url.Values{"key": {s.root.ID}, "secret": {s.root.Secret}}))
	for _, when := range []string{"signed in", "after a reset", "after another one"} {
		if got := status(browser.Get(s.consoleURL + "accounts")); got != http.StatusOK {
			t.Errorf("%s: got %d", when, got)
		}
		if got := status(http.Post(s.url+"/_carillon/reset", "", nil)); got != http.StatusOK {
			t.Errorf("reset: got %d", got)
		}
	}
}

// A stop does not wait for what test mode stalls.
func TestTestMode_stop(t *testing.T) {
	rules, err := testmode.ReadRules(chime.Service, []byte(`[{"id":"stalled","operation":"ListAccounts","effect":{"connection":"stall"}},
		{"id":"late","operation":"GetGlobalSettings","effect":{"latency":{"ms":50000}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *serviceOptions) {
		o.Test, o.Faults, o.drain = true, rules, hung
		o.RootKeyID, o.RootSecret = testmode.AccessKeyID, testmode.SecretAccessKey
	})
	ended := make(chan error, 3)
	for _, path := range []string{"/accounts", "/settings"} {
		r := httptest.NewRequest("GET", s.url+path, nil)
		r.RequestURI = ""
		date := sigv4.FormatTime(time.Now())
		r.Header.Set("X-Amz-Date", date)
		r.Header.Set("Authorization", sigv4.NewKey(testmode.SecretAccessKey, sigv4.Scope{Day: date[:8], Region: "us-east-1", Service: "chime"}).Authorization(testmode.AccessKeyID,
			&sigv4.Request{Method: "GET", Path: path, Date: date, SignedHeaders: "host", PayloadHash: sigv4.HashPayload(nil), Header: func(string) string { return r.URL.Host }}))
		go func() {
			_, err := http.DefaultTransport.RoundTrip(r)
			ended <- err
		}()
	}
	for fired := 0; fired < 2; {
		reply, err := http.Get(fmt.Sprintf("%s/_carillon/activity?wait=30s&after=%d", s.url, fired))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil || reply.StatusCode != http.StatusOK {
			t.Fatalf("%d %s %v", reply.StatusCode, text, err)
		}
		fired += strings.Count(string(text), `{"n":`)
	}
	go func() {
		reply, err := http.Get(s.url + "/_carillon/activity?wait=60s&rule=other")
		if err == nil {
			reply.Body.Close()
		}
		ended <- err
	}()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for range cap(ended) {
		<-ended
	}
}

// record is a log that can be read while it is written.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// Nothing of what net/http could not make a request of gets into the log.
func TestLogOfStrangers(t *testing.T) {
	t.Parallel()
	example := httptest.NewTLSServer(nil) // for its certificate
	example.Close()
	key, err := x509.MarshalPKCS8PrivateKey(example.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var log record
	s := start(t, func(o *serviceOptions) {
		o.TLSCert, o.TLSKey = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
		for name, block := range map[string]*pem.Block{
			o.TLSCert: {Type: "CERTIFICATE", Bytes: example.Certificate().Raw}, o.TLSKey: {Type: "PRIVATE KEY", Bytes: key},
		} {
			if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const request = "GET /jane@corp.example HTTP/1.1\r\nHost: x\r\nAuthorization: s3cret\r\n\r\n"
	conn := dial(t, s.url)
	send(t, conn, request)
	cutOff(t, conn)
	for _, protocol := range []string{"h2", "http/1.1"} {
		conn := tls.Client(dial(t, s.url), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		send(t, conn, strings.Replace(request, "HTTP/1.1", "HTTP/x", 1))
		cutOff(t, conn)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"client sent an HTTP request to an HTTPS server", "error reading preface"} {
		// net/http may say it after it has closed the connection, and after the stop.
		for end := time.Now().Add(hung); !strings.Contains(log.String(), want); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the log does not say %q:\n%s", want, log.String())
			}
		}
	}
	if regexp.MustCompile(`jane|s3cret|level=(INFO|WARN|ERROR)`).MatchString(log.String()) {
		t.Errorf("the log tells what strangers sent, or gives it weight:\n%s", log.String())
	}
}
