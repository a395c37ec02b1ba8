package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "modernc.org/sqlite"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// A backup is a database of its own in one file: what was committed at one moment. It is copied
// page by page, in half of the time that VACUUM INTO takes, and a quarter of the CPU time outside
// of the system. Time counts: while a reader keeps its moment, the log of a service that is writing
// cannot start again, and grows. The check of the copy takes longer, so it comes later.
//
// Two things tell a backup from a database that was copied as a file, which may lack what was in
// its log. By its header a backup needs no log, while a database does from the first time it is
// served; and its settings say how it was made.

// backupSetting holds, in a backup, how it was made, as JSON.
const backupSetting = "backup"

// Backup describes a backup.
type Backup struct {
	Time    time.Time // everything that was committed by then is in it
	Host    string    // where it was made
	KeyFile string    // the file there with its secret key; empty if it was not found

	Schema int   `json:"-"`
	Users  int64 `json:"-"`
	Bytes  int64 `json:"-"`

	check []byte // what seal.CheckSetting holds; nil if nothing is sealed
}

// HasSecrets reports whether the backup needs a secret key. A database needs one once it has been
// served.
func (b *Backup) HasSecrets() bool { return b.check != nil }

// CheckKey reports whether a file holds the secret key of the backup, if the backup needs one: see
// [seal.CheckFile].
func (b *Backup) CheckKey(keyFile string) error {
	if !b.HasSecrets() {
		return nil
	}
	return seal.CheckFile(keyFile, b.check)
}

// WriteBackup saves the database of a directory in a new file (mode 0600), on stable storage. A
// service may be writing to the database; neither readers nor writers wait. keyFile is where the
// secret key should be; the backup remembers the file if it holds the key. An older schema stays as
// it is.
//
// A file that exists gives fs.ErrExist, a name that would get in the way of the database
// fs.ErrInvalid, a database that cannot be opened ErrUnavailable. An error leaves nothing behind; a
// process that is killed may leave a partial file, see package atomicfile.
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

	made := Backup{Time: time.Now().UTC()}
	if err := copyDatabase(ctx, source, f); err != nil {
		return nil, err
	}
	made.Host, _ = os.Hostname()
	if err := describe(ctx, f.TempName(), made, keyFile); err != nil {
		return nil, err
	}
	if b, err = ReadBackup(ctx, f.TempName()); err != nil {
		return nil, fmt.Errorf("the copy of the database %s is not sound: %w", source, err)
	}
	return b, f.Create()
}

// copyDatabase copies a database, as it is at one moment, to an empty file.
func copyDatabase(ctx context.Context, from string, to *atomicfile.File) error {
	db, err := sql.Open("sqlite", dataSource(from))
	if err != nil {
		return err
	}
	defer db.Close()
	// The transaction keeps the moment. Without it every commit of the service would make the copy
	// start again.
	conn, err := db.Conn(ctx)
	if err == nil {
		defer conn.Close()
		_, err = conn.ExecContext(ctx, "BEGIN")
	}
	var version int
	if err == nil {
		version, err = schemaVersion(ctx, conn)
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
	err = conn.Raw(func(conn any) error {
		backup, err := conn.(interface {
			NewBackup(string) (*driver.Backup, error)
		}).NewBackup(copySource(to.TempName()))
		if err != nil {
			return err
		}
		// In pieces of 16 MiB, each synced: a service that commits meanwhile waits for everything
		// that is on its way to the disk, which would be half a second and more with a large
		// database.
		const pages = 4096
		for more := true; more && err == nil; {
			if more, err = backup.Step(pages); err == nil {
				err = errors.Join(to.Sync(), ctx.Err())
			}
		}
		if end := backup.Finish(); err == nil {
			err = end
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("copying database %s: %w", from, explain(err))
	}
	return nil
}

// copySource is the driver's name for a copy in the making. Nobody else knows of the file, and
// after a failure it is thrown away.
func copySource(path string) string {
	return sourceURL(path, "mode=rw&_sync=OFF&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(MEMORY)")
}

// describe makes a copied database a backup.
func describe(ctx context.Context, path string, b Backup, keyFile string) error {
	db, err := sql.Open("sqlite", copySource(path))
	if err != nil {
		return err
	}
	defer db.Close()
	if b.check, err = setting(ctx, db, seal.CheckSetting); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if b.HasSecrets() && b.CheckKey(keyFile) == nil {
		if b.KeyFile, err = filepath.Abs(keyFile); err != nil {
			return err
		}
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `INSERT OR REPLACE INTO settings (name, value) VALUES ($1, $2)`, backupSetting, text)
	return explain(err)
}

func setting(ctx context.Context, db *sql.DB, name string) (value []byte, err error) {
	err = db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	return value, err
}

// ReadBackup describes a backup. It checks that the file is one, that it is whole and sound, and
// that this release knows its schema (if not: ErrNewerSchema). It reads all of the file and writes
// nothing.
func ReadBackup(ctx context.Context, file string) (*Backup, error) {
	b, err := readBackup(ctx, file)
	if code(err) != 0 && ctx.Err() == nil {
		err = fmt.Errorf("the file is damaged, cut short or no database: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading backup %s: %w", file, err)
	}
	return b, nil
}

func readBackup(ctx context.Context, file string) (*Backup, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	bytes, log, err := readHeader(path)
	if err != nil {
		return nil, err
	}
	// Immutable: no lock is taken, no journal is looked for and nothing is written, so that the
	// file may be on a read-only medium.
	db, err := sql.Open("sqlite", sourceURL(path, "mode=ro&immutable=1"))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, errors.New("it is an empty database")
	}
	if _, _, err := (Options{}).migrations().After(version); err != nil {
		return nil, err
	}
	text, err := setting(ctx, db, backupSetting)
	if log || errors.Is(err, sql.ErrNoRows) {
		return nil, errors.New("it was not made by carillon backup but copied as a file, and may lack the latest changes: " +
			"put it back where it was, with its -wal file beside it, and make a backup there")
	}
	if err != nil {
		return nil, err
	}
	b := new(Backup)
	if err := json.Unmarshal(text, b); err != nil {
		return nil, fmt.Errorf("its description cannot be read: %w", err)
	}
	b.Schema, b.Bytes = version, bytes
	if b.check, err = setting(ctx, db, seal.CheckSetting); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	var verdict string
	if err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return nil, err
	}
	if verdict != "ok" {
		return nil, fmt.Errorf("it is damaged: %s", verdict)
	}
	return b, conn.QueryRowContext(ctx, "SELECT count(*) FROM users").Scan(&b.Users)
}

// readHeader returns the size of a database file, and whether it is one that needs a log.
func readHeader(path string) (bytes int64, log bool, err error) {
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

// Restore makes a backup that [ReadBackup] has described the database of a directory that has none.
// It keeps services out meanwhile. The database appears as a whole, on stable storage. A directory
// with a database, or with part of one, gives fs.ErrExist and stays as it is; one that is being
// served ErrLocked.
func Restore(ctx context.Context, b *Backup, file, dir string) (err error) {
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
	if err := copyFile(ctx, file, f, b.Bytes); err != nil {
		return fmt.Errorf("restoring %s: %w", file, err)
	}
	if err := f.Create(); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir)) // which may have got the directory only now
}

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
		err = errors.New("the file has changed since it was checked")
	}
	return err
}
