package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// setting is what a transaction asks of the server. It is set for the transaction and by it: a
// pooler between gives each transaction another connection, and drops what is set for a session.
type setting struct{ name, value string }

var settings = []setting{
	// What is acknowledged must be on stable storage, whatever the server is set to. Empty: as it
	// is, unless that is "off".
	{"synchronous_commit", ""},
	{"lock_timeout", "10s"}, // locks are held for milliseconds; whoever holds one so long is in trouble
	// A process that stops in the middle of an update must not hold up the others for good.
	{"idle_in_transaction_session_timeout", "30s"},
	// Plans are kept. One that was made while there were few rows would read whole tables when there
	// are many. Each statement but Seats has an index to use, and none is worth compiling.
	{"enable_seqscan", "off"},
	{"jit", "off"},
}

// localSettings returns the statement that sets them. It takes what a URL says of them out of its
// parameters, to set that instead.
func localSettings(params map[string]string) string {
	var calls []string
	for _, s := range settings {
		value := literal(s.value)
		if given, ok := params[s.name]; ok {
			value = literal(given)
			delete(params, s.name)
		} else if s.value == "" {
			value = "current_setting(" + literal(s.name) + ")"
		}
		if s.name == "synchronous_commit" {
			value = "CASE " + value + " WHEN 'off' THEN 'on' ELSE " + value + " END"
		}
		calls = append(calls, fmt.Sprintf("set_config(%s, %s, true)", literal(s.name), value))
	}
	return "SELECT " + strings.Join(calls, ", ")
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// checkSettings reports what a pooler drops.
func (d *database) checkSettings(ctx context.Context, conn *pgxpool.Conn) error {
	params := conn.Conn().Config().RuntimeParams
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, setting := range d.settings {
			if _, err := tx.Exec(ctx, setting); err != nil {
				return fmt.Errorf("setting up a transaction: %w", err)
			}
		}
		var commit, lock string
		if err := tx.QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('lock_timeout')`).Scan(&commit, &lock); err != nil {
			return err
		}
		if commit == "off" || lock == "0" {
			return errors.New("what a transaction sets is gone with its next statement: a pooler in between must give a whole transaction one connection (in PgBouncer: pool_mode = transaction)")
		}
		for name, value := range params {
			if slices.Contains([]string{"application_name", "options"}, name) {
				continue
			}
			var kept bool
			if err := tx.QueryRow(ctx, `SELECT current_setting($1) = set_config($1, $2, true)`, name, value).Scan(&kept); err != nil {
				return err
			}
			if !kept {
				return fmt.Errorf("the URL sets %s, and the connection does not have it: a pooler in between drops it, "+
					"so take it out of the URL and set it for the role (ALTER ROLE ... SET %s = ...)", name, name)
			}
		}
		return nil
	})
}
