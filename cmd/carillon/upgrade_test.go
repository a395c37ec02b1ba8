package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/document"
)

// A database from the release that compared addresses in lower case is upgraded when the service
// starts. The log names the users that an operator has to see to, by ids alone. All of them can be
// listed, changed and removed as before.
func TestUpgradeAddresses(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	schema, err := os.ReadFile("../../internal/store/sqlite/migrations/0001_directory.sql")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "carillon-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	script := string(schema) + `
		PRAGMA application_id = 0x43524c4e; PRAGMA user_version = 1;
		INSERT INTO account_owners VALUES ('A', '111122223333');
		INSERT INTO accounts VALUES ('111122223333', 1, 'A', 'Acme', 'Team', 'Active', 'Pro', '["Basic","Pro"]', 0, '[]', 0, 0, 0);`
	for i, email := range []string{"fine@example.com", "José@example.com", "Jose\u0301@example.com", "x@example.com."} {
		id, key := string(rune('a'+i)), strings.ToLower(email)
		script += `
			INSERT INTO users VALUES ('A', ` + string(rune('1'+i)) + `, 'user-` + id + `', '` + key + `', '` + email + `', 'Somebody', 'Pro',
				'PrivateUser', 'Registered', 1, '', '', 0, 0, '', '', '', '', 0, 0, 0);
			INSERT INTO emails VALUES ('` + key + `', 'A', 'user-` + id + `', 1);`
	}
	db, err := sql.Open("sqlite", filepath.Join(data, "carillon.db"))
	if err == nil {
		_, err = db.Exec(script)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := serving(t, dir)
	log := s.complaints()
	for _, line := range []string{
		"users_compared_differently=1 unfit=1 doubled=1 in_claimed_domains=0 claims_without_effect=0",
		"then suspend this user\" account_id=A user_ids=[user-d]",
		"suspend the one who is not needed\" account_id=A user_ids=[user-c]",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log does not say %q:\n%s", line, log)
		}
	}
	if strings.Contains(log, "@") {
		t.Errorf("there is an address in the log:\n%s", log)
	}

	c := &crashClient{name: "upgrade", account: "A"}
	c.connect(t, s)
	call := func(operation string, input ...document.Member) *document.Object {
		t.Helper()
		reply, err := c.call(operation, append([]document.Member{{Key: "AccountId", Value: "A"}}, input...)...)
		if err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		return reply
	}
	if got := len(member(call("ListUsers"), "Users").([]any)); got != 4 {
		t.Errorf("got %d users, want 4", got)
	}
	for _, id := range []string{"user-b", "user-c", "user-d"} {
		call("UpdateUser", document.Member{Key: "UserId", Value: id}, document.Member{Key: "LicenseType", Value: "Basic"})
	}
	reply := call("BatchSuspendUser", document.Member{Key: "UserIdList", Value: []any{"user-c", "user-d"}})
	if got := member(reply, "UserErrors").([]any); len(got) != 0 {
		t.Errorf("suspending: got %d errors, want none", len(got))
	}
	found := member(call("ListUsers", document.Member{Key: "UserEmail", Value: "JOSE\u0301@example.com"}), "Users").([]any)
	if len(found) != 1 || member(found[0], "UserId") != "user-b" {
		t.Errorf("the one who is left is not found by the address: got %d users", len(found))
	}

	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v", err)
	}
	if again := serving(t, dir).complaints(); strings.Contains(again, "addresses are compared") {
		t.Errorf("the next start reports again:\n%s", again)
	}
}

// A database of the former release, saved as its programs left it, is read as before by today's,
// and the operations that are new work on it. testdata/former has what the former release answered,
// and its trail; database.sql is what its tables held after migration 0006.
func TestUpgradeFormerRelease(t *testing.T) {
	takesTurns(t)
	for engine, start := range formerReleases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env, args := start(t, dir, "")
			checkFormer(t, dir, env, args...)
		})
	}
}

// BenchmarkUpgrade reports how long a service takes, from its start until it serves, if it has to
// upgrade a database of the former release with 10^6 users, a tenth of them with phone numbers.
//
//	go test ./cmd/carillon -run '^$' -bench 'Upgrade$' -benchtime 1x
func BenchmarkUpgrade(b *testing.B) {
	const million = `INSERT INTO users (account_id, entry, user_id, email, display_name, license, type, registration, registered_on,
			invitation, invite_id, invited_on, alexa_enabled, alexa_arn, personal_pin, phone_number, phone_product_type,
			inbound_calling, outbound_calling, sms, email_key)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		SELECT account_id, 1900000000000000000 + i, 'user-' || i, 'u' || i || '@example.com', 'U ' || i, 'Pro', 'PrivateUser', 'Registered', 1795977045334,
			'', '', 0, FALSE, '', '', CASE WHEN i % 10 = 0 THEN '+1206' || (5550200 + i / 10) ELSE '' END, '',
			FALSE, FALSE, FALSE, 'u' || i || '@example.com'
		FROM accounts CROSS JOIN n WHERE name = 'Acme';
		INSERT INTO emails (email_key, account_id, user_id, registered)
		SELECT email_key, account_id, user_id, TRUE FROM users WHERE user_id LIKE 'user-%';`
	took := make(map[string][]float64)
	for b.Loop() {
		for engine, start := range formerReleases {
			if engine == "postgres" && os.Getenv("CARILLON_TEST_POSTGRES") == "" {
				continue
			}
			dir := b.TempDir()
			env, args := start(b, dir, million)
			begun := time.Now()
			s, err := startService("carillon", dir, env, append(args, "--listen", "127.0.0.1:0")...)
			if err != nil {
				b.Fatal(err)
			}
			took[engine] = append(took[engine], time.Since(begun).Seconds())
			s.end(os.Interrupt)
		}
	}
	b.ReportMetric(0, "ns/op")
	for engine, seconds := range took {
		slices.Sort(seconds)
		b.ReportMetric(seconds[len(seconds)/2], "s-"+engine)
	}
}

// formerReleases make a database of the former release for each engine, with what a script adds to
// it, and a data directory with its secret key in a directory. They return the environment and the
// arguments of a service on it.
var formerReleases = map[string]func(t testing.TB, dir, more string) (env, args []string){
	"sqlite": func(t testing.TB, dir, more string) (env, args []string) {
		db, err := sql.Open("sqlite", filepath.Join(formerData(t, dir), "carillon.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		script := formerSchema(t, "sqlite") + "PRAGMA application_id = 0x43524c4e; PRAGMA user_version = 6;" + former(t, "database.sql") + more
		if _, err := db.Exec(script); err != nil {
			t.Fatal(err)
		}
		return childEnv(dir), nil
	},
	"postgres": func(t testing.TB, dir, more string) (env, args []string) {
		url := testPostgres(t)
		key := filepath.Join(formerData(t, dir), "secret.key")
		bytes := regexp.MustCompile(`X'([0-9a-f]*)'`).ReplaceAllString(former(t, "database.sql"), `'\x$1'`)
		psql(t, url, formerSchema(t, "postgres")+"CREATE TABLE carillon_schema (version INTEGER NOT NULL); INSERT INTO carillon_schema VALUES (6);"+bytes+more)
		return append(childEnv(dir), "CARILLON_DATABASE_URL="+url, "CARILLON_SECRET_KEY_FILE="+key), []string{"--data", "carillon-data"}
	},
}

// former returns a file of the former release.
func former(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "former", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// formerSchema returns the migrations of the former release for an engine.
func formerSchema(t testing.TB, engine string) string {
	t.Helper()
	var all strings.Builder
	for n := 1; n <= 6; n++ {
		files, err := filepath.Glob(fmt.Sprintf("../../internal/store/%s/migrations/%04d_*.sql", engine, n))
		if err != nil || len(files) != 1 {
			t.Fatalf("migration %d: got %v, %v, want one file", n, files, err)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// formerData makes a data directory with the secret key of the former release, and returns it.
func formerData(t testing.TB, dir string) string {
	t.Helper()
	data := filepath.Join(dir, "carillon-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret.key", "root-key.sh"} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(former(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// checkFormer starts a service on the database of the former release.
func checkFormer(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	s, err := startService("carillon", dir, env, append(args, "--listen", "127.0.0.1:0")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })
	run := operator(t, dir, env)
	records := func() []any {
		t.Helper()
		trail, err := document.Parse(string(run("audit --output json")))
		if err != nil {
			t.Fatal(err)
		}
		return member(trail, "AuditRecords").([]any)
	}
	saved, err := document.Parse(former(t, "audit.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := member(saved, "AuditRecords").([]any)
	if got := records(); len(got) < len(want) || string(document.AppendCompact(nil, got[:len(want)])) != string(document.AppendCompact(nil, want)) {
		t.Errorf("the trail: got %s, want it to begin with %s", document.AppendCompact(nil, got), document.AppendCompact(nil, want))
	}

	c := &crashClient{name: "upgrade"}
	c.connect(t, s)
	// Two people had one number, which is that of the first now, and one had a number without its
	// plus.
	replies, err := document.Parse(strings.NewReplacer(
		`"eve@example.com", "PrimaryProvisionedNumber": "+12065550100"`, `"eve@example.com"`,
		`"PrimaryProvisionedNumber": "18005550101"`, `"PrimaryProvisionedNumber": "+18005550101"`).Replace(former(t, "replies.json")))
	if err != nil {
		t.Fatal(err)
	}
	var account string
	for _, r := range replies.([]any) {
		r := r.(*document.Object)
		operation := r.Text("Operation")
		input := member(r, "Input").(*document.Object)
		account = input.Text("AccountId")
		got, err := c.call(operation, input.Members()...)
		if err != nil {
			t.Errorf("%s: %v", operation, err)
			continue
		}
		want := member(r, "Output")
		if got, want := string(document.AppendCompact(nil, got)), string(document.AppendCompact(nil, want)); got != want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", operation, document.AppendCompact(nil, input), got, want)
		}
	}

	// What is new works.
	call := func(operation string, input ...document.Member) *document.Object {
		t.Helper()
		reply, err := c.call(operation, input...)
		if err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		return reply
	}
	numbers := call("ListPhoneNumbers", document.Member{Key: "FilterName", Value: "AccountId"}, document.Member{Key: "FilterValue", Value: account})
	if n := len(member(numbers, "PhoneNumbers").([]any)); n != 2 {
		t.Errorf("got %d numbers of the users, want 2", n)
	}
	run("number add +12065550155")
	call("CreatePhoneNumberOrder", document.Member{Key: "ProductType", Value: "BusinessCalling"}, document.Member{Key: "E164PhoneNumbers", Value: []any{"+12065550155"}})
	call("PutRetentionSettings", document.Member{Key: "AccountId", Value: account}, document.Member{Key: "RetentionSettings", Value: document.NewObject(
		document.Member{Key: "RoomRetentionSettings", Value: document.NewObject(document.Member{Key: "RetentionDays", Value: document.Int(30)})})})
	room := call("ListRooms", document.Member{Key: "AccountId", Value: account})
	id := member(room, "Rooms").([]any)[0].(*document.Object).Text("RoomId")
	if got := string(run("message add --account-id "+account+" --room "+id+" --sender ana@example.com", "Hello")); !strings.Contains(got, "MessageId") {
		t.Errorf("a message: got %s", got)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
}
