//go:build linux

package carillon_test

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
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/sigv4"
)

// BenchmarkBulk changes the licenses of 100,000 users of a `carillon serve`, program against
// program. A round is a whole `carillon bulk apply --all`, and the loop that only signs and sends
// the same changes back. It reports, as medians of the rounds,
//
//	users/s            users by the time on the wall
//	us/call            CPU of the client for each of the 5,000 calls, from the plan on: its ledger,
//	                   calls and replies
//	bare-us/call       CPU of the loop, in the same round
//	over-bare-us/call  the difference, taken round by round
//	list-us/user       CPU of the client before that: the users listed, their rows planned
//	B/row              memory of the whole program at its peak, for each row; the most of all rounds
//	calls              that update, of the job; those that look somebody up are none
//	x-aws              how much longer `aws`, once for every 20 users, would take, and how much more
//	x-aws-cpu          CPU, listing included
//	x-awscli...        the same for the AWS CLI version 1 itself, where AWSCLI names one
func BenchmarkBulk(b *testing.B) {
	const users, perCall = 100_000, 20
	const calls = users / perCall
	dir := b.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./cmd/...")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	env := serveProcess(b, filepath.Join(dir, "carillon"), dir)
	run := func(name string, args ...string) (string, *usage) {
		b.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, env
		var out bytes.Buffer
		u := &usage{cmd: cmd}
		cmd.Stdout, cmd.Stderr = &out, u
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatalf("%s %q: %v\n%s", name, args, err, u.said.String())
		}
		u.took = time.Since(start)
		state := cmd.ProcessState
		u.cpu, u.memory = state.UserTime()+state.SystemTime(), state.SysUsage().(*syscall.Rusage).Maxrss<<10
		return out.String(), u
	}
	carillon, aws := filepath.Join(dir, "carillon"), filepath.Join(dir, "aws")
	out, _ := run(aws, "chime", "create-account", "--name", "Bench", "--query", "Account.AccountId", "--output", "text")
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
	out, _ = run(aws, "chime", "list-users", "--account-id", account, "--query", "Users[].[UserId]", "--output", "text")
	ids := strings.Fields(out)

	const ledger = "ledger.jsonl"
	var took, totalCPU, listCPU, jobCPU, bareCPU, over []time.Duration
	var memory int64
	var updates int
	for b.Loop() {
		_, u := run(carillon, "bulk", "apply", "--yes", "--account-id", account, "--all", "--set", "LicenseType=Basic", "--ledger", ledger)
		updates = requests(b, filepath.Join(dir, ledger))
		os.Remove(filepath.Join(dir, ledger))
		bare := bareLoop(b, env, account, ids, perCall, "Pro")
		took, totalCPU, listCPU, jobCPU = append(took, u.took), append(totalCPU, u.cpu), append(listCPU, u.planned), append(jobCPU, u.cpu-u.planned)
		bareCPU, over = append(bareCPU, bare), append(over, u.cpu-u.planned-bare)
		memory = max(memory, u.memory)
	}
	micros := func(rounds []time.Duration, parts int) float64 {
		return float64(median(rounds).Nanoseconds()) / 1e3 / float64(parts)
	}
	b.ReportMetric(users/median(took).Seconds(), "users/s")
	b.ReportMetric(micros(jobCPU, calls), "us/call")
	b.ReportMetric(micros(bareCPU, calls), "bare-us/call")
	b.ReportMetric(micros(over, calls), "over-bare-us/call")
	b.ReportMetric(micros(listCPU, users), "list-us/user")
	b.ReportMetric(float64(memory)/users, "B/row")
	b.ReportMetric(float64(updates), "calls")

	compare := func(unit, program string, times int) {
		var wall, cpu []time.Duration
		for i := range times {
			args := []string{"chime", "batch-update-user", "--account-id", account, "--update-user-request-items"}
			for _, id := range ids[:perCall] {
				args = append(args, "UserId="+id+",LicenseType="+[]string{"Basic", "Pro"}[i%2])
			}
			_, u := run(program, args...)
			wall, cpu = append(wall, u.took), append(cpu, u.cpu)
		}
		b.ReportMetric(calls*float64(median(wall))/float64(median(took)), unit)
		b.ReportMetric(calls*float64(median(cpu))/float64(median(totalCPU)), unit+"-cpu")
	}
	compare("x-aws", aws, 50)
	if original := os.Getenv("AWSCLI"); original != "" {
		compare("x-awscli", original, 5)
	}
}

func median(of []time.Duration) time.Duration {
	of = slices.Sorted(slices.Values(of))
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}

// usage is what a program has used. It is its standard error, too: carillon bulk tells there what
// it will do, once it has planned that.
type usage struct {
	cmd     *exec.Cmd
	said    bytes.Buffer
	planned time.Duration // CPU until the program said something
	cpu     time.Duration
	took    time.Duration
	memory  int64 // bytes at the peak
}

func (u *usage) Write(p []byte) (int, error) {
	if u.said.Len() == 0 {
		// proc_pid_stat(5): after the name in parentheses, the 12th and 13th field, in ticks of 10 ms.
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", u.cmd.Process.Pid))
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 13 {
			for _, field := range fields[11:13] {
				ticks, _ := strconv.Atoi(field)
				u.planned += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return u.said.Write(p)
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

// bareLoop gives users a license by calls with net/http and a signing key that is derived once,
// eight at a time, and returns the CPU time that they took this process.
func bareLoop(b *testing.B, env []string, account string, ids []string, perCall int, license string) time.Duration {
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
			for {
				to := int(next.Add(int64(perCall)))
				if to > len(ids) {
					return
				}
				body := []byte(`{"UpdateUserRequestItems": [`)
				for k, id := range ids[to-perCall : to] {
					if k > 0 {
						body = append(body, ',')
					}
					body = fmt.Appendf(body, `{"UserId": "%s", "LicenseType": "%s"}`, id, license)
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
