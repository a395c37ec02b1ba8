package engine

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/store"
)

// Migrations brings the schema of an engine up to this release. Its files are
// migrations/NUMBER_NAME.sql, numbered from 1 without a gap.
type Migrations struct {
	Files fs.FS

	// Beside is for a command beside a service. It must not upgrade the schema that the service
	// relies on; it may make the tables of an empty database.
	Beside bool

	// Found gets what the upgrade has come across that an operator has to know.
	Found *store.Upgraded
}

// After returns the migration that comes after a version of the schema, "" if there is none. It
// returns ErrNewerSchema for a version that this release does not know, ErrOlderSchema for an
// upgrade that is not allowed.
func (m Migrations) After(version int) (name, script string, err error) {
	files, err := fs.Glob(m.Files, "migrations/*.sql") // in lexical order
	if err != nil {
		return "", "", err
	}
	if version > len(files) {
		return "", "", fmt.Errorf("%w (schema %d, this release knows %d): run that release or restore a backup",
			store.ErrNewerSchema, version, len(files))
	}
	if version == len(files) {
		return "", "", nil
	}
	if m.Beside && version > 0 {
		return "", "", fmt.Errorf("%w (schema %d, this release needs %d): start carillon serve of this release once, it upgrades the schema",
			store.ErrOlderSchema, version, len(files))
	}
	name = files[version]
	number, _, _ := strings.Cut(path.Base(name), "_")
	if n, err := strconv.Atoi(number); err != nil || n != version+1 {
		return "", "", fmt.Errorf("migration %s stands where number %d belongs", name, version+1)
	}
	text, err := fs.ReadFile(m.Files, name)
	return name, string(text), err
}

// Complete does what the script of a migration could not, in the same transaction.
func (m Migrations) Complete(name string, s Statements) (err error) {
	switch {
	case strings.HasSuffix(name, "_address_keys.sql"):
		err = setKeys(s, m.Found)
	case strings.HasSuffix(name, "_user_numbers.sql"):
		err = giveNumbers(s, m.Found)
	}
	if err != nil {
		err = fmt.Errorf("applying %s: %w", name, err)
	}
	return err
}

// Apply calls once, which applies the one migration that comes next and reports whether there was
// none, until there is none.
func (m Migrations) Apply(once func(Migrations) (done bool, err error)) error {
	for {
		done, err := once(m)
		if done || err != nil {
			return err
		}
		m.Beside = false // what was begun in an empty database is completed
	}
}
