// Package seal encrypts the secrets of access keys. (A hash would not do: verifying a signature
// takes the secret itself.) It keeps the key that does so, the secret key, in a file or in the
// database, and makes one for a database that has sealed nothing yet. A database holds a check
// value, a known text that was sealed with its key, so that a wrong key is refused before it does
// harm.
//
// Start at [FromFile]; [FromStore] is for a database that keeps its key itself.
package seal

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
	"github.com/carillon-project/carillon/internal/store"
)

// ErrWrongKey: the secret key is not the one that the database was made with.
var ErrWrongKey = errors.New("wrong secret key")

// CheckSetting is the setting of a database that holds its check value.
const CheckSetting = "secret-check"

// keySetting holds the secret key of a database that keeps it itself.
const keySetting = "secret-key"

const (
	keySize   = 32         // bytes: AES-256
	checkText = "carillon" // what is sealed in the check value
)

// Sealer encrypts secrets with AES-256-GCM. A sealed value is a random nonce of 12 bytes, the
// ciphertext and a tag of 16 bytes. It opens only for the owner that it was sealed for.
type Sealer struct{ aead cipher.AEAD }

// FromFile returns the sealer of a database whose secret key is in a file: one line, 32 bytes in
// standard base64. While the database has sealed nothing, a missing file is created with a new key
// (mode 0600). After that the key must stay the same: another one gives ErrWrongKey, a missing file
// fs.ErrNotExist.
func FromFile(ctx context.Context, st store.Store, keyFile string) (*Sealer, error) {
	sealed := true
	err := st.View(ctx, func(r store.ReadTx) error {
		_, err := r.Setting(CheckSetting)
		if errors.Is(err, store.ErrNotFound) {
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
	s, err := readKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the database holds secrets that only this key opens, put the file back", err)
	}
	if err != nil {
		return nil, err
	}
	// Looked up again, since another process may have been first.
	if err := st.Update(ctx, s.adopt); err != nil {
		return nil, fmt.Errorf("checking secret key %s: %w", keyFile, err)
	}
	return s, nil
}

// FromStore is [FromFile] for a database that keeps the secret key itself. Whoever gets hold of
// such a database can open the secrets, so a file is better. A database that was made with a file
// gives ErrWrongKey.
func FromStore(ctx context.Context, st store.Store) (*Sealer, error) {
	var s *Sealer
	err := st.Update(ctx, func(tx store.Tx) error {
		key, err := tx.Setting(keySetting)
		if errors.Is(err, store.ErrNotFound) {
			if _, err = tx.Setting(CheckSetting); err == nil {
				return fmt.Errorf("%w: the database was made with a key file, name that", ErrWrongKey)
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			key = newKey()
			err = tx.PutSetting(keySetting, key)
		}
		if err != nil {
			return err
		}
		if s, err = newSealer(key); err != nil {
			return err
		}
		return s.adopt(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("opening secret key: %w", err)
	}
	return s, nil
}

// CheckFile holds the secret key in a file against the check value of a database. The error is
// ErrWrongKey, fs.ErrNotExist, or whatever else keeps the file from being read.
func CheckFile(keyFile string, check []byte) error {
	s, err := readKey(keyFile)
	if err != nil {
		return err
	}
	if _, err := s.Open(CheckSetting, check); err != nil {
		return fmt.Errorf("checking secret key %s: %w", keyFile, err)
	}
	return nil
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

// adopt holds the key against the check value of a database, or gives the database one.
func (s *Sealer) adopt(tx store.Tx) error {
	check, err := tx.Setting(CheckSetting)
	if errors.Is(err, store.ErrNotFound) {
		return tx.PutSetting(CheckSetting, s.Seal(CheckSetting, []byte(checkText)))
	}
	if err == nil {
		_, err = s.Open(CheckSetting, check)
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

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// createKey writes a new key to a file that must not exist. The file is on stable storage before
// anything is sealed with the key.
func createKey(path string) error {
	return atomicfile.CreateFile(path, []byte(base64.StdEncoding.EncodeToString(newKey())+"\n"), 0o600)
}

func readKey(path string) (*Sealer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading secret key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("reading secret key: %s must hold one line, %d bytes in base64", path, keySize)
	}
	return newSealer(key)
}
