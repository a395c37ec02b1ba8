package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations
var embedded embed.FS

// migrations is what brings the schema of an engine ("sqlite", "postgres") up to this release: files
// migrations/ENGINE/NUMBER_NAME.sql, numbered from 1 without a gap.
type migrations struct {
	fs.FS
	engine string
	beside bool // see [Options]
}

func (o Options) migrationsOf(engine string) migrations {
	m := migrations{FS: embedded, engine: engine, beside: o.Beside}
	if o.migrations != nil {
		m.FS = o.migrations
	}
	return m
}

// after returns the migration that comes after a version of the schema, "" if that is the newest,
// ErrNewerSchema or ErrOlderSchema.
func (m migrations) after(version int) (name, script string, err error) {
	files, err := fs.Glob(m, "migrations/"+m.engine+"/*.sql") // in lexical order
	if err != nil {
		return "", "", err
	}
	if version > len(files) {
		return "", "", fmt.Errorf("%w (schema %d, this release knows %d): run that release or restore a backup",
			ErrNewerSchema, version, len(files))
	}
	if version == len(files) {
		return "", "", nil
	}
	if m.beside && version > 0 {
		return "", "", fmt.Errorf("%w (schema %d, this release needs %d): start carillon serve of this release once, it upgrades the schema",
			ErrOlderSchema, version, len(files))
	}
	name = files[version]
	number, _, _ := strings.Cut(path.Base(name), "_")
	if n, err := strconv.Atoi(number); err != nil || n != version+1 {
		return "", "", fmt.Errorf("migration %s stands where number %d belongs", name, version+1)
	}
	text, err := fs.ReadFile(m, name)
	return name, string(text), err
}

// applicationID marks the database file as Carillon's in its header ("CRLN").
const applicationID = 0x43524c4e

// migrate brings the schema up to the newest of the files, each in a transaction of its own. The
// number of the last one applied is the header's user_version. Several processes may do this at once.
func migrate(ctx context.Context, conn *sql.Conn, m migrations) error {
	for {
		done, err := migrateOnce(ctx, conn, m)
		if done || err != nil {
			return err
		}
		m.beside = false // what it has begun in an empty database it completes
	}
}

// migrateOnce applies the one file that comes next, and reports whether there was none.
func migrateOnce(ctx context.Context, conn *sql.Conn, m migrations) (done bool, err error) {
	// The lock comes first, so that the version read is still true when it is acted upon; it also
	// shows at once whether the file can be written.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil || done {
			conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()

	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return false, err
	}
	name, script, err := m.after(version)
	if name == "" || err != nil {
		return true, err
	}
	// PRAGMA takes no parameters.
	mark := fmt.Sprintf("\nPRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, version+1)
	if _, err := conn.ExecContext(ctx, script+mark); err != nil {
		return false, fmt.Errorf("applying %s: %w", name, err)
	}
	return false, nil
}

// schemaVersion returns the version of the schema, 0 for an empty database. One that is not Carillon's
// is an error.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var id, version, tables int
	const state = `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`
	if err := conn.QueryRowContext(ctx, state).Scan(&id, &version, &tables); err != nil {
		return 0, err
	}
	if id != applicationID && (id != 0 || version != 0 || tables != 0) {
		return 0, errors.New("it is a database of another program")
	}
	return version, nil
}
