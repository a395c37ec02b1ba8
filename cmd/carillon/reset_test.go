package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
)

// resetSite is a directory with a seed of one account, acme, whose users have one license.
func resetSite(t testing.TB, users int) (dir string, args []string) {
	t.Helper()
	dir = t.TempDir()
	var seed strings.Builder
	seed.WriteString(`{"Account": {"AwsAccountId": "111122223333", "AccountId": "acme", "Name": "Acme"}}` + "\n")
	for i := range users {
		fmt.Fprintf(&seed, `{"User": {"AccountId": "acme", "UserId": "u%d", "PrimaryEmail": "u%d@example.com", "LicenseType": "Pro"}}`+"\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "seed.json"), []byte(seed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"--test", "--data", "tests", "--seed", "seed.json"}
}

// askTests makes a request of test mode, which must be answered by 200.
func askTests(s *service, method, path string) error {
	r, err := http.NewRequest(method, s.url+"/_carillon/"+path, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, reply.Status)
	}
	return nil
}

// While 64 clients read and write, the service is reset, saved and loaded. All users have the same
// license in every state that there is: a client gives all of them another one at once.
func TestReset_underLoad(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	dir, args := resetSite(t, 5)
	s := serving(t, dir, args...)
	same := func(c *crashClient) (license string) {
		for _, u := range c.list(t) {
			got := member(u, "LicenseType").(string)
			if license != "" && got != license {
				t.Errorf("users with %s and %s are in no state that there was", license, got)
			}
			license = got
		}
		return license
	}
	var clients sync.WaitGroup
	done := make(chan struct{})
	for i := range 64 {
		c := &crashClient{name: fmt.Sprint("client", i), account: "acme"}
		c.connect(t, s)
		items := make([]any, 5)
		for u := range items {
			items[u] = document.NewObject(document.Member{Key: "UserId", Value: fmt.Sprint("u", u)},
				document.Member{Key: "LicenseType", Value: []string{"Basic", "Plus", "Pro"}[i%3]})
		}
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := c.call("BatchUpdateUser", document.Member{Key: "AccountId", Value: "acme"},
					document.Member{Key: "UpdateUserRequestItems", Value: items}); err != nil {
					t.Errorf("BatchUpdateUser: %v", err)
					return
				}
				same(c)
			}
		})
	}
	for i := range rounds {
		name := fmt.Sprint("snapshot/", i)
		if err := errors.Join(askTests(s, "POST", name), askTests(s, "POST", "reset"), askTests(s, "PUT", name)); err != nil {
			t.Error(err)
		}
	}
	close(done)
	clients.Wait()
	c := &crashClient{name: "last", account: "acme"}
	c.connect(t, s)
	for i := range rounds {
		if err := askTests(s, "PUT", fmt.Sprint("snapshot/", i)); err != nil {
			t.Error(err)
		}
		same(c)
	}
	if err := askTests(s, "POST", "reset"); err != nil {
		t.Error(err)
	}
	if got := same(c); got != "Pro" {
		t.Errorf("after a reset all have %s, want Pro", got)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
}

// A service that is killed in the middle of a reset has the old state or the seed after a restart.
func TestReset_killed(t *testing.T) {
	dir, args := resetSite(t, 5)
	for range 6 {
		s := serving(t, dir, args...)
		c := &crashClient{name: "client", account: "acme"}
		c.connect(t, s)
		items := make([]any, 5)
		for u := range items {
			items[u] = document.NewObject(document.Member{Key: "UserId", Value: fmt.Sprint("u", u)}, document.Member{Key: "LicenseType", Value: "Basic"})
		}
		if _, err := c.call("BatchUpdateUser", document.Member{Key: "AccountId", Value: "acme"}, document.Member{Key: "UpdateUserRequestItems", Value: items}); err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for err := error(nil); err == nil; err = askTests(s, "POST", "reset") {
			}
		}()
		s.end(os.Kill)
		<-asked
		s = serving(t, dir, args...)
		c.connect(t, s)
		license := ""
		for _, u := range c.list(t) {
			got := member(u, "LicenseType").(string)
			if license != "" && got != license {
				t.Errorf("after the restart there are users with %s and %s", license, got)
			}
			license = got
		}
		if err := askTests(s, "POST", "reset"); err != nil {
			t.Error(err)
		}
		if err := s.end(os.Interrupt); err != nil {
			t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
		}
	}
}
