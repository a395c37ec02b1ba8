package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// How long sessions and links last.
const (
	SessionIdle = 30 * time.Minute // without a request
	SessionLife = 12 * time.Hour   // however busy
	LinkLife    = 2 * time.Minute
)

// sessionSeen is how often it is written that a session is in use.
const sessionSeen = time.Minute

// refusalTime is how long a refusal to sign in takes. For a key that exists there is more to do,
// such as the record in the trail, but not for so long: the time of the answer does not tell of the
// key.
const refusalTime = 300 * time.Millisecond

var (
	// ErrNoSession: the session was never there, or has ended.
	ErrNoSession = errors.New("no session")

	// ErrSignIn is the one answer to whoever may not sign in, so that it tells nothing of the keys
	// that there are.
	ErrSignIn = errors.New("the access key id or the secret is wrong, or the key is disabled or has expired")
)

// Visitor is where somebody is, and with which browser. The audit trail shows it.
type Visitor struct {
	Address   string // of the network, without a port
	UserAgent string
}

// fit bounds what a visitor says of himself, and makes it text.
func (v Visitor) fit() Visitor {
	fit := func(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "?") }
	return Visitor{fit(v.Address, 64), fit(v.UserAgent, 256)}
}

// Session is that of somebody who has signed in.
type Session struct {
	ID           string // names it in lists; nobody can resume it by that
	KeyID        string
	AWSAccountID string
	Created      time.Time
	Seen         time.Time // to the minute
	Expires      time.Time // the first moment at which it has ended, if nothing has ended it before
	Visitor                // as of the beginning
}

// Sessions lets people sign in with an access key once, and go on without it. A session does what
// its key may do: whoever resumes one gets the key as it is then. It ends after [SessionIdle],
// after [SessionLife], and when its key expires or is changed in any way.
//
// The store has a hash of each token and of each link, which are random, so a copy of it lets
// nobody in. Sessions are kept there, so services that share it share them.
type Sessions struct {
	store   store.Store
	keys    *Keys
	options Options
}

// NewSessions returns the sessions of people with some keys. Sessions begin and end by
// Options.Clock, which should be that of the machine: a clock that tests move would sign people
// out. The expiry of keys and the trail go by the clock of the keys, as they do elsewhere.
func NewSessions(st store.Store, keys *Keys, options Options) *Sessions {
	return &Sessions{store: st, keys: keys, options: options.orDefault()}
}

func (s *Sessions) now() time.Time { return s.options.Clock().UTC().Truncate(time.Millisecond) }

// SignIn begins a session of whoever knows the secret of a key, and returns the token that resumes
// it. The error is [ErrSignIn] if the key is unknown, disabled or expired, or the secret is
// another. The trail says which it was, for keys that exist.
func (s *Sessions) SignIn(ctx context.Context, keyID, secret string, v Visitor) (token string, err error) {
	begun := time.Now()
	token, err = s.signIn(ctx, keyID, secret, v.fit())
	if errors.Is(err, ErrSignIn) {
		select {
		case <-time.After(refusalTime - time.Since(begun)):
		case <-ctx.Done():
		}
	}
	return token, err
}

func (s *Sessions) signIn(ctx context.Context, keyID, secret string, v Visitor) (token string, err error) {
	key, err := Key{}, ErrUnknownKey
	if len(keyID) <= 128 && !strings.ContainsFunc(keyID, notInKeyID) { // the storage is not asked for what is no id
		key, err = s.keys.AccessKey(ctx, keyID)
	}
	refusal := s.refusal(key, secret)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return "", ErrSignIn
	case err != nil:
		return "", err
	}
	if refusal == "" {
		err = s.update(ctx, opSignIn, key, v, func(c *change) error {
			current, err := s.keys.accessKey(c, keyID) // it may have changed meanwhile
			if err != nil {
				return err
			}
			if refusal = s.refusal(current, secret); refusal != "" {
				return ErrSignIn
			}
			token, err = s.begin(c, current, v, false)
			return err
		})
		if refusal == "" {
			return token, signInError(err)
		}
	}
	err = s.update(ctx, opRefuseSignIn, key, v, func(c *change) error {
		c.recordOwned(key.AWSAccountID, key.ID, nil, []document.Member{{Key: "Address", Value: v.Address}, {Key: "Reason", Value: refusal}})
		return nil
	})
	if err != nil {
		return "", err
	}
	return "", ErrSignIn
}

// signInError is err, but for a key that is gone.
func signInError(err error) error {
	if errors.Is(err, ErrUnknownKey) {
		return ErrSignIn
	}
	return err
}

// refusal says why nobody may sign in with a key and a secret, "" if somebody may. It takes the
// same time for all secrets.
func (s *Sessions) refusal(key Key, secret string) string {
	want, got := sha256.Sum256([]byte(key.Secret)), sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if ended := s.keys.Ended(key); ended != "" {
		return ended
	}
	if !same {
		return "another secret"
	}
	return ""
}

// SignInByLink begins a session of whoever has a link, like SignIn. The link is of no use then. The
// error is [ErrSignIn] if it is of no use already, or its key is.
func (s *Sessions) SignInByLink(ctx context.Context, link string, v Visitor) (token string, err error) {
	v = v.fit()
	id := hashOf(link)
	var key Key
	// Who signs in is known only inside the update.
	err = update(ctx, s.store, s.keys.options, Caller{}, opSignIn, func(c *change) error {
		l, err := c.SignInLink(id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !s.now().Before(l.Expires) {
			return ErrSignIn
		}
		if err != nil {
			return err
		}
		kept, err := anyKey(c, l.KeyID)
		if err != nil {
			return err
		}
		if key = showKey(kept); s.keys.Ended(key) != "" {
			return ErrSignIn
		}
		c.caller = s.caller(key, v)
		if err := c.DeleteSignInLink(id); err != nil {
			return err
		}
		token, err = s.begin(c, key, v, true)
		return err
	})
	if err != nil {
		return "", signInError(err)
	}
	return token, nil
}

// begin begins a session, and removes what has ended.
func (s *Sessions) begin(c *change, key Key, v Visitor, byLink bool) (token string, err error) {
	now := s.now()
	if token, err = s.makeToken(); err != nil {
		return "", err
	}
	if err := c.DeleteEndedSessions(now.Add(-SessionIdle), now); err != nil {
		return "", err
	}
	c.recordOwned(key.AWSAccountID, key.ID, nil, []document.Member{{Key: "Address", Value: v.Address}, {Key: "ByLink", Value: byLink}})
	return token, c.InsertSession(store.Session{
		SessionID:    hashOf(token),
		AWSAccountID: key.AWSAccountID,
		KeyID:        key.ID,
		Created:      now,
		Seen:         now,
		Expires:      now.Add(SessionLife),
		Address:      v.Address,
		UserAgent:    v.UserAgent,
	})
}

// MakeLink returns a link by which somebody can sign in as a key once, within [LinkLife], without
// its secret. It is for the operator alone. The error is [ErrUnknownKey] if there is no such key,
// and an [*api.Error] if it is disabled or has expired.
func (s *Sessions) MakeLink(ctx context.Context, keyID string) (link string, err error) {
	err = s.keys.update(ctx, s.keys.options.operator(), opMakeLink, func(c *change) error {
		kept, err := anyKey(c, keyID)
		if err != nil {
			return err
		}
		if ended := s.keys.Ended(showKey(kept)); ended != "" {
			return api.BadRequest("Access key %s is %s, so nobody can sign in with it", keyID, ended)
		}
		if link, err = s.makeToken(); err != nil {
			return err
		}
		c.recordOwned(kept.AWSAccountID, keyID, nil, nil)
		return c.InsertSignInLink(store.SignInLink{LinkID: hashOf(link), KeyID: keyID, Expires: s.now().Add(LinkLife)})
	})
	if err != nil {
		return "", err
	}
	return link, nil
}

// Resume returns the session of a token, and its key with the secret. The error is [ErrNoSession]
// if the session has ended.
func (s *Sessions) Resume(ctx context.Context, token string) (Session, Key, error) {
	var kept store.Session
	id := hashOf(token)
	err := s.store.View(ctx, func(tx store.ReadTx) (err error) {
		kept, err = tx.Session(id)
		return err
	})
	now := s.now()
	if errors.Is(err, store.ErrNotFound) || err == nil && hasEnded(kept, now) {
		return Session{}, Key{}, ErrNoSession
	}
	if err != nil {
		return Session{}, Key{}, err
	}
	key, err := s.keys.AccessKey(ctx, kept.KeyID)
	if errors.Is(err, ErrUnknownKey) || err == nil && s.keys.Ended(key) != "" {
		return Session{}, Key{}, ErrNoSession
	}
	if err != nil {
		return Session{}, Key{}, err
	}
	if now.Sub(kept.Seen) >= sessionSeen {
		if err := s.store.Update(ctx, func(tx store.Tx) error { return tx.UseSession(id, now) }); err != nil {
			return Session{}, Key{}, fmt.Errorf("keeping a session: %w", err)
		}
		kept.Seen = now
	}
	return showSession(kept), key, nil
}

// SignOut ends the session of a token. One that has ended is no error.
func (s *Sessions) SignOut(ctx context.Context, token string) error {
	id := hashOf(token)
	return update(ctx, s.store, s.keys.options, Caller{}, opSignOut, func(c *change) error {
		kept, err := c.Session(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := anyKey(c, kept.KeyID)
		if err != nil {
			return err
		}
		c.caller = s.caller(showKey(key), Visitor{UserAgent: kept.UserAgent})
		c.recordSessionEnd(kept)
		return c.DeleteSession(id)
	})
}

// List returns the sessions of an AWS account that can be resumed, the oldest first.
func (s *Sessions) List(ctx context.Context, awsAccountID string) ([]Session, error) {
	var sessions []Session
	err := s.store.View(ctx, func(tx store.ReadTx) error {
		sessions = nil
		all, err := tx.Sessions(awsAccountID)
		if err != nil {
			return err
		}
		keys, err := tx.AccessKeys(awsAccountID)
		if err != nil {
			return err
		}
		now := s.now()
		live := make(map[string]bool)
		for _, key := range keys {
			live[key.KeyID] = s.keys.Ended(showKey(key)) == ""
		}
		for _, kept := range all {
			if live[kept.KeyID] && !hasEnded(kept, now) {
				sessions = append(sessions, showSession(kept))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sessions, nil
}

// Revoke ends a session of the caller's AWS account, whoever has signed in. It asks no policy. The
// error is [ErrNoSession] if there is none with this id.
func (s *Sessions) Revoke(ctx context.Context, caller Caller, sessionID string) error {
	return update(ctx, s.store, s.keys.options, caller, opRevokeSession, func(c *change) error {
		kept, err := c.Session(sessionID)
		if errors.Is(err, store.ErrNotFound) || err == nil && kept.AWSAccountID != caller.AWSAccountID {
			return ErrNoSession
		}
		if err != nil {
			return err
		}
		c.recordSessionEnd(kept)
		return c.DeleteSession(sessionID)
	})
}

// recordSessionEnd is record for a session that is about to end.
func (c *change) recordSessionEnd(x store.Session) {
	c.recordOwned(x.AWSAccountID, x.KeyID, []document.Member{{Key: "Address", Value: x.Address}, {Key: "SignedIn", Value: stampOf(x.Created)}}, nil)
}

// update runs a change of somebody who signs in with a key.
func (s *Sessions) update(ctx context.Context, op operation, key Key, v Visitor, fn func(*change) error) error {
	return update(ctx, s.store, s.keys.options, s.caller(key, v), op, fn)
}

func (s *Sessions) caller(key Key, v Visitor) Caller {
	return Caller{AWSAccountID: key.AWSAccountID, KeyID: key.ID, KeyName: key.Name, RequestID: s.keys.options.NewID(), UserAgent: v.UserAgent}
}

func hasEnded(x store.Session, now time.Time) bool {
	return now.Sub(x.Seen) >= SessionIdle || !now.Before(x.Expires)
}

func showSession(x store.Session) Session {
	return Session{
		ID:           x.SessionID,
		KeyID:        x.KeyID,
		AWSAccountID: x.AWSAccountID,
		Created:      x.Created,
		Seen:         x.Seen,
		Expires:      x.Expires,
		Visitor:      Visitor{x.Address, x.UserAgent},
	}
}

// makeToken makes the token of a session or of a link: 256 random bits.
func (s *Sessions) makeToken() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.options.Rand, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// hashOf is the id of what a token lets people into. Nobody can find a token by it, without a salt:
// tokens are random.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
