// Mutants breaks the promises of the storage one by one, and sees that a test notices each time.
// list.go has the changes of the source, with what each breaks and which tests must fail then. A
// test that still passes proves nothing of the promise: that is an error, as is a change that does
// not compile any more.
//
//	go run ./.ci/mutants [-fast] [-v] [NAME ...]
//	.ci/postgres run go run ./.ci/mutants
//
// Run it in the root of the repository. The sources stay as they are: a change is an overlay of
// one build.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// mutant is a change of the source that breaks a promise.
type mutant struct {
	name    string
	promise string // that it breaks
	file    string
	old     string // which is in the file once
	new     string
	tests   []string // of which one must fail, and subtests as TEST/SUBTEST
	in      string   // the package of the tests, if it is not that of the file
	args    []string // of the tests
	fast    bool     // it is killed in a few seconds of CPU time, and so in each run of CI

	// survives says why no test can fail: the promise is kept by something else as well. Such a
	// mutant is only built and run.
	survives string
}

const postgresURL = "CARILLON_TEST_POSTGRES"

func (m mutant) needsPostgres() bool { return strings.HasSuffix(m.pkg(), "/postgres") }

func (m mutant) pkg() string {
	if m.in != "" {
		return "./" + m.in
	}
	return "./" + path.Dir(m.file)
}

// apply returns the text of the file with the change.
func (m mutant) apply() (string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s is in %s %d times, want once: bring .ci/mutants/list.go up to date\n%s", m.name, m.file, n, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

func main() {
	fast := flag.Bool("fast", false, "only those that take a few seconds of CPU time")
	verbose := flag.Bool("v", false, "show what the tests print")
	flag.Parse()
	chosen, err := choose(*fast, flag.Args())
	if err == nil {
		err = run(chosen, *verbose)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// choose checks the whole list, and returns some of it.
func choose(fast bool, names []string) (chosen []mutant, err error) {
	known := make(map[string]bool)
	for _, m := range list {
		if _, stale := m.apply(); stale != nil {
			err = errors.Join(err, stale)
		}
		if known[m.name] {
			err = errors.Join(err, fmt.Errorf("there are two of the name %s", m.name))
		}
		known[m.name] = true
		if (m.fast || !fast) && (len(names) == 0 || slices.Contains(names, m.name)) {
			chosen = append(chosen, m)
		}
	}
	for _, name := range names {
		if !known[name] {
			err = errors.Join(err, fmt.Errorf("there is none of the name %s", name))
		}
	}
	return chosen, err
}

// outcome is what became of a mutant.
type outcome struct {
	mutant
	word   string // killed, survived, argued or error
	by     []string
	output string
	cpu    time.Duration
}

func run(chosen []mutant, verbose bool) error {
	began := time.Now()
	wide, left := 0, 0
	var todo []mutant
	for _, m := range chosen {
		if m.needsPostgres() && os.Getenv(postgresURL) == "" {
			left++
			continue
		}
		wide = max(wide, len(m.name))
		todo = append(todo, m)
	}
	cpu, err := sound(todo)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	results := make(chan outcome)
	for _, m := range todo {
		go func() { results <- try(m, filepath.Join(scratch, m.name)) }()
	}
	count := make(map[string]int)
	for range todo { // as they end, since some take minutes
		o := <-results
		count[o.word]++
		cpu += o.cpu
		by := strings.Join(o.by, ", ")
		if o.word == "argued" {
			by = o.survives
		}
		fmt.Printf("%-8s %5.1f s  %-*s  %s  <- %s\n", o.word, o.cpu.Seconds(), wide, o.name, o.promise, by)
		if verbose || o.word == "error" || o.word == "survived" {
			fmt.Println(o.output)
		}
	}
	fmt.Printf("%d killed, %d survive as argued, %d survived, %d errors, in %.0f s (CPU %.0f s)\n",
		count["killed"], count["argued"], count["survived"], count["error"], time.Since(began).Seconds(), cpu.Seconds())
	if left > 0 {
		fmt.Printf("%d need PostgreSQL: .ci/postgres run go run ./.ci/mutants\n", left)
	}
	if n := count["survived"] + count["error"]; n > 0 {
		return fmt.Errorf("%d not killed", n)
	}
	return nil
}

// sound runs the tests on the source as it is: they must all pass.
func sound(todo []mutant) (cpu time.Duration, err error) {
	tests := make(map[string][]string) // by the words of the command
	for _, m := range todo {
		words := strings.Join(append([]string{m.pkg()}, m.args...), " ")
		tests[words] = append(tests[words], m.tests...)
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	for words, names := range tests {
		slices.Sort(names)
		names = slices.Compact(names)
		running.Go(func() {
			r := test(names, nil, strings.Fields(words))
			mu.Lock()
			defer mu.Unlock()
			cpu += r.cpu
			for _, name := range names {
				if r.ended[name] != "pass" {
					err = errors.Join(err, fmt.Errorf("%s of %s does not pass without any change: %q\n%s", name, words, r.ended[name], r.output))
				}
			}
		})
	}
	running.Wait()
	return cpu, err
}

// try builds and tests a mutant. Its file begins with the path given.
func try(m mutant, scratch string) outcome {
	fail := func(err error) outcome { return outcome{mutant: m, word: "error", output: err.Error()} }
	text, err := m.apply()
	if err != nil {
		return fail(err)
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		return fail(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: scratch + ".go"}})
	if err == nil {
		err = errors.Join(os.WriteFile(scratch+".go", []byte(text), 0o600), os.WriteFile(scratch+".json", overlay, 0o600))
	}
	if err != nil {
		return fail(err)
	}
	r := test(m.tests, []string{"-count=1", "-overlay=" + scratch + ".json"}, append([]string{m.pkg()}, m.args...))
	o := outcome{mutant: m, word: "survived", output: r.output, cpu: r.cpu}
	for _, name := range m.tests {
		switch r.ended[name] {
		case "fail":
			o.word = "killed"
			o.by = append(o.by, name)
		case "pass":
		default: // it was skipped, or died with the program
			if o.word != "killed" {
				o.word = "error"
			}
		}
	}
	switch {
	case r.broken:
		o.word = "error"
	case m.survives != "" && o.word == "survived":
		o.word = "argued"
	case m.survives != "": // then the argument is wrong, and the entry is to be a usual one
		o.word = "error"
	}
	return o
}

// result is what go test has said.
type result struct {
	ended  map[string]string // how each test ended: pass, fail or skip
	broken bool              // it did not build, or took too long
	output string
	cpu    time.Duration
}

var slots = make(chan struct{}, runtime.NumCPU()) // for one go test each

// test runs go test for some tests.
func test(names, flags, words []string) (r result) {
	slots <- struct{}{}
	defer func() { <-slots }()
	var patterns []string
	for _, name := range names {
		patterns = append(patterns, "^"+strings.ReplaceAll(name, "/", "$/^")+"$")
	}
	args := append([]string{"test", "-json", "-vet=off", "-timeout=20m", "-run=" + strings.Join(patterns, "|")}, flags...)
	cmd := exec.Command("go", append(args, words...)...)
	cmd.Env = append(os.Environ(), "RAPID_NOFAILFILE=1") // the sources stay as they are
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	r.ended = make(map[string]string)
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var output strings.Builder
	for line := range bytes.Lines(out.Bytes()) {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(line, &e) != nil {
			output.Write(line)
			continue
		}
		switch e.Action {
		case "pass", "fail", "skip":
			r.ended[e.Test] = e.Action
		case "build-fail":
			r.broken = true
		}
		output.WriteString(e.Output)
	}
	r.output = output.String() + complaints.String()
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		r.broken = true
		r.output += err.Error()
	}
	r.broken = r.broken || strings.Contains(r.output, "panic: test timed out")
	return r
}
