package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	driver "zombiezen.com/go/sqlite"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// A backup is a file with a database, what was committed at one moment, and a manifest after it
// (manifest.go). The database is copied page by page, in half of the time that VACUUM INTO takes,
// and a quarter of the CPU time outside of the system. Time counts: while a reader keeps its
// moment, the log of a service that is writing cannot start again, and grows. The check of the copy
// takes longer, so it comes later.

// backupSetting holds, in a backup of an earlier release, how it was made, as JSON. Such a backup
// has no manifest. A database that was copied as a file, and may lack what was in its log, has
// neither.
const backupSetting = "backup"

// Backup describes a backup. Until Check has passed, it is what the file says of itself.
type Backup struct {
	Time    time.Time // everything that was committed by then is in it
	Host    string    // where it was made
	KeyFile string    // the file there with its secret key; empty if it was not found
	NextKey []byte    `json:",omitempty"` // what the database has as seal.NextSetting

	Schema int
	Rows   map[string]int64 // by table
	Bytes  int64            // of the database
	SHA256 string           // of the database, in hexadecimal

	Sealed bool `json:"-"` // there is a manifest
	file   string
	signed []byte // the manifest
	seal   []byte // of the manifest
}

// WriteBackup saves the database of a directory in a new file (mode 0600), on stable storage. A
// service may be writing to the database; neither readers nor writers wait. The secret key, which
// is in keyFile, seals the backup. An older schema stays as it is.
//
// A file that exists gives fs.ErrExist, a name that would get in the way of the database
// fs.ErrInvalid, a database that cannot be opened ErrUnavailable, a wrong key [seal.ErrWrongKey].
// An error leaves nothing behind; a process that is killed may leave a partial file, see package
// atomicfile.
func WriteBackup(ctx context.Context, dir, file, keyFile string) (b *Backup, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("saving to %s: %w", file, err)
		}
	}()
	source, err := filepath.Abs(filepath.Join(dir, File))
	if err != nil {
		return nil, err
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(target, source) {
		return nil, fmt.Errorf("%w: names that begin with %s are the database's own", fs.ErrInvalid, source)
	}
	if _, err := os.Lstat(target); err == nil {
		return nil, fmt.Errorf("%w: choose another name", fs.ErrExist)
	}
	f, err := atomicfile.New(target, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Discard()

	b = &Backup{Time: time.Now().UTC(), Sealed: true, file: target}
	if err := copyDatabase(ctx, source, f); err != nil {
		return nil, err
	}
	b.Host, _ = os.Hostname()
	if b.KeyFile, err = filepath.Abs(keyFile); err != nil {
		return nil, err
	}
	check, err := b.inspect(ctx, f.TempName())
	if err != nil {
		return nil, fmt.Errorf("the copy of the database %s is not sound: %w", source, err)
	}
	if check == nil {
		return nil, fmt.Errorf("%w: the database %s has no secret key yet to seal the backup with, start carillon serve first",
			store.ErrUnavailable, source)
	}
	key, err := seal.ReadFile(keyFile, b.NextKey)
	if err == nil {
		err = key.Check(check)
	}
	if err != nil {
		return nil, fmt.Errorf("the secret key seals the backup: %w", err)
	}
	info, err := os.Stat(f.TempName())
	if err != nil {
		return nil, err
	}
	b.Bytes = info.Size()
	if b.SHA256, err = digest(ctx, f.TempName(), b.Bytes); err != nil {
		return nil, err
	}
	if err := b.appendManifest(f.TempName(), key); err != nil {
		return nil, err
	}
	return b, f.Create()
}

// copyDatabase copies a database, as it is at one moment, to an empty file.
func copyDatabase(ctx context.Context, from string, to *atomicfile.File) error {
	// The transaction keeps the moment. Without it every commit of the service would make the copy
	// start again.
	source, err := connect(ctx, from, driver.OpenReadOnly, "BEGIN") // closing it leaves the log as it is
	var version int
	if err == nil {
		defer source.close()
		version, err = schemaVersion(source)
	}
	if err == nil && version == 0 {
		err = errors.New("it is empty, start carillon serve first")
	}
	if err == nil {
		_, _, err = Options{}.migrations().After(version) // ErrNewerSchema
	}
	if err != nil {
		return fmt.Errorf("%w: opening database %s: %w", store.ErrUnavailable, from, explain(err))
	}
	// In pieces of 16 MiB, each synced: a service that commits meanwhile waits for everything that is
	// on its way to the disk, which would be half a second and more with a large database.
	const pages = 4096
	err = copyPages(ctx, source, to.TempName(), "", func(copying *driver.Backup) error {
		for {
			more, err := copying.Step(pages)
			if err != nil {
				return source.fail(err)
			}
			if err := errors.Join(to.Sync(), ctx.Err()); err != nil || !more {
				return err
			}
		}
	})
	if err != nil {
		return fmt.Errorf("copying database %s: %w", from, explain(err))
	}
	return nil
}

// copyPages opens an empty file, and lets copy step through a copy of a database to it. Then it
// changes the header of the copy, so that it needs no log, and can be read where nothing can be
// written, and runs a script there.
func copyPages(ctx context.Context, from *session, to string, script string, copy func(*driver.Backup) error) (err error) {
	// Nobody else knows of the file, and after a failure it is thrown away.
	target, err := connect(ctx, to, driver.OpenReadWrite, "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY")
	if err != nil {
		return err
	}
	defer func() {
		target.close()
		if err != nil { // SQLite may have left the log that it was to end
			os.Remove(to + "-wal")
			os.Remove(to + "-shm")
		}
	}()
	copying, err := driver.NewBackup(target.conn, "main", from.conn, "main")
	if err != nil {
		return asFailure(err)
	}
	err = copy(copying)
	copying.Close()
	if err != nil {
		return err
	}
	return target.script("PRAGMA journal_mode = MEMORY;" + script)
}

// setting returns a setting of a database, nil if there is none.
func setting(s *session, name string) (value []byte, err error) {
	err = s.queryRow(`SELECT value FROM settings WHERE name = $1`, []any{name}, &value)
	return value, err
}

// ReadBackup reads what a file says of itself as a backup. It writes nothing. Of a backup with a
// manifest nothing else is read before [Backup.Check] has held it against the key. One without is
// checked as a database: that it is whole and sound, and that this release knows its schema (if
// not: ErrNewerSchema).
func ReadBackup(ctx context.Context, file string) (*Backup, error) {
	b, err := readBackup(ctx, file)
	if err != nil {
		return nil, refusal(ctx, file, err)
	}
	return b, nil
}

// refusal is the error of a file that is not restored.
func refusal(ctx context.Context, file string, err error) error {
	if code(err) != 0 && ctx.Err() == nil {
		err = fmt.Errorf("the file is damaged, cut short or no database: %w", err)
	}
	return fmt.Errorf("reading backup %s: %w", file, err)
}

func readBackup(ctx context.Context, file string) (*Backup, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	size, log, err := readHeader(path)
	if err != nil {
		return nil, err
	}
	if b, err := readManifest(path); b != nil || err != nil {
		return b, err
	}
	b := &Backup{file: path}
	if _, err := b.inspect(ctx, path); err != nil {
		return nil, err
	}
	conn, err := openCopy(ctx, path)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	text, err := setting(conn, backupSetting)
	if err != nil {
		return nil, err
	}
	if log || text == nil {
		return nil, errors.New("it was not made by carillon backup but copied as a file, and may lack the latest changes: " +
			"put it back where it was, with its -wal file beside it, and make a backup there. (Or it is a backup whose end is damaged.)")
	}
	var made struct {
		Time          time.Time
		Host, KeyFile string
	}
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, fmt.Errorf("its description cannot be read: %w", err)
	}
	b.Time, b.Host, b.KeyFile = made.Time, made.Host, made.KeyFile
	b.Bytes = size
	b.SHA256, err = digest(ctx, path, size)
	return b, err
}

// Check holds a backup against the secret key in a file: the manifest must be sealed with that key,
// the database must be the one that the manifest is about, and its schema must be that of a
// release. If a rotation of the key was pending when the backup was made, the former key will do as
// well as the new one. Check writes nothing. The error is [seal.ErrWrongKey], fs.ErrNotExist or
// another for a key that cannot be read, ErrNewerSchema, or says what is damaged. A backup without
// a manifest only has to have secrets that the key opens, if it has any.
func (b *Backup) Check(ctx context.Context, keyFile string) error {
	if b.Sealed {
		if err := b.verify(ctx, keyFile); err != nil {
			return refusal(ctx, b.file, err)
		}
	}
	conn, err := openCopy(ctx, b.file)
	if err != nil {
		return refusal(ctx, b.file, err)
	}
	defer conn.close()
	if b.Sealed {
		if _, err := checkSchema(ctx, conn); err != nil {
			return refusal(ctx, b.file, err)
		}
	}
	check, err := setting(conn, seal.CheckSetting)
	if err != nil {
		return refusal(ctx, b.file, err)
	}
	if check == nil {
		return nil
	}
	key, err := seal.ReadFile(keyFile, b.NextKey)
	if err != nil {
		return err
	}
	return key.Check(check)
}

// inspect checks a copied database, sets NextKey, schema and rows of its backup, and returns what
// seal.CheckSetting holds, nil if nothing is sealed.
func (b *Backup) inspect(ctx context.Context, path string) (check []byte, err error) {
	conn, err := openCopy(ctx, path)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	if b.Schema, err = checkSchema(ctx, conn); err != nil {
		return nil, err
	}
	var verdict string
	if err := conn.queryRow("PRAGMA integrity_check(1)", nil, &verdict); err != nil {
		return nil, err
	}
	if verdict != "ok" {
		return nil, fmt.Errorf("it is damaged: %s", verdict)
	}
	tables, err := schemaOf(conn)
	if err != nil {
		return nil, err
	}
	b.Rows = make(map[string]int64)
	for _, o := range tables {
		if o.Type != "table" {
			continue
		}
		var n int64
		if err := conn.queryRow(`SELECT count(*) FROM "`+o.Name+`"`, nil, &n); err != nil {
			return nil, err
		}
		b.Rows[o.Name] = n
	}
	if b.NextKey, err = setting(conn, seal.NextSetting); err != nil {
		return nil, err
	}
	return setting(conn, seal.CheckSetting)
}

// openCopy opens a database that nobody uses. Immutable: no lock is taken, no journal is looked for
// and nothing is written, so that the file may be on a read-only medium.
func openCopy(ctx context.Context, path string) (*session, error) {
	return connect(ctx, sourceURL(path, "immutable=1"), driver.OpenReadOnly|driver.OpenURI, "")
}

// checkSchema returns the version of a database's schema. There must be nothing in it but what the
// migrations up to that version make: a trigger or a view that somebody has added would act with
// the service's rights.
func checkSchema(ctx context.Context, conn *session) (version int, err error) {
	if version, err = schemaVersion(conn); err != nil {
		return 0, err
	}
	if version == 0 {
		return 0, errors.New("it is an empty database")
	}
	m := Options{}.migrations()
	if _, _, err := m.After(version); err != nil {
		return 0, err
	}
	model, err := connect(ctx, ":memory:", driver.OpenReadWrite|driver.OpenMemory, "")
	if err != nil {
		return 0, err
	}
	defer model.close()
	for v := range version {
		_, script, err := m.After(v)
		if err == nil {
			err = model.script(script)
		}
		if err != nil {
			return 0, err
		}
	}
	want, err := schemaOf(model)
	if err != nil {
		return 0, err
	}
	got, err := schemaOf(conn)
	if err != nil {
		return 0, err
	}
	for _, o := range got {
		if !slices.Contains(want, o) {
			return 0, fmt.Errorf("its %s %q is not that of schema %d", o.Type, o.Name, version)
		}
	}
	for _, o := range want {
		if !slices.Contains(got, o) {
			return 0, fmt.Errorf("it lacks the %s %q of schema %d", o.Type, o.Name, version)
		}
	}
	return version, nil
}

// object is a table, an index, a trigger or a view.
type object struct{ Type, Name, Table, SQL string }

func schemaOf(s *session) (all []object, err error) {
	err = s.Query(`SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_schema ORDER BY type, name`, func(row engine.Row) error {
		var o object
		err := row.Scan(&o.Type, &o.Name, &o.Table, &o.SQL)
		all = append(all, o)
		return err
	})
	return all, err
}

// readHeader returns the size of a database file, and whether it is one that needs a log.
func readHeader(path string) (size int64, log bool, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return 0, false, err
	case !info.Mode().IsRegular():
		return 0, false, errors.New("it is not a file")
	case info.Size() == 0:
		return 0, false, errors.New("it is empty")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	var header [100]byte
	if _, err := f.Read(header[:]); err != nil {
		return 0, false, err
	}
	return info.Size(), header[18] > 1 || header[19] > 1, nil // the versions of the format to write and to read by
}

// Restore makes a backup that has passed Check the database of a directory that has none. It keeps
// services out meanwhile. The database appears as a whole, on stable storage. A directory with a
// database, or with part of one, gives fs.ErrExist and stays as it is; one that is being served
// ErrLocked.
func (b *Backup) Restore(ctx context.Context, dir string) (err error) {
	release, err := Lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := Vacant(dir); err != nil {
		return err
	}
	if err := removeLeftovers(dir); err != nil {
		return err
	}
	f, err := atomicfile.New(filepath.Join(dir, File), 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	sum := sha256.New()
	if err = copyFile(ctx, b.file, io.MultiWriter(f, sum), b.Bytes); err == nil && hex.EncodeToString(sum.Sum(nil)) != b.SHA256 {
		err = errFileChanged
	}
	if err != nil {
		return fmt.Errorf("restoring %s: %w", b.file, err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(dir)); err != nil { // which may have got the directory only now
		return err
	}
	return f.Create()
}

var errFileChanged = errors.New("the file has changed since it was checked")

// removeLeftovers removes what killed restores have left. Each file may be as large as a database.
func removeLeftovers(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), File+".partial-") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

// copyFile copies the first size bytes of a file.
func copyFile(ctx context.Context, from string, to io.Writer, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	const piece = 64 << 20 // after each an interruption is noticed
	for err == nil && size > 0 {
		if err = ctx.Err(); err == nil {
			var n int64
			n, err = io.CopyN(to, in, min(size, piece))
			size -= n
		}
	}
	if errors.Is(err, io.EOF) {
		err = errFileChanged
	}
	return err
}
