package carillon

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/scheduletest"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// Whenever the service is stopped: from that moment it lets nobody in, a request that it has begun
// with is answered, and everything else is not done. What was acknowledged is there afterwards. The
// stop is over in time, even if a client never ends; only then are requests cut off.
//
// A seed decides who sends what and when, in the time of a bubble.
func TestStop_Schedules(t *testing.T) {
	made := filepath.Join(t.TempDir(), "data") // by a first start, for all of them
	if err := start(t, func(o *serviceOptions) { o.Data = made }).stop(); err != nil {
		t.Fatal(err)
	}
	total := map[string]int{}
	scheduletest.Play(t, 30, func(seed uint64) {
		v := &visit{dir: t.TempDir(), luck: rand.New(rand.NewPCG(seed, 0)), total: total, created: map[string]string{}}
		if err := os.CopyFS(v.dir, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, v.play)
		os.RemoveAll(v.dir)
	})
	t.Logf("requests: %v", total)
}

// inMemory is a listener without a network.
type inMemory struct {
	address *net.TCPAddr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *inMemory) Addr() net.Addr { return l.address }

func (l *inMemory) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *inMemory) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// dial connects, or returns an error if the listener is closed.
func (l *inMemory) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// visit is what clients do to a service until it is stopped, and what came of it.
type visit struct {
	dir       string
	service   *service
	listeners []*inMemory // of the API, and of the console if it has its own

	mu      sync.Mutex
	luck    *rand.Rand
	endless bool              // some clients never end what they have begun
	stopped time.Time         // when the stop began; zero before
	created map[string]string // what became of each account: "answered", "cut off" or "refused"
	total   map[string]int
}

func (v *visit) roll(n int) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.luck.IntN(n)
}

// moments are a time of n milliseconds at most, and often none.
func (v *visit) moments(n int) { time.Sleep(time.Duration(max(0, v.roll(2*n)-n)) * time.Millisecond) }

func (v *visit) stopping() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.stopped.IsZero() && v.stopped.Before(time.Now())
}

// play starts the service, and stops it while clients use it.
func (v *visit) play(t *testing.T) {
	listen := func(string, string) (net.Listener, error) {
		l := &inMemory{
			address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1000 + len(v.listeners)}, conns: make(chan net.Conn), closed: make(chan struct{}),
		}
		v.listeners = append(v.listeners, l)
		return l, nil
	}
	o := serviceOptions{Listen: "api", database: database{Data: v.dir}, Logger: slog.New(slog.DiscardHandler), limits: server.DefaultLimits, listen: listen}
	if v.roll(2) == 0 {
		o.Console.Listen = "console"
	}
	v.endless = v.roll(4) == 0
	var err error
	if v.service, err = startService(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for client := range 1 + v.roll(8) {
		clients.Go(func() { v.client(t, client) })
	}
	v.moments(8000)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	v.mu.Lock()
	v.stopped = time.Now()
	v.mu.Unlock()
	err = v.service.wait(ctx, nil)
	took := time.Since(v.stopped)
	if took > drainTime {
		t.Errorf("the stop took %v, want %v at most", took, drainTime)
	}
	if err != nil && (!v.endless || took < drainTime) {
		t.Errorf("the stop, after %v: %v", took, err)
	}
	clients.Wait()
	v.check(t)
}

// client sends requests over connections that it keeps, as long as it can.
func (v *visit) client(t *testing.T, number int) {
	listener := v.listeners[v.roll(len(v.listeners))]
	var conn net.Conn
	var answers *bufio.Reader
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	idle := false // since a request over the connection was answered
	for n := 0; ; n++ {
		v.moments(1500)
		late := v.stopping()
		if conn == nil {
			idle = false
			var err error
			if conn, err = listener.dial(); err != nil {
				return
			}
			if late {
				t.Error("the service lets somebody in while it stops")
			}
			answers = bufio.NewReader(conn)
		}
		head, body, want := v.signIn()
		name := fmt.Sprintf("account-%d-%d", number, n)
		if listener == v.listeners[0] {
			head, body, want = v.createAccount(name)
		}
		outcome, begun := v.send(conn, answers, head, body, want)
		if outcome == "answered" && late && idle {
			t.Error("the service answers a request that came over an idle connection after it was told to stop")
		}
		if idle = true; outcome != "answered" {
			conn.Close()
			conn = nil
		}
		if begun && outcome != "answered" && !v.endless {
			t.Errorf("a request that the service had begun with before it stopped: %s", outcome)
		}
		v.mu.Lock()
		v.total[outcome]++
		if listener == v.listeners[0] {
			v.created[name] = outcome
		}
		v.mu.Unlock()
	}
}

// signIn is a request of somebody who signs in to the console, perhaps too often, and the statuses
// of its answer.
func (v *visit) signIn() (head, body, want string) {
	body = url.Values{"key": {v.service.root.ID}, "secret": {v.service.root.Secret}}.Encode()
	return fmt.Sprintf("POST /console/ui/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body)), body, "303 429"
}

// createAccount is a request that creates an account of a name, and the status of its answer.
func (v *visit) createAccount(name string) (head, body, want string) {
	body = fmt.Sprintf(`{"Name":%q}`, name)
	date := sigv4.FormatTime(time.Now())
	key := sigv4.NewKey(v.service.root.Secret, sigv4.Scope{Day: date[:8], Region: "us-east-1", Service: "chime"})
	authorization := key.Authorization(v.service.root.ID, &sigv4.Request{
		Method: "POST", Path: "/accounts", Date: date, SignedHeaders: "host", PayloadHash: sigv4.HashPayload([]byte(body)),
		Header: func(string) string { return "localhost" },
	})
	return fmt.Sprintf("POST /accounts HTTP/1.1\r\nHost: localhost\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n", date, authorization, len(body)), body, "201"
}

// send sends a request, slowly at times, and reads the answer. Begun says that the head had arrived
// before the service was told to stop.
func (v *visit) send(conn net.Conn, answers *bufio.Reader, head, body, want string) (outcome string, begun bool) {
	part := v.roll(len(head))
	if _, err := io.WriteString(conn, head[:part]); err != nil {
		return "refused", false
	}
	if v.roll(4) == 0 {
		v.moments(2000)
	}
	if _, err := io.WriteString(conn, head[part:]); err != nil {
		return "refused", false
	}
	sent := time.Now()
	if v.roll(2) == 0 {
		v.moments(5000)
	}
	if v.endless && v.roll(4) == 0 {
		time.Sleep(time.Minute)
	}
	v.mu.Lock()
	begun = v.stopped.IsZero() || sent.Before(v.stopped)
	v.mu.Unlock()
	if _, err := io.WriteString(conn, body); err != nil {
		return "cut off", begun
	}
	if v.roll(3) == 0 {
		v.moments(3000)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		answer.Body.Close()
	}
	switch {
	case err != nil:
		return "cut off", begun
	case !strings.Contains(want, answer.Status[:3]):
		return "answered with " + answer.Status, begun
	}
	return "answered", begun
}

// check compares what the store holds with what clients were told.
func (v *visit) check(t *testing.T) {
	st, err := sqlite.Open(t.Context(), v.dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	there := map[string]int{}
	var used time.Time
	if err := st.View(t.Context(), func(tx store.ReadTx) error {
		key, err := tx.AccessKey(v.service.root.ID)
		if err != nil {
			return err
		}
		used = key.LastUsed
		accounts, _, err := tx.Accounts(v.service.root.AWSAccountID, store.AccountFilter{}, 0, 1000)
		for _, a := range accounts {
			there[a.Name]++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for name, outcome := range v.created {
		switch n := there[name]; {
		case n > 1 || outcome == "answered" && n == 0:
			t.Errorf("%s was acknowledged, and is there %d times", name, n)
		case outcome != "answered" && n > 0 && !v.endless:
			t.Errorf("%s is there, and was %s", name, outcome)
		}
		if outcome == "answered" && !used.Equal(time.Now().UTC().Truncate(24*time.Hour)) {
			t.Errorf("the root key was last used on %v", used)
		}
	}
}
