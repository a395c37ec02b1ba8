//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// anyAccount is the id of the account of services that have one only.
const anyAccount = "00000000-0000-4000-8000-000000000001"

// slowService answers what carillon bulk asks about sixty users, and keeps those who update some
// waiting: update is told of each call, which is answered when the function returns.
func slowService(t *testing.T, update func(n int)) (url string) {
	type user struct{ UserId, PrimaryEmail, LicenseType, UserType, UserRegistrationStatus string }
	var mu sync.Mutex
	var users []*user
	for i := range 60 {
		users = append(users, &user{fmt.Sprintf("id-%02d", i), fmt.Sprintf("p%02d@example.com", i), "Pro", "PrivateUser", "Registered"})
	}
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/carillon/") { // it knows no jobs
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.Method == http.MethodGet {
			mu.Lock()
			defer mu.Unlock()
			json.NewEncoder(w).Encode(map[string]any{"Users": users})
			return
		}
		var body struct{ UpdateUserRequestItems []user }
		json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		for _, item := range body.UpdateUserRequestItems {
			for _, u := range users {
				if u.UserId == item.UserId {
					u.LicenseType = item.LicenseType
				}
			}
		}
		calls++
		n := calls
		mu.Unlock()
		update(n)
		io.WriteString(w, `{"UserErrors": []}`)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// bulkProcess is a `carillon bulk` in a process of its own.
type bulkProcess struct {
	*exec.Cmd
	stdout bytes.Buffer
	said   chan string // lines of standard error; closed at its end
}

func startBulk(t *testing.T, dir, url string, args ...string) *bulkProcess {
	t.Helper()
	return startProgram(t, dir, url, "carillon", append([]string{"bulk"}, args...)...)
}

func startProgram(t *testing.T, dir, url, name string, args ...string) *bulkProcess {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(childEnv(dir), "AWS_ENDPOINT_URL_CHIME="+url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1")
	return startJob(t, cmd)
}

func startJob(t *testing.T, cmd *exec.Cmd) *bulkProcess {
	t.Helper()
	p := &bulkProcess{Cmd: cmd, said: make(chan string, 100)}
	p.Stdout = &p.stdout
	pipe, err := p.StderrPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(hung, func() { p.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		p.Process.Kill()
	})
	go func() {
		defer close(p.said)
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			p.said <- lines.Text()
		}
	}()
	return p
}

// until waits for a line that has a text in it.
func (p *bulkProcess) until(t *testing.T, text string) {
	t.Helper()
	var all []string
	for line := range p.said {
		if strings.Contains(line, text) {
			return
		}
		all = append(all, line)
	}
	t.Fatalf("standard error is\n%s\nwant a line with %q", strings.Join(all, "\n"), text)
}

// end waits for the end of the process and returns what it said last.
func (p *bulkProcess) end() (last string, state *os.ProcessState) {
	for line := range p.said {
		last = line
	}
	p.Wait()
	return last, p.ProcessState
}

// The first interrupt lets calls under way end and says how to go on.
func TestBulkFinishesCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	began, answer := make(chan int), make(chan struct{})
	url := slowService(t, func(n int) {
		began <- n
		<-answer
	})
	p := startBulk(t, dir, url, "apply", "--yes", "--account-id", anyAccount, "--all", "--set", "LicenseType=Basic", "--parallel", "1", "--ledger", "l.jsonl")
	<-began
	// Meanwhile nobody else can go on with the job, but everybody can look at it.
	other := startBulk(t, dir, url, "resume", "--yes", "l.jsonl")
	if last, state := other.end(); state.ExitCode() != 2 || last != "carillon: l.jsonl: another carillon bulk is working with this ledger" {
		t.Errorf("resume beside it: got code %d and %q, want 2", state.ExitCode(), last)
	}
	other = startBulk(t, dir, url, "rejects", "l.jsonl")
	if last, state := other.end(); state.ExitCode() != 0 {
		t.Errorf("rejects beside it: got code %d and %q, want 0", state.ExitCode(), last)
	}
	for _, tt := range []struct{ args, want string }{
		{"status l.jsonl", "\nstate: running\n0 done, 0 failed, 60 not finished\n"},
		{"status l.jsonl --output json", `"state": "running"`},
		{"jobs", "  0     0       60            running\n"},
	} {
		other = startBulk(t, dir, url, strings.Fields(tt.args)...)
		if last, state := other.end(); state.ExitCode() != 0 || !strings.Contains(other.stdout.String(), tt.want) || strings.Contains(other.stdout.String(), "resume") {
			t.Errorf("%s beside it: got code %d, %q and\n%s\nwant 0 and %q, and no way to resume", tt.args, state.ExitCode(), last, other.stdout.String(), tt.want)
		}
	}
	p.Process.Signal(os.Interrupt)
	p.until(t, "carillon: finishing the calls under way; another interrupt stops at once")
	close(answer)
	last, state := p.end()
	if want := "carillon: interrupted, calls under way were finished; to go on: carillon bulk resume l.jsonl"; state.ExitCode() != 130 || last != want {
		t.Errorf("got code %d and %q, want 130 and %q", state.ExitCode(), last, want)
	}
	if got, want := p.stdout.String(), "20 done, 0 failed, 40 not finished\nledger: l.jsonl\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A terminal that goes away does not end a job.
func TestBulkSurvivesHangup(t *testing.T) {
	t.Parallel()
	began, answer := make(chan int, 10), make(chan struct{})
	url := slowService(t, func(n int) {
		began <- n
		<-answer
	})
	p := startBulk(t, t.TempDir(), url, "apply", "--yes", "--account-id", anyAccount, "--all", "--set", "LicenseType=Basic", "--ledger", "l.jsonl")
	<-began
	p.Process.Signal(syscall.SIGHUP)
	close(answer)
	if last, state := p.end(); state.ExitCode() != 0 || p.stdout.String() != "60 done, 0 failed\nledger: l.jsonl\n" {
		t.Errorf("got %v, %q and %q; want 60 done", state, p.stdout.String(), last)
	}
}

// Nor does a reader who leaves, such as head: the job goes on, and its ledger and its exit code are
// as usual. What only reads ends, as programs do that nobody reads.
func TestBulkSurvivesReader(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"text", "json"} {
		dir := t.TempDir()
		began, answer := make(chan int, 10), make(chan struct{})
		url := slowService(t, func(n int) {
			began <- n
			<-answer
		})
		start := func(args ...string) (p *exec.Cmd, reader *os.File) {
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { reader.Close() })
			p = exec.Command("carillon", append([]string{"bulk"}, args...)...)
			p.Dir, p.Env = dir, append(childEnv(dir), "AWS_ENDPOINT_URL_CHIME="+url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1")
			p.Stdout, p.Stderr = writer, writer
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Process.Kill() })
			writer.Close()
			return p, reader
		}
		p, reader := start("apply", "--yes", "--account-id", anyAccount, "--all", "--set", "LicenseType=Basic", "--output", form, "--ledger", "l.jsonl")
		<-began
		reader.Close()
		close(answer)
		if err := p.Wait(); err != nil {
			t.Errorf("%s: got %v, want exit code 0", form, err)
		}
		// The reader of this one has left before it begins.
		p, reader = start("resume", "--yes", "l.jsonl", "--output", form)
		reader.Close()
		if err := p.Wait(); err != nil {
			t.Errorf("%s: resume: got %v, want exit code 0", form, err)
		}
		status := startBulk(t, dir, url, "status", "l.jsonl")
		if status.end(); !strings.Contains(status.stdout.String(), "\nstate: finished\n60 done, 0 failed\n") {
			t.Errorf("%s: got\n%s\nwant 60 done", form, status.stdout.String())
		}
		p, reader = start("export", "--account-id", anyAccount)
		reader.Close()
		p.Wait()
		if status := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGPIPE {
			t.Errorf("export: got %v, want the end of a program that nobody reads", p.ProcessState)
		}
	}
}

// The second interrupt ends the program while calls are under way. Their rows are settled by
// reading when the job is resumed: the service has obeyed the first call, and no other was made.
func TestBulkStopsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	began, answer := make(chan int, 10), make(chan struct{})
	url := slowService(t, func(n int) {
		began <- n
		<-answer
	})
	p := startBulk(t, dir, url, "apply", "--yes", "--account-id", anyAccount, "--all", "--set", "LicenseType=Basic", "--parallel", "1", "--ledger", "l.jsonl")
	<-began
	p.Process.Signal(os.Interrupt)
	p.until(t, "another interrupt stops at once")
	end := again(p.Process, func() *os.ProcessState {
		_, state := p.end()
		return state
	})
	// Shells make 130 of it: 128 and the number of the signal.
	if status := end.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the program ended with %v, want by the signal", end)
	}
	ledger, err := os.ReadFile(filepath.Join(dir, "l.jsonl"))
	if err != nil || !bytes.Contains(ledger, []byte(`{"status": "sent", "row": 20,`)) || bytes.Contains(ledger, []byte(`"done"`)) {
		t.Errorf("got a ledger, %v,\n%s\nwant rows that were sent and none that is done", err, ledger)
	}
	close(answer)
	p = startBulk(t, dir, url, "resume", "--yes", "l.jsonl")
	last, state := p.end()
	if got, want := p.stdout.String(), "60 done, 0 failed\nledger: l.jsonl\n"; state.ExitCode() != 0 || got != want {
		t.Errorf("resume: got code %d, %q and %q; want 0 and %q", state.ExitCode(), got, last, want)
	}
	if len(began) != 2 {
		t.Errorf("got %d more calls, want 2", len(began))
	}
}

// While the users are read there is nothing to finish: one interrupt is enough.
func TestBulkStopsReading(t *testing.T) {
	t.Parallel()
	reading, done := make(chan struct{}, 10), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading <- struct{}{}
		<-done
	}))
	defer s.Close()
	defer close(done)
	p := startBulk(t, t.TempDir(), s.URL, "export", "--account-id", anyAccount, "-o", "users.csv")
	<-reading
	p.Process.Signal(os.Interrupt)
	if last, state := p.end(); state.ExitCode() != 130 || !strings.Contains(last, "interrupt") {
		t.Errorf("got code %d and %q, want 130 and a word about the interrupt", state.ExitCode(), last)
	}
	if left, err := os.ReadDir(p.Dir); err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v; want none", left, err)
	}
}

// A disk that is full ends a job, and nothing is lost: before the first call the ledger is not left
// behind, and after that it can be resumed.
func TestBulkOnFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := slowService(t, func(int) {})
	// The size of a block is 512 or 1024 bytes, as the shell likes. The plan has some 10 KB, all of it
	// 30 KB.
	for _, tt := range []struct {
		blocks, code int
		last         string
		files        int
	}{
		{3, 1, "carillon: writing the ledger: write l.jsonl: file too large: nothing was changed", 0},
		{26, 1, "carillon: writing the ledger: write l.jsonl: file too large; to go on: carillon bulk resume l.jsonl", 1},
	} {
		p := startProgram(t, dir, url, "sh", "-c", fmt.Sprintf("ulimit -f %d; exec carillon bulk apply --yes --account-id %s --all --set LicenseType=Basic --parallel 1 --ledger l.jsonl", tt.blocks, anyAccount))
		if last, state := p.end(); state.ExitCode() != tt.code || last != tt.last {
			t.Errorf("%d blocks: got code %d and %q, want %d and %q", tt.blocks, state.ExitCode(), last, tt.code, tt.last)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != tt.files {
			t.Errorf("%d blocks: got files %v, %v; want %d", tt.blocks, files, err, tt.files)
		}
	}
	p := startBulk(t, dir, url, "resume", "--yes", "l.jsonl")
	if last, state := p.end(); state.ExitCode() != 0 || !strings.HasPrefix(p.stdout.String(), "60 done, 0 failed\n") {
		t.Errorf("resume: got code %d, %q and %q; want 60 done", state.ExitCode(), p.stdout.String(), last)
	}
}

// A hangup makes the service read its certificate again, and never ends it.
func TestServeReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew := func() []byte {
		t.Helper()
		if err := writeCertificate(cert, key); err != nil {
			t.Fatal(err)
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	var s *service
	serves := func(want []byte) {
		t.Helper()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if !bytes.Equal(conn.ConnectionState().PeerCertificates[0].Raw, want) {
			t.Errorf("the service has another certificate\n%s", s.complaints())
		}
	}
	hangUp := func(says string) {
		t.Helper()
		s.cmd.Process.Signal(syscall.SIGHUP)
		for end := time.Now().Add(hung); !strings.Contains(s.complaints(), says); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the log does not say %q\n%s", says, s.complaints())
			}
		}
	}
	first := renew()
	s = serving(t, dir, "--tls-cert", cert, "--tls-key", key)
	serves(first)
	second := renew()
	hangUp("certificate loaded")
	serves(second)
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangUp("the former one stays")
	serves(second)
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("the service ended with %v, want exit code 0\n%s", err, s.complaints())
	}

	s = serving(t, t.TempDir()) // without a certificate there is nothing to do
	s.cmd.Process.Signal(syscall.SIGHUP)
	resp, err := http.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("the service ended with %v, want exit code 0\n%s", err, s.complaints())
	}
}

// A service that waits for a slow request to end does not wait any more when it is told twice.
func TestServeStopsAtOnce(t *testing.T) {
	t.Parallel()
	inTime(t, stopsAtOnce)
}

// stopsAtOnce reports whether a service was told in time to stop at once: before it had waited long
// enough.
func stopsAtOnce(t *testing.T) (inTime bool) {
	s := serving(t, t.TempDir())
	begin := time.Now()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, err := http.NewRequest("POST", s.url+"/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, "", func(name string) string { return s.env[name] })
	fmt.Fprintf(conn, "POST /accounts HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\nExpect: 100-continue\r\n", r.Host)
	r.Header.Write(conn)
	io.WriteString(conn, "\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		if time.Since(begin) > aMoment {
			return false
		}
		t.Fatalf("got %q, %v; want to be told to go on", line, err)
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	for time.Since(begin) < aMoment { // until it has heard
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	end := again(s.cmd.Process, func() *os.ProcessState {
		<-s.ended
		s.cmd.Wait()
		return s.cmd.ProcessState
	})
	if time.Since(begin) > aMoment {
		return false
	}
	if status := end.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the service ended with %v, want by the signal", end)
	}
	return true
}

// again interrupts a process that was interrupted before until it ends: it may hear of both at
// once, and take them for one.
func again(p *os.Process, wait func() *os.ProcessState) *os.ProcessState {
	ended := make(chan *os.ProcessState, 1)
	go func() { ended <- wait() }()
	for {
		if err := p.Signal(os.Interrupt); errors.Is(err, os.ErrProcessDone) {
			return <-ended
		}
		select {
		case state := <-ended:
			return state
		case <-time.After(10 * time.Millisecond):
		}
	}
}
