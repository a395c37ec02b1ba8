package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// open opens a database that is closed when the test ends.
func open(t *testing.T, dir string) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func TestFromFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.key")
	s := open(t, dir)
	sealer, err := seal.FromFile(t.Context(), s, file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode of the key file: got %o, want 600", got)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(text), "\n")); err != nil || len(key) != 32 {
		t.Errorf("key file: got %d bytes and error %v, want a line of 32 bytes in base64", len(key), err)
	}

	secret := []byte("wJalrXUtnFEMI/K7MDENG")
	sealed := sealer.Seal("AKIA1", secret)
	if bytes.Contains(sealed, secret) {
		t.Error("the secret shows in its sealed form")
	}
	if bytes.Equal(sealed, sealer.Seal("AKIA1", secret)) {
		t.Error("sealing twice gives the same bytes")
	}
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	for _, test := range []struct {
		name, owner string
		sealed      []byte
	}{{"another owner", "AKIA2", sealed}, {"altered", "AKIA1", altered}, {"cut", "AKIA1", sealed[:5]}} {
		if got, err := sealer.Open(test.owner, test.sealed); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("Open, %s: got %q and error %v, want %v", test.name, got, err, seal.ErrWrongKey)
		}
	}

	// The same file opens it again.
	if sealer, err = seal.FromFile(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	if got, err := sealer.Open("AKIA1", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("Open: got %q and error %v, want %q", got, err, secret)
	}

	// Any other key is refused, and no new one is made.
	other := filepath.Join(dir, "other.key")
	if _, err := seal.FromFile(t.Context(), s, other); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), other) {
		t.Errorf("a missing key: got error %v, want %v, naming %s", err, fs.ErrNotExist, other)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a key was made up for a database that has one")
	}
	for content, want := range map[string]error{
		strings.Repeat("A", 43) + "=\n": seal.ErrWrongKey,
		"":                              nil,
		"c2hvcnQ=\n":                    nil,
	} {
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := seal.FromFile(t.Context(), s, other)
		if err == nil || !strings.Contains(err.Error(), other) || want != nil && !errors.Is(err, want) {
			t.Errorf("key %q: got error %v, want one that names %s", content, err, other)
		}
	}
}

// A key that the operator brings is taken as it is.
func TestFromFile_GivenKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "given.key")
	line := strings.Repeat("A", 43) + "=\n"
	if err := os.WriteFile(file, []byte(line), 0o400); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := seal.FromFile(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != line {
		t.Errorf("key file: got %q and error %v, want it unchanged", got, err)
	}
}

// A database can keep the key itself. One that was made with a key file does not open without it.
func TestFromStore(t *testing.T) {
	s := open(t, t.TempDir())
	var sealers [2]*seal.Sealer
	for i := range sealers {
		var err error
		if sealers[i], err = seal.FromStore(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := sealers[1].Open("AKIA1", sealers[0].Seal("AKIA1", []byte("secret"))); err != nil || string(got) != "secret" {
		t.Errorf("Open: got %q and error %v, want %q", got, err, "secret")
	}
	file := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(file, []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.FromFile(t.Context(), s, file); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("a key file for a store that keeps its key: got error %v, want %v", err, seal.ErrWrongKey)
	}

	s = open(t, t.TempDir())
	if _, err := seal.FromFile(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.FromStore(t.Context(), s); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("no key file for a store that was made with one: got error %v, want %v", err, seal.ErrWrongKey)
	}
}
