package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// BenchmarkPgbench compares durable batches of the store with those of pgbench, which runs the same
// statements in the same round trips on as many connections as the store has opened, but at most
// one for each client. In each iteration both take their turn with each number of clients. It
// reports medians: batches a second of both and their ratio; how long a batch takes; the CPU of a
// batch, in the client and in the server, and the ratio of all that pgbench takes to all that the
// store takes, which does not depend on what else the machine has to do; and the connections.
//
//	.ci/postgres run go test ./internal/store/postgres -run '^$' -bench Pgbench -benchtime 9x
func BenchmarkPgbench(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as carillon serve does
	const accounts, users = 20, 2000
	where := newDatabase(b)
	filler := open(b, where, postgres.Options{})
	for i := range accounts {
		storetest.Fill(b, filler, fmt.Sprint("a", i), users)
	}
	// Entries that a script can tell from the names of account and user.
	psql(b, where, `UPDATE users SET entry = substr(account_id, 2)::bigint * 1000000 + substr(user_id, 2)::bigint`)
	psql(b, where, `VACUUM (FULL, ANALYZE) users`)
	script := pgbenchScript(b, where, accounts, users)

	figures := make(map[string][]float64)
	for b.Loop() {
		for _, clients := range []int{1, 16, 64} {
			add := func(value float64, unit string, about ...any) {
				unit = fmt.Sprintf(unit, append(about, clients)...)
				figures[unit] = append(figures[unit], value)
			}
			name := fmt.Sprintf("pgbench_clients_%d", clients)
			s := open(b, with(b, where, "application_name", name), postgres.Options{})
			ours := storeTurn(b, s, where, clients, accounts, users)
			connections := min(clients, connectionsOf(b, where, name))
			s.Close()
			theirs := pgbenchTurn(b, script, where, connections)
			for who, t := range map[string]turn{"store": ours, "pgbench": theirs} {
				add(t.rate(), "%s-%d/s", who)
				add(t.latency(50), "ms-p50-%s-%d", who)
				add(t.latency(99), "ms-p99-%s-%d", who)
				add(t.each(t.client), "cpu-us-%s-%d", who)
				add(t.each(t.server), "cpu-us-server-%s-%d", who)
			}
			add(ours.rate()/theirs.rate(), "x-pgbench-%d")
			add(theirs.each(theirs.client+theirs.server)/ours.each(ours.client+ours.server), "x-pgbench-cpu-%d")
			add(float64(connections), "connections-%d")
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, values := range figures {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
}

// turn is what was measured, for turnTime or somewhat more.
type turn struct {
	took           time.Duration
	latencies      []float64     // of batches, in ms
	client, server time.Duration // CPU time
}

const (
	turnTime = 3 * time.Second
	prelude  = 2 * time.Second // before it, in which statements are prepared and caches filled
)

func (t *turn) rate() float64 { return float64(len(t.latencies)) / t.took.Seconds() }

func (t *turn) latency(percent int) float64 {
	slices.Sort(t.latencies)
	return t.latencies[len(t.latencies)*percent/100]
}

func (t *turn) each(cpu time.Duration) float64 {
	return float64(cpu.Microseconds()) / float64(len(t.latencies))
}

func storeTurn(b *testing.B, s store.Store, where string, clients, accounts, users int) (t turn) {
	b.Helper()
	run := func(during time.Duration) (latencies []float64) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		end := time.Now().Add(during)
		for range clients {
			wg.Go(func() {
				var own []float64
				for begin := time.Now(); begin.Before(end); {
					if err := s.Update(context.Background(), storetest.Batch(fmt.Sprint("a", rand.N(accounts)), users)); err != nil {
						b.Error(err)
						return
					}
					now := time.Now()
					own = append(own, now.Sub(begin).Seconds()*1000)
					begin = now
				}
				mu.Lock()
				defer mu.Unlock()
				latencies = append(latencies, own...)
			})
		}
		wg.Wait()
		return latencies
	}
	run(prelude)
	server, before := serverCPU(b, where), cpuOf(b, os.Getpid())
	begin := time.Now()
	t.latencies = run(turnTime)
	t.took = time.Since(begin)
	t.client, t.server = cpuOf(b, os.Getpid())-before, serverCPU(b, where)-server
	return t
}

// stat has the fields of a process from the id of its parent on, nil if it has ended.
func stat(pid int) (fields []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(string(text[bytes.LastIndexByte(text, ')')+4:])) {
		n, _ := strconv.Atoi(field)
		fields = append(fields, n)
	}
	return fields
}

// cpu is the CPU time of a process with such fields; children are those that have ended.
func cpu(stat []int, children bool) time.Duration {
	const user, system, childrenUser, childrenSystem = 10, 11, 12, 13
	ticks := stat[user] + stat[system]
	if children {
		ticks += stat[childrenUser] + stat[childrenSystem]
	}
	return time.Duration(ticks) * time.Second / 100
}

func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	fields := stat(pid)
	if fields == nil {
		b.Fatalf("there is no process %d", pid)
	}
	return cpu(fields, false)
}

// serverCPU is the CPU time of the server's processes, 0 if they are on another machine.
func serverCPU(b *testing.B, where string) (sum time.Duration) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), where)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	backend := stat(int(conn.PgConn().PID()))
	if backend == nil {
		return 0
	}
	server := backend[0] // which has a child for each connection
	sum = cpu(stat(server), true)
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		b.Fatal(err)
	}
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if fields := stat(pid); fields != nil && fields[0] == server {
			sum += cpu(fields, false)
		}
	}
	return sum
}

// with returns a URL with another value of a parameter.
func with(t testing.TB, where, parameter, value string) string {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(parameter, value)
	u.RawQuery = query.Encode()
	return u.String()
}

func connectionsOf(t testing.TB, where, application string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, application).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// pgbenchScript writes a script with the statements of a batch, for some accounts as
// [storetest.Fill] makes them, and returns the name of its file. The statements, their order and
// their round trips are what the store sends; in place of their parameters they have pgbench's
// variables.
func pgbenchScript(b *testing.B, where string, accounts, users int) string {
	b.Helper()
	tapped, wire := tapped(b, where)
	s := open(b, tapped, postgres.Options{Beside: true}) // so that nothing happens by itself
	storetest.Update(b, s, storetest.Batch("a0", users)) // which prepares the statements
	wire.reset()
	storetest.Update(b, s, storetest.Batch("a0", users))
	trips := wire.reset()
	s.Close()

	const n = 20
	var script strings.Builder
	variable := func(name string, format string, args ...any) {
		fmt.Fprintf(&script, "\\set %s %s\n", name, fmt.Sprintf(format, args...))
	}
	variable("a", "random(0, %d)", accounts-1)
	variable("lock", ":a + 4711") // any number will do
	// Entries of all clients rise side by side, above those that there are.
	variable("n", ":n + 1")
	variable("e", ":base + (:n * 64 + :client_id) * %d", n)
	var ids, entries, audit []string
	for i := range n {
		variable(fmt.Sprint("u", i), "%d + random(0, %d)", i*users/n, users/n-1)
		variable(fmt.Sprint("r", i), ":a * 1000000 + :u%d", i)
		variable(fmt.Sprint("e", i), ":e + %d", i)
		ids = append(ids, fmt.Sprintf("'u' || :u%d", i))
		entries = append(entries, fmt.Sprintf(":r%d", i))
		audit = append(audit, fmt.Sprintf(":e%d", i), fmt.Sprintf("'u' || :u%d", i), ":before", ":after")
	}
	const account, awsAccount = "'a' || :a", "'111122223333'"
	// What all records share is written out: the store sends it once, but pgbench would send it
	// again for each record.
	event := []string{awsAccount, fmt.Sprint(time.Now().UnixMilli()), fmt.Sprint("'", rand.Int64(), "'"), "'AKIAROOT'", "'root'", "'benchmark'", "'BatchUpdateUser'", account}
	all := func(value string) string { return ":" + value + "s" } // an array
	list := func(values []string, kind string) string {
		return "ARRAY[" + strings.Join(values, ", ") + "]::" + kind + "[]"
	}
	expressions := []struct {
		statement string
		args      []string
	}{
		{"BEGIN", nil},
		{"SELECT set_config", nil},
		{"SELECT pg_advisory_xact_lock_shared", []string{"ARRAY[:lock, 4710]"}},
		{"SELECT account_id, entry, user_id, email", []string{account, list(ids, "text")}},
		{"SELECT COALESCE((SELECT entry FROM account_audit", []string{account}},
		{"SELECT aws_account_id, entry, account_id, name, type", []string{awsAccount, account}},
		{"UPDATE users", []string{list(entries, "bigint"), all("license"), all("type"), all("enabled"), all("arn"), account}},
		{"INSERT INTO account_audit", append(event, audit...)},
		{"INSERT INTO account_commits", []string{":e", account, "FALSE"}},
		{"COMMIT", nil},
	}
	for _, trip := range trips {
		script.WriteString("\\startpipeline\n")
		for _, text := range trip {
			if len(expressions) == 0 || !strings.HasPrefix(text, expressions[0].statement) {
				b.Fatalf("the store sends something else: %s", text)
			}
			for i, arg := range slices.Backward(expressions[0].args) { // $10 before $1
				parameter := fmt.Sprint("$", i+1)
				if !strings.Contains(text, parameter) {
					b.Fatalf("there is no %s in %s", parameter, text)
				}
				text = strings.ReplaceAll(text, parameter, arg)
			}
			if strings.Contains(text, "$") {
				b.Fatalf("there are more parameters in %s", text)
			}
			fmt.Fprintln(&script, text+";")
			expressions = expressions[1:]
		}
		script.WriteString("\\endpipeline\n")
	}
	if len(expressions) > 0 {
		b.Fatalf("the store does not send %s", expressions[0].statement)
	}
	name := filepath.Join(b.TempDir(), "script")
	if err := os.WriteFile(name, []byte(script.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return name
}

func pgbenchTurn(b *testing.B, script, where string, connections int) (t turn) {
	b.Helper()
	u, err := url.Parse(where)
	if err != nil {
		b.Fatal(err)
	}
	// Plans are those that are kept in the end, from the first time.
	options := "-csearch_path=" + u.Query().Get("search_path") + " -cplan_cache_mode=force_generic_plan"
	u.RawQuery = "options=" + strings.ReplaceAll(url.QueryEscape(options), "+", "%20")
	log := filepath.Join(b.TempDir(), "log")
	args := []string{"-n", "-M", "prepared", "-f", script, "-c", strconv.Itoa(connections), "-j", strconv.Itoa(min(connections, 2)),
		"-T", strconv.Itoa(int((prelude + turnTime).Seconds())), "-l", "--log-prefix", log}
	array := func(one, other string) string { return "{" + strings.Repeat(","+one+","+other, 10)[1:] + "}" }
	for name, value := range map[string]string{
		"n": "0", "base": fmt.Sprint(time.Now().UnixMilli() << 20), "before": `{"LicenseType": "Pro"}`, "after": `{"LicenseType": "Basic"}`,
		"licenses": array("Basic", "Pro"), "types": array("PrivateUser", "PrivateUser"), "enableds": array("f", "f"), "arns": array(`""`, `""`),
	} {
		args = append(args, "-D", name+"="+value)
	}
	cmd := exec.Command("pgbench", append(args, u.String())...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	time.Sleep(prelude)
	server, before := serverCPU(b, where), cpuOf(b, cmd.Process.Pid)
	begin := time.Now()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "failed transactions: 0 ") {
		b.Fatalf("pgbench: %v\n%s", err, out.String())
	}
	t.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - before
	t.server = serverCPU(b, where) - server

	logs, err := filepath.Glob(log + "*")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			// The client, its how many-th, microseconds, the script, and when it ended.
			var client, nth, took, script, seconds, micros int64
			if _, err := fmt.Sscan(line, &client, &nth, &took, &script, &seconds, &micros); err != nil {
				b.Fatalf("%s: %v", line, err)
			}
			if ended := time.Unix(seconds, micros*1000).Sub(begin); ended > 0 {
				t.took = max(t.took, ended)
				t.latencies = append(t.latencies, float64(took)/1000)
			}
		}
	}
	return t
}
