package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// reply is an answer of any status, read to its end.
type reply struct {
	status int
	header http.Header
	names  []string // of the headers, as far as their order and case are known
	body   []byte
}

// requestID returns the service's own name for the request. It is empty if the reply has none.
func (r *reply) requestID() string { return r.header.Get("X-Amzn-Requestid") }

var (
	errSilence = errors.New("the server is silent for too long")
	errRefused = errors.New("the proxy refuses the connection")
	errTooLong = errors.New("the reply is too long")
)

// newTransport prepares connections to host. It returns replies as they come: it follows no
// redirect, decompresses nothing, and does not offer HTTP/2.
func newTransport(config *Config, host string) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: config.ConnectTimeout}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &headConn{Conn: conn}, nil
		},
		TLSHandshakeTimeout: config.ConnectTimeout,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1024, // as many as were ever in use at once
		IdleConnTimeout:     90 * time.Second,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%w: %s", errRefused, answer.Status)
			}
			return nil
		},
	}
	if !config.NoVerifySSL {
		judge := trust{bundle: config.CABundle, now: config.Now}
		t.TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
			// ServerName is the name that this side asked for. It is empty for an IP address. It is
			// the proxy's name if the proxy itself speaks TLS.
			name := state.ServerName
			if name == "" {
				name = host
			}
			return judge.verify(state.PeerCertificates, name)
		}
	}
	if config.Proxy != "" {
		start, login, rest := splitProxy(config.Proxy)
		user, password, _ := strings.Cut(strings.TrimSuffix(login, "@"), ":")
		proxy, err := url.Parse(start + rest)
		if err != nil || proxy.Host == "" {
			return nil, fmt.Errorf("proxy URL %q is not of the form http://HOST:PORT", maskProxy(config.Proxy))
		}
		// As in version 1, half a login is none.
		if user, password = unquote(user), unquote(password); user != "" && password != "" {
			if strings.ContainsFunc(user+password, func(r rune) bool { return r >= utf8.RuneSelf }) {
				return nil, fmt.Errorf("proxy URL %q: name and password must be ASCII", maskProxy(config.Proxy))
			}
			proxy.User = url.UserPassword(user, password)
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}

// send makes one HTTP exchange. The error is a *TransportError, or errTooLong.
func (c *Client) send(ctx context.Context, r *request, header http.Header) (*reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	// The read timeout bounds silence, not the whole exchange: each sign of life restarts it.
	alive := func() {}
	if limit := c.config.ReadTimeout; limit > 0 {
		silence := time.AfterFunc(limit, func() { cancel(errSilence) })
		silence.Stop() // until there is a connection
		defer silence.Stop()
		alive = func() { silence.Reset(limit) }
	}
	var handshake atomic.Pointer[error]
	var head *headConn
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if namesMatter(r.op.Output) {
				if head, _ = info.Conn.(*headConn); head != nil {
					head.keep()
				}
			}
			alive()
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { alive() },
		GotFirstResponseByte: alive,
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				handshake.Store(&err)
			}
		},
	})

	req := (&http.Request{
		Method:        r.op.Method,
		URL:           r.url,
		Host:          r.host,
		Header:        header,
		ContentLength: int64(len(r.body)),
	}).WithContext(traced)
	switch {
	case len(r.body) > 0:
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		req.Body, _ = req.GetBody()
	case r.op.Method == http.MethodGet:
		// With a body that cannot be read again, even an empty one, net/http does not repeat the
		// request by itself if a kept connection breaks. Attempts are counted here.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
	response, err := c.transport.RoundTrip(req)
	if err != nil {
		if context.Cause(ctx) == errSilence {
			err = errSilence
		}
		return nil, c.transportError(r, err, handshake.Load())
	}
	defer response.Body.Close()
	var body bytes.Buffer
	const most = 1 << 20 // the server may have lied about the length
	body.Grow(int(min(max(response.ContentLength, 0), most)) + bytes.MinRead)
	_, err = body.ReadFrom(readFunc(func(p []byte) (int, error) {
		alive()
		if limit := c.config.MaxReply; limit > 0 && body.Len() > limit {
			return 0, errTooLong
		}
		return response.Body.Read(p)
	}))
	if err == errTooLong {
		return nil, fmt.Errorf("reading the reply of %s: %w", c.endpoint.Redacted(), err)
	}
	if err != nil {
		if context.Cause(ctx) == errSilence {
			err = errSilence
		}
		return nil, c.transportError(r, err, nil)
	}
	return &reply{response.StatusCode, response.Header, head.names(response.Header), body.Bytes()}, nil
}

// namesMatter reports whether an output has a map of headers, whose keys are names as they were
// sent.
func namesMatter(output *model.Shape) bool {
	return output != nil && slices.ContainsFunc(output.Members, func(m model.Member) bool { return m.Location == model.Headers })
}

// headConn is a connection that may keep the head of a reply as it was sent: net/http keeps neither
// the order of headers nor the case of their names.
type headConn struct {
	net.Conn
	mu   sync.Mutex
	head []byte // nil: it is not kept
}

// maxHead bounds what is kept of a reply.
const maxHead = 1 << 20

func (c *headConn) keep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = make([]byte, 0, 4<<10)
}

func (c *headConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head != nil && len(c.head) < maxHead && !bytes.Contains(c.head, []byte("\r\n\r\n")) {
		c.head = append(c.head, p[:n]...)
	}
	return n, err
}

// names returns the names of headers in the order and case in which they were sent. Over TLS these
// are not known; services write small letters there.
func (c *headConn) names(header http.Header) (names []string) {
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		head, _, _ := bytes.Cut(c.head, []byte("\r\n\r\n"))
		for line := range strings.SplitSeq(string(head), "\r\n") {
			if name, _, ok := strings.Cut(line, ":"); ok && header.Get(name) != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names
	}
	names = slices.Sorted(maps.Keys(header))
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return names
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// transportError sorts an error into one of the few kinds that version 1 distinguishes.
func (c *Client) transportError(r *request, err error, handshake *error) *TransportError {
	e := &TransportError{Failure: Closed, URL: r.url.String(), Err: err}
	if strings.HasPrefix(c.config.Endpoint, "//") {
		e.URL = strings.TrimPrefix(e.URL, "http:") // as configured
	}
	op, isOp := errors.AsType[*net.OpError](err)
	timeout, isTimeout := errors.AsType[net.Error](err)
	isTimeout = isTimeout && timeout.Timeout()
	switch {
	case err == errSilence:
		e.Failure = ReadTimeout
	case errors.Is(err, errRefused) || isOp && op.Op == "proxyconnect":
		e.Failure, e.URL = ProxyFailed, maskProxy(c.config.Proxy)
	case isOp && op.Op == "dial" && isTimeout:
		e.Failure = ConnectTimeout
	case isOp && op.Op == "dial":
		e.Failure = Unreachable
	case isTimeout:
		e.Failure = ReadTimeout
	case handshake != nil && (errors.Is(*handshake, io.EOF) || errors.Is(*handshake, io.ErrUnexpectedEOF)):
		e.Failure, e.Err = BrokenHandshake, errors.New("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol")
	case handshake != nil && !interrupted(*handshake):
		e.Failure, e.Err = Untrusted, *handshake
		if _, ok := errors.AsType[tls.RecordHeaderError](*handshake); ok {
			e.Err = errors.New("[SSL: WRONG_VERSION_NUMBER] wrong version number: the server does not speak TLS, is its URL http:// rather than https://?")
		}
	}
	return e
}

// interrupted reports whether a handshake failed because the connection broke.
func interrupted(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "read" || op.Op == "write")
}

// trust verifies servers with one bundle of certificates.
type trust struct {
	bundle string // file name, empty for the system's
	now    func() time.Time
}

// verify makes the same checks as crypto/tls: chain, name, dates and purpose. It differs only in
// cost. A bundle has some 140 certificates, and parsing them all takes longer than the rest of a
// call. So verify parses only the certificates that could have issued one of those presented, or
// that are presented themselves. No other certificate can end a chain.
func (t trust) verify(presented []*x509.Certificate, name string) error {
	roots, err := t.roots(presented)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{
		DNSName:       name,
		Roots:         roots,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   t.now(),
	}
	for _, c := range presented[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := presented[0].Verify(options); err != nil {
		return fmt.Errorf("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: %w", err)
	}
	return nil
}

// roots returns the certificates of the bundle that matter for those presented. If no bundle is
// named and none is known, it returns nil, which leaves the choice to the system.
func (t trust) roots(presented []*x509.Certificate) (*x509.CertPool, error) {
	rest, name, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("reading CA bundle: %w", err)
	}
	if name == "" {
		return nil, nil
	}
	pool, found := x509.NewCertPool(), false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		found = true
		if !relevant(block.Bytes, presented) {
			continue
		}
		// One broken certificate does not spoil the bundle, as in other programs.
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			pool.AddCert(c)
		}
	}
	if !found {
		return nil, fmt.Errorf("reading CA bundle: %s holds no certificate in PEM form", name)
	}
	return pool, nil
}

func relevant(der []byte, presented []*x509.Certificate) bool {
	for _, c := range presented {
		if bytes.Contains(der, c.RawIssuer) || bytes.Equal(der, c.Raw) {
			return true
		}
	}
	return false
}

// read returns the bundle and its name, which is empty if there is none.
func (t trust) read() (pem []byte, name string, err error) {
	if t.bundle != "" {
		pem, err = os.ReadFile(t.bundle)
		return pem, t.bundle, err
	}
	for _, name := range [...]string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL without compatibility links
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/ssl/cert.pem",                                 // Alpine, macOS, the BSDs
	} {
		if pem, err := os.ReadFile(name); err == nil {
			return pem, name, nil
		}
	}
	return nil, "", nil
}

// ProxyFromEnvironment returns the proxy for an endpoint, empty for none. It uses the variables
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY in upper and lower case. Lower case wins, even if it is
// empty. A value without a scheme is an HTTP proxy. As in version 1, and unlike in most Go
// programs, the proxy also serves local addresses.
//
// NO_PROXY is "*", or a list of hosts, domains and HOST:PORT, separated by commas.
func ProxyFromEnvironment(lookup func(name string) (string, bool), endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	either := func(name string) string {
		if v, ok := lookup(name); ok {
			return v
		}
		// In a CGI program, HTTP_PROXY is the Proxy header of the request, which anybody can send.
		if _, cgi := lookup("REQUEST_METHOD"); cgi && name == "http_proxy" {
			return ""
		}
		v, _ := lookup(strings.ToUpper(name))
		return v
	}
	proxy := either(u.Scheme + "_proxy")
	switch {
	case proxy == "" || bypassed(either("no_proxy"), strings.ToLower(u.Host)):
		return ""
	case strings.HasPrefix(proxy, "http:") || strings.HasPrefix(proxy, "https:"):
		return proxy
	case strings.HasPrefix(proxy, "//"):
		return "http:" + proxy
	default:
		return "http://" + proxy
	}
}

func bypassed(list, host string) bool {
	if list == "*" {
		return true
	}
	bare := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		bare = host[:i]
	}
	for name := range strings.SplitSeq(strings.ToLower(list), ",") {
		name = strings.TrimLeft(python.Strip(name), ".")
		if name != "" && (host == name || bare == name ||
			strings.HasSuffix(host, "."+name) || strings.HasSuffix(bare, "."+name)) {
			return true
		}
	}
	return false
}

// splitProxy takes the login out of a proxy's URL, with the @ at its end. What comes before it ends
// with "://", or is empty; what comes after it begins with the host.
func splitProxy(proxy string) (start, login, rest string) {
	if i := strings.Index(proxy, "://"); i >= 0 {
		start, proxy = proxy[:i+3], proxy[i+3:]
	}
	end := len(proxy)
	if i := strings.IndexAny(proxy, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndexByte(proxy[:end], '@') + 1
	return start, proxy[:at], proxy[at:]
}

// unquote decodes the escapes of a text, and leaves as it is what only looks like one.
func unquote(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// maskProxy hides the name and password in a proxy's URL.
func maskProxy(proxy string) string {
	start, login, rest := splitProxy(proxy)
	user, password, both := strings.Cut(strings.TrimSuffix(login, "@"), ":")
	masked := start
	if user != "" {
		masked += "***"
	}
	if both {
		masked += ":"
	}
	if password != "" {
		masked += "***"
	}
	if login != "" {
		masked += "@"
	}
	return masked + rest
}
