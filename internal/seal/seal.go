// Package seal encrypts the secrets of access keys. (A hash would not do: verifying a signature
// takes the secret itself.) It keeps the key that does so, the secret key, in a file or in the
// database, and makes one for a database that has sealed nothing yet. A database holds a check
// value, a known text that was sealed with its key, so that a wrong key is refused before it does
// harm.
//
// Start at [FromFile]; [FromStore] is for a database that keeps its key itself. [Sealer.Rotate]
// replaces the key under running services, and [Renew] one that is lost.
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
	"slices"
	"strings"
	"sync"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/store"
)

// ErrWrongKey: the secret key is not the one that the database was made with.
var ErrWrongKey = errors.New("wrong secret key")

// ErrNotLost: the secret key is there and opens what the database has sealed.
var ErrNotLost = errors.New("the secret key is not lost")

// Settings of a database that go with its secret key.
const (
	// CheckSetting holds the check value.
	CheckSetting = "secret-check"
	// NextSetting holds, while a rotation is pending, the new secret key, sealed with the former
	// one. So the former one is as good until everybody has the new file.
	NextSetting = "secret-next"
	// keySetting holds the secret key of a database that keeps it itself.
	keySetting = "secret-key"
)

const (
	keySize   = 32         // bytes: AES-256
	checkText = "carillon" // what is sealed in the check value
)

// Sealer encrypts secrets with AES-256-GCM. A sealed value is a random nonce of 12 bytes, the
// ciphertext and a tag of 16 bytes. It opens only for the owner that it was sealed for.
//
// A sealer follows its database to a new secret key: see [Sealer.Refresh].
type Sealer struct {
	keyFile string // empty: the database keeps the key

	mu    sync.RWMutex
	known []*secretKey // those of earlier snapshots too, the newest last
}

// secretKey is a secret key that is ready for use.
type secretKey struct {
	cipher.AEAD
	bytes []byte
}

// FromFile returns the sealer of a database whose secret key is in a file: one line, 32 bytes in
// standard base64. The file may be a symbolic link, as Kubernetes mounts secrets, but none is
// written through. While the database has sealed nothing, a missing file is created with a new key
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
	// A key that is there is only read: systemd and Kubernetes mount it where nothing can be written.
	_, err = readKey(keyFile)
	if !sealed && errors.Is(err, fs.ErrNotExist) {
		if err := createKey(keyFile); err != nil {
			return nil, fmt.Errorf("creating secret key: %w", err)
		}
		_, err = readKey(keyFile)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: the database holds secrets that only this key opens, put the file back, %s", err, orElse)
	case sealed && errors.Is(err, errNoKey):
		return nil, fmt.Errorf("%w: the database holds secrets that only the former key opens, move this file away and put back a copy, %s", err, orElse)
	case err != nil:
		return nil, err
	}
	s := &Sealer{keyFile: keyFile}
	// Looked up again, since another process may have been first.
	switch err := st.Update(ctx, s.adopt); {
	case errors.Is(err, ErrWrongKey):
		return nil, fmt.Errorf("checking secret key %s: %w: the database holds secrets that only another key opens, put that one there, %s", keyFile, err, orElse)
	case err != nil:
		return nil, fmt.Errorf("checking secret key %s: %w", keyFile, err)
	}
	return s, nil
}

// orElse is what can be done where the file of a secret key does not come back.
const orElse = "name a copy by --secret-key-file, or give up all access keys by carillon key recover"

// FromStore is [FromFile] for a database that keeps the secret key itself. Whoever gets hold of
// such a database can open the secrets, so a file is better. A database that was made with a file
// gives ErrWrongKey.
func FromStore(ctx context.Context, st store.Store) (*Sealer, error) {
	s := new(Sealer)
	err := st.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Setting(CheckSetting)
		if errors.Is(err, store.ErrNotFound) {
			if _, err = tx.Setting(keySetting); errors.Is(err, store.ErrNotFound) {
				err = tx.PutSetting(keySetting, newKey())
			}
		}
		if err != nil {
			return err
		}
		return s.adopt(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("opening secret key: %w", err)
	}
	return s, nil
}

// Renew gives a database whose secret key is lost another one: that in the file, which is created
// if it is missing. What was sealed before can never be opened again; the caller removes it in the
// same update. A key that is not lost gives ErrNotLost. A file that holds no key is an error, and
// so is none at all: a database that keeps its key itself cannot lose it.
func Renew(tx store.Tx, keyFile string) error {
	s := &Sealer{keyFile: keyFile}
	switch err := s.Refresh(tx); {
	case err == nil, errors.Is(err, store.ErrNotFound):
		return ErrNotLost
	case keyFile == "":
		return err
	case errors.Is(err, fs.ErrNotExist):
		if err := createKey(keyFile); err != nil {
			return fmt.Errorf("creating secret key: %w", err)
		}
	case !errors.Is(err, ErrWrongKey):
		return err
	}
	k, err := s.read(tx)
	if err != nil {
		return err
	}
	return errors.Join(tx.PutSetting(CheckSetting, k.seal(CheckSetting, []byte(checkText))), tx.PutSetting(NextSetting, nil))
}

// FileKey is the secret key of a database that was copied, as for a backup. If a rotation was
// pending then, the former key and the new one are as good as each other.
type FileKey struct {
	path  string
	known []*secretKey // that in the file, and the new one if that is the former
}

// ReadFile reads the secret key in a file. next is what the database has as [NextSetting], nil for
// nothing. The error is fs.ErrNotExist, or whatever else keeps the file from being read.
func ReadFile(path string, next []byte) (*FileKey, error) {
	k, err := readKey(path)
	if err != nil {
		return nil, err
	}
	f := &FileKey{path, []*secretKey{k}}
	if key, err := k.open(NextSetting, next); err == nil {
		if k, err = newSecretKey(key); err != nil {
			return nil, err
		}
		f.known = append(f.known, k)
	}
	return f, nil
}

// Check holds the key against the check value of a database. The error is ErrWrongKey.
func (f *FileKey) Check(check []byte) error {
	if _, err := f.Open(CheckSetting, check); err != nil {
		return fmt.Errorf("checking secret key %s: %w", f.path, err)
	}
	return nil
}

// Seal encrypts what goes with a database but is not in it, such as the manifest of a backup. If a
// rotation is pending, it takes the new key.
func (f *FileKey) Seal(owner string, secret []byte) []byte {
	return f.known[len(f.known)-1].seal(owner, secret)
}

// Open decrypts what Seal returned for the same owner and key. Anything else gives ErrWrongKey.
func (f *FileKey) Open(owner string, sealed []byte) (secret []byte, err error) {
	for _, k := range slices.Backward(f.known) {
		if secret, err = k.open(owner, sealed); err == nil {
			return secret, nil
		}
	}
	return nil, err
}

// Seal encrypts a secret for its owner, such as the id of an access key, with the key that the
// database has in this very update: that of a moment ago could be gone for good.
func (s *Sealer) Seal(tx store.Tx, owner string, secret []byte) ([]byte, error) {
	k, err := s.current(tx)
	if err != nil {
		return nil, err
	}
	return k.seal(owner, secret), nil
}

// Open decrypts what Seal returned for the same owner. Anything else gives ErrWrongKey, and so does
// what was sealed with a key that came since: then [Sealer.Refresh] helps.
func (s *Sealer) Open(owner string, sealed []byte) ([]byte, error) {
	k, secret := s.opening(owner, sealed)
	if k == nil {
		return nil, fmt.Errorf("opening secret of %s: %w", owner, ErrWrongKey)
	}
	return secret, nil
}

// Refresh lets the sealer open what the database has sealed as tx sees it. It reads the secret key
// again if it has been replaced. The error is ErrWrongKey or fs.ErrNotExist if the key cannot be
// had, store.ErrNotFound if the database has sealed nothing.
func (s *Sealer) Refresh(tx store.ReadTx) error {
	_, err := s.current(tx)
	return err
}

// current returns the secret key that opens the check value.
func (s *Sealer) current(tx store.ReadTx) (*secretKey, error) {
	check, err := tx.Setting(CheckSetting)
	if err != nil {
		return nil, err
	}
	if k, _ := s.opening(CheckSetting, check); k != nil {
		return k, nil
	}
	_, problem := s.read(tx)
	next, err := pending(tx)
	if err != nil {
		return nil, err
	}
	if former, key := s.opening(NextSetting, next); former != nil {
		_, problem = s.learn(key)
	}
	if k, _ := s.opening(CheckSetting, check); k != nil {
		return k, nil
	}
	if problem == nil {
		problem = ErrWrongKey
	}
	return nil, problem
}

// opening returns the known key that opens a sealed value, nil for none, and what it opens to.
func (s *Sealer) opening(owner string, sealed []byte) (*secretKey, []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, k := range slices.Backward(s.known) {
		if secret, err := k.open(owner, sealed); err == nil {
			return k, secret
		}
	}
	return nil, nil
}

// read reads the secret key where it is kept.
func (s *Sealer) read(tx store.ReadTx) (*secretKey, error) {
	if s.keyFile != "" {
		k, err := readKey(s.keyFile)
		if err != nil {
			return nil, err
		}
		return s.learn(k.bytes)
	}
	key, err := tx.Setting(keySetting)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: the database was made with a key file, name that", ErrWrongKey)
	}
	if err != nil {
		return nil, err
	}
	return s.learn(key)
}

// learn adds a key to those that are known.
func (s *Sealer) learn(key []byte) (*secretKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.known {
		if string(k.bytes) == string(key) {
			return k, nil
		}
	}
	k, err := newSecretKey(key)
	if err != nil {
		return nil, err
	}
	s.known = append(s.known, k)
	return k, nil
}

// adopt holds the key against the check value of a database, or gives the database one.
func (s *Sealer) adopt(tx store.Tx) error {
	err := s.Refresh(tx)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	k, err := s.read(tx)
	if err != nil {
		return err
	}
	return tx.PutSetting(CheckSetting, k.seal(CheckSetting, []byte(checkText)))
}

// Rotate gives the database a new secret key in the update tx, in which the caller passes all that
// is sealed through reseal. Running services follow by themselves. A key file that is a symbolic
// link is an error.
//
// A key in a file has a second step, [Sealer.Finish]. Until then the rotation is pending: the file
// holds the former key, which is as good as the new one. While a rotation is pending, Rotate does
// nothing and returns nil for reseal.
func (s *Sealer) Rotate(tx store.Tx) (reseal func(owner string, sealed []byte) ([]byte, error), err error) {
	if next, err := pending(tx); err != nil || len(next) > 0 {
		return nil, err
	}
	if err := notLink(s.keyFile); err != nil { // Finish would fail, when all is sealed anew
		return nil, fmt.Errorf("replacing secret key: %w", err)
	}
	former, err := s.current(tx)
	if err != nil {
		return nil, err
	}
	k, err := s.learn(newKey())
	if err != nil {
		return nil, err
	}
	if s.keyFile != "" {
		err = tx.PutSetting(NextSetting, former.seal(NextSetting, k.bytes))
	} else {
		err = tx.PutSetting(keySetting, k.bytes)
	}
	if err != nil {
		return nil, err
	}
	return func(owner string, sealed []byte) ([]byte, error) {
		secret, err := former.open(owner, sealed)
		if err != nil {
			return nil, fmt.Errorf("opening secret of %s: %w", owner, err)
		}
		return k.seal(owner, secret), nil
	}, tx.PutSetting(CheckSetting, k.seal(CheckSetting, []byte(checkText)))
}

// Finish writes the secret key of a pending rotation to its file, and reports whether one was
// pending. With forget, the former key is of no more use from then on. Without, it opens the
// database for those who have a copy of the former file.
//
// The file is written within the update, so that of several rotations the last one writes last.
func (s *Sealer) Finish(tx store.Tx, forget bool) (was bool, err error) {
	next, err := pending(tx)
	if err != nil || len(next) == 0 {
		return false, err
	}
	k, err := s.current(tx)
	if err != nil {
		return true, err
	}
	if kept, err := readKey(s.keyFile); err != nil || string(kept.bytes) != string(k.bytes) {
		if err := replaceKey(s.keyFile, k.bytes); err != nil {
			return true, fmt.Errorf("replacing secret key: %w", err)
		}
	}
	if forget {
		err = tx.PutSetting(NextSetting, nil)
	}
	return true, err
}

// pending returns what NextSetting holds, empty for nothing.
func pending(tx store.ReadTx) ([]byte, error) {
	next, err := tx.Setting(NextSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return next, err
}

func newSecretKey(key []byte) (*secretKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &secretKey{aead, key}, nil
}

func (k *secretKey) seal(owner string, secret []byte) []byte {
	return k.AEAD.Seal(nil, nil, secret, []byte(owner))
}

func (k *secretKey) open(owner string, sealed []byte) ([]byte, error) {
	secret, err := k.AEAD.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return nil, ErrWrongKey
	}
	return secret, nil
}

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// lineOf is what a key file holds.
func lineOf(key []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(key) + "\n") }

// createKey writes a new key to a file, unless there is one by now. The file is on stable storage
// before anything is sealed with the key.
func createKey(path string) error { return atomicfile.CreateMissing(path, lineOf(newKey()), 0o600) }

// notLink refuses to replace a key that is reached by a symbolic link: the key would no longer be
// where the link leads, and where somebody else may manage it.
func notLink(path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link, and no key is replaced through it: name a copy of the key, and then replace what the link leads to", path)
	}
	return nil
}

// replaceKey writes a key in place of another, for the same user of the machine.
func replaceKey(path string, key []byte) error {
	if err := notLink(path); err != nil {
		return err
	}
	f, err := atomicfile.New(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(lineOf(key)); err != nil {
		return err
	}
	if err := keepOwner(path, f.TempName()); err != nil {
		return err
	}
	return f.Replace()
}

// errNoKey is what is wrong with a file that holds anything else than a secret key.
var errNoKey = fmt.Errorf("must hold one line, %d bytes in base64", keySize)

func readKey(path string) (*secretKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading secret key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("reading secret key: %s %w", path, errNoKey)
	}
	return newSecretKey(key)
}
