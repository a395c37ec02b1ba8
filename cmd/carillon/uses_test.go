package main

import (
	"encoding/json"
	"net/http"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// today returns the day in UTC, or two while one ends, from a moment on.
func today(since time.Time) []string {
	return []string{since.UTC().Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly)}
}

// makeKey makes an access key, as the variables that sign with it.
func makeKey(t *testing.T, dir, name string) map[string]string {
	t.Helper()
	code, out := exit(program(dir, "carillon", "key", "create", "--name", name, "--policy", "AmazonChimeReadOnly",
		"--endpoint-url", "http://127.0.0.1", "--output", "json"))
	var made struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(out), &made); code != 0 || err != nil {
		t.Fatalf("carillon key create: exit code %d, %v\n%s", code, err, out)
	}
	return map[string]string{"AWS_ACCESS_KEY_ID": made.AccessKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY": made.AccessKey.SecretAccessKey, "AWS_REGION": "us-east-1"}
}

// listAccounts sends a request that is signed with a key.
func listAccounts(t *testing.T, s *service, key map[string]string) {
	t.Helper()
	r, err := http.NewRequest("GET", s.url+"/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, "", func(name string) string { return key[name] })
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s, want 200\n%s", resp.Status, s.complaints())
	}
}

// lastUses is what carillon key list says of the last use of keys, by name.
func lastUses(t *testing.T, dir string) map[string]string {
	t.Helper()
	code, out := exit(program(dir, "carillon", "key", "list"))
	var list struct {
		AccessKeys []struct{ Name, LastUsed string }
	}
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil {
		t.Fatalf("carillon key list: exit code %d, %v\n%s", code, err, out)
	}
	uses := map[string]string{}
	for _, key := range list.AccessKeys {
		uses[key.Name] = key.LastUsed
	}
	return uses
}

// The list of keys says on which day each was last used, soon after a request and after the end of
// the service.
func TestLastUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	begun := time.Now()
	late := makeKey(t, dir, "late")
	if got := lastUses(t, dir); got["root"] != "never" || got["late"] != "never" {
		t.Errorf("before a request: got %v, want never", got)
	}
	listAccounts(t, s, s.env)
	uses := lastUses(t, dir)
	for uses["root"] == "never" && time.Since(begun) < hung {
		uses = lastUses(t, dir)
	}
	if !slices.Contains(today(begun), uses["root"]) || uses["late"] != "never" {
		t.Errorf("after a request with the root key: got %v, want one of %v for that", uses, today(begun))
	}
	if runtime.GOOS == "windows" {
		return // there a service does not end, but is killed
	}
	listAccounts(t, s, late)
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
	if uses = lastUses(t, dir); !slices.Contains(today(begun), uses["late"]) {
		t.Errorf("after the end of the service: got %v, want one of %v", uses, today(begun))
	}
}
