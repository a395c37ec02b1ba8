// Package poolertest puts a pooler in front of a PostgreSQL, for tests. Start at [Start].
package poolertest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pooler is a PgBouncer, and a user who works through it.
type Pooler struct {
	URL    string // for a service
	Direct string // past the pooler
	Role   string // the user, who has an empty schema of the same name
}

// Start runs PgBouncer, for as long as the test, as docs/scale.md configures it, with a few
// connections to the server. It takes the URL of the server, whose user may create others, the path
// of the page, and lines to add to the configuration.
func Start(t testing.TB, server, page string, lines ...string) Pooler {
	t.Helper()
	program := find(t)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	// only returns the one match of an expression on the page.
	only := func(expression string) string {
		t.Helper()
		found := regexp.MustCompile(expression).FindAllStringSubmatch(string(text), -1)
		if len(found) != 1 {
			t.Fatalf("%s has %d matches of %s, want 1", page, len(found), expression)
		}
		return found[0][1]
	}

	role, password := fmt.Sprintf("pooled_%d_%d", os.Getpid(), mathrand.Uint32()), rand.Text()
	run(t, server, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'; CREATE SCHEMA %[1]s AUTHORIZATION %[1]s", role, password))
	t.Cleanup(func() { run(t, server, fmt.Sprintf("DROP OWNED BY %s CASCADE; DROP ROLE %[1]s", role)) })
	run(t, server, strings.NewReplacer("carillon", role, "people", role).Replace(only(`(?m)^ *(ALTER ROLE carillon SET search_path = people;)$`)))

	dir, err := os.MkdirTemp("", "carillon-pooler-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the pooler's user must get there
		t.Fatal(err)
	}
	serverPort := cmp.Or(base.Port(), "5432")
	config := only("(?s)```ini\n(.*?)```")
	for _, change := range [][2]string{
		{"carillon = host=127.0.0.1 port=5432\n", fmt.Sprintf("%s = host=%s port=%s\n", strings.TrimPrefix(base.Path, "/"), base.Hostname(), serverPort)},
		{"listen_port = 6432\n", "listen_port = PORT\n"},
		{"/etc/pgbouncer", dir},
		{"default_pool_size = 16\n", "default_pool_size = 4\n"},
	} {
		if strings.Count(config, change[0]) != 1 {
			t.Fatalf("the configuration in %s does not have %q once:\n%s", page, change[0], config)
		}
		config = strings.Replace(config, change[0], change[1], 1)
	}
	config += "unix_socket_dir =\nlog_connections = 0\nlog_disconnections = 0\n" + strings.Join(lines, "\n") + "\n"
	user := strings.NewReplacer("carillon", role, "PASSWORD", password).Replace(only(`("carillon" "PASSWORD")`))
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("userlist.txt", user+"\n")
	var port string
	for tries, up := 1, false; !up; tries++ {
		if tries > 5 { // another process may be faster at taking a port
			t.Fatal("pgbouncer ended before it was ready")
		}
		port = fmt.Sprint(10_000 + mathrand.N(5_000))
		at := strings.Replace(config, "listen_port = PORT\n", "listen_port = "+port+"\n", 1)
		write("pgbouncer.ini", at)
		up = serve(t, program, filepath.Join(dir, "pgbouncer.ini"), at)
	}

	at := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Path = url.UserPassword(role, password), base.Path
		return u
	}
	through, direct := at(only(`(postgres://carillon:PASSWORD@127\.0\.0\.1:6432/[^'\s]*)`)), at(server)
	through.Host = "127.0.0.1:" + port
	return Pooler{URL: through.String(), Direct: direct.String(), Role: role}
}

func find(t testing.TB) string {
	t.Helper()
	for _, file := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} { // which is not on everybody's PATH
		if found, err := exec.LookPath(file); err == nil {
			return found
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("pgbouncer is not installed: .ci/run should have done so")
	}
	t.Skip("pgbouncer is not installed")
	return ""
}

// serve starts the program, and waits until it serves. It returns false if the program has ended
// before.
func serve(t testing.TB, program, file, config string) bool {
	t.Helper()
	args := []string{file}
	if os.Getuid() == 0 { // as whom it refuses to run
		args = append(args, "-u", "nobody")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan bool, 1)
	ended := make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(ended)
		defer close(up)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if strings.Contains(lines.Text(), "process up") {
				up <- true
			}
		}
		cmd.Wait()
	}()
	t.Cleanup(func() {
		<-ended // as the test has
		if t.Failed() {
			t.Logf("%s\n%s", config, log.String())
		}
	})
	return <-up
}

// run runs statements past the pooler.
func run(t testing.TB, server, script string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // tests clean up with it, too
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, script); err != nil {
		t.Fatal(err)
	}
}
