package webhook_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/webhook"
)

var (
	now      = time.Date(2026, 3, 1, 12, 0, 0, 7_900_000, time.UTC)
	loopback = netip.MustParsePrefix("127.0.0.0/8")
)

// endpoint is an HTTPS listener with a certificate of its own, in a file.
func endpoint(t *testing.T, h http.HandlerFunc) (url, caFile string) {
	t.Helper()
	listener := httptest.NewTLSServer(h)
	t.Cleanup(listener.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})
	if err := os.WriteFile(caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return listener.URL + "/secret?x=1", caFile
}

// expired is an endpoint whose certificate has expired.
func expired(t *testing.T) (at struct{ url, ca string }) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(-time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(http.NotFoundHandler())
	listener.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	listener.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail, as they are to
	listener.StartTLS()
	t.Cleanup(listener.Close)
	at.url, at.ca = listener.URL, filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(at.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// sender returns a Sender that waits for nothing, and what it was to wait. An exchange may take a
// minute, unless the options say otherwise: as long as no busy machine needs.
func sender(t *testing.T, o webhook.Options) (*webhook.Sender, *[]time.Duration) {
	t.Helper()
	waits := new([]time.Duration)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Clock = func() time.Time { return now }
	o.Wait = func(_ context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return nil
	}
	s, err := webhook.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, waits
}

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	url, ca := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, "yes")
	})
	s, _ := sender(t, webhook.Options{Allow: []netip.Prefix{loopback}, CAFile: ca})
	reply, err := s.Post(t.Context(), url, "secret+/=", []byte(`{"a":1}`))
	if err != nil || string(reply) != "yes" {
		t.Fatalf("got the reply %q, error %v; want yes", reply, err)
	}
	if got.Method != "POST" || got.RequestURI != "/secret?x=1" || string(body) != `{"a":1}` || got.Header.Get("Content-Type") != "application/json" ||
		!strings.HasPrefix(got.UserAgent(), "carillon/") {
		t.Errorf("got %s %s %v with the body %q", got.Method, got.RequestURI, got.Header, body)
	}
	for header, want := range map[string]string{
		"Chime-Request-Timestamp": "2026-03-01T12:00:00.007Z",
		// printf '2026-03-01T12:00:00.007Z|{"a":1}' |
		//   openssl dgst -sha256 -hmac 'secret+/=' -binary | base64
		"Chime-Signature": "tbXALk3M1NfqgPbxMalNnfZdRgBIBZgq2J7CG9hhtOg=",
	} {
		if value := got.Header.Get(header); value != want {
			t.Errorf("%s: got %q, want %q", header, value, want)
		}
	}
}

// What an endpoint can do wrong, with what the error says and how often it is called.
func TestSend_Failures(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
		tries   int
	}{
		"OK":         {status(200), "", 1},
		"Created":    {status(201), "answered with status 201", 1},
		"NotFound":   {status(404), "answered with status 404", 1},
		"Overloaded": {status(429), "answered with status 429", 1},
		"Failing":    {status(503), "answered with status 503", 3},
		"Redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
			"answered with status 307", 1},
		"Hanging up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached, or does not speak HTTP", 3},
		"Silence": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // its end could still arrive
		}, "did not answer within 50ms", 3},
		"Half an answer": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // its end could still arrive
		}, "did not answer within 50ms", 3},
		"Endless":       {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) }, "answered with more than 64 KiB", 1},
		"Endless error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); w.Write(make([]byte, 1<<20)) }, "answered with status 400", 1},
		"Large header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<16)) },
			"cannot be reached, or does not speak HTTP", 3},
	} {
		t.Run(name, func(t *testing.T) {
			calls := make(chan struct{}, 10)
			url, ca := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				calls <- struct{}{}
				io.Copy(io.Discard, r.Body)
				test.handler(w, r)
			})
			o := webhook.Options{Allow: []netip.Prefix{loopback}, CAFile: ca}
			late := strings.Contains(test.want, "50ms")
			if late {
				o.Timeout = 50 * time.Millisecond
			}
			s, waits := sender(t, o)
			err := s.Send(t.Context(), url, "secret", []byte("{}"), nil)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if _, ok := errors.AsType[*webhook.Failure](err); got != test.want || !ok && err != nil {
				t.Errorf("got error %v, want %q", err, test.want)
			}
			// The time of a try can be over before the endpoint has seen it. What was waited tells how
			// many there were.
			if n := len(calls); n > test.tries || n < test.tries && !late {
				t.Errorf("the endpoint was called %d times, want %d", n, test.tries)
			}
			if want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}[:test.tries-1]; !slices.Equal(*waits, want) {
				t.Errorf("waited %v, want %v", *waits, want)
			}
		})
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
}

// An endpoint that takes connections and then says nothing keeps none of them.
func TestSend_NoHandshake(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var taken sync.WaitGroup
	taken.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			taken.Go(func() {
				defer conn.Close()
				conn.SetReadDeadline(time.Now().Add(time.Minute)) // or the test would hang
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Errorf("a connection was kept open: %v", err)
				}
			})
		}
	})
	s, _ := sender(t, webhook.Options{Allow: []netip.Prefix{loopback}, Timeout: 50 * time.Millisecond})
	if err := s.Send(t.Context(), "https://"+listener.Addr().String(), "secret", nil, nil); err == nil || err.Error() != "did not answer within 50ms" {
		t.Errorf("got error %v, want that there was no answer", err)
	}
	listener.Close()
	taken.Wait()
}

// A call that follows on failures is a success.
func TestSend_Recovery(t *testing.T) {
	calls := 0
	url, ca := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s, _ := sender(t, webhook.Options{Allow: []netip.Prefix{loopback}, CAFile: ca})
	if err := s.Send(t.Context(), url, "secret", nil, nil); err != nil || calls != 3 {
		t.Errorf("got error %v after %d calls, want success at the third", err, calls)
	}
}

// A caller that gives up gets its own error: the endpoint has not failed.
func TestSend_Context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url, ca := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or nothing would tell that the client has gone
		cancel()
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // or the client, which is just closing, could yet read an answer
	})
	s, _ := sender(t, webhook.Options{Allow: []netip.Prefix{loopback}, CAFile: ca})
	if err := s.Send(ctx, url, "secret", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestSend_Strangers(t *testing.T) {
	url, ca := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	s, _ := sender(t, webhook.Options{CAFile: ca, HowToAllow: "ask Bo"})
	private := "is at an address in a private network, which may not be called: ask Bo"
	_, port, _ := strings.Cut(strings.TrimSuffix(url, "/secret?x=1"), "127.0.0.1:")
	for _, u := range []string{url, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://169.254.169.254/latest", "http://[::1]:" + port} {
		if err := s.Send(t.Context(), u, "secret", nil, nil); err == nil || err.Error() != private {
			t.Errorf("%s: got error %v, want %q", u, err, private)
		}
	}
	ended := expired(t)
	for _, tt := range []struct{ url, ca, advice, want string }{
		{url, "", "ask Bo", "has a certificate that is not trusted: ask Bo"},
		{url, "", "", "has a certificate that is not trusted"},
		{"https://localhost:" + port, ca, "ask Bo", "has a certificate for another name"},
		{ended.url, ended.ca, "ask Bo", "has a certificate that has expired, or does not hold yet"},
	} {
		s, _ := sender(t, webhook.Options{Allow: []netip.Prefix{loopback, netip.MustParsePrefix("::1/128")}, CAFile: tt.ca, HowToTrust: tt.advice})
		if err := s.Send(t.Context(), tt.url, "secret", nil, nil); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got error %v, want %s", tt.url, err, tt.want)
		}
	}
	if err := s.Send(t.Context(), "https://secret\x7f", "secret", nil, nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got error %v, want one that does not tell the URL", err)
	}
}

// A proxy of the environment would reach addresses that the guard is to keep from being called.
func TestSend_NoProxy(t *testing.T) {
	s, _ := sender(t, webhook.Options{})
	if s.HasProxy() {
		t.Error("calls go through a proxy")
	}
}

func TestNew_CAFile(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + "x"} {
		if _, err := webhook.New(webhook.Options{CAFile: file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("got error %v, want one about %s", err, file)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.0.1": true, "172.32.0.1": true, "223.255.255.255": true,
		"192.167.1.1": true, "198.17.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.0.1": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "198.19.0.1": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false,
		"255.255.255.255": false, "192.0.2.1": false, "192.0.0.170": false,

		"[2606:4700::1111]": true, "[2001:4860:4860::8888]": true, "[2a00:1450::1]": true,
		"[::]": false, "[::1]": false, "[fe80::1]": false, "[fe80::1%eth0]": false, "[fc00::1]": false, "[fd12::1]": false, "[fec0::1]": false,
		"[ff02::1]": false, "[2001:db8::1]": false, "[4000::1]": false, "[100::1]": false, "[5f00::1]": false,

		"[::ffff:8.8.8.8]": true, "[::ffff:127.0.0.1]": false, "[::ffff:10.0.0.1]": false, "[::127.0.0.1]": false, "[::8.8.8.8]": false,
		"[64:ff9b::8.8.8.8]": true, "[64:ff9b::10.0.0.1]": false, "[64:ff9b::169.254.169.254]": false, "[64:ff9b:1::8.8.8.8]": false,
		"[2002:808:808::1]": true, "[2002:a00:1::1]": false, "[2002:7f00:1::]": false,
		"[2001:0:4136:e378:8000:63bf:3fff:fdd2]": false,
		"localhost":                              false, "": false,
	} {
		if got := webhook.Allowed(address + ":443"); got != want {
			t.Errorf("%s: got %t, want %t", address, got, want)
		}
		if got := webhook.Allowed(address+":443", webhook.Everywhere...); got != (address != "localhost" && address != "") {
			t.Errorf("%s, when everything is allowed: got %t", address, got)
		}
	}
	for address, want := range map[string]bool{
		"10.1.2.3": true, "10.2.0.0": false, "[::ffff:10.1.9.9]": true, "[fd00::1]": true, "[fd00:1::1]": false, "[64:ff9b::10.1.0.1]": false, "[fe80::1%eth0]": true,
	} {
		allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/64"), netip.MustParsePrefix("fe80::/10")}
		if got := webhook.Allowed(address+":443", allow...); got != want {
			t.Errorf("%s, with networks that are allowed: got %t, want %t", address, got, want)
		}
	}
}
