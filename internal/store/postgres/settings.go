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

// settingsOf returns the settings with the values that a URL gives them, and takes those out of its
// parameters.
func settingsOf(params map[string]string) []setting {
	asked := slices.Clone(settings)
	for i := range asked {
		if given, ok := params[asked[i].name]; ok {
			asked[i].value = given
			delete(params, asked[i].name)
		}
	}
	return asked
}

// localSettings returns the statement that sets them.
func localSettings(asked []setting) []string {
	var calls []string
	for _, s := range asked {
		value := literal(s.value)
		if s.value == "" {
			value = "current_setting(" + literal(s.name) + ")"
		}
		if s.name == "synchronous_commit" {
			value = "CASE " + value + " WHEN 'off' THEN 'on' ELSE " + value + " END"
		}
		calls = append(calls, fmt.Sprintf("set_config(%s, %s, true)", literal(s.name), value))
	}
	return []string{"SELECT " + strings.Join(calls, ", ")}
}

// citusSettings returns the statements that set them on the coordinator and on each node that a
// transaction comes to. Citus hands on what is said by SET LOCAL, with the BEGIN for the node.
func citusSettings(ctx context.Context, conn *pgxpool.Conn, asked []setting) ([]string, error) {
	statements := []string{
		`SET LOCAL citus.node_connection_timeout TO 2000`, // milliseconds; a node that is gone should not take up connections for long
		`SET LOCAL citus.propagate_set_commands TO local`,
	}
	for _, s := range asked {
		value := s.value
		if s.name == "synchronous_commit" {
			if value == "" {
				if err := conn.QueryRow(ctx, `SELECT current_setting('synchronous_commit')`).Scan(&value); err != nil {
					return nil, err
				}
			}
			if value == "off" {
				value = "on"
			}
		}
		statements = append(statements, "SET LOCAL "+s.name+" TO "+literal(value))
	}
	return statements, nil
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
