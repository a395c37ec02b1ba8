package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkOneCall times whole processes that make one BatchUpdateUser over http, in turn:
// the bare signer (testdata/floor), this program, and where they are installed curl and the
// real AWS CLI version 1. Each iteration is a round; the metrics are medians over the rounds of
// the wall time as a ratio to the bare signer's of the same round, and of CPU in ms.
//
//	go test ./cmd/aws -run '^$' -bench OneCall -benchtime 41x
func BenchmarkOneCall(b *testing.B) {
	dir := b.TempDir()
	build := func(name, pkg string) string {
		path := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("building %s: %v\n%s", pkg, err, out)
		}
		return path
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"UserErrors":[]}`)
	}))
	defer service.Close()

	type program struct {
		name string
		argv []string
	}
	update := []string{"chime", "batch-update-user", "--account-id", "a1", "--update-user-request-items", "UserId=u1,LicenseType=Basic"}
	programs := []program{
		{"floor", []string{build("floor", "./testdata/floor"), service.URL, "a1", "u1", "Basic"}},
		{"aws", append([]string{build("aws", ".")}, update...)},
	}
	if curl, err := exec.LookPath("curl"); err == nil {
		programs = append(programs, program{"curl", []string{curl, "-sS", "--aws-sigv4", "aws:amz:us-east-1:chime", "--user", "AKIDEXAMPLEEXAMPLE:secret",
			"-H", "Content-Type: application/json", "-d", `{"UpdateUserRequestItems": [{"UserId": "u1", "LicenseType": "Basic"}]}`, service.URL + "/accounts/a1/users"}})
	}
	if v1 := awsVersion1(); v1 != "" {
		programs = append(programs, program{"v1", append([]string{v1}, update...)})
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "AWS_ENDPOINT_URL_CHIME=" + service.URL,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLEEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1"}
	run := func(p program) (wall, cpu time.Duration) {
		cmd := exec.Command(p.argv[0], p.argv[1:]...)
		cmd.Env = env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		err := cmd.Run()
		wall = time.Since(start)
		if err != nil || !bytes.Contains(out.Bytes(), []byte("UserErrors")) {
			b.Fatalf("%s: %v\n%s", p.name, err, out.Bytes())
		}
		return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	for _, p := range programs { // so that files are in memory
		run(p)
	}
	ratios, cpus := make([][]float64, len(programs)), make([][]float64, len(programs))
	for b.Loop() {
		var floor time.Duration
		for i, p := range programs {
			wall, cpu := run(p)
			if i == 0 {
				floor = wall
			}
			ratios[i] = append(ratios[i], float64(wall)/float64(floor))
			cpus[i] = append(cpus[i], float64(cpu)/float64(time.Millisecond))
		}
	}
	for i, p := range programs {
		b.ReportMetric(median(cpus[i]), p.name+"-cpu-ms")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), p.name+"/floor")
		}
	}
}

// awsVersion1 finds the real AWS CLI version 1 on PATH.
func awsVersion1() string {
	path, err := exec.LookPath("aws")
	if err != nil {
		return ""
	}
	out, err := exec.Command(path, "--version").CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("aws-cli/1.")) || !bytes.Contains(out, []byte("Python/")) {
		return ""
	}
	return path
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
