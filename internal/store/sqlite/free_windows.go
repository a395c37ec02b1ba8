package sqlite

import "golang.org/x/sys/windows"

// free returns how many bytes the disk of a directory has left for this process.
func free(dir string) (n uint64, known bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &n, nil, nil)
	}
	return n, err == nil
}
