package sqlite

import (
	"embed"
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

//go:embed migrations
var embedded embed.FS

func (o Options) migrations() engine.Migrations {
	m := engine.Migrations{Files: embedded, Beside: o.Beside, Found: new(store.Upgraded)}
	if o.files != nil {
		m.Files = o.files
	}
	return m
}

// applicationID marks the database file as Carillon's in its header ("CRLN").
const applicationID = 0x43524c4e

// migrate brings the schema up to date. The number of the last migration is the header's
// user_version. Several processes may do this at once.
func migrate(s *session, m engine.Migrations) error {
	return m.Apply(func(m engine.Migrations) (bool, error) { return migrateSome(s, m) })
}

// migrateSome applies in one transaction what comes next: the one file, since that may be a lot of
// work in a large database, or all of them to an empty one. It reports whether there was none.
func migrateSome(s *session, m engine.Migrations) (done bool, err error) {
	// The lock comes first, so that the version is still the same when it is acted upon.
	if err := s.script("BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil || done {
			s.script("ROLLBACK") // where the context has ended, closing does it
		}
	}()

	found, err := schemaVersion(s)
	if err != nil {
		return false, err
	}
	version := found
	for version == found || found == 0 {
		name, script, err := m.After(version)
		if err != nil {
			return false, err
		}
		if name == "" {
			break
		}
		if err := apply(s, m, name, script); err != nil {
			return false, err
		}
		m.Beside = false // what was begun in an empty database is completed
		version++
	}
	// If the file is not writable, BEGIN IMMEDIATE just begins to read. This writes, though only in
	// memory if nothing is new. PRAGMA takes no parameters.
	if err := s.script(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil || version == found {
		return true, err
	}
	return false, s.script(fmt.Sprintf("PRAGMA application_id = %d; COMMIT", applicationID))
}

func apply(s *session, m engine.Migrations, name, script string) error {
	if err := s.script(script); err != nil {
		return fmt.Errorf("applying %s: %w", name, err)
	}
	return m.Complete(name, s)
}

// schemaVersion returns the version of the schema, 0 for an empty database. One that is not
// Carillon's is an error.
func schemaVersion(s *session) (int, error) {
	var id, version, tables int
	const state = `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`
	if err := s.queryRow(state, nil, &id, &version, &tables); err != nil {
		return 0, err
	}
	if id != applicationID && (id != 0 || version != 0 || tables != 0) {
		return 0, errors.New("it is a database of another program")
	}
	return version, nil
}
