package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
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

// sealWith seals a secret in an update of its own.
func sealWith(t *testing.T, st store.Store, sealer *seal.Sealer, owner string, secret []byte) (sealed []byte) {
	t.Helper()
	update(t, st, func(tx store.Tx) (err error) {
		sealed, err = sealer.Seal(tx, owner, secret)
		return err
	})
	return sealed
}

func update(t *testing.T, st store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := st.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
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
	sealed := sealWith(t, s, sealer, "AKIA1", secret)
	if bytes.Contains(sealed, secret) {
		t.Error("the secret shows in its sealed form")
	}
	if bytes.Equal(sealed, sealWith(t, s, sealer, "AKIA1", secret)) {
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

// So it is where nothing can be written beside it, as in systemd's directory of credentials.
func TestFromFile_ReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	given := filepath.Join(dir, "given.key")
	if err := os.WriteFile(given, []byte(strings.Repeat("A", 43)+"=\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(given)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file := fmt.Sprint("/dev/fd/", f.Fd()) // no user of the machine can make files there, not even root
	if _, err := os.Stat(file); err != nil {
		t.Skip(err) // on Windows
	}
	if _, err := seal.FromFile(t.Context(), open(t, dir), file); err != nil {
		t.Fatal(err)
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
	if got, err := sealers[1].Open("AKIA1", sealWith(t, s, sealers[0], "AKIA1", []byte("secret"))); err != nil || string(got) != "secret" {
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

// A rotation may be cut short anywhere. Until it is finished, the former file and the new one open
// everything, for services that run and for those that start.
func TestRotate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret.key")
	s := open(t, t.TempDir())
	start := func(file string) *seal.Sealer {
		t.Helper()
		sealer, err := seal.FromFile(t.Context(), s, file)
		if err != nil {
			t.Fatal(err)
		}
		return sealer
	}
	running, operator := start(file), start(file)
	former, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.key") // a service elsewhere has this
	if err := os.WriteFile(copied, former, 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := start(copied)
	sealed := sealWith(t, s, running, "AKIA1", []byte("secret"))
	before := sealed
	opens := func(when string, sealers ...*seal.Sealer) {
		t.Helper()
		for i, sealer := range sealers {
			if err := s.View(t.Context(), sealer.Refresh); err != nil {
				t.Errorf("%s: sealer %d: Refresh: %v", when, i, err)
			}
			for _, value := range [][]byte{before, sealed} { // a snapshot may be older
				if got, err := sealer.Open("AKIA1", value); err != nil || string(got) != "secret" {
					t.Errorf("%s: sealer %d: got %q, error %v", when, i, got, err)
				}
			}
		}
	}

	update(t, s, func(tx store.Tx) error {
		reseal, err := operator.Rotate(tx)
		if err != nil {
			return err
		}
		sealed, err = reseal("AKIA1", before)
		return err
	})
	opens("pending", running, elsewhere)
	if _, err := start(file).Open("AKIA1", sealed); err != nil {
		t.Errorf("a service that starts with the former file: %v", err)
	}
	if now := sealWith(t, s, running, "AKIA2", nil); now == nil {
		t.Error("nothing can be sealed while a rotation is pending")
	}
	update(t, s, func(tx store.Tx) error { // a second rotation would leave the former file behind
		if reseal, err := operator.Rotate(tx); reseal != nil || err != nil {
			t.Errorf("another rotation while one is pending: got error %v, and it went on: %t", err, reseal != nil)
		}
		return nil
	})

	finish := func(forget, want bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) error {
			was, err := operator.Finish(tx, forget)
			if was != want {
				t.Errorf("Finish: got %t, want %t", was, want)
			}
			return err
		})
	}
	finish(false, true)
	if now, err := os.ReadFile(file); err != nil || bytes.Equal(now, former) {
		t.Errorf("the key file: got %q, error %v, want another key", now, err)
	}
	for _, path := range []string{file, copied} {
		if _, err := start(path).Open("AKIA1", sealed); err != nil {
			t.Errorf("a service that starts with %s: %v", path, err)
		}
	}

	finish(true, true)
	finish(true, false)
	opens("finished", running, elsewhere)
	if _, err := start(file).Open("AKIA1", sealed); err != nil {
		t.Errorf("a service that starts with the new file: %v", err)
	}
	if _, err := seal.FromFile(t.Context(), s, copied); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("the former key after the rotation: got error %v, want %v", err, seal.ErrWrongKey)
	}
}

// A service that has missed a rotation altogether reads the file again.
func TestRotate_Missed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret.key")
	s := open(t, t.TempDir())
	var sealers [2]*seal.Sealer
	for i := range sealers {
		var err error
		if sealers[i], err = seal.FromFile(t.Context(), s, file); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		update(t, s, func(tx store.Tx) error {
			_, err := sealers[0].Rotate(tx)
			_, err2 := sealers[0].Finish(tx, true)
			return errors.Join(err, err2)
		})
	}
	if err := s.View(t.Context(), sealers[1].Refresh); err != nil {
		t.Errorf("Refresh: %v", err)
	}
	sealed := sealWith(t, s, sealers[1], "AKIA1", []byte("secret"))
	if got, err := sealers[0].Open("AKIA1", sealed); err != nil || string(got) != "secret" {
		t.Errorf("what it seals: got %q, error %v, want it sealed with the new key", got, err)
	}
}

func TestRenew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.key")
	s := open(t, dir)
	if _, err := seal.FromFile(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	renew := func(file string) error {
		return s.Update(t.Context(), func(tx store.Tx) error { return seal.Renew(tx, file) })
	}
	if err := renew(file); !errors.Is(err, seal.ErrNotLost) {
		t.Errorf("a key that is there: got error %v, want %v", err, seal.ErrNotLost)
	}
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := renew(file); err == nil {
		t.Error("a file that holds no key was taken")
	}
	given := strings.Repeat("A", 43) + "=\n"
	for _, content := range []string{"", given} { // "" for no file
		os.Remove(file)
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := renew(file); err != nil {
			t.Fatalf("key file %q: %v", content, err)
		}
		if _, err := seal.FromFile(t.Context(), s, file); err != nil {
			t.Errorf("key file %q: a service that starts: %v", content, err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != given {
		t.Errorf("the key file: got %q, error %v, want it as it was", got, err)
	}
}

// Nothing is written through a symbolic link, by which a key may be read.
func TestFromFile_Symlink(t *testing.T) {
	s := open(t, t.TempDir())
	file, target := filepath.Join(t.TempDir(), "secret.key"), filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(target, file); err != nil {
		t.Skip(err) // Windows asks for a privilege
	}
	if _, err := seal.FromFile(t.Context(), s, file); err == nil || !strings.Contains(err.Error(), file+" is a symbolic link that leads nowhere") {
		t.Errorf("a link that leads nowhere: got error %v, want one that says so", err)
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where the link leads there is a file: %v", err)
	}

	line := []byte(strings.Repeat("A", 43) + "=\n")
	if err := os.WriteFile(target, line, 0o600); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.FromFile(t.Context(), s, file)
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealWith(t, s, sealer, "AKIA1", []byte("secret"))
	err = s.Update(t.Context(), func(tx store.Tx) error {
		_, err := sealer.Rotate(tx)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), file+" is a symbolic link") {
		t.Errorf("rotating a key that is reached by a link: got error %v, want one that says so", err)
	}
	if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, line) {
		t.Errorf("the key: got %q, error %v, want it unchanged", got, err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link: got %v, error %v, want it unchanged", info, err)
	}
	if got, err := sealer.Open("AKIA1", sealed); err != nil || string(got) != "secret" {
		t.Errorf("Open: got %q, error %v, want the secret", got, err)
	}

	// The way round: a copy is rotated, and what the link leads to is replaced by it.
	copied := filepath.Join(t.TempDir(), "copy.key")
	if err := os.WriteFile(copied, line, 0o600); err != nil {
		t.Fatal(err)
	}
	operator, err := seal.FromFile(t.Context(), s, copied)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx store.Tx) error {
		_, err := operator.Rotate(tx)
		return err
	})
	update(t, s, func(tx store.Tx) error {
		_, err := operator.Finish(tx, false)
		return err
	})
	text, err := os.ReadFile(copied)
	if err == nil {
		err = os.WriteFile(target, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx store.Tx) error {
		_, err := sealer.Finish(tx, true)
		return err
	})
	if _, err := seal.FromFile(t.Context(), s, file); err != nil {
		t.Errorf("the new key by the link: %v", err)
	}
}
