package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/postgres/clustertest"
	"github.com/carillon-project/carillon/internal/store/postgres/poolertest"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

const scalePage = "../../../docs/scale.md"

// The store keeps its contract through PgBouncer as docs/scale.md configures it, and each
// transaction that writes has the settings that the store needs, whatever the server's are.
func TestPooler(t *testing.T) {
	p := poolertest.Start(t, server(t), scalePage)
	psql(t, server(t), "ALTER ROLE "+p.Role+" SET synchronous_commit = off; ALTER ROLE "+p.Role+" SET lock_timeout = 0")
	open(t, p.URL, postgres.Options{}).Close()
	w := watch(t, p.Direct)

	writes := 0
	// through empties the tables, and returns the URL of the pooler.
	through := func(t *testing.T) string {
		w.empty(t)
		t.Cleanup(func() { writes += w.check(t, "on", "10s") })
		return p.URL
	}
	if !testing.Short() { // the race detector sees the same code in TestStore
		t.Run("Store", func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Store {
				return open(t, through(t), postgres.Options{Clock: clock})
			})
		})
	}
	t.Run("Lookups", func(t *testing.T) {
		storetest.RunLookups(t, open(t, through(t), postgres.Options{Pool: 3}), 2)
	})
	t.Run("Text", func(t *testing.T) { testText(t, through(t)) })
	t.Run("ConnectionsEnd", func(t *testing.T) { testConnectionsEnd(t, through(t), p.Direct) })
	t.Run("CommitAnswerLost", func(t *testing.T) { testCommitAnswerLost(t, through(t)) })

	t.Run("Clients", func(t *testing.T) { // of two services, and many more than the pooler has connections
		where := through(t)
		var clients sync.WaitGroup
		for i := range 2 {
			s := open(t, where, postgres.Options{})
			for n := range 16 {
				clients.Go(func() {
					for m := range 5 {
						if err := s.Update(t.Context(), storetest.Insert("a1", fmt.Sprint("u", i, "-", n, "-", m))); err != nil {
							t.Errorf("Update: %v", err)
						}
						if _, err := s.AccessKey(t.Context(), "AKIA"); !errors.Is(err, store.ErrNotFound) {
							t.Errorf("AccessKey: %v", err)
						}
					}
				})
			}
		}
		clients.Wait()
		if got := len(storetest.UserIDs(t, open(t, where, postgres.Options{}), "a1")); got != 160 {
			t.Errorf("the account has %d users, want 160", got)
		}
	})

	if writes < 20 {
		t.Errorf("%d kinds of writes were seen, want many", writes)
	}

	// What the URL says counts, through a pooler too.
	t.Run("Settings", func(t *testing.T) {
		w.empty(t)
		s := open(t, p.URL+"&synchronous_commit=local&lock_timeout=0", postgres.Options{})
		storetest.Update(t, s, storetest.Insert("a1", "u1"))
		if w.check(t, "local", "0") == 0 {
			t.Error("no write was seen")
		}
	})
	t.Run("Migrations", func(t *testing.T) {
		w.empty(t)
		open(t, p.URL, postgres.Options{}.NextRelease()).Close()
		if w.check(t, "on", "") == 0 {
			t.Error("no write was seen")
		}
	})
}

// What is acknowledged is on stable storage, whatever the server, or the URL, is set to. So is a
// migration.
func TestSynchronousCommit(t *testing.T) {
	where := strings.Replace(newSchema(t), "lock_timeout="+patience+"&", "", 1) // as a service has it
	open(t, where, postgres.Options{}).Close()
	w := watch(t, where)
	where += "&options=-csynchronous_commit%3Doff" // as a server's own setting
	for i, url := range []string{where, where + "&synchronous_commit=off", where + "&synchronous_commit=NO", where + "&synchronous_commit=0"} {
		storetest.Update(t, open(t, url, postgres.Options{}), storetest.Insert("a1", fmt.Sprint("u", i)))
	}
	if w.check(t, "on", "10s") == 0 {
		t.Error("no write of an update was seen")
	}
	w.do(t, `DELETE FROM seen`)
	open(t, where, postgres.Options{}.NextRelease()).Close()
	if w.check(t, "on", "") == 0 {
		t.Error("no write of a migration was seen")
	}
}

// A server that does not bring to the disk what it confirms is told of.
func TestUnsafe(t *testing.T) {
	where := newSchema(t)
	w := watch(t, where)
	var told []string
	open(t, where, postgres.Options{Unsafe: func(setting string) { told = append(told, setting) }})
	for _, setting := range []string{"fsync", "full_page_writes"} {
		var value string
		if err := w.conn.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&value); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(told, setting); got != (value == "off") {
			t.Errorf("%s is %s, and Open told of %q", setting, value, told)
		}
	}
}

// PostgreSQL crashes and starts again, while the pooler and the store run on.
func TestPooler_Crash(t *testing.T) {
	needClusters(t)
	c := clustertest.New(t, "start")
	p := poolertest.Start(t, c.URL.String(), scalePage)
	l := newLoad(t, open(t, p.URL, postgres.Options{}), "crash")
	l.awaitAcknowledged(t, 5)
	c.Do(t, "crash")
	l.awaitAcknowledged(t, 2)
	l.end()
	l.check(t)
}

// watcher notes with which settings the tables of a store are written.
type watcher struct{ conn *pgx.Conn }

func watch(t *testing.T, url string) watcher {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	w := watcher{conn}
	w.do(t, `
		CREATE TABLE seen (what TEXT, synchronous_commit TEXT, lock_timeout TEXT);
		CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO seen VALUES (TG_OP || ' ' || TG_TABLE_NAME, current_setting('synchronous_commit'), current_setting('lock_timeout'));
			RETURN NULL;
		END $$;
		DO $$ DECLARE name TEXT; BEGIN
			FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'seen' LOOP
				EXECUTE format('CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION see()', name);
			END LOOP;
		END $$`)
	return w
}

func (w watcher) do(t *testing.T, script string) {
	t.Helper()
	if _, err := w.conn.Exec(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}

// empty empties the tables of the store, and forgets what was seen.
//
// It waits for the transactions of clients that have gone: the pooler, or the server, may still be
// about to notice, and one that was sent its COMMIT is yet to be carried out.
func (w watcher) empty(t *testing.T) {
	t.Helper()
	end := time.Now().Add(2 * time.Minute)
	for under := true; under; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("another transaction of the role does not end")
		}
		if err := w.conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE usename = current_user AND pid <> pg_backend_pid() AND xact_start IS NOT NULL)`).Scan(&under); err != nil {
			t.Fatal(err)
		}
	}
	w.do(t, `DO $$ DECLARE name TEXT; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT IN ('carillon_schema', 'seen') LOOP
			EXECUTE format('DELETE FROM %I', name);
		END LOOP;
		DELETE FROM seen;
	END $$`)
}

// check fails the test if anything was written with other settings. It returns how many kinds of
// writes there were. An empty lock timeout stands for any.
func (w watcher) check(t *testing.T, commit, lock string) (writes int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rows, err := w.conn.Query(ctx, `SELECT what, synchronous_commit, lock_timeout FROM seen GROUP BY 1, 2, 3`)
	if err != nil {
		t.Fatal(err)
	}
	var what, hasCommit, hasLock string
	if _, err := pgx.ForEachRow(rows, []any{&what, &hasCommit, &hasLock}, func() error {
		writes++
		if hasCommit != commit || hasLock != lock && lock != "" {
			t.Errorf("%s with synchronous_commit = %s and lock_timeout = %s, want %s and %s", what, hasCommit, hasLock, commit, lock)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return writes
}

// A start says what a pooler refuses, or drops, and what to do.
func TestPoolerRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ini  string
		url  func(url.Values)
		says []string
	}{
		{"prepared statements", "", func(q url.Values) { q.Del("default_query_exec_mode") }, []string{"add default_query_exec_mode=exec to the URL"}},
		{"a setting that is refused", "", func(q url.Values) { q.Set("statement_timeout", "5s") }, []string{"statement_timeout", "ALTER ROLE"}},
		{"options that are refused", "", func(q url.Values) { q.Set("options", "-c statement_timeout=5s") }, []string{"options", "ALTER ROLE"}},
		{"a setting that is dropped", "ignore_startup_parameters = statement_timeout", func(q url.Values) { q.Set("statement_timeout", "5s") }, []string{"statement_timeout", "ALTER ROLE"}},
		{"options that are dropped", "ignore_startup_parameters = options", func(q url.Values) { q.Set("options", `-c search_path=a,\ b`) }, []string{"search_path", "ALTER ROLE"}},
		{"transactions", "pool_mode = statement", nil, []string{"pool_mode = transaction"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := poolertest.Start(t, server(t), scalePage, test.ini)
			u, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			query := u.Query()
			if test.url != nil {
				test.url(query)
			}
			u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
			s, err := postgres.Open(t.Context(), u.String(), postgres.Options{})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("got error %q, want it to say %q", err, says)
				}
			}
		})
	}
}
