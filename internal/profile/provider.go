package profile

import (
	"context"
	"sync"
	"time"
)

// Provider hands out the credentials of one place, and renews those that expire. It may be used
// concurrently.
type Provider struct {
	Source Source // where it asks

	now func() time.Time
	// renew asks for new credentials. It is nil for those that do not change.
	renew func(context.Context) (*Credentials, error)

	mu      sync.Mutex
	current *Credentials // nil: not asked yet
}

// New credentials are asked for so long before the end of those at hand. Within the first time, no
// answer is no error yet. The times are version 1's.
const (
	renewEarly = 15 * time.Minute
	renewLate  = 10 * time.Minute
)

// provider returns a provider that starts with c, nil for none: then it asks when it is first used.
// With a nil renew, or if c does not expire, it always hands out c.
func (s *Settings) provider(c *Credentials, renew func(context.Context) (*Credentials, error)) *Provider {
	p := &Provider{now: s.Now, current: c, renew: renew}
	if p.now == nil {
		p.now = time.Now
	}
	if c != nil {
		p.Source = c.Source
	}
	return p
}

// Get returns credentials to sign a request with. The error is what the place says, or that new
// credentials have expired, too.
func (p *Provider) Get(ctx context.Context) (*Credentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil && (p.renew == nil || !p.endsWithin(renewEarly)) {
		return p.current, nil
	}
	c, err := p.renew(ctx)
	switch {
	case err != nil && (p.current == nil || p.endsWithin(renewLate) || ctx.Err() != nil):
		return nil, err
	case err == nil:
		p.current = c
		if p.endsWithin(0) {
			return nil, Error("Credentials were refreshed, but the refreshed credentials are still expired.")
		}
	}
	return p.current, nil
}

// endsWithin reports whether the credentials at hand expire within d.
func (p *Provider) endsWithin(d time.Duration) bool {
	return !p.current.Expires.IsZero() && p.current.Expires.Sub(p.now()) < d
}

// AccessKeyID returns the access key at hand, "" if the place has not been asked yet.
func (p *Provider) AccessKeyID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return ""
	}
	return p.current.AccessKeyID
}

// String and GoString leave out the secrets.
func (p *Provider) String() string   { return p.AccessKeyID() + " from " + p.Source.String() }
func (p *Provider) GoString() string { return "profile.Provider{" + p.String() + "}" }
