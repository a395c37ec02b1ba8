package postgres_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// citusURL names the database of a Citus, through its coordinator; docs/scale.md says how to set
// one up. If it is given, the tests run there, and the suite on tables that are distributed.
const citusURL = "CARILLON_TEST_CITUS"

// newDatabase makes an empty schema, distributed if there are nodes to distribute it to.
func newDatabase(t testing.TB) string {
	t.Helper()
	where := newSchema(t)
	if os.Getenv(citusURL) == "" {
		return where
	}
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("application_name", query.Get("search_path")) // tests of other packages run on the same database
	u.RawQuery = query.Encode()
	if _, err := distributeAlone(t, u.String()); err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// standIn makes what Citus shows of itself in a plain PostgreSQL: the catalog, and functions that
// note in it what they were asked for. It distributes nothing.
func standIn(t *testing.T, url string) {
	t.Helper()
	psql(t, url, `
		CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL, partkey text,
			colocationid int NOT NULL DEFAULT 0, repmodel "char" NOT NULL DEFAULT 's');
		CREATE TABLE pg_dist_node (groupid int, nodename text, isactive bool DEFAULT TRUE, shouldhaveshards bool DEFAULT TRUE, noderole text DEFAULT 'primary');
		CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
		CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL)
			RETURNS void LANGUAGE sql AS $$ INSERT INTO pg_dist_partition VALUES (table_name, 'h', distribution_column,
				CASE colocate_with WHEN 'none' THEN 1 ELSE (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass) END) $$;
		CREATE TABLE truncated (name regclass);
		CREATE FUNCTION truncate_local_data_after_distributing_table(regclass) RETURNS void LANGUAGE sql AS 'INSERT INTO truncated VALUES ($1)';
		CREATE FUNCTION citus_add_local_table_to_metadata(regclass) RETURNS void LANGUAGE sql AS
			$$ INSERT INTO pg_dist_partition (logicalrelid, partmethod) VALUES ($1, 'n') $$`)
}

func distribute(t testing.TB, url string) (said []string, err error) {
	t.Helper()
	err = postgres.Distribute(t.Context(), url, 0, func(table, what string) { said = append(said, table+" "+what) })
	return said, err
}

const inUse = "stop all of them first"

// distributeAlone distributes when nobody else has the database open: PostgreSQL may take a moment
// to find that a connection was closed.
func distributeAlone(t testing.TB, url string) (said []string, err error) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		said, err = distribute(t, url)
		if err == nil || !strings.Contains(err.Error(), inUse) || time.Now().After(end) {
			return said, err
		}
		time.Sleep(time.Millisecond)
	}
}

// The database is distributed step by step, and by nothing else than the steps.
func TestDistribute(t *testing.T) {
	where := newSchema(t) + "&application_name=test_distribute"
	refused := func(says string) {
		t.Helper()
		if _, err := distributeAlone(t, where); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Distribute: got error %v, want it to say %q", err, says)
		}
	}
	refused("CREATE EXTENSION citus")
	standIn(t, where)
	refused("citus_set_coordinator_host")
	psql(t, where, `INSERT INTO pg_dist_node VALUES (0, 'coordinator')`)
	refused("citus_add_node")
	psql(t, where, `INSERT INTO pg_dist_node VALUES (1, 'worker')`)

	s, err := postgres.Open(t.Context(), where, postgres.Options{})
	if err != nil {
		t.Fatalf("a database that is not distributed, with Citus beside it: %v", err)
	}
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	if _, err := distribute(t, where); err == nil || !strings.Contains(err.Error(), inUse) {
		t.Errorf("Distribute: got error %v, want it to say %q", err, inUse)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// In the middle it is refused, and the next attempt goes on.
	psql(t, where, `ALTER FUNCTION citus_add_local_table_to_metadata(regclass) RENAME TO moved`)
	refused("making emails known to Citus")
	opened := func() error {
		s, err := postgres.Open(t.Context(), where, postgres.Options{})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := opened(); err == nil || !strings.Contains(err.Error(), "carillon scale citus") || !strings.Contains(err.Error(), "emails (Citus does not know it)") {
		t.Errorf("a database that is distributed in part: got error %v", err)
	}
	psql(t, where, `ALTER FUNCTION moved(regclass) RENAME TO citus_add_local_table_to_metadata`)
	said, err := distributeAlone(t, where)
	if err != nil || len(said) < 10 || said[0] != "users was there already" || !slices.Contains(said, "emails stays with the coordinator") {
		t.Errorf("Distribute: said %q, %v", said, err)
	}
	if err := opened(); err != nil {
		t.Errorf("a distributed database: %v", err)
	}
	psql(t, where, `DO $$ BEGIN ASSERT (SELECT count(DISTINCT name) FROM truncated) =
		(SELECT count(*) FROM pg_dist_partition WHERE partmethod = 'h'), 'rows are left with the coordinator'; END $$`)

	for _, test := range []struct{ name, change, says string }{
		{"one table apart", `UPDATE pg_dist_partition SET colocationid = 7 WHERE logicalrelid = 'account_audit'::regclass`, "account_audit (its rows are on other nodes"},
		{"by another column", `UPDATE pg_dist_partition SET partkey = 'user_id' WHERE logicalrelid = 'users'::regclass`, "users (distributed by user_id)"},
		{"with the coordinator", `UPDATE pg_dist_partition SET partmethod = 'n', colocationid = 0 WHERE logicalrelid = 'users'::regclass`, "users (not distributed)"},
		{"on every node", `UPDATE pg_dist_partition SET repmodel = 't' WHERE logicalrelid = 'settings'::regclass`, "settings"},
		{"as an earlier release", `UPDATE pg_dist_partition SET partmethod = 'h', partkey = 'aws_account_id' WHERE logicalrelid = 'audit'::regclass`, "undistribute_table('audit')"},
	} {
		psql(t, where, `CREATE TABLE kept AS SELECT * FROM pg_dist_partition`)
		psql(t, where, test.change)
		if err := opened(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got error %v, want it to say %q", test.name, err, test.says)
		}
		psql(t, where, `DELETE FROM pg_dist_partition; INSERT INTO pg_dist_partition SELECT * FROM kept; DROP TABLE kept`)
	}
	psql(t, where, `UPDATE pg_dist_partition SET partmethod = 'h', partkey = 'email_key' WHERE logicalrelid = 'emails'::regclass`)
	if err := opened(); err != nil {
		t.Errorf("with the addresses distributed, too: %v", err)
	}
}

// Every table has a place: one that Citus does not know takes no part in its commits.
func TestDistribute_everyTable(t *testing.T) {
	where := newSchema(t)
	open(t, where, postgres.Options{}).Close()
	conn, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	placed := slices.Sorted(maps.Keys(postgres.Tables()))
	if !slices.Equal(tables, placed) {
		t.Errorf("the tables are %v, and those with a place %v", tables, placed)
	}
}

// On a database of several nodes each transaction hands its settings on, by statements that Citus
// passes to the nodes.
func TestCitusSettings(t *testing.T) {
	where := strings.Replace(newSchema(t), "lock_timeout="+patience, "lock_timeout=7s", 1) + "&application_name=test_citus_settings&options=-csynchronous_commit%3Doff"
	standIn(t, where)
	psql(t, where, `INSERT INTO pg_dist_node VALUES (0, 'coordinator'), (1, 'worker')`)
	if _, err := distributeAlone(t, where); err != nil {
		t.Fatal(err)
	}
	s := open(t, where, postgres.Options{})
	psql(t, where, `CREATE TABLE seen (name text, value text)`)
	before(t, where, "INSERT", "users", `INSERT INTO seen SELECT name, current_setting(name) FROM unnest(ARRAY['synchronous_commit', 'lock_timeout',
		'enable_seqscan', 'citus.propagate_set_commands', 'citus.node_connection_timeout']) AS name;`)
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	conn, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT name || ' ' || value FROM seen`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if want := []string{"synchronous_commit on", "lock_timeout 7s", "enable_seqscan off", "citus.propagate_set_commands local",
		"citus.node_connection_timeout 2000"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("an update ran with %q, %v, want %q", got, err, want)
	}
}

// A schema may have a name that needs quotes.
func TestCitus_quotedSchema(t *testing.T) {
	base := newSchema(t)
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	name := `"` + strings.ToUpper(query.Get("search_path")) + `"`
	psql(t, base, "CREATE SCHEMA "+name)
	t.Cleanup(func() { psql(t, base, "DROP SCHEMA "+name+" CASCADE") })
	query.Set("search_path", name)
	query.Set("application_name", "quoted")
	u.RawQuery = query.Encode()
	standIn(t, u.String())
	psql(t, u.String(), `INSERT INTO pg_dist_node VALUES (0, 'coordinator'), (1, 'worker')`)
	if _, err := distributeAlone(t, u.String()); err != nil {
		t.Fatal(err)
	}
	storetest.Update(t, open(t, u.String(), postgres.Options{}), storetest.Insert("a1", "u1"))
}

// A batch writes to one node: to tables that are distributed by account, its row for the commit
// among them.
func TestBatchOnOneNode(t *testing.T) {
	var mu sync.Mutex
	var written []string
	insertion := regexp.MustCompile(`^\s*(?:INSERT INTO|UPDATE) (\w+)`)
	s := open(t, newSchema(t), postgres.Options{Pool: 1}.Traced(func(sql string) {
		if match := insertion.FindStringSubmatch(sql); match != nil {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, match[1])
		}
	}))
	a := store.Account{AWSAccountID: "111122223333", AccountID: "a1"}
	users := make([]store.User, 30)
	for i := range users {
		users[i] = store.User{AccountID: "a1", UserID: fmt.Sprint("u", i), Email: fmt.Sprint("u", i, "@example.com"), License: "Pro"}
	}
	storetest.Update(t, s, func(tx store.Tx) error { return errors.Join(tx.InsertAccount(&a), tx.InsertUsers(users)) })
	mu.Lock()
	written = nil
	mu.Unlock()
	storetest.Update(t, s, storetest.Batch("a1", len(users)))
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"users", "account_audit", "account_commits"}; !slices.Equal(written, want) {
		t.Errorf("a batch writes to %v, want %v", written, want)
	}
}
