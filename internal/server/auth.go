package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/carillon-project/carillon/internal/chime"
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
}

// maxSkew is how far a signature's time may be from ours.
const maxSkew = 15 * time.Minute

// guard decides who may do what, and how often.
type guard struct {
	keys     KeySource
	clock    func() time.Time
	rate     float64
	signing  cache[signingID, *sigv4.Key]
	policies cache[string, policy.Policy]
	limiters sync.Map // of key ids to *rate.Limiter; only keys that exist, so it stays small
}

// signingID names a derived key. The secret is part of it: a root key may get a new one.
type signingID struct {
	keyID, secret string
	scope         sigv4.Scope
}

func newGuard(keys KeySource, clock func() time.Time, rate float64) *guard {
	return &guard{keys: keys, clock: clock, rate: rate}
}

// denial is a request that is not let in. The message goes to the client and may repeat what it
// sent; the reason goes to the log and never does.
type denial struct {
	reason string
	answer *api.Error
}

func (d *denial) Error() string { return d.answer.Error() }
func (d *denial) Unwrap() error { return d.answer }

func unauthorized(reason, format string, args ...any) error {
	return &denial{reason, api.Errorf(api.UnauthorizedClientException, format, args...)}
}

// admit verifies the signature of a request and that its key may do what is called.
func (g *guard) admit(x *exchange, r *http.Request, body []byte, c call) (directory.Key, error) {
	key, scope, err := g.authenticate(x, r, c.query, body)
	if err != nil || key.Root {
		return key, err
	}
	p, ok := g.policies.get(key.Policy)
	if !ok {
		if p, err = policy.Parse(key.Policy); err != nil {
			return key, fmt.Errorf("reading the policy of access key %s: %w", key.ID, err)
		}
		g.policies.put(key.Policy, p)
	}
	action := chime.Service.SigningName + ":" + c.operation.Name
	if !p.Allows(action, resource(c, key, scope)) {
		return key, &denial{"policy", api.Errorf(api.ForbiddenException,
			"AWS authorization failed: the policy of access key %s does not allow %s.", key.ID, action)}
	}
	return key, nil
}

// resource returns what a policy's Resource is matched with. Only meetings have an ARN.
func resource(c call, key directory.Key, scope sigv4.Scope) string {
	if c.operation.Name != "CreateMeetingDialOut" {
		return "*"
	}
	return "arn:aws:chime:" + scope.Region + ":" + key.AWSAccountID + ":meeting/" + c.label("meetingId")
}

// authenticate returns the key that signed the request.
func (g *guard) authenticate(x *exchange, r *http.Request, query url.Values, body []byte) (directory.Key, sigv4.Scope, error) {
	a, date, err := g.readSignature(r, query)
	if err != nil {
		return directory.Key{}, a.Scope, err
	}
	hash := sigv4.HashPayload(body)
	for _, sent := range r.Header["X-Amz-Content-Sha256"] {
		if sent != hash {
			return directory.Key{}, a.Scope, unauthorized("payload hash",
				"The header x-amz-content-sha256 is not the SHA-256 of the body. Unsigned and streamed payloads are not supported.")
		}
	}

	key, err := directory.Key{}, directory.ErrUnknownKey
	if isKeyID(a.AccessKey) {
		key, err = g.keys.AccessKey(r.Context(), a.AccessKey)
	}
	if errors.Is(err, directory.ErrUnknownKey) {
		return key, a.Scope, unauthorized("unknown key", "The access key id %.128q does not exist here. Check which credentials are in use.", a.AccessKey)
	} else if err != nil {
		return key, a.Scope, fmt.Errorf("reading access key: %w", err)
	}
	x.keyID = key.ID

	request := &sigv4.Request{
		Method:        r.Method,
		Path:          r.URL.EscapedPath(),
		Query:         r.URL.RawQuery,
		Date:          date,
		Header:        func(name string) string { return signedHeader(r, name) },
		SignedHeaders: a.SignedHeaders,
		PayloadHash:   hash,
	}
	id := signingID{key.ID, key.Secret, a.Scope}
	signing, cached := g.signing.get(id)
	if !cached {
		signing = sigv4.NewKey(key.Secret, a.Scope)
	}
	if !signing.Verify(request, a.Signature) {
		return key, a.Scope, unauthorized("signature mismatch",
			"The signature does not match the request. Check the secret access key, and that nothing changes the request on its way.")
	}
	if !cached { // only a signature that counts earns a place
		g.signing.put(id, signing)
	}

	// What follows is told to those alone who hold the secret.
	switch {
	case key.Disabled:
		return key, a.Scope, unauthorized("disabled key", "The access key %s is disabled.", key.ID)
	case !key.Expires.IsZero() && !g.clock().Before(key.Expires):
		return key, a.Scope, unauthorized("expired key", "The access key %s has expired.", key.ID)
	}
	return key, a.Scope, nil
}

// readSignature reads what a request says about its signature, and refuses what no secret could
// make good.
func (g *guard) readSignature(r *http.Request, query url.Values) (a sigv4.Authorization, date string, err error) {
	switch {
	case query.Has("X-Amz-Signature") || query.Has("X-Amz-Algorithm"):
		return a, "", unauthorized("presigned", "The request is signed in its query, which is not supported: sign in the Authorization header.")
	case len(r.Header["Authorization"]) == 0:
		return a, "", unauthorized("unsigned", "The request has no Authorization header: sign it with AWS Signature Version 4.")
	case len(r.Header["Authorization"]) > 1:
		return a, "", unauthorized("malformed", "The request has two Authorization headers.")
	case len(r.Header["X-Amz-Security-Token"]) > 0 || query.Has("X-Amz-Security-Token"):
		return a, "", unauthorized("session token", "The request has a session token. Access keys of this service have none: use a key without.")
	case len(r.Header["X-Amz-Date"]) != 1:
		return a, "", unauthorized("malformed", "The request must have one X-Amz-Date header.")
	}
	a, err = sigv4.Parse(r.Header["Authorization"][0])
	if err != nil {
		return a, "", unauthorized("malformed", "The Authorization header cannot be read: %.300s.", err.Error())
	}
	date = r.Header["X-Amz-Date"][0]
	at, err := sigv4.ParseTime(date)
	now := g.clock()
	switch {
	case err != nil:
		return a, "", unauthorized("malformed", "The X-Amz-Date header cannot be read: %.100s.", err.Error())
	case now.Sub(at).Abs() > maxSkew:
		return a, "", unauthorized("skew", "The signature is of %s, here it is %s: they must be within 15 minutes. Check the clock of the client.",
			date, sigv4.FormatTime(now))
	case a.Scope.Day != date[:len(a.Scope.Day)]:
		return a, "", unauthorized("scope", "The signature's scope is for the day %s, its X-Amz-Date is %s.", a.Scope.Day, date)
	case a.Scope.Service != chime.Service.SigningName:
		return a, "", unauthorized("scope", "The signature's scope is for the service %.60q: it must be %q.", a.Scope.Service, chime.Service.SigningName)
	}
	return a, date, nil
}

// isKeyID keeps from the storage what cannot be an id there.
func isKeyID(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	return len(s) <= 128 && strings.Trim(s, allowed) == ""
}

// signedHeader returns a header as the signature covers it. net/http takes some out of the map.
func signedHeader(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	return strings.Join(r.Header.Values(name), ",")
}

// throttle counts a request of a key. If it is one too many, it returns how long to wait.
func (g *guard) throttle(keyID string) time.Duration {
	if !(g.rate > 0) {
		return 0
	}
	l, ok := g.limiters.Load(keyID)
	if !ok {
		burst := int(math.Ceil(min(g.rate, math.MaxInt32)))
		l, _ = g.limiters.LoadOrStore(keyID, rate.NewLimiter(rate.Limit(g.rate), burst))
	}
	now := g.clock()
	limiter := l.(*rate.Limiter)
	if limiter.AllowN(now, 1) {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
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
