package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
)

const (
	many       = 2000      // hostile clients
	some       = 600       // who are enough to show how they fare
	mostMemory = 256 << 20 // that the service may take meanwhile, in bytes

	// patience is how long a hostile client waits for what the service does not read.
	patience = 5 * time.Second
)

// Clients without a secret take all the memory that they can get, each kind in a way of its own,
// and hold it. Meanwhile others are served, and the service stays small.
func TestHostileClients(t *testing.T) {
	if underRaceDetector {
		t.Skip("the race detector takes the memory that this measures")
	}
	t.Parallel()
	s := serving(t, t.TempDir())
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	megabyte := bytes.Repeat([]byte("x"), 1<<20)
	var fields bytes.Buffer
	for i := 0; fields.Len() < 12_000; i++ {
		fmt.Fprintf(&fields, "%x:\r\n", i)
	}
	for _, tt := range []struct {
		name    string
		clients int
		key     bool   // that exists
		head    string // of the body
		body    []byte
	}{
		{"header", some, false, "", fields.Bytes()},
		{"unsigned", many, false, "Content-Length: 1048577\r\n\r\n", megabyte},
		{"unsigned, in chunks", some, false, "Transfer-Encoding: chunked\r\n\r\n200000\r\n", megabyte},
		{"signed", some, true, "Content-Length: 1048577\r\n\r\n", megabyte},
		{"signed, size of a batch", many, true, "Content-Length: 90001\r\n\r\n", megabyte[:90_000]},
		{"signed, in chunks", some, true, "Transfer-Encoding: chunked\r\n\r\n200000\r\n", megabyte},
	} {
		t.Run(tt.name, func(t *testing.T) {
			end := besiege(tt.clients, func() io.Closer {
				conn, err := net.Dial("tcp", target.Host)
				if err != nil {
					return nil
				}
				conn.SetDeadline(time.Now().Add(patience))
				r := hostileRequest(s, tt.key)
				io.WriteString(conn, "POST "+r.URL.Path+" HTTP/1.1\r\nHost: "+target.Host+"\r\n")
				r.Header.Write(conn)
				io.WriteString(conn, tt.head)
				conn.Write(tt.body)
				return conn
			})
			defer end()
			isServed(t, s, "")
		})
	}
	staysSmall(t, s)
}

// The same by HTTP/2, whose connections have many streams.
func TestHostileStreams(t *testing.T) {
	if underRaceDetector {
		t.Skip("the race detector takes the memory that this measures")
	}
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCertificate(cert, key); err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir, "--tls-cert", cert, "--tls-key", key)
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	t.Run("frame", func(t *testing.T) {
		talk := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + // no settings
			"\x10\x00\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("x", 1<<20-1) // a megabyte of data but for a byte
		end := besiege(some, func() io.Closer {
			conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), config)
			if err != nil {
				return nil
			}
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, talk)
			return conn
		})
		defer end()
		isServed(t, s, cert)
	})
	for _, tt := range []struct {
		name string
		key  bool
	}{{"unsigned", false}, {"signed", true}} {
		t.Run(tt.name, func(t *testing.T) {
			end := besiege(many/100, func() io.Closer {
				released := make(chan struct{})
				transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
				var held sync.WaitGroup
				for range 100 {
					held.Add(1)
					done := sync.OnceFunc(held.Done)
					r := hostileRequest(s, tt.key)
					r.Body = io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 90_000)), readerFunc(func([]byte) (int, error) {
						done()
						<-released
						return 0, io.ErrUnexpectedEOF
					})))
					go func() {
						if resp, err := transport.RoundTrip(r); err == nil {
							resp.Body.Close()
						}
						done()
					}()
				}
				held.Wait()
				return closerFunc(func() error {
					close(released)
					transport.CloseIdleConnections()
					return nil
				})
			})
			defer end()
			isServed(t, s, cert)
		})
	}
	staysSmall(t, s)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// besiege has many clients attack at a time, and returns when all have done their worst. They hold
// what they have until the end.
func besiege(clients int, attack func() io.Closer) (end func()) {
	held := make([]io.Closer, clients)
	var all sync.WaitGroup
	for i := range held {
		all.Go(func() { held[i] = attack() })
	}
	all.Wait()
	return func() {
		for _, c := range held {
			if c != nil {
				c.Close()
			}
		}
	}
}

// hostileRequest is one for a batch, without a signature or with one that only looks good.
func hostileRequest(s *service, key bool) *http.Request {
	r, err := http.NewRequest("POST", s.url+"/accounts/a/users", nil)
	if err != nil {
		panic(err)
	}
	if key {
		sign(r, "", func(name string) string {
			if name == "AWS_SECRET_ACCESS_KEY" {
				return "guessed"
			}
			return s.env[name]
		})
	}
	return r
}

// isServed has a client do its work, from a connection of its own for each request.
func isServed(t *testing.T, s *service, trusted string) {
	t.Helper()
	for i := range 5 {
		c, err := client.New(client.Config{
			Endpoint: s.url, Region: s.env["AWS_REGION"], Service: chime.Service, UserAgent: "test", CABundle: trusted,
			Credentials: &client.Credentials{AccessKey: s.env["AWS_ACCESS_KEY_ID"], SecretKey: s.env["AWS_SECRET_ACCESS_KEY"]},
			ReadTimeout: hung, ConnectTimeout: hung,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Call(t.Context(), chime.Service.Operation("CreateAccount"), document.NewObject(document.Member{Key: "Name", Value: fmt.Sprint("Account ", i)}))
		if err != nil {
			t.Errorf("a client was not served: %v", err)
		}
		c.Close()
	}
}

var peak = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// staysSmall looks how large the service has ever been.
func staysSmall(t *testing.T, s *service) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := peak.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no peak in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	if kilobytes<<10 > mostMemory {
		t.Errorf("the service took %d MiB, want at most %d", kilobytes>>10, mostMemory>>20)
	}
	t.Logf("the service took %d MiB", kilobytes>>10)
}
