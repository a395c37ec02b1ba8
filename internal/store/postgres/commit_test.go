package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// What a server of several nodes says, a trigger says here: at the commit, or before.

// onCommit makes the server run statements of PL/pgSQL at each commit of an update that belongs to
// no account, when all has been written.
func onCommit(t *testing.T, url, body string) {
	t.Helper()
	psql(t, url, `DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries;
		CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+body+` RETURN NULL; END $$;
		DROP TRIGGER IF EXISTS at_commit ON commits;
		CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW WHEN (NOT NEW.undone) EXECUTE FUNCTION at_commit()`)
}

// before makes the server run statements before it writes a row of a table.
func before(t *testing.T, url, what, table, body string) {
	t.Helper()
	psql(t, url, `DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries;
		CREATE OR REPLACE FUNCTION before_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+body+` RETURN NEW; END $$;
		CREATE OR REPLACE TRIGGER before_write BEFORE `+what+` ON `+table+` FOR EACH ROW EXECUTE FUNCTION before_write()`)
}

// add is an update that appends to a setting. It counts how often it is run.
func add(runs *int, then ...func(store.Tx) error) func(store.Tx) error {
	return func(tx store.Tx) error {
		*runs++
		value, err := tx.Setting("n")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		err = tx.PutSetting("n", append(value, 'x'))
		for _, fn := range then {
			err = errors.Join(err, fn(tx))
		}
		return err
	}
}

func setting(t *testing.T, s store.Store) (value []byte) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.ReadTx) (err error) {
		value, err = r.Setting("n")
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return value
}

// An error or a warning at the commit does not say whether the update was committed.
func TestCommitUnknown(t *testing.T) {
	where := newSchema(t)
	s := open(t, where, postgres.Options{})
	once := func(body string) string { return `IF nextval('tries') = 1 THEN ` + body + ` END IF;` }
	const lose = `DELETE FROM commits WHERE token = NEW.token; DELETE FROM settings; `
	for _, test := range []struct {
		name, body string
		runs       int
		want       error
		value      string
	}{
		{"nothing", ``, 1, nil, "x"},
		{"a warning, and it is done", `RAISE WARNING 'a node did not answer';`, 1, nil, "x"},
		{"a warning, and it is lost", once(lose + `RAISE WARNING 'a node did not commit';`), 2, nil, "x"},
		{"a notice", `RAISE NOTICE 'nothing';`, 1, nil, "x"},
		{"an internal error", once(`RAISE 'could not commit on a node' USING ERRCODE = 'XX000';`), 2, nil, "x"},
		{"an I/O error", once(`RAISE 'could not read a file' USING ERRCODE = '58030';`), 2, nil, "x"},
		{"a node is gone", once(`RAISE 'connection to a node failed' USING ERRCODE = '08006';`), 2, nil, "x"},
		{"a node stays away", `RAISE 'connection to a node failed' USING ERRCODE = '08006';`, 3, store.ErrUnavailable, ""},
		{"could not serialize", once(`RAISE 'again' USING ERRCODE = '40001';`), 2, nil, "x"},
		{"the disk is full", `RAISE 'disk full' USING ERRCODE = '53100';`, 1, store.ErrFailed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			psql(t, where, `DELETE FROM settings`)
			onCommit(t, where, test.body)
			runs := 0
			if err := s.Update(t.Context(), add(&runs)); !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if runs != test.runs {
				t.Errorf("the function ran %d times, want %d", runs, test.runs)
			}
			if got := string(setting(t, s)); got != test.value {
				t.Errorf("got %q, want %q", got, test.value)
			}
		})
	}
}

// A node that is gone before the commit: the update is tried again at once, and not for long.
func TestNodeLost(t *testing.T) {
	where := newSchema(t)
	s := open(t, where, postgres.Options{})
	for _, test := range []struct {
		name, body string
		runs       int
		want       error
	}{
		{"for good", `RAISE 'connection to the remote node failed' USING ERRCODE = '08006';`, 3, store.ErrUnavailable},
		{"its connection was an old one", `IF nextval('tries') = 1 THEN RAISE 'connection to the remote node failed' USING ERRCODE = '08006'; END IF;`, 2, nil},
		{"a duplicate without its code", `RAISE 'duplicate key value violates unique constraint "settings_pkey_102008"' USING ERRCODE = 'XX000';`, 1, store.ErrExists},
	} {
		t.Run(test.name, func(t *testing.T) {
			psql(t, where, `DELETE FROM settings`)
			before(t, where, "INSERT", "settings", test.body)
			runs := 0
			if err := s.Update(t.Context(), add(&runs)); !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if runs != test.runs {
				t.Errorf("the function ran %d times, want %d", runs, test.runs)
			}
		})
	}
}

// The connection breaks while the server works on the last statements. Whether it comes to an end
// before somebody asks or afterwards, the update is applied once.
func TestCommitUnderWay(t *testing.T) {
	const gate = 20261129 // a lock of the server at which the update waits
	for _, test := range []struct {
		name string
		stop func(t *testing.T, url, body string) // where it waits
		runs int
	}{
		{"at the commit", onCommit, 1}, // the row is written, so whoever asks waits for it
		{"before", func(t *testing.T, url, body string) { before(t, url, "INSERT", "audit", body) }, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			where := newSchema(t) + "&application_name=commit_under_way"
			u, err := url.Parse(where)
			if err != nil {
				t.Fatal(err)
			}
			p := newProxy(t, u.Host)
			u.Host = p.addr
			s := open(t, u.String(), postgres.Options{Pool: 1}.Settling(5*time.Minute)) // Pool: the one that breaks has all statements prepared
			runs := 0
			audit := func(tx store.Tx) error {
				return tx.AppendAudit([]store.AuditRecord{{AWSAccountID: "111122223333", RequestID: "r"}})
			}
			storetest.Update(t, s, add(&runs, audit)) // so that all statements are prepared

			conn, err := pgx.Connect(t.Context(), where)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			test.stop(t, where, fmt.Sprintf(`PERFORM pg_advisory_xact_lock_shared(%d);`, gate))
			if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, gate); err != nil {
				t.Fatal(err)
			}
			// until waits for something that the server shows.
			until := func(condition string) {
				t.Helper()
				for is := false; !is; {
					if err := conn.QueryRow(t.Context(), `SELECT EXISTS (`+condition+`)`).Scan(&is); err != nil {
						t.Fatal(err)
					}
				}
			}
			runs = 0
			waits := make(chan struct{})
			ended := make(chan error)
			go func() {
				ended <- s.Update(t.Context(), add(&runs, audit, func(store.Tx) error {
					if runs == 1 {
						p.dropAtNext(waits)
					}
					return nil
				}))
			}()
			until(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ` + fmt.Sprint(gate) + ` AND NOT granted`)
			close(waits)
			// Somebody waits for the row, or has written that the update is undone.
			until(`SELECT FROM commits WHERE undone UNION ALL
				SELECT FROM pg_stat_activity WHERE application_name = 'commit_under_way' AND query LIKE 'INSERT INTO commits%' AND wait_event = 'transactionid'`)
			if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, gate); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Errorf("Update: %v", err)
			}
			if runs != test.runs {
				t.Errorf("the function ran %d times, want %d", runs, test.runs)
			}
			if got := string(setting(t, s)); got != "xx" {
				t.Errorf("got %q, want each update once", got)
			}
			if got := len(trail(t, s, "111122223333")); got != 2 {
				t.Errorf("got %d audit records, want 2", got)
			}
		})
	}
}

// An update that was prepared on a node is decided later. Until then nobody can know, and nobody
// says that it was not done.
func TestCommitPrepared(t *testing.T) {
	where := newSchema(t) + "&application_name=commit_prepared"
	s := open(t, where, postgres.Options{}.Settling(5*time.Minute))
	conn, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := fmt.Sprintf(" 'carillon_test_%d'", os.Getpid())
	defer conn.Exec(context.Background(), "ROLLBACK PREPARED"+name) // if the test has failed: it holds locks
	for _, end := range []string{"COMMIT PREPARED", "ROLLBACK PREPARED"} {
		token := postgres.NewToken("")
		for _, statement := range []string{
			`BEGIN`, fmt.Sprintf(`INSERT INTO commits (token, undone) VALUES (%d, FALSE)`, token.Number()), `PREPARE TRANSACTION` + name,
		} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		settled := make(chan bool)
		go func() {
			done, err := postgres.Settle(s, token)
			if err != nil {
				t.Errorf("settle: %v", err)
			}
			settled <- done
		}()
		for waits := false; !waits; {
			if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE application_name = 'commit_prepared' AND query LIKE 'INSERT INTO commits%' AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := conn.Exec(t.Context(), end+name); err != nil {
			t.Fatal(err)
		}
		if done := <-settled; done != strings.HasPrefix(end, "COMMIT") {
			t.Errorf("after %s: got %t", end, done)
		}
		// Whoever asks again gets the same answer.
		if done, err := postgres.Settle(s, token); err != nil || done != strings.HasPrefix(end, "COMMIT") {
			t.Errorf("after %s, asked again: got %t, %v", end, done, err)
		}
	}
}

// What updates are known by is deleted in the end, by the clock of the server.
func TestTokensForgotten(t *testing.T) {
	where := newSchema(t)
	open(t, where, postgres.Options{}).Close()
	psql(t, where, `INSERT INTO commits SELECT ((extract(epoch FROM now()) * 1000)::bigint - age) << 20, FALSE FROM unnest(ARRAY[0, 3500000, 3700000, 90000000]) AS age;
		INSERT INTO account_commits SELECT token, 'a1', undone FROM commits`)
	open(t, where, postgres.Options{})
	conn, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for left := 0; left != 4; {
		if err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM commits) + (SELECT count(*) FROM account_commits)`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left < 4 {
			t.Fatalf("%d tokens are left, want the 4 of the last hour", left)
		}
	}
}

// An update that is looked for when its token may be gone is not taken for undone.
func TestSettle_tooLate(t *testing.T) {
	s := open(t, newSchema(t), postgres.Options{})
	if done, err := postgres.Settle(s, postgres.OldToken(time.Hour)); err == nil {
		t.Errorf("got %t, want that nobody can know", done)
	}
}

// A server that answers, but takes no changes, is not ready until it does again.
func TestPing_noChanges(t *testing.T) {
	url := newSchema(t)
	s := open(t, url, postgres.Options{})
	runs := 0
	storetest.Update(t, s, add(&runs))
	onCommit(t, url, `RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full';`)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping before anything has failed: %v", err)
	}
	if err := s.Update(t.Context(), add(&runs)); !errors.Is(err, store.ErrFailed) && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Update: got error %v, want one of the storage", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Ping: got error %v, want %v", err, store.ErrUnavailable)
	}
	psql(t, url, `DROP TRIGGER at_commit ON commits`)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping, when changes are taken again: %v", err)
	}
}
