package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// filled makes a store with some users and a secret key, which goes on serving, and returns its
// directory.
func filled(t *testing.T) (dir, keyFile string, s store.Store) {
	t.Helper()
	dir = t.TempDir()
	s = open(t, dir, sqlite.Options{})
	storetest.Update(t, s, func(tx store.Tx) error {
		users := make([]store.User, 500)
		for i := range users {
			id := fmt.Sprint("u", i)
			users[i] = store.User{AccountID: "a1", UserID: id, Email: id + "@example.com", DisplayName: strings.Repeat("x", 200)}
		}
		return tx.InsertUsers(users)
	})
	keyFile = filepath.Join(dir, "secret.key")
	if _, err := seal.FromFile(t.Context(), s, keyFile); err != nil {
		t.Fatal(err)
	}
	return dir, keyFile, s
}

// restore makes a backup the database of a new directory.
func restore(t *testing.T, file, keyFile string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new")
	b, err := sqlite.ReadBackup(t.Context(), file)
	if err == nil {
		err = b.Check(t.Context(), keyFile)
	}
	if err == nil {
		err = b.Restore(t.Context(), dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBackup(t *testing.T) {
	dir, keyFile, s := filled(t)
	file := filepath.Join(t.TempDir(), "100% a#b é")
	b, err := sqlite.WriteBackup(t.Context(), dir, file, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode of the backup: got %o, want 600", got)
	}
	if b.Rows["users"] != 500 || b.Schema < 1 || b.Bytes >= info.Size() || b.KeyFile != keyFile || !b.Sealed {
		t.Errorf("got %+v, want 500 users, less than %d bytes, the key in %s", b, info.Size(), keyFile)
	}
	storetest.Update(t, s, storetest.Insert("a1", "later"))

	restored := restore(t, file, keyFile)
	again := open(t, restored, sqlite.Options{})
	if got := len(storetest.UserIDs(t, again, "a1")); got != 500 {
		t.Errorf("the restored store has %d users, want 500", got)
	}
	storetest.Update(t, again, storetest.Insert("a1", "mine"))
	if _, err := seal.FromFile(t.Context(), again, keyFile); err != nil {
		t.Errorf("the key does not open the restored store: %v", err)
	}
	// It is a store like any other. It can be saved again, but a copy of its file is no backup.
	if b, err = sqlite.WriteBackup(t.Context(), restored, file+"2", keyFile); err != nil || b.Rows["users"] != 501 {
		t.Errorf("a backup of what was restored: got %+v, %v, want 501 users", b, err)
	}
	if _, err := sqlite.ReadBackup(t.Context(), filepath.Join(restored, sqlite.File)); err == nil {
		t.Error("the database that was restored and served passes for a backup")
	}

	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{keyFile: nil, other: seal.ErrWrongKey, other + "x": fs.ErrNotExist} {
		if err := b.Check(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("Check(%s): got %v, want %v", name, err, want)
		}
	}
}

// While a rotation of the secret key is pending, the former key and the new one save and restore
// alike. After it, the former one does not.
func TestBackup_PendingRotation(t *testing.T) {
	dir, keyFile, s := filled(t)
	former := filepath.Join(t.TempDir(), "former.key")
	text, err := os.ReadFile(keyFile)
	if err == nil {
		err = os.WriteFile(former, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.FromFile(t.Context(), s, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	saved := 0
	save := func(keyFile string) (file string, err error) {
		saved++
		file = filepath.Join(dir, fmt.Sprint("backup", saved))
		_, err = sqlite.WriteBackup(t.Context(), dir, file, keyFile)
		return file, err
	}
	finish := func(forget bool) {
		t.Helper()
		storetest.Update(t, s, func(tx store.Tx) error {
			_, err := sealer.Finish(tx, forget)
			return err
		})
	}
	var pending []string
	storetest.Update(t, s, func(tx store.Tx) error {
		_, err := sealer.Rotate(tx)
		return err
	})
	for _, key := range []string{keyFile, "", former, keyFile} { // the first one is still the former
		if key == "" {
			finish(false)
			continue
		}
		file, err := save(key)
		if err != nil {
			t.Fatalf("with %s: %v", key, err)
		}
		pending = append(pending, file)
	}
	finish(true)
	after, err := save(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := save(former); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("saving with the former key after the rotation: got error %v, want %v", err, seal.ErrWrongKey)
	}
	for _, key := range []string{keyFile, former} {
		for _, file := range pending {
			restored := open(t, restore(t, file, key), sqlite.Options{})
			if _, err := seal.FromFile(t.Context(), restored, key); err != nil {
				t.Errorf("%s restored with %s: %v", file, key, err)
			}
		}
	}
	restore(t, after, keyFile)
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, key := range map[string]string{after: former, pending[0]: other} {
		b, err := sqlite.ReadBackup(t.Context(), file)
		if err == nil {
			err = b.Check(t.Context(), key)
		}
		if !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("%s with %s: got error %v, want %v", file, key, err, seal.ErrWrongKey)
		}
	}
}

// Nothing is saved over a file, and an error leaves nothing behind.
func TestBackupFails(t *testing.T) {
	dir, keyFile, _ := filled(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	unserved := t.TempDir()
	open(t, unserved, sqlite.Options{})
	to := t.TempDir()
	taken := filepath.Join(to, "taken")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	type failure struct {
		name      string
		ctx       context.Context
		dir, file string
		is        error
	}
	links := t.TempDir()
	failures := []failure{
		{"a file that exists", t.Context(), dir, taken, fs.ErrExist},
		{"a directory", t.Context(), dir, to, fs.ErrExist},
		{"the database itself", t.Context(), dir, filepath.Join(dir, sqlite.File), fs.ErrInvalid},
		{"its journal", t.Context(), dir, filepath.Join(dir, sqlite.File+"-journal"), fs.ErrInvalid},
		{"no such directory", t.Context(), dir, filepath.Join(to, "none", "b"), fs.ErrNotExist},
		{"no database", t.Context(), to, filepath.Join(to, "b"), store.ErrUnavailable},
		{"a database without a key", t.Context(), unserved, filepath.Join(to, "b"), store.ErrUnavailable},
		{"an interruption", cancelled, dir, filepath.Join(to, "b"), context.Canceled},
	}
	if err := os.Symlink(filepath.Join(to, "elsewhere"), filepath.Join(links, "link")); err == nil { // Windows asks for a privilege
		failures = append(failures, failure{"a symbolic link that leads nowhere", t.Context(), dir, filepath.Join(links, "link"), fs.ErrExist})
	}
	for _, test := range failures {
		if _, err := sqlite.WriteBackup(test.ctx, test.dir, test.file, keyFile); !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.file) {
			t.Errorf("%s: got error %v, want %v, naming %s", test.name, err, test.is, test.file)
		}
	}
	if left, err := os.ReadDir(to); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v, want the one file that was there", left, err)
	}
	if text, err := os.ReadFile(taken); string(text) != "mine" {
		t.Errorf("the file that was there: got %q, %v", text, err)
	}
}

func TestReadBackupRefuses(t *testing.T) {
	dir, keyFile, _ := filled(t)
	good := filepath.Join(t.TempDir(), "good")
	if _, err := sqlite.WriteBackup(t.Context(), dir, good, keyFile); err != nil {
		t.Fatal(err)
	}
	text := earlier(t, good)
	live, err := os.ReadFile(filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(offset, n int) []byte {
		text := bytes.Clone(text)
		copy(text[offset:], bytes.Repeat([]byte("x"), n))
		return text
	}
	// changed is the backup after some statements.
	changed := func(from []byte, script string) []byte {
		t.Helper()
		path := filepath.Join(t.TempDir(), "changed")
		if err := os.WriteFile(path, from, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.Exec(script)
			db.Close()
		}
		text, readErr := os.ReadFile(path)
		if err = errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, test := range []struct {
		name string
		text []byte
		says string
		is   error
	}{
		{"nothing", []byte{}, "empty", nil},
		{"few bytes", text[:50], "damaged", nil},
		{"the first half", text[:len(text)/2], "damaged, cut short", nil},
		{"all but one page", text[:len(text)-4096], "damaged, cut short", nil},
		{"a text", bytes.Repeat([]byte("no database\n"), 1000), "no database", nil},
		{"a damaged header", damaged(0, 16), "no database", nil},
		{"a damaged page", damaged(len(text)/2/4096*4096, 4096), "damaged", nil},
		{"a damaged row", damaged(bytes.Index(text, []byte("u250@")), 100), "damaged", nil},
		{"another program's database", changed(nil, "CREATE TABLE recipes (name TEXT)"), "another program", nil},
		{"an empty database", changed(nil, "VACUUM"), "empty", nil},
		{"the file of a database that is served", live, "not made by carillon backup", nil},
		{"that file, its log folded in", changed(live, "PRAGMA journal_mode = DELETE"), "not made by carillon backup", nil},
		{"a trigger", changed(text, "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM audit; END"), `trigger "t"`, nil},
		{"a view", changed(text, "CREATE VIEW v AS SELECT * FROM users"), `view "v"`, nil},
		{"another table", changed(text, "CREATE TABLE x (y)"), `table "x"`, nil},
		{"another table in place of one", changed(text, "DROP TABLE pins; CREATE TABLE pins (pin)"), `table "pins"`, nil},
		{"a table less", changed(text, "DROP TABLE pins"), `lacks the table "pins"`, nil},
		{"a newer schema", changed(text, "PRAGMA user_version = 9999"), "schema 9999", store.ErrNewerSchema},
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, test.text, 0o400); err != nil {
			t.Fatal(err)
		}
		b, err := sqlite.ReadBackup(t.Context(), file)
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got %+v and error %v, want one that names %s and says %q", test.name, b, err, file, test.says)
		}
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
			t.Errorf("%s: reading left %v, %v", test.name, left, err)
		}
	}
	if _, err := sqlite.ReadBackup(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a directory: got error %v", err)
	}
}

// earlier returns a backup as an earlier release made it: its description among the settings, and
// no manifest.
func earlier(t *testing.T, backup string) []byte {
	t.Helper()
	b, err := sqlite.ReadBackup(t.Context(), backup)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "earlier")
	if err := os.WriteFile(path, text[:b.Bytes], 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`INSERT INTO settings (name, value) VALUES ('backup', CAST('{"Time": "2026-03-01T12:00:00Z", "Host": "h", "KeyFile": "k"}' AS BLOB))`)
		db.Close()
	}
	text, readErr := os.ReadFile(path)
	if err = errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	return text
}

// A backup of an earlier release has no seal. It says so, and can be restored all the same.
func TestBackup_Unsealed(t *testing.T) {
	dir, keyFile, _ := filled(t)
	good := filepath.Join(t.TempDir(), "good")
	if _, err := sqlite.WriteBackup(t.Context(), dir, good, keyFile); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "earlier")
	if err := os.WriteFile(file, earlier(t, good), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := sqlite.ReadBackup(t.Context(), file)
	if err != nil || b.Sealed || b.Rows["users"] != 500 || b.Host != "h" || b.KeyFile != "k" {
		t.Fatalf("got %+v, %v, want 500 users without a seal", b, err)
	}
	if err := b.Check(t.Context(), keyFile+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the key: got error %v, want %v", err, fs.ErrNotExist)
	}
	restored := restore(t, file, keyFile)
	if got := len(storetest.UserIDs(t, open(t, restored, sqlite.Options{}), "a1")); got != 500 {
		t.Errorf("the restored store has %d users, want 500", got)
	}
}

// Whatever is changed in a backup, be it one bit, or a database that is sound by itself, it is
// refused. Whoever does not have the key cannot seal what he has changed.
func TestBackup_Tampered(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	dir, keyFile, _ := filled(t)
	good := filepath.Join(t.TempDir(), "good")
	b, err := sqlite.WriteBackup(t.Context(), dir, good, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, text []byte) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := sqlite.ReadBackup(t.Context(), file)
		if err == nil && !b.Sealed {
			t.Errorf("%s: it passes for a backup of an earlier release", what)
		} else if err == nil && b.Check(t.Context(), keyFile) == nil {
			t.Errorf("%s: it passes for the backup", what)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	flip := func(offset int) {
		changed := bytes.Clone(text)
		changed[offset] ^= 1 << random.IntN(8)
		refused(fmt.Sprintf("one bit of byte %d of %d", offset, len(text)), changed)
	}
	for range 300 {
		flip(random.IntN(int(b.Bytes)))
	}
	for offset := int(b.Bytes); offset < len(text); offset++ {
		flip(offset)
	}
	for _, n := range []int{1, 12, 100, len(text) - int(b.Bytes), len(text) / 2} {
		refused(fmt.Sprintf("%d bytes less", n), text[:len(text)-n])
	}
	refused("a byte more", append(bytes.Clone(text), 'x'))
	for _, script := range []string{
		"UPDATE users SET license = 'Pro' WHERE user_id = 'u7'",
		"INSERT INTO access_keys VALUES ('AKIA', '111122223333', 'x', '', 1, x'00', 0, 0, 0, 0)",
		"CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM audit; END",
		"CREATE VIEW v AS SELECT * FROM users",
	} {
		path := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(path, text[:b.Bytes], 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.Exec(script)
			db.Close()
		}
		changed, readErr := os.ReadFile(path)
		if err = errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		refused(script, append(changed, text[b.Bytes:]...))
	}

	// What was planted in the database itself is not saved.
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err == nil {
		_, err = db.Exec("CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM audit; END")
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.WriteBackup(t.Context(), dir, good+"2", keyFile); err == nil || !strings.Contains(err.Error(), `trigger "t"`) {
		t.Errorf("a database with a trigger: got error %v", err)
	}
}

// Nothing is restored where a database is, or what SQLite would take for a part of one.
func TestRestoreRefuses(t *testing.T) {
	dir, keyFile, _ := filled(t)
	file := filepath.Join(t.TempDir(), "backup")
	b, err := sqlite.WriteBackup(t.Context(), dir, file, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sqlite.File, sqlite.File + "-wal", sqlite.File + "-shm", sqlite.File + "-journal"} {
		to := t.TempDir()
		there := filepath.Join(to, name)
		if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(t.Context(), to); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), there) {
			t.Errorf("%s: got error %v, want %v, naming it", name, err, fs.ErrExist)
		}
		if text, err := os.ReadFile(there); string(text) != "mine" {
			t.Errorf("%s was changed: %q, %v", name, text, err)
		}
	}
	to := t.TempDir()
	release, err := sqlite.Lock(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(t.Context(), to); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("beside a service that is starting: got error %v, want %v", err, sqlite.ErrLocked)
	}
	release()

	// What a killed restore has left does not matter, even if it is another name of a database.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), os.Link(victim, filepath.Join(to, sqlite.File+".partial-1"))); err != nil {
		t.Fatal(err)
	}
	changed, err := os.OpenFile(file, os.O_RDWR, 0)
	if err == nil {
		middle := make([]byte, 1)
		_, err = changed.ReadAt(middle, b.Bytes/2)
		middle[0]++
		_, failure := changed.WriteAt(middle, b.Bytes/2)
		err = errors.Join(err, failure, changed.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(t.Context(), to); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("a backup that was changed after it was checked: got error %v", err)
	}
	left, err := os.ReadDir(to)
	if err != nil || len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("what failed left %v, %v", left, err)
	}
	if text, err := os.ReadFile(victim); string(text) != "mine" {
		t.Errorf("the file with another name was changed: %q, %v", text, err)
	}
}

// A backup outlives the release that made it: the service of a later release upgrades it. Saving
// does not upgrade, since an older release may be serving.
func TestBackupOlderSchema(t *testing.T) {
	dir, keyFile, _ := filled(t)
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.WriteBackup(t.Context(), dir, file, keyFile); err != nil {
		t.Fatal(err)
	}
	restored := restore(t, file, keyFile)
	if s, err := sqlite.Open(t.Context(), restored, sqlite.Options{Beside: true}.NextRelease()); !errors.Is(err, store.ErrOlderSchema) {
		t.Errorf("a command of the next release on what was restored: got %v, %v, want %v", s, err, store.ErrOlderSchema)
	}
	s := open(t, restored, sqlite.Options{}.NextRelease())
	if got := len(storetest.UserIDs(t, s, "a1")); got != 500 {
		t.Errorf("after the upgrade there are %d users, want 500", got)
	}
}
