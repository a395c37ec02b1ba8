package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/server"
)

// wire is a connection on which a test says exactly what it wants.
type wire struct {
	*net.TCPConn
	in *bufio.Reader
	t  testing.TB
}

func dial(t testing.TB, base string) wire {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) // and then something hangs
	return wire{conn.(*net.TCPConn), bufio.NewReader(conn), t}
}

func (w wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

// reply reads one reply.
func (w wire) reply() reply {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := reply{resp.StatusCode, resp.Header, string(body)}
	if resp.Close {
		r.header.Set("Connection", "close")
	}
	return r
}

// closed waits for the end of the connection, which comes without another word.
func (w wire) closed() {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() || len(rest) > 0 {
		w.t.Errorf("got %q, %v, want the end of the connection", rest, err)
	}
}

// head is what a call's request begins with, up to the blank line, for a body that is sent apart.
func (c call) head(t testing.TB, base, framing string) string {
	t.Helper()
	r := c.request(t, base)
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\n%s\r\n",
		r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), framing)
}

func length(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }

// What the contract lets a client send is not too large.
func TestBodyLimit(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	list := func(format string, n int) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(format, i, strings.Repeat("x", 1000))
		}
		return strings.Join(items, ",\n                  ")
	}
	for _, c := range []call{
		{target: "/accounts/a1/users", body: `{"UpdateUserRequestItems":[` +
			list(`{"UserId":"%d%[2]s","LicenseType":"ProTrial","UserType":"SharedDevice","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false,"AlexaForBusinessRoomArn":"%[2]s"}}`, 20) + `]}`},
		{target: "/accounts/a1/users?operation=suspend", body: `{"UserIdList":[` + list(`"%d%s"`, 50) + `]}`},
		{target: "/accounts/a1/users?operation=add", body: `{"UserEmailList":[` + list(`"%d%s@corp.example"`, 50) + `],"UserType":"PrivateUser"}`},
		{target: "/accounts", body: `{"Name":"` + strings.Repeat(`\ud83d\ude00`, 100) + `"}`},
		{target: "/phone-numbers?operation=batch-delete", body: `{"PhoneNumberIds":[` + list(`"%d%s"`, 100) + `]}`},
	} {
		if got := c.send(t, base); got.status/100 != 2 {
			t.Errorf("%s: got %d %s, want success", c.target, got.status, got.body)
		}
	}
	for _, op := range chime.Service.All() {
		if limit := server.BodyLimit(op); limit < 16<<10 || limit > 512<<10 {
			t.Errorf("%s takes bodies of %d bytes, want some hundred thousand at most", op.Name, limit)
		}
	}
}

func TestBodySize(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	limit := server.BodyLimit(chime.Service.Operation("BatchUpdateUser"))
	padded := oneItem + strings.Repeat(" ", limit-len(oneItem))
	call{body: padded}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	call{body: padded, edit: chunked}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	call{body: padded + " "}.send(t, base).failed(t, api.RequestEntityTooLargeException)
	call{body: padded + " ", edit: chunked}.send(t, base).failed(t, api.RequestEntityTooLargeException)

	for _, tt := range []struct {
		name, framing, body string
		closeWrite          bool
		want                api.Exception
	}{
		// An announced body need not be sent to be refused; one in chunks only as far as the limit.
		{"announced", length(limit + 1), "", false, api.RequestEntityTooLargeException},
		{"announced and asked for", length(9000000000000) + "Expect: 100-continue\r\n", "", false, api.RequestEntityTooLargeException},
		{"in chunks", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s", 1<<20, strings.Repeat("x", limit+1)), false, api.RequestEntityTooLargeException},
		// Less than announced is no request, whatever it says.
		{"less than announced", length(1000), oneItem, true, api.BadRequestException},
		{"less than a chunk", "Transfer-Encoding: chunked\r\n", "5\r\n{}", true, api.BadRequestException},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, base)
			conn.send(call{}.head(t, base, tt.framing) + tt.body)
			if tt.closeWrite {
				conn.CloseWrite()
			}
			got := conn.reply()
			got.failed(t, tt.want)
			if got.header.Get("Connection") != "close" {
				t.Error("the connection is to be kept")
			}
			conn.CloseWrite()
			conn.closed()
		})
	}
}

// An answer that needs no body does not wait for one, and reaches clients that send all before they
// look for it.
func TestAnswersBeforeTheBody(t *testing.T) {
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	unsigned := func(target, framing string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n"
	}
	for _, tt := range []struct {
		name, head string
		want       api.Exception
	}{
		{"nowhere", unsigned("/nowhere", length(1<<20)), api.UnknownOperationException},
		{"method", strings.Replace(unsigned("/accounts", length(1<<20)), "POST", "PUT", 1), api.MethodNotAllowedException},
		{"unsigned", unsigned("/accounts", length(1<<20)), api.UnauthorizedClientException},
		{"unsigned, in chunks", unsigned("/accounts", "Transfer-Encoding: chunked\r\n"), api.UnauthorizedClientException},
		{"unsigned, asks first", unsigned("/accounts", length(1<<20)+"Expect: 100-continue\r\n"), api.UnauthorizedClientException},
		{"malformed", unsigned("/accounts", length(1<<20)+"Authorization: Basic eA==\r\nX-Amz-Date: 20260301T120000Z\r\n"), api.UnauthorizedClientException},
		{"unknown key", call{keyID: "AKIANOBODY"}.head(t, base, length(1<<20)), api.UnauthorizedClientException},
		{"date", call{at: noon.Add(-time.Hour)}.head(t, base, length(1<<20)), api.UnauthorizedClientException},
		{"unsigned payload", call{}.head(t, base, length(1<<20)+"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"), api.UnauthorizedClientException},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			silent := dial(t, base)
			silent.send(tt.head)
			silent.reply().failed(t, tt.want)

			talks := dial(t, base)
			talks.send(tt.head)
			if strings.Contains(tt.head, "chunked") {
				talks.send("100000\r\n" + strings.Repeat("x", 1<<20) + "\r\n0\r\n\r\n")
			} else {
				talks.send(strings.Repeat("x", 1<<20))
			}
			got := talks.reply()
			got.failed(t, tt.want)
			if got.header.Get("Connection") != "close" {
				t.Errorf("the connection is to be kept after a body that is worth no reading")
			}
			talks.closed()
		})
	}
	t.Run("small", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, base)
		for range 3 { // the connection is kept
			conn.send(unsigned("/accounts", length(60000)))
			got := conn.reply()
			got.failed(t, api.UnauthorizedClientException)
			if got.header.Get("Connection") == "close" {
				t.Error("the connection is closed for the sake of a small body")
			}
			conn.send(strings.Repeat("x", 60000))
		}
		conn.send(call{}.head(t, base, length(0)))
		conn.reply().failed(t, api.BadRequestException)
	})
}

// A client that closes its sending side after the request gets its answer.
func TestHalfClosedClient(t *testing.T) {
	noticed, gone := make(chan struct{}), make(chan (<-chan struct{}), 1)
	service := server.New(chime.Service, some{batch: func(ctx context.Context, _ *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		<-noticed
		return &api.BatchUpdateUserOutput{}, ctx.Err()
	}}, newKeys(""), fixed())
	base := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gone <- r.Context().Done()
		service.ServeHTTP(w, r)
	}))
	conn := dial(t, base)
	conn.send(call{body: oneItem}.head(t, base, length(len(oneItem))) + oneItem)
	conn.CloseWrite()
	<-<-gone // net/http takes it for the end of the client
	close(noticed)
	conn.reply().succeeded(t, 200, `{"UserErrors":[]}`)
}

// Bodies that are under way share their memory: the oldest makes room for the youngest.
func TestBodyMemory(t *testing.T) {
	o := fixed()
	o.BodyMemory = 1 << 20
	const size = 90_000
	base := start(t, server.New(chime.Service, some{}, newKeys(""), o))
	var hostile []wire
	for range 20 {
		conn := dial(t, base)
		conn.send(call{secret: "wrong"}.head(t, base, length(size+1)+"Expect: 100-continue\r\n"))
		if got := conn.reply(); got.status != http.StatusContinue { // so that they begin in this order
			t.Fatalf("got %d, want %d", got.status, http.StatusContinue)
		}
		conn.send(strings.Repeat("x", size))
		hostile = append(hostile, conn)
	}
	// The first had to go; it learns that it may come again.
	got := hostile[0].reply()
	got.failed(t, api.ServiceUnavailableException)
	if after := got.header.Get("Retry-After"); after != "1" {
		t.Errorf("Retry-After: got %q, want 1", after)
	}
	hostile[0].closed()
	for range 3 {
		call{body: oneItem + strings.Repeat(" ", size)}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
	}
	// The last is there still, and what it sent is looked at when it is complete.
	last := hostile[len(hostile)-1]
	last.send("x")
	last.reply().failed(t, api.UnauthorizedClientException)
}

// Where the memory is taken by requests at work, others must wait.
func TestBodyMemory_AtWork(t *testing.T) {
	o := fixed()
	o.BodyMemory = 100_000
	began, finish := make(chan struct{}), make(chan struct{})
	base := start(t, server.New(chime.Service, some{batch: func(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
		began <- struct{}{}
		<-finish
		return &api.BatchUpdateUserOutput{}, nil
	}}, newKeys(""), o))
	replies := make(chan reply, 2)
	for range 2 {
		go func() { replies <- call{body: oneItem + strings.Repeat(" ", 20_000)}.send(t, base) }()
		<-began
	}
	got := call{body: oneItem}.send(t, base)
	got.failed(t, api.ServiceUnavailableException)
	if after := got.header.Get("Retry-After"); after != "1" {
		t.Errorf("Retry-After: got %q, want 1", after)
	}
	call{method: "GET", target: "/accounts/a1"}.send(t, base)
	close(finish)
	for range 2 {
		(<-replies).succeeded(t, 200, `{"UserErrors":[]}`)
	}
	go func() { <-began }()
	call{body: oneItem}.send(t, base).succeeded(t, 200, `{"UserErrors":[]}`)
}

// Whoever has the answer and never sends the rest of the body keeps no connection.
func TestRestThatDoesNotCome(t *testing.T) {
	former := server.RestTime(50 * time.Millisecond)
	t.Cleanup(func() { server.RestTime(former) })
	base := start(t, server.New(chime.Service, some{}, newKeys(""), fixed()))
	for _, length := range []int{100, 100 << 10, 10 << 20} {
		w := dial(t, base)
		w.send(fmt.Sprintf("POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{", length))
		if got := w.reply(); got.status < 400 {
			t.Errorf("got status %d for a request without a signature", got.status)
		}
		if _, err := w.in.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes: got %v, want the connection to be closed", length, err)
		}
	}
}
