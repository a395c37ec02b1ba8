package carillon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// backupCommand declares `carillon backup`.
func (p *program) backupCommand() *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "save the database of a service in a file",
		Long: `Save all that is in the database of a service in a new FILE. The service may be
running and is not held up; what it has acknowledged before is in the file.

The key that encrypts the secrets of access keys is not in the file, but seals
it. Keep a copy of the key too, apart from the backup: carillon restore needs
both. The audit trail tells of each backup.

With --keep, FILE is a directory. Each backup gets a name there that tells the
time, and once it is complete, the oldest backups that were made there with the
same key are removed. Nothing else in the directory is. A timer can call this.`,
		Example: `carillon backup carillon-backup.db
carillon backup --keep 14 /var/lib/carillon-backups`,
		RunE:              func(c *cobra.Command, words []string) error { return p.backup(c.Context(), o, words[0]) },
		ValidArgsFunction: filesOf(),
	}
	f := flagsOf(c)
	parsed(f, &o.Keep, numberFrom(1, 100_000), "keep N", "", "keep the newest N backups in the directory FILE, and remove older ones")
	o.where.flags(f)
	o.where.secretKeyFlag(f)
	return c
}

type backupOptions struct {
	where database
	Keep  int // 0 if FILE is a file
}

func (p *program) backup(ctx context.Context, o backupOptions, file string) error {
	d := o.where
	if d.URL != "" {
		return p.notPostgres("pg_dump")
	}
	d = d.orDefault()
	if err := d.exists(); err != nil {
		return &codedError{exitNoStore, p.named(d.missing(err))}
	}
	dir := file
	if o.Keep > 0 {
		if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return p.badInput("--keep takes a directory, and %s is none: make it first", dir)
		}
		file = filepath.Join(dir, time.Now().UTC().Format(backupName))
	}
	b, err := sqlite.WriteBackup(ctx, d.Data, file, d.keyFile())
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrInvalid):
		return &codedError{exitUsage, p.named(err)}
	case errors.Is(err, seal.ErrWrongKey), errors.Is(err, fs.ErrNotExist) && !isFile(d.keyFile()):
		return &codedError{exitNoStore, p.named(fmt.Errorf("%w: name by --secret-key-file the key that the service has", err))}
	case err != nil:
		return p.named(err)
	}
	fmt.Fprintf(p.stdout, "saved %s in %s\n", contents(b), file)
	fmt.Fprintf(p.stderr, "carillon: it can be restored only with the key in %s: keep a copy of that, apart from the backup\n", b.KeyFile)
	if err := p.recordCopy(ctx, d, file, b, (*directory.Operator).RecordBackup); err != nil || o.Keep == 0 {
		return err
	}
	return p.removeBackups(ctx, dir, b.KeyFile, o.Keep)
}

// backupName is the name of a backup that backup --keep makes, as the form of its time (UTC).
const backupName = "carillon-20060102T150405.000Z.db"

// removeBackups removes all but the newest backups that backup --keep has made in a directory, of
// the service that has the secret key in keyFile. What has such a name but is no sealed backup, or
// is another service's, stays and does not count.
func (p *program) removeBackups(ctx context.Context, dir, keyFile string, keep int) error {
	entries, err := os.ReadDir(dir) // in the order of their names, which is that of their times
	if err != nil {
		return p.named(err)
	}
	var made []string
	for _, e := range entries {
		if _, err := time.Parse(backupName, e.Name()); err != nil || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if b, err := sqlite.ReadBackup(ctx, path); err == nil && b.Sealed && b.KeyFile == keyFile {
			made = append(made, path)
		}
	}
	for _, path := range made[:max(0, len(made)-keep)] {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // another one may do so, too
			return p.named(fmt.Errorf("the backup is saved, but an older one stays: %w", err))
		}
		fmt.Fprintf(p.stdout, "removed %s\n", path)
	}
	return nil
}

// recordCopy puts a backup, or its restoring, on record in a database.
func (p *program) recordCopy(ctx context.Context, d database, file string, b *sqlite.Backup,
	record func(*directory.Operator, context.Context, directory.Copy) error) error {
	if path, err := filepath.Abs(file); err == nil {
		file = path
	}
	err := p.onStore(ctx, d, func(st openStore) error {
		return record(st.operator(), ctx, directory.Copy{File: file, Time: b.Time, SHA256: b.SHA256, Users: b.Rows["users"]})
	})
	switch {
	case errors.Is(err, store.ErrOlderSchema):
		fmt.Fprintln(p.stderr, "carillon: warning: the audit trail does not tell of it, since the database waits for carillon serve to upgrade it")
		return nil
	case err != nil:
		return fmt.Errorf("it is done, but the audit trail does not tell of it: %w", err)
	}
	return nil
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// notPostgres sends people with a PostgreSQL to its tool.
func (p *program) notPostgres(tool string) error {
	return p.misused(fmt.Sprintf("a PostgreSQL is saved and restored by its own tools, here %s (docs/scale.md has the commands)", tool))
}

// contents says what a backup holds.
func contents(b *sqlite.Backup) string {
	return fmt.Sprintf("%d users (%.1f MB, schema %d, as of %s)", b.Rows["users"], float64(b.Bytes)/1e6, b.Schema, b.Time.Format(time.RFC3339))
}
