package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres/clustertest"
)

var (
	failovers = flag.Int("failovers", 1, "how often TestFailover loses the primary; once with -short")
	frozen    = flag.Bool("frozen", false, "whether the primary of TestFailover falls silent, instead of ending its connections")
)

// The primary of the database is killed while clients change licenses in batches, and its
// synchronous standby takes over, as docs/scale.md says. The service runs on. While there is no
// primary, it says that it is not ready, refuses changes, and the log has the reason. After the
// promotion it takes changes again. Nothing that was acknowledged is lost, halved or applied twice,
// and nothing that was refused is there.
//
//	.ci/postgres run go test ./cmd/carillon -run Failover -failovers 100 -v
//	.ci/postgres run go test ./cmd/carillon -run Failover -failovers 10 -frozen -v
func TestFailover(t *testing.T) {
	testPostgres(t)
	t.Parallel()
	primary := clustertest.New(t, "start")
	standby := clustertest.New(t, "standby", primary.Dir)
	site := onPostgres(t, primary.WithStandby(standby))

	w := &crashClient{name: "witness"}
	var refused, acknowledged []string
	names := 0
	// create makes an account, and returns how long that took.
	create := func() (time.Duration, error) {
		names++
		name, begin := fmt.Sprint("account ", names), time.Now()
		_, err := w.call("CreateAccount", document.Member{Key: "Name", Value: name})
		if err == nil {
			acknowledged = append(acknowledged, name)
		} else if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Status == http.StatusServiceUnavailable {
			refused = append(refused, name)
		}
		return time.Since(begin), err
	}
	rounds := 0
	var slowest time.Duration
	site.strike = func(s *service) *service {
		w.connect(t, s)
		if _, err := create(); err != nil {
			t.Errorf("before the failover: %v", err)
		}
		killed := time.Now()
		if *frozen {
			sendSignal(t, primary, syscall.SIGSTOP)
		} else {
			primary.Do(t, "kill")
		}
		awaitReady(t, s, http.StatusServiceUnavailable)
		took, err := create()
		if refusal, ok := errors.AsType[*client.ServiceError](err); !ok || refusal.Code != "ServiceUnavailableException" || refusal.RetryAfter == 0 {
			t.Errorf("without a primary: got %v, want ServiceUnavailableException, and when to try again", err)
		} else if line := awaitLine(s, refusal.RequestID); !*frozen && !strings.Contains(line, "connection refused") || line == "" {
			t.Errorf("without a primary: the log has %q for the request, want the reason", line)
		}
		standby.Do(t, "promote")
		promoted := time.Now()
		for err = errors.New("not tried"); err != nil && time.Since(promoted) < hung; {
			_, err = create()
		}
		if err != nil {
			t.Errorf("%v after the promotion: %v\n%s", hung, err, s.complaints())
			return s
		}
		again := time.Now()
		awaitReady(t, s, http.StatusOK)
		if *frozen {
			sendSignal(t, primary, syscall.SIGKILL)
		}
		rounds++
		slowest = max(slowest, again.Sub(promoted))
		t.Logf("failover %d: refused within %d ms; changes again %d ms after the promotion, %d ms after the primary was killed",
			rounds, took.Milliseconds(), again.Sub(promoted).Milliseconds(), again.Sub(killed).Milliseconds())
		if rounds < *failovers {
			primary.Do(t, "standby", standby.Dir)
			primary, standby = standby, primary
		}
		return s
	}
	crash(t, *failovers, site)

	st, err := site.open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var kept []string
	if err := st.View(t.Context(), func(tx store.ReadTx) error {
		accounts, _, err := tx.Accounts("111122223333", store.AccountFilter{}, 0, 1_000_000)
		for _, a := range accounts {
			if strings.HasPrefix(a.Name, "account ") {
				kept = append(kept, a.Name)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range acknowledged {
		if n := len(kept) - len(slices.DeleteFunc(slices.Clone(kept), func(k string) bool { return k == name })); n != 1 {
			t.Errorf("%s was acknowledged, and is there %d times", name, n)
		}
	}
	for _, name := range refused {
		if slices.Contains(kept, name) {
			t.Errorf("%s was refused, and is there", name)
		}
	}
	t.Logf("%d failovers, the slowest with changes %d ms after the promotion; %d accounts acknowledged, %d refused",
		rounds, slowest.Milliseconds(), len(acknowledged), len(refused))
}

// awaitReady waits until /readyz has a status.
func awaitReady(t *testing.T, s *service, status int) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		reply, err := http.Get(s.url + "/readyz")
		if err != nil {
			t.Error(err)
			return
		}
		reply.Body.Close()
		if reply.StatusCode == status {
			return
		}
		if time.Since(begin) > hung {
			t.Errorf("/readyz answers %d for %v, want %d", reply.StatusCode, hung, status)
			return
		}
	}
}

// awaitLine waits for the first line of the log that has a text in it, and returns it.
func awaitLine(s *service, text string) string {
	for begin := time.Now(); time.Since(begin) < hung; time.Sleep(time.Millisecond) {
		for line := range strings.Lines(s.complaints()) {
			if strings.Contains(line, text) {
				return line
			}
		}
	}
	return ""
}

// sendSignal sends a signal to all processes of a cluster.
func sendSignal(t *testing.T, c clustertest.Cluster, signal syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Error(err)
		return
	}
	first, _, _ := strings.Cut(string(text), "\n")
	server, err := strconv.Atoi(first)
	if err != nil {
		t.Error(err)
		return
	}
	syscall.Kill(server, signal) // first, so that it starts no other
	others, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range others {
		if stat, err := os.ReadFile(filepath.Join(dir, "stat")); err == nil {
			if _, rest, _ := strings.Cut(string(stat), ") "); strings.Fields(rest)[1] == first { // its parent
				pid, _ := strconv.Atoi(filepath.Base(dir))
				syscall.Kill(pid, signal)
			}
		}
	}
}
