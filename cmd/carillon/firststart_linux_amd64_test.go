package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
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
	watch(t, program(dir, "carillon", "serve"), func(step, out string) bool {
		s := state{filepath.Join(copies, fmt.Sprint(len(left))), out, step}
		left = append(left, s)
		if out, err := exec.Command("cp", "-a", dir, s.dir).CombinedOutput(); err != nil {
			failed = fmt.Errorf("cp: %w\n%s", err, out)
		}
		return failed != nil
	})
	if failed != nil {
		t.Fatal(failed)
	}
	if len(left) < 30 {
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
func killedBefore(t *testing.T, cmd *exec.Cmd, steps int) (step string, killed bool) {
	t.Helper()
	watch(t, cmd, func(next, _ string) bool {
		step, killed = next, steps == 0
		steps--
		return killed
	})
	return step, killed
}

// stdout and stderr are the files in a program's directory that get what it prints to watch.
const stdout, stderr = ".stdout", ".stderr"

// watch runs a program under ptrace. When it is about to take a step, which is to make, link,
// rename, sync or remove a file, or to print, watch tells kill the step and what the program has
// printed until then, and kills the program if the answer is yes. It also kills a service that
// serves.
func watch(t *testing.T, cmd *exec.Cmd, kill func(step, out string) bool) {
	t.Helper()
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(cmd.Dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	for name, file := range map[string]*io.Writer{stdout: &cmd.Stdout, stderr: &cmd.Stderr} {
		f, err := os.Create(filepath.Join(cmd.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		*file = f
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}

	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // to the end of the goroutine: one thread is the tracer
		failed <- trace(cmd, func(step string) bool {
			if step == "" {
				return strings.Contains(text(stderr), "carillon: serving ")
			}
			return kill(step, text(stdout))
		})
	}()
	if err := <-failed; err != nil {
		t.Fatalf("tracing %v: %v\n%s", cmd, err, text(stderr))
	}
}

// stepCalls are the system calls that are steps.
var stepCalls = map[uint64]string{
	syscall.SYS_MKDIRAT: "mkdirat", syscall.SYS_OPENAT: "openat", syscall.SYS_LINKAT: "linkat", syscall.SYS_RENAMEAT: "renameat",
	syscall.SYS_UNLINK: "unlink", syscall.SYS_UNLINKAT: "unlinkat", syscall.SYS_FTRUNCATE: "ftruncate", syscall.SYS_FSYNC: "fsync",
	syscall.SYS_WRITE: "write",
}

// trace runs a program and asks about each step of any of its threads, and with "" after each,
// whether to kill the program, which has a process group of its own. It returns when the program
// has ended.
func trace(cmd *exec.Cmd, kill func(step string) bool) error {
	const wait = syscall.WALL | syscall.WNOTHREAD // threads, too; of those that this thread traces
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	defer cmd.Process.Release() // it is waited for here
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, wait, nil); err != nil { // at its exec
		return err
	}
	const exitKill, sysGood = 0x100000, 0x80
	if err := syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|exitKill); err != nil {
		return err
	}
	for thread := pid; ; {
		signal := 0
		if status.Stopped() {
			switch stop := status.StopSignal(); stop {
			case syscall.SIGTRAP, syscall.SIGSTOP: // a thread was started, or starts
			case syscall.SIGTRAP | sysGood:
				var regs syscall.PtraceRegs
				if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
					return err
				}
				call, isStep := stepCalls[regs.Orig_rax]
				if regs.Orig_rax == syscall.SYS_OPENAT && regs.Rdx&syscall.O_CREAT == 0 {
					isStep = false
				}
				if regs.Rax != ^uint64(syscall.ENOSYS-1) { // that is how it begins
					call = ""
				}
				if isStep && kill(call) {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						return err
					}
				}
			default:
				signal = int(stop)
			}
			if err := syscall.PtraceSyscall(thread, signal); err != nil && err != syscall.ESRCH { // killed meanwhile
				return err
			}
		}
		// By the group, since this thread may have started programs of other tests before.
		var err error
		if thread, err = syscall.Wait4(-pid, &status, wait, nil); err != nil {
			return err
		}
		if thread == pid && (status.Exited() || status.Signaled()) {
			return nil
		}
	}
}
