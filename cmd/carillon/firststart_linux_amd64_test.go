package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The first start of a service makes a directory, a database, a key file and a root key. Whatever a
// kill before one of its steps leaves, the next start works: there is one root key, the lines for a
// shell are its own, and it is the one that was printed if one was.
//
// One start is watched, and a copy of its directory before each step is what a kill would leave
// there: while the steps of one thread wait, those of the others do.
func TestFirstStart_Killed(t *testing.T) {
	t.Parallel()
	type state struct{ dir, out, next string }
	dir, copies := t.TempDir(), t.TempDir()
	var left []state
	var failed error
	watch(t, program(dir, "carillon", "serve"), func(next step) error {
		if !next.visible() {
			return nil
		}
		var printed []byte
		if printed, failed = os.ReadFile(filepath.Join(dir, stdout)); failed != nil {
			return errKill
		}
		s := state{filepath.Join(copies, fmt.Sprint(len(left))), string(printed), next.call}
		left = append(left, s)
		if out, err := exec.Command("cp", "-a", dir, s.dir).CombinedOutput(); err != nil {
			failed = fmt.Errorf("cp: %w\n%s", err, out)
			return errKill
		}
		return nil
	})
	if failed != nil {
		t.Fatal(failed)
	}
	if len(left) < 20 {
		t.Errorf("the first start had %d steps only: this test misses most of them", len(left))
	}
	printed, err := os.ReadFile(filepath.Join(dir, stdout))
	if err != nil {
		t.Fatal(err)
	}
	left = append(left, state{dir, string(printed), "the end"})
	stride := 1
	if testing.Short() {
		stride = 17
	}
	for i := 0; i < len(left); i += stride {
		t.Run(fmt.Sprintf("%d %s", i, left[i].next), func(t *testing.T) {
			t.Parallel()
			startsAgain(t, left[i].dir, left[i].out)
		})
	}
}

// A command that makes a key and a profile for it is killed before each of its steps in turn. What
// was in the files of profiles stays, and running the command again does it, or says what to do.
func TestKeyCreate_Killed(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	serving(t, dir)
	create := func(name string) *exec.Cmd {
		return program(dir, "carillon", "key", "create", "--name", name, "--policy", "AmazonChimeReadOnly",
			"--write-profile", name, "--endpoint-url", "http://127.0.0.1")
	}
	steps := 0
	for killed := true; killed; steps++ {
		name := fmt.Sprint("key", steps)
		var step string
		step, killed = killedBefore(t, create(name), steps)
		again := create(name)
		code, out := exit(again)
		if code != 0 && !strings.Contains(out, "choose another name") {
			t.Errorf("after a kill before step %d, %s: %v: exit code %d\n%s", steps, step, again, code, out)
		}
		if code, out := exit(create(fmt.Sprint("other", steps))); code != 0 {
			t.Errorf("after a kill before step %d, %s: another key: exit code %d\n%s", steps, step, code, out)
		}
		for _, file := range []string{"config", "credentials"} {
			text, err := os.ReadFile(filepath.Join(dir, ".aws", file))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), "[profile other") + strings.Count(string(text), "[other"); got != steps+1 {
				t.Errorf("after a kill before step %d, %s: %s has %d other profiles, want %d", steps, step, file, got, steps+1)
			}
		}
	}
	if steps < 10 {
		t.Errorf("the command had %d steps only: this test misses most of them", steps)
	}
}

// killedBefore runs a program, and kills it when it is about to take a step after so many others.
// It returns the step that it did not take, and false if it came to its end before.
func killedBefore(t *testing.T, cmd *exec.Cmd, steps int) (call string, killed bool) {
	t.Helper()
	watch(t, cmd, func(next step) error {
		if !next.visible() {
			return nil
		}
		call, killed = next.call, steps == 0
		steps--
		if killed {
			return errKill
		}
		return nil
	})
	return call, killed
}
