package awscli

import (
	"os/signal"
	"syscall"
	"unsafe"
)

// dieOfQuit gives SIGQUIT the meaning that it has for most programs: the process ends at once, by
// the signal, without a word. Go prints the stacks of all goroutines. Ignored stays ignored.
func dieOfQuit() {
	if signal.Ignored(syscall.SIGQUIT) {
		return
	}
	// A zeroed struct sigaction means the default action, and this is longer than that of any kernel.
	// The 8 is the size of the set of signals in it.
	var byDefault [8]uintptr
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGQUIT), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
}
