package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/postgres/poolertest"
)

// testServer is the URL of the PostgreSQL to test against.
func testServer(t testing.TB) string {
	t.Helper()
	base := cmp.Or(os.Getenv("CARILLON_TEST_CITUS"), os.Getenv("CARILLON_TEST_POSTGRES"))
	if base == "" {
		t.Skip("set CARILLON_TEST_POSTGRES to the URL of a PostgreSQL to test against; .ci/postgres run COMMAND does")
	}
	return base
}

// testPostgres is the URL of an empty schema there, which is dropped at the end of the test. If the
// tests are given a Citus instead, the schema is distributed.
func testPostgres(t testing.TB) string {
	t.Helper()
	return emptySchema(t, testServer(t), fmt.Sprintf("%s_%d", strings.ReplaceAll(strings.ToLower(t.Name()), "/", "_"), os.Getpid()))
}

// emptySchema makes a schema in a database, until the end of the test, and returns its URL.
func emptySchema(t testing.TB, base, schema string) string {
	t.Helper()
	psql(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { psql(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("application_name", schema)
	u.RawQuery = query.Encode()
	if os.Getenv("CARILLON_TEST_CITUS") != "" {
		if err := postgres.Distribute(context.WithoutCancel(t.Context()), u.String(), 0, func(string, string) {}); err != nil {
			t.Fatal(err)
		}
	}
	return u.String()
}

// psql runs a statement past the programs.
func psql(t testing.TB, database, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // tests clean up with it, too
	conn, err := pgx.Connect(ctx, database)
	if err == nil {
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Two services share a PostgreSQL: a root key, what is kept, and the key that seals secrets.
func TestServePostgres(t *testing.T) {
	database := testPostgres(t)
	t.Parallel()
	dir := t.TempDir()
	env := append(childEnv(dir), "CARILLON_DATABASE_URL="+database)
	start := func(args ...string) *service {
		s, err := startService("carillon", dir, env, args...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.end(os.Kill) })
		return s
	}
	one := start()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("without --data the service left %v in its directory, %v", left, err)
	}
	if !strings.Contains(one.complaints(), "carillon: warning: the key that encrypts access keys is in the database itself") {
		t.Errorf("complaints without --secret-key-file: got %q", one.complaints())
	}
	lines, err := os.ReadFile(one.stdout)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range exportLine.FindAllStringSubmatch(string(lines), -1) {
		env = append(env, line[1]+"="+line[2])
	}
	two := start("--database-pool", "2")
	for i, s := range []*service{one, two, one} {
		words := []string{"chime", "create-account", "--name", fmt.Sprint("from", i), "--endpoint-url", s.url}
		cmd := exec.Command("aws", words...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("aws %v: %v\n%s", words, err, out)
		}
	}
	list := exec.Command("aws", "chime", "list-accounts", "--query", "Accounts[].Name", "--output", "text", "--endpoint-url", two.url)
	list.Env = env
	if out, err := list.CombinedOutput(); err != nil || string(out) != "from0\tfrom1\tfrom2\n" {
		t.Errorf("accounts: got %q, %v, want those made through either service", out, err)
	}
	people := exec.Command("aws", "chime", "list-users", "--account-id", enterprise(t, operator(t, dir, env)), "--query", "length(Users)", "--endpoint-url", one.url)
	people.Env = env
	if out, err := people.CombinedOutput(); err != nil || string(out) != "3\n" {
		t.Errorf("people whom the operator registered beside the services: got %q, %v, want 3", out, err)
	}
	for _, s := range []*service{one, two} {
		if err := s.end(os.Interrupt); err != nil {
			t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
		}
	}

	// Neither a new key file nor a database that is not there is served.
	for complaint, args := range map[string][]string{
		"wrong secret key": {"--secret-key-file", filepath.Join(dir, "other.key")},
		"connect":          {"--database-url", "postgres://carillon:s3cret@127.0.0.1:1/none"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "other.key"), []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("carillon", append([]string{"serve"}, args...)...)
		cmd.Env = env
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(string(out), complaint) || strings.Contains(string(out), "s3cret") {
			t.Errorf("carillon serve %v: got exit code %d and %q, want 4, and it to say %q but no password", args, code, out, complaint)
		}
	}
}

// Services work through PgBouncer as docs/scale.md configures it. One whose URL is not as the page
// says exits, with what to do.
func TestServePooler(t *testing.T) {
	server := testServer(t)
	t.Parallel()
	p := poolertest.Start(t, server, "../../docs/scale.md")
	dir := t.TempDir()
	env := append(childEnv(dir), "CARILLON_DATABASE_URL="+p.URL)
	s, err := startService("carillon", dir, env, "--data", "lines")
	if err != nil {
		t.Fatal(err)
	}
	defer s.end(os.Kill)
	c := &crashClient{name: "client"}
	c.connect(t, s)
	c.createUsers(t)

	for _, test := range []struct{ old, new, says string }{
		{"?default_query_exec_mode=exec", "", "add default_query_exec_mode=exec to the URL"},
		{"?", "?statement_timeout=5s&", "the URL sets statement_timeout, but a pooler in between refuses that: remove it from the URL, and set it for the user by ALTER ROLE"},
	} {
		cmd := exec.Command("carillon", "serve", "--database-url", strings.Replace(p.URL, test.old, test.new, 1))
		cmd.Env = env
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(string(out), test.says) {
			t.Errorf("with %q for %q: got exit code %d and %q, want 4, and it to say %q", test.new, test.old, code, out, test.says)
		}
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
}

// onPostgres is where a crash test on a database strikes.
func onPostgres(t *testing.T, database string) crashSite {
	dir := t.TempDir()
	env := append(childEnv(dir), "CARILLON_DATABASE_URL="+database)
	return crashSite{
		start: func() *service {
			s, err := startService("carillon", dir, env, "--data", filepath.Join(dir, "lines"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.end(os.Kill) })
			return s
		},
		open: func() (store.Store, error) { return postgres.Open(t.Context(), database, postgres.Options{}) },
	}
}

// The service is killed as in TestCrash, its data being in PostgreSQL.
func TestCrashPostgres(t *testing.T) {
	database := testPostgres(t)
	t.Parallel()
	site := onPostgres(t, database)
	site.strike = func(s *service) *service {
		s.end(os.Kill)
		awaitSessionsEnd(t, database)
		return site.start()
	}
	crash(t, *crashRounds, site)
}

// awaitSessionsEnd waits until PostgreSQL is done with what a killed service had sent: a commit
// that was on its way may still take effect, and must not do so between two looks at the result.
func awaitSessionsEnd(t *testing.T, database string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Error(err)
		return
	}
	name := config.RuntimeParams["application_name"]
	config.RuntimeParams["application_name"] = "await"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for left := 1; left > 0; {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name).Scan(&left); err != nil {
			t.Errorf("waiting for %d sessions of a killed service: %v", left, err)
			return
		}
	}
}

// PostgreSQL itself stops, without any cleaning up, and starts again, while the service runs on.
// Batches are refused in between, and none is lost, halved or applied twice.
func TestCrashPostgresStops(t *testing.T) {
	testPostgres(t)
	if runtime.GOOS != "linux" {
		t.Skip("the script that starts a PostgreSQL of its own is made for Linux")
	}
	t.Parallel()
	dir, err := os.MkdirTemp("", "carillon-postgres-") // the server's user must get there
	if err != nil {
		t.Fatal(err)
	}
	cluster := func(word string) string {
		cmd := exec.Command("../../.ci/postgres", word, dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%v: %v", cmd, err)
		}
		return strings.TrimSpace(string(out))
	}
	database := cluster("start")
	defer cluster("stop")
	if t.Failed() {
		return
	}
	site := onPostgres(t, database)
	site.strike = func(s *service) *service {
		cluster("crash")
		return s
	}
	crash(t, max(1, *crashRounds/4), site)
}

// newDatabase makes an empty database on a server, for as long as the test runs.
func newDatabase(t *testing.T, base, name string) string {
	t.Helper()
	name = fmt.Sprintf("%s_%d", name, os.Getpid())
	psql(t, base, "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE template0")
	t.Cleanup(func() { psql(t, base, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path, u.RawQuery = "/"+name, ""
	return u.String()
}

// moving finds the section of docs/scale.md whose commands TestPostgresMove runs.
var moving = regexp.MustCompile(`(?ms)^### Moving from SQLite$.*?^### `)

// The commands of docs/scale.md move what a service on SQLite has to PostgreSQL. Its scripts find
// there what they had.
func TestPostgresMove(t *testing.T) {
	takesTurns(t)
	base := testPostgres(t)
	t.Parallel()
	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(moving.FindString(string(page)), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != 2 {
		t.Fatalf("the section has %d blocks, want one that saves and one that imports", len(blocks))
	}
	dir := t.TempDir()
	env := childEnv(dir)
	run := func(script string, more ...string) string {
		t.Helper()
		var complaints bytes.Buffer
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, append(env, more...), &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, complaints.String())
		}
		return strings.TrimSpace(string(out))
	}
	old, err := startService("carillon", dir, env, "--data", "old")
	if err != nil {
		t.Fatal(err)
	}
	defer old.end(os.Kill)
	const keys = ". old/root-key.sh\n"
	id := run(`export CARILLON_DATA=old
carillon account create --name Corp --type EnterpriseLWA --output json | sed -n 's/.*"AccountId": "\(.*\)",/\1/p'`)
	run(keys + `export CARILLON_DATA=old
carillon domain claim --account-id Corp example.com
carillon user register --account-id Corp --email ana@example.com
aws chime invite-users --account-id "$(aws chime create-account --name Team --query Account.AccountId --output text)" --user-email-list bo@example.net`)

	target := []string{"CARILLON_DATABASE_URL=" + newDatabase(t, base, "moved"), "CARILLON_SECRET_KEY_FILE=" + filepath.Join(dir, "secret.key")}
	run(strings.ReplaceAll(blocks[0], "/var/lib/carillon", "old"))
	begin, ok := strings.CutSuffix(strings.ReplaceAll(blocks[1], "ACCOUNT_ID example", id+" example"), "carillon serve\n")
	if !ok {
		t.Fatalf("the commands do not end with carillon serve:\n%s", blocks[1])
	}
	run(keys+begin, target...)
	moved, err := startService("carillon", dir, append(append(env, target...),
		"CARILLON_ROOT_ACCESS_KEY_ID="+old.env["AWS_ACCESS_KEY_ID"], "CARILLON_ROOT_SECRET_ACCESS_KEY="+old.env["AWS_SECRET_ACCESS_KEY"]))
	if err != nil {
		t.Fatal(err)
	}
	defer moved.end(os.Kill)
	const list = keys + `aws chime list-accounts
for ID in $(aws chime list-accounts --query 'Accounts[].AccountId' --output text); do aws chime list-users --account-id "$ID"; done`
	want := run(list)
	if got := run(strings.Replace(list, keys, keys+"AWS_ENDPOINT_URL_CHIME="+moved.url+"\n", 1)); got != want || !strings.Contains(want, "bo@example.net") {
		t.Errorf("on PostgreSQL there is\n%s\nand on SQLite\n%s", got, want)
	}
}

// The commands of docs/scale.md save a database that is being served, and make another one of it.
func TestPostgresDump(t *testing.T) {
	takesTurns(t)
	base := testPostgres(t)
	if _, err := exec.LookPath("pg_dump"); err != nil {
		t.Skip("the client programs of PostgreSQL are not on PATH")
	}
	t.Parallel()
	dir := t.TempDir()
	restored := newDatabase(t, base, "restored")
	env := append(childEnv(dir), "CARILLON_SECRET_KEY_FILE="+filepath.Join(dir, "secret.key"),
		"CARILLON_DATABASE_URL="+newDatabase(t, base, "served"), "NEW_DATABASE_URL="+restored)
	s, err := startService("carillon", dir, env, "--data", "lines")
	if err != nil {
		t.Fatal(err)
	}
	defer s.end(os.Kill)
	c := &crashClient{name: "client"}
	c.connect(t, s)
	c.createUsers(t)
	// change has the client send some batches.
	change := func() {
		t.Helper()
		replied := make(chan string)
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			c.change(ctx, t, replied)
			close(replied)
		}()
		for range 5 {
			<-replied
		}
		stop()
		for range replied {
		}
	}
	change()

	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"pg_dump", "pg_restore"} {
		command := regexp.MustCompile(`(?m)^` + program + ` .*$`).FindString(string(page))
		if command == "" {
			t.Fatalf("docs/scale.md has no command that begins with %s", program)
		}
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	keys := s.env
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if s, err = startService("carillon", dir, env, "--database-url", restored); err != nil {
		t.Fatal(err)
	}
	defer s.end(os.Kill)
	s.env = keys
	check := func() {
		t.Helper()
		c.connect(t, s)
		c.check(t, readTrail(t, func() (store.Store, error) {
			return postgres.Open(t.Context(), restored, postgres.Options{Beside: true})
		}), 0)
	}
	check()
	change()
	check()
}

// Without Citus nothing is distributed, and the person is told what comes first.
func TestScaleCitus_none(t *testing.T) {
	if os.Getenv("CARILLON_TEST_CITUS") != "" {
		return // the other tests distribute their databases
	}
	database := testPostgres(t)
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		variable, says string
		code           int
	}{
		{"CARILLON_DATABASE_URL=" + database, "CREATE EXTENSION citus", 4},
		{"CARILLON_DATABASE_URL=", "say which database", 2},
	} {
		cmd := exec.Command("carillon", "scale", "citus")
		cmd.Env = append(childEnv(dir), test.variable)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("got %v and %q, want exit code %d and %q", err, out, test.code, test.says)
		}
	}
}
