package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// KeySource knows the access keys; [directory.Keys] is one. It is asked for each request, so a
// key that is disabled there is refused at once.
type KeySource interface {
	// AccessKey returns a key, disabled and expired ones too, or an error that wraps
	// directory.ErrUnknownKey.
	AccessKey(ctx context.Context, keyID string) (directory.Key, error)

	// Ended says why a key is refused now, by the clock of the service: "disabled" or "expired". It is
	// empty for one that is not.
	Ended(directory.Key) string

	// Used is told of each request with a good signature, before it is answered and even if the
	// policy of its key does not allow it. It must not wait for anything.
	Used(directory.Key)
}

// maxSkew is how far a signature's time may be from ours.
const maxSkew = 15 * time.Minute

// guard decides who may do what, and how often.
type guard struct {
	service  string // in the scope of signatures
	keys     KeySource
	clock    func() time.Time // of the machine, by which clients sign
	rate     float64
	signing  cache[signingID, *sigv4.Key]
	policies cache[string, policy.Policy]
	names    names
	limiters sync.Map // of key ids to *limiter; only keys that exist, so it stays small
}

// signingID names a derived key. The secret is part of it: a root key may get a new one.
type signingID struct {
	keyID, secret string
	scope         sigv4.Scope
}

// unsigned is the reason of a denial that says nothing: any program that asks is told so.
const unsigned = "unsigned"

func unauthorized(reason, format string, args ...any) error {
	return &denial{reason: reason, answer: api.Errorf(api.UnauthorizedClientException, format, args...)}
}

// claim is what a request says about its signature. All of it was checked that can be checked
// without the body.
type claim struct {
	sigv4.Authorization
	date   string
	target target // what the signature is held against
	key    directory.Key
}

// admit verifies the signature of a request and that its key may do what is called.
func (g *guard) admit(x *exchange, r *http.Request, claim *claim, c call, body []byte) error {
	if err := g.verify(r, claim, c, body); err != nil {
		return err
	}
	x.proven = true
	showsSignature(r)
	key := claim.key
	g.keys.Used(key)
	if key.Root {
		return nil
	}
	p, ok := g.policies.get(key.Policy)
	if !ok {
		var err error
		if p, err = policy.Parse(key.Policy); err != nil {
			return fmt.Errorf("reading the policy of access key %s: %w", key.ID, err)
		}
		g.policies.put(key.Policy, p)
	}
	if !p.Allows(c.action, resource(c, key, claim.Scope)) {
		return &denial{reason: "policy", answer: api.Errorf(api.ForbiddenException,
			"AWS authorization failed: the policy of access key %s does not allow %s.", key.ID, c.action)}
	}
	return nil
}

// resource returns what a policy's Resource is matched with. Only meetings have an ARN.
func resource(c call, key directory.Key, scope sigv4.Scope) string {
	if c.operation.Name != "CreateMeetingDialOut" {
		return "*"
	}
	return "arn:aws:" + scope.Service + ":" + scope.Region + ":" + key.AWSAccountID + ":meeting/" + c.label("meetingId")
}

// identify returns what a request claims, or why no body could make its signature good.
//
// It tells of keys that are disabled or have expired without a proof that the client holds them:
// their ids are no secret, and to wait for the proof would be to read a body for nothing.
func (g *guard) identify(ctx context.Context, x *exchange, r *http.Request, call call) (*claim, error) {
	c, err := g.readSignature(r, call.query)
	if err != nil {
		return nil, err
	}
	for _, sent := range r.Header["X-Amz-Content-Sha256"] {
		if !sigv4.IsHash(sent) {
			return nil, errPayloadHash
		}
	}
	var ours bool
	if c.target, ours = g.names.target(r); !ours {
		return nil, g.otherHost(r, call)
	}
	err = directory.ErrUnknownKey
	if isKeyID(c.AccessKey) {
		c.key, err = g.keys.AccessKey(ctx, c.AccessKey)
	}
	if errors.Is(err, directory.ErrUnknownKey) {
		return nil, unauthorized("unknown key", "The access key id %.128q does not exist here. Check which credentials are in use.", c.AccessKey)
	} else if err != nil {
		return nil, fmt.Errorf("reading access key: %w", err)
	}
	x.keyID = c.key.ID
	switch g.keys.Ended(c.key) {
	case "disabled":
		return nil, unauthorized("disabled key", "The access key %s is disabled.", c.key.ID)
	case "expired":
		return nil, unauthorized("expired key", "The access key %s has expired.", c.key.ID)
	}
	return c, nil
}

var errPayloadHash = unauthorized("payload hash",
	"The header x-amz-content-sha256 is not the SHA-256 of the body. Unsigned and streamed payloads are not supported.")

// verify verifies the signature of a claim.
func (g *guard) verify(r *http.Request, c *claim, call call, body []byte) error {
	hash := sigv4.HashPayload(body)
	for _, sent := range r.Header["X-Amz-Content-Sha256"] {
		if sent != hash {
			return errPayloadHash
		}
	}
	id := signingID{c.key.ID, c.key.Secret, c.Scope}
	signing, cached := g.signing.get(id)
	if !cached {
		signing = sigv4.NewKey(c.key.Secret, c.Scope)
	}
	verifies := func(t target) bool {
		return signing.Verify(&sigv4.Request{
			Method:        r.Method,
			Path:          t.path,
			Query:         r.URL.RawQuery,
			Date:          c.date,
			Header:        func(name string) string { return signedHeader(r, t.host, name) },
			SignedHeaders: c.SignedHeaders,
			PayloadHash:   hash,
		}, c.Signature)
	}
	if !verifies(c.target) {
		return g.mismatch(r, call, c.target, verifies)
	}
	if !cached { // only a signature that counts earns a place
		g.signing.put(id, signing)
	}
	return nil
}

// otherHost is the denial of a request for a host that the service does not go by.
func (g *guard) otherHost(r *http.Request, c call) error {
	return &denial{"host", api.Errorf(api.UnauthorizedClientException,
		"The service saw the host %.100q and the path %.300q, and does not go by that host. If the client asked for another, keep the Host header on the way.",
		r.Host, r.URL.EscapedPath()), g.saw(r, c)}
}

// mismatch is the denial of a request that the signature does not match. The usual reason beside
// another secret is a proxy.
func (g *guard) mismatch(r *http.Request, c call, held target, verifies func(target) bool) error {
	message := fmt.Sprintf("The signature does not match the request. The service saw the host %.100q and the path %.300q",
		r.Host, r.URL.EscapedPath())
	if g.names.public != nil {
		message += fmt.Sprintf(" and goes by the URL %s", g.names.public)
	}
	attrs := g.saw(r, c)
	if signed, ok := rewritten(r, held, verifies); ok {
		return &denial{"host or path rewritten", api.Errorf(api.UnauthorizedClientException,
			"%s, but the client signed for the host %.100q and the path %.300q.", message, signed.host, signed.path),
			append(attrs, slog.String("signed_host", signed.host))}
	}
	return &denial{"signature mismatch", api.Errorf(api.UnauthorizedClientException,
		"%s. Check the secret access key, and that nothing on the way rewrites host, path or body.", message),
		append(attrs, slog.String("hint", "another secret, or a proxy that rewrites host or path"))}
}

// saw tells the log where a request came to. Labels of the path are the client's own affair.
func (g *guard) saw(r *http.Request, c call) []slog.Attr {
	return []slog.Attr{slog.String("host", r.Host[:min(len(r.Host), 100)]), slog.String("path", c.operation.Path)}
}

// readSignature reads what a request says about its signature, and refuses what no secret could
// make good.
func (g *guard) readSignature(r *http.Request, query url.Values) (*claim, error) {
	switch {
	case query.Has("X-Amz-Signature") || query.Has("X-Amz-Algorithm"):
		return nil, unauthorized("presigned", "The request is signed in its query, which is not supported: sign in the Authorization header.")
	case len(r.Header["Authorization"]) == 0:
		return nil, unauthorized(unsigned, "The request has no Authorization header: sign it with AWS Signature Version 4.")
	case len(r.Header["Authorization"]) > 1:
		return nil, unauthorized("malformed", "The request has two Authorization headers.")
	case strings.Join(r.Header["X-Amz-Security-Token"], "") != "" || query.Get("X-Amz-Security-Token") != "": // some SDKs send an empty one
		return nil, unauthorized("session token", "The request has a session token. Access keys of this service have none: unset AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN.")
	}
	a, err := sigv4.Parse(r.Header["Authorization"][0])
	switch {
	case err != nil: // Basic or Bearer, it may be, with no date
		return nil, unauthorized("malformed", "The Authorization header cannot be read: %.300s.", err.Error())
	case len(r.Header["X-Amz-Date"]) != 1:
		return nil, unauthorized("malformed", "The request must have one X-Amz-Date header.")
	}
	date := r.Header["X-Amz-Date"][0]
	at, err := sigv4.ParseTime(date)
	now := g.clock()
	switch {
	case err != nil:
		return nil, unauthorized("malformed", "The X-Amz-Date header cannot be read: %.100s.", err.Error())
	case now.Sub(at).Abs() > maxSkew:
		return nil, unauthorized("skew", "The signature is of %s, here it is %s: they must be within 15 minutes. Check the clock of the client.",
			date, sigv4.FormatTime(now))
	case a.Scope.Day != date[:len(a.Scope.Day)]:
		return nil, unauthorized("scope", "The signature's scope is for the day %s, its X-Amz-Date is %s.", a.Scope.Day, date)
	case a.Scope.Service != g.service:
		return nil, unauthorized("scope", "The signature's scope is for the service %.60q: it must be %q.", a.Scope.Service, g.service)
	}
	return &claim{Authorization: a, date: date}, nil
}

// isKeyID keeps from the storage what cannot be an id there.
func isKeyID(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	return len(s) <= 128 && strings.Trim(s, allowed) == ""
}

// signedHeader returns a header as the signature covers it. net/http takes some out of the map.
func signedHeader(r *http.Request, host, name string) string {
	switch {
	case name == "host":
		return host
	case name == "transfer-encoding" && r.TransferEncoding != nil: // which curl signs
		return strings.Join(r.TransferEncoding, ",")
	}
	return strings.Join(r.Header.Values(name), ",")
}

// limiter counts the requests of a key. The lock is held from the look at the clock on: a
// rate.Limiter that is told an earlier time after a later one grants what is between them twice.
type limiter struct {
	sync.Mutex
	requests *rate.Limiter
}

// throttle counts a request of a key. If it is one too many, it returns how long to wait.
func (g *guard) throttle(keyID string) time.Duration {
	if !(g.rate > 0) {
		return 0
	}
	l, ok := g.limiters.Load(keyID)
	if !ok {
		burst := int(math.Ceil(min(g.rate, math.MaxInt32)))
		l, _ = g.limiters.LoadOrStore(keyID, &limiter{requests: rate.NewLimiter(rate.Limit(g.rate), burst)})
	}
	of := l.(*limiter)
	of.Lock()
	defer of.Unlock()
	now := g.clock()
	if of.requests.AllowN(now, 1) {
		return 0
	}
	missing := 1 - of.requests.TokensAt(now)
	return max(time.Duration(missing/g.rate*float64(time.Second)), time.Millisecond)
}

// cache keeps what is costly to make. It is emptied when it is full, which a busy service sees
// once in a thousand keys and days, and so needs no order of age.
type cache[K comparable, V any] struct {
	mu     sync.RWMutex
	values map[K]V
}

const cacheSize = 1000

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok = c.values[k]
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil || len(c.values) >= cacheSize {
		c.values = map[K]V{}
	}
	c.values[k] = v
}
