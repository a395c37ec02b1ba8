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
	"unicode/utf8"

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
	Expires      time.Time // zero: never
	Secret       string
}

// Keys keeps the access keys. Their secrets are in the store in sealed form only.
type Keys struct {
	store   store.Store
	sealer  *store.Sealer
	options Options
}

// NewKeys returns the keys of a store, whose secrets the sealer opens.
func NewKeys(st store.Store, sealer *store.Sealer, options Options) *Keys {
	return &Keys{st, sealer, options.orDefault()}
}

// AccessKey returns a key, disabled and expired ones too, or ErrUnknownKey.
func (k *Keys) AccessKey(ctx context.Context, keyID string) (Key, error) {
	var kept store.AccessKey
	err := k.store.View(ctx, func(tx store.ReadTx) (err error) {
		kept, err = tx.AccessKey(keyID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Key{}, ErrUnknownKey
	}
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
	return Key{
		ID:           kept.KeyID,
		AWSAccountID: kept.AWSAccountID,
		Name:         kept.Name,
		Policy:       kept.Policy,
		Root:         kept.Root,
		Disabled:     kept.Disabled,
		Expires:      kept.Expires,
		Secret:       string(secret),
	}, nil
}

// RootChange is what EnsureRootKey had to do.
type RootChange int

const (
	RootUnchanged RootChange = iota // the root key was there
	RootMadeUp                      // there was none, and none given: its secret is new to everybody
	RootGiven                       // there was none, and it is the given pair now
	RootReplaced                    // the given pair has taken the place of another, which is disabled
)

const (
	rootName     = "root"
	operatorName = "operator" // in the audit trail, for what is not done through the API
)

// EnsureRootKey sees to it that an AWS account has a root key, and returns it.
//
// Without a pair (both empty) the root key stays as it is; if there is none, one is made up in
// the form that AWS gives its own. A given pair becomes the root key. If it was that already,
// nothing changes, not even when an operator has disabled it. Else it replaces the root key, and
// the former is disabled.
//
// A pair that is incomplete or not of the right form is an error, and so is the id of a key that
// has another use.
func (k *Keys) EnsureRootKey(ctx context.Context, awsAccountID, keyID, secret string) (Key, RootChange, error) {
	if err := checkRoot(awsAccountID, keyID, secret); err != nil {
		return Key{}, 0, fmt.Errorf("preparing root key: %w", err)
	}
	var key Key
	var done RootChange
	caller := Caller{AWSAccountID: awsAccountID, KeyName: operatorName, RequestID: k.options.NewID()}
	err := update(ctx, k.store, k.options, caller, "EnsureRootKey", func(c *change) (err error) {
		key, done, err = k.ensureRoot(c, keyID, secret)
		return err
	})
	if err != nil {
		return Key{}, 0, fmt.Errorf("preparing root key: %w", err)
	}
	return key, done, nil
}

func (k *Keys) ensureRoot(c *change, keyID, secret string) (key Key, done RootChange, err error) {
	all, err := c.AccessKeys(c.caller.AWSAccountID)
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
	case err == nil && kept.AWSAccountID != c.caller.AWSAccountID:
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
		if err := c.PutAccessKey(former); err != nil {
			return key, 0, err
		}
		c.record("", root.KeyID, keyFields(root), keyFields(former))
	}
	root := store.AccessKey{
		KeyID:        keyID,
		AWSAccountID: c.caller.AWSAccountID,
		Name:         rootName,
		Root:         true,
		SealedSecret: k.sealer.Seal(keyID, []byte(secret)),
		Created:      c.now,
	}
	if err := c.PutAccessKey(root); err != nil {
		return key, 0, err
	}
	if kept.KeyID == "" {
		c.record("", keyID, nil, keyFields(root))
	} else {
		c.record("", keyID, keyFields(kept), keyFields(root))
	}
	key, err = k.open(root)
	return key, done, err
}

// checkRoot says what is wrong with what an operator gave, without repeating a secret.
func checkRoot(awsAccountID, keyID, secret string) error {
	switch {
	case len(awsAccountID) != 12 || strings.Trim(awsAccountID, "0123456789") != "":
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
	}
	return nil
}

func notInKeyID(r rune) bool {
	return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_')
}

// makePair makes up a pair that looks like one of AWS: AKIA and 16 of A-Z2-7, and 40 characters.
func makePair(random io.Reader) (keyID, secret string, err error) {
	var b [10 + 30]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", err
	}
	return "AKIA" + base32.StdEncoding.EncodeToString(b[:10]), base64.StdEncoding.EncodeToString(b[10:]), nil
}
