package main_test

import (
	"bytes"
	"encoding/pem"
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
	service := httptest.NewServer(noErrors)
	defer service.Close()
	programs := []program{
		{name: "floor", argv: []string{build(b, dir, "./testdata/floor"), service.URL, "a1", "u1", "Basic"}},
		{name: "aws", argv: append([]string{build(b, dir, ".")}, update...)},
	}
	if curl, err := exec.LookPath("curl"); err == nil {
		programs = append(programs, program{name: "curl", argv: []string{curl, "-sS", "--aws-sigv4", "aws:amz:us-east-1:chime", "--user", "AKIDEXAMPLEEXAMPLE:secret",
			"-H", "Content-Type: application/json", "-d", `{"UpdateUserRequestItems": [{"UserId": "u1", "LicenseType": "Basic"}]}`, service.URL + "/accounts/a1/users"}})
	}
	if v1 := awsVersion1(); v1 != "" {
		programs = append(programs, program{name: "v1", argv: append([]string{v1}, update...)})
	}
	for i := range programs {
		programs[i].env = environment(dir, service.URL)
	}
	rounds(b, programs)
}

// BenchmarkHTTPS times the same call of this program over http and over https, where it trusts a
// bundle as large as a system's: the certificate of the service behind those of this machine.
//
//	go test ./cmd/aws -run '^$' -bench HTTPS -benchtime 41x
func BenchmarkHTTPS(b *testing.B) {
	dir := b.TempDir()
	plain, secure := httptest.NewServer(noErrors), httptest.NewTLSServer(noErrors)
	defer plain.Close()
	defer secure.Close()
	var bundle []byte
	for _, path := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if text, err := os.ReadFile(path); err == nil {
			bundle = text
			break
		}
	}
	b.Logf("%d certificates in the bundle", bytes.Count(bundle, []byte("BEGIN CERTIFICATE"))+1)
	bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})...)
	file := filepath.Join(dir, "bundle.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		b.Fatal(err)
	}
	argv := append([]string{build(b, dir, ".")}, update...)
	rounds(b, []program{
		{name: "http", argv: argv, env: environment(dir, plain.URL)},
		{name: "https", argv: argv, env: append(environment(dir, secure.URL), "AWS_CA_BUNDLE="+file)},
	})
}

// BenchmarkServices times calls of the same size to services of different kinds: built in, and with
// a model of the user's, which has 232 kB, read from its JSON and in the form in which it is kept.
//
//	go test ./cmd/aws -run '^$' -bench Services -benchtime 41x
func BenchmarkServices(b *testing.B) {
	dir := b.TempDir()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"UserErrors": [], "PhoneNumberErrors": []}`)
	}))
	defer service.Close()
	model, err := os.ReadFile("../../internal/chimesdk/models/chime-sdk-voice.json")
	if err != nil {
		b.Fatal(err)
	}
	folder := filepath.Join(dir, ".aws/models/own-voice/2022-08-03")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "service-2.json"), model, 0o600); err != nil {
		b.Fatal(err)
	}
	path := build(b, dir, ".")
	env := append(environment(dir, service.URL), "AWS_ENDPOINT_URL="+service.URL)
	call := []string{"batch-delete-phone-number", "--phone-number-ids", "p1"}
	rounds(b, []program{
		{name: "chime", argv: append([]string{path}, update...), env: env},
		{name: "sdk", argv: append([]string{path, "chime-sdk-voice"}, call...), env: env},
		{name: "own-kept", argv: append([]string{path, "own-voice"}, call...), env: append(slices.Clone(env), "XDG_CACHE_HOME="+dir)},
		{name: "own-json", argv: append([]string{path, "own-voice"}, call...), env: append(slices.Clone(env), "XDG_CACHE_HOME="+os.DevNull)},
	})
}

// program is a process that makes one call.
type program struct {
	name      string
	argv, env []string
}

var update = []string{"chime", "batch-update-user", "--account-id", "a1", "--update-user-request-items", "UserId=u1,LicenseType=Basic"}

// noErrors answers as the service does when all went well.
var noErrors = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"UserErrors":[]}`)
})

func environment(home, url string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "AWS_ENDPOINT_URL_CHIME=" + url,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLEEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1"}
}

// build compiles a program as it is released, and installs it as that is: by a copy. Linux has what
// the linker wrote in smaller pieces of its cache, from which a program starts more slowly.
func build(tb testing.TB, dir, pkg string) string {
	path := filepath.Join(dir, "program-"+filepath.Base(pkg))
	linked := path + "-linked"
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", linked, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	content, err := os.ReadFile(linked)
	if err == nil {
		err = os.WriteFile(path, content, 0o755)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// rounds runs the programs in turn and reports medians: CPU, and wall time as a ratio to the first.
func rounds(b *testing.B, programs []program) {
	run := func(p program) (wall, cpu time.Duration) {
		cmd := exec.Command(p.argv[0], p.argv[1:]...)
		cmd.Env = p.env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		err := cmd.Run()
		wall = time.Since(start)
		if err != nil || !bytes.Contains(out.Bytes(), []byte("Errors")) {
			b.Fatalf("%s: %v\n%s", p.name, err, out.Bytes())
		}
		return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	for _, p := range programs { // so that files are in memory
		run(p)
	}
	ratios, cpus := make([][]float64, len(programs)), make([][]float64, len(programs))
	for b.Loop() {
		var first time.Duration
		for i, p := range programs {
			wall, cpu := run(p)
			if i == 0 {
				first = wall
			}
			ratios[i] = append(ratios[i], float64(wall)/float64(first))
			cpus[i] = append(cpus[i], float64(cpu)/float64(time.Millisecond))
		}
	}
	for i, p := range programs {
		b.ReportMetric(median(cpus[i]), p.name+"-cpu-ms")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), p.name+"/"+programs[0].name)
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
