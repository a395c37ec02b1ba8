package postgres_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// postgresURL names a PostgreSQL whose user may create schemas; each test has one of its own.
const postgresURL = "CARILLON_TEST_POSTGRES"

// server returns the URL of that PostgreSQL.
func server(t testing.TB) string {
	t.Helper()
	base := cmp.Or(os.Getenv(citusURL), os.Getenv(postgresURL))
	if base == "" {
		t.Skip("set " + postgresURL + " to the URL of a PostgreSQL to test against, such as postgres://postgres@127.0.0.1/postgres")
	}
	return base
}

// patience is how long a test may wait for a lock, as PostgreSQL shows it. Whoever has it may wait
// for the disk, and for the machine.
const patience = "2min"

// newSchema makes an empty schema, which is dropped when the test ends, and returns the URL that
// leads to it.
func newSchema(t testing.TB) string {
	t.Helper()
	base := server(t)
	name := fmt.Sprintf("test_%d_%s", os.Getpid(), strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, t.Name())))
	name = name[:min(len(name), 60)]
	psql(t, base, "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name)
	t.Cleanup(func() { psql(t, base, "DROP SCHEMA "+name+" CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", name)
	query.Set("lock_timeout", patience)
	u.RawQuery = query.Encode()
	return u.String()
}

// psql runs statements past the store.
func psql(t testing.TB, url, script string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // tests clean up with it, too
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, script); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, url string, opts postgres.Options) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	server(t) // or there is nothing to check
	var statements sync.Map
	opts := postgres.Options{}.Traced(func(sql string) { statements.Store(sql, true) })
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Store {
		opts := opts
		opts.Clock = clock
		return open(t, newDatabase(t), opts)
	})
	t.Run("Statements", func(t *testing.T) { checkStatements(t, maps.Collect(statements.Range)) })
}

func TestLookups(t *testing.T) {
	for pool, views := range map[int]int{2: 1, 3: 2, 6: 4} {
		t.Run(fmt.Sprint("pool=", pool), func(t *testing.T) {
			storetest.RunLookups(t, open(t, newDatabase(t), postgres.Options{Pool: pool}), views)
		})
	}
}

// The server may have fewer connections than the pool. Clients then wait for those that there are,
// also when somebody else has them all.
func TestFewConnections(t *testing.T) {
	u, err := url.Parse(newSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	base := cmp.Or(os.Getenv(citusURL), os.Getenv(postgresURL))
	role := fmt.Sprintf("few_%d", os.Getpid())
	psql(t, base, "CREATE ROLE "+role+" LOGIN CONNECTION LIMIT 3; GRANT ALL ON SCHEMA "+u.Query().Get("search_path")+" TO "+role)
	t.Cleanup(func() { psql(t, base, "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role) })
	u.User = url.User(role)

	others := make([]*pgx.Conn, 3)
	for i := range others {
		if others[i], err = pgx.Connect(t.Context(), u.String()); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(100*time.Millisecond, func() {
		for _, conn := range others {
			conn.Close(context.Background())
		}
	})
	s := open(t, u.String(), postgres.Options{Pool: 16}) // waits for the others

	var clients sync.WaitGroup
	for i := range 32 {
		clients.Go(func() {
			for n := range 10 {
				if err := s.Update(t.Context(), storetest.Insert("a1", fmt.Sprint("u", i, "-", n))); err != nil {
					t.Errorf("Update: %v", err)
				}
				if err := s.Ping(t.Context()); err != nil {
					t.Errorf("Ping: %v", err)
				}
				if _, err := s.AccessKey(t.Context(), "AKIA"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("AccessKey: %v", err)
				}
			}
		})
	}
	clients.Wait()
	if got := len(storetest.UserIDs(t, s, "a1")); got != 320 {
		t.Errorf("the account has %d users, want 320", got)
	}
}

func TestUpgrade(t *testing.T) {
	storetest.RunUpgrade(t, func(t *testing.T) func(storetest.Release) (store.Store, error) {
		url := newSchema(t)
		return func(by storetest.Release) (store.Store, error) {
			opts := postgres.Options{Beside: by.Beside}
			if by.Next {
				opts = opts.NextRelease()
			}
			return postgres.Open(t.Context(), url, opts)
		}
	})
}

func TestUpgradeAddresses(t *testing.T) { storetest.RunAddresses(t, firstRelease) }

func TestUpgradeTrail(t *testing.T) { storetest.RunTrail(t, firstRelease) }

func TestUpgradeUserNumbers(t *testing.T) { storetest.RunUserNumbers(t, firstRelease) }

// firstRelease makes a database as the first release did. It returns functions that run a script on
// it and that open it.
func firstRelease(t *testing.T) (func(string), func() (store.Store, store.Upgraded)) {
	url := newSchema(t)
	open(t, url, postgres.Options{}.FirstRelease()).Close()
	return func(sql string) { psql(t, url, sql) }, func() (store.Store, store.Upgraded) {
		var found store.Upgraded
		s := open(t, url, postgres.Options{Upgraded: func(u store.Upgraded) { found = u }})
		return s, found
	}
}

// .ci/postgres run go test ./internal/store/postgres -run '^$' -bench 'Batch$' -benchtime 3000x
func BenchmarkBatch(b *testing.B) {
	storetest.Benchmark(b, open(b, newDatabase(b), postgres.Options{}))
}

func TestReopen(t *testing.T) {
	url := newDatabase(t)
	s := open(t, url, postgres.Options{})
	storetest.Update(t, s, storetest.Insert("a1", "u1"))
	s.Close()
	s = open(t, url, postgres.Options{})
	if got, want := storetest.UserIDs(t, s, "a1"), []string{"u1"}; !slices.Equal(got, want) {
		t.Errorf("users after reopening: got %v, want %v", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	secret := func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "s3cret"); u.Host = "127.0.0.1:1" }
	tests := []struct {
		name  string
		setup func(t *testing.T, url string)
		url   func(*url.URL)
		says  string
		is    error
	}{
		{"a newer schema", func(t *testing.T, url string) {
			open(t, url, postgres.Options{}).Close()
			psql(t, url, "UPDATE carillon_schema SET version = 9999")
		}, nil, "schema 9999", store.ErrNewerSchema},
		{"tables of another program", func(t *testing.T, url string) {
			psql(t, url, "CREATE TABLE accounts (name TEXT)")
		}, nil, "another program", nil},
		{"a schema that does not exist", nil, func(u *url.URL) { u.RawQuery = "search_path=no_such_schema" }, "search_path", nil},
		{"a database that does not exist", nil, func(u *url.URL) { u.Path = "/no_such_database" }, "create the database", nil},
		{"nobody there", nil, secret, "127.0.0.1:1", nil},
		{"a misspelled parameter", nil, func(u *url.URL) { secret(u); u.RawQuery = "sslmode=perhaps" }, "sslmode", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			where := newSchema(t)
			if test.setup != nil {
				test.setup(t, where)
			}
			if test.url != nil {
				u, err := url.Parse(where)
				if err != nil {
					t.Fatal(err)
				}
				test.url(u)
				where = u.String()
			}
			s, err := postgres.Open(t.Context(), where, postgres.Options{})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got error %q, want it to say %q, and no password", err, test.says)
			}
			if strings.Count(err.Error(), "create the database") > 1 {
				t.Errorf("got error %q, which says the same twice", err)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got error %v, want %v", err, test.is)
			}
		})
	}
}

// An @ may be in what is no password. Nobody answers there.
func TestOpen_AtSign(t *testing.T) {
	for _, text := range []string{
		"host=127.0.0.1 port=1 user=mary dbname=team@corp", "postgres://mary:s3cret@127.0.0.1:1/team@corp", "postgres://mary:s3%40cret@127.0.0.1:1/people",
		"postgres:///people?host=/nowhere/pg@14", "postgres://mary@127.0.0.1:1/?dbname=team@corp",
	} {
		s, err := postgres.Open(t.Context(), text, postgres.Options{})
		if err == nil {
			s.Close()
			t.Fatalf("%s was opened", text)
		}
		if strings.Contains(err.Error(), "%40") || !strings.HasPrefix(err.Error(), "opening database ") {
			t.Errorf("%s: got %v, want that nobody answers", text, err)
		}
	}
}

// Nobody can tell where the password is in a URL that does not parse, so nothing of it is shown.
func TestOpen_InvalidURL(t *testing.T) {
	for _, test := range []struct{ url, says string }{
		{"postgres://mary:s3/cr#et@db.example.com/people", "%40 for @"},
		{"postgres://mary:s3cr%et@db.example.com/people", "%40 for @"},
		{"postgres://mary:s3cret@db.example.com:s3cret/people", "%40 for @"},
		{"postgres://mary:s3cret@db.example.com/people?connect_timeout=s3cret", "connect_timeout"},
		{"postgres://mary:s3cret@db.example.com/people?sslmode=require&sslrootcert=/s3cret", "sslrootcert"},
		{"postgres://mary:s3cret@db.example.com/people?sslmode=s3cret&connect_timeout=s3cret", "%40 for @"},
		{"postgres://mary:s3cr@et@db.example.com/people", "%40 for @"},
		{"postgres://mary:s3cr@et@db.example.com/people?sslmode=require", "%40 for @"},
		{"postgres://mary:12/s3cret@db.example.com/people", "%40 for @"},
		{"postgres://mary:s3cret@db.example.com/people?default_query_exec_mode=simple_protocol", "use exec"},
		{"mary:s3cret@db.example.com/people", "%40 for @"},
		{"host=db.example.com user=mary password=s3cret sslmode=people", "%40 for @"},
	} {
		s, err := postgres.Open(t.Context(), test.url, postgres.Options{})
		if err == nil {
			s.Close()
			t.Fatalf("%s was opened", test.url)
		}
		if !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got error %q, want it to say %q", test.url, err, test.says)
		}
		for _, part := range []string{"mary", "s3", "cr#", "cr%", "et@", "example", "people"} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error %q shows %q", test.url, err, part)
			}
		}
	}
}

// Several services start at once on a new schema, and all of them see what each writes.
func TestSeveral(t *testing.T) {
	url := newDatabase(t)
	const services, each = 4, 10
	var wg sync.WaitGroup
	for i := range services {
		wg.Go(func() {
			s, err := postgres.Open(context.Background(), url, postgres.Options{Pool: 4})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			var batch sync.WaitGroup
			for n := range each {
				batch.Go(func() {
					if err := s.Update(context.Background(), func(tx store.Tx) error {
						if err := storetest.Insert("a1", fmt.Sprint("u", i, "-", n))(tx); err != nil {
							return err
						}
						return tx.AppendAudit(make([]store.AuditRecord, 3))
					}); err != nil {
						t.Error(err)
					}
				})
			}
			batch.Wait()
		})
	}
	wg.Wait()
	s := open(t, url, postgres.Options{})
	if got, want := len(storetest.UserIDs(t, s, "a1")), services*each; got != want {
		t.Errorf("got %d users, want %d", got, want)
	}
	if got, want := len(trail(t, s, "")), 3*services*each; got != want {
		t.Errorf("got %d audit records, want %d", got, want)
	}
}

func trail(t *testing.T, s store.Store, awsAccountID string) (records []store.AuditRecord) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.ReadTx) (err error) {
		records, _, err = r.Audit(awsAccountID, store.AuditFilter{}, 0, 1000)
		return err
	}); err != nil {
		t.Fatalf("View: %v", err)
	}
	return records
}

// An update that waits for a connection gives up when its context ends.
func TestPoolInUse(t *testing.T) {
	s := open(t, newSchema(t), postgres.Options{Pool: 1})
	storetest.Update(t, s, func(store.Tx) error {
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error)
		go func() {
			result <- s.Update(ctx, func(store.Tx) error { t.Error("the function ran"); return nil })
		}()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Update: got error %v, want %v", err, context.Canceled)
		}
		return nil
	})
}

// Two updates that lock in opposite order: the server ends one, which then starts again.
func TestDeadlock(t *testing.T) {
	s := open(t, newSchema(t), postgres.Options{})
	var met sync.WaitGroup
	met.Add(2)
	var runs atomic.Int32
	var wg sync.WaitGroup
	for i, order := range [][]string{{"x", "y"}, {"y", "x"}} {
		wg.Go(func() {
			first := true
			if err := s.Update(context.Background(), func(tx store.Tx) error {
				runs.Add(1)
				for n, name := range order {
					if _, err := tx.DomainOwners([]string{name}); err != nil {
						return err
					}
					if n == 0 && first {
						first = false
						met.Done()
						met.Wait()
					}
				}
				return tx.PutSetting(fmt.Sprint("done", i), nil)
			}); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	if n := runs.Load(); n != 3 {
		t.Errorf("the functions ran %d times, want 3: one of them twice", n)
	}
	if got := s.Stats(); got.Committed != 2 || got.Commits != 2 || got.Repeats != 1 || got.Failed != 0 {
		t.Errorf("got %+v, want 2 updates committed and 1 repeat", got)
	}
}

// Requests bring text that PostgreSQL cannot keep.
func TestText(t *testing.T) { testText(t, newSchema(t)) }

func testText(t *testing.T, url string) {
	s := open(t, url, postgres.Options{})
	user := store.User{AccountID: "a1", UserID: "u1", Email: "u1@example.com", DisplayName: "nul \x00, broken \xff."}
	storetest.Update(t, s, func(tx store.Tx) error { return tx.InsertUsers([]store.User{user}) })
	if err := s.View(t.Context(), func(r store.ReadTx) error {
		users, err := r.Users("a1", []string{"u1", "\x00"})
		if err == nil && (len(users) != 1 || users[0].DisplayName != "nul \uFFFD, broken \uFFFD.") {
			t.Errorf("got users %+v", users)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// What does not fit into an index is refused in words that do not repeat it.
func TestTextTooLong(t *testing.T) {
	s := open(t, newSchema(t), postgres.Options{})
	var email strings.Builder // that cannot be compressed
	for i := range 2000 {
		fmt.Fprintf(&email, "%x", uint32(i*2654435761))
	}
	err := s.Update(t.Context(), storetest.Insert("a1", email.String()))
	if !errors.Is(err, store.ErrFailed) || strings.Contains(err.Error(), email.String()[:20]) || len(err.Error()) > 500 {
		t.Errorf("got error %v, want %v without the address", err, store.ErrFailed)
	}
}

// The server ends all connections, as in a restart. Nobody notices.
func TestConnectionsEnd(t *testing.T) {
	url := newSchema(t)
	testConnectionsEnd(t, url, url)
}

func testConnectionsEnd(t *testing.T, url, direct string) {
	s := open(t, url+"&application_name=ending", postgres.Options{})
	terminate := func() {
		psql(t, direct, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'ending' AND pid <> pg_backend_pid()`)
	}
	busy := func() {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if err := s.Update(context.Background(), func(tx store.Tx) error {
					value, err := tx.Setting("n")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					return tx.PutSetting("n", append(value, 'x'))
				}); err != nil {
					t.Errorf("Update %d: %v", i, err)
				}
				if err := s.View(context.Background(), func(r store.ReadTx) error { _, err := r.HasUsers("a1"); return err }); err != nil {
					t.Errorf("View %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	}
	busy()
	terminate()
	busy()
	cut := false
	storetest.Update(t, s, func(tx store.Tx) error { // in the middle
		value, err := tx.Setting("n")
		if err != nil {
			return err
		}
		if !cut {
			cut = true
			terminate()
		}
		return tx.PutSetting("n", append(value, 'x'))
	})
	if err := s.View(t.Context(), func(r store.ReadTx) error {
		value, err := r.Setting("n")
		if len(value) != 33 {
			t.Errorf("got %d updates, want 33", len(value))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// The connection breaks at the commit, before the commit gets through or before its answer does.
// Either way the update is applied once.
func TestCommitAnswerLost(t *testing.T) { testCommitAnswerLost(t, newDatabase(t)) }

func testCommitAnswerLost(t *testing.T, where string) {
	for _, test := range []struct {
		name    string
		forward bool // the commit reaches the server
		audited bool
		runs    int
	}{
		{"commit lost", false, false, 2},
		{"commit lost, audited", false, true, 2},
		{"answer lost", true, false, 1},
		{"answer lost, audited", true, true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(where)
			if err != nil {
				t.Fatal(err)
			}
			p := newProxy(t, u.Host)
			u.Host = p.addr
			s := open(t, u.String(), postgres.Options{Pool: 1})
			runs := 0
			add := func(cut bool) {
				runs = 0
				storetest.Update(t, s, func(tx store.Tx) error {
					runs++
					value, err := tx.Setting(test.name)
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					err = tx.PutSetting(test.name, append(value, 'x'))
					if err == nil && test.audited {
						err = tx.AppendAudit([]store.AuditRecord{{AWSAccountID: test.name, RequestID: "r"}})
					}
					if cut && runs == 1 {
						p.cutAtNext(test.forward)
					}
					return err
				})
			}
			add(false) // so that all statements are prepared: the next thing sent will be the commit
			add(true)
			if runs != test.runs {
				t.Errorf("the function ran %d times, want %d", runs, test.runs)
			}
			if got := s.Stats(); got.Committed != 2 || got.Commits != 2 || got.Repeats != uint64(test.runs-1) {
				t.Errorf("got %+v, want 2 commits, and %d repeats", got, test.runs-1)
			}
			if err := s.View(t.Context(), func(r store.ReadTx) error {
				value, err := r.Setting(test.name)
				if string(value) != "xx" {
					t.Errorf("got %q, want each update once", value)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if n := len(trail(t, s, test.name)); test.audited && n != 2 {
				t.Errorf("got %d audit records, want 2", n)
			}
		})
	}
}

// The connection breaks in the middle of the first answer of a transaction. No row is read twice.
func TestAnswerCut(t *testing.T) {
	u, err := url.Parse(newDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	u.Host = p.addr
	s := open(t, u.String(), postgres.Options{Pool: 1})
	users := make([]store.User, 1000)
	for i := range users {
		users[i] = store.User{AccountID: "a1", UserID: fmt.Sprint("u", i), Email: fmt.Sprint("u", i, "@example.com")}
	}
	storetest.Update(t, s, func(tx store.Tx) error { return tx.InsertUsers(users) })
	list := func(r store.ReadTx) (n int, err error) {
		page, _, err := r.ListUsers("a1", store.UserFilter{}, 0, len(users))
		return len(page), err
	}
	view := func() (n int, err error) {
		err = s.View(t.Context(), func(r store.ReadTx) (err error) {
			n, err = list(r)
			return err
		})
		return n, err
	}
	if n, err := view(); n != len(users) || err != nil { // so that the statement is prepared
		t.Fatalf("got %d users, %v", n, err)
	}
	p.left.Store(20_000)
	if n, err := view(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a view: got %d users, %v, want %v", n, err, store.ErrUnavailable)
	}
	if n, err := view(); n != len(users) || err != nil {
		t.Fatalf("the next view: got %d users, %v", n, err)
	}
	p.left.Store(20_000)
	n := 0
	storetest.Update(t, s, func(tx store.Tx) (err error) {
		n, err = list(tx)
		return err
	})
	if n != len(users) {
		t.Errorf("an update: got %d users, want %d", n, len(users))
	}
}

// proxy passes bytes on between the store and the server, and can break a connection.
type proxy struct {
	addr   string
	target string
	cut    atomic.Pointer[bool]          // break at the next bytes of the store; true: once the server has answered
	left   atomic.Int64                  // break when the server has said so much more; 0: do not
	drop   atomic.Pointer[chan struct{}] // pass on what the store says next, and break when this is closed
	wire   atomic.Pointer[wire]          // reads what the store says
	silent atomic.Bool                   // pass on nothing that the server says
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), target: target}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) cutAtNext(forward bool) { p.cut.Store(&forward) }

func (p *proxy) dropAtNext(when chan struct{}) { p.drop.Store(&when) }

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	var silent atomic.Bool // what the server says is not passed on
	answered := make(chan struct{}, 1)
	go func() {
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if silent.Load() {
				answered <- struct{}{}
				return
			}
			if p.silent.Load() {
				continue
			}
			if left := p.left.Load(); left > 0 {
				if int64(n) >= left {
					client.Write(buffer[:left])
					p.left.Store(0)
					return
				}
				p.left.Store(left - int64(n))
			}
			client.Write(buffer[:n])
		}
	}()
	wire := &wireConn{wire: p.wire.Load(), prepared: make(map[string]string)}
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if wire.wire != nil {
			wire.read(buffer[:n])
		}
		if n == 16 && binary.BigEndian.Uint32(buffer[4:]) == 80877102 {
			return // a request to cancel what a broken connection was doing: it may come too late
		}
		if forward := p.cut.Swap(nil); forward != nil {
			if *forward {
				silent.Store(true)
				server.Write(buffer[:n])
				<-answered
			}
			return
		}
		server.Write(buffer[:n])
		if when := p.drop.Swap(nil); when != nil {
			go func() { // until then all is passed on
				<-*when
				client.Close()
				server.Close()
			}()
		}
	}
}

// A page of the trail that few records pass looks at no more than a page may, whatever the plan.
func TestPlans_filter(t *testing.T) {
	url := newSchema(t)
	s := open(t, url, postgres.Options{Pool: 1})
	records := make([]store.AuditRecord, 4*store.ScanRows)
	for i := range records {
		records[i] = store.AuditRecord{AWSAccountID: "111122223333", AccountID: "a1", Target: fmt.Sprint("u", i)}
	}
	storetest.Update(t, s, func(tx store.Tx) error { return tx.AppendAudit(records) })
	const pages = 10 // enough for the server to keep a plan
	for range pages {
		if err := s.View(t.Context(), func(r store.ReadTx) error {
			page, next, err := r.Audit("111122223333", store.AuditFilter{Target: "nobody"}, 0, 10)
			if len(page) != 0 || next == 0 {
				t.Errorf("got %d records, and the next at %d", len(page), next)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var read int
	for read < pages*store.ScanRows { // the figures come late
		if err := conn.QueryRow(t.Context(), `SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relid = 'account_audit'::regclass`).Scan(&read); err != nil {
			t.Fatal(err)
		}
	}
	if most := pages * 2 * (store.ScanRows + 100); read > most {
		t.Errorf("%d pages read %d records by an index, want %d at most", pages, read, most)
	}
}

// A connection keeps its plans. A plan that it made while a table was almost empty must not read
// the whole table when that has grown.
func TestPlans(t *testing.T) {
	url := newSchema(t)
	s := open(t, url, postgres.Options{Pool: 1})
	const users, batches = 60, 200
	var all []store.User
	for i := range users {
		all = append(all, store.User{AccountID: "a1", UserID: fmt.Sprint("u", i), Email: fmt.Sprint("u", i, "@example.com"), License: "Pro", Registration: "Registered"})
	}
	a := store.Account{AWSAccountID: "111122223333", AccountID: "a1"}
	storetest.Update(t, s, func(tx store.Tx) error { return errors.Join(tx.InsertAccount(&a), tx.InsertUsers(all)) })
	psql(t, url, "ANALYZE users, account_audit") // which says that they are small
	for range batches {
		storetest.Update(t, s, storetest.Batch("a1", users))
	}
	if err := s.Close(); err != nil { // sends the connection's figures to the server
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var added, whole, byIndex int
	for added < batches*20 {
		if err := conn.QueryRow(ctx, `SELECT n_tup_ins, seq_scan, (SELECT sum(idx_tup_read)::int FROM pg_stat_user_indexes WHERE relid = t.relid)
			FROM pg_stat_user_tables AS t WHERE relid = 'account_audit'::regclass`).Scan(&added, &whole, &byIndex); err != nil {
			t.Fatal(err)
		}
	}
	if byIndex > 2*batches || whole > 10 { // by migrations, and by ANALYZE
		t.Errorf("%d batches read %d records of the trail by an index, and all of it %d times", batches, byIndex, whole)
	}
	if err := conn.QueryRow(ctx, `SELECT seq_scan FROM pg_stat_user_tables AS t WHERE relid = 'users'::regclass`).Scan(&whole); err != nil || whole > 5 { // by migrations
		t.Errorf("%d batches read all users %d times, %v", batches, whole, err)
	}
}
