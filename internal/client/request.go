package client

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// request is the HTTP message of a call. Only the signature and its date differ between attempts.
type request struct {
	op    *model.Operation
	url   *url.URL
	shown *url.URL // url for traces, without values that the contract calls sensitive
	host  string   // the Host header
	body  []byte   // nil if the operation has no body

	contentType string             // of the body
	header      http.Header        // beside those that every request has; may be nil
	refused     func(*reply) error // reads a reply with a status from 300 on; nil: such a reply is a success
}

// redacted replaces secrets in a trace. It needs no percent-encoding.
const redacted = "REDACTED"

// newRequest puts the input into the path, the query and the body as the contract says, in the
// order of the input. It leaves out members that are null or not in the contract.
func newRequest(endpoint *url.URL, op *model.Operation, input *document.Object) (*request, error) {
	path, query := op.Path, joinQuery(endpoint.RawQuery, op.Query)
	shownPath, shownQuery := path, query
	var body *document.Object
	if op.Input != nil {
		if input == nil {
			input = new(document.Object)
		}
		given := input.Members()
		for _, m := range op.Input.Members {
			if m.Location == model.Body && body == nil {
				body = new(document.Object)
			}
			if v, _ := input.Get(m.Name); v == nil && m.IdempotencyToken {
				given = append(slices.Clip(given), document.Member{Key: m.Name, Value: newToken()})
			}
		}
		for _, g := range given {
			m := op.Input.Member(g.Key)
			if m == nil || g.Value == nil {
				continue
			}
			if m.Location == model.Body {
				body.Set(m.Name, g.Value)
				continue
			}
			value, err := encode(g.Value)
			if err != nil {
				return nil, err
			}
			shown := value
			if m.Shape.Sensitive {
				shown = redacted
			}
			if m.Location == model.URI {
				path = strings.ReplaceAll(path, "{"+m.WireName+"}", value)
				shownPath = strings.ReplaceAll(shownPath, "{"+m.WireName+"}", shown)
			} else {
				query = joinQuery(query, m.WireName+"="+value)
				shownQuery = joinQuery(shownQuery, m.WireName+"="+shown)
			}
		}
	}
	// The values have no braces: they are encoded.
	if _, label, missing := strings.Cut(path, "{"); missing {
		return nil, fmt.Errorf("building a request of %s: there is no value for {%s", op.Name, label)
	}

	r := &request{op: op, host: hostHeader(endpoint), contentType: "application/json"}
	r.refused = func(rep *reply) error { return serviceError(op.Name, rep) }
	var err error
	if r.url, err = below(endpoint, path, query); err != nil {
		return nil, err
	}
	r.shown = r.url
	if shownPath != path || shownQuery != query {
		if r.shown, err = below(endpoint, shownPath, shownQuery); err != nil {
			return nil, err
		}
	}
	if body != nil {
		r.body = document.AppendCompact(make([]byte, 0, 1<<10), body)
	}
	return r, nil
}

// below returns the URL of a path under an endpoint. The path and the query are already encoded.
func below(endpoint *url.URL, path, query string) (*url.URL, error) {
	raw := strings.TrimSuffix(endpoint.EscapedPath(), "/") + path
	unescaped, err := url.PathUnescape(raw)
	if err != nil {
		return nil, err
	}
	return &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: unescaped, RawPath: raw, RawQuery: query}, nil
}

// joinQuery joins two queries, either of which may be empty.
func joinQuery(a, b string) string {
	if a != "" && b != "" {
		a += "&"
	}
	return a + b
}

// encode renders a scalar for a path or a query: everything but letters, digits and "-_.~"
// is percent-encoded. The error is that of [python.Encodable].
func encode(v any) (string, error) {
	text := plain(v)
	if err := python.Encodable(text); err != nil {
		return "", err
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
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

// sign returns the headers of an attempt and, for the trace, what their signature covers. It signs
// exactly these headers: content-type if there is a body, host, x-amz-date, and
// x-amz-security-token if there is a session token.
func (c *Client) sign(r *request, creds *Credentials, now time.Time) (header http.Header, canonical fmt.Stringer) {
	header = http.Header{"User-Agent": {c.config.UserAgent}}
	maps.Copy(header, r.header)
	signed := "host;x-amz-date"
	if r.body != nil {
		header["Content-Type"] = []string{r.contentType}
		signed = "content-type;" + signed
	}
	if creds == nil {
		return header, nil
	}
	date := sigv4.FormatTime(now)
	header["X-Amz-Date"] = []string{date}
	if creds.SessionToken != "" {
		header["X-Amz-Security-Token"] = []string{creds.SessionToken}
		signed += ";x-amz-security-token"
	}
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
		SignedHeaders: signed,
		PayloadHash:   sigv4.HashPayload(r.body),
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

// checkHeader reports a value that cannot be sent: a key or a token with a line break, most likely.
// The request is then not worth an attempt, and the connection not to blame. Version 1 lets other
// control characters pass, which no server accepts.
func checkHeader(header http.Header) error {
	for _, name := range [...]string{"Authorization", "X-Amz-Security-Token"} {
		for _, value := range header[name] {
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
