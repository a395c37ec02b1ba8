package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations
var migrations embed.FS

// migration returns the migration of an engine ("sqlite", "postgres") that comes after a version of
// the schema, "" if that is the newest, or ErrNewerSchema. The files of an engine are numbered from 1
// without a gap.
func migration(engine string, version int) (name, script string, err error) {
	files, err := fs.Glob(migrations, "migrations/"+engine+"/*.sql") // in lexical order
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
	name = files[version]
	number, _, _ := strings.Cut(path.Base(name), "_")
	if n, err := strconv.Atoi(number); err != nil || n != version+1 {
		return "", "", fmt.Errorf("migration %s stands where number %d belongs", name, version+1)
	}
	text, err := migrations.ReadFile(name)
	return name, string(text), err
}

// applicationID marks the database file as Carillon's in its header ("CRLN").
const applicationID = 0x43524c4e

// migrate brings the schema up to the newest of the embedded files, each in a transaction of its
// own. The number of the last one applied is the header's user_version. Several processes may do
// this at once.
func migrate(ctx context.Context, conn *sql.Conn) error {
	for {
		done, err := migrateOnce(ctx, conn)
		if done || err != nil {
			return err
		}
	}
}

// migrateOnce applies the one file that comes next, and reports whether there was none.
func migrateOnce(ctx context.Context, conn *sql.Conn) (done bool, err error) {
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

	var id, version, tables int
	const state = `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`
	if err := conn.QueryRowContext(ctx, state).Scan(&id, &version, &tables); err != nil {
		return false, err
	}
	if id != applicationID && (id != 0 || version != 0 || tables != 0) {
		return false, fmt.Errorf("it is a database of another program")
	}
	name, script, err := migration("sqlite", version)
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
