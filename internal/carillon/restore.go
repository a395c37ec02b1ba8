package carillon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// restoreCommand declares `carillon restore`.
func (p *program) restoreCommand() *cobra.Command {
	var where database
	var unsealed bool
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "put a backup into a directory that has no database",
		Long: `Put what carillon backup has saved in FILE into a directory that holds no database.

Before it writes anything, the command checks that FILE is sealed with the secret
key, and that not a bit of it has changed since it was saved. The audit trail
tells of it. At the end it prints the command that serves the directory.`,
		Example: `carillon restore carillon-backup.db --data restored \
    --secret-key-file safe/secret.key`,
		RunE:              func(c *cobra.Command, words []string) error { return p.restore(c.Context(), where, words[0], unsealed) },
		ValidArgsFunction: filesOf(),
	}
	f := flagsOf(c)
	where.flags(f)
	where.secretKeyFlag(f)
	f.toggle(&unsealed, "unsealed", "take a backup of an earlier release, which has no seal; changes of it go unnoticed")
	return c
}

func (p *program) restore(ctx context.Context, d database, file string, unsealed bool) error {
	if d.URL != "" {
		return p.notPostgres("pg_restore")
	}
	d = d.orDefault()
	if err := sqlite.Vacant(d.Data); err != nil {
		return &codedError{exitUsage, p.named(err)}
	}
	b, err := sqlite.ReadBackup(ctx, file)
	switch {
	case ctx.Err() != nil:
		return p.named(ctx.Err())
	case err != nil:
		return &codedError{exitUsage, p.named(err)}
	case !b.Sealed && !unsealed:
		return &codedError{exitUsage, p.named(fmt.Errorf("%s has no seal, so that changes of it would go unnoticed: "+
			"if an earlier release made it, and nobody else could write to it since, restore it by --unsealed", file))}
	}
	if err := b.Check(ctx, d.keyFile()); err != nil {
		if !errors.Is(err, seal.ErrWrongKey) && isFile(d.keyFile()) {
			return &codedError{exitUsage, p.named(err)}
		}
		return &codedError{exitNoStore, p.named(fmt.Errorf("%w: %s", err, formerKey(b, d.keyFile())))}
	}
	switch err := b.Restore(ctx, d.Data); {
	case errors.Is(err, fs.ErrExist):
		return &codedError{exitUsage, p.named(err)}
	case errors.Is(err, sqlite.ErrLocked):
		return &codedError{exitNoStore, p.named(err)}
	case err != nil:
		return p.named(err)
	}
	fmt.Fprintf(p.stdout, "restored %s to %s; go on with\n", contents(b), d.Data)
	serve := "carillon serve --data " + shell.Quote(d.Data)
	if d.SecretKeyFile != "" {
		serve += " --secret-key-file " + shell.Quote(d.SecretKeyFile)
	}
	fmt.Fprintln(p.stdout, serve)
	return p.recordCopy(ctx, d, file, b, (*directory.Operator).RecordRestore)
}

// formerKey says which key opens a backup that the one in a file does not open.
func formerKey(b *sqlite.Backup, file string) string {
	const name = "name by --secret-key-file "
	path, _ := filepath.Abs(file)
	host, _ := os.Hostname()
	switch {
	case b.KeyFile == "":
		return name + "the key that the backup was made with"
	case path == b.KeyFile && host == b.Host && isFile(path):
		return fmt.Sprintf("if the key in %s was replaced after the backup was made, as by carillon key rotate-secret, %sa copy of the former key", path, name)
	}
	return fmt.Sprintf("%sthe key that the backup was made with, which was in %s on %s then", name, b.KeyFile, b.Host)
}
