package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/sigv4"
)

// hung is how long a process may stay silent before it is taken for hung. Nothing waits for
// this time to pass.
const hung = 60 * time.Second

// service is a `carillon serve` in a process of its own.
type service struct {
	root   string            // directory that is the root of its files, empty for that of the machine
	url    string            // from the readiness line
	env    map[string]string // what its lines for a shell export, nil if it saved none
	cmd    *exec.Cmd
	stdout string        // name of a file, which has everything once it has been written
	ended  chan struct{} // closed at the end of standard error

	mu     sync.Mutex
	stderr bytes.Buffer
}

// startService runs `PROGRAM serve ARGS...` and waits for the line that says it is ready.
func startService(program, dir string, env []string, args ...string) (*service, error) {
	cmd := exec.Command(program, append([]string{"serve"}, args...)...)
	cmd.Dir, cmd.Env = dir, env
	return startCommand(cmd, "")
}

// startCommand is startService for a command that may see a directory as the root of all files.
func startCommand(cmd *exec.Cmd, root string) (*service, error) {
	return startBy(cmd.Start, cmd, root)
}

// startBy is startCommand by a function that starts the command.
func startBy(start func() error, cmd *exec.Cmd, root string) (*service, error) {
	out, err := os.CreateTemp("", "carillon-stdout-")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	s := &service{root: root, cmd: cmd, stdout: out.Name(), ended: make(chan struct{})}
	s.cmd.Stdout = out
	pipe, err := s.cmd.StderrPipe()
	if err == nil {
		err = start()
	}
	if err != nil {
		os.Remove(s.stdout)
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			s.mu.Lock()
			fmt.Fprintln(&s.stderr, lines.Text())
			s.mu.Unlock()
			if url, ok := strings.CutPrefix(lines.Text(), "carillon: serving "); ok {
				ready <- url
			}
		}
	}()
	select {
	case s.url = <-ready:
	case <-s.ended:
		return nil, fmt.Errorf("%v ended before it was ready: %v\n%s", cmd, s.end(os.Kill), s.complaints())
	case <-time.After(hung):
		s.end(os.Kill)
		return nil, fmt.Errorf("%v is not ready after %v\n%s", cmd, hung, s.complaints())
	}
	if err := s.readEnv(); err != nil {
		s.end(os.Kill)
		return nil, err
	}
	return s, nil
}

// serving starts `carillon serve` in a directory, for as long as the test runs.
func serving(t testing.TB, dir string, args ...string) *service {
	t.Helper()
	s, err := startService("carillon", dir, childEnv(dir), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })
	return s
}

var (
	rootKeyFile = regexp.MustCompile(`(?m) in (.*root-key\.sh)$`)
	exportLine  = regexp.MustCompile(`(?m)^export (\w+)='?(.*?)'?$`)
)

// readEnv reads the lines for a shell from the file that the service names, or from what it has
// printed.
func (s *service) readEnv() error {
	path := s.stdout
	if m := rootKeyFile.FindStringSubmatch(s.complaints()); m != nil {
		path = m[1]
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.cmd.Dir, path)
		}
		path = filepath.Join(s.root, path)
	}
	text, err := os.ReadFile(path)
	s.env = map[string]string{}
	for _, line := range exportLine.FindAllStringSubmatch(string(text), -1) {
		s.env[line[1]] = line[2]
	}
	return err
}

// complaints is what the service has written to standard error so far.
func (s *service) complaints() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.String()
}

// end sends a signal and waits for the end of the process, whose error it returns. On Windows,
// which has no signals, it kills the process, and that is no error. It does nothing after the
// first time.
func (s *service) end(signal os.Signal) error {
	defer os.Remove(s.stdout)
	if s.cmd.ProcessState != nil {
		return nil
	}
	unknown := s.cmd.Process.Signal(signal) != nil
	if unknown {
		s.cmd.Process.Kill()
	}
	guard := time.AfterFunc(hung, func() { s.cmd.Process.Kill() })
	defer guard.Stop()
	<-s.ended
	err := s.cmd.Wait()
	if unknown && runtime.GOOS == "windows" {
		return nil
	}
	return err
}

// takesTurns marks a test of programs that do one thing after another. The race detector finds
// nothing there, and takes several times as long: go test -short, which goes with it, leaves the
// test out.
func takesTurns(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one thing after another")
	}
}

// childEnv is the environment of programs that a test starts: nothing of the machine's own
// set-up, everything they write in dir, and the service on a free port.
func childEnv(dir string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8", "AWS_EC2_METADATA_DISABLED=true",
		"CARILLON_LISTEN=127.0.0.1:0",
		// Built with the race detector, each program would wait for a second before it ends.
		"GORACE=atexit_sleep_ms=10 " + os.Getenv("GORACE")}
	for _, name := range []string{"GOCOVERDIR", "SystemRoot"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// sign signs a request with what the service's lines for a shell say.
func sign(r *http.Request, body string, getenv func(string) string) {
	date := sigv4.FormatTime(time.Now())
	r.Header.Set("X-Amz-Date", date)
	key := sigv4.NewKey(getenv("AWS_SECRET_ACCESS_KEY"), sigv4.Scope{Day: date[:8], Region: getenv("AWS_REGION"), Service: "chime"})
	r.Header.Set("Authorization", key.Authorization(getenv("AWS_ACCESS_KEY_ID"), &sigv4.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Date: date,
		Header: func(name string) string {
			if name == "host" {
				return r.URL.Host
			}
			return r.Header.Get(name)
		},
		SignedHeaders: "host;x-amz-date", PayloadHash: sigv4.HashPayload([]byte(body)),
	}))
}

// A request that the service is at work on when it is told to stop is answered, and what it
// changed is there after the next start.
func TestServeFinishesRequests(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	t.Parallel()
	inTime(t, finishesRequest)
}

// inTime runs a test that needs the machine for some seconds, again if it reports that it was kept
// waiting.
func inTime(t *testing.T, test func(*testing.T) bool) {
	t.Helper()
	for range 20 {
		if test(t) {
			return
		}
	}
	t.Fatal("the machine was too busy each of 20 times")
}

// aMoment is less than a service that is told to stop waits for its requests.
const aMoment = 10 * time.Second

// finishesRequest reports whether a service had a chance to finish a request: it waits for none for
// long, as it might have to on a busy machine.
func finishesRequest(t *testing.T) (inTime bool) {
	dir := t.TempDir()
	s := serving(t, dir)
	begin := time.Now()

	// The service asks for the body by "100 Continue", which shows that it has begun.
	const body = `{"Name":"late"}`
	begun := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { close(begun) }})
	rest, send := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, "POST", s.url+"/accounts", rest)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(body))
	r.Header.Set("Expect", "100-continue")
	r.Header.Set("Content-Type", "application/json")
	sign(r, body, func(name string) string { return s.env[name] })
	type reply struct {
		status int
		body   []byte
		err    error
	}
	replied := make(chan reply, 1)
	transport := &http.Transport{ExpectContinueTimeout: hung}
	defer transport.CloseIdleConnections()
	go func() {
		resp, err := transport.RoundTrip(r)
		if err != nil {
			replied <- reply{err: err}
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		replied <- reply{resp.StatusCode, text, err}
	}()
	select {
	case <-begun:
	case got := <-replied:
		if time.Since(begin) > aMoment {
			return false
		}
		t.Fatalf("replied before the body was sent: %+v", got)
	}

	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil { // until nobody is let in any more
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	io.WriteString(send, body)
	got := <-replied
	if time.Since(begin) > aMoment {
		return false
	}
	if got.err != nil || got.status != http.StatusOK && got.status != http.StatusCreated {
		t.Errorf("the request under way: got status %d, %s, %v, want success", got.status, got.body, got.err)
	}
	if err := s.end(syscall.Signal(0)); err != nil { // which says nothing: it has been told
		t.Errorf("carillon serve ended with %v, want exit code 0\n%s", err, s.complaints())
	}

	s = serving(t, dir)
	list := exec.CommandContext(ctx, "aws", "chime", "list-accounts", "--query", "Accounts[].Name", "--output", "text")
	list.Env = childEnv(dir)
	for name, value := range s.env {
		list.Env = append(list.Env, name+"="+value)
	}
	if out, err := list.CombinedOutput(); err != nil || string(out) != "late\n" {
		t.Errorf("accounts after the restart: got %q, %v, want %q", out, err, "late\n")
	}
	return true
}
