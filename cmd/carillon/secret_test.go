package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Services refuse no request while the secret key is rotated under them, again and again.
func TestRotateSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serving(t, dir)
	rotateUnderLoad(t, dir, childEnv(dir), s.env, []*service{s}, "rotate-secret")
}

// The services on a PostgreSQL have a copy of the key file each, or none.
func TestRotateSecretPostgres(t *testing.T) {
	t.Parallel()
	for name, keyFiles := range map[string][2]string{"inside": {}, "files": {"one.key", "two.key"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			env := append(childEnv(dir), "CARILLON_DATABASE_URL="+testPostgres(t))
			var services []*service
			for i, file := range keyFiles {
				its := env
				if file != "" {
					its = append(env[:len(env):len(env)], "CARILLON_SECRET_KEY_FILE="+file)
				}
				if file != "" && i > 0 {
					copyFile(t, filepath.Join(dir, keyFiles[0]), filepath.Join(dir, file))
				}
				s, err := startService("carillon", dir, its, "--data", dir)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.end(os.Kill) })
				services = append(services, s)
			}
			commands := []string{"rotate-secret"}
			if keyFiles[0] != "" {
				commands = []string{"rotate-secret --secret-key-file one.key", "rotate-secret --finish --secret-key-file one.key"}
			}
			rotateUnderLoad(t, dir, env, services[0].env, services, commands...)
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rotateUnderLoad runs the commands of `carillon key` some times while clients of all services send
// signed requests.
func rotateUnderLoad(t *testing.T, dir string, env []string, key map[string]string, services []*service, commands ...string) {
	ctx, stop := context.WithCancel(t.Context())
	answered := make(chan struct{})
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for _, s := range services {
		clients.Go(func() {
			defer stop() // nobody waits for a client that has given up
			for ctx.Err() == nil {
				r, err := http.NewRequest("GET", s.url+"/accounts", nil)
				if err != nil {
					t.Error(err)
					return
				}
				sign(r, "", func(name string) string { return key[name] })
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Errorf("a request during the rotation: %v", err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("a request during the rotation: got %s, want 200\n%s", resp.Status, s.complaints())
					return
				}
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	times := 5
	if testing.Short() {
		times = 2
	}
	for range times {
		for _, command := range commands {
			cmd := exec.Command("carillon", append([]string{"key"}, strings.Fields(command)...)...)
			cmd.Dir, cmd.Env = dir, env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("carillon key %s: %v\n%s", command, err, out)
			}
			for range 2 * len(services) {
				select {
				case <-answered:
				case <-ctx.Done():
					return
				}
			}
		}
	}
}
