package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-project/carillon/internal/store"
)

// Citus makes one database of many servers: some tables are distributed by a column, and the
// coordinator, which clients connect to, passes each statement on to the node that has the rows.
// The other tables stay with the coordinator. Those must be known to Citus, too: otherwise they
// take no part when an update of several nodes is committed in two phases.

// place says where a table belongs.
type place struct {
	table  string
	column string // that it is distributed by; empty: it stays with the coordinator
	either bool   // it may stay with the coordinator, until it is too large for that
}

// places are all tables. What belongs to an account lies on one node.
var places = []place{
	{"users", "account_id", false},
	{"account_audit", "account_id", false},
	{"account_commits", "account_id", false},
	{"rooms", "account_id", false},
	{"room_memberships", "account_id", false},
	{"bots", "account_id", false},
	{"bot_events", "account_id", false},
	{"account_tasks", "account_id", false},
	{"conversations", "account_id", false},
	{"messages", "account_id", false},
	{"emails", "email_key", true},
	{"bot_emails", "email_key", true},
	{"pins", "pin", true},
	{"accounts", "", false},
	{"account_owners", "", false},
	{"domains", "", false},
	{"access_keys", "", false},
	{"sessions", "", false},
	{"sign_in_links", "", false},
	{"global_settings", "", false},
	{"number_pool", "", false},
	{"phone_numbers", "", false},
	{"number_orders", "", false},
	{"number_settings", "", false},
	{"number_restrictions", "", false},
	{"audit", "", false},
	{"tasks", "", false},
	{"dial_outs", "", false},
	{"jobs", "", false},
	{"commits", "", false},
	{"settings", "", false},
	{"carillon_schema", "", false},
}

// fits reports whether the table is where it belongs.
func (p place) fits(is *location) bool {
	switch {
	case is == nil:
		return false
	case is.column == "":
		return !is.elsewhere && (p.column == "" || p.either)
	default:
		return is.column == p.column
	}
}

// location says where a table is, by Citus.
type location struct {
	column    string // that it is distributed by; empty: by none
	elsewhere bool   // it is neither distributed nor with the coordinator alone
	group     int    // tables of one group have the rows of one account on one node
}

// locations returns where the tables are that Citus knows, by name; nil where there is no Citus.
func (d *database) locations(ctx context.Context, conn *pgxpool.Conn) (map[string]*location, error) {
	var installed bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('pg_dist_partition') IS NOT NULL`).Scan(&installed); err != nil || !installed {
		return nil, err
	}
	// A table of the method "n" is with the coordinator, or copied to every node ("t"), or as a
	// whole on one node, which has a group.
	rows, err := conn.Query(ctx, `SELECT c.relname,
			CASE WHEN p.partmethod = 'n' THEN '' ELSE column_to_column_name(p.logicalrelid, p.partkey) END,
			p.partmethod = 'n' AND (p.repmodel = 't' OR p.colocationid <> 0), p.colocationid
		FROM pg_dist_partition AS p JOIN pg_class AS c ON c.oid = p.logicalrelid
			JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1`, d.schema)
	if err != nil {
		return nil, err
	}
	locations := make(map[string]*location)
	var table string
	var is location
	_, err = pgx.ForEachRow(rows, []any{&table, &is.column, &is.elsewhere, &is.group}, func() error {
		copied := is
		locations[table] = &copied
		return nil
	})
	return locations, err
}

// misplaced returns the tables that are not where they belong, and why.
func misplaced(locations map[string]*location) (all []string) {
	group := 0
	for _, p := range places {
		is := locations[p.table]
		switch {
		case is == nil:
			all = append(all, p.table+" (Citus does not know it)")
		case !p.fits(is):
			how := "not distributed"
			switch {
			case is.column != "":
				how = "distributed by " + is.column
			case is.elsewhere:
				how = "as a whole on other nodes"
			}
			all = append(all, p.table+" ("+how+")")
		case p.column == "account_id":
			if group == 0 {
				group = is.group
			}
			if is.group != group {
				all = append(all, p.table+" (its rows are on other nodes than those of users)")
			}
		}
	}
	return all
}

// checkCitus refuses a database that is distributed in part: its commits would not be atomic. In
// one that is distributed as a whole, transactions hand their settings on to the nodes.
func (d *database) checkCitus(ctx context.Context, conn *pgxpool.Conn) error {
	locations, err := d.locations(ctx, conn)
	if err != nil || len(locations) == 0 {
		return err
	}
	if wrong := misplaced(locations); len(wrong) > 0 {
		return fmt.Errorf("its tables are distributed by Citus in part, so that a change could be kept by one node and lost by another: "+
			"stop all services and run carillon scale citus; not where they belong: %s", strings.Join(wrong, ", "))
	}
	d.settings, err = citusSettings(ctx, conn, d.asked)
	return err
}

// Distribute distributes an empty or used database by Citus, whose extension and nodes are set up.
// It goes on where an earlier call has stopped. No service may have the database open. shards is
// how many parts the users are made into; 0: as many as Citus is set to. say is told what was done
// with each table.
func Distribute(ctx context.Context, databaseURL string, shards int, say func(table, what string)) error {
	d, _, err := open(ctx, databaseURL, Options{Pool: 1, Beside: true}, false)
	if err != nil {
		return err
	}
	defer d.Close()
	conn, err := d.acquire(ctx, forWork)
	if err != nil {
		return err
	}
	defer conn.Release()
	return explain(d.distribute(ctx, conn.pooled, shards, say))
}

func (d *database) distribute(ctx context.Context, conn *pgxpool.Conn, shards int, say func(table, what string)) error {
	locations, err := d.locations(ctx, conn)
	if err != nil {
		return err
	}
	if err := readyForCitus(ctx, conn, locations); err != nil {
		return err
	}
	for _, p := range places {
		is := locations[p.table]
		switch {
		case p.fits(is):
			if is.column != "" { // in case that was where the last call stopped
				if err := removeLocalRows(ctx, conn, p.table); err != nil {
					return err
				}
			}
			say(p.table, "was there already")
		case is != nil:
			return fmt.Errorf("%w: %s is distributed in another way: run SELECT undistribute_table('%s'), then this command once more",
				store.ErrUnavailable, p.table, p.table)
		case p.column == "" || p.either:
			if _, err := conn.Exec(ctx, `SELECT citus_add_local_table_to_metadata($1::regclass)`, p.table); err != nil {
				return fmt.Errorf("making %s known to Citus: %w", p.table, err)
			}
			say(p.table, "stays with the coordinator")
		default:
			if err := distributeTable(ctx, conn, p, shards); err != nil {
				return fmt.Errorf("distributing %s: %w", p.table, err)
			}
			say(p.table, "is distributed by "+p.column)
		}
	}
	if locations, err = d.locations(ctx, conn); err != nil {
		return err
	}
	if wrong := misplaced(locations); len(wrong) > 0 {
		return fmt.Errorf("not where they belong: %s: run SELECT undistribute_table('TABLE') for each, then this command once more", strings.Join(wrong, ", "))
	}
	return nil
}

// distributeTable distributes a table.
func distributeTable(ctx context.Context, conn *pgxpool.Conn, p place, shards int) error {
	var err error
	switch {
	case p.table != places[0].table:
		_, err = conn.Exec(ctx, `SELECT create_distributed_table($1::regclass, $2, colocate_with => $3)`, p.table, p.column, places[0].table)
	case shards > 0:
		_, err = conn.Exec(ctx, `SELECT create_distributed_table($1::regclass, $2, colocate_with => 'none', shard_count => $3)`, p.table, p.column, shards)
	default:
		_, err = conn.Exec(ctx, `SELECT create_distributed_table($1::regclass, $2, colocate_with => 'none')`, p.table, p.column)
	}
	if err != nil {
		return err
	}
	return removeLocalRows(ctx, conn, p.table)
}

// removeLocalRows removes the rows that a table had before it was distributed: nobody sees them any
// more.
func removeLocalRows(ctx context.Context, conn *pgxpool.Conn, table string) error {
	_, err := conn.Exec(ctx, `SELECT truncate_local_data_after_distributing_table($1::regclass)`, table)
	return err
}

// readyForCitus says what an administrator of the servers has to do first.
func readyForCitus(ctx context.Context, conn *pgxpool.Conn, locations map[string]*location) error {
	if locations == nil {
		return errors.New("it has no Citus: install its extension on every node, and run CREATE EXTENSION citus in the database there")
	}
	var coordinator bool
	var workers int
	if err := conn.QueryRow(ctx, `SELECT count(*) FILTER (WHERE groupid = 0) > 0,
			count(*) FILTER (WHERE groupid <> 0 AND isactive AND shouldhaveshards AND noderole::text = 'primary') FROM pg_dist_node`).
		Scan(&coordinator, &workers); err != nil {
		return err
	}
	if !coordinator {
		return errors.New("the coordinator is not one of the nodes of Citus: run SELECT citus_set_coordinator_host('HOST', PORT) as a superuser, with its own address")
	}
	if workers == 0 {
		return errors.New("there is no node to distribute to: run SELECT citus_add_node('HOST', PORT) as a superuser, for each")
	}
	// A transaction of a service between two of the steps would not be atomic.
	var others []string
	if err := conn.QueryRow(ctx, `SELECT coalesce(array_agg(DISTINCT coalesce(host(client_addr), 'this machine')), '{}') FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()`).Scan(&others); err != nil {
		return err
	}
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("a service or a command has it open, on %s: stop all of them first", strings.Join(others, ", "))
	}
	return nil
}
