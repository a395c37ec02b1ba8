package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
)

// A database from the release that compared addresses in lower case is upgraded when the service
// starts. The log names the users that an operator has to see to, by ids alone. All of them can be
// listed, changed and removed as before.
func TestUpgradeAddresses(t *testing.T) {
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
