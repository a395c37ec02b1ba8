package carillon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// backupCommand is a command that makes or takes a file with all that is in a SQLite database.
type backupCommand struct {
	*flagSet
	database
}

func (p *program) onBackup(name, summary string) *backupCommand {
	c := &backupCommand{flagSet: p.flags(name, summary)}
	c.takes = "FILE"
	c.StringVar(&c.Data, "data", defaultData, "`DIR` that holds the database, or is to hold it")
	c.StringVar(&c.URL, "database-url", "", "`URL` of a PostgreSQL, which has tools of its own for this")
	c.StringVar(&c.SecretKeyFile, "secret-key-file", "", "`FILE` with the key that encrypts access keys (default DIR/secret.key)")
	return c
}

// parse refuses a PostgreSQL and sends people to its tool.
func (c *backupCommand) parse(args []string, tool string) error {
	if err := c.flagSet.parse(args); err != nil {
		return err
	}
	if c.URL != "" {
		return c.misused(fmt.Sprintf("a PostgreSQL is saved and restored by its own tools, here %s (docs/scale.md has the commands)", tool))
	}
	return nil
}

func (c *backupCommand) failed(code int, err error) error {
	return &codedError{code, fmt.Errorf("%s: %w", c.Name(), err)}
}

// backup is `carillon backup`.
func (p *program) backup(ctx context.Context, args []string) error {
	c := p.onBackup("backup", "saves all that is in the database of a service, which may be running and is not held up, in a new\n"+
		"FILE. What the service has acknowledged before is in it.\n\n"+
		"The key that encrypts the secrets of access keys is not in it: keep a copy of that file, too, apart\n"+
		"from the backup. carillon restore needs both.")
	if err := c.parse(args, "pg_dump"); err != nil {
		return err
	}
	if err := c.exists(); err != nil {
		return c.failed(exitNoStore, c.missing(err))
	}
	file := c.words[0]
	b, err := sqlite.WriteBackup(ctx, c.Data, file, c.keyFile())
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrInvalid):
		return c.failed(exitUsage, err)
	case errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil:
		return c.failed(exitNoStore, err)
	case err != nil:
		return fmt.Errorf("%s: %w", c.Name(), err)
	}
	fmt.Fprintf(p.stdout, "saved %s in %s\n", contents(b), file)
	switch problem := b.CheckKey(c.keyFile()); {
	case !b.HasSecrets():
	case problem != nil:
		fmt.Fprintf(p.stderr, "carillon: warning: the key that belongs to this backup was not found, and nobody can restore it without: "+
			"name its file by --secret-key-file (%v)\n", problem)
	default:
		fmt.Fprintf(p.stderr, "carillon: its secrets open only with the key in %s: keep a copy of that, apart from the backup\n", b.KeyFile)
	}
	return nil
}

// restore is `carillon restore`.
func (p *program) restore(ctx context.Context, args []string) error {
	c := p.onBackup("restore", "puts what carillon backup has saved in FILE into a directory that holds no database.\n\n"+
		"Before it writes anything it checks that FILE is whole and sound and that the secret key is the one\n"+
		"that belongs to it. Then it prints the command that serves it.")
	if err := c.parse(args, "pg_restore"); err != nil {
		return err
	}
	file := c.words[0]
	if err := sqlite.Vacant(c.Data); err != nil {
		return c.failed(exitUsage, err)
	}
	b, err := sqlite.ReadBackup(ctx, file)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", c.Name(), ctx.Err())
	case err != nil:
		return c.failed(exitUsage, err)
	}
	if err := b.CheckKey(c.keyFile()); err != nil {
		where := ""
		if b.KeyFile != "" {
			where = fmt.Sprintf(", which was %s on %s", b.KeyFile, b.Host)
		}
		return c.failed(exitNoStore, fmt.Errorf("%w: name by --secret-key-file the key that the backup was made with%s", err, where))
	}
	switch err := sqlite.Restore(ctx, b, file, c.Data); {
	case errors.Is(err, fs.ErrExist):
		return c.failed(exitUsage, err)
	case errors.Is(err, sqlite.ErrLocked):
		return c.failed(exitNoStore, err)
	case err != nil:
		return fmt.Errorf("%s: %w", c.Name(), err)
	}
	fmt.Fprintf(p.stdout, "restored %s to %s; go on with\n", contents(b), c.Data)
	serve := "carillon serve --data " + shellQuote(c.Data)
	if c.SecretKeyFile != "" {
		serve += " --secret-key-file " + shellQuote(c.SecretKeyFile)
	}
	fmt.Fprintln(p.stdout, serve)
	return nil
}

// contents says what a backup holds.
func contents(b *sqlite.Backup) string {
	return fmt.Sprintf("%d users (%.1f MB, schema %d, as of %s)", b.Users, float64(b.Bytes)/1e6, b.Schema, b.Time.Format(time.RFC3339))
}
