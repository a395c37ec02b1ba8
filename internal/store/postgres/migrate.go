package postgres

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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

// migrate brings the schema up to date, each migration in a transaction of its own.
func (d *database) migrate(ctx context.Context, conn *pgxpool.Conn, m engine.Migrations) error {
	return m.Apply(func(m engine.Migrations) (done bool, err error) {
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			done, err = d.migrateOnce(ctx, tx, m)
			return err
		})
		return done, err
	})
}

// migrateOnce applies the one migration that comes next, and reports whether there was none. The
// table carillon_schema holds the number of the last one.
func (d *database) migrateOnce(ctx context.Context, tx pgx.Tx, m engine.Migrations) (done bool, err error) {
	if _, err := tx.Exec(ctx, durable); err != nil {
		return false, err
	}
	// Several processes may start at once.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, d.lockID("migration", "")); err != nil {
		return false, err
	}
	var version int
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass(quote_ident($1) || '.carillon_schema') IS NOT NULL`, d.schema).Scan(&exists); err != nil {
		return false, err
	}
	if exists {
		if err := tx.QueryRow(ctx, `SELECT version FROM carillon_schema`).Scan(&version); err != nil {
			return false, err
		}
	} else if _, err := tx.Exec(ctx, `CREATE TABLE carillon_schema (version INTEGER NOT NULL);
		INSERT INTO carillon_schema (version) VALUES (0)`); err != nil {
		return false, err
	}
	name, script, err := m.After(version)
	if name == "" || err != nil {
		return true, err
	}
	if _, err := tx.Exec(ctx, script); err != nil {
		return false, fmt.Errorf("applying %s: %w", name, err)
	}
	if err := m.Complete(name, migration{ctx, tx}); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE carillon_schema SET version = $1`, version+1)
	return false, err
}

// migration runs the statements of a migration.
type migration struct {
	ctx context.Context
	tx  pgx.Tx
}

func (m migration) Query(query string, scan func(engine.Row) error, args ...any) error {
	rows, err := m.tx.Query(m.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (m migration) Exec(statement string, args ...any) (int64, error) {
	tag, err := m.tx.Exec(m.ctx, statement, args...)
	return tag.RowsAffected(), err
}
