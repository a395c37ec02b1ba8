package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// Programs run under ptrace here. Each is asked about before it takes a step, and goes on, is
// killed, or is told that the step has failed. strace can do that, too, but counts the calls of
// each thread, and which thread of a Go program makes a call is another one in each run.

// step is a system call that a program is about to make.
type step struct {
	call string
	file string // that it is about, as an absolute path; empty if it is about none
	at   uint64 // where a pwrite64 begins
}

// visible reports whether others can see what the step has done, as soon as it is done. What is
// written to a database and not committed yet can be seen by nobody.
func (s step) visible() bool {
	return s.call != "pwrite64" && s.call != "fdatasync" && s.call != "fallocate" && s.call != "mmap"
}

// errKill, as what becomes of a step, kills the program. An error of type syscall.Errno becomes the
// result of the call, which is not made, and no error lets it be made.
var errKill = errors.New("killed")

// stepCalls are the system calls that are steps, and which of their arguments say what file they
// are about. A call that only opens a file, or maps memory of its own, is no step.
var stepCalls = map[uint64]struct {
	name     string
	dir, arg int  // arguments with the directory and the path, or dir < 0 and one with the path or the file
	path     bool // arg is a path
}{
	syscall.SYS_OPENAT:    {"openat", 0, 1, true},
	syscall.SYS_MKDIRAT:   {"mkdirat", 0, 1, true},
	syscall.SYS_LINKAT:    {"linkat", 2, 3, true},
	syscall.SYS_RENAMEAT:  {"renameat", 2, 3, true},
	syscall.SYS_UNLINK:    {"unlink", -1, 0, true},
	syscall.SYS_UNLINKAT:  {"unlinkat", 0, 1, true},
	syscall.SYS_WRITE:     {"write", -1, 0, false},
	syscall.SYS_PWRITE64:  {"pwrite64", -1, 0, false},
	syscall.SYS_FTRUNCATE: {"ftruncate", -1, 0, false},
	syscall.SYS_FALLOCATE: {"fallocate", -1, 0, false},
	syscall.SYS_FSYNC:     {"fsync", -1, 0, false},
	syscall.SYS_FDATASYNC: {"fdatasync", -1, 0, false},
	syscall.SYS_MMAP:      {"mmap", -1, 4, false},
}

// stdout and stderr are the files in a program's directory that get what it prints to watch.
const stdout, stderr = ".stdout", ".stderr"

// watch runs a program to its end, and asks what becomes of each step. It kills a service that
// serves.
func watch(t *testing.T, cmd *exec.Cmd, ask func(step) error) {
	t.Helper()
	complaints := filepath.Join(cmd.Dir, stderr)
	for name, file := range map[string]*io.Writer{stdout: &cmd.Stdout, stderr: &cmd.Stderr} {
		f, err := os.Create(filepath.Join(cmd.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		*file = f
	}
	ended, err := trace(cmd, ask, func() bool {
		text, err := os.ReadFile(complaints)
		return err != nil || bytes.Contains(text, []byte("carillon: serving "))
	})
	if err == nil {
		err = <-ended
	}
	if err != nil {
		text, _ := os.ReadFile(complaints)
		t.Fatalf("tracing %v: %v\n%s", cmd, err, text)
	}
	cmd.Wait()
}

// trace starts a program and asks what becomes of each step of any of its threads, and after each
// write whether to kill the program. It tells when the program has ended; it is still to be waited
// for.
func trace(cmd *exec.Cmd, ask func(step) error, wrote func() (kill bool)) (ended <-chan error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	started, end := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // to the end of the goroutine: one thread is the tracer, and the program dies with it
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		tr := &tracer{dir: cmd.Dir, pid: cmd.Process.Pid, ask: ask, wrote: wrote, failing: map[int]syscall.Errno{}}
		err := tr.begin()
		started <- err
		if err == nil {
			end <- tr.run()
		}
	}()
	return end, <-started
}

type tracer struct {
	dir     string // that the program runs in
	pid     int
	ask     func(step) error
	wrote   func() bool
	failing map[int]syscall.Errno // what the calls fail with that threads are in
}

// traced is what the tracer waits for: threads, too; of those that it traces.
const traced = syscall.WALL | syscall.WNOTHREAD

func (tr *tracer) begin() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(tr.pid, &status, traced, nil); err != nil { // at its exec
		return err
	}
	const exitKill = 0x100000
	if err := syscall.PtraceSetOptions(tr.pid, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|exitKill); err != nil {
		return err
	}
	return syscall.PtraceSyscall(tr.pid, 0)
}

// run returns when the program has ended.
func (tr *tracer) run() error {
	for {
		thread, err := tr.next()
		if err != nil || thread == 0 {
			return err
		}
		// A thread that was killed meanwhile may end only after the others.
		var status syscall.WaitStatus
		if found, err := syscall.Wait4(thread, &status, traced|syscall.WNOHANG, nil); err != nil {
			return err
		} else if found == 0 || !status.Stopped() {
			continue
		}
		const sysGood = 0x80
		signal := 0
		switch stop := status.StopSignal(); stop {
		case syscall.SIGTRAP, syscall.SIGSTOP: // a thread was started, or starts
		case syscall.SIGTRAP | sysGood:
			if err := tr.call(thread); err != nil && err != syscall.ESRCH { // killed meanwhile
				return err
			}
		default:
			signal = int(stop)
		}
		if err := syscall.PtraceSyscall(thread, signal); err != nil && err != syscall.ESRCH {
			return err
		}
	}
}

// next returns a thread about which there is something to know, 0 when the program has ended. That
// is left for whoever waits for it. It looks at the group of the program, since this thread of ours
// may have started programs of other tests before.
func (tr *tracer) next() (thread int, err error) {
	var info [16]uint64 // siginfo_t: code in the second word, pid in the third
	const group, exited, stopped, leave = 2, 4, 2, 0x1000000
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, group, uintptr(tr.pid), uintptr(unsafe.Pointer(&info)), exited|stopped|leave|traced, 0, 0)
		switch errno {
		case 0:
			const trapped = 4 // what is less is an end
			if thread = int(int32(info[2])); thread == tr.pid && int32(info[1]) < trapped {
				return 0, nil
			}
			return thread, nil
		case syscall.EINTR:
		case syscall.ECHILD: // waited for already
			return 0, nil
		default:
			return 0, errno
		}
	}
}

// call is called at the beginning and at the end of each call of a thread.
func (tr *tracer) call(thread int) error {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
		return err
	}
	if errno, ok := tr.failing[thread]; ok {
		delete(tr.failing, thread)
		regs.Rax = -uint64(errno)
		return syscall.PtraceSetRegs(thread, &regs)
	}
	if begins := regs.Rax == ^uint64(syscall.ENOSYS-1); !begins {
		if regs.Orig_rax == syscall.SYS_WRITE && tr.wrote() {
			return syscall.Kill(tr.pid, syscall.SIGKILL)
		}
		return nil
	}
	s, ok, err := tr.step(thread, &regs)
	if err != nil || !ok {
		return err
	}
	err = tr.ask(s)
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		tr.failing[thread] = errno
		regs.Orig_rax = ^uint64(0) // no call
		return syscall.PtraceSetRegs(thread, &regs)
	}
	if err != nil {
		return syscall.Kill(tr.pid, syscall.SIGKILL)
	}
	return nil
}

// step returns the step that a call is, if it is one.
func (tr *tracer) step(thread int, regs *syscall.PtraceRegs) (s step, ok bool, err error) {
	how, ok := stepCalls[regs.Orig_rax]
	args := []uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9}
	if !ok || how.name == "openat" && args[2]&syscall.O_CREAT == 0 || how.name == "mmap" && args[3]&syscall.MAP_SHARED == 0 {
		return s, false, nil
	}
	s.call = how.name
	if s.call == "pwrite64" {
		s.at = args[3]
	}
	if !how.path {
		s.file = tr.open(args[how.arg])
		return s, true, nil
	}
	if s.file, err = text(thread, args[how.arg]); err != nil || filepath.IsAbs(s.file) {
		return s, true, err
	}
	dir := tr.dir
	if how.dir >= 0 && int32(args[how.dir]) >= 0 {
		dir = tr.open(args[how.dir])
	}
	s.file = filepath.Join(dir, s.file)
	return s, true, nil
}

// open returns the path of a file that the program has open, empty for what is no file.
func (tr *tracer) open(file uint64) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tr.pid, int32(file)))
	if err != nil || !filepath.IsAbs(path) {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// text reads a string in the memory of a thread.
func text(thread int, at uint64) (string, error) {
	var all []byte
	for {
		word := make([]byte, 8)
		if _, err := syscall.PtracePeekData(thread, uintptr(at)+uintptr(len(all)), word); err != nil {
			return "", err
		}
		if n := bytes.IndexByte(word, 0); n >= 0 {
			return string(append(all, word[:n]...)), nil
		}
		all = append(all, word...)
	}
}
