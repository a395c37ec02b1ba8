//go:build unix

package operator_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/sigv4"
)

// BenchmarkBulk changes the licenses of 100,000 users of a `carillon serve`, program against
// program. One round is a whole `carillon bulk apply --all`. It reports
//
//	users/s            users by the time on the wall
//	us/call            CPU of the client for each of the 5,000 calls: that of the job without that
//	                   of listing the users, which a job with nothing to change costs
//	bare-us/call       CPU of a loop that only signs and sends such calls, in the same round
//	B/row              memory of the whole program at its peak, for each row
//	calls              that update, of the job; those that look somebody up are none
//	x-aws              how much longer `aws`, once for every 20 users, would take, and how much more
//	x-aws-cpu          CPU, listing included
//	x-awscli...        the same for the AWS CLI version 1 itself, where AWSCLI names one
func BenchmarkBulk(b *testing.B) {
	const users, perCall = 100_000, 20
	dir := b.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./cmd/...")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	env := serveProcess(b, filepath.Join(dir, "carillon"), dir)
	run := func(name string, args ...string) (output string, took time.Duration, cpu time.Duration, rss int64) {
		b.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, env
		var out, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaints
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatalf("%s %q: %v\n%s", name, args, err, complaints.String())
		}
		took = time.Since(start)
		state := cmd.ProcessState
		return out.String(), took, state.UserTime() + state.SystemTime(), int64(state.SysUsage().(*syscall.Rusage).Maxrss) << 10
	}
	carillon, aws := filepath.Join(dir, "carillon"), filepath.Join(dir, "aws")
	out, _, _, _ := run(aws, "chime", "create-account", "--name", "Bench", "--query", "Account.AccountId", "--output", "text")
	account := strings.TrimSpace(out)
	var people strings.Builder
	people.WriteString("email\n")
	for i := range users {
		fmt.Fprintf(&people, "user%06d@example.com\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(people.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	run(carillon, "bulk", "invite", "--account-id", account, "--yes", "people.csv")

	licenses := []string{"Pro", "Basic"}
	var jobTime, jobCPU, listCPU, bareCPU time.Duration
	var jobRSS int64
	var calls int
	round := 0
	for b.Loop() {
		_, _, cpu, _ := run(carillon, "bulk", "plan", "--account-id", account, "--all", "--set", "LicenseType="+licenses[round%2])
		listCPU += cpu
		round++
		ledger := fmt.Sprintf("ledger-%d.jsonl", round)
		_, took, cpu, rss := run(carillon, "bulk", "apply", "--yes", "--account-id", account, "--all", "--set", "LicenseType="+licenses[round%2], "--ledger", ledger)
		jobTime, jobCPU, jobRSS = jobTime+took, jobCPU+cpu, max(jobRSS, rss)
		calls = requests(b, filepath.Join(dir, ledger))
		bareCPU += bareLoop(b, env, account, users/perCall, perCall)
	}
	n := time.Duration(round)
	perUpdate := func(d time.Duration) float64 { return float64((d / n).Microseconds()) / float64(users/perCall) }
	b.ReportMetric(users*float64(n)/jobTime.Seconds(), "users/s")
	b.ReportMetric(perUpdate(jobCPU-listCPU), "us/call")
	b.ReportMetric(perUpdate(bareCPU), "bare-us/call")
	b.ReportMetric(float64(jobRSS)/users, "B/row")
	b.ReportMetric(float64(calls), "calls")

	ids, _, _, _ := run(aws, "chime", "list-users", "--account-id", account, "--max-items", "20", "--query", "Users[].UserId", "--output", "text")
	compare := func(unit, program string, times int) {
		var wall, cpu time.Duration
		for i := range times {
			args := []string{"chime", "batch-update-user", "--account-id", account, "--update-user-request-items"}
			for _, id := range strings.Fields(ids)[:perCall] {
				args = append(args, "UserId="+id+",LicenseType="+licenses[(i+round+1)%2])
			}
			_, t, c, _ := run(program, args...)
			wall, cpu = wall+t, cpu+c
		}
		share := float64(users/perCall) / float64(times)
		b.ReportMetric(float64(wall)*share/float64(jobTime/n), unit)
		b.ReportMetric(float64(cpu)*share/float64(jobCPU/n), unit+"-cpu")
	}
	compare("x-aws", aws, 50)
	if original := os.Getenv("AWSCLI"); original != "" {
		compare("x-awscli", original, 5)
	}
}

// requests returns the number of calls whose rows a ledger has as done. It reads line by line: what
// this process holds in memory counts as memory of the programs that it starts.
func requests(b *testing.B, path string) int {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if _, rest, done := strings.Cut(lines.Text(), `"request": "`); done {
			request, _, _ := strings.Cut(rest, `"`)
			seen[request] = true
		}
	}
	return len(seen)
}

// serveProcess starts a service in a process of its own, and returns the environment of clients.
func serveProcess(b *testing.B, program, dir string) []string {
	b.Helper()
	const key, secret = "AKIDFORTHESETESTS000", "a-secret-for-these-tests"
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	cmd.Env = []string{"CARILLON_ROOT_ACCESS_KEY_ID=" + key, "CARILLON_ROOT_SECRET_ACCESS_KEY=" + secret}
	pipe, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	var said []byte
	for buf := make([]byte, 1024); ; {
		n, err := pipe.Read(buf)
		said = append(said, buf[:n]...)
		if url := regexp.MustCompile(`serving (http://\S+)\n`).FindSubmatch(said); url != nil {
			go io.Copy(io.Discard, pipe)
			return []string{"AWS_ENDPOINT_URL_CHIME=" + string(url[1]), "AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret,
				"AWS_DEFAULT_REGION=us-east-1", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
		}
		if err != nil {
			b.Fatalf("the service said %q, then %v", said, err)
		}
	}
}

// bareLoop makes calls with net/http and a signing key that is derived once, eight at a time, and
// returns the CPU time that they took this process.
func bareLoop(b *testing.B, env []string, account string, calls, items int) time.Duration {
	b.Helper()
	variable := func(i int) string {
		_, v, _ := strings.Cut(env[i], "=")
		return v
	}
	endpoint, err := url.Parse(variable(0))
	if err != nil {
		b.Fatal(err)
	}
	path := "/accounts/" + account + "/users"
	transport := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
	defer transport.CloseIdleConnections()
	key := sigv4.NewKey(variable(2), sigv4.Scope{Day: sigv4.FormatTime(time.Now())[:8], Region: "us-east-1", Service: "chime"})
	before := cpuTime(b)
	var next, failed atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(calls); i = next.Add(1) {
				body := []byte(`{"UpdateUserRequestItems": [`)
				for k := range items {
					if k > 0 {
						body = append(body, ',')
					}
					body = fmt.Appendf(body, `{"UserId": "12345678-1111-2222-3333-%012d", "LicenseType": "Pro"}`, int(i)*items+k)
				}
				body = append(body, "]}"...)
				date := sigv4.FormatTime(time.Now())
				header := http.Header{"Content-Type": {"application/json"}, "X-Amz-Date": {date}}
				signed := sigv4.Request{Method: "POST", Path: path, Date: date, SignedHeaders: "content-type;host;x-amz-date", PayloadHash: sigv4.HashPayload(body),
					Header: func(name string) string {
						if name == "host" {
							return endpoint.Host
						}
						return header.Get(name)
					}}
				header["Authorization"] = []string{key.Authorization(variable(1), &signed)}
				request, err := http.NewRequest("POST", variable(0)+path, bytes.NewReader(body))
				if err == nil {
					request.Header = header
					var response *http.Response
					if response, err = transport.RoundTrip(request); err == nil {
						io.Copy(io.Discard, response.Body)
						response.Body.Close()
						if response.StatusCode != 200 {
							err = fmt.Errorf("status %s", response.Status)
						}
					}
				}
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	workers.Wait()
	if failed.Load() > 0 {
		b.Fatalf("%d calls of the bare loop failed", failed.Load())
	}
	return cpuTime(b) - before
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
