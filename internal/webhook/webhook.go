// Package webhook calls HTTP endpoints that others have named, with JSON that they can tell to be
// ours: the events of bots, and whatever else the service tells programs outside.
//
// Start at [Sender]. Nobody who names an endpoint must be able to make the service call what only
// the service can reach, so a Sender does not connect to addresses of private networks
// (address.go). It looks at the address that is dialed: a name that resolves to another one the
// second time gains nothing. It follows no redirect, uses no proxy of the environment, and bounds
// the time and the size of what comes back.
package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/chime/api"
)

// The headers of a call.
const (
	SignatureHeader = "Chime-Signature"         // see [Sign]
	TimestampHeader = "Chime-Request-Timestamp" // of the try, such as 2019-01-04T17:11:22.003Z
)

// Timeout is how long an exchange may take, from the look-up of the name to the end of the reply.
const Timeout = 2 * time.Second

// pauses come before the retries of [Sender.Send].
var pauses = []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}

const (
	maxReply       = 64 << 10 // bytes of a body
	maxReplyHeader = 16 << 10 // bytes
	maxIdle        = 64       // connections that are kept open for the next call
	idleFor        = 30 * time.Second
)

// Options says whom a [Sender] may call; the zero value is for endpoints that strangers have named.
type Options struct {
	// Allow are networks that may be called although they are private. [Everywhere] is for an
	// endpoint that the operator has named.
	Allow []netip.Prefix

	// CAFile has certificates in PEM that are trusted beside those of the system. Empty: none.
	CAFile string

	// HowToAllow and HowToTrust are what a person can do about an address that is not allowed and a
	// certificate that is not trusted, for messages: "see carillon serve --events-allow". Empty:
	// nothing.
	HowToAllow, HowToTrust string

	// Clock tells the time in the header. Nil: time.Now.
	Clock func() time.Time

	// Wait waits before a retry, or until the context ends, whose error it returns. Nil: by a timer.
	Wait func(context.Context, time.Duration) error

	// Timeout is how long an exchange may take, for tests that must not depend on it. 0: the constant
	// of this name.
	Timeout time.Duration

	// Dial connects, for tests that have no network. Nil: by TCP, to addresses that are allowed.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Everywhere allows all networks.
var Everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Sender calls endpoints. Its methods may be called from any number of goroutines at once.
type Sender struct {
	transport *http.Transport
	clock     func() time.Time
	wait      func(context.Context, time.Duration) error
	timeout   time.Duration
	agent     string // the User-Agent

	howToAllow, howToTrust string // as in Options
}

// New returns a Sender. The error is about the file of certificates.
func New(o Options) (*Sender, error) {
	s := &Sender{clock: o.Clock, wait: o.Wait, timeout: cmp.Or(o.Timeout, Timeout), agent: "carillon/" + build.Version(),
		howToAllow: o.HowToAllow, howToTrust: o.HowToTrust}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.wait == nil {
		s.wait = wait
	}
	roots, err := trusted(o.CAFile)
	if err != nil {
		return nil, err
	}
	// A transport goes on connecting after its caller has left: for as long as the endpoint pleases,
	// if nothing else ends it.
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{ControlContext: guard{o.Allow}.control, Timeout: s.timeout}).DialContext
	}
	s.transport = &http.Transport{ // without a Proxy
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{RootCAs: roots},
		TLSHandshakeTimeout:    s.timeout,
		DisableCompression:     true, // or a few bytes could become many
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: maxReplyHeader,
	}
	return s, nil
}

// trusted returns the certificates of the system and those of a file; nil, which stands for those
// of the system, if there is no file.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	return pool, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes the connections that are kept open for the next call.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Sign returns the value of [SignatureHeader]: the Base64 form of the HMAC-SHA256, with a key, of
// the timestamp, a "|" and the body.
func Sign(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	io.WriteString(mac, timestamp+"|")
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Failure says why an endpoint has not taken a call. Its text goes on after the name of the
// endpoint, and tells nothing of the URL, which may hold a secret.
type Failure struct {
	Reason string // "answered with status 404"

	again bool // the same call may succeed in a moment
}

func (f *Failure) Error() string { return f.Reason }

// Send calls an endpoint, and again after 200 ms and 400 ms if it gave no answer or one of a
// status of 500 or above. An endpoint that answers 200 has taken the call. still is asked before
// each retry whether the call is still to be made: its error ends the tries. Nil: it is. The error
// is a *[Failure], that of the context, or that of still.
func (s *Sender) Send(ctx context.Context, url, key string, body []byte, still func(context.Context) error) error {
	for retry := 0; ; retry++ {
		_, err := s.Post(ctx, url, key, body)
		failure, ok := errors.AsType[*Failure](err)
		if !ok || !failure.again || retry == len(pauses) {
			return err
		}
		if err := s.wait(ctx, pauses[retry]); err != nil {
			return err
		}
		if still == nil {
			continue
		}
		if err := still(ctx); err != nil {
			return err
		}
	}
}

// Post calls an endpoint once, and returns the body of its answer. The error is as of
// [Sender.Send].
func (s *Sender) Post(ctx context.Context, url, key string, body []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	reply, err := s.post(limited, url, key, body)
	if err != nil && ctx.Err() != nil { // nobody's failure
		return nil, ctx.Err()
	}
	return reply, err
}

func (s *Sender) post(ctx context.Context, url, key string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, &Failure{Reason: "has a URL that cannot be called"} // the error would tell the URL
	}
	timestamp := api.FormatTime(s.clock())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.agent)
	r.Header.Set(TimestampHeader, timestamp)
	r.Header.Set(SignatureHeader, Sign(key, timestamp, body))
	answer, err := s.transport.RoundTrip(r) // which follows no redirect
	if err != nil {
		return nil, s.explain(err)
	}
	defer answer.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(answer.Body, maxReply+1))
	switch {
	case answer.StatusCode != http.StatusOK:
		return nil, &Failure{Reason: fmt.Sprintf("answered with status %d", answer.StatusCode), again: answer.StatusCode >= 500}
	case err != nil:
		return nil, s.explain(err)
	case len(reply) > maxReply:
		return nil, &Failure{Reason: fmt.Sprintf("answered with more than %d KiB", maxReply>>10)}
	}
	return reply, nil
}

// explain says in words of ours what kept an answer from coming.
func (s *Sender) explain(err error) *Failure {
	_, badName := errors.AsType[*net.DNSError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	advised := func(reason, advice string) *Failure {
		if advice != "" {
			reason += ": " + advice
		}
		return &Failure{Reason: reason}
	}
	netError, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errPrivate):
		return advised("is at an address in a private network, which may not be called", s.howToAllow)
	case otherName:
		return &Failure{Reason: "has a certificate for another name"}
	case isInvalid && invalid.Reason == x509.Expired:
		return &Failure{Reason: "has a certificate that has expired, or does not hold yet"}
	case badCertificate:
		return advised("has a certificate that is not trusted", s.howToTrust)
	case errors.Is(err, context.DeadlineExceeded) || isNet && netError.Timeout():
		return &Failure{Reason: fmt.Sprintf("did not answer within %v", s.timeout), again: true}
	case badName:
		return &Failure{Reason: "has a name that cannot be looked up", again: true}
	}
	return &Failure{Reason: "cannot be reached, or does not speak HTTP", again: true}
}
