package client

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// request is the HTTP message of a call. Only the signature and its date differ between attempts.
type request struct {
	op    *model.Operation
	url   *url.URL
	shown *url.URL // url for traces, without values that the contract calls sensitive
	host  string   // the Host header
	body  []byte   // nil if the operation has no body
	// header holds what the contract asks for; all of it is signed.
	header  http.Header
	auth    model.Auth
	refused func(*reply) error // reads a reply with a status from 300 on; nil: such a reply is a success
}

// redacted replaces secrets in a trace. It needs no percent-encoding.
const redacted = "REDACTED"

// newRequest makes the message that the protocol of the service asks for.
func (c *Client) newRequest(op *model.Operation, input *document.Object) (*request, error) {
	if input == nil {
		input = new(document.Object)
	}
	if op.Input != nil {
		given := input.Members()
		for i := range op.Input.Members {
			m := &op.Input.Members[i]
			if v, _ := input.Get(m.Name); v == nil && m.IdempotencyToken {
				given = append(slices.Clip(given), document.Member{Key: m.Name, Value: newToken()})
			}
		}
		input = document.NewObject(given...)
	}
	content, err := encodeInput(c.config.Service, op, input)
	if err != nil {
		return nil, err
	}
	endpoint := c.endpoint
	if op.HostPrefix != "" && !c.config.NoHostPrefix {
		prefix, err := hostPrefix(op, input)
		if err != nil {
			return nil, err
		}
		there := *endpoint
		there.Host = prefix + there.Host
		endpoint = &there
	}
	r := &request{op: op, host: hostHeader(endpoint), body: content.body, header: content.header}
	r.refused = refusalOf(protocolOf(c.config.Service), op.Name)
	if content.contentType != "" {
		r.header["Content-Type"] = []string{content.contentType}
	}
	for name, values := range c.config.Header {
		r.header[http.CanonicalHeaderKey(name)] = values
	}
	if op.Checksum {
		sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(r.body))
		r.header["X-Amz-Checksum-Crc32"] = []string{base64.StdEncoding.EncodeToString(sum)}
	}
	if r.auth = op.Auth; r.auth == "" && c.config.Service != nil {
		r.auth = c.config.Service.Auth
	}
	if content.path == "/" && op.Query == "" && endpoint.Path != "" && !strings.HasSuffix(endpoint.Path, "/") {
		content.path, content.shownPath = "", "" // the path of the endpoint stays as it is
	}
	query := joinQuery(endpoint.RawQuery, content.query)
	if r.url, err = below(endpoint, content.path, query); err != nil {
		return nil, err
	}
	r.shown = r.url
	if shownQuery := joinQuery(endpoint.RawQuery, content.shownQuery); content.shownPath != content.path || shownQuery != query {
		if r.shown, err = below(endpoint, content.shownPath, shownQuery); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// joinQuery joins two queries, either of which may be empty.
func joinQuery(a, b string) string {
	if a != "" && b != "" {
		a += "&"
	}
	return a + b
}

// hostHeader returns the host of a URL without the default port of its scheme, as other clients
// sign it.
func hostHeader(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		return strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ":443")
}

// newToken returns a random UUID. The service recognizes a repeated request by it.
func newToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// unsignedPayload stands for the hash of a body that the signature does not cover.
const unsignedPayload = "UNSIGNED-PAYLOAD"

// sign returns the headers of an attempt and, for the trace, what their signature covers. It signs
// the headers of the request, host, x-amz-date, and x-amz-security-token if there is a session
// token.
func (c *Client) sign(r *request, creds *Credentials, now time.Time) (header http.Header, canonical fmt.Stringer) {
	header = http.Header{"User-Agent": {c.config.UserAgent}}
	for name, values := range r.header {
		header[name] = values
	}
	if r.auth == model.Bearer {
		if c.config.Token != "" {
			header["Authorization"] = []string{"Bearer " + c.config.Token}
		}
		return header, nil
	}
	if creds == nil || r.auth == model.NoAuth || r.auth == model.SignV2 {
		return header, nil
	}
	date := sigv4.FormatTime(now)
	header["X-Amz-Date"] = []string{date}
	if creds.SessionToken != "" {
		header["X-Amz-Security-Token"] = []string{creds.SessionToken}
	}
	hash := sigv4.HashPayload(r.body)
	if r.auth == model.SignV4Unsigned {
		if r.url.Scheme == "https" { // anybody could change what goes over http
			hash = unsignedPayload
		}
		header["X-Amz-Content-Sha256"] = []string{hash}
	}
	names := []string{"host"}
	for name := range header {
		if name != "User-Agent" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	value := func(name string) string {
		if name == "host" {
			return r.host
		}
		return header.Get(name)
	}
	s := sigv4.Request{
		Method:        r.op.Method,
		Path:          r.url.EscapedPath(),
		Query:         r.url.RawQuery,
		Date:          date,
		Header:        value,
		SignedHeaders: strings.Join(names, ";"),
		PayloadHash:   hash,
	}
	header["Authorization"] = []string{c.signingKey(date[:8], creds.SecretKey).Authorization(creds.AccessKey, &s)}
	if c.config.Trace != nil {
		s.Header = func(name string) string {
			if name == "x-amz-security-token" {
				return redacted
			}
			return value(name)
		}
		s.Path, s.Query = r.shown.EscapedPath(), r.shown.RawQuery
		canonical = (*canonicalForm)(&s)
	}
	return header, canonical
}

// checkHeader reports a value that cannot be sent: a key, a token or an option with a line break.
// The request is then not worth an attempt, and the connection not to blame. Version 1 lets other
// control characters pass, which no server accepts.
func checkHeader(header http.Header) error {
	for name, values := range header {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }) {
				return &HeaderError{name, value}
			}
		}
	}
	return nil
}

// canonicalForm becomes text only when it is printed: few traces need it.
type canonicalForm sigv4.Request

func (f *canonicalForm) String() string { return string((*sigv4.Request)(f).AppendCanonical(nil)) }

func (c *Client) signingKey(day, secret string) *sigv4.Key {
	if k := c.key.Load(); k != nil && k.day == day && k.secret == secret {
		return k.key
	}
	name := c.config.SigningName
	if name == "" {
		name = c.config.Service.SigningName
	}
	key := sigv4.NewKey(secret, sigv4.Scope{Day: day, Region: c.config.Region, Service: name})
	c.key.Store(&dayKey{day, secret, key})
	return key
}
