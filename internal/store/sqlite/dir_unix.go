//go:build unix

package sqlite

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow keeps a file from being opened through a symbolic link.
const noFollow = syscall.O_NOFOLLOW

// mayUse reports, as fs.ErrPermission, that this process may not read and write a file.
func mayUse(path string) error {
	return unix.Access(path, unix.R_OK|unix.W_OK)
}
