package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/carillon-project/carillon/internal/seal"
)

// What follows the database in the file of a backup:
//
//	manifest   the exported members of [Backup], as JSON
//	seal       60 bytes: the SHA-256 of the manifest, sealed with the secret key
//	length     4 bytes: of the manifest, big-endian
//	mark       8 bytes: the text of manifestMark
//
// Whoever does not have the secret key can make no seal, so that nothing in the manifest, nor in
// the database whose SHA-256 it holds, can be changed unseen.
const (
	manifestMark  = "CRLN-END"
	manifestOwner = "backup manifest" // of the seal: see seal.FileKey
	sealSize      = 12 + sha256.Size + 16
	endSize       = sealSize + 4 + len(manifestMark)
	maxManifest   = 64 << 10
)

// appendManifest seals a backup.
func (b *Backup) appendManifest(path string, key *seal.FileKey) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.signed, b.seal = text, key.Seal(manifestOwner, sum[:])
	end := slices.Concat(b.signed, b.seal)
	end = binary.BigEndian.AppendUint32(end, uint32(len(text)))
	end = append(end, manifestMark...)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(end)
	return errors.Join(err, f.Sync(), f.Close())
}

var errManifest = errors.New("its manifest is damaged")

// readManifest reads the manifest of a backup, nil if there is none.
func readManifest(path string) (*Backup, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size < int64(endSize) {
		return nil, err
	}
	end := make([]byte, endSize)
	if _, err := f.ReadAt(end, size-int64(endSize)); err != nil {
		return nil, err
	}
	if string(end[sealSize+4:]) != manifestMark {
		return nil, nil
	}
	length := int64(binary.BigEndian.Uint32(end[sealSize:]))
	bytes := size - int64(endSize) - length
	if length > maxManifest || bytes < 0 {
		return nil, errManifest
	}
	b := &Backup{signed: make([]byte, length)}
	if _, err := f.ReadAt(b.signed, bytes); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b.signed, b); err != nil || b.Bytes != bytes {
		return nil, errManifest
	}
	b.Sealed, b.file, b.seal = true, path, end[:sealSize]
	return b, nil
}

// verify holds the manifest against the key, and then the database against the manifest.
func (b *Backup) verify(ctx context.Context, keyFile string) error {
	key, err := seal.ReadFile(keyFile, b.NextKey)
	if err != nil {
		return err
	}
	sum, err := key.Open(manifestOwner, b.seal)
	if errors.Is(err, seal.ErrWrongKey) {
		return fmt.Errorf("it was sealed with another key, or its manifest is damaged: %w", err)
	}
	if err != nil {
		return err
	}
	if want := sha256.Sum256(b.signed); string(sum) != string(want[:]) {
		return errManifest
	}
	sha, err := digest(ctx, b.file, b.Bytes)
	if err != nil {
		return err
	}
	if sha != b.SHA256 {
		return errors.New("its database is damaged, or was changed after it had been saved")
	}
	return nil
}

// digest returns the SHA-256 of the first size bytes of a file, in hexadecimal.
func digest(ctx context.Context, path string, size int64) (string, error) {
	sum := sha256.New()
	if err := copyFile(ctx, path, sum, size); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
