package directory

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// ErrUnknownKey: there is no access key with this id.
var ErrUnknownKey = errors.New("unknown access key")

// Key is an access key with its secret, as a verifier of signatures needs it.
type Key struct {
	ID           string
	AWSAccountID string
	Name         string
	Policy       string // the name of a managed policy, or a policy document in JSON; empty for a root key
	Root         bool   // may do everything in its AWS account
	Disabled     bool
	Created      time.Time
	Expires      time.Time // the first moment at which it is refused; zero: never
	LastUsed     time.Time // the beginning of the day (UTC), as far as it is known: see Keys.Used; zero: never
	Secret       string    // empty if it is not asked for: see Keys.List
}

// Keys keeps the access keys. Their secrets are in the store in sealed form only.
type Keys struct {
	store   store.Store
	sealer  *seal.Sealer
	options Options
	uses    uses
}

// NewKeys returns the keys of a store, whose secrets the sealer opens. List, Disable, Enable
// and Delete do without, so for these it may be nil.
func NewKeys(st store.Store, sealer *seal.Sealer, options Options) *Keys {
	return &Keys{
		store:   st,
		sealer:  sealer,
		options: options.orDefault(),
		uses:    uses{days: make(map[string]time.Time), noted: make(chan struct{}, 1)},
	}
}

// AccessKey returns a key, disabled and expired ones too, or ErrUnknownKey.
func (k *Keys) AccessKey(ctx context.Context, keyID string) (Key, error) {
	kept, err := k.store.AccessKey(ctx, keyID)
	if errors.Is(err, store.ErrNotFound) {
		return Key{}, ErrUnknownKey
	}
	if err != nil {
		return Key{}, err
	}
	key, err := k.open(kept)
	if errors.Is(err, seal.ErrWrongKey) {
		// The secret key has been rotated. What is sealed and what opens it must be of one moment.
		err = k.store.View(ctx, func(tx store.ReadTx) (err error) {
			key, err = k.accessKey(tx, keyID)
			return err
		})
	}
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

// accessKey is AccessKey inside a transaction.
func (k *Keys) accessKey(tx store.ReadTx, keyID string) (Key, error) {
	if err := k.sealer.Refresh(tx); err != nil { // first, in the order in which a rotation locks
		return Key{}, err
	}
	kept, err := anyKey(tx, keyID)
	if err != nil {
		return Key{}, err
	}
	return k.open(kept)
}

func (k *Keys) open(kept store.AccessKey) (Key, error) {
	secret, err := k.sealer.Open(kept.KeyID, kept.SealedSecret)
	if err != nil {
		return Key{}, err
	}
	key := showKey(kept)
	key.Secret = string(secret)
	return key, nil
}

// Ended says why a key is refused now, "disabled" or "expired"; it is empty for one that is not.
// Now is by the clock of the keys, which tests may move.
func (k *Keys) Ended(key Key) string { return key.ended(k.options.Clock()) }

// ended is [Keys.Ended] at a time.
func (k Key) ended(at time.Time) string {
	switch {
	case k.Disabled:
		return "disabled"
	case !k.Expires.IsZero() && !at.Before(k.Expires):
		return "expired"
	}
	return ""
}

// showKey gives a key without its secret.
func showKey(kept store.AccessKey) Key {
	return Key{
		ID:           kept.KeyID,
		AWSAccountID: kept.AWSAccountID,
		Name:         kept.Name,
		Policy:       kept.Policy,
		Root:         kept.Root,
		Disabled:     kept.Disabled,
		Created:      kept.Created,
		Expires:      kept.Expires,
		LastUsed:     kept.LastUsed,
	}
}

// NewKey is what Create makes a key of.
type NewKey struct {
	AWSAccountID string    // 12 digits
	Name         string    // 1 to 64 of A-Z a-z 0-9 and +=,.@_-, unique in the AWS account
	Policy       string    // the name of a managed policy, or a policy document in JSON
	Expires      time.Time // zero: never
}

// Create makes a key and returns it with its secret, which is shown nowhere else. The names "root"
// and "operator" are reserved. What is wrong with the request is in an [*api.Error]; a policy with
// anything that is not supported is refused.
func (k *Keys) Create(ctx context.Context, request NewKey) (Key, error) {
	return k.create(ctx, k.options.operator(), request)
}

func (k *Keys) create(ctx context.Context, by Caller, request NewKey) (Key, error) {
	if err := k.check(request); err != nil {
		return Key{}, err
	}
	var key Key
	err := k.update(ctx, by, opCreateKey, func(c *change) error {
		all, err := c.AccessKeys(request.AWSAccountID)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.Name == request.Name {
				return api.Errorf(api.ConflictException, "Access key %s has the name %q already: choose another name, or delete that key first",
					other.KeyID, request.Name)
			}
		}
		id, secret, err := makePair(k.options.Rand)
		if err != nil {
			return err
		}
		kept := store.AccessKey{
			KeyID:        id,
			AWSAccountID: request.AWSAccountID,
			Name:         request.Name,
			Policy:       request.Policy,
			Created:      c.now,
			Expires:      request.Expires.UTC().Truncate(time.Millisecond),
		}
		if kept.SealedSecret, err = k.sealer.Seal(c, id, []byte(secret)); err != nil {
			return err
		}
		key = showKey(kept)
		key.Secret = secret
		return c.changeKey(nil, &kept)
	})
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

func (k *Keys) check(request NewKey) error {
	name := request.Name
	switch {
	case !isAWSAccountID(request.AWSAccountID):
		return api.BadRequest("The AWS account id %.64q must be 12 digits", request.AWSAccountID)
	case name == "" || len(name) > 64 || strings.ContainsFunc(name, notInKeyName):
		return api.BadRequest("The name of a key must be 1 to 64 of A-Z, a-z, 0-9 and +=,.@_-, not %.80q", name)
	case name == rootName || name == operatorName: // they mean something in the audit trail
		return api.BadRequest("The name %q is reserved: choose another", name)
	case !request.Expires.IsZero() && !request.Expires.After(k.options.Clock()):
		return api.BadRequest("The key would expire at %s, which is not in the future", stampOf(request.Expires))
	}
	if _, err := policy.Parse(request.Policy); err != nil {
		return api.BadRequest("The policy cannot be used: %v", err)
	}
	return nil
}

func notInKeyName(r rune) bool { return notInKeyID(r) && !strings.ContainsRune("+=,.@-", r) }

// List returns the keys of an AWS account, or of all if that is empty, without the secrets. They
// are in order of AWS account and age, the oldest first, and include disabled and expired ones.
func (k *Keys) List(ctx context.Context, awsAccountID string) ([]Key, error) {
	var keys []Key
	err := k.store.View(ctx, func(tx store.ReadTx) error {
		keys = nil
		owners, err := awsAccounts(tx, awsAccountID)
		for _, owner := range owners {
			kept, err := tx.AccessKeys(owner)
			if err != nil {
				return err
			}
			for _, key := range kept {
				keys = append(keys, showKey(key))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// Disable makes the service refuse a key from the next request on, and returns it without its
// secret. The error is [ErrUnknownKey] if there is no such key.
func (k *Keys) Disable(ctx context.Context, keyID string) (Key, error) {
	return k.setDisabled(ctx, k.options.operator(), opDisableKey, keyID)
}

// Enable takes back what Disable did, and returns the key without its secret. A former root key has
// no policy that it could go by, so enabling it is an [*api.Error]. The error is [ErrUnknownKey] if
// there is no such key.
func (k *Keys) Enable(ctx context.Context, keyID string) (Key, error) {
	return k.setDisabled(ctx, k.options.operator(), opEnableKey, keyID)
}

// setDisabled disables a key or enables it, as the operation says.
func (k *Keys) setDisabled(ctx context.Context, by Caller, op operation, keyID string) (Key, error) {
	disabled := op == opDisableKey
	var key Key
	err := k.update(ctx, by, op, func(c *change) error {
		kept, err := c.key(keyID)
		if err != nil {
			return err
		}
		if !disabled && !kept.Root && kept.Policy == "" {
			return api.BadRequest("Access key %s was a root key and has no policy, so it cannot be enabled: create another key, or start the service with this pair as its root key", keyID)
		}
		before := kept
		kept.Disabled = disabled
		key = showKey(kept)
		if before.Disabled == disabled {
			return nil
		}
		return c.changeKey(&before, &kept)
	})
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

// Delete removes a key for good; its name is free again. When the root key is deleted, the next
// start of the service makes another. The error is [ErrUnknownKey] if there is no such key.
func (k *Keys) Delete(ctx context.Context, keyID string) error {
	return k.remove(ctx, k.options.operator(), keyID)
}

func (k *Keys) remove(ctx context.Context, by Caller, keyID string) error {
	return k.update(ctx, by, opDeleteKey, func(c *change) error {
		kept, err := c.key(keyID)
		if err != nil {
			return err
		}
		return c.changeKey(&kept, nil)
	})
}

func (k *Keys) update(ctx context.Context, by Caller, op operation, fn func(*change) error) error {
	return update(ctx, k.store, k.options, by, op, fn)
}

// key returns a key that is to be changed. Callers of the API change keys of their own AWS account,
// and not the one that they call with: they would lock themselves out.
func (c *change) key(keyID string) (store.AccessKey, error) {
	kept, err := anyKey(c, keyID)
	if c.caller.AWSAccountID == "" { // the operator
		return kept, err
	}
	switch {
	case errors.Is(err, ErrUnknownKey), err == nil && kept.AWSAccountID != c.caller.AWSAccountID:
		return kept, api.Errorf(api.NotFoundException, "There is no access key %.128q", keyID)
	case err == nil && keyID == c.caller.KeyID && c.operation != opEnableKey:
		return kept, api.Errorf(api.ConflictException, "Access key %s makes this very request, and would lock itself out: use another key for that", keyID)
	}
	return kept, err
}

// anyKey returns a key of any AWS account.
func anyKey(tx store.ReadTx, keyID string) (store.AccessKey, error) {
	kept, err := tx.AccessKey(keyID)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w %.128q", ErrUnknownKey, keyID)
	}
	return kept, err
}

// changeKey makes a key what it is to be, and records that; nil stands for none. Whoever has signed
// in with the key as it was is signed out.
func (c *change) changeKey(before, after *store.AccessKey) error {
	if before == nil {
		c.recordOwned(after.AWSAccountID, after.KeyID, nil, keyFields(*after))
		return c.PutAccessKey(*after)
	}
	if err := c.DeleteSessionsOf(before.KeyID); err != nil {
		return err
	}
	if after == nil {
		c.recordOwned(before.AWSAccountID, before.KeyID, keyFields(*before), nil)
		return c.DeleteAccessKey(before.KeyID)
	}
	c.recordOwned(after.AWSAccountID, after.KeyID, keyFields(*before), keyFields(*after))
	return c.PutAccessKey(*after)
}

// RootChange is what EnsureRootKey had to do.
type RootChange int

const (
	RootUnchanged RootChange = iota // the root key was there
	RootMadeUp                      // there was none, and no pair was given: its secret is new to everybody
	RootGiven                       // there was none, and the given pair is it now
	RootReplaced                    // the given pair has replaced another, which is disabled
)

const rootName = "root"

// EnsureRootKey makes sure that an AWS account has a root key, and returns it.
//
// Without a pair (both empty) the root key stays as it is; if there is none, one is made, of the
// form that AWS gives its own, and shown to save, unless that is nil. A given pair becomes the root
// key. If it is the root key already, nothing changes, even if an operator has disabled it.
// Otherwise it replaces the root key, which is then disabled.
//
// The store has a key that was made only after save has returned, and never if save returns an
// error, so that a process that is killed leaves no root key that nobody has got. What was saved
// may then be of no use; the next call makes another key and saves that. save may be called several
// times in a call: the last key counts.
//
// A pair that is incomplete or of the wrong form is an error, and so is the id of a key that has
// another use.
func (k *Keys) EnsureRootKey(ctx context.Context, awsAccountID, keyID, secret string, save func(Key) error) (Key, RootChange, error) {
	if err := checkRoot(awsAccountID, keyID, secret); err != nil {
		return Key{}, 0, fmt.Errorf("preparing root key: %w", err)
	}
	var key Key
	var done RootChange
	err := k.update(ctx, k.options.operator(), opEnsureRootKey, func(c *change) (err error) {
		key, done, err = k.ensureRoot(c, awsAccountID, keyID, secret)
		if err == nil && done == RootMadeUp && save != nil {
			err = save(key)
		}
		return err
	})
	if err != nil {
		return Key{}, 0, fmt.Errorf("preparing root key: %w", err)
	}
	return key, done, nil
}

func (k *Keys) ensureRoot(c *change, awsAccountID, keyID, secret string) (key Key, done RootChange, err error) {
	if err := k.sealer.Refresh(c); err != nil { // since it was opened, the secret key may have been rotated
		return key, 0, err
	}
	all, err := c.AccessKeys(awsAccountID)
	if err != nil {
		return key, 0, err
	}
	var roots []store.AccessKey
	for _, kept := range all {
		if kept.Root {
			roots = append(roots, kept)
		}
	}

	done = RootReplaced
	if len(roots) == 0 {
		done = RootGiven
	}
	switch {
	case keyID != "":
		for _, root := range roots {
			if key, err = k.open(root); err != nil || key.ID == keyID && key.Secret == secret {
				return key, RootUnchanged, err
			}
		}
	case len(roots) > 0:
		key, err = k.open(roots[0])
		return key, RootUnchanged, err
	default:
		done = RootMadeUp
		if keyID, secret, err = makePair(k.options.Rand); err != nil {
			return key, 0, err
		}
	}

	kept, err := c.AccessKey(keyID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = nil
	case err == nil && kept.AWSAccountID != awsAccountID:
		err = fmt.Errorf("access key %s belongs to another AWS account: give another pair", keyID)
	case err == nil && kept.Policy != "": // root keys, former ones too, have none
		err = fmt.Errorf("access key %s is in use as %q: give another pair", keyID, kept.Name)
	}
	if err != nil {
		return key, 0, err
	}

	for _, root := range roots {
		if root.KeyID == keyID {
			continue // is about to be overwritten
		}
		former := root
		former.Root, former.Disabled = false, true
		if err := c.changeKey(&root, &former); err != nil {
			return key, 0, err
		}
	}
	root := store.AccessKey{
		KeyID:        keyID,
		AWSAccountID: awsAccountID,
		Name:         rootName,
		Root:         true,
		Created:      c.now,
	}
	if root.SealedSecret, err = k.sealer.Seal(c, keyID, []byte(secret)); err != nil {
		return key, 0, err
	}
	before := &kept
	if kept.KeyID == "" {
		before = nil
	}
	if err := c.changeKey(before, &root); err != nil {
		return key, 0, err
	}
	key, err = k.open(root)
	return key, done, err
}

// checkRoot says what is wrong with a pair, without repeating the secret.
func checkRoot(awsAccountID, keyID, secret string) error {
	switch {
	case !isAWSAccountID(awsAccountID):
		return fmt.Errorf("AWS account id %q must be 12 digits", awsAccountID)
	case keyID == "" && secret == "":
		return nil
	case keyID == "":
		return errors.New("a secret was given without an access key id: give both or neither")
	case secret == "":
		return errors.New("an access key id was given without a secret: give both or neither")
	case len(keyID) < 16 || len(keyID) > 128 || strings.ContainsFunc(keyID, notInKeyID):
		return fmt.Errorf("access key id %q must be 16 to 128 of A-Z, a-z, 0-9 and _", keyID)
	case utf8.RuneCountInString(secret) < 16:
		return errors.New("the secret must have 16 characters or more")
	case strings.ContainsFunc(secret, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return errors.New("the secret has a blank or the end of a line in it, as a file has at its end: give it without")
	}
	return nil
}

func notInKeyID(r rune) bool {
	return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_')
}

// makePair makes a pair that looks like one of AWS: AKIA and 16 of A-Z2-7, and 40 characters.
func makePair(random io.Reader) (keyID, secret string, err error) {
	var b [10 + 30]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", err
	}
	return "AKIA" + base32.StdEncoding.EncodeToString(b[:10]), base64.StdEncoding.EncodeToString(b[10:]), nil
}
