//go:build unix

package awscli_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/porttest"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// mock is the server of one case. It is written on top of connections rather than as an
// http.Handler, so that answers have no header that the case does not state, and targets are
// seen as they were sent.
//
// Kinds:
//
//	http       (default) HTTP/1.1
//	https      the same over TLS, with newCertificate's, by the name of localhost
//	mitm       a proxy that answers in place of the host that CONNECT names, so that requests
//	           to the default hosts can be seen
//	refused    nothing listens
//	blackhole  connections are neither accepted nor refused
type mock struct {
	kind     string
	endpoint string // URL
	address  string // host and port
	cert     *certificate
	stopped  chan struct{}

	mu        sync.Mutex
	responses []response
	names     placeholders
	answered  int
	requests  []request
}

// response is a canned answer: see testCase.
type response struct {
	Status  int
	Headers headerList
	Body    string
	Base64  string `json:"body_base64"`
	Delay   float64
	Drop    bool
}

// headerList keeps the order in which headers are sent.
type headerList [][2]string

func (l *headerList) UnmarshalJSON(data []byte) error {
	v, err := document.Parse(string(data))
	if err != nil {
		return err
	}
	for _, m := range v.(*document.Object).Members() {
		*l = append(*l, [2]string{m.Key, m.Value.(string)})
	}
	return nil
}

// startMock starts a server that ends with the test.
func startMock(t *testing.T, kind string, cert *certificate) *mock {
	t.Helper()
	s := &mock{kind: kind, cert: cert, stopped: make(chan struct{})}
	t.Cleanup(func() { close(s.stopped) })
	switch kind {
	case "refused":
		s.address = porttest.Refusing(t)
	case "blackhole":
		s.address = silentAddress(t)
	case "", "http", "https", "mitm":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		s.address = l.Addr().String()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if kind == "https" {
					conn = tls.Server(conn, cert.config)
				}
				go s.serve(conn)
			}
		}()
	default:
		t.Fatalf("unknown kind of server %q", kind)
	}
	s.endpoint = "http://" + s.address
	if kind == "https" {
		s.endpoint = "https://localhost" + s.address[strings.LastIndexByte(s.address, ':'):]
	}
	return s
}

// silentAddress returns an address that answers no connection: it has no room left for one.
func silentAddress(t *testing.T) string {
	t.Helper()
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	// There is room for the first connection, however long it takes: were it given up, nothing would
	// fill the queue.
	for timeout := time.Duration(0); ; timeout = 200 * time.Millisecond {
		conn, err := net.DialTimeout("tcp", address, timeout)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
}

// answer says what the server answers.
func (s *mock) answer(responses []response, names placeholders) {
	if len(responses) == 0 {
		responses = []response{{Body: "{}"}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.responses, s.names = responses, names
}

// seen returns the requests so far.
func (s *mock) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// record keeps a request and returns the answer to it.
func (s *mock) record(r request) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if r.Method == http.MethodConnect && s.kind == "mitm" {
		return response{}
	}
	i := min(s.answered, len(s.responses)-1)
	s.answered++
	return s.responses[i]
}

// serve answers the requests of a connection until either side has enough.
func (s *mock) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		answer := s.record(describe(req, body))
		if req.Method == http.MethodConnect && s.kind == "mitm" {
			if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
				return
			}
			conn = tls.Server(conn, s.cert.config)
			r = bufio.NewReader(conn)
			continue
		}
		if answer.Delay > 0 {
			select {
			case <-time.After(time.Duration(answer.Delay * float64(time.Second))):
			case <-s.stopped:
			}
		}
		if answer.Drop || s.write(conn, req.Method, answer) != nil {
			return
		}
	}
}

func (s *mock) write(conn net.Conn, method string, answer response) error {
	body, err := answer.decodeBody(s.names)
	if err != nil {
		return err
	}
	status := answer.Status
	if status == 0 {
		status = http.StatusOK
	}
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for _, h := range answer.Headers {
		head = fmt.Appendf(head, "%s: %s\r\n", h[0], s.names.fill(h[1]))
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", len(body))
	}
	head = append(head, "\r\n"...)
	if status != http.StatusNoContent && method != http.MethodHead {
		head = append(head, body...)
	}
	_, err = conn.Write(head)
	return err
}

// commonHeaders are those that every request has, or that are looked at one by one.
var commonHeaders = []string{
	"host", "user-agent", "content-length", "content-type", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
	"accept-encoding", "connection", "transfer-encoding",
}

// describe puts a request in the form of a case.
func describe(req *http.Request, body []byte) request {
	path, query, _ := strings.Cut(req.RequestURI, "?")
	d := request{Method: req.Method, Path: path, Query: query, Body: bodyText(body)}
	for name, values := range req.Header {
		if name = strings.ToLower(name); !slices.Contains(commonHeaders, name) {
			if d.Headers == nil {
				d.Headers = map[string]string{}
			}
			d.Headers[name] = strings.Join(values, ", ")
		}
	}
	if types := req.Header["Content-Type"]; len(types) > 0 {
		d.ContentType = &types[0]
	}
	// Servers take the bytes of a header for Latin-1.
	header, err := python.DecodeAs([]byte(req.Header.Get("Authorization")), "latin-1")
	if err != nil {
		panic(err)
	}
	if header == "" {
		return d
	}
	d.Signed = true
	d.SecurityToken = req.Header.Get("X-Amz-Security-Token")
	date := req.Header.Get("X-Amz-Date")
	_, err = sigv4.ParseTime(date)
	d.AMZDateOK = err == nil
	auth, err := sigv4.Parse(header)
	if err != nil {
		d.Authorization = header
		return d
	}
	d.Algorithm, d.AccessKey, d.SignedHeaders = sigv4.Algorithm, auth.AccessKey, auth.SignedHeaders
	_, d.Scope, _ = strings.Cut(auth.Scope.String(), "/")
	d.SignatureOK = sigv4.NewKey(secretOf(auth.AccessKey), auth.Scope).Verify(&sigv4.Request{
		Method: req.Method,
		// To a proxy the target is a whole URL, of which the path is signed.
		Path:  regexp.MustCompile(`^https?://[^/]+`).ReplaceAllString(path, ""),
		Query: query,
		Date:  date,
		Header: func(name string) string {
			if name == "host" {
				return req.Host
			}
			return strings.Join(req.Header.Values(name), ",")
		},
		SignedHeaders: auth.SignedHeaders,
		PayloadHash:   sigv4.HashPayload(body),
	}, auth.Signature)
	return d
}

// certificate is one that signed itself, for this machine and for the default hosts that a
// case may reach through a mitm server.
type certificate struct {
	file   string // PEM
	config *tls.Config
}

func newCertificate(t *testing.T) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames: []string{
			"localhost", "chime.us-east-1.amazonaws.com", "chime.cn-north-1.amazonaws.com.cn",
			"chime.us-gov-west-1.amazonaws.com", "chime-fips.us-west-2.amazonaws.com", "chime.us-west-2.api.aws",
		},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return &certificate{file, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}}
}
