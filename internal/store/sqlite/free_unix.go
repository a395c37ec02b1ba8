//go:build !windows

package sqlite

import "golang.org/x/sys/unix"

// free returns how many bytes the disk of a directory has left for this process.
func free(dir string) (n uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}
