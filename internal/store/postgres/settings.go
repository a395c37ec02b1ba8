package postgres

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
	{"enable_bitmapscan", "off"}, // which would read all of a trail or an account to sort it
	{"jit", "off"},
}

// durable is what a migration sets instead: it takes its time, and waits for those of others.
const durable = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`

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
			value = "CASE WHEN lower(" + value + ") IN ('off', 'false', 'no', '0') THEN 'on' ELSE " + value + " END"
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
			if slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(value)) {
				value = "on"
			}
		}
		statements = append(statements, "SET LOCAL "+s.name+" TO "+literal(value))
	}
	return statements, nil
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// whoAnswers names the process of the server. A pooler gives clients numbers of its own.
const whoAnswers = `SELECT pg_backend_pid()`

// checkSettings reports settings that are not valid, and what a pooler in between drops.
func (d *database) checkSettings(ctx context.Context, conn *pgxpool.Conn) error {
	var pid uint32
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, setting := range d.settings {
			if _, err := tx.Exec(ctx, setting); err != nil {
				return fmt.Errorf("setting up a transaction: %w", err)
			}
		}
		return tx.QueryRow(ctx, whoAnswers).Scan(&pid)
	})
	if err != nil || pid == conn.Conn().PgConn().PID() {
		return err
	}
	for name, value := range given(conn.Conn().Config().RuntimeParams) {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			var kept bool
			err := tx.QueryRow(ctx, `SELECT current_setting($1) = set_config($1, $2, true)`, name, value).Scan(&kept)
			if err == nil && !kept {
				err = fmt.Errorf("the URL sets %s, but a pooler in between drops that: %s", name, setForRole)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return checkStatements(ctx, conn)
}

// checkStatements has a second connection prepare a statement of the first. A pooler that has given
// it the same connection of the server must keep the two apart.
func checkStatements(ctx context.Context, conn *pgxpool.Conn) error {
	other, err := pgx.ConnectConfig(ctx, conn.Conn().Config())
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	for _, conn := range []*pgx.Conn{conn.Conn(), other} {
		var pid uint32
		if err := conn.QueryRow(ctx, whoAnswers).Scan(&pid); err != nil {
			return err
		}
	}
	return nil
}

var (
	option  = regexp.MustCompile(`(?:^|\s)(?:-c\s*|--)(\S+?)=((?:\\.|\S)*)`) // a setting among the options of libpq
	escaped = regexp.MustCompile(`\\(.)`)
)

// given returns the settings among the parameters of a connection.
func given(params map[string]string) map[string]string {
	all := maps.Clone(params)
	for _, m := range option.FindAllStringSubmatch(params["options"], -1) {
		all[m[1]] = escaped.ReplaceAllString(m[2], "$1")
	}
	delete(all, "options")
	return all
}

// explainPooler adds what to do to an error that comes from a pooler.
func explainPooler(e *pgconn.PgError, err error) error {
	if name, ok := strings.CutPrefix(e.Message, "unsupported startup parameter: "); ok {
		return fmt.Errorf("the URL sets %s, but a pooler in between refuses that: %s: %w", name, setForRole, err)
	}
	switch {
	case e.Code == "26000" || e.Code == "42P05":
		return fmt.Errorf("a pooler in between does not keep prepared statements, add default_query_exec_mode=exec to the URL: %w", err)
	case strings.Contains(e.Message, "statement pooling"):
		return fmt.Errorf("a pooler in between must give a whole transaction one connection, in PgBouncer by pool_mode = transaction: %w", err)
	}
	return err
}

const setForRole = "remove it from the URL, and set it for the user by ALTER ROLE ... SET ..."
