package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/carillon-project/carillon/internal/atomicfile"
)

// keySize is the length of the secret key in bytes: AES-256.
const keySize = 32

// keySetting holds the key of a store that keeps it itself.
const keySetting = "secret-key"

// checkSetting holds a known text sealed with the key, which tells a wrong key before it does harm.
const (
	checkSetting = "secret-check"
	checkText    = "carillon"
)

// Sealer encrypts the secrets of access keys with AES-256-GCM. (A hash would not do: verifying a
// signature takes the secret itself.) A sealed value is a random nonce of 12 bytes, the
// ciphertext and a tag of 16 bytes; it opens only for the owner it was sealed for.
type Sealer struct{ aead cipher.AEAD }

// OpenSealer returns the sealer of a store. The key file holds one line, 32 bytes in standard
// base64. For a store that has sealed nothing yet a missing file is created with a new key (mode
// 0600); after that the key must be the same: another one gives ErrWrongKey, a missing file
// fs.ErrNotExist.
func OpenSealer(ctx context.Context, s Store, keyFile string) (*Sealer, error) {
	sealed := true
	err := s.View(ctx, func(r ReadTx) error {
		_, err := r.Setting(checkSetting)
		if errors.Is(err, ErrNotFound) {
			sealed, err = false, nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening secret key: %w", err)
	}
	if !sealed {
		if err := createKey(keyFile); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("creating secret key: %w", err)
		}
	}
	key, err := readKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the database holds secrets that only this key opens, put the file back", err)
	}
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(key)
	if err != nil {
		return nil, err
	}

	// Looked up again, since another process may have been first.
	if err := s.Update(ctx, sealer.check); err != nil {
		return nil, fmt.Errorf("checking secret key %s: %w", keyFile, err)
	}
	return sealer, nil
}

// OpenStoredSealer is OpenSealer for a store that keeps its secret key itself. Whoever gets hold of
// the database can open the secrets then, so a file is better. A store that was made with one gives
// ErrWrongKey.
func OpenStoredSealer(ctx context.Context, s Store) (*Sealer, error) {
	var sealer *Sealer
	err := s.Update(ctx, func(tx Tx) error {
		key, err := tx.Setting(keySetting)
		if errors.Is(err, ErrNotFound) {
			if _, err = tx.Setting(checkSetting); err == nil {
				return fmt.Errorf("%w: the database was made with a key file, name that", ErrWrongKey)
			}
			if !errors.Is(err, ErrNotFound) {
				return err
			}
			key = make([]byte, keySize)
			rand.Read(key)
			err = tx.PutSetting(keySetting, key)
		}
		if err != nil {
			return err
		}
		if sealer, err = newSealer(key); err != nil {
			return err
		}
		return sealer.check(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("opening secret key: %w", err)
	}
	return sealer, nil
}

// check holds the sealer's key against the one that the store was made with, or makes it that one.
func (s *Sealer) check(tx Tx) error {
	check, err := tx.Setting(checkSetting)
	if errors.Is(err, ErrNotFound) {
		return tx.PutSetting(checkSetting, s.Seal(checkSetting, []byte(checkText)))
	}
	if err == nil {
		_, err = s.Open(checkSetting, check)
	}
	return err
}

func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal encrypts a secret for its owner, such as the id of an access key.
func (s *Sealer) Seal(owner string, secret []byte) []byte {
	return s.aead.Seal(nil, nil, secret, []byte(owner))
}

// Open decrypts what Seal returned for the same owner. Anything else gives ErrWrongKey.
func (s *Sealer) Open(owner string, sealed []byte) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return nil, fmt.Errorf("opening secret of %s: %w", owner, ErrWrongKey)
	}
	return secret, nil
}

// createKey writes a new key into a file that must not exist. The file is whole and on stable storage
// before anything is sealed with it.
func createKey(path string) error {
	key := make([]byte, keySize)
	rand.Read(key)
	return atomicfile.CreateFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600)
}

func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading secret key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("reading secret key: %s must hold one line, %d bytes in base64", path, keySize)
	}
	return key, nil
}
