package carillon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// backupCommand declares `carillon backup`.
func (p *program) backupCommand() *cobra.Command {
	var where database
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "save the database of a service in a file",
		Long: `Save all that is in the database of a service in a new FILE. The service may be
running and is not held up; what it has acknowledged before is in the file.

The key that encrypts the secrets of access keys is not in the file. Keep a copy
of it too, apart from the backup: carillon restore needs both.`,
		Example:           `carillon backup carillon-backup.db`,
		RunE:              func(c *cobra.Command, words []string) error { return p.backup(c.Context(), where, words[0]) },
		ValidArgsFunction: filesOf(),
	}
	f := flagsOf(c)
	where.flags(f)
	where.secretKeyFlag(f)
	return c
}

func (p *program) backup(ctx context.Context, d database, file string) error {
	if d.URL != "" {
		return p.notPostgres("pg_dump")
	}
	d = d.orDefault()
	if err := d.exists(); err != nil {
		return &codedError{exitNoStore, p.named(d.missing(err))}
	}
	b, err := sqlite.WriteBackup(ctx, d.Data, file, d.keyFile())
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrInvalid):
		return &codedError{exitUsage, p.named(err)}
	case err != nil:
		return p.named(err)
	}
	fmt.Fprintf(p.stdout, "saved %s in %s\n", contents(b), file)
	switch problem := b.CheckKey(d.keyFile()); {
	case !b.HasSecrets():
	case problem != nil:
		fmt.Fprintf(p.stderr, "carillon: warning: the key that belongs to this backup was not found, and nobody can restore it without: "+
			"name its file by --secret-key-file (%v)\n", problem)
	default:
		fmt.Fprintf(p.stderr, "carillon: its secrets open only with the key in %s: keep a copy of that, apart from the backup\n", b.KeyFile)
	}
	return nil
}

// notPostgres sends people with a PostgreSQL to its tool.
func (p *program) notPostgres(tool string) error {
	return p.misused(fmt.Sprintf("a PostgreSQL is saved and restored by its own tools, here %s (docs/scale.md has the commands)", tool))
}

// contents says what a backup holds.
func contents(b *sqlite.Backup) string {
	return fmt.Sprintf("%d users (%.1f MB, schema %d, as of %s)", b.Users, float64(b.Bytes)/1e6, b.Schema, b.Time.Format(time.RFC3339))
}
